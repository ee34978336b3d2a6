"""The rule that a fit settles: its risk, its copies and its error bars."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.classification._frechet_rule import FrechetRule
from skmanifold.label_space import all_risks, as_label_space

CPU = torch.device("cpu")
LABELS = np.arange(10)


def rule_of(seen=(1, 4, 9), power=2.0, method="auto"):
    return FrechetRule(
        as_label_space("ordinal", LABELS), np.array(seen), power=power, method=method
    )


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_the_risk_is_that_of_the_definition(power):
    P = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    expected = P @ np.abs(np.subtract.outer([1, 4, 9], LABELS)) ** power
    assert_allclose(all_risks(rule_of(power=power).risk_on(CPU), P), expected, rtol=1e-10)


def test_the_risk_is_made_once_for_a_device():
    rule = rule_of()
    assert rule.risk_on(CPU) is rule.risk_on(torch.device("cpu"))


def test_a_pickle_leaves_the_risk_out_and_finds_it_again():
    rule = rule_of()
    risk = rule.risk_on(CPU)
    copy = pickle.loads(pickle.dumps(rule))
    assert rule.risk_on(CPU) is risk  # pickling takes nothing away
    assert copy.risk_on(CPU) is not risk
    assert_array_equal(all_risks(copy.risk_on(CPU), np.eye(3)), all_risks(risk, np.eye(3)))


def test_other_classes_keep_power_and_method():
    rule = rule_of(power=1.5, method="dense")
    other = rule.for_classes([9, 2])
    assert_array_equal(other.seen, [9, 2])
    expected = rule_of([9, 2], power=1.5, method="dense").risk_on(CPU)
    assert_array_equal(all_risks(other.risk_on(CPU), np.eye(2)), all_risks(expected, np.eye(2)))
    with pytest.raises(ValueError, match=r"classes holds labels .* 11"):
        rule.for_classes([2, 11])


def test_labels_between_the_seen_ones_can_be_predicted():
    assert_array_equal(rule_of().locus(CPU), np.arange(1, 10))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_radius_holds_its_share_of_the_errors_it_was_made_from(power):
    rng = np.random.default_rng(0)
    variance, typical = rng.exponential(size=500), 0.7
    distances = rng.exponential(size=500)
    unit = (variance + typical) ** (1 / power)
    order = np.argsort(distances / unit)
    weights = rng.uniform(size=500)
    weights /= weights.sum()
    errors = (distances / unit)[order], weights[order], typical
    for level in (0.1, 0.5, 0.9):
        radius = rule_of(power=power).radius(variance, errors, level)
        held = weights[distances <= radius * (1 + 1e-12)].sum()
        assert level <= held < level + 2 * weights.max()
