"""A tree of random walks, a model of branching differentiation."""

from functools import partial
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray, ManifoldSample, add_noise, check_sampling


def make_branching_tree(
    n_samples: int = 1000,
    *,
    n_branches: int = 5,
    n_features: int = 10,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> ManifoldSample:
    """Sample a noisy tree of random walks, with its path lengths.

    Each branch is a random walk with steps uniform in ``[-1, 1]^n_features``. The first starts at
    the origin, each later one at a random point of those before it. The noise is drawn last: the
    same seed gives the same tree at every noise level.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of points, spread over the branches as evenly as possible.
    n_branches : int, default=5
        Number of branches.
    n_features : int, default=10
        Number of dimensions.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise in each direction. The mean square of a step in
        each direction is 1/3; 5.0 is the noise that the heat-geodesic paper's trees have.
    random_state : int, RandomState instance or None, default=None
        Seed of the tree and the noise.

    Returns
    -------
    sample : ManifoldSample
        `X` of shape (n_samples, n_features), branch after branch; `color` is the path length from
        the root; `labels` is the branch; `latent` is (branch, path length from the root).

    Raises
    ------
    ValueError
        If a count is not positive, `noise` is negative or not finite, or there are fewer points
        than branches.

    References
    ----------
    .. [1] K. Moon et al., "Visualizing structure and transitions in high-dimensional biological
       data", Nature Biotechnology 37, 2019 (random-walk trees as a test bed).

    Examples
    --------
    >>> from skmanifold.datasets import make_branching_tree
    >>> tree = make_branching_tree(100, n_branches=4, random_state=0)
    >>> tree.labels.max()
    np.int64(3)
    """
    for name, count in [("n_branches", n_branches), ("n_features", n_features)]:
        check_scalar(count, name, Integral, min_val=1)
    check_sampling(n_samples, noise)
    if n_samples < n_branches:
        raise ValueError(
            f"n_samples={n_samples} points cannot fill n_branches={n_branches} branches: "
            "ask for at least one point a branch."
        )
    rng = check_random_state(random_state)
    labels = np.arange(n_samples) * n_branches // n_samples
    points, parents = _grow(labels, n_features, rng)
    depths = _depths(points, parents)
    latent = np.column_stack([labels, depths])
    metric = partial(_tree_distances, ways=_ways_to_root(labels, parents, depths))
    return ManifoldSample(add_noise(points, noise, rng), depths, labels, latent, metric)


def _grow(
    labels: NDArray[np.int64], n_features: int, rng: np.random.RandomState
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Noise-free points and the point that each one steps from (the root: itself)."""
    points = rng.uniform(-1, 1, size=(len(labels), n_features))  # steps, summed up below
    points[0] = 0.0
    parents = np.arange(len(labels)) - 1
    parents[0] = 0
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
        if start > 0:
            parents[start] = rng.randint(start)
            points[start] += points[parents[start]]
        points[start:stop] = np.cumsum(points[start:stop], axis=0)
    return points, parents


def _depths(points: FloatArray, parents: NDArray[np.intp]) -> FloatArray:
    """Path length from the root, shape (n,); parents come before their children."""
    steps = np.linalg.norm(points - points[parents], axis=1)
    depths = np.zeros(len(points))
    for point in range(1, len(points)):
        depths[point] = depths[parents[point]] + steps[point]
    return depths


def _ways_to_root(
    labels: NDArray[np.int64], parents: NDArray[np.intp], depths: FloatArray
) -> FloatArray:
    """Depth at which the way from branch a to the root enters branch c, shape (a, c).

    Zero, the root's depth, where the way does not touch c; infinite for c = a, which callers
    replace by the depth of the point itself.
    """
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    ways = np.zeros((len(starts), len(starts)))
    for branch, joint in enumerate(parents[starts]):
        if branch > 0:
            ways[branch] = np.minimum(ways[labels[joint]], depths[joint])
        ways[branch, branch] = np.inf
    return ways


def _tree_distances(P: FloatArray, Q: FloatArray, *, ways: FloatArray) -> FloatArray:
    """Path lengths between latent points (branch, depth): up to the fork and down again."""
    entries_p, entries_q = _entries(P, ways), _entries(Q, ways)
    fork = np.zeros((len(P), len(Q)))
    for branch in range(len(ways)):
        # On a branch that both ways touch they share all that lies above the higher entry.
        shared = np.minimum(entries_p[:, branch, None], entries_q[:, branch])
        np.maximum(fork, shared, out=fork)
    return P[:, 1, None] + Q[:, 1] - 2 * fork


def _entries(P: FloatArray, ways: FloatArray) -> FloatArray:
    """Depth at which the way from each point to the root enters each branch, (n, n_branches)."""
    return np.minimum(ways[P[:, 0].astype(np.intp)], P[:, 1:])
