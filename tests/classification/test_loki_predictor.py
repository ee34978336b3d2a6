"""What LokiPredictor is without a geometry, and with the one in which all labels are alike."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from skmanifold import LokiPredictor
from tests.classification.loki_toys import (
    PUBLISHED,
    GivenProbabilities,
    given,
    ordinal_task,
    random_probabilities,
    risks_of,
)

BASES = [LogisticRegression(max_iter=1000), LinearSVC(), KNeighborsClassifier(), Perceptron()]
every_base = pytest.mark.parametrize("base", BASES, ids=lambda base: type(base).__name__)


def zero_one(n_labels):
    return 1.0 - np.eye(n_labels)


@pytest.fixture
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


@every_base
@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_a_metric_it_is_the_base(base, n_classes, iris):
    X, y = iris[0][: 50 * n_classes], iris[1][: 50 * n_classes]
    model, plain = LokiPredictor(base).fit(X, y), clone(base).fit(X, y)
    for method in ["predict", "predict_proba", "decision_function"]:
        assert hasattr(model, method) == hasattr(plain, method)
        assert hasattr(LokiPredictor(base), method) == hasattr(base, method)
        if hasattr(plain, method):
            assert_array_equal(getattr(model, method)(X), getattr(plain, method)(X))
    assert model.score(X, y) == plain.score(X, y)
    for classes in (model.classes_, model.seen_classes_, model.locus_):
        assert_array_equal(classes, plain.classes_)
    assert model.n_features_in_ == 4
    assert model.label_space_ is None
    assert model.cv_results_ is None


def test_none_is_logistic_regression(iris):
    X, y = iris[0][:100], iris[1][:100]
    model, plain = LokiPredictor().fit(X, y), LogisticRegression().fit(X, y)
    assert isinstance(model.estimator_, LogisticRegression)
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@every_base
def test_with_a_metric_every_method_is_there(base):
    X, y, X_new, _ = ordinal_task(0)
    model = LokiPredictor(base, label_metric="ordinal", random_state=0)
    assert hasattr(model, "predict_proba")
    assert hasattr(model, "decision_function")
    model.fit(X, y)
    assert model.predict_proba(X_new).shape == (len(X_new), 12)
    assert model.decision_function(X_new).shape == (len(X_new), 12)


def test_the_base_passed_in_is_left_alone(iris):
    base = LogisticRegression(max_iter=1000)
    LokiPredictor(base, label_metric=zero_one(3), labels=np.unique(iris[1])).fit(*iris)
    assert not hasattr(base, "coef_")


def test_a_base_with_nothing_but_predict_is_refused(iris):
    class OnlyPredict(GivenProbabilities):
        predict_proba = property()

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    model = LokiPredictor(OnlyPredict(), label_metric=zero_one(3), labels=np.unique(iris[1]))
    with pytest.raises((AttributeError, ValueError, TypeError), match=r"predict_proba|decision_f"):
        model.fit(*iris)


@every_base
def test_zero_one_metric_gives_what_the_base_predicts(base, iris):
    X, y = iris
    labels = ["setosa", "a label that is not in y", "virginica", "versicolor"]
    model = LokiPredictor(base, label_metric=3 * zero_one(4), labels=labels, random_state=0)
    assert_array_equal(model.fit(X, y).predict(X), clone(base).fit(X, y).predict(X))


def test_zero_one_metric_keeps_differences_too_small_for_risks():
    P = np.array([[0.5, 0.5 - 1e-15, 1e-15], [1e-20, 2e-20, 3e-20], [0.3, 0.3, 0.4]])
    model = given([1, 2, 3], label_metric=zero_one(4), labels=[0, 1, 2, 3])
    assert_array_equal(model.predict(P), [1, 3, 3])


@pytest.mark.parametrize(
    "metric", [lambda A, B: A[:, None] != B, nx.complete_graph(5)], ids=["callable", "graph"]
)
def test_zero_one_metric_said_in_other_ways_is_argmax(metric):
    labels = "all" if isinstance(metric, nx.Graph) else np.arange(5)
    P = random_probabilities(200, 3)
    for power in (1, 2):
        model = given([0, 2, 4], label_metric=metric, labels=labels, power=power)
        assert_array_equal(model.predict(P), np.array([0, 2, 4])[P.argmax(axis=1)])


def test_zero_one_metric_never_leaves_the_labels_asked_for():
    frame = pytest.importorskip("pandas").DataFrame(zero_one(3), list("abc"), list("abc"))
    model = given(["a", "b"], label_metric=frame, labels=["b", "c"])
    predicted = model.predict([[0.9, 0.1], [0.2, 0.8]])
    # Far from "a", which may not be predicted, is everything alike; b is also some of b itself.
    assert_array_equal(predicted, ["b", "b"])


def test_top_k_of_one_and_low_temperature_are_the_likeliest_class():
    P = random_probabilities(300, 4)
    likeliest = np.array([0, 3, 7, 9])[P.argmax(axis=1)]
    for setting in ({"top_k": 1}, {"temperature": 1e-3}):
        model = given([0, 3, 7, 9], label_metric="ordinal", **setting)
        top = np.sort(P, axis=1)
        clear = top[:, -1] > 1.05 * top[:, -2]
        assert_array_equal(model.predict(P)[clear], likeliest[clear])


def test_high_temperature_evens_the_probabilities_out():
    model = given([0, 4, 5], label_metric="ordinal", temperature=1e9)
    assert_array_equal(model.predict(random_probabilities(20, 3, concentration=5)), [3] * 20)


@pytest.mark.parametrize("temperature", [0.5, 1, 2.0])
@pytest.mark.parametrize("top_k", ["all", 1, 2, 3, 50])
def test_temperature_and_top_k(temperature, top_k):
    seen, labels = np.array([0, 2, 5, 9]), np.arange(10)
    P = random_probabilities(200, 4)
    model = given(seen, label_metric="ordinal", temperature=temperature, top_k=top_k)
    kept = None if top_k == "all" else top_k
    risks = risks_of(abs(seen[:, None] - labels), P, 2, temperature, kept)
    assert_array_equal(model.predict(P), labels[risks.argmin(axis=1)])
    assert_allclose(model.decision_function(P), -risks, atol=1e-10)
    assert model.temperature_ == temperature
    assert model.top_k_ == kept


def test_power_one_is_the_weighted_median():
    seen = np.array([1, 2, 6, 9])
    P = random_probabilities(200, 4)
    below = P.cumsum(axis=1) >= 0.5
    model = given(seen, label_metric="ordinal", power=1)
    assert_array_equal(model.predict(P), seen[below.argmax(axis=1)])


def test_ordinal_prediction_is_the_rounded_mean():
    seen = np.array([0, 1, 7, 10])
    P = random_probabilities(200, 4)
    assert_array_equal(given(seen, label_metric="ordinal").predict(P), np.rint(P @ seen))


@every_base
def test_scores_of_the_base_become_weights(base):
    """Without predict_proba, the softmax of the decision function; P of two classes sums to 1."""
    X, y, X_new, _ = ordinal_task(1, seen=(2, 8))
    model = LokiPredictor(base, label_metric="ordinal", labels=np.arange(11), **PUBLISHED)
    model.fit(X, y)
    if hasattr(base, "predict_proba"):
        P = model.estimator_.predict_proba(X_new)[:, 1]
    else:
        P = 1 / (1 + np.exp(-model.estimator_.decision_function(X_new)))
    assert_array_equal(model.predict(X_new), np.rint(2 + 6 * P))


def test_unknown_sample_is_spread_over_all_classes():
    """One-vs-rest classifiers may find nothing likely: then all seen classes are."""
    assert_array_equal(given([0, 4, 8], label_metric="ordinal").predict([[0.0, 0.0, 0.0]]), [4])


def test_rows_need_not_sum_to_one():
    P = random_probabilities(100, 3)
    model = given([0, 4, 8], label_metric="ordinal")
    scale = np.random.default_rng(0).uniform(0.1, 30, (100, 1))
    assert_array_equal(model.predict(P * scale), model.predict(P))


def test_classes_are_those_of_the_space():
    X, y, X_new, _ = ordinal_task(0)
    model = LokiPredictor(GaussianNB(), label_metric="ordinal", labels=np.arange(15, -3, -1))
    model.fit(X, y)
    assert_array_equal(model.classes_, np.arange(-2, 16))
    assert_array_equal(model.seen_classes_, [0, 3, 4, 7, 9, 11])
    assert np.isin(model.predict(X_new), model.locus_).all()
