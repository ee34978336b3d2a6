"""The flat torus."""

from functools import partial
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import (
    FloatArray,
    ManifoldSample,
    add_noise,
    check_sampling,
    no_parts,
)


def make_torus(
    n_samples: int = 1000,
    *,
    major_radius: float = 2.0,
    minor_radius: float = 1.0,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> ManifoldSample:
    """Sample a flat torus in four dimensions, with its geodesic distances.

    This is the product of two circles, not the doughnut: the doughnut's geodesics have no closed
    form, while those of the flat torus are straight lines on a rectangle whose opposite sides are
    glued. Points are uniform.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of points.
    major_radius, minor_radius : float, default=2.0 and 1.0
        Radii of the first and the second circle.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampling and the noise.

    Returns
    -------
    sample : ManifoldSample
        `X` of shape (n_samples, 4); `color` is the angle on the first circle; `latent` holds the
        two angles, in [0, 2 pi).

    Raises
    ------
    ValueError
        If `n_samples` or a radius is not positive, or `noise` is negative
        or not finite.

    See Also
    --------
    make_sphere : A closed manifold that is curved.

    Examples
    --------
    >>> from skmanifold.datasets import make_torus
    >>> torus = make_torus(100, random_state=0)
    >>> torus.X.shape, torus.latent.shape
    ((100, 4), (100, 2))
    """
    check_sampling(n_samples, noise)
    for name, radius in [("major_radius", major_radius), ("minor_radius", minor_radius)]:
        check_scalar(radius, name, Real, min_val=0, include_boundaries="neither")
    rng = check_random_state(random_state)
    angles = rng.uniform(0, 2 * np.pi, size=(n_samples, 2))
    radii = np.array([major_radius, minor_radius], dtype=np.float64)
    circles = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    X = add_noise(circles.reshape(n_samples, 4), noise, rng)
    metric = partial(_flat_torus_distances, radii=radii)
    return ManifoldSample(X, angles[:, 0], no_parts(n_samples), angles, metric)


def _flat_torus_distances(P: FloatArray, Q: FloatArray, *, radii: FloatArray) -> FloatArray:
    """Pythagoras over the two arcs, each taken the shorter way round."""
    first, second = (r * _angle_between(p, q) for r, p, q in zip(radii, P.T, Q.T, strict=True))
    return np.hypot(first, second)


def _angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Angles in [0, pi] between directions `a` (n,) and `b` (m,) given in [0, 2 pi)."""
    gap = np.abs(a[:, None] - b)
    return np.minimum(gap, 2 * np.pi - gap)
