"""Manifolds with known tangent spaces, and how far frames are from these."""

import numpy as np
from scipy.stats import ortho_group


def planes(frames):
    """The projectors on tangent spaces, in which the choice of frames cancels."""
    return frames @ np.swapaxes(frames, 1, 2)


def tilt(frames, truth):
    """Sine of the largest angle to the true tangent spaces, root mean square."""
    left_over = truth - planes(frames) @ truth
    return np.sqrt((np.linalg.norm(left_over, ord=2, axis=(1, 2)) ** 2).mean())


def even_sphere(n_points):
    """Points spread evenly over the unit sphere, by the golden angle."""
    step = np.arange(n_points) + 0.5
    height, turn = 1 - 2 * step / n_points, np.pi * (1 + 5**0.5) * step
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], 1)


def sphere_frames(points):
    """Frames of the unit sphere, right-handed as seen from outside."""
    aside = np.where(np.abs(points[:, 2:]) < 0.9, [[0.0, 0, 1]], [[1.0, 0, 0]])
    first = np.cross(aside, points)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(points, first)], 2)


def circle(n_points):
    """The unit circle, and its tangents."""
    turn = 2 * np.pi * np.arange(n_points) / n_points
    points = np.stack([np.cos(turn), np.sin(turn)], 1)
    return points, np.stack([-points[:, 1], points[:, 0]], 1)[:, :, None]


def flat_torus(n_around):
    """A square grid on the product of two unit circles, in four dimensions."""
    turn = 2 * np.pi * np.arange(n_around) / n_around
    first, second = (part.ravel() for part in np.meshgrid(turn, turn))
    return np.stack([np.cos(first), np.sin(first), np.cos(second), np.sin(second)], 1)


def jittered_grid(rng, dim, n_across, jitter=0.3):
    """Points (n_across^dim, dim) of [-1, 1]^dim, none of them close to another."""
    side = (np.arange(n_across) + 0.5) / n_across * 2 - 1
    grid = np.stack(np.meshgrid(*[side] * dim, indexing="ij"), -1).reshape(-1, dim)
    return grid + rng.uniform(-jitter, jitter, size=grid.shape) * 2 / n_across


def random_gauges(rng, n_points, order):
    """A turn or reflection for each frame."""
    return np.linalg.qr(rng.normal(size=(n_points, order, order)))[0]


def flat_frame(n_features, dim, seed=0):
    """Orthonormal axes of a plane in some direction."""
    return ortho_group.rvs(n_features, random_state=seed)[:, :dim]


def everywhere(frame, n_points):
    """The same frame at all points."""
    return np.repeat(frame[None], n_points, axis=0)
