"""Expected distance from every label to a class of uncertain value, and the labels of least of it.

The risk of a label y under weights p of the seen classes is the sum of ``p_i d(y, y_i)**power``:
with power 2, its minimiser is the Frechet mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skmanifold.utils import row_chunks, to_numpy, to_tensor

LABEL_BLOCK = 2048  # labels looked at in one go: wide enough for fast products, small in memory
TIE = 1e-12  # relative difference below which two risks are equal; rounding is well below


class Risk(ABC):
    """The risk as a function of the weights, on the labels of one space.

    Attributes
    ----------
    n_labels : int
        Labels, known by their positions 0, 1, ... in ascending order.
    device : torch.device
        Where the values are computed.
    cost : int
        About how many operations the value of one sample and label takes.
    """

    n_labels: int
    device: torch.device
    cost: int

    @abstractmethod
    def contenders(self, k: int = 1) -> NDArray[np.intp]:
        """Positions, ascending, that hold the `k` labels of least risk whatever the weights."""

    @abstractmethod
    def summary(self, weights: Tensor) -> tuple[Tensor, ...]:
        """What the risk depends on, of weights of shape (n_samples, n_seen)."""

    @abstractmethod
    def values(self, summary: tuple[Tensor, ...], labels: NDArray[np.intp]) -> Tensor:
        """Risks of shape (n_samples, n_labels) at positions of labels."""

    def slack(self, summary: tuple[Tensor, ...]) -> Tensor | float:
        """How far rounding may carry `values` off, of shape (n_samples,) or 0 where it cannot."""
        return 0.0

    def exact(self, weights: Tensor, labels: NDArray[np.intp]) -> Tensor:
        """Risks of shape (n,) of each row of weights at its own label, sums of positive terms."""
        raise NotImplementedError

    @property
    def row_width(self) -> int:
        """Numbers per sample that `summary` and the work on it hold."""
        return 0


def _row_blocks(risk: Risk, weights: NDArray[np.floating]) -> Iterator[tuple[slice, Tensor]]:
    width = risk.row_width + weights.shape[1] + 3 * min(risk.n_labels, LABEL_BLOCK)
    for rows in row_chunks(len(weights), 8 * width):
        yield rows, to_tensor(weights[rows], device=risk.device, dtype=torch.float64)


def _label_blocks(labels: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(labels), LABEL_BLOCK):
        yield labels[start : start + LABEL_BLOCK]


def least_risk(
    risk: Risk, weights: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The label of least risk of each sample, and that risk; of equal ones the lowest label.

    Parameters
    ----------
    risk : Risk
    weights : ndarray of shape (n_samples, n_seen)
        Not negative, and not all zero in any row.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        Positions of labels.
    risks : ndarray of shape (n_samples,)
    """
    labels = np.empty(len(weights), dtype=np.intp)
    risks = np.empty(len(weights))
    contenders = risk.contenders()
    for rows, block in _row_blocks(risk, weights):
        labels[rows], risks[rows] = _least_of_block(risk, block, contenders)
    return labels, risks


def _least_of_block(
    risk: Risk, weights: Tensor, contenders: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Running minimum over blocks of labels; what rounding may decide is looked at again."""
    summary = risk.summary(weights)
    slack = torch.as_tensor(risk.slack(summary), device=risk.device).expand(len(weights))
    best = torch.full((len(weights),), torch.inf, dtype=torch.float64, device=risk.device)
    label = torch.zeros(len(weights), dtype=torch.int64, device=risk.device)
    tied = torch.zeros(len(weights), dtype=torch.bool, device=risk.device)
    for positions in _label_blocks(contenders):
        values = risk.values(summary, positions)
        least, at = values.min(dim=1)
        margin = slack + TIE * least.abs()
        near = values <= (least + margin)[:, None]
        several = near.sum(dim=1) > 1
        at[several] = near[several].to(torch.uint8).argmax(dim=1)
        first = to_tensor(positions, device=risk.device)[at]
        better = least < best - margin
        tied = torch.where(better, several, tied | ((least - best).abs() <= margin))
        label = torch.where(better, first, label)
        best = torch.minimum(best, least)
    again = tied & (slack > 0)
    for rows, exact in _exact_risks(risk, weights, again, contenders, 1):
        best[rows] = least = exact.amin(dim=1)
        first = (exact <= (least * (1 + TIE))[:, None]).to(torch.uint8).argmax(dim=1)
        label[rows] = to_tensor(contenders, device=risk.device)[first]
    if not best.isfinite().all():
        raise ValueError(
            "label_metric gives distances whose sums of distance ** power are beyond floating "
            "point; rescale the metric or lower power."
        )
    return to_numpy(label), to_numpy(best.clamp_(min=0))


def _exact_risks(
    risk: Risk, weights: Tensor, mask: Tensor, contenders: NDArray[np.intp], k: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """For some rows of weights, exact risks of what may be among the k least; others infinite."""
    chosen = mask.nonzero()[:, 0]
    for part in row_chunks(len(chosen), 32 * len(contenders)):
        rows = chosen[part]
        summary = risk.summary(weights[rows])
        found = [risk.values(summary, positions) for positions in _label_blocks(contenders)]
        values = torch.cat(found, dim=1)
        bound = values.topk(k, dim=1, largest=False).values[:, -1]
        slack = torch.as_tensor(risk.slack(summary), device=risk.device)
        bound = bound + 2 * (slack + TIE * bound.abs())
        row, column = (values <= bound[:, None]).nonzero(as_tuple=True)
        exact = torch.full_like(values, torch.inf)
        for pairs in row_chunks(len(row), 32 * weights.shape[1]):
            labels = contenders[to_numpy(column[pairs])]
            exact[row[pairs], column[pairs]] = risk.exact(weights[rows[row[pairs]]], labels)
        yield rows, exact


def least_risks(risk: Risk, weights: NDArray[np.floating], k: int) -> NDArray[np.intp]:
    """Positions of shape (n_samples, k) of the k labels of least risk, the least one first."""
    winners, _ = least_risk(risk, weights)
    if k == 1:
        return winners[:, None]
    labels = np.empty((len(weights), k), dtype=np.intp)
    contenders = risk.contenders(k)
    for rows, block in _row_blocks(risk, weights):
        labels[rows] = _k_least_of_block(risk, block, contenders, winners[rows], k)
    return labels


def _k_least_of_block(
    risk: Risk, weights: Tensor, contenders: NDArray[np.intp], winners: NDArray[np.intp], k: int
) -> NDArray[np.intp]:
    """The k least, and one more to see how clear it is, kept over blocks of labels."""
    summary = risk.summary(weights)
    slack = torch.as_tensor(risk.slack(summary), device=risk.device).expand(len(weights))[:, None]
    first = to_tensor(winners, device=risk.device)[:, None]  # `least_risk` has looked closely
    label, best = first[:, :0], slack[:, :0]
    for positions in _label_blocks(contenders):
        here = to_tensor(positions, device=risk.device).expand(len(weights), -1)
        values = risk.values(summary, positions).masked_fill(here == first, -torch.inf)
        label, best = torch.cat([label, here], dim=1), torch.cat([best, values], dim=1)
        keep = _first_of_k_least(best, slack, min(k + 1, best.shape[1]))
        label, best = label.gather(1, keep), best.gather(1, keep)
    label = label.gather(1, _order(best, slack))[:, :k]
    ascending = best.sort(dim=1).values
    margin = slack + TIE * ascending[:, 1:].abs()
    close = (ascending.diff(dim=1) <= margin).any(dim=1) & (slack[:, 0] > 0)
    every = to_tensor(contenders, device=risk.device)
    for rows, exact in _exact_risks(risk, weights, close, contenders, k):
        exact = exact.masked_fill(every == first[rows], -torch.inf)
        keep = _first_of_k_least(exact, torch.zeros_like(slack[rows]), k)
        order = _order(exact.gather(1, keep), torch.zeros_like(slack[rows]))
        label[rows] = every[keep.gather(1, order)]
    return to_numpy(label)


def _first_of_k_least(values: Tensor, slack: Tensor, k: int) -> Tensor:
    """Columns, ascending, of the k least values of each row; of equal ones the first."""
    bound = values.topk(k, dim=1, largest=False).values[:, -1:]
    margin = slack + TIE * bound.abs().nan_to_num(posinf=0.0)
    below, near = values < bound - margin, (values - bound).abs() <= margin
    near |= values == bound  # an infinite one is no number away from itself
    wanted = k - below.sum(dim=1, keepdim=True)
    chosen = below | (near & (near.cumsum(dim=1) <= wanted))
    return chosen.nonzero()[:, 1].reshape(len(values), k)


def _order(values: Tensor, slack: Tensor) -> Tensor:
    """Columns of each row in ascending order of values; equal ones stay in their order."""
    ascending, columns = values.sort(dim=1)
    low, high = ascending[:, :-1], ascending[:, 1:]
    jumps = high - low > slack + TIE * high.abs()
    groups = torch.nn.functional.pad(jumps.cumsum(dim=1), (1, 0))
    group = torch.empty_like(groups).scatter_(1, columns, groups)
    return group.sort(dim=1, stable=True).indices


def all_risks(risk: Risk, weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Risks of shape (n_samples, n_labels), which the caller has made sure fit in memory."""
    risks = np.empty((len(weights), risk.n_labels))
    labels = np.arange(risk.n_labels)
    for rows, block in _row_blocks(risk, weights):
        summary = risk.summary(block)
        for positions in _label_blocks(labels):
            # Sums of what is not negative, but for rounding.
            values = risk.values(summary, positions).clamp_(min=0)
            risks[rows, positions[0] : positions[-1] + 1] = to_numpy(values)
    return risks
