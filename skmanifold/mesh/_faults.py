"""Faults of a mesh, each refused with its nodes and cells."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skmanifold.exceptions import MeshError
from skmanifold.mesh._faces import IntArray, fans, listed
from skmanifold.mesh._quads import SKEW, vector_product

FloatArray = NDArray[np.float64]

ROUNDINGS = 16  # what lies within so many rounding errors of the coordinates is taken to coincide


def check_nodes_used(n_nodes: int, cells: IntArray) -> None:
    """Refuse nodes that are in no cell."""
    unused = np.flatnonzero(np.bincount(cells.ravel(), minlength=n_nodes) == 0)
    if len(unused):
        raise MeshError(
            f"all {n_nodes} nodes must be in a cell, but {len(unused)} are in none: "
            f"{listed(unused)}. Drop these nodes, and count the others anew."
        )


def check_positions_differ(points: FloatArray) -> None:
    """Refuse nodes in one place, at which a mesh is cut though it looks whole.

    Nodes in one place cast one shadow on a skew line, where next to no others fall together.
    """
    shadows = points @ SKEW[: points.shape[1]]
    order = np.argsort(shadows)
    gaps = np.abs(points[order[1:]] - points[order[:-1]]).max(axis=1)
    same = gaps <= _rounding(points)
    if same.any():
        pairs = np.sort(np.stack([order[:-1][same], order[1:][same]], axis=1), axis=1)
        pairs = pairs[np.lexsort(pairs.T[::-1])]
        raise MeshError(
            f"nodes must differ in position, but nodes {pairs[0, 0]} and {pairs[0, 1]} are both at "
            f"{points[pairs[0, 0]].tolist()}. Nodes in the place of another: "
            f"{listed(pairs[:, 1])}. Merge them."
        )


def check_areas(points: FloatArray, triangles: IntArray, cell_of: IntArray) -> None:
    """Refuse triangles whose corners are on a line, but for rounding errors."""
    first, second, third = np.moveaxis(points[triangles], 1, 0)
    doubled = np.linalg.norm(vector_product(second - first, third - first), axis=1)
    longest = np.maximum(np.abs(second - first), np.abs(third - first)).max(axis=1)
    flat = np.flatnonzero(doubled <= _rounding(points) * longest)
    if len(flat):
        raise MeshError(
            f"cells must have an area, but the nodes {triangles[flat[0]].tolist()} of cell "
            f"{cell_of[flat[0]]} lie on a line. Cells without area: "
            f"{listed(np.unique(cell_of[flat]))}. Drop them, or move their nodes."
        )


def check_cells_differ(triangles: IntArray, cell_of: IntArray) -> None:
    """Refuse cells on the same nodes, in whatever order."""
    nodes = np.sort(triangles, axis=1)
    order = np.lexsort(nodes.T)
    same = (nodes[order[:-1]] == nodes[order[1:]]).all(axis=1)
    if same.any():
        pairs = np.sort(cell_of[np.stack([order[:-1][same], order[1:][same]], axis=1)], axis=1)
        pairs = pairs[np.argsort(pairs[:, 1])]
        raise MeshError(
            f"cells must differ, but cells {pairs[0, 0]} and {pairs[0, 1]} cover the same nodes "
            f"{nodes[order[:-1][same]][0].tolist()}. Cells that repeat another: "
            f"{listed(np.unique(pairs[:, 1]))}. Drop them."
        )


def refuse_crowded_edges(crowded: IntArray, edges: IntArray, cell_of: IntArray) -> None:
    """Refuse edges of three cells and more.

    Parameters
    ----------
    crowded : ndarray of shape (k,)
        Corners that such edges leave, k > 0.
    edges : ndarray of shape (3 n_triangles, 2)
        Ends of the edge that leaves each corner, the lower number first.
    """
    ends = edges[crowded[0]]
    corners = np.flatnonzero((edges == ends).all(axis=1))
    raise MeshError(
        "an edge must belong to one or two cells (a manifold), but that from node "
        f"{ends[0]} to {ends[1]} belongs to {len(corners)}: {listed(cell_of[corners // 3])}. Such "
        f"edges are {len(np.unique(edges[crowded], axis=0))} in all. Drop cells, or cut the mesh."
    )


def check_one_part(
    triangles: IntArray, cell_of: IntArray, shared: tuple[IntArray, IntArray], rim: IntArray
) -> None:
    """Refuse meshes in which one cannot walk from any cell to any other across edges.

    Parameters
    ----------
    shared : tuple of two ndarray
        The two triangles of each inner edge.
    rim : ndarray of shape (n_boundary_edges, 2)
        Ends of the edges of the boundary.
    """
    pinched = np.flatnonzero(np.bincount(rim.ravel()) > 2)
    if len(pinched):
        _refuse_pinched(pinched, triangles, cell_of)
    size = len(triangles)
    graph = coo_array((np.ones(len(shared[0]), dtype=np.int8), shared), shape=(size, size))
    n_parts, part = connected_components(graph, directed=False)
    if n_parts > 1:
        counts = np.bincount(part)
        smallest = cell_of[part == counts.argmin()]
        raise MeshError(
            f"a mesh must be in one part, but this one is in {n_parts}. The smallest has "
            f"{len(np.unique(smallest))} of the {cell_of[-1] + 1} cells: "
            f"{listed(np.unique(smallest))}. Drop all parts but one, or merge the nodes at which "
            "they should join."
        )


def refuse_fold(triangles: IntArray, cell_of: IntArray, pairs: IntArray) -> None:
    """Refuse cells in the plane that lie on the same side of an edge they share.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2)
        Triangles, n_pairs > 0.
    """
    one, other = triangles[pairs[0]]
    edge = np.intersect1d(one, other)
    raise MeshError(
        f"cells in the plane must not overlap, but cells {cell_of[pairs[0, 0]]} and "
        f"{cell_of[pairs[0, 1]]} lie on one side of their common edge, from node {edge[0]} to "
        f"{edge[1]}: the mesh is folded there. Such pairs of cells are {len(pairs)} in all. Move "
        "the nodes around, or drop the cells that overlap."
    )


def refuse_one_side(cells: IntArray) -> None:
    """Refuse a surface along which one comes back on the other side.

    Parameters
    ----------
    cells : ndarray of shape (k,)
        Cells that run against a neighbour as they are, k > 0.
    """
    raise MeshError(
        "a surface must have two sides, but this one has one, as a Moebius band: however its cells "
        f"are turned, some run against a neighbour, such as cell {cells[0]} now. Cut it there."
    )


def check_kind(triangles: IntArray, cell_of: IntArray, n_edges: int, loops: list[IntArray]) -> None:
    """Refuse what is neither a disk nor an annulus.

    A surface in one part, with two sides, has the Euler characteristic 2 - 2 handles - loops, less
    one for each node that the surface meets once more than it should.
    """
    if not loops:
        raise MeshError(
            "a mesh must have a boundary, but every edge belongs to two cells: the surface is "
            "closed. Cut it open."
        )
    if len(loops) > 2:
        nodes = ", ".join(str(loop[0]) for loop in loops[1:6])
        raise MeshError(
            f"a mesh can have one hole at most, but this one has {len(loops) - 1}, with the nodes "
            f"{nodes} at their edges. If a hole has no area, the mesh is cut there: see whether "
            "nodes are to be merged, or nodes of one cell lie on the edge of another."
        )
    excess = 2 - len(loops) - (int(triangles.max()) + 1 - n_edges + len(triangles))
    if excess > 0:
        fan = fans(triangles)[0]
        owner = np.unique(np.stack([triangles.ravel(), fan.ravel()]), axis=1)[0]
        pinched = np.flatnonzero(np.bincount(owner) > 1)
        if len(pinched):
            _refuse_pinched(pinched, triangles, cell_of)
        raise MeshError(
            f"a mesh must be a disk, with one hole or none, but this one has {excess // 2} handles "
            "as a torus has: one can cut it along a closed curve, and it stays in one part."
        )


def _refuse_pinched(nodes: IntArray, triangles: IntArray, cell_of: IntArray) -> None:
    cells = np.unique(cell_of[(triangles == nodes[0]).any(axis=1)])
    raise MeshError(
        "cells around a node must follow each other across edges, but those around node "
        f"{nodes[0]} ({listed(cells, 8)}) touch in it alone: the surface is pinched there. Nodes "
        f"of this kind: {listed(nodes)}. Give each of its sides a node of its own, or drop cells."
    )


def _rounding(points: FloatArray) -> float:
    return float(ROUNDINGS * np.finfo(np.float64).eps * np.abs(points).max())
