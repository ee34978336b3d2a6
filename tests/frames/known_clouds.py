"""Point clouds of known symmetry, and the motions that must not matter to them."""

import numpy as np
import torch


def tensor(array):
    """A tensor in float64."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def orthogonal(rng, n_dims, n_matrices=None, *, proper=False):
    """Random orthogonal matrices by the Haar measure: rotations and mirrors, or rotations only."""
    shape = (n_dims, n_dims) if n_matrices is None else (n_matrices, n_dims, n_dims)
    q, r = np.linalg.qr(rng.normal(size=shape))
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    if proper:
        q[..., 0] *= np.linalg.det(q)[..., None]
    return q


def random_clouds(rng, n_clouds, n_points, n_dims):
    """Skew clouds, no two of the same shape, of any extents."""
    centers = rng.normal(size=(n_clouds, 1, n_dims))
    return centers + rng.gamma(2.0, size=(n_clouds, n_points, n_dims))


def clear_cloud(rng, n_points, n_dims):
    """A skew cloud whose extents halve from axis to axis, in a random orientation."""
    points = rng.gamma(1.0, size=(n_points, n_dims))
    points -= points.mean(axis=0)
    points = np.linalg.svd(points, full_matrices=False)[0] * 0.5 ** np.arange(n_dims)
    return points @ orthogonal(rng, n_dims)


def moved(rng, cloud, *, proper=False, shift=1.0):
    """The cloud turned (or mirrored), scaled, shifted and with its rows in another order."""
    turned = rng.permutation(cloud) @ orthogonal(rng, cloud.shape[1], proper=proper)
    return rng.uniform(0.1, 10) * (turned + shift * rng.normal(size=cloud.shape[1]))


def signs_of(flips, n_axes):
    """Sign vectors whose minus signs are the bits of `flips`."""
    bits = np.asarray(flips)[:, None] >> np.arange(n_axes) & 1
    return 1 - 2 * bits


def all_signs(n_axes):
    """All sign vectors."""
    return signs_of(range(2**n_axes), n_axes)


def sign_groups(n_axes):
    """All groups of sign flips, each an array of shape (n_flips, n_axes)."""
    found = frontier = {frozenset([0])}
    while frontier:
        larger = {
            group | {flip ^ new for flip in group} for group in frontier for new in range(2**n_axes)
        }
        frontier = larger - found
        found = found | frontier
    return [signs_of(sorted(group), n_axes) for group in sorted(found, key=sorted)]


def symmetrised(points, flips):
    """The union of all images of the points."""
    return (points * flips[:, None]).reshape(-1, points.shape[1])


def same_set(first, second, tolerance):
    """Whether each point of either set is near one of the other."""
    apart = np.linalg.norm(first[:, None] - second, axis=-1)
    return max(apart.min(0).max(), apart.min(1).max()) <= tolerance


def icosahedron():
    """Its corners: a design on the sphere, without any moment up to the fifth."""
    golden = (1 + 5**0.5) / 2
    corner = np.array([[0, 1, golden]]) * all_signs(3)[::2]
    return np.concatenate([np.roll(corner, turn, axis=1) for turn in range(3)])


def degenerate_clouds():
    """Clouds in three dimensions without unique axes or signs, or without some extent."""
    rng = np.random.default_rng(7)
    angle = 2 * np.pi * np.arange(9) / 9
    cube = all_signs(3).astype(float)
    line = rng.gamma(2.0, size=(8, 1)) * [1.0, 2.0, 3.0]
    plane = clear_cloud(rng, 10, 2) @ [[1.0, 0, 1], [0, 1, 0]]
    return {
        "cube": cube,
        "box": cube * [3, 2, 1],
        "square prism": cube * [2, 1, 1],
        "ring": np.c_[np.cos(angle), np.sin(angle), 0 * angle],
        "octahedron": np.concatenate([np.eye(3), -np.eye(3)]),
        "icosahedron": icosahedron(),
        "line": line,
        "line along an axis": line * [0, 0, 1],
        "symmetric line": np.concatenate([line, -line]),
        "plane": plane,
        "plane of coordinates": plane * [1, 1, 0],
        "duplicates": np.repeat(clear_cloud(rng, 5, 3), 3, axis=0),
        "one point": np.array([[1.0, 2, 3]]),
        "one place": np.full((6, 3), 2.0),
        "two points": np.array([[0.0, 0, 0], [1, 2, 2]]),
    }
