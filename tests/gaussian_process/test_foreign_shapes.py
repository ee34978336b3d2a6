"""Tests of the score that says how foreign a shape is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.gaussian_process._foreign_shapes import (
    ForeignScale,
    Spread,
    held_out_distances,
    orthonormal_scores,
    rounding_norm,
)

N_NODES, N_LATENT, N_MODES = 60, 7, 6


def shapes(n_samples, rng):
    """Nodes of shapes of a few parameters, with noise, and scalars of the runs."""
    basis = np.linalg.qr(np.random.default_rng(7).normal(size=(N_NODES, N_LATENT)))[0]
    latent = rng.uniform(-1, 1, size=(n_samples, N_LATENT)) * 0.7 ** np.arange(N_LATENT)
    noise = 0.01 * rng.normal(size=(n_samples, N_NODES))
    return 3 + latent @ basis.T + noise, rng.uniform(size=(n_samples, 2))


class Learnt:
    """The scale and the modes of some shapes, as MMGPRegressor makes them."""

    def __init__(self, nodes, scalars, n_modes=N_MODES):
        self.center = nodes.mean(axis=0)
        self.modes = np.linalg.svd(nodes - self.center, full_matrices=False)[2][:n_modes].T
        codes = np.column_stack([(nodes - self.center) @ self.modes, scalars])
        rounding = rounding_norm(nodes, None)
        held_out = held_out_distances(orthonormal_scores(nodes, None), n_modes, scalars, rounding)
        self.scale = ForeignScale(Spread.of(codes), held_out)

    def scores(self, nodes, scalars, rate=0.05):
        codes = (nodes - self.center) @ self.modes
        missed = np.linalg.norm(nodes - self.center - codes @ self.modes.T, axis=1)
        distances = self.scale.spread.distances(np.column_stack([codes, scalars]))
        return self.scale.scores(np.column_stack([distances, missed]), rate)


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_false_alarms_come_at_the_nominal_rate(rate):
    alarms = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        learnt = Learnt(*shapes(80, rng))
        alarms.append(np.mean(learnt.scores(*shapes(200, rng), rate) > 1))
    assert 0.6 * rate < np.mean(alarms) < 1.4 * rate


def test_all_shapes_beyond_the_span_are_flagged(rng):
    learnt = Learnt(*shapes(80, rng))
    nodes, scalars = shapes(20, rng)
    assert (learnt.scores(nodes + 0.3 * rng.normal(size=nodes.shape), scalars) > 1).all()


def test_all_extreme_shapes_of_the_span_are_flagged(rng):
    nodes, scalars = shapes(80, rng)
    learnt = Learnt(nodes, scalars)
    far = learnt.center + 5 * (nodes - learnt.center)
    assert (learnt.scores(far, scalars) > 1).all()


def test_conditions_beyond_those_of_training_are_flagged(rng):
    nodes, scalars = shapes(80, rng)
    assert (Learnt(nodes, scalars).scores(nodes, scalars + 10) > 1).all()


def test_with_all_modes_held_out_shapes_still_miss_something(rng):
    learnt = Learnt(*shapes(40, rng), n_modes=39)
    assert learnt.scale.held_out[:, 1].min() > 1e-3
    assert np.mean(learnt.scores(*shapes(200, rng)) > 1) < 0.3


def test_a_lower_rate_has_higher_hurdles(rng):
    learnt, new = Learnt(*shapes(80, rng)), shapes(50, rng)
    assert (learnt.scores(*new, 0.01) < learnt.scores(*new, 0.3)).all()


def test_held_out_distances_are_those_by_hand(rng):
    nodes, scalars = shapes(8, rng)  # fewer than ten: one at a time
    distances = held_out_distances(orthonormal_scores(nodes, None), 3, scalars, 0.0)
    for row in range(8):
        others = np.delete(np.arange(8), row)
        center = nodes[others].mean(axis=0)
        modes = np.linalg.svd(nodes[others] - center, full_matrices=False)[2][:3].T
        codes = np.column_stack([(nodes - center) @ modes, scalars])
        inverse = np.linalg.inv(np.cov(codes[others].T, bias=True))
        away = codes[row] - codes[others].mean(axis=0)
        missed = nodes[row] - center - (nodes[row] - center) @ modes @ modes.T
        expected = [np.sqrt(away @ inverse @ away), np.linalg.norm(missed)]
        assert_allclose(distances[row], expected, rtol=1e-8)


def test_a_metric_is_that_of_transformed_rows(rng):
    nodes, _ = shapes(12, rng)
    root = rng.normal(size=(N_NODES, N_NODES))
    scores = orthonormal_scores(nodes, root @ root.T)
    plain = orthonormal_scores(nodes @ root, None)
    assert_allclose(scores @ scores.T, plain @ plain.T, atol=1e-8)
    assert_allclose(rounding_norm(nodes, root @ root.T), rounding_norm(nodes @ root, None))


def test_distances_are_invariant_to_linear_maps(rng):
    codes, new = rng.normal(size=(2, 30, 4))
    turn, shift = rng.normal(size=(4, 4)), 5.0
    moved = Spread.of(codes @ turn + shift).distances(new @ turn + shift)
    assert_allclose(moved, Spread.of(codes).distances(new), rtol=1e-8)


def test_distances_of_the_training_codes_have_a_known_mean_square(rng):
    codes = rng.normal(size=(30, 4))
    assert_allclose(np.mean(Spread.of(codes).distances(codes) ** 2), 4)


def test_collinear_codes_count_once(rng):
    codes = rng.normal(size=(30, 2))
    twice = np.column_stack([codes, codes @ [1.0, -2.0]])
    assert_allclose(Spread.of(twice).distances(twice), Spread.of(codes).distances(codes))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_a_code_that_never_varied_is_foreign_when_it_does(value, rng):
    codes = np.column_stack([rng.normal(size=30), np.full(30, value)])
    spread = Spread.of(codes)
    alone = Spread.of(codes[:, :1]).distances(codes[:, :1])
    assert_allclose(spread.distances(codes), alone, atol=1e-5)
    assert (spread.distances(codes + np.array([0, 1])) > 10).all()


def test_shapes_that_are_all_equal_are_no_false_alarm(rng):
    nodes = np.ones((30, N_NODES)) + 1e-15 * rng.normal(size=(30, N_NODES))
    scalars = rng.uniform(size=(30, 1))
    scores, rounding = orthonormal_scores(nodes, None), rounding_norm(nodes, None)
    held_out = held_out_distances(scores, 1, scalars, rounding)
    assert scores.shape[1] == 0
    scale = ForeignScale(Spread.of(scalars), held_out)
    same = np.column_stack([np.ones(2), [0.0, 1e-15]])
    other = np.column_stack([np.ones(2), [0.1, 1e-5]])
    assert (scale.scores(same, 0.05) < 1).all()
    assert (scale.scores(other, 0.05) > 1).all()


def test_without_shapes_only_scalars_are_told_apart(rng):
    scalars = rng.normal(size=(40, 3))
    held_out = held_out_distances(None, 0, scalars, 0.0)
    scale = ForeignScale(Spread.of(scalars), held_out)
    assert held_out.shape == (40, 1)
    new = scale.spread.distances(np.vstack([scalars.mean(axis=0), np.full(3, 99.0)]))
    inside, outside = scale.scores(new[:, None], 0.05)
    assert inside < 1 < outside


@pytest.mark.parametrize("n_samples", [2, 3])
def test_hardly_any_samples_make_no_numerical_trouble(n_samples, rng):
    learnt = Learnt(*shapes(n_samples, rng), n_modes=n_samples - 1)
    assert np.isfinite(learnt.scores(*shapes(5, rng))).all()
