"""What RVGP is compared with: neighbours, Gaussian processes in space, the published algorithm."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.sparse import bsr_array, csr_array, diags_array
from scipy.sparse.linalg import eigsh
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.neighbors import KNeighborsRegressor, kneighbors_graph
from sklearn.utils import check_random_state

KERNELS = {"rbf": RBF, "matern52": Matern}
RATE_STARTS = (5, 20, 80)  # eigenvalues that 2 nu / kappa^2 starts from
LOG_BOUNDS = ((-12.0, 6.0), (-2.3, 4.0), (-7.0, 4.0), (-7.0, 2.0))  # rate, nu, field, noise


def stacked(X, X_unlabeled=None):
    """Labelled points, then the unlabelled ones."""
    return X if X_unlabeled is None else np.concatenate([X, X_unlabeled])


def with_spread(mean, covariances, return_std, return_cov):
    """What `predict` returns, from the mean (n, d) and the covariances (n, d, d)."""
    if return_std:
        return mean, np.sqrt(np.einsum("ndd->nd", covariances))
    return (mean, covariances) if return_cov else mean


class KNN(KNeighborsRegressor):
    """Mean of the three nearest labels."""

    def __init__(self, n_neighbors=3):
        super().__init__(n_neighbors)

    def fit(self, X, y, X_unlabeled=None):
        return super().fit(X, y)


class AmbientGP(RegressorMixin, BaseEstimator):
    """scikit-learn's Gaussian process in the space around the manifold.

    All coordinates share hyper-parameters and one scale; vectors about a manifold have no mean to
    take off. With `projected`, predictions are projected on tangent planes, which all points that
    the fit is given tell of; with `n_tuned`, hyper-parameters are those of that many labels.
    """

    def __init__(
        self,
        *,
        kernel="rbf",
        projected=False,
        manifold_dim=2,
        n_restarts=2,
        n_tuned=None,
        random_state=None,
    ):
        self.kernel = kernel
        self.projected = projected
        self.manifold_dim = manifold_dim
        self.n_restarts = n_restarts
        self.n_tuned = n_tuned
        self.random_state = random_state

    def fit(self, X, y, X_unlabeled=None):
        self.points_ = stacked(X, X_unlabeled)
        self.scale_ = np.sqrt(np.mean(np.square(y)))
        rng = check_random_state(self.random_state)
        self.model_ = GaussianProcessRegressor(
            self._start(X), n_restarts_optimizer=self.n_restarts, random_state=rng
        )
        if self.n_tuned and self.n_tuned < len(X):
            rows = rng.permutation(len(X))[: self.n_tuned]
            tuned = self.model_.fit(X[rows], y[rows] / self.scale_).kernel_
            self.model_ = GaussianProcessRegressor(tuned, optimizer=None)
        self.model_.fit(X, y / self.scale_)
        return self

    def _start(self, X):
        radius = np.sqrt(X.var(axis=0).sum())
        words = {"nu": 2.5} if self.kernel == "matern52" else {}
        bounds = (0.01 * radius, 100 * radius)
        shape = KERNELS[self.kernel](radius, bounds, **words)
        return ConstantKernel(1.0, (1e-3, 1e3)) * shape + WhiteKernel(0.01, (1e-6, 10.0))

    def predict(self, X, return_std=False, return_cov=False):
        if not (return_std or return_cov):
            mean = self.scale_ * self.model_.predict(X)
            return np.einsum("nde,ne->nd", self._planes(X), mean) if self.projected else mean
        mean, std = self.model_.predict(X, return_std=True)
        noise = self.model_.kernel_.k2.noise_level
        variance = self.scale_**2 * np.maximum(std.reshape(len(X), -1) ** 2 - noise, 0)
        if mean.ndim == 1:
            return self.scale_ * mean, np.sqrt(variance[:, 0])
        covariances = variance[:, :, None] * np.eye(mean.shape[1])
        if self.projected:
            planes = self._planes(X)
            mean, covariances = np.einsum("nde,ne->nd", planes, mean), planes @ covariances @ planes
        return with_spread(self.scale_ * mean, covariances, return_std, return_cov)

    def _planes(self, X):
        """Projectors (n, d, d) on the tangent planes at the rows of X."""
        from skmanifold.graph import tangent_frames

        frames = tangent_frames(
            self.points_, manifold_dim=self.manifold_dim, n_neighbors=20, queries=X
        )
        return frames @ frames.transpose(0, 2, 1)


def principal_frames(X, neighbors, n_dims):
    """Frames (n, d, n_dims) by singular value decomposition of each point's neighbours."""
    around = X[neighbors] - X[:, None]
    return np.linalg.svd(around, full_matrices=False)[2][:, :n_dims].transpose(0, 2, 1)


def connection_laplacian(adjacency, frames):
    """Degrees on the diagonal, minus the best orthogonal alignment of two frames off it."""
    (n_points, _, n_dims), graph = frames.shape, adjacency.tocoo()
    left, _, right = np.linalg.svd(frames[graph.row].transpose(0, 2, 1) @ frames[graph.col])
    starts = np.searchsorted(graph.row, np.arange(n_points + 1))
    shape = (n_points * n_dims,) * 2
    off_diagonal = bsr_array((-(left @ right), graph.col, starts), shape=shape)
    return csr_array(off_diagonal) + diags_array(np.repeat(np.diff(starts), n_dims).astype(float))


class PublishedGP(RegressorMixin, BaseEstimator):
    """The paper's algorithm, written anew from its description; it answers for its graph only.

    Nearest neighbours with unit weights, frames by principal components, orthogonal alignment of
    frames, lowest eigenpairs of the connection Laplacian, a Matern kernel on its spectrum with one
    scalar row for each coordinate. Scale, smoothness, variance and noise maximise the evidence.
    """

    def __init__(self, *, manifold_dim=2, n_neighbors=10, n_eigenpairs=200):
        self.manifold_dim = manifold_dim
        self.n_neighbors = n_neighbors
        self.n_eigenpairs = n_eigenpairs

    def fit(self, X, y, X_unlabeled=None):
        self.points_ = stacked(X, X_unlabeled)
        self.eigenvalues_, self.features_ = self._encode(self.points_)
        flat = self.features_.reshape(-1, len(self.eigenvalues_))
        self._energy = np.mean(np.square(flat), axis=0)
        seen, targets = flat[: y.size], y.ravel()
        self._moments = seen.T @ seen, seen.T @ targets, targets @ targets, y.size
        starts = [self._start(rate, np.std(y)) for rate in RATE_STARTS]
        found = [minimize(self.cost, p, method="L-BFGS-B", bounds=LOG_BOUNDS) for p in starts]
        self.log_parameters_ = min(found, key=lambda each: each.fun).x
        self.weights_, self.covariance_ = self._posterior(self.log_parameters_)
        return self

    def _encode(self, points):
        """Lowest eigenvalues (K,), and their eigenvectors as vectors in space (n, d, K)."""
        graph = kneighbors_graph(points, self.n_neighbors)
        neighbors = graph.indices.reshape(len(points), self.n_neighbors)
        frames = principal_frames(points, neighbors, self.manifold_dim)
        adjacency = csr_array(graph.maximum(graph.T))
        adjacency.sort_indices()
        laplacian = connection_laplacian(adjacency, frames)
        n_rows = laplacian.shape[0]
        n_pairs = min(self.n_eigenpairs, n_rows - 2)
        start = np.random.default_rng(0).normal(size=n_rows)
        values, vectors = eigsh(laplacian.tocsc(), n_pairs, sigma=-1e-3, v0=start)
        order = np.argsort(values)
        vectors = vectors[:, order].reshape(len(points), self.manifold_dim, n_pairs)
        return np.maximum(values[order], 0), frames @ vectors

    def _start(self, rank, scale):
        rate = self.eigenvalues_[min(rank, len(self.eigenvalues_) - 1)]
        return np.log([max(rate, 1e-4), 1.5, scale, 0.1 * scale])

    def spectrum(self, log_parameters):
        """Prior variances (K,) of the weights: their mean variance is that of the field."""
        rate, nu, field = np.exp(log_parameters[:3])
        logs = -nu * np.log(self.eigenvalues_ + rate)
        variances = np.exp(logs - logs.max())
        return field**2 * variances / (self._energy @ variances)

    def _factor(self, log_parameters):
        """Roots of the prior variances, noise, and the factor of the posterior's precision."""
        roots, noise = np.sqrt(self.spectrum(log_parameters)), np.exp(2 * log_parameters[3])
        gram = self._moments[0] * np.outer(roots, roots) / noise
        return roots, noise, cho_factor(np.eye(len(gram)) + gram, lower=True)

    def cost(self, log_parameters):
        """Minus the log of the evidence."""
        _, moment, square, n_targets = self._moments
        roots, noise, factor = self._factor(log_parameters)
        fitted = (roots * moment) @ cho_solve(factor, roots * moment) / noise
        volume = 2 * np.log(np.diag(factor[0])).sum() + n_targets * np.log(2 * np.pi * noise)
        return ((square - fitted) / noise + volume) / 2

    def _posterior(self, log_parameters):
        roots, noise, factor = self._factor(log_parameters)
        covariance = roots[:, None] * cho_solve(factor, np.diag(roots))
        return covariance @ self._moments[1] / noise, covariance

    def predict(self, X, return_std=False, return_cov=False):
        features = self.features_[self._rows(X)]
        covariances = features @ self.covariance_ @ features.transpose(0, 2, 1)
        return with_spread(features @ self.weights_, covariances, return_std, return_cov)

    def _rows(self, X):
        row = {point.tobytes(): i for i, point in enumerate(self.points_)}
        try:
            return [row[point.tobytes()] for point in np.ascontiguousarray(X)]
        except KeyError:
            raise ValueError("X has points that were not in the graph.") from None
