"""Blocks of geodesic and embedding distances; no n x n matrix unless one was given."""

from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.utils import assert_all_finite, check_array, check_random_state, check_scalar

from skmanifold.utils._chunk import row_chunks

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
DistanceBlocks = Callable[[IndexArray, IndexArray], FloatArray]
Geodesics = ArrayLike | Callable[[Any, Any], ArrayLike]

# float64 temporaries for each pair of a block: both distances, their flattened copies, products
_TEMPORARIES = 6


def check_embedding(embedding: ArrayLike, *, min_samples: int) -> FloatArray:
    """Embedding as a finite float64 array of shape (n_samples, n_components)."""
    return check_array(
        embedding, dtype=np.float64, ensure_min_samples=min_samples, input_name="embedding"
    )


def distance_blocks(geodesics: Geodesics, n_samples: int) -> DistanceBlocks:
    """A function ``(rows, cols) -> block`` over `geodesics`, whether array or callable.

    Raises
    ------
    ValueError
        If the array, or a block that the callable returned, has a wrong shape or is not finite.
    """
    if callable(geodesics):
        return _checked_callable(geodesics)
    matrix = check_array(geodesics, input_name="geodesics")
    if matrix.shape != (n_samples, n_samples):
        raise ValueError(
            f"geodesics has shape {matrix.shape}, but the embedding has {n_samples} rows: "
            f"pass an array of shape ({n_samples}, {n_samples}) or a callable (rows, cols)."
        )
    return lambda rows, cols: matrix[np.ix_(rows, cols)].astype(np.float64, copy=False)


def _checked_callable(geodesics: Callable[[Any, Any], ArrayLike]) -> DistanceBlocks:
    def block(rows: IndexArray, cols: IndexArray) -> FloatArray:
        distances = np.asarray(geodesics(rows, cols), dtype=np.float64)
        if distances.shape != (len(rows), len(cols)):
            raise ValueError(
                f"geodesics(rows, cols) returned shape {distances.shape} for {len(rows)} rows and "
                f"{len(cols)} columns: it must return shape ({len(rows)}, {len(cols)})."
            )
        assert_all_finite(distances, input_name="geodesics")
        return distances

    return block


def pair_distances(
    geodesics: Geodesics,
    embedding: ArrayLike,
    *,
    n_anchors: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Geodesic and embedding distances of unordered pairs of points, each pair once.

    Parameters
    ----------
    geodesics : array-like of shape (n, n) or callable ``(rows, cols) -> block``
    embedding : array-like of shape (n, n_components)
    n_anchors : int or None
        Take only the pairs that hold one of `n_anchors` random points; None or n takes all.
    random_state : int, RandomState instance or None
        Seed of the choice of anchors.

    Yields
    ------
    geodesic, embedded : ndarray of shape (n_pairs,)
    """
    embedding = check_embedding(embedding, min_samples=3)
    n_samples = len(embedding)
    blocks = distance_blocks(geodesics, n_samples)
    order, n_rows = _anchors_first(n_samples, n_anchors, random_state)
    return _pairs_in_order(blocks, embedding, order, n_rows)


def _anchors_first(
    n_samples: int, n_anchors: int | None, random_state: int | np.random.RandomState | None
) -> tuple[IndexArray, int]:
    """All points, the anchors in front, and the number of anchors."""
    if n_anchors is None:
        return np.arange(n_samples), n_samples
    check_scalar(n_anchors, "n_anchors", Integral, min_val=1)
    order = check_random_state(random_state).permutation(n_samples)
    return order, min(int(n_anchors), n_samples)


def _pairs_in_order(
    blocks: DistanceBlocks, embedding: FloatArray, order: IndexArray, n_rows: int
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Chunks of the first `n_rows` rows of the upper triangle, rows and columns in `order`."""
    for chunk in row_chunks(n_rows, 8 * _TEMPORARIES * len(order)):
        rows, cols = order[chunk], order[chunk.start :]
        upper = np.arange(len(cols)) > np.arange(len(rows))[:, None]
        yield blocks(rows, cols)[upper], cdist(embedding[rows], embedding[cols])[upper]
