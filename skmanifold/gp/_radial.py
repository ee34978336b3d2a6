"""Correlations that depend on the distance alone."""

from collections.abc import Callable

import torch


def rbf(squares: torch.Tensor, lengthscale: torch.Tensor) -> torch.Tensor:
    """``exp(-r^2 / 2 l^2)`` from squared distances."""
    return torch.exp(-0.5 * squares / lengthscale.square())


def matern52(squares: torch.Tensor, lengthscale: torch.Tensor) -> torch.Tensor:
    """``(1 + s + s^2 / 3) exp(-s)``, ``s = sqrt(5) r / l``, from squared distances."""
    # The root has no derivative at nought, though the kernel has one: stay a hair away.
    steps = (5 * squares + 1e-30).sqrt() / lengthscale
    return (1 + steps + steps.square() / 3) * torch.exp(-steps)


def matern72(squares: torch.Tensor, lengthscale: torch.Tensor) -> torch.Tensor:
    """``(1 + s + 2 s^2 / 5 + s^3 / 15) exp(-s)``, ``s = sqrt(7) r / l``, from squared distances."""
    steps = (7 * squares + 1e-30).sqrt() / lengthscale
    return (1 + steps + 0.4 * steps.square() + steps**3 / 15) * torch.exp(-steps)


RADIAL: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "rbf": rbf,
    "matern72": matern72,
    "matern52": matern52,
}


def squared_distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Squared distances (a, b) between the rows of two matrices, nought for equal rows."""
    # Matrix products cancel the digits of points far from the origin.
    origin = right.mean(0)
    left, right = left - origin, right - origin
    squares = left.square().sum(1)[:, None] + right.square().sum(1) - 2 * left @ right.T
    # What is below the rounding of the products is no distance.
    noise = 4 * torch.finfo(squares.dtype).eps * (left.square().sum(1).max() + 1e-300)
    return torch.where(squares > noise, squares, 0.0)
