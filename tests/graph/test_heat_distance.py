import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm
from scipy.sparse.csgraph import shortest_path

from skmanifold.datasets import make_sphere
from skmanifold.graph import (
    diffusion_distance,
    geodesic_distance,
    geodesic_masses,
    heat_cost,
    heat_kernel,
    inverse_lattice_rate,
    jump_length,
    kneighbors,
    laplacian,
    neighbor_graph,
    path_scale,
    potential_distance,
    self_tuning_affinity,
    triplet_denoised,
    union_graph,
    varadhan_distance,
)
from tests.graph.known_graphs import cycle, random_graph


@pytest.fixture
def generator(rng):
    return laplacian(random_graph(rng, n_nodes=30), np.ones(30))


@pytest.fixture
def kernel(generator):
    return heat_kernel(generator, 1.5)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def distances_of_rows(rows):
    """Euclidean distances by a loop."""
    return np.array([[np.sqrt(((a - b) ** 2).sum()) for b in rows] for a in rows])


# -- the rate function and its inverse


@pytest.mark.parametrize("t", [1e-3, 1.0, 50.0, 1e4])
@pytest.mark.parametrize("decade", range(-9, 10))
def test_inverse_rate_solves_its_equation(t, decade):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        k, time = mpmath.mpf(t) * mpmath.mpf(10) ** decade, mpmath.mpf(t)
        cost = k * mpmath.asinh(k / time) - mpmath.sqrt(k**2 + time**2) + time
        expected, cost = float(k), float(cost)
    found = inverse_lattice_rate(tensor([cost]), t).item()
    assert_allclose(found, expected, rtol=1e-12)


def test_inverse_rate_is_as_accurate_among_larger_costs():
    costs = tensor(np.geomspace(1e-12, 1e4, 300))
    alone = torch.cat([inverse_lattice_rate(cost[None], 3.0) for cost in costs])
    assert_allclose(inverse_lattice_rate(costs, 3.0), alone, rtol=1e-13)


def test_inverse_rate_has_varadhans_limit():
    cost, t = tensor([1e-8, 1e-4, 1e-2]), 1e6
    assert_allclose(inverse_lattice_rate(cost, t), np.sqrt(2 * t * cost.numpy()), rtol=1e-6)


def test_inverse_rate_has_the_ballistic_limit():
    t = 1e-6
    k = inverse_lattice_rate(tensor([10.0, 100.0, 1000.0]), t).numpy()
    assert_allclose(k * np.log(2 * k / t) - k, [10, 100, 1000], rtol=1e-6)


def test_inverse_rate_at_the_ends():
    k = inverse_lattice_rate(tensor([[0.0, np.inf], [1.0, 0.0]]), 2.0)
    assert k.shape == (2, 2)
    assert k[0, 0] == 0
    assert k[1, 1] == 0
    assert torch.isinf(k[0, 1])
    assert torch.isfinite(k[1, 0])
    assert_array_equal(inverse_lattice_rate(tensor([np.inf, np.inf]), 2.0), [np.inf, np.inf])


def test_inverse_rate_rises_with_cost_and_time():
    costs = tensor(np.geomspace(1e-6, 1e5, 400))
    assert (inverse_lattice_rate(costs, 0.7).diff() > 0).all()
    times = tensor(np.geomspace(1e-3, 1e5, 400))
    assert (inverse_lattice_rate(torch.ones(400, dtype=torch.float64), times).diff() > 0).all()


def test_inverse_rate_is_homogeneous():
    # Of many walks side by side the chances multiply: cost, time and distance scale together.
    costs = tensor(np.geomspace(1e-3, 1e3, 50))
    once = inverse_lattice_rate(costs, 2.0)
    assert_allclose(inverse_lattice_rate(7 * costs, 14.0), 7 * once, rtol=1e-12)


# -- the cost


def test_cost_by_brute_force(kernel):
    logs = np.log(kernel.numpy())
    cost = heat_cost(kernel).numpy()
    for i in range(30):
        for j in range(30):
            expected = (logs[i, i] + logs[j, j]) / 2 - logs[i, j]
            assert_allclose(cost[i, j], max(expected, 0), atol=1e-12)


def test_cost_is_a_dissimilarity(kernel):
    cost = heat_cost(kernel)
    assert_array_equal(cost, cost.T)
    assert_array_equal(cost.diagonal(), 0)
    assert (cost >= 0).all()


def test_cost_forgets_any_factor_of_the_nodes(rng, kernel):
    factor = tensor(rng.uniform(0.1, 10, size=30))
    scaled = factor[:, None] * kernel * factor
    assert_allclose(heat_cost(scaled), heat_cost(kernel), atol=1e-12)


def test_cost_without_volume_correction(kernel):
    expected = np.maximum(-np.log(kernel.numpy()), 0)
    np.fill_diagonal(expected, 0)
    assert_allclose(heat_cost(kernel, volume_correction=0.0), expected, rtol=1e-12, atol=1e-12)


def test_cost_is_infinite_where_no_heat_arrives():
    cost = heat_cost(torch.eye(3, dtype=torch.float64))
    assert_array_equal(cost, np.where(np.eye(3) == 1, 0, np.inf))


def test_cost_takes_the_longer_of_two_directions():
    one_way = tensor([[0.5, 0.0], [1e-300, 0.5]])  # one direction underflowed
    assert torch.isinf(heat_cost(one_way)[[0, 1], [1, 0]]).all()


# -- geodesic distances


@pytest.mark.parametrize("t", [0.5, 2.0, 8.0, 32.0, 128.0, 512.0])
def test_walk_on_the_integers_hardly_depends_on_time(t):
    n_nodes = 301
    weights = cycle(n_nodes) / 2  # one jump per unit of time
    kernel = heat_kernel(laplacian(weights, np.ones(n_nodes)), t)
    steps = np.arange(10, 100)
    distances = geodesic_distance(kernel, t, dim=1, jump=1.0)[0, 10:100]
    assert_allclose(distances, steps, rtol=0.05)


def test_jump_is_the_unit(kernel):
    once = geodesic_distance(kernel, 1.5, dim=2, jump=1.0)
    assert_allclose(geodesic_distance(kernel, 1.5, dim=2, jump=4.0), 4 * once)


def test_dimension_divides_the_time(kernel):
    by_hand = inverse_lattice_rate(heat_cost(kernel), 0.5)
    assert_allclose(geodesic_distance(kernel, 1.5, dim=3, jump=1.0), by_hand)


def test_volume_correction_reaches_the_cost(kernel):
    by_hand = inverse_lattice_rate(heat_cost(kernel, volume_correction=0.3), 1.5)
    found = geodesic_distance(kernel, 1.5, dim=1, jump=1.0, volume_correction=0.3)
    assert_allclose(found, by_hand)


@pytest.mark.parametrize("seed", range(2))
def test_sphere(seed):
    ball = make_sphere(1000, radius=3.0, random_state=seed)
    lengths, indices = kneighbors(ball.X, 15)
    graph = union_graph(neighbor_graph(lengths, indices))
    weights = self_tuning_affinity(graph, lengths[:, -1])
    masses = geodesic_masses(weights, graph)
    jump = jump_length(weights, graph, masses)
    kernel = heat_kernel(laplacian(weights, masses), 8.0)
    pairs = np.triu_indices(1000, 1)
    found = geodesic_distance(kernel, 8.0, dim=2, jump=jump).numpy()[pairs]
    true = ball.geodesic_distances()[pairs]
    assert np.corrcoef(found, true)[0, 1] >= 0.99
    assert_allclose(found @ true / (true @ true), 1, atol=0.06)  # in the units of the data
    unit = path_scale(found, shortest_path(graph, directed=False)[pairs])
    assert_allclose(unit * found @ true / (true @ true), 1, atol=0.03)


# -- the published distances


@pytest.mark.parametrize("volume_correction", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("t", [0.2, 5.0])
def test_varadhan_by_brute_force(generator, t, volume_correction):
    heat = expm(-t * generator.toarray())
    expected = np.zeros((30, 30))
    for i in range(30):
        for j in range(30):
            square = -4 * t * np.log(heat[i, j] + 1e-16)
            volume = (heat[i, i] + heat[j, j]) / 2
            square += volume_correction * 4 * t * np.log(volume + 1e-16)
            expected[i, j] = np.sqrt(max(square, 0))
    found = varadhan_distance(heat_kernel(generator, t), t, volume_correction=volume_correction)
    # Near 0 the root magnifies rounding.
    assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_varadhan_is_finite_without_heat():
    found = varadhan_distance(tensor([[1.0, -1e-18], [0.0, 1.0]]), 2.0)
    assert_allclose(found[0, 1], np.sqrt(-8 * np.log(1e-16)))
    assert_allclose(found[1, 0], np.sqrt(-8 * np.log(1e-16)))


def test_potential_by_brute_force(kernel):
    expected = distances_of_rows(-np.log(kernel.numpy() + 1e-7))
    assert_allclose(potential_distance(kernel), expected, atol=1e-6)


def test_potential_takes_rounding_below_zero():
    # The Chebyshev kernel may be negative by its error.
    found = potential_distance(tensor([[1.0, -1e-18], [-1e-18, 1.0]]))
    assert_allclose(found[0, 1], np.sqrt(2) * -np.log(1e-7), rtol=1e-6)


def test_diffusion_is_a_sum_over_eigenvectors(generator):
    t = 1.5
    values, vectors = np.linalg.eigh(generator.toarray())
    expected = distances_of_rows(vectors * np.exp(-t * values))
    assert_allclose(diffusion_distance(heat_kernel(generator, t)), expected, atol=1e-7)


@pytest.mark.parametrize("distance", [diffusion_distance, potential_distance])
@pytest.mark.parametrize("n_nodes", [5, 60])  # torch computes large blocks in another way
def test_row_distances_are_zero_on_the_diagonal(distance, n_nodes):
    found = distance(heat_kernel(laplacian(cycle(n_nodes), np.ones(n_nodes)), 1.0))
    assert_array_equal(found.diagonal(), 0)


def test_triplet_by_brute_force(kernel):
    distances = geodesic_distance(kernel, 1.5, dim=2, jump=1.0)
    rows = distances_of_rows(distances.numpy())
    mixed = triplet_denoised(distances, 0.3)
    assert_allclose(mixed, 0.7 * distances.numpy() + 0.3 * rows, atol=1e-6)
    assert_allclose(triplet_denoised(distances, 1.0), rows, atol=1e-6)
    assert_array_equal(triplet_denoised(distances, 0.0), distances)


# -- the unit


def test_path_scale_is_the_factor():
    distances = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 4.0], [2.0, 4.0, 0.0]])
    assert_allclose(path_scale(distances, 2.5 * distances), 2.5)


def test_path_scale_skips_what_says_nothing():
    nothing = [(0.0, 5.0), (1.0, 0.0), (1.0, np.inf), (np.inf, 1.0)]
    distances, paths = np.array(5 * nothing + [(3.0, 6.0), (2.0, 4.0)]).T
    assert path_scale(distances, paths) == 2.0
    assert path_scale(np.zeros(3), np.ones(3)) == 1.0
    assert path_scale(np.ones(3), np.full(3, np.inf)) == 1.0


def test_path_scale_is_robust():
    distances = np.ones(101)
    paths = np.where(np.arange(101) < 30, 1e6, 3.0)
    assert path_scale(distances, paths) == 3.0


@pytest.mark.gpu
def test_distances_on_the_gpu(kernel):
    for distance in (
        lambda k: geodesic_distance(k, 1.5, dim=2, jump=1.0),
        lambda k: varadhan_distance(k, 1.5),
        potential_distance,
        diffusion_distance,
        lambda k: triplet_denoised(diffusion_distance(k), 0.5),
    ):
        assert_allclose(distance(kernel.cuda()).cpu(), distance(kernel), rtol=1e-6, atol=1e-6)
