"""How far predicted labels are from the true ones, and the best constant answer."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer
from sklearn.utils import check_array, check_consistent_length, check_scalar

from skmanifold.label_space import as_label_space, as_labels, least_risk


def mean_squared_label_distance(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    label_metric: Any,
    labels: Any = "all",
    power: float = 2.0,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean of ``distance ** power`` between predicted and true labels.

    Look at it together with accuracy and with the value that :func:`constant_medoid` reaches: an
    answer in the middle of the label space is never far off, and says nothing.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    label_metric : array-like, DataFrame, graph, mapping, str or callable
        Distances between labels, as :class:`skmanifold.LokiPredictor` takes them. Labels are
        matched by name, never by position.
    labels : {"all", "leaves"}, tuple or array-like, default="all"
        The labels of the rows of a metric that has no names of its own, as in
        :class:`skmanifold.LokiPredictor`. Which labels may be predicted plays no part here.
    power : float, default=2.0
        Exponent of the distances; 1 is the mean distance.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the samples, not negative.

    Returns
    -------
    loss : float
        In units of the label metric to the `power`; 0 is perfect.

    Raises
    ------
    ValueError
        If a label is not known to the metric or lengths differ, and for what is wrong with the
        metric itself. The message names the labels.

    See Also
    --------
    label_distance_scorer : The same for ``GridSearchCV(scoring=...)``.
    constant_medoid : The baseline to compare with.
    sklearn.metrics.accuracy_score : Tells whether low distances cost exact hits.

    References
    ----------
    .. [1] N. Roberts, X. Li, D. Adila, S. Cromp, T.-H. Huang, J. Zhao and F. Sala, "Geometry-aware
       adaptation for pretrained models", NeurIPS 2023.

    Examples
    --------
    >>> from skmanifold.metrics import mean_squared_label_distance
    >>> parents = {"cat": "mammal", "cow": "mammal", "carp": "fish",
    ...            "mammal": "animal", "fish": "animal"}
    >>> mean_squared_label_distance(["cat", "cow"], ["cat", "mammal"], label_metric=parents)
    0.5
    >>> mean_squared_label_distance(["cat", "cow"], ["cat", "carp"], label_metric=parents)
    8.0
    """
    check_consistent_length(y_true, y_pred, sample_weight)
    check_scalar(power, "power", Real, min_val=0, include_boundaries="neither")
    y_true, y_pred = as_labels(y_true, "y_true"), as_labels(y_pred, "y_pred")
    present = [*np.unique(y_true).tolist(), *np.unique(y_pred).tolist()]
    space = as_label_space(label_metric, labels, y_labels=present)
    distances = space.pair_distances(
        space.nodes_of(y_true, "y_true"), space.nodes_of(y_pred, "y_pred")
    )
    return float(np.average(distances**power, weights=_weights(sample_weight, len(y_true))))


def label_distance_scorer(
    label_metric: Any, *, labels: Any = "all", power: float = 2.0
) -> Callable[..., float]:
    """Scorer that is minus :func:`mean_squared_label_distance`, so that greater is better.

    Parameters
    ----------
    label_metric : array-like, DataFrame, graph, mapping, str or callable
        Distances between labels, as :class:`skmanifold.LokiPredictor` takes them.
    labels : {"all", "leaves"}, tuple or array-like, default="all"
        The labels of the rows of a metric that has no names of its own.
    power : float, default=2.0
        Exponent of the distances.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``, made by
        :func:`sklearn.metrics.make_scorer`. It can be pickled where `label_metric` can.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Takes it as `scoring`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmanifold.metrics import label_distance_scorer
    >>> search = GridSearchCV(
    ...     KNeighborsClassifier(),
    ...     {"n_neighbors": [1, 5]},
    ...     scoring=label_distance_scorer("ordinal"),
    ... )
    >>> search.fit(*load_iris(return_X_y=True)).best_params_
    {'n_neighbors': 5}
    """
    return make_scorer(
        mean_squared_label_distance,
        greater_is_better=False,
        label_metric=label_metric,
        labels=labels,
        power=power,
    )


def constant_medoid(
    y: ArrayLike,
    *,
    label_metric: Any,
    labels: Any = "all",
    power: float = 2.0,
    sample_weight: ArrayLike | None = None,
) -> Any:
    """The one label that, as an answer to everything, is nearest to `y`.

    It minimises the mean of ``distance ** power`` to `y` over all labels that may be predicted,
    whether `y` holds them or not: the Frechet mean for power 2. What it reaches on test labels is
    the least that a classifier must do better than.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels, usually those of the training set.
    label_metric : array-like, DataFrame, graph, mapping, str or callable
        Distances between labels, as :class:`skmanifold.LokiPredictor` takes them.
    labels : {"all", "leaves"}, tuple or array-like, default="all"
        The labels of the rows, or which labels may be predicted, as in
        :class:`skmanifold.LokiPredictor`.
    power : float, default=2.0
        Exponent of the distances; 1 gives the median.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the samples, not negative.

    Returns
    -------
    label : str, int, float or bool
        Of equally good ones, the lowest.

    Raises
    ------
    ValueError
        If a label is not known to the metric or lengths differ, and for what is wrong with the
        metric itself. The message names the labels.

    See Also
    --------
    mean_squared_label_distance : What it minimises.
    sklearn.dummy.DummyClassifier : The most frequent class, which is the medoid where all
        labels are equally far from one another.

    Examples
    --------
    >>> from skmanifold.metrics import constant_medoid, mean_squared_label_distance
    >>> parents = {"cat": "mammal", "cow": "mammal", "carp": "fish",
    ...            "mammal": "animal", "fish": "animal"}
    >>> y = ["cat", "cow", "cow"]
    >>> label = constant_medoid(y, label_metric=parents)
    >>> label
    'mammal'
    >>> mean_squared_label_distance(y, [label] * 3, label_metric=parents)
    1.0
    >>> constant_medoid(y, label_metric=parents, labels="leaves")
    'cow'
    """
    check_consistent_length(y, sample_weight)
    check_scalar(power, "power", Real, min_val=0, include_boundaries="neither")
    y = as_labels(y, "y")
    space = as_label_space(label_metric, labels, y_labels=np.unique(y))
    nodes, node_of = np.unique(space.nodes_of(y), return_inverse=True)
    totals = np.zeros(len(nodes))
    np.add.at(totals, node_of, _weights(sample_weight, len(y)))
    risk = space.risk(nodes, power=float(power), method="auto", device=torch.device("cpu"))
    best, _ = least_risk(risk, totals[None, :])
    return space.labels[best[0]].item()


def _weights(sample_weight: ArrayLike | None, n_samples: int) -> NDArray[np.float64]:
    """Weights of the samples, ones where none are given."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight must have shape ({n_samples},), got {weights.shape}.")
    if weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            "sample_weight must not be negative, and positive somewhere; it runs from "
            f"{weights.min():g} to {weights.max():g}."
        )
    return weights
