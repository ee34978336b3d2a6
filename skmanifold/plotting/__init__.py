"""Pictures of embeddings, clusters, label spaces, point clouds, meshes and vector fields."""

from skmanifold.plotting._embedding_display import EmbeddingDisplay
from skmanifold.plotting._label_space_display import LabelSpaceDisplay
from skmanifold.plotting._mesh_field_display import MeshFieldDisplay
from skmanifold.plotting._point_cloud_display import PointCloudDisplay
from skmanifold.plotting._rate_display import RateDisplay
from skmanifold.plotting._subspace_display import SubspaceDisplay
from skmanifold.plotting._vector_field_display import VectorFieldDisplay

__all__ = [
    "EmbeddingDisplay",
    "LabelSpaceDisplay",
    "MeshFieldDisplay",
    "PointCloudDisplay",
    "RateDisplay",
    "SubspaceDisplay",
    "VectorFieldDisplay",
]
