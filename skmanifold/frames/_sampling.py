"""How far axes and signs would change if a shape were sampled anew."""

from typing import NamedTuple

import torch

from skmanifold.frames._principal import Blocks, total, totals


class SamplingErrors(NamedTuple):
    """First-order errors of frames as estimates from a random sample of points."""

    axes: torch.Tensor  # (n_clouds, n_axes); standard error of each direction, in radians
    signs: torch.Tensor  # (n_clouds, n_axes); chance that the third moment has the wrong sign


def _inverse_gaps(variances: torch.Tensor) -> torch.Tensor:
    """``1 / (variance_i - variance_j)``; infinite at ties, 0 of an axis with itself."""
    gaps = variances[:, :, None] - variances[:, None, :]
    same = torch.eye(gaps.shape[-1], dtype=torch.bool, device=gaps.device)
    return (1 / gaps).masked_fill(same, 0.0)


def _fourth_and_third(block: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Sums of ``y_i^2 y_j^2``, of ``y_i^2 y_j`` and of ``y_i^2``."""
    squares = block.square()
    return squares @ squares.mT, squares @ block.mT, squares.sum(-1)


def sampling_errors(blocks: Blocks, counts: torch.Tensor) -> SamplingErrors:
    """Errors of axes and signs of clouds that are random samples of shapes.

    The direction of axis i turns towards axis j by the covariance of the two coordinates over
    the difference of their variances. The third moment of a coordinate changes with the points,
    with their mean, and with the turn of its axis.

    Parameters
    ----------
    blocks : callable
        Gives blocks of coordinates along the principal axes.
    counts : Tensor of shape (n_clouds,)
        Numbers of points.

    Returns
    -------
    errors : SamplingErrors
        Axes that tie have an error of a quarter turn, which none exceeds. Axes along which a
        cloud does not extend have none.
    """
    share = 1 / counts[:, None, None]
    squares, mixed, sums = totals(_fourth_and_third, blocks)
    squares, mixed, variances = squares * share, mixed * share, sums * share[..., 0]
    inverse = _inverse_gaps(variances)
    # 0 * inf, of axes without extent that tie, is no turn at all.
    turns = (squares * share * inverse.square()).nan_to_num(nan=0.0, posinf=torch.inf)
    axes = turns.sum(-1).sqrt().clamp_max(torch.pi / 2)

    thirds = torch.diagonal(mixed, dim1=-2, dim2=-1)
    lever = (3 * mixed * inverse).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def influence(block: torch.Tensor) -> torch.Tensor:
        straight = block**3 - 3 * variances[..., None] * block - thirds[..., None]
        return (straight + block * (lever @ block)).square().sum(-1)

    deviation = total(influence, blocks).sqrt() / counts[:, None]
    score = (thirds.abs() / deviation).nan_to_num(nan=torch.inf)
    return SamplingErrors(axes, torch.special.ndtr(-score))
