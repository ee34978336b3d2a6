"""Embeddings that keep geodesic distances."""

from skmanifold.embedding._heat_geodesic import HeatGeodesicEmbedding

__all__ = ["HeatGeodesicEmbedding"]
