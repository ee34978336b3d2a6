"""MeshMorpher on disk, on several workers and as a part of larger models."""

import pickle

import numpy as np
import pytest
import skops.io
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from skmanifold import BatchedGPRegressor, MeshMorpher, SnapshotPOD
from tests.gaussian_process.test_mesh_morpher import PLATES, RINGS, every_list
from tests.mesh._meshes import plate_sample


def dumped_by_skops(model):
    content = skops.io.dumps(model)
    return skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))


@every_list
@pytest.mark.parametrize("copy", [lambda m: pickle.loads(pickle.dumps(m)), dumped_by_skops])
def test_kept_and_loaded(X, copy):
    morpher = MeshMorpher().fit(X)
    expected = morpher.transform(X)
    loaded = copy(morpher)
    assert_array_equal(loaded.transform(X), expected)
    assert loaded.support_index_ == morpher.support_index_
    assert clone(loaded).get_params() == MeshMorpher().get_params()


def test_jobs_do_not_count():
    expected = MeshMorpher().fit_transform(PLATES)
    with parallel_config("threading"):
        assert_array_equal(MeshMorpher(n_jobs=2).fit_transform(PLATES), expected)
    assert_array_equal(MeshMorpher(n_jobs=2).fit_transform(PLATES), expected)


def test_on_a_dask_cluster_of_two_workers():
    distributed = pytest.importorskip("distributed")
    expected = MeshMorpher().fit_transform(RINGS)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        found = MeshMorpher(n_jobs=2).fit_transform(RINGS)
    assert_array_equal(found, expected)


def test_lists_flow_through_model_selection():
    depths = np.linspace(0, 0.3, 12)
    X = [plate_sample(5 + k % 3, 7, depth) for k, depth in enumerate(depths)]
    model = make_pipeline(
        MeshMorpher(), SnapshotPOD(2), BatchedGPRegressor(n_restarts=0, random_state=0)
    )
    folds = KFold(3, shuffle=True, random_state=0)
    predicted = cross_val_predict(model, X, depths**2, cv=folds)
    assert np.abs(predicted - depths**2).max() < 0.02
    grid = {"meshmorpher__weights": ["cotangent", "uniform"], "snapshotpod__n_components": [1, 2]}
    search = GridSearchCV(model, grid, cv=folds).fit(X, depths**2)
    assert search.best_score_ > 0.9
    assert search.predict(X[:2]).shape == (2,)


def test_set_output():
    pandas = pytest.importorskip("pandas")
    morpher = MeshMorpher().set_output(transform="pandas").fit(PLATES)
    frame = morpher.transform(PLATES)
    assert isinstance(frame, pandas.DataFrame)
    assert_array_equal(frame.columns, morpher.get_feature_names_out())
    assert_array_equal(frame.to_numpy(), MeshMorpher().fit_transform(PLATES))
