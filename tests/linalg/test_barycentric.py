import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group

from skmanifold.linalg import barycentric_weights


def weights_of(points, neighbors, **options):
    """Weights for points of shape (n, d) and neighbours of shape (n, k, d), nearest first."""
    offsets = neighbors - points[:, None]
    apart = neighbors[:, :, None] - neighbors[:, None]
    return barycentric_weights((offsets**2).sum(-1), (apart**2).sum(-1), **options)


def case(seed, n_points=6, n_neighbors=10, dim=3):
    """Points among neighbours of their own, nearest first."""
    rng = np.random.default_rng(seed)
    points = 0.3 * rng.normal(size=(n_points, dim))
    neighbors = rng.normal(size=(n_points, n_neighbors, dim))
    order = np.argsort(np.linalg.norm(neighbors - points[:, None], axis=2), axis=1)
    return points, np.take_along_axis(neighbors, order[:, :, None], axis=1)


def posterior_weights(point, neighbors, noise_variance, ridge):
    """Linear prediction in coordinates: weighted mean plus regression on the noisy offset."""
    squares = ((neighbors - point) ** 2).sum(axis=1)
    share = np.exp(-2 * squares / squares[-1])
    share /= share.sum()
    mean = share @ neighbors
    offsets = neighbors - mean
    covariance = (share[:, None] * offsets).T @ offsets
    noise = noise_variance + ridge * np.trace(covariance) / len(neighbors)
    gain = np.linalg.inv(covariance + noise * np.eye(len(point)))
    weights = np.empty(len(neighbors))
    for j in range(len(neighbors)):
        values = np.eye(len(neighbors))[j]  # the function that is 1 at this neighbour
        average = share @ values
        slope = gain @ (share[:, None] * offsets).T @ (values - average)
        weights[j] = average + (point - mean) @ slope
    return weights


@pytest.mark.parametrize("noise_variance", [0.0, 0.1, 5.0])
@pytest.mark.parametrize("ridge", [1e-3, 0.5])
@pytest.mark.parametrize("dim", [1, 3, 20])  # fewer dimensions than neighbours, and more
def test_weights_are_a_posterior_mean(noise_variance, ridge, dim):
    points, neighbors = case(0, dim=dim)
    found = weights_of(points, neighbors, noise_variance=noise_variance, ridge=ridge)
    for row in range(len(points)):
        expected = posterior_weights(points[row], neighbors[row], noise_variance, ridge)
        assert_allclose(found[row], expected, atol=1e-8)


@pytest.mark.parametrize("noise_variance", [0.0, 0.3, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_weights_sum_to_one(seed, noise_variance):
    weights = weights_of(*case(seed), noise_variance=noise_variance)
    assert_allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_affine_functions_are_reproduced_without_noise(seed, dim):
    points, neighbors = case(seed, dim=dim)
    weights = weights_of(points, neighbors, ridge=1e-11)
    assert_allclose(np.einsum("nk,nkd->nd", weights, neighbors), points, atol=1e-6)
    slope = np.random.default_rng(seed).normal(size=dim)
    assert_allclose(np.einsum("nk,nk->n", weights, neighbors @ slope + 5), points @ slope + 5)


def test_a_neighbor_predicts_itself_without_noise():
    # With as many dimensions as it takes, any function is affine on the neighbours.
    _, neighbors = case(1, n_neighbors=4, dim=6)
    weights = weights_of(neighbors[:, 0].copy(), neighbors, ridge=1e-11)
    assert_allclose(weights, np.tile([1, 0, 0, 0], (6, 1)), atol=1e-6)


def test_much_noise_leaves_a_smooth_average():
    points, neighbors = case(2)
    weights = weights_of(points, neighbors, noise_variance=1e12)
    squares = ((neighbors - points[:, None]) ** 2).sum(axis=2)
    shares = np.exp(-2 * squares / squares[:, -1:])
    assert_allclose(weights, shares / shares.sum(axis=1, keepdims=True), atol=1e-8)
    assert (weights > 0).all()
    assert (np.diff(weights, axis=1) <= 0).all()  # the nearer the heavier


def test_noise_shrinks_the_prediction_towards_the_mean():
    points, neighbors = case(3)
    mean = np.einsum("nk,nkd->nd", weights_of(points, neighbors, noise_variance=1e12), neighbors)
    shifts = [
        np.linalg.norm(
            np.einsum("nk,nkd->nd", weights_of(points, neighbors, noise_variance=v), neighbors)
            - mean,
            axis=1,
        )
        for v in (0.0, 0.1, 1.0, 10.0)
    ]
    assert (np.diff(shifts, axis=0) < 0).all()


def test_predictions_beat_the_noise():
    """A linear function at a point seen through noise: smoothing is right more often than not."""
    rng = np.random.default_rng(0)
    neighbors = rng.normal(size=(2000, 30, 2))
    true = rng.normal(size=(2000, 2))
    noisy = true + 1.0 * rng.normal(size=true.shape)
    order = np.argsort(np.linalg.norm(neighbors - noisy[:, None], axis=2), axis=1)
    neighbors = np.take_along_axis(neighbors, order[:, :, None], axis=1)

    def error(noise_variance):
        weights = weights_of(noisy, neighbors, noise_variance=noise_variance)
        return ((np.einsum("nk,nkd->nd", weights, neighbors) - true) ** 2).mean()

    assert error(1.0) < 0.9 * error(0.0)


@pytest.mark.parametrize("noise_variance", [0.0, 0.3])
def test_order_of_the_nearer_neighbors_does_not_matter(noise_variance):
    points, neighbors = case(4)
    order = np.r_[np.random.default_rng(0).permutation(9), 9]  # the last one sets the scale
    whole = weights_of(points, neighbors, noise_variance=noise_variance)
    shuffled = weights_of(points, neighbors[:, order], noise_variance=noise_variance)
    assert_allclose(shuffled, whole[:, order], atol=1e-8)


def test_a_point_does_not_depend_on_the_batch():
    points, neighbors = case(5, n_points=50)
    whole = weights_of(points, neighbors, noise_variance=0.1)
    alone = [
        weights_of(points[[row]], neighbors[[row]], noise_variance=0.1)[0] for row in range(50)
    ]
    assert_allclose(whole, alone, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_rigid_motions_and_units_do_not_matter(unit):
    points, neighbors = case(6)
    rotation = ortho_group.rvs(3, random_state=0)
    whole = weights_of(points, neighbors, noise_variance=0.2)
    moved = weights_of(
        unit * points @ rotation + 1, unit * neighbors @ rotation + 1, noise_variance=0.2 * unit**2
    )
    assert_allclose(moved, whole, atol=1e-6)


@pytest.mark.parametrize("noise_variance", [0.0, 0.5])
def test_coinciding_neighbors_share(noise_variance):
    # One pair of neighbours in one place; then all of them, and the point too.
    points, neighbors = case(7)
    neighbors[:, 3] = neighbors[:, 2]
    weights = weights_of(points, neighbors, noise_variance=noise_variance)
    assert_allclose(weights[:, 2], weights[:, 3])
    nowhere = barycentric_weights(
        np.zeros((2, 4)), np.zeros((2, 4, 4)), noise_variance=noise_variance
    )
    assert_allclose(nowhere, 0.25)
    apart = barycentric_weights(np.ones((2, 4)), np.zeros((2, 4, 4)), noise_variance=noise_variance)
    assert_allclose(apart, 0.25)


def test_one_neighbor_takes_it_all():
    assert_allclose(barycentric_weights(np.array([[2.0]]), np.zeros((1, 1, 1))), [[1.0]])


def test_a_point_beside_the_plane_of_its_neighbors_is_projected():
    points, neighbors = case(8, dim=3)
    neighbors[:, :, 2] = 0.0
    order = np.argsort(np.linalg.norm(neighbors - points[:, None], axis=2), axis=1)
    neighbors = np.take_along_axis(neighbors, order[:, :, None], axis=1)
    weights = weights_of(points, neighbors, ridge=1e-9)
    predicted = np.einsum("nk,nkd->nd", weights, neighbors)
    assert_allclose(predicted, points * [1, 1, 0], atol=1e-5)


def test_distances_are_all_it_takes(rng):
    """Points in a space of any dimension come with the same weights as their isometric copies."""
    points, neighbors = case(9)
    stretched = np.zeros((6, 10, 8))
    stretched[..., :3] = neighbors
    lifted = np.zeros((6, 8))
    lifted[:, :3] = points
    rotation = ortho_group.rvs(8, random_state=0)
    assert_allclose(
        weights_of(lifted @ rotation, stretched @ rotation),
        weights_of(points, neighbors),
        atol=1e-9,
    )
    squares = cdist(neighbors[0], neighbors[0], "sqeuclidean")
    to_point = cdist(points[:1], neighbors[0], "sqeuclidean")
    assert_allclose(
        barycentric_weights(to_point, squares[None])[0], weights_of(points, neighbors)[0], atol=1e-9
    )
