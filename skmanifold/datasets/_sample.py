"""The container that every generator of this package returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_scalar

from skmanifold.utils._chunk import row_chunks

FloatArray = NDArray[np.float64]
LatentMetric = Callable[[FloatArray, FloatArray], FloatArray]

# float64 temporaries that a latent metric may hold for each entry of its answer
_TEMPORARIES = 8


@dataclass(frozen=True, eq=False)
class ManifoldSample:
    """Points sampled near a manifold whose geodesic distances are known.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The points, noise included.
    color : ndarray of shape (n_samples,)
        One coordinate along the manifold, to colour plots with.
    labels : ndarray of shape (n_samples,), dtype int
        The part of the manifold that each point was drawn from, such as a branch; all zero
        where the manifold has no parts.
    latent : ndarray of shape (n_samples, n_latent)
        Position of the noise-free points on the manifold; each generator says in what coordinates.
    metric : callable
        ``metric(P, Q)`` gives the geodesic distances between latent points `P` of shape
        (n_p, n_latent) and `Q` of shape (n_q, n_latent) as an array of shape (n_p, n_q).

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> roll = make_swiss_roll(200, noise=0.5, random_state=0)
    >>> roll.X.shape
    (200, 3)
    >>> roll.geodesic_distances(rows=[0, 1, 2]).shape
    (3, 200)
    """

    X: FloatArray
    color: FloatArray
    labels: NDArray[np.int64]
    latent: FloatArray
    metric: LatentMetric = field(repr=False)

    def geodesic_distances(
        self, rows: ArrayLike | None = None, cols: ArrayLike | None = None
    ) -> FloatArray:
        """Geodesic distances of the noise-free manifold, in the units of `X`.

        Nothing larger than the answer is ever held: 1e5 points are no trouble as long as
        `rows` or `cols` is short.

        Parameters
        ----------
        rows, cols : array-like of int or bool, slice or None, default=None
            The points between which to measure; None means all of them.

        Returns
        -------
        distances : ndarray of shape (n_rows, n_cols)

        Raises
        ------
        IndexError
            If `rows` or `cols` points outside the sample.
        """
        starts, ends = self._latent_rows(rows), self._latent_rows(cols)
        distances = np.empty((len(starts), len(ends)))
        for chunk in row_chunks(len(starts), 8 * _TEMPORARIES * len(ends)):
            distances[chunk] = self.metric(starts[chunk], ends)
        return distances

    def _latent_rows(self, index: Any) -> FloatArray:
        if index is None:
            return self.latent
        if not isinstance(index, slice):
            index = np.asarray(index)
            index = index.astype(np.intp) if index.size == 0 else np.atleast_1d(index)
        return self.latent[index]


def check_at_least(least: float, value: float, name: str) -> None:
    """Refuse numbers below `least`, infinity and NaN (which `check_scalar` lets through)."""
    check_scalar(value, name, Real, min_val=least)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")


def check_sampling(n_samples: int, noise: float) -> None:
    """Refuse a size that is not positive and a noise that is negative or not finite."""
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_at_least(0, noise, "noise")


def add_noise(X: FloatArray, noise: float, rng: np.random.RandomState) -> FloatArray:
    """Add isotropic Gaussian noise of standard deviation `noise`."""
    return X + noise * rng.standard_normal(X.shape)


def no_parts(n_samples: int) -> NDArray[np.int64]:
    """Labels of a manifold that is all one part."""
    return np.zeros(n_samples, dtype=np.int64)
