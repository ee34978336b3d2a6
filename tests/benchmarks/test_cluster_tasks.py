"""Cluster tasks load what they say, peers solve what they should, and scores see what is wrong."""

import numpy as np
import pytest
import torch
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.datasets import make_circles
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import ElasticNet
from sklearn.preprocessing import normalize

from benchmarks import mcr_clustering
from benchmarks._cluster_peers import (
    SWEPT_LABELS,
    SWEPT_NEIGHBORS,
    SWEPT_WEIGHTS,
    EnSC,
    EnSConZ,
    FullHDBSCAN,
    SpectralSweep,
    neighbor_graph,
    self_representation,
)
from benchmarks._cluster_tasks import (
    Clusters,
    blobs,
    bundled,
    fit_first,
    fit_labels,
    fit_rate,
    held_out,
    lu_rate,
    names_of_clusters,
    rate_and_gradients,
    rate_input,
    score_held_out,
    score_labels,
    score_rate,
    share_of_hits,
    shuffled,
    warm_up,
    with_clusters,
)
from benchmarks._peers import parse
from benchmarks._report import View
from skmanifold.metrics import clustering_accuracy

TOLD = ("KMeans", "GaussianMixture", "Ward", "Spectral")


@pytest.fixture
def planes(rng):
    """Thirty points in each of two orthogonal planes of a space of five dimensions."""
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    X = np.zeros((60, 5))
    X[:30, :2], X[30:, 2:4] = rng.normal(size=(2, 30, 2))
    return shuffled(X @ turn, np.repeat([0, 1], 30), 0)


def test_every_method_has_a_maker_and_every_maker_a_method():
    methods = {method for task in mcr_clustering.TASKS.values() for method in task.methods}
    assert {parse(method)[0] for method in methods} == set(mcr_clustering.METHODS)


@pytest.mark.parametrize("method", TOLD)
def test_peers_warm_up_and_are_told_the_number_of_clusters(method, rng):
    warm_up(mcr_clustering.make(method, 3))
    data = Clusters(rng.normal(size=(60, 4)), np.arange(60) % 7)
    estimator = mcr_clustering.make(method, 3)
    scores = score_labels(estimator, fit_labels(estimator, data), data, 0)
    assert scores["clusters"] == 7


def test_hdbscan_is_not_told_and_warms_up():
    estimator = mcr_clustering.make("HDBSCAN", 3)
    assert with_clusters(estimator, 7).get_params() == estimator.get_params()
    warm_up(estimator)


def test_estimators_that_ask_for_both_are_told_the_clusters_only():
    class Both(KMeans):
        def __init__(self, n_clusters=8, *, n_components=64):
            self.n_clusters = n_clusters
            self.n_components = n_components

    assert with_clusters(Both(), 3).get_params() == {"n_clusters": 3, "n_components": 64}


@pytest.mark.parametrize(
    ("task", "shape", "n_classes"),
    [
        ("digits", (1797, 64), 10),
        ("breast-cancer", (569, 30), 2),
        ("wine", (178, 13), 3),
        ("iris", (150, 4), 3),
        ("blobs", (1000, 10), 8),
    ],
)
def test_data_have_their_shapes_and_an_order_of_the_seed(task, shape, n_classes):
    load = mcr_clustering.TASKS[task].load
    first, again, other = load(0), load(0), load(1)
    assert first.X.shape == shape
    assert first.n_clusters == n_classes
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)


def test_another_seed_keeps_points_with_their_classes():
    first, other = bundled("iris")(0), bundled("iris")(1)

    def rows(data):
        joined = np.column_stack([data.X, data.labels])
        return joined[np.lexsort(joined.T)]

    np.testing.assert_array_equal(rows(first), rows(other))
    np.testing.assert_allclose(first.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(first.X.std(axis=0), 1)


def test_several_labellings_count_by_the_best_of_each_score():
    classes = np.repeat([0, 1], 4)
    right, constant = 1 - classes, np.zeros(8, dtype=int)
    data = Clusters(np.zeros((8, 1)), classes)
    alone = score_labels(None, constant, data, 0)
    assert alone == {"acc": 0.5, "nmi": 0, "ari": 0, "clusters": 1}
    both = score_labels(None, np.column_stack([constant, right]), data, 0)
    assert both == pytest.approx({"acc": 1, "nmi": 1, "ari": 1, "clusters": 2})


def test_named_clusters_have_the_accuracy_that_the_metric_has(rng):
    classes, clusters = rng.integers(0, 4, 50), rng.integers(0, 6, 50)
    names = names_of_clusters(classes, clusters)
    assert len(names) == len(set(names.values())) == 4
    accuracy = clustering_accuracy(classes, clusters)
    assert share_of_hits(names, classes, clusters) == pytest.approx(accuracy)


def test_held_out_points_are_named_by_the_fitted_ones():
    data = held_out(lambda seed: Clusters(np.arange(10.0)[:, None], np.repeat([0, 1], 5)[::-1]))(0)
    assert data.n_fitted == 8

    class Halves(KMeans):
        def fit_predict(self, X):
            return (X[:, 0] < 5).astype(int)

        def predict(self, X):
            return self.wrong - self.fit_predict(X) if self.wrong else self.fit_predict(X)

    estimator = Halves()
    for estimator.wrong, gap in [(0, 0), (1, -1), (7, -1)]:
        labels = fit_first(estimator, data)
        assert len(labels) == 8
        scores = score_held_out(estimator, labels, data, 0)
        assert scores == {"acc": 1, "held_out_gap": gap}


def test_noise_joins_the_nearest_cluster():
    data = blobs(0)
    found, labels = HDBSCAN(copy=True).fit_predict(data.X), FullHDBSCAN().fit_predict(data.X)
    noise = found < 0
    assert 0 < noise.sum() < 1000
    np.testing.assert_array_equal(labels[~noise], found[~noise])
    distances = np.linalg.norm(data.X[noise][:, None] - data.X[~noise], axis=2)
    np.testing.assert_array_equal(labels[noise], found[~noise][distances.argmin(axis=1)])


def test_noise_alone_is_one_cluster():
    line = np.arange(20.0)[:, None] ** 2
    assert len(set(FullHDBSCAN(min_cluster_size=15).fit_predict(line))) == 1


def test_graph_weights_are_those_of_their_definition(rng):
    X = rng.normal(size=(12, 2))
    D = np.linalg.norm(X[:, None] - X, axis=2)
    neighbors = D.argsort(axis=1)[:, :9]
    distances = np.take_along_axis(D, neighbors, axis=1)
    near = np.zeros_like(D, dtype=bool)
    np.put_along_axis(near, neighbors, True, axis=1)
    plain = neighbor_graph(distances, neighbors, "connectivity").toarray()
    np.testing.assert_allclose(plain, (near * 1.0 + near.T) / 2)
    scale = np.sort(D, axis=1)[:, 7]  # the point itself is the nought-th
    gauss = np.exp(-(D**2) / np.outer(scale, scale))
    tuned = neighbor_graph(distances, neighbors, "self-tuned").toarray()
    np.testing.assert_allclose(tuned, gauss * plain)


def test_duplicates_have_finite_weights():
    for weights in SWEPT_WEIGHTS:
        graph = neighbor_graph(np.zeros((6, 6)), np.tile(np.arange(6), (6, 1)), weights)
        np.testing.assert_array_equal(graph.toarray(), np.ones((6, 6)))


def test_the_sweep_finds_circles_that_k_means_does_not():
    data = Clusters(*make_circles(120, factor=0.4, noise=0.03, random_state=0))
    sweep = SpectralSweep(random_state=0)
    labels = fit_labels(sweep, data)
    assert labels.shape == (120, len(SWEPT_NEIGHBORS) * len(SWEPT_WEIGHTS) * len(SWEPT_LABELS))
    assert score_labels(sweep, labels, data, 0)["acc"] == 1
    k_means = KMeans(n_init=3, random_state=0)
    assert score_labels(k_means, fit_labels(k_means, data), data, 0)["acc"] < 0.7


def test_points_represent_those_of_their_own_plane(planes):
    C = self_representation(normalize(planes.X)).toarray()
    np.testing.assert_array_equal(C.diagonal(), 0)
    assert np.abs(C).sum(axis=1).min() > 0.5
    other = planes.labels[:, None] != planes.labels
    assert np.abs(C[other]).max() < 1e-10


def test_representation_solves_the_elastic_net(rng):
    X = normalize(rng.normal(size=(40, 6)))
    C = self_representation(X, gamma_ratio=50).toarray()
    gamma = 50 * 0.9 / (np.abs(X @ X.T) - np.eye(40)).max(axis=1)
    slope = gamma[:, None] * (X - C @ X) @ X.T - 0.1 * C  # less the ridge's
    np.fill_diagonal(slope, 0)
    np.testing.assert_allclose(slope[C != 0], 0.9 * np.sign(C[C != 0]))
    assert np.abs(slope).max() < 0.9 * (1 + 1e-5)
    assert 3 < np.count_nonzero(C) / 40 < 15


def test_representation_is_that_of_scikit_learn(rng):
    X = normalize(rng.normal(size=(15, 6)))
    row = self_representation(X, gamma_ratio=5).toarray()[0]
    gamma = 5 * 0.9 / np.abs(X[1:] @ X[0]).max()
    net = ElasticNet(1 / (gamma * 6), l1_ratio=0.9, fit_intercept=False, tol=1e-10)
    np.testing.assert_allclose(row[1:], net.fit(X[1:].T, X[0]).coef_, atol=1e-6)


def test_subspace_clustering_separates_planes(planes):
    svd = TruncatedSVD(4)  # planes must go on through the origin: no centring
    for method in (EnSC(random_state=0), EnSConZ(representation=svd, random_state=0)):
        labels = fit_labels(method, planes)
        assert clustering_accuracy(planes.labels, labels) == 1
    k_means = fit_labels(KMeans(n_init=3, random_state=0), planes)
    assert clustering_accuracy(planes.labels, k_means) < 0.9


def test_points_without_direction_are_represented_by_none():
    C = self_representation(np.array([[1.0, 0], [0, 1], [0, 0]]))
    assert C.nnz == 0


def test_lu_rate_is_the_formula_and_its_errors_are_seen():
    data = rate_input(12, 3)(0)
    for axis in (0, 1):
        np.testing.assert_allclose(data.membership.sum(axis), 1, atol=1e-4)
    Z, G = data.features.double().numpy(), data.membership.double().numpy()
    grams = [np.eye(3) + 30 * Z.T @ np.diag(column) @ Z for column in G.T]
    expected = sum(np.linalg.slogdet(gram)[1] for gram in grams) / 24
    value, *gradients = rate_and_gradients(lu_rate, data, torch.float64)
    assert value.item() == pytest.approx(expected)
    assert [gradient.shape for gradient in gradients] == [(12, 3), (12, 12)]

    def scaled(*arguments):
        return 1.5 * lu_rate(*arguments)

    right, wrong = (score_rate(f, fit_rate(f, data), data, 0) for f in (lu_rate, scaled))
    assert max(right["rate_error"], right["gradient_error"]) < 1e-5
    assert wrong["rate_error"] == pytest.approx(0.5, rel=1e-4)
    assert wrong["gradient_error"] == pytest.approx(0.5, rel=1e-4)


def summary(figures):
    """A view of digits among records of `{task: {method: (acc, nmi)}}`."""
    records = [
        {"task": task, "method": method, "seed": 0, "run": "a", "status": "ok"}
        | {"quality": {"acc": acc, "nmi": nmi}}
        for task, methods in figures.items()
        for method, (acc, nmi) in methods.items()
    ]
    results = {"runs": {"a": {"machine": "", "threads": 1}}, "records": records}
    return View(results, mcr_clustering.TASKS, "digits")


def test_summaries_count_data_sets_alike():
    fair = dict.fromkeys(mcr_clustering.DEFAULTS, (0.5, 0.6))
    ours = mcr_clustering.OURS
    view = summary(
        {
            "digits": {**fair, ours: (0.5, 0.6), "EnSC": (0.5, 0), "EnSConZ": (0.7, 0)},
            "wine": {**fair, ours: (0.9, 0.5), "EnSC": (0.5, 0), "EnSConZ": (0.4, 0)},
            "fashion-10k": {**fair, "Ward": (0.1, 0.8), ours: (0.5, 0.7)},
            "iris": fair,
        }
    )
    share, lift = (bound.figure(view) for bound in mcr_clustering.SUMMARY)
    assert share == pytest.approx(1 / 3)
    assert lift == pytest.approx(0.05)
    assert mcr_clustering.lead(View(view.results, view.tasks, "fashion-10k")) == pytest.approx(-0.1)


def test_nothing_measured_is_no_figure():
    assert all(np.isnan(bound.figure(summary({}))) for bound in mcr_clustering.SUMMARY)
