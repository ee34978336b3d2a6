import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from skmanifold.graph import component_labels, describe_components
from tests.graph.known_graphs import from_edges, path


def test_largest_first_then_by_first_row():
    # Parts {0}, {1, 4}, {2, 5, 6}, {3, 7}
    graph = from_edges(8, np.array([1, 2, 5, 3]), np.array([4, 5, 6, 7]))
    assert_array_equal(component_labels(graph), [3, 1, 0, 2, 1, 0, 0, 2])


def test_one_part():
    assert_array_equal(component_labels(path(6)), np.zeros(6))


def test_no_edges():
    assert_array_equal(component_labels(csr_array((4, 4))), [0, 1, 2, 3])


@pytest.mark.parametrize("seed", range(3))
def test_same_partition_as_scipy(seed):
    rng = np.random.default_rng(seed)
    graph = from_edges(60, rng.integers(60, size=30), rng.integers(60, size=30))
    labels, expected = component_labels(graph), connected_components(graph)[1]
    assert_array_equal(labels[:, None] == labels, expected[:, None] == expected)
    assert (np.diff(np.bincount(labels)) <= 0).all()


def test_permuting_nodes_permutes_parts_of_different_size(rng):
    graph = from_edges(6, np.array([0, 1, 3]), np.array([1, 2, 4]))
    order = rng.permutation(6)
    assert_array_equal(component_labels(graph[order][:, order]), component_labels(graph)[order])


def test_one_direction_is_enough():
    one_way = csr_array(np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert_array_equal(component_labels(one_way), [0, 0])


def test_words():
    assert describe_components(np.array([1, 0, 0, 0, 1])) == (
        "2 components of sizes 3 (row 1 and others), 2 (row 0 and others)"
    )


def test_words_for_a_single_row():
    text = describe_components(np.array([0, 0, 1]))
    assert text == "2 components of sizes 2 (row 0 and others), 1 (row 2)"


def test_words_for_many_parts():
    labels = np.repeat(np.arange(8), 2)
    text = describe_components(labels, most=3)
    assert text.startswith("8 components of sizes 2 (row 0 and others), 2 (row 2 and others)")
    assert text.endswith("2 (row 4 and others) and 5 smaller ones")
    assert "smaller" not in describe_components(labels, most=8)
