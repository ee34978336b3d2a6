"""TinvMDS inside other tools of scikit-learn, copied, stored, fitted anew and interrupted."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skmanifold import TinvMDS
from skmanifold.datasets import make_shapes, moved_clouds

OUTPUTS = ["points", "frames", "spectrum", "features"]
NAMES = ["half_sphere", "helix", "chair"]


def shapes(n_clouds, random_state):
    """Clouds of three classes, each moved in its own way, and their labels."""
    sample = make_shapes(n_clouds * 13 // 3, n_points=48, random_state=random_state)
    some = np.isin(sample.labels, [sample.names.index(name) for name in NAMES])
    return moved_clouds(sample.X[some], random_state=random_state), sample.labels[some]


X, Y = shapes(30, 0)
X_NEW, Y_NEW = shapes(15, 1)
ROWS = X.reshape(len(X), -1)
LIST = [cloud[: 30 + index % 7] for index, cloud in enumerate(X)]
DISTANCES = np.array([pairwise_distances(cloud) for cloud in X])
KINDS = {"array": (X, None), "list": (LIST, None), "rows": (ROWS, 3)}
every_kind = pytest.mark.parametrize(("clouds", "point_dim"), KINDS.values(), ids=KINDS)
every_output = pytest.mark.parametrize("output", OUTPUTS)


def described(**params):
    return TinvMDS(**{"output": "features", "random_state": 0} | params)


def classifier(**params):
    return make_pipeline(described(**params), StandardScaler(), SVC(C=10))


def assert_same_clouds(first, second, **tolerance):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert_allclose(one, other, **tolerance)


def fitted_state(model):
    """Fitted attributes, public and private."""
    params = model.get_params()
    return {name: value for name, value in vars(model).items() if name not in params}


def assert_same_state(first, second):
    first, second = fitted_state(first), fitted_state(second)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert_array_equal(value, second[name], err_msg=name)


# Pipelines and searches.


def test_the_pipeline_of_the_manual_in_a_search_of_two_processes():
    model = make_pipeline(TinvMDS(point_dim=3, output="features", random_state=0), SVC(C=10))
    grid = {"tinvmds__chiral": [False, True], "tinvmds__scale": ["trace", None]}
    searches = [
        GridSearchCV(model, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(ROWS, Y)
        for n_jobs in (1, 2)
    ]
    serial, parallel = searches
    assert_array_equal(
        parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"]
    )
    assert serial.best_score_ > 0.9
    assert serial.score(X_NEW.reshape(len(X_NEW), -1), Y_NEW) > 0.9
    # Without the size of a cloud, nothing of how it was moved can tell.
    best = serial.best_estimator_.set_params(tinvmds__scale="trace").fit(ROWS, Y)
    again = moved_clouds(X_NEW, random_state=9)
    assert_array_equal(*(best.predict(each.reshape(len(each), -1)) for each in (X_NEW, again)))


@every_kind
def test_clouds_go_straight_through_a_search(clouds, point_dim):
    grid = {"tinvmds__output": ["features", "spectrum"], "tinvmds__n_components": [2, None]}
    search = GridSearchCV(classifier(point_dim=point_dim), grid, cv=3, error_score="raise")
    search.fit(clouds, Y)
    assert search.best_score_ > 0.9
    assert len(search.predict(clouds)) == len(Y)


@every_kind
def test_clouds_go_straight_through_cross_validation(clouds, point_dim):
    model = classifier(point_dim=point_dim)
    assert cross_val_score(model, clouds, Y, cv=3, error_score="raise").mean() > 0.9
    by_hand = classifier(point_dim=point_dim).fit(clouds[::2], Y[::2]).predict(clouds[1::2])
    halves = [(np.arange(0, len(Y), 2), np.arange(1, len(Y), 2))] * 2
    halves[1] = halves[1][::-1]
    assert_array_equal(cross_val_predict(model, clouds, Y, cv=halves)[1::2], by_hand)


def test_raw_coordinates_do_not_do_as_well():
    raw = make_pipeline(StandardScaler(), SVC(C=10)).fit(ROWS, Y)
    ours = classifier().fit(X, Y)
    assert ours.score(X_NEW, Y_NEW) > 0.9 > 0.7 > raw.score(X_NEW.reshape(len(X_NEW), -1), Y_NEW)


def test_points_as_rows_into_a_forest():
    """Canonical points in a given order are features like any other."""
    model = make_pipeline(TinvMDS(point_dim=3), RandomForestClassifier(10, random_state=0))
    model.fit(ROWS, Y)
    again = moved_clouds(X, reflect=True, random_state=5).reshape(len(X), -1)
    assert_array_equal(model.predict(again), model.predict(ROWS))


def test_a_union_of_outputs():
    union = make_union(described(), TinvMDS(output="spectrum", scale=None))
    found = union.fit_transform(LIST)
    parts = [each.transform(LIST) for _, each in union.transformer_list]
    assert_array_equal(found, np.hstack(parts))
    assert len(union.get_feature_names_out()) == found.shape[1]


def test_one_matrix_of_distances_is_cut_in_both_directions():
    plane = np.random.default_rng(0).exponential(size=(60, 2)) * [1, 0.6]
    labels = plane[:, 0] > np.median(plane[:, 0])
    model = make_pipeline(TinvMDS(2), KNeighborsClassifier(3))
    expected = cross_val_predict(model, plane, labels, cv=3)
    model.set_params(tinvmds__metric="precomputed")
    assert get_tags(model).input_tags.pairwise
    found = cross_val_predict(model, pairwise_distances(plane), labels, cv=3)
    assert_array_equal(found, expected)


def test_matrices_of_distances_as_rows_are_cut_as_samples():
    flat = DISTANCES.reshape(len(X), -1)
    model = classifier(metric="precomputed", n_components=3, point_dim=48)
    assert not get_tags(model).input_tags.pairwise
    found = cross_val_predict(model, flat, Y, cv=3)
    assert_array_equal(found, cross_val_predict(classifier(), X, Y, cv=3))


# Names and data frames.


@every_kind
@every_output
@pytest.mark.parametrize("params", [{}, {"chiral": True}, {"scale": None}, {"n_components": 2}])
def test_there_is_a_name_for_each_column(clouds, point_dim, output, params):
    model = TinvMDS(output=output, point_dim=point_dim, **params)
    found = model.fit_transform(clouds)
    names = model.get_feature_names_out()
    assert len(names) == len(set(names)) == found[0].shape[-1]
    assert names[0] == "tinvmds0"


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_columns_of_one_cloud_have_names(n_components):
    model = TinvMDS(n_components).fit(X[0])
    assert len(model.get_feature_names_out()) == model.transform(X[0]).shape[1] == n_components


@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
@every_output
def test_rows_become_data_frames(library, kind, output):
    model = TinvMDS(output=output, point_dim=3, random_state=0)
    expected = model.fit_transform(ROWS)
    model.set_output(transform=library)
    for found in (model.fit_transform(ROWS), model.transform(ROWS)):
        assert isinstance(found, kind)
        assert list(found.columns) == list(model.get_feature_names_out())
        assert_array_equal(found, expected)


@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
@pytest.mark.parametrize("clouds", [X, LIST], ids=["array", "list"])
@every_output
def test_batches_become_data_frames_where_they_can(library, kind, clouds, output):
    model = TinvMDS(output=output, random_state=0).set_output(transform=library)
    if output in ("points", "frames"):
        for name in ("fit_transform", "transform"):
            with pytest.raises(ValueError, match=f"'{library}'.* output='{output}' .*point_dim"):
                getattr(model.fit(clouds), name)(clouds)
        return
    found = model.fit_transform(clouds)
    assert isinstance(found, kind)
    assert list(found.columns) == list(model.get_feature_names_out())
    assert_array_equal(found, model.set_output(transform="default").transform(clouds))


def test_an_index_is_kept():
    index = [f"cloud{i}" for i in range(len(X))]
    table = pd.DataFrame(ROWS, index=index).add_prefix("c")
    model = described(point_dim=3).set_output(transform="pandas")
    assert list(model.fit_transform(table).index) == index
    assert_array_equal(model.feature_names_in_, table.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(table[table.columns[::-1]])


# Copies.


def pickled(model, folder):
    return pickle.loads(pickle.dumps(model))


def mapped_by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


def dumped_by_skops(model, folder):
    content = skops.io.dumps(model)
    names = skops.io.get_untrusted_types(data=content)
    assert {name.split(".")[0] for name in names} <= {"numpy", "skmanifold"}
    return skops.io.loads(content, trusted=names)


@pytest.mark.parametrize("copied", [pickled, mapped_by_joblib, dumped_by_skops])
@every_output
@every_kind
def test_copies_of_batch_fits_say_the_same(copied, output, clouds, point_dim, tmp_path):
    model = TinvMDS(output=output, point_dim=point_dim).fit(clouds)
    back = copied(model, tmp_path)
    assert_same_state(back, model)
    assert_same_clouds(back.transform(clouds), model.transform(clouds))
    assert_array_equal(back.get_feature_names_out(), model.get_feature_names_out())


@every_kind
def test_a_clone_is_not_fitted(clouds, point_dim):
    model = described(point_dim=point_dim, n_components=2, chiral=False).fit(clouds)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not fitted_state(copy)


# One fit after another.

FITS = {
    "cloud": ({}, X[0]),
    "table": ({}, pd.DataFrame(X[0], columns=list("xyz"))),
    "array": ({}, X),
    "list": ({}, LIST),
    "plane": ({}, X[..., :2]),
    "rows": ({"point_dim": 3}, ROWS),
    "named rows": ({"point_dim": 3}, pd.DataFrame(ROWS).add_prefix("c")),
    "distances": ({"metric": "precomputed", "n_components": 3}, DISTANCES[0]),
    "batch of distances": ({"metric": "precomputed", "n_components": 3}, DISTANCES),
}


@pytest.mark.parametrize("second", FITS)
@pytest.mark.parametrize("first", FITS)
def test_a_later_fit_keeps_nothing_of_an_earlier_one(first, second):
    params, clouds = FITS[second]
    fresh = TinvMDS(random_state=0, **params).fit(clouds)
    earlier, others = FITS[first]
    model = TinvMDS(random_state=0, **earlier).fit(others)
    model.set_params(**fresh.get_params()).fit(clouds)
    assert_same_state(model, fresh)
    assert_same_clouds(model.transform(clouds), fresh.transform(clouds))


FAILING = {
    "NaN": ({}, np.full((2, 5, 3), np.nan), "NaN"),
    "mixed": ({}, [X[0], X[1][:, :2]], "different dimensions|square"),
    "one cloud": ({"output": "features", "point_dim": None}, X[0], "describes whole clouds"),
    "rows": ({"point_dim": 7}, ROWS, "does not divide"),
    "axes": ({"n_components": 4, "metric": "euclidean"}, X[:4], "3 axes"),
    "not square": ({"metric": "precomputed"}, X, "square"),
    "device": ({"device": "gpu", "point_dim": None}, DISTANCES, "device='gpu'"),
}


@pytest.mark.parametrize(("params", "clouds", "message"), FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("earlier", ["table", "array", "named rows", "batch of distances"])
def test_a_fit_that_fails_leaves_the_earlier_one(params, clouds, message, earlier):
    own, training = FITS[earlier]
    model = TinvMDS(**own).fit(training)
    before, expected = fitted_state(model).copy(), model.transform(training)
    given = model.get_params()
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(clouds)
    model.set_params(**given)
    assert fitted_state(model).keys() == before.keys()
    assert all(fitted_state(model)[name] is value for name, value in before.items())
    assert_same_clouds(model.transform(training), expected)


# Progress.


class Recorder:
    """A callback that notes tasks, and interrupts after some of them."""

    def __init__(self, interrupt_after=np.inf):
        self.tasks, self.most, self.interrupt_after = [], [], interrupt_after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.most.append(context.max_subtasks)

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        if len(self.tasks) > self.interrupt_after:
            raise KeyboardInterrupt


@every_kind
@pytest.mark.parametrize("name", ["fit", "fit_transform"])
def test_progress_is_told_chunk_by_chunk(clouds, point_dim, name):
    for batch_size in (1, 4, 100):
        recorder = Recorder()
        model = described(point_dim=point_dim, batch_size=batch_size).set_callbacks(recorder)
        getattr(model, name)(clouds)
        steps = [task for task in recorder.tasks if task != recorder.tasks[-1]]
        assert set(steps) == {"frames"}
        assert len(steps) == recorder.most[0]
        if not isinstance(clouds, list):  # those are sorted by size first
            assert len(steps) == -(-len(clouds) // batch_size)
        assert len(steps) >= len(clouds) / batch_size


def test_an_interrupted_batch_leaves_an_earlier_fit():
    model = described(batch_size=4).fit(X)
    expected, before = model.transform(X), fitted_state(model).copy()
    for interrupt_after in (0, 3):
        model.set_callbacks(Recorder(interrupt_after))
        with pytest.raises(KeyboardInterrupt):
            model.fit(X[..., :2])
        model.set_callbacks()
        state = fitted_state(model)
        assert all(state[name] is value for name, value in before.items())
        assert_array_equal(model.transform(X), expected)


# What is left alone.


@every_output
@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)])
def test_global_generators_are_left_alone(output, random_state):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    model = TinvMDS(output=output, random_state=random_state).fit(X)
    model.transform(X)
    if random_state is not None:  # None means the global generator, to scikit-learn as well
        assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert_array_equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clouds_of_the_caller_are_never_written_to(name, dtype):
    params, clouds = FITS[name]
    clouds = [each.astype(dtype) for each in clouds] if name == "list" else clouds.astype(dtype)
    before, model = pickle.loads(pickle.dumps(clouds)), TinvMDS(**params)
    for points in (model.fit_transform(clouds), model.transform(clouds)):
        for each in points:
            each[:] = np.nan
    if not isinstance(clouds, list):
        clouds, before = np.asarray(clouds), np.asarray(before)
    assert_same_clouds(clouds, before)
