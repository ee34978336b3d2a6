"""Meshes of other packages, taken apart into what a mesh sample is made of."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.exceptions import MeshError
from skmanifold.mesh._entries import as_nodes, as_points
from skmanifold.mesh._faces import IntArray
from skmanifold.mesh._quads import split_quads

# Names of cells, as meshio, VTK and CGNS have them, of which a surface is made, and of lower ones.
TRIANGLES = {"triangle", "TRIANGLE", "TRI_3"}
QUADS = {"quad", "QUAD", "QUAD_4"}
LOWER = {"vertex", "line", "line3", "line4", "EMPTY_CELL", "VERTEX", "POLY_VERTEX", "LINE"}
LOWER |= {"POLY_LINE", "QUADRATIC_EDGE", "NODE", "BAR_2", "BAR_3", "BAR_4"}

Blocks = Iterable[tuple[str, Any]]  # names of cells, and the nodes of each cell of that name


def read_meshio(mesh: Any, scalars: Mapping[str, float] | None, landmarks: Any) -> dict[str, Any]:
    """Parameters of the sample of a mesh of meshio."""
    _check_type(mesh, "from_meshio", "meshio", "Mesh")
    blocks = [(block.type, block.data) for block in mesh.cells]
    return _parts(mesh.points, blocks, mesh.point_data, scalars, landmarks)


def read_pyvista(mesh: Any, scalars: Mapping[str, float] | None, landmarks: Any) -> dict[str, Any]:
    """Parameters of the sample of a mesh of pyvista."""
    pyvista = _check_type(mesh, "from_pyvista", "pyvista", "DataSet")
    grid = mesh.cast_to_unstructured_grid()
    cells = grid.GetCells()
    starts = pyvista.convert_array(cells.GetOffsetsArray())
    nodes = pyvista.convert_array(cells.GetConnectivityArray())
    blocks = []
    for kind in np.unique(grid.celltypes):
        first = starts[:-1][grid.celltypes == kind]
        name = pyvista.CellType(kind).name
        # Kinds of other sizes are dropped or refused by their name alone.
        size = 3 if name in TRIANGLES else 4 if name in QUADS else 0
        blocks.append((name, nodes[first[:, None] + np.arange(size)]))
    return _parts(grid.points, blocks, dict(grid.point_data), scalars, landmarks)


def read_plaid(sample: Any, scalars: Sequence[str] | None, landmarks: Any) -> dict[str, Any]:
    """Parameters of the sample of a PLAID sample."""
    plaid = _check_type(sample, "from_plaid", "plaid", "Sample")
    points = sample.get_nodes()
    if points is None:
        raise MeshError("the PLAID sample has no nodes at its default time, base and zone.")
    place = {
        "time": sample.resolve_time(),
        "base": sample.resolve_base(),
        "zone": sample.resolve_zone(),
    }
    names = sample.get_field_names(location="Vertex", **place)
    fields = {name: sample.get_field(name, location="Vertex") for name in names}
    blocks = _plaid_cells(sample.get_zone(), plaid.constants.CGNS_ELEMENT_NAMES)
    return _parts(points, blocks, fields, _plaid_scalars(sample, scalars), landmarks)


def _plaid_cells(zone: list[Any], kinds: Sequence[str]) -> Blocks:
    """Cells of each section, of which there may be several of one kind.

    A node of CGNS is a list of its name, its value, its children and its type. `get_elements` of
    PLAID keeps the last section of a kind alone.
    """
    for _, value, children, type_ in zone[2]:
        if type_ == "Elements_t":
            name = kinds[value[0]]
            nodes = next(child[1] for child in children if child[0] == "ElementConnectivity")
            size = 3 if name in TRIANGLES else 4 if name in QUADS else 1
            yield name, np.reshape(nodes, (-1, size)) - 1


def _plaid_scalars(sample: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """The globals of these names, or all that are single numbers."""
    known = sample.get_global_names(time=sample.resolve_time())
    if names is None:
        values = {name: np.asarray(sample.get_global(name)) for name in known}
        return {name: v for name, v in values.items() if v.size == 1 and v.dtype.kind in "iuf"}
    missing = [name for name in names if name not in known]
    if missing:
        raise MeshError(f"scalars must name globals of the PLAID sample, {known}, got {missing}.")
    return {name: sample.get_global(name) for name in names}


def _check_type(mesh: Any, reader: str, package: str, name: str) -> Any:
    """The package, if it is there and the mesh is one of its own."""
    try:
        module = import_module(package)
    except ImportError as error:
        raise ImportError(
            f'MeshSample.{reader} needs {package}: pip install "skmanifold[mesh]"'
        ) from error
    if not isinstance(mesh, getattr(module, name)):
        raise TypeError(f"{reader} takes a {package}.{name}, got {type(mesh).__name__}.")
    return module


def _is_note(name: str, data: NDArray[Any]) -> bool:
    """Whether data at the nodes are what a file format notes down, as "gmsh:dim_tags"."""
    noted = ":" in name or name.startswith("vtk") or name == "OriginalIds"
    return noted and data.dtype.kind in "iuf" and bool((data == np.rint(data)).all())


def _parts(
    points: Any,
    blocks: Blocks,
    fields: Mapping[str, Any],
    scalars: Mapping[str, float] | None,
    landmarks: Any,
) -> dict[str, Any]:
    """Parameters of a sample, without the nodes that are at no triangle or quad."""
    places = as_points(points)
    cells = _uniform(places, *_surface_cells(blocks, len(places)))
    used = np.zeros(len(places), dtype=bool)
    used[cells] = True
    number = np.where(used, np.cumsum(used) - 1, -1)
    kept = places[used]
    if kept.shape[1] == 3 and not kept[:, 2].any():
        kept = kept[:, :2]
    data = {name: np.asarray(values)[used] for name, values in fields.items()}
    return {
        "points": kept,
        "cells": number[cells],
        "scalars": scalars or {},
        "fields": {name: values for name, values in data.items() if not _is_note(name, values)},
        "landmarks": None if landmarks is None else _renumbered(landmarks, number),
    }


def _surface_cells(blocks: Blocks, n_nodes: int) -> tuple[IntArray, IntArray]:
    """Triangles and quads among the cells."""
    triangles, quads = [np.empty((0, 3), dtype=np.intp)], [np.empty((0, 4), dtype=np.intp)]
    for name, cells in blocks:
        if name in TRIANGLES:
            triangles.append(as_nodes("triangles", cells, n_nodes))
        elif name in QUADS:
            quads.append(as_nodes("quads", cells, n_nodes))
        elif name not in LOWER:
            raise MeshError(
                "cells must be triangles or quads with nodes at their corners alone, besides lines "
                f"and points, which are dropped, got cells of the kind {name!r}. Take the surface "
                "of a volume, and make cells with nodes in the middle of edges linear."
            )
    return np.concatenate(triangles), np.concatenate(quads)


def _uniform(points: NDArray[np.float64], triangles: IntArray, quads: IntArray) -> IntArray:
    """Quads where there are no triangles; otherwise triangles."""
    if len(triangles) == 0 and len(quads) == 0:
        raise MeshError("a mesh must have triangles or quads, got one without.")
    if len(triangles) == 0:
        return quads
    return np.concatenate([triangles, split_quads(points, quads)]) if len(quads) else triangles


def _renumbered(landmarks: Any, number: IntArray) -> IntArray:
    """Landmarks, counted without the nodes that were dropped."""
    nodes = as_nodes("landmarks", landmarks, len(number))
    if (number[nodes] < 0).any():
        raise MeshError(
            "landmarks must be at a triangle or quad, but these nodes are at none: "
            f"{nodes[number[nodes] < 0].tolist()}."
        )
    return number[nodes]
