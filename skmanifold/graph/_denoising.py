"""Noise removal: points move towards the manifold that their neighbourhoods reveal."""

from dataclasses import dataclass

import numpy as np
import torch

from skmanifold.graph._neighbors import kneighbors
from skmanifold.utils import row_chunks, to_numpy, to_tensor

SAFETY = 1.5  # a direction is kept as far as its variance exceeds this many times the noise


@dataclass(frozen=True)
class Denoised:
    """Points moved towards their manifold, and what that showed of the noise.

    Attributes
    ----------
    points : ndarray of shape (n_samples, n_features)
    noise_variance : float
        Variance of the removed noise per direction across the manifold.
    noise_share : float
        Before any move, the noise's variance over the largest one within a neighbourhood: near 0
        on a clean manifold, near 1 where noise hides every direction at that scale.
    """

    points: np.ndarray
    noise_variance: float
    noise_share: float


def denoise(
    X: np.ndarray,
    n_neighbors: int,
    *,
    max_rounds: int = 3,
    clean_share: float = 0.05,
    device: torch.device | str = "cpu",
    n_jobs: int | None = None,
) -> Denoised:
    """Shrink each point's offset from its neighbourhood's mean, direction by direction.

    In every principal direction of the neighbourhood, the offset keeps the share
    ``1 - 1.5 noise / variance`` that a Wiener filter keeps of a signal in noise: all of it along
    a clean tangent plane, none where the variance is the noise's own. Variances are taken on the
    neighbours that did not choose the direction (otherwise noise would look like signal), and
    averaged over the points nearby. The noise is the variance in the least third of the
    directions. Where noise hides all structure, the first round is a plain mean shift, which
    brings out the directions that later rounds keep.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    n_neighbors : int
        Size of a neighbourhood, at least 4.
    max_rounds : int, default=3
        Most rounds; 0 moves nothing but still measures the noise.
    clean_share : float, default=0.05
        Stop once the noise is below this share of the largest variance.
    device : torch.device or str, default="cpu"
    n_jobs : int or None, default=None

    Returns
    -------
    denoised : Denoised
    """
    points, shares = X, []
    while True:
        distances, neighbors = kneighbors(points, n_neighbors, device=device, n_jobs=n_jobs)
        local = _local_spectra(points, distances, neighbors, device)
        variances = (local.variances + local.variances[neighbors].sum(axis=1)) / (n_neighbors + 1)
        noise = variances[:, : max(1, X.shape[1] // 3)].mean(axis=1, keepdims=True)
        kept = np.clip(1 - SAFETY * noise / np.maximum(variances, np.finfo(float).tiny), 0, 1)
        shares.append(_share(noise, variances))
        if len(shares) > max_rounds or shares[-1] < clean_share:
            break
        points = _shrunk(points, local, kept, device)
    # Noise went out of the directions that are not kept in the end.
    n_removed = max(1.0, X.shape[1] - kept.sum(axis=1).mean())
    moved = float(((X - points) ** 2).sum(axis=1).mean())
    return Denoised(points, moved / n_removed, shares[0])


def _share(noise, variances):
    """Median over points of noise over largest variance."""
    largest = variances[:, -1]
    known = largest > 0  # duplicates of one point have no variance
    return float(np.median(noise[known, 0] / largest[known])) if known.any() else 0.0


@dataclass(frozen=True)
class _LocalSpectra:
    """Weighted mean, principal directions (columns, rising) and their variances at every point.

    Variances are in units of the squared reach of the neighbourhood.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray


def _local_spectra(points, distances, neighbors, device):
    """Spectra of all neighbourhoods, a point counting as its own neighbour."""
    n_samples, n_features = points.shape
    cloud = to_tensor(points, device=device)
    means = np.empty((n_samples, n_features))
    directions = np.empty((n_samples, n_features, n_features))
    variances = np.empty((n_samples, n_features))
    row_bytes = 8 * n_features * (3 * neighbors.shape[1] + 4 * n_features)
    for rows in row_chunks(n_samples, row_bytes):
        own = np.arange(n_samples)[rows, None]
        members = to_tensor(np.hstack([own, neighbors[rows]]), device=device)
        reach = np.maximum(distances[rows, -1:], np.finfo(float).tiny ** 0.25)
        # Gaussian weights that have fallen to a tenth at the farthest neighbour.
        weights = np.exp(-((1.5 * distances[rows] / reach) ** 2))
        weights = to_tensor(np.hstack([np.ones_like(reach), weights]), device=device)
        mean, axes, variance = _cross_fitted(cloud[members], weights)
        means[rows], directions[rows] = to_numpy(mean), to_numpy(axes)
        variances[rows] = to_numpy(variance) / reach**2
    return _LocalSpectra(means, directions, variances)


def _cross_fitted(neighborhoods, weights):
    """Means, directions, and variances along each half's directions as the other half sees them.

    neighborhoods : (n, k, d); weights : (n, k)
    """
    weights = weights / weights.sum(dim=1, keepdim=True)
    mean = (weights[:, :, None] * neighborhoods).sum(dim=1)
    offsets = (neighborhoods - mean[:, None]) * weights.sqrt()[:, :, None]
    halves = offsets[:, 0::2], offsets[:, 1::2]
    covariances = [half.mT @ half for half in halves]
    masses = [weights[:, 0::2].sum(dim=1), weights[:, 1::2].sum(dim=1)]
    variance = torch.zeros_like(mean)
    for chosen, judge in ((0, 1), (1, 0)):
        axes = torch.linalg.eigh(covariances[chosen]).eigenvectors
        seen = ((covariances[judge] @ axes) * axes).sum(dim=1)
        variance += seen / (2 * masses[judge][:, None])
    return mean, torch.linalg.eigh(covariances[0] + covariances[1]).eigenvectors, variance


def _shrunk(points, local, kept, device):
    """Each point's offset from its mean, scaled by `kept` along every direction."""
    moved = np.empty_like(points)
    for rows in row_chunks(len(points), 16 * points.shape[1] ** 2):
        axes = to_tensor(local.directions[rows], device=device)
        offset = to_tensor(points[rows] - local.means[rows], device=device)
        along = (axes.mT @ offset[:, :, None]) * to_tensor(kept[rows], device=device)[:, :, None]
        moved[rows] = local.means[rows] + to_numpy((axes @ along)[:, :, 0])
    return moved
