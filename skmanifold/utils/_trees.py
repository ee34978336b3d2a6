"""Fitted state as numpy arrays, and the same as tensors where the work is done."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from skmanifold.utils._device import to_numpy, to_tensor

T = TypeVar("T")


def as_arrays(tree: T) -> T:
    """Nested dataclasses, dictionaries and tuples with their tensors as arrays, for pickles."""
    return _mapped(tree, torch.Tensor, to_numpy)


def as_tensors(tree: T, device: torch.device | str) -> T:
    """Nested dataclasses, dictionaries and tuples with their arrays as tensors on a device."""
    return _mapped(tree, np.ndarray, lambda array: to_tensor(array, device=device))


def _mapped(tree: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """The same tree with every leaf of some kind changed."""
    if isinstance(tree, kind):
        return change(tree)
    if isinstance(tree, dict):
        return {name: _mapped(branch, kind, change) for name, branch in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_mapped(branch, kind, change) for branch in tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        parts = {part.name: getattr(tree, part.name) for part in fields(tree)}
        return replace(tree, **_mapped(parts, kind, change))
    return tree
