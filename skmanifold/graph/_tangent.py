"""Tangent frames of point clouds, and the dimension of their tangent spaces."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils import check_array

from skmanifold.graph._dimension import intrinsic_dimension
from skmanifold.graph._neighbors import kneighbors
from skmanifold.utils import resolve_device, row_chunks, to_numpy, to_tensor

N_TILTS = 2  # quadratic corrections of the principal axes; more change nothing (measured)


def n_quadratic_terms(manifold_dim: int) -> int:
    """Linear and quadratic monomials in so many variables."""
    return manifold_dim * (manifold_dim + 3) // 2


def tangent_frames(
    X: np.ndarray,
    *,
    manifold_dim: int | str = "auto",
    n_neighbors: int = 20,
    queries: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    n_jobs: int | None = None,
) -> np.ndarray:
    """Orthonormal bases of the tangent spaces of a sampled manifold.

    The principal axes of each point's neighbours, tilted by the slope that remains in a local
    quadratic fit of the surface, as far as the slope stands out from the noise. On a clean
    curved surface that makes the angle to the truth several times smaller.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Points on or near a manifold.
    manifold_dim : int or "auto", default="auto"
        Its dimension. "auto" rounds the maximum likelihood estimate of `intrinsic_dimension`.
    n_neighbors : int, default=20
        Points around each that its frame is fitted to. Fewer where sheets nearly touch, more
        where the points are noisy.
    queries : array-like of shape (n_queries, n_features) or None, default=None
        Points of the manifold to find frames at; None is `X` itself.
    device : torch.device or str, default="cpu"
    n_jobs : int or None, default=None
        Threads of the neighbour search.

    Returns
    -------
    frames : ndarray of shape (n_queries, n_features, manifold_dim)
        Orthonormal columns. They are determined up to a turn or reflection within each tangent
        space, and neighbouring ones need not agree.

    Raises
    ------
    ValueError
        If there are too few points, or not finite ones; if `manifold_dim` or `n_neighbors` is out
        of range; if there is no such `device`.

    References
    ----------
    .. [1] A. Singer and H.-T. Wu, "Vector diffusion maps and the connection Laplacian",
       Communications on Pure and Applied Mathematics 65, 2012 (local PCA, without the tilt).

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import tangent_frames
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> X /= np.linalg.norm(X, axis=1, keepdims=True)  # a sphere, with X as its normals
    >>> frames = tangent_frames(X)
    >>> frames.shape
    (500, 3, 2)
    >>> bool(np.abs(np.einsum("nd,ndm->nm", X, frames)).max() < 0.05)
    True
    """
    device = resolve_device(device)
    X = check_array(X, dtype=[np.float64, np.float32], ensure_min_samples=2)
    itself = queries is None
    queries = X if queries is None else check_array(queries, dtype=X.dtype)
    available = len(X) - itself
    if not 1 <= n_neighbors <= available:
        raise ValueError(
            f"n_neighbors={n_neighbors} must be from 1 to {available}: X has {len(X)} points."
        )
    asked = None if itself else queries
    found = kneighbors(X, n_neighbors, queries=asked, device=device, n_jobs=n_jobs)
    dim = _checked_dimension(manifold_dim, found[0], X.shape[1])
    return frames_of_neighbors(X, queries, found[1], dim, device)


def _checked_dimension(manifold_dim: int | str, distances: np.ndarray, n_features: int) -> int:
    """The dimension that was asked for, or that of the distances to neighbours."""
    if manifold_dim == "auto":
        return manifold_dimension(distances, n_features)
    if not isinstance(manifold_dim, Integral):
        raise ValueError(f"manifold_dim must be 'auto' or a whole number, got {manifold_dim!r}.")
    if not 1 <= manifold_dim <= n_features:
        raise ValueError(
            f"manifold_dim={manifold_dim} must be from 1 to {n_features}, the number of features."
        )
    return int(manifold_dim)


def manifold_dimension(distances: np.ndarray, n_features: int) -> int:
    """The intrinsic dimension as a whole number that the space has room for."""
    estimate = intrinsic_dimension(distances) if distances.shape[1] > 1 else 1.0
    return int(np.clip(round(estimate), 1, n_features))


def frames_of_neighbors(
    X: np.ndarray,
    queries: np.ndarray,
    neighbors: np.ndarray,
    manifold_dim: int,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Frames at `queries` from the rows of `X` that are their neighbours.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    queries : ndarray of shape (n_queries, n_features)
    neighbors : ndarray of shape (n_queries, n_neighbors)
    manifold_dim : int

    Returns
    -------
    frames : ndarray of shape (n_queries, n_features, manifold_dim)
    """
    device = resolve_device(device)
    points, centers = to_tensor(X, device=device), to_tensor(queries, device=device)
    nearest = to_tensor(neighbors, device=device)
    frames = np.empty((*queries.shape, manifold_dim), dtype=X.dtype)
    for rows in row_chunks(len(queries), 8 * 6 * (neighbors.shape[1] + 1) * X.shape[1]):
        offsets = points[nearest[rows]] - centers[rows, None]
        frames[rows] = to_numpy(_local_frames(offsets, manifold_dim))
    return frames


def _local_frames(offsets: torch.Tensor, manifold_dim: int) -> torch.Tensor:
    """Frames (b, d, m) at the origin of neighbours' offsets (b, k, d)."""
    frames = _principal_axes(offsets, manifold_dim)
    if offsets.shape[1] > n_quadratic_terms(manifold_dim) and manifold_dim < offsets.shape[2]:
        for _ in range(N_TILTS):
            frames = torch.linalg.qr(frames + _tilt(offsets, frames)).Q
    return frames


def _principal_axes(offsets: torch.Tensor, manifold_dim: int) -> torch.Tensor:
    """The axes of largest variance of each neighbourhood and its centre, as columns."""
    whole = torch.cat((torch.zeros_like(offsets[:, :1]), offsets), 1)
    centered = whole - whole.mean(1, keepdim=True)
    if offsets.shape[2] <= offsets.shape[1]:
        _, axes = torch.linalg.eigh(centered.mT @ centered)  # rising
        return axes[:, :, -manifold_dim:].flip(2)
    return _completed(torch.linalg.svd(centered, full_matrices=False).Vh.mT, manifold_dim)


def _completed(axes: torch.Tensor, manifold_dim: int) -> torch.Tensor:
    """As many axes as asked for, where the neighbours are too few to span so many."""
    missing = manifold_dim - axes.shape[2]
    if missing <= 0:
        return axes[:, :, :manifold_dim]
    # Of any columns a Householder QR makes orthonormal ones, even where they are dependent.
    room = torch.eye(axes.shape[1], missing).to(axes).expand(len(axes), -1, -1)
    return torch.linalg.qr(torch.cat((axes, room), 2)).Q


def _tilt(offsets: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Slope (b, d, m) of the surface over its frames, as far as it stands out from the noise."""
    inside = offsets @ frames
    least = torch.finfo(inside.dtype).tiny
    size = torch.linalg.vector_norm(inside, dim=2).amax(1)[:, None, None].clamp(min=least)
    basis = monomials(inside / size)
    heights = offsets - inside @ frames.mT
    gram = basis.mT @ basis
    # Neighbours on a line leave curvatures across it open: a slight pull to zero settles them.
    pull = max(1e-9, 10 * torch.finfo(gram.dtype).eps)
    gram.diagonal(dim1=1, dim2=2).add_(pull * basis.shape[1])
    inverse = torch.linalg.inv(gram)
    coefficients = inverse @ (basis.mT @ heights)
    slopes = coefficients[:, : frames.shape[2]]
    # Stein's shrinkage: of the square of an estimate, its variance is noise. Three times that is
    # taken off, as a tilt that is not there does more harm than one that is left out.
    n_free = basis.shape[1] - basis.shape[2]
    variance = (heights - basis @ coefficients).square().sum((1, 2)) / n_free
    own = inverse.diagonal(dim1=1, dim2=2)[:, : frames.shape[2]].sum(1)
    kept = 1 - 3 * variance * own / slopes.square().sum((1, 2)).clamp(min=least)
    return kept.clamp(min=0)[:, None, None] * slopes.mT / size


def monomials(coordinates: torch.Tensor) -> torch.Tensor:
    """Linear, then quadratic monomials: (..., m) to (..., m (m + 3) / 2).

    Mixed products come with a factor sqrt 2: the squares of coefficients then sum to what no turn
    of the axes changes, and neither does a fit with a pull of the coefficients to nought.
    """
    first, second = torch.triu_indices(coordinates.shape[-1], coordinates.shape[-1])
    factor = torch.where(first == second, 1.0, 2.0).to(coordinates).sqrt()
    products = coordinates[..., first] * coordinates[..., second] * factor
    return torch.cat((coordinates, products), -1)
