"""Where to draw the nodes of a tree: an indented list for few of them, a circle for many."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from skmanifold.label_space._tree import counts_below, rooted_tree

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


class OrderedTree(NamedTuple):
    """Nodes of a connected part of a tree in preorder, the first being the root.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        What the nodes are called elsewhere.
    parent : ndarray of shape (n_nodes,)
        Position of the parent; the root is its own.
    depth : ndarray of shape (n_nodes,)
        Length of the path from the root.
    end : ndarray of shape (n_nodes,)
        One past the last position of the subtree.
    """

    nodes: Ints
    parent: Ints
    depth: Floats
    end: Ints


def ordered_tree(adjacency: csr_array, root: int) -> OrderedTree:
    """The whole tree; siblings in the order of their numbers."""
    tree = rooted_tree(adjacency, root)
    return OrderedTree(np.argsort(tree.position), tree.parent, tree.depth, tree.end)


def on_paths(tree: OrderedTree, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of the positions that lie on a path between two nodes of a mask of positions."""
    below = counts_below(tree.end, marked)
    inside = below > 0
    if inside.any():
        # Whatever is above the lowest common ancestor lies before it.
        inside[: np.flatnonzero(below == below[0])[-1]] = False
    return inside


def part_of(tree: OrderedTree, kept: NDArray[np.bool_]) -> OrderedTree:
    """The connected part of a tree that a mask of positions keeps."""
    number = np.concatenate([[0], np.cumsum(kept)])  # kept positions before each
    depth = tree.depth[kept]
    return OrderedTree(
        tree.nodes[kept], number[tree.parent[kept]], depth - depth[0], number[tree.end[kept]]
    )


def indented(tree: OrderedTree) -> tuple[Floats, Floats]:
    """One row for each node, as folders are listed: names beside the nodes never overlap.

    Returns
    -------
    positions : ndarray of shape (n_nodes, 2)
        Distance from the root, and minus the number of the row.
    lines : ndarray of shape (n_nodes - 1, 3, 2)
        From the parent down and across to each node but the root.
    """
    positions = np.column_stack([tree.depth, -np.arange(len(tree.nodes), dtype=np.float64)])
    upper, lower = positions[tree.parent[1:]], positions[1:]
    corner = np.column_stack([upper[:, 0], lower[:, 1]])
    return positions, np.stack([upper, corner, lower], axis=1)


def radial(tree: OrderedTree) -> tuple[Floats, Floats]:
    """The root in the centre, the leaves at equal angles, distances from the root as radii.

    Returns
    -------
    positions : ndarray of shape (n_nodes, 2)
    lines : ndarray of shape (n_nodes - 1, 2, 2)
        From the parent to each node but the root.
    """
    angle = _angles(tree)
    # The first leaf at the top, then clockwise.
    positions = tree.depth[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return positions, np.stack([positions[tree.parent[1:]], positions[1:]], axis=1)


def _angles(tree: OrderedTree) -> Floats:
    """Leaves in steps of equal size, other nodes in the middle of their leaves."""
    is_leaf = tree.end == np.arange(1, len(tree.end) + 1)
    before = np.concatenate([[0], np.cumsum(is_leaf)])
    middle = (before[:-1] + before[tree.end] - 1) / 2
    return 2 * np.pi * middle / before[-1]
