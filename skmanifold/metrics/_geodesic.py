"""Agreement of an embedding's distances with geodesic distances."""

import warnings
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.exceptions import UndefinedMetricWarning

from skmanifold.metrics._distances import FloatArray, Geodesics, pair_distances

# Distances that differ by less than this, relative to their mean, differ by rounding alone.
_ROUNDING = 1e-13


def geodesic_correlation(
    geodesics: Geodesics,
    embedding: ArrayLike,
    *,
    method: Literal["pearson", "spearman"] = "pearson",
    n_anchors: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Correlation between geodesic distances and distances in an embedding.

    Every unordered pair of different points counts once.

    Parameters
    ----------
    geodesics : array-like of shape (n_samples, n_samples) or callable
        True distances, taken to be symmetric; or ``geodesics(rows, cols)``, which returns the block
        between two index arrays, such as the method `geodesic_distances` of a
        :class:`~skmanifold.datasets.ManifoldSample`.
    embedding : array-like of shape (n_samples, n_components)
        The embedded points; at least three.
    method : {"pearson", "spearman"}, default="pearson"
        Whether to correlate distances or their ranks.
    n_anchors : int or None, default=None
        Use only the pairs that hold one of `n_anchors` random points: n_anchors x n_samples
        distances instead of n_samples^2. None, or more anchors than points, uses all pairs.
        "pearson" sums in chunks at any size; "spearman" must hold the pairs it ranks, so give
        `n_anchors` there beyond about 1e4 points.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of anchors.

    Returns
    -------
    correlation : float
        In [-1, 1]; 1 is perfect. NaN, with a warning, where either side has all distances equal.

    Raises
    ------
    ValueError
        If shapes disagree, a distance is not finite or `method` is unknown.

    See Also
    --------
    geodesic_scale : Whether distances also have the right size.
    neighborhood_precision : The same question for near neighbours only.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> from skmanifold.metrics import geodesic_correlation
    >>> roll = make_swiss_roll(300, random_state=0)
    >>> round(geodesic_correlation(roll.geodesic_distances, roll.latent), 6)
    1.0
    >>> geodesic_correlation(roll.geodesic_distances, roll.X) < 0.5
    True
    """
    if method not in ("pearson", "spearman"):
        raise ValueError(f"method must be 'pearson' or 'spearman', got {method!r}.")
    pairs = pair_distances(geodesics, embedding, n_anchors=n_anchors, random_state=random_state)
    return _pearson([_ranks(pairs)] if method == "spearman" else pairs)


def geodesic_scale(
    geodesics: Geodesics,
    embedding: ArrayLike,
    *,
    n_anchors: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Factor by which an embedding enlarges geodesic distances.

    The least-squares s in ``embedding distance ~ s * geodesic distance`` over unordered pairs: 1
    where the embedding is in the units of the data.

    Parameters
    ----------
    geodesics : array-like of shape (n_samples, n_samples) or callable
        True distances, or ``geodesics(rows, cols)``, as in :func:`geodesic_correlation`.
    embedding : array-like of shape (n_samples, n_components)
        The embedded points; at least three.
    n_anchors : int or None, default=None
        Use only the pairs that hold one of `n_anchors` random points; None uses all pairs.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of anchors.

    Returns
    -------
    scale : float
        Not negative. NaN, with a warning, where all geodesic distances are zero.

    Raises
    ------
    ValueError
        If shapes disagree or a distance is not finite.

    See Also
    --------
    geodesic_correlation : Agreement up to scale.

    Examples
    --------
    >>> from skmanifold.datasets import make_s_curve
    >>> from skmanifold.metrics import geodesic_scale
    >>> curve = make_s_curve(300, random_state=0)
    >>> round(geodesic_scale(curve.geodesic_distances, 2.5 * curve.latent), 6)
    2.5
    """
    pairs = pair_distances(geodesics, embedding, n_anchors=n_anchors, random_state=random_state)
    products = np.zeros(2)
    for geodesic, embedded in pairs:
        products += geodesic @ embedded, geodesic @ geodesic
    return _ratio(products[0], products[1], "The scale is undefined: all geodesics are zero.")


def _ranks(pairs: Iterable[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Average ranks of both kinds of distances over all pairs together."""
    geodesic, embedded = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return rankdata(geodesic), rankdata(embedded)


def _pearson(pairs: Iterable[tuple[FloatArray, FloatArray]]) -> float:
    """Pearson correlation of a stream of pairs.

    Means and centred second moments are merged chunk by chunk (Chan, Golub and LeVeque, 1979): raw
    sums of squares would cancel.
    """
    count, mean, scatter = 0, np.zeros(2), np.zeros((2, 2))
    for pair in pairs:
        values = np.stack(pair)
        if (added := values.shape[1]) == 0:  # the last point has no pair left
            continue
        centre = values.mean(axis=1)
        values -= centre[:, None]
        shift = centre - mean
        share = added / (count + added)
        scatter += values @ values.T + count * share * np.outer(shift, shift)
        mean += share * shift
        count += added
    deviations = np.sqrt(np.diag(scatter) / count)
    deviations[deviations <= _ROUNDING * np.abs(mean)] = 0
    message = "The correlation is undefined: all distances are equal on one side."
    correlation = _ratio(scatter[0, 1] / count, deviations.prod(), message)
    return float(np.clip(correlation, -1, 1))


def _ratio(numerator: float, denominator: float, undefined: str) -> float:
    """Quotient, or NaN with a warning that says why."""
    if denominator == 0:
        warnings.warn(undefined, UndefinedMetricWarning, stacklevel=3)
        return float("nan")
    return float(numerator / denominator)
