"""The parts by themselves: shape codes, maps onto the disk, Gaussian processes, foreign shapes."""

import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from benchmarks import _mmgp_ours
from benchmarks._mmgp_carriers import muscat_disk
from benchmarks._mmgp_data import FOREIGN, foreign
from benchmarks._mmgp_tasks import fit_simulations
from benchmarks._report import Bound

N_CODES = 8
LEVEL = 0.05  # wanted rate of false alarms


# Shape codes under remeshing.


def fit_coordinates(morpher, data):
    """The timed part: coordinates of all meshes on the support."""
    return np.asarray(morpher.fit_transform(data.X))


def _variances(codes, shape):
    """Variance within shapes, and that of all, per column."""
    within = np.zeros_like(codes)
    for number in np.unique(shape):
        rows = shape == number
        within[rows] = codes[rows] - codes[rows].mean(axis=0)
    freedom = len(codes) - len(np.unique(shape))
    return np.square(within).sum(axis=0) / freedom, codes.var(axis=0, ddof=1)


def score_remeshing(morpher, coordinates, data, seed):
    """Share of the spread of the shape code that meshing the same shape anew makes.

    The code is of the first principal components; `remesh_noise` is of all of it in the
    coordinates' unit, `remesh_noise_modes` the root mean square of the components' own shares.
    """
    from sklearn.decomposition import PCA

    codes = PCA(N_CODES, svd_solver="full").fit_transform(coordinates)
    within, spread = _variances(codes, data.shape)
    return {
        "remesh_noise": np.sqrt(within.sum() / spread.sum()),
        "remesh_noise_modes": np.sqrt(np.mean(within / spread)),
    }


# Maps onto the disk.


class HarmonicMap(BaseEstimator):
    """Our map of each sample onto the disk or the strip."""

    def __init__(self, weights="uniform"):
        self.weights = weights

    def transform(self, X):
        return [_mmgp_ours.flat(each, self.weights) for each in X]


class MuscatMap(BaseEstimator):
    """Muscat's."""

    def transform(self, X):
        return [muscat_disk(each) for each in X]


def fit_maps(mapper, data):
    """The timed part: all samples on the disk, and the seconds."""
    start = time.perf_counter()
    flat = mapper.transform(data.X)
    return flat, time.perf_counter() - start


def _muscat_nodes(sample):
    """Muscat's nodes of a sample on the disk, in the sample's own order."""
    disk, order = muscat_disk(sample)
    return disk.nodes[np.argsort(order)]


def map_difference(sample, weights):
    """Largest distance of our nodes from Muscat's, given its places of the nodes of the outline."""
    theirs = _muscat_nodes(sample)
    rim = np.flatnonzero(np.abs(np.hypot(*theirs.T) - 1) < 1e-9)
    angles = np.arctan2(*theirs[rim].T[::-1])
    return np.abs(_mmgp_ours.flat_within(sample, rim, angles, weights) - theirs).max()


def score_maps(mapper, result, data, seed):
    """Nodes and milliseconds of a mesh; with uniform weights, the difference from Muscat's map."""
    flat, seconds = result
    scores = {
        "nodes": np.mean([len(each.points) for each in data.X]),
        "ms_per_mesh": 1000 * seconds / len(flat),
    }
    if getattr(mapper, "weights", None) != "uniform":
        return scores
    return scores | {"map_error": max(map_difference(each, "uniform") for each in data.X)}


def score_flips(mapper, result, data, seed):
    """Triangles that maps turn over, in all meshes."""
    flips = [_mmgp_ours.n_flips(each) for each in result[0]]
    return {"flips": np.sum(flips), "ms_per_mesh": 1000 * result[1] / len(flips)}


# Gaussian processes.


@dataclass(frozen=True)
class Draws:
    """Points (n, d), and targets (n, q) of mean 0 and variance 1, each of a process of its own."""

    X: np.ndarray
    y: np.ndarray


def draws(n_samples=200, n_features=15, n_targets=20):
    """Loader of noisy draws from Matern-5/2 processes of few relevant inputs."""

    def load(seed):
        from sklearn.gaussian_process.kernels import Matern

        rng = np.random.default_rng([seed, 7])
        X = rng.normal(size=(n_samples, n_features))
        targets = []
        for _ in range(n_targets):
            lengths = np.exp(rng.uniform(np.log(1), np.log(100), n_features))
            covariance = Matern(lengths, nu=2.5)(X) + 1e-8 * np.eye(n_samples)
            drawn = np.linalg.cholesky(covariance) @ rng.normal(size=n_samples)
            noise = np.exp(rng.uniform(np.log(1e-3), np.log(0.3)))
            targets.append(drawn / drawn.std() + noise * rng.normal(size=n_samples))
        y = np.column_stack(targets)
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        return Draws(X, (y - y.mean(axis=0)) / y.std(axis=0))

    return load


class EachSklearnGP(BaseEstimator):
    """scikit-learn's process of each target: scale, lengths and noise by the evidence."""

    def __init__(self, n_restarts=4, random_state=None):
        self.n_restarts = n_restarts
        self.random_state = random_state

    def fit(self, X, y):
        self.models_ = [self._process(X.shape[1]).fit(X, column) for column in y.T]
        return self

    def _process(self, n_features):
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        lengths = np.full(n_features, np.sqrt(n_features))
        kernel = ConstantKernel(1.0, (1e-6, 1e6)) * Matern(lengths, (1e-2, 1e5), nu=2.5)
        return GaussianProcessRegressor(
            kernel + WhiteKernel(0.01, (1e-10, 10.0)),
            n_restarts_optimizer=self.n_restarts,
            random_state=self.random_state,
        )

    def evidence(self):
        return np.array([each.log_marginal_likelihood_value_ for each in self.models_])


class EachGPyGP(BaseEstimator):
    """GPy's process of each target with its restarts, as the published pipeline fits scalars."""

    def __init__(self, n_restarts=10):
        self.n_restarts = n_restarts

    def fit(self, X, y):
        import GPy

        self.models_ = []
        for column in y.T:
            kernel = GPy.kern.Matern52(X.shape[1], ARD=True)
            model = GPy.models.GPRegression(X, column[:, None], kernel)
            model.optimize_restarts(self.n_restarts, verbose=False)
            self.models_.append(model)
        return self

    def evidence(self):
        return np.array([float(each.log_likelihood()) for each in self.models_])


def fit_processes(estimator, data):
    """The timed part, and its seconds."""
    start = time.perf_counter()
    model = estimator.fit(data.X, data.y)
    return model, time.perf_counter() - start


def score_processes(estimator, result, data, seed):
    """Mean log evidence of the targets in nats; every target's own is kept too."""
    model, seconds = result
    own = hasattr(model, "evidence")
    nats = model.evidence() if own else _mmgp_ours.evidence(model, data.y.shape[1])
    each = {f"nats {number}": figure for number, figure in enumerate(nats)}
    return {"nats": np.mean(nats), "fit_s": seconds} | each


def nats_behind(rival, n_targets=20, **limits):
    """Bound on the most that our evidence of any target falls behind a rival's."""

    def figure(view):
        names = [f"nats {number}" for number in range(n_targets)]
        return max((-view.ours_minus(name, rival)).max() for name in names)

    return Bound(f"nats behind {rival}, the worst target", figure, **limits)


# Shapes unlike those trained on.


def fit_simulations_only(estimator, data):
    """The timed part: a fitted model alone."""
    return fit_simulations(estimator, data)[0][0]


def score_foreign(estimator, model, data, seed):
    """Rate of false alarms, and the least rate of alarms among kinds of foreign shapes."""
    rates = {
        f"flagged {kind}": np.mean(_mmgp_ours.flagged(model, foreign(data.X_test, kind), LEVEL))
        for kind in FOREIGN
    }
    alarms = np.mean(_mmgp_ours.flagged(model, data.X_test, LEVEL))
    return {"false_alarms": alarms, "foreign_flagged": min(rates.values())} | rates
