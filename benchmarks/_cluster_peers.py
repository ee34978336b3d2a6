"""What MCRClustering is compared with, where scikit-learn has no such estimator as it stands."""

import warnings
from contextlib import contextmanager
from itertools import product

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import HDBSCAN, spectral_clustering
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

SWEPT_NEIGHBORS = (5, 10, 15, 20, 30)
SWEPT_WEIGHTS = ("connectivity", "self-tuned")
SWEPT_LABELS = ("kmeans", "cluster_qr")
SCALE_NEIGHBOR = 7  # whose distance is the width at a point, as Zelnik-Manor and Perona have it
GAMMA_RATIO = 3.0  # best of 3, 10 and 50 on digits and MNIST, by their classes; 50 is published
MAX_STEPS = 1000  # of the search for the points that represent another; 10 are usual
SLACK = 1e-6  # relative, of the optimality condition that ends it


@contextmanager
def _disconnected_quietly():
    """Graphs that fall into parts are what clusters are; the eigensolver gives them all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        yield


class FullHDBSCAN(ClusterMixin, BaseEstimator):
    """scikit-learn's HDBSCAN, with each noise point in the cluster of the nearest other point.

    It finds the number of clusters by itself. All is one cluster where all is noise.
    """

    def __init__(self, *, min_cluster_size=5):
        self.min_cluster_size = min_cluster_size

    def fit(self, X, y=None):
        labels = HDBSCAN(min_cluster_size=self.min_cluster_size, copy=True).fit_predict(X)
        noise = labels < 0
        if noise.any() and not noise.all():
            nearest = NearestNeighbors(n_neighbors=1).fit(X[~noise]).kneighbors(X[noise])[1]
            labels[noise] = labels[~noise][nearest[:, 0]]
        self.labels_ = labels
        return self


def _neighbors(X, n_neighbors):
    """Distances to and positions of the nearest points, ascending; each point is its own first."""
    return NearestNeighbors(n_neighbors=min(n_neighbors, len(X))).fit(X).kneighbors(X)


def _graph(weights, positions, counts):
    """Sparse square array with `counts[i]` entries in row i; its indices are short ones.

    scikit-learn's spectral clustering takes no others.
    """
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    entries = weights, positions.astype(np.int32), starts
    return sparse.csr_array(entries, shape=(len(counts),) * 2)


def neighbor_graph(distances, neighbors, weights):
    """Symmetric graph of neighbours, of shape (n, n): all edges alike or Gaussian.

    Gaussian weights are `exp(-d_ij^2 / (s_i s_j))`, where `s_i` is the distance from i to its
    seventh neighbour, or the last one of less.
    """
    n_points, n_neighbors = neighbors.shape
    weight = np.ones_like(distances)
    if weights == "self-tuned":
        scale = distances[:, min(SCALE_NEIGHBOR, n_neighbors - 1)]
        scale = np.maximum(scale, np.finfo(scale.dtype).tiny ** 0.5)
        weight = np.exp(-np.square(distances) / (scale[:, None] * scale[neighbors]))
    graph = _graph(weight.ravel(), neighbors.ravel(), np.full(n_points, n_neighbors))
    return (graph + graph.T) / 2


class SpectralSweep(ClusterMixin, BaseEstimator):
    """Spectral clustering at twenty settings; whoever scores it takes the best, seeing the labels.

    The settings are 5, 10, 15, 20 and 30 neighbours, alike or with self-tuned Gaussian weights,
    and labels by k-means or by a pivoted QR decomposition. `labels_` has a column for each.
    """

    def __init__(self, n_clusters=8, *, random_state=None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X, y=None):
        distances, neighbors = _neighbors(X, max(SWEPT_NEIGHBORS))
        labels = []
        for n_neighbors, weights in product(SWEPT_NEIGHBORS, SWEPT_WEIGHTS):
            nearest = distances[:, :n_neighbors], neighbors[:, :n_neighbors]
            graph = neighbor_graph(*nearest, weights)
            labels += [self._labels(graph, assign_labels) for assign_labels in SWEPT_LABELS]
        self.labels_ = np.column_stack(labels)
        return self

    def _labels(self, graph, assign_labels):
        with _disconnected_quietly():
            return spectral_clustering(
                graph,
                n_clusters=self.n_clusters,
                assign_labels=assign_labels,
                random_state=self.random_state,
            )


def _minimum(points, target, signs, coefficients, gamma, l1_ratio):
    """Which points stay, and the minimum over coefficients of their signs, by descent from given.

    A coefficient that would change its sign ends at nought, and its point is dropped.
    """
    hessian = gamma * points @ points.T + (1 - l1_ratio) * np.eye(len(points))
    slope = gamma * points @ target - l1_ratio * signs
    kept = np.arange(len(points))
    while True:
        goal = np.linalg.solve(hessian[np.ix_(kept, kept)], slope[kept])
        wrong = goal * signs[kept] < 0
        if not wrong.any():
            return kept, goal
        steps = np.where(wrong, coefficients, 1) / np.where(wrong, coefficients - goal, 1)
        coefficients = coefficients + steps.min() * (goal - coefficients)
        stay = steps > steps.min()
        kept, coefficients = kept[stay], coefficients[stay]


def _represented(X, row, gamma_ratio, l1_ratio):
    """Positions and coefficients of the points that represent one row of `X`."""
    active, coefficients = np.array([], dtype=int), np.array([])
    pull, signs = X @ X[row], np.zeros(len(X))
    pull[row] = 0.0
    if not pull.any():
        return active, coefficients
    gamma = gamma_ratio * l1_ratio / np.abs(pull).max()
    pull *= gamma
    for _ in range(MAX_STEPS):
        new = np.abs(pull).argmax()
        if abs(pull[new]) <= l1_ratio * (1 + SLACK):
            break
        signs[new] = np.sign(pull[new])
        active, coefficients = np.append(active, new), np.append(coefficients, 0.0)
        known = X[active], X[row], signs[active], coefficients
        kept, coefficients = _minimum(*known, gamma, l1_ratio)
        active = active[kept]
        pull = gamma * (X @ (X[row] - coefficients @ X[active]))
        pull[[row, *active]] = 0.0
    return active, coefficients


def self_representation(X, *, gamma_ratio=GAMMA_RATIO, l1_ratio=0.9):
    """Each unit row of `X` as a combination of few other rows: a sparse array of shape (n, n).

    Row j minimises `l1 |c|_1 + (1 - l1)/2 |c|^2 + gamma/2 |x_j - sum_i c_i x_i|^2` with
    `c_j = 0`, where `gamma` is `gamma_ratio` times the least that gives any `c` but nought. The
    points with coefficients are found one by one, always the one that pulls most on the residual,
    until none pulls more than `l1`: this is the solution over all points.
    """
    found = [_represented(X, row, gamma_ratio, l1_ratio) for row in range(len(X))]
    positions, coefficients = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _graph(coefficients, positions, [len(part) for part, _ in found])


class EnSC(ClusterMixin, BaseEstimator):
    """Elastic-net subspace clustering, from its mathematics (You, Li, Robinson, Vidal 2016).

    Spectral clustering of `|C| + |C|^T`, where the rows of C represent the rows of X, scaled to
    unit norm, by one another.
    """

    def __init__(self, n_clusters=8, *, gamma_ratio=GAMMA_RATIO, l1_ratio=0.9, random_state=None):
        self.n_clusters = n_clusters
        self.gamma_ratio = gamma_ratio
        self.l1_ratio = l1_ratio
        self.random_state = random_state

    def fit(self, X, y=None):
        unit = normalize(np.asarray(X, dtype=np.float64))
        options = {"gamma_ratio": self.gamma_ratio, "l1_ratio": self.l1_ratio}
        strength = abs(self_representation(unit, **options))
        with _disconnected_quietly():
            self.labels_ = spectral_clustering(
                strength + strength.T, n_clusters=self.n_clusters, random_state=self.random_state
            )
        return self


class EnSConZ(ClusterMixin, BaseEstimator):
    """The same on the representation that MCRClustering, or `representation`, learns."""

    def __init__(self, n_clusters=8, *, representation=None, random_state=None):
        self.n_clusters = n_clusters
        self.representation = representation
        self.random_state = random_state

    def fit(self, X, y=None):
        options = {"n_clusters": self.n_clusters, "random_state": self.random_state}
        Z = self._learner(options).fit(X).transform(X)
        self.labels_ = EnSC(**options).fit_predict(Z)
        return self

    def _learner(self, options):
        if self.representation is not None:
            return clone(self.representation)
        from skmanifold.cluster import MCRClustering

        return MCRClustering(device="cpu", **options)
