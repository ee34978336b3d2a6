"""What TinvMDS is compared with: other poses of point clouds, and a descriptor of posed ones."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state


def _rescaled(points, scale):
    """Divide centred points, in place, by their extent along the first axis or by their radius."""
    extents = np.square(points).mean(axis=0)
    points /= np.sqrt(extents[0] if scale == "max_eig" else extents.sum())
    return points


class _Pose(TransformerMixin, BaseEstimator):
    """Nothing to learn: every cloud is posed by itself. A 2-D array is a single cloud."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        if isinstance(X, list):
            return [self._posed(cloud) for cloud in X]
        return self._posed(X) if X.ndim == 2 else np.stack([self._posed(cloud) for cloud in X])

    def __sklearn_is_fitted__(self):
        return True


class EachPCA(_Pose):
    """scikit-learn's principal axes of each cloud; their signs are scikit-learn's as well."""

    def __init__(self, *, svd_solver="auto", scale="max_eig"):
        self.svd_solver = svd_solver
        self.scale = scale

    def _posed(self, cloud):
        from sklearn.decomposition import PCA

        return _rescaled(PCA(svd_solver=self.svd_solver).fit_transform(cloud), self.scale)


class EachClassicalMDS(_Pose):
    """scikit-learn's classical scaling of the first clouds only, as each takes a second or so."""

    def __init__(self, *, n_clouds=4):
        self.n_clouds = n_clouds

    def transform(self, X):
        return super().transform(X[: self.n_clouds])

    def _posed(self, cloud):
        from sklearn.manifold import ClassicalMDS

        return _rescaled(ClassicalMDS(n_components=cloud.shape[1]).fit_transform(cloud), "max_eig")


class Raw(_Pose):
    """The points as they come."""

    def _posed(self, cloud):
        return cloud


class Centred(_Pose):
    """Mean zero and root mean square radius one, but no turn.

    With `n_copies`, a task turns every training cloud at random that many times.
    """

    def __init__(self, *, n_copies=None):
        self.n_copies = n_copies

    def _posed(self, cloud):
        return _rescaled(cloud - cloud.mean(axis=0), "trace")


class MeanEmbedding(TransformerMixin, BaseEstimator):
    """Means of random waves over the points: the Gaussian kernel's mean embedding of a cloud.

    It describes a set of coordinates whatever the order of the points, and all of it, so that a
    linear model of it is one of functions summed over points.
    """

    def __init__(self, *, n_frequencies=128, bandwidth=4.0, random_state=0):
        self.n_frequencies = n_frequencies
        self.bandwidth = bandwidth
        self.random_state = random_state

    def fit(self, X, y=None):
        normal = check_random_state(self.random_state).normal
        self.frequencies_ = self.bandwidth * normal(size=(X[0].shape[1], self.n_frequencies))
        return self

    def transform(self, X):
        return np.stack([self._described(cloud @ self.frequencies_) for cloud in X])

    @staticmethod
    def _described(phases):
        return np.concatenate([np.cos(phases).mean(axis=0), np.sin(phases).mean(axis=0)])
