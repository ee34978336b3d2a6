"""What LokiPredictor is compared with, and a classifier that is handed its probabilities."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator


class _Peer(ClassifierMixin, BaseEstimator):
    """The parameters that every task sets."""

    def __init__(self, estimator=None, *, label_metric=None, labels="all"):
        self.estimator = estimator
        self.label_metric = label_metric
        self.labels = labels


class Argmax(_Peer):
    """The likeliest class: the base estimator by itself."""

    def fit(self, X, y):
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict(self, X):
        return self.estimator_.predict(X)


class Constant(_Peer):
    """One answer to everything: the medoid of the training labels."""

    def fit(self, X, y):
        from skmanifold.metrics import constant_medoid

        self.label_ = constant_medoid(y, label_metric=self.label_metric, labels=self.labels)
        return self

    def predict(self, X):
        return np.full(len(X), self.label_)


class DenseProduct(_Peer):
    """The published rule as its formula says: probabilities times a table of squared distances.

    The distances are our own, which are far quicker to get than one path at a time; the product is
    numpy's, and holds samples x labels.
    """

    def fit(self, X, y):
        from skmanifold.label_space import as_label_space

        self.estimator_ = clone(self.estimator).fit(X, y)
        space = as_label_space(self.label_metric, self.labels)
        self.classes_ = space.labels
        seen = space.nodes_of(self.estimator_.classes_)
        self.table_ = space.distances(seen).astype(np.float64) ** 2
        return self

    def predict(self, X):
        return self.classes_[(self.estimator_.predict_proba(X) @ self.table_).argmin(axis=1)]


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities, so that only the rule is measured."""

    def __init__(self, classes=()):
        self.classes = classes

    def fit(self, X=None, y=None):
        self.classes_ = np.asarray(self.classes)
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


def given(classes):
    """The classifier of these classes, in ascending order, as one that was fitted elsewhere."""
    return FrozenEstimator(Given(classes).fit())
