"""Weights of the edges of a neighbour graph."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, sparray, spmatrix
from sklearn.metrics import pairwise_distances_chunked

from skmanifold.graph._pruning import edges

MOST_EXPONENT = 30.0  # weights from 1 down to 1e-13


def _with_values(graph: spmatrix | sparray, values: np.ndarray) -> csr_array:
    """The same edges with other values."""
    rows, columns, _ = edges(graph)
    return csr_array((values, (rows, columns)), shape=graph.shape)


def connectivity(graph: spmatrix | sparray) -> csr_array:
    """Weight 1 on every edge."""
    return _with_values(graph, np.ones(graph.nnz))


def self_tuning_affinity(graph: spmatrix | sparray, scales: np.ndarray) -> csr_array:
    """Gaussian weights ``exp(-d_ij^2 / (s_i s_j))``, with a bandwidth of each point's own.

    Parameters
    ----------
    graph : sparse array of shape (n_nodes, n_nodes)
        Undirected, with lengths as its entries.
    scales : ndarray of shape (n_nodes,)
        Positive bandwidths, such as the distance to the k-th neighbour.

    References
    ----------
    .. [1] L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", NeurIPS 2004, eq. 1.
    """
    rows, columns, lengths = edges(graph)
    exponents = (lengths / scales[rows]) * (lengths / scales[columns])
    # An edge of the graph stays one: weights that underflow would part what the graph joins.
    return _with_values(graph, np.exp(-np.minimum(exponents, MOST_EXPONENT)))


def jaccard_affinity(graph: spmatrix | sparray, neighbors: spmatrix | sparray) -> csr_array:
    """Overlap of the neighbourhoods at both ends: their intersection over their union.

    Parameters
    ----------
    graph : sparse array of shape (n_nodes, n_nodes)
        Edges to weigh.
    neighbors : sparse array of shape (n_nodes, n_nodes)
        Directed neighbour graph; a point counts among its own neighbours. An edge between
        neighbourhoods that share nothing gets the least overlap that one shared point would give.
    """
    own = connectivity(neighbors)
    own.setdiag(1.0)
    own = csr_array(own)
    rows, columns, _ = edges(graph)
    shared = own[rows].multiply(own[columns]).sum(axis=1)
    sizes = own.sum(axis=1)
    either = sizes[rows] + sizes[columns] - shared
    return _with_values(graph, np.maximum(shared, 1.0) / either)


def snn_affinity(
    graph: spmatrix | sparray, neighbors: spmatrix | sparray, scales: np.ndarray
) -> csr_array:
    """Self-tuning Gaussian weights times the squared Jaccard overlap.

    The overlap tells an edge along the manifold, whose ends have neighbours in common, from one
    across a gap, whose ends have none. See `self_tuning_affinity` and `jaccard_affinity`.
    """
    overlap = jaccard_affinity(graph, neighbors)
    return csr_array(self_tuning_affinity(graph, scales).multiply(overlap**2))


def alpha_decay_affinity(
    X: np.ndarray,
    scales: np.ndarray,
    *,
    decay: float = 40.0,
    threshold: float = 1e-4,
    metric: str | Callable = "euclidean",
) -> csr_array:
    """Kernel ``exp(-(d_ij / s_i)^decay)``, averaged over both directions.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Points. All pairs are looked at, in chunks; only weights above `threshold` are kept.
    scales : ndarray of shape (n_samples,)
        Positive bandwidths.
    decay : float, default=40.0
        Exponent; 2 is a Gaussian, large values are nearly a step at `scales`.
    threshold : float, default=1e-4
        Weights below it, of one direction or averaged, count as no edge.
    metric : str or callable, default="euclidean"
        As in `sklearn.metrics.pairwise_distances`; with ``"precomputed"``, `X` holds distances.

    References
    ----------
    .. [1] K. Moon et al., "Visualizing structure and transitions in high-dimensional biological
       data", Nature Biotechnology 37, 2019 (the alpha-decaying kernel).
    """
    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    values: list[np.ndarray] = []
    start = 0
    for block in pairwise_distances_chunked(X, metric=metric):
        reach = scales[start : start + len(block), None]
        with np.errstate(over="ignore"):  # far beyond a tiny reach the weight is 0 all the same
            kernel = np.exp(-((block / reach) ** decay))
        row, column = np.nonzero(kernel > threshold)
        values.append(kernel[row, column])
        rows.append(row + start)
        columns.append(column)
        start += len(block)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    kernel = csr_array(entries, shape=(len(X), len(X)))
    kernel.setdiag(0.0)
    kernel = csr_array((kernel + kernel.T) / 2)
    kernel.data[kernel.data < threshold] = 0.0
    kernel.eliminate_zeros()
    return kernel
