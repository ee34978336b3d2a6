"""Warnings of this package, to filter or to catch by name."""

__all__ = ["DegenerateFrameWarning"]


class DegenerateFrameWarning(UserWarning):
    """A point cloud has no canonical frame: its symmetry leaves axes or signs undetermined."""
