"""Random similarities of point clouds: turns, mirror images, scales, shifts and orders."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray, check_at_least

Cloud = NDArray[np.floating[Any]]
Clouds = TypeVar("Clouds", Cloud, list[Cloud])


def moved_clouds(
    X: Clouds,
    *,
    rotate: bool = True,
    reflect: bool = False,
    shift: float = 1.0,
    max_scale: float = 10.0,
    permute: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Clouds:
    """Move every point cloud by a random similarity of its own.

    A cloud is turned (and mirrored) about the origin, shifted, scaled, and its points put into
    another order. All distances within it change by one and the same factor. Switching one motion
    off leaves the others as they are for the same seed.

    Parameters
    ----------
    X : ndarray of shape (n_clouds, n_points, n_dim) or list of ndarray of shape (n_points_i, n_dim)
        The clouds, in any number of dimensions. They are never written to.
    rotate : bool, default=True
        Turn each cloud by a rotation drawn from the uniform (Haar) distribution.
    reflect : bool, default=False
        Mirror each cloud: the first coordinate changes its sign before the rotation.
    shift : float, default=1.0
        Standard deviation of the Gaussian shift in each coordinate, relative to the size of the
        moved cloud, which is the root mean square distance from its mean. The default moves a
        cloud by about its own size.
    max_scale : float, default=10.0
        Scale factors are log-uniform in ``[1 / max_scale, max_scale]``; 1 keeps the sizes.
    permute : bool, default=False
        Put the points of each cloud into a random order. Off by default, so that the rows of the
        moved cloud still belong to those of `X`.
    random_state : int, RandomState instance or None, default=None
        Seed of the motions.

    Returns
    -------
    moved : ndarray of shape (n_clouds, n_points, n_dim) or list of ndarray
        New clouds of the kind and the floating dtype of `X`; integers become float64.

    Raises
    ------
    TypeError
        If `X` is neither an array nor a list, or a parameter is not of its type.
    ValueError
        If `X` has another number of dimensions, is empty, holds NaN or infinity or clouds of
        different dimensions; if `shift` is negative, `max_scale` below 1, or either not finite.

    See Also
    --------
    make_shapes : Clouds of thirteen classes, all in the same pose.

    References
    ----------
    .. [1] F. Mezzadri, "How to Generate Random Matrices from the Classical Compact Groups",
       Notices of the AMS 54, 2007.

    Examples
    --------
    >>> from scipy.spatial.distance import pdist
    >>> from skmanifold.datasets import make_shapes, moved_clouds
    >>> X = make_shapes(13, n_points=64, random_state=0).X
    >>> moved = moved_clouds(X, random_state=0)
    >>> factors = pdist(moved[0]) / pdist(X[0])
    >>> bool(factors.max() - factors.min() < 1e-9)
    True
    """
    for name, flag in [("rotate", rotate), ("reflect", reflect), ("permute", permute)]:
        check_scalar(flag, name, (bool, np.bool_))
    check_at_least(0, shift, "shift")
    check_at_least(1, max_scale, "max_scale")
    clouds = _checked_clouds(X)
    rng = check_random_state(random_state)
    n_clouds, n_dim = len(clouds), clouds[0].shape[1]
    # All are drawn whether used or not, which keeps each motion apart from the other switches.
    turns = _rotations(n_clouds, n_dim, rng)
    scales = np.exp(np.log(max_scale) * rng.uniform(-1, 1, size=n_clouds))
    shifts = shift * rng.standard_normal((n_clouds, n_dim))
    if not rotate:
        turns = np.broadcast_to(np.eye(n_dim), turns.shape)
    if reflect:
        turns = turns * np.where(np.arange(n_dim) == 0, -1, 1)
    moved = list(map(_moved, clouds, turns, shifts, scales))
    if permute:
        moved = [rng.permutation(cloud) for cloud in moved]
    return np.stack(moved) if isinstance(X, np.ndarray) else moved


def _moved(cloud: Cloud, turn: FloatArray, shift: FloatArray, scale: float) -> Cloud:
    """One similarity, in float64; `shift` is in units of the size of the cloud."""
    points = cloud.astype(np.float64)
    size = np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean())
    return (scale * (points @ turn.T + size * shift)).astype(cloud.dtype)


def _rotations(n: int, n_dim: int, rng: np.random.RandomState) -> FloatArray:
    """Uniform rotations, shape (n, n_dim, n_dim).

    The Q of a Gaussian matrix is uniform among the orthogonal ones once the signs of R's diagonal
    are made positive; changing one column's sign maps those of determinant -1 to rotations.
    """
    Q, R = np.linalg.qr(rng.standard_normal((n, n_dim, n_dim)))
    Q *= np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None]
    Q[:, :, 0] *= np.sign(np.linalg.det(Q))[:, None]
    return Q


def _checked_clouds(X: Any) -> Sequence[Cloud]:
    """The clouds of an array or a list as finite floating arrays of one dimension."""
    if not isinstance(X, np.ndarray | list | tuple):
        raise TypeError(f"X must be a 3-D array or a list of 2-D arrays, got {type(X).__name__}.")
    if isinstance(X, np.ndarray) and X.ndim != 3:
        hint = " Pass X[None] to move one cloud." if X.ndim == 2 else ""
        raise ValueError(
            f"X must have the shape (n_clouds, n_points, n_dim), got an array of shape {X.shape}."
            + hint
        )
    if len(X) == 0:
        raise ValueError("X holds no clouds: pass at least one.")
    floats = [np.float64, np.float32, np.float16]
    clouds = [check_array(x, dtype=floats, input_name=f"X[{i}]") for i, x in enumerate(X)]
    dims = sorted({cloud.shape[1] for cloud in clouds})
    if len(dims) > 1:
        raise ValueError(f"The clouds in X must have one number of columns, got {dims}.")
    return clouds
