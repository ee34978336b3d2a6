"""What a fitted predictor keeps, whatever happens to its parameters or to a later fit."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from skmanifold import LokiPredictor
from skmanifold.label_space import as_label_space

RNG = np.random.default_rng(0)
Y = np.repeat([0, 3, 4, 7, 9], 30)
X = np.column_stack([Y + RNG.normal(size=len(Y)), RNG.normal(size=len(Y))])
X_NEW = np.column_stack([RNG.uniform(0, 9, 60), np.zeros(60)])


def fitted(**params):
    params = {"label_metric": "ordinal", "labels": range(11), "random_state": 0} | params
    return LokiPredictor(GaussianNB(), **params).fit(X, Y)


def said(model):
    return [
        model.predict(X_NEW),
        model.frechet_variance(X_NEW),
        model.error_radius(X_NEW),
        model.locus_,
        model.predict_from_proba(np.eye(3), [0, 4, 9]),
    ]


def assert_says(model, expected):
    for found, before in zip(said(model), expected, strict=True):
        assert_allclose(found, before, rtol=1e-12)


@pytest.mark.parametrize("changed", [{"power": 0.5}, {"method": "tree"}, {"label_metric": None}])
def test_parameters_that_change_after_the_fit_change_nothing(changed):
    model = fitted()
    expected = said(model)
    model.set_params(**changed)
    assert_says(model, expected)
    if "label_metric" not in changed:
        assert_says(pickle.loads(pickle.dumps(model)), expected)


@pytest.mark.parametrize("unpickled", [False, True])
def test_a_fit_that_fails_late_leaves_the_earlier_one(unpickled):
    model = fitted()
    expected = said(model)
    if unpickled:
        model = pickle.loads(pickle.dumps(model))
    model.set_params(temperature="cv", label_metric=np.ones((3, 3)) - np.eye(3), labels=[0, 3, 5])
    few = Y < 4
    with pytest.raises(ValueError, match="need 3 or more, got 2"):
        model.fit(X[few], Y[few])
    model.set_params(temperature="auto", label_metric="ordinal", labels=range(11))
    assert_says(model, expected)


def test_a_later_fit_without_a_metric_keeps_nothing_of_the_earlier_one():
    model = fitted()
    model.set_params(label_metric=None, labels="all").fit(X, Y)
    fresh = clone(model).fit(X, Y)
    assert vars(model).keys() == vars(fresh).keys()
    assert_array_equal(model.predict(X_NEW), fresh.estimator_.predict(X_NEW))


def test_a_frozen_classifier_may_know_more_than_y():
    known = GaussianNB().fit(X, Y)
    some = Y < 9
    model = LokiPredictor(FrozenEstimator(known), label_metric="ordinal", random_state=0)
    assert_array_equal(model.fit(X[some], Y[some]).classes_, np.arange(10))


@pytest.mark.parametrize("batch_size", ["auto", 7])
def test_sparse_formats_without_rows(batch_size):
    base = LogisticRegression(max_iter=1000)
    model = LokiPredictor(
        base, label_metric="ordinal", labels=range(11), random_state=0, batch_size=batch_size
    )
    from_array = model.fit(X, Y).predict(X_NEW)
    found = clone(model).fit(coo_array(X), Y).predict(coo_array(X_NEW))
    assert_array_equal(found, from_array)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_scores_of_pairs_of_classes_are_refused(n_classes, frozen):
    some = np.isin(Y, np.unique(Y)[:n_classes])
    base = SVC(decision_function_shape="ovo")
    if frozen:
        base = FrozenEstimator(base.fit(X[some], Y[some]))
    model = LokiPredictor(base, label_metric="ordinal", labels=range(11))
    with pytest.raises(ValueError, match=r"one score per class.*'ovr'"):
        model.fit(X[some], Y[some])


def test_refits_keep_the_only_sample_of_a_class():
    y = np.repeat([0, 4, 8], [10, 10, 1])
    features = y[:, None] + RNG.normal(size=(len(y), 1))
    for seed in range(5):
        model = LokiPredictor(
            label_metric="ordinal", temperature="cv", top_k="cv", random_state=seed
        )
        assert model.fit(features, y).cv_results_["score"].min() >= 0


def test_sums_beyond_floating_point_are_an_error():
    with pytest.raises(ValueError, match="beyond floating point"):
        fitted(power=400.0)


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_a_function_that_is_wrong_where_it_was_not_tried(value):
    def metric(first, second):
        distances = np.abs(np.subtract.outer(first.astype(float), second.astype(float)))
        distances[:, second == 171] = value
        return distances

    with pytest.raises(ValueError, match=r"between \d+, 171"):
        fitted(label_metric=metric, labels=np.arange(500))


@pytest.mark.parametrize("metric", [np.ones((5, 5)) - np.eye(5), "ordinal"])
def test_labels_without_an_order_cannot_name_rows(metric):
    with pytest.raises(ValueError, match="a set has none"):
        fitted(label_metric=metric, labels=set(Y.tolist()))


def test_a_label_space_is_its_own_metric():
    space = as_label_space("ordinal", range(11))
    expected = fitted()
    assert_says(fitted(label_metric=space, labels="all"), said(expected))
    with pytest.raises(ValueError, match="has its own"):
        fitted(label_metric=space, labels=[0, 3])


def test_a_series_of_parents():
    pandas = pytest.importorskip("pandas")
    parents = pandas.Series({0: 3, 3: 4, 4: 7, 7: None, 9: 7}, dtype="Int64")
    model = LokiPredictor(GaussianNB(), label_metric=parents, random_state=0).fit(X, Y)
    mapping = {0: 3, 3: 4, 4: 7, 7: None, 9: 7}
    expected = clone(model).set_params(label_metric=mapping).fit(X, Y)
    assert_array_equal(model.predict(X_NEW), expected.predict(X_NEW))
