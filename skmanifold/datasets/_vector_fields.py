"""Smooth tangent vector fields on surfaces, with the true tangent frames."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray, check_at_least

Coordinates = Callable[[FloatArray], FloatArray]

WaveVectors = Callable[[np.random.RandomState], FloatArray]

_TURN = 2 * np.pi
_N_WAVES = 64  # in a random field: many enough for it to be nearly Gaussian


@dataclass(frozen=True, eq=False)
class VectorFieldSample:
    """Points of a manifold with a tangent vector at each.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The points.
    vectors : ndarray of shape (n_samples, n_features)
        The vector at each point in ambient coordinates, tangent and free of noise.
    frames : ndarray of shape (n_samples, n_features, n_dim)
        An orthonormal basis of the true tangent space at each point, in the columns.
    latent : ndarray of shape (n_samples, n_latent)
        Position of the points on the manifold; each generator says in what coordinates.
    divergence : ndarray of shape (n_samples,) or None, default=None
        Divergence of the field, in units of `vectors` for each unit of `X`; None where no
        reference is known.
    vorticity : ndarray of shape (n_samples,) or None, default=None
        Curl of the field in the same units, positive where it turns from the first column of
        `frames` to the second; None where no reference is known.

    Examples
    --------
    >>> from skmanifold.datasets import make_vector_field
    >>> field = make_vector_field("torus", 100, random_state=0)
    >>> field.X.shape, field.vectors.shape, field.frames.shape
    ((100, 3), (100, 3), (100, 3, 2))
    """

    X: FloatArray
    vectors: FloatArray
    frames: FloatArray
    latent: FloatArray
    divergence: FloatArray | None = None
    vorticity: FloatArray | None = None


@dataclass(frozen=True)
class _Surface:
    """A surface in space over a rectangle, whose coordinate lines meet at right angles.

    `steps` along the coordinate lines have shape (n, 3, 2): the derivatives of the points (n, 3) by
    the latent coordinates (n, 2); at `widest` they span the largest area. Random fields are sums of
    waves with the `wave_vectors` (q, n_waves): waves of the latent coordinates, q = 2, in
    components along the coordinate lines if `intrinsic`, else of space, q = 3, projected on the
    tangent planes.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    widest: tuple[float, float]
    points: Coordinates
    steps: Coordinates
    wave_vectors: WaveVectors
    intrinsic: bool


def make_vector_field(
    manifold: Literal["sphere", "torus", "swiss_roll", "moebius"] = "sphere",
    n_samples: int = 2000,
    *,
    gap: float | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> VectorFieldSample:
    """Sample a smooth random tangent vector field on a surface in space.

    The points are uniform by area. The field is a sum of random plane waves, none shorter than a
    length that is fixed for each surface, and its root mean square norm over the points is 1. On
    the sphere and the Moebius band the waves are those of space, projected on the tangent planes;
    on the torus and the swiss roll they run in the coordinates of `latent` and give the
    components along the coordinate lines. The field is free of noise: add as much as wanted to
    `vectors` to have something to learn from.

    Parameters
    ----------
    manifold : {"sphere", "torus", "swiss_roll", "moebius"}, default="sphere"
        The surface and the coordinates in `latent`:

        - "sphere": the unit sphere; (longitude, latitude) in radians.
        - "torus": the doughnut with radii 2 and 1; the angles (round the axis, round the tube).
        - "swiss_roll": a sheet of length 17 and height 1.2, rolled up so that its inner edge is 0.5
          from the axis; (arc length from the inner edge, height). The field is smooth along the
          sheet, and unrelated between neighbouring turns.
        - "moebius": a band of width 1 with one half turn round the unit circle; (angle round the
          circle, offset from the middle of the band). It has one side only and a boundary: the
          second vector of the frames changes sign where the angle passes 2 pi, the field does not.

    n_samples : int, default=2000
        Number of points.
    gap : float or None, default=None
        Distance along the radius between neighbouring turns of the swiss roll, in the units of `X`:
        the sheet keeps its size and is wound more or less tightly. None is 0.32: among 3000 points
        hardly any of the 15 nearest neighbours belong to another turn; at 0.15 one in five does.
    random_state : int, RandomState instance or None, default=None
        Seed of the points and of the field: each seed draws a new field.

    Returns
    -------
    sample : VectorFieldSample
        `X` and `vectors` of shape (n_samples, 3), `frames` of shape (n_samples, 3, 2) along the
        coordinate lines of `latent` of shape (n_samples, 2). `divergence` and `vorticity` are
        None.

    Raises
    ------
    TypeError
        If `n_samples` is not an integer or `gap` not a number.
    ValueError
        If `manifold` is none of the names above, `n_samples` is below 1, `gap` is below 1e-6 or not
        finite, or `gap` is given for another surface than the swiss roll.

    See Also
    --------
    load_winds : Measured winds, a vector field on the sphere.

    Examples
    --------
    Arrows at a tenth of the points of a swiss roll, with noise:

    >>> import numpy as np
    >>> from skmanifold.datasets import make_vector_field
    >>> roll = make_vector_field("swiss_roll", 3000, random_state=0)
    >>> rng = np.random.default_rng(0)
    >>> labelled = rng.choice(3000, size=300, replace=False)
    >>> arrows = roll.vectors[labelled] + rng.normal(scale=0.1, size=(300, 3))
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    rng = check_random_state(random_state)
    surface = _surface(manifold, gap)
    latent = _uniform_by_area(surface, n_samples, rng)
    points, steps = surface.points(latent), surface.steps(latent)
    frames = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    vectors = _tangent_waves(surface, latent, frames, rng)
    vectors /= np.sqrt(np.square(vectors).sum(axis=1).mean())
    return VectorFieldSample(points, vectors, frames, latent)


def _surface(manifold: str, gap: float | None) -> _Surface:
    """The surface of that name, if its parameters make sense."""
    if manifold == "swiss_roll":
        return _swiss_roll(_checked_gap(gap))
    if manifold not in _SURFACES:
        names = sorted([*_SURFACES, "swiss_roll"])
        raise ValueError(f"manifold must be one of {names}, got {manifold!r}.")
    if gap is not None:
        raise ValueError(
            f"gap is the distance between turns of the 'swiss_roll', got gap={gap!r} with "
            f"manifold={manifold!r}: leave it None."
        )
    return _SURFACES[manifold]


def _checked_gap(gap: float | None) -> float:
    if gap is None:
        return _ROLL_GAP
    check_at_least(1e-6, gap, "gap")
    return float(gap)


def _uniform_by_area(surface: _Surface, n: int, rng: np.random.RandomState) -> FloatArray:
    """Latent coordinates by rejection: keep each with the share of the largest area it covers."""
    largest = _areas(surface, np.array([surface.widest]))
    kept = np.empty((0, 2))
    while len(kept) < n:
        latent = rng.uniform(surface.low, surface.high, size=(2 * n, 2))
        kept = np.vstack(
            [kept, latent[rng.uniform(size=2 * n) * largest < _areas(surface, latent)]]
        )
    return kept[:n]


def _areas(surface: _Surface, latent: FloatArray) -> FloatArray:
    """Area for each unit of area of the rectangle: the steps are at right angles."""
    return np.asarray(np.linalg.norm(surface.steps(latent), axis=1).prod(axis=1))


def _tangent_waves(
    surface: _Surface, latent: FloatArray, frames: FloatArray, rng: np.random.RandomState
) -> FloatArray:
    """A random tangent field (n, 3), not scaled."""
    waves = surface.wave_vectors(rng)
    if surface.intrinsic:
        components = _random_functions(latent, waves, 2, rng)
    else:
        ambient = _random_functions(surface.points(latent), waves, 3, rng)
        components = np.einsum("ndm,nd->nm", frames, ambient)
    return np.asarray(np.einsum("ndm,nm->nd", frames, components))


def _random_functions(
    points: FloatArray, waves: FloatArray, n_outputs: int, rng: np.random.RandomState
) -> FloatArray:
    """Sums, (n, n_outputs), of plane waves of points (n, q), with random phases and amplitudes."""
    n_waves = waves.shape[1]
    phases = rng.uniform(0, _TURN, n_waves)
    return np.sin(points @ waves + phases) @ rng.standard_normal((n_waves, n_outputs))


def _waves_in_ball(rng: np.random.RandomState, *, n_dim: int, shortest: float) -> FloatArray:
    """Wave vectors uniform in a ball, so that no wave is shorter than `shortest`."""
    directions = rng.standard_normal((n_dim, _N_WAVES))
    directions /= np.linalg.norm(directions, axis=0)
    return _TURN / shortest * rng.uniform(size=_N_WAVES) ** (1 / n_dim) * directions


def _whole_waves(rng: np.random.RandomState, *, highest: int) -> FloatArray:
    """All whole wave vectors of two angles, one of each pair k and -k, up to a length."""
    first, second = np.mgrid[0 : highest + 1, -highest : highest + 1].reshape(2, -1)
    half = (first > 0) | (second >= 0)
    return np.stack([first, second])[:, half & (first**2 + second**2 <= highest**2)]


def east_north(latent: FloatArray) -> FloatArray:
    """Unit vectors to the east and the north, (n, 3, 2), at (longitude, latitude) in radians."""
    (cos_lon, cos_lat), (sin_lon, sin_lat) = np.cos(latent).T, np.sin(latent).T
    east = np.column_stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)])
    north = np.column_stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat])
    return np.stack([east, north], axis=2)


def on_globe(latent: FloatArray) -> FloatArray:
    """Points of the unit sphere, (n, 3), at (longitude, latitude) in radians."""
    longitude, latitude = latent.T
    return _around(longitude, np.cos(latitude), np.sin(latitude))


def _around(angle: FloatArray, radius: FloatArray, height: FloatArray) -> FloatArray:
    """Cylindrical coordinates to Cartesian ones."""
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


def _globe_steps(latent: FloatArray) -> FloatArray:
    steps = east_north(latent)
    steps[:, :, 0] *= np.cos(latent[:, 1:])
    return steps


_TORUS_RADIUS = 2.0  # of the middle of the tube, whose own radius is 1


def _torus_points(latent: FloatArray) -> FloatArray:
    around, tube = latent.T
    return _around(around, _TORUS_RADIUS + np.cos(tube), np.sin(tube))


def _torus_steps(latent: FloatArray) -> FloatArray:
    steps = east_north(latent)
    steps[:, :, 0] *= _TORUS_RADIUS + np.cos(latent[:, 1:])
    return steps


_ROLL_GAP = 0.32
_ROLL_RADIUS = 0.5  # of the inner edge
_ROLL_SIZE = (17.0, 1.2)  # arc length, height


def _swiss_roll(gap: float) -> _Surface:
    """The spiral of radius ``pitch * angle``, so that turns are ``2 pi pitch`` apart."""
    pitch = gap / (2 * np.pi)
    start = pitch * _spiral_length(np.array(_ROLL_RADIUS / pitch))

    def angles(latent: FloatArray) -> FloatArray:
        return _spiral_angles((start + latent[:, 0]) / pitch)

    def points(latent: FloatArray) -> FloatArray:
        angle = angles(latent)
        return _around(angle, pitch * angle, latent[:, 1])

    def steps(latent: FloatArray) -> FloatArray:
        angle, zero = angles(latent), np.zeros(len(latent))
        outward, onward = 1 / np.hypot(1, angle), angle / np.hypot(1, angle)
        cos, sin = np.cos(angle), np.sin(angle)
        along = np.column_stack([outward * cos - onward * sin, outward * sin + onward * cos, zero])
        return np.stack([along, np.column_stack([zero, zero, zero + 1])], axis=2)

    return _Surface(
        low=(0.0, 0.0),
        high=_ROLL_SIZE,
        widest=(0.0, 0.0),
        points=points,
        steps=steps,
        wave_vectors=partial(_waves_in_ball, n_dim=2, shortest=1.65),
        intrinsic=True,
    )


def _spiral_length(angle: FloatArray) -> FloatArray:
    """Length of the spiral of radius ``angle`` from the origin."""
    return (angle * np.hypot(1, angle) + np.arcsinh(angle)) / 2


def _spiral_angles(length: FloatArray) -> FloatArray:
    """Inverse of the length: Newton on a convex function from above falls to its root."""
    angle = np.sqrt(2 * length)
    for _ in range(8):
        angle = angle - (_spiral_length(angle) - length) / np.hypot(1, angle)
    return angle


_BAND_HALF_WIDTH = 0.5


def _moebius_points(latent: FloatArray) -> FloatArray:
    angle, offset = latent.T
    return _around(angle, 1 + offset * np.cos(angle / 2), offset * np.sin(angle / 2))


def _moebius_steps(latent: FloatArray) -> FloatArray:
    angle, offset = latent.T
    cos, sin = np.cos(angle / 2), np.sin(angle / 2)
    outward, onward = -offset * sin / 2, 1 + offset * cos
    along = np.column_stack(
        [
            outward * np.cos(angle) - onward * np.sin(angle),
            outward * np.sin(angle) + onward * np.cos(angle),
            offset * cos / 2,
        ]
    )
    return np.stack([along, _around(angle, cos, sin)], axis=2)


# The shortest wave decides how hard a field is to learn. They were chosen so that, with noise of
# 0.1 on a few hundred arrows, neighbours' arrows tell something, and better methods far more.
_SURFACES = {
    "sphere": _Surface(
        low=(-np.pi, -np.pi / 2),
        high=(np.pi, np.pi / 2),
        widest=(0.0, 0.0),
        points=on_globe,
        steps=_globe_steps,
        wave_vectors=partial(_waves_in_ball, n_dim=3, shortest=0.78),
        intrinsic=False,
    ),
    "torus": _Surface(
        low=(0.0, 0.0),
        high=(_TURN, _TURN),
        widest=(0.0, 0.0),
        points=_torus_points,
        steps=_torus_steps,
        wave_vectors=partial(_whole_waves, highest=2),
        intrinsic=True,
    ),
    "moebius": _Surface(
        low=(0.0, -_BAND_HALF_WIDTH),
        high=(_TURN, _BAND_HALF_WIDTH),
        widest=(0.0, _BAND_HALF_WIDTH),
        points=_moebius_points,
        steps=_moebius_steps,
        wave_vectors=partial(_waves_in_ball, n_dim=3, shortest=2.0),
        intrinsic=False,
    ),
}
