import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import block_diag
from scipy.sparse import csr_array
from scipy.stats import ortho_group, special_ortho_group
from sklearn import config_context

from skmanifold.graph import (
    connection,
    connection_laplacian,
    degrees,
    edges,
    kneighbors,
    neighbor_graph,
    self_tuning_affinity,
    union_graph,
)
from skmanifold.graph import laplacian as graph_laplacian
from skmanifold.graph._connection import (
    density_free,
    symmetric_walk,
    transport_blocks,
    with_self_loops,
)
from tests.graph.known_graphs import cycle, from_edges, path, random_graph
from tests.graph.known_manifolds import (
    everywhere,
    flat_frame,
    jittered_grid,
    random_gauges,
    sphere_frames,
)

N_NODES = 40


def random_frames(rng, order, n_features=5, n_nodes=N_NODES):
    return np.linalg.qr(rng.normal(size=(n_nodes, n_features, order)))[0]


def transport(frames, i, j):
    return connection(frames, np.array([i]), np.array([j]))[0]


def carried_around(frames, loop):
    """Coordinates in the frame of the first node, after a way through all and back."""
    total = np.eye(frames.shape[2])
    for here, there in zip(loop, np.roll(loop, -1), strict=True):
        total = transport(frames, there, here) @ total
    return total


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def spherical_area(corners):
    """Of a triangle of great circles, positive where its corners run counterclockwise."""
    a, b, c = corners
    below = 1 + a @ b + b @ c + c @ a
    return 2 * np.arctan2(np.linalg.det(corners), below)


def spectrum(matrix):
    return np.linalg.eigvalsh(matrix.toarray())


@pytest.mark.parametrize("order", [1, 2, 3])
def test_transports_are_orthogonal_and_there_and_back_is_nothing(rng, order):
    frames = random_frames(rng, order)
    rows, columns = rng.integers(N_NODES, size=(2, 100))
    there, back = connection(frames, rows, columns), connection(frames, columns, rows)
    assert there.shape == (100, order, order)
    assert_allclose(there @ np.swapaxes(there, 1, 2), everywhere(np.eye(order), 100), atol=1e-13)
    assert_allclose(back, np.swapaxes(there, 1, 2), atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_transports_by_singular_values(rng, order):
    frames = random_frames(rng, order)
    for i, j in rng.integers(N_NODES, size=(30, 2)):
        left, _, right = np.linalg.svd(frames[i].T @ frames[j])
        assert_allclose(transport(frames, i, j), left @ right, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_stays_where_it_is(rng, order):
    frames = random_frames(rng, order)
    nodes = np.arange(N_NODES)
    assert_allclose(
        connection(frames, nodes, nodes), everywhere(np.eye(order), N_NODES), atol=1e-13
    )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_follows_the_gauge_and_no_rotation_of_the_space(rng, order):
    frames, gauges = random_frames(rng, order), random_gauges(rng, N_NODES, order)
    rows, columns = rng.integers(N_NODES, size=(2, 100))
    expected = connection(frames, rows, columns)
    there = connection(frames @ gauges, rows, columns)
    assert_allclose(there, np.swapaxes(gauges[rows], 1, 2) @ expected @ gauges[columns], atol=1e-11)
    rotated = ortho_group.rvs(5, random_state=0) @ frames
    assert_allclose(connection(rotated, rows, columns), expected, atol=1e-11)


@pytest.mark.parametrize("seed", range(10))
def test_a_triangle_of_the_sphere_turns_by_its_area(seed):
    """Gauss and Bonnet: of great circles below a quarter, and exactly, whatever their lengths."""
    corners = special_ortho_group.rvs(3, random_state=seed)
    corners += np.random.default_rng(seed).uniform(0.1, 0.5, size=(3, 1)) * corners.sum(axis=0)
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    assert (corners @ corners.T).min() > 0
    area = spherical_area(corners)
    assert abs(area) > 0.3
    frames = sphere_frames(corners)
    assert_allclose(carried_around(frames, [0, 1, 2]), turn(area), atol=1e-12)
    assert_allclose(carried_around(frames, [2, 1, 0]).trace(), 2 * np.cos(area), atol=1e-12)


@pytest.mark.parametrize("latitude", [0.0, 0.3, 0.7, 1.2])
def test_a_circle_of_latitude_turns_by_the_area_of_its_cap(latitude):
    errors = []
    for n_nodes in (50, 100, 200):
        around = 2 * np.pi * np.arange(n_nodes) / n_nodes
        radius = np.cos(latitude)
        points = np.stack(
            [radius * np.cos(around), radius * np.sin(around), np.full(n_nodes, np.sin(latitude))],
            axis=1,
        )
        found = carried_around(sphere_frames(points), np.arange(n_nodes))
        cap = 2 * np.pi * (1 - np.sin(latitude))
        errors.append(np.abs(found - turn(cap)).max())
    assert errors[-1] < 2e-3
    if latitude > 0:  # the equator is a great circle itself
        assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.05)


def test_a_flat_cone_turns_by_the_angle_that_it_lacks(rng):
    """A rolled sheet is flat: nothing turns, unless the tip is inside of the loop."""
    slope = 0.8  # of the cone's sides to its axis, hence 2 pi sin(slope) around the tip
    around = 2 * np.pi * np.arange(400) / 400
    up = np.stack([np.cos(around) * np.sin(slope), np.sin(around) * np.sin(slope)], 1)
    sides = np.column_stack([up, np.full(400, np.cos(slope))])
    frames = np.stack(
        [np.stack([-np.sin(around), np.cos(around), 0 * around], 1), sides], axis=2
    ) @ np.array([turn(angle) for angle in rng.uniform(0, 6, size=400)])
    # Seen from the tip downwards, counterclockwise about the axis is clockwise: only cosines.
    whole = carried_around(frames, np.arange(400)).trace()
    assert_allclose(whole, 2 * np.cos(2 * np.pi * np.sin(slope)), atol=1e-3)
    half = np.concatenate([np.arange(200), np.arange(199)[::-1]])
    assert_allclose(carried_around(frames, half), np.eye(2), atol=1e-11)


def test_chunks_do_not_show(rng):
    frames = random_frames(rng, 2)
    rows, columns = rng.integers(N_NODES, size=(2, 500))
    whole = connection(frames, rows, columns)
    with config_context(working_memory=0.01):
        assert_allclose(connection(frames, rows, columns), whole, atol=1e-15)


def test_no_edges():
    none = np.array([], dtype=int)
    assert connection(np.zeros((3, 2, 1)), none, none).shape == (0, 1, 1)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_quadratic_form(rng, order):
    weights, frames = random_graph(rng), random_frames(rng, order)
    matrix = connection_laplacian(weights, frames)
    field = rng.normal(size=(N_NODES, order))
    total = 0.0
    for i, j, weight in zip(*edges(weights), strict=True):
        if i < j:
            total += weight * ((field[i] - transport(frames, i, j) @ field[j]) ** 2).sum()
    assert_allclose(field.ravel() @ (matrix @ field.ravel()), total)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_blocks_by_loops(rng, order):
    weights, frames = random_graph(rng), random_frames(rng, order)
    dense = weights.toarray()
    expected = np.kron(np.diag(dense.sum(axis=1)), np.eye(order))
    for i, j in np.argwhere(dense):
        here, there = slice(i * order, (i + 1) * order), slice(j * order, (j + 1) * order)
        expected[here, there] = -dense[i, j] * transport(frames, i, j)
    assert_allclose(connection_laplacian(weights, frames).toarray(), expected, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_symmetric_and_positive(rng, order):
    matrix = connection_laplacian(random_graph(rng), random_frames(rng, order))
    assert (matrix != matrix.T).nnz == 0  # to the last bit
    values = spectrum(matrix)
    assert values[0] > -1e-13
    assert values[0] > 1e-6  # random frames turn: no field is parallel


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equal_frames_are_as_many_graph_laplacians(rng, order):
    weights, frames = random_graph(rng), everywhere(flat_frame(4, order), N_NODES)
    plain = graph_laplacian(weights, np.ones(N_NODES)).toarray()
    found = connection_laplacian(weights, frames).toarray()
    assert_allclose(found, np.kron(plain, np.eye(order)), atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_spectrum_depends_on_no_gauge(rng, order):
    weights, frames = random_graph(rng), random_frames(rng, order)
    gauges = random_gauges(rng, N_NODES, order)
    here, there = (connection_laplacian(weights, f) for f in (frames, frames @ gauges))
    assert_allclose(spectrum(there), spectrum(here), atol=1e-12)
    both = block_diag(*gauges)
    assert_allclose(there.toarray(), both.T @ here.toarray() @ both, atol=1e-12)


def flat_sheet(rng, order, gauges=True):
    """Weights and frames of a flat sheet in space, of one piece."""
    X = jittered_grid(rng, order, (20, 6, 4)[order - 1])
    found = kneighbors(X, 2 * 3 ** (order - 1))
    graph = union_graph(neighbor_graph(*found))
    frames = everywhere(flat_frame(5, order), len(X))
    turned = frames @ random_gauges(rng, len(X), order)
    return self_tuning_affinity(graph, found[0][:, -1]), turned if gauges else frames


@pytest.mark.parametrize("order", [1, 2, 3])
def test_parallel_fields_of_a_flat_sheet(rng, order):
    """Fields that are constant in space are not moved at all, and nothing else is."""
    weights, frames = flat_sheet(rng, order)
    matrix = connection_laplacian(weights, frames)
    constant = flat_frame(5, order)
    for axis in constant.T:
        coordinates = np.einsum("ndm,d->nm", frames, axis)
        assert_allclose(matrix @ coordinates.ravel(), 0, atol=1e-12)
    values = spectrum(matrix)
    assert_allclose(values[:order], 0, atol=1e-12)
    assert values[order] > 1e-3


@pytest.mark.parametrize("order", [1, 2])
def test_each_part_has_its_own_parallel_fields(rng, order):
    weights, frames = flat_sheet(rng, order)
    twice = csr_array(block_diag(weights.toarray(), weights.toarray()))
    values = spectrum(connection_laplacian(twice, np.concatenate([frames, frames])))
    assert_allclose(values[: 2 * order], 0, atol=1e-12)
    assert values[2 * order] > 1e-3


@pytest.mark.parametrize("n_half_turns", [0, 1, 2, 3])
def test_a_line_that_turns_half_around_has_no_parallel_field(n_half_turns):
    """The Moebius band: sections of its bundle change sign once around."""
    n_nodes = 12
    angle = np.pi * n_half_turns * np.arange(n_nodes) / n_nodes
    frames = np.stack([np.cos(angle), np.sin(angle)], 1)[:, :, None]
    waves = np.arange(n_nodes) + 0.5 * (n_half_turns % 2)
    expected = 2 - 2 * np.cos(2 * np.pi * waves / n_nodes)
    assert_allclose(
        spectrum(connection_laplacian(cycle(n_nodes), frames)), np.sort(expected), atol=1e-12
    )


@pytest.mark.parametrize("order", [1, 2])
def test_self_loops_do_not_count(rng, order):
    weights, frames = random_graph(rng), random_frames(rng, order)
    expected = connection_laplacian(weights, frames).toarray()
    looped = connection_laplacian(with_self_loops(weights), frames).toarray()
    assert_allclose(looped, expected, atol=1e-13)


def test_nodes_without_edges(rng):
    frames = random_frames(rng, 2, n_nodes=4)
    matrix = connection_laplacian(from_edges(4, [0], [1]), frames).toarray()
    assert not matrix[4:].any()
    assert not matrix[:, 4:].any()
    assert connection_laplacian(csr_array((4, 4)), frames).nnz == 0


@pytest.mark.parametrize("convert", [np.asarray, csr_array, lambda a: csr_array(a).tocoo()])
def test_kinds_of_weights(rng, convert):
    weights, frames = random_graph(rng), random_frames(rng, 2)
    found = connection_laplacian(convert(weights.toarray()), frames)
    assert isinstance(found, csr_array)
    assert_allclose(found.toarray(), connection_laplacian(weights, frames).toarray())


def test_frames_of_whole_numbers():
    """Axes written as 0 and 1."""
    axes = np.array([[[1, 0], [0, 1], [0, 0]], [[0, 0], [1, 0], [0, 1]]])
    for frames in (axes, axes.tolist()):
        found = connection_laplacian(0.25 * path(2), frames).toarray()
        assert_allclose(found, connection_laplacian(0.25 * path(2), axes.astype(float)).toarray())


@pytest.mark.parametrize("shape", [(3, 5, 2), (N_NODES, 5), (N_NODES,)])
def test_frames_of_another_shape(rng, shape):
    with pytest.raises(ValueError, match=r"frames must have shape .* 40 nodes of affinity"):
        connection_laplacian(random_graph(rng), np.zeros(shape))


@pytest.mark.parametrize(
    ("weight", "message"),
    [(-1.0, "affinity must not be negative, got -1"), (np.nan, "affinity contains NaN")],
)
def test_weights_that_are_none(weight, message):
    weights = csr_array(np.array([[0.0, weight], [weight, 0.0]]))
    with pytest.raises(ValueError, match=message):
        connection_laplacian(weights, np.ones((2, 1, 1)))


def test_weights_with_directions(rng):
    weights = random_graph(rng)
    weights[3, 7] = 1.0
    weights[7, 3] = 0.5
    with pytest.raises(ValueError, match="affinity must be symmetric"):
        connection_laplacian(weights, random_frames(rng, 2))
    with pytest.raises(ValueError, match="frames must have shape"):
        connection_laplacian(csr_array((N_NODES, 3)), random_frames(rng, 2))


def test_density_free_weights(rng):
    weights = random_graph(rng)
    degree = degrees(weights)
    found = density_free(weights)
    assert_allclose(found.toarray(), weights.toarray() / np.outer(degree, degree))
    # Copies of a node share its weight: nothing else sees how many there are.
    copies = np.array([0, 0, 0, *range(1, N_NODES)])
    dense = with_self_loops(weights).toarray()
    crowd = density_free(csr_array(dense[np.ix_(copies, copies)])).toarray()
    alone = density_free(csr_array(dense)).toarray()
    far = np.flatnonzero((dense[0] == 0) & (dense @ dense[0] == 0))
    assert len(far) > 2
    assert_allclose(crowd[np.ix_(far + 2, far + 2)], alone[np.ix_(far, far)])


def test_symmetric_walk(rng):
    weights = with_self_loops(random_graph(rng))
    walk, degree = symmetric_walk(weights)
    assert_allclose(degree, degrees(weights))
    assert_allclose(walk @ np.sqrt(degree), np.sqrt(degree))
    values = spectrum(walk)
    assert_allclose(values[-1], 1)
    assert values[0] > -1


@pytest.mark.parametrize("order", [1, 2, 3])
def test_transport_blocks(rng, order):
    weights, frames = with_self_loops(random_graph(rng)), random_frames(rng, order)
    blocks = transport_blocks(weights, frames)
    assert (blocks != blocks.T).nnz == 0
    degree = np.repeat(degrees(weights), order)
    expected = np.diag(degree) - connection_laplacian(weights, frames).toarray()
    assert_allclose(blocks.toarray(), expected, atol=1e-13)


def test_inputs_are_left_alone(rng):
    weights, frames = random_graph(rng), random_frames(rng, 2)
    before = weights.copy(), frames.copy()
    frames.flags.writeable = False
    connection_laplacian(weights, frames)
    assert_array_equal(weights.toarray(), before[0].toarray())
    assert_array_equal(frames, before[1])


@pytest.mark.gpu
def test_on_the_gpu(rng):
    frames = random_frames(rng, 3)
    rows, columns = rng.integers(N_NODES, size=(2, 100))
    there = connection(frames, rows, columns, "cuda")
    assert_allclose(there, connection(frames, rows, columns), atol=1e-11)
