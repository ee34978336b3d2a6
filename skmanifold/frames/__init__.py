"""Canonical frames of point clouds: principal axes, moments, sign rules, invariant features."""

from skmanifold.frames._canonical import (
    CanonicalClouds,
    Rules,
    canonical_clouds,
    point_counts,
    tinv_mds,
)
from skmanifold.frames._distances import one_distance_frame, scaled_clouds
from skmanifold.frames._features import cloud_features, draw_frequencies, n_cloud_features
from skmanifold.frames._one_cloud import OneFrame, one_frame
from skmanifold.frames._principal import Layout
from skmanifold.frames._sampling import SamplingErrors, sampling_errors

__all__ = [
    "CanonicalClouds",
    "Layout",
    "OneFrame",
    "Rules",
    "SamplingErrors",
    "canonical_clouds",
    "cloud_features",
    "draw_frequencies",
    "n_cloud_features",
    "one_distance_frame",
    "one_frame",
    "point_counts",
    "sampling_errors",
    "scaled_clouds",
    "tinv_mds",
]
