import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.label_space._ordered_input import grid_space, ordinal_space


def table(space, names):
    """Distances between labels in an order of ours."""
    nodes = space.nodes_of(names)
    return space.distances(nodes, nodes)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([4, 1, 4, 2], [1, 2, 3, 4]),
        (np.array([3, 1], dtype=np.uint8), [1, 2, 3]),
        ([0.5, -1.0, 0.5], [-1.0, 0.5]),
        ([True, False, True], [False, True]),
    ],
)
def test_labels_that_y_implies(y, expected):
    space = ordinal_space("all", y)
    assert_array_equal(space.labels, expected)
    values = np.array(expected, dtype=float)
    assert_allclose(table(space, expected), np.abs(values[:, None] - values))


def test_numbers_given_are_the_labels():
    space = ordinal_space([10, 0, 4], [0])
    assert_array_equal(space.labels, [0, 4, 10])
    assert_array_equal(table(space, [10, 0, 4])[0], [0, 10, 6])


def test_strings_are_ranked_as_given():
    space = ordinal_space(["low", "middle", "high"], None)
    assert_array_equal(table(space, ["low", "middle", "high"])[0], [0, 1, 2])
    assert_array_equal(space.labels, ["high", "low", "middle"])


@pytest.mark.parametrize(
    ("labels", "y", "match"),
    [
        ("all", ["a", "b"], "cannot know the order of strings"),
        ("all", None, "needs labels, where there is no y"),
        ("leaves", [1, 2], "labels='all' or an array of labels, got labels='leaves'"),
        ("all", [0, 10**12], "every integer from 0 to 1000000000000"),
        ([1, 2, 1], None, "labels must be distinct; there more than once: 1"),
        ("all", [1.0, np.nan], "y holds a missing value at position 1"),
    ],
)
def test_no_order(labels, y, match):
    with pytest.raises(ValueError, match=match):
        ordinal_space(labels, y)


@pytest.mark.parametrize("shape", [(3, 4), (5,), [2, 3, 2], np.array([2, 2])])
def test_cells_are_numbered_row_by_row(shape):
    space = grid_space(shape)
    assert_array_equal(space.labels, np.arange(np.prod(shape)))
    cells = np.array(list(np.ndindex(*shape)))
    expected = np.linalg.norm(cells[:, None] - cells, axis=2)
    numbers = np.ravel_multi_index(cells.T, shape)
    assert_allclose(table(space, numbers), expected, atol=1e-12)


@pytest.mark.parametrize("shape", ["all", None, 8, (), (8, 0), (2.5, 3), ("8", "8")])
def test_no_grid(shape):
    with pytest.raises(ValueError, match="needs the shape of the grid, such as labels"):
        grid_space(shape)
