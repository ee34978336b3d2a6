"""One mesh with what is known on it: the samples of estimators that learn on meshes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.mesh._entries import as_cells, as_fields, as_landmarks, as_points, as_scalars
from skmanifold.mesh._faces import IntArray
from skmanifold.mesh._readers import read_meshio, read_plaid, read_pyvista

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MeshSample:
    """A mesh of triangles or quads, the conditions of a run on it, and the fields it led to.

    Estimators that learn on meshes take a list of these, in which every mesh may have nodes and
    cells of its own. Such a list is cut by `KFold`, `GridSearchCV` and `cross_val_predict` as the
    rows of an array are.

    Parameters
    ----------
    points : array-like of shape (n_nodes, 2) or (n_nodes, 3)
        Positions of the nodes, finite.
    cells : array-like of shape (n_cells, 3) or (n_cells, 4)
        Nodes around each triangle or quad, counted from 0, in either sense. Four nodes are always a
        quad: of tetrahedra, take the surface.
    scalars : mapping of str to float, default={}
        The conditions of the run, such as a load or an angle of attack: inputs.
    fields : mapping of str to array-like of shape (n_nodes,) or (n_nodes, k), default={}
        The solution at the nodes, finite: outputs, which samples to predict for need not have.
    landmarks : array-like of shape (k,) or None, default=None
        Nodes on the boundary that mark the same features, in the same order, on every mesh of a
        list: first those of the outer loop, then those of the hole, along each of the two
        counter-clockwise. In space, counter-clockwise is as the cells run.

    Attributes
    ----------
    n_nodes : int
        Number of nodes.

    Raises
    ------
    MeshError
        If a shape is another, an entry is not finite or masked, or a node is named that is not
        there. Whether the cells make a surface is not looked at here; see `surface_of`.

    Notes
    -----
    A sample holds read-only copies, arrays of float64 and of integers, and mappings of them that
    cannot be changed; `dataclasses.replace` makes another one. It has deliberately no length and is
    no array itself, lest NumPy take a list of samples apart.

    Examples
    --------
    >>> from skmanifold.mesh import MeshSample
    >>> sample = MeshSample(
    ...     points=[[0, 0], [1, 0], [1, 1], [0, 1]],
    ...     cells=[[0, 1, 2], [0, 2, 3]],
    ...     scalars={"load": 2.5},
    ...     fields={"temperature": [0, 1, 1, 0]},
    ... )
    >>> sample
    MeshSample(4 nodes, 2 triangles, scalars=['load'], fields=['temperature'])
    >>> sample.fields["temperature"]
    array([0., 1., 1., 0.])
    """

    points: FloatArray
    cells: IntArray
    scalars: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, FloatArray] = field(default_factory=dict)
    landmarks: IntArray | None = None

    def __post_init__(self) -> None:
        points = as_points(self.points)
        checked = {
            "points": points,
            "cells": as_cells(self.cells, len(points)),
            "scalars": as_scalars(self.scalars),
            "fields": as_fields(self.fields, len(points)),
            "landmarks": as_landmarks(self.landmarks, len(points)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Mappings that cannot be changed can't be pickled, and arrays come back writeable.
        scalars, fields = dict(self.scalars), dict(self.fields)
        return type(self), (self.points, self.cells, scalars, fields, self.landmarks)

    def __repr__(self) -> str:
        kind = "triangles" if self.cells.shape[1] == 3 else "quads"
        parts = [f"{self.n_nodes} nodes", f"{len(self.cells)} {kind}"]
        parts += [f"{name}={list(getattr(self, name))}" for name in ("scalars", "fields")]
        if self.landmarks is not None:
            parts.append(f"landmarks={self.landmarks.tolist()}")
        return f"{type(self).__name__}({', '.join(parts)})"

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.points)

    @classmethod
    def from_meshio(
        cls,
        mesh: Any,
        *,
        scalars: Mapping[str, float] | None = None,
        landmarks: Any = None,
    ) -> "MeshSample":
        """The sample of a mesh that meshio has read; it reads some forty formats of files.

        Triangles and quads are kept, and points and lines dropped, with the nodes that no cell is
        left at. Where there are both triangles and quads, the quads are split. Data at the nodes
        become `fields`, with the components that they have. Where the third coordinate of all nodes
        is zero, the mesh is one in the plane.

        Parameters
        ----------
        mesh : meshio.Mesh
            Whole numbers at the nodes named "OriginalIds", "vtk..." or with a colon, such as
            "gmsh:dim_tags", are notes of a file format, and no fields.
        scalars : mapping of str to float or None, default=None
            Conditions of the run.
        landmarks : array-like of shape (k,) or None, default=None
            Nodes, as `mesh` counts them.

        Returns
        -------
        sample : MeshSample

        Raises
        ------
        ImportError
            If meshio is not installed.
        MeshError
            If the mesh has cells of volume or with nodes in the middle of edges, or none at all; or
            a landmark is at no cell.

        Examples
        --------
        >>> import meshio  # doctest: +SKIP
        >>> mesh = meshio.read("plate.msh")  # doctest: +SKIP
        >>> MeshSample.from_meshio(mesh, scalars={"load": 2.5})  # doctest: +SKIP
        """
        return cls(**read_meshio(mesh, scalars, landmarks))

    @classmethod
    def from_pyvista(
        cls,
        mesh: Any,
        *,
        scalars: Mapping[str, float] | None = None,
        landmarks: Any = None,
    ) -> "MeshSample":
        """The sample of a mesh of pyvista.

        What is kept, dropped, split and flattened is as in `from_meshio`. Cells come in the order
        of `mesh`, but where quads are split after triangles.

        Parameters
        ----------
        mesh : pyvista.UnstructuredGrid, pyvista.PolyData or another data set
        scalars : mapping of str to float or None, default=None
            Conditions of the run.
        landmarks : array-like of shape (k,) or None, default=None
            Nodes, as `mesh` counts them.

        Returns
        -------
        sample : MeshSample

        Raises
        ------
        ImportError
            If pyvista is not installed.
        MeshError
            As `from_meshio`.

        Examples
        --------
        >>> import pyvista  # doctest: +SKIP
        >>> MeshSample.from_pyvista(pyvista.read("plate.vtu"))  # doctest: +SKIP
        """
        return cls(**read_pyvista(mesh, scalars, landmarks))

    @classmethod
    def from_plaid(
        cls,
        sample: Any,
        *,
        scalars: Sequence[str] | None = None,
        landmarks: Any = None,
    ) -> "MeshSample":
        """The sample of a PLAID sample, at its default time and in its default base and zone.

        What is kept, dropped, split and flattened is as in `from_meshio`. Choose another time, base
        or zone by `sample.set_default_time` and `sample.set_default_zone_base`.

        Parameters
        ----------
        sample : plaid.Sample
            Of PLAID 1.0 or later, where the scalars of a sample are called globals.
        scalars : sequence of str or None, default=None
            Names of the globals that are conditions of the run. PLAID keeps scalar outputs among
            them: leave those out, or a model is told what it shall predict. None takes all that are
            single numbers.
        landmarks : array-like of shape (k,) or None, default=None
            Nodes, as `sample` counts them from 0.

        Returns
        -------
        sample : MeshSample

        Raises
        ------
        ImportError
            If PLAID is not installed.
        MeshError
            As `from_meshio`; also if `scalars` names a global that is not there.

        Examples
        --------
        >>> from plaid import Sample  # doctest: +SKIP
        >>> run = Sample.load_from_dir("sample_000000000")  # doctest: +SKIP
        >>> MeshSample.from_plaid(run, scalars=["P", "p1", "p2"])  # doctest: +SKIP
        """
        return cls(**read_plaid(sample, scalars, landmarks))
