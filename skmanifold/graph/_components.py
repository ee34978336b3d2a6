"""Connected parts of a graph."""

import numpy as np
from scipy.sparse import sparray, spmatrix
from scipy.sparse.csgraph import connected_components


def component_labels(graph: spmatrix | sparray) -> np.ndarray:
    """The part that each node of an undirected graph lies in, the largest part first.

    Returns
    -------
    labels : ndarray of shape (n_nodes,)
        0 for the largest part; parts of one size in the order of their first nodes.
    """
    count, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels, minlength=count)
    rank = np.empty(count, dtype=np.intp)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[labels]


def describe_components(labels: np.ndarray, most: int = 5) -> str:
    """Words for a message: how many parts, and the sizes and first rows of the largest."""
    sizes = np.bincount(labels)
    first = [int(np.flatnonzero(labels == part)[0]) for part in range(min(most, len(sizes)))]
    others = [" and others" if size > 1 else "" for size in sizes]
    parts = [f"{sizes[part]} (row {row}{others[part]})" for part, row in enumerate(first)]
    more = f" and {len(sizes) - most} smaller ones" if len(sizes) > most else ""
    return f"{len(sizes)} components of sizes {', '.join(parts)}{more}"
