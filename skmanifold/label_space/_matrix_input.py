"""Label spaces from tables: distances, embeddings, data frames, and functions that give them."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.label_space._candidates import candidate_nodes, row_names
from skmanifold.label_space._names import Names, as_labels, check_distinct, show
from skmanifold.label_space._spaces import CallableSpace, EuclideanSpace, MatrixSpace
from skmanifold.utils import row_chunks

Table = NDArray[np.floating]

TOLERANCE = 1e-6  # of the largest distance; rounding in distances that were computed stays below
N_SAMPLED = 50  # labels that a callable is tried on


def array_space(array: Any, labels: Any) -> MatrixSpace | EuclideanSpace:
    """A square array as distances, any other as one embedding per row."""
    table = _as_table(array, "label_metric")
    if table.ndim != 2:
        raise ValueError(
            "label_metric must be a two-dimensional array, of distances or of one embedding per "
            f"row; got the shape {table.shape}."
        )
    square = table.shape[0] == table.shape[1]
    kind = "an array of distances" if square else "an array of embeddings"
    names = row_names(labels, len(table), kind)
    return _matrix_space(names, table, "all") if square else _points_space(names, table, "all")


def frame_space(frame: Any, labels: Any) -> MatrixSpace | EuclideanSpace:
    """A frame with labels in its index: distances where the columns are the labels as well."""
    names = as_labels(frame.index, "The index of label_metric")
    check_distinct(names, "The index of label_metric")
    table = _as_table(frame.to_numpy(), "label_metric")
    rows, columns = names.tolist(), list(frame.columns)
    if set(rows) != set(columns):
        _check_columns_are_features(rows, columns, table)
        return _points_space(names, table, labels)
    if len(columns) > len(rows):
        raise ValueError("label_metric has columns of the same label.")
    position = {column: at for at, column in enumerate(columns)}
    return _matrix_space(names, table[:, [position[row] for row in rows]], labels)


def vectors_space(vectors: Mapping[Any, Any], labels: Any) -> EuclideanSpace:
    """The embedding of each label."""
    names = as_labels(list(vectors), "label_metric")
    rows = [_as_table(vector, f"label_metric[{key!r}]") for key, vector in vectors.items()]
    shape = rows[0].shape
    for key, row in zip(vectors, rows, strict=True):
        if row.ndim != 1 or row.shape != shape:
            raise ValueError(
                "label_metric must map every label to a vector of the same length; the shape is "
                f"{row.shape} for {key!r} and {shape} for {next(iter(vectors))!r}."
            )
    return _points_space(names, np.stack(rows), labels)


def callable_space(metric: Callable[[Any, Any], Any], labels: Any) -> CallableSpace:
    """Distances by a function of two arrays of labels, which is tried on a few."""
    names = row_names(labels, None, "a callable")
    sample = names[np.linspace(0, len(names) - 1, min(len(names), N_SAMPLED)).astype(np.intp)]
    _tried(metric, sample[:1], sample)
    check_distances(sample, _tried(metric, sample, sample))
    return CallableSpace(names, metric, candidate_nodes(names, "all"))


def is_vector(value: Any, key: Any) -> bool:
    """Whether a value of a mapping is the embedding of its key, and not its parents.

    Numeric arrays are vectors. A list or tuple of numbers is one as well if it holds a float or
    if the key is a string; else the numbers are labels like the key.
    """
    if getattr(value, "ndim", 0) > 0:
        return np.asarray(value).dtype.kind in "biuf"
    if not isinstance(value, (list, tuple)) or not value:
        return False
    numeric = all(isinstance(entry, Real) for entry in value)
    return numeric and (isinstance(key, str) or any(isinstance(entry, float) for entry in value))


def check_distances(names: Names, matrix: Table) -> None:
    """Refuse a matrix that holds no distances between labels.

    Parameters
    ----------
    names : ndarray of shape (n_labels,)
        For the message.
    matrix : ndarray of shape (n_labels, n_labels)

    Raises
    ------
    ValueError
        If an entry is not finite or negative, the diagonal is not 0 or opposite entries differ,
        by more than a millionth of the largest entry. The message names the labels.
    """
    _check_entries(names, matrix, lambda block, _: ~np.isfinite(block), "must be finite")
    slack = TOLERANCE * matrix.max()
    _check_entries(names, matrix, lambda block, _: block < -slack, "must not be negative")
    for at in np.flatnonzero(np.abs(matrix.diagonal()) > slack)[:1]:
        raise ValueError(
            f"label_metric gives the distance {matrix[at, at]} from {show([names[at]])} to itself, "
            "which must be 0. Do you pass similarities, or embeddings in a square array? The "
            "latter can be a mapping {label: vector}."
        )
    _check_entries(
        names,
        matrix,
        lambda block, rows: np.abs(block - matrix[:, rows].T) > slack,
        "must be symmetric; pass (D + D.T) / 2 if that is what you mean",
    )


def _check_entries(
    names: Names,
    matrix: Table,
    find: Callable[[Table, slice], NDArray[np.bool_]],
    words: str,
) -> None:
    """Refuse a matrix where something wrong is found, block of rows by block of rows."""
    for rows in row_chunks(len(matrix), 4 * matrix[0].nbytes):
        wrong = np.argwhere(find(matrix[rows], rows))
        if len(wrong):
            raise ValueError(
                f"label_metric holds distances, which {words}; got "
                f"{_entries(names, matrix, np.add(wrong[:3], [rows.start, 0]))}."
            )


def _entries(names: Names, matrix: Table, places: NDArray[np.intp]) -> str:
    """Words for entries of a matrix, each with the opposite one."""
    return ", ".join(
        f"{matrix[row, column]} from {show([names[row]])} to {show([names[column]])} "
        f"({matrix[column, row]} back)"
        for row, column in places
    )


def _matrix_space(names: Names, matrix: Table, labels: Any) -> MatrixSpace:
    """Checked distances; what rounding left below 0 and on the diagonal is 0."""
    check_distances(names, matrix)
    np.maximum(matrix, 0, out=matrix)
    np.fill_diagonal(matrix, 0)
    return MatrixSpace(names, matrix, candidate_nodes(names, labels))


def _points_space(names: Names, points: Table, labels: Any) -> EuclideanSpace:
    """Embeddings, all finite."""
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise ValueError(f"label_metric has NaN or infinity in the vectors of {show(names[bad])}.")
    if points.shape[1] == 0:
        raise ValueError("label_metric holds vectors of length 0.")
    return EuclideanSpace(names, points, candidate_nodes(names, labels))


def _as_table(values: Any, what: str) -> Table:
    """A copy of numbers as float32 where they are, else as float64."""
    try:
        table = np.array(values)
        kept = table.dtype in (np.dtype(np.float32), np.dtype(np.float64))
        if table.dtype.kind in "biufO":
            return table if kept else table.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must hold numbers in rows of equal length: {error}") from error
    raise ValueError(f"{what} must hold numbers, got the dtype {table.dtype}.")


def _tried(metric: Callable[[Any, Any], Any], sources: Names, targets: Names) -> Table:
    """What a callable metric gives, which must be one number for each pair of labels."""
    block = _as_table(metric(sources, targets), "What label_metric returns")
    if block.shape != (len(sources), len(targets)):
        raise ValueError(
            "label_metric(A, B) must return an array of shape (len(A), len(B)); for "
            f"{len(sources)} and {len(targets)} labels it returned {block.shape}."
        )
    return block


def _check_columns_are_features(rows: Sequence[Any], columns: Sequence[Any], table: Table) -> None:
    """Refuse columns that are, or may be, labels, but are not the labels of the rows."""
    row_set, column_set = set(rows), set(columns)
    only_rows = [row for row in rows if row not in column_set]
    only_columns = [column for column in columns if column not in row_set]
    if len(only_rows) < len(rows):
        raise ValueError(
            "label_metric is a frame whose index and columns share some labels but not all. "
            f"Not in the columns: {show(only_rows) or 'none'}; not in the index: "
            f"{show(only_columns) or 'none'}. If its columns are features, give them other names."
        )
    known = {str(row): row for row in rows}
    twin = next((column for column in columns if str(column) in known), None)
    if twin is not None:
        raise ValueError(
            f"label_metric is a frame with {known[str(twin)]!r} in its index and {twin!r} in its "
            "columns, one a string and one a number. Give both one type, or if the columns are "
            "features, other names."
        )
    if (
        table.shape[0] == table.shape[1]
        and np.allclose(table, table.T)
        and not table.diagonal().any()
    ):
        raise ValueError(
            "label_metric is a frame of distances whose columns are not its labels; set "
            "frame.columns = frame.index if they are in the same order."
        )
