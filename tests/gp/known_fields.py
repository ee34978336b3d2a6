"""Made-up points, kernels and hyper-parameters of fields, with nothing special about them."""

import numpy as np
import torch

from skmanifold.gp import FieldKernel, FieldPoints
from tests.graph.known_manifolds import random_gauges

# All sums of terms.
TERMS = [
    ("spectral",),
    ("tangent",),
    ("ambient",),
    ("spectral", "tangent"),
    ("spectral", "ambient"),
    ("tangent", "ambient"),
    ("spectral", "tangent", "ambient"),
]
VALUES = {
    "spectral_scale": 0.8,
    "spectral_lengthscale": 0.5,
    "nu": 1.5,
    "tangent_scale": 0.6,
    "tangent_lengthscale": 0.9,
    "ambient_scale": 0.3,
    "ambient_lengthscale": 1.4,
    "normal_noise": 0.15,
    "noise": 0.25,
}
N_PAIRS = 7


def tensor(array):
    return torch.as_tensor(np.asarray(array), dtype=torch.float64)


def values(**changed):
    return {name: tensor(value) for name, value in (VALUES | changed).items()}


def random_points(rng, n_points=15, *, n_features=3, dim=2, n_pairs=N_PAIRS):
    """Of a vector field."""
    return FieldPoints(
        tensor(rng.normal(size=(n_points, n_features))),
        tensor(np.linalg.qr(rng.normal(size=(n_points, n_features, dim)))[0]),
        tensor(rng.normal(size=(n_points, dim, n_pairs))),
    )


def scalar_points(rng, n_points=15, *, n_features=2, n_pairs=N_PAIRS):
    """Of scalar functions."""
    return FieldPoints(
        tensor(rng.normal(size=(n_points, n_features))),
        tensor(np.ones((n_points, 1, 1))),
        tensor(rng.normal(size=(n_points, 1, n_pairs))),
    )


def field_kernel(points, *terms, radial="rbf", dim=2):
    """With eigenvectors whose mean squares are those at the points: these are the nodes."""
    shares = points.encoding.square().mean((0, 1))
    eigenvalues = tensor(np.arange(points.encoding.shape[2]) * 0.9).to(shares)
    return FieldKernel(terms, radial, eigenvalues, shares, dim)


def turned(points, rng):
    """The same points in other frames, and the turns (n, r, r)."""
    order = points.frames.shape[2]
    gauges = tensor(random_gauges(rng, len(points), order))
    frames, encoding = points.frames @ gauges, gauges.mT @ points.encoding
    return FieldPoints(points.positions, frames, encoding), gauges


def moved(points, rotation, shift=0.0):
    """The same points in another place of the space."""
    rotation = tensor(rotation)
    return FieldPoints(
        points.positions @ rotation.T + shift, rotation @ points.frames, points.encoding
    )


def joined(*parts):
    """All points of some sets."""
    names = ("positions", "frames", "encoding")
    return FieldPoints(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def blocks(matrix, order):
    """Blocks (n, order, order) on the diagonal."""
    split = matrix.reshape(len(matrix) // order, order, len(matrix) // order, order)
    return split.diagonal(dim1=0, dim2=2).permute(2, 0, 1)


def block_diagonal(parts):
    return torch.block_diag(*parts)


def covariance(kernel, left, right=None, hyper=None):
    right = left if right is None else right
    return kernel.covariance(kernel.pairs(left, right), values() if hyper is None else hyper)


def noisy_targets(rng, points, n_columns=None):
    """Values (n, D) of a field, or (n, q) of scalars."""
    width = points.frames.shape[1] if n_columns is None else n_columns
    return tensor(rng.normal(size=(len(points), width)))
