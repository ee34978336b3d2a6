"""Embeddings that keep distances."""

from skmanifold.embedding._heat_geodesic import HeatGeodesicEmbedding
from skmanifold.embedding._tinv_mds import TinvMDS
from skmanifold.frames import tinv_mds

__all__ = ["HeatGeodesicEmbedding", "TinvMDS", "tinv_mds"]
