"""Small meshes of disks and rings for the tests of harmonic maps and of what is built on them."""

from functools import cache

import numpy as np
from scipy.spatial import Delaunay

from skmanifold.mesh import MeshSample, surface_of
from tests.mesh.test_faces import annulus, disk

TURN = 2 * np.pi


@cache
def round_disk(n_rim=24, n_inner=60, seed=0):
    """A regular polygon in the unit circle around nodes at random, triangulated by Delaunay."""
    rng = np.random.default_rng(seed)
    angles = TURN * np.arange(n_rim) / n_rim
    radius = np.cos(np.pi / n_rim) * np.sqrt(rng.uniform(0, 0.9, n_inner))
    turn = rng.uniform(0, TURN, n_inner)
    inner = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    points = np.concatenate([np.stack([np.cos(angles), np.sin(angles)], axis=1), inner])
    return points, Delaunay(points).simplices


def skewed_disk(seed=0):
    """The nodes of `round_disk` in bad triangles, of which cotangents turn some over."""
    points, _ = round_disk(seed=seed)
    return points, Delaunay(points * [1, 0.1]).simplices


def uneven(angles):
    """Angles crowded as they are by landmarks that lie far from where they should."""
    return np.interp(angles, [0, 1, 2, 3.5, TURN], [0, 2.8, 3, 5.5, TURN])


def skewed_sample(seed=0):
    points, cells = skewed_disk(seed)
    loop = surface_of(points, cells).loops[0]
    return MeshSample(points, cells, landmarks=loop[[0, 2, 4, 6]])


def bent(points, amount=0.3):
    """The unit disk under the conformal map ``z + amount z^2``."""
    z = points @ [1, 1j]
    z = z + amount * z**2
    return np.stack([z.real, z.imag], axis=1)


def round_ring(n_up=6, n_around=30, inner=0.3, seed=None):
    """Nodes between circles of radius `inner` and 1, on rings of equal steps of ``log(radius)``."""
    row, column = np.divmod(np.arange((n_up + 1) * n_around), n_around)
    height, turn = row / n_up, column / n_around
    if seed is not None:
        rng = np.random.default_rng(seed)
        inside = (row > 0) & (row < n_up)
        height = height + inside * rng.uniform(-0.3, 0.3, len(row)) / n_up
        turn = turn + rng.uniform(-0.3, 0.3, len(row)) / n_around
    radius = inner ** (1 - height)
    places = np.stack([radius * np.cos(TURN * turn), radius * np.sin(TURN * turn)], axis=1)
    return places, annulus(n_up, n_around)


def eared_ring():
    """A ring with a triangle whose corners are all on the outline, at the node with number 48."""
    places, cells = round_ring(3, 12)
    tip = 1.15 * places[[36, 37]].mean(axis=0)
    return np.concatenate([places, [tip]]), np.concatenate([cells, [[36, 48, 37]]])


def boundary_layer(n_up=40, n_around=30, grading=7.0):
    """A ring whose rows grow away from the hole by a factor of 1000 and more."""
    row, column = np.divmod(np.arange((n_up + 1) * n_around), n_around)
    radius = 1 + 3 * np.expm1(grading * row / n_up) / np.expm1(grading)
    turn = TURN * column / n_around
    places = np.stack([radius * np.cos(turn), 0.7 * radius * np.sin(turn)], axis=1)
    return places, annulus(n_up, n_around)


def plate(n_rows=6, n_columns=8, depth=0.2, seed=None):
    """A rectangle with a bulge in the lower side; the corners in order around."""
    y, x = np.indices((n_rows + 1, n_columns + 1)).reshape(2, -1) / [[n_rows], [n_columns]]
    if seed is not None:
        rng = np.random.default_rng(seed)
        inside = (x > 0) & (x < 1) & (y > 0) & (y < 1)
        x, y = (
            along + inside * rng.uniform(-0.25, 0.25, len(x)) / n
            for along, n in ((x, n_columns), (y, n_rows))
        )
    places = np.stack([1.5 * x, y - depth * (1 - y) * np.sin(np.pi * x) ** 2], axis=1)
    last = (n_rows + 1) * (n_columns + 1) - 1
    return places, disk(n_rows, n_columns), [0, n_columns, last, last - n_columns]


def plate_sample(n_rows=6, n_columns=8, depth=0.2, seed=None, **kwargs):
    points, cells, corners = plate(n_rows, n_columns, depth, seed)
    return MeshSample(points, cells, landmarks=corners, **kwargs)


def ring_sample(n_up=6, n_around=30, inner=0.3, seed=None):
    """Marked at angle 0, on the outline and on the hole."""
    points, cells = round_ring(n_up, n_around, inner, seed)
    return MeshSample(points, cells, landmarks=[n_up * n_around, 0])


def patch_sample(n_rows=6, n_columns=8, depth=0.2, height=0.4):
    """A plate bent up to a paraboloid in space."""
    points, cells, corners = plate(n_rows, n_columns, depth)
    x, y = points.T
    return MeshSample(np.stack([x, y, height * (x**2 + y**2)], axis=1), cells, landmarks=corners)


def two_holes():
    points, cells, _ = plate(7, 11)
    keep = ~np.isin(np.arange(len(cells)) % 77, [3 * 11 + 3, 3 * 11 + 7])
    return MeshSample(points, cells[keep])


def tetrahedron():
    points = np.concatenate([np.zeros((1, 3)), np.eye(3)])
    return MeshSample(points, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def orphaned(sample):
    """The sample with one more node, of which no cell knows."""
    points = np.concatenate([sample.points, sample.points[:1] + 10])
    return MeshSample(points, sample.cells, landmarks=sample.landmarks)


def renumbered(sample, rng):
    """The same mesh with other numbers of nodes and cells, half of the cells turned round."""
    number = rng.permutation(sample.n_nodes)
    cells = number[rng.permutation(sample.cells)]
    turned = rng.uniform(size=len(cells)) < 0.4
    cells[turned] = cells[turned][:, ::-1]
    landmarks = None if sample.landmarks is None else number[sample.landmarks]
    return MeshSample(sample.points[np.argsort(number)], cells, landmarks=landmarks), number


def surface(mesh):
    return surface_of(*mesh[:2])


def rim_angles(surface):
    """The angles at which the nodes of the rims are seen from the origin, outline and hole."""
    return [np.arctan2(*surface.points[loop].T[::-1]) for loop in surface.loops]
