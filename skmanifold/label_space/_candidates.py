"""What the parameter `labels` means: names of rows, or which nodes may be predicted."""

from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.label_space._names import (
    Names,
    Nodes,
    as_labels,
    check_distinct,
    locate,
    named_mask,
)


def row_names(labels: Any, n_rows: int | None, metric: str) -> Names:
    """The labels that go with the rows of a metric which has no names of its own.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
    n_rows : int or None
        Number of labels that the metric needs; None for any number.
    metric : str
        What the metric is, with its article, for messages.
    """
    if labels is None or isinstance(labels, str):
        raise ValueError(
            f"label_metric, {metric}, has no names of its own: labels must name its rows; "
            f"got labels={labels!r}."
        )
    check_ordered(labels)
    names = as_labels(labels, "labels")
    if n_rows is not None and len(names) != n_rows:
        raise ValueError(
            f"labels must name each of the {n_rows} rows of label_metric, {metric}; "
            f"got {len(names)} labels."
        )
    check_distinct(names, "labels")
    return names


def check_ordered(labels: Any) -> None:
    """Refuse a set where the order of labels says which row is whose."""
    if isinstance(labels, Set):
        raise ValueError("labels must be in the order of the rows of label_metric; a set has none.")


def candidate_nodes(names: Names, labels: Any, leaves: NDArray[np.bool_] | None = None) -> Nodes:
    """The nodes that may be predicted, by ascending label.

    Parameters
    ----------
    names : ndarray of shape (n_nodes,)
        Distinct; "" for a node that has no name and is never predicted.
    labels : {"all", "leaves"} or array-like
        Which of the named nodes.
    leaves : ndarray of bool of shape (n_nodes,) or None, default=None
        Which nodes are leaves; None where the metric knows no such thing.
    """
    if isinstance(labels, str):
        nodes = np.flatnonzero(_chosen(labels, leaves, len(names)) & named_mask(names))
        if not len(nodes):
            raise ValueError(f"labels={labels!r} gives no label to predict.")
    else:
        nodes = locate(names, labels, "labels")
        check_distinct(names[nodes], "labels")
    return nodes[np.argsort(names[nodes])]


def _chosen(choice: str, leaves: NDArray[np.bool_] | None, n_nodes: int) -> NDArray[np.bool_]:
    """Mask of the nodes that the word for them means."""
    if choice == "all":
        return np.ones(n_nodes, dtype=bool)
    if choice != "leaves":
        raise ValueError(f"labels must be 'all', 'leaves' or an array of labels, got {choice!r}.")
    if leaves is None:
        raise ValueError(
            "labels='leaves' needs a tree or a graph; this label_metric has no leaves. "
            "Use 'all' or an array of labels."
        )
    return leaves
