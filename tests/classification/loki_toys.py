"""Base classifiers, label spaces and brute force for the tests of LokiPredictor."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skmanifold import LokiPredictor

PUBLISHED = {"temperature": 1.0, "top_k": "all"}
# A taxonomy in which leaves lie at different depths
ANIMALS = {
    "animal": None,
    "fish": "animal",
    "mammal": "animal",
    "carp": "fish",
    "tuna": "fish",
    "cat": "mammal",
    "cow": "mammal",
    "lion": "cat",
}


class GivenProbabilities(ClassifierMixin, BaseEstimator):
    """Classifier whose samples are the probabilities of its classes, in ascending order."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Recorder(GivenProbabilities):
    """Centroids of classes; notes what its fits are given in `log`, which clones share."""

    log = []

    def fit(self, X, y, sample_weight=None, tag=None):
        X, y = np.asarray(X), np.asarray(y)
        self.log.append({"X": X, "y": y, "sample_weight": sample_weight, "tag": tag})
        self.classes_ = np.unique(y)
        self.centers_ = np.array([X[y == each].mean(axis=0) for each in self.classes_])
        return self

    def predict_proba(self, X):
        squares = ((np.asarray(X)[:, None] - self.centers_) ** 2).sum(axis=2)
        weights = np.exp(squares.min(axis=1, keepdims=True) - squares)
        return weights / weights.sum(axis=1, keepdims=True)


def path_lengths(edges, names):
    """Shortest paths between all names, by Floyd and Warshall; edges are (one, other, length)."""
    at = {name: place for place, name in enumerate(names)}
    lengths = np.where(np.eye(len(names), dtype=bool), 0.0, np.inf)
    for one, other, length in edges:
        ends = at[one], at[other]
        lengths[ends] = lengths[ends[::-1]] = min(lengths[ends], length)
    for middle in range(len(names)):
        np.minimum(lengths, lengths[:, [middle]] + lengths[middle], out=lengths)
    return lengths


def animal_distances(names):
    """Path lengths between some of the animals."""
    edges = [(child, parent, 1) for child, parent in ANIMALS.items() if parent]
    every = sorted(ANIMALS)
    at = [every.index(name) for name in names]
    return path_lengths(edges, every)[np.ix_(at, at)]


def risks_of(table, P, power=2.0, temperature=1.0, top_k=None):
    """Risks (n_samples, n_labels) from distances (n_seen, n_labels), as the paper writes them."""
    P = np.array(P, dtype=float)
    if top_k is not None:
        for row in P:
            row[np.argsort(-row, kind="stable")[top_k:]] = 0
    weights = P ** (1 / temperature)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ np.asarray(table, dtype=float) ** power


def first_least(risks):
    """Column of the least risk; of those that only rounding tells apart, the first."""
    least = risks.min(axis=1, keepdims=True)
    return (risks <= least * (1 + 1e-9) + 1e-12 * risks.max()).argmax(axis=1)


def random_probabilities(n_samples, n_classes, seed=0, concentration=0.4):
    """Rows from nearly certain to nearly uniform."""
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, concentration), n_samples)


def given(classes, **params):
    """LokiPredictor fitted to know `classes`, that predicts from the rows of X as they are."""
    classes = np.unique(classes)
    model = LokiPredictor(GivenProbabilities(), random_state=0, **{**PUBLISHED, **params})
    return model.fit(np.eye(len(classes)), classes)


def ordinal_task(seed, n_grades=12, seen=(0, 3, 4, 7, 9, 11), n_samples=300, noise=1.0):
    """Grades measured with noise: training samples of seen grades, test samples of all."""
    rng = np.random.default_rng(seed)
    y = np.tile(np.arange(n_grades), n_samples // n_grades + 1)[: 2 * n_samples]
    y = rng.permutation(np.concatenate([y, y]))
    X = np.column_stack([y + noise * rng.normal(size=len(y)), rng.normal(size=len(y))])
    half = len(y) // 2
    train = np.isin(y[:half], seen)
    return X[:half][train], y[:half][train], X[half:], y[half:]
