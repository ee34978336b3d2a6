"""Unstructured triangle meshes of planar regions, for the generators of simulations."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from skmanifold.datasets._sample import FloatArray
from skmanifold.utils._chunk import row_chunks

IntArray = NDArray[np.intp]
SizeFunction = Callable[[FloatArray], FloatArray]

# Sizes to try, relative to the wanted ones: the same again with other chances, then smaller ones.
_FACTORS = (1, 1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6)
_SMALLEST_ANGLE = 15.0  # degrees; a mesh below it is made anew
_CLEARANCE = 0.75  # of interior nodes from the boundary, in units of the wanted size
_JITTER = 0.15  # of the lattice, in units of the wanted size
# Delaunay triangulations that follow the smoothing, and the steps of it before each: more of either
# hardly improve the angles.
_N_TRIANGULATIONS, _N_STEPS = 3, 4


def mesh_region(
    loops: Sequence[Sequence[FloatArray]], size: SizeFunction, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, list[IntArray]]:
    """Triangulate a planar region, with nodes and cells in random order.

    Parameters
    ----------
    loops : sequence of loops
        The boundary. A loop is a sequence of sides, each a fine polyline of shape (n, 2) that ends
        where the next one starts; the region lies on its left. Sides meet in nodes of the mesh.
    size : callable
        ``size(points)`` gives the wanted lengths of edges, shape (n,), at points (n, 2) of the
        bounding box. It should change slowly: by less than about 0.3 for each unit of length.
    rng : numpy Generator
        Source of the positions and the order of the nodes.

    Returns
    -------
    points : ndarray of shape (n_nodes, 2)
    cells : ndarray of shape (n_cells, 3)
        Triangles, counter-clockwise, of which no angle is below 15 degrees.
    corners : list of ndarray of shape (n_sides,)
        For each loop the nodes in which its sides start.

    Raises
    ------
    RuntimeError
        If no mesh of that quality was found, as for sides that meet in a sharp angle inside.
    """
    for factor in _FACTORS:
        draft = _draft(loops, partial(_scaled, size, factor), rng)
        if draft is not None:
            return shuffled(*draft, rng)
    raise RuntimeError("No mesh of the region was found: choose smaller cells.")


def _scaled(size: SizeFunction, factor: float, points: FloatArray) -> FloatArray:
    return factor * size(points)


def _draft(
    loops: Sequence[Sequence[FloatArray]], size: SizeFunction, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, list[IntArray]] | None:
    """Points, cells and the nodes in which sides start, if that makes a good mesh."""
    rings = [[_side_nodes(side, size) for side in loop] for loop in loops]
    boundary = np.concatenate([side for ring in rings for side in ring])
    edges = _ring_edges([sum(map(len, ring)) for ring in rings])
    seeds = _interior_nodes(boundary, edges, size, rng)
    points, cells = _smoothed(np.concatenate([boundary, seeds]), edges, size)
    if not _bounded_by(cells, edges) or smallest_angle(points, cells) < _SMALLEST_ANGLE:
        return None
    starts = np.cumsum([0, *(len(side) for ring in rings for side in ring)])[:-1]
    return points, cells, np.split(starts, np.cumsum([len(ring) for ring in rings])[:-1])


def shuffled(
    points: FloatArray, cells: IntArray, marks: Sequence[IntArray], rng: np.random.Generator
) -> tuple[FloatArray, IntArray, list[IntArray]]:
    """The same mesh with nodes and cells in random order and each cell from a random corner on.

    `marks` are arrays of nodes, which are renamed as well.
    """
    order = rng.permutation(len(points))
    new_name = np.argsort(order)
    starts = rng.integers(3, size=(len(cells), 1))
    turned = np.take_along_axis(cells, (starts + np.arange(3)) % 3, axis=1)
    cells = new_name[rng.permutation(turned)]
    return points[order], cells, [new_name[nodes] for nodes in marks]


def signed_areas(points: FloatArray, cells: IntArray) -> FloatArray:
    """Areas of the triangles, (n_cells,), positive where they are counter-clockwise."""
    x, y = points[cells].transpose(2, 1, 0)
    return ((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])) / 2


def smallest_angle(points: FloatArray, cells: IntArray) -> float:
    """The smallest angle of all triangles, in degrees."""
    sides = points[cells[:, [1, 2, 0]]] - points[cells]
    onward, back = sides, -sides[:, [2, 0, 1]]
    cross = onward[..., 0] * back[..., 1] - onward[..., 1] * back[..., 0]
    return float(np.rad2deg(np.arctan2(cross, (onward * back).sum(axis=2)).min()))


def _side_nodes(side: FloatArray, size: SizeFunction) -> FloatArray:
    """Nodes along a polyline at the wanted distances, from its start up to before its end."""
    steps = np.linalg.norm(np.diff(side, axis=0), axis=1)
    middles = (side[1:] + side[:-1]) / 2
    count = np.concatenate([[0], np.cumsum(steps / size(middles))])
    n_edges = max(2, round(count[-1]))
    at = np.arange(n_edges) * count[-1] / n_edges
    return np.column_stack([np.interp(at, count, side[:, 0]), np.interp(at, count, side[:, 1])])


def _ring_edges(lengths: Sequence[int]) -> IntArray:
    """Edges (n, 2) of rings of nodes that are numbered one after the other."""
    starts = np.cumsum([0, *lengths])
    nodes = [np.arange(start, stop) for start, stop in pairwise(starts)]
    return np.concatenate([np.column_stack([ring, np.roll(ring, -1)]) for ring in nodes])


def _interior_nodes(
    boundary: FloatArray, edges: IntArray, size: SizeFunction, rng: np.random.Generator
) -> FloatArray:
    """Nodes of a jittered lattice inside of the region, at a distance from its boundary."""
    points = _lattice(boundary.min(axis=0), boundary.max(axis=0), size, rng)
    wanted = size(points)
    points = points + _JITTER * wanted[:, None] * rng.uniform(-1, 1, size=points.shape)
    # Distances from the nodes and the middles of the edges stand for those from the edges.
    marks = np.concatenate([boundary, boundary[edges].mean(axis=1)])
    distances, _ = cKDTree(marks).query(points)
    points = points[distances > _CLEARANCE * wanted]
    return points[_is_inside(points, boundary[edges])]


def _lattice(
    low: FloatArray, high: FloatArray, size: SizeFunction, rng: np.random.Generator
) -> FloatArray:
    """Nodes of a triangular lattice over a box, turned at random and finer where `size` is small.

    Triangles are quartered as long as their edges are longer than wanted by more than the square
    root of 2, for the mean of the lengths to be right.
    """
    centre, radius = (low + high) / 2, np.linalg.norm(high - low) / 2
    turn, shift = rng.uniform(0, 2 * np.pi), rng.uniform(size=2)
    basis = np.array([[1, 0], [0.5, np.sqrt(0.75)]]) @ np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    steps = np.arange(-6, 6)
    corners = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 1, 2).astype(np.float64)
    # The largest size is met exactly; triangles of the start are at least half the radius wide.
    largest = size(np.clip(centre + radius / 2 * corners[:, 0] @ basis, low, high)).max()
    scale = largest * 2.0 ** np.ceil(np.log2(radius / 2 / largest))
    up, down = np.array([[0, 0], [1, 0], [0, 1]]), np.array([[1, 0], [1, 1], [0, 1]])
    triangles = np.concatenate([corners + up, corners + down])
    edge, leaves = scale, []
    # Halves are exact in binary numbers, so that shared corners are equal.
    while len(triangles):
        middle = centre + scale * (triangles.mean(axis=1) + shift) @ basis
        in_box = np.clip(middle, low, high)
        near = np.linalg.norm(middle - in_box, axis=1) < edge
        large = edge > np.sqrt(2) * size(in_box)
        leaves.append(triangles[near & ~large])
        triangles = _quartered(triangles[near & large])
        edge /= 2
    nodes = np.unique(np.concatenate(leaves).reshape(-1, 2), axis=0)
    points = centre + scale * (nodes + shift) @ basis
    return points[np.all((points > low) & (points < high), axis=1)]


def _quartered(triangles: FloatArray) -> FloatArray:
    """The four triangles that each one (n, 3, 2) is cut into between the middles of its edges."""
    middles = (triangles + triangles[:, [1, 2, 0]]) / 2
    at_corners = [
        np.stack([triangles[:, k], middles[:, k], middles[:, k - 1]], axis=1) for k in range(3)
    ]
    return np.concatenate([*at_corners, middles])


def _is_inside(points: FloatArray, edges: FloatArray) -> NDArray[np.bool_]:
    """Whether points (n, 2) lie inside of closed loops of edges (m, 2, 2): even-odd rule."""
    (x0, y0), (x1, y1) = edges.transpose(1, 2, 0)
    inside = np.empty(len(points), dtype=np.bool_)
    for chunk in row_chunks(len(points), 32 * len(edges)):
        x, y = points[chunk, :1], points[chunk, 1:]
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            is_left = x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        inside[chunk] = (crosses & is_left).sum(axis=1) % 2 == 1
    return inside


def _smoothed(
    points: FloatArray, edges: IntArray, size: SizeFunction
) -> tuple[FloatArray, IntArray]:
    """Move interior nodes to the middle of the cells around them, and triangulate anew."""
    n_fixed = len(edges)
    cells = _triangulated(points, edges)
    for _ in range(_N_TRIANGULATIONS):
        for _ in range(_N_STEPS):
            points = _centred(points, cells, n_fixed, size)
        cells = _triangulated(points, edges)
    return points, cells


def _centred(points: FloatArray, cells: IntArray, n_fixed: int, size: SizeFunction) -> FloatArray:
    """Each node but the first `n_fixed` at the mean of the centres of its cells.

    Cells weigh by their areas in units of the wanted ones, to the power that makes the wanted
    sizes an equilibrium.
    """
    centres = points[cells].mean(axis=1)
    weights = np.abs(signed_areas(points, cells)) / size(centres) ** 4
    total, x, y = (
        np.bincount(cells.ravel(), np.repeat(values, 3), minlength=len(points))
        for values in (weights, weights * centres[:, 0], weights * centres[:, 1])
    )
    moved = np.column_stack([x, y])[n_fixed:] / total[n_fixed:, None]
    return np.concatenate([points[:n_fixed], moved])


def _triangulated(points: FloatArray, edges: IntArray) -> IntArray:
    """Delaunay triangles inside of the region, counter-clockwise."""
    cells = Delaunay(points).simplices.astype(np.intp)
    areas = signed_areas(points, cells)
    cells[areas < 0] = cells[areas < 0][:, ::-1]
    # Only triangles between nodes of the boundary may lie outside; flat ones lie on straight sides.
    flat = np.abs(areas) < 1e-6 * np.median(np.abs(areas))
    doubtful = np.flatnonzero((cells < len(edges)).all(axis=1) & ~flat)
    outside = ~_is_inside(points[cells[doubtful]].mean(axis=1), points[edges])
    flat[doubtful[outside]] = True
    return cells[~flat]


def boundary_edges(cells: IntArray) -> IntArray:
    """Edges (n, 2) that belong to one cell only, in the sense in which it runs along them."""
    edges = cells[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    n_nodes = cells.max() + 1
    back = edges[:, 1] * n_nodes + edges[:, 0]
    return edges[~np.isin(edges[:, 0] * n_nodes + edges[:, 1], back)]


def _bounded_by(cells: IntArray, edges: IntArray) -> bool:
    """Whether `edges` are the boundary of the cells."""
    return np.array_equal(_sorted(boundary_edges(cells)), _sorted(edges))


def _sorted(rows: IntArray) -> IntArray:
    return rows[np.lexsort(rows.T)]
