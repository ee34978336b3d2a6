"""Names of the nodes of a label space: canonical arrays and look-up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

Names = NDArray[Any]  # of strings, int64, float64 or booleans
Nodes = NDArray[np.intp]

KINDS: list[tuple[Any, str]] = [
    (str, "string"),
    ((bool, np.bool_), "boolean"),
    (Integral, "integer"),
    (Real, "float"),
]
MISSING = {"NoneType", "NAType", "NaTType"}  # the last two are pandas', which is no requirement


def is_missing(value: object) -> bool:
    """Whether a value stands for "none": None, NaN, pandas' NA or the empty string."""
    if isinstance(value, str):
        return not value
    return type(value).__name__ in MISSING or (isinstance(value, Real) and value != value)


def show(labels: Iterable[Any], most: int = 5) -> str:
    """Words for a message: the first few of some labels, and how many more there are."""
    shown = [repr(_plain(label)) for label in labels]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def as_labels(labels: Any, what: str) -> Names:
    """Labels as a one-dimensional array of one kind.

    Parameters
    ----------
    labels : iterable of shape (n_labels,)
        Strings, integers, floats or booleans, not mixed, but that numbers mix with numbers. Lists
        are looked at one by one, because numpy would turn ``["a", 1]`` into strings silently.
    what : str
        Name of the parameter, for messages.

    Returns
    -------
    names : ndarray of shape (n_labels,)
        Of dtype str, int64, float64 or bool; in the order given, and not necessarily distinct.

    Raises
    ------
    ValueError
        If there are none, one is missing or an empty string, or strings mix with numbers.
    """
    array = _as_array(labels, what)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one-dimensional, got an array of shape {array.shape}.")
    if not len(array):
        raise ValueError(f"{what} is empty: at least one label is needed.")
    return _canonical(array, what)


def check_distinct(names: Names, what: str) -> None:
    """Refuse names of which one is there twice; "" is no name."""
    listed = [name for name in names.tolist() if name != ""]
    if len(set(listed)) < len(listed):
        twice = [name for name, count in Counter(listed).items() if count > 1]
        raise ValueError(f"{what} must be distinct; there more than once: {show(twice)}.")


def locate(names: Names, labels: Any, what: str) -> Nodes:
    """The position of each label among the names.

    Numbers are compared by value, so that the label 3.0 finds the name 3.

    Parameters
    ----------
    names : ndarray of shape (n_names,)
        Distinct, but for "", which is no name.
    labels : array-like of shape (n_labels,)
    what : str
        Name of the parameter that holds `labels`, for messages.

    Returns
    -------
    positions : ndarray of shape (n_labels,)

    Raises
    ------
    ValueError
        If a label is not among the names. The message lists such labels, and says so where a
        number is known as a string or the other way round.
    """
    labels = as_labels(labels, what)
    known = {name: position for position, name in enumerate(names.tolist())}
    found = np.fromiter((known.get(label, -1) for label in labels.tolist()), dtype=np.intp)
    if (found < 0).any():
        raise ValueError(_unknown_words(names, np.unique(labels[found < 0]).tolist(), what))
    return found


def named_mask(names: Names) -> NDArray[np.bool_]:
    """Mask of the nodes that have a name."""
    return names != "" if names.dtype.kind == "U" else np.ones(len(names), dtype=bool)


def _plain(label: Any) -> Any:
    """A numpy scalar as the Python object that prints without its type."""
    return label.item() if isinstance(label, np.generic) else label


def _as_array(labels: Any, what: str) -> NDArray[Any]:
    """Labels as an array that has not been brought to one type yet."""
    if hasattr(labels, "dtype"):
        return np.asarray(labels)
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise ValueError(f"{what} must be an array of labels, got {labels!r}.")
    return np.fromiter(labels, dtype=object)


def _canonical(array: NDArray[Any], what: str) -> Names:
    """Labels in one of the four dtypes."""
    if array.dtype.kind == "O":
        array = _from_objects(array.tolist(), what)
    kind = array.dtype.kind
    if kind == "f":
        _refuse(~np.isfinite(array), array, what, "a missing or infinite value")
        return array.astype(np.float64, copy=False)
    if kind in "iu":
        if kind == "u" and array.max() > np.iinfo(np.int64).max:
            raise ValueError(f"{what} holds integers beyond 64 bits; pass them as strings.")
        return array.astype(np.int64, copy=False)
    if kind in "UT":
        array = array.astype(str)
        _refuse(array == "", array, what, "an empty string")
    elif kind != "b":
        raise ValueError(f"{what} must be strings or numbers, got {array.dtype}: {show(array)}.")
    return array


def _refuse(wrong: NDArray[np.bool_], array: Names, what: str, words: str) -> None:
    """Say where a value lies that can be no label."""
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{what} holds {words} at position {at}: {show([array[at]])} is no label.")


def _from_objects(values: list[Any], what: str) -> Names:
    """Objects as an array of the one kind that they are of."""
    examples = {_kind(value): value for value in {type(value): value for value in values}.values()}
    kinds = set(examples)
    if kinds & {"missing", "float"}:
        _refuse_missing(values, what)
    if "other" in kinds:
        raise ValueError(
            f"{what} must be strings or numbers, got {examples['other']!r}. "
            "Rename such labels, to strings for instance."
        )
    if len(kinds) > 1 and "string" in kinds:
        parts = " and ".join(f"the {kind} {_plain(examples[kind])!r}" for kind in sorted(kinds))
        raise ValueError(f"{what} mixes types: {parts}. Give all labels one type.")
    return _from_one_kind(values, kinds, what)


def _refuse_missing(values: list[Any], what: str) -> None:
    """Say where a label is missing."""
    at = next((at for at, value in enumerate(values) if is_missing(value)), None)
    if at is not None:
        raise ValueError(f"{what} holds a missing value at position {at}: {values[at]!r}.")


def _from_one_kind(values: list[Any], kinds: set[str], what: str) -> Names:
    """Strings as an array of strings, numbers as the narrowest of bool, int64 and float64."""
    if kinds == {"string"} or kinds == {"boolean"}:
        return np.array(values)
    if "float" in kinds and ("integer" not in kinds or not _all_whole(values)):
        return np.array(values, dtype=np.float64)
    try:
        return np.array([int(value) for value in values], dtype=np.int64)
    except OverflowError as error:
        raise ValueError(f"{what} holds integers beyond 64 bits; pass them as strings.") from error


def _all_whole(values: Sequence[Any]) -> bool:
    """Whether no number has a fractional part: integers that a missing value turned to floats."""
    return all(float(value).is_integer() for value in values)


def _kind(value: object) -> str:
    """The word for the type of a label."""
    if type(value).__name__ in MISSING:
        return "missing"
    return next((word for types, word in KINDS if isinstance(value, types)), "other")


def _unknown_words(names: Names, unknown: list[Any], what: str) -> str:
    """What to say about labels that are not among the names."""
    twins = {str(name): name for name in names.tolist()}
    for label in unknown:
        twin = twins.get(str(label), label)
        if type(twin) is not type(label):
            return (
                f"{what} holds the {_kind(label)} {label!r}; the label metric knows the "
                f"{_kind(twin)} {twin!r}. Give the labels of both one type."
            )
    named = names[named_mask(names)]
    return (
        f"{what} holds labels that the label metric does not know: {show(unknown)}. "
        f"It knows {len(named)} labels, such as {show(named[:3])}."
    )
