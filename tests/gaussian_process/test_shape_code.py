"""Tests of the inputs of Gaussian processes that come from shapes and scalars."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.gaussian_process._shape_code import DECAY, ShapeCode


@pytest.fixture
def runs(rng):
    """Shapes of five parameters, each counting for less than the one before, and scalars."""
    modes = np.linalg.qr(rng.normal(size=(40, 5)))[0]
    latent = rng.normal(size=(60, 5)) * 0.4 ** np.arange(5)
    return 3 + latent @ modes.T, rng.uniform(1, 2, size=(60, 2))


def code(shapes, scalars, n_modes=None):
    return ShapeCode.fit(shapes, scalars, n_modes=n_modes, metric=None)


def test_inputs_are_centred_and_their_spreads_fall_as_a_power_of_those_of_the_modes(runs):
    learnt = code(*runs)
    inputs = learnt.inputs(*runs)
    values = learnt.pod.singular_values_
    assert_allclose(inputs.mean(axis=0), 0, atol=1e-12)
    assert_allclose(inputs.std(axis=0)[:5], (values / values[0]) ** DECAY)
    assert_allclose(inputs.std(axis=0)[5:], 1)
    assert (np.diff(inputs.std(axis=0)[:5]) < 0).all()


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_make_no_difference(runs, factor):
    shapes, scalars = runs
    one, other = code(shapes, scalars), code(factor * shapes, scalars / factor)
    assert_allclose(
        other.inputs(factor * shapes, scalars / factor), one.inputs(shapes, scalars), atol=1e-9
    )


def test_places_make_no_difference(runs):
    shapes, scalars = runs
    moved = code(shapes + 5, scalars + 5)
    assert_allclose(
        moved.inputs(shapes + 5, scalars + 5), code(*runs).inputs(*runs), rtol=0, atol=1e-9
    )


def test_a_scalar_that_stays_the_same_is_no_input(runs):
    shapes, scalars = runs
    scalars = np.column_stack([scalars, np.full(len(scalars), 0.1)])
    learnt = code(shapes, scalars)
    assert_array_equal(learnt.inputs(shapes, scalars)[:, -1], 0)
    other = scalars + np.array([0, 0, 0.5])
    assert_array_equal(learnt.inputs(shapes, other), learnt.inputs(shapes, scalars))
    assert (learnt.distances(shapes, other)[:, 0] > 1e6).all()  # but foreign


def test_identical_shapes_are_no_inputs(rng, runs):
    scalars = runs[1]
    shapes = np.tile(runs[0][:1], (60, 1))
    shapes *= 1 + 1e-15 * rng.normal(size=shapes.shape)
    learnt = code(shapes, scalars)
    inputs = learnt.inputs(shapes, scalars)
    assert_array_equal(inputs[:, :-2], 0)
    assert_allclose(inputs[:, -2:].std(axis=0), 1)
    scores = learnt.foreign.scores(learnt.distances(*runs), 0.05)
    assert (scores[1:] > 1e3).all()


@pytest.mark.parametrize("missing", ["shapes", "scalars"])
def test_either_will_do(runs, missing):
    shapes, scalars = runs
    if missing == "shapes":
        shapes = np.zeros((60, 0))
    else:
        scalars = np.zeros((60, 0))
    learnt = code(shapes, scalars)
    assert (learnt.pod is None) == (missing == "shapes")
    assert learnt.inputs(shapes, scalars).shape == (60, 2 if missing == "shapes" else 5)
    assert np.isfinite(learnt.distances(shapes, scalars)).all()
