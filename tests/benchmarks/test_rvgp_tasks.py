"""Field tasks hide what they say, their peers are what they are called, and scores see errors."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import BaseEstimator
from sklearn.neighbors import kneighbors_graph

from benchmarks import rvgp
from benchmarks._peers import parse
from benchmarks._report import View, ratio_of_means
from benchmarks._rvgp_exact import gauge_error, orthogonal, rotation_error, score_exact
from benchmarks._rvgp_peers import (
    KNN,
    AmbientGP,
    PublishedGP,
    connection_laplacian,
    principal_frames,
)
from benchmarks._rvgp_tasks import (
    covered,
    fields,
    fit_field,
    fit_mean,
    half_hidden,
    heights,
    rmse,
    score_field,
    score_many,
    score_new,
    split,
    tangent_coverage,
    warm_up,
    winds,
)

SHIFTS = np.array([1.0, 2.0, 3.0])


def ball(n_points, rng):
    """Points of the unit sphere, a smooth tangent field, and true frames."""
    X = rng.normal(size=(n_points, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    vectors = np.cross(X, [0.3, 0.4, 1.2])
    frames = np.linalg.svd(X[:, None])[2][:, 1:].transpose(0, 2, 1)
    return X, vectors, frames


@pytest.fixture
def globe(rng):
    X, vectors, frames = ball(300, rng)
    return split(X, vectors, 90, 0, frames=frames)


class Told(BaseEstimator):
    """Answers with a function of the point, and a spread that it is given."""

    def __init__(self, function=None, std=1.0):
        self.function = function
        self.std = std

    def fit(self, X, y, X_unlabeled=None, frames=None):
        self.frames_, self.seen_ = frames, (X, y, X_unlabeled)
        return self

    def predict(self, X, return_std=False, return_cov=False):
        mean = self.function(X)
        if return_cov:
            return mean, np.full((len(X), 1, 1), self.std**2) * np.eye(mean.shape[1])
        return (mean, np.full(mean.shape, self.std)) if return_std else mean


def test_every_method_of_the_suite_has_a_maker_and_warms_up():
    methods = {m for task in rvgp.TASKS.values() for m in task.methods}
    assert {parse(method)[0] for method in methods} == set(rvgp.METHODS)
    for method in sorted(methods):
        if "cuda" not in method:
            warm_up(rvgp.make(method, 3))


def test_every_task_has_its_bounds_in_words():
    for name, task in rvgp.TASKS.items():
        assert task.bounds, name
        assert all("inf" not in bound.wanted() for bound in task.bounds)


def test_labels_are_noisy_and_all_the_others_are_known_and_tested(rng):
    X, vectors, frames = ball(400, rng)
    data = split(X, vectors, 100, 0, frames=frames)
    assert len(data.labelled) == len(data.y) == 100
    np.testing.assert_array_equal(data.unlabeled, data.tested)
    np.testing.assert_array_equal(np.sort(data.X, axis=0), np.sort(X, axis=0))
    np.testing.assert_allclose(np.cross(data.X, [0.3, 0.4, 1.2]), data.truth)
    assert np.abs(np.einsum("nd,ndm->nm", data.X, data.frames)).max() < 1e-12
    assert np.std(data.y - data.truth[:100]) == pytest.approx(0.1, rel=0.15)


def test_new_points_are_kept_from_the_fit(globe):
    data = half_hidden(lambda seed: globe)(0)
    assert len(data.unlabeled) == len(data.tested) == 105
    given = {point.tobytes() for point in (*data.labelled, *data.unlabeled)}
    assert len(given) == 195
    assert not given & {point.tobytes() for point in data.tested}


def test_fields_are_drawn_anew_and_repeat_themselves():
    load = fields("swiss_roll", 20, 60, gap=0.15)
    first, again, other = load(0), load(0), load(1)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.truth, other.truth)
    normal = np.linalg.svd(first.frames.transpose(0, 2, 1))[2][:, 2]
    assert np.abs(np.einsum("nd,nd->n", normal, first.truth)).max() < 1e-12


def test_winds_are_scored_in_units_of_ten_metres_a_second(monkeypatch, rng):
    def turning(month, *, n_points, random_state):
        X, _, frames = ball(n_points, np.random.default_rng(random_state))
        return SimpleNamespace(X=X, vectors=30 * np.cross([0, 0, 1], X), frames=frames)

    monkeypatch.setattr("skmanifold.datasets.load_winds", turning)
    data = winds(60, 300)(0)
    assert not np.array_equal(data.X, winds(60, 300)(1).X)
    assert rmse(data.truth, 0 * data.truth) == pytest.approx(1)
    noise = np.std(data.y - data.truth[:60])
    assert noise * data.unit == pytest.approx(0.1, rel=0.2)
    still = Told(np.zeros_like)
    scores = score_field(still, fit_field(still, data), data, 0)
    speed = 30 * np.hypot(*data.tested[:, :2].T)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(speed**2)) / 10)


def test_a_function_on_the_roll_is_smooth_along_it():
    data = heights(100, 1500)(0)
    assert data.y.shape == (100,)
    assert data.truth.std() == pytest.approx(1)
    nearest = KNN(1).fit(data.X[:750], data.truth[:750])
    assert rmse(nearest.predict(data.X[750:]), data.truth[750:]) < 0.2


def test_coverage_counts_errors_inside_the_interval(rng):
    errors = rng.normal(size=(4000, 2))
    assert covered(errors, np.ones(2)) == pytest.approx(0.95, abs=0.01)
    assert covered(errors, np.zeros(2)) == 0


def test_coverage_along_the_plane_ignores_the_normal(rng):
    _, vectors, frames = ball(3000, rng)
    normals = np.linalg.svd(frames.transpose(0, 2, 1))[2][:, 2]
    along = np.einsum("ndm,nm->nd", frames, rng.normal(size=(3000, 2)) * [0.1, 0.5])
    spread = np.einsum("ndm,m,nem->nde", frames, np.square([0.1, 0.5]), frames)
    truth = vectors + along + 9 * normals
    assert tangent_coverage(vectors, spread, truth, frames) == pytest.approx(0.95, abs=0.01)
    assert tangent_coverage(vectors, spread / 4, truth, frames) < 0.75


def test_scores_are_those_of_known_errors(globe):
    off = Told(lambda X: np.cross(X, [0.3, 0.4, 1.2]) + SHIFTS, std=2.0)
    scores = score_field(off, fit_field(off, globe), globe, 0)
    assert scores["rmse"] == pytest.approx(np.sqrt(14))
    assert scores["coverage"] == 1  # no component along a plane exceeds sqrt(14) < 1.96 * 2
    assert scores["coverage_axes"] == 1
    narrow = Told(off.function, std=0.8)
    assert score_field(narrow, fit_field(narrow, globe), globe, 0)["coverage_axes"] == (
        pytest.approx(1 / 3)
    )
    many = score_many(off, fit_mean(off, globe), globe, 0)
    assert many["rmse"] == pytest.approx(np.sqrt(14))
    assert many["coverage"] == 1


def test_methods_without_intervals_have_no_coverage(globe):
    neighbors = KNN()
    scores = score_field(neighbors, fit_field(neighbors, globe), globe, 0)
    assert set(scores) == {"rmse", "fit_s", "predict_s"}
    assert score_many(neighbors, fit_mean(neighbors, globe), globe, 0)["rmse"] == scores["rmse"]


def test_new_points_are_compared_with_a_fit_that_knew_of_them(globe):
    class Graph(Told):
        def predict(self, X, **options):
            known = {point.tobytes() for point in self.seen_[2]}
            self.function = lambda X: (
                np.cross(X, [0.3, 0.4, 1.2]) + SHIFTS * (1 if X[0].tobytes() in known else 3)
            )
            return super().predict(X, **options)

    data, graph = half_hidden(lambda seed: globe)(0), Graph()
    scores = score_new(graph, fit_field(graph, data), data, 0)
    assert scores["rmse_in_graph"] == pytest.approx(np.sqrt(14))
    assert scores["graph_ratio"] == pytest.approx(3)


def test_turns_are_orthogonal_and_some_are_reflections(rng):
    turns = orthogonal((50,), 2, rng)
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.tile(np.eye(2), (50, 1, 1)), atol=1e-14
    )
    assert set(np.linalg.det(turns).round().tolist()) == {-1, 1}


def test_turned_spaces_tell_what_depends_on_axes(globe, rng):
    def moments(model):
        return model.predict(globe.tested, return_cov=True)

    equivariant, fixed = Told(lambda X: X), Told(lambda X: X + SHIFTS)
    assert rotation_error(equivariant, globe, moments(equivariant), rng) < 1e-12
    assert rotation_error(fixed, globe, moments(fixed), rng) > 0.1


def test_turned_frames_tell_what_depends_on_them(globe, rng):
    class Gauge(Told):
        def predict(self, X, return_cov=False):
            return self.frames_[90:, :, 0], np.zeros((len(X), 3, 3))

    class Plane(Told):
        def predict(self, X, return_cov=False):
            planes = self.frames_[90:] @ self.frames_[90:].transpose(0, 2, 1)
            return planes @ SHIFTS, planes

    assert gauge_error(Gauge(), globe, rng) > 0.1
    assert gauge_error(Plane(), globe, rng) < 1e-12


def test_our_fields_turn_with_the_space_and_ignore_the_frames():
    data, model = fields("torus", 60, 200)(0), rvgp.make(rvgp.OURS, 0)
    result = rvgp.TASKS["exact-torus"].fit(model, data)
    scores = score_exact(model, result, data, 0)
    assert scores["rotation_error"] < 1e-6
    assert scores["gauge_error"] < 1e-8


def test_neighbours_are_three():
    model = KNN().fit(np.arange(5.0)[:, None], np.array([0.0, 3, 6, 9, 100]), X_unlabeled=[[7.0]])
    assert model.predict([[1.0]]) == pytest.approx(3)


@pytest.mark.parametrize("kernel", ["rbf", "matern52"])
def test_the_process_of_space_turns_with_it_and_its_spread_is_of_the_field(globe, kernel, rng):
    X, y, new = globe.labelled, globe.y, globe.tested
    model = AmbientGP(kernel=kernel, n_restarts=0).fit(X, y)
    mean, covariances = model.predict(new, return_cov=True)
    assert rmse(mean, globe.truth[90:]) < 0.1
    std = model.predict(new, return_std=True)[1]
    np.testing.assert_allclose(np.einsum("ndd->nd", covariances), std**2)
    noisy = model.scale_ * model.model_.predict(new, return_std=True)[1]
    assert (std < noisy / 2).all()
    turn = orthogonal((), 3, rng)
    turned = AmbientGP(kernel=kernel, n_restarts=0).fit(X @ turn, y @ turn)
    np.testing.assert_allclose(turned.predict(new @ turn), mean @ turn, atol=1e-4)


def test_a_projected_process_is_tangent(globe):
    X, y = globe.labelled, globe.y
    model = AmbientGP(projected=True, n_restarts=0).fit(X, y, X_unlabeled=globe.unlabeled)
    mean, covariances = model.predict(globe.tested, return_cov=True)
    np.testing.assert_allclose(model.predict(globe.tested), mean)
    variances, axes = np.linalg.eigh(covariances)
    assert np.abs(variances[:, 0]).max() < 1e-12 < variances[:, 1].min()
    assert np.abs(np.einsum("nd,nd->n", axes[:, :, 0], mean)).max() < 1e-9
    raw = AmbientGP(n_restarts=0).fit(X, y).predict(globe.tested)
    assert np.abs(np.einsum("nd,nd->n", axes[:, :, 0], raw)).max() > 1e-3
    assert rmse(mean, raw) < 0.3


def test_a_process_tuned_on_few_labels_uses_all_of_them(globe):
    model = AmbientGP(n_tuned=40, n_restarts=0, random_state=0).fit(globe.labelled, globe.y)
    assert model.model_.X_train_.shape == (90, 3)
    assert rmse(model.predict(globe.tested), globe.truth[90:]) < 0.1


def test_frames_of_a_plane_and_the_laplacian_of_a_flat_connection(rng):
    X = np.column_stack([rng.normal(size=(60, 2)), np.zeros(60)])
    graph = kneighbors_graph(X, 6)
    frames = principal_frames(X, graph.indices.reshape(60, 6), 2)
    np.testing.assert_allclose(frames[:, 2], 0, atol=1e-12)
    adjacency = graph.maximum(graph.T).tocsr()
    laplacian = connection_laplacian(adjacency, frames).toarray()
    np.testing.assert_allclose(laplacian, laplacian.T, atol=1e-12)
    constant = np.einsum("ndm,d->nm", frames, [1.0, 2.0, 0.0]).ravel()
    np.testing.assert_allclose(laplacian @ constant, 0, atol=1e-12)
    assert np.linalg.eigvalsh(laplacian)[0] > -1e-10


def published(globe, n_eigenpairs=40):
    model = PublishedGP(n_eigenpairs=n_eigenpairs)
    return model.fit(globe.labelled, globe.y, X_unlabeled=globe.unlabeled)


def test_published_features_are_tangent_eigenvectors(globe):
    model = published(globe)
    flat = model.features_.reshape(-1, 40)
    np.testing.assert_allclose(flat.T @ flat, np.eye(40), atol=1e-8)
    assert (np.diff(model.eigenvalues_) >= 0).all()
    variances = model.spectrum(model.log_parameters_)
    assert (np.diff(variances) <= 0).all()
    prior = np.einsum("ndk,k,ndk->nd", model.features_, variances, model.features_)
    assert prior.mean() == pytest.approx(np.exp(2 * model.log_parameters_[2]))


def test_published_evidence_and_prediction_are_those_of_the_dense_process(globe):
    model = published(globe)
    flat, noise = model.features_.reshape(-1, 40), np.exp(2 * model.log_parameters_[3])
    kernel = flat * model.spectrum(model.log_parameters_) @ flat.T
    seen, targets = kernel[:270, :270] + noise * np.eye(270), globe.y.ravel()
    evidence = multivariate_normal(cov=seen).logpdf(targets)
    assert model.cost(model.log_parameters_) == pytest.approx(-evidence)
    mean, covariances = model.predict(globe.tested, return_cov=True)
    gain = np.linalg.solve(seen, kernel[:270, 270:]).T
    np.testing.assert_allclose(mean.ravel(), gain @ targets, atol=1e-8)
    dense = (kernel[270:, 270:] - gain @ kernel[:270, 270:]).reshape(210, 3, 210, 3)
    np.testing.assert_allclose(np.einsum("ndne->nde", dense), covariances, atol=1e-8)


def test_the_published_algorithm_answers_for_its_graph_only(globe):
    model = published(globe)
    assert rmse(model.predict(globe.tested), globe.truth[90:]) < 0.4
    with pytest.raises(ValueError, match="not in the graph"):
        model.predict(globe.tested + 0.01)


def test_ratio_of_means_takes_the_rival_that_is_best_on_the_whole():
    figures = {"RVGP": (2, 2), "KNN": (9, 9), "AmbientGP": (1, 5), "ProjectedGP": (4, 1)}
    records = [
        {"task": "sphere", "method": method, "seed": seed, "run": "a", "quality": {"rmse": figure}}
        for method, each in figures.items()
        for seed, figure in enumerate(each)
    ]
    runs = {"a": {"machine": "", "threads": 1}}
    view = View({"runs": runs, "records": records}, rvgp.TASKS, "sphere")
    bound = ratio_of_means("rmse", ("AmbientGP", "ProjectedGP"), most=1.0)
    assert bound.figure(view) == pytest.approx(2 / 2.5)
