"""From values to colours: a scale for numbers, a palette for classes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

# An integer column with at most this many values holds classes rather than measurements.
MAX_INTEGER_CLASSES = 20


class Classes(NamedTuple):
    """Class of each point: an index of shape (n,) into the list of names."""

    codes: NDArray[np.intp]
    names: list[str]


def as_classes(values: ArrayLike) -> Classes | None:
    """Classes where `values` are strings, booleans or few integers; None where they are numbers."""
    array: NDArray[Any] = column_or_1d(values)
    if array.dtype.kind not in "biuf":
        array = array.astype(str)
    if array.dtype.kind == "f":
        return None
    names, codes = np.unique(array, return_inverse=True)
    if array.dtype.kind in "iu" and len(names) > MAX_INTEGER_CLASSES:
        return None
    return Classes(codes, [str(name) for name in names])


def palette(n_classes: int) -> NDArray[np.float64]:
    """RGBA colours of shape (n_classes, 4).

    Ten strong colours, then their ten light ones, then a rainbow: beyond twenty nobody can tell
    the classes apart by colour alone, but neighbouring ones still differ.
    """
    import matplotlib as mpl

    if n_classes > 20:
        return mpl.colormaps["turbo"](np.linspace(0.03, 0.97, n_classes))
    strong_first = np.r_[0:20:2, 1:20:2]
    return mpl.colormaps["tab20"](strong_first[:n_classes])


def scale(cmap: Any) -> Any:
    """Colour map of the given name (default viridis) that shows missing values in light grey."""
    import matplotlib as mpl

    cmap = mpl.colormaps["viridis" if cmap is None else cmap] if not callable(cmap) else cmap
    return cmap.with_extremes(bad="lightgrey")
