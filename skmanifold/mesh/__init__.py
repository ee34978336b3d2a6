"""Meshes: samples, checks of the faces, areas, cotangent weights, tangent frames, topology."""

from skmanifold.mesh._faces import check_faces, euler_characteristic, is_orientable
from skmanifold.mesh._sample import MeshSample
from skmanifold.mesh._surface import cotangent_weights, face_areas, vertex_areas, vertex_frames
from skmanifold.mesh._topology import Surface, surface_of

__all__ = [
    "MeshSample",
    "Surface",
    "check_faces",
    "cotangent_weights",
    "euler_characteristic",
    "face_areas",
    "is_orientable",
    "surface_of",
    "vertex_areas",
    "vertex_frames",
]
