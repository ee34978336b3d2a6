"""Risk on a tree, in a few operations per label and sample.

Notation: p are the weights, P their sum. About a node v, M is the weight in its subtree, S the sum
of p times distance and F that of p times squared distance. With w the length of the edge from u
down to v and G the sum of p times depth in the subtree of v,

    S(v) = S(u) + w (P - 2 M),    F(v) = F(u) + w X + w^2 P,    X = 2 S(u) - 4 (G - depth(u) M).

Only the hull of the seen classes matters, which is the union of the paths between them. Its
chains of nodes with two neighbours are one edge: at a distance t below its upper end,
F = F(u) + t X + t^2 P. A label that hangs off the hull with a path of length h at a node a has
F = F(a) + 2 h S(a) + h^2 P, so that of those on one node only the nearest can have the least.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from skmanifold.label_space._risk import TIE, Risk
from skmanifold.label_space._tree import Floats, Ints, counts_below, nearest_marked, rooted_tree
from skmanifold.utils import to_tensor


def _run(*keys: NDArray[np.number]) -> tuple[Ints, Ints]:
    """First place, and one past the last, of the run of equal keys that each place is in."""
    starts = np.any([np.diff(key, prepend=key[0] - 1) != 0 for key in keys], axis=0)
    bounds = np.append(np.flatnonzero(starts), len(starts))
    lengths = np.diff(bounds)
    return np.repeat(bounds[:-1], lengths), np.repeat(bounds[1:], lengths)


class TreeRisk(Risk):
    """Risk of power 2 on a tree: only the compressed hull of the seen classes is worked on.

    Parameters
    ----------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        Lengths of the edges, both directions stored.
    seen : ndarray of shape (n_seen,)
        Nodes of the seen classes, all different.
    candidates : ndarray of shape (n_labels,)
        Nodes of the labels.
    device : torch.device

    Attributes
    ----------
    anchor : ndarray of shape (n_labels,)
        For each label, the node of the hull (as a preorder position) nearest to it.
    height : ndarray of shape (n_labels,)
        How far from the hull each label is.
    """

    # By label: offset of its anchor below the upper key of its edge, and the two keys.
    _offset: Floats
    _upper: Ints
    _lower: Ints
    # By key, in preorder: parent (the root is its own), depth, and one past the last key below.
    _key_parent: Ints
    _key_depth: Floats
    _key_end: Ints
    # The key of each seen class.
    _seen_key: Ints

    cost = 10

    def __init__(
        self, adjacency: csr_array, seen: Ints, candidates: Ints, *, device: torch.device
    ) -> None:
        self.n_labels = len(candidates)
        self.device = device
        self._contenders: dict[int, Ints] = {}
        # With a seen class at the root, all that is off the hull hangs below it.
        self._tree = tree = rooted_tree(adjacency, int(seen[0]))
        self._seen, self._labels = tree.position[seen], tree.position[candidates]
        is_seen = np.zeros(len(tree.parent), dtype=bool)
        is_seen[self._seen] = True
        on_hull = counts_below(tree.end, is_seen) > 0
        self.anchor = nearest_marked(tree.parent, on_hull)[self._labels]
        self.height = tree.depth[self._labels] - tree.depth[self.anchor]
        self._compress(on_hull)

    def _compress(self, on_hull: NDArray[np.bool_]) -> None:
        """Keys: seen classes and branchings of the hull. The chains between them are edges."""
        tree = self._tree
        at = np.arange(len(tree.parent))
        n_children = np.bincount(tree.parent[on_hull & (at > 0)], minlength=len(at))
        is_key = on_hull & (n_children > 1)
        is_key[self._seen] = True
        keys = np.flatnonzero(is_key)
        number: Ints = np.cumsum(is_key) - is_key  # keys before each position
        above = nearest_marked(tree.parent, is_key)
        # A chain of the hull leads down to one key: the first at or after its node.
        self._lower = number[self.anchor]
        self._upper = number[above[self.anchor]]
        self._offset = tree.depth[self.anchor] - tree.depth[keys[self._upper]]
        self._key_parent = number[above[tree.parent[keys]]]
        self._key_depth = tree.depth[keys]
        self._key_end = np.append(number, len(keys))[tree.end[keys]]
        self._seen_key = number[self._seen]

    @property
    def row_width(self) -> int:
        return 12 * len(self._key_parent)

    def contenders(self, k: int = 1) -> Ints:
        """The k labels nearest to each node of the hull; of equally near ones the lowest.

        Heights are counted in steps as small as rounding: what is one step farther may tie.
        """
        if k not in self._contenders:  # sorting all labels takes longer than a few predictions
            self._contenders[k] = self._nearest_to_anchors(k)
        return self._contenders[k]

    def _nearest_to_anchors(self, k: int) -> Ints:
        step = TIE * self._tree.depth.max()
        steps = np.rint(self.height / step if step > 0 else self.height)
        order = np.lexsort((np.arange(self.n_labels), steps, self.anchor))
        anchor, steps = self.anchor[order], steps[order]
        first, end = _run(anchor)
        level, _ = _run(anchor, steps)
        kth = steps[np.minimum(first + k, end) - 1]
        return np.sort(order[(np.arange(self.n_labels) - level < k) & (steps <= kth + 1)])

    def summary(self, weights: Tensor) -> tuple[Tensor, ...]:
        """P, and at each key M, S, F and the X of the edge above it; samples run along columns.

        Rows of keys are then contiguous, which makes picking them several times faster.
        """
        total = weights.sum(dim=1)
        at_keys = weights.new_zeros(len(self._key_parent), len(weights))
        at_keys[self._index(self._seen_key)] = weights.T
        depth = self._number(self._key_depth)[:, None]
        mass, moment = self._below(at_keys), self._below(at_keys * depth)
        up = self._index(self._key_parent)
        length = depth - depth[up]
        linear = moment[0] + self._down(length * (total - 2 * mass))
        edge = 2 * linear[up] - 4 * (moment - depth[up] * mass)
        squares = (at_keys * depth.square()).sum(dim=0)
        quadratic = squares + self._down(length * edge + length.square() * total)
        return total, mass, linear, quadratic, edge

    def _below(self, at_keys: Tensor) -> Tensor:
        """Sums over the subtree of each key, which is a range."""
        before = torch.nn.functional.pad(at_keys.cumsum(dim=0), (0, 0, 1, 0))
        return before[self._index(self._key_end)] - before[:-1]

    def _down(self, steps: Tensor) -> Tensor:
        """Sums along the paths from the root; the step of the root is 0. Pointers are doubled."""
        jump, sums = self._key_parent, steps
        while jump.any():
            sums = sums + sums[self._index(jump)]
            jump = jump[jump]
        return sums

    def values(self, summary: tuple[Tensor, ...], labels: Ints) -> Tensor:
        total, mass, linear, quadratic, edge = summary
        up, low = self._index(self._upper[labels]), self._index(self._lower[labels])
        offset, height = (
            self._number(values[labels])[:, None] for values in (self._offset, self.height)
        )
        risks = quadratic[up]
        if offset.any():
            risks.addcmul_(edge[low], offset)
        if height.any():
            risks.addcmul_(linear[up], 2 * height)
        if (offset * height).any():
            risks.addcmul_(mass[low], -4 * offset * height)
        return risks.addcmul_((offset + height).square(), total).T

    def slack(self, summary: tuple[Tensor, ...]) -> Tensor:
        """Sums start at the root, whose risk may be far above the least one."""
        return TIE * summary[3].amax(dim=0)

    def exact(self, weights: Tensor, labels: Ints) -> Tensor:
        unique, inverse = np.unique(labels, return_inverse=True)
        lengths = self._tree.path_lengths(self._labels[unique][:, None], self._seen[None, :])
        squared = self._number(lengths**2)[self._index(inverse)]
        return (weights * squared).sum(dim=1)

    def _index(self, positions: Ints) -> Tensor:
        return to_tensor(positions, device=self.device)

    def _number(self, values: Floats) -> Tensor:
        return to_tensor(values, device=self.device)
