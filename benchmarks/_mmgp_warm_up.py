"""Small plates whose fields are formulas, to import and compile with before anything is timed."""

import numpy as np
import pandas as pd

from benchmarks._mmgp_data import Meshings, Simulations
from benchmarks._mmgp_parts import draws, fit_coordinates, fit_maps, fit_processes
from benchmarks._mmgp_tasks import fit_simulations

CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def _square(n_side, rng):
    """Nodes of a disturbed grid of the unit square, triangles, and the corners' nodes."""
    grid = np.linspace(0, 1, n_side)
    points = np.stack(np.meshgrid(grid, grid, indexing="xy"), axis=-1).reshape(-1, 2)
    inner = ((points > 0) & (points < 1)).all(axis=1)
    points[inner] += rng.uniform(-0.2, 0.2, (inner.sum(), 2)) / n_side
    nodes = np.arange(n_side**2).reshape(n_side, n_side)
    low, right, high, left = nodes[:-1, :-1], nodes[:-1, 1:], nodes[1:, 1:], nodes[1:, :-1]
    halves = [(low, right, high), (low, high, left)]
    triangles = np.concatenate([np.stack(half, axis=-1).reshape(-1, 3) for half in halves])
    corners = [np.flatnonzero((points == corner).all(axis=1))[0] for corner in CORNERS]
    return points, triangles, np.array(corners)


def plate(n_side, rng):
    """A plate with a dent from above under a load, and its two scalars."""
    from skmanifold.mesh import MeshSample

    points, triangles, corners = _square(n_side, rng)
    depth, place, load = rng.uniform(0, 0.4), rng.uniform(0.35, 0.65), rng.uniform(1, 2)
    height = 1 - depth * np.exp(-(((points[:, 0] - place) / 0.2) ** 2))
    fields = {
        "U1": load * points[:, 0] * (1 + depth),
        "sig11": load / height * (1 + depth * (points[:, 1] - 0.5)),
    }
    points = points * np.column_stack([np.ones_like(height), height])
    sample = MeshSample(points, triangles, {"load": load}, fields, corners)
    return sample, (fields["sig11"].max(), load * (1 + depth))


def plates(n_train, n_test, n_side, seed):
    """Simulations of plates."""
    rng = np.random.default_rng(seed)
    made = [plate(n_side + int(rng.integers(3)), rng) for _ in range(n_train + n_test)]
    X = [sample for sample, _ in made]
    y = pd.DataFrame([scalars for _, scalars in made], columns=["max_sig11", "work"])
    groups = {"displacement": ["U1"], "stress": ["sig11"]}
    return Simulations(X[:n_train], y[:n_train], X[n_train:], y[n_train:], groups)


def warm_up_regressor(estimator):
    """One fit, of more plates than any method has modes, and its predictions."""
    fit_simulations(estimator, plates(60, 3, 8, seed=0))


def _meshings():
    X = plates(6, 1, 6, seed=0).X
    return Meshings(X, np.arange(len(X)))


def warm_up_morpher(estimator):
    """Coordinates of a few plates."""
    fit_coordinates(estimator, _meshings())


def warm_up_maps(estimator):
    """Maps of a few plates."""
    fit_maps(estimator, _meshings())


def warm_up_processes(estimator):
    """Two processes of a few points."""
    fit_processes(estimator, draws(20, 3, 2)(0))
