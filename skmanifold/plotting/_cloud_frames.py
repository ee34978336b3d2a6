"""Frames of point clouds, found from the clouds before and after, and what is open in them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class CloudFrame(NamedTuple):
    """Axes of a cloud, and whether the cloud determines them."""

    origin: FloatArray  # (n_dims,)
    arms: FloatArray  # (n_axes, n_dims); from the origin, as long as the spread along the axis
    tied: BoolArray  # (n_axes,); the axis may turn into another one
    unsigned: BoolArray  # (n_axes,); the axis may point either way

    @property
    def tips(self) -> FloatArray:
        """Origin and positive ends of the axes, of shape (1 + n_axes, n_dims)."""
        return self.origin + np.vstack([np.zeros_like(self.origin), self.arms])

    def cropped(self, n_dims: int) -> "CloudFrame":
        """The frame as seen in the first coordinates."""
        return self._replace(origin=self.origin[:n_dims], arms=self.arms[:, :n_dims])

    @property
    def hint(self) -> str:
        """What is not determined, in words; empty if everything is."""
        tied, unsigned = np.flatnonzero(self.tied), np.flatnonzero(self.unsigned & ~self.tied)
        hints = [f"{_numbers(tied)} tied"] if len(tied) else []
        hints += [f"sign of {_numbers(unsigned)} open"] if len(unsigned) else []
        return "\n".join(hints)


def fitted_frame(before: FloatArray, after: FloatArray) -> FloatArray:
    """Where the axes of the coordinates `after` lie among the points `before`.

    Parameters
    ----------
    before : ndarray of shape (n_points, n_dims)
    after : ndarray of shape (n_points, n_axes)

    Returns
    -------
    frame : ndarray of shape (1 + n_axes, n_dims)
        Its centre, and one unit along each axis, of the affine map that best takes `after`
        back to `before`; zero for axes along which the cloud does not extend.
    """
    center, middle = before.mean(axis=0), after.mean(axis=0)
    units = np.linalg.lstsq(after - middle, before - center)[0]
    return np.vstack([center - middle @ units, units])


def spreads(after: FloatArray) -> FloatArray:
    """Root mean square along each axis."""
    return np.sqrt(np.square(after).mean(axis=0))


def open_axes(gaps: FloatArray, margins: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Which axes of clouds are tied, and of which the sign is open.

    Parameters
    ----------
    gaps, margins : ndarray of shape (n_clouds, n_axes)
        ``eigen_gap_`` and ``sign_margin_``.
    """
    tied = gaps == 0
    with_next = np.pad(tied, ((0, 0), (1, 0)))[:, :-1]
    return tied | with_next, margins == 0


def _numbers(axes: NDArray[np.intp]) -> str:
    """Numbers of axes in words."""
    *head, last = (f"{axis + 1}" for axis in axes)
    return f"axes {', '.join(head)} and {last}" if head else f"axis {last}"
