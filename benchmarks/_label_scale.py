"""Label spaces of hundreds of thousands of labels, with probabilities that are given."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks._label_exact import count_mismatches
from benchmarks._label_peers import given
from benchmarks._label_tasks import Split, parent_mapping, settings
from benchmarks._wordnet import load_wordnet_gloss

N_SPOT, N_SPOT_CLASSES = 16, 3  # samples that brute force checks, and classes that each of them has
N_TRAIN = 2000
N_SELECTED, N_CHECKED = 1000, 10  # labels to select, and steps that brute force checks


@dataclass(frozen=True)
class Large(Split):
    """Labels 0, 1, ..., of which few are seen; features are the probabilities of these.

    `distances_from(labels)` gives the distances (len(labels), n_labels) by other means than the
    package's; `adjacency` holds the edges (of length 1), if distances are along any.
    """

    distances_from: Callable
    adjacency: csr_array | None = None


def _probabilities(n_samples, n_seen, rng):
    """Rows that favour a few classes; the last ones name three classes only."""
    P = rng.dirichlet(np.full(n_seen, 0.05), n_samples)
    P[-N_SPOT:] = 0
    for row in P[-N_SPOT:]:
        row[rng.permutation(n_seen)[:N_SPOT_CLASSES]] = rng.dirichlet(np.ones(N_SPOT_CLASSES))
    return P


def _large(n_labels, n_samples, n_seen, rng, label_metric, labels, distances_from, adjacency=None):
    """Draw seen labels and probabilities; labels to train on are drawn from the probabilities."""
    seen = np.sort(rng.permutation(n_labels)[:n_seen])
    P = _probabilities(n_samples, n_seen, rng)
    X_train = P[:N_TRAIN]
    drawn = (X_train.cumsum(axis=1) > rng.random((len(X_train), 1))).argmax(axis=1)
    return Large(
        X_train=X_train,
        y_train=seen[drawn],
        X_test=P,
        y_test=None,
        label_metric=label_metric,
        labels=labels,
        base=None,
        fitted=given(seen),
        distances_from=distances_from,
        adjacency=adjacency,
    )


def _edges(child, parent, n_nodes):
    """Each edge once, of length 1."""
    return csr_array((np.ones(len(child)), (child, parent)), shape=(n_nodes, n_nodes))


def _hops_from(adjacency):
    def distances_from(labels):
        return dijkstra(adjacency, directed=False, indices=labels, unweighted=True)

    return distances_from


def _large_tree(parents, n_samples, n_seen, rng):
    child = np.flatnonzero(parents >= 0)
    adjacency = _edges(child, parents[child], len(parents))
    metric, hops = parent_mapping(parents), _hops_from(adjacency)
    return _large(len(parents), n_samples, n_seen, rng, metric, "all", hops, adjacency)


def _random_parents(n_labels, rng):
    """Each node hangs off a random one before it."""
    earlier = (rng.random(n_labels) * np.arange(n_labels)).astype(np.int64)
    return np.append(-1, earlier[1:])


def wordnet_tree(n_samples, n_seen):
    """All nouns of WordNet, below their first hypernyms."""

    def load(seed):
        parents = load_wordnet_gloss().parents
        return _large_tree(parents, n_samples, n_seen, np.random.default_rng(seed))

    return load


def random_tree(n_labels, n_samples, n_seen):
    """A random recursive tree, as a mapping from child to parent."""

    def load(seed):
        rng = np.random.default_rng(seed)
        return _large_tree(_random_parents(n_labels, rng), n_samples, n_seen, rng)

    return load


def random_graph(n_labels, n_extra, n_samples, n_seen):
    """The random tree with more edges, all of length 1, as a sparse array."""

    def load(seed):
        rng = np.random.default_rng(seed)
        below = np.arange(1, n_labels)
        above = _random_parents(n_labels, rng)[1:]
        more = np.sort(rng.integers(0, n_labels, (n_extra, 2)), axis=1)
        more = more[more[:, 0] < more[:, 1]]
        adjacency = _edges(np.append(below, more[:, 1]), np.append(above, more[:, 0]), n_labels)
        adjacency.data[:] = 1  # where an edge was drawn twice
        names, hops = np.arange(n_labels), _hops_from(adjacency)
        return _large(n_labels, n_samples, n_seen, rng, adjacency, names, hops, adjacency)

    return load


def random_points(n_labels, n_coordinates, n_samples, n_seen):
    """Normal points in single precision, as an array with a row for each label."""

    def load(seed):
        rng = np.random.default_rng(seed)
        points = rng.standard_normal((n_labels, n_coordinates), dtype=np.float32)

        def distances_from(labels):
            return np.stack([np.linalg.norm(points - points[row], axis=1) for row in labels])

        return _large(n_labels, n_samples, n_seen, rng, points, np.arange(n_labels), distances_from)

    return load


def score_large(estimator, result, data, seed):
    """Times, and how many of the samples of three classes brute force does not confirm."""
    from skmanifold.label_space import temper

    predicted, seconds = result
    chosen = getattr(estimator, "temperature_", 1.0), getattr(estimator, "top_k_", None)
    P = temper(data.X_test[-N_SPOT:], *chosen)
    used = P.any(axis=0)
    squared = data.distances_from(data.fitted.classes_[used]).astype(np.float64) ** 2
    wrong = count_mismatches(P[:, used] @ squared, np.arange(squared.shape[1]), predicted[-N_SPOT:])
    return {"mismatches": wrong, **settings(estimator), **seconds}


def fit_selection(estimator, data):
    """The next labels to collect samples of, and the seconds that their selection took."""
    estimator.set_params(estimator=data.fitted, label_metric=data.label_metric, labels=data.labels)
    estimator.fit(data.X_train, data.y_train)
    start = time.perf_counter()
    selected = estimator.select_next_class(N_SELECTED)
    return selected, time.perf_counter() - start


def hull(parents, nodes):
    """Mask of the paths between nodes of a tree in which parents come first."""
    below = np.zeros(len(parents), dtype=np.int64)
    below[nodes] = 1
    for node in range(len(parents) - 1, 0, -1):
        below[parents[node]] += below[node]
    holds_all = np.flatnonzero(below == len(nodes))
    marked = below > 0
    marked[holds_all] = False
    marked[holds_all[-1]] = True  # of the nodes above all others, the lowest
    return marked


def score_selection(estimator, result, data, seed):
    """Steps, of the first few, whose label is not the lowest of those farthest from the hull."""
    selected, select_s = result
    wrong, parents = 0, np.array([data.label_metric[i] or 0 for i in range(len(data.label_metric))])
    for step, label in enumerate(selected[:N_CHECKED]):
        inside = hull(parents, np.append(data.fitted.classes_, selected[:step]))
        apart = dijkstra(
            data.adjacency,
            directed=False,
            indices=np.flatnonzero(inside),
            unweighted=True,
            min_only=True,
        )
        wrong += label != apart.argmax()
    return {"mismatches": wrong, "select_s": select_s}
