import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import cumulative_trapezoid
from scipy.stats import kstest
from sklearn.neighbors import NearestNeighbors

from skmanifold.datasets import make_vector_field
from skmanifold.datasets._vector_fields import _surface

MANIFOLDS = ["sphere", "torus", "swiss_roll", "moebius"]
every_manifold = pytest.mark.parametrize("manifold", MANIFOLDS)


def field(manifold, n_samples=500, *, gap=None, seed=0):
    return make_vector_field(manifold, n_samples, gap=gap, random_state=seed)


def components(sample):
    return np.einsum("ndm,nd->nm", sample.frames, sample.vectors)


def neighbors(X, n_neighbors=1):
    return NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors(return_distance=False)


@every_manifold
@pytest.mark.parametrize("n_samples", [1, 500])
def test_shapes_and_types(manifold, n_samples):
    sample = field(manifold, n_samples)
    assert sample.X.shape == sample.vectors.shape == (n_samples, 3)
    assert sample.frames.shape == (n_samples, 3, 2)
    assert sample.latent.shape == (n_samples, 2)
    arrays = sample.X, sample.vectors, sample.frames, sample.latent
    assert all(array.dtype == np.float64 for array in arrays)
    assert sample.divergence is sample.vorticity is None


@every_manifold
@pytest.mark.parametrize("n_samples", [1, 500])
def test_vectors_are_tangent_with_unit_mean_square(manifold, n_samples):
    sample = field(manifold, n_samples)
    frames = sample.frames
    identity = np.broadcast_to(np.eye(2), (n_samples, 2, 2))
    assert_allclose(frames.transpose(0, 2, 1) @ frames, identity, atol=1e-12)
    tangent = np.einsum("ndm,nm->nd", frames, components(sample))
    assert_allclose(sample.vectors, tangent, atol=1e-12)
    assert_allclose(np.square(sample.vectors).sum(axis=1).mean(), 1)


@pytest.mark.parametrize(
    ("manifold", "gap"),
    [*((name, None) for name in MANIFOLDS), ("swiss_roll", 0.15), ("swiss_roll", 50.0)],
)
def test_frames_are_the_directions_of_the_coordinate_lines(manifold, gap):
    sample, surface = field(manifold, gap=gap), _surface(manifold, gap)
    assert_array_equal(surface.points(sample.latent), sample.X)
    for axis, step in enumerate(np.eye(2) * 1e-5):
        ahead, behind = (surface.points(sample.latent + sign * step) for sign in (1, -1))
        derivative = (ahead - behind) / 2e-5
        assert_allclose(surface.steps(sample.latent)[:, :, axis], derivative, atol=1e-8)
        length = np.linalg.norm(derivative, axis=1, keepdims=True)
        assert_allclose(sample.frames[:, :, axis] * length, derivative, atol=1e-8)


def test_points_solve_the_equation_of_their_surface():
    assert_allclose(np.linalg.norm(field("sphere").X, axis=1), 1)
    x, y, z = field("torus").X.T
    assert_allclose((np.hypot(x, y) - 2) ** 2 + z**2, 1)
    x, y, z = field("moebius").X.T
    half_angle = np.arctan2(y, x) / 2
    assert_allclose((np.hypot(x, y) - 1) * np.sin(half_angle), z * np.cos(half_angle), atol=1e-12)


@pytest.mark.parametrize("gap", [0.15, 0.32, 2.0])
def test_each_turn_of_the_roll_is_one_gap_further_out(gap):
    x, y, _ = field("swiss_roll", gap=gap).X.T
    turns = np.hypot(x, y) / gap - np.arctan2(y, x) / (2 * np.pi)
    assert_allclose(turns, turns.round(), atol=1e-9)
    assert np.unique(turns.round()).size > 1


def test_rolling_keeps_the_sheet():
    loose, tight = (field("swiss_roll", gap=gap) for gap in (None, 0.15))
    assert_array_equal(loose.latent, tight.latent)
    assert_allclose(components(loose), components(tight))
    radii = [np.linalg.norm(sample.X[:, :2], axis=1) for sample in (loose, tight)]
    assert_allclose([radius.min() for radius in radii], 0.5, rtol=0.02)
    assert radii[1].max() < radii[0].max()


def quadrature_cdf(x, density):
    """Distribution function of a density on a grid."""
    mass = cumulative_trapezoid(density, x, initial=0)
    return lambda value: np.interp(value, x, mass / mass[-1])


def moebius_area(angle, offset):
    return np.hypot(1 + offset * np.cos(angle / 2), offset / 2)


def test_points_are_uniform_by_area():
    n_samples = 4000
    sphere, torus, roll, moebius = (field(name, n_samples).latent.T for name in MANIFOLDS)
    turn, across = np.linspace(0, 2 * np.pi, 401), np.linspace(-0.5, 0.5, 201)
    area = moebius_area(turn[:, None], across)
    tests = [
        kstest(sphere[0] / (2 * np.pi) + 0.5, "uniform"),
        kstest(np.sin(sphere[1]) / 2 + 0.5, "uniform"),  # Archimedes
        kstest(torus[0] / (2 * np.pi), "uniform"),
        kstest(torus[1], lambda tube: (2 * tube + np.sin(tube)) / (4 * np.pi)),
        kstest(roll[0] / 17, "uniform"),
        kstest(roll[1] / 1.2, "uniform"),
        kstest(moebius[0], quadrature_cdf(turn, area.sum(axis=1))),
        kstest(moebius[1], quadrature_cdf(across, area.sum(axis=0))),
    ]
    assert min(test.pvalue for test in tests) > 0.005


def near_pairs(sample, n_neighbors=10):
    left = np.repeat(np.arange(len(sample.X)), n_neighbors)
    return left, neighbors(sample.X, n_neighbors).ravel()


@pytest.mark.parametrize("manifold", ["sphere", "torus", "moebius"])
def test_field_is_as_smooth_across_the_seam_as_elsewhere(manifold):
    sample = field(manifold, 5000)
    left, right = near_pairs(sample)
    change, way = (np.linalg.norm(a[left] - a[right], axis=1) for a in (sample.vectors, sample.X))
    slopes = change / way
    # Close in space, far apart in coordinates.
    seam = np.abs(sample.latent[left] - sample.latent[right]).max(axis=1) > np.pi
    assert seam.sum() > 50
    assert slopes[seam].max() < 1.5 * np.quantile(slopes[~seam], 0.999)


def test_moebius_band_is_not_orientable_by_its_frames():
    sample = field("moebius", 5000)
    left, right = near_pairs(sample)
    (angle, offset), (next_angle, next_offset) = sample.latent[left].T, sample.latent[right].T
    seam = np.abs(angle - next_angle) > np.pi
    along, across = np.einsum("ndm,ndm->mn", sample.frames[left], sample.frames[right])
    assert along.min() > 0.9
    assert across[seam].max() < -0.9
    assert across[~seam].min() > 0.9
    assert_allclose(offset[seam], -next_offset[seam], atol=0.1)


def jumps(sample, n_neighbors):
    """The neighbours in space (n, n_neighbors) and which of them belong to another turn."""
    near = neighbors(sample.X, n_neighbors)
    return near, np.abs(sample.latent[near, 0] - sample.latent[:, :1]) > 1.5


def test_gap_decides_whether_neighbors_are_on_other_turns():
    loose, tight = (field("swiss_roll", 3000, gap=gap) for gap in (None, 0.15))
    assert not jumps(loose, 8)[1].any()
    assert jumps(loose, 15)[1].mean() < 0.01
    assert jumps(tight, 15)[1].mean() > 0.1


def test_field_of_the_roll_follows_the_sheet():
    sample = field("swiss_roll", 3000, gap=0.15)
    near, jumped = jumps(sample, 30)
    c = components(sample)
    agreement = np.einsum("nm,nkm->nk", c, c[near])
    assert agreement[~jumped].mean() > 0.9
    assert abs(agreement[jumped].mean()) < 0.5


@every_manifold
def test_seed_alone_decides(manifold):
    state = np.random.mtrand._rand.get_state()[1].copy()
    first, again, other = (field(manifold, 50, seed=seed) for seed in (0, 0, 1))
    assert_array_equal(first.vectors, again.vectors)
    assert_array_equal(first.X, again.X)
    assert not np.allclose(first.X, other.X)
    assert_array_equal(np.random.mtrand._rand.get_state()[1], state)


@every_manifold
def test_each_seed_draws_a_new_field(manifold):
    first, second = (field(manifold, 3000, seed=seed) for seed in (0, 1))
    nearest = NearestNeighbors(n_neighbors=2).fit(first.X)

    def agreement(sample, rank):
        near = nearest.kneighbors(sample.X, return_distance=False)[:, rank]
        return np.einsum("nd,nd->n", sample.vectors, first.vectors[near]).mean()

    assert agreement(first, 1) > 0.9
    assert abs(agreement(second, 0)) < 0.6


def test_random_state_instance_moves_on():
    rng = np.random.RandomState(0)
    first, second = (make_vector_field("torus", 20, random_state=rng) for _ in range(2))
    assert not np.allclose(first.X, second.X)


def test_pickle_and_freeze():
    sample = field("moebius")
    assert_array_equal(pickle.loads(pickle.dumps(sample)).vectors, sample.vectors)
    with pytest.raises(FrozenInstanceError):
        sample.X = None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"manifold": "klein"}, "manifold must be one of .*'moebius'.*got 'klein'"),
        ({"manifold": None}, "manifold must be one of"),
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": 2.5}, "n_samples"),
        ({"manifold": "swiss_roll", "gap": 0}, "gap"),
        ({"manifold": "swiss_roll", "gap": -1}, "gap"),
        ({"manifold": "swiss_roll", "gap": np.nan}, "gap"),
        ({"manifold": "swiss_roll", "gap": np.inf}, "gap"),
        ({"manifold": "swiss_roll", "gap": "wide"}, "gap"),
        ({"manifold": "sphere", "gap": 0.1}, "gap .*'swiss_roll'.*leave it None"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_vector_field(**options)
