"""What RVGP gets right, how sure it rightly is, and what it says of the noise."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from tests.gaussian_process.known_fields import (
    in_frames,
    quick,
    rms,
    smooth_task,
    surface_task,
    tangential,
)

# Frames of the roll are poor where it is known by so few points.
pytestmark = pytest.mark.filterwarnings("ignore:Only .* of the energy of y is tangent")
MANIFOLDS = ["sphere", "torus", "moebius", "swiss_roll"]
SEEDS = [0, 1]
every_task = pytest.mark.parametrize("seed", SEEDS)
N_LABELS = {"sphere": 140, "torus": 120, "moebius": 100, "swiss_roll": 150}
N_NEW = 100


def task_of(manifold, seed):
    return surface_task(manifold, N_LABELS[manifold], N_NEW, seed)


@cache
def fitted(manifold, seed):
    """The model of the points and the new ones, as they are meant to be fitted."""
    task = task_of(manifold, seed)
    return quick("vector", manifold_dim=2).fit(task.X, task.y, task.X_new)


@cache
def outputs(manifold, seed):
    return fitted(manifold, seed).predict(task_of(manifold, seed).X_new, return_cov=True)


def ambient_rmse(task):
    """Of a Gaussian process for each coordinate, raw or projected on the true tangent spaces."""
    kernel = ConstantKernel() * RBF() + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel).fit(task.X, task.y)
    mean = process.predict(task.X_new)
    return min(task.rmse(mean), task.rmse(tangential(mean, task.frames[len(task.X) :])))


@pytest.mark.parametrize("manifold", MANIFOLDS)
@every_task
def test_it_beats_three_neighbors(manifold, seed):
    task = task_of(manifold, seed)
    assert task.rmse(outputs(manifold, seed)[0]) < 0.9 * task.neighbors_rmse()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("manifold", MANIFOLDS)
@every_task
def test_it_does_not_lose_to_the_ambient_process(manifold, seed):
    task = task_of(manifold, seed)
    assert task.rmse(outputs(manifold, seed)[0]) < 1.1 * ambient_rmse(task)


def covered(manifold, seed):
    """Whether the true coordinates lie in their intervals of 95%."""
    task, (mean, covariance) = task_of(manifold, seed), outputs(manifold, seed)
    frames = task.frames[len(task.X) :]
    spread = np.sqrt(np.einsum("ndm,nde,nem->nm", frames, covariance, frames))
    return np.abs(in_frames(mean - task.truth, frames)) < 1.96 * spread


def test_intervals_hold_what_they_promise():
    shares = {each: np.mean([covered(each, seed) for seed in SEEDS]) for each in MANIFOLDS}
    assert 0.9 < np.mean(list(shares.values())) < 0.99
    assert min(shares.values()) > 0.8


@pytest.mark.parametrize("manifold", ["sphere", "torus", "moebius"])
def test_the_noise_is_found(manifold):
    found = [np.sqrt(fitted(manifold, seed).noise_variance_) for seed in SEEDS]
    assert_allclose(np.mean(found), 0.1, rtol=0.25)


@pytest.mark.parametrize("kernel", ["spectral", "tangent"])
@pytest.mark.parametrize("manifold", ["sphere", "torus"])
def test_new_points_need_not_be_in_the_graph(manifold, kernel):
    ratios = []
    for seed in SEEDS:
        task = surface_task(manifold, 120, 400, seed)
        known, new = task.X_new[:300], task.X_new[300:]
        model = quick("vector", kernel=kernel, n_neighbors=30, n_eigenpairs=100)
        errors = [
            rms(clone(model).fit(task.X, task.y, unlabeled).predict(new) - task.truth[300:])
            for unlabeled in (known, task.X_new)
        ]
        ratios.append(errors[0] / errors[1])
    assert np.mean(ratios) < 1.1


@every_task
def test_the_low_rank_route_is_as_sure_and_as_right(seed):
    task = smooth_task(2, 300, 100, seed)
    exact, low_rank = (
        quick("vector", kernel="tangent", max_exact=size).fit(task.X, task.y) for size in (4000, 10)
    )
    errors = [task.rmse(model.predict(task.X_new)) for model in (exact, low_rank)]
    assert errors[1] < 1.1 * errors[0]
    mean, covariance = low_rank.predict(task.X_new, return_cov=True)
    frames = task.frames[300:]
    spread = np.sqrt(np.einsum("ndm,nde,nem->nm", frames, covariance, frames))
    assert 0.85 < np.mean(np.abs(in_frames(mean - task.truth, frames)) < 1.96 * spread) <= 1
    assert_allclose(low_rank.noise_variance_, exact.noise_variance_, rtol=0.1)


def test_scalars_and_their_intervals():
    shares, found = [], []
    for seed in range(3):
        task = smooth_task(2, 100, 100, seed)
        truth = [np.sin(2 * part[:, 0]) + part[:, 1] * part[:, 2] for part in (task.X, task.X_new)]
        y = truth[0] + 0.1 * np.random.default_rng(seed).normal(size=100)
        model = quick().fit(task.X, y, task.X_new)
        mean, std = model.predict(task.X_new, return_std=True)
        assert np.sqrt(np.mean((mean - truth[1]) ** 2)) < 0.08
        shares.append(np.mean(np.abs(mean - truth[1]) < 1.96 * std))
        found.append(np.sqrt(model.noise_variance_))
    assert 0.85 < np.mean(shares) < 0.999
    assert_allclose(np.mean(found), 0.1, rtol=0.25)


@pytest.mark.parametrize("field", ["scalar", "vector"])
def test_geometry_helps_where_space_misleads(field):
    """Along a spiral whose turns nearly touch, values of neighbouring turns are unrelated."""
    rng = np.random.default_rng(0)
    # Evenly spread, in random order: the 60 first have labels.
    angles = 2 * np.pi * np.sqrt(rng.permutation(np.linspace(3**2, 7**2, 500)))
    X = (angles * [np.cos(angles), np.sin(angles)]).T / (2 * np.pi)
    values = np.sin(angles**2 / 40 + 1)
    steps = np.column_stack(
        (np.cos(angles) - angles * np.sin(angles), np.sin(angles) + angles * np.cos(angles))
    )
    if field == "vector":
        values = values[:, None] * steps / np.linalg.norm(steps, axis=1, keepdims=True)
    y = values[:60] + 0.05 * rng.normal(size=values[:60].shape)
    errors = []
    for kernel in ("hybrid", "ambient"):
        model = quick(field, manifold_dim=1, kernel=kernel, n_neighbors=6, n_frame_neighbors=6)
        model.set_params(n_eigenpairs=60).fit(X[:60], y, X[60:])
        errors.append(rms(model.predict(X[60:]) - values[60:]))
    assert errors[0] < 0.5 * errors[1]
