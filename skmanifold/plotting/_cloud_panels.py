"""Panels that each show one point cloud with the axes of its frame."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skmanifold.plotting._cloud_frames import CloudFrame

FloatArray = NDArray[np.float64]

# Axes are told apart by numbers, not by colour: that is left to the points, and print may be grey.
_DETERMINED, _OPEN = "black", "#707070"
# Shorter axes, as a share of the panel, would hide behind their own numbers.
_SHORTEST = 0.03
# In three dimensions, axis 1 runs to the right, axis 2 up and axis 3 towards the viewer.
_VIEW = {"elev": 25, "azim": 25, "vertical_axis": "y"}
_RASTERIZE_FROM = 10_000  # points from which a vector file would be slow to open


class Panel(NamedTuple):
    """What to draw: a cloud, its frame, and the part of space around them."""

    points: FloatArray  # (n_points, n_dims)
    frame: CloudFrame
    limits: FloatArray  # (n_dims, 2)


def limits_around(*parts: FloatArray, least: float) -> FloatArray:
    """Lowest and highest coordinates, of shape (n_dims, 2), with a margin.

    No side is shorter than `least` times the longest one.
    """
    points = np.vstack(parts)
    low, high = points.min(axis=0), points.max(axis=0)
    # Points at a single place, however far away, still need a window that floats can tell.
    longest = (high - low).max() or max(1e-3 * np.abs(points).max(), 1.0)
    half = 0.55 * np.maximum(high - low, least * longest)
    return (low + high)[:, None] / 2 + half[:, None] * [-1, 1]


def draw_panel(ax: Any, panel: Panel, **scatter_kwargs: Any) -> Any:
    """Draw the cloud and over it the frame; returns the points."""
    style = {
        "s": float(np.clip(3000 / len(panel.points), 1.0, 16.0)),
        "linewidths": 0,
        "rasterized": len(panel.points) > _RASTERIZE_FROM,
        "plotnonfinite": True,
    }
    points = ax.scatter(*_positions(panel.points).T, **style | scatter_kwargs)
    _set_limits(ax, panel.limits)
    long = np.linalg.norm(panel.frame.arms, axis=1) > _SHORTEST * np.ptp(panel.limits, axis=1).max()
    for axis in np.flatnonzero(long).tolist():
        _draw_axis(ax, panel.frame, axis)
    return points


def add_row_label(ax: Any, words: str) -> None:
    """Write along the left edge of a panel."""
    ax.annotate(
        words,
        (0.0, 0.5),
        xytext=(-34, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
    )


def is_solid(ax: Any) -> bool:
    """Whether axes are three-dimensional."""
    return bool(ax.name == "3d")


def _positions(points: FloatArray) -> FloatArray:
    """Points, on the middle line of the panel where they have one coordinate."""
    return np.column_stack([points, np.zeros(len(points))]) if points.shape[1] == 1 else points


def _set_limits(ax: Any, limits: FloatArray) -> None:
    """The given limits at one scale, with few ticks."""
    flat = len(limits) == 1
    if flat:
        half = 0.15 * np.ptp(limits)
        limits = np.vstack([limits, [-half, half]])
    longest = np.ptp(limits, axis=1).max()
    for name, (low, high) in zip("xyz", limits, strict=False):
        getattr(ax, f"set_{name}lim")(low, high)
        nbins = max(1, round(4 * (high - low) / longest))
        ax.locator_params(name, nbins=nbins, min_n_ticks=1)
    if flat:
        ax.set_yticks([])
        ax.spines[["left", "right", "top"]].set_visible(False)
    ax.tick_params(labelsize="x-small")
    if is_solid(ax):
        _open_box(ax, np.ptp(limits, axis=1))
    else:
        ax.set_aspect("equal", adjustable="box")


def _open_box(ax: Any, sides: FloatArray) -> None:
    """A box without walls, seen from afar, as its distance would bend parallel lines."""
    ax.set_proj_type("ortho")
    ax.view_init(**_VIEW)
    ax.set_box_aspect(sides, zoom=1.35)
    ax.computed_zorder = False  # the frame is drawn over the points
    ax.grid(False)
    ax.tick_params(pad=-3)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set_visible(False)
        axis.line.set_color("darkgrey")


def _draw_axis(ax: Any, frame: CloudFrame, axis: int) -> None:
    """A line with a number at its positive end; at both where this is open, and dashed if tied."""
    from matplotlib.patheffects import Normal, Stroke

    tied, is_open = frame.tied[axis], frame.tied[axis] or frame.unsigned[axis]
    steps = np.array([-1.0, 1.0] if is_open else [0.0, 1.0])
    color = _OPEN if is_open else _DETERMINED
    ends = _positions(frame.origin + steps[:, None] * frame.arms[axis])
    ax.plot(
        *ends.T,
        color=color,
        linewidth=1.4,
        linestyle=(0, (3, 2)) if tied else "solid",
        path_effects=[Stroke(linewidth=3.5, foreground="white"), Normal()],
        zorder=5,
    )
    badge = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": color, "lw": 0.8}
    for end in ends[steps != 0]:
        ax.text(
            *end, f"{axis + 1}", color=color, bbox=badge, zorder=6,
            fontsize="x-small", ha="center", va="center", clip_on=True,
        )  # fmt: skip
