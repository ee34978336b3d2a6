"""Moments that turn with the signs of axes, as sums over points that blocks of points add up.

Flipping the axes of a set S turns a moment by the number of its odd exponents in S. A moment whose
odd exponents lie on the axes S therefore shows the product of the signs of S: it is a character of
the group of sign flips. Each comes with the sum of its absolute terms, which bounds it and
tells rounding from asymmetry.
"""

from itertools import combinations

import torch

ODD_POWERS = (3, 5, 7)
# The number of sets of axes grows with the power of their size.
MOST_AXES_OF_TRIPLES, MOST_AXES_OF_PAIRS = 8, 64


def _sums(terms: torch.Tensor) -> torch.Tensor:
    """Sums over points, and of absolute terms: (..., n_points) to (..., 2)."""
    return torch.stack([terms.sum(-1), terms.abs().sum(-1)], dim=-1)


def odd_sums(coordinates: torch.Tensor) -> torch.Tensor:
    """Sums of the third, fifth and seventh powers of each coordinate.

    Parameters
    ----------
    coordinates : Tensor of shape (..., n_axes, n_points)
        About the mean. Padded points are zeros.

    Returns
    -------
    sums : Tensor of shape (..., n_axes, 3, 2)
        Of the powers, and of their absolute values.
    """
    return axis_sums(coordinates)[1]


def axis_sums(coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of squares, (..., n_axes), and `odd_sums` of each coordinate."""
    squares = coordinates.square()
    power, sums = coordinates * squares, []
    for _ in ODD_POWERS:
        sums.append(_sums(power))
        power = power * squares
    return squares.sum(-1), torch.stack(sums, dim=-2)


def joint_sets(n_axes: int) -> list[tuple[int, ...]]:
    """The sets of axes whose joint moments `joint_sums` gives: of one, two and three axes."""
    largest = 1 + (n_axes <= MOST_AXES_OF_PAIRS) + (n_axes <= MOST_AXES_OF_TRIPLES)
    return [axes for size in range(1, largest + 1) for axes in combinations(range(n_axes), size)]


def n_joint_moments(n_axes: int) -> int:
    """Number of moments of each set that `joint_sums` gives."""
    return max(2, n_axes - 1)


def joint_sums(coordinates: torch.Tensor) -> torch.Tensor:
    """Sums of products of powers of several coordinates.

    Parameters
    ----------
    coordinates : Tensor of shape (..., n_axes, n_points)
        About the mean. Padded points are zeros.

    Returns
    -------
    sums : Tensor of shape (..., n_sets, n_moments, 2)
        For each set of `joint_sets`, signed and absolute sums of ``y_i^2 y_j`` of axis j with each
        other axis i; of ``y_i^3 y_j`` and ``y_i y_j^3``; of ``y_i y_j y_k``. Filled up by zeros.
    """
    squares, cubes, sizes = coordinates.square(), coordinates**3, coordinates.abs()
    n_axes = coordinates.shape[-2]
    mixed = torch.stack([squares @ coordinates.mT, squares @ sizes.mT], dim=-1)
    skew = torch.stack([cubes @ coordinates.mT, cubes.abs() @ sizes.mT], dim=-1)
    others = ~torch.eye(n_axes, dtype=torch.bool, device=coordinates.device)
    singles = mixed.transpose(-3, -2)[..., others, :]
    moments = [singles.reshape(*coordinates.shape[:-2], n_axes, n_axes - 1, 2)]
    for axes in joint_sets(n_axes)[n_axes:]:
        if len(axes) == 2:
            several = skew[..., list(axes), list(reversed(axes)), :]
        else:
            several = _sums(coordinates[..., list(axes), :].prod(dim=-2))[..., None, :]
        moments.append(several[..., None, :, :])
    most = n_joint_moments(n_axes)
    filled = [torch.nn.functional.pad(each, (0, 0, 0, most - each.shape[-2])) for each in moments]
    return torch.cat(filled, dim=-3)


def decisive(sums: torch.Tensor, tolerance: torch.Tensor) -> torch.Tensor:
    """The first moment that is larger than rounding, as a share of its absolute terms.

    Parameters
    ----------
    sums : Tensor of shape (..., n_moments, 2)
        Signed and absolute sums, in order of preference.
    tolerance : Tensor of shape (...)
        Shares up to this one may be rounding.

    Returns
    -------
    shares : Tensor of shape (...)
        In [-1, 1]; where no moment is large enough, the largest of them.
    """
    shares = sums[..., 0] / sums[..., 1].clamp_min(torch.finfo(sums.dtype).tiny)
    large = shares.abs() > tolerance[..., None]
    # argmax takes the first of equals: the first large one, or else the largest.
    rank = torch.where(large.any(-1, keepdim=True), large.to(shares.dtype), shares.abs())
    return shares.gather(-1, rank.argmax(-1, keepdim=True)).squeeze(-1)
