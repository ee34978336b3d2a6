"""RVGP and its input: what is refused, in what words, and data that are odd but sound."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, eye_array
from scipy.spatial import ConvexHull
from sklearn.neighbors import kneighbors_graph

from skmanifold.gaussian_process import RVGP
from tests.gaussian_process.known_fields import KERNELS, quick, said, surface_task

TASK = surface_task("sphere", 60, 20)
X, Y, FRAMES = TASK.X, TASK.y, TASK.labelled_frames
FACES = ConvexHull(X).simplices
GRAPH = kneighbors_graph(X, 8).maximum(kneighbors_graph(X, 8).T)
every_kernel = pytest.mark.parametrize("kernel", KERNELS)


def with_entry(array, value, row=3, column=1):
    changed = np.array(array, dtype=float)
    changed[row, column] = value
    return changed


MISSING, PARTLY = with_entry(Y, np.nan, column=slice(None)), with_entry(Y, np.nan)
UNLABELED = {"missing_target": "unlabeled"}

# Parameters, arguments of fit, words of the message.
REFUSED = {
    "NaN in X": ({}, {"X": with_entry(X, np.nan)}, "X contains NaN"),
    "infinity in X": ({}, {"X": with_entry(X, np.inf)}, "X contains infinity"),
    "words in X": ({}, {"X": np.full(X.shape, "a")}, "could not convert string to float"),
    "complex X": ({}, {"X": X + 1j}, "Complex data not supported"),
    "flat X": ({}, {"X": X[:, 0]}, "Expected 2D array, got 1D array"),
    "no X": ({}, {"X": X[:0], "y": Y[:0]}, r"0 sample\(s\)"),
    "no features": ({}, {"X": X[:, :0]}, r"0 feature\(s\)"),
    "no y": ({}, {"y": None}, "requires y to be passed"),
    "NaN in y": ({}, {"y": MISSING}, "y contains NaN, in 1 rows.*missing_target='unlabeled'"),
    "NaN in flat y": ({}, {"y": MISSING[:, 0]}, "y contains NaN, in 1 rows"),
    "half a label": (UNLABELED, {"y": PARTLY}, "y has numbers beside NaN in row 3"),
    "only NaN": (UNLABELED, {"y": np.full_like(Y, np.nan)}, "y has no label"),
    "infinity in y": ({}, {"y": with_entry(Y, np.inf)}, "y contains infinity"),
    "infinity beside NaN": (
        UNLABELED,
        {"y": with_entry(MISSING, np.inf, 5)},
        "y contains infinity",
    ),
    "words in y": ({}, {"y": np.full(Y.shape, "a")}, "could not convert string to float"),
    "cubic y": ({}, {"y": Y[:, :, None]}, "dim 3"),
    "cubic y with NaN": (UNLABELED, {"y": MISSING[:, :, None]}, "dim 3"),
    "short y": ({}, {"y": Y[:50]}, r"inconsistent numbers of samples: \[60, 50\]"),
    "short y with NaN": (UNLABELED, {"y": MISSING[:50]}, r"inconsistent.*\[60, 50\]"),
    "flat vectors": ({"field": "vector"}, {"y": Y[:, 0]}, "X's width, 3, got one dimension"),
    "thin vectors": ({"field": "vector"}, {"y": Y[:, :2]}, "X's width, 3, got 2"),
    "tangent without frames": ({"field": "tangent"}, {"y": Y[:, :2]}, "'tangent' needs frames"),
    "tangent of the space": ({"field": "tangent"}, {"frames": FRAMES}, "2 coord.*got 3 columns"),
    "flat tangent": (
        {"field": "tangent"},
        {"y": Y[:, 0], "frames": FRAMES},
        "2 coordinates.*got one dimension",
    ),
    "unlabelled of another width": (
        {},
        {"X_unlabeled": X[:, :2]},
        "X_unlabeled has 2 features, but X has 3",
    ),
    "NaN in X_unlabeled": ({}, {"X_unlabeled": X * np.nan}, "X_unlabeled contains NaN"),
    "infinity in X_unlabeled": (
        {},
        {"X_unlabeled": with_entry(X, np.inf)},
        "X_unlabeled contains infinity",
    ),
    "flat X_unlabeled": ({}, {"X_unlabeled": X[0]}, "Expected 2D array, got 1D array"),
    "unlabelled of other columns": (
        {},
        {
            "X": pd.DataFrame(X, columns=list("abc")),
            "X_unlabeled": pd.DataFrame(X, columns=[*"cba"]),
        },
        r"X_unlabeled has the columns \['c', 'b', 'a'\], but X has \['a', 'b', 'c'\]",
    ),
    "huge y": ({}, {"y": 1e200 * Y}, "y is in a unit in which.*Rescale y"),
    "minute y": ({}, {"y": 1e-200 * Y}, "y is in a unit in which.*Rescale y"),
    "huge X": ({}, {"X": 1e200 * X}, "X is in a unit in which.*Rescale X"),
    "minute X": ({}, {"X": 1e-200 * X}, "X is in a unit in which.*Rescale X"),
    "dimension beyond the space": (
        {"manifold_dim": 4},
        {},
        "manifold_dim=4 is more than the 3 features",
    ),
    "too many neighbors": ({"n_neighbors": 60}, {}, "n_neighbors=60 is more than the 59 other"),
    "too many neighbors of frames": (
        {"n_frame_neighbors": 60},
        {},
        "n_frame_neighbors=60 is more than the 59 other",
    ),
    "too many for the distinct points": (
        {"n_neighbors": 60},
        {"X_unlabeled": X},
        "n_neighbors=60 is more than the 59 other",
    ),
    "frames of other points": ({}, {"frames": FRAMES[:5]}, r"\(60, 3, manifold_dim\).*\(5, 3, 2\)"),
    "frames of another space": ({}, {"frames": FRAMES[:, :2]}, r"frames must.*\(60, 2, 2\)"),
    "one frame": ({}, {"frames": FRAMES[0]}, r"frames must have shape.*\(3, 2\)"),
    "no frames for the unlabelled": (
        {},
        {"frames": FRAMES, "X_unlabeled": TASK.X_new},
        r"shape \(80, 3, manifold_dim\), one for each row of X and of X_unlabeled",
    ),
    "frames of words": ({}, {"frames": "axes"}, "frames must be an array of numbers"),
    "long frames": ({}, {"frames": 1.01 * FRAMES}, "orthonormal columns; those of row 0"),
    "skew frames": (
        {},
        {"frames": FRAMES[:, :, [0, 0]]},
        "orthonormal",
    ),
    "NaN in frames": ({}, {"frames": with_entry(FRAMES, np.nan, 7)}, "orthonormal.*row 7"),
    "frames of no dimension": ({}, {"frames": FRAMES[:, :, :0]}, "frames are of dimension 0"),
    "frames of too many": ({}, {"frames": np.ones((60, 3, 4))}, "frames are of dimension 4"),
    "frames against manifold_dim": (
        {"manifold_dim": 1},
        {"frames": FRAMES},
        "dimension 2.*manifold_dim=1",
    ),
    "faces of a point beyond": ({}, {"faces": [*FACES, [0, 1, 60]]}, "faces must.*60 vertices"),
    "faces with a vertex twice": ({}, {"faces": [*FACES, [0, 1, 1]]}, "faces must name three"),
    "faces of four": ({}, {"faces": [[0, 1, 2, 3]]}, r"shape \(n_faces, 3\)"),
    "faces that leave points out": (
        {},
        {"faces": FACES, "X_unlabeled": TASK.X_new},
        "all 80 vertices, but 20 are in no face",
    ),
    "faces in four dimensions": (
        {},
        {"X": np.column_stack((X, X[:, 0])), "faces": FACES},
        "faces need points in space: X has 4 features",
    ),
    "faces of a point twice": (
        {},
        {"X": with_entry(X, X[0], 1, slice(None)), "faces": FACES},
        "1 duplicates",
    ),
    "faces and a graph": ({}, {"faces": FACES, "graph": GRAPH}, "faces and graph"),
    "graph of other points": ({}, {"graph": GRAPH[:50]}, r"\(60, 60\).*\(50, 60\)"),
    "graph without the unlabelled": (
        {},
        {"graph": GRAPH, "X_unlabeled": TASK.X_new},
        r"graph must have shape \(80, 80\)",
    ),
    "graph with negative weights": ({}, {"graph": -GRAPH}, "graph must.*at least 0"),
    "graph with NaN": ({}, {"graph": GRAPH * np.nan}, "graph must hold finite"),
    "graph with infinity": ({}, {"graph": GRAPH * np.inf}, "graph must hold finite"),
    "graph with directions": ({}, {"graph": kneighbors_graph(X, 8)}, "graph must be symmetric"),
    "graph without edges": ({}, {"graph": csr_array((60, 60))}, "graph must join points"),
    "graph of stored zeros": ({}, {"graph": GRAPH * 0.0}, "graph must join points"),
    "graph of loops": ({}, {"graph": eye_array(60)}, "graph must join points"),
    "graph by name": ({}, {"graph": "knn"}, "graph must be a matrix"),
    "graph of a point twice": (
        {},
        {"X": with_entry(X, X[0], 1, slice(None)), "graph": GRAPH},
        "1 duplicates",
    ),
}


@pytest.mark.parametrize(("params", "given", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(params, given, message):
    model = quick(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(**({"X": X, "y": Y} | given))
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize(
    "name", ["field", "kernel", "local_kernel", "missing_target", "eigen_solver"]
)
def test_unknown_words_are_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of RVGP must be .*'other'"):
        RVGP(**{name: "other"}).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("manifold_dim", 0),
        ("manifold_dim", 2.0),
        ("n_neighbors", 0),
        ("n_frame_neighbors", 0),
        ("n_eigenpairs", 0),
        ("nu", 0.0),
        ("noise", 0),
        ("noise", -1.0),
        ("n_landmarks", 0),
        ("max_exact", 0),
        ("n_restarts", -1),
        ("n_neighbors", "other"),
        ("noise", "other"),
    ],
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of RVGP must be"):
        RVGP(**{name: value}).fit(X, Y)


def test_a_device_that_is_not_there():
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=f"device='{beyond}'"):
        quick(device=beyond).fit(X, Y)


MODEL = quick("vector", kernel="tangent").fit(X, Y)


@pytest.mark.parametrize("method", ["predict", "transform", "sample_y"])
@pytest.mark.parametrize(
    ("points", "message"),
    [
        (X[:, :2], "X has 2 features, but RVGP is expecting 3"),
        (with_entry(X, np.nan), "X contains NaN"),
        (with_entry(X, np.inf), "X contains infinity"),
        (X[0], "Expected 2D array"),
        (X[:0], r"0 sample\(s\)"),
    ],
)
def test_bad_points_are_refused(method, points, message):
    with pytest.raises(ValueError, match=message):
        getattr(MODEL, method)(points)


def test_one_kind_of_spread_at_a_time():
    with pytest.raises(ValueError, match="At most one of return_std and return_cov"):
        MODEL.predict(X, return_std=True, return_cov=True)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5])
def test_bad_numbers_of_samples_are_refused(n_samples):
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        MODEL.sample_y(X, n_samples)


# Odd but sound.


def assert_works(model, points):
    """All outputs are finite and of the right shapes; their means and deviations."""
    mean, std, covariance = said(model, points)
    n_outputs = 1 if mean.ndim == 1 else mean.shape[1]
    draws, encoded = model.sample_y(points, 2), model.transform(points)
    for part in (mean, std, covariance, draws, encoded):
        assert np.isfinite(part).all()
    assert mean.shape == std.shape == draws.shape[:-1]
    assert covariance.shape == (len(points), n_outputs, n_outputs)
    assert encoded.shape[1] == len(model.get_feature_names_out())
    assert np.isfinite(model.log_marginal_likelihood())
    assert "<-" in model.evidence_table()
    return mean, std


@every_kernel
@pytest.mark.filterwarnings("ignore:Only .* of the energy of y is tangent")
@pytest.mark.parametrize("n_labels", [1, 2, 3, 5])
def test_very_few_points(n_labels, kernel):
    points, values = X[:n_labels], Y[:n_labels]
    for y in (values, values[:, 0], values[:, :2]):
        model = RVGP(kernel=kernel, random_state=0).fit(points, y)
        mean, _ = assert_works(model, np.concatenate((points, X)))
        assert np.abs(mean).max() <= 3 * np.abs(values).max()
    model = RVGP("vector", kernel=kernel, manifold_dim=2, random_state=0).fit(points, values)
    assert_works(model, np.concatenate((points, X)))
    assert model.nodes_.shape == points.shape


@every_kernel
def test_one_label_among_many_points(kernel):
    model = quick("vector", kernel=kernel, manifold_dim=2, noise=0.1).fit(X[:1], Y[:1], X)
    mean, std = assert_works(model, X)
    inside = model.frames_[0] @ model.frames_[0].T @ Y[0]
    assert_allclose(mean[0], inside, atol=0.2)
    if kernel != "spectral":  # whose prior is even on average only
        assert np.linalg.norm(std, axis=1).argmin() == 0


@every_kernel
def test_points_that_are_all_the_same(kernel):
    y = np.array([1.0, 2, 3, 4])
    mean, _ = assert_works(RVGP(kernel=kernel).fit(np.ones((4, 3)), y), np.ones((2, 3)))
    assert_allclose(mean, 2.5, atol=0.5)


@every_kernel
@pytest.mark.parametrize("manifold_dim", ["auto", 2])
def test_points_on_a_line(kernel, manifold_dim):
    steps = np.linspace(0, 1, 40)
    points, y = np.outer(steps, [1.0, 2, 3]), np.sin(5 * steps)
    model = quick(kernel=kernel, manifold_dim=manifold_dim).fit(points[::2], y[::2], points[1::2])
    mean, _ = assert_works(model, points)
    assert_allclose(mean, y, atol=0.1)
    along = np.outer(y, [1.0, 2, 3]) / np.sqrt(14)
    model = quick("vector", kernel=kernel, manifold_dim=1).fit(
        points[::2], along[::2], points[1::2]
    )
    mean, _ = assert_works(model, points)
    assert_allclose(mean, along, atol=0.05)
    assert_allclose(np.abs(model.frames_[:, :, 0] @ [1, 2, 3]), np.sqrt(14))


@every_kernel
def test_labels_that_are_all_the_same(kernel):
    for value in (7.0, 0.0, -1e-9):
        mean, std = assert_works(quick(kernel=kernel).fit(X, np.full(60, value)), TASK.X_new)
        assert_allclose(mean, value, atol=1e-8)
        assert std.max() < 0.1
    several = np.column_stack((Y[:, 0], np.full(60, 5.0)))
    mean, _ = assert_works(quick(kernel=kernel).fit(X, several), TASK.X_new)
    assert_allclose(mean[:, 1], 5)


@every_kernel
def test_a_field_of_nought(kernel):
    mean, _ = assert_works(quick("vector", kernel=kernel).fit(X, 0 * Y), TASK.X_new)
    assert_allclose(mean, 0, atol=1e-12)


@every_kernel
def test_features_that_say_nothing(kernel):
    """A coordinate that is 5 everywhere: the field is as it was without it."""
    flat, y = X[:, :2], Y[:, :2]
    plain = quick("vector", kernel=kernel, manifold_dim=2).fit(flat, y)
    more = quick("vector", kernel=kernel, manifold_dim=2).fit(
        np.column_stack((flat, np.full(60, 5.0))), np.column_stack((y, np.zeros(60)))
    )
    mean, _ = assert_works(more, np.column_stack((TASK.X_new[:, :2], np.full(20, 5.0))))
    assert_allclose(mean[:, :2], plain.predict(TASK.X_new[:, :2]), atol=0.05)
    assert_allclose(mean[:, 2], 0, atol=1e-6)


@every_kernel
def test_one_feature(kernel):
    line = np.linspace(0, 6, 60)[:, None]
    for y in (np.sin(line[:, 0]), np.sin(line)):
        mean, _ = assert_works(quick(kernel=kernel).fit(line[::2], y[::2], line[1::2]), line)
        assert_allclose(mean, y, atol=0.1)


@every_kernel
def test_whole_numbers(kernel):
    points, y = np.round(20 * X).astype(int), np.round(10 * Y).astype(int)
    found = quick("vector", kernel=kernel).fit(points, y).predict(points)
    expected = quick("vector", kernel=kernel).fit(points.astype(float), y.astype(float))
    assert_array_equal(found, expected.predict(points.astype(float)))


def test_data_frames_with_missing_labels():
    points = pd.DataFrame(X, columns=list("abc"))
    y = pd.DataFrame(MISSING, columns=list("uvw"))
    model = quick(kernel="tangent", **UNLABELED).fit(points, y)
    assert model.feature_names_in_.tolist() == list("abc")
    expected = quick(kernel="tangent", **UNLABELED).fit(X, MISSING)
    assert_allclose(model.predict(points), expected.predict(X))
    assert len(model.nodes_) == 60


def test_what_is_given_stays_as_it_was():
    given = [X.copy(), Y.copy(), TASK.X_new.copy(), TASK.frames.copy()]
    for array in given:
        array.flags.writeable = False
    model = quick("vector").fit(*given[:3], frames=given[3])
    said(model, given[2])
    for array, before in zip(given, (X, Y, TASK.X_new, TASK.frames), strict=True):
        assert_array_equal(array, before)
    graph = GRAPH.copy()
    quick("vector", kernel="spectral").fit(X, Y, graph=graph)
    assert (graph != GRAPH).nnz == 0


def test_a_graph_with_stored_zeros_stays_as_it_was():
    graph = csr_array(GRAPH)
    one, other = graph.nonzero()[0][0], graph.nonzero()[1][0]
    graph[one, other] = graph[other, one] = 0
    before = graph.indptr.copy(), graph.indices.copy(), graph.data.copy()
    quick("vector", kernel="tangent").fit(X, Y, graph=graph)
    for part, expected in zip((graph.indptr, graph.indices, graph.data), before, strict=True):
        assert_array_equal(part, expected)


def test_no_unlabelled_points():
    found = quick("vector", kernel="tangent").fit(X, Y, X_unlabeled=X[:0]).predict(TASK.X_new)
    assert_array_equal(found, MODEL.predict(TASK.X_new))


def test_arrays_in_columns():
    columns = map(np.asfortranarray, (X, Y))
    model = quick("vector", kernel="tangent").fit(*columns)
    found = model.predict(np.asfortranarray(TASK.X_new))
    assert_array_equal(found, MODEL.predict(TASK.X_new))


def test_a_small_output_beside_a_large_one():
    y = np.column_stack((1e-7 * X[:, 0], 1e7 * X[:, 1]))
    mean = quick("scalar", kernel="tangent").fit(X, y).predict(TASK.X_new)
    assert_allclose(mean / [1e-7, 1e7], TASK.X_new[:, :2], atol=0.02)


def test_points_beyond_measure():
    mean, std, covariance = said(MODEL, np.array([[1e200, 0, 0], [0, -1e300, 1e10]]))
    assert_allclose(mean, 0, atol=1e-12)
    prior = MODEL.hyperparameters_["tangent_scale"]
    assert_allclose((std**2).sum(1), 2 * prior**2)
    assert np.isfinite(covariance).all()


@pytest.mark.parametrize("flipped", [False, True])
def test_faces_may_turn_as_they_like(flipped):
    faces = FACES.copy()
    if flipped:
        faces[::2] = faces[::2, ::-1]
    model = quick("vector", kernel="spectral").fit(X, Y, faces=faces)
    expected = quick("vector", kernel="spectral").fit(X, Y, faces=FACES)
    assert_allclose(model.predict(TASK.X_new), expected.predict(TASK.X_new), atol=1e-8)
