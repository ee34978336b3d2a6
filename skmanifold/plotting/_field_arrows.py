"""Arrows of a vector field in the plane and on a map of the sphere."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skmanifold.plotting._field_axes import degrees_on, is_map
from skmanifold.plotting._field_space import arrows_in_space
from skmanifold.plotting._field_views import Arrows, FieldView, FloatArray, alphas

_POLE = np.pi / 2 - 1e-3  # beyond this latitude maps of directions are singular
_STEP = 1e-4  # radians, to differentiate a map


def draw_arrows(ax: Any, view: FieldView, arrows: Arrows, **style: Any) -> Any:
    """Arrows that are paler, and lie beneath the others, behind the cloud; returns the artist."""
    draw = {"plane": _in_plane, "solid": arrows_in_space, "sphere": _on_sphere}[view.kind]
    return draw(ax, view, arrows, {"pivot": "middle", "zorder": 3} | style)


def _in_plane(ax: Any, view: FieldView, arrows: Arrows, style: dict[str, Any]) -> Any:
    hidden = view.behind(arrows.points, arrows.cloud)
    order = np.argsort(~hidden, kind="stable")
    places, steps = view.place(arrows.points), view.turn(arrows.points, arrows.vectors)
    columns = [each[order] for each in [*places.T, *steps.T, *_listed(arrows.values)]]
    alpha = style.pop("alpha", 1.0) * alphas(hidden[order])
    scaled = {"angles": "xy", "scale_units": "xy", "scale": 1 / arrows.reach}
    quiver = ax.quiver(*columns, **scaled | style)
    quiver.set_alpha(alpha)  # only now: what the artist is made with, its key has as well
    return quiver


def _on_sphere(ax: Any, view: FieldView, arrows: Arrows, style: dict[str, Any]) -> Any:
    """Arrows along the images of their directions in the map, as long as they are."""
    places, steps = view.place(arrows.points), view.turn(arrows.points, arrows.vectors)
    places[:, 1] = places[:, 1].clip(-_POLE, _POLE)
    images = _images(_paper(ax), places, steps)
    before, after = (np.linalg.norm(each, axis=1, keepdims=True) for each in (steps, images))
    images *= before / np.where(after > 0, after, 1.0)
    scaled = {"angles": "xy", "scale_units": "xy", "scale": 1 / (degrees_on(ax) * arrows.reach)}
    if is_map(ax):
        scaled = {"angles": "uv", "scale_units": "width", "scale": _width(ax) / arrows.reach}
    columns = [*(degrees_on(ax) * places).T, *images.T]
    return ax.quiver(*columns, *_listed(arrows.values), **scaled | style)


def _paper(ax: Any) -> Callable[[FloatArray], FloatArray]:
    """From (longitude, latitude) to places on paper, in any unit that is the same both ways."""
    if not is_map(ax):
        return np.asarray
    onto_axes = ax.transProjection + ax.transAffine
    return lambda places: onto_axes.transform(places) * [1, ax.get_aspect()]


def _width(ax: Any) -> float:
    """Width of a map in radii of the sphere, whose area the ellipse has if the map keeps areas."""
    return 4 / float(np.sqrt(ax.get_aspect()))


def _images(
    transform: Callable[[FloatArray], FloatArray], places: FloatArray, steps: FloatArray
) -> FloatArray:
    """What a map of (longitude, latitude) makes of steps to the east and north."""
    along, across = (
        (transform(places + step) - transform(places - step)) / (2 * _STEP)
        for step in np.diag([_STEP, _STEP])
    )
    return np.asarray(steps[:, :1] / np.cos(places[:, 1:]) * along + steps[:, 1:] * across)


def _listed(values: FloatArray | None) -> list[FloatArray]:
    return [] if values is None else [values]
