"""Manifolds that know their geodesic distances, point clouds of shapes, and real data."""

from skmanifold.datasets._motions import moved_clouds
from skmanifold.datasets._pbmc68k import load_pbmc68k
from skmanifold.datasets._sample import ManifoldSample
from skmanifold.datasets._shapes import ShapeSample, make_shapes
from skmanifold.datasets._sheets import make_s_curve, make_swiss_roll
from skmanifold.datasets._sphere import make_sphere
from skmanifold.datasets._torus import make_torus
from skmanifold.datasets._tree import make_branching_tree

__all__ = [
    "ManifoldSample",
    "ShapeSample",
    "load_pbmc68k",
    "make_branching_tree",
    "make_s_curve",
    "make_shapes",
    "make_sphere",
    "make_swiss_roll",
    "make_torus",
    "moved_clouds",
]
