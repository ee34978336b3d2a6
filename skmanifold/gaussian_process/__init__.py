"""Gaussian processes on manifolds and meshes, and the geometry that they are made of."""

from skmanifold.gaussian_process._batched_gp import BatchedGPRegressor
from skmanifold.gaussian_process._mesh_morpher import MeshMorpher
from skmanifold.gaussian_process._mmgp import MMGPRegressor
from skmanifold.gaussian_process._rvgp import RVGP
from skmanifold.gaussian_process._snapshot_pod import SnapshotPOD
from skmanifold.gp import ConnectionLaplacianKernel
from skmanifold.graph import connection_laplacian, furthest_point_sampling, tangent_frames
from skmanifold.mesh import MeshSample

__all__ = [
    "RVGP",
    "BatchedGPRegressor",
    "ConnectionLaplacianKernel",
    "MMGPRegressor",
    "MeshMorpher",
    "MeshSample",
    "SnapshotPOD",
    "connection_laplacian",
    "furthest_point_sampling",
    "tangent_frames",
]
