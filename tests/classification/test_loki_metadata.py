"""Sample weights and routed metadata on their way to the base estimator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import LokiPredictor
from tests.classification.loki_toys import PUBLISHED, Recorder, ordinal_task

X, Y, X_NEW, _ = ordinal_task(0)
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2, len(Y))
TAGS = np.array([f"sample {row}" for row in range(len(Y))])
CV = {"temperature": "cv", "top_k": "cv"}
settings = pytest.mark.parametrize("setting", [{}, CV, PUBLISHED])


@pytest.fixture
def log():
    Recorder.log.clear()
    yield Recorder.log
    Recorder.log.clear()


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def rows_of(samples):
    """Which training samples these are."""
    places = {tuple(row): place for place, row in enumerate(X.tolist())}
    return [places[tuple(row)] for row in samples.tolist()]


def assert_reached(log, *names):
    """What was given reached all fits, in parts that belong to their samples."""
    whole = {"sample_weight": WEIGHTS, "tag": TAGS}
    for fit in log:
        rows = rows_of(fit["X"])
        for name in whole:
            if name in names:
                assert_array_equal(fit[name], whole[name][rows])
            else:
                assert fit[name] is None


def model_with(base, **params):
    return LokiPredictor(base, label_metric="ordinal", random_state=0, **params)


@settings
def test_what_fit_is_given_reaches_every_fit_of_the_base(log, setting):
    model_with(Recorder(), **setting).fit(X, Y, sample_weight=WEIGHTS, tag=TAGS)
    assert len(log) == (4 if setting is CV else 1)
    assert_reached(log, "sample_weight", "tag")


@settings
def test_nothing_given_nothing_passed(log, setting):
    model_with(Recorder(), **setting).fit(X, Y)
    assert_reached(log)


def test_without_a_metric_too(log):
    LokiPredictor(Recorder()).fit(X, Y, WEIGHTS, tag=TAGS)
    assert_reached(log, "sample_weight", "tag")


@settings
def test_what_is_asked_for_is_routed(log, routing, setting):
    base = Recorder().set_fit_request(sample_weight=True, tag=True)
    model_with(base, **setting).fit(X, Y, sample_weight=WEIGHTS, tag=TAGS)
    assert len(log) == (4 if setting is CV else 1)
    assert_reached(log, "sample_weight", "tag")


def test_what_is_not_wanted_stays_away(log, routing):
    base = Recorder().set_fit_request(sample_weight=False, tag=True)
    model_with(base).fit(X, Y, sample_weight=WEIGHTS, tag=TAGS)
    assert_reached(log, "tag")


def test_an_alias_is_followed(log, routing):
    base = Recorder().set_fit_request(sample_weight=False, tag="names")
    model_with(base).fit(X, Y, names=TAGS)
    assert_reached(log, "tag")


def test_routing_without_metadata_needs_no_requests(log, routing):
    model_with(Recorder(), **CV).fit(X, Y)
    assert_reached(log)


def test_what_nobody_decided_on_is_an_error(routing):
    with pytest.raises(UnsetMetadataPassedError, match="tag"):
        model_with(Recorder()).fit(X, Y, tag=TAGS)
    with pytest.raises(TypeError, match="nonsense"):
        model_with(Recorder()).fit(X, Y, nonsense=TAGS)


def test_searches_route_through(log, routing):
    base = Recorder().set_fit_request(sample_weight=True, tag=True)
    model = model_with(base, labels=np.arange(12)).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True)
    search = GridSearchCV(model, {"temperature": [0.5, 1.0], "top_k": [1, 2]}, cv=2)
    search.fit(X, Y, sample_weight=WEIGHTS, tag=TAGS)
    assert len(log) == 2 * 4 + 1
    assert_reached(log, "sample_weight", "tag")


def test_weights_that_a_base_cannot_take_are_an_error():
    base = KNeighborsClassifier()
    with pytest.raises(ValueError, match=r"sample_weight .*KNeighborsClassifier\.fit does not"):
        model_with(base).fit(X, Y, sample_weight=WEIGHTS)
    with pytest.raises(ValueError, match="step__sample_weight"):
        model_with(make_pipeline(base)).fit(X, Y, sample_weight=WEIGHTS)


@settings
def test_parts_of_a_pipeline_take_weights_by_their_names(log, setting):
    base = make_pipeline(StandardScaler(with_mean=False, with_std=False), Recorder())
    model_with(base, **setting).fit(X, Y, recorder__sample_weight=WEIGHTS, recorder__tag=TAGS)
    assert len(log) == (4 if setting is CV else 1)
    assert_reached(log, "sample_weight", "tag")


def test_a_frozen_base_leaves_weights_to_the_tuning():
    base = FrozenEstimator(GaussianNB().fit(X, Y))
    plain = model_with(base).fit(X, Y)
    weighted = model_with(base).fit(X, Y, sample_weight=WEIGHTS**3)
    assert_array_equal(weighted.estimator_.predict_proba(X), plain.estimator_.predict_proba(X))
    scores = [model.cv_results_["score"][0] for model in (plain, weighted)]
    assert scores[0] != scores[1]


@pytest.mark.parametrize("setting", [{}, PUBLISHED, {"label_metric": None}])
def test_samples_of_weight_zero_are_as_good_as_removed(setting):
    """Of three classes each fold hides one, so that chance plays no part in the scores."""
    some = np.isin(Y, [0, 4, 9])
    X3, y = X[some], Y[some]
    kept = np.random.default_rng(0).random(len(y)) < 0.6
    base = LogisticRegression(tol=1e-10, max_iter=10_000)
    params = {"label_metric": "ordinal", "labels": range(12), **setting}
    if params["label_metric"] is None:
        params["labels"] = "all"
    weighted = LokiPredictor(base, **params).fit(X3, y, sample_weight=kept.astype(float))
    removed = LokiPredictor(base, **params).fit(X3[kept], y[kept])
    assert_allclose(
        weighted.estimator_.predict_proba(X_NEW), removed.estimator_.predict_proba(X_NEW), atol=1e-6
    )
    assert_array_equal(weighted.predict(X_NEW), removed.predict(X_NEW))
    if weighted.cv_results_:
        assert weighted.temperature_ == removed.temperature_
        assert weighted.top_k_ == removed.top_k_
        assert_allclose(weighted.cv_results_["score"], removed.cv_results_["score"])
    assert_allclose(weighted.predict_proba(X_NEW), removed.predict_proba(X_NEW), atol=1e-4)


@settings
def test_constant_weights_change_nothing(setting):
    plain = model_with(GaussianNB(), **setting).fit(X, Y)
    for weights in (np.full(len(Y), 0.5), [2] * len(Y)):
        weighted = model_with(GaussianNB(), **setting).fit(X, Y, sample_weight=weights)
        assert_allclose(weighted.predict_proba(X_NEW), plain.predict_proba(X_NEW))
        assert (weighted.temperature_, weighted.top_k_) == (plain.temperature_, plain.top_k_)


def test_whole_weights_are_repetitions():
    some = np.isin(Y, [0, 4, 9])
    X3, y = X[some], Y[some]
    times = np.random.default_rng(0).integers(1, 4, len(y))
    params = {"label_metric": "ordinal", "labels": range(12)}
    weighted = LokiPredictor(GaussianNB(), **params).fit(X3, y, sample_weight=times)
    repeated = LokiPredictor(GaussianNB(), **params).fit(np.repeat(X3, times, 0), y.repeat(times))
    assert_array_equal(weighted.predict(X_NEW), repeated.predict(X_NEW))
    assert_allclose(weighted.cv_results_["score"], repeated.cv_results_["score"])
    assert_allclose(weighted.error_radius(X_NEW), repeated.error_radius(X_NEW), rtol=1e-6)


def test_bad_weights_are_refused():
    with pytest.raises(ValueError, match=r"inconsistent|sample_weight"):
        model_with(GaussianNB()).fit(X, Y, sample_weight=WEIGHTS[:-1])
    with pytest.raises(ValueError, match=r"sample_weight|NaN"):
        model_with(GaussianNB()).fit(X, Y, sample_weight=np.full(len(Y), np.nan))
    frozen = FrozenEstimator(GaussianNB().fit(X, Y))
    for weights in (WEIGHTS[:-1], np.full(len(Y), np.nan), -WEIGHTS, 0 * WEIGHTS):
        with pytest.raises(ValueError, match=r"sample_weight|Sample weights"):
            model_with(frozen).fit(X, Y, sample_weight=weights)
