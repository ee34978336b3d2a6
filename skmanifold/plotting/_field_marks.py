"""What goes with the arrows of a vector field: points, marks of singularities and a legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, column_or_1d

from skmanifold.plotting._field_axes import places_on
from skmanifold.plotting._field_space import dots_in_space
from skmanifold.plotting._field_views import FieldView, FloatArray, alphas

# Hues of Okabe and Ito, for the colour-blind, and signs as well.
_POSITIVE, _NEGATIVE = "#D55E00", "#0072B2"
_LABEL_SIZE, _RING_SIZE, _SIGN_SIZE = 2.2, 9.0, 6.0  # points across
_RASTERIZE_FROM = 10_000  # points from which a vector file would be slow to open


def draw_dots(ax: Any, view: FieldView, points: FloatArray, cloud: FloatArray, **style: Any) -> Any:
    """Points as marks that are paler behind the cloud."""
    style["rasterized"] = len(points) > _RASTERIZE_FROM
    if view.kind == "solid":
        return dots_in_space(ax, view, points, cloud, style)
    alpha = alphas(view.behind(points, cloud))
    return ax.scatter(*places_on(ax, view, points).T, alpha=alpha, **style)


def check_singularities(
    singularities: Any, n_dims: int
) -> tuple[FloatArray, NDArray[np.intp]] | None:
    """Positions (k, d) and indices (k,) of what has them as attributes or is a pair of them."""
    if singularities is None:
        return None
    if hasattr(singularities, "positions"):
        positions, indices = singularities.positions, singularities.indices
    elif isinstance(singularities, Sequence) and len(singularities) == 2:
        positions, indices = singularities
    else:
        raise ValueError(
            "singularities must be what RVGP.singularities returns or a pair (positions, indices), "
            f"got {singularities!r}."
        )
    positions = check_points(positions, n_dims, "the positions of singularities", least=0)
    indices = column_or_1d(indices)
    if len(indices) != len(positions):
        raise ValueError(
            f"singularities has {len(positions)} positions and {len(indices)} indices."
        )
    return positions, indices.astype(np.intp)


def check_points(points: Any, n_dims: int, name: str, *, least: int = 1) -> FloatArray:
    """Points (k, d) in the space of the field."""
    points = check_array(points, dtype=np.float64, input_name=name, ensure_min_samples=least)
    if points.shape[1] != n_dims:
        raise ValueError(f"{name} have {points.shape[1]} coordinates, but points have {n_dims}.")
    return np.asarray(points)


def draw_labels(ax: Any, view: FieldView, labels: FloatArray, cloud: FloatArray) -> Any:
    """Small black dots."""
    return draw_dots(ax, view, labels, cloud, s=_LABEL_SIZE**2, c="black", linewidths=0, zorder=4)


def draw_singularities(
    ax: Any,
    view: FieldView,
    positions: FloatArray,
    indices: NDArray[np.intp],
    cloud: FloatArray,
) -> list[Any]:
    """Rings around plus and minus signs; returns the rings of each index, from the largest."""
    rings = []
    for index in _falling(indices):
        at, color = positions[indices == index], _color(index)
        ring = {"c": "white", "edgecolors": color, "linewidths": 1.5, "zorder": 5}
        rings.append(draw_dots(ax, view, at, cloud, s=_RING_SIZE**2, **ring))
        sign = {"c": color, "marker": _sign(index), "linewidths": 0.5, "zorder": 6}
        draw_dots(ax, view, at, cloud, s=_SIGN_SIZE**2, **sign)
    return rings


def _falling(indices: NDArray[np.intp]) -> list[int]:
    return [int(index) for index in np.unique(indices)[::-1]]


def _color(index: int) -> str:
    return _POSITIVE if index > 0 else _NEGATIVE


def _sign(index: int) -> str:
    return {1: "$+$", -1: "$-$"}.get(index, f"${index:+d}$")


def add_legend(ax: Any, *, labels: bool, indices: NDArray[np.intp] | None, own_figure: bool) -> Any:
    """What dots and rings mean, below the axes of our own figure and within given ones."""
    from matplotlib.lines import Line2D

    def mark(marker: str, size: float, color: str, **style: Any) -> Any:
        line = {"linestyle": "", "marker": marker, "markersize": size, "color": color}
        return Line2D([], [], **line, **style)

    entries: dict[str, Any] = {}
    if labels:
        entries["labelled points"] = mark("o", _LABEL_SIZE + 1, "black")
    for index in [] if indices is None else _falling(indices):
        ring = mark("o", _RING_SIZE, _color(index), markerfacecolor="white", markeredgewidth=1.5)
        sign = mark(_sign(index), _SIGN_SIZE, _color(index), markeredgewidth=0.5)
        entries[f"index {index:+d}".replace("-", "\N{MINUS SIGN}")] = ring, sign
    if not entries:
        return None
    draw, place = ax.legend, {"loc": "upper left", "fontsize": "x-small"}
    if own_figure:
        place = {"loc": "outside lower center", "ncols": 3, "frameon": False, "fontsize": "small"}
        draw = ax.figure.legend
    return draw(handles=list(entries.values()), labels=list(entries), **place)
