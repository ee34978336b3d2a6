"""Agreement of an embedding's near neighbours with those of the data."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_consistent_length, check_scalar

from skmanifold.metrics._distances import (
    DistanceBlocks,
    Geodesics,
    IndexArray,
    check_embedding,
    distance_blocks,
)
from skmanifold.utils._chunk import row_chunks


def neighborhood_precision(
    X: Geodesics,
    embedding: ArrayLike,
    *,
    n_neighbors: int = 15,
    metric: str | Callable[[Any, Any], float] = "euclidean",
) -> float:
    """Share of each point's near neighbours that an embedding keeps near.

    The mean over points of ``|N(i) & N'(i)| / n_neighbors``, where N are the `n_neighbors` nearest
    other points in `X` and N' those in the embedding. A random embedding scores about
    ``n_neighbors / (n_samples - 1)``.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or callable
        The data; distances of shape (n_samples, n_samples) with ``metric="precomputed"``; or
        ``X(rows, cols)``, which returns the block of distances between two index arrays, such as
        the method `geodesic_distances` of a :class:`~skmanifold.datasets.ManifoldSample`.
    embedding : array-like of shape (n_samples, n_components)
        The embedded points, whose neighbours are Euclidean.
    n_neighbors : int, default=15
        Number of neighbours, the point itself left out. The default is that of the embeddings.
    metric : str or callable, default="euclidean"
        Metric of `X`, as in :class:`sklearn.neighbors.NearestNeighbors`; not used where `X` is a
        callable.

    Returns
    -------
    precision : float
        In [0, 1]; 1 is perfect.

    Raises
    ------
    ValueError
        If shapes disagree, values are not finite or `n_neighbors` is not below `n_samples`.

    See Also
    --------
    geodesic_correlation : Agreement of all distances, large ones above all.
    sklearn.manifold.trustworthiness : Punishes false neighbours by their rank.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> from skmanifold.metrics import neighborhood_precision
    >>> roll = make_swiss_roll(300, random_state=0)
    >>> neighborhood_precision(roll.geodesic_distances, roll.latent)
    1.0
    """
    embedding = check_embedding(embedding, min_samples=2)
    n_samples = len(embedding)
    check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
    if n_neighbors >= n_samples:
        raise ValueError(
            f"n_neighbors={n_neighbors} must be below the number of points, {n_samples}."
        )
    embedded = _nearest(embedding, n_neighbors, "euclidean")
    if callable(X):
        reference = _nearest_in_blocks(distance_blocks(X, n_samples), n_samples, n_neighbors)
    else:
        check_consistent_length(X, embedding)
        reference = _nearest(X, n_neighbors, metric)
    return _n_shared(reference, embedded) / reference.size


def _nearest(
    X: ArrayLike, n_neighbors: int, metric: str | Callable[[Any, Any], float]
) -> IndexArray:
    """The nearest other points of each point, shape (n_samples, n_neighbors)."""
    search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, algorithm="brute")
    return search.fit(X).kneighbors(return_distance=False)


def _nearest_in_blocks(blocks: DistanceBlocks, n_samples: int, n_neighbors: int) -> IndexArray:
    """The same from blocks of distances, a few rows at a time."""
    points = np.arange(n_samples)
    nearest = np.empty((n_samples, n_neighbors), dtype=np.intp)
    for chunk in row_chunks(n_samples, 8 * 3 * n_samples):
        rows = points[chunk]
        distances = np.array(blocks(rows, points))  # a copy: the block may be the caller's own
        distances[np.arange(len(rows)), rows] = np.inf
        nearest[chunk] = np.argpartition(distances, n_neighbors - 1, axis=1)[:, :n_neighbors]
    return nearest


def _n_shared(first: IndexArray, second: IndexArray) -> int:
    """Number of entries that the rows have in common; no row repeats an entry."""
    both = np.sort(np.hstack([first, second]), axis=1)
    return int((both[:, 1:] == both[:, :-1]).sum())
