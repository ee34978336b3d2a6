import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ortho_group
from sklearn import config_context

from skmanifold.datasets import make_branching_tree, make_sphere, make_swiss_roll
from skmanifold.graph import denoise


def noisy_plane(seed, *, n_samples=1000, noise=0.3, n_features=3):
    """A square of side 10 in the first two coordinates, and noise in all of them."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((n_samples, n_features))
    plane[:, :2] = rng.uniform(0, 10, size=(n_samples, 2))
    return plane + noise * rng.normal(size=plane.shape)


def distances_to_sphere(points):
    return np.abs(np.linalg.norm(points, axis=1) - 1)


@pytest.mark.parametrize(
    "X",
    [
        make_swiss_roll(1500, random_state=0).X,
        make_sphere(1000, random_state=0).X,
        np.random.default_rng(0).uniform(size=(500, 2)) @ ortho_group.rvs(6, random_state=0)[:2],
    ],
    ids=["roll", "sphere", "plane"],
)
def test_clean_points_do_not_move(X):
    result = denoise(X, 15)
    assert_array_equal(result.points, X)
    assert result.noise_variance == 0
    assert abs(result.noise_share) < 0.05


@pytest.mark.parametrize("noise", [0.2, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_noise_of_a_plane_is_measured(seed, noise):
    result = denoise(noisy_plane(seed, noise=noise), 14)
    assert_allclose(result.noise_variance, noise**2, rtol=0.3)


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_a_roll_is_measured(seed):
    result = denoise(make_swiss_roll(2000, noise=0.5, random_state=seed).X, 20)
    assert_allclose(result.noise_variance, 0.25, rtol=0.25)


@pytest.mark.parametrize("n_features", [3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_points_come_nearer_to_a_plane(seed, n_features):
    X = noisy_plane(seed, n_features=n_features)
    result = denoise(X, 14)
    before, after = (np.sqrt((P[:, 2:] ** 2).mean()) for P in (X, result.points))
    assert after < 0.5 * before
    # Along the plane points move less, and it does not shrink.
    moves = (result.points - X).std(axis=0)
    assert moves[:2].max() < 0.8 * moves[2:].min()
    assert_allclose(result.points[:, :2].std(axis=0), X[:, :2].std(axis=0), rtol=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_points_come_nearer_to_a_sphere(seed):
    X = make_sphere(1500, noise=0.1, random_state=seed).X
    before, after = (distances_to_sphere(P).mean() for P in (X, denoise(X, 18).points))
    assert after < 0.7 * before


def test_more_noise_has_a_greater_share():
    shares = [denoise(noisy_plane(0, noise=s), 14).noise_share for s in (0, 0.05, 0.1, 0.2, 0.4)]
    assert (np.diff(shares) > 0).all()
    assert shares[0] < 1e-10
    assert 0.5 < shares[-1] < 1.5


def test_pure_noise_is_pulled_together(rng):
    X = rng.normal(size=(800, 5))
    result = denoise(X, 20)
    assert result.noise_share > 0.5
    assert result.points.std() < X.std()


def test_no_rounds_move_nothing_but_measure_the_share():
    X = noisy_plane(0)
    result = denoise(X, 14, max_rounds=0)
    assert_array_equal(result.points, X)
    assert_allclose(result.noise_share, denoise(X, 14).noise_share)


def test_rounds_go_on_until_the_share_is_small():
    X = noisy_plane(1, noise=0.2)
    moves = [np.abs(denoise(X, 14, max_rounds=r).points - X).mean() for r in range(4)]
    assert moves[0] == 0
    assert (np.diff(moves) != 0).all()
    assert_array_equal(denoise(X, 14, clean_share=10.0).points, X)


def test_follows_rigid_motions(rng):
    X = noisy_plane(2, n_samples=500)
    rotation, shift = ortho_group.rvs(3, random_state=1), rng.normal(size=3)
    here, there = denoise(X, 12), denoise(X @ rotation + shift, 12)
    assert_allclose(there.points, here.points @ rotation + shift, atol=1e-6)
    assert_allclose(there.noise_variance, here.noise_variance, rtol=1e-6)
    assert_allclose(there.noise_share, here.noise_share, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_follows_the_unit(unit):
    X = noisy_plane(3, n_samples=500)
    here, there = denoise(X, 12), denoise(unit * X, 12)
    assert_allclose(there.points, unit * here.points, rtol=1e-6, atol=1e-6 * unit)
    assert_allclose(there.noise_variance, unit**2 * here.noise_variance, rtol=1e-6)
    assert_allclose(there.noise_share, here.noise_share, rtol=1e-6)


def test_follows_the_order_of_the_points(rng):
    # All points are probed below 500, so that the order cannot matter.
    X = noisy_plane(4, n_samples=400)
    order = rng.permutation(400)
    here, there = denoise(X, 12), denoise(X[order], 12)
    assert_allclose(there.points, here.points[order], atol=1e-6)


def test_chunks_do_not_show():
    X = noisy_plane(5, n_samples=400)
    whole = denoise(X, 12)
    with config_context(working_memory=0.05):
        chunked = denoise(X, 12)
    assert_allclose(chunked.points, whole.points, atol=1e-9)
    assert_allclose(chunked.noise_variance, whole.noise_variance)


def test_repeats_and_leaves_the_points_alone():
    X = make_branching_tree(300, random_state=0).X
    before = X.copy()
    X.flags.writeable = False
    once = denoise(X, 10)
    assert_array_equal(denoise(X, 10).points, once.points)
    assert_array_equal(X, before)
    assert not np.array_equal(once.points, X)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((40, 3)),
        np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 10, axis=0),
        np.c_[np.linspace(0, 1, 50), np.zeros((50, 2))],
        np.random.default_rng(0).normal(size=(50, 1)),
    ],
    ids=["one place", "duplicates", "line", "one feature"],
)
def test_degenerate_points(X):
    result = denoise(X, 6)
    assert np.isfinite(result.points).all()
    assert np.isfinite([result.noise_variance, result.noise_share]).all()
    assert np.abs(result.points).max() <= np.abs(X).max() + 1e-9


def test_single_precision():
    X = noisy_plane(6, n_samples=500)
    result = denoise(X.astype(np.float32), 12)
    assert result.points.dtype == np.float32
    assert_allclose(result.points, denoise(X, 12).points, atol=0.05)


@pytest.mark.gpu
def test_on_the_gpu():
    X = noisy_plane(0)
    here, there = denoise(X, 14), denoise(X, 14, device="cuda")
    assert isinstance(there.points, np.ndarray)
    assert_allclose(there.points, here.points, atol=1e-6)
    assert_allclose(there.noise_variance, here.noise_variance, rtol=1e-6)
