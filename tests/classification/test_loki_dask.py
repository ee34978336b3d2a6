"""Chunked predictions on dask arrays, over a local cluster of two workers."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.naive_bayes import GaussianNB

from skmanifold import LokiPredictor
from tests.classification.loki_toys import ordinal_task

dask_array = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
wrappers = pytest.importorskip("dask_ml.wrappers")

X, Y, X_NEW, _ = ordinal_task(0)
LINE = abs(np.subtract.outer(np.arange(12.0), np.arange(12.0)))
METRICS = {
    "matrix": {"label_metric": LINE, "labels": range(12)},
    "tree": {"label_metric": {place: place + 1 for place in range(11)}},
    "points": {"label_metric": "ordinal"},
}
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=":0",  # any free port, so that several runs may go on at once
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(params=[100, len(X_NEW)])
def chunks(request):
    return dask_array.from_array(X_NEW, chunks=(request.param, 2))


def fitted(metric, **params):
    return LokiPredictor(GaussianNB(), **metric, random_state=0, **params).fit(X, Y)


@every_metric
def test_chunks_on_two_workers_are_predicted_as_one_array(client, metric, chunks):
    model = fitted(metric)
    wrapped = wrappers.ParallelPostFit(model)
    predicted = wrapped.predict(chunks)
    assert isinstance(predicted, dask_array.Array)
    assert_array_equal(predicted.compute(), model.predict(X_NEW))
    assert_allclose(wrapped.predict_proba(chunks).compute(), model.predict_proba(X_NEW))


def test_fitted_through_the_wrapper(client, chunks):
    wrapped = wrappers.ParallelPostFit(
        LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0)
    ).fit(X, Y)
    found = wrapped.predict(chunks).compute()
    assert_array_equal(found, fitted(METRICS["points"]).predict(X_NEW))


def test_threads_share_one_model(chunks):
    """Its risk is made anew at the first prediction after unpickling, by all threads at once."""
    model = pickle.loads(pickle.dumps(fitted(METRICS["tree"])))
    found = wrappers.ParallelPostFit(model).predict(chunks).compute(scheduler="threads")
    assert_array_equal(found, model.predict(X_NEW))


@every_metric
def test_methods_of_its_own_run_on_blocks(client, metric, chunks):
    model = fitted(metric)
    best = chunks.map_blocks(model.predict_topk, k=3, dtype=int, chunks=(chunks.chunks[0], (3,)))
    assert_array_equal(best.compute(), model.predict_topk(X_NEW, k=3))
    spread = chunks.map_blocks(model.frechet_variance, dtype=float, drop_axis=1)
    assert_allclose(spread.compute(), model.frechet_variance(X_NEW))


def test_refits_run_on_the_cluster(client):
    def scores(n_jobs):
        model = fitted(METRICS["points"], temperature="cv", top_k="cv", n_jobs=n_jobs)
        return model.cv_results_["score"]

    with parallel_config("dask"):
        on_cluster = scores(2)
    assert_array_equal(on_cluster, scores(None))
