"""Clusters of data on manifolds."""

from skmanifold.cluster._mcr_clustering import MCRClustering

__all__ = ["MCRClustering"]
