import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import special_ortho_group

from skmanifold.mesh import MeshSample, Surface, cotangent_weights, surface_of
from skmanifold.mesh._harmonic import _laplacian, arc_fractions, disk_map, strip_map
from skmanifold.mesh._morph import regular_disk
from tests.mesh._meshes import (
    TURN,
    bent,
    boundary_layer,
    plate,
    rim_angles,
    round_disk,
    round_ring,
    skewed_disk,
    surface,
    uneven,
)
from tests.mesh.test_topology import ring

WEIGHTS = ["cotangent", "mean_value", "uniform"]
every_weight = pytest.mark.parametrize("weights", WEIGHTS)
positive_weight = pytest.mark.parametrize("weights", WEIGHTS[1:])
every_seed = pytest.mark.parametrize("seed", range(4))


def angles_by_arc(disk):
    return TURN * arc_fractions(disk.points, disk.loops[0], 0)


def dense_weights(surface, kind):
    """Weights of the edges from each node, corner by corner."""
    weights = np.zeros(2 * (len(surface.points),))
    for triangle in surface.triangles:
        for turn in range(3):
            i, j, k = np.roll(triangle, turn)
            to_j, to_k = surface.points[[j, k]] - surface.points[i]
            lengths = np.linalg.norm(to_j), np.linalg.norm(to_k)
            half = np.arccos(to_j @ to_k / np.prod(lengths)) / 2
            if kind == "uniform":
                weights[i, j] = weights[i, k] = 1
            elif kind == "mean_value":
                weights[i, j] += np.tan(half) / lengths[0]
                weights[i, k] += np.tan(half) / lengths[1]
            else:
                weights[[j, k], [k, j]] += 0.5 / np.tan(2 * half)
    return weights


def dense_solution(weights, fixed, values):
    """Every node but the fixed ones at the weighted mean of its neighbours."""
    system = np.diag(weights.sum(axis=1)) - weights
    system[fixed] = np.eye(len(weights))[fixed]
    known = np.zeros((len(weights), values.shape[1]))
    known[fixed] = values
    return np.linalg.solve(system, known)


@every_weight
@every_seed
def test_nodes_are_weighted_means_of_their_neighbours(weights, seed):
    mesh = surface((bent(round_disk(seed=seed)[0]), round_disk(seed=seed)[1]))
    angles = angles_by_arc(mesh)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    expected = dense_solution(dense_weights(mesh, weights), mesh.loops[0], circle)
    flat = disk_map(mesh, angles, weights)
    assert_allclose(flat.nodes, expected, atol=1e-12 if weights == "uniform" else 1e-10)
    assert_array_equal(flat.corners, flat.nodes[mesh.triangles])
    assert_array_equal(flat.rims[0], mesh.loops[0])


def test_cotangents_are_those_of_the_package():
    mesh = surface(plate(seed=0))
    laplacian = _laplacian(mesh, "cotangent").toarray()
    expected = cotangent_weights(np.insert(mesh.points, 2, 0, axis=1), mesh.triangles).toarray()
    off_diagonal = -laplacian + np.diag(np.diag(laplacian))
    assert_allclose(off_diagonal.clip(0), expected, atol=1e-12)  # which has no negative ones


@every_seed
def test_uniform_weights_are_those_of_muscat(seed):
    pytest.importorskip("Muscat.MeshTools.MeshCreationTools")
    from benchmarks._mmgp_carriers import muscat_disk

    points, cells = round_disk(seed=seed)
    mesh = surface_of(bent(points), cells)
    laid, order = muscat_disk(MeshSample(mesh.points, mesh.triangles))
    expected = laid.nodes[np.argsort(order)]
    # Muscat leaves another gap than the last side's share before it closes the outline.
    angles = np.arctan2(*expected[mesh.loops[0]].T[::-1])
    assert_allclose(disk_map(mesh, angles, "uniform").nodes, expected, atol=1e-12)


@pytest.mark.parametrize("weights", ["cotangent", "mean_value"])
@every_seed
def test_a_polygon_in_the_circle_is_laid_onto_itself(weights, seed):
    mesh = surface(round_disk(seed=seed))
    flat = disk_map(mesh, rim_angles(mesh)[0], weights)
    assert_allclose(flat.nodes, mesh.points, atol=1e-12)


@pytest.mark.parametrize("weights", ["cotangent", "mean_value"])
def test_linear_functions_are_harmonic_on_thin_triangles(weights):
    """Angles of 1e-5: their cosines alone would tell them to 5 digits."""
    points, cells = round_disk()
    mesh = surface((points * [1, 1e-5], cells))
    laplacian = _laplacian(mesh, weights)
    inner = np.setdiff1d(np.arange(len(mesh.points)), mesh.loops[0])
    left = (laplacian @ mesh.points)[inner]
    assert (np.abs(left) <= 1e-11 * (abs(laplacian) @ np.abs(mesh.points))[inner]).all()


@every_weight
def test_nothing_depends_on_scale_place_and_direction(weights):
    points, cells, _ = plate(seed=0)
    mesh = surface_of(points, cells)
    moved = 1e3 * points @ special_ortho_group.rvs(2, random_state=0).T + [50, -900]
    moved = Surface(moved, mesh.triangles, mesh.loops)
    angles = angles_by_arc(mesh)
    expected = disk_map(mesh, angles, weights).nodes
    assert_allclose(disk_map(moved, angles, weights).nodes, expected, atol=1e-11)


@every_weight
def test_a_sheet_folded_in_space_is_as_good_as_flat(weights):
    points, cells, _ = plate(depth=0)
    mesh = surface_of(points, cells)
    crease = 0.75  # a line of edges
    beyond = (points[:, 0] - crease).clip(0)
    x = points[:, 0] - beyond + beyond * np.cos(1.0)
    folded = np.stack([x, points[:, 1], beyond * np.sin(1.0)], axis=1)
    folded = folded @ special_ortho_group.rvs(3, random_state=0).T
    folded = Surface(folded, mesh.triangles, mesh.loops)
    angles = angles_by_arc(mesh)
    expected = disk_map(mesh, angles, weights).nodes
    assert_allclose(disk_map(folded, angles, weights).nodes, expected, atol=1e-11)


def test_cotangent_maps_tend_to_the_conformal_one():
    errors = []
    for n_rings in (6, 12, 24):
        grid = regular_disk(1 + 3 * n_rings * (n_rings + 1))
        mesh = surface_of(bent(grid.nodes), grid.triangles)
        (loop,) = mesh.loops
        flat = disk_map(mesh, np.arctan2(*grid.nodes[loop].T[::-1]), "cotangent")
        errors.append(np.abs(flat.nodes - grid.nodes).max())
    assert errors[-1] < 1e-3
    assert (np.divide(errors[:-1], errors[1:]) > 3).all()


@positive_weight
@every_seed
def test_positive_weights_turn_nothing_over_on_the_disk(weights, seed):
    mesh = surface(skewed_disk(seed))
    angles = uneven(angles_by_arc(mesh))
    assert (disk_map(mesh, angles, "cotangent").areas < 0).any()
    flat = disk_map(mesh, angles, weights)
    assert (flat.areas > 0).all()
    polygon = flat.nodes[flat.rims[0]] @ [1, 1j]
    area = 0.5 * (polygon.conj() * np.roll(polygon, -1)).imag.sum()
    assert_allclose(flat.areas.sum(), area)


@every_weight
def test_a_mesh_without_inner_nodes(weights):
    mesh = surface_of(np.array([[0.0, 0], [1, 0], [0, 1]]), np.array([[0, 1, 2]]))
    angles = np.array([0.5, 1.5, 4.0])
    nodes = disk_map(mesh, angles, weights).nodes
    expected = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert_allclose(nodes[mesh.loops[0]], expected)


def test_strip_of_circles_is_angle_and_logarithm():
    errors = []
    for n in (6, 12, 24):
        mesh = surface(round_ring(n, 6 * n, seed=0))
        flat = strip_map(mesh, tuple(rim_angles(mesh)), "cotangent")
        radius, angle = np.linalg.norm(mesh.points, axis=1), np.arctan2(*mesh.points.T[::-1])
        off = np.abs(np.exp(1j * flat.nodes[:, 0]) - np.exp(1j * angle)).max()
        errors.append([off, np.abs(flat.nodes[:, 1] - np.log(radius) / np.log(0.3)).max()])
    assert np.max(errors[-1]) < 2e-3
    assert (np.divide(errors[:-1], errors[1:]) > 2.5).all()


def test_strip_of_even_rings_is_exact():
    """By symmetry the angle is that of the ring's turn, whatever the weights."""
    mesh = surface(round_ring())
    flat = strip_map(mesh, tuple(rim_angles(mesh)), "uniform")
    assert_allclose(flat.nodes[:, 1], 1 - np.arange(7 * 30) // 30 / 6, atol=1e-12)


def some_ring(seed):
    mesh = surface(round_ring(seed=seed))
    outline, hole = mesh.loops
    shares = [arc_fractions(mesh.points, outline, 3), arc_fractions(mesh.points, hole[::-1], 5)]
    return mesh, (TURN * shares[0], TURN * shares[1][::-1])


@every_weight
@every_seed
def test_strip_goes_around_the_cylinder_once(weights, seed):
    mesh, angles = some_ring(seed)
    flat = strip_map(mesh, angles, weights)
    assert flat.period == TURN
    assert len(flat.rims) == 2
    assert ((flat.nodes[:, 0] >= 0) & (flat.nodes[:, 0] <= TURN)).all()
    assert (flat.areas > 0).all()
    assert_allclose(flat.areas.sum(), TURN)  # circumference times height
    for loop, aim, height in zip(mesh.loops, angles, (0, 1), strict=True):
        assert_allclose(np.exp(1j * flat.nodes[loop, 0]), np.exp(1j * aim), atol=1e-12)
        assert_allclose(flat.nodes[loop, 1], height)


@every_weight
def test_corners_are_the_nodes_but_for_whole_turns(weights):
    mesh, angles = some_ring(0)
    flat = strip_map(mesh, angles, weights)
    turns = (flat.corners - flat.nodes[mesh.triangles]) / TURN
    assert_allclose(turns[..., 0], np.round(turns[..., 0]), atol=1e-12)
    assert_allclose(turns[..., 1], 0, atol=1e-12)
    assert set(np.unique(np.round(turns[..., 0]))) <= {-1, 0, 1}
    assert (np.ptp(flat.corners[..., 0], axis=1) < np.pi).all()
    assert np.abs(np.round(turns)).sum() > 0  # some do cross the cut


@every_weight
def test_angle_and_height_are_harmonic(weights):
    mesh, angles = some_ring(1)
    flat = strip_map(mesh, angles, weights)
    table = dense_weights(mesh, weights)
    steps = flat.nodes[None, :, 0] - flat.nodes[:, None, 0]
    steps -= TURN * np.round(steps / TURN)
    rises = flat.nodes[None, :, 1] - flat.nodes[:, None, 1]
    inner = np.setdiff1d(np.arange(len(table)), np.concatenate(mesh.loops))
    assert_allclose((table * steps).sum(axis=1)[inner], 0, atol=1e-9)
    assert_allclose((table * rises).sum(axis=1)[inner], 0, atol=1e-9)


@positive_weight
@every_seed
def test_positive_weights_turn_nothing_over_on_the_strip(weights, seed):
    places, cells = round_ring(6, 60, 0.05, seed=seed)
    mesh = surface_of(places * [1, 0.03], cells)
    angles = tuple(TURN * arc_fractions(mesh.points, loop, 0) for loop in mesh.loops)
    flat = strip_map(mesh, (angles[0], -angles[1]), weights)
    assert (flat.areas > 0).all()
    assert_allclose(flat.areas.sum(), TURN)


@every_weight
@pytest.mark.parametrize("start", range(3))
@pytest.mark.parametrize("first", range(3))
def test_three_nodes_around_the_hole_and_the_outline(weights, start, first):
    mesh = surface_of(*ring(n_rows=2, n_columns=3))
    outline, hole = mesh.loops
    angles = (
        TURN * arc_fractions(mesh.points, outline, first),
        TURN * arc_fractions(mesh.points, hole[::-1], start)[::-1],
    )
    flat = strip_map(mesh, angles, weights)
    assert (flat.areas > 0).all()
    for loop, aim in zip(mesh.loops, angles, strict=True):
        assert_allclose(np.exp(1j * flat.nodes[loop, 0]), np.exp(1j * aim), atol=1e-12)


@pytest.mark.parametrize("turn", [0, 0.25, 0.5, 0.75])
def test_the_mesh_does_not_decide_which_way_to_wind(turn):
    """Half a turn could be either way."""
    sides = []
    for seed in range(6):
        mesh = surface(round_ring(seed=seed))
        outer, hole = rim_angles(mesh)
        flat = strip_map(mesh, (outer, hole + np.pi * 2 * turn), "cotangent")
        middle = np.abs(flat.nodes[:, 1] - 0.5) < 0.1
        angle = np.arctan2(*mesh.points.T[::-1])
        sides.append(np.exp(1j * (flat.nodes[:, 0] - angle))[middle].mean())
    assert_allclose(sides, sides[0], atol=0.1)


def test_strip_of_a_boundary_layer():
    mesh = surface(boundary_layer())
    areas = np.abs(np.linalg.det(np.diff(mesh.points[mesh.triangles], axis=1)))
    assert areas.max() > 1e3 * areas.min()
    angles = [TURN * arc_fractions(mesh.points, loop, 0) for loop in mesh.loops]
    flat = strip_map(mesh, (angles[0], -angles[1]), "cotangent")
    assert (flat.areas > 0).all()
    assert_allclose(flat.areas.sum(), TURN)


@pytest.mark.parametrize("start", [0, 2, 4])
def test_shares_of_the_length_of_a_loop(rng, start):
    points, loop = rng.normal(size=(7, 2)), rng.permutation(7)[:5]
    shares = arc_fractions(points, loop, start)
    sides = [np.linalg.norm(points[loop[(i + 1) % 5]] - points[loop[i]]) for i in range(5)]
    for step in range(5):
        way = sum(sides[(start + k) % 5] for k in range(step))
        assert_allclose(shares[(start + step) % 5], way / sum(sides))
