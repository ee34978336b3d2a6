"""What users pass as many arrays at once."""

from typing import Any

import numpy as np


def is_list(X: Any) -> bool:
    """Whether `X` is a list, or an array of objects, which is how numpy holds ragged arrays."""
    return isinstance(X, (list, tuple)) or (
        isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    )


def is_batch(X: Any) -> bool:
    """Whether `X` is a 3-D array or a list of 2-D arrays, and not one 2-D array."""
    if is_list(X):
        return len(X) == 0 or np.ndim(X[0]) == 2
    return getattr(X, "ndim", 2) == 3
