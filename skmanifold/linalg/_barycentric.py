"""Weights that write a noisy point as a combination of its neighbours."""

import numpy as np


def barycentric_weights(
    to_neighbors: np.ndarray,
    between_neighbors: np.ndarray,
    *,
    noise_variance: float = 0.0,
    ridge: float = 1e-3,
) -> np.ndarray:
    """Affine weights of the neighbours that best predict a point seen through noise.

    The neighbours are a sample of a local Gaussian; a point is one more draw, plus isotropic noise.
    The weights give the best linear prediction of any function of position from the noisy point,
    given its values at the neighbours: without noise they reproduce the point inside the
    neighbours' affine hull, with much noise they tend to a smooth average around it.

    Parameters
    ----------
    to_neighbors : ndarray of shape (n_points, n_neighbors)
        Squared distances of each point to its neighbours.
    between_neighbors : ndarray of shape (n_points, n_neighbors, n_neighbors)
        Squared distances among the neighbours.
    noise_variance : float, default=0.0
        Variance of a point's noise in each direction.
    ridge : float, default=1e-3
        Smallest share of the neighbours' mean variance that counts as noise; it keeps weights
        bounded where neighbours lie in a plane and the point beside it.

    Returns
    -------
    weights : ndarray of shape (n_points, n_neighbors)
        Each row sums to 1.
    """
    share = _smooth_shares(to_neighbors)
    gram, products = _centered_products(to_neighbors, between_neighbors, share)
    roots = np.sqrt(share)
    scaled = roots[:, :, None] * gram * roots[:, None, :]
    n_neighbors = share.shape[1]
    variance = np.trace(scaled, axis1=1, axis2=2)
    # Coinciding neighbours have no variance; any positive number makes the system regular.
    floor = noise_variance + ridge * variance / n_neighbors + np.finfo(float).tiny ** 0.5
    values, vectors = np.linalg.eigh(scaled)
    # Distances of no plane have directions of negative variance: nothing is predicted along them.
    filters = np.where(values > 0, 1 / (np.maximum(values, 0) + floor[:, None]), 0.0)
    along = filters[:, :, None] * (vectors.mT @ (roots * products)[:, :, None])
    coefficients = (vectors @ along)[:, :, 0] * roots
    return share + coefficients - share * coefficients.sum(axis=1, keepdims=True)


def _smooth_shares(squares: np.ndarray) -> np.ndarray:
    """Gaussian shares over the neighbours, as wide as half the squared reach."""
    reach = np.maximum(squares.max(axis=1, keepdims=True), np.finfo(float).tiny)
    shares = np.exp(-2 * squares / reach)
    return shares / shares.sum(axis=1, keepdims=True)


def _centered_products(
    to_neighbors: np.ndarray, between_neighbors: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Inner products, about the weighted mean, among neighbours and of them with the point."""
    from_mean = np.einsum("nij,nj->ni", between_neighbors, share)
    spread = np.einsum("ni,ni->n", from_mean, share)[:, None]
    gram = (from_mean[:, :, None] + from_mean[:, None, :] - spread[:, :, None]) / 2
    gram -= between_neighbors / 2
    to_mean = (to_neighbors * share).sum(axis=1, keepdims=True)
    return gram, (to_mean + from_mean - to_neighbors - spread) / 2
