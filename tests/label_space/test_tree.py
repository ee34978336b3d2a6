import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import dijkstra

from skmanifold.label_space._tree import nearest_marked, rooted_tree, tree_adjacency
from tests.label_space.known_spaces import LENGTHS, TREES, edge_lengths, parents

every_tree = pytest.mark.parametrize("kind", TREES)
every_length = pytest.mark.parametrize("lengths", LENGTHS)


def random_tree(kind, lengths, rng, n_nodes=60):
    """A tree rooted at some node, and its adjacency."""
    parent = parents(kind, n_nodes, rng)
    adjacency = tree_adjacency(parent, edge_lengths(lengths, parent, rng))
    return rooted_tree(adjacency, int(rng.integers(n_nodes))), adjacency


def below(parent, position):
    """Positions whose way up leads over one."""
    inside = {position}
    for each in range(len(parent)):  # parents come first
        if int(parent[each]) in inside:
            inside.add(each)
    return sorted(inside)


@every_length
def test_adjacency_has_both_directions_of_every_edge(lengths, rng):
    parent = parents("recursive", 40, rng)
    length = edge_lengths(lengths, parent, rng)
    adjacency = tree_adjacency(parent, length)
    child = np.flatnonzero(parent >= 0)
    assert adjacency.nnz == 2 * 39  # edges of length 0 too
    assert_array_equal(adjacency[child, parent[child]], length[child])
    assert_array_equal(adjacency[parent[child], child], length[child])


@every_tree
def test_subtrees_are_ranges(kind, rng):
    tree, _ = random_tree(kind, "floats", rng)
    assert_array_equal(np.sort(tree.position), np.arange(60))
    for position in range(60):
        assert below(tree.parent, position) == list(range(position, tree.end[position]))


@every_tree
@every_length
def test_parents_are_the_neighbors_above(kind, lengths, rng):
    tree, adjacency = random_tree(kind, lengths, rng)
    below_root = np.arange(1, 60)
    up = tree.parent[below_root]
    assert tree.parent[0] == tree.depth[0] == 0
    assert (up < below_root).all()
    node_at = np.argsort(tree.position)
    edges = set(zip(*adjacency.tocoo().coords, strict=True))
    ways_up = set(zip(node_at[below_root], node_at[up], strict=True))
    assert edges == ways_up | {(two, one) for one, two in ways_up}
    steps = adjacency[node_at[below_root], node_at[up]]
    assert_allclose(tree.depth[below_root], tree.depth[up] + steps)


@every_tree
@every_length
def test_path_lengths_are_those_of_dijkstra(kind, lengths, rng):
    tree, adjacency = random_tree(kind, lengths, rng)
    at = tree.position
    found = tree.path_lengths(at[:, None], at[None, :])
    assert_allclose(found, dijkstra(adjacency), rtol=1e-12, atol=1e-12)
    assert (np.diag(found) == 0).all()
    assert (found >= 0).all()
    assert_array_equal(found, found.T)


def test_path_lengths_broadcast(rng):
    tree, _ = random_tree("deep", "floats", rng)
    first, second = rng.integers(60, size=(2, 300))
    assert_array_equal(
        tree.path_lengths(first, second),
        tree.path_lengths(np.arange(60)[:, None], np.arange(60)[None])[first, second],
    )


@pytest.mark.parametrize("n_nodes", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_small_paths(n_nodes):
    tree = rooted_tree(tree_adjacency(np.arange(-1, n_nodes - 1), np.ones(n_nodes)), n_nodes // 2)
    nodes = np.arange(n_nodes)
    found = tree.path_lengths(tree.position[:, None], tree.position[None])
    assert_array_equal(found, np.abs(nodes[:, None] - nodes))


def test_a_long_path(rng):
    parent = parents("path", 100_000, rng)
    tree = rooted_tree(tree_adjacency(parent, np.ones(100_000)), int(np.flatnonzero(parent < 0)[0]))
    first, second = rng.integers(100_000, size=(2, 1000))
    assert_array_equal(tree.path_lengths(first, second), np.abs(first - second))
    assert (tree.end == 100_000).all()


@every_tree
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_nearest_marked_ancestor(kind, share, rng):
    tree, _ = random_tree(kind, "hops", rng)
    marked = rng.random(60) < share
    marked[0] = True
    found = nearest_marked(tree.parent, marked)
    for position in range(60):
        above = position
        while not marked[above]:
            above = tree.parent[above]
        assert found[position] == above


def test_nearest_marked_on_a_long_path():
    marked = np.arange(100_000) % 30_000 == 0
    found = nearest_marked(np.maximum(np.arange(-1, 99_999), 0), marked)
    assert_array_equal(found, np.arange(100_000) // 30_000 * 30_000)
