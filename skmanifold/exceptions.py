"""Errors and warnings of this package, to filter or to catch by name."""

__all__ = ["DegenerateFrameWarning", "ForeignShapeWarning", "MeshError"]


class DegenerateFrameWarning(UserWarning):
    """A point cloud has no canonical frame: its symmetry leaves axes or signs undetermined."""


class ForeignShapeWarning(UserWarning):
    """A mesh to predict on is unlike all training meshes, so that its error bars may be wrong."""


class MeshError(ValueError):
    """A mesh has a fault, which the message names, and cannot be used."""
