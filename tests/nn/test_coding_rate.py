import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import normalize, one_hot

from skmanifold.linalg import symmetric_sinkhorn
from skmanifold.nn import coding_rate, membership_rate, partition_rate

EPS_SQ = 0.1
SHAPES = [(12, 5), (4, 7), (1, 3), (6, 1)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unit_rows(n_samples, n_components, seed=0, dtype=torch.float64):
    rows = torch.randn(n_samples, n_components, generator=seeded(seed), dtype=torch.float64)
    return normalize(rows).to(dtype)


def rotation(size, seed=0):
    return torch.linalg.qr(unit_rows(size, size, seed)).Q


def doubly_stochastic(n_samples, seed=0):
    scores = torch.rand(n_samples, n_samples, generator=seeded(seed), dtype=torch.float64)
    return symmetric_sinkhorn(scores, temperature=0.3, max_iter=1000, tol=1e-14)


def shares(n_samples, n_clusters, seed=0):
    numbers = torch.rand(n_samples, n_clusters, generator=seeded(seed), dtype=torch.float64)
    return numbers / numbers.sum(1, keepdim=True)


def plain_log_det(matrix):
    return torch.logdet(torch.eye(len(matrix), dtype=matrix.dtype) + matrix)


def plain_rate(Z):
    n_samples, n_components = Z.shape
    return plain_log_det(n_components / (n_samples * EPS_SQ) * Z.T @ Z) / 2


def plain_partition_rate(Z, weights):
    total = 0.0
    for weight in weights.T:
        n_members = weight.sum()
        group = Z.T @ torch.diag(weight) @ Z
        rate = plain_log_det(Z.shape[1] / (n_members * EPS_SQ) * group)
        total = total + n_members / (2 * weights.sum()) * rate
    return total


def plain_membership_rate(Z, membership):
    groups = [Z.T @ torch.diag(column) @ Z for column in membership.T]
    rates = [plain_log_det(Z.shape[1] / EPS_SQ * group) for group in groups]
    return sum(rates) / (2 * len(rates))


def second_argument(name, n_samples):
    """None, shares of clusters, or columns of a membership that need not be square."""
    if name == "coding":
        return ()
    if name == "partition":
        return (shares(n_samples, 3),)
    columns = shares(2 * n_samples + 1, n_samples).T
    return (columns.contiguous(),)


RATES = {
    "coding": (coding_rate, plain_rate),
    "partition": (partition_rate, plain_partition_rate),
    "membership": (membership_rate, plain_membership_rate),
}
every_rate = pytest.mark.parametrize("name", RATES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def value_and_gradients(function, arguments, *rest):
    leaves = [argument.clone().requires_grad_() for argument in arguments]
    value = function(*leaves, *rest)
    return value.detach(), torch.autograd.grad(value, leaves)


@every_rate
@every_shape
@pytest.mark.parametrize(("dtype", "tol"), [(torch.float32, 1e-4), (torch.float64, 1e-11)], ids=str)
def test_values_and_gradients_are_those_of_the_formula(name, shape, dtype, tol):
    function, formula = RATES[name]
    exact = (unit_rows(*shape), *second_argument(name, shape[0]))
    expected, expected_gradients = value_and_gradients(formula, exact)
    given = [argument.to(dtype) for argument in exact]
    value, gradients = value_and_gradients(function, given, EPS_SQ)
    assert value.dtype == dtype
    assert_allclose(value, expected, rtol=tol)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        assert found.dtype == dtype
        assert_allclose(found, wanted, rtol=tol, atol=tol * max(1, float(wanted.abs().max())))


@every_rate
def test_gradients_are_those_of_finite_differences(name):
    arguments = [
        argument.requires_grad_() for argument in (unit_rows(5, 3), *second_argument(name, 5))
    ]
    assert torch.autograd.gradcheck(lambda *given: RATES[name][0](*given, EPS_SQ), arguments)


def test_gradient_of_the_membership_alone():
    Z, membership = unit_rows(6, 4), doubly_stochastic(6)
    both = value_and_gradients(lambda *given: membership_rate(*given, EPS_SQ), (Z, membership))[1]
    by_membership = value_and_gradients(
        lambda given: membership_rate(Z, given, EPS_SQ), (membership,)
    )[1]
    by_features = value_and_gradients(
        lambda given: membership_rate(given, membership, EPS_SQ), (Z,)
    )
    assert torch.equal(by_membership[0], both[1])
    assert torch.equal(by_features[1][0], both[0])


@every_rate
def test_gradients_scale_with_what_the_rate_is_multiplied_by(name):
    arguments = (unit_rows(6, 4), *second_argument(name, 6))
    function = RATES[name][0]
    once = value_and_gradients(lambda *given: function(*given, EPS_SQ), arguments)[1]
    thrice = value_and_gradients(lambda *given: -3 * function(*given, EPS_SQ), arguments)[1]
    for first, second in zip(once, thrice, strict=True):
        assert_allclose(second, -3 * first, rtol=1e-12, atol=1e-15)


@every_rate
def test_turned_features_have_the_same_rate(name):
    Z, rest = unit_rows(12, 5), second_argument(name, 12)
    function = RATES[name][0]
    turned = function(Z @ rotation(5), *rest, EPS_SQ)
    assert_allclose(turned, function(Z, *rest, EPS_SQ), rtol=1e-12)


@every_rate
def test_opposite_features_have_the_same_rate(name):
    Z, rest = unit_rows(12, 5), second_argument(name, 12)
    signs = torch.ones(12, 1, dtype=Z.dtype)
    signs[::3] = -1
    function = RATES[name][0]
    assert_allclose(function(signs * Z, *rest, EPS_SQ), function(Z, *rest, EPS_SQ), rtol=1e-12)


@every_rate
def test_the_order_of_samples_and_groups_does_not_matter(name):
    Z, rest = unit_rows(12, 5), second_argument(name, 12)
    order = torch.randperm(12, generator=seeded())
    moved = [argument[order].flip(1) for argument in rest]
    function = RATES[name][0]
    assert_allclose(function(Z[order], *moved, EPS_SQ), function(Z, *rest, EPS_SQ), rtol=1e-12)


@every_rate
def test_each_sample_twice_changes_nothing(name):
    Z, rest = unit_rows(12, 5), second_argument(name, 12)
    twice = [argument.repeat(2, 1) for argument in rest]
    if name == "membership":
        twice[0] = twice[0] / 2  # columns sum to 1
    function = RATES[name][0]
    assert_allclose(function(Z.repeat(2, 1), *twice, EPS_SQ), function(Z, *rest, EPS_SQ))


def test_rate_of_an_even_spread_is_the_largest():
    most = 5 / 2 * torch.log1p(torch.tensor(1 / EPS_SQ, dtype=torch.float64))
    assert_allclose(coding_rate(torch.eye(5, dtype=torch.float64), EPS_SQ), most)
    for seed in range(20):
        assert float(coding_rate(unit_rows(30, 5, seed), EPS_SQ)) < float(most)


def test_one_cluster_takes_what_the_whole_does():
    Z = unit_rows(12, 5)
    whole = coding_rate(Z, EPS_SQ)
    assert_allclose(partition_rate(Z, torch.ones(12, 1), EPS_SQ), whole, rtol=1e-12)
    assert_allclose(partition_rate(Z, torch.full((12, 4), 0.25), EPS_SQ), whole, rtol=1e-12)
    everywhere = torch.full((12, 12), 1 / 12, dtype=torch.float64)
    assert_allclose(membership_rate(Z, everywhere, EPS_SQ), whole, rtol=1e-12)


def test_samples_alone_take_the_rate_of_a_line():
    Z, alone = unit_rows(12, 5), torch.eye(12, dtype=torch.float64)
    line = torch.log1p(torch.tensor(5 / EPS_SQ, dtype=torch.float64)) / 2
    assert_allclose(membership_rate(Z, alone, EPS_SQ), line, rtol=1e-12)
    assert_allclose(partition_rate(Z, alone, EPS_SQ), line, rtol=1e-12)


def test_membership_of_whole_clusters_is_their_partition():
    Z = unit_rows(12, 5)
    of_cluster = one_hot(torch.arange(12) % 3).double()
    together = of_cluster @ (of_cluster / of_cluster.sum(0)).T
    assert_allclose(
        membership_rate(Z, together, EPS_SQ), partition_rate(Z, of_cluster, EPS_SQ), rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(10))
def test_groups_never_take_more_than_the_whole(seed):
    Z = unit_rows(12, 5, seed)
    whole = float(coding_rate(Z, EPS_SQ))
    assert float(membership_rate(Z, doubly_stochastic(12, seed), EPS_SQ)) <= whole + 1e-9
    assert float(partition_rate(Z, shares(12, 4, seed), EPS_SQ)) <= whole + 1e-9


def test_the_mean_over_drawn_columns_is_the_rate():
    Z, membership = unit_rows(8, 5), doubly_stochastic(8)
    singles = [membership_rate(Z, membership[:, [column]], EPS_SQ) for column in range(8)]
    assert_allclose(torch.stack(singles).mean(), membership_rate(Z, membership, EPS_SQ), rtol=1e-12)
    assert float(torch.stack(singles).std()) > 1e-3


def planes(turn=None):
    """Two clusters in planes of four dimensions, orthogonal ones if the second is not turned."""
    first = torch.zeros(20, 4, dtype=torch.float64)
    second = first.clone()
    first[:, :2], second[:, 2:] = unit_rows(20, 2, seed=1), unit_rows(20, 2, seed=2)
    labels = torch.arange(40) // 20
    return torch.cat([first, second if turn is None else second @ turn]), one_hot(labels).double()


@pytest.mark.parametrize("seed", range(10))
def test_orthogonal_subspaces_have_the_largest_rate_reduction(seed):
    apart, of_cluster = planes()
    turned, _ = planes(rotation(4, seed))
    own = partition_rate(apart, of_cluster, EPS_SQ)
    assert_allclose(partition_rate(turned, of_cluster, EPS_SQ), own, rtol=1e-12)
    assert float(coding_rate(turned, EPS_SQ)) < float(coding_rate(apart, EPS_SQ)) - 1e-3


def test_true_clusters_save_more_than_shuffled_ones():
    Z, of_cluster = planes()
    for seed in range(10):
        order = torch.randperm(40, generator=seeded(seed))
        own, others = (partition_rate(Z, w, EPS_SQ) for w in (of_cluster, of_cluster[order]))
        assert float(own) < float(others) - 0.1
