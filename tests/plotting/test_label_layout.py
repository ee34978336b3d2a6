import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist, squareform

from skmanifold.label_space import as_label_space
from skmanifold.plotting import _label_layout
from skmanifold.plotting._label_layout import label_layout

NOTHING = np.empty(0, dtype=np.intp)
STAR = {f"leaf {i}": "centre" for i in range(100)}
# Two parents for one label: a graph that is no tree.
DIAMOND = {"a": "top", "b": "top", "c": ["a", "b"]}


def layout_of(metric, labels="all", seen=NOTHING, marked=NOTHING):
    return label_layout(as_label_space(metric, labels), seen, marked)


def test_kinds():
    plane = {"a": [0.0, 1.0], "b": [2.5, 3.0]}
    assert layout_of({"a": "b"}).kind == "list"
    assert layout_of(STAR).kind == "circle"
    assert layout_of("ordinal", ["low", "high"]).kind == "line"
    assert layout_of("grid", (7,)).kind == "line"
    assert layout_of("grid", (4, 5)).kind == "grid"
    assert layout_of(plane).kind == "plane"
    assert layout_of("grid", (2, 2, 2)).kind == "scaled"
    assert layout_of(1 - np.eye(3), ["a", "b", "c"]).kind == "scaled"
    assert layout_of(DIAMOND).kind == "scaled"


def test_grid_is_printed_like_a_matrix():
    layout = layout_of("grid", (3, 4))
    row, column = np.divmod(np.arange(12), 4)
    assert_array_equal(layout.positions, np.column_stack([column, row]))
    # Points that are cells, but labels that are not their numbers, are points.
    points = {i: [float(r), float(c)] for i, r, c in zip(range(1, 13), row, column, strict=True)}
    layout = layout_of(points)
    assert layout.kind == "plane"
    assert_array_equal(layout.positions, np.column_stack([row, column]))


@pytest.mark.parametrize("kind", ["matrix", "callable"])
def test_distances_in_the_plane_are_found_again(kind, rng):
    points = rng.normal(size=(30, 2))
    apart = squareform(pdist(points))
    metric = apart if kind == "matrix" else lambda a, b: apart[np.ix_(a, b)]
    layout = layout_of(metric, np.arange(30))
    assert_allclose(pdist(layout.positions), pdist(points), atol=0.02)


def test_siblings_are_told_apart():
    graph = STAR | {"leaf 0": ["centre", "other"], "other": "centre"}
    layout = layout_of(graph)
    assert layout.kind == "scaled"
    assert pdist(layout.positions).min() > 1e-3


def test_edges_of_graphs_join_neighbours():
    space = as_label_space(DIAMOND)
    layout = label_layout(space, NOTHING, NOTHING)
    ends = [
        {str(space.names[np.argmin(np.abs(layout.positions - end).sum(axis=1))]) for end in line}
        for line in layout.lines
    ]
    assert sorted(map(sorted, ends)) == [["a", "c"], ["a", "top"], ["b", "c"], ["b", "top"]]
    assert not layout.used.any()


def test_too_many_edges_are_left_out(monkeypatch):
    monkeypatch.setattr(_label_layout, "MAX_EDGES", 3)
    assert len(layout_of(DIAMOND).lines) == 0


def test_used_lines_join_the_seen():
    tree = {"a": "top", "b": "top", "c": "top", "d": "c"}
    space = as_label_space(tree)
    layout = label_layout(space, space.nodes_of(["a", "c"]), NOTHING)
    used = {str(space.names[node]) for node in layout.nodes[1:][layout.used]}
    assert used == {"a", "c"}


def test_of_a_large_tree_only_paths_between_marked_labels(monkeypatch):
    monkeypatch.setattr(_label_layout, "MAX_WHOLE_TREE", 10)
    space = as_label_space(STAR | {"centre": "above", "leaf 7 child": "leaf 7"})
    marked = space.nodes_of(["leaf 3", "leaf 7 child"])
    layout = label_layout(space, marked, marked)
    names = set(space.names[layout.nodes].tolist())
    assert names == {"centre", "leaf 3", "leaf 7", "leaf 7 child"}
    assert layout.kind == "list"
    assert layout.used.all()
    assert len(label_layout(space, NOTHING, NOTHING).nodes) == 103


@pytest.mark.parametrize("n_marked", [0, 3, 20, 30])
def test_of_many_labels_the_marked_are_scaled(monkeypatch, rng, n_marked):
    monkeypatch.setattr(_label_layout, "MAX_SCALED", 20)
    monkeypatch.setattr(_label_layout, "MAX_REFINED", 10)
    marked = rng.permutation(100)[:n_marked]
    layout = layout_of(rng.normal(size=(100, 3)), np.arange(100), marked=marked)
    assert len(np.unique(layout.nodes)) == len(layout.nodes) == 20
    assert np.isin(marked[:20], layout.nodes).all()
    assert layout.positions.shape == (20, 2)
