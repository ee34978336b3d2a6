"""Risk for any metric and power, from the distances of the seen classes to the labels."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from skmanifold.label_space._risk import Risk
from skmanifold.utils import to_tensor

Columns = Callable[[NDArray[np.intp]], NDArray[np.number]]
CLEAR = 1e-9  # relative difference of distances that is no rounding
MAX_FRONT = 256  # undominated labels that others are compared with
MAX_WORK = 2_000_000_000  # fewer, where that would take more comparisons
MAX_COMPARED = 10_000_000  # of them in memory at a time


class TableRisk(Risk):
    """Risk as a product of the weights with a table of powers of distances, block by block.

    Parameters
    ----------
    columns : callable
        ``columns(labels)`` gives the distances of shape (n_seen, len(labels)) of the seen classes
        to positions of labels.
    n_labels : int
        Number of labels.
    n_seen : int
        Number of seen classes.
    power : float
        Exponent of the distances.
    contenders : ndarray or None, default=None
        Positions of labels of which one always has the least risk; None: all of them.
    device : torch.device
    """

    def __init__(
        self,
        columns: Columns,
        n_labels: int,
        *,
        n_seen: int,
        power: float,
        contenders: NDArray[np.intp] | None = None,
        device: torch.device,
    ) -> None:
        self.columns = columns
        self.n_labels = n_labels
        self.cost = n_seen
        self.power = power
        self.device = device
        self._contenders = np.arange(n_labels) if contenders is None else contenders

    def contenders(self, k: int = 1) -> NDArray[np.intp]:
        return self._contenders if k == 1 else np.arange(self.n_labels)

    def summary(self, weights: Tensor) -> tuple[Tensor, ...]:
        return (weights,)

    def values(self, summary: tuple[Tensor, ...], labels: NDArray[np.intp]) -> Tensor:
        # Small integers travel to the device as they are, an eighth of the bytes.
        table = to_tensor(self.columns(labels), device=self.device).double()
        return summary[0] @ table.pow_(self.power)


def undominated(table: NDArray[np.number]) -> NDArray[np.intp]:
    """Columns of which one has the least weighted sum whatever the weights, by dominance.

    A column goes where another is nowhere larger and either comes first or is smaller everywhere:
    then it cannot be the first of least sum. Columns are compared with at most 256 others, so
    that some dominated ones may stay.

    Parameters
    ----------
    table : ndarray of shape (n_seen, n_labels)
        Distances, or increasing functions of them.
    """
    kept = np.ones(table.shape[1], dtype=bool)
    front = min(MAX_FRONT, MAX_WORK // max(table.size, 1))
    for label in np.argsort(table.sum(axis=0, dtype=np.float64), kind="stable"):
        if front == 0:
            break
        if kept[label]:
            others = np.flatnonzero(kept)
            others = others[others != label]
            kept[others[_dominates(table, np.full(len(others), label), others)]] = False
            front -= 1
    return np.flatnonzero(kept)


def undominated_on_graph(
    table: NDArray[np.number], adjacency: csr_array, candidates: NDArray[np.intp]
) -> NDArray[np.intp]:
    """As `undominated`, for distances on a graph: labels are compared with their neighbours.

    Shortest paths run over neighbours, which makes these the labels most likely to dominate.
    """
    position = np.full(adjacency.shape[0], -1)
    position[candidates] = np.arange(len(candidates))
    edges = adjacency.tocoo()
    by, over = position[edges.row], position[edges.col]
    inside = (by >= 0) & (over >= 0)
    by, over = by[inside], over[inside]
    kept = np.ones(len(candidates), dtype=bool)
    kept[over[_dominates(table, by, over)]] = False
    return np.flatnonzero(kept)


def _dominates(
    table: NDArray[np.number], by: NDArray[np.intp], over: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether each column of `by` makes the one of `over` superfluous.

    Most pairs fail within a few rows, so that the rest is looked at for few of them.
    """
    left, start = np.arange(len(by)), 0
    first = by < over
    clear = np.ones(len(by), dtype=bool)
    while start < len(table) and len(left):
        rows = slice(start, min(2 * start + 8, start + MAX_COMPARED // len(left) + 1))
        one, other = table[rows, by[left]], table[rows, over[left]]
        clear[left] &= _clearly_less(one, other).all(axis=0)
        left = left[(one <= other).all(axis=0) & (first[left] | clear[left])]
        start = rows.stop
    found = np.zeros(len(by), dtype=bool)
    found[left] = True
    return found


def _clearly_less(one: NDArray[np.number], other: NDArray[np.number]) -> NDArray[np.bool_]:
    """Where one number is less than another by more than rounding: equal ones may be a tie."""
    if one.dtype.kind == "f":
        return one < other * (1 - CLEAR)
    return one < other
