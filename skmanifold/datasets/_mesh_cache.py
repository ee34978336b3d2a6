"""Simulations are kept on disk, for the next call with the same parameters."""

import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import get_data_home

from skmanifold.datasets._mesh_dataset import MeshDataset
from skmanifold.mesh import MeshSample

_SOLVERS = ("numpy", "scipy", "scikit-fem")
# What is raised for files that were cut off, are of another program, or lack an entry.
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)
_PER_SAMPLE = ("points", "cells", "fields")  # arrays that differ in length among the samples


def cached(
    make: Callable[[], MeshDataset], name: str, parameters: Mapping[str, Any]
) -> MeshDataset:
    """The data set that is stored for these parameters, or else a new one, which is stored.

    The file lies in the folder `skmanifold` of :func:`sklearn.datasets.get_data_home`. Its name
    depends on the parameters, on the source of the generators and on the versions of the libraries
    that solve, so that it is never of another data set. A folder that can't be written to is no
    hindrance.
    """
    try:
        folder = Path(get_data_home()) / "skmanifold"
    except OSError:
        return make()
    path = folder / f"{name}-{_fingerprint(parameters)}.npz"
    with suppress(*_UNREADABLE):
        return _read(path)
    dataset = make()
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        _write(path, dataset)
    return dataset


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    parts = [f"{name}={parameters[name]!r}" for name in sorted(parameters)]
    digest = sha256("\n".join([*parts, *map(_version, _SOLVERS)]).encode())
    for source in sorted(Path(__file__).parent.glob("_mesh*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def _write(path: Path, dataset: MeshDataset) -> None:
    """Write under another name first, so that no one ever reads half a file."""
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **_arrays(dataset))
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _arrays(dataset: MeshDataset) -> dict[str, Any]:
    """A data set as arrays: those of the samples one after the other, and their lengths."""
    X = dataset.X
    scalars, fields = list(X[0].scalars), list(X[0].fields)
    return {
        "points": np.concatenate([sample.points for sample in X]),
        "cells": np.concatenate([sample.cells for sample in X]).astype(np.int32),
        "fields": np.concatenate(
            [np.column_stack([sample.fields[name] for name in fields]) for sample in X]
        ),
        "n_nodes": [sample.n_nodes for sample in X],
        "n_cells": [len(sample.cells) for sample in X],
        "scalars": [[sample.scalars[name] for name in scalars] for sample in X],
        "landmarks": [sample.landmarks for sample in X],
        "scalar_names": scalars,
        "field_names": fields,
        "y": dataset.y,
        "target_names": dataset.target_names,
        "shape_parameters": dataset.shape_parameters,
        "shape_names": dataset.shape_names,
        "shape_index": dataset.shape_index,
    }


def _read(path: Path) -> MeshDataset:
    # Of a damaged file NumPy leaves open what it opens itself.
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    ends = {"points": "n_nodes", "fields": "n_nodes", "cells": "n_cells"}
    parts = {
        name: np.split(arrays[name], np.cumsum(arrays[ends[name]])[:-1]) for name in _PER_SAMPLE
    }
    scalars, fields = arrays["scalar_names"].tolist(), arrays["field_names"].tolist()
    X = [
        MeshSample(
            points,
            cells,
            dict(zip(scalars, values.tolist(), strict=True)),
            dict(zip(fields, columns.T, strict=True)),
            landmarks,
        )
        for points, cells, columns, values, landmarks in zip(
            *(parts[name] for name in _PER_SAMPLE),
            arrays["scalars"],
            arrays["landmarks"],
            strict=True,
        )
    ]
    return MeshDataset(
        X=X,
        y=arrays["y"],
        target_names=tuple(arrays["target_names"].tolist()),
        shape_parameters=arrays["shape_parameters"],
        shape_names=tuple(arrays["shape_names"].tolist()),
        shape_index=arrays["shape_index"].astype(np.intp),
    )
