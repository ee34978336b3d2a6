"""Log evidence of many exact Gaussian processes at once, with its gradient."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from skmanifold.utils import coordinates_at_once, row_chunks

# Of the prior variance; what is added to the diagonal where a covariance cannot be factorised.
JITTERS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4)
LEAST_AMPLITUDE = 1e-12  # of targets near one: without a floor, targets of nought end at infinity
RATIOS = (1e-12, 1e4)  # of the noise's variance to that of the function
N_SQUARE = 6  # matrices (n, n) that are held for each row


@dataclass(frozen=True)
class BatchedEvidence:
    """What is known of each row of a batch.

    Attributes
    ----------
    values : Tensor of shape (b,)
        Log density of the targets; not finite where a covariance cannot be factorised.
    slopes : Tensor of shape (b, d + 1)
        Its gradient with respect to the logarithms that it was asked at.
    amplitudes : Tensor of shape (b,)
        Prior variance of the function.
    jitters : Tensor of shape (b,)
        What was added to the diagonal of the correlations, as a share of the amplitude.
    """

    values: torch.Tensor
    slopes: torch.Tensor
    amplitudes: torch.Tensor
    jitters: torch.Tensor


def _matern52(squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    steps = squares.mul_(5).sqrt_()
    decay = torch.exp(-steps)
    rising = steps + 1
    correlation = steps.square_().div_(3).add_(rising).mul_(decay)
    return correlation, rising.mul_(decay).mul_(5 / 3)


def _rbf(squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    correlation = squares.mul_(-0.5).exp_()
    return correlation, correlation.clone()


# Correlations and -2 times their derivatives by the squared scaled distance, which they overwrite.
WITH_SLOPE: dict[str, Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]] = {
    "matern52": _matern52,
    "rbf": _rbf,
}


def batched_log_evidence(
    points: torch.Tensor,
    targets: torch.Tensor,
    logs: torch.Tensor,
    *,
    kernel: str,
    noises: torch.Tensor | None = None,
) -> BatchedEvidence:
    """Log density of targets under centred processes with a lengthscale for each feature.

    The covariance of a row is ``s^2 (R(l) + g I)`` with correlations R. The gradient is written
    out with matrix products only: with ``D = dL/dK`` and ``W = D o h(r)``, the derivative by
    ``log l_d`` is ``2 (z_d^2' W 1 - z_d' W z_d)`` for the scaled coordinates ``z_d = x_d / l_d``.
    Rows are worked on a few at a time, so that memory stays that of a few matrices (n, n).

    Parameters
    ----------
    points : Tensor of shape (n, d)
        Near the origin: distances come from matrix products.
    targets : Tensor of shape (b, n, q)
        The q columns of a row are independent draws from the same process.
    logs : Tensor of shape (b, d + 1)
        Logarithms of the d lengthscales, and of the noise ratio g; of the amplitude ``s^2`` in
        place of g where `noises` are given.
    kernel : {"matern52", "rbf"}
    noises : Tensor of shape (b,) or None, default=None
        Variances ``s^2 g`` of the noise. None takes the best amplitude for each g, which is known
        in closed form.

    Returns
    -------
    evidence : BatchedEvidence
    """
    n_points = len(points)
    at_once = max(1, coordinates_at_once(points.device) // n_points**2)
    parts = []
    for few in row_chunks(len(logs), 8 * N_SQUARE * n_points**2):
        for first in range(few.start, few.stop, at_once):
            rows = slice(first, min(first + at_once, few.stop))
            known = None if noises is None else noises[rows]
            parts.append(_evidence(points, targets[rows], logs[rows], WITH_SLOPE[kernel], known))
    return BatchedEvidence(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _evidence(
    points: torch.Tensor,
    targets: torch.Tensor,
    logs: torch.Tensor,
    with_slope: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    noises: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    n_points, n_columns = targets.shape[1:]
    size = n_points * n_columns
    scaled = points / logs[:, None, :-1].exp()
    ratios = logs[:, -1].exp() if noises is None else noises / logs[:, -1].exp()
    matrices, slopes = with_slope(scaled_squares(scaled))
    factors, jitters = factorized(matrices, ratios)
    solved = torch.cholesky_solve(targets, factors)
    misfit = (targets * solved).sum((1, 2))
    best = (misfit / size).clamp(min=LEAST_AMPLITUDE)
    amplitudes = best if noises is None else logs[:, -1].exp()
    log_root = factors.diagonal(dim1=1, dim2=2).log().sum(1)
    spread = size * (amplitudes * 2 * math.pi).log()
    values = -0.5 * (misfit / amplitudes + spread) - n_columns * log_root
    inverses = torch.cholesky_inverse(factors)
    # Twice the derivative of the log density by the entries of R + g I.
    twice = torch.baddbmm(
        inverses, solved, (solved / amplitudes[:, None, None]).mT, beta=-n_columns
    )
    by_ratio = 0.5 * twice.diagonal(dim1=1, dim2=2).sum(1) * ratios
    weights = slopes.mul_(twice)
    pulls = weights @ torch.cat([scaled, torch.ones_like(scaled[:, :, :1])], 2)
    by_length = (scaled.square() * pulls[:, :, -1:] - scaled * pulls[:, :, :-1]).sum(1)
    last = by_ratio if noises is None else 0.5 * (misfit / amplitudes - size) - by_ratio
    return values, torch.cat([by_length, last[:, None]], 1), amplitudes, jitters


def scaled_squares(left: torch.Tensor, right: torch.Tensor | None = None) -> torch.Tensor:
    """Squared distances (b, n, m) between the rows of two batches, or within one."""
    other = left if right is None else right
    squares = left.square().sum(2)[:, :, None] + other.square().sum(2)[:, None, :]
    squares = torch.baddbmm(squares, left, other.mT, alpha=-2).clamp_(min=0)
    if right is None:
        squares.diagonal(dim1=1, dim2=2).zero_()
    return squares


def factorized(
    correlations: torch.Tensor, ratios: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cholesky factors of ``R + g I``, with the least jitter that makes them exist.

    Parameters
    ----------
    correlations : Tensor of shape (b, n, n)
        Overwritten.
    ratios : Tensor of shape (b,)

    Returns
    -------
    factors : Tensor of shape (b, n, n)
        Not finite in rows that no jitter helps.
    jitters : Tensor of shape (b,)
    """
    diagonal = correlations.diagonal(dim1=1, dim2=2)
    diagonal.add_(ratios[:, None])
    factors, faults = torch.linalg.cholesky_ex(correlations)
    jitters = torch.zeros_like(ratios)
    for jitter in JITTERS:
        failed = faults.nonzero()[:, 0]
        if len(failed) == 0:
            return factors, jitters
        added = jitter * (1 + ratios[failed])
        diagonal[failed] += (added - jitters[failed])[:, None]
        jitters[failed] = added
        factors[failed], faults[failed] = torch.linalg.cholesky_ex(correlations[failed])
    factors[faults > 0] = math.nan
    return factors, jitters
