"""Label spaces from the many ways of saying how far labels are apart."""

from collections.abc import Mapping
from typing import Any

from scipy.sparse import issparse

from skmanifold.label_space._graph_input import (
    networkx_space,
    newick_space,
    parent_space,
    sparse_space,
)
from skmanifold.label_space._matrix_input import (
    array_space,
    callable_space,
    frame_space,
    is_vector,
    vectors_space,
)
from skmanifold.label_space._ordered_input import grid_space, ordinal_space
from skmanifold.label_space._spaces import LabelSpace


def as_label_space(label_metric: Any, labels: Any = "all", *, y_labels: Any = None) -> LabelSpace:
    """Read and check a metric on labels.

    What comes in is copied where it is kept, and never written to.

    Parameters
    ----------
    label_metric : array-like, DataFrame, graph, mapping, str, callable or LabelSpace
        A label space is returned as it is. With names of its own:

        - DataFrame with the labels in its index and, in any order, in its columns: distances. With
          columns that are no labels: one embedding per row.
        - networkx graph whose nodes are the labels; the edge attribute ``"weight"`` is the length,
          1 where there is none. Directions and loops are ignored, of parallel edges the shortest
          counts.
        - mapping ``{child: parent}``, or a pandas Series of parents: edges of length 1. A root has
          the parent None, NaN, ``""`` or itself, or is no key. A list, tuple or set of several
          parents makes a graph.
        - mapping ``{label: vector}``: Euclidean distances. A vector is a numeric array, or a list
          or tuple of numbers that holds a float or whose key is a string.
        - str that ends with ``";"``: a tree in Newick's notation, edges without a length having
          length 1.

        To be named by `labels`:

        - square array of distances;
        - array of another shape: one embedding per row;
        - sparse array: stored entries are lengths of edges, one direction being enough;
        - callable: ``label_metric(A, B)`` gives the ``(len(A), len(B))`` distances between two
          arrays of labels. It is checked on at most 50 labels.
        - ``"ordinal"``: numbers differ by their difference, strings by that of their places in
          `labels`; ``labels="all"`` takes numbers from `y_labels`, integers with all between them.
        - ``"grid"``: Euclidean distance between cells of the grid of shape `labels`, whose labels
          are 0, 1, ... row by row.

    labels : {"all", "leaves"}, tuple or array-like, default="all"
        For a metric with names: which labels may be predicted. Leaves are what has no children,
        or in a networkx graph what has one neighbor. For the others: the labels, see above.
    y_labels : array-like or None, default=None
        Labels in y, which only ``"ordinal"`` looks at.

    Returns
    -------
    space : LabelSpace
        A tree where a graph is one.

    Raises
    ------
    ValueError
        If the metric is none (negative, infinite, asymmetric or nonzero on the diagonal), a graph
        is not connected, parents run in a circle, labels are missing, repeated, mixed or unknown.
        The message names the labels.

    Examples
    --------
    >>> from skmanifold.label_space import as_label_space
    >>> space = as_label_space({"cat": "mammal", "cow": "mammal", "carp": "fish",
    ...                         "mammal": "animal", "fish": "animal"}, labels="leaves")
    >>> space.labels.tolist()
    ['carp', 'cat', 'cow']
    >>> space.distances(space.nodes_of(["cat"])).tolist()
    [[4.0, 0.0, 2.0]]
    """
    if isinstance(label_metric, LabelSpace):
        if not (isinstance(labels, str) and labels == "all"):
            raise ValueError("labels is given, but a LabelSpace as label_metric has its own.")
        return label_metric
    if _has(label_metric, "index", "to_dict") and not _has(label_metric, "columns"):
        label_metric = label_metric.to_dict()  # a pandas Series of parents
    if isinstance(label_metric, str):
        return _from_string(label_metric, labels, y_labels)
    if _has(label_metric, "index", "columns", "to_numpy"):
        return frame_space(label_metric, labels)
    if isinstance(label_metric, Mapping):
        return _from_mapping(label_metric, labels)
    if _has(label_metric, "nodes", "edges"):
        return networkx_space(label_metric, labels)
    if issparse(label_metric):
        return sparse_space(label_metric, labels)
    if callable(label_metric):
        return callable_space(label_metric, labels)
    return array_space(label_metric, labels)


def _from_string(text: str, labels: Any, y_labels: Any) -> LabelSpace:
    """A metric that is named, or a tree that is written down."""
    if text == "ordinal":
        return ordinal_space(labels, y_labels)
    if text == "grid":
        return grid_space(labels)
    if text.rstrip().endswith(";"):
        return newick_space(text, labels)
    shown = text if len(text) <= 40 else text[:37] + "..."
    raise ValueError(
        "label_metric must be 'ordinal', 'grid' or a tree in Newick's notation, which ends with "
        f"';', where it is a string; got {shown!r}."
    )


def _from_mapping(mapping: Mapping[Any, Any], labels: Any) -> LabelSpace:
    """Embeddings where one value is a vector, else parents."""
    if any(is_vector(value, key) for key, value in mapping.items()):
        return vectors_space(mapping, labels)
    return parent_space(mapping, labels)


def _has(value: Any, *names: str) -> bool:
    """Whether an object looks like one from a library that need not be installed."""
    return all(hasattr(value, name) for name in names)
