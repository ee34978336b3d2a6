import itertools
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.sparse import csr_array, diags_array

from skmanifold.linalg import (
    perplexity,
    sinkhorn,
    sparse_symmetric_sinkhorn,
    symmetric_sinkhorn,
    temperature_of_perplexity,
)

BOTH = pytest.mark.parametrize("scale", [sinkhorn, symmetric_sinkhorn])
INF = math.inf


def scores_of(seed, *shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def gram_of(seed, n_rows, dim=3):
    points = scores_of(seed, n_rows, dim)
    return points @ points.mT


def plain_scaling(scores, n_iter=2000):
    """Alternate division of the rows and the columns of exponentials by their sums."""
    coupling = np.exp(scores)
    for _ in range(n_iter):
        coupling *= scores.shape[0] / scores.shape[1] / coupling.sum(0)
        coupling /= coupling.sum(1, keepdims=True)
    return coupling


def masked_ring(n_rows):
    """Scores of a ring with loops; all other entries are masked."""
    near = torch.eye(n_rows) + torch.eye(n_rows).roll(1, 0) + torch.eye(n_rows).roll(-1, 0)
    scores = scores_of(5, n_rows, n_rows)
    return (scores + scores.mT).masked_fill(near == 0, -INF)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (7, 2), (2, 3, 5, 4), (1, 1)])
@pytest.mark.parametrize("temperature", [0.3, 50.0])
def test_rows_and_columns_have_their_sums(shape, temperature):
    coupling = sinkhorn(scores_of(0, *shape), temperature=temperature, max_iter=2000, tol=1e-12)
    assert coupling.shape == shape
    assert (coupling >= 0).all()
    assert_allclose(coupling.sum(-1), 1, rtol=1e-12)
    assert_allclose(coupling.sum(-2), shape[-2] / shape[-1], rtol=1e-10)


# By products; in logarithms, where alternating comes close but slowly.
@pytest.mark.parametrize(("temperature", "error"), [(1.0, 1e-9), (0.004, 1e-3)])
def test_symmetric_scores_have_one_scaling(temperature, error):
    scores = -torch.cdist(scores_of(1, 2, 9, 2), scores_of(1, 2, 9, 2)).square() / 5
    coupling = symmetric_sinkhorn(scores, temperature=temperature, max_iter=500, tol=1e-12)
    assert torch.equal(coupling, coupling.mT)
    assert_allclose(coupling.sum(-1), 1, rtol=1e-10)
    twin = sinkhorn(scores, temperature=temperature, max_iter=500, tol=1e-12)
    assert_allclose(coupling, twin, atol=error)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8)])
def test_plain_scaling_gives_the_same(shape):
    scores = scores_of(2, *shape)
    coupling = sinkhorn(scores / 2, temperature=0.5, max_iter=2000, tol=1e-13)
    assert_allclose(coupling, plain_scaling(scores.numpy()), rtol=1e-9)


def test_plain_scaling_of_a_symmetric_matrix_gives_the_same():
    gram = gram_of(3, 8)
    coupling = symmetric_sinkhorn(gram, max_iter=1000, tol=1e-13)
    assert_allclose(coupling, plain_scaling(gram.numpy()), rtol=1e-8)


@pytest.mark.parametrize("constant", [3.0, 1e4])
def test_constants_of_rows_and_columns_do_not_matter(constant):
    scores, rows, columns = scores_of(4, 5, 7), scores_of(5, 5, 1), scores_of(6, 1, 7)
    moved = sinkhorn(scores + constant * (rows + columns), tol=1e-12)
    assert_allclose(moved, sinkhorn(scores, tol=1e-12), rtol=1e-8)
    gram, nodes = gram_of(7, 6), constant * scores_of(8, 6)
    moved = symmetric_sinkhorn(gram + nodes[:, None] + nodes, tol=1e-12)
    assert_allclose(moved, symmetric_sinkhorn(gram, tol=1e-12), rtol=1e-8, atol=1e-11)


@BOTH
def test_order_of_the_rows_does_not_matter(scale):
    gram, order = gram_of(9, 6), torch.tensor([3, 0, 5, 1, 4, 2])
    turned = gram[order][:, order]
    whole = scale(gram, max_iter=30, tol=0)
    assert_allclose(scale(turned, max_iter=30, tol=0), whole[order][:, order], rtol=1e-10)


@BOTH
def test_heat_makes_all_entries_equal(scale):
    assert_allclose(scale(gram_of(10, 8), temperature=1e9), 1 / 8, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_cold_leaves_the_best_permutation(seed):
    scores = scores_of(seed, 5, 5)
    best = max(itertools.permutations(range(5)), key=lambda order: scores[range(5), order].sum())
    coupling = sinkhorn(scores, temperature=1e-3)
    assert_allclose(coupling, np.eye(5)[list(best)], atol=1e-6)


def test_cold_gram_matrices_keep_to_themselves():
    # |x_i - x_j|^2 is least of all for i = j.
    assert_allclose(symmetric_sinkhorn(gram_of(11, 9), temperature=1e-3), np.eye(9), atol=1e-9)


def test_the_coupling_maximises_scores_and_entropy():
    """Moving mass around a square of four entries, which keeps all sums, makes it worse."""
    scores = scores_of(12, 4, 4)

    def objective(coupling):
        return (coupling * scores).sum() + 0.7 * torch.special.entr(coupling).sum()

    best = sinkhorn(scores, temperature=0.7, max_iter=1000, tol=1e-13)
    for rows, columns in itertools.product(itertools.combinations(range(4), 2), repeat=2):
        for step in (-1e-3, 1e-3):
            moved = best.clone()
            square = torch.tensor([[step, -step], [-step, step]], dtype=torch.float64)
            moved[np.ix_(rows, columns)] += square
            assert objective(moved) < objective(best)


@pytest.mark.parametrize("clusters_apart", [1.0, 3.0, 30.0])
def test_few_iterations_do_for_positive_definite_exponentials(clusters_apart):
    points = scores_of(13, 40, 2) + clusters_apart * (torch.arange(40) % 4)[:, None]
    scores = -torch.cdist(points, points).square() / 2
    errors = [
        float(symmetric_sinkhorn(scores, max_iter=k, tol=0).sum(1).log().abs().max())
        for k in (4, 8, 12)
    ]
    assert errors[1] < errors[0] / 10
    assert errors[2] < errors[1] / 10


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-4, 1.0, 1e4])
def test_extreme_scores_stay_finite(scale, dtype, temperature):
    scores = 1e4 * torch.sign(scores_of(14, 12, 12, dtype=dtype))
    scores = torch.maximum(scores, scores.mT).requires_grad_()
    coupling = scale(scores, temperature=temperature)
    assert coupling.dtype == dtype
    assert coupling.isfinite().all()
    assert coupling.max() <= 1 + 1e-6
    (coupling**2).sum().backward()
    assert scores.grad.isfinite().all()


@BOTH
def test_half_precision_is_computed_in_more(scale):
    gram = gram_of(15, 6).to(torch.bfloat16)
    coupling = scale(gram, temperature=0.01)
    assert coupling.dtype == torch.bfloat16
    assert torch.equal(coupling, scale(gram.float(), temperature=0.01).to(torch.bfloat16))


@BOTH
def test_masked_entries_are_as_good_as_very_low_ones(scale):
    masked = masked_ring(7)
    low = masked.clone().masked_fill(masked == -INF, -500.0)
    coupling = scale(masked, max_iter=500, tol=1e-12)
    assert (coupling[masked == -INF] == 0).all()
    assert_allclose(coupling.sum(0), 1, rtol=1e-6)
    assert_allclose(coupling, scale(low, max_iter=500, tol=1e-12), atol=1e-12)


@BOTH
@pytest.mark.parametrize("low", [0.0, -1000.0, -INF])  # in products, from high heat, masked
def test_gradients(scale, low):
    ring = masked_ring(4)
    scores = ring.masked_fill(ring == -INF, low)
    finite = scores != -INF
    temperature = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)

    def scaled(values, temperature):
        filled = torch.full_like(scores, -INF).masked_scatter(finite, values)
        return scale(filled, temperature=temperature, max_iter=40, tol=0)

    values = scores[finite].clone().requires_grad_()
    assert torch.autograd.gradcheck(scaled, (values, temperature), fast_mode=True)


@BOTH
def test_gradients_know_what_does_not_matter(scale):
    """Constants of rows and columns leave the coupling alone, so the gradient has no sums."""
    scores = gram_of(16, 6).requires_grad_()
    weights = scores_of(17, 6, 6)
    (scale(scores, max_iter=500, tol=1e-13) * (weights + weights.mT)).sum().backward()
    assert scores.grad.abs().max() > 1e-3
    assert_allclose(scores.grad.sum(0), 0, atol=1e-9)
    assert_allclose(scores.grad.sum(1), 0, atol=1e-9)


@BOTH
def test_each_matrix_of_a_batch_has_its_temperature(scale):
    scores, heats = torch.stack([gram_of(18, 5), gram_of(19, 5)]), torch.tensor([0.7, 4.0])
    together = scale(scores, temperature=heats, max_iter=50, tol=0)
    for alone, matrix, heat in zip(together, scores, heats, strict=True):
        expected = scale(matrix, temperature=float(heat), max_iter=50, tol=0)
        assert_allclose(alone, expected, rtol=1e-6)


@BOTH
def test_bad_scores(scale):
    with pytest.raises(ValueError, match=r"of shape \(\.\.\., n, m\), not .* of shape \(3,\)"):
        scale(torch.zeros(3))
    with pytest.raises(ValueError, match=r"torch\.int64"):
        scale(torch.eye(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"shape \(0, 0\)"):
        scale(torch.zeros(0, 0))
    empty_row, empty_column = torch.zeros(2, 3, 3), torch.zeros(3, 3)
    empty_row[1, 2] = empty_column[:, 1] = -INF
    with pytest.raises(ValueError, match=r"A row of scores is all -inf"):
        scale(empty_row)
    with pytest.raises(ValueError, match=r"A column of scores is all -inf"):
        scale(empty_column)
    for value in (INF, math.nan):
        with pytest.raises(ValueError, match=r"NaN or \+inf"):
            scale(torch.tensor([[0.0, value], [value, 0.0]]))
    for heat in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=rf"temperature={heat} must be positive"):
            scale(torch.eye(3), temperature=heat)


def test_symmetric_scores_are_square():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) are no square"):
        symmetric_sinkhorn(torch.zeros(2, 3))


def test_only_the_symmetric_part_counts():
    gram, twist = gram_of(20, 6), scores_of(21, 6, 6)
    assert_allclose(symmetric_sinkhorn(gram + twist - twist.mT), symmetric_sinkhorn(gram))


@pytest.mark.gpu
@BOTH
def test_devices_agree(scale):
    scores = gram_of(22, 30)
    on_gpu = scale(scores.cuda(), max_iter=20, tol=0)
    assert on_gpu.is_cuda
    assert_allclose(on_gpu.cpu(), scale(scores, max_iter=20, tol=0), rtol=1e-9)


# Sparse graphs


def random_graph(seed, n_nodes=30, share=0.2, loops=True, spread=1.0):
    rng = np.random.default_rng(seed)
    weights = np.exp(spread * rng.normal(size=(n_nodes, n_nodes)))
    weights *= rng.uniform(size=weights.shape) < share
    weights = np.maximum(weights, weights.T)
    np.fill_diagonal(weights, 1.0 if loops else 0.0)
    return csr_array(weights)


# With weights from 1e-150 to 1e150 it takes long.
@pytest.mark.parametrize(("spread", "error"), [(1.0, 1e-9), (100.0, 0.01)])
@pytest.mark.parametrize("seed", range(3))
def test_graphs_with_loops_are_scaled(seed, spread, error):
    graph = random_graph(seed, spread=spread)
    before = graph.copy()
    scaled = sparse_symmetric_sinkhorn(graph, max_iter=2000, tol=error)
    assert (graph != before).nnz == 0
    assert (scaled != scaled.T).nnz == 0
    assert scaled.sum(1).max() <= 1 + 1e-12
    assert scaled.sum(1).min() >= 1 - 2.1 * error
    assert (scaled.indptr == graph.indptr).all()
    assert (scaled.indices == graph.indices).all()
    # ``log(scaled / weights)`` is a potential at one end and at the other.
    diagonal = np.log(scaled.diagonal()) / 2
    rows, columns = graph.nonzero()
    kept = scaled[rows, columns] > 1e-280
    assert_allclose(
        np.log(scaled[rows, columns] / graph[rows, columns])[kept],
        (diagonal[rows] + diagonal[columns])[kept],
        atol=10 * error,
    )


def test_a_graph_is_a_masked_matrix():
    graph = random_graph(3)
    logarithms = np.log(graph.toarray(), where=graph.toarray() > 0, out=np.full((30, 30), -INF))
    dense = symmetric_sinkhorn(torch.as_tensor(logarithms), max_iter=1000, tol=1e-12)
    sparse = sparse_symmetric_sinkhorn(graph, max_iter=1000, tol=1e-12)
    assert_allclose(sparse.toarray(), dense, atol=1e-10)


@pytest.mark.parametrize("exponent", [-300, 0, 300])
def test_unit_of_the_weights_does_not_matter(exponent):
    graph = random_graph(4)
    moved = sparse_symmetric_sinkhorn(graph * 10.0**exponent, tol=1e-10)
    assert_allclose(moved.toarray(), sparse_symmetric_sinkhorn(graph, tol=1e-10).toarray())


def test_units_of_the_nodes_do_not_matter():
    graph = random_graph(5)
    units = diags_array(10.0 ** np.linspace(-150, 150, 30))
    moved = sparse_symmetric_sinkhorn(units @ graph @ units, tol=1e-11, max_iter=1000)
    expected = sparse_symmetric_sinkhorn(graph, tol=1e-11, max_iter=1000)
    assert_allclose(moved.toarray(), expected.toarray(), rtol=1e-8)


def test_nodes_without_edges_keep_empty_rows():
    weights = np.zeros((6, 6))
    weights[1, 3] = weights[3, 1] = 1e-300
    weights[4, 4] = 7.0
    scaled = sparse_symmetric_sinkhorn(csr_array(weights)).toarray()
    assert_allclose(scaled, weights > 0)
    nothing = sparse_symmetric_sinkhorn(csr_array((4, 4)))
    assert nothing.shape == (4, 4)
    assert nothing.nnz == 0


def test_stored_zeros_are_no_edges():
    graph = random_graph(6)
    graph.data[graph.indices == np.repeat(np.arange(30), np.diff(graph.indptr))] = 0
    scaled = sparse_symmetric_sinkhorn(graph)
    assert scaled.nnz == graph.nnz - 30
    assert np.isfinite(scaled.data).all()


@pytest.mark.parametrize("max_iter", [1, 30, 3000])  # the potentials of a star drift for ever
def test_a_star_shares_its_centre(max_iter):
    star = np.zeros((6, 6))
    star[0, 1:] = star[1:, 0] = np.exp(np.random.default_rng(7).normal(size=5))
    scaled = sparse_symmetric_sinkhorn(csr_array(star), max_iter=max_iter).toarray()
    assert_allclose(scaled, scaled.T, rtol=0)
    if max_iter > 1:
        assert_allclose(scaled, (star > 0) / 5, rtol=1e-6)


@pytest.mark.parametrize("max_iter", [0, 1, 7, 50])
@pytest.mark.parametrize("seed", range(3))
def test_no_row_ever_exceeds_one(seed, max_iter):
    graph = random_graph(seed, share=0.05, loops=False, spread=3.0)
    scaled = sparse_symmetric_sinkhorn(graph, max_iter=max_iter)
    assert scaled.sum(1).max() <= 1 + 1e-12
    assert (scaled != scaled.T).nnz == 0


def test_a_path_keeps_the_edges_of_its_matching():
    """The middle edge of a path of four is in no matching of all nodes, and fades away."""
    path = csr_array(np.eye(4, k=1) + np.eye(4, k=-1))
    middles = [sparse_symmetric_sinkhorn(path, max_iter=k)[1, 2] for k in (10, 100, 1000)]
    assert middles[0] > 3 * middles[1] > 9 * middles[2] > 0


def test_bad_graphs():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) is not square"):
        sparse_symmetric_sinkhorn(csr_array((2, 3)))
    with pytest.raises(ValueError, match=r"not symmetric"):
        sparse_symmetric_sinkhorn(csr_array(np.array([[0.0, 1.0], [2.0, 0.0]])))
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"negative or not finite"):
            sparse_symmetric_sinkhorn(csr_array(np.array([[0.0, value], [value, 0.0]])))


# Perplexity


@pytest.mark.parametrize("spread", [1, 3, 8])
def test_perplexity_counts_the_entries_of_a_row(spread):
    rows = torch.zeros(2, 5, 8)
    rows[..., :spread] = 1 / spread
    assert_allclose(perplexity(rows), [spread, spread], rtol=1e-6)


@pytest.mark.parametrize("wanted", [1.5, 4.0, 19.0])
def test_the_temperature_gives_the_wanted_perplexity(wanted):
    gram = gram_of(23, 20)
    temperature = temperature_of_perplexity(gram, wanted, tol=1e-6)
    found = perplexity(symmetric_sinkhorn(gram, temperature=temperature))
    assert_allclose(found, wanted, rtol=1e-3)


def test_the_temperature_has_the_unit_of_the_scores():
    gram = gram_of(24, 20)
    temperature = temperature_of_perplexity(gram, 5.0, tol=1e-6)
    assert_allclose(temperature_of_perplexity(10 * gram, 5.0, tol=1e-6), 10 * temperature, 1e-4)


def test_temperatures_out_of_reach_are_clipped():
    gram = gram_of(25, 10)
    assert temperature_of_perplexity(gram, 0.5) == 1e-4
    assert temperature_of_perplexity(gram, 10.5) == 1e2
    assert temperature_of_perplexity(torch.zeros(4, 4), 2.0) == 1e-4  # always 4
