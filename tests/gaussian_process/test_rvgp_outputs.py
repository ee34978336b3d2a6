"""What RVGP tells: means, spreads, samples, encodings and evidence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from skmanifold.gaussian_process import RVGP
from tests.gaussian_process.known_fields import (
    KERNELS,
    assert_all_close,
    quick,
    rms,
    said,
    smooth_task,
    surface_task,
    tangential,
)

N, N_NEW = 80, 40
TASK = surface_task("torus", N, N_NEW)
every_kernel = pytest.mark.parametrize("kernel", KERNELS)


# Outputs.


@every_kernel
def test_covariances(kernel):
    model = quick("vector", kernel=kernel).fit(TASK.X, TASK.y, TASK.X_new)
    mean, std, covariance = said(model, TASK.X_new)
    assert mean.shape == std.shape == TASK.X_new.shape
    assert covariance.shape == (N_NEW, 3, 3)
    assert_allclose(covariance, covariance.mT, atol=1e-12)
    assert_allclose(np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)), std, atol=1e-10)
    values = np.linalg.eigvalsh(covariance)
    assert (values > -1e-10).all()
    if model.projection_:
        assert_allclose(values[:, 0], 0, atol=1e-10)
        assert (values[:, 1] > 1e-6).all()
    assert_allclose(model.predict(TASK.X_new), mean, atol=1e-12)


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
def test_projected_fields_are_tangent_at_the_nodes(kernel):
    model = quick("vector", kernel=kernel).fit(TASK.X, TASK.y)
    mean, covariance = model.predict(model.nodes_, return_cov=True)
    frames = model.frames_
    assert model.projection_
    assert_allclose(
        np.einsum("ndm,ndk->nmk", frames, frames), np.tile(np.eye(2), (N, 1, 1)), atol=1e-12
    )
    assert_allclose(tangential(mean, frames), mean, atol=1e-8)
    projectors = frames @ frames.mT
    assert_allclose(projectors @ covariance @ projectors, covariance, atol=1e-8)
    draws = model.sample_y(model.nodes_[:10], 3)
    assert_allclose(np.einsum("nij,njs->nis", projectors[:10], draws), draws, atol=1e-8)


@pytest.mark.parametrize("kernel", ["tangent", "ambient", "spectral"])
def test_the_field_is_known_best_where_it_was_measured(kernel):
    model = quick("vector", kernel=kernel).fit(TASK.X, TASK.y, TASK.X_new)
    _, at_labels = model.predict(TASK.X, return_std=True)
    _, elsewhere = model.predict(TASK.X_new, return_std=True)
    assert rms(at_labels) < rms(elsewhere)
    # Along each axis a label tells the field up to its noise at least, but for the share of the
    # prior that the eigenvectors lack.
    _, covariance = model.predict(TASK.X, return_cov=True)
    if kernel != "spectral":
        assert np.linalg.eigvalsh(covariance).max() < model.noise_variance_


@every_kernel
@pytest.mark.parametrize("field", ["vector", "scalar"])
def test_samples_have_the_mean_and_the_covariance(kernel, field):
    model = quick(field, kernel=kernel).fit(TASK.X, TASK.y, TASK.X_new)
    points = TASK.X_new[:8]
    mean, covariance = model.predict(points, return_cov=True)
    n_samples = 4000
    draws = model.sample_y(points, n_samples, random_state=1)
    assert draws.shape == (8, 3, n_samples)
    largest = covariance.max()
    assert_allclose(draws.mean(2), mean, rtol=0, atol=5 * np.sqrt(largest / n_samples))
    left = draws - mean[:, :, None]
    found = np.einsum("nis,njs->nij", left, left) / n_samples
    assert_allclose(found, covariance, rtol=0, atol=7 * largest / np.sqrt(n_samples))


def test_samples_are_smooth_and_repeatable():
    model = quick("vector", kernel="tangent").fit(TASK.X, TASK.y)
    points = np.concatenate((TASK.X_new[:5], TASK.X_new[:5] + 1e-6))
    draws = model.sample_y(points, 3, random_state=5)
    assert_allclose(draws[:5], draws[5:], atol=1e-3)
    assert_array_equal(model.sample_y(points, 3, random_state=5), draws)
    assert np.abs(model.sample_y(points, 3, random_state=6) - draws).max() > 1e-2
    assert_array_equal(model.sample_y(points), model.sample_y(points, 1, random_state=0))


def test_score():
    model = quick(kernel="tangent").fit(TASK.X, TASK.y)
    expected = r2_score(TASK.truth, model.predict(TASK.X_new))
    assert_allclose(model.score(TASK.X_new, TASK.truth), expected)


def test_transform_gives_the_eigenvectors():
    model = quick(kernel="spectral").fit(TASK.X, TASK.y)
    encoded = model.transform(TASK.X_new)
    n_pairs = len(model.eigenvalues_)
    assert encoded.shape == (N_NEW, 3 * n_pairs)
    assert len(model.get_feature_names_out()) == 3 * n_pairs
    assert_allclose(clone(model).fit_transform(TASK.X, TASK.y), model.transform(TASK.X))
    at_nodes = model.transform(model.nodes_).reshape(-1, n_pairs, 3)
    assert_allclose(at_nodes, model.encoding_.mT, atol=1e-8)
    # The spectral term is linear in them: a ridge regression on them is the fitted field.
    values = model.hyperparameters_
    density = (
        1 + model.eigenvalues_ * values["spectral_lengthscale"] ** 2 / (2 * values["nu"])
    ) ** (-values["nu"] - 1)
    shares = (model.encoding_**2).sum(1).mean(0) / 2
    weights = values["spectral_scale"] ** 2 * density / (density @ shares)
    rows = np.concatenate(at_nodes.transpose(0, 2, 1)) * np.sqrt(weights)
    gram = rows.T @ rows + values["noise"] ** 2 * np.eye(n_pairs)
    coefficients = np.sqrt(weights) * np.linalg.solve(gram, rows.T @ TASK.y.ravel())
    expected = np.einsum("nkd,k->nd", encoded.reshape(-1, n_pairs, 3), coefficients)
    predicted = model.predict(TASK.X_new)
    frames = quick_frames(model, TASK.X_new)
    assert_allclose(tangential(expected, frames), predicted, atol=1e-6)


def quick_frames(model, X):
    """Tangent frames at some points, from the covariance there."""
    _, covariance = model.predict(X, return_cov=True)
    return np.linalg.eigh(covariance)[1][:, :, 1:]


# Evidence.


def test_the_evidence_of_the_ambient_process():
    """Against the density of the labels, one coordinate at a time."""
    for unit in (1.0, 20.0):
        y = unit * TASK.y
        model = quick("vector", kernel="ambient", noise=0.1 * unit).fit(TASK.X, y)
        covariance = radial_covariance(model, "ambient")
        expected = sum(log_density(column, covariance) for column in y.T)
        assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-8)
        model = quick("scalar", kernel="ambient", noise=0.1 * unit).fit(TASK.X, y[:, 0])
        expected = log_density(y[:, 0] - y[:, 0].mean(), radial_covariance(model, "ambient"))
        assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-8)


def test_the_evidence_of_a_tangent_field():
    frames, y = TASK.labelled_frames, 3 * TASK.coordinates
    model = quick("tangent", kernel="tangent").fit(TASK.X, y, frames=frames)
    noise = model.noise_variance_
    overlaps = np.einsum("adr,bds->arbs", frames, frames)
    radial = radial_covariance(model, "tangent") - noise * np.eye(N)
    covariance = (radial[:, None, :, None] * overlaps).reshape(2 * N, 2 * N) + noise * np.eye(2 * N)
    expected = log_density(y.ravel(), covariance)
    assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-8)


def radial_covariance(model, term):
    """Of noisy values at the labelled points."""
    values = model.hyperparameters_
    squares = ((TASK.X[:, None] - TASK.X) ** 2).sum(2)
    field = values[f"{term}_scale"] ** 2 * np.exp(
        -squares / (2 * values[f"{term}_lengthscale"] ** 2)
    )
    return field + model.noise_variance_ * np.eye(len(squares))


def log_density(values, covariance):
    return multivariate_normal(np.zeros(len(values)), covariance).logpdf(values)


def test_the_evidence_chooses():
    model = RVGP(n_eigenpairs=30, random_state=0).fit(TASK.X, TASK.y, TASK.X_new)
    results = model.evidence_results_
    assert results["chosen"].sum() == 1
    (chosen,) = np.flatnonzero(results["chosen"])
    assert results["kernel"][chosen] == " + ".join(model.terms_)
    assert results["local_kernel"][chosen] == model.local_kernel_
    assert results["n_frame_neighbors"][chosen] == model.n_frame_neighbors_
    if "spectral" in model.terms_:
        assert results["n_neighbors"][chosen] == model.n_neighbors_
    assert results["log_posterior"][chosen] == results["log_posterior"].max()
    assert {"tangent", "ambient", "spectral + tangent"} <= set(results["kernel"])
    assert {"rbf", "matern52"} <= set(results["local_kernel"])
    assert len(set(zip(*(results[name] for name in list(results)[:5]), strict=True))) == len(
        results["kernel"]
    )
    assert (np.diff(results["log_posterior"]) <= 0).all()
    scale = rms(TASK.y) / 2**0.5  # in each of two directions
    expected = results["log_evidence"][chosen] - TASK.y.size * np.log(scale)
    assert_allclose(model.log_marginal_likelihood(), expected)
    table = model.evidence_table().splitlines()
    assert len(table) == len(results["kernel"]) + 1
    assert [line.endswith("<-") for line in table[1:]] == results["chosen"].tolist()


def test_many_labels_are_judged_twice():
    """On 300 of them all candidates, on more the best ones."""
    task = surface_task("torus", 320)
    model = quick("scalar", local_kernel="auto", kernel="ambient").fit(task.X, task.y)
    results = model.evidence_results_
    n_labels = results["n_labels"]
    assert set(n_labels[n_labels < 320]) == {300}
    assert 2 <= (n_labels == 320).sum() <= min(4, (n_labels == 300).sum())
    assert (np.diff(n_labels) <= 0).all()
    assert results["chosen"].tolist() == [True] + [False] * (len(n_labels) - 1)
    assert "<-" in model.evidence_table().splitlines()[1]


# In company.


def test_numbers_of_single_precision():
    X, y, X_new = (part.astype(np.float32) for part in (TASK.X, TASK.y, TASK.X_new))
    model = quick(kernel="tangent").fit(X, y)
    outputs = [*said(model, X_new), model.sample_y(X_new), model.transform(X_new)]
    assert all(part.dtype == np.float32 for part in outputs)
    expected = quick(kernel="tangent").fit(TASK.X, TASK.y).predict(TASK.X_new)
    assert_allclose(outputs[0], expected, atol=1e-4)
    assert all(part.dtype == np.float64 for part in said(model, TASK.X_new))


def test_unlabelled_points_are_routed(routing):
    task = smooth_task(n_labels=40, n_new=100)
    model = quick().set_fit_request(X_unlabeled=True)
    search = GridSearchCV(model, {"kernel": ["tangent", "spectral"]}, cv=2)
    search.fit(task.X, task.y, X_unlabeled=task.X_new)
    assert len(search.best_estimator_.nodes_) == 140
    assert task.rmse(search.predict(task.X_new)) < task.neighbors_rmse()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_fit_leaves_the_earlier_one(error, monkeypatch):
    model = quick(kernel="tangent").fit(TASK.X, TASK.y)
    expected, before = said(model, TASK.X_new), vars(model).copy()

    def interrupted(*args, **kwargs):
        raise error

    monkeypatch.setattr("skmanifold.gaussian_process._rvgp.as_arrays", interrupted)
    with pytest.raises(error):
        model.fit(TASK.X[:40, :2], TASK.y[:40, 0])
    assert_all_close(said(model, TASK.X_new), expected, 0)
    assert vars(model).keys() == before.keys()
    assert model.n_features_in_ == 3
