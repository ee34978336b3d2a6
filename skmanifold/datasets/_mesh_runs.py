"""Many simulations at once: seeds, parallel runs, and what they are put together to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_scalar

from skmanifold.datasets._mesh_cache import cached
from skmanifold.datasets._mesh_dataset import MeshDataset
from skmanifold.datasets._sample import check_at_least
from skmanifold.mesh import MeshSample
from skmanifold.utils._random import draw_seed


@dataclass(frozen=True)
class Run:
    """One simulation: the mesh with its fields, numbers that sum it up, and what shaped it."""

    sample: MeshSample
    targets: Mapping[str, float]
    shape: Mapping[str, float]


# A run is made from two sources of chance: of the shape and the conditions, and of the mesh.
Simulate = Callable[[np.random.Generator, np.random.Generator], Run]


def simulated(
    simulate: Simulate,
    n_samples: int,
    n_meshings: int,
    *,
    n_jobs: int | None,
    random_state: int | np.random.RandomState | None,
    cache: bool,
    name: str,
    parameters: Mapping[str, Any],
) -> MeshDataset:
    """The runs of a generator of that name, from disk where `cache` and the seed is an integer."""
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_meshings, "n_meshings", Integral, min_val=1)
    check_flag(cache, "cache")
    seed = draw_seed(random_state)

    def make() -> MeshDataset:
        runs = Parallel(n_jobs=n_jobs)(
            delayed(_seeded)(simulate, seed, shape, meshing)
            for shape in range(n_samples)
            for meshing in range(n_meshings)
        )
        return _put_together(runs, n_meshings)

    if not cache or not isinstance(random_state, Integral):
        return make()
    counts = {"n_samples": int(n_samples), "n_meshings": int(n_meshings), "seed": seed}
    return cached(make, name, {**parameters, **counts})


def drawn(ranges: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> dict[str, float]:
    """Numbers that are uniform in each range."""
    return {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}


def check_flag(value: Any, name: str) -> None:
    """Refuse what is neither True nor False."""
    check_scalar(value, name, (bool, np.bool_))


def check_mesh_size(value: float, low: float, high: float) -> None:
    """Refuse sizes of cells that lead to no mesh, or to a huge one."""
    check_at_least(low, value, "mesh_size")
    if value > high:
        raise ValueError(f"mesh_size must be at most {high}, got {value}.")


def _seeded(simulate: Simulate, seed: int, shape: int, meshing: int) -> Run:
    """One run, whose seeds depend on its own numbers only."""
    streams = [np.random.SeedSequence(seed, spawn_key=key) for key in ((shape,), (shape, meshing))]
    return simulate(*map(np.random.default_rng, streams))


def _put_together(runs: list[Run], n_meshings: int) -> MeshDataset:
    return MeshDataset(
        X=[run.sample for run in runs],
        y=np.array([list(run.targets.values()) for run in runs]),
        target_names=tuple(runs[0].targets),
        shape_parameters=np.array([list(run.shape.values()) for run in runs]),
        shape_names=tuple(runs[0].shape),
        shape_index=np.arange(len(runs)) // n_meshings,
    )
