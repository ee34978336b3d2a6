"""Axes for vector fields: plain ones, maps of the sphere and boxes in space."""

from typing import Any

import numpy as np

from skmanifold.plotting._field_views import FieldView, FloatArray

_GLOBE = {
    "xlabel": "longitude (degrees)",
    "ylabel": "latitude (degrees)",
    "xlim": (-180, 180),
    "ylim": (-90, 90),
    "xticks": np.arange(-180, 181, 60),
    "yticks": np.arange(-90, 91, 30),
}
# Where the arrow of the key is, in the unit of the axes: in the empty corner of maps and boxes.
_KEY_PLACES = {"plane": (0.9, 1.03), "sphere": (0.94, 0.97), "solid": (0.9, 0.95)}


def make_axes(plt: Any, ax: Any, view: FieldView) -> Any:
    """The given axes if the view can be drawn on them, or those of a new figure."""
    if ax is not None:
        _check_axes(ax, view)
        return ax
    if view.kind == "plane":
        return plt.figure(layout="constrained").add_subplot()
    if view.kind == "sphere":
        figure = plt.figure(figsize=(8.0, 4.0), layout="constrained")
        ax = figure.add_subplot(projection="mollweide")
        ax.grid(True, color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize="xx-small", labelcolor="0.6")
        return ax
    figure = plt.figure(figsize=(7.2, 5.4), layout="constrained")
    ax = figure.add_subplot(projection="3d")
    _open_box(ax)
    return ax


def _check_axes(ax: Any, view: FieldView) -> None:
    if (view.kind == "solid") != (ax.name == "3d"):
        raise ValueError(
            f"ax is {'' if ax.name == '3d' else 'not '}three-dimensional, but arrows are to be "
            f"drawn in {'space' if view.kind == 'solid' else 'two dimensions'}: pass projection="
            f"{'pca' if view.kind == 'solid' else '3d'!r}, or other axes (or None)."
        )
    if ax.name not in ("3d", "rectilinear") and not (view.kind == "sphere" and is_map(ax)):
        raise ValueError(
            f"ax has the matplotlib projection {ax.name!r}: arrows are drawn on plain axes, in "
            "'3d' and, those of a sphere, on 'mollweide', 'hammer', 'aitoff' and 'lambert'."
        )


def is_map(ax: Any) -> bool:
    """Whether axes are a map of the sphere, with longitude and latitude in radians."""
    from matplotlib.projections.geo import GeoAxes

    return isinstance(ax, GeoAxes)


def _open_box(ax: Any) -> None:
    """A box without walls, seen from afar, as its distance would bend parallel lines."""
    ax.set_proj_type("ortho")
    ax.grid(False)
    ax.tick_params(labelsize="x-small", labelcolor="0.4", pad=-2)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set_visible(False)
        axis.line.set_color("0.75")


def dress_axes(ax: Any, view: FieldView) -> None:
    """Equal scales, and the names of the coordinates."""
    if view.kind == "solid":
        ax.computed_zorder = False  # arrows are drawn over points, not sorted with them
        limits = ax.get_xlim(), ax.get_ylim(), ax.get_zlim()
        ax.set_box_aspect(np.ptp(limits, axis=1), zoom=1.05)
        ax.locator_params(nbins=5)
        ax.set(**_named(view))
    elif not is_map(ax):
        fixed = view.kind == "sphere" or len(ax.get_shared_x_axes().get_siblings(ax)) > 1
        ax.set_aspect("equal", adjustable="box" if fixed else "datalim")
        ax.set(**(_GLOBE if view.kind == "sphere" else _named(view)))
        if not ax.get_title(loc="right"):
            ax.set_title(" ", loc="right", fontsize="small")  # room for the key


def _named(view: FieldView) -> dict[str, str]:
    return dict(zip(("xlabel", "ylabel", "zlabel"), view.labels, strict=False))


def key_place(ax: Any, view: FieldView) -> tuple[float, float]:
    """Position of the key, as a share of the axes."""
    return _KEY_PLACES["plane" if ax.name == "rectilinear" else view.kind]


def places_on(ax: Any, view: FieldView, points: FloatArray) -> FloatArray:
    """Where points are in the unit of the axes: degrees of a sphere on plain ones."""
    return view.place(points) * (degrees_on(ax) if view.kind == "sphere" else 1.0)


def degrees_on(ax: Any) -> float:
    """Units of the axes for each radian of longitude and latitude."""
    return 1.0 if is_map(ax) else float(np.rad2deg(1.0))
