"""Pictures of embeddings and of label spaces."""

from skmanifold.plotting._embedding_display import EmbeddingDisplay
from skmanifold.plotting._label_space_display import LabelSpaceDisplay

__all__ = ["EmbeddingDisplay", "LabelSpaceDisplay"]
