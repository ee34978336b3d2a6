import copy
import dataclasses
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

from skmanifold.exceptions import MeshError
from skmanifold.mesh import MeshSample

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
CELLS = np.array([[0, 1, 2], [0, 2, 3]])


def sample_of(load=1.0, **changes):
    parameters = {
        "points": SQUARE,
        "cells": CELLS,
        "scalars": {"load": load},
        "fields": {"u": load * SQUARE[:, 0], "displacement": load * SQUARE},
        "landmarks": [0, 1, 2, 3],
    }
    return MeshSample(**parameters | changes)


def assert_same(one, other):
    assert type(one) is type(other)
    for name in ("points", "cells", "landmarks"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.scalars == other.scalars
    assert list(one.fields) == list(other.fields)
    for name, values in one.fields.items():
        assert_array_equal(values, other.fields[name])


def arrays_of(sample):
    return [sample.points, sample.cells, sample.landmarks, *sample.fields.values()]


class MeanLoad(RegressorMixin, BaseEstimator):
    """Predicts the load of each sample, times a factor."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y):
        assert all(isinstance(sample, MeshSample) for sample in X)
        self.n_samples_ = len(X)
        return self

    def predict(self, X):
        return self.factor * np.array([sample.scalars["load"] for sample in X])


@pytest.fixture
def samples():
    return [sample_of(load) for load in np.arange(1.0, 10.0)]


def test_everything_becomes_arrays_of_one_kind():
    sample = MeshSample(
        points=SQUARE.astype(np.float32).tolist(),
        cells=CELLS.astype(float),
        scalars={"load": np.float32(2), "on": np.array([1])},
        fields={"u": [0, 1, 2, 3], "mask": SQUARE[:, 0] > 0.5},
        landmarks=(0, 2),
    )
    assert sample.n_nodes == 4
    assert sample.points.dtype == np.float64
    assert sample.cells.dtype == sample.landmarks.dtype == np.intp
    assert [type(value) for value in sample.scalars.values()] == [float, float]
    assert all(values.dtype == np.float64 for values in sample.fields.values())
    assert_array_equal(sample.fields["mask"], [0, 1, 1, 0])


def test_default_is_a_bare_mesh():
    sample = MeshSample(SQUARE, CELLS)
    assert (dict(sample.scalars), dict(sample.fields), sample.landmarks) == ({}, {}, None)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("writeable", [True, False])
def test_the_callers_arrays_are_copied(order, writeable):
    points, cells = SQUARE.copy(order), CELLS.copy(order)
    field, landmarks, scalars = np.arange(4.0), np.array([0, 2]), {"load": 1.0}
    given = [points, cells, field, landmarks]
    for array in given:
        array.flags.writeable = writeable
    before = copy.deepcopy(given)
    sample = MeshSample(points, cells, scalars, {"u": field}, landmarks)
    for array, was in zip(given, before, strict=True):
        assert array.flags.writeable == writeable
        assert_array_equal(array, was)
        assert not any(np.shares_memory(array, kept) for kept in arrays_of(sample))
    scalars["load"] = 7.0
    assert sample.scalars["load"] == 1.0


def test_a_sample_cannot_be_changed():
    sample = sample_of()
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.points = SQUARE
    with pytest.raises(TypeError, match="item assignment"):
        sample.scalars["load"] = 2.0
    with pytest.raises(TypeError, match="item assignment"):
        sample.fields["u"] = np.zeros(4)
    for array in arrays_of(sample):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda sample: pickle.loads(pickle.dumps(sample))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_are_samples_again(copied):
    sample = sample_of()
    again = copied(sample)
    assert_same(sample, again)
    assert not any(array.flags.writeable for array in arrays_of(again))


def test_replace_changes_what_it_names_and_checks_it():
    sample = sample_of()
    bare = dataclasses.replace(sample, fields={})
    assert_array_equal(bare.points, sample.points)
    assert (dict(bare.fields), bare.scalars) == ({}, sample.scalars)
    with pytest.raises(MeshError, match="points must be finite"):
        dataclasses.replace(sample, points=SQUARE * np.nan)


def test_repr_is_one_short_line():
    text = repr(sample_of())
    assert text == (
        "MeshSample(4 nodes, 2 triangles, scalars=['load'], fields=['u', 'displacement'], "
        "landmarks=[0, 1, 2, 3])"
    )


def test_numpy_leaves_a_list_of_samples_whole(samples):
    array = np.asarray(samples)
    assert array.shape == (9,)
    assert array.dtype == object
    assert array[3] is samples[3]


def test_cross_validation_slices_a_list(samples):
    loads = np.array([sample.scalars["load"] for sample in samples])
    predicted = cross_val_predict(MeanLoad(), samples, loads, cv=KFold(3, shuffle=True))
    assert_array_equal(predicted, loads)
    search = GridSearchCV(MeanLoad(), {"factor": [0.5, 1.0, 2.0]}, cv=3).fit(samples, loads)
    assert search.best_params_ == {"factor": 1.0}
    assert search.best_estimator_.n_samples_ == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": SQUARE[:, :1]}, r"points must be of shape \(n_nodes, 2\).*got \(4, 1\)"),
        ({"points": SQUARE[0]}, r"points must be of shape.*got \(2,\)"),
        ({"points": SQUARE[:2]}, r"at least 3 rows, got \(2, 2\)"),
        ({"points": SQUARE + np.inf}, "points must be finite, got 8 NaN.*nodes 0, 1, 2, 3"),
        ({"points": SQUARE.astype(str)}, "points must hold real numbers"),
        ({"points": [[0, 1], [1]]}, "points must be an array, got rows of different lengths"),
        ({"cells": CELLS[:, :2]}, r"cells must be of shape .* got \(2, 2\)"),
        ({"cells": CELLS[:0]}, r"at least one row, got \(0, 3\)"),
        ({"cells": CELLS + 0.5}, "cells must hold whole numbers"),
        ({"cells": CELLS - 1}, "nodes from 0 to 3, got 2 other entries, such as -1 in row 0"),
        ({"cells": CELLS + np.array([0, 0, 1])}, "got 1 other entries, such as 4 in row 1"),
        ({"scalars": {"load": np.nan}}, "scalar 'load' must be one finite number, got nan"),
        ({"scalars": {"load": [1.0, 2.0]}}, "scalar 'load' must be one finite number"),
        ({"scalars": {"load": "2"}}, "scalar 'load' must be one finite number, got '2'"),
        ({"scalars": {"load": 10**400}}, "scalar 'load' must be one finite number, got 1000"),
        ({"scalars": [1.0]}, "scalars must be a mapping"),
        ({"scalars": {3: 1.0}}, "scalars must be a mapping from names"),
        ({"fields": {"u": np.zeros(5)}}, r"field 'u' must be of shape .*n_nodes = 4, got \(5,\)"),
        ({"fields": {"u": np.zeros((4, 2, 2))}}, r"field 'u' must .* got \(4, 2, 2\)"),
        ({"fields": {"u": np.zeros((4, 0))}}, r"field 'u' must .* got \(4, 0\)"),
        ({"fields": {"u": [0, np.nan, 0, np.inf]}}, "field 'u' must be finite.* nodes 1, 3"),
        ({"fields": {"u": np.ma.masked_less([1, 2, 3, 4], 2)}}, "field 'u' must have no masked"),
        ({"fields": {"u": 1.0}}, r"field 'u' must be of shape .* got \(\)"),
        ({"fields": {"u": 1j * np.ones(4)}}, "field 'u' must hold real numbers"),
        ({"fields": np.zeros(4)}, "fields must be a mapping"),
        ({"landmarks": [0, 4]}, "landmarks must hold nodes from 0 to 3.*such as 4 in row 1"),
        ({"landmarks": [0, 1, 0]}, "landmarks must differ, but name twice: 0"),
        ({"landmarks": [[0, 1]]}, r"landmarks must be of shape \(n_landmarks,\).*got \(1, 2\)"),
        ({"landmarks": []}, "landmarks must be of shape"),
        ({"landmarks": 1}, r"landmarks must be of shape .* got \(\)"),
        ({"landmarks": 4}, "landmarks must hold nodes from 0 to 3.*such as 4 in row 0"),
    ],
)
def test_a_fault_is_named(changes, message):
    with pytest.raises(MeshError, match=message):
        sample_of(**changes)
