"""Where points and vectors of a field lie in a picture, and which of them lie behind others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]

# A cloud is a sphere if its radii differ less than this share of their mean, and it covers more
# than a cap: no direction is far more common than its opposite, and none is missing.
_MOST_UNEVEN, _MOST_ONE_SIDED, _LEAST_THICK = 0.05, 0.5, 0.1
# A point lies behind others if this share of those around it in the picture are nearer to the
# viewer, by more than this multiple of the distance between neighbours: on a single sheet that is
# seen at a slant some are, too. Against much denser clouds on spheres, tori, bands and rolls of
# 300 to 2000 points, one visible point in twenty was called hidden, one hidden in ten was missed.
_SHARE_IN_FRONT, _GAP = 0.1, 2.0
_N_SPACING_NEIGHBORS = 6
_HIDDEN_ALPHA = 0.15  # of what lies behind other parts of the cloud


class Arrows(NamedTuple):
    """What to draw: arrows at some points of a cloud."""

    points: FloatArray  # (n, d)
    vectors: FloatArray  # (n, d)
    values: FloatArray | None  # (n,), to colour by
    cloud: FloatArray  # (m, d), may hide arrows
    reach: float  # length that a vector of length 1 is drawn with, in units of the view


@dataclass(frozen=True)
class FieldView:
    """A way to look at points of d coordinates and at vectors.

    Attributes
    ----------
    kind : {"plane", "solid", "sphere"}
        Two linear coordinates, three, or longitude and latitude.
    center : ndarray of shape (d,)
    axes : ndarray of shape (d, 2 or 3)
        Linear coordinates are those of the points less `center` along these.
    toward : ndarray of shape (d,) or None
        Unit vector out of a "plane" to the viewer; None if no point hides another one.
    labels : tuple of str
        Names of the linear coordinates.
    """

    kind: Literal["plane", "solid", "sphere"]
    center: FloatArray
    axes: FloatArray
    toward: FloatArray | None = None
    labels: tuple[str, ...] = ()

    def place(self, points: FloatArray) -> FloatArray:
        """Coordinates in the picture, (n, 2 or 3); (longitude, latitude) in radians on a sphere."""
        if self.kind != "sphere":
            return (points - self.center) @ self.axes
        x, y, z = (points - self.center).T
        return np.column_stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])

    def turn(self, points: FloatArray, vectors: FloatArray) -> FloatArray:
        """Components of vectors in the picture, (n, 2 or 3); to east and north on a sphere."""
        if self.kind != "sphere":
            return vectors @ self.axes
        longitude, latitude = self.place(points).T
        (cos_lon, cos_lat), (sin_lon, sin_lat) = (
            (function(longitude), function(latitude)) for function in (np.cos, np.sin)
        )
        x, y, z = vectors.T
        outward = cos_lon * x + sin_lon * y
        return np.column_stack([cos_lon * y - sin_lon * x, cos_lat * z - sin_lat * outward])

    def behind(self, points: FloatArray, cloud: FloatArray) -> NDArray[np.bool_]:
        """Which points of a "plane" lie behind others of the cloud."""
        if self.toward is None:
            return np.zeros(len(points), dtype=bool)
        depths = (points @ self.toward, cloud @ self.toward)
        return behind(self.place(points), self.place(cloud), *depths, spacing(cloud))


def field_view(projection: str | Sequence[int], points: FloatArray) -> FieldView:
    """The view of that name, or that reads best for points (n, d)."""
    n_dims = points.shape[1]
    if n_dims < 2:
        raise ValueError("points must have at least two coordinates to draw arrows, got 1.")
    if not isinstance(projection, str):
        return _of_columns(projection, n_dims)
    if projection not in _VIEWS:
        raise ValueError(
            "projection must be 'auto', '3d', 'pca', 'sphere' or two column numbers, got "
            f"{projection!r}."
        )
    return _VIEWS[projection](points)


def _best_view(points: FloatArray) -> FieldView:
    if points.shape[1] == 2:
        return _of_columns((0, 1), 2)
    return _of_sphere(points) if is_sphere(points) else _of_solid(points)


def is_sphere(points: FloatArray) -> bool:
    """Whether points (n, d) lie all around a sphere in three dimensions."""
    if points.shape[1] != 3:
        return False
    rays = points - sphere_center(points)
    radii = np.linalg.norm(rays, axis=1)
    if radii.std() >= _MOST_UNEVEN * radii.mean():
        return False
    directions = rays / radii[:, None]
    thickness = np.linalg.eigvalsh(directions.T @ directions / len(points))[0]
    one_sided = np.linalg.norm(directions.mean(axis=0))
    return bool(one_sided < _MOST_ONE_SIDED and thickness > _LEAST_THICK)


def sphere_center(points: FloatArray) -> FloatArray:
    """Centre of the sphere through points, by least squares on squared radii."""
    middle = points.mean(axis=0)
    rays = points - middle
    squares = np.square(rays).sum(axis=1)
    # |x|^2 = 2 c.x + constant on a sphere; both sides less their means.
    return np.asarray(middle + np.linalg.lstsq(2 * rays, squares - squares.mean())[0])


def _of_sphere(points: FloatArray) -> FieldView:
    if points.shape[1] != 3:
        raise ValueError(
            f"projection='sphere' needs points of 3 coordinates, got {points.shape[1]}."
        )
    return FieldView("sphere", sphere_center(points), np.eye(3))


def _of_solid(points: FloatArray) -> FieldView:
    n_dims = points.shape[1]
    if n_dims == 2:
        raise ValueError("projection='3d' needs points of at least 3 coordinates, got 2.")
    if n_dims == 3:
        return FieldView("solid", np.zeros(3), np.eye(3), labels=_column_labels((0, 1, 2)))
    center, axes = points.mean(axis=0), principal_axes(points)
    return FieldView("solid", center, axes, labels=_principal_labels(3))


def _of_plane(points: FloatArray) -> FieldView:
    axes = principal_axes(points)
    toward = axes[:, 2] if axes.shape[1] > 2 else None
    return FieldView("plane", points.mean(axis=0), axes[:, :2], toward, _principal_labels(2))


_VIEWS: dict[str, Callable[[FloatArray], FieldView]] = {
    "auto": _best_view,
    "3d": _of_solid,
    "pca": _of_plane,
    "sphere": _of_sphere,
}


def _of_columns(columns: Sequence[int], n_dims: int) -> FieldView:
    if (
        not isinstance(columns, Sequence | np.ndarray)
        or len(columns) != 2
        or not all(isinstance(column, Integral) and 0 <= column < n_dims for column in columns)
        or columns[0] == columns[1]
    ):
        raise ValueError(
            "projection must be a name or two different columns of the points, from 0 to "
            f"{n_dims - 1}, got {columns!r}."
        )
    axes = np.eye(n_dims)[:, list(columns)]
    toward = np.cross(*axes.T) if n_dims == 3 else None
    return FieldView("plane", np.zeros(n_dims), axes, toward, _column_labels(columns))


def _column_labels(columns: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"column {column}" for column in columns)


def _principal_labels(n_axes: int) -> tuple[str, ...]:
    return tuple(f"principal axis {i + 1}" for i in range(n_axes))


def principal_axes(points: FloatArray) -> FloatArray:
    """The first two or three principal axes, (d, 2 or 3), right-handed in three dimensions."""
    centered = points - points.mean(axis=0)
    # Of fewer than three points some axes are arbitrary, but there must be as many.
    axes = np.linalg.svd(centered, full_matrices=len(points) < 3)[2][:3].T
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    if len(axes) == 3:
        axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return np.asarray(axes)


def spacing(points: FloatArray, n_neighbors: int = _N_SPACING_NEIGHBORS) -> float:
    """Typical distance to that neighbour; nought for a single point."""
    n_neighbors = min(n_neighbors, len(points) - 1)
    if n_neighbors == 0:
        return 0.0
    return float(np.median(cKDTree(points).query(points, [n_neighbors + 1])[0]))


def behind(
    places: FloatArray,
    cloud_places: FloatArray,
    depths: FloatArray,
    cloud_depths: FloatArray,
    radius: float,
) -> NDArray[np.bool_]:
    """Which places (n, 2) lie behind a cloud (m, 2), whose depths grow toward the viewer."""
    found: list[Any] = cKDTree(cloud_places).query_ball_point(places, radius).tolist()
    owners = np.repeat(np.arange(len(places)), [len(rows) for rows in found])
    around = np.concatenate([*map(np.asarray, found), np.empty(0)]).astype(np.intp)
    nearer = cloud_depths[around] - depths[owners] > _GAP * radius
    n_nearer = np.bincount(owners, weights=nearer, minlength=len(places))
    n_around = np.bincount(owners, minlength=len(places))
    return np.asarray(n_nearer > _SHARE_IN_FRONT * n_around)


def alphas(hidden: NDArray[np.bool_]) -> FloatArray:
    """Opacities: what is hidden shines through."""
    return np.where(hidden, _HIDDEN_ALPHA, 1.0)
