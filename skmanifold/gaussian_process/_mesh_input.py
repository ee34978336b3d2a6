"""Lists of meshes as the X of an estimator."""

import numpy as np

from skmanifold.mesh import MeshSample
from skmanifold.utils import is_list


def holds_meshes(X):
    """Whether `X` is a sequence of meshes, and not rows of numbers."""
    if is_list(X):
        return len(X) > 0 and any(isinstance(sample, MeshSample) for sample in X)
    return isinstance(X, MeshSample) or (
        not hasattr(X, "shape") and hasattr(X, "__getitem__") and holds_meshes(list(X))
    )


def check_not_empty(X):
    """Refuse a sequence without anything in it.

    Raises
    ------
    ValueError
        If `X` is one.
    """
    if is_list(X) and len(X) == 0:
        raise ValueError("X is empty: it must be a list of MeshSample, or rows of numbers.")


def read_meshes(X):
    """A list of meshes of the same number of coordinates.

    Raises
    ------
    TypeError
        If `X` is a single mesh, or something in it is no mesh.
    ValueError
        If some meshes are in the plane and some in space.
    """
    if isinstance(X, MeshSample):
        raise TypeError("X must be a list of MeshSample, got a single one. Pass [X].")
    samples = list(X)
    for index, sample in enumerate(samples):
        if not isinstance(sample, MeshSample):
            raise TypeError(
                f"X must be a list of MeshSample, but X[{index}] is a {type(sample).__name__}."
            )
    dims = {sample.points.shape[1] for sample in samples}
    if len(dims) > 1:
        first = samples[0].points.shape[1]
        other = next(i for i, sample in enumerate(samples) if sample.points.shape[1] != first)
        raise ValueError(
            f"X must hold meshes of one space, but points of X[0] have {first} coordinates and "
            f"those of X[{other}] {samples[other].points.shape[1]}."
        )
    return samples


def scalar_table(samples, names=None):
    """Scalars of the meshes (n_samples, n_names), and the sorted names.

    Raises
    ------
    ValueError
        If a mesh lacks a scalar that the others have, or has one that they lack.
    """
    names = sorted(samples[0].scalars) if names is None else list(names)
    for index, sample in enumerate(samples):
        missing, extra = set(names) - set(sample.scalars), set(sample.scalars) - set(names)
        if missing or extra:
            problem = f"lacks {sorted(missing)}" if missing else f"has {sorted(extra)} besides"
            raise ValueError(
                f"X[{index}].scalars {problem}; every mesh must have the same scalars as the "
                f"training meshes: {names}."
            )
    table = [[sample.scalars[name] for name in names] for sample in samples]
    return np.array(table, dtype=np.float64).reshape(len(samples), len(names)), names
