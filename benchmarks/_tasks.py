"""What a task is, and the data sets and scores that tasks are made of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_SCORED = 2000  # rows whose pairwise geodesics are compared: 2 million pairs are plenty


def fit_all(estimator, data):
    """The timed part of most tasks."""
    return estimator.fit_transform(data.X)


def fit_half(estimator, data):
    """The timed part where the other half is held out."""
    return estimator.fit_transform(data.X[::2])


def noise(n_samples):
    """Warm-up of an embedding on that many points of noise."""

    def warm_up(estimator):
        estimator.fit_transform(np.random.default_rng(0).normal(size=(n_samples, 3)))

    return warm_up


SMALL_NOISE = noise(300)


@dataclass(frozen=True)
class Task:
    """A data set, the methods compared on it, how they are scored and what is aimed at.

    `load(seed) -> data`, `fit(estimator, data) -> result` (the timed part),
    `score(estimator, result, data, seed) -> {metric: value}`, `warm_up(estimator)` before all that;
    tasks of one `row` share a table.
    """

    row: str
    methods: tuple
    load: Callable
    score: Callable
    fit: Callable = fit_all
    bounds: tuple = ()
    warm_up: Callable = SMALL_NOISE
    timeout: float = 1800.0
    max_seeds: int | None = None


def flat(maker, n_samples, **parameters):
    """Loader of one of `skmanifold.datasets`' makers."""

    def load(seed):
        from skmanifold import datasets

        return getattr(datasets, maker)(n_samples, random_state=seed, **parameters)

    return load


@dataclass(frozen=True)
class _Rotated:
    """A sample whose points were carried isometrically into more dimensions."""

    X: np.ndarray
    geodesic_distances: Callable


def rotated(load, n_features=50):
    """The same manifold, padded and turned at random inside `n_features` dimensions."""

    def load_rotated(seed):
        data = load(seed)
        normal = np.random.default_rng(seed).normal(size=(n_features, data.X.shape[1]))
        return _Rotated(data.X @ np.linalg.qr(normal)[0].T, data.geodesic_distances)

    return load_rotated


def pbmc68k(seed):
    """The same cells on every seed; the methods and k-means are what the seed changes."""
    from skmanifold.datasets import load_pbmc68k

    return load_pbmc68k()


def _settings(estimator):
    """What our estimator chose by itself, where there is something."""
    chosen = {}
    if hasattr(estimator, "landmark_embedding_"):
        chosen["landmarks"] = len(estimator.landmark_embedding_)
    if hasattr(estimator, "t_"):
        chosen["t"] = np.mean(estimator.t_)
    return chosen


def _geodesics(data, rows, seed):
    """Positions in `rows` of those that are scored, and their geodesic distances."""
    picked = np.arange(len(rows))
    if len(rows) > N_SCORED:
        picked = np.sort(np.random.default_rng(seed).choice(picked, N_SCORED, replace=False))
    return picked, data.geodesic_distances(rows[picked], rows[picked])


def score_geodesics(estimator, embedding, data, seed):
    """Correlation of embedded and geodesic distances, and error of their common scale."""
    from skmanifold.metrics import geodesic_correlation, geodesic_scale

    picked, geodesics = _geodesics(data, np.arange(len(data.X)), seed)
    embedding = np.asarray(embedding)[picked]
    return {
        "pearson": geodesic_correlation(geodesics, embedding),
        "scale_error": abs(geodesic_scale(geodesics, embedding) - 1),
        **_settings(estimator),
    }


def _batching(estimator, new, whole, seed):
    """Largest change of `transform` when rows come one by one or in random batches."""
    single = np.vstack([estimator.transform(row[None]) for row in new[:50]])
    order = np.random.default_rng(seed).permutation(len(new))
    batched = np.empty_like(whole)
    for batch in np.array_split(order, 7):
        batched[batch] = estimator.transform(new[batch])
    return max(np.abs(single - whole[:50]).max(), np.abs(batched - whole).max())


def score_held_out(estimator, fitted, data, seed):
    """Correlation among held-out rows less that among fitted ones, and batch dependence."""
    from skmanifold.metrics import geodesic_correlation

    def correlation(rows, embedding):
        picked, geodesics = _geodesics(data, rows, seed)
        return geodesic_correlation(geodesics, embedding[picked])

    rows = np.arange(len(data.X))
    whole = np.asarray(estimator.transform(data.X[1::2]))
    pearson = correlation(rows[::2], np.asarray(fitted))
    return {
        "pearson": pearson,
        "held_out_gap": correlation(rows[1::2], whole) - pearson,
        "batching": _batching(estimator, data.X[1::2], whole, seed),
        **_settings(estimator),
    }


def purity(X, labels, n_neighbors=15):
    """For each label, the share of its points' neighbours that carry it too."""
    from sklearn.neighbors import NearestNeighbors

    neighbors = NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors(return_distance=False)
    same = labels[neighbors] == labels[:, None]
    return np.array([same[labels == label].mean() for label in np.unique(labels)])


def score_clusters(estimator, embedding, data, seed):
    """k-means against the labels, and labels that the embedding has scattered.

    Only labels that the input itself holds together (purity of a quarter or more) count; one is
    lost where the embedding keeps less than half of its purity.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    labels, embedding = np.asarray(data.labels), np.asarray(embedding)
    k_means = KMeans(len(np.unique(labels)), n_init=10, random_state=seed)
    before, after = purity(data.X, labels), purity(embedding, labels)
    kept = after[before >= 0.25] / before[before >= 0.25]
    return {
        "ari": adjusted_rand_score(labels, k_means.fit_predict(embedding)),
        "purity_kept": kept.min(),
        "lost": np.sum(kept < 0.5),
        **_settings(estimator),
    }
