import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path

from skmanifold.graph import (
    component_labels,
    edges,
    jaccard_affinity,
    kneighbors,
    mutual_graph,
    neighbor_graph,
    pruned_graph,
    union_graph,
)
from skmanifold.graph._pruning import without_bridges


def sample(seed, n_samples=150):
    """Clusters of uneven density, so that some neighbours are not mutual and parts fall apart."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(scale=4, size=(6, 2))
    widths = rng.uniform(0.1, 1.5, size=6)
    member = rng.integers(6, size=n_samples)
    return centers[member] + widths[member, None] * rng.normal(size=(n_samples, 2))


def directed(seed, n_neighbors=5):
    return neighbor_graph(*kneighbors(sample(seed), n_neighbors))


def test_neighbor_graph_by_loops():
    distances, indices = kneighbors(sample(0), 4)
    expected = np.zeros((150, 150))
    for i in range(150):
        for distance, j in zip(distances[i], indices[i], strict=True):
            expected[i, j] = distance
    graph = neighbor_graph(distances, indices)
    assert_array_equal(graph.toarray(), expected)
    assert graph.has_sorted_indices


def test_neighbor_graph_remembers_edges_of_no_length():
    X = np.repeat([[0.0, 0.0], [3.0, 4.0]], 3, axis=0)
    graph = neighbor_graph(np.array([[0.0, 0.0, 5.0]] * 6), kneighbors(X, 3)[1])
    assert graph.nnz == 18
    assert (graph.data > 0).all()
    assert_allclose(np.sort(graph.data)[:12], 0, atol=1e-10)
    for combined in (union_graph(graph), pruned_graph(graph)):
        assert component_labels(combined)[1] == component_labels(combined)[0]


def test_neighbor_graph_of_one_place():
    graph = neighbor_graph(np.zeros((4, 2)), np.array([[1, 2], [0, 2], [0, 1], [0, 1]]))
    assert graph.nnz == 8
    assert component_labels(union_graph(graph)).max() == 0


@pytest.mark.parametrize("seed", range(3))
def test_union_and_mutual_by_loops(seed):
    graph = directed(seed)
    dense = graph.toarray()
    union, mutual = np.zeros_like(dense), np.zeros_like(dense)
    for i in range(150):
        for j in range(150):
            named, names = dense[i, j], dense[j, i]
            union[i, j] = max(named, names)
            mutual[i, j] = max(named, names) if named > 0 and names > 0 else 0
    assert_array_equal(union_graph(graph).toarray(), union)
    assert_allclose(mutual_graph(graph).toarray(), mutual, rtol=1e-12)
    assert mutual.astype(bool).sum() < union.astype(bool).sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_neighbors", [1, 3, 6])
def test_pruned_graph_is_the_mutual_one_and_a_spanning_forest(seed, n_neighbors):
    graph = directed(seed, n_neighbors)
    union, mutual, pruned = union_graph(graph), mutual_graph(graph), pruned_graph(graph)
    assert_allclose(pruned.toarray(), pruned.toarray().T)
    # between the two graphs, with the lengths of the union
    there = pruned.toarray() > 0
    assert (there >= (mutual.toarray() > 0)).all()
    assert_allclose(pruned.toarray()[there], union.toarray()[there])
    # of the same parts
    assert_array_equal(component_labels(pruned), component_labels(union))
    # what is not mutual belongs to a minimum spanning forest, so that no fewer edges will do
    forest = minimum_spanning_tree(union)
    assert_allclose(minimum_spanning_tree(pruned).sum(), forest.sum())
    extra = there & (mutual.toarray() == 0)
    assert (union_graph(forest).toarray()[extra] > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_pruned_graph_keeps_the_easiest_ways(seed):
    """The widest gap on the way between two points is that of the union."""
    graph = directed(seed)

    def widest_gaps(graph):
        """Along a minimum spanning tree, by shortest paths under a steep power of the lengths."""
        tree = minimum_spanning_tree(graph)
        tree.data = (tree.data / tree.data.max()) ** 200
        return shortest_path(tree, directed=False) ** (1 / 200)

    assert_allclose(widest_gaps(pruned_graph(graph)), widest_gaps(union_graph(graph)))


def test_a_stray_point_keeps_no_more_edges_than_connection_takes():
    """Between two rows of points it chooses neighbours on both, none of which chooses it."""
    row = np.arange(41) * 0.1
    X = np.r_[np.c_[row, 0 * row], np.c_[row, 0 * row + 1], [[2.05, 0.499]]]
    graph = neighbor_graph(*kneighbors(X, 6))
    stray = [82]
    assert mutual_graph(graph)[stray].nnz == 0
    assert union_graph(graph)[stray].nnz == 6
    assert pruned_graph(graph)[stray].nnz == 2  # one to each row
    assert component_labels(pruned_graph(graph)).max() == 0


def test_edges_are_the_stored_entries():
    dense = np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 5.0], [0.0, 5.0, 0.0]])
    rows, columns, values = edges(csr_array(dense))
    assert_array_equal(dense[rows, columns], values)
    assert len(values) == 4


# -- thin bridges


@pytest.mark.parametrize("suspected", [0.05, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_bridges_by_loops(seed, suspected):
    neighbors = directed(seed, n_neighbors=6)
    graph = pruned_graph(neighbors)
    overlap = jaccard_affinity(graph, neighbors)
    lengths, shared = graph.toarray(), overlap.toarray()
    there = lengths > 0
    suspect = there & (shared <= np.quantile(shared[there], suspected))
    around = shortest_path(csr_array(np.where(suspect, 0, lengths)), directed=False)
    expected = np.zeros_like(lengths)
    for i, j in zip(*np.nonzero(there), strict=True):
        saves = np.isfinite(around[i, j]) and around[i, j] > 2 * lengths[i, j]
        expected[i, j] = 0 if suspect[i, j] and saves else lengths[i, j]
    found = without_bridges(graph, overlap, suspected=suspected, detour=2, width=10**6)
    assert_allclose(found.toarray(), expected)
    assert_allclose(found.toarray(), found.toarray().T)
    assert_array_equal(component_labels(found), component_labels(graph))


def test_a_bridge_across_a_gap_goes_and_a_needed_one_stays():
    """The ends of an open ring: an edge across the gap saves the way around."""
    angle = np.linspace(0, 1.8 * np.pi, 120)
    ring = np.c_[np.cos(angle), np.sin(angle)]
    neighbors = neighbor_graph(*kneighbors(ring, 6))
    graph = union_graph(neighbors).tolil()
    gap = np.linalg.norm(ring[0] - ring[-1])
    graph[0, 119] = graph[119, 0] = gap
    bridged = csr_array(graph)
    overlap = jaccard_affinity(bridged, neighbors)
    assert without_bridges(bridged, overlap)[0, 119] == 0
    # Without the far half of the ring the same edge is the only way between what is left.
    kept = np.r_[0:30, 90:120]
    halves, overlap = bridged[kept][:, kept], overlap[kept][:, kept]
    assert without_bridges(halves, overlap)[0, 59] == gap
    assert component_labels(without_bridges(halves, overlap)).max() == 0


@pytest.mark.parametrize(("width", "stays"), [(1, True), (2, True), (3, False), (4, False)])
def test_a_wide_bridge_may_be_a_narrow_part_of_the_manifold(width, stays):
    ring = np.c_[np.cos(np.arange(120) / 20), np.sin(np.arange(120) / 20)]
    neighbors = neighbor_graph(*kneighbors(ring, 4))
    graph = union_graph(neighbors).tolil()
    across = [(0, 119), (1, 118), (2, 117)]  # their ends are neighbours
    for i, j in across:
        graph[i, j] = graph[j, i] = np.linalg.norm(ring[i] - ring[j])
    bridged = csr_array(graph)
    found = without_bridges(bridged, jaccard_affinity(bridged, neighbors), width=width)
    assert all((found[edge] > 0) == stays for edge in across)
