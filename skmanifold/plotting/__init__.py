"""Pictures of embeddings, label spaces, point clouds and vector fields."""

from skmanifold.plotting._embedding_display import EmbeddingDisplay
from skmanifold.plotting._label_space_display import LabelSpaceDisplay
from skmanifold.plotting._mesh_field_display import MeshFieldDisplay
from skmanifold.plotting._point_cloud_display import PointCloudDisplay
from skmanifold.plotting._vector_field_display import VectorFieldDisplay

__all__ = [
    "EmbeddingDisplay",
    "LabelSpaceDisplay",
    "MeshFieldDisplay",
    "PointCloudDisplay",
    "VectorFieldDisplay",
]
