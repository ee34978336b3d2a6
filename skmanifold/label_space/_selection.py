"""Which labels to gather samples of next, so that the labels in reach grow the most."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skmanifold.label_space._tree import (
    RootedTree,
    counts_below,
    rooted_tree,
    tree_adjacency,
)


def farthest_from_hull(
    parent: NDArray[np.intp],
    length: NDArray[np.float64],
    seen: NDArray[np.intp],
    candidates: NDArray[np.intp],
    n: int,
) -> NDArray[np.intp]:
    """Select labels of a tree one by one, each the farthest from the hull of those before it.

    The hull of some nodes is the union of the paths between them. On a tree this greedy choice is
    optimal: no other `n` labels add more length to the hull. All steps come from one sort: what
    hangs off the hull falls into paths, each from a farthest label up to the path of a farther one
    or to the hull, and longer paths are selected first.

    Parameters
    ----------
    parent : ndarray of shape (n_nodes,)
        Parent of each node, in any order of the nodes; -1 for the root.

    length : ndarray of shape (n_nodes,)
        Length of the edge to the parent, at least 0.

    seen : ndarray of shape (n_seen,)
        Nodes of the labels that have samples already, one at least.

    candidates : ndarray of shape (n_candidates,)
        Nodes to select from, without repetition; seen ones are passed over.

    n : int
        Number of labels to select.

    Returns
    -------
    selected : ndarray of shape (n,)
        Positions in `candidates`, in the order of selection. Ties go to the first position, and
        labels in the hull come last, in their order.

    Raises
    ------
    ValueError
        If fewer than `n` candidates are not seen.
    """
    tree = rooted_tree(tree_adjacency(parent, length), int(seen[0]))
    at, up = tree.position[candidates], tree.parent
    marked = np.zeros(len(parent), dtype=bool)
    marked[tree.position[seen]] = True
    hull = counts_below(tree.end, marked) > 0
    deepest = _deepest_below(tree, at)
    # A path ends where the hull or a deeper candidate's path begins.
    top = np.flatnonzero(~hull & (deepest >= 0) & (hull[up] | (deepest != deepest[up])))
    gain = np.zeros(len(candidates))
    gain[deepest[top]] = tree.depth[at[deepest[top]]] - tree.depth[up[top]]
    gain[marked[at]] = -np.inf
    _check_enough(n, gain)
    return np.argsort(-gain, kind="stable")[:n]


def _deepest_below(tree: RootedTree, at: NDArray[np.intp]) -> NDArray[np.intp]:
    """The candidate farthest from the root in each node's subtree, the first of several; or -1.

    Nodes go by position in the tree, and `at` holds the candidates'.
    """
    order = np.argsort(-tree.depth[at], kind="stable")
    rank = np.full(len(tree.parent), len(at))
    rank[at[order]] = np.arange(len(at))
    # Plain lists: element by element, they are several times faster than arrays.
    best, parents = rank.tolist(), tree.parent.tolist()
    for node in range(len(best) - 1, 0, -1):
        if best[node] < best[parents[node]]:
            best[parents[node]] = best[node]
    return np.append(order, -1)[best]


def farthest_first(
    distances_from: Callable[[int], NDArray],
    start: NDArray[np.float64],
    n: int,
    *,
    seen: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """Select labels one by one, each the farthest from the nearest label that is seen or selected.

    For any metric, the radius that is left (the largest such distance) is at most twice the
    smallest that `n` labels can reach [1]_.

    Parameters
    ----------
    distances_from : callable
        Distances of shape (n_candidates,) from the candidate at a position to all candidates.

    start : ndarray of shape (n_candidates,)
        Distance of each candidate to the nearest seen label.

    n : int
        Number of labels to select.

    seen : ndarray of shape (n_candidates,) of bool
        Candidates that have samples already; these are passed over. A distance of 0 does not
        tell them, since it may lie between two labels.

    Returns
    -------
    selected : ndarray of shape (n,)
        Positions of candidates, in the order of selection. Ties go to the first position.

    Raises
    ------
    ValueError
        If fewer than `n` candidates are not seen.

    References
    ----------
    .. [1] T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance",
       Theoretical Computer Science 38, 1985.
    """
    nearest = np.where(seen, -np.inf, start)
    _check_enough(n, nearest)
    selected = np.empty(n, dtype=np.intp)
    for step in range(n):
        if step:
            nearest = np.minimum(nearest, distances_from(int(selected[step - 1])))
        selected[step] = np.argmax(nearest)
        nearest[selected[step]] = -np.inf
    return selected


def _check_enough(n: int, gain: NDArray[np.float64]) -> None:
    """Gains of what may not be selected are -inf."""
    left = int((gain > -np.inf).sum())
    if not 0 <= n <= left:
        raise ValueError(
            f"n={n} labels cannot be selected: {left} of the {len(gain)} labels are not seen yet; "
            f"give n from 0 to {left}"
        )
