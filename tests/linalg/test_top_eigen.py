import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from scipy.sparse import (
    block_diag,
    coo_array,
    csc_matrix,
    csr_array,
    diags_array,
    eye_array,
    kron,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from skmanifold.linalg import deterministic_signs, largest_eigenpairs
from tests.graph.known_graphs import cycle, random_graph

SOLVERS = ("dense", "lanczos", "chebyshev")


def normalized(weights):
    roots = diags_array(weights.sum(axis=1) ** -0.5)
    return csr_array(roots @ weights @ roots)


def connection_kernel(n_points, n_neighbors=12):
    """Of a Gaussian neighbour graph on the sphere, with tangent frames of random directions.

    All its eigenvalues are double: a quarter turn in every tangent plane commutes with it.
    """
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n_points, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    spanning = rng.normal(size=(n_points, 3, 2))
    spanning -= points[:, :, None] * np.einsum("nd,ndm->nm", points, spanning)[:, None]
    frames, _ = np.linalg.qr(spanning)
    neighbors = NearestNeighbors(n_neighbors=n_neighbors).fit(points)
    squares = neighbors.kneighbors_graph(mode="distance").power(2)
    squares.data = np.exp(-squares.data / np.median(squares.data))
    weights = csr_array(squares.maximum(squares.T) + eye_array(n_points))
    edges = coo_array(normalized(weights))
    left, _, right = np.linalg.svd(frames[edges.row].mT @ frames[edges.col])
    blocks = edges.data[:, None, None] * (left @ right)
    rows = np.broadcast_to(2 * edges.row[:, None, None] + [[0], [1]], blocks.shape)
    columns = np.broadcast_to(2 * edges.col[:, None, None] + [[0, 1]], blocks.shape)
    kernel = coo_array((blocks.ravel(), (rows.ravel(), columns.ravel())))
    return csr_array((kernel + kernel.T) / 2)


@pytest.fixture(scope="module")
def double():
    return connection_kernel(420)


@pytest.fixture(scope="module")
def kernel(double):
    """One whose eigenvalues are all simple, which Lanczos from one vector needs."""
    return csr_array(double - diags_array(np.random.default_rng(1).uniform(0, 0.1, size=840)))


@pytest.fixture(scope="module")
def spectrum(kernel):
    values, vectors = np.linalg.eigh(kernel.toarray())
    return values[::-1], vectors[:, ::-1]


def check_pairs(matrix, values, vectors, *, atol=1e-10):
    """Eigenpairs, orthonormal, in falling order and with deterministic signs."""
    assert_allclose(matrix @ vectors, vectors * values, atol=atol)
    assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-12)
    assert np.all(np.diff(values) <= 0)
    assert_array_equal(deterministic_signs(vectors), vectors)


@pytest.mark.parametrize("solver", [*SOLVERS, "auto"])
@pytest.mark.parametrize("n_pairs", [1, 60, 200])
def test_agrees_with_all_of_the_spectrum(kernel, spectrum, solver, n_pairs):
    values, vectors = largest_eigenpairs(kernel, n_pairs, solver=solver)
    assert values.shape == (n_pairs,)
    assert vectors.shape == (kernel.shape[0], n_pairs)
    check_pairs(kernel, values, vectors, atol=1e-12)
    expected_values, expected = spectrum
    assert_allclose(values, expected_values[:n_pairs], atol=1e-12)
    assert expected_values[n_pairs - 1] - expected_values[n_pairs] > 1e-6  # so the span is defined
    assert subspace_angles(vectors, expected[:, :n_pairs]).max() < 1e-6


@pytest.mark.parametrize("solver", ["dense", "chebyshev", "auto"])
@pytest.mark.parametrize("n_pairs", [2, 31])
def test_double_eigenvalues(double, solver, n_pairs):
    values, vectors = largest_eigenpairs(double, n_pairs, solver=solver)
    expected = np.linalg.eigvalsh(double.toarray())[::-1]
    assert_allclose(expected[::2], expected[1::2], atol=1e-12)
    assert_allclose(values, expected[:n_pairs], atol=1e-12)
    check_pairs(double, values, vectors)


@pytest.mark.parametrize("solver", ["dense", "chebyshev", "auto"])
def test_ring_in_closed_form(solver):
    values, vectors = largest_eigenpairs(cycle(900) / 2, 9, solver=solver)
    waves = np.array([0, 1, 1, 2, 2, 3, 3, 4, 4])
    assert_allclose(values, np.cos(2 * np.pi * waves / 900), atol=1e-12)
    check_pairs(cycle(900) / 2, values, vectors)


@pytest.mark.parametrize("solver", ["dense", "chebyshev", "auto"])
def test_every_copy_of_two_equal_parts(kernel, spectrum, solver):
    two = csr_array(block_diag([kernel, kernel]))
    values, vectors = largest_eigenpairs(two, 80, solver=solver)
    assert_allclose(values, np.repeat(spectrum[0][:40], 2), atol=1e-12)
    check_pairs(two, values, vectors)


def test_one_for_every_part(rng):
    sizes = rng.integers(20, 60, size=35)
    parts = csr_array(block_diag([normalized(random_graph(rng, size)) for size in sizes]))
    values, vectors = largest_eigenpairs(parts, 36)
    assert_allclose(values[:35], 1, atol=1e-12)
    assert values[35] < 1 - 1e-3
    check_pairs(parts, values, vectors)


@pytest.mark.parametrize(
    ("values", "n_pairs"),
    [
        (np.ones(400), 30),
        (np.zeros(400), 30),
        (np.r_[np.ones(8), np.zeros(400)], 60),  # the basis outgrows what a block can reach
        (np.repeat([1.0, 0.5, 0.0], [70, 70, 500]), 120),  # ends among copies
        (np.r_[np.repeat([1.0, 0.7, 0.5], 44), np.linspace(-0.05, 0.05, 1000)], 57),
        (np.r_[np.ones(42), np.linspace(0, 0.9, 1000)], 64),
        (np.r_[np.repeat([1.0, 0.9, 0.8], 14), np.linspace(-0.1, 0.4, 1300)], 30),
        (np.r_[1e9, np.linspace(0, 1, 599)], 40),  # one far above the others
        (np.r_[-1e3, np.linspace(0, 1, 599)], 40),  # one far below
        (np.r_[np.linspace(0.9999, 1, 900), np.linspace(-1, 0.5, 300)], 60),  # a crowded end
    ],
)
def test_odd_spectra(values, n_pairs):
    matrix, size = csr_array(diags_array(values)), abs(values).max()
    found, vectors = largest_eigenpairs(matrix, n_pairs, solver="chebyshev")
    assert_allclose(found, np.sort(values)[::-1][:n_pairs], rtol=0, atol=1e-12 * size)
    check_pairs(matrix, found, vectors, atol=1e-11 * size)


@pytest.mark.parametrize(
    "matrix",
    [
        kron(eye_array(250), np.full((4, 4), 0.25)),  # projects
        kron([[0.0, 1.0], [1.0, 0.0]], eye_array(600)),  # mirrors
    ],
)
def test_only_two_eigenvalues(matrix):
    """Its Krylov spaces are exhausted after two blocks."""
    matrix = csr_array(matrix)
    values, vectors = largest_eigenpairs(matrix, 100, solver="chebyshev")
    assert_allclose(values, 1, atol=1e-12)
    check_pairs(matrix, values, vectors, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("scale", "shift"), [(1e8, 0), (1e-10, 0), (1, -100), (-3, 5)])
def test_scaled_and_shifted(kernel, spectrum, solver, scale, shift):
    moved = scale * kernel + shift * eye_array(kernel.shape[0])
    values, vectors = largest_eigenpairs(moved, 50, solver=solver)
    size = abs(scale) + abs(shift)
    assert_allclose(values, np.sort(scale * spectrum[0] + shift)[::-1][:50], atol=1e-12 * size)
    check_pairs(moved, values, vectors, atol=1e-11 * size)


@pytest.mark.parametrize("solver", SOLVERS)
def test_order_of_the_rows_does_not_matter(kernel, spectrum, solver, rng):
    n_pairs = 31 + int(np.argmin(np.diff(spectrum[0][30:60])))  # ends at a gap
    order = rng.permutation(kernel.shape[0])
    values, vectors = largest_eigenpairs(kernel, n_pairs, solver=solver)
    other_values, others = largest_eigenpairs(kernel[order][:, order], n_pairs, solver=solver)
    assert_allclose(other_values, values, atol=1e-12)
    assert subspace_angles(others, vectors[order]).max() < 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
def test_repeats_and_draws_no_global_random_numbers(kernel, solver):
    state = torch.random.get_rng_state()
    first, second = (largest_eigenpairs(kernel, 50, solver=solver) for _ in range(2))
    assert_array_equal(first[0], second[0])
    assert_array_equal(first[1], second[1])
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("solver", ["lanczos", "chebyshev"])
def test_tol_bounds_the_residual(kernel, solver):
    values, vectors = largest_eigenpairs(kernel, 60, solver=solver, tol=1e-4)
    residuals = np.linalg.norm(kernel @ vectors - vectors * values, axis=0)
    exact = largest_eigenpairs(kernel, 60, solver=solver)
    assert residuals.max() < 2e-4  # the spectrum is no wider than 2
    assert residuals.max() > np.linalg.norm(kernel @ exact[1] - exact[1] * exact[0], axis=0).max()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("layout", [coo_array, csc_matrix])
def test_any_layout_and_float32(kernel, solver, layout):
    matrix = layout(kernel).astype(np.float32)
    values, vectors = largest_eigenpairs(matrix, 20, solver=solver)
    assert values.dtype == vectors.dtype == np.float64
    check_pairs(kernel.astype(np.float32).astype(np.float64), values, vectors)


@pytest.mark.parametrize("solver", [*SOLVERS, "auto"])
@pytest.mark.parametrize("n_rows", [1, 6, 300])
def test_all_pairs(solver, n_rows, rng):
    matrix = csr_array(random_graph(rng, n_rows)) if n_rows > 1 else csr_array([[2.0]])
    values, vectors = largest_eigenpairs(matrix, n_rows, solver=solver)
    check_pairs(matrix, values, vectors)
    assert_allclose(vectors @ np.diag(values) @ vectors.T, matrix.toarray(), atol=1e-10)


@pytest.mark.parametrize("max_blocks", range(8, 16))
def test_says_when_it_gives_up(kernel, monkeypatch, max_blocks):
    """Before or after it converges, but before it has looked for more copies."""
    monkeypatch.setitem(largest_eigenpairs.__globals__, "MAX_BLOCKS", max_blocks)
    with pytest.warns(
        ConvergenceWarning, match=f"after {max_blocks} blocks of 8 vectors"
    ) as caught:
        values, vectors = largest_eigenpairs(kernel, 40, solver="chebyshev")
    assert caught[0].filename == __file__
    assert_allclose(vectors.T @ vectors, np.eye(40), atol=1e-12)
    assert np.all(values <= largest_eigenpairs(kernel, 40, solver="dense")[0] + 1e-12)


@pytest.mark.parametrize("n_pairs", [0, 841])
def test_refuses_a_number_of_pairs(kernel, n_pairs):
    with pytest.raises(ValueError, match=f"n_pairs={n_pairs} must be within 1 and .* 840"):
        largest_eigenpairs(kernel, n_pairs)


def test_refuses_an_unknown_solver_or_device(kernel):
    with pytest.raises(ValueError, match=r"solver='arpack' is none of 'auto', 'dense'"):
        largest_eigenpairs(kernel, 3, solver="arpack")
    with pytest.raises(ValueError, match="device='abacus' cannot be used"):
        largest_eigenpairs(kernel, 3, device="abacus")


@pytest.mark.gpu
@pytest.mark.parametrize("solver", ["dense", "chebyshev"])
def test_on_the_gpu(kernel, spectrum, solver):
    values, vectors = largest_eigenpairs(kernel, 60, solver=solver, device="cuda")
    assert_allclose(values, spectrum[0][:60], atol=1e-11)
    check_pairs(kernel, values, vectors)
