"""Weights of the seen classes from a classifier's probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

Floats = NDArray[np.float64]


def as_weights(probabilities: Any, n_classes: int, what: str = "P") -> Floats:
    """Rows of probabilities that sum to one; a row of zeros, which says nothing, becomes uniform.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        Not negative. One-vs-rest scores, which sum to anything, are welcome.
    n_classes : int
        Number of columns that there must be.
    what : str
        Name of the array in messages.

    Raises
    ------
    ValueError
        If entries are negative, missing or infinite, or there are not `n_classes` columns.
    """
    weights: Floats = check_array(probabilities, dtype=np.float64, input_name=what, copy=True)
    if weights.shape[1] != n_classes:
        raise ValueError(
            f"{what} has {weights.shape[1]} columns, but there are {n_classes} classes: "
            "it needs one column for each class."
        )
    if (negative := weights < 0).any():
        row, column = np.argwhere(negative)[0]
        raise ValueError(
            f"{what} must not be negative; row {row} holds {weights[row, column]} in column "
            f"{column}. Pass probabilities, such as the softmax of logits."
        )
    weights[~weights.any(axis=1)] = 1.0
    # Twice, so that neither tiny nor huge rows leave the range of floats.
    weights /= weights.max(axis=1, keepdims=True)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def softmax(scores: Floats) -> Floats:
    """Rows of probabilities from scores such as logits."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def temper(weights: Floats, temperature: float, top_k: int | None) -> Floats:
    """Keep the `top_k` largest weights of each row and raise them to the power 1 / temperature.

    Low temperatures trust the likeliest class, high ones even the weights out. Of equal weights,
    the first are kept.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    temperature : float
        Above 0; 1 changes nothing.
    top_k : int or None
        None keeps all.

    Returns
    -------
    weights : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    """
    if top_k is not None and top_k < weights.shape[1]:
        weights = np.where(_k_largest(weights, top_k), weights, 0.0)
    if temperature != 1:
        scaled = (weights / weights.max(axis=1, keepdims=True)) ** (1 / temperature)
        weights = np.where(weights > 0, scaled, 0.0)  # 0**0 is 1
    return weights / weights.sum(axis=1, keepdims=True)


def _k_largest(weights: Floats, k: int) -> NDArray[np.bool_]:
    """Mask of the k largest entries of each row."""
    bound = np.partition(weights, -k, axis=1)[:, [-k]]
    above, level = weights > bound, weights == bound
    wanted = k - above.sum(axis=1, keepdims=True)
    return above | (level & (level.cumsum(axis=1) <= wanted))
