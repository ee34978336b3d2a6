from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.frames._moments import decisive, joint_sets, joint_sums, odd_sums
from tests.frames.known_clouds import all_signs, tensor


def coordinates(rng, n_axes, n_points=17, n_clouds=3):
    return tensor(rng.normal(size=(n_clouds, n_axes, n_points)))


def both(terms):
    """A sum and the sum of absolute terms."""
    return [terms.sum(), np.abs(terms).sum()]


def joint_sums_one_by_one(cloud):
    """All joint moments of one cloud of shape (n_axes, n_points)."""
    n_axes, rows = len(cloud), []
    for i in range(n_axes):
        rows.append([both(cloud[j] ** 2 * cloud[i]) for j in range(n_axes) if j != i])
    for i, j in combinations(range(n_axes), 2):
        rows.append([both(cloud[i] ** 3 * cloud[j]), both(cloud[i] * cloud[j] ** 3)])
    for i, j, k in combinations(range(n_axes), 3):
        rows.append([both(cloud[i] * cloud[j] * cloud[k])])
    filled = np.zeros((len(rows), max(2, n_axes - 1), 2))
    for place, row in zip(filled, rows, strict=True):
        place[: len(row)] = np.reshape(row, (-1, 2))
    return filled


@pytest.mark.parametrize("n_axes", [1, 2, 4])
def test_odd_sums_one_by_one(rng, n_axes):
    y = coordinates(rng, n_axes)
    expected = [
        [[both(axis**power) for power in (3, 5, 7)] for axis in cloud] for cloud in y.numpy()
    ]
    assert_allclose(odd_sums(y), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_axes", [1, 2, 3, 5])
def test_joint_sums_one_by_one(rng, n_axes):
    y = coordinates(rng, n_axes)
    expected = [joint_sums_one_by_one(cloud) for cloud in y.numpy()]
    assert_allclose(joint_sums(y), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sums", [odd_sums, joint_sums])
def test_sums_add_up_over_blocks_of_points(rng, sums):
    y = coordinates(rng, 4, n_points=29)
    blocks = torch.split(y, [1, 13, 15], dim=-1)
    assert_allclose(sum(sums(block) for block in blocks), sums(y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sums", [odd_sums, joint_sums])
def test_zeros_that_fill_up_add_nothing(rng, sums):
    y = coordinates(rng, 3)
    assert_allclose(sums(torch.nn.functional.pad(y, (2, 3))), sums(y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_axes", [1, 3, 4])
def test_flips_turn_sums_by_the_signs_of_their_axes(rng, n_axes):
    y = coordinates(rng, n_axes)
    own, joint = odd_sums(y), joint_sums(y)
    for signs in tensor(all_signs(n_axes)):
        flipped = y * signs[:, None]
        products = torch.stack([signs[list(axes)].prod() for axes in joint_sets(n_axes)])
        assert_allclose(odd_sums(flipped)[..., 0], own[..., 0] * signs[:, None])
        assert_allclose(joint_sums(flipped)[..., 0], joint[..., 0] * products[:, None])
        assert_allclose(odd_sums(flipped)[..., 1], own[..., 1])
        assert_allclose(joint_sums(flipped)[..., 1], joint[..., 1])


@pytest.mark.parametrize("sums", [odd_sums, joint_sums])
def test_absolute_sums_bound(rng, sums):
    signed, absolute = sums(coordinates(rng, 4)).unbind(-1)
    assert (signed.abs() <= absolute).all()
    one_sided = sums(coordinates(rng, 4).abs())
    assert_allclose(one_sided[..., 0], one_sided[..., 1])


@pytest.mark.parametrize("n_axes", [1, 2, 3, 8, 9, 12])
def test_joint_sets_are_all_small_sets_once(n_axes):
    sets = joint_sets(n_axes)
    largest = 3 if n_axes <= 8 else 2
    assert len(set(sets)) == len(sets) == sum(comb(n_axes, size) for size in range(1, largest + 1))
    assert [len(axes) for axes in sets] == sorted(len(axes) for axes in sets)
    assert joint_sums(torch.ones(n_axes, 2)).shape[0] == len(sets)


def first_large(shares, tolerance):
    large = np.flatnonzero(np.abs(shares) > tolerance)
    return shares[large[0]] if len(large) else shares[np.argmax(np.abs(shares))]


def test_decisive_takes_the_first_large_share_or_else_the_largest(rng):
    absolute = rng.uniform(0.5, 2, size=(200, 4))
    shares = rng.uniform(-1, 1, size=(200, 4)) * rng.choice([0.01, 1], size=(200, 4))
    tolerance = rng.uniform(0, 0.2, size=200)
    found = decisive(tensor(np.stack([shares * absolute, absolute], axis=-1)), tensor(tolerance))
    expected = [first_large(*case) for case in zip(shares, tolerance, strict=True)]
    assert_allclose(found, expected)
    assert 0 < np.sum(np.abs(expected) <= tolerance) < 200  # both kinds came


def test_decisive_of_nothing_is_zero():
    assert_array_equal(decisive(torch.zeros(2, 3, 2), torch.full((2,), 0.1)), [0, 0])
