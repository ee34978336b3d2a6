import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skmanifold.label_space import Risk, _risk, all_risks, least_risk, least_risks
from tests.label_space.known_spaces import (
    CPU,
    SPACES,
    WEIGHTS,
    brute_risks,
    first_k_least,
    first_least,
    space_of,
    table_of,
    weights_of,
)


class RoundedRisk(Risk):
    """Products with a table, which rounding carries off by up to a known amount."""

    def __init__(self, table, error):
        self.table, self.error = torch.from_numpy(table.astype(float)), error
        self.n_labels, self.device = table.shape[1], CPU

    def contenders(self, k=1):
        return np.arange(self.n_labels)

    def summary(self, weights):
        return (weights,)

    def values(self, summary, labels):
        values = summary[0] @ self.table[:, labels]
        noise = torch.sin(1e4 * values + 7.0 * torch.from_numpy(labels))
        return values + 0.4 * self.error * noise

    def slack(self, summary):
        return torch.full((len(summary[0]),), self.error, dtype=torch.float64)

    def exact(self, weights, labels):
        return (weights * self.table[:, labels].T).sum(dim=1)


blocks = pytest.mark.parametrize("block", [1, 3, 7, 2048])


# Labels in a block, and MiB for a block of samples: the least is one by one.
@pytest.mark.parametrize(
    ("block", "memory"), [(1, 1024), (3, 1e-9), (7, 0.01), (2048, 1e-9), (2048, 1024)]
)
@pytest.mark.parametrize("kind", SPACES)
def test_blocks_change_nothing(block, memory, kind, rng, monkeypatch):
    space = space_of(kind, rng)
    seen = rng.permutation(30)[:6]
    table = table_of(space)[np.ix_(seen, space.candidates)]
    P = np.concatenate([weights_of(weights, 3, 6, rng) for weights in WEIGHTS])
    expected = brute_risks(table, P, 2)
    monkeypatch.setattr(_risk, "LABEL_BLOCK", block)
    with config_context(working_memory=memory):
        risk = space.risk(seen, power=2.0, method="auto", device=CPU)
        assert_allclose(all_risks(risk, P), expected, rtol=1e-9, atol=1e-9)
        labels, least = least_risk(risk, P)
        assert_array_equal(labels, first_least(expected))
        assert_allclose(least, expected.min(axis=1), rtol=1e-9, atol=1e-9)
        assert_array_equal(least_risks(risk, P, 4), first_k_least(expected, 4))


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("k", [1, 2, 29, 30])
def test_all_labels_in_ascending_order_of_risk(kind, k, rng):
    space = space_of(kind, rng)
    seen = rng.permutation(30)[:6]
    P = weights_of("quarters", 40, 6, rng)
    expected = brute_risks(table_of(space)[np.ix_(seen, space.candidates)], P, 2)
    risk = space.risk(seen, power=2.0, method="auto", device=CPU)
    assert_array_equal(least_risks(risk, P, k), first_k_least(expected, k))


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_sum_of_the_weights_does_not_matter(kind, power, rng):
    space = space_of(kind, rng)
    risk = space.risk(rng.permutation(30)[:6], power=power, method="auto", device=CPU)
    P = weights_of("quarters", 40, 6, rng)
    labels, least = least_risk(risk, P)
    for scale in (1e-6, 0.1, 3.0, 1e6):
        others, scaled = least_risk(risk, scale * P)
        assert_array_equal(others, labels)
        assert_allclose(scaled, scale * least, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("kind", SPACES)
def test_no_samples(kind, rng):
    risk = space_of(kind, rng).risk(np.arange(3), power=2.0, method="auto", device=CPU)
    none = np.empty((0, 3))
    labels, least = least_risk(risk, none)
    assert labels.shape == least.shape == (0,)
    assert least_risks(risk, none, 2).shape == (0, 2)
    assert all_risks(risk, none).shape == (0, 30)


@pytest.mark.parametrize("kind", SPACES)
def test_weights_are_left_as_they_were(kind, rng):
    risk = space_of(kind, rng).risk(np.arange(4), power=2.0, method="auto", device=CPU)
    P = weights_of("quarters", 10, 4, rng)
    P.flags.writeable = False
    before = P.copy()
    least_risk(risk, P)
    least_risks(risk, P, 3)
    all_risks(risk, P)
    assert_array_equal(P, before)


@blocks
@pytest.mark.parametrize("error", [1e-9, 0.1, 2.0])
def test_what_rounding_hides_is_decided_exactly(block, error, rng, monkeypatch):
    monkeypatch.setattr(_risk, "LABEL_BLOCK", block)
    table = rng.integers(1, 5, size=(4, 30))
    P = weights_of("quarters", 100, 4, rng)
    expected = brute_risks(table, P, 1)
    labels, least = least_risk(RoundedRisk(table, error), P)
    assert_array_equal(labels, first_least(expected))
    assert_allclose(least, expected.min(axis=1), atol=error)


@blocks
@pytest.mark.parametrize("error", [1e-9, 0.1, 2.0])
def test_the_next_best_are_decided_exactly_too(block, error, rng, monkeypatch):
    monkeypatch.setattr(_risk, "LABEL_BLOCK", block)
    table = rng.integers(1, 5, size=(4, 30))
    P = weights_of("quarters", 100, 4, rng)
    found = least_risks(RoundedRisk(table, error), P, 6)
    assert_array_equal(found, first_k_least(brute_risks(table, P, 1), 6))


@blocks
def test_ties_go_to_the_first_label(block, monkeypatch):
    monkeypatch.setattr(_risk, "LABEL_BLOCK", block)
    table = np.array([[3, 1, 2, 1, 3, 1, 2], [3, 1, 2, 1, 1, 1, 2]])
    P = np.array([[1.0, 0.0], [0.0, 2.0], [0.3, 0.1]])
    for error in (0.0, 1e-9):
        risk = RoundedRisk(table, error)
        assert_array_equal(least_risk(risk, P)[0], [1, 1, 1])
        assert_array_equal(least_risks(risk, P, 4), [[1, 3, 5, 2], [1, 3, 4, 5], [1, 3, 5, 2]])


@blocks
def test_differences_below_the_last_digits_are_ties(block, monkeypatch):
    monkeypatch.setattr(_risk, "LABEL_BLOCK", block)
    table = np.array([[2.0, 1 + 1e-14, 1.0, 1 + 2e-15, 1 + 1e-10]])
    risk = RoundedRisk(table, 0.0)
    assert_array_equal(least_risk(risk, np.ones((1, 1)))[0], [1])
    assert_array_equal(least_risks(risk, np.ones((1, 1)), 4), [[1, 2, 3, 4]])
