"""The label tasks hide what they say, and their brute force would find a wrong prediction."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path
from sklearn.linear_model import LogisticRegression

from benchmarks import _label_exact as exact
from benchmarks import _label_tasks, loki
from benchmarks._label_peers import Constant, DenseProduct, given
from benchmarks._label_scale import (
    N_SPOT,
    N_SPOT_CLASSES,
    fit_selection,
    hull,
    random_graph,
    random_points,
    random_tree,
    score_large,
    score_selection,
)
from benchmarks._label_tasks import (
    as_matrix,
    diabetes,
    digit_grid,
    fit_labels,
    fit_orders,
    hide,
    kept_fit,
    place_digits,
    score_labels,
    score_orders,
    warm_up,
)
from benchmarks._peers import parse

SPACES = [*(partial(exact.random_space, kind) for kind in loki.KINDS), exact.grid_space]
SMALL = {"n_labels": 300, "n_samples": 40, "n_seen": 20}
LARGE = [
    random_tree(**SMALL),
    random_graph(n_extra=200, **SMALL),
    random_points(n_coordinates=3, **SMALL),
]


def test_every_method_of_the_suite_has_a_maker_and_warms_up():
    methods = {m for task in loki.TASKS.values() for m in task.methods}
    assert {parse(m)[0] for m in methods} == set(loki.METHODS)
    for method in sorted(methods):
        estimator = loki.make(method, 3)
        assert estimator.get_params().get("random_state", 3) == 3
        warm_up(estimator)


def test_training_samples_are_of_the_seen_classes_and_the_others_test(rng):
    y = rng.integers(0, 20, 2000)
    X = np.arange(len(y), dtype=float)[:, None]
    data = hide(
        X, y, 0, n_seen=8, base=LogisticRegression(), label_metric="ordinal", labels=np.arange(20)
    )
    assert len(np.unique(data.y_train)) == 8
    assert sorted([*data.X_train[:, 0], *data.X_test[:, 0]]) == X[:, 0].tolist()
    np.testing.assert_array_equal(data.y_train, y[data.X_train[:, 0].astype(int)])
    of_seen = np.isin(y, data.y_train).sum()
    assert 0.7 < len(data.y_train) / of_seen < 0.8
    assert data.fitted is data.base  # a quick fit is not kept


def test_a_kept_fit_is_read_back(rng, monkeypatch, tmp_path):
    monkeypatch.setattr(_label_tasks, "CACHE", tmp_path)
    X, y = rng.normal(size=(30, 2)), np.arange(30) % 3
    first = kept_fit(LogisticRegression(), X, y)
    monkeypatch.setattr(LogisticRegression, "fit", None)
    np.testing.assert_array_equal(kept_fit(LogisticRegression(), X, y).coef_, first.coef_)


def test_a_digit_lies_at_its_cell(rng):
    image = rng.random((8, 8))
    cells = np.arange(64)
    canvases = place_digits([image] * 64, cells).reshape(64, 15, 15)
    for cell in cells:
        moved = np.roll(canvases[0], np.unravel_index(cell, (8, 8)), axis=(0, 1))
        np.testing.assert_array_equal(canvases[cell], moved)
    assert len(np.unique(canvases, axis=0)) == 64


@pytest.mark.parametrize(("load", "n_labels"), [(digit_grid(16, 1.0), 64), (diabetes(20), 40)])
def test_samples_of_hidden_labels_are_scored_apart(load, n_labels):
    data = load(0)
    hidden = ~np.isin(data.y_test, data.y_train)
    assert hidden.any()
    assert data.y_test.max() < n_labels
    scores = score_labels(None, (np.zeros_like(data.y_test), {}), data, 0)
    share = hidden.mean()
    parts = share * scores["msd_unseen"] + (1 - share) * scores["msd_seen"]
    assert scores["msd"] == pytest.approx(parts)
    perfect = score_labels(None, (data.y_test, {}), data, 0)
    assert (perfect["msd"], perfect["accuracy_seen"]) == (0, 1)


def test_no_constant_does_better_than_the_constant_on_its_labels(rng):
    y = rng.integers(0, 30, 50)
    metric = {"label_metric": "ordinal", "labels": np.arange(40)}
    found = Constant(**metric).fit(None, y).predict(y[:1])[0]
    risks = [np.mean((y - label) ** 2) for label in range(40)]
    assert risks[found] == min(risks)


def test_another_order_changes_nothing_and_wrong_labels_much():
    aligned = as_matrix(digit_grid_with_labels)(0)
    assert not np.array_equal(aligned.order, np.sort(aligned.order))
    scores = score_orders(None, fit_orders(loki.make("published", 0), aligned), aligned, 0)
    assert scores["changed"] == 0
    assert scores["permuted_ratio"] > 2


def digit_grid_with_labels(seed):
    """The grid as points, which have labels of their own."""
    data = digit_grid(16, 1.0)(seed)
    points = np.stack(np.unravel_index(np.arange(64), (8, 8)), axis=1)
    return SimpleNamespace(**(vars(data) | {"label_metric": points, "labels": np.arange(64)}))


def test_brute_force_finds_worse_labels_higher_ones_and_strangers():
    risks = np.array([[2.0, 1.0, 1.0 + 1e-14, 1.0 + 1e-9]] * 5)
    labels = np.array([10, 20, 30, 40])
    for predicted, wrong in ((20, 0), (10, 5), (30, 5), (40, 5), (25, 5), (99, 5)):
        assert exact.count_mismatches(risks, labels, np.full(5, predicted)) == wrong


def test_a_risk_of_nothing_is_confirmed():
    assert exact.count_mismatches(np.array([[0.0, 1.0]]), np.array([0, 1]), np.array([0])) == 0


def test_shortest_paths_agree_with_scipy(rng):
    lengths = np.triu((rng.random((15, 15)) < 0.3) * (1 + rng.random((15, 15))), 1)
    edges = [(u, v, lengths[u, v]) for u, v in np.argwhere(lengths)]
    found = exact.shortest_paths(15, edges)
    np.testing.assert_allclose(found, shortest_path(lengths, directed=False))


def test_of_two_edges_and_of_an_edge_and_a_way_round_the_shorter_counts():
    found = exact.shortest_paths(3, [(0, 1, 5.0), (0, 1, 4.0), (1, 2, 0.0), (2, 0, 1.0)])
    np.testing.assert_array_equal(found, [[0, 1, 1], [1, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("make_space", SPACES)
def test_random_cases_are_confirmed_and_spoilt_predictions_are_not(make_space, monkeypatch):
    monkeypatch.setattr(exact, "N_CASES", 12)
    cases = exact.random_cases(make_space)(0)
    found = exact.fit_cases(loki.make(loki.RULE, 0), cases)
    assert exact.score_cases(None, found, cases, 0) == {
        "mismatches": 0,
        "predictions": 12 * exact.N_ROWS,
    }
    spoilt = [
        np.roll(case.candidates, 1)[np.searchsorted(case.candidates, predicted)]
        for case, predicted in zip(cases, found, strict=True)
    ]
    several = [len(case.candidates) > 1 for case in cases]
    assert exact.score_cases(None, spoilt, cases, 0)["mismatches"] == sum(several) * exact.N_ROWS


def test_random_cases_have_equal_risks(monkeypatch):
    monkeypatch.setattr(exact, "N_CASES", 60)
    equal = 0
    for case in exact.random_cases(SPACES[0])(0):
        risks = np.sort(case.P @ case.table**case.power, axis=1)[:, :2]
        equal += np.sum(risks[:, -1] - risks[:, 0] < 1e-12 * risks[:, 0])
    assert equal > 0


@pytest.mark.parametrize("load", LARGE)
def test_given_probabilities_are_checked_on_the_last_samples(load):
    data = load(0)
    np.testing.assert_allclose(data.X_test.sum(axis=1), 1)
    assert ((data.X_test[-N_SPOT:] > 0).sum(axis=1) == N_SPOT_CLASSES).all()
    assert set(data.y_train) <= set(data.fitted.classes_)
    for method in (loki.RULE, "LokiPredictor", "dense"):
        estimator = loki.make(method, 0)
        predicted, seconds = fit_labels(estimator, data)
        assert set(seconds) == {"fit_s", "predict_s"}
        assert score_large(estimator, (predicted, {}), data, 0)["mismatches"] == 0
        spoilt = (predicted + 1) % 300
        assert score_large(estimator, (spoilt, {}), data, 0)["mismatches"] == N_SPOT


def test_the_dense_product_gives_the_published_rule(rng):
    data = LARGE[2](1)
    metric = {"label_metric": data.label_metric, "labels": data.labels}
    dense = DenseProduct(data.fitted, **metric).fit(data.X_train, data.y_train)
    ours, _ = fit_labels(loki.make("published", 0), data)
    np.testing.assert_array_equal(dense.predict(data.X_test), ours)


def test_given_classifies_by_its_features():
    classifier = given(np.array(["a", "b"]))
    assert classifier.predict(np.array([[0.2, 0.8], [0.6, 0.4]])).tolist() == ["b", "a"]


def test_hull_of_a_tree():
    #      0 - 1 - 2 - 3
    #          |   |
    #          4   5 - 6
    parents = np.array([0, 0, 1, 2, 1, 2, 5])
    assert np.flatnonzero(hull(parents, np.array([3, 6]))).tolist() == [2, 3, 5, 6]
    assert np.flatnonzero(hull(parents, np.array([4, 6]))).tolist() == [1, 2, 4, 5, 6]
    assert np.flatnonzero(hull(parents, np.array([2, 6]))).tolist() == [2, 5, 6]
    assert np.flatnonzero(hull(parents, np.array([5]))).tolist() == [5]


def test_selected_labels_are_the_farthest_and_others_are_found_out(monkeypatch):
    monkeypatch.setattr("benchmarks._label_scale.N_SELECTED", 20)
    data = LARGE[0](0)
    selected, _ = fit_selection(loki.make(loki.RULE, 0), data)
    assert score_selection(None, (selected, 0.0), data, 0)["mismatches"] == 0
    assert score_selection(None, (selected[::-1], 0.0), data, 0)["mismatches"] > 5
