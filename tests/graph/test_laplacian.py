import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import block_diag, csr_array

from skmanifold.graph import (
    degrees,
    geodesic_distance,
    geodesic_masses,
    heat_kernel,
    jump_length,
    kneighbors,
    laplacian,
    neighbor_graph,
    self_tuning_affinity,
    union_graph,
)
from tests.graph.known_graphs import complete, cycle, from_edges, hypercube, path, star
from tests.graph.known_graphs import random_graph as weighted_graph


def spectrum(weights, masses):
    return np.linalg.eigvalsh(laplacian(weights, masses).toarray())


@pytest.fixture
def weights(rng):
    return weighted_graph(rng)


@pytest.fixture
def lengths(rng, weights):
    """Lengths of the same edges."""
    rows, columns = np.triu(weights.toarray()).nonzero()
    return from_edges(weights.shape[0], rows, columns, rng.uniform(0.5, 2, size=len(rows)))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (cycle(11), 2 - 2 * np.cos(2 * np.pi * np.arange(11) / 11)),
        (path(8), 2 - 2 * np.cos(np.pi * np.arange(8) / 8)),
        (complete(6), [0, 6, 6, 6, 6, 6]),
        (star(5), [0, 1, 1, 1, 1, 6]),
        (hypercube(4), np.repeat([0, 2, 4, 6, 8], [1, 4, 6, 4, 1])),
    ],
    ids=["cycle", "path", "complete", "star", "hypercube"],
)
def test_spectra_of_known_graphs(weights, expected):
    assert_allclose(spectrum(weights, np.ones(weights.shape[0])), np.sort(expected), atol=1e-12)


def test_normalized_spectra():
    # Complete: 0 and n / (n - 1). Bipartite, such as a star: symmetric about 1.
    assert_allclose(spectrum(complete(5), np.full(5, 4.0)), [0, 1.25, 1.25, 1.25, 1.25], atol=1e-12)
    assert_allclose(spectrum(star(4), degrees(star(4))), [0, 1, 1, 1, 2], atol=1e-12)


def test_normalized_laplacian_is_that_of_scipy(weights):
    from scipy.sparse.csgraph import laplacian as of_scipy

    expected = of_scipy(weights, normed=True).toarray()
    assert_allclose(laplacian(weights, degrees(weights)).toarray(), expected, atol=1e-15)


def test_entries_by_brute_force(rng, weights):
    masses = rng.uniform(0.5, 2, size=40)
    dense, matrix = weights.toarray(), laplacian(weights, masses).toarray()
    for i in range(40):
        for j in range(40):
            plain = dense[i].sum() if i == j else -dense[i, j]
            assert_allclose(matrix[i, j], plain / np.sqrt(masses[i] * masses[j]))


def test_quadratic_form_and_null_vector(rng, weights):
    masses = rng.uniform(0.5, 2, size=40)
    matrix, signal = laplacian(weights, masses), rng.normal(size=40)
    apart = signal[:, None] - signal
    scaled = np.sqrt(masses) * signal
    assert_allclose(scaled @ (matrix @ scaled), (weights.toarray() * apart**2).sum() / 2)
    assert_allclose(matrix @ np.sqrt(masses), 0, atol=1e-14)


def test_degrees_are_row_sums(weights):
    assert_allclose(degrees(weights), weights.toarray().sum(axis=1))
    assert degrees(weights).ndim == 1


def test_geodesic_masses_spread_heat_equally(weights, lengths):
    masses = geodesic_masses(weights, lengths)
    dense, spans = weights.toarray(), lengths.toarray()
    spread = [sum(dense[i] * spans[i] ** 2) / masses[i] for i in range(40)]
    assert_allclose(spread, jump_length(weights, lengths, masses) ** 2)
    assert_allclose(np.median(degrees(weights) / masses), 1)  # the median node leaves at rate 1


def test_geodesic_masses_on_equal_edges_are_the_degrees(weights):
    lengths = weights.copy()
    lengths.data[:] = 3.0
    masses = geodesic_masses(weights, lengths)
    assert_allclose(masses, degrees(weights))
    assert_allclose(jump_length(weights, lengths, masses), 3.0)


def test_nodes_without_edges_do_not_count(weights, lengths):
    # They have no mass, and the others theirs as if alone.
    more = [csr_array(block_diag([matrix, csr_array((45, 45))])) for matrix in (weights, lengths)]
    masses = geodesic_masses(*more)
    assert_allclose(masses[:40], geodesic_masses(weights, lengths))
    assert_array_equal(masses[40:], 0)
    assert_array_equal(geodesic_masses(csr_array((3, 3)), csr_array((3, 3))), 0)


def test_units(weights, lengths):
    masses = geodesic_masses(weights, lengths)
    jump = jump_length(weights, lengths, masses)
    assert_allclose(geodesic_masses(weights, 10 * lengths), masses)
    assert_allclose(jump_length(weights, 10 * lengths, masses), 10 * jump)
    assert_allclose(geodesic_masses(5 * weights, lengths), 5 * masses)
    assert_allclose(jump_length(5 * weights, lengths, 5 * masses), jump)


def test_jump_length_is_the_median_root_mean_square(rng, weights, lengths):
    masses = rng.uniform(0.5, 2, size=40)
    dense, spans = weights.toarray(), lengths.toarray()
    jumps = [np.sqrt((dense[i] * spans[i] ** 2).sum() / masses[i]) for i in range(40)]
    assert_allclose(jump_length(weights, lengths, masses), np.median(jumps))


def test_geodesic_masses_take_the_density_out():
    """On a circle sampled four times denser on one side, equal arcs come out equally long."""
    n_nodes = 400
    share = (np.arange(n_nodes) + 0.5) / n_nodes
    angle = 2 * np.pi * share + 0.6 * np.sin(2 * np.pi * share)
    lengths, indices = kneighbors(np.c_[np.cos(angle), np.sin(angle)], 8)
    graph = union_graph(neighbor_graph(lengths, indices))
    weights = self_tuning_affinity(graph, lengths[:, -1])
    gap = np.abs(angle[:, None] - angle)
    arc = np.minimum(gap, 2 * np.pi - gap)
    moderate = (arc > 0.3) & (arc < 1)

    def unevenness(masses):
        kernel = heat_kernel(laplacian(weights, masses), 16.0)
        ratio = geodesic_distance(kernel, 16.0, dim=1, jump=1.0).numpy()[moderate] / arc[moderate]
        return ratio.std() / ratio.mean()

    assert unevenness(geodesic_masses(weights, graph)) < 0.04
    assert unevenness(np.ones(n_nodes)) > 0.2  # the case is one where masses matter


def test_inputs_are_left_alone(weights, lengths):
    before = weights.copy(), lengths.copy()
    laplacian(weights, geodesic_masses(weights, lengths))
    assert_array_equal(weights.toarray(), before[0].toarray())
    assert_array_equal(lengths.toarray(), before[1].toarray())
