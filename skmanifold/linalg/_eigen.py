"""A few eigenpairs of large sparse matrices."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import eye_array, sparray, spmatrix
from scipy.sparse.linalg import eigsh

from skmanifold.linalg._signs import deterministic_signs

N_DENSE = 200  # below it a dense solver is quicker and always converges


def smallest_eigenpairs(
    laplacian: spmatrix | sparray, n_pairs: int, *, tol: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest eigenvalues of a Laplacian, rising, and their eigenvectors.

    Looks for the largest eigenvalues of ``c I - L``, with Gershgorin's bound c: the same vectors
    without a factorisation of L, which would fill up.

    Parameters
    ----------
    laplacian : sparse array of shape (n_nodes, n_nodes)
        Symmetric positive semi-definite. Of a graph in several parts, some of the copies of an
        eigenvalue may be missed: a Krylov space tells them apart by rounding alone.
    n_pairs : int
        At most `n_nodes`.
    tol : float, default=0.0
        Relative accuracy of the eigenvalues of ``c I - L``; 0 is machine precision.

    Returns
    -------
    eigenvalues : ndarray of shape (n_pairs,)
    vectors : ndarray of shape (n_nodes, n_pairs)
        Orthonormal columns with deterministic signs.
    """
    n_nodes = laplacian.shape[0]
    if n_nodes <= max(N_DENSE, 3 * n_pairs):
        values, vectors = eigh(laplacian.toarray(), subset_by_index=(0, n_pairs - 1))
        return values, deterministic_signs(vectors)
    bound = float(abs(laplacian).sum(axis=1).max())
    flipped = bound * eye_array(n_nodes) - laplacian
    # A fixed start makes the result repeatable; a random one meets every eigenvalue.
    start = np.random.default_rng(0).normal(size=n_nodes)
    values, vectors = eigsh(flipped, k=n_pairs, which="LA", v0=start, tol=tol)
    order = np.argsort(-values)
    return bound - values[order], deterministic_signs(vectors[:, order])
