"""Exact shortest paths in the plane, with or without a rectangular hole."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from skmanifold.datasets._sample import FloatArray


class Rectangle(NamedTuple):
    """An open axis-parallel rectangle ``(left, right) x (bottom, top)``."""

    left: float
    right: float
    bottom: float
    top: float

    def corners(self) -> FloatArray:
        """Corners in cyclic order, shape (4, 2)."""
        left, right, bottom, top = self
        return np.array([[left, bottom], [right, bottom], [right, top], [left, top]])

    def contains(self, points: FloatArray) -> NDArray[np.bool_]:
        """Whether each point of shape (n, 2) lies inside; the sides are outside."""
        x, y = points.T
        return (self.left < x) & (x < self.right) & (self.bottom < y) & (y < self.top)


def plane_distances(P: FloatArray, Q: FloatArray) -> FloatArray:
    """Straight-line distances; `cdist` subtracts first, so near points stay accurate."""
    return cdist(P, Q)


def distances_around(P: FloatArray, Q: FloatArray, *, hole: Rectangle) -> FloatArray:
    """Lengths of the shortest paths from `P` to `Q` that do not enter `hole`.

    A shortest path among polygons is a chain of mutually visible points whose inner members are
    corners (Lozano-Perez and Wesley, 1979), so four corners say it all.

    Parameters
    ----------
    P : ndarray of shape (n_p, 2)
    Q : ndarray of shape (n_q, 2)
        Points outside the open rectangle.
    hole : Rectangle

    Returns
    -------
    distances : ndarray of shape (n_p, n_q)
    """
    to_corners = _lengths_to_visible_corners(P, hole)
    from_corners = _lengths_to_visible_corners(Q, hole)
    around = _perimeter_distances(hole)
    distances = np.where(_crosses(P, Q, hole), np.inf, cdist(P, Q))
    for last in range(4):  # the corner at which the path leaves the hole behind
        to_last = (to_corners + around[:, last]).min(axis=1)
        np.minimum(distances, to_last[:, None] + from_corners[:, last], out=distances)
    return distances


def _lengths_to_visible_corners(P: FloatArray, hole: Rectangle) -> FloatArray:
    """Distance to each corner, infinite where the hole hides it; shape (n, 4)."""
    corners = hole.corners()
    return np.where(_crosses(P, corners, hole), np.inf, cdist(P, corners))


def _perimeter_distances(hole: Rectangle) -> FloatArray:
    """Shortest way along the sides from corner to corner, shape (4, 4)."""
    return cdist(hole.corners(), hole.corners(), "cityblock")


def _crosses(P: FloatArray, Q: FloatArray, hole: Rectangle) -> NDArray[np.bool_]:
    """Whether each segment from `P` to `Q` meets the open rectangle, shape (n_p, n_q).

    Separating axes, no division: two convex sets in the plane are apart when they are so along
    the normal of a side of either. A segment that ends in a corner gives exact zeros here.
    """
    px, py = P[:, :1], P[:, 1:]
    qx, qy = Q[:, 0], Q[:, 1]
    apart = (np.maximum(px, qx) <= hole.left) | (np.minimum(px, qx) >= hole.right)
    apart |= (np.maximum(py, qy) <= hole.bottom) | (np.minimum(py, qy) >= hole.top)
    dx, dy = qx - px, qy - py
    lowest, highest = np.full(dx.shape, np.inf), np.full(dx.shape, -np.inf)
    for x, y in hole.corners():
        side = dx * (y - py) - dy * (x - px)
        np.minimum(lowest, side, out=lowest)
        np.maximum(highest, side, out=highest)
    return ~(apart | (lowest >= 0) | (highest <= 0))
