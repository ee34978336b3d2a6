"""From samples to features, and what the features of a cluster span."""

from copy import deepcopy

import numpy as np
import torch

from skmanifold.utils import row_chunks, to_numpy, to_tensor

ENERGY = 0.95  # of the features of a cluster, that its subspace holds
WORK = 4096  # numbers of temporary layers, that each sample takes at least


def sample_frame(X):
    """Centre and spread of the samples; images keep their zero, which is what is dark."""
    center = X.mean(axis=0, dtype=np.float64) if X.ndim == 2 else np.zeros(X.shape[1:])
    spread = np.sqrt(np.mean((X - center) ** 2, dtype=np.float64))
    return center, float(spread) if spread > 0 else 1.0


def in_frame(X, center, spread):
    """Samples in float64 about the origin, of mean square 1. Distances keep their ratios."""
    return (X.astype(np.float64) - center) / spread


def features_of(module, points, device):
    """Features and cluster features of unit norm, in double precision.

    Parameters
    ----------
    module : TwoHeads
        Left as it is.
    points : ndarray of shape (n_samples, ...)
        Samples in the frame of the training samples.
    device : torch.device

    Returns
    -------
    features, clusters : ndarray of shape (n_samples, n_components), float64
    """
    precise = deepcopy(module).to(device, torch.float64).eval()
    parts = []
    with torch.no_grad():
        for rows in row_chunks(len(points), 8 * (WORK + 16 * points[0].size)):
            batch = to_tensor(points[rows], device=device)
            parts.append([to_numpy(head) for head in precise(batch)])
    return tuple(np.concatenate(head) for head in zip(*parts, strict=True))


def subspaces(features, labels, n_clusters):
    """Orthonormal bases, largest axis first, that hold most of the energy of each cluster.

    Returns
    -------
    bases : list of ndarray of shape (n_components, dim_k)
    """
    return [_principal_basis(features[labels == k]) for k in range(n_clusters)]


def _principal_basis(vectors):
    _, values, axes = np.linalg.svd(vectors, full_matrices=False)
    energy = np.cumsum(values**2)
    dim = np.searchsorted(energy, ENERGY * energy[-1]) + 1 if len(energy) else 0
    return axes[:dim].T.copy()
