import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.exceptions import MeshError
from skmanifold.mesh import surface_of
from skmanifold.mesh._planar import signed_areas
from tests.mesh.test_faces import annulus, disk, grid_faces, torus
from tests.mesh.test_surface import flat_mesh, icosphere, moebius_band

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def grid(n_rows=4, n_columns=5, seed=0):
    """A wrinkled rectangle; nodes in rows from below."""
    y, x = np.indices((n_rows + 1, n_columns + 1)).reshape(2, -1).astype(float)
    places = np.stack([x, y], axis=1)
    places += np.random.default_rng(seed).uniform(-0.2, 0.2, places.shape)
    return places, disk(n_rows, n_columns)


def ring(n_rows=3, n_columns=12, turn=2 * np.pi):
    """Nodes on circles of radius 1 to 2, ``n_columns`` of them on each."""
    row, column = np.divmod(np.arange((n_rows + 1) * n_columns), n_columns)
    angle, radius = turn * column / n_columns, 1 + row / n_rows
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return places, annulus(n_rows, n_columns)


def plate_with_holes(n_holes, n=12):
    """A grid of squares with blocks of cells left out."""
    places = np.stack(np.indices((n + 1, n + 1)), axis=-1).reshape(-1, 2).astype(float)
    faces = disk(n, n)
    middles = places[faces].mean(axis=1)
    keep = np.ones(len(faces), dtype=bool)
    for hole in range(n_holes):
        x, y = 1.0 + 4 * (hole % 3), 1.0 + 4 * (hole // 3)
        keep &= ~((np.abs(middles - [x + 1, y + 1]) < 1).all(axis=1))
    return compact(places, faces[keep])


def compact(places, faces):
    """Nodes that are in no face are dropped."""
    used, faces = np.unique(faces, return_inverse=True)
    return places[used], faces.reshape(-1, faces.shape[-1])


def lifted(places):
    """A graph above the plane."""
    return np.insert(places, 2, np.sin(places[:, 0]) + 0.3 * places[:, 1], axis=1)


def quad_grid(n_rows=3, n_columns=4, seed=0, amount=0.2):
    places, _ = grid(n_rows, n_columns, seed)
    exact = np.round(places)
    i, j = (index.ravel() for index in np.indices((n_rows, n_columns)))
    corner = i * (n_columns + 1) + j
    cells = np.stack([corner, corner + 1, corner + n_columns + 2, corner + n_columns + 1], axis=1)
    return exact + amount / 0.2 * (places - exact), cells


def other_numbers(places, cells, rng):
    """The same mesh: nodes renumbered, cells permuted, each from another corner."""
    number = rng.permutation(len(places))
    moved = np.empty_like(places)
    moved[number] = places
    cells = number[rng.permutation(cells)]
    start = rng.integers(cells.shape[1], size=len(cells))
    around = (start[:, None] + np.arange(cells.shape[1])) % cells.shape[1]
    return moved, np.take_along_axis(cells, around, axis=1)


def some_turned(cells, rng, share):
    turn = rng.uniform(size=len(cells)) < share
    return np.where(turn[:, None], cells[:, ::-1], cells)


def cyclic(triangles):
    """Rows from their least entry, sorted."""
    shift = triangles.argmin(axis=1)[:, None]
    rows = np.take_along_axis(triangles, (shift + np.arange(3)) % 3, axis=1)
    return rows[np.lexsort(rows.T[::-1])]


def described(surface):
    """Corners of the triangles in order around, and the loops, by their positions alone."""
    rank = np.lexsort(surface.points.T[::-1]).argsort()
    return cyclic(rank[surface.triangles]), [rank[loop] for loop in surface.loops]


MESHES = {
    "disk": (*grid(), "disk"),
    "Delaunay disk": (flat_mesh()[0][:, :2], flat_mesh()[1], "disk"),
    "ring": (*ring(), "annulus"),
    "plate with a hole": (*plate_with_holes(1), "annulus"),
    "quads": (*quad_grid(), "disk"),
    "squares": (*quad_grid(amount=0.0), "disk"),
}
each_mesh = pytest.mark.parametrize(("places", "cells", "kind"), MESHES.values(), ids=MESHES.keys())


@each_mesh
def test_neither_numbers_nor_senses_matter_in_the_plane(places, cells, kind):
    expected = described(surface_of(places, cells))
    rng = np.random.default_rng(0)
    for share in (0.0, 0.3, 1.0):
        mesh = other_numbers(places, some_turned(cells, rng, share), rng)
        surface = surface_of(*mesh)
        assert surface.kind == kind
        triangles, loops = described(surface)
        assert_array_equal(triangles, expected[0])
        for loop, other in zip(loops, expected[1], strict=True):
            assert_array_equal(loop, other)


@each_mesh
def test_the_sense_of_most_is_taken_in_space(places, cells, kind):
    rng = np.random.default_rng(1)
    up = described(surface_of(lifted(places), surface_of(places, cells).triangles))
    for share in (0.0, 0.2, 0.8, 1.0):
        triangles = surface_of(places, cells).triangles
        surface = surface_of(
            *other_numbers(lifted(places), some_turned(triangles, rng, share), rng)
        )
        assert surface.kind == kind
        found, loops = described(surface)
        sense = slice(None) if share < 0.5 else slice(None, None, -1)
        assert_array_equal(found, cyclic(up[0][:, sense]))
        for loop, other in zip(loops, up[1], strict=True):
            assert_array_equal(loop, other if share < 0.5 else np.roll(other[::-1], 1))


@each_mesh
def test_loops_run_along_edges_with_the_mesh_to_their_left(places, cells, kind):
    surface = surface_of(places, cells)
    edges = np.stack([surface.triangles, np.roll(surface.triangles, -1, axis=1)], axis=2)
    edges = {tuple(edge) for edge in edges.reshape(-1, 2).tolist()}
    rim = {edge for edge in edges if edge[::-1] not in edges}
    along = [
        edge
        for loop in surface.loops
        for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)
    ]
    assert len(along) == len(set(along))
    assert set(along) == rim
    for loop in surface.loops:
        assert_array_equal(places[loop[0]], min(places[loop].tolist()))


@each_mesh
def test_the_area_is_that_within_the_loops(places, cells, kind):
    surface = surface_of(places, cells)
    areas = signed_areas(places, surface.triangles)
    fans = [
        np.stack([loop[:-2] * 0 + loop[0], loop[1:-1], loop[2:]], axis=1) for loop in surface.loops
    ]
    within = [signed_areas(places, fan).sum() for fan in fans]
    assert (areas > 0).all()
    assert within[0] > 0
    assert all(area < 0 for area in within[1:])
    assert_allclose(areas.sum(), sum(within))


def test_loops_of_a_ring():
    places, faces = ring(n_rows=3, n_columns=12)
    outer, inner = surface_of(places, faces).loops
    assert_array_equal(outer, 36 + np.roll(np.arange(12), -6))
    assert_array_equal(inner, np.roll(np.arange(12)[::-1], 6 - 11))


def test_the_longer_loop_is_the_outer_one_in_space():
    angle, height = np.meshgrid(np.linspace(0, 2 * np.pi, 12, endpoint=False), [0.0, 1.0, 2.0, 3.0])
    radius = 2 - height / 3
    tube = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], -1).reshape(-1, 3)
    surface = surface_of(tube, annulus(3, 12))
    assert surface.kind == "annulus"
    assert set(surface.loops[0].tolist()) == set(range(12))
    assert set(surface.loops[1].tolist()) == set(range(36, 48))


def test_points_and_cells_stay_as_they_are():
    places, cells = quad_grid()
    places.flags.writeable = cells.flags.writeable = False
    before = places.copy(), cells[:, ::-1].copy()
    assert_array_equal(surface_of(places, cells[:, ::-1]).points, before[0])
    assert_array_equal(cells[:, ::-1], before[1])


# Faults.


def refused(places, cells, message):
    with pytest.raises(MeshError, match=message):
        surface_of(np.asarray(places, dtype=float), np.asarray(cells))


def test_nodes_at_no_cell():
    places, faces = grid()
    refused(np.append(places, [[7, 7], [8, 8]], axis=0), faces, "2 are in none: 30, 31")


@pytest.mark.parametrize("shift", [0.0, 1e-15])
def test_nodes_in_one_place(shift):
    places, faces = grid()
    seam = faces.copy()
    seam[20:][faces[20:] == 8] = len(places)
    places = np.append(places, places[8:9] + shift, axis=0)
    refused(places, seam, "nodes 8 and 30 are both at .*: 30. Merge them")


def test_a_close_node_is_one_of_its_own():
    places = np.array([[0, 0], [1, 0], [1 + 1e-9, 1e-9], [0, 1]])
    assert surface_of(places, np.array([[0, 1, 2], [0, 2, 3]])).kind == "disk"


@pytest.mark.parametrize("lift", [np.asarray, lifted])
def test_a_cell_without_area(lift):
    places = lift(np.array([[0, 0], [0.5, 0.0], [1, 0], [0.5, 1]]))
    if places.shape[1] == 3:
        places[:, 2] = places[:, 0]
    refused(places, [[0, 1, 3], [0, 2, 1], [1, 2, 3]], r"nodes \[0, 2, 1\] of cell 1 lie on a line")
    refused(places, [[0, 1, 3], [0, 1, 1], [1, 2, 3]], r"nodes \[0, 1, 1\] of cell 1 lie on a line")


def test_cells_on_the_same_nodes():
    places, faces = grid()
    twice = np.append(faces, faces[[3]][:, [1, 0, 2]], axis=0)
    refused(places, twice, f"cells 3 and {len(faces)} cover the same nodes")


def test_an_edge_of_three_cells():
    places = [[0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, -1, 0], [0.5, 0, 1]]
    message = "from node 0 to 1 belongs to 3: 0, 1, 2. Such edges are 1 in all"
    refused(places, [[0, 1, 2], [1, 0, 3], [0, 1, 4]], message)


def test_parts_that_touch_in_a_node():
    message = r"those around node 0 \(0, 1\) touch in it alone.*Nodes of this kind: 0\."
    refused([[0, 0], [1, 0], [1, 1], [-1, 0], [-1, -1]], [[0, 1, 2], [0, 3, 4]], message)


def test_a_surface_pinched_at_an_inner_node():
    n = 8
    places, faces = grid(n, n)
    spot = lifted(places)
    one, other = 2 * (n + 1) + 2, 6 * (n + 1) + 6
    faces = np.where(faces == other, one, faces)
    spot, faces = np.delete(spot, other, axis=0), np.where(faces > other, faces - 1, faces)
    refused(spot, faces, f"those around node {one} .* touch in it alone")


def test_several_parts():
    places, faces = grid()
    apart = np.append(places, SQUARE[:3] + 20, axis=0)
    message = "it is in 2|is in 2. The smallest has 1 of the 41 cells: 40"
    refused(apart, np.append(faces, [[30, 31, 32]], axis=0), message)


def test_a_closed_surface():
    refused(*icosphere(0), "the surface is closed")


def test_a_surface_of_one_side():
    places, faces, _ = moebius_band()
    refused(places, faces, "this one has one, as a Moebius band")


@pytest.mark.parametrize("n_holes", [2, 3, 5])
def test_two_holes_and_more(n_holes):
    places, faces = plate_with_holes(n_holes)
    with pytest.raises(MeshError, match=f"this one has {n_holes}, with the nodes") as caught:
        surface_of(places, faces)
    named = [
        int(number) for number in re.findall(r"nodes ([\d, ]+) at", str(caught.value))[0].split(",")
    ]
    corners = {(1.0 + 4 * (hole % 3), 1.0 + 4 * (hole // 3)) for hole in range(n_holes)}
    assert {tuple(place) for place in places[named].tolist()} == corners


def test_a_handle():
    angle = 2 * np.pi * np.arange(8) / 8
    u, v = (grid.ravel() for grid in np.meshgrid(angle, angle, indexing="ij"))
    places = np.stack([(3 + np.cos(v)) * np.cos(u), (3 + np.cos(v)) * np.sin(u), np.sin(v)], axis=1)
    refused(places, torus(8, 8)[1:], "this one has 1 handles")


def test_a_fold():
    places = np.array([[0, 0], [1, 0], [0.5, 1], [0.4, 0.7]])
    refused(places, [[0, 1, 2], [1, 0, 3]], "cells 0 and 1 lie on one side .* from node 0 to 1")


@pytest.mark.parametrize("turns", [1.1, 2.5])
def test_a_spiral_that_covers_itself(turns):
    n = 60
    angle = np.linspace(0, 2 * np.pi * turns, n)
    places = np.concatenate(
        [r * np.stack([np.cos(angle), np.sin(angle)], 1) for r in (1.0, 1.4, 2.0)]
    )
    faces = grid_faces(2, n - 1, lambda i, j: i * n + j)
    refused(places, faces, "the boundary crosses itself: the edge from node")
    widening = places * (2.2 ** (np.tile(angle, 3) / (2 * np.pi)))[:, None]
    assert surface_of(widening, faces).kind == "disk"


def test_a_strip_whose_ends_lie_on_each_other_edge_on_edge():
    """No two edges of the boundary cross: they lie on each other, or end on each other."""
    outer = [
        [0.25, 0],
        [1.25, 0],
        [2.25, 0],
        [5, 0],
        [5, 4],
        [-1, 4],
        [-1, 0],
        [0.75, 0],
        [1.75, 0],
    ]
    inner = [[0.25, 1], [1.25, 1], [2.25, 1], [4, 1], [4, 3], [0, 3], [0, 1], [0.75, 1], [1.75, 1]]
    faces = grid_faces(1, 8, lambda i, j: i * 9 + j)
    refused(outer + inner, faces, "the boundary crosses itself")
    last = [8, 17]
    places, faces = compact(np.array(outer + inner), faces[~np.isin(faces, last).any(axis=1)])
    refused(places, faces, "the boundary crosses itself")
    shorter = faces[~np.isin(faces, [7, 15]).any(axis=1)]
    assert surface_of(*compact(places, shorter)).kind == "disk"


FRAME = [[-1, -2], [3, -2], [3, 2], [-1, 2]]
AROUND_A_CUT = [[0, 1, 5], [0, 5, 4], [1, 2, 5], [3, 0, 4]]


def test_a_hole_that_touches_itself():
    """Above the edge from node 4 to 5 the hole is open, then closed from node 7 on."""
    places = np.array([*FRAME, [0, 0], [2, 0], [0.5, 0.5], [1, 0]])
    above = [[4, 6, 3], [6, 2, 3], [6, 7, 2], [7, 5, 2]]
    surface = surface_of(places, np.array(AROUND_A_CUT + above))
    assert surface.kind == "annulus"
    assert_array_equal(surface.loops[1], [4, 6, 7, 5])


def test_a_node_in_the_middle_of_an_edge():
    """The cells below go past it, so that the mesh is cut there."""
    places = [*FRAME, [0, 0], [2, 0], [1, 0]]
    message = "the hole at the nodes 4, 6, 5 has no area"
    refused(places, [*AROUND_A_CUT, [4, 6, 3], [6, 2, 3], [6, 5, 2]], message)


# Quads.


def test_quads_are_split_along_the_shorter_diagonal():
    kite = np.array([[0, 0], [1, 0.2], [3, 3], [0.2, 1]])
    triangles = surface_of(kite, np.array([[0, 1, 2, 3]])).triangles
    assert all({1, 3} <= set(row) for row in triangles.tolist())


def test_a_dart_is_split_within():
    """Its shorter diagonal lies outside."""
    dart = np.array([[0, 0], [1, -1], [0, 5], [-1, -1.0]])
    triangles = surface_of(dart, np.array([[0, 1, 2, 3]])).triangles
    assert (signed_areas(dart, triangles) > 0).all()
    assert all({0, 2} <= set(row) for row in triangles.tolist())


def test_a_quad_with_a_corner_on_a_line_is_split_there():
    places = np.array([[0, 0], [1, 0], [2, 0], [1, 0.1]])
    triangles = surface_of(places, np.array([[0, 1, 2, 3]])).triangles
    assert all({1, 3} <= set(row) for row in triangles.tolist())


@pytest.mark.parametrize("lift", [np.asarray, lifted])
def test_a_quad_that_crosses_itself(lift):
    refused(lift(SQUARE), [[0, 2, 1, 3]], r"nodes \[0, 2, 1, 3\] of cell 0 do not")


def test_a_quad_that_is_a_triangle():
    refused(SQUARE[:3], [[0, 1, 2, 2]], "lie on a line|do not")
