import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import block_diag, expm
from scipy.sparse import csr_array, kronsum
from scipy.special import ive

from skmanifold.graph import degrees, heat_action, heat_kernel, laplacian
from tests.graph.known_graphs import complete, cycle, hypercube, path, random_graph, star

METHODS = ["positive", "chebyshev", "exact"]


def combinatorial(weights):
    return laplacian(weights, np.ones(weights.shape[0]))


def heat(weights, t, **options):
    """Heat kernel of the combinatorial Laplacian as an array."""
    return heat_kernel(combinatorial(weights), t, **options).numpy()


def line_heat(steps, t):
    """Heat kernel of the integers, whose Laplacian is 2 on the diagonal."""
    return ive(np.abs(steps), 2 * t)


def cycle_heat(n_nodes, t, n_turns=6):
    """First row of the heat kernel of a cycle: the line's, wound around. Only positive terms."""
    turns = n_nodes * np.arange(-n_turns, n_turns + 1)
    return line_heat(np.arange(n_nodes)[:, None] + turns, t).sum(axis=1)


def path_heat(n_nodes, t, n_images=6):
    """Heat kernel of a path: the line's, mirrored at both ends. Only positive terms."""
    node = np.arange(n_nodes)
    straight, turned = node[:, None] - node, node[:, None] + node + 1
    shifts = 2 * n_nodes * np.arange(-n_images, n_images + 1)
    return sum(line_heat(straight + s, t) + line_heat(turned + s, t) for s in shifts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("t", [0.1, 1.0, 5.0])
def test_cycle_is_a_fourier_sum(method, t):
    n_nodes = 12
    frequency = 2 * np.pi * np.arange(n_nodes) / n_nodes
    waves = np.cos(frequency * np.arange(n_nodes)[:, None])
    expected = waves @ np.exp(-t * (2 - 2 * np.cos(frequency))) / n_nodes
    assert_allclose(heat(cycle(n_nodes), t, method=method)[0], expected, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("t", [0.1, 2.0])
def test_grid_is_a_kronecker_product(method, t):
    first, second = path(4), path(7)
    grid = kronsum(combinatorial(second), combinatorial(first))
    expected = np.kron(path_heat(4, t), path_heat(7, t))
    assert_allclose(heat_kernel(grid, t, method=method), expected, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_complete_graph(method):
    n_nodes, t = 9, 0.1
    stays = np.exp(-n_nodes * t)
    expected = (1 - stays) / n_nodes + stays * np.eye(n_nodes)
    assert_allclose(heat(complete(n_nodes), t, method=method), expected, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_star(method):
    n_leaves, t = 6, 0.3
    n_nodes, fast = n_leaves + 1, np.exp(-(n_leaves + 1) * t)
    kernel = heat(star(n_leaves), t, method=method)
    assert_allclose(kernel[0, 0], (1 + n_leaves * fast) / n_nodes)
    assert_allclose(kernel[0, 1:], (1 - fast) / n_nodes)
    expected = 1 / n_nodes + fast / (n_leaves * n_nodes) - np.exp(-t) / n_leaves
    assert_allclose(kernel[1:, 1:], expected + np.exp(-t) * np.eye(n_leaves), atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_hypercube_is_a_product_over_bits(method):
    dim, t = 4, 0.4
    corners = np.arange(2**dim)
    differ = np.bitwise_count(corners[:, None] ^ corners)
    stays, moves = (1 + np.exp(-2 * t)) / 2, (1 - np.exp(-2 * t)) / 2
    expected = stays ** (dim - differ) * moves**differ
    assert_allclose(heat(hypercube(dim), t, method=method), expected, atol=1e-13)


@pytest.mark.parametrize("t", [0.25, 1.0, 4.0, 64.0, 1000.0])
def test_positive_keeps_relative_accuracy_on_a_path(t):
    expected = path_heat(200, t)
    certain = expected > 1e-290
    kernel = heat(path(200), t)
    assert_allclose(kernel[certain], expected[certain], rtol=1e-11)
    assert t > 1 or expected[certain].min() < 1e-250  # the case has such small entries


@pytest.mark.parametrize("t", [0.5, 2.0, 30.0])
def test_positive_keeps_relative_accuracy_on_a_cycle(t):
    expected = cycle_heat(301, t)
    certain = expected > 1e-290
    kernel = heat(cycle(301), t)[0]
    assert_allclose(kernel[certain], expected[certain], rtol=1e-11)


def test_positive_agrees_with_many_digits():
    mpmath = pytest.importorskip("mpmath")
    matrix = combinatorial(random_graph(np.random.default_rng(3), n_nodes=12)).toarray()
    with mpmath.workdps(60):
        expected = mpmath.expm(mpmath.matrix(-0.01 * matrix), method="taylor")
    expected = np.array(expected.tolist(), dtype=float)
    assert expected.min() < 1e-16  # below the rounding of the largest entry
    assert_allclose(heat_kernel(csr_array(matrix), 0.01), expected, rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("t", [0.0, 0.3, 3.0])
def test_any_graph_agrees_with_expm(method, seed, t):
    rng = np.random.default_rng(seed)
    generator = laplacian(random_graph(rng), rng.uniform(0.5, 2, size=40))
    kernel = heat_kernel(generator, t, method=method)
    assert kernel.dtype == torch.float64
    assert_allclose(kernel, expm(-t * generator.toarray()), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_semigroup(method):
    weights = random_graph(np.random.default_rng(0))
    product = heat(weights, 0.4, method=method) @ heat(weights, 0.9, method=method)
    assert_allclose(product, heat(weights, 1.3, method=method), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_markov_and_symmetric(method):
    kernel = heat(random_graph(np.random.default_rng(1)), 0.7, method=method)
    assert_allclose(kernel.sum(axis=1), 1)
    assert_allclose(kernel, kernel.T, atol=1e-15)


def test_positive_is_positive_on_a_connected_graph():
    assert (heat(random_graph(np.random.default_rng(1)), 0.01) > 0).all()


@pytest.mark.parametrize("method", ["positive", "exact"])
def test_long_time_limit_is_the_stationary_state_of_each_part(method):
    rng = np.random.default_rng(0)
    parts = [random_graph(rng, 10), random_graph(rng, 7)]
    masses = rng.uniform(0.5, 2, size=17)
    both = csr_array(block_diag(*[part.toarray() for part in parts]))
    kernel = heat_kernel(laplacian(both, masses), 1e5, method=method)
    roots = [np.sqrt(masses[:10]), np.sqrt(masses[10:])]
    expected = block_diag(*[np.outer(root, root) / (root @ root) for root in roots])
    assert_allclose(kernel, expected, atol=1e-8)


def test_positive_lets_nothing_cross_between_parts():
    rng = np.random.default_rng(0)
    parts = [random_graph(rng, 10).toarray(), random_graph(rng, 7).toarray()]
    assert_array_equal(heat(csr_array(block_diag(*parts)), 1e3)[:10, 10:], 0)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_moves_without_edges_or_time(method):
    assert_array_equal(heat(csr_array((3, 3)), 2.0, method=method), np.eye(3))
    assert_allclose(heat(path(5), 0.0, method=method), np.eye(5), atol=1e-14)


def test_isolated_node_keeps_its_heat():
    weights = csr_array(block_diag(path(4).toarray(), [[0.0]]))
    kernel = heat(weights, 1.5)
    assert_allclose(kernel[4, 4], 1)
    assert_array_equal(kernel[4, :4], 0)


def test_chebyshev_error_falls_with_the_order():
    weights = random_graph(np.random.default_rng(2))
    exact = heat(weights, 4.0, method="exact")
    errors = [
        np.abs(heat(weights, 4.0, method="chebyshev", order=order) - exact).max()
        for order in (4, 8, 16, 32)
    ]
    assert_array_equal(np.argsort(errors), [3, 2, 1, 0])
    assert errors[-1] < 1e-8 * errors[0]


def test_unknown_method():
    with pytest.raises(ValueError, match="method='euler' is not 'positive'"):
        heat(path(3), 1.0, method="euler")


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("t", [0.0, 0.5, 3.0])
def test_action_is_the_kernel_times_the_signals(normalized, t):
    rng = np.random.default_rng(4)
    weights = random_graph(rng)
    generator = laplacian(weights, degrees(weights) if normalized else np.ones(40))
    signals = rng.normal(size=(40, 3))
    heated = heat_action(generator, signals, t)
    assert_allclose(heated, heat_kernel(generator, t).numpy() @ signals, atol=1e-12)


def test_action_sums_repeated_entries():
    generator = combinatorial(path(4)).tocoo()
    halves = (np.tile(generator.data / 2, 2), tuple(np.tile(c, 2) for c in generator.coords))
    signals = np.eye(4)
    once = heat_action(generator, signals, 1.0)
    assert_allclose(heat_action(type(generator)(halves, shape=(4, 4)), signals, 1.0), once)


def test_action_without_edges_returns_the_signals():
    signals = np.arange(6.0).reshape(3, 2)
    assert_array_equal(heat_action(csr_array((3, 3)), signals, 1.0), signals)


def test_action_leaves_the_signals_alone():
    signals = np.eye(5)
    heated = heat_action(combinatorial(path(5)), signals, 0.0)
    heated += 1
    assert_array_equal(signals, np.eye(5))


@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
def test_kernel_on_the_gpu(method):
    generator = combinatorial(random_graph(np.random.default_rng(0), n_nodes=150))
    there = heat_kernel(generator, 2.0, method=method, device="cuda")
    assert there.is_cuda
    assert_allclose(there.cpu(), heat_kernel(generator, 2.0, method=method), atol=1e-12)


@pytest.mark.gpu
def test_action_on_the_gpu():
    generator = combinatorial(random_graph(np.random.default_rng(0), n_nodes=150))
    signals = np.random.default_rng(1).normal(size=(150, 4))
    there = heat_action(generator, signals, 2.0, device="cuda")
    assert there.is_cuda
    assert_allclose(there.cpu(), heat_action(generator, signals, 2.0), atol=1e-12)
