"""Gaussian log densities with gradients, and leave-one-out predictions."""

import math
from typing import Any

import torch


class _LogDensity(torch.autograd.Function):
    """Log density of the columns of `targets` under N(0, covariance).

    The gradient is written out, ``(a a' - q K^-1) / 2`` with ``a = K^-1 y``: one inverse from
    the Cholesky factor, a third of the work of differentiating the factorisation.
    """

    @staticmethod
    def forward(ctx: Any, covariance: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        factor = torch.linalg.cholesky(covariance)
        solved = torch.cholesky_solve(targets, factor)
        ctx.save_for_backward(factor, solved)
        n_rows, n_columns = targets.shape
        log_root = factor.diagonal().log().sum() + 0.5 * n_rows * math.log(2 * math.pi)
        return -0.5 * (targets * solved).sum() - n_columns * log_root

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if torch.is_grad_enabled():  # with create_graph=True
            raise RuntimeError("log_density is differentiable once, and not twice.")
        factor, solved = ctx.saved_tensors
        # Not cholesky_inverse, which does less work but does it unblocked.
        inverse = torch.cholesky_solve(torch.eye(len(factor)).to(factor), factor)
        slope = 0.5 * (solved @ solved.T - solved.shape[1] * inverse)
        return upstream[0] * slope, -upstream[0] * solved


def log_density(covariance: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log density of independent columns under a centred Gaussian.

    Parameters
    ----------
    covariance : Tensor of shape (n, n)
        Symmetric and positive definite.
    targets : Tensor of shape (n, q)

    Returns
    -------
    log_density : Tensor of shape ()
        Differentiable once with respect to both.

    Raises
    ------
    torch.linalg.LinAlgError
        If the covariance is not positive definite to working accuracy.
    """
    return _LogDensity.apply(covariance, targets)


def leave_out_means(factor: torch.Tensor, targets: torch.Tensor, block: int) -> torch.Tensor:
    """What a Gaussian process predicts for each block of rows from all the others.

    Parameters
    ----------
    factor : Tensor of shape (n, n)
        Cholesky factor of the covariance of the targets, noise included.
    targets : Tensor of shape (n, q)
    block : int
        Rows that are left out together: those of one point.

    Returns
    -------
    means : Tensor of shape (n / block, block, q)
        ``y_i - ([K^-1]_ii)^-1 [K^-1 y]_i``, where i is a block.

    References
    ----------
    .. [1] C. Rasmussen and C. Williams, "Gaussian Processes for Machine Learning", 2006,
       section 5.4.2 (for blocks of one row).
    """
    n_points = len(targets) // block
    inverse = torch.cholesky_inverse(factor).reshape(n_points, block, n_points, block)
    own = inverse.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    shape = (n_points, block, targets.shape[1])
    solved = torch.cholesky_solve(targets, factor).reshape(shape)
    return targets.reshape(shape) - torch.linalg.solve(own, solved)
