"""Pictures of embeddings."""

from skmanifold.plotting._embedding_display import EmbeddingDisplay

__all__ = ["EmbeddingDisplay"]
