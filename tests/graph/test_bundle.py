import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from skmanifold.datasets import make_vector_field
from skmanifold.graph import (
    SampledManifold,
    connection_spectrum,
    degrees,
    edges,
    kneighbors,
    n_stencil_nodes,
    neighbor_affinity,
    surface_spectrum,
    tangent_frames,
)
from skmanifold.graph._connection import transport_blocks
from skmanifold.mesh import cotangent_weights, vertex_areas, vertex_frames
from tests.graph.known_graphs import complete, cycle
from tests.graph.known_manifolds import (
    circle,
    even_sphere,
    everywhere,
    flat_frame,
    flat_torus,
    planes,
    random_gauges,
    sphere_frames,
)
from tests.mesh.test_surface import icosphere

# Eigenvalues of the unit sphere: of functions l (l + 1), of fields l (l + 1) - 1.
OF_FUNCTIONS = np.repeat([0, 2, 6, 12], [1, 3, 5, 7])
OF_FIELDS = np.repeat([1, 5, 11], [6, 10, 14])


def random_sphere(n_points, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_points, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def graph_of(X, n_neighbors):
    return neighbor_affinity(kneighbors(X, n_neighbors), n_neighbors)


def spectrum_of(X, n_neighbors, frames, n_pairs, **kwargs):
    return connection_spectrum(*graph_of(X, n_neighbors), frames, n_pairs, **kwargs)


def sphere_manifold(n_nodes=400, seed=0, gauges=None):
    nodes = random_sphere(n_nodes, seed)
    frames = sphere_frames(nodes)
    return SampledManifold.of(nodes, frames if gauges is None else frames @ gauges)


def height(points):
    return points[:, 2] ** 2 + points[:, 0]


def height_gradient(points):
    """The gradient of `height` in space, of which the tangential part is that on the sphere."""
    return np.stack([np.ones(len(points)), np.zeros(len(points)), 2 * points[:, 2]], 1)


def values_at(located, function):
    return located.stencils.values(located.frames.new_tensor(function)).numpy()


def test_frames_at_new_points_are_orthonormal_and_tangent():
    tilts = []
    for n_nodes in (300, 1200):
        new = random_sphere(200, seed=1)
        frames = sphere_manifold(n_nodes).locate(new).frames.numpy()
        gram = np.swapaxes(frames, 1, 2) @ frames
        assert_allclose(gram, everywhere(np.eye(2), 200), atol=1e-12)
        apart = sphere_frames(new) - planes(frames) @ sphere_frames(new)
        tilts.append(np.quantile(np.linalg.norm(apart, ord=2, axis=(1, 2)), [0.5, 0.9]))
    assert (tilts[1] < [0.001, 0.005]).all()
    assert (tilts[0] / tilts[1] > 4).all()


def test_frames_at_nodes_are_their_own():
    nodes = random_sphere(200)
    manifold = SampledManifold.of(nodes, sphere_frames(nodes))
    located = manifold.locate(nodes)
    assert_allclose(located.frames, sphere_frames(nodes), atol=1e-8)
    assert_allclose(located.nearness, 1)
    assert_allclose(located.stencils.distance, 0, atol=1e-12)


def test_nearness():
    """1 inside, falling on the way out, 0 far away."""
    nodes = random_sphere(300)
    manifold = SampledManifold.of(nodes, sphere_frames(nodes))
    assert_array_equal(manifold.locate(random_sphere(500, seed=1)).nearness, 1)
    way = np.linspace(1, 4, 60)[:, None] * nodes[:1]
    out = manifold.locate(way).nearness.numpy()
    assert (np.diff(out) <= 0).all()
    assert out[0] == 1
    assert out[-1] < 1e-12
    assert ((out > 0.1) & (out < 0.9)).any()
    assert np.isfinite(manifold.locate(1e8 * nodes[:3]).frames.numpy()).all()


def test_reach_is_the_radius_of_a_stencil():
    nodes = random_sphere(50)
    manifold = SampledManifold.of(nodes, sphere_frames(nodes))
    gaps = np.sort(np.linalg.norm(nodes[:, None] - nodes, axis=2), axis=1)
    assert_allclose(manifold.reach, gaps[:, n_stencil_nodes(2)])
    few = SampledManifold.of(nodes[:4], sphere_frames(nodes[:4]))
    gaps = np.linalg.norm(nodes[:4, None] - nodes[:4], axis=2)
    assert_allclose(few.reach, gaps.max(axis=1))


def test_functions_and_their_slopes_at_new_points():
    manifold, new = sphere_manifold(1500), random_sphere(200, seed=1)
    located = manifold.locate(new)
    nodes, frames = manifold.nodes.numpy(), located.frames.numpy()
    errors = np.abs(values_at(located, height(nodes)) - height(new))
    assert np.median(errors) < 0.0005
    assert errors.max() < 0.2
    slopes = located.stencils.derivatives(manifold.nodes.new_tensor(height(nodes))).numpy()
    expected = np.einsum("ndm,nd->nm", frames, height_gradient(new))
    assert np.median(np.abs(slopes - expected)) < 0.01
    assert np.corrcoef(slopes.ravel(), expected.ravel())[0, 1] > 0.99


def test_gauges_do_not_matter(rng):
    gauges = random_gauges(rng, 400, 2)
    new = np.concatenate([random_sphere(50, seed=1), 1.5 * random_sphere(50, seed=2)])
    here, there = sphere_manifold().locate(new), sphere_manifold(gauges=gauges).locate(new)
    assert_allclose(planes(there.frames.numpy()), planes(here.frames.numpy()), atol=1e-8)
    assert_allclose(there.stencils.weights, here.stencils.weights, atol=1e-8)
    assert_allclose(there.nearness, here.nearness)
    ambient = here.frames.numpy() @ np.swapaxes(here.stencils.slopes.numpy(), 1, 2)
    turned = there.frames.numpy() @ np.swapaxes(there.stencils.slopes.numpy(), 1, 2)
    assert_allclose(turned, ambient, atol=1e-6)


def test_a_point_alone_is_as_in_a_batch():
    manifold, new = sphere_manifold(), 1.1 * random_sphere(30, seed=1)
    batch = manifold.locate(new)
    for i, point in enumerate(new):
        alone = manifold.locate(point[None])
        assert_allclose(alone.frames[0], batch.frames[i], atol=1e-12)
        assert_allclose(alone.nearness[0], batch.nearness[i], atol=1e-12)
        assert_allclose(alone.stencils.weights[0], batch.stencils.weights[i], atol=1e-12)


@pytest.mark.parametrize("n_nodes", [1, 2, 3, 5])
def test_few_nodes(n_nodes):
    nodes = random_sphere(n_nodes)
    manifold = SampledManifold.of(nodes, sphere_frames(nodes))
    located = manifold.locate(np.concatenate([nodes, random_sphere(20, seed=1)]))
    assert_allclose(located.frames[:n_nodes], manifold.frames, atol=1e-8)
    gram = located.frames.mT @ located.frames
    assert_allclose(gram, everywhere(np.eye(2), len(gram)), atol=1e-10)
    assert_allclose(located.stencils.weights.sum(1), 1, atol=1e-9)


@pytest.mark.parametrize("n_neighbors", [4, 15])
def test_neighbor_affinity(n_neighbors):
    nodes = random_sphere(200)
    distances, indices = kneighbors(nodes, 20)  # more than asked for
    affinity, bandwidth = neighbor_affinity((distances, indices), n_neighbors)
    assert abs(affinity - affinity.T).max() < 1e-15
    scales = distances[:, n_neighbors // 4 - 1]
    assert_allclose(bandwidth, np.median(scales))
    rows = np.arange(200)
    joined = np.zeros((200, 200), dtype=bool)
    joined[rows[:, None], indices[:, :n_neighbors]] = True
    joined |= joined.T | np.eye(200, dtype=bool)
    assert_array_equal(affinity.toarray() > 0, joined)
    gaps = np.linalg.norm(nodes[:, None] - nodes, axis=2)
    weights = np.where(joined, np.exp(-(gaps**2) / np.outer(scales, scales)), 0)
    degree = weights.sum(axis=1)
    assert_allclose(affinity.toarray(), weights / np.outer(degree, degree), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-5, 1e5])
def test_units(unit):
    X = random_sphere(150)
    here, there = graph_of(X, 12), graph_of(unit * X, 12)
    assert_allclose(there[0].toarray(), here[0].toarray(), rtol=1e-6)
    assert_allclose(there[1], unit * here[1])
    spectra = [connection_spectrum(*graph, sphere_frames(X), 10) for graph in (here, there)]
    assert_allclose(spectra[1].eigenvalues * unit**2, spectra[0].eigenvalues, rtol=1e-5)


def test_nodes_that_nearly_coincide():
    X = np.concatenate([random_sphere(60), random_sphere(60)[:20] * (1 + 1e-9)])
    affinity, bandwidth = graph_of(X, 8)
    assert bandwidth > 0.01
    assert np.isfinite(affinity.data).all()
    spectrum = connection_spectrum(affinity, bandwidth, tangent_frames(X, manifold_dim=2), 10)
    assert np.isfinite(spectrum.eigenvalues).all()
    assert np.isfinite(spectrum.vectors).all()


@pytest.mark.parametrize("with_frames", [False, True])
def test_circle(with_frames):
    X, tangents = circle(150)
    spectrum = spectrum_of(X, 12, tangents if with_frames else None, 9)
    assert_allclose(spectrum.eigenvalues, np.repeat([0, 1, 4, 9, 16], 2)[1:], rtol=0.02, atol=1e-9)


def test_sphere_functions():
    found = spectrum_of(even_sphere(800), 16, None, len(OF_FUNCTIONS)).eigenvalues
    assert_allclose(found, OF_FUNCTIONS, rtol=0.1, atol=1e-9)


@pytest.mark.parametrize("estimated", [False, True])
def test_sphere_fields(estimated):
    X = even_sphere(800)
    frames = tangent_frames(X, manifold_dim=2, n_neighbors=12) if estimated else sphere_frames(X)
    found = spectrum_of(X, 16, frames, len(OF_FIELDS)).eigenvalues
    assert_allclose(found, OF_FIELDS, rtol=0.1)


@pytest.mark.parametrize("with_frames", [False, True])
def test_flat_torus(with_frames):
    """Two parallel fields, and everything else twice as often as for functions."""
    X = flat_torus(24)
    frames = tangent_frames(X, manifold_dim=2) if with_frames else None
    copies = 1 + with_frames
    found = spectrum_of(X, 20, frames, 13 * copies).eigenvalues
    # Wave vectors of length 0, 1, sqrt 2 and 2.
    truth = np.repeat([0, 1, 2, 4], copies * np.array([1, 4, 4, 4]))
    assert_allclose(found, truth, rtol=0.12, atol=1e-9)
    assert found[copies - 1] < 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_density_does_not_matter(seed):
    """On a circle sampled three times denser on one side."""
    share = (np.arange(300) + 0.5) / 300
    turn = 2 * np.pi * share + 0.5 * np.sin(2 * np.pi * share + seed)
    X = np.stack([np.cos(turn), np.sin(turn)], 1)
    found = spectrum_of(X, 16, None, 5)
    # The bandwidth that is the median stands for bandwidths of all sizes.
    ratios = found.eigenvalues[1:] / found.eigenvalues[1:3].mean()
    assert_allclose(ratios, [1, 1, 4, 4], rtol=0.2)


@pytest.mark.parametrize("with_frames", [False, True])
def test_pairs_are_those_of_the_walk(with_frames):
    X = random_sphere(100)
    affinity, bandwidth = graph_of(X, 10)
    frames = sphere_frames(X) if with_frames else None
    spectrum = connection_spectrum(affinity, bandwidth, frames, 12)
    order = 1 + with_frames
    assert spectrum.vectors.shape == (100, order, 12)
    assert (np.diff(spectrum.eigenvalues) >= 0).all()
    degree = degrees(affinity)
    flat = spectrum.vectors.reshape(-1, 12)
    weights = np.repeat(degree, order)[:, None]
    assert_allclose(flat.T @ (weights * flat), np.eye(12), atol=1e-10)
    blocks = transport_blocks(affinity, frames) if with_frames else affinity
    shares = np.exp(-spectrum.eigenvalues * bandwidth**2 / 4)
    assert_allclose(blocks @ flat / weights, shares * flat, atol=1e-10)


def test_gauges_turn_the_sections_and_keep_the_eigenvalues(rng):
    X = random_sphere(120)
    frames, gauges = sphere_frames(X), random_gauges(rng, 120, 2)
    here, there = (spectrum_of(X, 12, f, 16) for f in (frames, frames @ gauges))
    assert_allclose(there.eigenvalues, here.eigenvalues, atol=1e-9)
    # On a surface each eigenvalue comes twice: only the span of both is known.
    spans = [
        np.einsum("iak,jbk->iajb", sections, sections)
        for sections in (frames @ here.vectors, frames @ gauges @ there.vectors)
    ]
    assert_allclose(spans[1], spans[0], atol=1e-8)


def test_a_trivial_line_is_functions():
    X = random_sphere(100)
    graph = graph_of(X, 10)
    plain = connection_spectrum(*graph, None, 8)
    line = connection_spectrum(*graph, everywhere(flat_frame(3, 1), 100), 8)
    assert_allclose(line.eigenvalues, plain.eigenvalues, atol=1e-9)
    assert_allclose(np.abs(line.vectors), np.abs(plain.vectors), atol=1e-8)


def test_pairs_that_are_noise_are_left_out():
    """The walk on a complete graph mixes in one step: all but one eigenvalue are nought."""
    loops = complete(20) + csr_array(np.eye(20))
    spectrum = connection_spectrum(loops, 1.0, None, 15)
    assert_allclose(spectrum.eigenvalues, [0], atol=1e-12)
    assert_allclose(np.ptp(spectrum.vectors), 0, atol=1e-12)


def test_more_pairs_than_there_are():
    lazy = cycle(7) + csr_array(4 * np.eye(7))
    spectrum = connection_spectrum(lazy, 1.0, None, 100)
    shares = (4 + 2 * np.cos(2 * np.pi * np.arange(7) / 7)) / 6
    assert_allclose(spectrum.eigenvalues, np.sort(-4 * np.log(shares)), atol=1e-12)
    assert connection_spectrum(np.ones((1, 1)), 1.0, np.eye(3)[None, :, :2], 5).vectors.shape == (
        1,
        2,
        2,
    )


def test_each_part_has_its_own_constant():
    X = np.concatenate([random_sphere(60), random_sphere(60, 1) + 50])
    spectrum = spectrum_of(X, 8, None, 6)
    assert_allclose(spectrum.eigenvalues[:2], 0, atol=1e-9)
    assert spectrum.eigenvalues[2] > 0.1


@pytest.mark.parametrize("solver", ["dense", "lanczos", "chebyshev"])
def test_solvers_agree(solver):
    X = random_sphere(160)
    frames = sphere_frames(X)
    expected = spectrum_of(X, 12, frames, 12)
    found = spectrum_of(X, 12, frames, 12, solver=solver)
    assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-7)


def test_moebius_band_has_no_parallel_frame():
    """As a bundle: one field along it is parallel, one across it cannot be."""
    field = make_vector_field("moebius", 800, random_state=0)
    found = spectrum_of(field.X, 16, field.frames, 6).eigenvalues
    disk = np.random.default_rng(0).uniform(size=(800, 2)) * [6, 1]
    flat = spectrum_of(disk, 16, everywhere(np.eye(2), 800), 6).eigenvalues
    assert_allclose(flat[:2], 0, atol=1e-9)
    assert found[1] > 0.05


@pytest.mark.parametrize("n_splits", [2, 3])
def test_mesh_of_the_sphere(n_splits):
    points, faces = icosphere(n_splits)
    mesh = cotangent_weights(points, faces), vertex_areas(points, faces)
    functions = surface_spectrum(*mesh, None, len(OF_FUNCTIONS))
    assert_allclose(functions.eigenvalues, OF_FUNCTIONS, rtol=0.06, atol=1e-9)
    fields = surface_spectrum(*mesh, vertex_frames(points, faces), len(OF_FIELDS))
    assert_allclose(fields.eigenvalues, OF_FIELDS, rtol=0.06)


def test_meshes_of_the_sphere_in_the_limit():
    errors = []
    for n_splits in (1, 2, 3):
        points, faces = icosphere(n_splits)
        mesh = cotangent_weights(points, faces), vertex_areas(points, faces)
        found = surface_spectrum(*mesh, sphere_frames(points), 16).eigenvalues
        errors.append(np.abs(found - OF_FIELDS[:16]).max())
    assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.25)


@pytest.mark.parametrize("with_frames", [False, True])
def test_pairs_of_a_mesh_solve_the_generalized_problem(with_frames):
    points, faces = icosphere(2)
    weights, areas = cotangent_weights(points, faces), vertex_areas(points, faces)
    frames = vertex_frames(points, faces) if with_frames else None
    order = 1 + with_frames
    spectrum = surface_spectrum(weights, areas, frames, 10)
    n_pairs = len(spectrum.eigenvalues)  # an eigenvalue of several vectors is not cut
    flat = spectrum.vectors.reshape(-1, n_pairs)
    masses = np.repeat(areas, order)[:, None]
    assert_allclose(flat.T @ (masses * flat), np.eye(n_pairs), atol=1e-10)
    blocks = transport_blocks(weights, frames) if with_frames else weights
    image = np.repeat(degrees(weights), order)[:, None] * flat - blocks @ flat
    assert_allclose(image, spectrum.eigenvalues * masses * flat, atol=1e-9)


def test_units_of_a_mesh():
    points, faces = icosphere(1)
    spectra = [
        surface_spectrum(
            cotangent_weights(unit * points, faces), vertex_areas(unit * points, faces), None, 10
        )
        for unit in (1.0, 1e3)
    ]
    assert_allclose(1e6 * spectra[1].eigenvalues, spectra[0].eigenvalues, atol=1e-8)
    assert_allclose(1e3 * np.abs(spectra[1].vectors[:, 0, 0]), np.abs(spectra[0].vectors[:, 0, 0]))


def test_all_pairs_of_a_mesh():
    points, faces = icosphere(0)
    mesh = cotangent_weights(points, faces), vertex_areas(points, faces)
    assert surface_spectrum(*mesh, None, 500).vectors.shape == (12, 1, 12)
    assert surface_spectrum(*mesh, sphere_frames(points), 500).vectors.shape == (12, 2, 24)


def test_no_edge_is_lost_in_the_union():
    """Edges that one end alone names are edges too."""
    X = np.array([[0.0], [1.0], [1.5], [5.0]])
    affinity, _ = graph_of(X, 1)
    rows, columns, _ = edges(affinity)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) >= {(3, 2), (2, 3)}


@pytest.mark.gpu
def test_on_the_gpu():
    X = random_sphere(300)
    frames = sphere_frames(X)
    here, there = (spectrum_of(X, 12, frames, 10, device=place) for place in ("cpu", "cuda"))
    assert_allclose(there.eigenvalues, here.eigenvalues, atol=1e-8)
    located = SampledManifold.of(X, frames, device="cuda").locate(random_sphere(20, 1))
    expected = SampledManifold.of(X, frames).locate(random_sphere(20, 1))
    assert located.frames.device.type == "cuda"
    assert_allclose(located.stencils.weights.cpu(), expected.stencils.weights, atol=1e-8)
