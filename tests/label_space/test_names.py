import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.label_space._names import as_labels, check_distinct, is_missing, locate, show


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (["b", "a"], "<U1"),
        (np.array(["b", "long name"], dtype=object), "<U9"),
        ((np.str_("b"), "a"), "<U1"),
        ([2, 1], np.int64),
        (np.array([2, 1], dtype=np.uint8), np.int64),
        (np.array([2, np.int32(1)], dtype=object), np.int64),
        ([2.5, 1.0], np.float64),
        ([np.float32(2.5), 1], np.float64),
        ([True, False], bool),
        (range(3), np.int64),
        ({"b": 0, "a": 1}, "<U1"),
    ],
)
def test_labels_of_one_kind_keep_order_and_value(labels, dtype):
    names = as_labels(labels, "labels")
    assert names.dtype == dtype
    assert names.tolist() == list(labels)


def test_whole_floats_among_integers_are_integers():
    # As they come from a column of integers in which values were missing
    assert as_labels([1, 2.0], "labels").dtype == np.int64


@pytest.mark.parametrize(
    "labels", [["a", "b"], np.array(["a", "b"], dtype=object), np.array(["a", "b"], dtype="U5")]
)
def test_pandas_columns_are_read_as_arrays_are(labels):
    pandas = pytest.importorskip("pandas")
    for column in (pandas.Series(labels), pandas.Index(labels), pandas.Categorical(labels)):
        assert_array_equal(as_labels(column, "labels"), ["a", "b"])


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["a", 1], "labels mixes types: the integer 1 and the string 'a'"),
        (["a", 1.5, 2], "the float 1.5 and the integer 2 and the string 'a'"),
        ([], "labels is empty"),
        (["a", None], "missing value at position 1: None"),
        (["a", np.nan], "missing value at position 1: nan"),
        ([1.0, np.nan], "missing value at position 1"),
        (np.array([1.0, np.inf]), "missing or infinite value at position 1: inf"),
        (["a", ""], "empty string at position 1"),
        ([("a", 1)], r"strings or numbers, got \('a', 1\)"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "strings or numbers, got datetime64"),
        ([["a"], ["b"]], "strings or numbers"),
        (np.array([["a"]]), r"one-dimensional, got an array of shape \(1, 1\)"),
        ("abc", "array of labels, got 'abc'"),
        (3, "array of labels, got 3"),
        ([2**70], "beyond 64 bits"),
        (np.array([2**63], dtype=np.uint64), "beyond 64 bits"),
    ],
)
def test_what_can_be_no_label(labels, match):
    with pytest.raises(ValueError, match=match):
        as_labels(labels, "labels")


@pytest.mark.parametrize("value", [None, np.nan, np.float32("nan"), ""])
def test_missing(value):
    assert is_missing(value)


def test_missing_in_pandas():
    pandas = pytest.importorskip("pandas")
    assert is_missing(pandas.NA)
    assert is_missing(pandas.NaT)


@pytest.mark.parametrize("value", [0, False, "nan", 0.0, "None"])
def test_not_missing(value):
    assert not is_missing(value)


def test_distinct_names_pass_and_nameless_nodes_do_not_count():
    check_distinct(np.array(["a", "", "b", ""]), "labels")
    with pytest.raises(ValueError, match="y must be distinct; there more than once: 3, 1"):
        check_distinct(np.array([3, 1, 3, 2, 1]), "y")


@pytest.mark.parametrize("kind", [str, int, float])
def test_locate_undoes_indexing(kind, rng):
    names = np.array([kind(number) for number in rng.permutation(50)])
    nodes = rng.integers(50, size=80)
    assert_array_equal(locate(names, names[nodes], "y"), nodes)


@pytest.mark.parametrize("labels", [[3.0, 1.0], np.array([3, 1], dtype=np.uint8), [3, True]])
def test_numbers_are_compared_by_value(labels):
    assert_array_equal(locate(np.array([1, 2, 3]), labels, "y"), [2, 0])


@pytest.mark.parametrize(
    ("names", "labels", "match"),
    [
        (["3", "a"], [3], "y holds the integer 3; the label metric knows the string '3'"),
        ([1, 3], ["3"], "y holds the string '3'; the label metric knows the integer 3"),
        (["0.5"], [0.5], "y holds the float 0.5; the label metric knows the string '0.5'"),
        (["True"], [True], "y holds the boolean True; the label metric knows the string"),
        (["a"], ["z", "b", "a"], "y holds labels that the label metric does not know: 'b', 'z'"),
        ([1, 2], [2.5], r"does not know: 2.5. It knows 2 labels, such as 1, 2\."),
        (["a", ""], ["b"], r"It knows 1 labels, such as 'a'\."),
        (["a"], list("tuvwxyz"), "'t', 'u', 'v', 'w', 'x' and 2 more"),
    ],
)
def test_unknown_labels_are_named(names, labels, match):
    with pytest.raises(ValueError, match=match):
        locate(np.array(names), labels, "y")


def test_a_nameless_node_is_never_found():
    with pytest.raises(ValueError, match="empty string"):
        locate(np.array(["a", ""]), ["a", ""], "y")


def test_numpy_scalars_are_shown_plainly():
    assert show(np.arange(3)) == "0, 1, 2"
    assert show([np.str_("a"), "b", "c"], most=2) == "'a', 'b' and 1 more"
