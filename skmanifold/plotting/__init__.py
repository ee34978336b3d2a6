"""Pictures of embeddings, label spaces and point clouds."""

from skmanifold.plotting._embedding_display import EmbeddingDisplay
from skmanifold.plotting._label_space_display import LabelSpaceDisplay
from skmanifold.plotting._point_cloud_display import PointCloudDisplay

__all__ = ["EmbeddingDisplay", "LabelSpaceDisplay", "PointCloudDisplay"]
