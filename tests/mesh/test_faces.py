import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial import ConvexHull

from skmanifold.mesh import check_faces, euler_characteristic, is_orientable
from skmanifold.mesh._faces import fans

TETRAHEDRON = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])


def grid_faces(n_rows, n_columns, number):
    """Two triangles for each cell of a grid; ``number`` names the vertex at a row and column."""
    rows, columns = (index.ravel() for index in np.indices((n_rows, n_columns)))
    a, b = number(rows, columns), number(rows, columns + 1)
    c, d = number(rows + 1, columns), number(rows + 1, columns + 1)
    return np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])


def disk(n_rows=4, n_columns=5):
    return grid_faces(n_rows, n_columns, lambda i, j: i * (n_columns + 1) + j)


def annulus(n_rows=3, n_columns=8):
    return grid_faces(n_rows, n_columns, lambda i, j: i * n_columns + j % n_columns)


def moebius(n_rows=3, n_columns=8):
    """The last column is glued to the first, upside down."""

    def number(i, j):
        return np.where(j == n_columns, n_rows - i, i) * n_columns + j % n_columns

    return grid_faces(n_rows, n_columns, number)


def torus(n_rows=5, n_columns=6):
    return grid_faces(n_rows, n_columns, lambda i, j: i % n_rows * n_columns + j % n_columns)


def klein_bottle(n_rows=6, n_columns=7):
    def number(i, j):
        return np.where(j == n_columns, -i, i) % n_rows * n_columns + j % n_columns

    return grid_faces(n_rows, n_columns, number)


def projective_plane():
    """The icosahedron with opposite points made one: the six-vertex triangulation."""
    rows = ["123", "134", "145", "156", "126", "235", "346", "245", "356", "246"]
    return np.array([list(row) for row in rows]).astype(int) - 1


def sphere(seed=0, n_vertices=60):
    points = np.random.default_rng(seed).normal(size=(n_vertices, 3))
    return ConvexHull(points / np.linalg.norm(points, axis=1, keepdims=True)).simplices


def shuffled(faces, rng):
    """The same surface: faces in another order, each from another corner and in any sense."""
    return rng.permuted(rng.permutation(faces), axis=1)


SURFACES = {
    "disk": (disk(), 1, True),
    "annulus": (annulus(), 0, True),
    "Moebius band": (moebius(), 0, False),
    "torus": (torus(), 0, True),
    "Klein bottle": (klein_bottle(), 0, False),
    "projective plane": (projective_plane(), 1, False),
    "sphere": (sphere(), 2, True),
    "tetrahedron": (TETRAHEDRON, 2, True),
    "two parts": (np.concatenate([torus(), sphere() + 30]), 2, True),
    "a side in one part only": (np.concatenate([torus(), moebius() + 30]), 0, False),
    "touching in a vertex": (np.array([[0, 1, 2], [0, 3, 4]]), 1, True),
}
each_surface = pytest.mark.parametrize(
    ("faces", "euler", "orientable"), SURFACES.values(), ids=SURFACES.keys()
)


@each_surface
def test_topology(faces, euler, orientable, rng):
    for same in (faces, shuffled(faces, rng), rng.permutation(faces.max() + 1)[faces]):
        assert_array_equal(check_faces(same, faces.max() + 1), same)
        assert euler_characteristic(same) == euler
        assert is_orientable(same) is orientable


def test_a_hole_costs_one():
    assert euler_characteristic(torus()[1:]) == euler_characteristic(torus()) - 1


@each_surface
def test_a_fan_has_one_vertex(faces, euler, orientable):
    fan, sign = fans(faces)
    assert fan.shape == sign.shape == faces.shape
    for number in np.unique(fan):
        assert len(np.unique(faces[fan == number])) == 1
    assert_array_equal(np.abs(sign), 1)


@each_surface
def test_faces_of_a_fan_run_around_in_one_sense(faces, euler, orientable, rng):
    """Two of them pass the edge that they share at the vertex in opposite directions."""
    faces = shuffled(faces, rng)
    fan, sign = fans(faces)
    passed = [
        (fan[row, corner], frozenset(edge), sign[row, corner] * (1 if edge[0] < edge[1] else -1))
        for row, face in enumerate(faces.tolist())
        for corner in range(3)
        for edge in [(face[corner], face[corner - 2]), (face[corner - 1], face[corner])]
    ]
    both = {}
    for number, edge, direction in passed:
        both.setdefault((number, edge), []).append(direction)
    assert all(sum(directions) == 0 for directions in both.values() if len(directions) == 2)


def test_one_fan_at_each_vertex_of_a_surface_and_one_for_each_part_that_touches():
    assert len(np.unique(fans(moebius())[0])) == moebius().max() + 1
    assert len(np.unique(fans(np.array([[0, 1, 2], [0, 3, 4]]))[0])) == 6


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.uint64, np.float32, float])
def test_whole_numbers_of_any_kind(dtype):
    checked = check_faces(TETRAHEDRON.astype(dtype), 4)
    assert checked.dtype == np.intp
    assert_array_equal(checked, TETRAHEDRON)


def test_a_copy_of_lists_and_of_arrays_that_are_read_only():
    assert_array_equal(check_faces(TETRAHEDRON.tolist(), 4), TETRAHEDRON)
    given = TETRAHEDRON.copy()
    given.flags.writeable = False
    checked = check_faces(given, 4)
    checked += 1
    assert_array_equal(given, TETRAHEDRON)


@pytest.mark.parametrize(
    ("faces", "n_vertices", "message"),
    [
        (
            [[0, 1, 2, 3]],
            4,
            "faces must be of shape (n_faces, 3), with a row for each triangle, "
            "got (1, 4). Split faces of more corners into triangles.",
        ),
        ([0, 1, 2], 3, "got (3,)"),
        ([], 3, "got (0,)"),
        (np.empty((0, 3), dtype=int), 0, "got (0, 3)"),
        (None, 3, "got ()"),
        ([[0, 1, 2], [0, 1]], 3, "faces must be rows of three vertices each, got rows that differ"),
        (
            [["a", "b", "c"]],
            3,
            "faces must hold whole numbers, the rows of the vertices, got the dtype <U1",
        ),
        ([[True, False, True]], 3, "got the dtype bool"),
        (
            [[0, 1, 2], [0, 1.5, 2.5]],
            3,
            "faces must hold whole numbers, the rows of the vertices, "
            "got 2 other entries, such as 1.5 in row 1",
        ),
        (
            [[0, 1, np.nan]],
            3,
            "whole numbers, the rows of the vertices, got 1 other entries, such as nan in row 0",
        ),
        ([[0, 1, np.inf]], 3, "got 1 other entries, such as inf in row 0"),
        (
            [[0, 1, 2], [1, 2, 3]],
            3,
            "faces must hold rows of the 3 vertices, counted from 0, got 1 "
            "other entries, such as 3 in row 1",
        ),
        ([[0, 1, -1]], 3, "such as -1 in row 0"),
        (
            [[0, 1, 2], [2, 1, 2], [3, 3, 0]],
            4,
            "faces must name three vertices each, but row 1 is "
            "[2, 1, 2]. Rows that name a vertex twice: 1, 2. Drop them.",
        ),
        (
            [[0, 1, 2], [1, 2, 3], [2, 0, 1]],
            4,
            "faces must differ, but rows 0 and 2 have the same "
            "vertices [0, 1, 2]. Rows that repeat another: 2. Drop them.",
        ),
        (
            [[0, 1, 2], [1, 0, 3], [4, 0, 1]],
            5,
            "faces must make a surface, of at most two faces at "
            "each edge, but the edge from vertex 0 to 1 is in 3, rows 0, 1, 2, and such edges "
            "are 1 in all. Drop faces, or cut the surface there.",
        ),
        (
            [[0, 1, 4]],
            6,
            "faces must use all 6 vertices, but 3 are in no face: 2, 3, 5. Drop these "
            "vertices, and count the others anew.",
        ),
        ([[0, 1, 2]], 10, "7 are in no face: 3, 4, 5, 6, 7 and 2 more."),
    ],
)
def test_what_is_wrong(faces, n_vertices, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_faces(faces, n_vertices)


def test_repeated_faces_are_found_in_any_order(rng):
    faces = np.concatenate([torus(), torus()[7:8, [2, 0, 1]], torus()[3:4, [1, 0, 2]]])
    with pytest.raises(ValueError, match=re.escape("rows 7 and 60 have the same vertices")):
        check_faces(faces, 30)
    with pytest.raises(ValueError, match=re.escape("Rows that repeat another: 60, 61.")):
        check_faces(faces, 30)
