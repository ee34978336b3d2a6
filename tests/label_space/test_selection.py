from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from skmanifold.label_space._selection import farthest_first, farthest_from_hull
from skmanifold.label_space._tree import tree_adjacency


def random_tree(rng, n_nodes, longest=3, reach=None):
    """Parents and whole lengths, some 0; nodes in no order. A short reach makes a deep tree."""
    node = np.arange(1, n_nodes)
    lowest = np.zeros_like(node) if reach is None else np.maximum(node - reach, 0)
    above = np.concatenate([[-1], rng.integers(lowest, node)])
    name = rng.permutation(n_nodes)
    parent, length = np.empty(n_nodes, dtype=np.intp), np.empty(n_nodes)
    parent[name] = np.where(above < 0, -1, name[above])
    length[name] = np.where(above < 0, 0, rng.integers(longest + 1, size=n_nodes))
    return parent, length


def tree_distances(parent, length):
    return dijkstra(tree_adjacency(parent, length))


def hull_of(distances, nodes):
    """Nodes on a path between two of `nodes`: at no detour from both."""
    first, second = distances[nodes][:, None], distances[nodes][None]
    return (first + second == distances[np.ix_(nodes, nodes)][..., None]).any(axis=(0, 1))


def greedy(distances, seen, candidates, n):
    """The definition: the farthest from the hull, the hull anew after each."""
    nodes, selected = list(seen), []
    for _ in range(n):
        to_hull = distances[:, hull_of(distances, nodes)].min(axis=1)[candidates]
        to_hull[np.isin(candidates, seen)] = -1
        to_hull[selected] = -1
        selected.append(int(np.argmax(to_hull)))
        nodes.append(candidates[selected[-1]])
    return selected


def hull_length(parent, length, nodes):
    """Total length of the edges that part some of `nodes` from others."""
    distances = tree_distances(parent, np.ones_like(length))
    child = np.flatnonzero(parent >= 0)
    below = distances[child][:, nodes] < distances[parent[child]][:, nodes]
    return length[child][below.any(axis=1) & ~below.all(axis=1)].sum()


@pytest.mark.parametrize("longest", [0, 1, 3, 100])
@pytest.mark.parametrize("reach", [None, 3])
@pytest.mark.parametrize("n_seen", [1, 2, 6])
def test_greedy_by_definition(rng, longest, reach, n_seen):
    for n_nodes in (8, 15, 40):
        parent, length = random_tree(rng, n_nodes, longest, reach)
        distances = tree_distances(parent, length)
        seen = rng.permutation(n_nodes)[:n_seen]
        candidates = rng.permutation(n_nodes)[: n_nodes - 1]
        n = (~np.isin(candidates, seen)).sum()
        selected = farthest_from_hull(parent, length, seen, candidates, n)
        assert_array_equal(selected, greedy(distances, seen, candidates, n))


def test_fewer_are_the_first_of_more(rng):
    parent, length = random_tree(rng, 60)
    candidates = np.arange(60)
    every = farthest_from_hull(parent, length, np.array([7]), candidates, 59)
    assert_array_equal(np.sort(every), np.delete(candidates, 7))
    for n in (0, 1, 10):
        few = farthest_from_hull(parent, length, np.array([7]), candidates, n)
        assert_array_equal(few, every[:n])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_other_labels_add_more_to_the_hull(rng, n):
    for _ in range(5):
        parent, length = random_tree(rng, 11, reach=4)
        seen = rng.permutation(11)[:2]
        selected = farthest_from_hull(parent, length, seen, np.arange(11), n)
        best = max(
            hull_length(parent, length, np.append(seen, others))
            for others in combinations(np.delete(np.arange(11), seen), n)
        )
        assert hull_length(parent, length, np.append(seen, selected)) == best


def test_the_root_does_not_matter(rng):
    parent, length = random_tree(rng, 50)
    path = [3]
    while parent[path[-1]] >= 0:
        path.append(parent[path[-1]])
    turned, lengths = parent.copy(), length.copy()
    turned[path[1:]], lengths[path[1:]] = path[:-1], length[path[:-1]]
    turned[3], lengths[3] = -1, 0
    seen, candidates = np.array([11, 40]), rng.permutation(50)
    assert_array_equal(
        farthest_from_hull(parent, length, seen, candidates, 30),
        farthest_from_hull(turned, lengths, seen, candidates, 30),
    )


def test_covered_labels_come_last_in_order():
    # A path 0-1-2-3-4: its far end covers all the others.
    parent, length = np.arange(5) - 1, np.array([0.0, 1, 1, 1, 1])
    selected = farthest_from_hull(parent, length, np.array([0]), np.arange(5), 4)
    assert_array_equal(selected, [4, 1, 2, 3])


def test_a_path_too_long_for_recursion():
    n_nodes = 100_000
    parent, length = np.arange(n_nodes) - 1, np.ones(n_nodes)
    selected = farthest_from_hull(parent, length, np.array([40_000]), np.arange(n_nodes), 4)
    assert_array_equal(selected, [n_nodes - 1, 0, 1, 2])


def test_one_node_of_one():
    parent, length, only = np.array([-1]), np.zeros(1), np.array([0])
    assert farthest_from_hull(parent, length, only, only, 0).size == 0
    with pytest.raises(ValueError, match="n=1 labels cannot be selected: 0 of the 1 labels"):
        farthest_from_hull(parent, length, only, only, 1)


@pytest.mark.parametrize("n", [-1, 4])
def test_more_than_there_are(n):
    parent, length = np.arange(5) - 1, np.ones(5)
    with pytest.raises(ValueError, match=f"n={n} .*: 3 of the 4 labels are not seen yet"):
        farthest_from_hull(parent, length, np.array([0, 1]), np.arange(1, 5), n)
    seen = np.array([True, False, False, False])
    with pytest.raises(ValueError, match=f"n={n} .*: 3 of the 4 labels are not seen yet"):
        farthest_first(np.eye(4).__getitem__, np.ones(4), n, seen=seen)


def points_and_seen(rng, n_points=60, n_seen=3):
    points = rng.integers(6, size=(n_points, 2))  # many at one place, many ties
    seen = np.isin(np.arange(n_points), rng.permutation(n_points)[:n_seen])
    return cdist(points, points), seen


def test_farthest_first_by_definition(rng):
    distances, seen = points_and_seen(rng)
    selected = farthest_first(distances.__getitem__, distances[seen].min(axis=0), 57, seen=seen)
    assert_array_equal(np.sort(selected), np.flatnonzero(~seen))
    known = seen.copy()
    for label in selected:
        radius = np.where(known, -1, distances[known].min(axis=0))
        assert label == np.argmax(radius)
        known[label] = True


def test_farthest_first_asks_for_no_more_than_it_needs(rng):
    distances, seen = points_and_seen(rng)
    asked = []
    start = distances[seen].min(axis=0)
    selected = farthest_first(
        lambda label: asked.append(label) or distances[label], start, 4, seen=seen
    )
    assert asked == selected[:-1].tolist()


def test_farthest_first_writes_into_nothing(rng):
    distances, seen = points_and_seen(rng)
    start = distances[seen].min(axis=0)
    for array in (distances, seen, start):
        array.flags.writeable = False
    assert len(farthest_first(distances.__getitem__, start, 5, seen=seen)) == 5


@pytest.mark.parametrize("n", [1, 2, 3])
def test_radius_within_twice_the_smallest(rng, n):
    for _ in range(5):
        distances, seen = points_and_seen(rng, 12, 2)
        start = distances[seen].min(axis=0)
        radii = [
            np.minimum(start, distances[list(others)].min(axis=0)).max()
            for others in combinations(np.flatnonzero(~seen), n)
        ]
        selected = farthest_first(distances.__getitem__, start, n, seen=seen)
        radius = np.minimum(start, distances[selected].min(axis=0)).max()
        assert min(radii) <= radius <= 2 * min(radii)
