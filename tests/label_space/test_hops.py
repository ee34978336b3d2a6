import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, floyd_warshall

from skmanifold.label_space._hops import hop_distances, path_lengths


def from_edges(n_nodes, first, second, length=1.0):
    """Both directions of every edge; zeros stay stored."""
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    lengths = np.broadcast_to(np.asarray(length, dtype=float), len(first))
    return csr_array((np.tile(lengths, 2), (rows, columns)), shape=(n_nodes, n_nodes))


def path_graph(n_nodes, length=1.0):
    return from_edges(n_nodes, np.arange(n_nodes - 1), np.arange(1, n_nodes), length)


def random_graph(rng, n_nodes, n_extra, length=1.0):
    """A random tree and some more edges, no edge twice."""
    node = np.arange(1, n_nodes)
    edges = np.stack([rng.integers(node), node], axis=1)
    extra = np.sort(rng.integers(n_nodes, size=(n_extra, 2)), axis=1)
    edges = np.unique(np.concatenate([edges, extra[extra[:, 0] < extra[:, 1]]]), axis=0)
    lengths = length(len(edges)) if callable(length) else length
    return from_edges(n_nodes, *rng.permutation(n_nodes)[edges].T, lengths)


@pytest.mark.parametrize("n_sources", [1, 7, 8, 63, 64, 65, 200])
@pytest.mark.parametrize("n_extra", [0, 5, 400])
def test_hops_are_those_of_dijkstra(rng, n_sources, n_extra):
    graph = random_graph(rng, 300, n_extra, lambda n: rng.uniform(size=n))
    sources = rng.integers(300, size=n_sources)  # some come twice
    hops = hop_distances(graph, sources)
    assert hops.dtype == np.uint8
    assert_array_equal(hops, dijkstra(graph, indices=sources, unweighted=True))


def test_hops_are_a_metric(rng):
    hops = hop_distances(random_graph(rng, 90, 30), np.arange(90)).astype(int)
    assert_array_equal(hops, hops.T)
    assert_array_equal(hops == 0, np.eye(90))
    assert (hops[:, None] <= hops[:, :, None] + hops).all()


def test_a_hub(rng):
    star = from_edges(1000, np.zeros(999, dtype=int), np.arange(1, 1000))
    hops = hop_distances(star, np.array([0, 5]))
    assert_array_equal(hops[0], np.arange(1000) > 0)
    assert_array_equal(hops[1], np.select([np.arange(1000) == 5, np.arange(1000) == 0], [0, 1], 2))


@pytest.mark.parametrize(
    ("n_nodes", "dtype"),
    [(255, np.uint8), (256, np.uint16), (600, np.uint16), (70_000, np.int32)],
)
def test_long_paths(n_nodes, dtype):
    sources = np.array([0, n_nodes // 3, n_nodes - 1])
    hops = hop_distances(path_graph(n_nodes), sources)
    assert hops.dtype == dtype
    assert_array_equal(hops, np.abs(np.arange(n_nodes) - sources[:, None]))


def test_a_long_path_seen_late():
    # The first 64 sources lie in the middle, where 254 levels are enough; the last does not.
    sources = np.append(np.full(64, 250), 0)
    hops = hop_distances(path_graph(501), sources)
    assert_array_equal(hops, np.abs(np.arange(501) - sources[:, None]))


def test_one_node():
    assert_array_equal(hop_distances(csr_array((1, 1)), np.array([0, 0])), [[0], [0]])
    assert_array_equal(path_lengths(csr_array((1, 1)), np.array([0])), [[0]])


def test_no_sources(rng):
    assert hop_distances(random_graph(rng, 9, 3), np.array([], dtype=int)).shape == (0, 9)


def test_disconnected():
    parts = from_edges(5, np.array([0, 2, 3]), np.array([1, 3, 4]))
    with pytest.raises(ValueError, match="not connected"):
        hop_distances(parts, np.array([3]))
    with pytest.raises(ValueError, match="node 4 has no edge"):
        hop_distances(from_edges(5, np.arange(3), np.arange(1, 4)), np.array([0]))


def test_weighted_lengths(rng):
    graph = random_graph(rng, 120, 60, lambda n: rng.uniform(0.1, 2, size=n))
    sources = rng.integers(120, size=20)
    assert_allclose(path_lengths(graph, sources), floyd_warshall(graph)[sources], rtol=1e-12)


def test_unit_lengths_are_hops(rng):
    graph = random_graph(rng, 120, 60)
    lengths = path_lengths(graph, np.arange(9))
    assert lengths.dtype == np.uint8
    assert_array_equal(lengths, hop_distances(graph, np.arange(9)))


@pytest.mark.parametrize("length", [0.0, 0.25, 3.0])
def test_equal_lengths(rng, length):
    graph = random_graph(rng, 120, 60, length)
    lengths = path_lengths(graph, np.arange(9))
    assert lengths.dtype == np.float64
    assert_array_equal(lengths, length * hop_distances(graph, np.arange(9)).astype(float))


def test_stored_zeros_are_edges():
    # Nodes 1 and 2 are one place. The edge 0-3 is no shortcut.
    first, second = np.array([0, 1, 2, 3, 0]), np.array([1, 2, 3, 4, 3])
    graph = from_edges(5, first, second, [1.0, 0.0, 2.0, 0.0, 5.0])
    assert_array_equal(path_lengths(graph, np.array([0, 4])), [[0, 1, 1, 3, 3], [3, 2, 2, 0, 0]])


def test_subdividing_edges_changes_no_length(rng):
    # An edge of length 3 is as long as three edges of length 1.
    graph = random_graph(rng, 40, 20, 3.0)
    upper = np.stack(graph.nonzero(), axis=1)
    upper = upper[upper[:, 0] < upper[:, 1]]
    first = 40 + 2 * np.arange(len(upper))
    links = [(upper[:, 0], first), (first, first + 1), (first + 1, upper[:, 1])]
    fine = from_edges(40 + 2 * len(upper), *np.concatenate(links, axis=1))
    sources = np.arange(40)
    assert_array_equal(path_lengths(graph, sources), path_lengths(fine, sources)[:, :40])


def test_the_graph_is_left_as_it_was(rng):
    graph = random_graph(rng, 50, 20, lambda n: rng.uniform(size=n))
    for array in (graph.data, graph.indices, graph.indptr):
        array.flags.writeable = False
    before = graph.copy()
    sources = np.arange(3)
    hop_distances(graph, sources)
    path_lengths(graph, sources)
    assert_array_equal(graph.data, before.data)
