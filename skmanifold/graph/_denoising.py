"""Noise removal: points move towards the manifold that their neighbourhoods reveal."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from skmanifold.graph._neighbors import kneighbors
from skmanifold.utils import row_chunks, to_numpy, to_tensor

SAFETY = 1.5  # a direction is kept as far as its variance exceeds this many times the noise
N_PROBED = 500  # points that tell whether there is noise at all


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
        Most rounds; 0 moves nothing but still measures the share of noise.
    clean_share : float, default=0.05
        Stop once the noise is below this share of the largest variance.
    device : torch.device or str, default="cpu"
    n_jobs : int or None, default=None

    Returns
    -------
    denoised : Denoised
    """
    search = partial(kneighbors, n_neighbors=n_neighbors, device=device, n_jobs=n_jobs)
    distances, neighbors = search(X)
    probe = np.unique(np.linspace(0, len(X) - 1, N_PROBED).astype(int))
    probed = _local_spectra(X, probe, distances, neighbors, device).variances
    first_share = share = _noise_share(probed)
    points, n_kept = X, 0.0
    for done in range(max_rounds):
        if share < clean_share:
            break
        if done:
            distances, neighbors = search(points)
        local = _local_spectra(points, np.arange(len(X)), distances, neighbors, device)
        variances = (local.variances + local.variances[neighbors].sum(axis=1)) / (n_neighbors + 1)
        share = _noise_share(variances)
        kept = _kept_shares(variances)
        n_kept = kept.sum(axis=1).mean()
        points = _shrunk(points, local, kept, device)
    # Noise went out of the directions that were not kept in the end.
    moved = float(((X - points) ** 2).sum(axis=1).mean())
    return Denoised(points, moved / max(1.0, X.shape[1] - n_kept), first_share)


def _noise_variances(variances: np.ndarray) -> np.ndarray:
    """Mean variance of the least third of the directions, as a column."""
    return variances[:, : max(1, variances.shape[1] // 3)].mean(axis=1, keepdims=True)


def _noise_share(variances: np.ndarray) -> float:
    """Noise over the largest variance, both averaged over points."""
    largest = variances[:, -1].mean()
    return float(_noise_variances(variances).mean() / largest) if largest > 0 else 0.0


def _kept_shares(variances: np.ndarray) -> np.ndarray:
    """What a Wiener filter keeps of an offset in each direction."""
    floor = np.finfo(float).tiny
    return np.clip(1 - SAFETY * _noise_variances(variances) / np.maximum(variances, floor), 0, 1)


@dataclass(frozen=True)
class _LocalSpectra:
    """Weighted mean, principal directions (columns, rising) and their variances at every point.

    Variances are in units of the squared reach of the neighbourhood.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray


def _local_spectra(
    points: np.ndarray,
    asked: np.ndarray,
    distances: np.ndarray,
    neighbors: np.ndarray,
    device: torch.device | str,
) -> _LocalSpectra:
    """Spectra of the neighbourhoods of the `asked` rows, a point counting as its own neighbour."""
    n_samples, n_features = len(asked), points.shape[1]
    distances, neighbors = distances[asked], neighbors[asked]
    cloud = to_tensor(points, device=device)
    means = np.empty((n_samples, n_features))
    directions = np.empty((n_samples, n_features, n_features))
    variances = np.empty((n_samples, n_features))
    row_bytes = 8 * n_features * (3 * neighbors.shape[1] + 4 * n_features)
    for rows in row_chunks(n_samples, row_bytes):
        members = to_tensor(np.c_[asked[rows], neighbors[rows]], device=device)
        reach = np.maximum(distances[rows, -1:], np.finfo(float).tiny ** 0.5)
        # Gaussian weights that have fallen to a tenth at the farthest neighbour.
        weights = np.exp(-((1.5 * distances[rows] / reach) ** 2))
        weights = to_tensor(np.hstack([np.ones_like(reach), weights]), device=device)
        mean, axes, variance = _cross_fitted(cloud[members], weights)
        means[rows], directions[rows] = to_numpy(mean), to_numpy(axes)
        variances[rows] = to_numpy(variance) / reach**2
    return _LocalSpectra(means, directions, variances)


def _cross_fitted(
    neighborhoods: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
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


def _shrunk(
    points: np.ndarray, local: _LocalSpectra, kept: np.ndarray, device: torch.device | str
) -> np.ndarray:
    """Each point's offset from its mean, scaled by `kept` along every direction."""
    moved = np.empty_like(points)
    for rows in row_chunks(len(points), 16 * points.shape[1] ** 2):
        axes = to_tensor(local.directions[rows], device=device)
        offset = to_tensor(points[rows] - local.means[rows], device=device)
        along = (axes.mT @ offset[:, :, None]) * to_tensor(kept[rows], device=device)[:, :, None]
        moved[rows] = local.means[rows] + to_numpy((axes @ along)[:, :, 0])
    return moved
