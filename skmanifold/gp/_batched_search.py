"""Hyper-parameters of many exact Gaussian processes by maximum evidence, all at once."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from skmanifold.gp._batched_evidence import RATIOS, batched_log_evidence
from skmanifold.gp._batched_lbfgs import BatchSearch

# In standard deviations of a feature. A function that is nearly linear has a large amplitude, so
# that a feature without influence needs a lengthscale much larger still.
LENGTHSCALES = (1e-2, 1e6)
AMPLITUDES = (1e-6, 1e6)  # in variances of the targets; used where the noise is given
FIRST_RATIO = 1e-2
# After so many steps starts are given up that have no hope, or are on their way to the same place
# as a better one. That saves more than half of the work, and cost more than half a nat in 1 of 90
# groups (measured); to keep the best two starts of ten costs it in 5 of 90.
LOOKS = (6, 9, 12, 15, 18, 24)
FAR_NATS, FAR_GAINS = 1.0, 4.0  # behind the best, and as a multiple of the gain since the last look
NEAR = 0.3  # of the largest inverse lengthscale
NEAR_LOG, NEAR_NATS = 1.2, 5.0  # of the last logarithm, and behind the other
PRIOR_SPREAD = 1.0  # of the logarithm of a lengthscale, where a prior is given
MAX_STEP = 2.0  # of a logarithm: steps far into flat regions find no way back


@dataclass(frozen=True)
class BatchedSearch:
    """The best of the starts of each group of columns.

    Attributes
    ----------
    logs : Tensor of shape (G, d + 1)
        As `batched_log_evidence` takes them.
    n_iter : Tensor of shape (G,)
    capped : Tensor of shape (G,)
        Whether it stopped at `max_iter`.
    """

    logs: torch.Tensor
    n_iter: torch.Tensor
    capped: torch.Tensor


def search_batch(
    points: torch.Tensor,
    targets: torch.Tensor,
    *,
    kernel: str,
    noises: torch.Tensor | None = None,
    medians: torch.Tensor | None = None,
    n_restarts: int = 9,
    max_iter: int = 300,
    tol: float = 1e-3,
    generator: np.random.Generator,
) -> BatchedSearch:
    """Maximise the evidence of every group of columns, times any prior, from several starts.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        With features of mean 0 and variance 1.
    targets : Tensor of shape (G, n, c)
        The columns of a group share all hyper-parameters. Of variance near 1; without `noises`,
        targets of nought stay at their first start.
    kernel : {"matern52", "rbf"}
    noises : Tensor of shape (G,) or None, default=None
        Noise variance where it is known.
    medians : Tensor of shape (d,) or None, default=None
        Medians of log-normal priors of the lengthscales. None has no prior.
    n_restarts : int, default=9
        Starts after the first.
    max_iter : int, default=300
    tol : float, default=1e-3
        In nats.
    generator : numpy.random.Generator
        Of the starts.
    """
    n_groups, n_features = len(targets), points.shape[1]
    # Without a given noise the evidence of targets of nought has no maximum.
    speaks = torch.ones(n_groups).to(points)
    if noises is None:
        speaks = (targets.square().sum((1, 2)) > 0).to(points)

    def loss(logs: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        groups = rows % n_groups
        known = None if noises is None else noises[groups]
        evidence = batched_log_evidence(points, targets[groups], logs, kernel=kernel, noises=known)
        values, slopes = evidence.values, evidence.slopes * speaks[groups, None]
        if medians is not None:
            misfit = (logs[:, :-1] - medians.log()) / PRIOR_SPREAD
            values = values - 0.5 * misfit.square().sum(1)
            slopes[:, :-1] -= misfit / PRIOR_SPREAD * speaks[groups, None]
        return -values, -slopes

    last = RATIOS if noises is None else AMPLITUDES
    ranges = np.log(np.array([LENGTHSCALES] * n_features + [last]).T)
    starts = _starts(n_features, n_restarts, noises is None, generator)
    if medians is not None:
        starts[:, :-1] += medians.log().cpu().numpy() - 0.5 * math.log(n_features)
        starts[:, :-1] = starts[:, :-1].clip(*ranges[:, :-1])
    x0 = torch.from_numpy(np.repeat(starts, n_groups, axis=0)).to(points)
    limits = torch.from_numpy(ranges).to(points)
    search = BatchSearch(loss, x0, bounds=limits, tol=tol, max_step=MAX_STEP)
    losses = torch.full_like(x0[:, 0], math.inf)
    for n_iter in LOOKS:
        search.run(min(n_iter, max_iter))
        before, reached = losses, search.minimum()
        losses = reached.values.nan_to_num(nan=math.inf)
        needless = _hopeless(losses, before, n_groups) | _repeated(losses, reached.x, n_groups)
        search.drop(needless.flatten().nonzero()[:, 0])
    search.run(max_iter)
    minimum = search.minimum()
    best = minimum.values.nan_to_num(nan=math.inf).reshape(-1, n_groups).argmin(0)
    rows = best * n_groups + torch.arange(n_groups, device=points.device)
    capped = ~minimum.converged & (minimum.n_iter >= max_iter)
    return BatchedSearch(minimum.x[rows], minimum.n_iter[rows], capped[rows])


def _starts(
    n_features: int, n_restarts: int, ratios: bool, generator: np.random.Generator
) -> np.ndarray:
    """Logarithms (1 + n_restarts, d + 1) to start from: the first at the size of the data."""
    center = np.full(n_features + 1, 0.5 * math.log(n_features))
    center[-1] = math.log(FIRST_RATIO) if ratios else 0.0
    spread = np.full(n_features + 1, 0.5)
    spread[-1] = 3.0 if ratios else 1.0
    draws = center + spread * generator.normal(size=(n_restarts, n_features + 1))
    return np.concatenate([center[None], draws])


def _hopeless(losses: torch.Tensor, before: torch.Tensor, n_groups: int) -> torch.Tensor:
    """Which starts (starts, G) are far behind the best of their group, and do not catch up."""
    now, before = losses.reshape(-1, n_groups), before.reshape(-1, n_groups)
    behind = now - now.amin(0)
    return (behind > FAR_NATS) & (behind > FAR_GAINS * (before - now))


def _repeated(losses: torch.Tensor, logs: torch.Tensor, n_groups: int) -> torch.Tensor:
    """Which starts (starts, G) are near a better one of their group."""
    now, logs = losses.reshape(-1, n_groups), logs.reshape(-1, n_groups, logs.shape[1])
    # How much each feature counts: two long lengthscales are alike, however long.
    influences, lasts = torch.exp(-logs[:, :, :-1]), logs[:, :, -1]
    largest = influences.amax(2)
    repeated = torch.zeros_like(now, dtype=torch.bool)
    for loss, influence, last in zip(now, influences, lasts, strict=True):
        gap = (influences - influence).abs().amax(2)
        near = gap < NEAR * torch.maximum(largest, influence.amax(1))
        near &= (lasts - last).abs() < NEAR_LOG
        repeated |= near & (now > loss) & (now < loss + NEAR_NATS)
    return repeated
