"""Risk where labels are points and distances Euclidean: the label nearest to the mean point."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skmanifold.label_space._risk import TIE, Risk
from skmanifold.utils import to_tensor


class MeanRisk(Risk):
    """Risk of power 2 for labels embedded in a Euclidean space.

    ``F(y) = P |e_y|^2 - 2 e_y . m + s``, with P the sum of the weights, m the weighted sum of the
    points of the seen classes and s that of their squares, so that n samples and N labels of q
    coordinates take O(n N q) operations and no matrix of distances.

    Parameters
    ----------
    points : ndarray of shape (n_labels, n_coordinates)
        Points of the labels.
    seen : ndarray of shape (n_seen, n_coordinates)
        Points of the seen classes.
    device : torch.device
    """

    def __init__(
        self, points: NDArray[np.floating], seen: NDArray[np.floating], *, device: torch.device
    ) -> None:
        self.n_labels, self.cost = points.shape
        self.device = device
        # Near the origin, little is lost to cancellation.
        center = seen.mean(axis=0, dtype=np.float64)
        self._points = to_tensor(points, device=device)
        self._center = to_tensor(center, device=device)
        self._seen = to_tensor(seen - center, device=device, dtype=torch.float64)

    def contenders(self, k: int = 1) -> NDArray[np.intp]:
        return np.arange(self.n_labels)

    def summary(self, weights: Tensor) -> tuple[Tensor, ...]:
        squares = self._seen.square().sum(dim=1)
        return weights.sum(dim=1, keepdim=True), weights @ self._seen, (weights @ squares)[:, None]

    def values(self, summary: tuple[Tensor, ...], labels: NDArray[np.intp]) -> Tensor:
        total, moment, squares = summary
        points = self._at(labels)
        return total * points.square().sum(dim=1) - 2 * moment @ points.T + squares

    def _at(self, labels: NDArray[np.intp]) -> Tensor:
        """Centred points of labels; only a block of them is ever there in double precision."""
        positions = to_tensor(labels, device=self.device)
        return self._points[positions].double() - self._center

    def slack(self, summary: tuple[Tensor, ...]) -> Tensor:
        """Terms that cancel at the minimum are about as large as the moments of the weights."""
        total, moment, squares = summary
        return TIE * (squares + moment.square().sum(dim=1, keepdim=True) / total)[:, 0]

    def exact(self, weights: Tensor, labels: NDArray[np.intp]) -> Tensor:
        unique, inverse = np.unique(labels, return_inverse=True)
        # By differences: products of points would round as `values` do.
        apart = torch.cdist(
            self._at(unique), self._seen, compute_mode="donot_use_mm_for_euclid_dist"
        )
        return (weights * apart.square()[to_tensor(inverse, device=self.device)]).sum(dim=1)
