import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.exceptions import MeshError
from skmanifold.mesh import MeshSample, surface_of
from skmanifold.mesh._location import FlatMesh
from skmanifold.mesh._morph import (
    MorphPlan,
    Outlined,
    common_kind,
    flattened,
    mean_fractions,
    medoid,
    morph_between,
    n_flips,
    outline,
    regular_disk,
    regular_strip,
    rims_of,
    smallest_angle,
    split_landmarks,
)
from tests.mesh._meshes import (
    TURN,
    orphaned,
    patch_sample,
    plate,
    plate_sample,
    renumbered,
    ring_sample,
    round_disk,
    round_ring,
    skewed_sample,
    surface,
    tetrahedron,
    two_holes,
)

WEIGHTS = ["cotangent", "mean_value", "uniform"]
QUARTERS = (np.array([0, 0.25, 0.5, 0.75]),)
NO_LANDMARKS = {1: (np.empty(0),), 2: (np.empty(0), np.empty(0))}


def outlined(sample):
    mesh = surface(as_pair(sample))
    return Outlined(mesh, split_landmarks(mesh, sample.landmarks))


def as_pair(sample):
    return sample.points, sample.cells


def unmarked(sample):
    mesh = surface(as_pair(sample))
    return Outlined(mesh, split_landmarks(mesh, np.array([], dtype=int)))


def signed_area(polygon):
    z = polygon @ [1, 1j]
    return 0.5 * (z.conj() * np.roll(z, -1)).imag.sum()


def plan(sample, **kwargs):
    """A plan whose support is the sample itself."""
    marked = outlined(sample)
    settings = {"kind": marked.surface.kind, "weights": "cotangent", "landmarks": True, **kwargs}
    draft = MorphPlan(fractions=tuple(marked.fractions), **settings)
    flat, _ = draft.flat_mesh(marked)
    return MorphPlan(fractions=tuple(marked.fractions), support=flat, **settings)


def test_rims_run_counter_clockwise():
    mesh = surface(round_ring(seed=0))
    outer, hole = rims_of(mesh)
    assert signed_area(mesh.points[outer]) > signed_area(mesh.points[hole]) > 0
    assert_array_equal(np.sort(hole), np.arange(30))


def test_landmarks_are_sorted_to_their_rims():
    mesh = surface(round_ring())
    landmarks = np.array([5, 180 + 7, 12, 180 + 19, 20])  # in turn; each rim keeps its order
    rims = rims_of(mesh)
    places = split_landmarks(mesh, landmarks)
    assert_array_equal(rims[0][places[0]], [187, 199])
    assert_array_equal(rims[1][places[1]], [5, 12, 20])


@pytest.mark.parametrize("first", range(4))
def test_any_landmark_may_be_the_first(first):
    points, cells, corners = plate()
    mesh = surface_of(points, cells)
    places = split_landmarks(mesh, np.roll(corners, first))
    assert_array_equal(rims_of(mesh)[0][places[0]], np.roll(corners, first))


@pytest.mark.parametrize("swap", [[0, 2, 1, 3], [3, 2, 1, 0], [1, 0, 2, 3]])
def test_landmarks_in_the_wrong_order(swap):
    points, cells, corners = plate()
    with pytest.raises(MeshError, match=r"must follow one another counter-clockwise .* got the"):
        split_landmarks(surface_of(points, cells), np.array(corners)[swap])


def test_landmarks_inside():
    points, cells, corners = plate()
    with pytest.raises(MeshError, match="nodes of the outline or of the hole, but node 30 is not"):
        split_landmarks(surface_of(points, cells), np.array([*corners[:3], 30]))


def test_landmarks_of_a_hole_in_the_wrong_order():
    mesh = surface(round_ring())
    split_landmarks(mesh, np.array([3, 9, 15]))
    with pytest.raises(MeshError, match="counter-clockwise along each rim"):
        split_landmarks(mesh, np.array([3, 15, 9]))


def test_shares_of_the_outline_up_to_landmarks():
    points, cells, corners = plate(depth=0)
    mesh = surface_of(points, cells)
    (shares,) = Outlined(mesh, split_landmarks(mesh, np.array(corners))).fractions
    assert_allclose(shares, [0, 1.5 / 5, 2.5 / 5, 4 / 5])


def test_angles_are_even_between_landmarks():
    points, cells, corners = plate(depth=0)
    mesh = surface_of(points, cells)
    aims = np.array([0, 0.1, 0.5, 0.6])
    marked = Outlined(mesh, split_landmarks(mesh, np.array(corners)))
    (angles,) = marked.angles([aims])
    turns = dict(zip(mesh.loops[0].tolist(), angles / TURN, strict=True))
    assert_allclose([turns[corner] for corner in corners], aims, atol=1e-12)
    lower = [turns[node] for node in range(9)]
    assert_allclose(lower, np.linspace(0, 0.1, 9), atol=1e-12)
    left = [turns[node] for node in range(6 * 9, 0, -9)]
    assert_allclose(left, np.linspace(0.6, 1, 7)[:-1])


def test_without_landmarks_a_rim_starts_from_its_leftmost_lowest_node(rng):
    sample = plate_sample(depth=0)
    noise = 1e-15 * rng.uniform(-1, 1, sample.points.shape)  # no two are equally far to the left
    for points in (sample.points, sample.points + noise):
        mesh = surface_of(points, sample.cells)
        (angles,) = unmarked(MeshSample(points, sample.cells)).angles(NO_LANDMARKS[1])
        assert mesh.loops[0][angles.argmin()] == 0
        assert angles.min() == 0


def test_another_number_of_landmarks():
    marked = outlined(ring_sample())
    with pytest.raises(MeshError, match=r"the hole must have 2 landmarks, .* and has 1"):
        marked.angles([np.array([0.0]), np.array([0.0, 0.5])])


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("sample", [plate_sample(seed=0), ring_sample(seed=0), patch_sample()])
def test_landmarks_lie_where_they_should(weights, sample):
    marked = outlined(sample)
    shift = [fractions + 0.02 * np.arange(len(fractions)) for fractions in marked.fractions]
    flat = flattened(marked, shift, weights)
    assert n_flips(flat) == 0
    for rim, places, aims in zip(rims_of(marked.surface), marked.places, shift, strict=True):
        nodes = flat.nodes[rim[places]]
        angle = nodes[:, 0] if flat.period else np.arctan2(*nodes.T[::-1])
        assert_allclose(np.exp(1j * angle), np.exp(1j * TURN * aims), atol=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("sample", [plate_sample(seed=1), ring_sample(seed=1)])
def test_numbers_and_senses_do_not_count(weights, sample, rng):
    other, number = renumbered(sample, rng)
    marked = outlined(sample)
    expected = flattened(marked, marked.fractions, weights).nodes
    again = outlined(other)
    found = flattened(again, again.fractions, weights).nodes[number]
    if marked.surface.kind == "annulus":
        assert_allclose(np.exp(1j * found[:, 0]), np.exp(1j * expected[:, 0]), atol=1e-11)
        found, expected = found[:, 1], expected[:, 1]
    assert_allclose(found, expected, atol=1e-11)


def test_turned_triangles_are_counted():
    flat = regular_disk(40)
    corners = flat.corners.copy()
    corners[[3, 5, 8]] = corners[[3, 5, 8], ::-1]
    assert n_flips(flat) == 0
    assert n_flips(FlatMesh(flat.nodes, flat.triangles, corners)) == 3


def test_smallest_angle_of_known_triangles():
    right = np.array([[0.0, 0], [1, 0], [0, 1]])
    even = np.array([[0.0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    blunt = np.array([[0.0, 0], [2, 0], [1, np.tan(np.radians(10))]])
    assert_allclose(smallest_angle(np.array([even])), 60)
    assert_allclose(smallest_angle(np.array([even, right[::-1]])), 45)
    assert_allclose(smallest_angle(np.array([even, blunt, right])), 10)


@pytest.mark.parametrize("n_nodes", [1, 7, 60, 500])
def test_regular_disk(n_nodes):
    flat = regular_disk(n_nodes)
    assert abs(len(flat.nodes) - n_nodes) <= max(6, 2 * np.sqrt(3 * n_nodes))
    assert (flat.areas > 0).all()
    assert_allclose(np.linalg.norm(flat.nodes[flat.rims[0]], axis=1), 1)
    n_rim = len(flat.rims[0])
    assert_allclose(flat.areas.sum(), 0.5 * n_rim * np.sin(TURN / n_rim))
    mesh = surface_of(flat.nodes, flat.triangles)
    assert set(mesh.loops[0]) == set(flat.rims[0])


@pytest.mark.parametrize("n_nodes", [6, 60, 500])
def test_regular_strip(n_nodes):
    flat = regular_strip(n_nodes)
    assert abs(len(flat.nodes) - n_nodes) <= max(6, 2 * np.sqrt(TURN * n_nodes))
    assert (flat.areas > 0).all()
    assert_allclose(flat.areas.sum(), TURN)
    turns = (flat.corners - flat.nodes[flat.triangles]) / [TURN, 1]
    assert_allclose(turns, np.round(turns), atol=1e-12)
    assert_array_equal(np.unique(flat.triangles), np.arange(len(flat.nodes)))


@pytest.mark.parametrize("sample", [plate_sample(seed=2), ring_sample(seed=2)])
def test_onto_itself_nothing_changes(sample):
    own = plan(sample)
    morph = own.morph(sample)
    for matrix in (morph.to_support, morph.from_support):
        assert_allclose(matrix.toarray(), np.eye(sample.n_nodes), atol=1e-9)
    assert (morph.n_flips, morph.clamped_share, morph.weights) == (0, 0.0, "cotangent")
    assert_allclose(morph.smallest_angle, smallest_angle(own.support.corners))
    assert_array_equal(morph.outline, outline(outlined(sample), own.fractions))


def test_share_of_clamped_points():
    """The inner nodes of one are well inside; the middles of chords are those of the other."""
    one, other = regular_disk(1), regular_disk(19)  # a hexagon, and one with twelve sides
    inside = FlatMesh(
        np.concatenate([other.nodes, [[0.94 * np.cos(np.pi / 6), 0.94 * np.sin(np.pi / 6)]]]),
        other.triangles,
        other.corners,
        rims=other.rims,
    )
    around = np.empty((0, 2))
    assert morph_between(one, other, "uniform", around).clamped_share == 0
    share = morph_between(one, inside, "uniform", around).clamped_share
    assert_allclose(share, 1 / (len(one.nodes) + len(inside.nodes)))


def test_weights_fall_back_where_cotangents_turn_triangles_over():
    sample = skewed_sample()
    marked = outlined(sample)
    fractions = (np.array([0, 0.3, 0.5, 0.8]),)
    flats = {}
    for weights in ("auto", "cotangent", "mean_value"):
        settings = {"kind": "disk", "weights": weights, "fractions": fractions}
        flats[weights], used = MorphPlan(**settings).flat_mesh(marked)
        assert used == weights.replace("auto", "mean_value")
    assert n_flips(flats["cotangent"]) > 0
    assert n_flips(flats["mean_value"]) == 0
    assert_array_equal(flats["auto"].nodes, flats["mean_value"].nodes)


def test_outlines_are_compared_at_equal_angles():
    points, cells = round_disk()
    rim = outline(unmarked(MeshSample(points, cells)), NO_LANDMARKS[1])
    assert_allclose(np.linalg.norm(rim, axis=1), 1, atol=1e-2)
    turn = np.angle(rim @ [1, 1j] / (rim[0] @ [1, 1j])) % TURN
    assert_allclose(turn, TURN * np.arange(128) / 128, atol=1e-3)
    assert outline(outlined(ring_sample()), [np.zeros(1), np.zeros(1)]).shape == (256, 2)


def test_medoid_is_the_nearest_to_the_mean(rng):
    outlines = rng.normal(size=(9, 12, 2))
    distances = [np.linalg.norm(each - outlines.mean(axis=0)) for each in outlines]
    assert medoid(outlines) == np.argmin(distances)


def test_kinds_must_agree():
    disk, ring = unmarked(plate_sample()), unmarked(ring_sample())
    assert common_kind({4: disk, 7: disk}) == "disk"
    assert common_kind({2: ring}) == "annulus"
    with pytest.raises(MeshError, match=r"X\[9\] is of the topology 'annulus' and X\[4\] of 'disk"):
        common_kind({4: disk, 7: disk, 9: ring})


def test_landmarks_must_agree():
    sample = plate_sample()
    fewer = MeshSample(sample.points, sample.cells, landmarks=sample.landmarks[:3])
    with pytest.raises(
        MeshError, match=r"X\[5\] has \[3\] landmarks on its rims and X\[1\] has \[4"
    ):
        mean_fractions({1: outlined(sample), 5: outlined(fewer)})
    found = mean_fractions({k: outlined(plate_sample(depth=0.1 * k)) for k in range(3)})
    single = [outlined(plate_sample(depth=0.1 * k)).fractions[0] for k in range(3)]
    assert_allclose(found[0], np.mean(single, axis=0))


FAULTS = {
    "a hole too many": (two_holes(), "one hole at most, but this one has 2"),
    "closed": (tetrahedron(), "the surface is closed"),
    "orphan": (orphaned(plate_sample()), "all 64 nodes must be in a cell, but 1 are in none: 63"),
    "ring": (ring_sample(), "of the topology 'annulus', and 'disk' is wanted"),
    "landmark": (
        MeshSample(*plate()[:2], landmarks=[0, 8, 30, 54]),
        "nodes of the outline or of the hole, but node 30",
    ),
    "missing": (MeshSample(*plate()[:2]), "landmarks are missing"),
}


@pytest.mark.parametrize(("sample", "fault"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named(sample, fault):
    with pytest.raises(MeshError, match=fault):
        plan(plate_sample()).morph(sample)


def test_rings_in_space():
    points, cells = round_ring()
    raised = MeshSample(np.insert(points, 2, 0.1 * points[:, 0], axis=1), cells)
    with pytest.raises(MeshError, match="a mesh with a hole must lie in the plane"):
        MorphPlan("auto", "cotangent").outlined(raised)


def test_shared_nodes_are_taken_as_they_are():
    first = tetrahedron()
    shared = MorphPlan("shared", "none", cells=first.cells, n_nodes=4)
    morph = shared.morph(first)
    assert_array_equal(morph.to_support.toarray(), np.eye(4))
    assert_array_equal(morph.from_support.toarray(), np.eye(4))
    assert morph.weights == "none"
    with pytest.raises(MeshError, match="the cells differ from those of the first"):
        shared.morph(MeshSample(first.points, first.cells[::-1]))
    with pytest.raises(MeshError, match="there are 5 nodes, and 4 in the first"):
        shared.morph(orphaned(first))
