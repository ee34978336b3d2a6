import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ortho_group

from skmanifold.linalg import deterministic_bases, deterministic_signs, principal_axes


def test_largest_entries_are_positive(rng):
    vectors = rng.normal(size=(30, 6))
    turned = deterministic_signs(vectors)
    assert_array_equal(np.abs(turned), np.abs(vectors))
    assert (turned[np.abs(turned).argmax(axis=0), np.arange(6)] > 0).all()


def test_flips_are_forgotten(rng):
    vectors = rng.normal(size=(30, 6))
    flips = np.array([1, -1, -1, 1, -1, 1])
    assert_array_equal(deterministic_signs(vectors * flips), deterministic_signs(vectors))
    assert_array_equal(
        deterministic_signs(deterministic_signs(vectors)), deterministic_signs(vectors)
    )


def test_rounding_cannot_flip_a_tie():
    column = np.array([[0.2], [-1.0], [1.0]])
    for nudge in (0.0, 1e-9, -1e-9):
        nudged = column + np.array([[0.0], [0.0], [nudge]])
        assert deterministic_signs(nudged)[1, 0] == 1.0


def test_zero_columns_stay():
    assert_array_equal(deterministic_signs(np.zeros((3, 2))), np.zeros((3, 2)))


def test_vectors_are_left_alone():
    vectors = np.array([[-3.0], [1.0]])
    deterministic_signs(vectors)
    assert_array_equal(vectors, [[-3.0], [1.0]])


@pytest.mark.parametrize("seed", range(3))
def test_axes_uncorrelate_with_falling_variance(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) + rng.normal(size=4)
    center, axes = principal_axes(points)
    turned = (points - center) @ axes
    covariance = np.cov(turned.T)
    assert_allclose(center, points.mean(axis=0))
    assert_allclose(axes.T @ axes, np.eye(4), atol=1e-12)
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-10)
    assert (np.diff(np.diag(covariance)) < 0).all()
    assert_array_equal(deterministic_signs(turned), turned)


@pytest.mark.parametrize("seed", range(3))
def test_rigid_motions_are_forgotten(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(40, 3)) * [3, 2, 1]
    rotation = ortho_group.rvs(3, random_state=seed)  # reflections among them
    moved = points @ rotation + rng.normal(size=3)
    (center, axes), (moved_center, moved_axes) = principal_axes(points), principal_axes(moved)
    assert_allclose((moved - moved_center) @ moved_axes, (points - center) @ axes, atol=1e-10)


@pytest.mark.parametrize(
    "points",
    [np.array([[1.0], [2.0], [4.0]]), np.ones((3, 2)), np.array([[5.0, 6.0, 7.0]])],
    ids=["one dimension", "one place", "one point"],
)
def test_axes_of_degenerate_points(points):
    center, axes = principal_axes(points)
    assert_allclose(center, points.mean(axis=0))
    assert_allclose(axes.T @ axes, np.eye(points.shape[1]), atol=1e-12)


def test_bases_depend_on_the_spans_alone():
    rng = np.random.default_rng(0)
    values = np.array([5.0, 3.0, 3.0, 2.0, 1.0, 1.0, 1.0])
    vectors = np.linalg.qr(rng.normal(size=(20, 7)))[0]
    turn = np.zeros((7, 7))
    for group in ([0], [1, 2], [3], [4, 5, 6]):
        turn[np.ix_(group, group)] = np.linalg.qr(rng.normal(size=(len(group),) * 2))[0]
    first, second = (deterministic_bases(values, some) for some in (vectors, vectors @ turn))
    assert_allclose(second, first, atol=1e-12)
    assert_allclose(first.T @ first, np.eye(7), atol=1e-12)
    for group in ([0], [1, 2], [3], [4, 5, 6]):  # the spans are as they were
        inside = vectors[:, group] @ vectors[:, group].T @ first[:, group]
        assert_allclose(inside, first[:, group], atol=1e-12)


def test_bases_tell_values_apart_by_the_tolerance():
    vectors = np.linalg.qr(np.random.default_rng(1).normal(size=(9, 2)))[0]
    flipped = deterministic_bases(np.array([1.0, 0.9]), vectors)
    assert_allclose(np.abs(flipped.T @ vectors), np.eye(2), atol=1e-12)  # signs at most
    mixed = deterministic_bases(np.array([1.0, 0.9]), vectors, tol=0.2)
    assert 1e-3 < np.abs(mixed.T @ vectors)[0, 0] < 1 - 1e-6
