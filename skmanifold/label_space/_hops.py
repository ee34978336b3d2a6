"""Shortest paths of a label graph from a few of its nodes to all of them."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from skmanifold.utils import row_chunks

# Sources in one word: each node holds a bit for each source that has reached it.
WORD = 64
# Levels that a byte counts, less the one value that stays free.
MOST_LEVELS = 254
# Bit matrix transposition: swap the off-diagonal blocks of 1, 2, then 4 rows and columns.
SWAPS = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))


def path_lengths(adjacency: csr_array, sources: NDArray[np.intp]) -> NDArray:
    """Lengths of the shortest paths from some nodes to all nodes.

    Parameters
    ----------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        Lengths of the edges of a connected undirected graph, symmetric. Every stored entry is an
        edge, also one of length 0.

    sources : ndarray of shape (n_sources,)
        Nodes that the paths start from, in any order, repeated ones too.

    Returns
    -------
    lengths : ndarray of shape (n_sources, n_nodes)
        Small unsigned integers where every edge has length 1 (see `hop_distances`), else float64.
        Where all edges have one length, it is counted hops that are multiplied: far faster.
    """
    stored = adjacency.data
    if stored.size and (stored != stored[0]).any():
        return dijkstra(adjacency, indices=sources)
    hops = hop_distances(adjacency, sources)
    return hops if not stored.size or stored[0] == 1 else hops * np.float64(stored[0])


def hop_distances(adjacency: csr_array, sources: NDArray[np.intp]) -> NDArray:
    """Numbers of edges on the shortest paths from some nodes to all nodes.

    The breadth-first search runs from 64 sources at once: a node's word holds one bit for each
    source, and a level of the search is an `or` over the words of each node's neighbours. Its cost
    grows with the number of levels, so a graph of more than 254 of them, which must be stringy,
    gets Dijkstra's method instead.

    Parameters
    ----------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        Connected undirected graph with both directions of each edge stored; the stored values do
        not matter.

    sources : ndarray of shape (n_sources,)
        Nodes that the paths start from, in any order, repeated ones too.

    Returns
    -------
    hops : ndarray of shape (n_sources, n_nodes)
        uint8 up to 254 levels; in longer graphs uint16 up to 65536 nodes and int32 beyond.

    Raises
    ------
    ValueError
        If some node cannot be reached.
    """
    _check_neighbors(adjacency)
    hops = np.empty((len(sources), adjacency.shape[0]), dtype=np.uint8)
    for start in range(0, len(sources), WORD):
        block = slice(start, start + WORD)
        planes = _search(adjacency, sources[block])
        if planes is None:
            return _long_hops(adjacency, sources)
        hops[block] = _count(planes)[: len(hops[block])]
    return hops


def _check_neighbors(adjacency: csr_array) -> None:
    """A segment of no neighbours would take those of the next node."""
    alone = np.flatnonzero(np.diff(adjacency.indptr) == 0)
    if alone.size and adjacency.shape[0] > 1:
        raise ValueError(f"the label graph is not connected: node {alone[0]} has no edge")


def _search(adjacency: csr_array, sources: NDArray[np.intp]) -> NDArray[np.uint64] | None:
    """Binary digits of the hops from up to 64 sources; None if there are more than 254 levels.

    Returns
    -------
    planes : ndarray of shape (8, n_nodes)
        Bit s of `planes[b, v]` is binary digit b of the number of hops from source s to node v.
    """
    frontier = np.zeros(adjacency.shape[0], dtype=np.uint64)
    bits = np.uint64(1) << np.arange(len(sources), dtype=np.uint64)
    np.bitwise_or.at(frontier, sources, bits)
    missing = ~frontier & np.bitwise_or.reduce(bits)
    planes = np.zeros((8, len(frontier)), dtype=np.uint64)
    level = 0
    while missing.any():
        level += 1
        if level > MOST_LEVELS:
            return None
        words = frontier.take(adjacency.indices)
        frontier = np.bitwise_or.reduceat(words, adjacency.indptr[:-1]) & missing
        if not frontier.any():
            raise ValueError("the label graph is not connected: some nodes cannot be reached")
        missing ^= frontier
        for digit in range(level.bit_length()):
            if level >> digit & 1:
                planes[digit] |= frontier
    return planes


def _count(planes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Numbers of shape (64, n_nodes) from their binary digits.

    Eight sources' digits at one node are an 8 x 8 bit matrix, which fills a word. Its transpose
    has a source's number in each byte.
    """
    digits = planes.astype("<u8", copy=False).view(np.uint8).reshape(8, -1, 8)
    word = np.ascontiguousarray(digits.transpose(2, 1, 0)).view("<u8")[..., 0]
    for shift, mask in SWAPS:
        swapped = (word ^ (word >> np.uint64(shift))) & np.uint64(mask)
        word ^= swapped ^ (swapped << np.uint64(shift))
    return word.view(np.uint8).reshape(8, -1, 8).transpose(0, 2, 1).reshape(WORD, -1)


def _long_hops(adjacency: csr_array, sources: NDArray[np.intp]) -> NDArray:
    """Hops by Dijkstra's method, whose float64 rows are held for a few sources at a time."""
    n_nodes = adjacency.shape[0]
    dtype = np.uint16 if n_nodes <= 2**16 else np.int32
    hops = np.empty((len(sources), n_nodes), dtype=dtype)
    for chunk in row_chunks(len(sources), 8 * n_nodes):
        hops[chunk] = dijkstra(adjacency, indices=sources[chunk], unweighted=True)
    return hops
