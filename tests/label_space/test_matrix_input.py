import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skmanifold.label_space._matrix_input import (
    array_space,
    callable_space,
    check_distances,
    frame_space,
    is_vector,
    vectors_space,
)
from skmanifold.label_space._spaces import CallableSpace, EuclideanSpace, MatrixSpace

NAMES = np.array(["d", "b", "a", "c"])


@pytest.fixture
def points(rng):
    return rng.normal(size=(4, 3))


@pytest.fixture
def distances(points):
    return cdist(points, points)


def table(space, names=NAMES):
    """Distances between labels in an order of ours."""
    nodes = space.nodes_of(names)
    return space.distances(nodes, nodes)


def changed(distances, entries):
    """The matrix with other entries, given as {(row, column): value}."""
    distances = distances.copy()
    for place, value in entries.items():
        distances[place] = value
    return distances


def test_every_table_gives_the_distances(points, distances):
    pandas = pytest.importorskip("pandas")
    shuffled = pandas.DataFrame(distances, NAMES, NAMES).loc[:, sorted(NAMES)]
    spaces = [
        (array_space(distances, NAMES), MatrixSpace),
        (array_space(distances.tolist(), NAMES.tolist()), MatrixSpace),
        (frame_space(shuffled, "all"), MatrixSpace),
        (array_space(points, NAMES), EuclideanSpace),
        (frame_space(pandas.DataFrame(points, NAMES), "all"), EuclideanSpace),
        (vectors_space(dict(zip(NAMES, points, strict=True)), "all"), EuclideanSpace),
        (vectors_space(dict(zip(NAMES, points.tolist(), strict=True)), "all"), EuclideanSpace),
    ]
    for space, kind in spaces:
        assert type(space) is kind
        assert_array_equal(space.labels, np.sort(NAMES))
        assert_allclose(table(space), distances, atol=1e-12)


def test_shuffling_rows_with_their_labels_changes_nothing(distances, rng):
    order = rng.permutation(4)
    shuffled = array_space(distances[np.ix_(order, order)], NAMES[order])
    assert_array_equal(table(shuffled), table(array_space(distances, NAMES)))


@pytest.mark.parametrize("as_read", [np.asarray, np.asfortranarray])
def test_what_comes_in_is_neither_written_to_nor_shared(points, distances, as_read):
    for values in (as_read(points), as_read(changed(distances, {(1, 1): 1e-9}))):
        values.setflags(write=False)
        space, before = array_space(values, NAMES), values.copy()
        expected = table(space).copy()
        values.setflags(write=True)
        assert_array_equal(values, before)
        values[:] = 7
        assert_array_equal(table(space), expected)


@pytest.mark.parametrize(
    ("given", "kept"), [("f4", "f4"), ("f8", "f8"), (">f4", "f8"), ("i2", "f8")]
)
def test_precision(points, given, kept):
    assert array_space(points.astype(given), NAMES).points.dtype == np.dtype(kept)


def test_rounding_is_put_right(distances):
    rounded = {(1, 1): 1e-9, (2, 2): -1e-9, (0, 3): -1e-9, (3, 0): 0.0}
    space = array_space(changed(distances, rounded), NAMES)
    assert_array_equal(table(space).diagonal(), np.zeros(4))
    assert table(space)[0, 3] == 0


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({(0, 2): -1.0}, "not be negative; got -1.0 from 'd' to 'a'"),
        ({(0, 2): np.nan}, "must be finite; got nan from 'd' to 'a'"),
        ({(0, 2): np.inf, (2, 0): np.inf}, "must be finite; got inf from 'd' to 'a'"),
        ({(1, 1): 0.5}, "distance 0.5 from 'b' to itself"),
        ({(3, 1): 9.0}, "must be symmetric.*9.0 from 'c' to 'b'"),
    ],
)
def test_matrices_that_hold_no_distances(distances, entries, match):
    with pytest.raises(ValueError, match=match):
        array_space(changed(distances, entries), NAMES)


def test_wrong_entries_are_found_in_every_block_of_rows(monkeypatch):
    monkeypatch.setattr(
        "skmanifold.label_space._matrix_input.row_chunks",
        lambda n_rows, _: [slice(row, row + 1) for row in range(n_rows)],
    )
    distances = np.ones((5, 5)) - np.eye(5)
    check_distances(np.arange(5), distances)
    with pytest.raises(ValueError, match=r"2.0 from 3 to 4 \(1.0 back"):
        check_distances(np.arange(5), changed(distances, {(3, 4): 2.0}))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros(4), r"two-dimensional.*got the shape \(4,\)"),
        (np.full((4, 2), "a"), "must hold numbers, got the dtype <U1"),
        (np.full((4, 2), "a", dtype=object), "must hold numbers"),
        ([[0, 1], [1]], "rows of equal length"),
        (np.zeros((4, 0)), "vectors of length 0"),
        (np.full((4, 2), np.nan), "NaN or infinity in the vectors of 'd', 'b', 'a', 'c'"),
        (np.zeros((4, 4), dtype=complex), "must hold numbers, got the dtype complex128"),
        (np.zeros((3, 3)), "labels must name each of the 3 rows"),
    ],
)
def test_arrays_that_are_no_table(values, match):
    with pytest.raises(ValueError, match=match):
        array_space(values, NAMES)


@pytest.mark.parametrize("columns", [["d", "b", "a", "e"], ["x", "b", "a", "c"]])
def test_a_frame_must_have_all_labels_in_both_places(distances, columns):
    pandas = pytest.importorskip("pandas")
    missing, extra = (set(NAMES) - set(columns)).pop(), (set(columns) - set(NAMES)).pop()
    with pytest.raises(ValueError, match=f"Not in the columns: '{missing}'.*index: '{extra}'"):
        frame_space(pandas.DataFrame(distances, NAMES, columns), "all")


def test_a_frame_whose_columns_became_strings(distances):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="with 0 in its index and '0' in its columns"):
        frame_space(pandas.DataFrame(distances, range(4), list("0123")), "all")


def test_a_frame_of_distances_without_labels_in_its_columns(distances):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"set frame.columns = frame.index"):
        frame_space(pandas.DataFrame(distances, NAMES), "all")


@pytest.mark.parametrize(
    ("index", "columns", "match"),
    [
        (list("aab"), list("abc"), "index of label_metric must be distinct.*'a'"),
        (list("abc"), list("abcc"), "columns of the same label"),
    ],
)
def test_a_frame_with_a_label_twice(index, columns, match):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.zeros((len(index), len(columns))), index, columns)
    with pytest.raises(ValueError, match=match):
        frame_space(frame, "all")


@pytest.mark.parametrize(
    ("vectors", "match"),
    [
        ({"a": [0.5, 1.0], "b": [0.5]}, r"is \(1,\) for 'b' and \(2,\) for 'a'"),
        ({"a": np.zeros((2, 2))}, r"is \(2, 2\) for 'a'"),
        ({"a": [0.5], "b": "a"}, r"label_metric\['b'\] must hold numbers"),
        ({"a": [0.5], "b": [np.inf]}, "NaN or infinity in the vectors of 'b'"),
    ],
)
def test_mappings_that_hold_no_vectors(vectors, match):
    with pytest.raises(ValueError, match=match):
        vectors_space(vectors, "all")


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        (np.array([1, 2]), 3, True),
        ([0.5, 2], 3, True),
        ([0, 1], "a", True),
        ([1, 2], 3, False),
        (["b", "c"], "a", False),
        (np.array(["b", "c"]), "a", False),
        ({1, 2}, 3, False),
        (2.0, 3, False),
        (np.float64(2), 3, False),
        (None, 3, False),
        ([], "a", False),
    ],
)
def test_vectors_are_told_from_parents(value, key, expected):
    assert is_vector(value, key) is expected


def test_a_callable_gets_labels():
    def metric(A, B):
        assert A.dtype.kind == B.dtype.kind == "U"
        return np.abs(np.char.str_len(A)[:, None] - np.char.str_len(B))

    space = callable_space(metric, ["aaaa", "a", "aa"])
    assert type(space) is CallableSpace
    assert_array_equal(table(space, ["a", "aa", "aaaa"]), [[0, 1, 3], [1, 0, 2], [3, 2, 0]])


def test_a_callable_is_tried_on_few_labels():
    asked = []

    def metric(A, B):
        asked.extend([*A, *B])
        return np.abs(A[:, None] - B)

    callable_space(metric, np.arange(10_000))
    assert {0, 9_999} <= set(asked)
    assert len(set(asked)) <= 50


@pytest.mark.parametrize(
    ("metric", "match"),
    [
        (lambda A, B: np.ones((len(A), len(B))), "distance 1.0 from 0 to itself"),
        (lambda A, B: A[:, None] - B, "not be negative; got -1.0 from 0 to 1"),
        (lambda A, B: np.abs(A[:, None] - B).T, r"for 1 and 3 labels it returned \(3, 1\)"),
        (lambda A, B: 0.0, r"returned \(\)"),
        (lambda A, B: [["far"] * len(B)] * len(A), "What label_metric returns must hold numbers"),
        (lambda A, B: np.maximum(A[:, None] - B, 0.0), "must be symmetric"),
    ],
)
def test_callables_that_give_no_distances(metric, match):
    with pytest.raises(ValueError, match=match):
        callable_space(metric, [0, 1, 2])
