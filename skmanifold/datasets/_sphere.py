"""The round sphere of any dimension."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import (
    FloatArray,
    ManifoldSample,
    add_noise,
    check_sampling,
    no_parts,
)


def make_sphere(
    n_samples: int = 1000,
    *,
    radius: float = 1.0,
    n_dim: int = 2,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> ManifoldSample:
    """Sample a round sphere uniformly, with its great-circle distances.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of points.
    radius : float, default=1.0
        Radius of the sphere.
    n_dim : int, default=2
        Dimension of the sphere itself: 1 is a circle, 2 the ordinary sphere.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise, in all ``n_dim + 1`` directions.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampling and the noise.

    Returns
    -------
    sample : ManifoldSample
        `X` of shape (n_samples, n_dim + 1); `color` is the height along the last axis; `latent`
        holds the noise-free points on the unit sphere, of shape (n_samples, n_dim + 1).

    Raises
    ------
    ValueError
        If `n_samples`, `radius` or `n_dim` is not positive, or `noise` is negative or not
        finite.

    See Also
    --------
    make_torus : A closed manifold that is flat.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.datasets import make_sphere
    >>> ball = make_sphere(50, radius=3.0, random_state=0)
    >>> bool(ball.geodesic_distances().max() <= 3.0 * np.pi)
    True
    """
    check_sampling(n_samples, noise)
    check_scalar(n_dim, "n_dim", Integral, min_val=1)
    check_scalar(radius, "radius", Real, min_val=0, include_boundaries="neither")
    rng = check_random_state(random_state)
    points = rng.standard_normal((n_samples, n_dim + 1))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    X = add_noise(radius * points, noise, rng)
    metric = partial(_great_circle_distances, radius=radius)
    return ManifoldSample(X, radius * points[:, -1], no_parts(n_samples), points, metric)


def _great_circle_distances(P: FloatArray, Q: FloatArray, *, radius: float) -> FloatArray:
    """Angle from chord and antipodal chord: accurate near 0 and near pi, where arccos is not."""
    return 2 * radius * np.arctan2(cdist(P, Q), cdist(P, -Q))
