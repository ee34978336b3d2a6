"""Meshes in the plane: signed areas, and whether the boundary crosses itself."""

import numpy as np
from numpy.typing import NDArray

from skmanifold.exceptions import MeshError
from skmanifold.mesh._faces import IntArray, listed
from skmanifold.mesh._quads import SKEW

FloatArray = NDArray[np.float64]

NUDGE = 1e-8  # share of the length of the edges
ROUNDINGS = 16  # what lies within so many rounding errors of the coordinates is taken to touch


def signed_areas(points: FloatArray, triangles: IntArray) -> FloatArray:
    """Areas of triangles in the plane, negative for those that run clockwise."""
    first, second, third = np.moveaxis(points[triangles], 1, 0)
    return cross(second - first, third - first) / 2


def loop_area(points: FloatArray, loop: IntArray) -> float:
    """Area within a loop in the plane, negative if it runs clockwise."""
    along = points[loop] - points[loop[0]]
    return float(cross(along, np.roll(along, -1, axis=0)).sum() / 2)


def cross(one: FloatArray, other: FloatArray) -> FloatArray:
    """Third component of the vector products of vectors (..., 2)."""
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def check_planar(points: FloatArray, loops: list[IntArray]) -> None:
    """Refuse a hole without area, and a boundary that crosses itself.

    Where all triangles run counter-clockwise, those above a point are as many as the boundary winds
    around it. So triangles that overlap without a fold have a boundary that winds twice around some
    point: it crosses itself, or the loop of the hole does not run clockwise.
    """
    error = ROUNDINGS * np.finfo(np.float64).eps * np.abs(points).max()
    for loop in loops[1:]:
        if loop_area(points, loop) >= -error * np.ptp(points[loop], axis=0).max():
            raise MeshError(
                f"a hole must have an area, but the hole at the nodes {listed(loop)} has no area: "
                "the mesh is cut there. Most often nodes of some cells lie on the edge of another "
                "cell: add them to it."
            )
    start = np.concatenate(loops)
    end = np.concatenate([np.roll(loop, -1) for loop in loops])
    one, other = _crossings(points, start, end, float(error))
    if len(one):
        i, j = one[0], other[0]
        raise MeshError(
            "cells in the plane must not overlap, but the boundary crosses itself: the edge from "
            f"node {start[i]} to {end[i]} and that from node {start[j]} to {end[j]}, and such "
            f"pairs are {len(one)} in all. Move these nodes, or drop the cells that overlap."
        )


def _crossings(
    points: FloatArray, start: IntArray, end: IntArray, error: float
) -> tuple[IntArray, IntArray]:
    """Pairs of edges that cross each other.

    They touch at least, and cross where the boundary is pushed inwards by next to nothing. That
    tells pieces that lie on each other, with the mesh on one side of both, from a hole so narrow
    that its sides touch.
    """
    one, other = _close_pairs(points[start], points[end])
    apart = (start[one] != end[other]) & (end[one] != start[other])
    one, other = one[apart], other[apart]
    touch = _meet(points, start, end, one, other, error)
    one, other = one[touch], other[touch]
    cross = _meet(_pushed_inwards(points, start, end), start, end, one, other, 0.0)
    return one[cross], other[cross]


def _meet(
    points: FloatArray,
    start: IntArray,
    end: IntArray,
    one: IntArray,
    other: IntArray,
    error: float,
) -> NDArray[np.bool_]:
    """Whether the ends of either edge are on both sides of the line along the other."""
    met = np.ones(len(one), dtype=bool)
    for line, edge in ((one, other), (other, one)):
        tail, along = points[start[line]], points[end[line]] - points[start[line]]
        sides = np.stack([cross(along, points[ends[edge]] - tail) for ends in (start, end)])
        slack = error * np.abs(along).max(axis=1)
        met &= (sides.min(axis=0) <= slack) & (sides.max(axis=0) >= -slack)
    return met


def _pushed_inwards(points: FloatArray, start: IntArray, end: IntArray) -> FloatArray:
    """Points of which those on the boundary are moved to its left by a small share of its edges."""
    along = points[end] - points[start]
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    # The shares differ, for pieces of the boundary that coincide and move alike would still touch.
    share = 1 + np.modf(np.arange(len(start)) * 0.6180339887)[0]
    inwards = np.zeros_like(points)
    inwards[start] += left
    inwards[end] += left
    inwards[start] *= share[:, None]
    return points + NUDGE * inwards


def _close_pairs(tails: FloatArray, heads: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of edges whose shadows on a skew line overlap; few, as none is at right angles to it.

    Sorted by where the shadows begin, those that begin within one follow it.
    """
    shadows = np.sort(np.stack([tails, heads]) @ SKEW[:2], axis=0)
    order = np.argsort(shadows[0])
    low, high = shadows[0, order], shadows[1, order]
    counts = np.searchsorted(low, high, side="right") - np.arange(len(low)) - 1
    one = np.repeat(np.arange(len(low)), counts)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[one], order[other]
