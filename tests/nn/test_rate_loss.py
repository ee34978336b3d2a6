import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import normalize

from skmanifold.linalg import perplexity, symmetric_sinkhorn
from skmanifold.nn import RateLoss, batch_temperature, coding_rate, membership_rate
from skmanifold.nn._rate_loss import INVARIANCE, invariance, mean_membership, similarity

EPS_SQ = 0.1


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unit_rows(n_samples, n_components=5, seed=0):
    rows = torch.randn(n_samples, n_components, generator=seeded(seed), dtype=torch.float64)
    return normalize(rows)


def loss_of(n_views=2, n_columns=10**9, temperature=None):
    loss = RateLoss(n_views=n_views, eps_sq=EPS_SQ, n_columns=n_columns, generator=seeded())
    loss.temperature = temperature
    return loss


def heads_of(n_samples=12, n_views=2):
    return unit_rows(n_views * n_samples, seed=1), unit_rows(n_views * n_samples, seed=2)


def plain_mean_cosine(views):
    """Over all pairs of views of each sample, one by one."""
    n_views, n_samples, _ = views.shape
    cosines = [
        abs(float(views[i, k] @ views[j, k]))
        for k in range(n_samples)
        for i in range(n_views)
        for j in range(i)
    ]
    return sum(cosines) / len(cosines)


@pytest.mark.parametrize("n_views", [2, 3])
def test_warm_up_is_minus_rate_and_invariance(n_views):
    features, clusters = heads_of(n_views=n_views)
    terms = loss_of(n_views)((features, clusters))
    assert terms.keys() == {"loss", "rate"}
    views = features.reshape(n_views, 12, -1)
    rate = float(coding_rate(views.mean(0), EPS_SQ))
    assert_allclose(terms["rate"], rate, rtol=1e-12)
    assert_allclose(terms["loss"], -rate - INVARIANCE * plain_mean_cosine(views), rtol=1e-12)


def test_refinement_is_minus_the_rate_reduction():
    features, clusters = heads_of()
    terms = loss_of(temperature=0.2)((features, clusters))
    assert terms.keys() == {"loss", "rate", "cluster_rate"}
    mean = (features[:12] + features[12:]) / 2
    memberships = [
        symmetric_sinkhorn((view @ view.T).abs(), temperature=0.2, max_iter=10, tol=0)
        for view in (clusters[:12], clusters[12:])
    ]
    of_clusters = membership_rate(mean, sum(memberships) / 2, EPS_SQ)
    assert_allclose(terms["cluster_rate"], of_clusters, rtol=1e-12)
    assert_allclose(terms["loss"], of_clusters - coding_rate(mean, EPS_SQ), rtol=1e-12)
    assert float(terms["loss"]) < 0


@pytest.mark.parametrize("temperature", [None, 0.2])
def test_clusters_are_lines_not_rays(temperature):
    features, clusters = heads_of()
    signs = torch.where(torch.rand(24, 1, generator=seeded(3)) < 0.5, -1.0, 1.0)
    loss = loss_of(temperature=temperature)
    expected = loss((features, clusters))["loss"]
    assert_allclose(loss((features, signs * clusters))["loss"], expected, rtol=1e-12)


@pytest.mark.parametrize("temperature", [None, 0.2])
def test_the_order_in_a_batch_does_not_matter(temperature):
    heads = heads_of()
    order = torch.randperm(12, generator=seeded())
    order = torch.cat([order, 12 + order])
    loss = loss_of(temperature=temperature)
    expected = loss(heads)["loss"]
    assert_allclose(loss([head[order] for head in heads])["loss"], expected, rtol=1e-12)


def test_the_warm_up_leaves_the_cluster_head_alone():
    features, clusters = (head.requires_grad_() for head in heads_of())
    loss_of()((features, clusters))["loss"].backward()
    assert clusters.grad is None
    assert bool((features.grad != 0).any(1).all())


def test_the_refinement_moves_both_heads():
    features, clusters = (head.requires_grad_() for head in heads_of())
    loss_of(temperature=0.2, n_columns=6)((features, clusters))["loss"].backward()
    for head in (features, clusters):
        assert bool(head.grad.isfinite().all())
        assert bool((head.grad != 0).any(1).all())


def test_drawn_columns_are_columns_all_equally_likely():
    heads = [head[:6] for head in heads_of()]
    membership = mean_membership(heads[1][None], 0.2)
    singles = [membership_rate(heads[0], membership[:, [k]], EPS_SQ).item() for k in range(6)]
    loss = loss_of(n_views=1, n_columns=1, temperature=0.2)
    drawn = torch.stack([loss(heads)["cluster_rate"] for _ in range(120)])
    hits = torch.isclose(drawn[:, None], torch.tensor(singles, dtype=drawn.dtype), rtol=1e-10)
    assert bool((hits.sum(1) == 1).all())
    # 20 each, with a deviation of 4
    assert 5 < int(hits.sum(0).min()) <= int(hits.sum(0).max()) < 40


def test_a_column_is_drawn_once_only():
    heads = heads_of()
    all_but_one = loss_of(n_columns=11, temperature=0.2)
    membership = mean_membership(heads[1].reshape(2, 12, -1), 0.2)
    mean = heads[0].reshape(2, 12, -1).mean(0)
    rates = [
        membership_rate(mean, membership[:, torch.arange(12) != k], EPS_SQ).item()
        for k in range(12)
    ]
    for _ in range(10):
        drawn = all_but_one(heads)["cluster_rate"].item()
        assert min(abs(drawn - rate) for rate in rates) < 1e-10


def test_the_generator_decides_on_columns():
    heads = heads_of()
    draws = [loss_of(n_columns=3, temperature=0.2)(heads)["loss"] for _ in range(2)]
    assert torch.equal(*draws)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [None, 0.2])
def test_short_types_are_computed_in_float32(dtype, temperature):
    heads = [head.to(dtype) for head in heads_of()]
    loss = loss_of(temperature=temperature)
    terms, expected = loss(heads), loss([head.float() for head in heads])
    for name in expected:
        assert terms[name].dtype == torch.float32
        assert torch.equal(terms[name], expected[name])


def test_invariance_of_equal_opposite_and_orthogonal_views():
    view = unit_rows(7)
    assert_allclose(invariance(torch.stack([view, view])), 1, rtol=1e-12)
    assert_allclose(invariance(torch.stack([view, -view])), 1, rtol=1e-12)
    assert float(invariance(view[None])) == 1.0
    axes = torch.eye(4).unflatten(0, (2, 2))
    assert float(invariance(axes)) == 0.0


def test_memberships_are_symmetric_and_doubly_stochastic():
    membership = mean_membership(unit_rows(24).reshape(2, 12, -1), 0.2)
    assert torch.equal(membership, membership.T)
    assert_allclose(membership.sum(0), torch.ones(12), atol=1e-2)
    assert bool((membership >= 0).all())


def test_similarity_is_that_of_lines():
    vectors = unit_rows(6)
    vectors[1] = -vectors[0]
    scores = similarity(vectors)
    assert_allclose(scores.diagonal(), torch.ones(6), rtol=1e-12)
    assert_allclose(scores[1], scores[0], rtol=1e-12)
    assert bool((scores >= 0).all())


@pytest.mark.parametrize("n_clusters", [2, 4])
def test_temperature_spreads_rows_over_half_a_cluster(n_clusters):
    clusters = unit_rows(40)
    heat = batch_temperature(clusters, n_clusters)
    coupling = symmetric_sinkhorn(similarity(clusters), temperature=heat)
    assert_allclose(perplexity(coupling), 20 / n_clusters, rtol=0.1)
    assert_allclose(batch_temperature(-7 * clusters, n_clusters), heat, rtol=1e-9)


def test_temperature_of_equal_features_is_a_number():
    assert 0 < batch_temperature(torch.ones(10, 4), 2) < float("inf")
    assert 0 < batch_temperature(unit_rows(3), 3) < float("inf")  # less than a sample each
