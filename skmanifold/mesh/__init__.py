"""Triangle meshes: checks of the faces, areas, cotangent weights, tangent frames, topology."""

from skmanifold.mesh._faces import check_faces, euler_characteristic, is_orientable
from skmanifold.mesh._surface import cotangent_weights, face_areas, vertex_areas, vertex_frames

__all__ = [
    "check_faces",
    "cotangent_weights",
    "euler_characteristic",
    "face_areas",
    "is_orientable",
    "vertex_areas",
    "vertex_frames",
]
