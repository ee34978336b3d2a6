import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from skmanifold.label_space._parse import as_label_space
from skmanifold.label_space._spaces import (
    CallableSpace,
    EuclideanSpace,
    GraphSpace,
    MatrixSpace,
    TreeSpace,
)

# The numbers 0 to 3 on a line, in every way of saying so
LINE = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
NUMBERS = [0, 1, 2, 3]


def frame(values, columns=None):
    return pytest.importorskip("pandas").DataFrame(values, NUMBERS, columns)


def path_graph():
    return pytest.importorskip("networkx").path_graph(4)


@pytest.mark.parametrize(
    ("make", "labels", "kind"),
    [
        (lambda: LINE, NUMBERS, MatrixSpace),
        (lambda: LINE.tolist(), NUMBERS, MatrixSpace),
        (lambda: np.arange(4)[:, None], NUMBERS, EuclideanSpace),
        (lambda: frame(LINE, NUMBERS), "all", MatrixSpace),
        (lambda: frame(np.arange(4.0)[:, None], ["x"]), "all", EuclideanSpace),
        (path_graph, "all", TreeSpace),
        (lambda: csr_array(np.triu(LINE) * (LINE == 1)), NUMBERS, TreeSpace),
        (lambda: csr_array(LINE), NUMBERS, GraphSpace),
        (lambda: {0: 1, 1: 2, 2: 3}, "all", TreeSpace),
        (lambda: {0: None, 1: [0], 2: {1}, 3: (2,)}, "all", TreeSpace),
        (lambda: {number: np.array([number]) for number in NUMBERS}, "all", EuclideanSpace),
        (lambda: {number: [float(number)] for number in NUMBERS}, "all", EuclideanSpace),
        (lambda: "ordinal", "all", EuclideanSpace),
        (lambda: "ordinal", NUMBERS, EuclideanSpace),
        (lambda: "grid", (4,), EuclideanSpace),
        (lambda: lambda A, B: np.abs(A[:, None] - B), NUMBERS, CallableSpace),
    ],
)
def test_every_way_of_giving_a_metric(make, labels, kind):
    space = as_label_space(make(), labels, y_labels=[3, 0])
    assert type(space) is kind
    assert space.labels.dtype == np.int64
    assert_array_equal(space.labels, NUMBERS)
    assert_allclose(space.distances(space.nodes_of([3, 1, 2])), LINE[[3, 1, 2]], atol=1e-12)


def test_newick():
    space = as_label_space(" (((0)1)2)3;\n")
    assert type(space) is TreeSpace
    assert_array_equal(space.distances(space.candidates), LINE)
    with pytest.raises(ValueError, match="y holds the integer 0; the label metric knows the str"):
        space.nodes_of([0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: frame(LINE, NUMBERS),
        lambda: frame(np.arange(4.0)[:, None], ["x"]),
        path_graph,
        lambda: {0: 1, 1: 2, 2: 3},
        lambda: {number: [float(number)] for number in NUMBERS},
    ],
)
def test_labels_choose_what_may_be_predicted(make):
    space = as_label_space(make(), [2, 0])
    assert_array_equal(space.labels, [0, 2])
    assert_allclose(space.distances(space.nodes_of([3])), [[3, 1]])  # seen, though not predicted
    with pytest.raises(ValueError, match=r"labels holds labels .* not know: 9"):
        as_label_space(make(), [0, 9])


@pytest.mark.parametrize(
    ("make", "leaves"), [(path_graph, [0, 3]), (lambda: {0: 1, 1: 2, 2: 3}, [0])]
)
def test_leaves(make, leaves):
    assert_array_equal(as_label_space(make(), "leaves").labels, leaves)


@pytest.mark.parametrize(
    "make", [lambda: frame(LINE, NUMBERS), lambda: {"a": [0.5]}, lambda: "ordinal"]
)
def test_leaves_of_what_has_none(make):
    with pytest.raises(ValueError, match=r"labels='leaves'|labels='all' or"):
        as_label_space(make(), "leaves", y_labels=[0, 1])


@pytest.mark.parametrize(
    "label_metric",
    [LINE, LINE[:, :2], csr_array(LINE), lambda A, B: np.abs(A[:, None] - B)],
    ids=["distances", "points", "sparse", "callable"],
)
def test_nameless_metrics_need_labels(label_metric):
    with pytest.raises(ValueError, match="has no names of its own"):
        as_label_space(label_metric)


@pytest.mark.parametrize("text", ["ordinal ", "tree", "(a,b)", "", "x" * 100])
def test_strings_that_mean_nothing(text):
    with pytest.raises(ValueError, match="must be 'ordinal', 'grid' or a tree in Newick"):
        as_label_space(text)
