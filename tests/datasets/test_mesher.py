import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets._mesher import (
    boundary_edges,
    mesh_region,
    shuffled,
    signed_areas,
    smallest_angle,
)

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def square():
    return [
        np.linspace(start, end, 201)
        for start, end in zip(SQUARE, np.roll(SQUARE, -1, axis=0), strict=True)
    ]


def circle(radius, centre=(0.5, 0.5), clockwise=False):
    angles = np.linspace(0, 2 * np.pi, 801)
    angles = -angles if clockwise else angles
    return [centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])]


def even(size):
    return lambda points: np.full(len(points), size)


def rng(seed=0):
    return np.random.default_rng(seed)


REGIONS = {
    "square": ([square()], 1.0),
    "circle": ([circle(1.0)], np.pi),
    "plate with hole": ([square(), circle(0.2, clockwise=True)], 1 - 0.04 * np.pi),
    "ring": ([circle(1.0), circle(0.3, clockwise=True)], 0.91 * np.pi),
}
every_region = pytest.mark.parametrize(("loops", "area"), REGIONS.values(), ids=REGIONS)


@every_region
@pytest.mark.parametrize("seed", range(3))
def test_cells_cover_the_region_once_with_good_angles(loops, area, seed):
    points, cells, _ = mesh_region(loops, even(0.06), rng(seed))
    areas = signed_areas(points, cells)
    assert (areas > 0).all()
    assert_allclose(areas.sum(), area, rtol=5e-3)
    assert smallest_angle(points, cells) > 15
    assert_array_equal(np.unique(cells), np.arange(len(points)))


@every_region
def test_boundary_is_as_many_loops_as_given(loops, area):
    _, cells, corners = mesh_region(loops, even(0.06), rng())
    following = dict(boundary_edges(cells).tolist())
    left = set(following)
    for nodes in corners:
        node = start = nodes[0]
        while True:
            left.remove(node)
            node = following[node]
            if node == start:
                break
    assert not left


def test_corners_are_where_the_sides_start():
    points, _, [corners] = mesh_region([square()], even(0.1), rng())
    assert_array_equal(points[corners], SQUARE)


def test_edges_are_as_long_as_wanted():
    def size(points):
        return 0.02 + 0.15 * points[:, 0]

    points, cells, _ = mesh_region([square()], size, rng())
    ends = points[cells[:, [[0, 1], [1, 2], [2, 0]]]]
    lengths = np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=2).mean(axis=1)
    ratios = lengths / size(points[cells].mean(axis=1))
    assert 0.85 < np.median(ratios) < 1.15
    assert ratios.min() > 0.4
    assert ratios.max() < 2


def test_seed_decides():
    first, again, other = (mesh_region([square()], even(0.1), rng(seed)) for seed in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert first[0].shape != other[0].shape or not np.array_equal(first[0], other[0])


def test_shuffled_is_the_same_mesh():
    points, cells, [corners] = mesh_region([square()], even(0.2), rng())
    moved, renamed, [marks] = shuffled(points, cells, [corners], rng(1))
    assert_array_equal(moved[marks], points[corners])
    assert not np.array_equal(moved, points)
    assert (signed_areas(moved, renamed) > 0).all()

    def triangles(points, cells):
        return sorted(sorted(map(tuple, triangle)) for triangle in points[cells].tolist())

    assert triangles(moved, renamed) == triangles(points, cells)


def test_numbers_say_nothing_about_places():
    points, cells, _ = mesh_region([square()], even(0.05), rng())
    numbers = np.arange(len(points))
    assert abs(np.corrcoef(numbers, points[:, 0])[0, 1]) < 0.2
    assert len(np.unique(np.argmin(cells, axis=1))) == 3


def test_smallest_angle_is_that_of_the_triangle():
    points = np.array([[0, 0], [2, 0], [0, 2 * np.tan(np.deg2rad(20))]])
    assert_allclose(smallest_angle(points, np.array([[0, 1, 2]])), 20)


def test_sharp_corners_are_refused():
    needle = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.1]])
    sides = [np.linspace(needle[k - 1], needle[k], 101) for k in (1, 2, 0)]
    with pytest.raises(RuntimeError, match="smaller cells"):
        mesh_region([sides], even(0.1), rng())
