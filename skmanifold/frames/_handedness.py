"""Features of right-handed clouds that change their signs in mirror images.

Contracted with the totally antisymmetric tensor, vectors and matrices that turn with a cloud become
numbers that a rotation leaves alone and a reflection turns. Such numbers need no frame.
"""

import torch


def axial_vectors(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """What the commutators of symmetric matrices turn about.

    Parameters
    ----------
    first, second : Tensor of shape (..., n_axes, n_axes)
        Symmetric, in two or three dimensions.

    Returns
    -------
    vectors : Tensor of shape (..., 3), or (..., 1) in the plane
    """
    product = first @ second
    turns = product - product.mT
    if turns.shape[-1] == 2:
        return turns[..., 0, 1:]
    return torch.stack([turns[..., 1, 2], turns[..., 2, 0], turns[..., 0, 1]], dim=-1)


def _twists(vectors: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Axial vectors along polar ones, or themselves in the plane; determinants beyond space."""
    n_axes = vectors.shape[-1]
    if n_axes not in (2, 3):
        shifted = [vectors.roll(shift, dims=1) for shift in range(n_axes)]
        return torch.linalg.det(torch.stack(shifted, dim=-1))
    axial = axial_vectors(first, second)
    return axial.squeeze(-1) if n_axes == 2 else (vectors * axial).sum(-1)


def handedness(
    coordinates: torch.Tensor,
    spreads: torch.Tensor,
    alike: torch.Tensor,
    counts: torch.Tensor,
    frequencies: torch.Tensor,
    vectors: torch.Tensor,
    matrices: torch.Tensor,
) -> torch.Tensor:
    """Three features per frequency that turn their signs in mirror images.

    Parameters
    ----------
    coordinates : Tensor of shape (n_clouds, n_axes, n_points)
        Along right-handed axes. Padded points are zeros.
    spreads : Tensor of shape (n_clouds, n_axes)
        Root mean squares along the axes.
    alike : Tensor of shape (n_clouds, n_axes, n_axes)
        How far pairs of axes have the same extent, from 0 to 1.
    counts : Tensor of shape (n_clouds,)
    frequencies : Tensor of shape (n_frequencies, n_axes)
    vectors : Tensor of shape (n_clouds, n_frequencies, n_axes)
        Means of ``w y`` over the points, for a weight w per frequency.
    matrices : Tensor of shape (n_clouds, n_frequencies, n_axes, n_axes)
        Means of ``w y y^T``.

    Returns
    -------
    features : Tensor of shape (n_clouds, 3 * n_frequencies)
        How the vectors lie to what the commutators with the covariance, and with the matrices of
        the next two frequencies, turn about (beyond space: the volume that as many vectors
        span as there are axes, twice); and means of products of sines along all axes, which
        also tell clouds apart whose vectors all vanish, and fade where axes tie.
    """
    covariance = torch.diag_embed(spreads.square())[:, None].expand_as(matrices)
    n_axes = alike.shape[-1]
    one, other = torch.triu_indices(n_axes, n_axes, offset=1)
    clear = (1 - alike[:, one, other]).prod(-1) / counts
    sines = [torch.sin(each[:, None] * coordinates).prod(dim=1).sum(-1) for each in frequencies]
    return torch.cat(
        [
            _twists(vectors, matrices, covariance),
            _twists(vectors, matrices.roll(1, dims=1), matrices.roll(2, dims=1)),
            torch.stack(sines, dim=-1) * clear[:, None],
        ],
        dim=1,
    )
