from dataclasses import FrozenInstanceError
from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import ConvexHull, cKDTree
from scipy.stats import kstest

from skmanifold.datasets import ShapeSample, make_shapes
from skmanifold.datasets import _shapes as shapes

NAMES = make_shapes(1, n_points=2, random_state=0).names


def clouds_of(name, *, n_clouds=39, n_points=400, noise=0.0, random_state=0):
    sample = make_shapes(n_clouds, n_points=n_points, noise=noise, random_state=random_state)
    return sample.X[sample.labels == NAMES.index(name)]


def draw(name, n_points, seed=0):
    """A cloud in the coordinates of its sampler: not centred, not scaled."""
    return shapes._SAMPLERS[name](n_points, np.random.RandomState(seed))


def is_uniform(values):
    """On [0, 1]; the seeds are fixed, so that this cannot fail by chance from run to run."""
    return kstest(values, "uniform").pvalue > 0.01


def vanishing_degree(points, *, up_to=4):
    """Lowest degree of a polynomial that is zero on all the points, a similarity invariant."""
    for degree in range(1, up_to + 1):
        terms = [
            points[:, list(term)].prod(axis=1)
            for size in range(degree + 1)
            for term in combinations_with_replacement(range(3), size)
        ]
        values = np.linalg.svd(np.column_stack(terms), compute_uv=False)
        if values[-1] < 1e-9 * values[0]:
            return degree
    return None


def test_sample():
    sample = make_shapes(26, n_points=50, random_state=0)
    assert isinstance(sample, ShapeSample)
    assert sample.X.shape == (26, 50, 3)
    assert sample.X.dtype == np.float64
    assert sample.labels.dtype.kind == "i"
    assert len(sample.names) == len(set(sample.names)) == 13
    with pytest.raises(FrozenInstanceError):
        sample.X = None


@pytest.mark.parametrize("n_clouds", [1, 12, 13, 14, 100])
def test_classes_are_of_equal_size(n_clouds):
    labels = make_shapes(n_clouds, n_points=2, random_state=0).labels
    assert np.ptp(np.bincount(labels, minlength=13)) <= 1


def test_seed_decides_alone_and_orders_the_classes():
    first, again, other = (make_shapes(26, n_points=20, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first.X, again.X)
    assert_array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert not np.array_equal(first.labels, np.sort(first.labels))
    rng = np.random.RandomState(0)
    moving_on = [make_shapes(13, n_points=20, random_state=rng).X for _ in range(2)]
    assert not np.array_equal(*moving_on)


def test_global_generator_is_left_alone():
    state = np.random.mtrand._rand.get_state()[1].copy()
    make_shapes(13, n_points=20, random_state=0)
    assert_array_equal(np.random.mtrand._rand.get_state()[1], state)


@pytest.mark.parametrize("n_points", [2, 300])
def test_centred_and_of_unit_size(n_points):
    X = make_shapes(26, n_points=n_points, noise=0, random_state=0).X
    assert_allclose(X.mean(axis=1), 0, atol=1e-12)
    assert_allclose(np.square(X).sum(axis=2).mean(axis=1), 1)


def test_noise_is_gaussian_and_leaves_the_shapes_alone():
    clean, noisy = (make_shapes(130, noise=noise, random_state=1) for noise in (0, 0.3))
    assert_array_equal(clean.labels, noisy.labels)
    noise = (noisy.X - clean.X) / 0.3
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert_allclose(noise.std(axis=(0, 1)), 1, atol=5 / np.sqrt(noise.size))
    assert kstest(noise.ravel()[::50], "norm").pvalue > 0.01


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("sphere", 2),
        ("half_sphere", 2),
        ("cylinder", 2),
        ("cone", 2),
        ("helix", 2),  # it winds round a cylinder
        ("moebius_strip", 3),
        ("torus", 4),
        ("tetrahedron", 4),  # the product of its four planes
        ("spiral_sheet", None),
        ("chair", None),
    ],
)
def test_clouds_lie_on_algebraic_surfaces(name, degree):
    assert [vanishing_degree(cloud) for cloud in clouds_of(name)] == [degree] * 3
    (noisy,) = clouds_of(name, n_clouds=13, noise=0.02)
    assert vanishing_degree(noisy) is None


def test_sphere_is_uniform():
    points = draw("sphere", 5000)
    assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert_allclose(points.mean(axis=0), 0, atol=5 / np.sqrt(5000))
    assert_allclose(points.T @ points / 5000, np.eye(3) / 3, atol=5 / np.sqrt(5000))
    for axis in range(3):  # Archimedes, along every axis alike
        assert is_uniform((points[:, axis] + 1) / 2)


def test_half_sphere_is_the_upper_half():
    points = draw("half_sphere", 5000)
    assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert is_uniform(points[:, 2])


def test_cone_is_uniform():
    points = draw("cone", 5000)
    radius = np.hypot(*points.T[:2])
    slopes = points[:, 2] / (1 - radius)
    assert_allclose(slopes, slopes[0])
    assert is_uniform(radius**2)


def test_torus_is_uniform():
    points = draw("torus", 20_000)
    radius = np.hypot(*points.T[:2])
    thickness = np.hypot(radius - 1, points[:, 2])
    assert_allclose(thickness, thickness[0])
    # The outer half has pi + 2 r parts of the area, the inner one pi - 2 r (Pappus).
    share = 0.5 + thickness[0] / np.pi
    assert abs((radius > 1).mean() - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


def test_helix_moves_at_constant_speed():
    points = draw("helix", 5000)
    assert_allclose(np.hypot(*points.T[:2]), 1)
    points = points[np.argsort(points[:, 2])]
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    assert_allclose(points[:, 2] * angle[-1], angle * points[-1, 2], atol=1e-8)
    assert is_uniform(points[1:-1, 2] / points[-1, 2])


def test_moebius_strip_is_uniform():
    """Against the integral over the area, by the midpoint rule on a fine grid."""
    points = draw("moebius_strip", 20_000)
    angle = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    radius = np.hypot(*points.T[:2])
    offset = (radius - 1) * np.cos(angle / 2) + points[:, 2] * np.sin(angle / 2)
    assert_allclose(points[:, 2], offset * np.sin(angle / 2), atol=1e-12)
    edge, cells = np.abs(offset).max(), (np.arange(500) + 0.5) / 500
    a, s = np.meshgrid(2 * np.pi * cells, edge * (2 * cells - 1))
    area = np.hypot(1 + s * np.cos(a / 2), s / 2)
    for test in (lambda a, s: s * np.cos(a / 2), lambda a, s: s**2, lambda a, s: np.cos(a)):
        values = test(angle, offset)
        error = values.mean() - np.average(test(a, s), weights=area)
        assert abs(error) < 4 * values.std() / np.sqrt(20_000)


def test_spiral_sheet_is_uniform():
    points = draw("spiral_sheet", 5000)
    t = np.hypot(*points.T[:2])
    assert_allclose(points[:, :2], np.column_stack([t * np.cos(t), t * np.sin(t)]), atol=1e-12)
    length = (t * np.hypot(1, t) + np.arcsinh(t)) / 2
    first, last = np.sort(length)[[0, -1]]
    inner = length[(first < length) & (length < last)]
    assert is_uniform((inner - first) / (last - first))


def test_tetrahedron_is_regular_and_uniform():
    points = draw("tetrahedron", 8000)
    # The sum of the distances to the four planes is the height; on a face one of them is zero.
    normals = np.array([[-1, -1, -1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    depths = (1 - points @ normals.T) / 4
    assert_allclose(depths.sum(axis=1), 1)
    assert np.all(depths > -1e-12)
    assert_allclose(depths.min(axis=1), 0, atol=1e-12)
    face = depths.argmin(axis=1)
    assert np.all(np.abs(np.bincount(face) - 2000) < 4 * np.sqrt(8000 * 3 / 16))
    for one in range(4):  # area above a given depth falls as its square
        assert is_uniform((1 - depths[face == one][:, (one + 1) % 4]) ** 2)


def test_cubes_bound_their_clouds():
    for cloud in clouds_of("cube"):
        on_face = (cloud == cloud.min(axis=0)) | (cloud == cloud.max(axis=0))
        assert on_face.any(axis=1).all()
        assert_allclose(np.ptp(cloud, axis=0), np.ptp(cloud[:, 0]))


def test_cube_is_a_cube_with_equal_faces():
    points = draw("cube", 6000)
    assert points.min() == 0
    assert points.max() == 1
    faces = np.column_stack([points == 0, points == 1])
    assert_array_equal(faces.sum(axis=1), 1)
    assert np.all(np.abs(faces.sum(axis=0) - 1000) < 4 * np.sqrt(6000 * 5 / 36))


def test_faces_of_a_brick_by_area():
    brick = np.array([[[0.0, 0, 0], [1, 2, 4]]])
    points = shapes._on_boxes(brick, 5000, np.random.RandomState(0))
    shares = ((points == 0) | (points == brick[0, 1])).mean(axis=0)
    assert_allclose(shares, np.array([8, 4, 2]) / 14, atol=4 * 0.5 / np.sqrt(5000))


def test_boxes_show_their_outside_only():
    """Two unit cubes one on the other are a tower: ten unit squares, none where they touch."""
    cubes = np.array([[[0.0, 0, 0], [1, 1, 1]], [[0, 0, 1], [1, 1, 2]]])
    points = shapes._on_boxes(cubes, 5000, np.random.RandomState(0))
    assert not np.any(points[:, 2] == 1)
    top = points[:, 2] == 2
    assert abs(top.mean() - 0.1) < 4 * np.sqrt(0.09 / 5000)
    sides = points[(points[:, 2] > 0) & ~top]
    assert is_uniform(sides[:, 2] / 2)


@pytest.mark.parametrize("name", ["l_shape", "table", "chair"])
def test_furniture_stands_on_the_floor(name):
    points = draw(name, 4000)
    floor = points[points[:, 2] == 0]
    assert points.min() == 0
    n_feet = {"l_shape": 1, "table": 4, "chair": 4}[name]
    assert count_pieces(floor[:, :2], gap=0.15) == n_feet


def count_pieces(points, *, gap):
    pieces = np.arange(len(points))
    for i, j in sorted(cKDTree(points).query_pairs(gap)):
        pieces[pieces == pieces[j]] = pieces[i]
    return len(np.unique(pieces))


@pytest.mark.parametrize("name", NAMES)
def test_proportions_vary_but_mildly(name):
    """The volume of the hull varies by sampling alone where there is nothing to draw."""

    def spread(name):
        hulls = clouds_of(name, n_clouds=260, n_points=1000)
        volumes = [ConvexHull(cloud).volume for cloud in hulls]
        return np.std(volumes) / np.mean(volumes)

    if name in ("sphere", "half_sphere", "cube", "tetrahedron"):
        assert spread(name) < 0.03
    else:
        assert 0.03 < spread(name) < 0.3


def test_classes_can_be_told_apart_whatever_the_pose():
    """Nearest neighbour on the sorted distances from the centre and between random points."""

    def invariants(X):
        radii = np.linalg.norm(X, axis=2)
        chords = np.linalg.norm(X - np.roll(X, 1, axis=1), axis=2)
        levels = np.linspace(0, 1, 21)
        return np.hstack([np.quantile(v, levels, axis=1).T for v in (radii, chords)])

    known = make_shapes(260, n_points=1000, noise=0, random_state=0)
    fresh = make_shapes(130, n_points=1000, noise=0, random_state=1)
    nearest = cKDTree(invariants(known.X)).query(invariants(fresh.X))[1]
    assert np.mean(known.labels[nearest] == fresh.labels) > 0.9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_clouds", 0),
        ("n_clouds", 1.5),
        ("n_points", 1),
        ("n_points", "many"),
        ("noise", -0.1),
        ("noise", np.nan),
        ("noise", np.inf),
        ("noise", "loud"),
    ],
)
def test_bad_parameters_are_named(name, value):
    with pytest.raises((ValueError, TypeError), match=name):
        make_shapes(**{"random_state": 0, name: value})
