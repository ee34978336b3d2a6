"""Gaussian processes on manifolds, and the geometry that they are made of."""

from skmanifold.gaussian_process._rvgp import RVGP
from skmanifold.gp import ConnectionLaplacianKernel
from skmanifold.graph import connection_laplacian, furthest_point_sampling, tangent_frames

__all__ = [
    "RVGP",
    "ConnectionLaplacianKernel",
    "connection_laplacian",
    "furthest_point_sampling",
    "tangent_frames",
]
