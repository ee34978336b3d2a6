"""LokiPredictor inside and around other tools: copies, batches, pipelines, searches."""

import copy
import io
import pickle

import joblib
import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skmanifold import LokiPredictor
from tests.classification.loki_toys import PUBLISHED, ordinal_task

X, Y, X_NEW, Y_NEW = ordinal_task(0)
FEW = X_NEW[:40]
LINE = abs(np.subtract.outer(np.arange(12.0), np.arange(12.0)))
METRICS = {
    "matrix": {"label_metric": LINE, "labels": range(12)},
    "graph": {"label_metric": nx.path_graph(12)},
    "ring": {"label_metric": nx.cycle_graph(12)},
    "sparse": {"label_metric": csr_array(LINE == 1, dtype=float), "labels": np.arange(12)},
    "parents": {"label_metric": {place: place + 1 for place in range(11)}},
    "embeddings": {"label_metric": {place: np.array([float(place)]) for place in range(12)}},
    "ordinal": {"label_metric": "ordinal"},
    "grid": {"label_metric": "grid", "labels": (12, 1)},
    "callable": {"label_metric": np.subtract.outer, "labels": range(12)},
}
METRICS["callable"]["label_metric"] = lambda A, B: abs(np.subtract.outer(A, B))
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
every_pickled = pytest.mark.parametrize(
    "metric", [value for name, value in METRICS.items() if name != "callable"]
)


def outputs(model):
    return (
        model.predict(FEW),
        model.predict_topk(FEW, 3),
        model.predict_proba(FEW),
        model.decision_function(FEW),
        model.frechet_variance(FEW),
        model.error_radius(FEW),
        model.locus_,
        model.select_next_class(3),
    )


def assert_same(first, second, rtol=0):
    for one, other in zip(outputs(first), outputs(second), strict=True):
        assert_allclose(one, other, rtol=rtol, atol=rtol)


def through_joblib(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    return joblib.load(stream)


@every_pickled
@pytest.mark.parametrize(
    "copied", [lambda model: pickle.loads(pickle.dumps(model)), through_joblib, copy.deepcopy]
)
def test_copies_say_the_same(metric, copied):
    model = LokiPredictor(GaussianNB(), **metric, random_state=0).fit(X, Y)
    twin = copied(model)
    assert_same(twin, model)
    assert_same(copied(twin), model)
    assert not any("risk" in name for name in model.__getstate__())


def test_a_copy_of_one_with_a_function_as_metric():
    model = LokiPredictor(GaussianNB(), **METRICS["callable"], random_state=0).fit(X, Y)
    assert_same(copy.deepcopy(model), model)


def test_two_fits_and_a_clone_say_the_same():
    for setting in ({}, {"temperature": "cv", "top_k": "cv"}):
        model = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=3, **setting)
        model.fit(X, Y)
        twin = clone(model)
        assert not hasattr(twin, "classes_")
        assert_same(twin.fit(X, Y), model)
        assert_array_equal(twin.cv_results_["score"], model.cv_results_["score"])


def test_clone_keeps_what_was_given():
    metric = LINE.copy()
    model = LokiPredictor(LogisticRegression(C=3), label_metric=metric, labels=range(12), power=1.5)
    twin = clone(model)
    assert twin.get_params()["estimator__C"] == 3
    assert_array_equal(twin.label_metric, metric)
    assert twin.power == 1.5


def test_the_seed_says_which_classes_are_hidden():
    def scores(seed):
        model = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=seed)
        return model.fit(X, Y).cv_results_["score"][0]

    assert scores(0) == scores(0)
    assert len({scores(seed) for seed in range(4)}) > 1


def test_the_global_generator_is_left_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    LokiPredictor(GaussianNB(), label_metric="ordinal", temperature="cv", random_state=0).fit(X, Y)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@every_metric
@pytest.mark.parametrize("batch_size", [1, 7, 10**6])
def test_batches_of_any_size_say_the_same(metric, batch_size):
    model = LokiPredictor(GaussianNB(), **metric, **PUBLISHED, random_state=0).fit(X, Y)
    in_batches = clone(model).set_params(batch_size=batch_size).fit(X, Y)
    assert_same(in_batches, model, rtol=1e-12)


@every_metric
def test_samples_do_not_depend_on_their_company(metric):
    model = LokiPredictor(GaussianNB(), **metric, random_state=0).fit(X, Y)
    with config_context(working_memory=0.01):
        alone = [model.predict(X_NEW[[row]])[0] for row in range(10)]
        together = model.predict(X_NEW)
    assert_array_equal(together, model.predict(X_NEW))
    assert_array_equal(together[:10], alone)


def test_with_frames():
    pandas = pytest.importorskip("pandas")
    frame, frame_new = (pandas.DataFrame(each, columns=["a", "b"]) for each in (X, X_NEW))
    for setting in ({}, {"temperature": "cv"}):
        model = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0, batch_size=50)
        plain = model.set_params(**setting).fit(X, Y).predict(X_NEW)
        found = model.fit(frame, pandas.Series(Y, index=frame.index[::-1])).predict(frame_new)
        assert_array_equal(found, plain)
        assert_array_equal(model.feature_names_in_, ["a", "b"])
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


@pytest.mark.parametrize("dtype", ["Int64", "int8", "category"])
def test_integers_in_a_series_of_any_type_are_integers(dtype):
    y = pytest.importorskip("pandas").Series(Y).astype(dtype)
    plain = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0).fit(X, Y)
    model = clone(plain).fit(X, y)
    assert_array_equal(model.classes_, np.arange(12))
    assert_array_equal(model.predict(X_NEW), plain.predict(X_NEW))


def test_a_frozen_classifier_is_only_tuned():
    base = GaussianNB().fit(X, Y)
    plain = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0).fit(X, Y)
    model = clone(plain).set_params(estimator=FrozenEstimator(base)).fit(X, Y)
    assert_same(model, plain)
    assert_array_equal(model.estimator_.predict_proba(X_NEW), base.predict_proba(X_NEW))


@pytest.mark.parametrize("setting", [{}, {"temperature": "cv", "top_k": "cv"}, PUBLISHED])
def test_a_frozen_classifier_may_be_tuned_on_classes_that_it_does_not_know(setting):
    base = FrozenEstimator(GaussianNB().fit(X, Y))
    model = LokiPredictor(base, label_metric="ordinal", random_state=0, **setting)
    model.fit(X_NEW, Y_NEW)  # all grades
    assert_array_equal(model.seen_classes_, np.unique(Y))
    assert_array_equal(model.classes_, np.arange(12))
    error = np.mean((model.predict(X_NEW) - Y_NEW) ** 2)
    assert error < 0.8 * np.mean((base.predict(X_NEW) - Y_NEW) ** 2)


def test_a_frozen_classifier_may_know_classes_that_y_lacks():
    base = FrozenEstimator(GaussianNB().fit(X, Y))
    some = np.isin(Y, [3, 4, 7])
    model = LokiPredictor(base, label_metric="ordinal", labels=range(12), random_state=0)
    model.fit(X[some], Y[some])
    assert_array_equal(model.seen_classes_, np.unique(Y))
    with pytest.raises(ValueError, match=r"estimator_\.classes_ holds labels .* not know"):
        model.set_params(labels=[3, 4, 7]).fit(X[some], Y[some])


def test_in_a_pipeline_and_a_search_over_processes():
    pipeline = make_pipeline(
        StandardScaler(), LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0)
    )
    grid = {
        "lokipredictor__temperature": [0.3, 1.0],
        "lokipredictor__power": [1.0, 2.0],
        "lokipredictor__estimator__var_smoothing": [1e-9, 1e-2],
    }
    scores = []
    for n_jobs in (None, 2):
        search = GridSearchCV(pipeline, grid, n_jobs=n_jobs, cv=3, error_score="raise").fit(X, Y)
        assert search.predict(X_NEW).shape == Y_NEW.shape
        scores.append(search.cv_results_["mean_test_score"])
    assert_array_equal(*scores)


def test_in_cross_validation():
    model = LokiPredictor(GaussianNB(), label_metric="ordinal", labels=range(12), random_state=0)
    predicted = cross_val_predict(model, X, Y, cv=3)
    assert np.mean((predicted - Y) ** 2) < 2


@pytest.mark.parametrize(
    "base",
    [
        OneVsRestClassifier(GaussianNB()),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_around_other_meta_estimators(base):
    model = LokiPredictor(base, label_metric="ordinal", random_state=0).fit(X, Y)
    likeliest = model.estimator_.predict(X_NEW)
    assert np.mean((model.predict(X_NEW) - Y_NEW) ** 2) < np.mean((likeliest - Y_NEW) ** 2)
