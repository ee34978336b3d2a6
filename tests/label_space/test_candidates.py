import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.label_space._candidates import candidate_nodes, row_names

NAMES = np.array(["d", "", "b", "a", "c"])
LEAVES = np.array([True, True, False, True, False])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [("all", ["a", "b", "c", "d"]), ("leaves", ["a", "d"]), (["d", "b"], ["b", "d"])],
)
def test_ascending_labels_without_the_nameless(labels, expected):
    assert_array_equal(NAMES[candidate_nodes(NAMES, labels, LEAVES)], expected)


@pytest.mark.parametrize(
    ("labels", "leaves", "match"),
    [
        ("leaves", None, "labels='leaves' needs a tree or a graph"),
        ("leaf", LEAVES, "'all', 'leaves' or an array of labels, got 'leaf'"),
        ("leaves", np.zeros(5, dtype=bool), "labels='leaves' gives no label"),
        (["a", "x"], LEAVES, "labels holds labels that the label metric does not know: 'x'"),
        (["a", "b", "a"], LEAVES, "labels must be distinct; there more than once: 'a'"),
        ([], LEAVES, "labels is empty"),
    ],
)
def test_what_labels_may_not_be(labels, leaves, match):
    with pytest.raises(ValueError, match=match):
        candidate_nodes(NAMES, labels, leaves)


def test_rows_keep_their_order():
    assert_array_equal(row_names(["b", "a"], 2, "an array"), ["b", "a"])


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ("all", "label_metric, an array, has no names of its own.*got labels='all'"),
        (None, "got labels=None"),
        (["a"], "each of the 2 rows of label_metric, an array; got 1 labels"),
        (["a", "a"], "labels must be distinct"),
    ],
)
def test_rows_need_names(labels, match):
    with pytest.raises(ValueError, match=match):
        row_names(labels, 2, "an array")
