import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from skmanifold.datasets._plane import Rectangle, distances_around, plane_distances

HOLE = Rectangle(0.0, 2.0, 0.0, 1.0)


def points_around(n, seed=0, hole=HOLE):
    points = np.random.RandomState(seed).uniform([-1, -1], [3, 2], size=(3 * n, 2))
    return points[~hole.contains(points)][:n]


def brute_force(p, q, hole):
    """Dijkstra on p, q and the corners, joined where no point of a fine subdivision is inside."""
    nodes = np.vstack([p, q, hole.corners()])
    lengths = cdist(nodes, nodes)
    steps = np.linspace(0, 1, 2001)[:, None]
    for i, j in np.ndindex(lengths.shape):
        if hole.contains(nodes[i] + steps * (nodes[j] - nodes[i])).any():
            lengths[i, j] = 0  # no edge
    return dijkstra(lengths, indices=0)[1]


def test_agrees_with_brute_force():
    P, Q = points_around(15), points_around(15, seed=1)
    expected = [[brute_force(p, q, HOLE) for q in Q] for p in P]
    assert_allclose(distances_around(P, Q, hole=HOLE), expected, rtol=1e-4)


def test_straight_where_nothing_is_in_the_way():
    P = points_around(50)
    left, below = P[P[:, 0] < 0], P[P[:, 1] < 0]
    for side in (left, below):
        assert_allclose(distances_around(side, side, hole=HOLE), plane_distances(side, side))


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_closed_forms(shift):
    hole = Rectangle(shift, shift + 2, 0.0, 1.0)
    P = np.array([[-1, 0.5], [1, -1], [-1, 0], [0, 0], [-1, -1]]) + np.array([shift, 0])
    Q = np.array([[3, 0.5], [1, 2], [3, 0], [2, 1], [0, 1]]) + np.array([shift, 0])
    expected = [
        2 * np.hypot(1, 0.5) + 2,  # past two corners
        2 * np.hypot(1, 1) + 1,  # the short way round: either side alike
        4,  # along a side
        3,  # from corner to opposite corner
        np.hypot(1, 2),  # to a corner in sight
    ]
    assert_allclose(np.diag(distances_around(P, Q, hole=hole)), expected)


def test_all_four_sides_alike():
    """Reflecting points and hole alike leaves the distances as they are."""
    P = points_around(40)
    expected = distances_around(P, P, hole=HOLE)
    for mirror in (np.array([-1, 1]), np.array([1, -1])):
        (left, bottom), (right, top) = np.sort(HOLE.corners()[[0, 2]] * mirror, axis=0)
        mirrored = Rectangle(left, right, bottom, top)
        assert_allclose(distances_around(P * mirror, P * mirror, hole=mirrored), expected)
    turned = Rectangle(HOLE.bottom, HOLE.top, HOLE.left, HOLE.right)
    assert_allclose(distances_around(P[:, ::-1], P[:, ::-1], hole=turned), expected)


def test_moves_as_the_paths_do():
    """Distance is 1-Lipschitz in either end, across the lines where the best path changes."""
    walk = np.column_stack([np.linspace(-1, 3, 4001), np.full(4001, 1.5)])
    distances = distances_around(walk, np.array([[0.7, -0.4]]), hole=HOLE)[:, 0]
    assert np.all(np.abs(np.diff(distances)) <= 0.001 + 1e-12)


def test_vanishing_hole_vanishes():
    P = points_around(50)
    pinhole = Rectangle(1.0, 1.0 + 1e-9, 0.5, 0.5 + 1e-9)
    assert_allclose(distances_around(P, P, hole=pinhole), cdist(P, P), atol=1e-8)


def test_sides_are_outside():
    assert_array_equal(HOLE.contains(HOLE.corners()), False)
    assert_array_equal(HOLE.contains(np.array([[1.0, 0.0], [1.0, 0.5]])), [False, True])
