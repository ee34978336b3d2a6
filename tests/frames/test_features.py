import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.frames import (
    Rules,
    canonical_clouds,
    cloud_features,
    draw_frequencies,
    n_cloud_features,
)
from skmanifold.frames._features import N_FREQUENCIES, N_QUANTILES, likeness, masked_quantiles
from tests.frames.known_clouds import (
    all_signs,
    clear_cloud,
    degenerate_clouds,
    moved,
    orthogonal,
    random_clouds,
    tensor,
)

DEGENERATE = degenerate_clouds()
N_HANDED = 3 * N_FREQUENCIES


def frequencies(n_dims):
    return draw_frequencies(n_dims, torch.Generator().manual_seed(0))


def features(clouds, mask=None, *, chiral=False):
    """Features of clouds of shape (n_clouds, n_points, n_dims)."""
    x = tensor(clouds)
    n_dims = x.shape[-1]
    found = canonical_clouds(x, mask, Rules(n_dims, scale="trace", chiral=chiral))
    return cloud_features(
        found.coordinates, found.layout.spreads, frequencies(n_dims), mask, chiral=chiral
    ).numpy()


# Invariance


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("name", DEGENERATE)
def test_no_motion_matters_even_without_a_frame(rng, name, chiral):
    cloud = DEGENERATE[name]
    expected = features(cloud[None], chiral=chiral)
    assert np.isfinite(expected).all()
    for _ in range(20):
        image = moved(rng, cloud, proper=chiral)
        assert_allclose(features(image[None], chiral=chiral), expected, atol=1e-10)


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("n_dims", [1, 2, 3, 5])
def test_no_motion_matters(rng, n_dims, chiral):
    clouds = random_clouds(rng, 60, 15, n_dims)
    images = np.stack([moved(rng, cloud, proper=chiral) for cloud in clouds])
    assert_allclose(features(images, chiral=chiral), features(clouds, chiral=chiral), atol=1e-10)


def test_shapes_differ():
    names = ["cube", "box", "square prism", "ring", "line", "symmetric line", "plane", "duplicates"]
    names += ["one point", "two points"]
    found = np.concatenate([features(DEGENERATE[name][None]) for name in names])
    apart = np.abs(found[:, None] - found).max(-1)
    assert (apart + np.eye(len(names))).min() > 0.01


@pytest.mark.parametrize("n_dims", [2, 3, 4])
def test_mirror_images_turn_the_chiral_features_only(rng, n_dims):
    clouds = random_clouds(rng, 40, 15, n_dims)
    mirrored = clouds * ([-1.0] + [1.0] * (n_dims - 1)) @ orthogonal(rng, n_dims, proper=True)
    found, expected = features(mirrored, chiral=True), features(clouds, chiral=True)
    assert_allclose(found[:, :-N_HANDED], expected[:, :-N_HANDED], atol=1e-10)
    assert_allclose(found[:, -N_HANDED:], -expected[:, -N_HANDED:], atol=1e-10)
    sizes = np.abs(expected[:, -N_HANDED:]).max(axis=1)
    assert np.median(sizes) > 1e-3
    assert sizes.min() > 1e-9  # small near ties, yet far above rounding
    assert_allclose(expected[:, :-N_HANDED], features(clouds), atol=1e-10)


@pytest.mark.parametrize("name", [name for name in DEGENERATE if name != "duplicates"])
def test_clouds_equal_to_their_mirror_images_have_no_chiral_features(rng, name):
    turned = moved(rng, DEGENERATE[name])[None]
    assert_allclose(features(turned, chiral=True)[:, -N_HANDED:], 0, atol=1e-12)


# Continuity


def whitened(points):
    centered = points - points.mean(axis=0)
    return np.linalg.svd(centered, full_matrices=False)[0] * len(points) ** 0.5


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("extents", [[1, 1, 0.5], [2, 1, 1], [1, 1, 1]], ids=str)
def test_features_are_continuous_where_axes_change_places(rng, extents, chiral):
    """Features change no faster than the cloud, however fast its axes turn."""
    cloud = whitened(rng.gamma(2.0, size=(30, 3))) * extents
    change = rng.normal(size=cloud.shape)
    steps = 10.0 ** -np.arange(2, 9)[:, None, None]
    sides = [features(cloud + side * steps * change, chiral=chiral) for side in (-1, 1)]
    jumps = np.abs(sides[1] - sides[0]).max(axis=1)
    rates = jumps / (2 * steps[:, 0, 0])
    assert 0 < rates.max() <= 2 * rates[0]
    # The axes themselves jump.
    axes = [
        canonical_clouds(tensor(cloud + side * steps * change), None, Rules(3)) for side in (-1, 1)
    ]
    points = [each.coordinates.numpy() for each in axes]
    assert np.abs(points[1] - points[0]).max(axis=(1, 2)).min() > 0.1


def test_features_of_ellipsoids_as_two_extents_cross(rng):
    ball = whitened(rng.normal(size=(200, 3)))
    extents = 1 + np.linspace(-0.3, 0.3, 121)
    clouds = np.stack([ball * [1, extent, 0.5] for extent in extents])
    changes = np.abs(np.diff(features(clouds, chiral=True), axis=0)).max(axis=1)
    # As the extents cross, features change as they do elsewhere.
    crossing = changes[55:65].max()
    assert crossing <= 3 * max(changes[:40].max(), changes[80:].max())


@pytest.mark.parametrize("extra", [1e-3, 1e-6, 1e-9, 1e-12])
def test_features_are_continuous_where_extents_vanish(rng, extra):
    flat = np.c_[clear_cloud(rng, 20, 2), np.zeros(20)]
    thick = flat + extra * rng.normal(size=(20, 3))
    change = np.abs(features(thick[None]) - features(flat[None])).max()
    assert change <= 100 * extra


# What the features are


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("n_dims", [1, 2, 3, 6])
@pytest.mark.parametrize("n_points", [1, 2, 13])
def test_number_of_features(rng, n_points, n_dims, chiral):
    found = features(random_clouds(rng, 2, n_points, n_dims), chiral=chiral)
    assert found.shape == (2, n_cloud_features(n_dims, chiral=chiral))
    assert np.isfinite(found).all()


def test_number_of_features_in_three_dimensions():
    assert n_cloud_features(3) == 179  # as its docstring says


def frame_average(cloud, waves):
    """Mean embedding averaged over all frames; cloud of shape (n_axes, n_points)."""
    flips = all_signs(len(cloud))
    return np.mean([np.cos(waves @ (flip[:, None] * cloud)).mean(1) for flip in flips], axis=0)


def odd_parts(cloud, waves):
    """Sizes of means of each coordinate times the product of cosines of all."""
    product = np.cos(waves[:, :, None] * cloud).prod(1)
    return np.abs(cloud @ product.T / cloud.shape[1])


def test_features_of_clear_axes_one_by_one(rng):
    """Axes as far apart as here share 1e-7 of their squares."""
    y = rng.normal(size=(2, 3, 25)) * [[1.0], [0.05], [0.002]]
    spreads, waves = np.sqrt((y**2).mean(-1)), frequencies(3).numpy()
    found = cloud_features(tensor(y), tensor(spreads), tensor(waves), chiral=True).numpy()
    levels = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    for row, cloud, spread in zip(found, y, spreads, strict=True):
        lengths = np.concatenate([np.abs(cloud), np.linalg.norm(cloud, axis=0)[None]])
        expected = [
            spread,
            np.quantile(lengths, levels, axis=1).T.ravel(),
            frame_average(cloud, waves),
            odd_parts(cloud, waves).ravel(),
            np.sin(waves[:, :, None] * cloud).prod(1).mean(1),
        ]
        # What is contracted with the antisymmetric tensor is tested with `handedness`.
        row = np.delete(row, slice(-N_HANDED, -N_FREQUENCIES))
        assert_allclose(row, np.concatenate(expected), atol=1e-3)
        parts = np.split(row, np.cumsum([len(part) for part in expected])[:-1])
        for part, own in zip(parts[:1] + parts[2:3], expected[:1] + expected[2:3], strict=True):
            assert_allclose(part, own, atol=1e-5)


def test_tied_axes_share_their_squares(rng):
    """With a tie, coordinates along the tied axes enter by the distance from the others."""
    y = rng.normal(size=(1, 3, 25))
    spreads = tensor([[1.0, 1.0, 1e-3]])
    turn = np.eye(3)
    turn[:2, :2] = orthogonal(rng, 2)
    waves = frequencies(3)
    first, second = (cloud_features(tensor(each), spreads, waves) for each in (y, turn @ y))
    assert_allclose(first, second, atol=1e-5)
    quantiles = first[0, 3 : 3 + 2 * N_QUANTILES].reshape(2, N_QUANTILES)
    assert_allclose(quantiles[0], quantiles[1], atol=1e-5)
    levels = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    expected = np.quantile(np.linalg.norm(y[0, :2], axis=0) / 2**0.5, levels)
    assert_allclose(quantiles[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", DEGENERATE)
def test_fewer_axes_need_no_frame_either(rng, name):
    """Also where the last axis that is kept ties with the first one that is not."""
    waves = frequencies(2)

    def of_two_axes(cloud):
        found = canonical_clouds(tensor(cloud)[None], None, Rules(3, scale="trace"))
        return cloud_features(found.coordinates, found.layout.spreads, waves)

    expected = of_two_axes(DEGENERATE[name])
    assert expected.shape == (1, n_cloud_features(2))
    for _ in range(10):
        assert_allclose(of_two_axes(moved(rng, DEGENERATE[name])), expected, atol=1e-10)


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("filling", [0.0, 1e6, np.nan])
def test_points_that_fill_up_change_nothing(rng, filling, chiral):
    clouds = [random_clouds(rng, 1, n_points, 3)[0] for n_points in (1, 2, 3, 8, 14)]
    x, mask = np.full((5, 14, 3), filling), np.zeros((5, 14), dtype=bool)
    for index, cloud in enumerate(clouds):
        x[index, : len(cloud)], mask[index, : len(cloud)] = cloud, True
    found = features(x, torch.tensor(mask), chiral=chiral)
    for row, cloud in zip(found, clouds, strict=True):
        assert_allclose(row, features(cloud[None], chiral=chiral)[0], atol=1e-12)


def test_more_of_the_same_points_change_nothing_but_quantiles(rng):
    clouds = random_clouds(rng, 4, 10, 3)
    once, twice = features(clouds, chiral=True), features(np.tile(clouds, (1, 2, 1)), chiral=True)
    means = np.r_[0:3, 3 + 4 * N_QUANTILES : once.shape[1]]
    assert_allclose(twice[:, means], once[:, means], atol=1e-10)


# Helpers


def test_likeness(rng):
    spreads = tensor(rng.uniform(0.1, 2, size=(10, 4)))
    alike = likeness(spreads)
    assert_array_equal(alike.diagonal(dim1=1, dim2=2), 1)
    assert_array_equal(alike, alike.mT)
    assert ((alike >= 0) & (alike <= 1)).all()
    assert_allclose(likeness(1e3 * spreads), alike, rtol=1e-10)
    ordered = likeness(tensor([[8.0, 7.9, 7, 5, 1]]))[0, 0]
    assert (ordered.diff() < 0).all()
    assert_array_equal(likeness(torch.zeros(1, 3, dtype=torch.float64)), 1)


@pytest.mark.parametrize("n_levels", [1, 12])
def test_masked_quantiles_are_those_of_numpy(rng, n_levels):
    levels = np.sort(rng.uniform(size=n_levels))
    counts = np.array([1, 2, 7, 10])
    values = rng.normal(size=(4, 3, 10))
    expected = [
        np.quantile(rows[:, :count], levels, axis=1).T
        for rows, count in zip(values, counts, strict=True)
    ]
    values[:, :, :][np.broadcast_to(np.arange(10) >= counts[:, None, None], values.shape)] = np.inf
    found = masked_quantiles(tensor(values), tensor(counts), tensor(levels))
    assert_allclose(found, expected, atol=1e-14)


def test_frequencies_repeat():
    def draw(seed):
        return draw_frequencies(3, torch.Generator().manual_seed(seed))

    assert draw(0).shape == (N_FREQUENCIES, 3)
    assert_array_equal(draw(0), draw(0))
    assert (draw(0) != draw(1)).all()
