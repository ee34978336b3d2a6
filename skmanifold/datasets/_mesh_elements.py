"""Finite elements on triangles: what the generators of simulations assemble and solve with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from skmanifold.datasets._mesher import IntArray, signed_areas
from skmanifold.datasets._sample import FloatArray

_MISSING = 'Finite elements of second order need scikit-fem: pip install "skmanifold[mesh]"'


@dataclass(frozen=True, eq=False)
class Elements:
    """Shape functions of one order on a mesh of triangles.

    Parameters
    ----------
    nodes : ndarray of shape (n_cells, n_local)
        The nodes of each cell, its three corners first. The corners of the mesh come first among
        all nodes too, in the order of the mesh.
    locations : ndarray of shape (n_nodes, 2)
        Where the nodes are.
    gradients : ndarray of shape (n_cells, n_points, n_local, 2)
        Derivatives of the shape functions at points of the cell, of which the last three are its
        corners.
    weights : ndarray of shape (n_cells, n_points)
        Weights of these points in integrals over the cell; they may be zero.
    """

    nodes: IntArray
    locations: FloatArray
    gradients: FloatArray
    weights: FloatArray

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.locations)

    @cached_property
    def areas(self) -> FloatArray:
        """Areas of the cells, (n_cells,)."""
        return np.asarray(self.weights.sum(axis=1))

    def derivatives(self, values: FloatArray) -> FloatArray:
        """Gradients (n_cells, n_points, ..., 2) of a function with `values` (n_nodes, ...)."""
        return np.asarray(
            np.einsum("cpld,cl...->cp...d", self.gradients, values[self.nodes], optimize=True)
        )

    def at_corners(self, values: FloatArray) -> FloatArray:
        """Means by area of `values` (n_cells, n_points, ...) at the corners of the mesh."""
        corners = self.nodes[:, :3]
        weights = np.repeat(self.areas, 3)
        columns = values[:, -3:].reshape(len(weights), -1)
        total = np.bincount(corners.ravel(), weights)
        means = [np.bincount(corners.ravel(), weights * column) / total for column in columns.T]
        return np.stack(means, axis=1).reshape(-1, *values.shape[2:])

    def boundary_loads(self, direction: int) -> FloatArray:
        """Integrals (n_nodes,) of each shape function times one component of the outer normal."""
        # Gauss: over the boundary they equal the integrals of the derivatives over the region.
        shares = np.einsum("cp,cpl->cl", self.weights, self.gradients[..., direction])
        return summed(self.nodes, shares, self.n_nodes)

    def laplacians(self) -> FloatArray:
        """Integrals (n_cells, n_local, n_local) of the products of the gradients."""
        scaled = self.gradients * self.weights[..., None, None]
        return np.asarray(np.einsum("cpid,cpjd->cij", scaled, self.gradients, optimize=True))

    def products(self, blocks: FloatArray, values: FloatArray) -> FloatArray:
        """The matrix of the cells' `blocks` (n_cells, n_local, n_local) by values (n_nodes, k)."""
        shares = np.moveaxis(blocks @ values[self.nodes], 2, 0)
        return np.stack([summed(self.nodes, share, self.n_nodes) for share in shares], axis=1)


def summed(places: IntArray, shares: FloatArray, n_places: int) -> FloatArray:
    """Sums (n_places,) of the shares of all cells, which have the shape of `places`."""
    return np.bincount(places.ravel(), shares.ravel(), n_places).astype(np.float64)


def linear_elements(points: FloatArray, cells: IntArray) -> Elements:
    """Elements of first order on triangles (n_cells, 3), which run counter-clockwise."""
    areas = signed_areas(points, cells)
    opposite = points[cells[:, [2, 0, 1]]] - points[cells[:, [1, 2, 0]]]
    gradients = np.stack([-opposite[..., 1], opposite[..., 0]], axis=2) / (2 * areas[:, None, None])
    return Elements(
        nodes=cells,
        locations=points,
        gradients=np.repeat(gradients[:, None], 3, axis=1),
        weights=np.repeat(areas[:, None] / 3, 3, axis=1),
    )


def quadratic_elements(points: FloatArray, cells: IntArray) -> Elements:
    """Elements of second order on triangles (n_cells, 3) with straight edges, by scikit-fem.

    Raises
    ------
    ImportError
        If scikit-fem is not installed.
    """
    try:
        import skfem
    except ImportError as error:
        raise ImportError(_MISSING) from error
    # Three points inside, exact for the products of linear gradients, and the corners for a look.
    at = np.array([[1, 4, 1, 0, 6, 0], [1, 1, 4, 0, 0, 6]]) / 6
    quadrature = at, np.array([1, 1, 1, 0, 0, 0]) / 6
    mesh = skfem.MeshTri(np.ascontiguousarray(points.T), np.ascontiguousarray(cells.T))
    basis = skfem.Basis(mesh, skfem.ElementTriP2(), quadrature=quadrature)
    gradients = np.stack([np.asarray(function[0].grad) for function in basis.basis])
    return Elements(
        nodes=basis.element_dofs.T.astype(np.intp),
        locations=basis.doflocs.T,
        gradients=np.ascontiguousarray(gradients.transpose(2, 3, 0, 1)),
        weights=np.ascontiguousarray(basis.dx),
    )


class SymmetricSystem:
    """Symmetric positive definite systems of one pattern, with some unknowns held at zero.

    Parameters
    ----------
    unknowns : ndarray of shape (n_cells, n_local)
        The unknowns that each cell couples.
    held : ndarray of shape (n_unknowns,), dtype bool
        The unknowns that are zero.
    """

    def __init__(self, unknowns: IntArray, held: NDArray[np.bool_]) -> None:
        rows, columns = np.broadcast_arrays(unknowns[:, :, None], unknowns[:, None, :])
        self._free = np.flatnonzero(~held)
        self._entries = np.flatnonzero(~held[rows] & ~held[columns])
        place = np.cumsum(~held) - 1
        self._at = tuple(place[index.ravel()[self._entries]] for index in (rows, columns))

    def solve(self, blocks: FloatArray, loads: FloatArray) -> FloatArray:
        """Solution (n_unknowns, ...) for matrices (n_cells, n_local, n_local) of the cells."""
        size = len(self._free)
        values = blocks.ravel()[self._entries]
        matrix = coo_array((values, self._at), shape=(size, size)).tocsc()
        # Without the symmetric mode this ordering leads to far more fill.
        factors = splu(
            matrix,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
        solution = np.zeros_like(loads)
        solution[self._free] = factors.solve(loads[self._free])
        return solution
