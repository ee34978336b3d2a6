"""Clusters that are curves, surfaces or subspaces rather than balls."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray, add_noise, check_sampling

Random = np.random.RandomState
Sizes = NDArray[np.intp]

_SUBSPACE_DIM, _LATENT_DIM = 3, 2
_N_WAVES = 30  # of a random smooth map
_SWEEP = 1.5 * np.pi  # angle by which a spiral winds


@dataclass(frozen=True)
class _Kind:
    """Defaults of one kind of clusters, and `draw` of the samples of each without noise."""

    noise: float
    n_clusters: int
    n_features: int
    least_features: int
    draw: Callable[[Sizes, int, Random], list[FloatArray]]


def make_clusters(
    kind: Literal["subspaces", "manifolds", "circles", "spirals"],
    n_samples: int = 1000,
    *,
    n_clusters: int | None = None,
    n_features: int | None = None,
    noise: float | None = None,
    random_state: int | Random | None = None,
    shuffle: bool = True,
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Sample clusters that lie on subspaces, curved surfaces or curves.

    With the defaults, a graph of 10 nearest neighbours tells the clusters apart, and k-means does
    not. More clusters or more noise want more samples.

    Parameters
    ----------
    kind : {"subspaces", "manifolds", "circles", "spirals"}
        - "subspaces": standard normal vectors of random subspaces of dimension 3, which meet at the
          origin.
        - "manifolds": images of a square under random smooth maps, one for each cluster: sums of
          30 plane waves, whose mean square is about 1 in each feature. The latent places are
          uniform in the square.
        - "circles": rings of radius 1, 2, ... about the origin, each uniform.
        - "spirals": one arm, turned about the origin. It winds three quarters of a turn while its
          radius grows linearly from ``n_clusters / 12`` to ``n_clusters / 2``, which keeps the arms
          0.56 apart along the radius however many they are. Uniform in arc length.

    n_samples : int, default=1000
        Number of samples of all clusters together, which are of equal size up to one.
    n_clusters : int or None, default=None
        None is 5 for subspaces and manifolds, and 3 for circles and spirals.
    n_features : int or None, default=None
        None is 20 for subspaces and manifolds, at least 4 and 3. None is 2 for circles and spirals;
        with more, their plane is a random one through the origin.
    noise : float or None, default=None
        Standard deviation of the Gaussian noise on each feature. None is 0.01 for subspaces, which
        are near each other about the origin, 0.02 for manifolds, and 0.05 for circles and spirals.
    random_state : int, RandomState instance or None, default=None
        Seed of the shapes, the samples, the noise and the order.
    shuffle : bool, default=True
        Whether to mix the samples; False leaves them in the order of the clusters.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    y : ndarray of shape (n_samples,), dtype int
        The cluster of each sample, from 0 to ``n_clusters - 1``.

    Raises
    ------
    TypeError
        If a number is of the wrong type.
    ValueError
        If there is no such `kind`, `n_clusters` is below 1 or above `n_samples`, `n_features` is
        too low for the clusters to differ, or `noise` is negative or not finite.

    See Also
    --------
    sklearn.datasets.make_blobs : Round clusters.

    Examples
    --------
    >>> from skmanifold.datasets import make_clusters
    >>> X, y = make_clusters("subspaces", 500, random_state=0)
    >>> X.shape, y.shape
    ((500, 20), (500,))
    """
    shape = _kind(kind)
    n_clusters = shape.n_clusters if n_clusters is None else n_clusters
    n_features = shape.n_features if n_features is None else n_features
    noise = shape.noise if noise is None else noise
    check_sampling(n_samples, noise)
    _check_clusters(n_samples, n_clusters)
    _check_features(kind, n_features)
    rng = check_random_state(random_state)
    y = np.sort(np.arange(n_samples) % n_clusters)
    X = np.concatenate(shape.draw(np.bincount(y), n_features, rng))
    X = add_noise(X, noise, rng)
    order = rng.permutation(n_samples) if shuffle else np.arange(n_samples)
    return X[order], y[order]


def _kind(kind: str) -> _Kind:
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {list(_KINDS)}, got {kind!r}.")
    return _KINDS[kind]


def _check_clusters(n_samples: int, n_clusters: int) -> None:
    check_scalar(n_clusters, "n_clusters", Integral, min_val=1)
    if n_clusters > n_samples:
        raise ValueError(
            f"{n_samples} samples cannot fill {n_clusters} clusters: raise n_samples or lower "
            "n_clusters."
        )


def _check_features(kind: str, n_features: int) -> None:
    check_scalar(n_features, "n_features", Integral)
    least = _KINDS[kind].least_features
    if n_features < least:
        raise ValueError(f"kind={kind!r} needs n_features of {least} or more, got {n_features}.")


def _frame(n_features: int, dim: int, rng: Random) -> FloatArray:
    """Orthonormal columns that span a random subspace, (n_features, dim)."""
    frame: FloatArray = np.linalg.qr(rng.normal(size=(n_features, dim)))[0]
    return frame


def _subspaces(sizes: Sizes, n_features: int, rng: Random) -> list[FloatArray]:
    return [_on_subspace(size, n_features, rng) for size in sizes]


def _on_subspace(size: int, n_features: int, rng: Random) -> FloatArray:
    frame = _frame(n_features, _SUBSPACE_DIM, rng)
    coefficients: FloatArray = rng.normal(size=(size, _SUBSPACE_DIM))
    return coefficients @ frame.T


def _manifolds(sizes: Sizes, n_features: int, rng: Random) -> list[FloatArray]:
    return [_on_surface(size, n_features, rng) for size in sizes]


def _on_surface(size: int, n_features: int, rng: Random) -> FloatArray:
    """Sums of random waves over the square [-1, 1]^2, (size, n_features)."""
    # Phases differ by about 3 radians across the square: enough of a bend to mislead k-means.
    wave_vectors = 1.5 * rng.normal(size=(_LATENT_DIM, _N_WAVES))
    phases = rng.uniform(0, 2 * np.pi, _N_WAVES)
    amplitudes = np.sqrt(2 / _N_WAVES) * rng.normal(size=(_N_WAVES, n_features))
    places = rng.uniform(-1, 1, size=(size, _LATENT_DIM))
    waves: FloatArray = np.cos(places @ wave_vectors + phases)
    return waves @ amplitudes


def _curves(
    on_curve: Callable[[int, int, int, Random], FloatArray],
    sizes: Sizes,
    n_features: int,
    rng: Random,
) -> list[FloatArray]:
    """Samples of plane curves, in a random plane if there are more features than two."""
    plane = np.eye(2) if n_features == 2 else _frame(n_features, 2, rng).T
    return [on_curve(size, part, len(sizes), rng) @ plane for part, size in enumerate(sizes)]


def _on_circle(size: int, part: int, n_parts: int, rng: Random) -> FloatArray:
    return _around(part + 1.0, rng.uniform(0, 2 * np.pi, size))


def _on_spiral(size: int, part: int, n_parts: int, rng: Random) -> FloatArray:
    low, high = n_parts / 12, n_parts / 2
    share = _spiral_shares(rng.uniform(size=size), low, high)
    return _around(low + (high - low) * share, _SWEEP * share + 2 * np.pi * part / n_parts)


def _spiral_shares(lengths: FloatArray, low: float, high: float) -> FloatArray:
    """Shares of the sweep at shares of the arc length, by a fine table of the latter."""
    share = np.linspace(0, 1, 1000)
    speed = np.hypot(high - low, _SWEEP * (low + (high - low) * share))
    table = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    found: FloatArray = np.interp(lengths * table[-1], table, share)
    return found


def _around(radius: FloatArray | float, angle: FloatArray) -> FloatArray:
    """Points of the plane in polar coordinates, (n, 2)."""
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


# Noise is such that spectral clustering of the 10-neighbour graph of 1000 samples errs on less than
# 1 in 100. In as many features as they have dimensions, subspaces would all be the same, and
# surfaces would overlap.
_KINDS = {
    "subspaces": _Kind(0.01, 5, 20, _SUBSPACE_DIM + 1, _subspaces),
    "manifolds": _Kind(0.02, 5, 20, _LATENT_DIM + 1, _manifolds),
    "circles": _Kind(0.05, 3, 2, 2, partial(_curves, _on_circle)),
    "spirals": _Kind(0.05, 3, 2, 2, partial(_curves, _on_spiral)),
}
