"""Where points lie in a flat triangle mesh, and what functions on its nodes are there."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from skmanifold.mesh._faces import BoolArray, IntArray
from skmanifold.mesh._planar import cross
from skmanifold.utils import row_chunks

FloatArray = NDArray[np.float64]

N_CANDIDATES = 8  # triangles by nearest centroid; in good meshes, they hold 99 points in 100
BYTES_PER_PAIR = 64  # of a point and a triangle whose boxes overlap along one axis
TURN = 2 * np.pi
ROUNDING = 1e-10  # a point this far outside, in barycentric coordinates, is on the edge


@dataclass(frozen=True)
class FlatMesh:
    """A mesh laid out in the plane, or around a cylinder that is cut open.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes, 2)
        Positions. Around a cylinder the first coordinate is from 0 to `period`.
    triangles : ndarray of shape (n_triangles, 3)
    corners : ndarray of shape (n_triangles, 3, 2)
        Positions of the corners of each triangle, next to each other also where a triangle crosses
        the cut.
    rims : tuple of ndarray
        Nodes of the outline of a disk, on the unit circle; or those around each end of a cylinder,
        at the heights 0 and 1. Empty if points are never outside.
    period : float or None
        Length once around; None in the plane.
    """

    nodes: FloatArray
    triangles: IntArray
    corners: FloatArray
    rims: tuple[IntArray, ...] = ()
    period: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What is cached is made anew faster than it is sent, and skops cannot keep trees.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def areas(self) -> FloatArray:
        """Areas of the triangles (n_triangles,), negative if turned over."""
        one, other = (
            self.corners[:, 1] - self.corners[:, 0],
            self.corners[:, 2] - self.corners[:, 0],
        )
        return 0.5 * cross(one, other)

    @cached_property
    def _tiles(self) -> tuple[IntArray, FloatArray]:
        """Triangles and their corners, repeated where they reach over the cut."""
        names = np.arange(len(self.triangles))
        if self.period is None:
            return names, self.corners
        around = self.corners[..., 0]
        over, under = around.max(1) > self.period, around.min(1) < 0
        shift = np.array([self.period, 0.0])
        corners = [self.corners, self.corners[over] - shift, self.corners[under] + shift]
        return np.concatenate([names, names[over], names[under]]), np.concatenate(corners)

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self._tiles[1].mean(axis=1))

    def interpolation(self, points: FloatArray) -> tuple[csr_array, BoolArray]:
        """Values at points from values at the nodes, linear on each triangle.

        Parameters
        ----------
        points : ndarray of shape (n_points, 2)

        Returns
        -------
        matrix : csr_array of shape (n_points, n_nodes)
            Rows sum to 1. A point on a rim or beyond it takes the value between two nodes of the
            rim that its angle tells.
        clamped : ndarray of shape (n_points,)
            Which points were beyond a rim, and not just on the circle or on the end of a cylinder.
        """
        if self.period is not None:
            points = np.column_stack([points[:, 0] % self.period, points[:, 1]])
        beyond, ends, shares, clamped = self._at_rims(points)
        inside = np.flatnonzero(~beyond)
        triangle, weights = self._located(points[inside])
        rows = np.concatenate([np.repeat(inside, 3), np.repeat(np.flatnonzero(beyond), 2)])
        columns = np.concatenate([self.triangles[triangle].ravel(), ends[beyond].ravel()])
        values = np.concatenate([weights.ravel(), shares[beyond].ravel()])
        matrix = csr_array((values, (rows, columns)), shape=(len(points), len(self.nodes)))
        return matrix, clamped

    def _at_rims(self, points: FloatArray) -> tuple[BoolArray, IntArray, FloatArray, BoolArray]:
        """Points on rims or beyond, nodes (n, 2) around them, weights; who is well beyond.

        On a cylinder this is more than a shortcut: triangles with all corners on one rim have no
        area there, and rim nodes at their tips can be told in no other way.
        """
        beyond, clamped = np.zeros((2, len(points)), dtype=bool)
        ends, shares = np.zeros((len(points), 2), dtype=np.intp), np.zeros((len(points), 2))
        for rim, end in zip(self.rims, (0, 1), strict=False):
            around, share = self._around(rim, points)
            if self.period is None:
                start, stop = self.nodes[around.T]
                over = cross(points - start, stop - start) / ((stop - start) ** 2).sum(axis=1)
                off = np.abs(np.linalg.norm(points, axis=1) - 1)
            else:
                over = off = points[:, 1] - 1 if end else -points[:, 1]
            here = over >= -ROUNDING
            beyond |= here
            clamped |= here & (off > ROUNDING)
            ends[here], shares[here] = around[here], share[here]
        return beyond, ends, shares, clamped

    def _around(self, rim: IntArray, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """For each point the two nodes of a rim between which its angle is, and their weights."""
        # The circle stands for the outline's chords, each stretched evenly: there angles are exact.
        own, angles = self._angles(self.nodes[rim]), self._angles(points)
        order = np.argsort(own)
        rim, own = rim[order], own[order]
        after = np.searchsorted(own, angles, side="right") % len(rim)
        before = after - 1
        share = ((angles - own[before]) % TURN / ((own[after] - own[before]) % TURN)).clip(0, 1)
        return np.stack([rim[before], rim[after]], axis=1), np.stack([1 - share, share], axis=1)

    def _angles(self, points: FloatArray) -> FloatArray:
        """Angles from 0 to 2 pi: directions from the origin, or the first coordinate."""
        if self.period is not None:
            return points[:, 0]
        return np.arctan2(points[:, 1], points[:, 0]) % TURN

    def _located(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """The triangle that holds each point, and the point's barycentric coordinates."""
        names, corners = self._tiles
        n_candidates = min(N_CANDIDATES, len(corners))
        candidates = self._tree.query(points, n_candidates)[1].reshape(len(points), n_candidates)
        found = barycentric(points[:, None], corners[candidates])
        best = found.min(axis=2).argmax(axis=1)[:, None]
        tile = np.take_along_axis(candidates, best, 1)[:, 0]
        weights = np.take_along_axis(found, best[..., None], 1)[:, 0]
        missing = np.flatnonzero(weights.min(axis=1) < -ROUNDING)
        for chunk in row_chunks(len(missing), BYTES_PER_PAIR * len(corners)):
            place, other = self._in_boxes(points[missing[chunk]])
            place = missing[chunk][place]
            found = barycentric(points[place], corners[other])
            best = np.lexsort([found.min(axis=1), place])
            best = best[np.append(np.diff(place[best]), 1) > 0]  # the last of each point
            better = best[found[best].min(axis=1) > weights[place[best]].min(axis=1)]
            tile[place[better]], weights[place[better]] = other[better], found[better]
        weights = weights.clip(0)
        return names[tile], weights / weights.sum(axis=1, keepdims=True)

    def _in_boxes(self, points: FloatArray) -> tuple[IntArray, IntArray]:
        """Pairs of points and of the tiles in whose bounding boxes they are."""
        low, high = self._tiles[1].min(axis=1) - ROUNDING, self._tiles[1].max(axis=1) + ROUNDING
        order = np.argsort(points[:, 0])
        first = np.searchsorted(points[order, 0], low[:, 0])
        count = np.searchsorted(points[order, 0], high[:, 0], side="right") - first
        tile = np.repeat(np.arange(len(low)), count)
        place = order[np.arange(len(tile)) + np.repeat(first + count - np.cumsum(count), count)]
        level = points[place, 1]
        inside = (low[tile, 1] <= level) & (level <= high[tile, 1])
        return place[inside], tile[inside]

    def mass_matrix(self) -> csr_array:
        """Integrals of the products of the nodes' hat functions (n_nodes, n_nodes)."""
        n_nodes = len(self.nodes)
        local = np.abs(self.areas)[:, None, None] * (np.ones((3, 3)) + np.eye(3)) / 12
        rows = np.repeat(self.triangles, 3, axis=1)
        columns = np.tile(self.triangles, (1, 3))
        return csr_array((local.ravel(), (rows.ravel(), columns.ravel())), shape=2 * (n_nodes,))


def barycentric(points: FloatArray, corners: FloatArray) -> FloatArray:
    """Barycentric coordinates (..., 3) of points (..., 2) in triangles (..., 3, 2)."""
    origin = corners[..., 0, :]
    one, other, place = corners[..., 1, :] - origin, corners[..., 2, :] - origin, points - origin
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / cross(one, other)
        second, third = cross(place, other) * scale, cross(one, place) * scale
        weights = np.stack([1 - second - third, second, third], axis=-1)
    # A triangle without area holds nothing.
    return np.where(np.isfinite(weights), weights, -np.inf)
