"""Classifiers that know the geometry of their labels."""

from skmanifold.classification._loki_predictor import LokiPredictor

__all__ = ["LokiPredictor"]
