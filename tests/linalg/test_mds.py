import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.manifold import smacof as smacof_of_sklearn
from sklearn.utils import check_random_state

from skmanifold.linalg import (
    classical_mds,
    normalized_stress,
    raw_stress,
    smacof,
    stochastic_mds,
)


def tensor(array):
    return torch.tensor(array, dtype=torch.float64)


def euclidean(seed, n_points=40, dim=2):
    """Distances of points of the plane, or of another space."""
    points = np.random.default_rng(seed).normal(size=(n_points, dim))
    return tensor(cdist(points, points))


def spherical(seed, n_points=60):
    """Great-circle distances, which no plane has."""
    points = np.random.default_rng(seed).normal(size=(n_points, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    angles = np.arccos(np.clip(points @ points.T, -1, 1))
    np.fill_diagonal(angles, 0)
    return tensor(angles)


def random_start(seed, n_points, dim=2):
    return tensor(np.random.default_rng(seed + 100).normal(size=(n_points, dim)))


def random_weights(seed, n_points):
    half = np.triu(np.random.default_rng(seed + 200).uniform(0.1, 2, size=2 * [n_points]), 1)
    return tensor(half + half.T)


def brute_stress(points, distances, weights=None):
    total = 0.0
    for i in range(len(points)):
        for j in range(i):
            error = np.linalg.norm(points[i] - points[j]) - distances[i, j]
            total += error**2 * (1 if weights is None else float(weights[i, j]))
    return total


def global_states():
    """What the global generators of numpy and torch go on from."""
    of_numpy = check_random_state(None).get_state()
    return of_numpy[1].tolist(), of_numpy[2], torch.get_rng_state().tolist()


# -- classical scaling


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_classical_scaling_is_exact_on_euclidean_distances(seed, dim):
    distances = euclidean(seed, dim=dim)
    points = classical_mds(distances, dim).numpy()
    assert_allclose(cdist(points, points), distances, atol=1e-9)
    assert_allclose(points.mean(axis=0), 0, atol=1e-10)
    covariance = np.cov(points.T).reshape(dim, dim)
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    assert (np.diff(np.diag(covariance)) <= 0).all()
    assert (points[np.abs(points).argmax(axis=0), np.arange(dim)] > 0).all()


def test_classical_scaling_pads_with_zeros():
    points = classical_mds(euclidean(0, n_points=4, dim=2), 7)
    assert points.shape == (4, 7)
    assert_allclose(points[:, 2:], 0, atol=1e-6)
    assert_array_equal(points[:, 4:], 0)
    assert_allclose(torch.cdist(points, points), euclidean(0, n_points=4), atol=1e-9)


def test_classical_scaling_drops_negative_directions():
    # Four points at distance 1, 1, 1, 1, 2, 2 around a cycle: no space has them.
    cycle = tensor([[0.0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])
    points = classical_mds(cycle, 4)
    assert torch.isfinite(points).all()
    gram = -(cycle**2 - (cycle**2).mean(0) - (cycle**2).mean(1)[:, None] + (cycle**2).mean()) / 2
    positive = np.clip(np.linalg.eigvalsh(gram)[::-1], 0, None)
    assert_allclose((points**2).sum(0), positive, atol=1e-12)


def test_classical_scaling_of_one_point():
    assert_array_equal(classical_mds(torch.zeros(1, 1, dtype=torch.float64), 2), [[0, 0]])


def test_classical_scaling_knows_no_order():
    distances, order = euclidean(1), np.random.default_rng(0).permutation(40)
    shuffled = classical_mds(distances[order][:, order], 2)
    assert_allclose(shuffled, classical_mds(distances, 2)[order], atol=1e-9)


# -- stress


@pytest.mark.parametrize("weighted", [False, True])
def test_stress_by_loops(weighted):
    distances, points = spherical(0, 15), random_start(0, 15)
    weights = random_weights(0, 15) if weighted else None
    expected = brute_stress(points.numpy(), distances.numpy(), weights)
    assert_allclose(raw_stress(points, distances, weights), expected)
    everything = brute_stress(np.zeros((15, 2)), distances.numpy(), weights)
    found = normalized_stress(points, distances, weights)
    assert_allclose(found, np.sqrt(expected / everything))


def test_normalized_stress_between_perfect_and_collapsed():
    distances = euclidean(0)
    assert normalized_stress(classical_mds(distances, 2), distances) < 1e-7
    assert normalized_stress(torch.zeros(40, 2, dtype=torch.float64), distances) == 1
    assert normalized_stress(tensor([[1.0], [1.0]]), torch.zeros(2, 2)) == 0


def test_normalized_stress_knows_no_unit():
    distances, points = spherical(0), random_start(0, 60)
    expected = normalized_stress(points, distances)
    assert_allclose(normalized_stress(1e4 * points, 1e4 * distances), expected)


# -- majorisation


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_smacof_lowers_the_stress_with_every_step(seed, weighted):
    distances, points = spherical(seed), random_start(seed, 60)
    weights = random_weights(seed, 60) if weighted else None
    stresses = [raw_stress(points, distances, weights)]
    for _ in range(30):
        points, n_iter = smacof(distances, points, weights=weights, max_iter=1, tol=0)
        assert n_iter == 1
        stresses.append(raw_stress(points, distances, weights))
    assert (np.diff(stresses) < 0).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_smacof_many_steps_are_single_steps(weighted):
    distances, start = spherical(0), random_start(0, 60)
    weights = random_weights(0, 60) if weighted else None
    points = start
    for _ in range(5):
        points, _ = smacof(distances, points, weights=weights, max_iter=1)
    at_once, n_iter = smacof(distances, start, weights=weights, max_iter=5, tol=0)
    assert n_iter == 5
    assert_allclose(at_once, points, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_smacof_reaches_zero_where_it_can(seed, weighted):
    distances = euclidean(seed, n_points=30)
    noise = 0.1 * random_start(seed, 30)
    weights = random_weights(seed, 30) if weighted else None
    points, _ = smacof(
        distances, classical_mds(distances, 2) + noise, weights=weights, max_iter=3000, tol=0
    )
    assert normalized_stress(points, distances) < 1e-6


def test_smacof_stays_at_a_solution():
    distances = euclidean(0)
    start = classical_mds(distances, 2)
    points, n_iter = smacof(distances, start)
    assert_allclose(points, start, atol=1e-6)
    assert n_iter < 300


@pytest.mark.parametrize("seed", range(3))
def test_smacof_ends_where_that_of_sklearn_does(seed):
    distances, start = spherical(seed), random_start(seed, 60)
    theirs, _ = smacof_of_sklearn(
        distances.numpy(), init=start.numpy(), n_init=1, max_iter=3000, eps=1e-12
    )
    ours, _ = smacof(distances, start, max_iter=3000, tol=1e-12)
    assert_allclose(raw_stress(ours, distances), raw_stress(tensor(theirs), distances), rtol=1e-3)


def test_smacof_ignores_a_pair_without_weight():
    distances, outlier = euclidean(0), euclidean(0)
    outlier[3, 7] = outlier[7, 3] = 1e3
    weights = torch.ones(40, 40, dtype=torch.float64)
    weights[3, 7] = weights[7, 3] = 0.0
    start = classical_mds(distances, 2) + 0.1 * random_start(0, 40)
    points, _ = smacof(outlier, start, weights=weights, max_iter=3000, tol=0)
    assert_allclose(torch.cdist(points, points), distances, atol=1e-5)
    misled, _ = smacof(outlier, start, max_iter=3000, tol=0)
    assert normalized_stress(misled, distances) > 0.1  # without weights it does matter


def test_smacof_equal_weights_are_no_weights():
    distances, start = spherical(0), random_start(0, 60)
    weights = torch.full((60, 60), 3.0, dtype=torch.float64)
    plain, _ = smacof(distances, start, max_iter=20, tol=0)
    weighted, _ = smacof(distances, start, weights=weights, max_iter=20, tol=0)
    assert_allclose(weighted, plain - plain.mean(0), atol=1e-9)


def test_smacof_heavier_pairs_are_truer():
    distances, start = spherical(1), random_start(1, 60)
    near = distances < 0.7
    weights = torch.where(near, 50.0, 1.0).double()

    def error_of_near_pairs(weights):
        points, _ = smacof(distances, start, weights=weights, max_iter=500)
        return float((torch.cdist(points, points) - distances)[near].square().mean())

    assert error_of_near_pairs(weights) < error_of_near_pairs(None)


def test_smacof_follows_the_unit():
    distances, start = spherical(0), random_start(0, 60)
    once, n_once = smacof(distances, start)
    scaled, n_scaled = smacof(1e5 * distances, 1e5 * start)
    assert n_scaled == n_once
    assert_allclose(scaled, 1e5 * once, rtol=1e-6, atol=1)


def test_smacof_stops_early_for_a_loose_tolerance():
    distances, start = spherical(0), random_start(0, 60)
    steps = [smacof(distances, start, tol=tol)[1] for tol in (1e-1, 1e-3, 1e-5)]
    assert steps[0] < steps[1] < steps[2]


def test_smacof_without_steps_returns_the_start():
    points, n_iter = smacof(spherical(0), random_start(0, 60), max_iter=0)
    assert n_iter == 0
    assert_array_equal(points, random_start(0, 60))


@pytest.mark.parametrize("n_points", [1, 2])
def test_smacof_of_very_few_points(n_points):
    distances = 3 * (torch.ones(n_points, n_points) - torch.eye(n_points)).double()
    points, _ = smacof(distances, random_start(0, n_points))
    assert_allclose(torch.cdist(points, points), distances, atol=1e-8)


# -- stochastic gradients


@pytest.mark.parametrize("n_points", [60, 61])
@pytest.mark.parametrize("seed", range(3))
def test_stochastic_comes_near_the_stress_of_smacof(seed, n_points):
    distances = spherical(seed, n_points)
    start = classical_mds(distances, 2)
    best, _ = smacof(distances, start, max_iter=1000)
    points, n_epochs = stochastic_mds(distances, start, n_epochs=60, seed=seed)
    assert n_epochs == 60
    assert normalized_stress(points, distances) < 1.05 * normalized_stress(best, distances)


def test_stochastic_unfolds_a_random_start():
    distances = euclidean(0)
    points, _ = stochastic_mds(distances, random_start(0, 40), n_epochs=100, seed=1)
    assert normalized_stress(points, distances) < 0.05


def test_stochastic_repeats_with_its_seed_and_touches_no_other():
    distances, start = spherical(0), random_start(0, 60)
    before, states = start.clone(), global_states()
    once, _ = stochastic_mds(distances, start, n_epochs=3, seed=4)
    again, _ = stochastic_mds(distances, start, n_epochs=3, seed=4)
    other, _ = stochastic_mds(distances, start, n_epochs=3, seed=5)
    assert_array_equal(once, again)
    assert not torch.equal(once, other)
    assert_array_equal(start, before)
    assert global_states() == states


def test_stochastic_ignores_a_pair_without_weight():
    distances, outlier = euclidean(0), euclidean(0)
    outlier[3, 7] = outlier[7, 3] = 1e3
    weights = torch.ones(40, 40, dtype=torch.float64)
    weights[3, 7] = weights[7, 3] = 0.0
    start = classical_mds(distances, 2) + 0.1 * random_start(0, 40)
    points, _ = stochastic_mds(outlier, start, weights=weights, n_epochs=60)
    assert normalized_stress(points, distances) < 0.02
    misled, _ = stochastic_mds(outlier, start, n_epochs=60)
    assert normalized_stress(misled, distances) > 0.1


def test_stochastic_first_step_settles_a_pair():
    distances, start = tensor([[0.0, 5.0], [5.0, 0.0]]), tensor([[1.0, 1.0], [1.0, 3.0]])
    points, _ = stochastic_mds(distances, start, n_epochs=1)
    assert_allclose(points, [[1, -0.5], [1, 4.5]])  # about the same midpoint


def test_stochastic_of_one_point():
    points, n_epochs = stochastic_mds(torch.zeros(1, 1).double(), random_start(0, 1))
    assert n_epochs == 0
    assert_array_equal(points, random_start(0, 1))


@pytest.mark.gpu
@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_on_the_gpu(weighted):
    distances = spherical(0)
    weights = random_weights(0, 60) if weighted else None
    there = None if weights is None else weights.cuda()
    start = classical_mds(distances.cuda(), 2)
    assert start.is_cuda
    assert_allclose(start.cpu(), classical_mds(distances, 2), atol=1e-8)
    points, _ = smacof(distances.cuda(), start, weights=there, max_iter=50, tol=0)
    expected, _ = smacof(distances, start.cpu(), weights=weights, max_iter=50, tol=0)
    assert_allclose(points.cpu(), expected, atol=1e-6)
    points, _ = stochastic_mds(distances.cuda(), start, weights=there, seed=3)
    expected, _ = stochastic_mds(distances, start.cpu(), weights=weights, seed=3)
    assert_allclose(points.cpu(), expected, atol=1e-6)
