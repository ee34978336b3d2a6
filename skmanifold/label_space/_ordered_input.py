"""Label spaces that are numbers already: ordered labels and cells of a grid."""

import math
from numbers import Integral
from typing import Any

import numpy as np

from skmanifold.label_space._candidates import candidate_nodes, check_ordered
from skmanifold.label_space._names import Names, as_labels, check_distinct
from skmanifold.label_space._spaces import EuclideanSpace

MAX_RANGE = 10**7  # labels between the smallest and the largest that "ordinal" fills in by itself


def ordinal_space(labels: Any, y_labels: Any) -> EuclideanSpace:
    """Numbers at their values, strings at their ranks in the order given."""
    from_y = isinstance(labels, str)
    check_ordered(labels)
    names = _from_y(labels, y_labels) if from_y else as_labels(labels, "labels")
    check_distinct(names, "labels")
    values = np.arange(len(names)) if names.dtype.kind == "U" else names
    points = values.astype(np.float64)[:, None]
    return EuclideanSpace(names, points, candidate_nodes(names, "all"))


def grid_space(shape: Any) -> EuclideanSpace:
    """The cells of a grid, numbered row by row, at their indices."""
    if not _is_shape(shape):
        raise ValueError(
            "label_metric='grid' needs the shape of the grid, such as labels=(8, 8); "
            f"got labels={shape!r}."
        )
    names = np.arange(math.prod(shape), dtype=np.int64)
    points = np.stack(np.unravel_index(names, tuple(shape)), axis=1).astype(np.float64)
    return EuclideanSpace(names, points, candidate_nodes(names, "all"))


def _is_shape(shape: Any) -> bool:
    """Whether something is a tuple, list or array of positive integers."""
    return (
        isinstance(shape, (tuple, list, np.ndarray))
        and len(shape) > 0
        and all(isinstance(side, Integral) and int(side) > 0 for side in shape)
    )


def _from_y(labels: str, y_labels: Any) -> Names:
    """The labels that y implies: those that it holds, and integers between them."""
    if labels != "all":
        raise ValueError(
            "label_metric='ordinal' needs labels='all' or an array of labels, "
            f"got labels={labels!r}."
        )
    if y_labels is None:
        raise ValueError(
            "label_metric='ordinal' needs labels, where there is no y to read them off."
        )
    names = np.unique(as_labels(y_labels, "y"))
    if names.dtype.kind == "U":
        raise ValueError(
            "label_metric='ordinal' cannot know the order of strings; pass them in their order, "
            "such as labels=['low', 'middle', 'high']."
        )
    if names.dtype.kind != "i":
        return names
    if int(names[-1]) - int(names[0]) >= MAX_RANGE:
        raise ValueError(
            f"label_metric='ordinal' would fill in every integer from {names[0]} to {names[-1]}; "
            "pass labels, the integers that are meant."
        )
    return np.arange(names[0], names[-1] + 1)
