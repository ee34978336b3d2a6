"""Faces of a triangle mesh as a net, whatever its shape: checks, edges, orientation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


def check_faces(faces: Any, n_vertices: int) -> IntArray:
    """Triangles as an array of integers, if they make a surface on all the vertices.

    Parameters
    ----------
    faces : array-like of shape (n_faces, 3)
        Rows of three vertices each, counted from 0. Whole numbers stored as floats are taken.
        Neighbouring faces may run around differently, and the surface may have a boundary, several
        parts or one side only. Parts may touch in a vertex.
    n_vertices : int
        Rows of the array of vertices that `faces` refers to.

    Returns
    -------
    faces : ndarray of shape (n_faces, 3)
        A copy, of integers.

    Raises
    ------
    ValueError
        If `faces` has another shape, no rows, or entries that are not whole numbers from 0 to
        `n_vertices` - 1; if a face names a vertex twice; if two faces have the same vertices; if
        an edge belongs to more than two faces; if a vertex is in no face.

    Examples
    --------
    >>> from skmanifold.mesh import check_faces
    >>> check_faces([[0, 1, 2], [2, 1, 3]], 4)
    array([[0, 1, 2],
           [2, 1, 3]])
    """
    checked = _as_indices(faces, n_vertices)
    _check_three_vertices(checked)
    _check_faces_differ(checked)
    _check_two_faces_per_edge(checked)
    _check_vertices_used(checked, n_vertices)
    return checked


def euler_characteristic(faces: IntArray) -> int:
    """Vertices minus edges plus faces.

    That is 2 for a sphere, 1 for a disk, 0 for a torus, an annulus or a Moebius band.

    Parameters
    ----------
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.mesh import euler_characteristic
    >>> euler_characteristic(np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]))
    2
    """
    n_edges = len(np.unique(_edge_keys(faces)))
    return len(np.unique(faces)) - n_edges + len(faces)


def is_orientable(faces: IntArray) -> bool:
    """Whether the surface has two sides, however its faces run around.

    Parameters
    ----------
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them.

    Examples
    --------
    The shortest Moebius band:

    >>> import numpy as np
    >>> from skmanifold.mesh import is_orientable
    >>> band = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0], [4, 0, 1]])
    >>> is_orientable(band), is_orientable(band[:-1])
    (False, True)
    """
    one, other, turned = _shared_edges(faces)
    upper, lower = _sheets(len(faces), one // 3, other // 3, turned)
    return bool((upper != lower).all())


def fans(faces: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    """Fans of faces around the vertices, and signs that make each fan run around in one sense.

    The faces around a vertex can always be given one sense, be the surface orientable or not.

    Returns
    -------
    fan : ndarray of shape (n_faces, 3)
        A number for each corner of each face. Corners at a vertex have the same where one can walk
        from one to the other across edges at that vertex; numbers are below 6 `n_faces`.
    sign : ndarray of shape (n_faces, 3)
        1 or -1: multiplied by it, the normals of the faces of a fan point to one side.
    """
    start, other_start, turned = _shared_edges(faces)
    end, other_end = _next_corner(start), _next_corner(other_start)
    one = np.concatenate([start, end])
    other = np.concatenate(
        [np.where(turned, other_start, other_end), np.where(turned, other_end, other_start)]
    )
    upper, lower = _sheets(faces.size, one, other, np.concatenate([turned, turned]))
    fan, sign = np.minimum(upper, lower), np.where(upper < lower, 1.0, -1.0)
    return fan.reshape(faces.shape), sign.reshape(faces.shape)


def listed(values: NDArray[Any], most: int = 5) -> str:
    """The first of the values, and how many more there are."""
    words = ", ".join(str(value) for value in values[:most].tolist())
    return words + (f" and {len(values) - most} more" if len(values) > most else "")


def _sheets(
    n_nodes: int, one: IntArray, other: IntArray, turned: BoolArray
) -> tuple[IntArray, IntArray]:
    """Part of the double cover that the upper and the lower copy of each node lies in.

    An edge joins like copies of its ends, one that is ``turned`` unlike ones. So the copies of a
    node lie in two parts unless some way round leads to its other side.
    """
    like, unlike = np.where(turned, n_nodes, 0), np.where(turned, 0, n_nodes)
    rows, columns = (
        np.concatenate([one, one + n_nodes]),
        np.concatenate([other + like, other + unlike]),
    )
    size = 2 * n_nodes
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1].astype(np.intp)
    return labels[:n_nodes], labels[n_nodes:]


def _shared_edges(faces: IntArray) -> tuple[IntArray, IntArray, BoolArray]:
    """For each edge of two faces, the corners it starts from in them, and whether they coincide.

    Corner ``c`` of face ``f`` has the number ``3 f + c``. Faces that run around in the same sense
    pass their edge in opposite directions.
    """
    keys = _edge_keys(faces)
    order = np.argsort(keys, kind="stable")
    twice = keys[order[:-1]] == keys[order[1:]]
    one, other = order[:-1][twice], order[1:][twice]
    return one, other, faces.ravel()[one] == faces.ravel()[other]


def _edge_keys(faces: IntArray) -> NDArray[np.int64]:
    """One number for the edge that leaves each corner, the same in both directions."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    n_vertices = np.int64(faces.max(initial=0)) + 1
    return np.minimum(start, end) * n_vertices + np.maximum(start, end)


def _next_corner(corners: IntArray) -> IntArray:
    """The corner at the other end of the edge that leaves each corner."""
    return np.where(corners % 3 == 2, corners - 2, corners + 1)


def _as_indices(faces: Any, n_vertices: int) -> IntArray:
    """Rows of three vertices that are there."""
    try:
        array = np.asarray(faces)
    except ValueError as error:
        raise ValueError(
            "faces must be rows of three vertices each, got rows that differ."
        ) from error
    if array.ndim != 2 or array.shape[1] != 3 or len(array) == 0:
        raise ValueError(
            "faces must be of shape (n_faces, 3), with a row for each triangle, got "
            f"{array.shape}. Split faces of more corners into triangles."
        )
    if array.dtype.kind not in "iuf":
        raise ValueError(
            f"faces must hold whole numbers, the rows of the vertices, got the dtype {array.dtype}."
        )
    _check_entries(array, array != np.floor(array), "whole numbers, the rows of the vertices")
    outside = (array < 0) | (array >= n_vertices)
    _check_entries(array, outside, f"rows of the {n_vertices} vertices, counted from 0")
    return array.astype(np.intp)


def _check_entries(array: NDArray[Any], wrong: BoolArray, words: str) -> None:
    """Refuse entries that are not what the words say."""
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"faces must hold {words}, got {wrong.sum()} other entries, such as "
            f"{array[row, column]} in row {row}."
        )


def _check_three_vertices(faces: IntArray) -> None:
    """Refuse faces that name a vertex twice."""
    rows = np.flatnonzero((faces == np.roll(faces, 1, axis=1)).any(axis=1))
    if len(rows):
        raise ValueError(
            f"faces must name three vertices each, but row {rows[0]} is {faces[rows[0]].tolist()}. "
            f"Rows that name a vertex twice: {listed(rows)}. Drop them."
        )


def _check_faces_differ(faces: IntArray) -> None:
    """Refuse faces on the same three vertices, in whatever order."""
    vertices = np.sort(faces, axis=1)
    order = np.lexsort(vertices.T)
    same = (vertices[order[:-1]] == vertices[order[1:]]).all(axis=1)
    rows = np.sort(order[1:][same])
    if len(rows):
        first = order[:-1][same][np.argmin(order[1:][same])]
        raise ValueError(
            f"faces must differ, but rows {first} and {rows[0]} have the same vertices "
            f"{vertices[first].tolist()}. Rows that repeat another: {listed(rows)}. Drop them."
        )


def _check_two_faces_per_edge(faces: IntArray) -> None:
    """Refuse edges where more than two faces meet: there the surface has no tangent plane."""
    keys = _edge_keys(faces)
    crowded, counts = np.unique(keys, return_counts=True)
    crowded = crowded[counts > 2]
    if len(crowded):
        corners = np.flatnonzero(keys == crowded[0])
        ends = sorted([faces.flat[corners[0]], faces.flat[_next_corner(corners)[0]]])
        raise ValueError(
            "faces must make a surface, of at most two faces at each edge, but the edge from "
            f"vertex {ends[0]} to {ends[1]} is in {len(corners)}, rows {listed(corners // 3)}, and "
            f"such edges are {len(crowded)} in all. Drop faces, or cut the surface there."
        )


def _check_vertices_used(faces: IntArray, n_vertices: int) -> None:
    """Refuse vertices that are in no face."""
    unused = np.flatnonzero(np.bincount(faces.ravel(), minlength=n_vertices) == 0)
    if len(unused):
        raise ValueError(
            f"faces must use all {n_vertices} vertices, but {len(unused)} are in no face: "
            f"{listed(unused)}. Drop these vertices, and count the others anew."
        )
