"""Vector fields whose manifold, frames and values are known, and quick models of them."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.testing import assert_allclose
from sklearn.neighbors import KNeighborsRegressor

from skmanifold.datasets import make_vector_field
from skmanifold.gaussian_process import RVGP

# All that the search over neighbourhoods and radial kernels would choose.
FAST = {
    "n_neighbors": 15,
    "n_frame_neighbors": 12,
    "local_kernel": "rbf",
    "n_eigenpairs": 30,
    "random_state": 0,
}
KERNELS = ["hybrid", "spectral", "tangent", "ambient"]


def quick(field="auto", **params):
    """An estimator that compares kernels only."""
    return RVGP(field, **(FAST | params))


@dataclass(frozen=True, eq=False)
class Task:
    """Labelled points, new points, and the truth.

    Attributes
    ----------
    X, y : ndarray of shape (n_labels, d)
        Points, and noisy vectors at them.
    X_new, truth : ndarray of shape (n_new, d)
        Further points, and the vectors at them.
    frames : ndarray of shape (n_labels + n_new, d, m)
        True tangent frames at all points.
    """

    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    truth: np.ndarray
    frames: np.ndarray
    noise: float

    @property
    def labelled_frames(self):
        """Those of the labelled points."""
        return self.frames[: len(self.X)]

    @property
    def coordinates(self):
        """Labels in the frames of their points."""
        return in_frames(self.y, self.labelled_frames)

    def rmse(self, predicted):
        """Root mean square length of the error at the new points."""
        return rms(predicted - self.truth)

    def neighbors_rmse(self):
        """What the mean of three neighbours gets wrong."""
        return self.rmse(KNeighborsRegressor(3).fit(self.X, self.y).predict(self.X_new))


def noisy_task(X, vectors, frames, n_labels, noise, seed):
    """The first rows as labelled points, the others as new ones."""
    y = vectors[:n_labels] + noise * np.random.default_rng(seed).normal(size=(n_labels, X.shape[1]))
    return Task(X[:n_labels], y, X[n_labels:], vectors[n_labels:], frames, noise)


@cache
def surface_task(manifold="sphere", n_labels=100, n_new=50, seed=0):
    """A random field on one of the surfaces of `make_vector_field`."""
    sample = make_vector_field(manifold, n_labels + n_new, random_state=seed)
    return noisy_task(sample.X, sample.vectors, sample.frames, n_labels, 0.1, 100 + seed)


@cache
def smooth_task(n_dim=2, n_labels=100, n_new=50, seed=0):
    """A field of long waves on the unit sphere of some dimension."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_labels + n_new, n_dim + 1))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    frames = np.linalg.qr(
        np.concatenate((X[:, :, None], rng.normal(size=(len(X), n_dim + 1, n_dim))), 2)
    )[0]
    frames = frames[:, :, 1:]
    waves, phases = 0.8 * rng.normal(size=(n_dim + 1, n_dim + 1)), rng.uniform(0, 6, n_dim + 1)
    vectors = tangential(np.sin(X @ waves + phases), frames)
    return noisy_task(X, vectors, frames, n_labels, 0.1, 100 + seed)


@cache
def knot_task(n_labels=60, n_new=40, seed=0):
    """A field along a trefoil knot."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, n_labels + n_new)
    X = _trefoil(angles)
    steps = (_trefoil(angles + 1e-5) - _trefoil(angles - 1e-5))[:, :, None]
    frames = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    vectors = frames[:, :, 0] * np.sin(2 * angles + 1)[:, None]
    return noisy_task(X, vectors, frames, n_labels, 0.1, 100 + seed)


def _trefoil(angles):
    sin, cos = np.sin(angles), np.cos(angles)
    return np.column_stack(
        (sin + 2 * np.sin(2 * angles), cos - 2 * np.cos(2 * angles), -np.sin(3 * angles))
    )


def golden_sphere(n_points):
    """Points that are evenly spread on the unit sphere."""
    steps = np.arange(n_points) + 0.5
    height, angle = 1 - 2 * steps / n_points, np.pi * (1 + 5**0.5) * steps
    radius = np.sqrt(1 - height**2)
    return np.column_stack((radius * np.cos(angle), radius * np.sin(angle), height))


def in_frames(vectors, frames):
    """Coordinates (n, m) of vectors (n, d)."""
    return np.einsum("nd,ndm->nm", vectors, frames)


def from_frames(coordinates, frames):
    """Vectors (n, d) of coordinates (n, m)."""
    return np.einsum("nm,ndm->nd", coordinates, frames)


def tangential(vectors, frames):
    """The part of vectors that is tangent."""
    return from_frames(in_frames(vectors, frames), frames)


def turned(frames, seed=0):
    """The same tangent spaces with other frames, some of them reflected."""
    order = frames.shape[2]
    turns = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(frames), order, order)))[0]
    return frames @ turns


def rms(values):
    """Root mean square length of the rows."""
    return float(np.sqrt((np.asarray(values).reshape(len(values), -1) ** 2).sum(1).mean()))


def said(model, X):
    """Means, standard deviations and covariances at some points."""
    mean, std = model.predict(X, return_std=True)
    return mean, std, model.predict(X, return_cov=True)[1]


def scalars(X):
    """A smooth function of the position."""
    return 10 + np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]


def assert_all_close(found, expected, atol):
    """Several arrays, each near another one."""
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=0, atol=atol)
