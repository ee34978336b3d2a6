"""Noisy vectors at a few points of a manifold, and the field at all the others."""

import inspect
import time
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

NOISE = 0.1  # standard deviation of every coordinate of a label, where the field's rms is 1
WIND_UNIT = 10.0  # m/s
N_SPREAD = 2000  # points whose standard deviations are looked at where there are many


@dataclass(frozen=True)
class Field:
    """Points, the first of which have labels; the first `n_graph` of them are given to the fit.

    `truth` is the noise-free field, of shape (n, d) with `frames` (n, d, m) of the true tangent
    planes, or (n,) without; `unit` is what 1 stands for in the scores.
    """

    X: np.ndarray
    truth: np.ndarray
    y: np.ndarray
    n_graph: int
    first_test: int
    frames: np.ndarray | None = None
    unit: float = 1.0

    @property
    def labelled(self):
        """The labelled points."""
        return self.X[: len(self.y)]

    @property
    def unlabeled(self):
        """The other points that are given to the fit."""
        return self.X[len(self.y) : self.n_graph]

    @property
    def tested(self):
        """The points to predict at."""
        return self.X[self.first_test :]


def split(X, truth, n_labelled, seed, *, frames=None, noise=NOISE, unit=1.0):
    """Label some points at random; the others are known to the fit, and tested on."""
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(X))
    truth = truth[order]
    return Field(
        X=X[order],
        truth=truth,
        y=truth[:n_labelled] + noise * rng.normal(size=truth[:n_labelled].shape),
        n_graph=len(X),
        first_test=n_labelled,
        frames=None if frames is None else frames[order],
        unit=unit,
    )


def fields(manifold, n_labelled, n_points, **parameters):
    """Loader of a random smooth vector field on a manifold."""

    def load(seed):
        from skmanifold.datasets import make_vector_field

        sample = make_vector_field(manifold, n_points, random_state=seed, **parameters)
        return split(sample.X, sample.vectors, n_labelled, seed, frames=sample.frames)

    return load


def winds(n_labelled, n_points, month=0):
    """Loader of winds at nodes of a grid, drawn anew for each seed, evenly over the globe.

    Vectors are in units of their rms, as fields are, scores in units of 10 m/s.
    """

    def load(seed):
        from skmanifold.datasets import load_winds

        sample = load_winds(month, n_points=n_points, random_state=seed)
        X, vectors, frames = sample.X, sample.vectors, sample.frames
        rms = np.sqrt(np.square(vectors).sum(axis=1).mean())
        unit = rms / WIND_UNIT
        return split(
            X, vectors / rms, n_labelled, seed, frames=frames, noise=NOISE / unit, unit=unit
        )

    return load


def heights(n_labelled, n_points, n_waves=6):
    """Loader of a smooth function on the swiss roll: a few waves along the unrolled sheet."""

    def load(seed):
        from skmanifold.datasets import make_swiss_roll

        roll = make_swiss_roll(n_points, random_state=seed)
        rng = np.random.default_rng([seed, 3])
        sheet = 6 * (roll.latent - roll.latent.min(axis=0)) / np.ptp(roll.latent[:, 0])
        phases = sheet @ rng.normal(size=(2, n_waves)) + rng.uniform(0, 2 * np.pi, n_waves)
        truth = np.sin(phases) @ rng.normal(size=n_waves)
        truth -= truth.mean()
        return split(roll.X, truth / truth.std(), n_labelled, seed)

    return load


def half_hidden(load):
    """The same, with half of the points without labels kept from the fit, to be tested on."""

    def load_half(seed):
        data = load(seed)
        n_graph = (len(data.y) + len(data.X)) // 2
        return replace(data, n_graph=n_graph, first_test=n_graph)

    return load_half


def warm_up(estimator):
    """Import and start everything on a few points of a sphere."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    fit_field(estimator, split(X, np.cross(X, [0, 0, 1.0]), 60, 0))


def has_spread(estimator):
    """Whether an estimator says how sure it is."""
    return "return_std" in inspect.signature(estimator.predict).parameters


def fit_mean(estimator, data):
    """The timed part: predicted fields, and the seconds of fit and prediction."""
    return _fit(estimator, data, {})


def fit_field(estimator, data):
    """The same, with standard deviations where there are any."""
    return _fit(estimator, data, {"return_std": True} if has_spread(estimator) else {})


def _fit(estimator, data, options):
    start = time.perf_counter()
    estimator.fit(data.labelled, data.y, X_unlabeled=data.unlabeled)
    between = time.perf_counter()
    predicted = estimator.predict(data.tested, **options)
    seconds = {"fit_s": between - start, "predict_s": time.perf_counter() - between}
    return (predicted if options else (predicted, None)), seconds


def rmse(mean, truth):
    """Root of the mean squared length of the error."""
    return np.sqrt(np.square(mean - truth).reshape(len(truth), -1).sum(axis=1).mean())


def covered(errors, std):
    """Share of errors inside the interval that should hold 95% of them."""
    return np.mean(np.abs(errors) <= 1.96 * std)


def tangent_coverage(mean, covariances, truth, frames):
    """The share among components along the true tangent plane."""
    errors = np.einsum("nd,ndm->nm", truth - mean, frames)
    variances = np.einsum("ndm,nde,nem->nm", frames, covariances, frames)
    return covered(errors, np.sqrt(np.maximum(variances, 0)))


def coverages(estimator, data, mean, std):
    """Shares along the tangent plane and along the axes of space; nothing without intervals."""
    if std is None:
        return {}
    truth = data.truth[data.first_test :]
    axes = covered(truth - mean, std)
    if data.frames is None:
        return {"coverage": axes}
    mean, covariances = estimator.predict(data.tested, return_cov=True)
    along = tangent_coverage(mean, covariances, truth, data.frames[data.first_test :])
    return {"coverage": along, "coverage_axes": axes}


def settings(estimator):
    """What our estimator chose by itself, where there is something."""
    names = ("n_neighbors", "n_frame_neighbors", "manifold_dim")
    return {
        name: getattr(estimator, name + "_", np.nan)
        for name in names
        if hasattr(estimator, name + "_")
    }


def score_field(estimator, result, data, seed):
    """Error against the noise-free field, and share of it inside the intervals."""
    (mean, std), seconds = result
    return {
        "rmse": data.unit * rmse(mean, data.truth[data.first_test :]),
        **coverages(estimator, data, mean, std),
        **settings(estimator),
        **seconds,
    }


def score_many(estimator, result, data, seed):
    """The same, with intervals at some of the points."""
    (mean, _), seconds = result
    some = np.random.default_rng(seed).permutation(len(data.X) - data.first_test)[:N_SPREAD]
    rows = data.first_test + some
    few = replace(
        data, X=data.X[rows], truth=data.truth[rows], frames=data.frames[rows], first_test=0
    )
    spread = estimator.predict(few.tested, return_std=True) if has_spread(estimator) else (0, None)
    return {
        "rmse": data.unit * rmse(mean, data.truth[data.first_test :]),
        **coverages(estimator, few, *spread),
        **settings(estimator),
        **seconds,
    }


def score_new(estimator, result, data, seed):
    """The same at new points, and how much they lose against a fit that knew of them."""
    scores = score_field(estimator, result, data, seed)
    known = replace(data, n_graph=len(data.X))
    (mean, _), _ = fit_mean(clone(estimator), known)
    in_graph = data.unit * rmse(mean, data.truth[data.first_test :])
    return scores | {"rmse_in_graph": in_graph, "graph_ratio": scores["rmse"] / in_graph}
