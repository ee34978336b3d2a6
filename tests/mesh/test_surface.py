import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import diags_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, Delaunay
from scipy.stats import special_ortho_group

from skmanifold.mesh import cotangent_weights, face_areas, vertex_areas, vertex_frames
from skmanifold.mesh._surface import _frames_across
from tests.mesh.test_faces import moebius, shuffled

CORNERS = np.array(list(np.ndindex(2, 2, 2)), dtype=float)


def icosphere(n_splits):
    """The icosahedron with its faces split in four, pushed out to the sphere each time."""
    golden = (1 + 5**0.5) / 2
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * [1, golden]
    points = np.concatenate([np.roll(np.insert(signs, 0, 0, axis=1), k, axis=1) for k in range(3)])
    for _ in range(n_splits):
        faces = ConvexHull(points).simplices
        middles = (points[faces] + points[np.roll(faces, 1, axis=1)]).reshape(-1, 3) / 2
        points = np.concatenate([points, np.unique(middles.round(12), axis=0)])
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return points, ConvexHull(points).simplices


def random_sphere(n_vertices, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_vertices, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points, ConvexHull(points).simplices


def flat_mesh(seed=0, n_inside=80):
    """A Delaunay triangulation of the unit square, all of its boundary in many short edges."""
    side = np.linspace(0, 1, 11)
    frame = np.concatenate([np.stack([side, 0 * side], 1), np.stack([side, 0 * side + 1], 1)])
    inside = np.random.default_rng(seed).uniform(0.08, 0.92, size=(n_inside, 2))
    plane = np.unique(np.concatenate([frame, frame[:, ::-1], inside]), axis=0)
    return np.insert(plane, 2, 0, axis=1), Delaunay(plane).simplices


def moebius_band(n_rows=6, n_columns=60):
    """Vertices, faces and true normals, whose signs cannot agree everywhere."""
    height, turn = np.meshgrid(
        np.linspace(-0.4, 0.4, n_rows + 1),
        2 * np.pi * np.arange(n_columns) / n_columns,
        indexing="ij",
    )
    height, turn = height.ravel(), turn.ravel()
    radius = 1 + height * np.cos(turn / 2)
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), height * np.sin(turn / 2)], 1)
    across = np.stack(
        [np.cos(turn / 2) * np.cos(turn), np.cos(turn / 2) * np.sin(turn), np.sin(turn / 2)], 1
    )
    around = np.stack(
        [
            -radius * np.sin(turn) - height * np.sin(turn / 2) / 2 * np.cos(turn),
            radius * np.cos(turn) - height * np.sin(turn / 2) / 2 * np.sin(turn),
            height * np.cos(turn / 2) / 2,
        ],
        1,
    )
    normals = np.cross(across, around)
    return points, moebius(n_rows, n_columns), normals / np.linalg.norm(normals, axis=1)[:, None]


def laplacian(weights):
    return diags_array(weights.sum(axis=1)) - weights


def planes(frames):
    """The projectors on the planes, in which the choice of a frame cancels."""
    return frames @ np.swapaxes(frames, 1, 2)


def tilt(frames, normals):
    """Sines of the angles between the planes and the true ones, root mean square."""
    return np.sqrt((np.einsum("ndm,nd->nm", frames, normals) ** 2).sum(axis=1).mean())


def motion(seed):
    return special_ortho_group.rvs(3, random_state=seed)


MESHES = {
    "icosphere": icosphere(1),
    "random sphere": random_sphere(50),
    "flat": flat_mesh(),
    "Moebius band": moebius_band(3, 20)[:2],
}
each_mesh = pytest.mark.parametrize(("points", "faces"), MESHES.values(), ids=MESHES.keys())


def test_area_of_the_square_and_of_the_cube():
    points, faces = flat_mesh()
    assert_allclose(face_areas(points, faces).sum(), 1)
    assert_allclose(face_areas(CORNERS, ConvexHull(CORNERS).simplices), 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_area_is_that_of_the_hull(seed):
    points = np.random.default_rng(seed).normal(size=(40, 3))
    hull = ConvexHull(points)
    assert_allclose(face_areas(points, hull.simplices).sum(), hull.area)


def test_area_of_the_sphere_in_the_limit():
    errors = [4 * np.pi - face_areas(*icosphere(n_splits)).sum() for n_splits in (1, 2, 3)]
    assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.1)


def test_heron(rng):
    points = rng.normal(size=(3, 3))
    sides = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    half = sides.sum() / 2
    assert_allclose(
        face_areas(points, np.array([[0, 1, 2]])), np.sqrt(half * np.prod(half - sides))
    )


def test_no_area_on_a_line():
    assert_array_equal(face_areas([[0, 0, 0], [1, 1, 1], [2, 2, 2]], np.array([[0, 1, 2]])), [0])


@each_mesh
def test_vertex_areas_sum_to_the_surface(points, faces):
    areas = vertex_areas(points, faces)
    assert areas.shape == (len(points),)
    assert (areas > 0).all()
    assert_allclose(areas.sum(), face_areas(points, faces).sum())


@each_mesh
def test_vertex_areas_by_loops(points, faces):
    expected = np.zeros(len(points))
    for face, area in zip(faces, face_areas(points, faces), strict=True):
        expected[face] += area / 3
    assert_allclose(vertex_areas(points, faces), expected)


def test_weights_by_angles():
    points, faces = flat_mesh()
    expected = np.zeros(2 * (len(points),))
    for face in faces:
        for corner in range(3):
            i, j, k = np.roll(face, corner)
            u, v = points[j] - points[i], points[k] - points[i]
            angle = np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
            expected[j, k] += 0.5 / np.tan(angle)
            expected[k, j] += 0.5 / np.tan(angle)
    assert expected.min() > -1e-12, "Delaunay, and short edges around: nothing to leave out"
    assert_allclose(cotangent_weights(points, faces).toarray(), expected, atol=1e-12)


@each_mesh
def test_weights_are_symmetric_and_positive_on_edges_alone(points, faces):
    weights = cotangent_weights(points, faces).toarray()
    edges = np.zeros_like(weights, dtype=bool)
    for one, other in [(0, 1), (1, 2), (2, 0)]:
        edges[faces[:, one], faces[:, other]] = edges[faces[:, other], faces[:, one]] = True
    assert_array_equal(weights, weights.T)
    assert (weights >= 0).all()
    assert not weights[~edges].any()


@pytest.mark.parametrize("seed", range(3))
def test_laplacian_of_linear_functions_is_0_inside_a_flat_mesh(seed):
    points, faces = flat_mesh(seed)
    inside = ((points[:, :2] > 0) & (points[:, :2] < 1)).all(axis=1)
    residual = laplacian(cotangent_weights(points, faces)) @ points
    assert_allclose(residual[inside], 0, atol=1e-12)
    assert np.abs(residual[~inside]).max() > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_energy_of_linear_functions(seed):
    """The integral of the squared gradient, which is the area times its square."""
    points, faces = flat_mesh(seed)
    slope = np.array([0.6, -1.7, 0])
    spun = points @ motion(seed).T
    values = points @ slope + 3
    energy = values @ laplacian(cotangent_weights(spun, faces)) @ values
    assert_allclose(energy, slope @ slope)


def test_energy_of_coordinates_is_twice_the_area():
    """As |grad x|^2 + |grad y|^2 + |grad z|^2 = 2 on any surface."""
    points, faces = random_sphere(100)
    energy = np.einsum("nd,nd->", points, laplacian(cotangent_weights(points, faces)) @ points)
    assert_allclose(energy, 2 * face_areas(points, faces).sum())


def test_spectrum_of_the_sphere_in_the_limit():
    """The eigenvalues l (l + 1), each 2 l + 1 times."""
    truth = np.repeat([0, 2, 6, 12], [1, 3, 5, 7])
    errors = []
    for n_splits in (1, 2, 3):
        points, faces = icosphere(n_splits)
        roots = diags_array(vertex_areas(points, faces) ** -0.5)
        matrix = roots @ laplacian(cotangent_weights(points, faces)) @ roots
        values = np.linalg.eigvalsh(matrix.toarray())[: len(truth)]
        errors.append(np.abs(values - truth).max())
    assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.2)


def test_negative_weights_are_left_out():
    """A kite whose diagonal is opposite to two angles of 127 degrees."""
    kite = np.array([[-2.0, 0, 0], [2, 0, 0], [0, 1, 0], [0, -1, 0]])
    weights = cotangent_weights(kite, np.array([[0, 1, 2], [0, 1, 3]])).toarray()
    sides = np.zeros((4, 4), dtype=bool)
    sides[:2, 2:] = sides[2:, :2] = True
    assert_allclose(weights[sides], 1)
    assert not weights[~sides].any()
    flipped = cotangent_weights(kite, np.array([[0, 2, 3], [1, 2, 3]])).toarray()
    assert_allclose(flipped[2, 3], 0.75, err_msg="acute angles: nothing is left out")


@pytest.mark.parametrize("seed", range(5))
def test_leaving_out_never_cuts_the_mesh_and_never_makes_it_indefinite(seed):
    rng = np.random.default_rng(seed)
    points, faces = flat_mesh(seed)
    squeezed = points * [1, 0.05, 1] + rng.normal(scale=0.01, size=points.shape)
    weights = cotangent_weights(squeezed, faces)
    assert weights.nnz < cotangent_weights(points, faces).nnz - 50
    assert connected_components(weights)[0] == 1
    assert np.linalg.eigvalsh(laplacian(weights).toarray())[0] > -1e-9 * weights.max()


@each_mesh
def test_size_and_place_do_not_matter(points, faces):
    moved = 1e3 * points @ motion(1).T + [5, -8, 2]
    assert_allclose(face_areas(moved, faces), 1e6 * face_areas(points, faces), rtol=1e-8)
    weights = cotangent_weights(points, faces).toarray()
    assert_allclose(cotangent_weights(moved, faces).toarray(), weights, atol=1e-10)
    turned = motion(1) @ planes(vertex_frames(points, faces)) @ motion(1).T
    assert_allclose(planes(vertex_frames(moved, faces)), turned, atol=1e-8)


@each_mesh
def test_order_and_sense_of_the_faces_do_not_matter(points, faces, rng):
    other = shuffled(faces, rng)
    assert_allclose(vertex_areas(points, other), vertex_areas(points, faces))
    weights = cotangent_weights(points, faces).toarray()
    assert_allclose(cotangent_weights(points, other).toarray(), weights, atol=1e-12)
    frames = vertex_frames(points, faces)
    assert_allclose(planes(vertex_frames(points, other)), planes(frames), atol=1e-9)


@each_mesh
def test_vertices_anew(points, faces, rng):
    """Counting the vertices in another order reorders what belongs to them."""
    order = rng.permutation(len(points))
    other = points[order], np.argsort(order)[faces]
    assert_allclose(vertex_areas(*other), vertex_areas(points, faces)[order])
    weights = cotangent_weights(points, faces).toarray()
    assert_allclose(cotangent_weights(*other).toarray(), weights[order][:, order], atol=1e-12)
    frames = planes(vertex_frames(points, faces))
    assert_allclose(planes(vertex_frames(*other)), frames[order], atol=1e-9)


@each_mesh
def test_twice_the_same(points, faces):
    assert_array_equal(vertex_frames(points, faces), vertex_frames(points, faces))
    once, again = (cotangent_weights(points, faces) for _ in range(2))
    assert_array_equal(once.indices, again.indices)
    assert_array_equal(once.data, again.data)


@each_mesh
def test_frames_are_orthonormal(points, faces):
    frames = vertex_frames(points, faces)
    assert frames.shape == (len(points), 3, 2)
    gram = np.swapaxes(frames, 1, 2) @ frames
    assert_allclose(gram, np.broadcast_to(np.eye(2), gram.shape), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_frames_are_across_the_mean_normals_by_loops(seed, rng):
    points, faces = random_sphere(60, seed)
    points = points * [1, 2, 0.5]
    normals = np.zeros_like(points)
    for i, j, k in faces:
        normal = np.cross(points[j] - points[i], points[k] - points[i])
        normals[[i, j, k]] += normal * np.sign(normal @ points[i])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert tilt(vertex_frames(points, shuffled(faces, rng)), normals) < 1e-8


def test_the_plane_alone_decides_on_the_frame(rng):
    points, faces = random_sphere(60)
    frames = vertex_frames(points, faces)
    assert_allclose(vertex_frames(points, shuffled(faces, rng)), frames, atol=1e-9)
    assert_allclose(_frames_across(-points), _frames_across(points), atol=1e-12)


def test_frames_of_the_plane():
    points, faces = flat_mesh()
    frames = vertex_frames(points, faces)
    assert_allclose(frames[:, 2], 0, atol=1e-12)
    assert_allclose(frames, np.broadcast_to(frames[0], frames.shape), atol=1e-12)


def test_frames_of_the_sphere_in_the_limit():
    tilts = [
        tilt(vertex_frames(points, faces), points) for points, faces in map(icosphere, (2, 3, 4))
    ]
    assert (np.divide(tilts[1:], tilts[:-1]) < 0.6).all()
    assert tilts[-1] < 0.01


def test_frames_of_a_sphere_of_random_vertices_in_the_limit():
    tilts = [tilt(vertex_frames(*mesh), mesh[0]) for mesh in map(random_sphere, (250, 1000, 4000))]
    assert (np.divide(tilts[1:], tilts[:-1]) < 0.65).all()


def test_frames_of_the_moebius_band_in_the_limit(rng):
    tilts = []
    for scale in (1, 2, 4):
        points, faces, normals = moebius_band(3 * scale, 30 * scale)
        tilts.append(tilt(vertex_frames(points, shuffled(faces, rng)), normals))
    assert (np.divide(tilts[1:], tilts[:-1]) < 0.65).all()
    assert tilts[-1] < 0.03


def test_frames_at_the_corners_of_a_cube(rng):
    """Faces at right angles: the sum of the products n n^T says nothing, the mean normal does."""
    sides = np.array(
        [[0, 2, 6, 4], [1, 3, 7, 5], [0, 1, 5, 4], [2, 3, 7, 6], [0, 1, 3, 2], [4, 5, 7, 6]]
    )
    middles = CORNERS[sides].mean(axis=1)
    points = np.concatenate([CORNERS, middles])
    rim = np.stack([sides, np.roll(sides, 1, axis=1)], axis=2).reshape(-1, 2)
    faces = shuffled(np.insert(rim, 0, 8 + np.repeat(np.arange(6), 4), axis=1), rng)
    frames = vertex_frames(points, faces)
    diagonals = (CORNERS - 0.5) * 2 / 3**0.5
    assert_allclose(np.einsum("ndm,nd->nm", frames[:8], diagonals), 0, atol=1e-7)
    assert_allclose(np.einsum("ndm,nd->nm", frames[8:], middles - 0.5), 0, atol=1e-12)


@pytest.mark.parametrize("bend", [0.1, 1.0, 2.0, 3.0])
def test_frames_at_a_fold(bend):
    """Two like triangles: the normal halves the outer angle, however sharp the fold."""
    apex = np.array([np.sin(bend / 2), 0, np.cos(bend / 2)])
    points = np.array([[0, -1, 0], [0, 1, 0], apex[[2, 1, 0]], apex[[2, 1, 0]] * [-1, 1, 1]])
    frames = vertex_frames(points, np.array([[0, 1, 2], [0, 1, 3]]))
    assert_allclose(frames[:2, 2], 0, atol=1e-6)


def test_frames_at_the_rim_of_a_sheet_folded_flat(rng):
    """The normals cancel there, and yet there is a plane."""
    points, faces = flat_mesh()
    inside = np.flatnonzero(((points[:, :2] > 0) & (points[:, :2] < 1)).all(axis=1))
    twin = np.arange(len(points))
    twin[inside] = len(points) + np.arange(len(inside))
    closed = np.concatenate([faces, twin[faces]])
    turn = motion(2)
    frames = vertex_frames(np.concatenate([points, points[inside]]) @ turn.T, closed)
    assert_allclose(np.einsum("ndm,d->nm", frames, turn[:, 2]), 0, atol=1e-7)


def test_frames_where_parts_touch_in_a_vertex():
    """Two triangles in one plane, whose senses nothing relates."""
    points = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [-1, 0, 1], [0, -1, 1]])
    for second in ([0, 3, 4], [0, 4, 3]):
        frames = vertex_frames(points, np.array([[0, 1, 2], second]))
        assert_allclose(frames[:, 2], 0, atol=1e-12)


@pytest.mark.parametrize("function", [face_areas, vertex_areas, cotangent_weights, vertex_frames])
@pytest.mark.parametrize(
    ("points", "message"),
    [
        (
            np.eye(3)[:, :2],
            "vertices must be of shape (n_vertices, 3), got (3, 2). Give vertices "
            "in the plane a third column of zeros.",
        ),
        (np.ones(3), "vertices must be of shape (n_vertices, 3), got (3,)"),
        (
            [[0, 0, 0], [1, 0, np.nan], [np.inf, 1, 0]],
            "vertices must be finite, got NaN or infinity in rows 1, 2.",
        ),
    ],
)
def test_wrong_vertices(function, points, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(points, np.array([[0, 1, 2]]))


@pytest.mark.parametrize("function", [cotangent_weights, vertex_frames])
@pytest.mark.parametrize(
    "third",
    [[0.1 + 3 * 0.7, 0.2 + 3 * 0.9, 0.3], [0.1, 0.2, 0.3], [0.1 + 0.7, 0.2 + 0.9, 0.3]],
    ids=["on a line", "with the first", "with the second"],
)
@pytest.mark.parametrize("shift", [0, 1e6])
def test_faces_without_area(function, third, shift):
    points = np.array([[0, 0, 5], [0.1, 0.2, 0.3], [0.8, 1.1, 0.3], third]) + shift
    message = (
        "faces must have an area, but the vertices [1, 2, 3] of row 1 lie on a line or in one "
        "place. Rows without area: 1. Merge vertices that lie in one place, and drop these faces."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        function(points, np.array([[0, 1, 2], [1, 2, 3]]))


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9])
def test_small_and_thin_faces_are_faces(size):
    points = size * np.array([[0, 0, 0], [1, 0, 0], [0.5, 1e-6, 0]])
    weights = cotangent_weights(points, np.array([[0, 1, 2]])).toarray()
    assert_allclose(weights[0, 2], 0.25e6)
    assert_allclose(vertex_frames(points, np.array([[0, 1, 2]]))[:, 2], 0, atol=1e-12)


def test_inputs_are_left_alone():
    points, faces = random_sphere(20)
    copies = points.copy(), faces.copy()
    for array in (points, faces):
        array.flags.writeable = False
    for function in (face_areas, vertex_areas, cotangent_weights, vertex_frames):
        function(points, faces)
    assert_array_equal(points, copies[0])
    assert_array_equal(faces, copies[1])
