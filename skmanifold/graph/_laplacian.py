"""Laplacians: weights, and the mass of each node."""

import numpy as np
from scipy.sparse import csr_array, diags_array, sparray, spmatrix


def degrees(weights: spmatrix | sparray) -> np.ndarray:
    """Sum of the weights at each node."""
    return np.asarray(weights.sum(axis=1)).ravel()


def laplacian(weights: spmatrix | sparray, masses: np.ndarray) -> csr_array:
    """The symmetric Laplacian ``M^(-1/2) (D - W) M^(-1/2)`` with the masses ``M``.

    Parameters
    ----------
    weights : sparse array of shape (n_nodes, n_nodes)
        Symmetric, non-negative, without loops.
    masses : ndarray of shape (n_nodes,)
        Positive. Ones give the combinatorial Laplacian, the `degrees` the normalized one,
        `geodesic_masses` the one whose heat moves equally far everywhere.
    """
    roots = diags_array(1 / np.sqrt(masses))
    return csr_array(roots @ (diags_array(degrees(weights)) - weights) @ roots)


def geodesic_masses(weights: spmatrix | sparray, lengths: spmatrix | sparray) -> np.ndarray:
    """Masses under which heat spreads at one speed, in the units of the data.

    A random walk that leaves node i for j at the rate ``w_ij / m_i`` moves by
    ``sum_j w_ij d_ij^2 / m_i`` in mean square per unit of time. These masses make that the same
    at every node, whatever the sampling density; the median node leaves at the rate 1.

    Parameters
    ----------
    weights, lengths : sparse array of shape (n_nodes, n_nodes)
        Affinities and lengths of the same edges.
    """
    spread = degrees(csr_array(weights.multiply(csr_array(lengths).power(2))))
    joined = spread > 0  # a node without edges has no mass, and says nothing of the others'
    rates = degrees(weights)[joined] / spread[joined]
    return spread * np.median(rates) if joined.any() else spread


def jump_length(
    weights: spmatrix | sparray, lengths: spmatrix | sparray, masses: np.ndarray
) -> float:
    """Root mean square distance that heat moves in a unit of time, at the median node."""
    spread = degrees(csr_array(weights.multiply(csr_array(lengths).power(2))))
    return float(np.median(np.sqrt(spread / masses)))
