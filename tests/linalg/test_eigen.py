import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from scipy.sparse import block_diag, csr_array

from skmanifold.graph import laplacian
from skmanifold.linalg import deterministic_signs, smallest_eigenpairs
from tests.graph.known_graphs import cycle, hypercube, path, random_graph


def combinatorial(weights):
    return laplacian(weights, np.ones(weights.shape[0]))


@pytest.mark.parametrize("n_nodes", [30, 400])  # by the dense solver and by the sparse one
def test_path_in_closed_form(n_nodes):
    values, vectors = smallest_eigenpairs(combinatorial(path(n_nodes)), 5)
    node, wave = np.arange(n_nodes)[:, None], np.arange(5)
    expected = np.cos(np.pi * wave * (node + 0.5) / n_nodes)
    expected /= np.linalg.norm(expected, axis=0)
    assert_allclose(values, 2 - 2 * np.cos(np.pi * wave / n_nodes), atol=1e-12)
    assert_allclose(np.abs((vectors * expected).sum(axis=0)), 1, atol=1e-8)


@pytest.mark.parametrize("n_nodes", [60, 350])
def test_agrees_with_the_dense_solver(n_nodes, rng):
    generator = laplacian(random_graph(rng, n_nodes), rng.uniform(0.5, 2, size=n_nodes))
    values, vectors = smallest_eigenpairs(generator, 8)
    expected_values, expected = np.linalg.eigh(generator.toarray())
    assert_allclose(values, expected_values[:8], atol=1e-10)
    assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-10)
    assert_allclose(generator @ vectors, vectors * values, atol=1e-8)
    assert subspace_angles(vectors, expected[:, :8]).max() < 1e-5
    assert_array_equal(deterministic_signs(vectors), vectors)


def test_repeated_eigenvalues():
    values, vectors = smallest_eigenpairs(combinatorial(hypercube(9)), 11)
    assert_allclose(values, [0] + 9 * [2] + [4], atol=1e-10)
    assert_allclose(vectors.T @ vectors, np.eye(11), atol=1e-10)
    values, _ = smallest_eigenpairs(combinatorial(cycle(301)), 5)
    expected = 2 - 2 * np.cos(2 * np.pi * np.array([0, 1, 1, 2, 2]) / 301)
    assert_allclose(values, expected, atol=1e-12)


def test_one_zero_for_every_part():
    parts = csr_array(block_diag([path(20), path(30), cycle(40)]))
    values, vectors = smallest_eigenpairs(combinatorial(parts), 4)
    assert_allclose(values[:3], 0, atol=1e-12)
    assert values[3] > 1e-4
    # The null space is spanned by the indicators of the parts: constant on each.
    for part in np.split(vectors[:, :3], [20, 50]):
        assert_allclose(part - part[0], 0, atol=1e-10)


@pytest.mark.parametrize("n_nodes", [5, 300])
def test_repeats(n_nodes):
    first, second = (smallest_eigenpairs(combinatorial(cycle(n_nodes)), 3) for _ in range(2))
    assert_array_equal(first[1], second[1])


def test_all_pairs():
    values, vectors = smallest_eigenpairs(combinatorial(cycle(6)), 6)
    assert_allclose(values, [0, 1, 1, 3, 3, 4], atol=1e-12)
    rebuilt = vectors @ np.diag(values) @ vectors.T
    assert_allclose(rebuilt, combinatorial(cycle(6)).toarray(), atol=1e-12)
