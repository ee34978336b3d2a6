"""Accuracy of a clustering under the best naming of its clusters."""

from typing import Any

from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d


def clustering_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of points in the right cluster, for the best one-to-one naming of the clusters.

    Clusters are matched to classes by the Hungarian algorithm. Where there are more clusters than
    classes, the points of the clusters left over count as wrong.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class of each point.
    y_pred : array-like of shape (n_samples,)
        Cluster of each point; the names do not matter.

    Returns
    -------
    accuracy : float
        In (0, 1]; 1 is perfect.

    Raises
    ------
    ValueError
        If the arrays are not one-dimensional, differ in length, are empty or hold missing values.

    See Also
    --------
    sklearn.metrics.adjusted_rand_score : Corrected for chance.

    References
    ----------
    .. [1] H. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics
       Quarterly 2, 1955.

    Examples
    --------
    >>> from skmanifold.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 1])
    0.75
    """
    check_consistent_length(y_true, y_pred)
    counts = contingency_matrix(_check_labels(y_true, "y_true"), _check_labels(y_pred, "y_pred"))
    classes, clusters = linear_sum_assignment(counts, maximize=True)
    return float(counts[classes, clusters].sum() / counts.sum())


def _check_labels(labels: ArrayLike, name: str) -> NDArray[Any]:
    """Labels as a one-dimensional array with something in it and nothing missing."""
    column: NDArray[Any] = column_or_1d(labels)
    if len(column) == 0:
        raise ValueError(f"{name} is empty: at least one point is needed.")
    assert_all_finite(column, input_name=name)
    return column
