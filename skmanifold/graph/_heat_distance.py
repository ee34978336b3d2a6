"""Distances read off a heat kernel."""

import numpy as np
import torch

VARADHAN_FLOOR = 1e-16  # the reference's constant inside the logarithm
POTENTIAL_FLOOR = 1e-7  # PHATE's


def inverse_lattice_rate(
    cost: torch.Tensor, t: float | torch.Tensor, *, n_iter: int = 50
) -> torch.Tensor:
    """The distance k that solves ``k asinh(k/t) - sqrt(k^2 + t^2) + t = cost``.

    The left side is the rate function of a continuous-time walk on the integers: minus the
    logarithm of the chance to be k steps away at time t. It is ``k^2 / 2t`` for k << t, as
    Varadhan's formula has it, and ``k log(2k/t) - k`` for k >> t, where heat has not had time to
    be Gaussian. Solving it gives lengths that hardly depend on t.

    Parameters
    ----------
    cost : torch.Tensor
        Not negative; infinities stay.
    t : float
        Positive time, in jumps of the walk.
    n_iter : int, default=50
        Most Newton steps; the function is convex and they start above the root, so that each
        step approaches it from above.

    Returns
    -------
    k : torch.Tensor
        Same shape as `cost`.
    """
    # Above the root: the left side is at least k^2 / (2t + 2k/3).
    k = cost / 3 + torch.sqrt(cost**2 / 9 + 2 * t * cost)
    k = torch.where(torch.isfinite(cost), k, torch.zeros_like(k))
    goal = torch.where(torch.isfinite(cost), cost, torch.zeros_like(cost))
    for _ in range(n_iter):
        slope = torch.asinh(k / t)
        # sqrt(k^2 + t^2) - t without cancellation
        value = k * slope - k**2 / (torch.sqrt(k**2 + t**2) + t)
        step = torch.where(slope > 0, (value - goal) / slope, torch.zeros_like(k))
        k = (k - step).clamp(min=0.0)
        if float(step.abs().max()) <= 1e-14 * float(k.max()):
            break
    return torch.where(torch.isfinite(cost), k, cost)


def heat_cost(kernel: torch.Tensor, *, volume_correction: float = 1.0) -> torch.Tensor:
    """Minus the logarithm of the kernel, over the geometric mean of what stayed at both ends.

    Parameters
    ----------
    kernel : torch.Tensor of shape (n_nodes, n_nodes)
        Symmetric heat kernel.
    volume_correction : float, default=1.0
        1 makes the cost 0 on the diagonal and takes the sampling density out; 0 leaves it in.

    Returns
    -------
    cost : torch.Tensor of shape (n_nodes, n_nodes)
        Not negative, symmetric, infinite where no heat arrived.
    """
    logs = torch.log(kernel)
    stayed = logs.diagonal()
    cost = volume_correction * (stayed[:, None] + stayed[None, :]) / 2 - logs
    cost = cost.clamp(min=0.0)
    cost = torch.maximum(cost, cost.T)  # one direction may underflow where the other does not
    return cost.fill_diagonal_(0.0)


def geodesic_distance(
    kernel: torch.Tensor, t: float, *, dim: float, jump: float, volume_correction: float = 1.0
) -> torch.Tensor:
    """Geodesic distances in the units of the data, from the exact rate function of a lattice walk.

    Heat that jumps by `jump` in all of `dim` directions jumps ``t / dim`` times along any one.

    Parameters
    ----------
    kernel : torch.Tensor of shape (n_nodes, n_nodes)
    t : float
        Time of the kernel, in jumps of the median node.
    dim : float
        Intrinsic dimension.
    jump : float
        Root mean square length of a jump, see `skmanifold.graph.jump_length`.
    volume_correction : float, default=1.0
        See `heat_cost`.
    """
    cost = heat_cost(kernel, volume_correction=volume_correction)
    return jump * inverse_lattice_rate(cost, t / dim)


def varadhan_distance(
    kernel: torch.Tensor, t: float, *, volume_correction: float = 0.0
) -> torch.Tensor:
    """The published heat-geodesic distance, square root of ``-4 t log(h + 1e-16)`` and correction.

    Parameters
    ----------
    kernel : torch.Tensor of shape (n_nodes, n_nodes)
    t : float
        Time of the kernel.
    volume_correction : float, default=0.0
        Factor of ``4 t log((h_ii + h_jj) / 2 + 1e-16)``, which is added to the square.

    References
    ----------
    .. [1] G. Huguet et al., "A heat diffusion perspective on geodesic preserving dimensionality
       reduction", NeurIPS 2023, definition 3.1 and section 4.
    """
    stayed = kernel.diagonal().clamp(min=0.0)
    volume = torch.log((stayed[:, None] + stayed[None, :]) / 2 + VARADHAN_FLOOR)
    logs = torch.log(kernel.clamp(min=0.0) + VARADHAN_FLOOR)
    return torch.sqrt((4 * t * (volume_correction * volume - logs)).clamp(min=0.0))


def potential_distance(kernel: torch.Tensor) -> torch.Tensor:
    """Distances between the rows of ``-log h``, PHATE's potential distance."""
    potential = -torch.log(kernel.clamp(min=0.0) + POTENTIAL_FLOOR)
    return torch.cdist(potential, potential).fill_diagonal_(0.0)


def diffusion_distance(kernel: torch.Tensor) -> torch.Tensor:
    """Distances between the rows of the kernel, as in diffusion maps."""
    return torch.cdist(kernel, kernel).fill_diagonal_(0.0)


def triplet_denoised(distances: torch.Tensor, amount: float) -> torch.Tensor:
    """Mix of the distances with those between their rows, the published triplet distance.

    Points that see all others alike are close, even if noise parts them.

    Parameters
    ----------
    distances : torch.Tensor of shape (n_nodes, n_nodes)
    amount : float
        Between 0, the distances, and 1, those between rows.
    """
    if amount == 0:
        return distances
    return (1 - amount) * distances + amount * torch.cdist(distances, distances)


def path_scale(distances: np.ndarray, paths: np.ndarray) -> float:
    """The factor that makes the median distance as long as the path beside it.

    Parameters
    ----------
    distances, paths : ndarray of the same shape
        Heat distances and lengths of shortest paths on the same graph. Pairs of which one is 0
        or infinite do not count.
    """
    counts = np.isfinite(paths) & np.isfinite(distances) & (paths > 0) & (distances > 0)
    return float(np.median(paths[counts] / distances[counts])) if counts.any() else 1.0
