"""Quads split into triangles."""

import numpy as np
from numpy.typing import NDArray

from skmanifold.exceptions import MeshError
from skmanifold.mesh._faces import IntArray, listed

FloatArray = NDArray[np.float64]

# No mesh has edges along it, so that it tells the corners of a rectangle apart.
SKEW = np.array([0.60469, 0.51387, 0.60852])
TIE = 1e-9  # share of their length within which the diagonals of a quad are of one length
THIN = 1e-6  # share of the area of a quad below which a triangle of it is none


def split_quads(points: FloatArray, cells: IntArray) -> IntArray:
    """Two triangles in the place of each quad, which run around as it does; triangles stay.

    The shorter diagonal splits it, unless that lies outside of the quad. Of two that are equally
    long it is the one from the corner lowest in a fixed skew direction: the split depends neither
    on the numbers of the nodes nor on the corner that a cell starts from.

    Returns
    -------
    triangles : ndarray of shape (n_cells, 3) or (2 n_cells, 3)
        Those of one quad follow each other.
    """
    if cells.shape[1] == 3:
        return cells
    corners = points[cells]
    first, second = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    halves = np.stack([_smaller_half(corners), _smaller_half(np.roll(corners, -1, axis=1))])
    _check_way_round(cells, halves.max(axis=0))
    length = np.stack([np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)])
    equal = np.abs(length[0] - length[1]) <= TIE * length.max(axis=0)
    lowest = np.argmin(corners @ SKEW[: points.shape[1]], axis=1)
    choice = np.where(equal, lowest % 2, length.argmin(axis=0))
    thin = np.take_along_axis(halves, choice[None], axis=0)[0] <= THIN
    choice = np.where(thin, halves.argmax(axis=0), choice)
    turned = np.where(choice[:, None] == 0, cells, np.roll(cells, -1, axis=1))
    return turned[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def _smaller_half(corners: FloatArray) -> FloatArray:
    """Area of the smaller triangle at the diagonal from the first corner, as a share of the quad.

    Negative where the diagonal lies outside of the quad.
    """
    whole = vector_product(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    one = vector_product(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    other = vector_product(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0])
    size = np.maximum((whole**2).sum(axis=1), np.finfo(np.float64).tiny)
    return np.minimum((one * whole).sum(axis=1), (other * whole).sum(axis=1)) / size


def vector_product(one: FloatArray, other: FloatArray) -> FloatArray:
    """Vector products, of one component in the plane."""
    if one.shape[1] == 3:
        return np.cross(one, other)
    return one[:, :1] * other[:, 1:] - one[:, 1:] * other[:, :1]


def _check_way_round(cells: IntArray, half: FloatArray) -> None:
    """Refuse quads that neither diagonal splits into two triangles."""
    crossed = np.flatnonzero(half <= THIN)
    if len(crossed):
        first = crossed[0]
        raise MeshError(
            f"quads must name their corners in the order around them, and have three that are not "
            f"on a line, but the nodes {cells[first].tolist()} of cell {first} do not. Such cells: "
            f"{listed(crossed)}. Change the order of their nodes, or drop them."
        )
