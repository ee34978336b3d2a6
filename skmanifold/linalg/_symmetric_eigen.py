"""Eigenpairs of symmetric matrices, with gradients that stay finite where eigenvalues meet."""

from typing import Any

import torch

# Eigenvalues nearer than this, relative to the largest, are one eigenvalue to the gradient.
TIE = 1e-12


class _SymmetricEigen(torch.autograd.Function):
    """``torch.linalg.eigh`` whose backward pass leaves turns within an eigenspace alone."""

    @staticmethod
    def forward(ctx: Any, matrices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, vectors = torch.linalg.eigh(matrices)
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        # Of differentiable operations only, so that second derivatives come by themselves.
        values, vectors = ctx.saved_tensors
        differences = values[..., None, :] - values[..., :, None]
        tied = differences.abs() <= TIE * values.abs().amax(-1)[..., None, None]
        turns = (vectors.mT @ grads[1]) / differences.masked_fill(tied, torch.inf)
        gradient = vectors @ (torch.diag_embed(grads[0]) + turns) @ vectors.mT
        return (gradient + gradient.mT) / 2


def symmetric_eigen(matrices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues, largest first, and eigenvectors of symmetric matrices.

    Parameters
    ----------
    matrices : Tensor of shape (..., n, n)
        Symmetric; only the lower triangles are read.

    Returns
    -------
    values : Tensor of shape (..., n)
        In falling order.
    vectors : Tensor of shape (..., n, n)
        Orthonormal columns. Their signs, and their basis within the eigenspace of a repeated
        eigenvalue, are arbitrary.

    Notes
    -----
    The derivative of an eigenvector grows with the inverse of its eigenvalue's distance to the
    others and does not exist where two meet. There the backward pass takes eigenvectors not to
    turn into each other, where that of `torch.linalg.eigh` gives NaN. Both passes may be
    differentiated again.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.linalg import symmetric_eigen
    >>> values, vectors = symmetric_eigen(torch.diag(torch.tensor([1.0, 3.0])))
    >>> values
    tensor([3., 1.])
    """
    values, vectors = _SymmetricEigen.apply(matrices)
    return values.flip(-1), vectors.flip(-1)
