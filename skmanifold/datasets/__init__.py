"""Manifolds that know their geodesics, clusters, fields, clouds of shapes, and real data."""

from skmanifold.datasets._clusters import make_clusters
from skmanifold.datasets._eeg import load_eeg_layout
from skmanifold.datasets._fashion_mnist import load_fashion_mnist
from skmanifold.datasets._image_features import efficientnet_features
from skmanifold.datasets._mesh_airfoil import make_airfoil_meshes
from skmanifold.datasets._mesh_dataset import MeshDataset
from skmanifold.datasets._mesh_tensile import make_tensile_meshes
from skmanifold.datasets._motions import moved_clouds
from skmanifold.datasets._pbmc68k import load_pbmc68k
from skmanifold.datasets._sample import ManifoldSample
from skmanifold.datasets._shapes import ShapeSample, make_shapes
from skmanifold.datasets._sheets import make_s_curve, make_swiss_roll
from skmanifold.datasets._sphere import make_sphere
from skmanifold.datasets._torus import make_torus
from skmanifold.datasets._tree import make_branching_tree
from skmanifold.datasets._vector_fields import VectorFieldSample, make_vector_field
from skmanifold.datasets._winds import load_winds

__all__ = [
    "ManifoldSample",
    "MeshDataset",
    "ShapeSample",
    "VectorFieldSample",
    "efficientnet_features",
    "load_eeg_layout",
    "load_fashion_mnist",
    "load_pbmc68k",
    "load_winds",
    "make_airfoil_meshes",
    "make_branching_tree",
    "make_clusters",
    "make_s_curve",
    "make_shapes",
    "make_sphere",
    "make_swiss_roll",
    "make_tensile_meshes",
    "make_torus",
    "make_vector_field",
    "moved_clouds",
]
