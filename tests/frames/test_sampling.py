"""Errors of frames are those that fresh samples of the same shape show."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skmanifold.frames import sampling_errors

N_CLOUDS = 1500
STRETCH = torch.tensor([1.5, 1.0, 0.6], dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def skew_clouds(n_points, seed=0):
    """Samples of shapes with known axes, e_1 to e_3, and third moments of either sign.

    Skewness is uniform over its range, so that nothing is known about its sign beforehand.
    """
    random = generator(seed)
    shape = (N_CLOUDS, 1, 3)
    share = (2 * torch.rand(shape, generator=random, dtype=torch.float64) - 1).sign()
    share = share * torch.rand(shape, generator=random, dtype=torch.float64) ** (1 / 3)
    points = (N_CLOUDS, n_points, 3)
    skewed = torch.empty(points, dtype=torch.float64).exponential_(generator=random) - 1
    even = torch.randn(points, generator=random, dtype=torch.float64)
    x = share * skewed + (1 - share.abs()) * even
    return x / (share**2 + (1 - share.abs()) ** 2).sqrt() * STRETCH, share[:, 0].sign()


def along_axes(x):
    """Coordinates along the principal axes of each cloud, and the axes."""
    centered = x - x.mean(1, keepdim=True)
    axes = torch.linalg.eigh(centered.mT @ centered).eigenvectors.flip(-1)
    return (centered @ axes).mT, axes


def errors_of(coordinates):
    counts = torch.full((len(coordinates),), coordinates.shape[-1], dtype=torch.float64)
    return sampling_errors(lambda: [coordinates], counts)


@pytest.mark.parametrize("n_points", [200, 1000])
def test_axes_turn_by_their_errors(n_points):
    x, _ = skew_clouds(n_points)
    coordinates, axes = along_axes(x)
    angles = torch.diagonal(axes, dim1=-2, dim2=-1).abs().clamp_max(1).arccos()
    expected = errors_of(coordinates).axes
    # Medians: a few clouds of nearly equal extents turn at will. That of the size of a turn with
    # two degrees of freedom is 1.18 of its root mean square per degree, so .83 of it together.
    ratio = angles.median(0).values / expected.median(0).values
    assert ((ratio > 0.6) & (ratio < 1.0)).all()
    root_mean = angles.square().mean(0).sqrt() / expected.square().mean(0).sqrt()
    assert ((root_mean > 0.8) & (root_mean < 1.2)).all()


def test_signs_are_wrong_as_often_as_told():
    wrong, told = [], []
    for seed in range(4):
        x, truth = skew_clouds(80, seed)
        coordinates, axes = along_axes(x)
        found = (coordinates**3).mean(-1).sign() * torch.diagonal(axes, dim1=-2, dim2=-1).sign()
        wrong.append(found != truth)
        told.append(errors_of(coordinates).signs)
    wrong, told = torch.cat(wrong).double().flatten(), torch.cat(told).flatten()
    for low, high in [(0.0, 0.02), (0.1, 0.25), (0.25, 0.5)]:
        inside = (told >= low) & (told < high)
        assert inside.sum() > 300
        assert abs(wrong[inside].mean() - told[inside].mean()) < 0.1
    sure, unsure = wrong[told < 0.02].mean(), wrong[told > 0.25].mean()
    assert sure < 0.02 < 0.2 < unsure


def test_four_times_the_points_halve_the_errors(rng):
    points = torch.from_numpy(rng.gamma(2.0, size=(5, 3, 100)) * [[3.0], [2.0], [1.0]])
    coordinates, _ = along_axes(points.mT)
    once, fourfold = errors_of(coordinates), errors_of(coordinates.repeat(1, 1, 4))
    assert_allclose(fourfold.axes, once.axes / 2)
    scores = [torch.special.ndtri(each.signs) for each in (once, fourfold)]
    assert_allclose(scores[1], 2 * scores[0])


def test_blocks_add_up(rng):
    points = torch.from_numpy(rng.gamma(2.0, size=(5, 3, 90)) * [[3.0], [2.0], [1.0]])
    coordinates, _ = along_axes(points.mT)
    counts = torch.full((5,), 90.0, dtype=torch.float64)
    blocks = sampling_errors(lambda: coordinates.split(40, dim=-1), counts)
    whole = sampling_errors(lambda: [coordinates], counts)
    assert_allclose(blocks.axes, whole.axes)
    assert_allclose(blocks.signs, whole.signs)


def test_errors_do_not_depend_on_units(rng):
    points = torch.from_numpy(rng.gamma(2.0, size=(5, 3, 90)) * [[3.0], [2.0], [1.0]])
    coordinates, _ = along_axes(points.mT)
    small, large = errors_of(1e-3 * coordinates), errors_of(1e3 * coordinates)
    assert_allclose(small.axes, large.axes)
    assert_allclose(small.signs, large.signs)


def test_ties_turn_at_will():
    square = torch.tensor([[[1.0, 1, -1, -1], [1, -1, 1, -1]]], dtype=torch.float64)
    assert_allclose(errors_of(square).axes, np.full((1, 2), np.pi / 2))


def test_axes_without_extent_have_no_error(rng):
    flat = torch.from_numpy(rng.gamma(2.0, size=(1, 4, 30)) * [[3.0], [2.0], [0.0], [0.0]])
    errors = errors_of(flat - flat.mean(-1, keepdim=True))
    assert_allclose(errors.axes[:, 2:], 0)
    assert_allclose(errors.signs[:, 2:], 0)
    assert (errors.axes[:, :2] > 0).all()
    assert (errors.signs[:, :2] > 0).all()


def test_symmetric_clouds_leave_signs_to_chance(rng):
    half = torch.from_numpy(rng.normal(size=(1, 2, 50)) * [[3.0], [1.0]])
    coordinates, _ = along_axes(torch.cat([half, -half], dim=-1).mT)
    assert_allclose(errors_of(coordinates).signs, 0.5, atol=1e-6)
