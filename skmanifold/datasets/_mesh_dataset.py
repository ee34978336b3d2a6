"""The container of simulations on meshes of varied shape."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skmanifold.datasets._sample import FloatArray
from skmanifold.mesh import MeshSample


@dataclass(frozen=True, eq=False)
class MeshDataset:
    """Simulations on meshes of varied shape, as the generators of this package return them.

    Parameters
    ----------
    X : list of MeshSample
        The meshes with the conditions of each run in `scalars` and the solution in `fields`.
    y : ndarray of shape (n_samples, n_targets)
        Numbers that sum up each solution.
    target_names : tuple of str
        Names of the columns of `y`.
    shape_parameters : ndarray of shape (n_samples, n_shape_parameters)
        What the shapes were made from. Estimators that learn shapes from meshes are not to see it.
    shape_names : tuple of str
        Names of the columns of `shape_parameters`.
    shape_index : ndarray of shape (n_samples,), dtype int
        Number of each sample's run: samples with the same number are independent meshes of the
        same shape under the same conditions.

    Examples
    --------
    >>> from skmanifold.datasets import make_tensile_meshes
    >>> data = make_tensile_meshes(2, n_meshings=2, structured=True, random_state=0)
    >>> data.shape_index
    array([0, 0, 1, 1])
    """

    X: list[MeshSample] = field(repr=False)
    y: FloatArray = field(repr=False)
    target_names: tuple[str, ...]
    shape_parameters: FloatArray = field(repr=False)
    shape_names: tuple[str, ...]
    shape_index: NDArray[np.intp] = field(repr=False)
