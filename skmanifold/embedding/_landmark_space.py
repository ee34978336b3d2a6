"""Landmarks of the data, whatever the metric, and where other points lie among them.

Four kinds of data come in: features under the Euclidean metric (or the cosine one, which is
Euclidean on the sphere), features under any other metric, a matrix of distances, a sparse graph of
distances. Everything after this file works on the landmarks alone.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import normalize

from skmanifold.graph import (
    centroid_landmarks,
    coarse_graph,
    component_labels,
    denoise,
    edges,
    intrinsic_dimension,
    kneighbors,
    neighbor_graph,
    sampled_landmarks,
    union_graph,
)
from skmanifold.linalg import barycentric_weights
from skmanifold.utils import row_chunks

N_AUTO_LANDMARKS = 1000  # a dense matrix of this size is worked in a second
LOST_TO_NOISE = 0.6  # share of the landmarks that pure noise costs
N_DENOISED = 10_000  # sample whose neighbourhoods show the manifold
MOST_FEATURES = 64  # local covariances beyond would cost more than they show
FEW = 4  # points of a landmark, beside which one with a single point is a stray
FEWEST_SMOOTHED = 50  # below, neighbourhoods of ten are not local
FEWEST_FEATURES = 3  # a plane leaves no direction for noise


@dataclass(frozen=True)
class LandmarkSpace:
    """Landmarks and the graph of their neighbours.

    Attributes
    ----------
    landmarks : ndarray of shape (n_landmarks, n_reduced) or (n_landmarks,)
        Positions, or rows of the data where it has no coordinates.
    squares : ndarray of shape (n_landmarks, n_landmarks)
        Squared distances in the metric of the data.
    neighbors : csr_array of shape (n_landmarks, n_landmarks)
        Directed graph of neighbours, with lengths.
    scales : ndarray of shape (n_landmarks,)
        Length to the farthest neighbour.
    dim : float
        Intrinsic dimension.
    noise_variance, noise_share : float
        See `skmanifold.graph.Denoised`.
    given : bool
        Whether the user gave the graph.
    """

    landmarks: np.ndarray
    squares: np.ndarray
    neighbors: object
    scales: np.ndarray
    dim: float
    noise_variance: float = 0.0
    noise_share: float = 0.0
    given: bool = False


def is_euclidean(metric):
    """Whether the metric is Euclidean, perhaps after normalisation."""
    return metric in ("euclidean", "l2", "cosine")


def coordinate_system(X, metric, seed):
    """Origin at the mean, and axes where there are too many features or dependent ones, else None.

    Other metrics than the Euclidean ones need neither: None, None.
    """
    if not is_euclidean(metric):
        return None, None
    sample = _normalized(sample_rows(X, N_DENOISED, seed), metric)
    shifted = sample - sample[0]  # constant features become exactly 0
    solver = "randomized" if X.shape[1] > MOST_FEATURES else "full"
    if not shifted.any():
        return sample[0], None
    n_axes = min(MOST_FEATURES, *sample.shape)
    pca = PCA(n_axes, svd_solver=solver, random_state=seed).fit(shifted)
    # Constant and dependent features are no directions in which noise could be seen.
    rounding = 16 * np.finfo(X.dtype).eps * np.abs(shifted).max()
    kept = pca.explained_variance_ > rounding**2
    axes = pca.components_[kept].T
    return sample[0] + pca.mean_, axes if len(axes) > axes.shape[1] else None


def coordinates(X, metric, origin, axes):
    """Float64 features in the coordinate system: rounding is relative to spread, not to offset."""
    X = _normalized(X, metric)
    X = X if origin is None else X - origin
    return X if axes is None else X @ axes


def _normalized(X, metric):
    """Float64 features, on the unit sphere under the cosine metric."""
    X = X.astype(np.float64, copy=False)
    return normalize(X) if metric == "cosine" else X


def sample_rows(X, n_most, seed):
    """At most `n_most` rows, drawn at random."""
    return X[sampled_landmarks(len(X), n_most, seed=seed)]


def euclidean_space(X, n_landmarks, n_neighbors, *, fewer, max_rounds, seed, device, n_jobs):
    """Landmarks of features under the Euclidean metric: centroids of the denoised points.

    With `fewer`, noise lowers their number: each has to average over more points then.
    """
    search = {"device": device, "n_jobs": n_jobs}
    if not max_rounds or X.shape[1] < FEWEST_FEATURES or len(X) < FEWEST_SMOOTHED:
        landmarks = centroid_landmarks(X, n_landmarks, seed=seed, device=device)
        return _knn_space(landmarks, landmarks, "euclidean", n_neighbors, **search)
    # Averaging pays over more neighbours the denser the sample.
    width = min(max(10, round(10 * (len(X) / 500) ** 0.5)), len(X) - 1)
    result = denoise(X, width, max_rounds=max_rounds, **search)
    if fewer:
        n_landmarks = round(n_landmarks * (1 - LOST_TO_NOISE * result.noise_share))
    landmarks = centroid_landmarks(result.points, n_landmarks, seed=seed, device=device)
    space = _knn_space(landmarks, landmarks, "euclidean", n_neighbors, **search)
    neighbors = _without_strays(space.neighbors, landmarks, result.points, **search)
    if result.noise_variance > 0:
        found = kneighbors(X, min(n_neighbors, len(X) - 1), **search)
        parts = component_labels(neighbor_graph(*found))
        _, nearest = kneighbors(result.points, 1, queries=landmarks, **search)
        neighbors = _joined(neighbors, space.squares, parts[nearest[:, 0]])
    return replace(
        space,
        neighbors=neighbors,
        noise_variance=result.noise_variance,
        noise_share=result.noise_share,
    )


def _without_strays(neighbors, landmarks, points, device="cpu", n_jobs=None):
    """The directed graph in which no landmark chooses one that stands for a single point.

    Where others stand for several, such a point was left over between the sheets of the data.
    Unchosen, it is a leaf of the pruned graph and no bridge; it still has its place.
    """
    _, nearest = kneighbors(landmarks, 1, queries=points, device=device, n_jobs=n_jobs)
    counts = np.bincount(nearest[:, 0], minlength=len(landmarks))
    if np.median(counts) < FEW:
        return neighbors
    chosen = csr_array(neighbors @ diags_array((counts > 1).astype(float)))
    chosen.eliminate_zeros()
    return chosen


def _joined(neighbors, squares, parts):
    """The graph, and the shortest edges that hold each of the given parts together.

    Points that noise removal drew together leave gaps behind, which the data did not have.
    """
    within = np.where(parts[:, None] == parts, np.sqrt(squares), 0.0)
    forest = union_graph(minimum_spanning_tree(within))
    rows, columns, lengths = edges(forest)
    labels = component_labels(neighbors)
    gap = labels[rows] != labels[columns]
    bridges = csr_array((lengths[gap], (rows[gap], columns[gap])), shape=forest.shape)
    return csr_array(neighbors.maximum(bridges))


def metric_space(X, n_landmarks, n_neighbors, metric, *, seed, device, n_jobs):
    """Landmarks of features under any metric: distinct rows, drawn at random."""
    landmarks = sample_rows(np.unique(X, axis=0), n_landmarks, seed)
    return _knn_space(landmarks, landmarks, metric, n_neighbors, device, n_jobs)


def matrix_space(distances, n_landmarks, n_neighbors, *, seed, device, n_jobs):
    """Landmarks of a matrix of distances: rows drawn at random."""
    rows = sampled_landmarks(len(distances), n_landmarks, seed=seed)
    # Of points in one place, whose distances to all others are alike, one is a landmark.
    _, first = np.unique(distances[np.ix_(rows, rows)], axis=0, return_index=True)
    rows = rows[np.sort(first)]
    block = distances[np.ix_(rows, rows)]
    return _knn_space(rows, block, "precomputed", n_neighbors, device, n_jobs)


def _knn_space(landmarks, X, metric, n_neighbors, device, n_jobs):
    """The space of landmarks whose neighbours are the nearest ones."""
    euclidean = metric == "euclidean"
    squares = cdist(X, X, "sqeuclidean") if euclidean else pairwise_distances(X, metric=metric) ** 2
    if len(X) == 1:  # all points are one point
        return LandmarkSpace(landmarks, squares, csr_array((1, 1)), np.ones(1), 1.0)
    n_neighbors = min(n_neighbors, len(X) - 1)
    lengths, indices = kneighbors(X, n_neighbors, metric=metric, device=device, n_jobs=n_jobs)
    graph = neighbor_graph(lengths, indices)
    scales = graph.max(axis=1).toarray().ravel()
    dim = intrinsic_dimension(lengths)
    dim = dim if metric == "precomputed" else min(dim, X.shape[1])
    return LandmarkSpace(landmarks, squares, graph, scales, dim)


def graph_space(graph, n_landmarks, *, seed):
    """Landmarks of a graph of distances: nodes drawn at random, and the graph of their cells."""
    graph = union_graph(graph)
    rows = sampled_landmarks(graph.shape[0], n_landmarks, seed=seed)
    # Every component keeps a landmark: nothing else can place its nodes.
    labels = component_labels(graph)
    _, firsts = np.unique(labels, return_index=True)
    rows = np.union1d(rows, firsts[~np.isin(labels[firsts], labels[rows])])
    coarse = graph if len(rows) == graph.shape[0] else coarse_graph(graph, rows)
    squares = dijkstra(coarse, directed=False) ** 2
    scales = coarse.max(axis=1).toarray().ravel()
    scales[scales == 0] = 1.0  # a node without neighbours
    return LandmarkSpace(rows, squares, coarse, scales, _graph_dimension(coarse), given=True)


def _graph_dimension(graph):
    """Intrinsic dimension from the shortest edges of the nodes of at least median degree."""
    ends = [np.sort(graph.data[start:stop]) for start, stop in pairwise(graph.indptr)]
    n_edges = int(np.median([len(end) for end in ends]))
    full = [end[:n_edges] for end in ends if len(end) >= n_edges]
    return intrinsic_dimension(np.array(full)) if n_edges >= 2 else 1.0


def smoothing_weights(squared, positions, squares, parts, *, noise_variance, ridge):
    """Rows that interpolate from the landmarks to points, given each point's nearest ones.

    A point belongs to the component of its nearest landmark; landmarks of others do not count.

    squared, positions : (n_points, n_nearest); squares : (n_landmarks, n_landmarks)
    """
    nearest = positions[:, :1]
    counts = (parts[positions] == parts[nearest]) & np.isfinite(squared)
    positions = np.where(counts, positions, nearest)
    squared = np.where(counts, squared, squared[:, :1])
    between = squares[positions[:, :, None], positions[:, None, :]]
    weights = barycentric_weights(squared, between, noise_variance=noise_variance, ridge=ridge)
    rows = np.repeat(np.arange(len(positions)), positions.shape[1])
    shape = (len(positions), len(squares))
    return csr_array((weights.ravel(), (rows, positions.ravel())), shape=shape)


def components_of(weights, parts):
    """The component that each row of interpolation weights draws from."""
    return parts[weights.indices[weights.indptr[:-1]]]


def half_squares(weights, squares):
    """Half the weighted mean of the squared distances among each point's own landmarks."""
    halves = np.empty(weights.shape[0])
    for rows in row_chunks(weights.shape[0], 3 * 8 * len(squares)):
        halves[rows] = weights[rows].multiply(weights[rows] @ squares).sum(axis=1) / 2
    return halves


def nearest_by_features(X, landmarks, n_nearest, metric, device, n_jobs):
    """Squared distances to the nearest landmarks, and which they are.

    The search may round as its blocks fall; the distances are then taken one by one, so that a
    point's do not depend on the points beside it.
    """
    # Twice as many candidates: which of those at one distance is found may depend on the block.
    wider = min(2 * n_nearest, len(landmarks))
    lengths, positions = kneighbors(
        landmarks, wider, queries=X, metric=metric, device=device, n_jobs=n_jobs
    )
    squared = lengths**2
    if metric == "euclidean":
        offsets = landmarks[positions] - X[:, None, :]
        squared = np.einsum("nkd,nkd->nk", offsets, offsets)
    nearest = np.lexsort((positions, squared))[:, :n_nearest]
    return np.take_along_axis(squared, nearest, 1), np.take_along_axis(positions, nearest, 1)


def nearest_by_distance(distances, n_nearest):
    """The same from distances to all landmarks."""
    positions = np.argsort(distances, axis=1, kind="stable")[:, :n_nearest]
    return np.take_along_axis(distances, positions, axis=1) ** 2, positions
