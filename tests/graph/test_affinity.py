import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context

from skmanifold.graph import (
    alpha_decay_affinity,
    connectivity,
    jaccard_affinity,
    kneighbors,
    neighbor_graph,
    pruned_graph,
    self_tuning_affinity,
    snn_affinity,
    union_graph,
)


@pytest.fixture
def X(rng):
    return rng.normal(size=(60, 3))


@pytest.fixture
def knn(X):
    return kneighbors(X, 6)


@pytest.fixture
def neighbors(knn):
    """Directed neighbour graph."""
    return neighbor_graph(*knn)


@pytest.fixture
def graph(neighbors):
    return union_graph(neighbors)


@pytest.fixture
def scales(knn):
    return knn[0][:, -1]


def brute_self_tuning(graph, scales):
    lengths, weights = graph.toarray(), np.zeros(graph.shape)
    for i in range(len(weights)):
        for j in range(len(weights)):
            if lengths[i, j] > 0:
                weights[i, j] = np.exp(-(lengths[i, j] ** 2) / (scales[i] * scales[j]))
    return weights


def brute_jaccard(graph, neighbors):
    lengths, weights = graph.toarray(), np.zeros(graph.shape)
    sets = [{i, *np.flatnonzero(row)} for i, row in enumerate(neighbors.toarray())]
    for i in range(len(weights)):
        for j in range(len(weights)):
            if lengths[i, j] > 0:
                shared = max(len(sets[i] & sets[j]), 1)
                # An overlap of none counts as one of 1, also in the size of the union.
                weights[i, j] = shared / len(sets[i] | sets[j])
    return weights


def test_connectivity(graph):
    assert_array_equal(connectivity(graph).toarray(), graph.toarray() > 0)


def test_self_tuning_by_loops(graph, scales):
    found = self_tuning_affinity(graph, scales).toarray()
    assert_allclose(found, brute_self_tuning(graph, scales))
    assert_array_equal(found, found.T)


def test_self_tuning_knows_no_unit(graph, scales):
    found = self_tuning_affinity(1e3 * graph, 1e3 * scales)
    assert_allclose(found.toarray(), self_tuning_affinity(graph, scales).toarray())


def test_self_tuning_loses_no_edge():
    # An edge a thousand bandwidths long: its weight is small, but not 0.
    graph = csr_array(np.array([[0.0, 1e3, 0.0], [1e3, 0.0, 1e6], [0.0, 1e6, 0.0]]))
    weights = self_tuning_affinity(graph, np.ones(3)).toarray()
    assert_array_equal(weights > 0, graph.toarray() > 0)
    assert weights.max() < 1e-10


def test_jaccard_by_loops(graph, neighbors):
    assert_allclose(jaccard_affinity(graph, neighbors).toarray(), brute_jaccard(graph, neighbors))


def test_jaccard_is_one_in_a_clique():
    clique = csr_array(np.ones((5, 5)) - np.eye(5))
    assert_allclose(jaccard_affinity(clique, clique).toarray(), clique.toarray())


def test_jaccard_of_strangers_is_small_but_not_none():
    # Two directed triangles; an edge of the graph joins nodes whose neighbourhoods are disjoint.
    triangle = np.ones((3, 3)) - np.eye(3)
    neighbors = csr_array(np.kron(np.eye(2), triangle))
    bridge = np.zeros((6, 6))
    bridge[0, 5] = bridge[5, 0] = 1.0
    found = jaccard_affinity(csr_array(bridge), neighbors).toarray()
    assert_allclose(found[0, 5], 1 / 6)
    assert found[0, 5] < jaccard_affinity(csr_array(neighbors), neighbors).toarray()[0, 1]


def test_jaccard_weighs_overlap_and_not_lengths(graph, neighbors):
    weighted = neighbors.copy()
    weighted.data *= 1e3
    expected = jaccard_affinity(graph, neighbors).toarray()
    assert_array_equal(jaccard_affinity(7 * graph, weighted).toarray(), expected)


def test_snn_is_the_gaussian_times_the_squared_overlap(neighbors, scales):
    pruned = pruned_graph(neighbors)
    expected = brute_self_tuning(pruned, scales) * brute_jaccard(pruned, neighbors) ** 2
    found = snn_affinity(pruned, neighbors, scales)
    assert_allclose(found.toarray(), expected)
    assert found.nnz == pruned.nnz  # no edge is lost


@pytest.mark.parametrize("decay", [2.0, 40.0])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_alpha_decay_by_loops(X, scales, decay, metric):
    order = {"euclidean": 2, "manhattan": 1}[metric]
    expected = np.zeros((60, 60))
    for i in range(60):
        for j in range(60):
            distance = np.linalg.norm(X[i] - X[j], ord=order)
            there = np.exp(-((distance / scales[i]) ** decay))
            back = np.exp(-((distance / scales[j]) ** decay))
            if i != j:
                mean = sum(w for w in (there, back) if w > 1e-4) / 2
                expected[i, j] = mean if mean >= 1e-4 else 0
    found = alpha_decay_affinity(X, scales, decay=decay, metric=metric)
    assert_allclose(found.toarray(), expected, atol=1e-10)
    assert found.nnz == (expected > 0).sum()


def test_alpha_decay_tends_to_a_step(X, scales):
    apart = np.linalg.norm(X[:, None] - X, axis=2)
    clear = np.abs(apart / scales[:, None] - 1) > 0.05
    within = (apart <= scales[:, None]) & ~np.eye(60, dtype=bool)
    found = alpha_decay_affinity(X, scales, decay=1000.0).toarray()
    both = clear & clear.T
    assert_allclose(found[both], ((within * 1.0 + within.T) / 2)[both])


def test_alpha_decay_of_distances(X, scales):
    apart = np.linalg.norm(X[:, None] - X, axis=2)
    found = alpha_decay_affinity(apart, scales, metric="precomputed")
    assert_allclose(found.toarray(), alpha_decay_affinity(X, scales).toarray(), atol=1e-9)


def test_alpha_decay_threshold(X, scales):
    dense = alpha_decay_affinity(X, scales, decay=2.0, threshold=0.0)
    sparse = alpha_decay_affinity(X, scales, decay=2.0, threshold=0.3)
    assert dense.nnz == 60 * 59
    assert 0 < sparse.nnz < dense.nnz
    assert sparse.data.min() >= 0.3


def test_alpha_decay_chunks_do_not_show(X, scales):
    whole = alpha_decay_affinity(X, scales)
    with config_context(working_memory=1e-3):
        chunked = alpha_decay_affinity(X, scales)
    assert_allclose(chunked.toarray(), whole.toarray(), atol=1e-9)


def test_alpha_decay_far_beyond_the_reach():
    # (1 / 1e-9)^40 is more than a float holds; the weight is 0 all the same.
    X = np.array([[0.0], [1e-9], [1.0], [1.5]])
    found = alpha_decay_affinity(X, np.array([2e-9, 2e-9, 1.0, 1.0])).toarray()
    assert_allclose(found[0, 1], 1, rtol=1e-6)
    assert_allclose(found[2, 3], 1, rtol=1e-6)
    assert_allclose(found[0, 3], 0)
