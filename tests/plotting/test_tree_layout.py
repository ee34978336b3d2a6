import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.label_space import TreeSpace
from skmanifold.plotting._tree_layout import indented, on_paths, ordered_tree, part_of, radial


def random_tree(seed, n_nodes=40):
    """A tree whose nodes come in no order, as a label space, and its layout order."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(n_nodes)
    parent = np.full(n_nodes, -1)
    parent[shuffled[1:]] = shuffled[[rng.integers(0, i) for i in range(1, n_nodes)]]
    length = np.where(parent < 0, 0.0, rng.uniform(0.5, 2, n_nodes))
    nodes = np.arange(n_nodes)
    space = TreeSpace(nodes, parent, length, nodes)
    return space, ordered_tree(space.adjacency, int(shuffled[0]))


seeds = pytest.mark.parametrize("seed", range(4))


def ancestors(tree, at):
    while at:
        at = tree.parent[at]
        yield at


@seeds
def test_order_keeps_the_tree(seed):
    space, tree = random_tree(seed)
    assert_array_equal(np.sort(tree.nodes), np.arange(40))
    assert_array_equal(tree.nodes[tree.parent[1:]], space.parent[tree.nodes[1:]])
    root = tree.nodes[:1]
    assert_allclose(tree.depth, space.distances(root, tree.nodes)[0])
    for at in range(40):
        below = [other for other in range(40) if other == at or at in ancestors(tree, other)]
        assert below == list(range(at, tree.end[at]))


@seeds
@pytest.mark.parametrize("n_marked", [0, 1, 2, 5])
def test_paths_are_where_detours_are_none(seed, n_marked, rng):
    space, tree = random_tree(seed)
    marked = rng.permutation(40) < n_marked
    distances = space.distances(tree.nodes, tree.nodes)
    ends = np.flatnonzero(marked)
    detour = [
        distances[ends, at][:, None] + distances[ends, at] - distances[np.ix_(ends, ends)]
        for at in range(40)
    ]
    expected = [bool((each < 1e-9).any()) for each in detour]
    assert_array_equal(on_paths(tree, marked), expected)


@seeds
def test_part_is_the_tree_on_fewer_nodes(seed, rng):
    space, tree = random_tree(seed)
    kept = on_paths(tree, rng.permutation(40) < 6)
    part = part_of(tree, kept)
    assert_array_equal(part.nodes, tree.nodes[kept])
    assert_array_equal(part.nodes[part.parent[1:]], space.parent[part.nodes[1:]])
    assert part.parent[0] == 0
    assert_allclose(part.depth, space.distances(part.nodes[:1], part.nodes)[0])
    for at in range(len(part.nodes)):
        below = [at, *(i for i in range(len(part.nodes)) if at in ancestors(part, i))]
        assert len(below) == part.end[at] - at


@seeds
def test_rows_are_read_like_folders(seed):
    _, tree = random_tree(seed)
    positions, lines = indented(tree)
    assert_allclose(positions[:, 0], tree.depth)
    assert_array_equal(positions[:, 1], -np.arange(40))
    assert_array_equal(lines[:, 0], positions[tree.parent[1:]])
    assert_array_equal(lines[:, 2], positions[1:])
    down, across = lines[:, 1] - lines[:, 0], lines[:, 2] - lines[:, 1]
    assert_array_equal(down[:, 0], 0)
    assert_array_equal(across[:, 1], 0)


@seeds
def test_no_line_runs_through_a_name(seed):
    """Names stand to the right of their nodes, and so do all nodes of a subtree of its line."""
    _, tree = random_tree(seed)
    positions, lines = indented(tree)
    for line in lines:
        rows = positions[(positions[:, 1] < line[0, 1]) & (positions[:, 1] >= line[2, 1])]
        assert np.all(rows[:, 0] > line[0, 0])


@seeds
def test_radius_is_the_distance_from_the_root(seed):
    _, tree = random_tree(seed)
    positions, lines = radial(tree)
    assert_allclose(np.linalg.norm(positions, axis=1), tree.depth)
    assert_array_equal(lines[:, 0], positions[tree.parent[1:]])
    assert_array_equal(lines[:, 1], positions[1:])


@seeds
def test_leaves_share_the_circle_and_subtrees_have_sectors(seed):
    _, tree = random_tree(seed)
    x, y = radial(tree)[0].T
    angle = np.arctan2(x, y) % (2 * np.pi)
    is_leaf = tree.end - np.arange(40) == 1
    assert_allclose(np.diff(angle[is_leaf]), 2 * np.pi / is_leaf.sum())
    for at in range(1, 40):
        leaves = angle[at : tree.end[at]][is_leaf[at : tree.end[at]]]
        assert_allclose(angle[at], (leaves[0] + leaves[-1]) / 2)


@pytest.mark.parametrize("place", [indented, radial])
def test_long_paths_and_single_nodes(place):
    n_nodes = 100_000
    path = TreeSpace(
        np.arange(n_nodes), np.arange(-1, n_nodes - 1), np.ones(n_nodes), np.arange(n_nodes)
    )
    tree = ordered_tree(path.adjacency, 0)
    assert_allclose(np.diff(np.linalg.norm(place(tree)[0] * [1, place is radial], axis=1)), 1)
    positions, lines = place(part_of(tree, np.arange(n_nodes) == 17))
    assert_array_equal(positions, [[0, 0]])
    assert len(lines) == 0
