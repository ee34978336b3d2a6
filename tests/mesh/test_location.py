import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import Delaunay
from sklearn import config_context

from skmanifold.mesh._harmonic import arc_fractions, disk_map, strip_map
from skmanifold.mesh._location import FlatMesh, barycentric
from skmanifold.mesh._morph import regular_disk, regular_strip
from tests.mesh._meshes import (
    TURN,
    bent,
    boundary_layer,
    eared_ring,
    plate,
    rim_angles,
    round_disk,
    round_ring,
    surface,
)


def flat_disk(seed=0, **kwargs):
    points, cells = round_disk(seed=seed, **kwargs)
    mesh = surface((points, cells))
    return FlatMesh(points, mesh.triangles, points[mesh.triangles], rims=mesh.loops)


def flat_ring(seed=0):
    mesh = surface(round_ring(seed=seed))
    return strip_map(mesh, tuple(rim_angles(mesh)), "cotangent")


def eared_strip():
    mesh = surface(eared_ring())
    return strip_map(mesh, tuple(rim_angles(mesh)), "uniform")


def layered_strip():
    mesh = surface(boundary_layer())
    angles = [TURN * arc_fractions(mesh.points, loop, 0) for loop in mesh.loops]
    return strip_map(mesh, (angles[0], -angles[1]), "cotangent")


def graded_disk():
    """A disk with triangles a thousand times as large as others, and thin ones."""
    points, _ = round_disk(n_inner=200)
    radius = np.linalg.norm(points, axis=1, keepdims=True)
    points = points * radius**1.5
    mesh = surface((points, Delaunay(points).simplices))
    return FlatMesh(points, mesh.triangles, points[mesh.triangles], rims=mesh.loops)


def bent_disk():
    points, cells = round_disk(n_inner=100)
    mesh = surface((bent(points), cells))
    return disk_map(mesh, TURN * arc_fractions(mesh.points, mesh.loops[0], 0), "mean_value")


FLAT = {
    "Delaunay": flat_disk,
    "graded": graded_disk,
    "bent": bent_disk,
    "concentric": lambda: regular_disk(60),
    "ring": flat_ring,
    "boundary layer": layered_strip,
    "grid around": lambda: regular_strip(80),
}
every_mesh = pytest.mark.parametrize("flat", [make() for make in FLAT.values()], ids=FLAT)
STRIPS = ["ring", "boundary layer", "grid around"]
DISKS = [name for name in FLAT if name not in STRIPS]
every_disk = pytest.mark.parametrize("flat", [FLAT[name]() for name in DISKS], ids=DISKS)
every_strip = pytest.mark.parametrize("flat", [FLAT[name]() for name in STRIPS], ids=STRIPS)


def places_in(flat, rng, n=300):
    """Points inside the triangles, as many in each on average, and their exact weights."""
    triangle = rng.integers(len(flat.triangles), size=n)
    weights = rng.dirichlet(np.ones(3), size=n)
    return np.einsum("nc,ncd->nd", weights, flat.corners[triangle]), triangle, weights


def exact(flat, triangle, weights):
    """The matrix of interpolation at points whose triangles are known."""
    matrix = np.zeros((len(triangle), len(flat.nodes)))
    rows = np.arange(len(triangle))[:, None]
    np.add.at(matrix, (rows, flat.triangles[triangle]), weights)
    return matrix


@every_mesh
def test_points_are_found_in_their_triangles(flat, rng):
    points, triangle, weights = places_in(flat, rng)
    matrix, clamped = flat.interpolation(points)
    assert not clamped.any()
    assert_allclose(matrix.toarray(), exact(flat, triangle, weights), atol=1e-7)


@every_mesh
def test_rows_are_weighted_means(flat, rng):
    points = rng.uniform([-1, -1], 1, size=(500, 2))
    if flat.period is not None:
        points = (points + 1) * [np.pi, 0.5]
    matrix, _ = flat.interpolation(points)
    assert matrix.shape == (500, len(flat.nodes))
    assert_allclose(matrix.sum(axis=1), 1)
    assert (matrix.data >= 0).all()
    assert (np.diff(matrix.tocsr().indptr) <= 3).all()


@every_disk
def test_linear_functions_are_exact_inside(flat, rng):
    points, _, _ = places_in(flat, rng)
    matrix, _ = flat.interpolation(points)
    assert_allclose(matrix @ flat.nodes, points, atol=1e-12)


@every_strip
def test_height_and_angle_are_exact_on_the_cylinder(flat, rng):
    points, _, _ = places_in(flat, rng)
    matrix, _ = flat.interpolation(points)
    assert_allclose(matrix @ flat.nodes[:, 1], points[:, 1], atol=1e-12)
    # Angles from each point on, which do not jump near it.
    rows = matrix.toarray()
    angles = flat.nodes[None, :, 0] - points[:, None, 0]
    angles -= TURN * np.round(angles / TURN)
    assert_allclose((rows * angles).sum(axis=1), 0, atol=1e-12)


def test_as_scipy_finds_simplices(rng):
    points, _ = round_disk(n_inner=150)
    flat, triangulation = flat_disk(n_inner=150), Delaunay(points)
    radius, turn = np.sqrt(rng.uniform(0, 0.9, 500)), rng.uniform(0, TURN, 500)
    places = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    simplex = triangulation.find_simplex(places)
    assert (simplex >= 0).all()
    affine = triangulation.transform[simplex]
    first = np.einsum("nij,nj->ni", affine[:, :2], places - affine[:, 2])
    weights = np.column_stack([first, 1 - first.sum(axis=1)])
    expected = np.zeros((500, len(points)))
    np.add.at(expected, (np.arange(500)[:, None], triangulation.simplices[simplex]), weights)
    assert_allclose(flat.interpolation(places)[0].toarray(), expected, atol=1e-10)


@every_mesh
def test_nodes_have_their_own_values(flat):
    matrix, clamped = flat.interpolation(flat.nodes)
    assert not clamped.any()
    assert_allclose(matrix.toarray(), np.eye(len(flat.nodes)), atol=1e-8)


@every_mesh
def test_points_on_edges_take_values_from_its_ends(flat, rng):
    triangle = rng.integers(len(flat.triangles), size=100)
    share = rng.uniform(size=100)
    weights = np.stack([share, 1 - share, np.zeros(100)], axis=1)
    points = np.einsum("nc,ncd->nd", weights, flat.corners[triangle])
    matrix, _ = flat.interpolation(points)
    on_circle = 5e-3 * (flat.period is None)  # on a chord of the rim, angles count
    assert_allclose(matrix.toarray(), exact(flat, triangle, weights), atol=1e-6 + on_circle)


@every_disk
def test_the_circle_is_divided_by_angle_between_rim_nodes(flat, rng):
    turn = rng.uniform(0, TURN, 200)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    matrix, clamped = flat.interpolation(circle)
    assert not clamped.any()
    rim = flat.rims[0][np.argsort(np.arctan2(*flat.nodes[flat.rims[0]].T[::-1]) % TURN)]
    own = np.arctan2(*flat.nodes[rim].T[::-1]) % TURN
    for name in ("cos", "sin"):
        values = getattr(np, name)(own)
        expected = np.interp(turn, own, values, period=TURN)
        assert_allclose(matrix[:, rim] @ values, expected, atol=1e-9)


def test_points_behind_a_chord_are_clamped():
    flat = flat_disk(n_rim=6)
    middles = np.pi / 6 + np.arange(6) * np.pi / 3
    directions = np.stack([np.cos(middles), np.sin(middles)], axis=1)
    apothem = np.cos(np.pi / 6)
    for radius, expected in [(apothem - 1e-3, False), (apothem + 1e-3, True), (1.0, False)]:
        _, clamped = flat.interpolation(radius * directions)
        assert_array_equal(clamped, expected)
    matrix, _ = flat.interpolation(0.95 * directions)
    assert_allclose(matrix @ flat.nodes, apothem * directions, atol=1e-12)


def test_values_do_not_jump_at_a_chord():
    flat = flat_disk(n_rim=48)
    middle = np.pi / 48 * np.array([1.0, 0.7])[:, None]
    chord = np.cos(np.pi / 48) / np.cos(middle - np.pi / 48)
    for radius in (chord - 1e-7, chord + 1e-7):
        place = np.hstack([radius * np.cos(middle), radius * np.sin(middle)])
        assert_allclose(flat.interpolation(place)[0] @ flat.nodes, place, atol=1e-4)


@every_strip
def test_the_cut_leaves_no_trace(flat, rng):
    points, _, _ = places_in(flat, rng)
    expected = flat.interpolation(points)[0].toarray()
    for turns in (-1, 1, 3):
        moved, _ = flat.interpolation(points + np.array([turns * TURN, 0]))
        assert_allclose(moved.toarray(), expected, atol=1e-6)
    heights = np.linspace(0, 1, 20)
    rows = [
        flat.interpolation(np.stack([np.full(20, angle), heights], axis=1))[0].toarray()
        for angle in (0.0, TURN, np.nextafter(TURN, 0), -1e-15, 1e-15)
    ]
    for row in rows[1:]:
        assert_allclose(row, rows[0], atol=1e-8)


@every_strip
def test_the_ends_of_the_cylinder(flat, rng):
    turn = rng.uniform(0, TURN, 100)
    for height in (0.0, 1.0):
        for off in (-1e-15, 0.0, 1e-15):
            matrix, clamped = flat.interpolation(np.stack([turn, np.full(100, height + off)], 1))
            assert not clamped.any()
            assert_allclose(matrix @ flat.nodes[:, 1], height, atol=1e-12)


@every_strip
def test_points_beyond_the_ends_of_the_cylinder(flat, rng):
    points = np.stack([rng.uniform(0, TURN, 50), rng.choice([-0.2, 1.2], 50)], axis=1)
    matrix, clamped = flat.interpolation(points)
    assert clamped.all()
    expected, _ = flat.interpolation(points.clip([0, 0], [TURN, 1]))
    assert_array_equal(matrix.toarray(), expected.toarray())


@every_mesh
def test_little_memory_gives_the_same(flat, rng):
    points, _, _ = places_in(flat, rng)
    expected, _ = flat.interpolation(points)
    with config_context(working_memory=1e-3):
        found, _ = flat.interpolation(points)
    assert_array_equal(found.toarray(), expected.toarray())


def test_triangles_without_area_hold_nothing():
    corners = np.array([[[0.0, 0], [1, 0], [2, 0]], [[0, 0], [1, 0], [0, 1]]])
    weights = barycentric(np.array([0.5, 0.0]), corners)
    assert_array_equal(weights[0], -np.inf)
    assert_allclose(weights[1], [0.5, 0.5, 0])


@every_mesh
def test_mass_sums_to_the_area(flat):
    mass = flat.mass_matrix()
    assert_allclose(mass.sum(), np.abs(flat.areas).sum())
    assert_allclose((mass - mass.T).toarray(), 0, atol=1e-15)
    assert np.linalg.eigvalsh(mass.toarray()).min() > 0


def test_tips_of_triangles_without_area():
    """Of a triangle with all corners on one rim, which has no area on the cylinder."""
    flat = eared_strip()
    assert_allclose(flat.areas.min(), 0, atol=1e-15)
    matrix, _ = flat.interpolation(flat.nodes)
    assert_allclose(matrix.toarray(), np.eye(49), atol=1e-12)


@pytest.mark.parametrize("flat", [flat_disk(), graded_disk(), regular_disk(60)])
def test_products_of_linear_functions_are_integrated(flat, rng):
    one, other = (flat.nodes @ rng.normal(size=2) + rng.normal() for _ in range(2))
    # The mean over the midpoints of the edges is exact for polynomials of degree two.
    middles = [
        values[flat.triangles] + np.roll(values[flat.triangles], 1, axis=1)
        for values in (one, other)
    ]
    expected = (flat.areas * (middles[0] * middles[1] / 4).mean(axis=1)).sum()
    assert_allclose(one @ flat.mass_matrix() @ other, expected)


def test_area_of_polygon_and_cylinder():
    assert_allclose(flat_disk(n_rim=6).mass_matrix().sum(), 1.5 * np.sqrt(3))
    assert_allclose(flat_ring().mass_matrix().sum(), TURN)


def smooth(points, period):
    x, y = points.T
    return np.cos(x) * np.exp(y) if period is None else np.sin(x + 2 * y) + np.cos(2 * x)


@pytest.mark.parametrize("regular", [regular_disk, regular_strip])
def test_transfer_converges_with_the_square_of_the_edges(regular, rng):
    places = places_in(regular(100), rng, 1000)[0]
    errors = []
    for n in (200, 800, 3200):
        one, other = regular(n), regular(int(1.3 * n))
        values = smooth(one.nodes, one.period)
        there, _ = one.interpolation(other.nodes)
        last, _ = other.interpolation(places)
        off = last @ (there @ values) - smooth(places, one.period)
        errors.append(np.sqrt(np.mean(off**2)))
    assert errors[-1] < 1e-2
    assert errors[0] > 10 * errors[-1]  # of edges a quarter as long


@every_mesh
def test_what_is_cached_is_not_pickled(flat, rng):
    points, _, _ = places_in(flat, rng)
    size = len(pickle.dumps(flat))
    expected = flat.interpolation(points)[0].toarray()
    content = pickle.dumps(flat)
    assert len(content) == size
    assert_array_equal(pickle.loads(content).interpolation(points)[0].toarray(), expected)


def test_no_points_at_all():
    matrix, clamped = flat_disk().interpolation(np.empty((0, 2)))
    assert matrix.shape == (0, len(flat_disk().nodes))
    assert clamped.shape == (0,)


def test_fewer_triangles_than_candidates():
    points, cells, _ = plate(1, 1, depth=0)
    mesh = surface((points, cells))
    flat = FlatMesh(points, mesh.triangles, points[mesh.triangles])
    places = np.array([[0.1, 0.2], [1.2, 0.4]])
    assert_allclose(flat.interpolation(places)[0] @ points, places)
