"""Matrices of distances: what passes, and what is refused in what words."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import pairwise_distances

from skmanifold.embedding._distance_input import (
    check_distances,
    check_not_negative,
    check_square,
    check_squares,
    check_symmetric,
)


@pytest.fixture
def distances(rng):
    return pairwise_distances(rng.normal(size=(30, 3)))


@pytest.mark.parametrize(("size", "dtype"), [(1e200, np.float64), (1e30, np.float32)])
def test_distances_pass_in_any_unit(distances, size, dtype):
    for unit in (1 / size, 1.0, size):
        check_distances((unit * distances).astype(dtype))


@pytest.mark.parametrize("unit", [1e-170, 1e170])
def test_squares_that_floats_cannot_hold_are_refused(distances, unit):
    with pytest.raises(ValueError, match=r"squares of distances.*in other units"):
        check_squares(unit * distances)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("unit", [0.0, 1e-30, 1.0, 1e30])
def test_squares_that_floats_hold_pass(distances, unit, dtype):
    check_squares((unit * distances).astype(dtype))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_points_in_one_place_pass(n):
    check_distances(np.zeros((n, n)))


def test_rounding_passes(distances, rng):
    noise = 1e-7 * distances.max() * rng.uniform(size=distances.shape)
    check_distances(distances + noise)


def test_nothing_is_written(distances):
    distances.flags.writeable = False
    check_distances(distances)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 2)])
def test_matrices_that_are_not_square_are_refused(shape):
    message = rf"precomputed.* square .*\({shape[0]}, {shape[1]}\)"
    for check in (check_square, check_distances):
        with pytest.raises(ValueError, match=message):
            check(np.ones(shape))


def test_negative_distances_are_refused(distances):
    distances[3, 4] = distances[4, 3] = -0.25
    for check in (check_not_negative, check_distances):
        with pytest.raises(ValueError, match=r"precomputed.* not negative.* -0\.25"):
            check(distances)
    check_not_negative(np.empty(0))


@pytest.mark.parametrize("value", [1.0, 1e-3])
def test_points_apart_from_themselves_are_refused(distances, value):
    distances[7, 7] = value
    with pytest.raises(ValueError, match=rf"diagonal.* {value}.*similarities"):
        check_distances(distances)


@pytest.mark.parametrize("working_memory", [0.001, 1024])
def test_no_place_hides_an_asymmetry(distances, working_memory):
    with config_context(working_memory=working_memory):  # the small one cuts it into rows
        check_symmetric(distances)
        for row, column in ((0, 29), (29, 0), (14, 15), (28, 29), (20, 3)):
            spoiled = distances.copy()
            spoiled[row, column] += 0.125
            with pytest.raises(ValueError, match=r"symmetric.* 0\.12\d.*\(D \+ D\.T\) / 2"):
                check_symmetric(spoiled)
            with pytest.raises(ValueError, match="symmetric"):
                check_distances(spoiled)


def test_the_unit_does_not_decide_what_is_symmetric(distances):
    distances[1, 2] *= 1.01
    for size in (1e-12, 1.0, 1e12):
        with pytest.raises(ValueError, match="symmetric"):
            check_distances(size * distances)
