"""Simulations over meshes of varied shape: data sets of the tasks, and shapes unlike them."""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

TENSILE_GROUPS = {
    "displacement": ("U1", "U2"),
    "stress": ("sig11", "sig22", "sig12"),
    "plastic_strain": ("plastic_strain",),
}
AIRFOIL_GROUPS = {"velocity": ("u", "v"), "pressure": ("pressure",)}


@dataclass(frozen=True)
class Simulations:
    """Training and test samples; `y` have a column for each output scalar.

    `groups` says which fields share a score, `transforms` which outputs are learnt after a
    transformer, which all methods are given alike.
    """

    X: list
    y: pd.DataFrame
    X_test: list
    y_test: pd.DataFrame
    groups: dict
    transforms: dict = field(default_factory=dict)

    @property
    def fields(self):
        """Names of the fields that are scored."""
        return [name for names in self.groups.values() for name in names]


def _asinh(values, unit):
    return np.arcsinh(values / unit)


def _sinh(values, unit):
    return np.sinh(values) * unit


def logarithm():
    """The logarithm as a transformer."""
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.log, np.exp)


def asinh(unit):
    """The inverse hyperbolic sine as a transformer: linear below `unit`, logarithmic above."""
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(partial(_asinh, unit=unit), partial(_sinh, unit=unit))


def localised(X, y, fields=("plastic_strain",)):
    """Transformers of localised fields, which are near nought in most places, and of maxima."""
    units = {name: 0.01 * np.mean([each.fields[name].max() for each in X]) for name in fields}
    maxima = [name for name in y if name.startswith("max_") and (y[name] > 0).all()]
    return {name: asinh(unit) for name, unit in units.items()} | {
        name: logarithm() for name in maxima
    }


def _made(maker, n_samples, seed, **parameters):
    """Samples of one of the makers, and their outputs as a table."""
    from skmanifold import datasets

    made = getattr(datasets, maker)(n_samples, random_state=seed, **parameters)
    return made, pd.DataFrame(np.asarray(made.y), columns=list(made.target_names))


def split(X, y, n_train, groups, transforms=None):
    """The first samples to train on, the others to test on; groups of the fields that are there."""
    known = {name: [f for f in names if f in X[0].fields] for name, names in groups.items()}
    return Simulations(
        X=X[:n_train],
        y=y[:n_train],
        X_test=X[n_train:],
        y_test=y[n_train:],
        groups={name: names for name, names in known.items() if names},
        transforms=transforms or {},
    )


def tensile(n_train=200, n_test=100, material="linear", **parameters):
    """Loader of plates under tension; of a plastic one, maxima and strain are transformed."""

    def load(seed):
        made, y = _made(
            "make_tensile_meshes", n_train + n_test, seed, material=material, **parameters
        )
        plastic = material == "plastic"
        transforms = localised(made.X[:n_train], y[:n_train]) if plastic else {}
        return split(made.X, y, n_train, TENSILE_GROUPS, transforms)

    return load


def airfoils(n_train=200, n_test=100, **parameters):
    """Loader of flows around airfoils."""

    def load(seed):
        made, y = _made("make_airfoil_meshes", n_train + n_test, seed, **parameters)
        return split(made.X, y, n_train, AIRFOIL_GROUPS)

    return load


@dataclass(frozen=True)
class Meshings:
    """Meshes, and for each of them which shape it is of."""

    X: list
    shape: np.ndarray


def meshings(maker, n_shapes, n_meshings=1, **parameters):
    """Loader of independent meshes of each of some shapes."""

    def load(seed):
        made, _ = _made(maker, n_shapes, seed, n_meshings=n_meshings, **parameters)
        return Meshings(made.X, np.asarray(made.shape_index))

    return load


def _unit(points):
    """Coordinates from 0 to 1 in the bounding box, its corner and its extent."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    return (points - low) / extent, low, extent


def notched(points, depth=0.6, width=0.4):
    """The same with a deep notch from the right: widths shrink at half the height."""
    unit, low, extent = _unit(points)
    x, y = unit.T
    x = x * (1 - depth * np.exp(-(((y - 0.5) / width) ** 2)))
    return low + extent * np.column_stack([x, y])


def stretched(points, factor=3.0):
    """The same of another aspect."""
    return points * [factor, 1.0]


def bent(points, turn=1.5):
    """The same bent along an arc of so many radians."""
    unit, _, extent = _unit(points)
    x, y = unit.T
    radius = extent[0] / turn + extent[1] * (1 - y)
    angle = turn * (x - 0.5)
    return np.column_stack([radius * np.sin(angle), -radius * np.cos(angle)])


FOREIGN = {"notched": notched, "stretched": stretched, "bent": bent}


def foreign(X, kind):
    """Samples whose shapes are unlike those of any training set; nothing was solved on them."""
    return [replace(each, points=FOREIGN[kind](each.points), fields={}) for each in X]


def renumbered(sample, rng):
    """The same sample with nodes and cells in another order, and the order of its old nodes."""
    order = rng.permutation(len(sample.points))
    place = np.argsort(order)
    cells = place[rng.permutation(sample.cells)]
    cells = np.stack([np.roll(cell, rng.integers(len(cell))) for cell in cells])
    return replace(
        sample,
        points=sample.points[order],
        cells=cells,
        fields={name: values[order] for name, values in sample.fields.items()},
        landmarks=None if sample.landmarks is None else place[sample.landmarks],
    ), order
