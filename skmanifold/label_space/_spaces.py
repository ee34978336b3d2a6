"""Label spaces: labels, and the distances between them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from skmanifold.label_space._hops import path_lengths
from skmanifold.label_space._locus import locus
from skmanifold.label_space._mean_risk import MeanRisk
from skmanifold.label_space._names import locate, show
from skmanifold.label_space._risk import Risk
from skmanifold.label_space._selection import farthest_first, farthest_from_hull
from skmanifold.label_space._table_risk import (
    Columns,
    TableRisk,
    undominated,
    undominated_on_graph,
)
from skmanifold.label_space._tree import Ints, RootedTree, rooted_tree, tree_adjacency
from skmanifold.label_space._tree_risk import TreeRisk
from skmanifold.utils import row_chunks

STORED = 1 << 24  # distances that are kept rather than computed again for each call
PAIR_BLOCK = 1 << 24  # distances that are computed in one go
EXACT_LOCUS = 500_000  # distances for which linear programs take a few seconds


class LabelSpace(ABC):
    """Nodes with distances between them, some of which are labels that may be predicted.

    Parameters
    ----------
    names : ndarray of shape (n_nodes,)
        The label that each node stands for.
    candidates : ndarray of shape (n_labels,)
        The nodes that may be predicted, in ascending order of their names.
    """

    method: str  # what solves for the label of least risk, if not told otherwise

    def __init__(self, names: NDArray[Any], candidates: Ints) -> None:
        self.names = names
        self.candidates = candidates

    @property
    def labels(self) -> NDArray[Any]:
        """Labels that may be predicted, in ascending order."""
        return self.names[self.candidates]

    def nodes_of(self, labels: Any, what: str = "y") -> Ints:
        """Nodes of labels, which `what` names in the error about unknown ones."""
        return locate(self.names, labels, what)

    @abstractmethod
    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.number]:
        """Distances of shape (n_sources, n_targets) between nodes; None: to all candidates."""

    def pair_distances(self, first: Ints, second: Ints) -> NDArray[np.float64]:
        """Distances between nodes at the same place of two arrays of shape (n_pairs,)."""
        rows, row = np.unique(first, return_inverse=True)
        columns, column = np.unique(second, return_inverse=True)
        if len(columns) < len(rows):
            return self.pair_distances(second, first)
        lengths = np.empty(len(first))
        order = np.argsort(row, kind="stable")
        step = 1 + PAIR_BLOCK // max(self.reach(len(columns)), 1)
        for start in range(0, len(rows), step):
            low, high = np.searchsorted(row[order], [start, start + step])
            pairs = order[low:high]
            block = self.distances(rows[start : start + step], columns)
            lengths[pairs] = block[row[pairs] - start, column[pairs]]
        return lengths

    def reach(self, n_targets: int) -> int:
        """Distances that are computed for each source on the way to `n_targets` targets."""
        return n_targets

    def distances_from(self, nodes: Ints) -> Callable[[Ints], NDArray[np.float64]]:
        """A function from positions of labels to their distances from the nodes, one by one.

        What can be prepared is, for many calls with the same nodes.
        """
        return lambda labels: self.pair_distances(nodes, self.candidates[labels])

    def risk(self, seen: Ints, *, power: float, method: str, device: torch.device) -> Risk:
        """The risk over the labels, as a function of weights of the `seen` nodes.

        Parameters
        ----------
        seen : ndarray of shape (n_seen,)
            Nodes of the seen classes, all different.
        power : float
            Exponent of the distances.
        method : {"auto", "tree", "embedding", "graph", "dense"}
            ``"auto"`` is the fastest exact one for the space and the power.
        device : torch.device
        """
        if method in ("auto", self.method):
            return self._fastest_risk(seen, power, device)
        if method != "dense":
            raise ValueError(
                f"method={method!r} does not fit this label metric, which takes 'auto', "
                f"{self.method!r} or 'dense'."
            )
        return self._table_risk(seen, power, device, None)

    @abstractmethod
    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        """What the method of the space makes of the risk."""

    def _table_risk(
        self, seen: Ints, power: float, device: torch.device, contenders: Ints | None
    ) -> TableRisk:
        def columns(labels: Ints) -> NDArray[np.number]:
            return self.distances(seen, self.candidates[labels])

        n_labels = len(self.candidates)
        kept = np.arange(n_labels) if contenders is None else contenders
        small = len(seen) * len(kept) <= STORED
        return TableRisk(
            _kept_columns(columns, kept, n_labels) if small else columns,
            n_labels,
            n_seen=len(seen),
            power=power,
            contenders=contenders,
            device=device,
        )

    def next_to_label(self, seen: Ints, n: int) -> Ints:
        """Positions of the `n` labels that teach most where the `seen` nodes are known.

        Greedy k-centres: each is the one farthest from all before it.
        """
        start = np.full(len(self.candidates), np.inf)
        for rows in row_chunks(len(seen), 8 * len(self.candidates)):
            np.minimum(start, self.distances(seen[rows]).min(axis=0), out=start)
        return farthest_first(
            lambda label: self.distances(self.candidates[[label]])[0].astype(np.float64),
            start,
            n,
            seen=np.isin(self.candidates, seen),
        )

    def attainable(self, seen: Ints, risk: Risk, power: float) -> Ints:
        """Positions of the labels that have the least risk under some weights of `seen` nodes.

        Exact by linear programs for up to half a million distances; beyond, the contenders that
        the method of the risk leaves, which hold all of them.
        """
        contenders = risk.contenders()
        if len(seen) * len(contenders) > EXACT_LOCUS:
            return contenders
        table = self.distances(seen, self.candidates[contenders]).astype(np.float64)
        return contenders[locus(table**power)]

    @property
    def uniform(self) -> bool:
        """Whether the likeliest class wins: all nodes are labels, equally far from each other."""
        return False


class TreeSpace(LabelSpace):
    """Nodes of a tree, and the lengths of the paths between them.

    Parameters
    ----------
    names, candidates
        As for `LabelSpace`; an inner node may be nameless, an empty string.
    parent : ndarray of shape (n_nodes,)
        The parent of each node, -1 at the root.
    length : ndarray of shape (n_nodes,)
        Length of the edge to the parent.
    """

    method = "tree"

    def __init__(
        self, names: NDArray[Any], parent: Ints, length: NDArray[np.float64], candidates: Ints
    ) -> None:
        super().__init__(names, candidates)
        self.parent = parent
        self.length = length
        self.adjacency = tree_adjacency(parent, length)

    @cached_property
    def _rooted(self) -> RootedTree:
        return rooted_tree(self.adjacency, int(np.flatnonzero(self.parent < 0)[0]))

    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.float64]:
        at = self._rooted.position
        targets = self.candidates if targets is None else targets
        lengths = np.empty((len(sources), len(targets)))
        for rows in row_chunks(len(sources), 64 * len(targets)):
            lengths[rows] = self._rooted.path_lengths(at[sources[rows], None], at[None, targets])
        return lengths

    def pair_distances(self, first: Ints, second: Ints) -> NDArray[np.float64]:
        at = self._rooted.position
        return self._rooted.path_lengths(at[first], at[second])

    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        risk = TreeRisk(self.adjacency, seen, self.candidates, device=device)
        if power == 2:
            return risk
        return self._table_risk(seen, power, device, risk.contenders())

    def attainable(self, seen: Ints, risk: Risk, power: float) -> Ints:
        if isinstance(risk, TreeRisk):
            contenders = risk.contenders()
            if not risk.height[contenders].any():
                return contenders  # the hull, each node of which is a mean of two seen ones
        return super().attainable(seen, risk, power)

    def next_to_label(self, seen: Ints, n: int) -> Ints:
        return farthest_from_hull(self.parent, self.length, seen, self.candidates, n)


class GraphSpace(LabelSpace):
    """Nodes of a graph, and the lengths of the shortest paths between them.

    Parameters
    ----------
    names, candidates
        As for `LabelSpace`.
    adjacency : csr_array of shape (n_nodes, n_nodes)
        Lengths of the edges, both directions stored; connected.
    """

    method = "graph"

    def __init__(self, names: NDArray[Any], adjacency: csr_array, candidates: Ints) -> None:
        super().__init__(names, candidates)
        self.adjacency = adjacency

    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.number]:
        targets = self.candidates if targets is None else targets
        lengths = path_lengths(self.adjacency, sources)
        everything = np.array_equal(targets, np.arange(len(self.names)))
        return lengths if everything else lengths[:, targets]

    def reach(self, n_targets: int) -> int:
        return len(self.names)  # shortest paths lead everywhere

    def distances_from(self, nodes: Ints) -> Callable[[Ints], NDArray[np.float64]]:
        sources, row = np.unique(nodes, return_inverse=True)
        table = self.distances(sources)
        return lambda labels: table[row, labels].astype(np.float64)

    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        table = self.distances(seen)
        contenders = undominated_on_graph(table, self.adjacency, self.candidates)
        return _stored_risk(table, power, contenders, device)

    def _table_risk(
        self, seen: Ints, power: float, device: torch.device, contenders: Ints | None
    ) -> TableRisk:
        return _stored_risk(self.distances(seen), power, contenders, device)


def _kept_columns(columns: Columns, kept: Ints, n_labels: int) -> Columns:
    """The same, without computing again what is asked most."""
    table, place = columns(kept), np.full(n_labels, -1)
    place[kept] = np.arange(len(kept))

    def look_up(labels: Ints) -> NDArray[np.number]:
        at = place[labels]
        return columns(labels) if (at < 0).any() else table[:, at]

    return look_up


def _stored_risk(
    table: NDArray[np.number], power: float, contenders: Ints | None, device: torch.device
) -> TableRisk:
    """Risk from distances (n_seen, n_labels) that are kept."""
    return TableRisk(
        lambda labels: table[:, labels],
        table.shape[1],
        n_seen=len(table),
        power=power,
        contenders=contenders,
        device=device,
    )


class MatrixSpace(LabelSpace):
    """Labels with a matrix of distances.

    Parameters
    ----------
    names, candidates
        As for `LabelSpace`.
    matrix : ndarray of shape (n_nodes, n_nodes)
        Distances; symmetric, with a diagonal of zeros.
    """

    method = "dense"

    def __init__(self, names: NDArray[Any], matrix: NDArray[np.number], candidates: Ints) -> None:
        super().__init__(names, candidates)
        self.matrix = matrix

    @cached_property
    def uniform(self) -> bool:
        if not len(self.candidates) == len(self.names) > 1:
            return False
        # Row by row: the first one tells nearly always, and a mask would double the memory.
        apart = self.matrix[0, 1]
        return apart > 0 and all(
            (np.delete(row, at) == apart).all() for at, row in enumerate(self.matrix)
        )

    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.number]:
        targets = self.candidates if targets is None else targets
        return self.matrix[np.ix_(sources, targets)]

    def pair_distances(self, first: Ints, second: Ints) -> NDArray[np.float64]:
        return self.matrix[first, second].astype(np.float64)

    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        table = self.distances(seen)
        return _stored_risk(table, power, undominated(table), device)


class EuclideanSpace(LabelSpace):
    """Labels that are points, and the Euclidean distances between them.

    Parameters
    ----------
    names, candidates
        As for `LabelSpace`.
    points : ndarray of shape (n_nodes, n_coordinates)
        Coordinates of each node.
    """

    method = "embedding"

    def __init__(self, names: NDArray[Any], points: NDArray[np.floating], candidates: Ints) -> None:
        super().__init__(names, candidates)
        self.points = points

    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.float64]:
        targets = self.candidates if targets is None else targets
        return cdist(self.points[sources], self.points[targets])

    def pair_distances(self, first: Ints, second: Ints) -> NDArray[np.float64]:
        apart = self.points[first].astype(np.float64) - self.points[second]
        return np.linalg.norm(apart, axis=1)

    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        if power == 2:
            return MeanRisk(self.points[self.candidates], self.points[seen], device=device)
        return self._table_risk(seen, power, device, None)


class CallableSpace(LabelSpace):
    """Labels whose distances a function tells.

    Parameters
    ----------
    names, candidates
        As for `LabelSpace`.
    metric : callable
        ``metric(A, B)`` gives the distances of shape (len(A), len(B)) between arrays of labels.
    """

    method = "dense"

    def __init__(
        self,
        names: NDArray[Any],
        metric: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.number]],
        candidates: Ints,
    ) -> None:
        super().__init__(names, candidates)
        self.metric = metric

    def distances(self, sources: Ints, targets: Ints | None = None) -> NDArray[np.float64]:
        targets = self.candidates if targets is None else targets
        block = np.asarray(self.metric(self.names[sources], self.names[targets]), dtype=float)
        if block.shape != (len(sources), len(targets)):
            raise ValueError(
                f"label_metric gave distances of shape {block.shape} between {len(sources)} and "
                f"{len(targets)} labels; it must give {(len(sources), len(targets))}."
            )
        if not (block >= 0).all() or np.isinf(block).any():
            row, column = np.argwhere(~((block >= 0) & np.isfinite(block)))[0]
            raise ValueError(
                f"label_metric gave the distance {block[row, column]} between "
                f"{show(self.names[[sources[row], targets[column]]])}; it must be finite and not "
                "negative."
            )
        return block

    def _fastest_risk(self, seen: Ints, power: float, device: torch.device) -> Risk:
        return self._table_risk(seen, power, device, None)
