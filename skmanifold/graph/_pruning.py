"""Undirected neighbour graphs, and which of their edges to trust."""

import numpy as np
from scipy.sparse import coo_array, csr_array, sparray, spmatrix
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree


def neighbor_graph(distances: np.ndarray, indices: np.ndarray) -> csr_array:
    """The directed k-nearest-neighbour graph, with distances as the lengths of its edges.

    Parameters
    ----------
    distances, indices : ndarray of shape (n_samples, n_neighbors)
        As `kneighbors` gives them. A sparse array would forget edges of length 0, so they get one
        far below any other.
    """
    n_samples, n_neighbors = indices.shape
    least = 1e-12 * distances.max(initial=0.0) + np.finfo(float).tiny ** 0.5
    distances = np.maximum(distances, least)
    rows = np.arange(0, n_samples * n_neighbors + 1, n_neighbors)
    # A copy of the indices, because they are sorted in place.
    graph = csr_array((distances.ravel(), indices.flatten(), rows), shape=(n_samples, n_samples))
    graph.sort_indices()
    return graph


def union_graph(graph: spmatrix | sparray) -> csr_array:
    """Edges that either end names."""
    return csr_array(graph.maximum(graph.T))


def mutual_graph(graph: spmatrix | sparray) -> csr_array:
    """Edges that both ends name."""
    return csr_array(graph.minimum(graph.T))


def pruned_graph(graph: spmatrix | sparray) -> csr_array:
    """Edges that both ends name, and a spanning forest that keeps every part in one piece.

    A shortcut between two sheets joins points of which one at least has nearer neighbours on its
    own sheet; so it is seldom mutual. The forest alone would break at the first hair crack of
    the mutual graph: it brings back the shortest edges that hold the parts of the union together.

    Parameters
    ----------
    graph : sparse array of shape (n_nodes, n_nodes)
        Directed neighbour graph; its entries are positive lengths.
    """
    forest = minimum_spanning_tree(union_graph(graph))
    return csr_array(mutual_graph(graph).maximum(union_graph(forest)))


def edges(graph: spmatrix | sparray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values of the stored entries."""
    entries = coo_array(graph)
    return entries.row, entries.col, entries.data


def without_bridges(
    graph: spmatrix | sparray,
    overlap: spmatrix | sparray,
    *,
    suspected: float = 0.05,
    detour: float = 6.0,
    width: int = 3,
) -> csr_array:
    """Drop thin bridges: edges between neighbourhoods that hardly overlap, and far apart otherwise.

    All edges of the least overlap are taken out at once. Those whose ends stay near each other
    come back, and those without which the graph would fall apart, and those of wide bridges, which
    may be a narrow part of the manifold; what stays out are the few edges that join far places.

    Parameters
    ----------
    graph : sparse array of shape (n_nodes, n_nodes)
        Undirected, with lengths as its entries.
    overlap : sparse array of shape (n_nodes, n_nodes)
        Overlap on the same edges, see `jaccard_affinity`.
    suspected : float, default=0.05
        Share of the edges that are put to the test.
    detour : float, default=6.0
        How many times its own length an edge may save.
    width : int, default=3
        Most edges of a thin bridge. Edges that share an end, or have neighbours for ends, are of
        one bridge.
    """
    rows, columns, lengths = edges(graph)
    if len(lengths) == 0:
        return csr_array(graph)
    shared = overlap[rows, columns]
    suspects = shared <= np.quantile(shared, suspected)
    trusted = csr_array((lengths[~suspects], (rows[~suspects], columns[~suspects])), graph.shape)
    ends, where = np.unique(rows[suspects], return_inverse=True)
    around = dijkstra(trusted, directed=False, indices=ends)[where, columns[suspects]]
    shortcut = suspects.copy()
    shortcut[suspects] = (around > detour * lengths[suspects]) & np.isfinite(around)
    kept = ~shortcut
    kept[shortcut] = _edges_of_bridge(graph, rows[shortcut]) > width
    return csr_array((lengths[kept], (rows[kept], columns[kept])), shape=graph.shape)


def _edges_of_bridge(graph: spmatrix | sparray, rows: np.ndarray) -> np.ndarray:
    """For each edge, given in both directions by its start, how many edges its bridge has."""
    ends, start = np.unique(rows, return_inverse=True)
    _, bridge = connected_components(graph[ends][:, ends], directed=False)
    return np.bincount(bridge[start], minlength=1)[bridge[start]] // 2
