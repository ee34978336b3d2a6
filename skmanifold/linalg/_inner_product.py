"""Inner products of vectors that a symmetric positive definite matrix defines."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.sparse import csc_array, issparse
from scipy.sparse.linalg import splu

# Pivots smaller than this share of the diagonal are rounding errors of a singular matrix.
SMALLEST_PIVOT = 1e-13
# Assembling a matrix may round its two halves differently, in single precision too.
ASYMMETRY = 1e-6


class InnerProduct(NamedTuple):
    """A matrix taken apart.

    Attributes
    ----------
    root : ndarray or csc_array of shape (n, n)
        ``root @ root.T`` is the matrix: rows times `root` have its norms as Euclidean ones.
    solve : callable
        The inverse of the matrix times the columns of shape (n, k) that it is given.
    """

    root: Any
    solve: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def inner_product(matrix: Any, *, name: str = "metric") -> InnerProduct:
    """Take a symmetric positive definite matrix apart, or say why it is none.

    Parameters
    ----------
    matrix : ndarray or sparse matrix of shape (n, n)
        Finite numbers. A sparse one stays sparse.
    name : str, default="metric"
        What errors call it.

    Raises
    ------
    ValueError
        If the matrix is not square, symmetric and positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.linalg._inner_product import inner_product
    >>> inner_product(np.diag([4.0, 9.0])).root
    array([[2., 0.],
           [0., 3.]])
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be square, got shape {matrix.shape}.")
    asymmetry, size = abs(matrix - matrix.T).max(), abs(matrix).max()
    if asymmetry > ASYMMETRY * size:
        raise ValueError(
            f"{name} must be symmetric, but differs from its transpose by up to {asymmetry:.3g} "
            f"(its largest entry is {size:.3g})."
        )
    matrix = (matrix + matrix.T) / 2
    diagonal = matrix.diagonal()
    if diagonal.min() <= 0:
        where = int(diagonal.argmin())
        raise ValueError(
            f"{name} must be positive definite, but entry {where} of its diagonal is "
            f"{diagonal[where]:.3g}. A feature without weight is not seen by the modes: leave it "
            "out, or give it a small weight."
        )
    product = _sparse_product(matrix) if issparse(matrix) else _dense_product(matrix)
    if product is None:
        raise ValueError(
            f"{name} must be positive definite, but has eigenvalues that are negative or zero."
        )
    return product


def _dense_product(matrix: NDArray[np.float64]) -> InnerProduct | None:
    """Cholesky's factor; None where the matrix is not positive definite."""
    try:
        root = cholesky(matrix, lower=True)
    except np.linalg.LinAlgError:
        return None
    if np.any(root.diagonal() ** 2 < SMALLEST_PIVOT * matrix.diagonal()):
        return None
    return InnerProduct(root, partial(cho_solve, (root, True)))


def _sparse_product(matrix: Any) -> InnerProduct | None:
    """The same from a sparse LU that takes its pivots off the diagonal."""
    # scipy has no sparse Cholesky. Without these options this order of elimination crawls.
    try:
        factors = splu(
            csc_array(matrix),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
    except RuntimeError:  # a pivot is exactly zero
        return None
    pivots, order = factors.U.diagonal(), factors.perm_r
    enough = SMALLEST_PIVOT * matrix.diagonal()[factors.perm_c.argsort()]
    if np.any(order != factors.perm_c) or np.any(pivots < enough):
        return None
    # The rows of L stand in the order of elimination.
    root = csc_array(factors.L.multiply(np.sqrt(pivots)).tocsr()[order])
    return InnerProduct(root, factors.solve)
