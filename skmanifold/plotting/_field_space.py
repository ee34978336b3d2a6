"""Arrows and points in space, laid out anew whenever the box that they are in is drawn.

matplotlib's own arrows in space are bare lines, all of which show through one another. Here they
are flat ones, and those that lie behind others from where the box is seen now are paler.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.plotting._field_views import Arrows, FieldView, FloatArray, alphas, behind, spacing


def arrows_in_space(ax: Any, view: FieldView, arrows: Arrows, style: dict[str, Any]) -> Any:
    """Arrows that turn with the box."""
    from matplotlib.quiver import Quiver

    alpha = style.pop("alpha", 1.0)
    arrows = arrows._replace(
        points=view.place(arrows.points),
        vectors=view.turn(arrows.points, arrows.vectors),
        cloud=view.place(arrows.cloud),
    )
    flat = [*arrows.points.T[:2], *arrows.vectors.T[:2]]
    colors = [] if arrows.values is None else [arrows.values]
    quiver: Any = Quiver(ax, *flat, *colors, **{"angles": "uv", "scale_units": "x"} | style)
    ax.add_collection(quiver, autolim=False)
    return _kept_up(quiver, _lay_arrows, arrows, spacing(arrows.cloud), alpha)


def dots_in_space(
    ax: Any, view: FieldView, points: FloatArray, cloud: FloatArray, style: dict[str, Any]
) -> Any:
    """Marks that turn with the box, and make it large enough."""
    from matplotlib.axes import Axes

    places, cloud = view.place(points), view.place(cloud)
    ax.auto_scale_xyz(*places.T, had_data=ax.has_data())
    dots = Axes.scatter(ax, *places.T[:2], **style)
    return _kept_up(dots, _lay_dots, places, cloud, spacing(cloud))


def _kept_up(artist: Any, lay_out: Any, *args: Any) -> Any:
    """The artist, laid out now and whenever matplotlib draws it."""
    artist.do_3d_projection = partial(lay_out, artist, *args)
    artist.do_3d_projection()
    return artist


def _lay_arrows(quiver: Any, arrows: Arrows, radius: float, alpha: float) -> float:
    onto, zoom = _camera(quiver.axes)
    seen, hidden, order = _seen_now(quiver.axes, arrows.points, arrows.cloud, radius)
    values = None if arrows.values is None else arrows.values[order]
    quiver.set_offsets(seen)
    quiver.set_UVC(*(arrows.vectors[order] @ onto / zoom).T, values)
    quiver.set_alpha(alpha * alphas(hidden))
    quiver.scale = 1 / (arrows.reach * zoom)
    return 0.0  # the depth to sort the artist by, were it sorted


def _lay_dots(dots: Any, points: FloatArray, cloud: FloatArray, radius: float) -> float:
    seen, hidden, _ = _seen_now(dots.axes, points, cloud, radius)
    dots.set_offsets(seen)
    dots.set_alpha(alphas(hidden))
    return 0.0


def _seen_now(
    ax: Any, points: FloatArray, cloud: FloatArray, radius: float
) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.intp]]:
    """Where points (n, 3) are in the picture, (n, 2), whether hidden, and the order of both."""
    onto, zoom = _camera(ax)
    toward = np.cross(*onto.T) / zoom
    depth, seen = points @ toward, _on_paper(ax, points)
    hidden = behind(seen, _on_paper(ax, cloud), depth, cloud @ toward, zoom * radius)
    order = np.lexsort((depth, ~hidden))
    return seen[order], hidden[order], order


def _camera(ax: Any) -> tuple[FloatArray, float]:
    """Map (3, 2) of steps in the middle of the box onto the picture, and its scale."""
    middle = np.mean([ax.get_xlim(), ax.get_ylim(), ax.get_zlim()], axis=1)
    corners = _on_paper(ax, middle + np.vstack([np.zeros(3), np.eye(3)]))
    onto = corners[1:] - corners[0]
    return onto, float(np.sqrt(np.square(onto).sum() / 2))


def _on_paper(ax: Any, points: FloatArray) -> FloatArray:
    """Where points in space are on the plane that axes in space are drawn on."""
    from mpl_toolkits.mplot3d.proj3d import proj_transform

    return np.column_stack(proj_transform(*points.T, ax.get_proj())[:2])
