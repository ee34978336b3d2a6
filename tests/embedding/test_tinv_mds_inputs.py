"""TinvMDS and its input: what is refused, in what words, and the forms in which clouds may come."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.metrics import pairwise_distances

from skmanifold import TinvMDS

RNG = np.random.default_rng(0)
BATCH = RNG.exponential(size=(5, 20, 3)) * [1, 0.6, 0.3]
LIST = [RNG.exponential(size=(n, 3)) * [1, 0.6, 0.3] for n in (20, 5, 9)]
ROWS = BATCH.reshape(5, -1)
DISTANCES = [pairwise_distances(cloud) for cloud in LIST]
EUCLIDEAN = np.array([pairwise_distances(cloud) for cloud in BATCH])


def spoiled(clouds, index, change):
    """The clouds, one of them changed."""
    copies = [cloud.copy() for cloud in clouds]
    copies[index] = change(copies[index])
    return copies


def with_entry(value):
    def change(cloud):
        cloud[1, 0] = value
        return cloud

    return change


def precomputed(**params):
    return TinvMDS(metric="precomputed", **params)


REFUSED = {
    "NaN in a list": (TinvMDS(), spoiled(LIST, 2, with_entry(np.nan)), r"X\[2\].* contains NaN"),
    "infinity in a list": (
        TinvMDS(),
        spoiled(LIST, 1, with_entry(np.inf)),
        r"X\[1\].* contains infinity",
    ),
    "NaN in an array": (
        TinvMDS(),
        np.array(spoiled(BATCH, 3, with_entry(np.nan))),
        "X contains NaN",
    ),
    "NaN in a row": (
        TinvMDS(point_dim=3),
        np.array(spoiled(BATCH, 3, with_entry(np.nan))).reshape(5, -1),
        "X contains NaN",
    ),
    "mixed dimensions": (
        TinvMDS(),
        [LIST[0], LIST[1][:, :2]],
        r"clouds in X have different dimensions: \[2, 3\]",
    ),
    "no clouds in a list": (TinvMDS(), [], "X is an empty list"),
    "no clouds in an array": (TinvMDS(), BATCH[:0], r"0 sample\(s\) \(shape=\(0, 20, 3\)\)"),
    "no points in an array": (TinvMDS(), BATCH[:, :0], r"without points.*\(5, 0, 3\)"),
    "no coordinates": (TinvMDS(), BATCH[..., :0], r"without points or coord.*\(5, 20, 0\)"),
    "no points in a list": (
        TinvMDS(),
        [LIST[0], LIST[1][:0]],
        r"X\[1\].*0 sample\(s\) \(shape=\(0, 3\)\)",
    ),
    "no points first in a list": (TinvMDS(), [LIST[1][:0], LIST[0]], r"X\[0\].*0 sample\(s\)"),
    "no columns in a list": (TinvMDS(), [LIST[0], LIST[1][:, :0]], r"X\[1\].*0 feature\(s\)"),
    "a point in a list": (TinvMDS(), [LIST[0], LIST[1][0]], r"X\[1\].*got 1D array"),
    "an array in a list": (TinvMDS(), [LIST[0], BATCH], r"X\[1\].*dim 3"),
    "None in a list": (TinvMDS(), [LIST[0], None], r"X\[1\]"),
    "four dimensions": (TinvMDS(), BATCH[None], "Found array with dim 4"),
    "arrays of three dimensions in a list": (TinvMDS(), [BATCH, BATCH], "Found array with dim 4"),
    "one dimension": (TinvMDS(), BATCH[0, 0], "Expected 2D array, got 1D array"),
    "strings": (TinvMDS(), np.full((2, 3, 3), "a"), "could not convert string to float: .*'a'"),
    "strings in a list": (
        TinvMDS(),
        [LIST[0], np.full((3, 3), "a")],
        r"X\[1\].*could not convert string to float: .*'a'",
    ),
    "complex numbers": (TinvMDS(), BATCH + 1j, "Complex data not supported"),
    "rows that do not divide": (
        TinvMDS(point_dim=7),
        ROWS,
        "point_dim=7 does not divide the 60 features of X.*7 coordinates of a first point",
    ),
    "point_dim against an array": (TinvMDS(point_dim=2), BATCH, "point_dim=2, but .* are 3-D"),
    "point_dim against a list": (TinvMDS(point_dim=2), LIST, "point_dim=2, but .* are 3-D"),
    "too many components": (TinvMDS(4), BATCH, "n_components=4 is more than the 3 axes"),
    "too many components of rows": (TinvMDS(4, point_dim=3), ROWS, "n_components=4 .* 3 axes"),
    "too many components of one cloud": (TinvMDS(4), LIST[0], "n_components=4 .* 3 axes"),
    "too many components of distances": (
        precomputed(n_components=21),
        EUCLIDEAN,
        "n_components=21 is more than the 20 axes",
    ),
    "chiral distances": (
        precomputed(chiral=True),
        DISTANCES[0],
        "chiral=True needs coordinates.*metric='precomputed'",
    ),
    "chiral on some axes": (
        TinvMDS(2, chiral=True),
        BATCH,
        "chiral=True needs every axis, but n_components=2 of 3.* n_components=None",
    ),
    "chiral on some axes of one cloud": (
        TinvMDS(2, chiral=True),
        LIST[0],
        "chiral=True needs every axis, but n_components=2 of 3",
    ),
    "too many frames": (
        TinvMDS(output="frames"),
        RNG.normal(size=(2, 30, 11)),
        r"output='frames' makes 2\*\*11 copies.*n_components to at most 10.*'features'",
    ),
    "distances that are not square": (
        precomputed(),
        BATCH[0],
        r"square matrix of distances.*\(20, 3\)",
    ),
    "distances of a list that are not square": (
        precomputed(n_components=2),
        spoiled(DISTANCES, 1, lambda matrix: matrix[:, :3]),
        r"X\[1\].* square matrix of distances.*\(5, 3\)",
    ),
    "distances of rows that are not square": (
        precomputed(point_dim=5),
        np.ones((3, 20)),
        r"square matrix of distances.*\(4, 5\)",
    ),
    "distances that are not symmetric": (
        precomputed(),
        with_entry(9.0)(DISTANCES[0].copy()),
        r"symmetric matrix of distances.*Pass \(D \+ D.T\) / 2",
    ),
    "distances of a list that are not symmetric": (
        precomputed(n_components=2),
        spoiled(DISTANCES, 2, with_entry(9.0)),
        r"X\[2\].* symmetric matrix of distances",
    ),
    "negative distances": (precomputed(), -DISTANCES[0], "not negative.* -"),
    "negative distances in a list": (
        precomputed(n_components=2),
        spoiled(DISTANCES, 1, np.negative),
        r"X\[1\].* not negative.* -",
    ),
    "similarities": (
        precomputed(),
        np.exp(-DISTANCES[0]),
        "0 from a point to itself.*diagonal goes up to 1.0.*similarities",
    ),
    "distances of several sizes": (
        precomputed(),
        DISTANCES,
        "n_components=None keeps an axis per point.* 3 sizes; set n_components",
    ),
    "a device that is not there": (
        TinvMDS(device=f"cuda:{torch.cuda.device_count()}"),
        BATCH,
        "device='cuda:.* device='auto' or device='cpu'",
    ),
    "a device that nobody knows": (TinvMDS(device="gpu"), BATCH, "device='gpu' cannot be used"),
}
for _output in ("frames", "spectrum", "features"):
    REFUSED[f"{_output} of one cloud"] = (
        TinvMDS(output=_output),
        LIST[0],
        rf"output='{_output}' describes whole clouds.*X\[None\].*set point_dim",
    )


@pytest.mark.parametrize("name", ["fit", "fit_transform"])
@pytest.mark.parametrize(("model", "X", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(model, X, message, name):
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(model, name)(X)
    assert not [attribute for attribute in vars(model) if attribute.endswith("_")]


def test_sparse_clouds_are_refused():
    for X in (csr_array(LIST[0]), [LIST[0], csr_array(LIST[1])]):
        with pytest.raises(TypeError, match=r"Sparse data .*toarray"):
            TinvMDS().fit(X)


@pytest.mark.parametrize("name", ["metric", "scale", "sign", "output", "batch_size"])
def test_unknown_words_are_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of TinvMDS must be .*'other'"):
        TinvMDS(**{name: "other"}).fit(BATCH)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 2.0),
        ("point_dim", 0),
        ("batch_size", 0),
        ("gap_tol", -0.1),
        ("gap_tol", 1.0),
        ("sign_tol", 1.0),
        ("chiral", "yes"),
    ],
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of TinvMDS must be"):
        TinvMDS(**{name: value}).fit(BATCH)


FITTED = {
    "cloud": (TinvMDS(), LIST[0]),
    "array": (TinvMDS(), BATCH),
    "list": (TinvMDS(), LIST),
    "rows": (TinvMDS(point_dim=3), ROWS),
    "array with point_dim": (TinvMDS(point_dim=3), BATCH),
    "distances": (precomputed(), DISTANCES[0]),
    "batch of distances": (precomputed(), EUCLIDEAN),
}
MISMATCHES = [
    ("cloud", BATCH, "fitted on one cloud.* X is a batch"),
    ("cloud", LIST, "fitted on one cloud.* X is a batch"),
    ("cloud", LIST[0][:, :2], "X has 2 features, but TinvMDS is expecting 3"),
    ("cloud", [], "fitted on one cloud.* X is a batch"),
    ("array", BATCH[0], r"fitted on a batch .*X\[None\].*; X is one cloud"),
    ("array", BATCH[..., :2], "clouds of dimension 2, but .* fitted on clouds of dimension 3"),
    ("array", [], "X is an empty list"),
    ("list", [LIST[0][:, :1]], "clouds of dimension 1, but .* fitted on clouds of dimension 3"),
    ("list", spoiled(LIST, 1, with_entry(np.nan)), r"X\[1\].* contains NaN"),
    ("rows", BATCH, "fitted on rows that hold a cloud each; X is a batch"),
    ("rows", ROWS[:, :30], "X has 30 features, but TinvMDS is expecting 60"),
    ("array with point_dim", ROWS, "fitted on a batch of clouds.*; X is rows"),
    ("distances", DISTANCES[1], "X has 5 features, but TinvMDS is expecting 20"),
    ("distances", -DISTANCES[0], "not negative"),
    ("distances", EUCLIDEAN, "fitted on one cloud"),
    ("batch of distances", EUCLIDEAN[0], "fitted on a batch"),
    ("batch of distances", BATCH, "square matrix"),
]


@pytest.mark.parametrize(("kind", "X", "message"), MISMATCHES)
def test_transform_wants_what_fit_had(kind, X, message):
    model, training = FITTED[kind]
    model = clone(model).fit(training)
    with pytest.raises(ValueError, match=message):
        model.transform(X)
    assert len(model.transform(training)) == len(training)  # no harm done


def test_arrays_and_lists_are_the_same_kind():
    model = TinvMDS().fit(BATCH)
    expected = model.transform(BATCH)
    for same in (list(BATCH), tuple(BATCH)):
        for points in (model.transform(same), TinvMDS().fit(same).transform(same)):
            assert isinstance(points, list)
            assert_allclose(points, expected, atol=1e-12)
    assert isinstance(TinvMDS().fit(LIST).transform(BATCH), np.ndarray)


@pytest.mark.parametrize("n_components", [None, 3, 6])
def test_matrices_of_distances_may_be_smaller_than_in_the_fit(n_components):
    model = precomputed(n_components=n_components).fit(EUCLIDEAN)
    points = model.transform(DISTANCES)
    for cloud, found in zip(LIST, points, strict=True):
        assert found.shape == (len(cloud), n_components or 20)
        assert_allclose(found[:, :3], TinvMDS().fit_transform(cloud), atol=1e-8)
        assert_allclose(model.transform([pairwise_distances(cloud)])[0], found, atol=1e-10)


def test_inverse_transform_is_for_one_cloud_of_points():
    coordinates = np.ones((4, 3))
    for kind in FITTED.keys() - {"cloud"}:
        model, training = FITTED[kind]
        with pytest.raises(ValueError, match=r"needs the frame of one cloud.* 2-D array of points"):
            clone(model).fit(training).inverse_transform(coordinates)
    with pytest.raises(ValueError, match="X has 3 columns, but the frame has 2 axes"):
        TinvMDS(2).fit(LIST[0]).inverse_transform(coordinates)
    with pytest.raises(ValueError, match="NaN"):
        TinvMDS().fit(LIST[0]).inverse_transform(np.full((2, 3), np.nan))


# Forms of clouds.


def memory_mapped(X, folder):
    path = folder / f"{len(list(folder.iterdir()))}.joblib"
    joblib.dump(X, path)
    return joblib.load(path, mmap_mode="r")


def read_only(X, folder):
    copy = X.copy()
    copy.flags.writeable = False
    return copy


ARRAYS = {
    "memory map": memory_mapped,
    "read-only": read_only,
    "fortran": lambda X, folder: np.asfortranarray(X),
    "negative strides": lambda X, folder: np.ascontiguousarray(X[..., ::-1])[..., ::-1],
    "foreign bytes": lambda X, folder: X.astype(X.dtype.newbyteorder("S")),
    "objects": lambda X, folder: X.astype(object),
    "lists": lambda X, folder: X.tolist(),
    "tensor": lambda X, folder: torch.tensor(X),
}
FRAMES = {
    "pandas": lambda X, folder: pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]),
    "polars": lambda X, folder: pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])]),
}


@pytest.mark.parametrize("layout", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("output", ["points", "features"])
def test_the_layout_of_a_batch_does_not_matter(layout, output, tmp_path):
    model = TinvMDS(output=output, random_state=0)
    expected = model.fit_transform(BATCH)
    assert_allclose(model.fit_transform(layout(BATCH, tmp_path)), expected, atol=1e-12)
    assert_allclose(model.transform(layout(BATCH, tmp_path)), expected, atol=1e-12)


@pytest.mark.parametrize("layout", (ARRAYS | FRAMES).values(), ids=ARRAYS | FRAMES)
@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
def test_the_layout_of_clouds_in_a_list_does_not_matter(layout, metric, tmp_path):
    clouds = LIST if metric == "euclidean" else DISTANCES
    model = TinvMDS(3, metric=metric)
    expected = model.fit_transform(clouds)
    laid_out = [layout(cloud, tmp_path) for cloud in clouds]
    for found in (model.fit_transform(laid_out), model.transform(laid_out)):
        for one, other in zip(found, expected, strict=True):
            assert_allclose(one, other, atol=1e-9 if metric == "precomputed" else 1e-12)


@pytest.mark.parametrize("layout", (ARRAYS | FRAMES).values(), ids=ARRAYS | FRAMES)
def test_the_layout_of_rows_does_not_matter(layout, tmp_path):
    model = TinvMDS(point_dim=3)
    expected = model.fit_transform(ROWS)
    assert_allclose(model.fit_transform(layout(ROWS, tmp_path)), expected, atol=1e-12)
    assert_allclose(model.transform(layout(ROWS, tmp_path)), expected, atol=1e-12)


@pytest.mark.parametrize("output", ["points", "frames", "spectrum", "features"])
def test_types_of_numbers(output):
    integers = np.round(15 * BATCH).astype(np.int64)
    model = TinvMDS(output=output, random_state=0)
    expected = model.fit_transform(integers)
    assert expected.dtype == np.float64
    for dtype in (np.int8, np.uint8, np.float64):
        found = model.fit_transform(integers.astype(dtype))
        assert found.dtype == np.float64
        assert_allclose(found, expected, atol=1e-12)
    single = model.fit_transform(integers.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, expected, atol=2e-5)
    assert model.transform(integers).dtype == np.float64


@pytest.mark.parametrize("output", ["points", "features"])
def test_a_list_of_both_float_types_is_double(output):
    mixed = [LIST[0].astype(np.float32), *LIST[1:]]
    model = TinvMDS(output=output, random_state=0)
    assert {each.dtype for each in model.fit_transform(mixed)} == {np.dtype(np.float64)}
    assert_allclose(model.transform(mixed)[1], model.transform(LIST)[1], atol=1e-12)
    singles = [cloud.astype(np.float32) for cloud in LIST]
    assert {each.dtype for each in model.transform(singles)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1.0, 1e150, 1e300])
@pytest.mark.parametrize("output", ["points", "features"])
def test_any_unit_of_length_will_do(output, size):
    model = TinvMDS(output=output, random_state=0)
    expected = model.fit_transform(BATCH)
    assert_allclose(model.fit_transform(size * BATCH), expected, atol=1e-12)
    if output == "points":
        assert_allclose(TinvMDS().fit_transform(size * BATCH[0]), expected[0], atol=1e-12)


def test_single_precision_far_from_the_origin_is_limited_by_the_input_alone():
    far = (BATCH + 1e4).astype(np.float32)
    expected = TinvMDS().fit_transform(far.astype(np.float64))
    assert_allclose(TinvMDS().fit_transform(far), expected, atol=1e-6)


def test_targets_are_ignored():
    model = TinvMDS()
    expected = model.fit_transform(BATCH)
    assert_array_equal(model.fit_transform(BATCH, np.arange(5)), expected)
    assert_array_equal(model.fit(BATCH, y=list("abcde")).transform(BATCH), expected)
