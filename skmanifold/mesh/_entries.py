"""Points, cells, fields and scalars of a mesh sample, checked one by one."""

from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.exceptions import MeshError
from skmanifold.mesh._faces import IntArray, listed

FloatArray = NDArray[np.float64]


def as_points(points: Any) -> FloatArray:
    """Positions of nodes, of two or three coordinates."""
    array = _as_numbers("points", points)
    if array.ndim != 2 or array.shape[1] not in (2, 3) or len(array) < 3:
        raise MeshError(
            "points must be of shape (n_nodes, 2) in the plane or (n_nodes, 3) in space, with at "
            f"least 3 rows, got {array.shape}."
        )
    return array


def as_cells(cells: Any, n_nodes: int) -> IntArray:
    """Rows of the three nodes of triangles, or the four of quads, that are there."""
    array = as_nodes("cells", cells, n_nodes)
    if array.ndim != 2 or array.shape[1] not in (3, 4) or len(array) == 0:
        raise MeshError(
            "cells must be of shape (n_cells, 3) for triangles or (n_cells, 4) for quads, with at "
            f"least one row, got {array.shape}."
        )
    return array


def as_landmarks(landmarks: Any, n_nodes: int) -> IntArray | None:
    """Nodes that differ, or None."""
    if landmarks is None:
        return None
    array = as_nodes("landmarks", landmarks, n_nodes)
    if array.ndim != 1 or len(array) == 0:
        raise MeshError(
            f"landmarks must be of shape (n_landmarks,), with at least one, got {array.shape}; "
            "where there are none, leave landmarks=None."
        )
    named, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        raise MeshError(f"landmarks must differ, but name twice: {listed(named[counts > 1])}.")
    return array


def as_nodes(what: str, nodes: Any, n_nodes: int) -> IntArray:
    """A read-only copy of an array of nodes that are there."""
    array = _as_array(what, nodes)
    whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and np.all(array == np.rint(array))
    )
    if not whole and array.size:
        raise MeshError(f"{what} must hold whole numbers, the nodes, got the dtype {array.dtype}.")
    outside = (array < 0) | (array >= n_nodes)
    if outside.any():
        raise MeshError(
            f"{what} must hold nodes from 0 to {n_nodes - 1}, got {outside.sum()} other entries, "
            f"such as {array[outside][0]} in row {np.argwhere(np.atleast_1d(outside))[0, 0]}."
        )
    return _frozen(array, np.intp)


def as_fields(fields: Any, n_nodes: int) -> Mapping[str, FloatArray]:
    """Fields of a row for each node, in a mapping that stays as it is."""
    return MappingProxyType(
        {name: _as_field(name, values, n_nodes) for name, values in _named("fields", fields)}
    )


def as_scalars(scalars: Any) -> Mapping[str, float]:
    """Single numbers, in a mapping that stays as it is."""
    return MappingProxyType(
        {name: _as_scalar(name, value) for name, value in _named("scalars", scalars)}
    )


def _as_field(name: str, values: Any, n_nodes: int) -> FloatArray:
    array = _as_numbers(f"field {name!r}", values)
    if array.ndim not in (1, 2) or len(array) != n_nodes or array.size == 0:
        raise MeshError(
            f"field {name!r} must be of shape (n_nodes,) or (n_nodes, n_components) with n_nodes = "
            f"{n_nodes}, got {array.shape}."
        )
    return array


def _as_scalar(name: str, value: Any) -> float:
    number = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    try:
        scalar = float(number) if isinstance(number, Real) else np.nan
    except OverflowError:  # a huge integer
        scalar = np.inf
    if not np.isfinite(scalar):
        raise MeshError(f"scalar {name!r} must be one finite number, got {value!r:.80}.")
    return scalar


def _named(what: str, mapping: Any) -> list[tuple[str, Any]]:
    """Entries of a mapping with names for keys."""
    if not isinstance(mapping, Mapping) or not all(isinstance(name, str) for name in mapping):
        raise MeshError(
            f"{what} must be a mapping from names to values, such as a dict, got {mapping!r:.80}."
        )
    return list(mapping.items())


def _as_numbers(what: str, values: Any) -> FloatArray:
    """A read-only copy of an array of finite numbers."""
    array = _as_array(what, values)
    if array.dtype.kind not in "iufb":
        raise MeshError(f"{what} must hold real numbers, got the dtype {array.dtype}.")
    with np.errstate(over="ignore"):  # longer floats may become infinite
        array = array.astype(np.float64, copy=False)
    wrong = ~np.isfinite(array)
    if wrong.any():
        rows = np.unique(np.argwhere(wrong)[:, 0]) if array.ndim else np.zeros(1, dtype=np.intp)
        raise MeshError(
            f"{what} must be finite, got {wrong.sum()} NaN or infinite entries, at nodes "
            f"{listed(rows)}."
        )
    return _frozen(array, np.float64)


def _as_array(what: str, values: Any) -> NDArray[Any]:
    if np.ma.is_masked(values):
        raise MeshError(f"{what} must have no masked entries: fill them, or leave them out.")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise MeshError(f"{what} must be an array, got rows of different lengths.") from error


def _frozen(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    copy = array.astype(dtype, order="C")
    copy.flags.writeable = False
    return copy
