"""What kind of surface the cells of a mesh make, and the loops of its boundary."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skmanifold.mesh._faces import IntArray, _sheets
from skmanifold.mesh._faults import (
    check_areas,
    check_cells_differ,
    check_kind,
    check_nodes_used,
    check_one_part,
    check_positions_differ,
    refuse_crowded_edges,
    refuse_fold,
    refuse_one_side,
)
from skmanifold.mesh._planar import check_planar, loop_area, signed_areas
from skmanifold.mesh._quads import split_quads
from skmanifold.mesh._surface import face_areas

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shared = tuple[IntArray, IntArray, Mask]  # triangles at inner edges, whether both run alike there


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles that all run around in one sense, and the loops of their boundary.

    Attributes
    ----------
    points : ndarray of shape (n_nodes, 2) or (n_nodes, 3)
        Positions of the nodes.
    triangles : ndarray of shape (n_triangles, 3)
        Nodes of each triangle; counter-clockwise in the plane.
    loops : tuple of ndarray
        Nodes along each loop of the boundary, in the sense in which the edges of the triangles run
        along it, each from its node of least x (then y, then z). The outer loop is the first, in
        the plane counter-clockwise; the loop around the hole, clockwise then, the second. In space
        the outer one is the longer.
    """

    points: FloatArray
    triangles: IntArray
    loops: tuple[IntArray, ...]

    @property
    def kind(self) -> Literal["disk", "annulus"]:
        """The topology, which the number of loops tells: "disk" or "annulus"."""
        return "disk" if len(self.loops) == 1 else "annulus"


def surface_of(points: FloatArray, cells: IntArray) -> Surface:
    """The surface that the cells make, if it is a disk or has one hole.

    Quads are split along the shorter diagonal. In the plane, cells that run clockwise are turned;
    in space, all are turned to the sense that most of the area has.

    Parameters
    ----------
    points : ndarray of shape (n_nodes, 2) or (n_nodes, 3)
        As `MeshSample` holds them.
    cells : ndarray of shape (n_cells, 3) or (n_cells, 4)
        Triangles or quads, as `MeshSample` holds them.

    Returns
    -------
    surface : Surface
        On the same nodes, with the same numbers.

    Raises
    ------
    MeshError
        If a node is in no cell; two nodes are in one position; a cell has no area, or a quad no
        way round its corners; two cells have the same nodes; an edge belongs to more than two
        cells; the mesh has several parts, or parts that touch in a node only; the surface is
        closed, one-sided, has a handle or two holes or more; in the plane, cells overlap, or the
        hole has no area, as where nodes of some cells lie on the edge of another. The
        message names nodes and cells, counted from 0.

    Examples
    --------
    The second of the cells runs clockwise:

    >>> import numpy as np
    >>> from skmanifold.mesh import surface_of
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> surface = surface_of(square, np.array([[0, 1, 2], [0, 3, 2]]))
    >>> surface.kind, surface.loops
    ('disk', (array([0, 1, 2, 3]),))
    """
    check_nodes_used(len(points), cells)
    check_positions_differ(points)
    triangles = split_quads(points, cells)
    cell_of = np.repeat(np.arange(len(cells)), cells.shape[1] - 2)
    check_areas(points, triangles, cell_of)
    one, other, rim = _edges(triangles, cell_of)
    ends = _ends(triangles)
    check_one_part(triangles, cell_of, (one // 3, other // 3), ends[rim])
    against = ends[one, 0] == ends[other, 0]
    if points.shape[1] == 2:
        turn = _clockwise(points, triangles, cell_of, (one // 3, other // 3, against))
    else:
        turn = _against_most(points, triangles, cell_of, (one // 3, other // 3, against))
    along = np.where(turn[rim // 3, None], ends[rim, ::-1], ends[rim])
    loops = _loops(points, along)
    check_kind(triangles, cell_of, len(one) + len(rim), loops)
    if points.shape[1] == 2:
        check_planar(points, loops)
    triangles = np.where(turn[:, None], triangles[:, [0, 2, 1]], triangles)
    return Surface(points, triangles, tuple(loops))


def _ends(triangles: IntArray) -> IntArray:
    """Nodes from and to which the edge runs that leaves each corner."""
    return np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2)


def _edges(triangles: IntArray, cell_of: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Corners that the edges leave: for inner ones in both of their triangles, then of the rim."""
    edges = np.sort(_ends(triangles), axis=1)
    keys = edges[:, 0] * (np.int64(triangles.max()) + 1) + edges[:, 1]
    order = np.argsort(keys)
    again = keys[order[1:]] == keys[order[:-1]]
    if (again[1:] & again[:-1]).any():
        check_cells_differ(triangles, cell_of)
        refuse_crowded_edges(order[2:][again[1:] & again[:-1]], edges, cell_of)
    alone = np.ones(len(keys), dtype=bool)
    alone[:-1] &= ~again
    alone[1:] &= ~again
    return order[:-1][again], order[1:][again], order[alone]


def _clockwise(points: FloatArray, triangles: IntArray, cell_of: IntArray, shared: Shared) -> Mask:
    """Triangles in the plane that run clockwise."""
    one, other, against = shared
    turn = signed_areas(points, triangles) < 0
    fold = against ^ turn[one] ^ turn[other]
    if fold.any():
        refuse_fold(triangles, cell_of, np.stack([one[fold], other[fold]], axis=1))
    return turn


def _against_most(
    points: FloatArray, triangles: IntArray, cell_of: IntArray, shared: Shared
) -> Mask:
    """Triangles to turn so that all run around as most of the area does."""
    one, other, against = shared
    if not against.any():
        return np.zeros(len(triangles), dtype=bool)
    upper, lower = _sheets(len(triangles), one, other, against)
    if (upper == lower).any():
        refuse_one_side(cell_of[one[against]])
    turn = upper > lower
    areas = face_areas(points, triangles)
    return turn ^ (areas[turn].sum() > areas[~turn].sum())


def _loops(points: FloatArray, along: IntArray) -> list[IntArray]:
    """Loops that the edges make, the outer one first."""
    following = dict(along.tolist())
    loops = []
    while following:
        node, end = following.popitem()
        loop = [node]
        while end != node:
            loop.append(end)
            end = following.pop(end)
        loops.append(_from_least(points, np.array(loop, dtype=np.intp)))
    size = loop_area if points.shape[1] == 2 else _length
    return sorted(loops, key=lambda loop: size(points, loop), reverse=True)


def _from_least(points: FloatArray, loop: IntArray) -> IntArray:
    """The loop from its node of least x, then y, then z."""
    return np.roll(loop, -np.lexsort(points[loop].T[::-1])[0])


def _length(points: FloatArray, loop: IntArray) -> float:
    places = points[loop]
    return float(np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1).sum())
