"""Rooted trees as arrays: preorder numbers, subtrees as ranges of them, and path lengths."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


def tree_adjacency(parent: Ints, length: Floats) -> csr_array:
    """Both directions of every edge; the lengths are those of the edges to the parents."""
    child = np.flatnonzero(parent >= 0)
    rows = np.concatenate([child, parent[child]])
    columns = np.concatenate([parent[child], child])
    return csr_array((np.tile(length[child], 2), (rows, columns)), shape=(len(parent),) * 2)


@dataclass(frozen=True, eq=False)
class RootedTree:
    """A tree whose nodes are renumbered in preorder, so that subtrees are ranges of positions.

    Attributes
    ----------
    position : ndarray of shape (n_nodes,)
        Preorder position of each node; 0 is the root.
    parent : ndarray of shape (n_nodes,)
        By position: position of the parent; the root is its own.
    depth : ndarray of shape (n_nodes,)
        By position: length of the path from the root.
    end : ndarray of shape (n_nodes,)
        By position: one past the last position of the subtree.
    """

    position: Ints
    parent: Ints
    depth: Floats
    end: Ints

    @cached_property
    def _range_minima(self) -> list[Floats]:
        """Row k holds the smallest depth of a parent in ranges of 2**k positions."""
        rows = [self.depth[self.parent]]
        while (width := 1 << len(rows)) <= len(self.parent):
            half = rows[-1]
            rows.append(np.minimum(half[: len(half) - width // 2], half[width // 2 :]))
        return rows

    def path_lengths(self, first: Ints, second: Ints) -> Floats:
        """Distances of positions `first` to positions `second`, which broadcast.

        The lowest common ancestor of two positions is the shallowest parent in the range between
        them, the lower end left out.
        """
        low, high = np.minimum(first, second), np.maximum(first, second)
        width = np.maximum(high - low, 1)
        row = np.frexp(width.astype(np.float64))[1] - 1
        minima = self._range_minima
        ancestor = np.empty(low.shape)
        for k in np.unique(row):
            at = row == k
            ends = high[at] - (1 << k) + 1
            starts = np.minimum(low[at] + 1, ends)
            ancestor[at] = np.minimum(minima[k][starts], minima[k][ends])
        lengths = self.depth[first] + self.depth[second] - 2 * ancestor
        return np.where(low == high, 0.0, lengths)


def rooted_tree(adjacency: csr_array, root: int) -> RootedTree:
    """Number the nodes of a tree in preorder from a root. No recursion: paths may be long."""
    order, above = breadth_first_order(adjacency, root)
    above[root] = root
    parent = above[order]
    # Lengths of the edges to the parents: the entry of each row that leads there.
    length = np.zeros(len(order))
    length[1:] = np.asarray(adjacency[order[1:], parent[1:]]).ravel()
    sizes, depth = [1] * len(order), [0.0] * len(order)
    # Plain lists: element by element, they are several times faster than arrays.
    nodes, parents, lengths = order.tolist(), parent.tolist(), length.tolist()
    for node, up in zip(reversed(nodes[1:]), reversed(parents[1:]), strict=True):
        sizes[up] += sizes[node]
    free = [1] * len(order)  # next free position below each node, counted from the node's own
    position = [0] * len(order)
    for node, up, step in zip(nodes[1:], parents[1:], lengths[1:], strict=True):
        position[node] = position[up] + free[up]
        free[up] += sizes[node]
        depth[node] = depth[up] + step
    at = np.asarray(position, dtype=np.intp)
    node_of = np.empty_like(at)
    node_of[at] = np.arange(len(at))
    return RootedTree(
        position=at,
        parent=at[above[node_of]],
        depth=np.asarray(depth)[node_of],
        end=np.arange(len(at)) + np.asarray(sizes)[node_of],
    )


def counts_below(end: Ints, marked: NDArray[np.bool_]) -> Ints:
    """How many marked positions each subtree holds, its root included.

    Subtrees are the ranges of preorder positions up to `end`.
    """
    before = np.concatenate([[0], np.cumsum(marked)])
    return before[end] - before[:-1]


def nearest_marked(parent: Ints, marked: NDArray[np.bool_]) -> Ints:
    """The nearest marked ancestor of each position, itself included; the root must be marked.

    Pointers are doubled, so that a path of n nodes takes log n rounds.
    """
    jump = np.where(marked, np.arange(len(parent)), parent)
    while not marked[jump].all():
        jump = jump[jump]
    return jump
