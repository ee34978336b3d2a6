"""Harmonic maps of surfaces onto the unit disk, and of rings onto a cylinder that is cut open."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from skmanifold.mesh._faces import IntArray
from skmanifold.mesh._location import TURN, FlatMesh
from skmanifold.mesh._quads import vector_product
from skmanifold.mesh._topology import Surface

FloatArray = NDArray[np.float64]
Weights = Literal["cotangent", "mean_value", "uniform"]


def disk_map(surface: Surface, angles: FloatArray, weights: Weights) -> FlatMesh:
    """The surface laid onto the unit disk, each inner node at the weighted mean of its neighbours.

    Parameters
    ----------
    surface : Surface
        A disk.
    angles : ndarray of shape (n_loop,)
        Where the nodes of the outline come to lie on the circle, increasing by less than a turn.
    weights : {"cotangent", "mean_value", "uniform"}
        Cotangents make the map that of the surface itself, whatever its mesh: as smooth as can be.
        Mean values and uniform weights are positive, and no triangle is ever turned over [1]_ [2]_.

    Returns
    -------
    flat : FlatMesh

    References
    ----------
    .. [1] W. T. Tutte, "How to draw a graph", Proceedings of the London Mathematical Society, 1963.
    .. [2] M. S. Floater, "Mean value coordinates", Computer Aided Geometric Design 20, 2003.
    """
    (loop,) = surface.loops
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    laplacian = _laplacian(surface, weights)
    nodes = _harmonic(laplacian, loop, circle, np.zeros_like(surface.points[:, :2]))
    return FlatMesh(nodes, surface.triangles, nodes[surface.triangles], rims=(loop,))


def strip_map(
    surface: Surface, angles: tuple[FloatArray, FloatArray], weights: Weights
) -> FlatMesh:
    """A plane region with one hole laid around a cylinder of height 1 and circumference 2 pi.

    The height is 0 on the outline, 1 at the hole, and harmonic between. The angle is harmonic
    too, once it is cut open. Both rims are straight then, so that positive weights turn no triangle
    over; two circles, one in the other, would.

    Parameters
    ----------
    surface : Surface
        An annulus in the plane.
    angles : tuple of two ndarray
        Angles of the nodes of the outline and of those of the hole, in the order of the loops,
        each running around once; the hole's decrease, as its loop runs clockwise.
    weights : {"cotangent", "mean_value", "uniform"}
        As in `disk_map`.

    Returns
    -------
    flat : FlatMesh
        With angle and height as coordinates.
    """
    outer, hole = surface.loops
    start = _angles_around(surface.points, _inner_point(surface.points[hole]))
    # The angle sought is the starting one plus a function that has one value at each node.
    lift_outer, lift_hole = _lift(start[outer], angles[0]), -_lift(-start[hole], -angles[1])
    # Of all ways to wind from one rim to the other, about the shortest. The shift keeps landmarks
    # on opposite sides, half a turn either way, from a tie that the mesh would decide.
    lift_hole -= TURN * np.round((lift_hole.mean() - lift_outer.mean()) / TURN - 0.1)
    fixed = np.concatenate([outer, hole])
    heights = np.repeat([0.0, 1.0], [len(outer), len(hole)])
    values = np.column_stack([np.concatenate([lift_outer, lift_hole]), heights])
    laplacian = _laplacian(surface, weights)
    source = np.column_stack([_divergence(laplacian, start), np.zeros(len(start))])
    lift, height = _harmonic(laplacian, fixed, values, source).T
    nodes = np.column_stack([(start + lift) % TURN, height])
    steps = _nearest_turn(start[surface.triangles] - start[surface.triangles[:, :1]])
    around = nodes[surface.triangles[:, :1], 0] + steps
    around += lift[surface.triangles] - lift[surface.triangles[:, :1]]
    corners = np.stack([around, height[surface.triangles]], axis=-1)
    return FlatMesh(nodes, surface.triangles, corners, surface.loops, period=TURN)


def arc_fractions(points: FloatArray, loop: IntArray, start: int) -> FloatArray:
    """Shares of the length of a loop, from its node number `start` on, in the order of the loop."""
    path = points[np.roll(loop, -start)]
    lengths = np.linalg.norm(np.roll(path, -1, axis=0) - path, axis=1)
    fractions = np.concatenate([[0.0], np.cumsum(lengths)[:-1]]) / lengths.sum()
    return np.roll(fractions, start)


def _weights(surface: Surface, kind: Weights) -> csr_array:
    """Weights of the edges (n_nodes, n_nodes); row i holds those of the neighbours of node i."""
    triangles, n_nodes = surface.triangles, len(surface.points)
    following, last = np.roll(triangles, -1, axis=1), np.roll(triangles, -2, axis=1)
    to_following = surface.points[following] - surface.points[triangles]
    to_last = surface.points[last] - surface.points[triangles]
    length, other_length = np.linalg.norm(to_following, axis=2), np.linalg.norm(to_last, axis=2)
    # Of the angles at the corners, both times the lengths of the sides.
    cosine = (to_following * to_last).sum(axis=2)
    sine = np.linalg.norm(vector_product(to_following[:, 0], to_last[:, 0]), axis=1)[:, None]
    if kind == "cotangent":  # of the angle at a corner, for the edge opposite to it
        halves = 0.5 * cosine / sine
        rows, columns, values = (following, last), (last, following), (halves, halves)
    elif kind == "mean_value":
        tangents = _half_angle_tangents(cosine, sine, length * other_length)
        rows, columns = (triangles, triangles), (following, last)
        values = tangents / length, tangents / other_length
    else:  # half for each of the two triangles at an edge; outlines do not matter
        halves = np.full(triangles.shape, 0.5)
        rows, columns, values = (triangles, triangles), (following, last), (halves, halves)
    flat = [np.concatenate([part.ravel() for part in parts]) for parts in (values, rows, columns)]
    return csr_array((flat[0], (flat[1], flat[2])), shape=(n_nodes, n_nodes))


def _half_angle_tangents(cosine: FloatArray, sine: FloatArray, radius: FloatArray) -> FloatArray:
    """Of the halves of angles whose cosine and sine are given, times a radius."""
    sharp = cosine > 0  # each form loses its digits where the other one is taken
    return np.where(sharp, sine, radius - cosine) / np.where(sharp, radius + cosine, sine)


def _laplacian(surface: Surface, kind: Weights) -> csr_array:
    """Sums of the weights on the diagonal, minus the weights beside it."""
    weights = _weights(surface, kind)
    total = np.asarray(weights.sum(axis=1)).ravel()
    n_nodes = len(total)
    diagonal = csr_array((total, np.arange(n_nodes), np.arange(n_nodes + 1)), shape=2 * (n_nodes,))
    return csr_array(diagonal - weights)


def _harmonic(
    laplacian: csr_array, fixed: IntArray, values: FloatArray, source: FloatArray
) -> FloatArray:
    """Solution of ``laplacian u = source`` at all nodes but the fixed ones, where `u` is given."""
    solution = np.empty_like(source)
    solution[fixed] = values
    free = np.ones(len(source), dtype=bool)
    free[fixed] = False
    inner = np.flatnonzero(free)
    if len(inner) == 0:
        return solution
    rows = laplacian[inner]
    known = source[inner] - rows[:, fixed] @ values
    # The pattern is symmetric and the diagonal is large: without pivoting it is as fast as
    # Cholesky, and with the default options many times slower.
    factor = splu(
        csc_array(rows[:, inner]),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    solution[inner] = factor.solve(known)
    return solution


def _divergence(laplacian: csr_array, start: FloatArray) -> FloatArray:
    """Weighted sum of the steps of a many-valued angle from each node to its neighbours."""
    entries = laplacian.tocoo()
    steps = _nearest_turn(start[entries.col] - start[entries.row])
    # Off the diagonal the entries are minus the weights; on it the step is nought.
    sums = np.bincount(entries.row, weights=entries.data * steps, minlength=len(start))
    return np.asarray(-sums, dtype=np.float64)


def _nearest_turn(angles: FloatArray) -> FloatArray:
    """Angles between -pi and pi."""
    return angles - TURN * np.round(angles / TURN)


def _lift(start: FloatArray, aim: FloatArray) -> FloatArray:
    """Aim minus start along a loop, as a function without jumps. The aim runs counter-clockwise."""
    along = np.concatenate([[0.0], np.cumsum(_nearest_turn(np.diff(start)))])
    return aim[0] + (aim - aim[0]) % TURN - (start[0] + along)


def _angles_around(points: FloatArray, center: FloatArray) -> FloatArray:
    """Directions of the points as seen from a center."""
    x, y = (points - center).T
    return np.arctan2(y, x)


def _inner_point(polygon: FloatArray) -> FloatArray:
    """A point inside a polygon: the middle of its widest part along a level between nodes."""
    levels = np.unique(polygon[:, 1])
    middle = len(levels) // 2
    level = 0.5 * (levels[middle - 1] + levels[middle])
    start, end = polygon, np.roll(polygon, -1, axis=0)
    crossing = (start[:, 1] < level) != (end[:, 1] < level)
    start, end = start[crossing], end[crossing]
    share = (level - start[:, 1]) / (end[:, 1] - start[:, 1])
    places = np.sort(start[:, 0] + share * (end[:, 0] - start[:, 0]))
    widths = places[1::2] - places[::2]
    widest = 2 * int(widths.argmax())
    return np.array([0.5 * (places[widest] + places[widest + 1]), level])
