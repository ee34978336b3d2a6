"""From rows of numbers to rows of numbers: few coefficients, and regressors that learn them.

A learner's `predict` gives means (n, q) and standard deviations (n, q), NaN where it has none.
"""

import warnings

import numpy as np
from scipy.sparse import identity, kron
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler


class SnapshotModes(BaseEstimator):
    """The published snapshot-POD: modes orthonormal under a mass matrix, nothing centred."""

    def __init__(self, n_components=8):
        self.n_components = n_components

    def fit(self, snapshots, mass):
        n_parts = snapshots.shape[1] // mass.shape[0]
        weighted = kron(mass, identity(n_parts)) @ snapshots.T
        values, vectors = np.linalg.eigh(snapshots @ weighted)
        kept = np.argsort(values)[::-1][: self.n_components]
        kept = kept[values[kept] > 1e-12 * values.max()]
        self.modes_ = (vectors[:, kept] / np.sqrt(values[kept])).T @ snapshots
        self.dual_ = (kron(mass, identity(n_parts)) @ self.modes_.T).T
        return self

    def encode(self, snapshots):
        return snapshots @ self.dual_.T

    def decode(self, codes):
        return codes @ self.modes_

    def draws_of(self, deviations):
        """Deviations of codes (..., k) as deviations of snapshots."""
        return deviations @ self.modes_


class PrincipalModes(BaseEstimator):
    """scikit-learn's principal components, of all coordinates alike."""

    def __init__(self, n_components=0.9999):
        self.n_components = n_components

    def fit(self, snapshots, mass):
        self.pca_ = PCA(self.n_components, svd_solver="full").fit(snapshots)
        self.modes_ = self.pca_.components_
        return self

    def encode(self, snapshots):
        return self.pca_.transform(snapshots)

    def decode(self, codes):
        return self.pca_.inverse_transform(codes)

    def draws_of(self, deviations):
        """Deviations of codes (..., k) as deviations of snapshots."""
        return deviations @ self.modes_


class GPyProcess(BaseEstimator):
    """GPy's regression with a Matern-5/2 kernel, one length for each input; it restarts itself.

    Inputs and every output are standardised; outputs share all hyper-parameters, as published.
    """

    def __init__(self, n_restarts=10):
        self.n_restarts = n_restarts

    def fit(self, inputs, targets):
        import GPy

        self.inputs_, self.outputs_ = StandardScaler().fit(inputs), StandardScaler().fit(targets)
        rows = self.inputs_.transform(inputs)
        kernel = GPy.kern.Matern52(rows.shape[1], ARD=True)
        self.model_ = GPy.models.GPRegression(rows, self.outputs_.transform(targets), kernel)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overflow at some of its random starts
            self.model_.optimize_restarts(self.n_restarts, verbose=False)
        return self

    def predict(self, inputs):
        mean, variance = self.model_.predict(self.inputs_.transform(inputs))
        spread = np.sqrt(np.maximum(variance, 0)) * self.outputs_.scale_
        return self.outputs_.inverse_transform(mean), spread


class SklearnProcess(BaseEstimator):
    """scikit-learn's regression with the same kernel.

    Outputs share hyper-parameters and one scale, so that small modes count for little.
    """

    def __init__(self, n_restarts=2, random_state=None):
        self.n_restarts = n_restarts
        self.random_state = random_state

    def fit(self, inputs, targets):
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        self.inputs_, self.mean_ = StandardScaler().fit(inputs), targets.mean(axis=0)
        self.scale_ = targets.std(axis=0).max()
        rows = self.inputs_.transform(inputs)
        lengths = np.full(rows.shape[1], np.sqrt(rows.shape[1]))
        kernel = ConstantKernel(1.0, (1e-4, 1e4)) * Matern(lengths, (1e-2, 1e4), nu=2.5)
        self.model_ = GaussianProcessRegressor(
            kernel + WhiteKernel(1e-3, (1e-8, 10.0)),
            n_restarts_optimizer=self.n_restarts,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model_.fit(rows, (targets - self.mean_) / self.scale_)
        return self

    def predict(self, inputs):
        mean, spread = self.model_.predict(self.inputs_.transform(inputs), return_std=True)
        shape = len(inputs), len(self.mean_)
        return self.mean_ + self.scale_ * mean.reshape(shape), self.scale_ * spread.reshape(shape)


class Neighbors(BaseEstimator):
    """Mean of the nearest training rows by inverse distance, inputs being standardised."""

    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, inputs, targets):
        from sklearn.neighbors import KNeighborsRegressor
        from sklearn.pipeline import make_pipeline

        nearest = KNeighborsRegressor(self.n_neighbors, weights="distance")
        self.model_ = make_pipeline(StandardScaler(), nearest).fit(inputs, targets)
        return self

    def predict(self, inputs):
        mean = self.model_.predict(inputs)
        return mean, np.full_like(mean, np.nan)
