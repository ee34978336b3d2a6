"""Odd and bad input: the documented answer, or an error that says what is wrong."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skmanifold import LokiPredictor
from tests.classification.loki_toys import ANIMALS, PUBLISHED, GivenProbabilities, given

X = np.arange(8.0)[:, None]
Y = np.array(["carp", "carp", "tuna", "tuna", "cow", "cow", "lion", "lion"])
NUMBERS = np.array([0, 0, 1, 1, 3, 3, 4, 4])
LINE = abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))


def changed(place, value):
    matrix = LINE.copy()
    matrix[place] = value
    return matrix


class Never(ClassifierMixin, BaseEstimator):
    """A base classifier that must not be fitted, because something else is wrong."""

    def fit(self, X, y):
        raise AssertionError("this fit comes too late")

    def predict(self, X):
        raise AssertionError


@pytest.mark.parametrize(
    ("params", "y", "match"),
    [
        ({"label_metric": {"carp": "fish", "cow": "fish"}}, Y, "y holds labels .*'lion', 'tuna'"),
        ({"label_metric": {"0": "4", "1": "4", "3": "4"}}, NUMBERS, r"y holds the integer 0.*'0'"),
        ({"label_metric": {0: 4, 1: 4, 3: 4}}, NUMBERS.astype(str), r"y holds the string '0'.*0"),
        ({"label_metric": "grid", "labels": (2, 2)}, NUMBERS, "y holds labels .*: 4"),
        ({"label_metric": "grid"}, NUMBERS, r"shape of the grid, such as labels=\(8, 8\)"),
        ({"label_metric": "ordinal"}, Y, "cannot know the order of strings"),
        ({"label_metric": "ordinal", "labels": [0, 1, 1, 3, 4]}, NUMBERS, "distinct.*: 1"),
        ({"label_metric": "cosine"}, NUMBERS, "'ordinal', 'grid' or a tree .*got 'cosine'"),
        ({"label_metric": LINE}, NUMBERS, "labels must name its rows"),
        ({"label_metric": LINE, "labels": range(4)}, NUMBERS, "each of the 5 rows .*got 4 labels"),
        ({"label_metric": LINE, "labels": [0, 1, 2, 3, 3]}, NUMBERS, "labels must be distinct.*3"),
        ({"label_metric": LINE, "labels": [0, 1, "2", 3, 4]}, NUMBERS, "labels mixes types"),
        ({"label_metric": changed((1, 3), 9), "labels": range(5)}, NUMBERS, "symm.* from 1 to 3"),
        ({"label_metric": changed((2, 2), 9), "labels": range(5)}, NUMBERS, "from 2 to itself"),
        ({"label_metric": changed((0, 4), np.nan), "labels": range(5)}, NUMBERS, "finite.*0 to 4"),
        ({"label_metric": changed((0, 4), np.inf), "labels": range(5)}, NUMBERS, "finite.*0 to 4"),
        ({"label_metric": changed((0, 4), -1), "labels": range(5)}, NUMBERS, "negative.*0 to 4"),
        ({"label_metric": {"carp": "fish", "cow": "mammal"}}, Y, "not connected: 2 parts of sizes"),
        ({"label_metric": {"carp": "cow", "cow": "carp"}}, Y, "circle of 2 labels: 'ca|'cow'"),
        ({"label_metric": nx.empty_graph(5)}, NUMBERS, "not connected: 5 parts"),
        ({"label_metric": csr_array(-LINE), "labels": range(5)}, NUMBERS, "length -.* not negat"),
        ({"label_metric": "(carp,(cow,lion);"}, Y, "label_metric|Newick"),
        ({"label_metric": ANIMALS, "labels": ["carp", "dodo"]}, Y, "labels holds.*'dodo'"),
        ({"label_metric": lambda A, B: LINE, "labels": range(4)}, NUMBERS, r"\(1, 4\)|shape"),
        ({"labels": range(5)}, NUMBERS, "labels is given without label_metric"),
        ({"labels": "leaves"}, NUMBERS, "labels is given without label_metric"),
        ({"device": "cuda:99"}, NUMBERS, "device='cuda:99' cannot be used on this machine"),
        ({"power": 0}, NUMBERS, "'power' parameter"),
        ({"temperature": 0}, NUMBERS, "'temperature' parameter"),
        ({"temperature": "best"}, NUMBERS, "'temperature' parameter"),
        ({"top_k": 0}, NUMBERS, "'top_k' parameter"),
        ({"top_k": 1.5}, NUMBERS, "'top_k' parameter"),
        ({"method": "brute"}, NUMBERS, "'method' parameter"),
        ({"batch_size": 0}, NUMBERS, "'batch_size' parameter"),
    ],
)
def test_error_says_what_is_wrong_before_the_base_is_fitted(params, y, match):
    with pytest.raises(ValueError, match=match):
        LokiPredictor(Never(), **params).fit(X, y)


def test_a_base_that_is_no_classifier_is_refused():
    with pytest.raises(ValueError, match="'estimator' parameter"):
        LokiPredictor(estimator="svm").fit(X, Y)


def test_regressors_continuous_targets_and_missing_labels_are_refused():
    with pytest.raises(ValueError, match=r"y holds a missing"):
        LokiPredictor(label_metric="ordinal").fit(X, [0, 1, 2, np.nan, 0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"y"):
        LokiPredictor(label_metric=ANIMALS).fit(X, [*Y[:7], None])
    with pytest.raises(ValueError, match=r"y should be a 1d array"):
        LokiPredictor(label_metric="ordinal").fit(X, np.stack([NUMBERS] * 2, axis=1))


def test_a_column_of_labels_is_flattened_with_a_warning():
    base = KNeighborsClassifier(1)
    plain = LokiPredictor(base, label_metric="ordinal", **PUBLISHED).fit(X, NUMBERS).predict(X)
    model = LokiPredictor(base, label_metric="ordinal", **PUBLISHED)
    with pytest.warns(DataConversionWarning):
        model.fit(X, NUMBERS[:, None])
    assert_array_equal(model.predict(X), plain)


def test_not_fitted():
    model = LokiPredictor(label_metric=ANIMALS)
    for call in (model.predict, model.predict_proba, model.decision_function, model.predict_topk,
                 model.frechet_variance):  # fmt: skip
        with pytest.raises(NotFittedError):
            call(X)
    with pytest.raises(NotFittedError):
        model.select_next_class()
    assert not hasattr(model, "locus_")


def test_one_seen_class():
    """All mass is on it, so that it is the answer; there is nothing to tune."""
    for base in (KNeighborsClassifier(1), GivenProbabilities(), DecisionTreeClassifier()):
        model = LokiPredictor(base, label_metric=ANIMALS, random_state=0).fit(X, ["cow"] * 8)
        assert_array_equal(model.predict(np.ones((3, 1))), ["cow"] * 3)
        assert_array_equal(model.seen_classes_, ["cow"])
        assert_array_equal(model.locus_, ["cow"])
        assert len(model.classes_) == len(ANIMALS)
        assert model.cv_results_ is None
        assert_array_equal(model.select_next_class(), ["carp"])


def test_one_seen_class_that_may_not_be_predicted():
    model = LokiPredictor(KNeighborsClassifier(1), label_metric=ANIMALS, labels="leaves")
    assert_array_equal(model.fit(X, ["cat"] * 8).predict(X), ["lion"] * 8)


def test_two_seen_classes():
    for setting in ({}, PUBLISHED):
        model = LokiPredictor(GaussianNB(), label_metric="ordinal", labels=range(9), **setting)
        model.fit(X, np.repeat([2, 6], 4))
        assert set(model.predict(X)) <= set(range(2, 7))


@pytest.mark.parametrize("setting", [{}, {"temperature": "cv", "top_k": "cv"}])
def test_all_labels_seen(setting):
    y = np.tile(NUMBERS, 6)
    many = np.tile(X, (6, 1))
    model = LokiPredictor(
        KNeighborsClassifier(1), label_metric=LINE[:4, :4], labels=[0, 1, 3, 4], **setting
    )
    assert_array_equal(model.fit(many, y).predict(X), NUMBERS)
    assert_array_equal(model.classes_, model.seen_classes_)
    with pytest.raises(ValueError, match="n=1 labels cannot be selected: 0 of the 4"):
        model.select_next_class()


def test_no_class_of_y_may_be_predicted():
    model = LokiPredictor(GaussianNB(), label_metric=ANIMALS, labels=["fish", "mammal"])
    model.fit(X, Y)
    assert_array_equal(model.predict(X), ["fish"] * 4 + ["mammal"] * 4)
    assert np.isfinite(model.predict_proba(X)).all()


def test_negative_or_missing_probabilities_of_the_base():
    model = given(["carp", "cow"], label_metric=ANIMALS)
    with pytest.raises(ValueError, match=r"predict_proba\(X\) must not be negative.*column 1"):
        model.predict([[0.5, -0.5]])
    with pytest.raises(ValueError, match=r"predict_proba\(X\) contains NaN"):
        model.predict([[0.5, np.nan]])
    with pytest.raises(ValueError, match=r"predict_proba\(X\) has 3 columns.*2 classes"):
        model.predict(np.eye(3))


def test_missing_values_are_for_the_base_to_judge():
    holes = X.copy()
    holes[0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        LokiPredictor(LogisticRegression(), label_metric=ANIMALS).fit(holes, Y)
    base = HistGradientBoostingClassifier(min_samples_leaf=1, max_iter=5)
    model = LokiPredictor(base, label_metric=ANIMALS, **PUBLISHED).fit(holes, Y)
    assert set(model.predict(holes)) <= set(ANIMALS)


def test_wrong_numbers_of_samples_and_features():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LokiPredictor(label_metric=ANIMALS).fit(X[:5], Y)
    model = LokiPredictor(GaussianNB(), label_metric=ANIMALS).fit(X, Y)
    with pytest.raises(ValueError, match="X has 2 features, but GaussianNB is expecting 1"):
        model.predict(np.ones((3, 2)))
    for no_samples in (X[:0], np.empty((0, 1))):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            model.predict(no_samples)


def test_sparse_samples():
    dense = np.eye(8)
    model = LokiPredictor(LogisticRegression(), label_metric=ANIMALS, batch_size=3, random_state=0)
    from_dense = model.fit(dense, Y).predict(dense)
    for sparse in (csr_array(dense), csr_array(dense).tocsc()):
        assert_array_equal(model.fit(sparse, Y).predict(sparse), from_dense)


@pytest.mark.parametrize("setting", [{}, {"temperature": "cv"}])
def test_texts(setting):
    texts = ["red scales", "red gills", "blue scales", "blue gills", "white milk", "white horns",
             "yellow milk", "yellow horns"]  # fmt: skip
    base = make_pipeline(CountVectorizer(), LogisticRegression())
    model = LokiPredictor(base, label_metric=ANIMALS, batch_size=2, random_state=0, **setting)
    model.fit(texts * 3, np.tile(Y, 3))
    for given_as in (texts, np.array(texts), np.array(texts, dtype=object)):
        assert set(model.predict(given_as)) <= set(ANIMALS)
        assert_array_equal(model.predict(given_as), model.predict(texts))
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda model: model.fit(X, np.repeat("dodo", 8)),
        lambda model: model.fit(np.full((8, 1), np.nan), Y),
        lambda model: model.set_params(label_metric=LINE).fit(X, Y),
        lambda model: model.set_params(estimator=Never()).fit(X, Y),
        lambda model: model.fit(np.ones((8, 3)), Y, sample_weight=-np.ones(3)),
        lambda model: model.set_params(power=-1).fit(X, Y),
        # These two fail when the base is fitted already.
        lambda model: model.set_params(method="graph").fit(np.ones((8, 3)), Y),
        lambda model: model.set_params(top_k="cv").fit(np.ones((8, 3)), np.repeat(Y[3:5], 4)),
    ],
)
def test_a_fit_that_fails_leaves_the_one_before(spoil):
    params = {"estimator": GaussianNB(), "label_metric": ANIMALS, "power": 2.0}
    params |= {"method": "auto", "top_k": "auto"}
    model = LokiPredictor(**params, random_state=0).fit(X, Y)
    before = model.predict_topk(X), model.predict_proba(X), model.cv_results_
    with pytest.raises((ValueError, AssertionError)):
        spoil(model)
    model.set_params(**params)
    assert_array_equal(model.predict_topk(X), before[0])
    assert_array_equal(model.predict_proba(X), before[1])
    assert model.cv_results_ is before[2]
    assert model.n_features_in_ == 1
