"""Panels that each show one point cloud with the axes of its frame."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Axes are told apart by their numbers: colour is left to the points, and print may be grey.
_DETERMINED, _OPEN = "black", "#606060"
# Shorter axes, as a share of the panel, would hide behind their own numbers.
_SHORTEST = 0.03
_RASTERIZE_FROM = 10_000  # points from which a vector file would be slow to open


class CloudFrame(NamedTuple):
    """Axes of a cloud, and whether it determines them."""

    origin: FloatArray  # (n_dims,)
    arms: FloatArray  # (n_axes, n_dims); from the origin, as long as the spread along the axis
    tied: NDArray[np.bool_]  # (n_axes,); the axis may turn into another one
    unsigned: NDArray[np.bool_]  # (n_axes,); the axis may point either way

    @property
    def ends(self) -> FloatArray:
        """Both ends of all axes, of shape (2 n_axes, n_dims)."""
        return np.vstack([self.origin + self.arms, self.origin - self.arms])


def fitted_arms(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the origin of the coordinates `after` lies among the points `before`, and the axes.

    It is the affine map from the ones, of shape (n_points, n_axes), to the others, of shape
    (n_points, n_dims), that fits best.

    Returns
    -------
    origin : ndarray of shape (n_dims,)
    arms : ndarray of shape (n_axes, n_dims)
        As long as the root mean square along each axis; zero where a cloud does not extend.
    """
    center, middle = before.mean(axis=0), after.mean(axis=0)
    steps = np.linalg.lstsq(after - middle, before - center)[0]
    return center - middle @ steps, spreads(after)[:, None] * steps


def spreads(after: FloatArray) -> FloatArray:
    """Root mean square along each axis."""
    return np.sqrt(np.square(after).mean(axis=0))


def limits_around(*clouds: FloatArray, least: float) -> FloatArray:
    """Lowest and highest coordinates, of shape (n_dims, 2), with a margin.

    No side is shorter than `least` times the longest one.
    """
    points = np.vstack(clouds)
    low, high = points.min(axis=0), points.max(axis=0)
    sides = high - low
    longest = sides.max() or 1.0
    half = np.maximum(sides, least * longest) / 2 + 0.05 * longest
    return (low + high)[:, None] / 2 + half[:, None] * [-1, 1]


def draw_points(ax: Any, cloud: FloatArray, limits: FloatArray, **scatter_kwargs: Any) -> Any:
    """Points of shape (n_points, n_dims) in a panel of these limits, at one scale."""
    style = {
        "s": float(np.clip(3000 / len(cloud), 1.0, 16.0)),
        "linewidths": 0,
        "rasterized": len(cloud) > _RASTERIZE_FROM,
    }
    points = ax.scatter(*_placed(ax, cloud).T, **style | scatter_kwargs)
    ax.tick_params(labelsize="x-small")
    for name, (low, high) in zip("xyz", limits, strict=False):
        getattr(ax, f"set_{name}lim")(low, high)
        getattr(ax, f"{name}axis").get_major_locator().set_params(nbins=3)
    if ax.name == "3d":
        _look(ax, limits)
    elif len(limits) == 1:
        ax.set(yticks=[], ylim=limits[0] - limits[0].mean())
        ax.spines[["left", "right", "top"]].set_visible(False)
    if ax.name != "3d":
        ax.set_aspect("equal", adjustable="box")
    return points


def _look(ax: Any, limits: FloatArray) -> None:
    """One scale for all three directions, marks over points, and no walls behind them."""
    ax.set_box_aspect(np.ptp(limits, axis=1), zoom=1.0)
    ax.computed_zorder = False
    ax.tick_params(pad=-3)


def draw_frame(ax: Any, frame: CloudFrame, size: float) -> list[Any]:
    """Axes of a frame with a number at their positive end; returns the numbers.

    Axes whose sign is open have a number at either end, and tied ones are dashed.
    """
    shown = np.linalg.norm(frame.arms, axis=1) > _SHORTEST * size
    return [
        number
        for axis in np.flatnonzero(shown)
        for number in _draw_axis(
            ax,
            f"{axis + 1}",
            frame.origin,
            frame.arms[axis],
            tied=bool(frame.tied[axis]),
            unsigned=bool(frame.unsigned[axis]),
        )
    ]


def _draw_axis(
    ax: Any, name: str, origin: FloatArray, arm: FloatArray, *, tied: bool, unsigned: bool
) -> list[Any]:
    from matplotlib.patheffects import Normal, Stroke

    color = _OPEN if tied or unsigned else _DETERMINED
    halo = [Stroke(linewidth=3.5, foreground="white"), Normal()]
    both = tied or unsigned
    ends = _placed(ax, np.stack([origin - both * arm, origin + arm]))
    ax.plot(
        *ends.T,
        color=color,
        linewidth=1.5,
        linestyle=(0, (3, 2)) if tied else "-",
        path_effects=halo,
        zorder=5,
    )
    names = {-1: f"−{name}", 1: f"{name}"} if both else {1: name}  # noqa: RUF001
    return []


def _placed(ax: Any, points: FloatArray) -> FloatArray:
    """Points with a zero for the second direction of the panel where they have just one."""
    return np.column_stack([points, np.zeros(len(points))]) if points.shape[1] == 1 else points
