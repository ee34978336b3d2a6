"""Spectral densities of Matern fields at the eigenvalues of a Laplacian."""

import math

import torch


def log_matern_variances(
    eigenvalues: torch.Tensor,
    lengthscale: torch.Tensor,
    nu: torch.Tensor | float,
    manifold_dim: int,
) -> torch.Tensor:
    """Logarithm of `matern_variances`, at most 0.

    ``log1p`` stays exact on the way to the heat kernel, ``nu = inf``.
    """
    heat = eigenvalues * lengthscale.square() / 2
    if not torch.is_tensor(nu) and math.isinf(nu):
        return -heat
    return -(nu + manifold_dim / 2) * torch.log1p(heat / nu)


def matern_variances(
    eigenvalues: torch.Tensor,
    lengthscale: torch.Tensor,
    nu: torch.Tensor | float,
    manifold_dim: int,
) -> torch.Tensor:
    """Spectral density of a Matern field at the eigenvalues of a Laplacian, 1 at the eigenvalue 0.

    ``(1 + lambda kappa^2 / 2 nu)^(-nu - m / 2)`` with the length scale kappa.

    Parameters
    ----------
    eigenvalues : Tensor of shape (K,)
        Not negative.
    lengthscale : Tensor
        Of any shape that broadcasts with the eigenvalues, in the unit whose inverse square these
        have.
    nu : Tensor or float
        Smoothness; ``float("inf")`` for the heat kernel.
    manifold_dim : int
        m.

    Returns
    -------
    variances : Tensor

    References
    ----------
    .. [1] V. Borovitskiy et al., "Matern Gaussian processes on Riemannian manifolds", NeurIPS
       2020.
    """
    return log_matern_variances(eigenvalues, lengthscale, nu, manifold_dim).exp()
