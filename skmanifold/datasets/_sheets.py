"""Flat rectangles rolled up in space: the swiss roll and the S-curve."""

from copy import deepcopy
from functools import partial

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.utils import check_random_state

from skmanifold.datasets._plane import Rectangle, distances_around, plane_distances
from skmanifold.datasets._sample import (
    FloatArray,
    LatentMetric,
    ManifoldSample,
    add_noise,
    check_sampling,
    no_parts,
)

RandomState = int | np.random.RandomState | None

# The middle third of the S-curve in both directions: arc length 3 pi, width 2.
_S_CURVE_HOLE = Rectangle(-np.pi / 2, np.pi / 2, 2 / 3, 4 / 3)


def make_swiss_roll(
    n_samples: int = 1000,
    *,
    noise: float = 0.0,
    hole: bool = False,
    random_state: RandomState = None,
) -> ManifoldSample:
    """Sample a swiss roll, with its geodesic distances.

    The points are those of :func:`sklearn.datasets.make_swiss_roll` for the same `random_state`:
    the spiral ``(t cos t, t sin t)``, ``1.5 pi <= t <= 4.5 pi``, times a height of 21. The sheet is
    a rectangle rolled up without stretching, so that geodesics are straight lines in (arc length,
    height), or shortest paths round the hole.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of points.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise.
    hole : bool, default=False
        Cut the middle ninth out of the (t, height) rectangle.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampling and the noise.

    Returns
    -------
    sample : ManifoldSample
        `X` of shape (n_samples, 3); `color` is the angle t; `latent` is (arc length, height).

    Raises
    ------
    ValueError
        If `n_samples` is not positive, `noise` negative or not finite, or `hole` not a bool.

    See Also
    --------
    make_s_curve : A sheet that does not come near itself.
    sklearn.datasets.make_swiss_roll : The same points, without geodesics.

    References
    ----------
    .. [1] J. Tenenbaum, V. de Silva, J. Langford, "A Global Geometric Framework for Nonlinear
       Dimensionality Reduction", Science 290, 2000.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> roll = make_swiss_roll(1000, noise=0.5, hole=True, random_state=0)
    >>> roll.X.shape, roll.latent.shape
    ((1000, 3), (1000, 2))
    >>> roll.geodesic_distances(rows=[0], cols=[1, 2, 3]).shape
    (1, 3)
    """
    check_sampling(n_samples, noise)
    rng = check_random_state(random_state)
    sampled = {"n_samples": n_samples, "hole": hole}
    # A copy of the generator draws the same points once more, free of noise.
    clean, _ = sklearn_datasets.make_swiss_roll(**sampled, random_state=deepcopy(rng))
    X, t = sklearn_datasets.make_swiss_roll(**sampled, noise=noise, random_state=rng)
    t = np.atleast_1d(t)
    latent = np.column_stack([_spiral_length(t), clean[:, 1]])
    metric = partial(distances_around, hole=_swiss_roll_hole()) if hole else plane_distances
    return ManifoldSample(X, t, no_parts(n_samples), latent, metric)


def make_s_curve(
    n_samples: int = 1000,
    *,
    noise: float = 0.0,
    hole: bool = False,
    random_state: RandomState = None,
) -> ManifoldSample:
    """Sample an S-curve, with its geodesic distances.

    Without a hole, the points are those of :func:`sklearn.datasets.make_s_curve` for the same
    `random_state`: two arcs of unit circles, 3 pi long together, times a width of 2. Geodesics are
    straight lines in (arc length, width), or shortest paths round the hole.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of points.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise.
    hole : bool, default=False
        Cut the middle ninth out of the (arc length, width) rectangle.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampling and the noise.

    Returns
    -------
    sample : ManifoldSample
        `X` of shape (n_samples, 3); `color` is the arc length; `latent` is (arc length, width).

    Raises
    ------
    ValueError
        If `n_samples` is not positive, or `noise` is negative or not finite.

    See Also
    --------
    make_swiss_roll : A sheet that winds closely round itself.
    sklearn.datasets.make_s_curve : The same points, without geodesics.

    Examples
    --------
    >>> from skmanifold.datasets import make_s_curve
    >>> curve = make_s_curve(100, hole=True, random_state=0)
    >>> curve.latent.shape
    (100, 2)
    """
    check_sampling(n_samples, noise)
    rng = check_random_state(random_state)
    if hole:
        clean, t = _s_curve_around_hole(n_samples, rng)
        X = add_noise(clean, noise, rng)
        metric: LatentMetric = partial(distances_around, hole=_S_CURVE_HOLE)
    else:
        clean, _ = sklearn_datasets.make_s_curve(n_samples, random_state=deepcopy(rng))
        X, t = sklearn_datasets.make_s_curve(n_samples, noise=noise, random_state=rng)
        metric = plane_distances
    t = np.atleast_1d(t)
    return ManifoldSample(X, t, no_parts(n_samples), np.column_stack([t, clean[:, 1]]), metric)


def _spiral_length(t: FloatArray | float) -> FloatArray:
    """Length of the spiral (t cos t, t sin t) from the origin: the integral of sqrt(1 + t^2)."""
    return (t * np.sqrt(1 + np.square(t)) + np.arcsinh(t)) / 2


def _swiss_roll_hole() -> Rectangle:
    """The hole that scikit-learn leaves, in (arc length, height)."""
    return Rectangle(
        float(_spiral_length(2.5 * np.pi)), float(_spiral_length(3.5 * np.pi)), 7.0, 14.0
    )


def _s_curve_around_hole(
    n_samples: int, rng: np.random.RandomState
) -> tuple[FloatArray, FloatArray]:
    """Noise-free points outside the hole and their arc lengths, by rejection."""
    points, arcs, missing = [], [], n_samples
    while missing > 0:
        X, t = sklearn_datasets.make_s_curve(missing, random_state=rng)
        t = np.atleast_1d(t)
        kept = ~_S_CURVE_HOLE.contains(np.column_stack([t, X[:, 1]]))
        points.append(X[kept])
        arcs.append(t[kept])
        missing -= int(kept.sum())
    return np.concatenate(points), np.concatenate(arcs)
