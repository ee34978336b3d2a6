"""Point clouds of thirteen classes of shapes, all in the same pose."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray, add_noise, check_at_least

# Draws proportions, then points, uniform by area (by length on a curve), shape (n, 3).
Sampler = Callable[[int, np.random.RandomState], FloatArray]


@dataclass(frozen=True, eq=False)
class ShapeSample:
    """Point clouds of several classes.

    Parameters
    ----------
    X : ndarray of shape (n_clouds, n_points, 3)
        The clouds, noise included.
    labels : ndarray of shape (n_clouds,), dtype int
        Class of each cloud.
    names : tuple of str
        Names of the classes: cloud `i` is a ``names[labels[i]]``.
    """

    X: FloatArray
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def make_shapes(
    n_clouds: int = 130,
    *,
    n_points: int = 512,
    noise: float = 0.02,
    random_state: int | np.random.RandomState | None = None,
) -> ShapeSample:
    """Sample point clouds of thirteen classes of surfaces and curves in space.

    Every cloud stands in the pose of its class, centred, with a root mean square distance of 1 from
    its centre before the noise: turn, move and scale it with :func:`moved_clouds`. Points are
    uniform by area, or by length along the helix. Classes that have proportions, such as the
    height of a cone, draw them anew for each cloud.

    Classes were chosen to be easy and hard for canonical poses: the sphere, the cube and the
    tetrahedron have no principal axes at all; the half sphere, the cylinder, the cone, the torus
    and, but for a trifle, the Moebius strip have one; the helix, the spiral sheet, the L shape, the
    table and the chair have three.

    Parameters
    ----------
    n_clouds : int, default=130
        Number of clouds. The sizes of any two classes differ by at most one.
    n_points : int, default=512
        Number of points in each cloud, at least 2.
    noise : float, default=0.02
        Standard deviation of the Gaussian noise in each coordinate, relative to the size of the
        cloud. The default blurs edges without hiding which class it is.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the classes, the proportions, the points and the noise.

    Returns
    -------
    sample : ShapeSample
        `X` of shape (n_clouds, n_points, 3), `labels` of shape (n_clouds,) and the thirteen
        `names`.

    Raises
    ------
    TypeError
        If `n_clouds` or `n_points` is not an integer, or `noise` not a number.
    ValueError
        If `n_clouds` is below 1, `n_points` below 2, or `noise` negative or not finite.

    See Also
    --------
    moved_clouds : Turn, mirror, scale, shift and reorder each cloud at random.

    Examples
    --------
    >>> from skmanifold.datasets import make_shapes
    >>> shapes = make_shapes(26, n_points=100, random_state=0)
    >>> shapes.X.shape
    (26, 100, 3)
    >>> shapes.names[:3]
    ('sphere', 'half_sphere', 'cube')
    """
    check_scalar(n_clouds, "n_clouds", Integral, min_val=1)
    check_scalar(n_points, "n_points", Integral, min_val=2)
    check_at_least(0, noise, "noise")
    rng = check_random_state(random_state)
    labels = rng.permutation(np.arange(n_clouds, dtype=np.int64) % len(_SAMPLERS))
    samplers = list(_SAMPLERS.values())
    clean = np.stack([_standardized(samplers[label](n_points, rng)) for label in labels])
    return ShapeSample(add_noise(clean, noise, rng), labels, tuple(_SAMPLERS))


def _standardized(points: FloatArray) -> FloatArray:
    """Mean zero and root mean square norm one."""
    centred = points - points.mean(axis=0)
    return centred / np.sqrt(np.square(centred).sum(axis=1).mean())


def _sphere(n: int, rng: np.random.RandomState) -> FloatArray:
    """Heights of points on a sphere are uniform (Archimedes)."""
    return _round(rng.uniform(-1, 1, n), rng)


def _half_sphere(n: int, rng: np.random.RandomState) -> FloatArray:
    return _round(rng.uniform(0, 1, n), rng)


def _round(height: FloatArray, rng: np.random.RandomState) -> FloatArray:
    return _revolved(np.sqrt(1 - height**2), height, rng)


def _cylinder(n: int, rng: np.random.RandomState) -> FloatArray:
    """A tube open at both ends, of radius 1."""
    return _revolved(np.ones(n), rng.uniform(3, 5) * rng.uniform(size=n), rng)


def _cone(n: int, rng: np.random.RandomState) -> FloatArray:
    """A mantle of radius 1 with its apex on top: area grows as the square of the radius."""
    height, radius = rng.uniform(2.5, 4), np.sqrt(rng.uniform(size=n))
    return _revolved(radius, height * (1 - radius), rng)


def _torus(n: int, rng: np.random.RandomState) -> FloatArray:
    """A doughnut round a circle of radius 1: area is proportional to the distance to the axis."""
    thickness = rng.uniform(0.25, 0.45)

    def draw(m: int) -> tuple[FloatArray, FloatArray]:
        angle = rng.uniform(0, 2 * np.pi, m)
        radius = 1 + thickness * np.cos(angle)
        return _revolved(radius, thickness * np.sin(angle), rng), radius / (1 + thickness)

    return _accepted(draw, n, rng)


def _helix(n: int, rng: np.random.RandomState) -> FloatArray:
    """A right-handed screw of radius 1; the speed along it is constant."""
    turns, rise = rng.uniform(1.5, 2.5), rng.uniform(1.5, 2)
    turn = turns * rng.uniform(size=n)
    return _around(2 * np.pi * turn, np.ones(n), rise * turn)


def _moebius_strip(n: int, rng: np.random.RandomState) -> FloatArray:
    """A straight rod that makes half a turn on its way round the unit circle."""
    half_width = rng.uniform(0.35, 0.55)

    def area(radius: FloatArray | float, offset: FloatArray | float) -> FloatArray:
        return np.hypot(radius, np.divide(offset, 2))

    def draw(m: int) -> tuple[FloatArray, FloatArray]:
        angle, offset = rng.uniform(0, 2 * np.pi, m), rng.uniform(-half_width, half_width, m)
        radius = 1 + offset * np.cos(angle / 2)
        points = _around(angle, radius, offset * np.sin(angle / 2))
        return points, area(radius, offset) / area(1 + half_width, half_width)

    return _accepted(draw, n, rng)


def _spiral_sheet(n: int, rng: np.random.RandomState) -> FloatArray:
    """A rolled-up carpet, like the swiss roll, its axis upright."""
    start, stop = 1.5 * np.pi, rng.uniform(3.5, 4.5) * np.pi
    height = rng.uniform(0.8, 1.4) * stop

    def draw(m: int) -> tuple[FloatArray, FloatArray]:
        angle = rng.uniform(start, stop, m)
        speed = np.hypot(1, angle)
        return _around(angle, angle, height * rng.uniform(size=m)), speed / np.hypot(1, stop)

    return _accepted(draw, n, rng)


def _tetrahedron(n: int, rng: np.random.RandomState) -> FloatArray:
    """Regular, so that its four faces are equally likely."""
    corners = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    faces = corners[list(combinations(range(4), 3))]
    weights = rng.dirichlet(np.ones(3), size=n)
    return np.einsum("nv,nvd->nd", weights, faces[rng.randint(4, size=n)])


def _cube(n: int, rng: np.random.RandomState) -> FloatArray:
    return _on_boxes(np.array([[[0.0, 0, 0], [1, 1, 1]]]), n, rng)


def _l_shape(n: int, rng: np.random.RandomState) -> FloatArray:
    """A post of height 1 on the end of a shorter foot."""
    foot, thick, deep = rng.uniform([0.6, 0.2, 0.25], [0.75, 0.3, 0.4])
    boxes = [[[0, 0, 0], [foot, deep, thick]], [[0, 0, thick], [thick, deep, 1]]]
    return _on_boxes(np.array(boxes), n, rng)


def _table(n: int, rng: np.random.RandomState) -> FloatArray:
    """A top of length 1 on four legs."""
    wide, high = rng.uniform([0.7, 0.4], [0.85, 0.55])
    top = [[0, 0, high], [1, wide, high + 0.06]]
    return _on_boxes(np.array([top, *_legs(wide, high)]), n, rng)


def _chair(n: int, rng: np.random.RandomState) -> FloatArray:
    """A seat of depth 1 on four legs, with a backrest."""
    wide, high, back = rng.uniform([0.6, 0.7, 0.9], [0.8, 1.0, 1.3])
    seat = [[0, 0, high], [1, wide, high + 0.1]]
    rest = [[0, 0, high + 0.1], [0.1, wide, high + back]]
    return _on_boxes(np.array([seat, rest, *_legs(wide, high)]), n, rng)


def _legs(wide: float, high: float, *, thick: float = 0.1) -> list[list[list[float]]]:
    """Boxes under the corners of a board of length 1 and width `wide`."""
    corners = [(x, y) for x in (0, 1 - thick) for y in (0, wide - thick)]
    return [[[x, y, 0], [x + thick, y + thick, high]] for x, y in corners]


def _on_boxes(boxes: FloatArray, n: int, rng: np.random.RandomState) -> FloatArray:
    """Points on the outside of boxes that may touch but not overlap.

    `boxes` holds the lowest and the highest corner of each, shape (n_boxes, 2, 3).
    """
    sides = boxes[:, 1] - boxes[:, 0]
    areas = (sides.prod(axis=1, keepdims=True) / sides).ravel()  # of the faces across each axis

    def draw(m: int) -> tuple[FloatArray, FloatArray]:
        box, axis = np.divmod(rng.choice(len(areas), size=m, p=areas / areas.sum()), 3)
        face, rows = rng.randint(2, size=m), np.arange(m)
        points = boxes[box, 0] + sides[box] * rng.uniform(size=(m, 3))
        points[rows, axis] = boxes[box, face, axis]
        ahead = points.copy()  # a hair's breadth before the face: within a box it is hidden
        ahead[rows, axis] += 1e-9 * (2 * face - 1)
        within = (boxes[:, 0] < ahead[:, None]) & (ahead[:, None] < boxes[:, 1])
        return points, (~within.all(axis=2).any(axis=1)).astype(np.float64)

    return _accepted(draw, n, rng)


def _revolved(radius: FloatArray, height: FloatArray, rng: np.random.RandomState) -> FloatArray:
    """Points on a surface of revolution, turned about its axis at random."""
    return _around(rng.uniform(0, 2 * np.pi, len(radius)), radius, height)


def _around(angle: FloatArray, radius: FloatArray, height: FloatArray) -> FloatArray:
    """Cylindrical coordinates to Cartesian ones."""
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


def _accepted(
    draw: Callable[[int], tuple[FloatArray, FloatArray]], n: int, rng: np.random.RandomState
) -> FloatArray:
    """Rejection sampling: `draw` gives points and the probabilities with which to keep them."""
    kept = np.empty((0, 3))
    while len(kept) < n:
        points, probability = draw(2 * n)
        kept = np.vstack([kept, points[rng.uniform(size=2 * n) < probability]])
    return kept[:n]


_SAMPLERS: dict[str, Sampler] = {
    "sphere": _sphere,
    "half_sphere": _half_sphere,
    "cube": _cube,
    "tetrahedron": _tetrahedron,
    "cylinder": _cylinder,
    "cone": _cone,
    "torus": _torus,
    "helix": _helix,
    "moebius_strip": _moebius_strip,
    "spiral_sheet": _spiral_sheet,
    "l_shape": _l_shape,
    "table": _table,
    "chair": _chair,
}
