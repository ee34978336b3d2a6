"""Minima of many functions at once: L-BFGS within bounds, with a line search for each."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

# At points of some rows, with the numbers of these rows: values (a,) and gradients (a, p).
BatchObjective = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

MEMORY = 10  # pairs of steps and changes of gradient
ARMIJO, WOLFE = 1e-4, 0.9
MOST_TRIALS = 20  # of one line search
STALE = 4  # steps that bring nothing, whatever they promise: rounding errors promise much
FIRST_STEP = 0.5  # largest change of a coordinate in the first step, which knows no scale
EXPANSION = 3.0


@dataclass(frozen=True)
class BatchMinimum:
    """Where the search of each row ended.

    Attributes
    ----------
    x : Tensor of shape (b, p)
    values : Tensor of shape (b,)
    n_iter, n_evaluations : Tensor of shape (b,)
    converged : Tensor of shape (b,)
        Whether a row ended within the tolerance, and not at `max_iter` or where rounding hides
        which way is down.
    """

    x: torch.Tensor
    values: torch.Tensor
    n_iter: torch.Tensor
    n_evaluations: torch.Tensor
    converged: torch.Tensor


def minimize_batch(
    fun: BatchObjective,
    x0: torch.Tensor,
    *,
    bounds: torch.Tensor,
    max_iter: int = 100,
    tol: float = 1e-5,
    max_step: float = math.inf,
) -> BatchMinimum:
    """Minimise one smooth function for each row of `x0`.

    Each row has its own line search (weak Wolfe conditions, bracketed, by cubic interpolation),
    and every call evaluates all rows that are not done at a point each: a row that accepts its
    step goes on to the next iteration while others are still searching.

    Bounds are kept by projection: the coordinates that a bound holds are left out of the
    direction, and trial points are clipped. A change of variables would bend the function near
    the bounds, and where an optimum lies on one (a feature without influence) it never arrives.

    Parameters
    ----------
    fun : callable
        ``fun(x_rows, row_indices)`` gives values (a,) and gradients (a, p) of the rows
        `row_indices` (a,) at `x_rows` (a, p). Values that are not finite send a search back.
    x0 : Tensor of shape (b, p)
        Clipped to the bounds. Values there should be finite.
    bounds : Tensor of shape (2, p)
        Least and most of each coordinate; may be infinite.
    max_iter : int, default=100
        Accepted steps of each row.
    tol : float, default=1e-5
        In units of the function. A row is done when its last step brought less than this and the
        next one promises less (half of gradient times direction), or when four steps in a row
        brought less.
    max_step : float, default=inf
        Largest change of a coordinate that a search tries first.

    Returns
    -------
    minimum : BatchMinimum
    """
    search = BatchSearch(fun, x0, bounds=bounds, tol=tol, max_step=max_step)
    search.run(max_iter)
    return search.minimum()


class BatchSearch:
    """The same in portions: rows can be dropped between one `run` and the next.

    Parameters
    ----------
    fun, x0, bounds, tol, max_step
        As in `minimize_batch`.
    """

    # The iterate of each row, what was learnt of the curvature, and the state of its line search.

    def __init__(
        self,
        fun: BatchObjective,
        x0: torch.Tensor,
        *,
        bounds: torch.Tensor,
        tol: float = 1e-5,
        max_step: float = math.inf,
    ) -> None:
        self.fun, (self.least, self.most), self.tol, self.max_step = fun, bounds, tol, max_step
        self.x = x0.clamp(self.least, self.most)
        n_rows, n_coordinates = x0.shape
        rows = torch.arange(n_rows, device=x0.device)
        self.values, self.slopes = fun(self.x, rows)
        self.values, self.slopes = self.values.clone(), self.slopes.clone()
        self.n_iter, self.n_evaluations = torch.zeros_like(rows), torch.ones_like(rows)
        self.steps = x0.new_zeros((n_rows, MEMORY, n_coordinates))
        self.changes = torch.zeros_like(self.steps)
        self.curvatures = x0.new_zeros((n_rows, MEMORY))  # one over step times change
        self.directions = torch.zeros_like(self.x)
        # The bracket: its ends, and value and slope along the line at the lower and upper one.
        self.length = x0.new_zeros(n_rows)
        self.low, self.high = x0.new_zeros((3, n_rows)), x0.new_zeros((3, n_rows))
        self.n_trials = torch.zeros_like(rows)
        self.n_stale = torch.zeros_like(rows)  # last steps that brought less than the tolerance
        self.converged = torch.zeros_like(rows, dtype=torch.bool)
        self.done = ~torch.isfinite(self.values)
        self._aim(rows[~self.done])

    def run(self, n_iter: int) -> None:
        """Go on until every row has taken so many steps in all, or is done."""
        while len(rows := (~self.done & (self.n_iter < n_iter)).nonzero()[:, 0]):
            self._advance(rows)

    def drop(self, rows: torch.Tensor) -> None:
        """Leave some rows where they are."""
        self.done[rows] = True

    def minimum(self) -> BatchMinimum:
        """Where each row is."""
        found = (self.x, self.values, self.n_iter, self.n_evaluations, self.converged)
        return BatchMinimum(*(each.clone() for each in found))

    def _advance(self, rows: torch.Tensor) -> None:
        """Evaluate one point of each row, and decide what to do with it."""
        x, directions, length = self.x[rows], self.directions[rows], self.length[rows]
        free = x + length[:, None] * directions
        trial = free.clamp(self.least, self.most)
        values, slopes = self.fun(trial, rows)
        self.n_evaluations[rows] += 1
        self.n_trials[rows] += 1
        fine = torch.isfinite(values) & torch.isfinite(slopes).all(1)
        along = (slopes * directions * (free == trial)).sum(1)
        promised = (self.slopes[rows] * (trial - x)).sum(1)
        rounding = 1e-14 * self.values[rows].abs()
        lower = fine & (values <= self.values[rows] + ARMIJO * promised + rounding)
        steep = along < WOLFE * (self.slopes[rows] * directions).sum(1)
        point = torch.stack([length, values, along])
        tired = self.n_trials[rows] >= MOST_TRIALS
        accepted = lower & (~steep | tired)
        self._accept(rows[accepted], trial[accepted], values[accepted], slopes[accepted])
        going = ~accepted & ~tired
        self._narrow(rows[going], point[:, going], fine[going], lower[going])
        self._give_up(rows[tired & ~accepted])

    def _narrow(
        self, rows: torch.Tensor, point: torch.Tensor, fine: torch.Tensor, lower: torch.Tensor
    ) -> None:
        """Move an end of the bracket to the trial point, and choose the next one."""
        self.low[:, rows[lower]] = point[:, lower]
        self.high[:, rows[~lower]] = point[:, ~lower]
        low, high = self.low[:, rows], self.high[:, rows]
        inside = _cubic_minimum(low, high)
        width = high[0] - low[0]
        middle = low[0] + 0.5 * width
        inside = torch.where(torch.isfinite(inside), inside, middle)
        inside = inside.clamp(low[0] + 0.1 * width, high[0] - 0.1 * width)
        inside = torch.where(fine, inside, middle - 0.3 * width)
        open_ended = torch.isinf(high[0])
        self.length[rows] = torch.where(open_ended, EXPANSION * low[0], inside)

    def _accept(
        self, rows: torch.Tensor, x: torch.Tensor, values: torch.Tensor, slopes: torch.Tensor
    ) -> None:
        """Take the step, and remember how the gradient changed on it."""
        step, change = x - self.x[rows], slopes - self.slopes[rows]
        product = (step * change).sum(1)
        bent = product > 1e-10 * step.norm(dim=1) * change.norm(dim=1)
        learnt = rows[bent]
        for memory, new in (
            (self.steps, step),
            (self.changes, change),
            (self.curvatures, 1 / product),
        ):
            memory[learnt] = torch.cat([memory[learnt, 1:], new[bent, None]], 1)
        stale = self.values[rows] - values < self.tol
        self.n_stale[rows] = torch.where(stale, self.n_stale[rows] + 1, 0)
        self.x[rows], self.values[rows], self.slopes[rows] = x, values, slopes
        self.n_iter[rows] += 1
        self._aim(rows)

    def _aim(self, rows: torch.Tensor) -> None:
        """Begin a line search in a new direction, or be done."""
        x, slopes = self.x[rows], self.slopes[rows]
        held = ((x <= self.least) & (slopes > 0)) | ((x >= self.most) & (slopes < 0))
        slopes = slopes.masked_fill(held, 0.0)
        curvatures = self.curvatures[rows]
        raw = _two_loops(slopes, self.steps[rows], self.changes[rows], curvatures)
        raw = raw.masked_fill(held, 0.0)
        promise = 0.5 * (slopes * raw).sum(1)
        largest = raw.abs().amax(1)
        cap = torch.where(curvatures[:, -1] > 0, self.max_step, min(FIRST_STEP, self.max_step))
        shrink = (cap / largest.clamp(min=1e-300)).clamp(max=1)
        self.directions[rows] = -raw
        self.length[rows] = shrink
        along = -2 * promise
        begin = torch.stack([torch.zeros_like(promise), self.values[rows], along])
        self.low[:, rows] = begin
        self.high[:, rows] = math.inf
        self.n_trials[rows] = 0
        n_stale = self.n_stale[rows]
        still = (promise < self.tol) & (n_stale > 0) | (n_stale >= STALE) | (largest == 0)
        self.converged[rows] = still
        self.done[rows] = still

    def _give_up(self, rows: torch.Tensor) -> None:
        """Where no step leads down: forget the curvature, and if there was none, be done."""
        fresh = self.curvatures[rows, -1] == 0
        self.done[rows[fresh]] = True
        again = rows[~fresh]
        self.curvatures[again] = 0
        self._aim(again)


def _two_loops(
    slopes: torch.Tensor, steps: torch.Tensor, changes: torch.Tensor, curvatures: torch.Tensor
) -> torch.Tensor:
    """Inverse Hessian of the memory times gradients (a, p); curvature 0 marks an empty place."""
    turned, shares = slopes, []
    for k in reversed(range(MEMORY)):
        share = curvatures[:, k] * (steps[:, k] * turned).sum(1)
        turned = turned - share[:, None] * changes[:, k]
        shares.append(share)
    newest = curvatures[:, -1] * changes[:, -1].square().sum(1)
    turned = torch.where(newest > 0, 1 / newest, 1.0)[:, None] * turned
    for k in range(MEMORY):
        back = curvatures[:, k] * (changes[:, k] * turned).sum(1)
        turned = turned + (shares[MEMORY - 1 - k] - back)[:, None] * steps[:, k]
    return turned


def _cubic_minimum(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Where the cubic through two ends (length, value, slope) is least; nan where nowhere."""
    width = high[0] - low[0]
    bend = low[2] + high[2] - 3 * (high[1] - low[1]) / width
    root = (bend.square() - low[2] * high[2]).sqrt()
    return high[0] - width * (high[2] + root - bend) / (high[2] - low[2] + 2 * root)
