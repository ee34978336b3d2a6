import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from torch.autograd import grad, gradcheck

from skmanifold.gp import leave_out_means, log_density
from tests.gp.known_fields import tensor


def covariance_of(rng, n_rows=6):
    root = rng.normal(size=(n_rows, n_rows))
    return tensor(root @ root.T + 0.3 * np.eye(n_rows))


def with_symmetric(covariance, targets):
    """As a function of any matrix: the density is one of symmetric ones."""
    return log_density((covariance + covariance.mT) / 2, targets)


def dense_density(covariance, targets):
    """Through the factorisation, as torch differentiates it."""
    normal = torch.distributions.MultivariateNormal(
        targets.new_zeros(len(targets)), (covariance + covariance.mT) / 2
    )
    return normal.log_prob(targets.T).sum()


@pytest.mark.parametrize(("n_rows", "n_columns"), [(1, 1), (6, 1), (6, 3), (40, 2)])
def test_agrees_with_scipy_and_torch(rng, n_rows, n_columns):
    covariance, targets = covariance_of(rng, n_rows), tensor(rng.normal(size=(n_rows, n_columns)))
    found = log_density(covariance, targets)
    assert found.shape == ()
    of_scipy = multivariate_normal(np.zeros(n_rows), covariance.numpy()).logpdf(targets.T)
    assert_allclose(found, np.sum(of_scipy))
    assert_allclose(found, dense_density(covariance, targets))


def test_columns_are_independent(rng):
    covariance, targets = covariance_of(rng), tensor(rng.normal(size=(6, 4)))
    each = [log_density(covariance, column[:, None]) for column in targets.T]
    assert_allclose(log_density(covariance, targets), sum(each))


def test_independent_rows_add_up(rng):
    one, other = covariance_of(rng, 3), covariance_of(rng, 4)
    targets = tensor(rng.normal(size=(7, 2)))
    whole = log_density(torch.block_diag(one, other), targets)
    assert_allclose(whole, log_density(one, targets[:3]) + log_density(other, targets[3:]))


def test_units(rng):
    covariance, targets = covariance_of(rng), tensor(rng.normal(size=(6, 2)))
    expected = log_density(covariance, targets) - 12 * np.log(10)
    assert_allclose(log_density(100 * covariance, 10 * targets), expected)


@pytest.mark.parametrize("n_columns", [1, 3])
def test_gradients(rng, n_columns):
    covariance = covariance_of(rng).requires_grad_()
    targets = tensor(rng.normal(size=(6, n_columns))).requires_grad_()
    assert gradcheck(with_symmetric, (covariance, targets))
    found = grad(with_symmetric(covariance, targets), (covariance, targets))
    expected = grad(dense_density(covariance, targets), (covariance, targets))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, atol=1e-10)


def test_gradients_of_a_multiple_and_through_hyper_parameters(rng):
    covariance, targets = covariance_of(rng), tensor(rng.normal(size=(6, 2)))
    scale, noise = tensor(0.8).requires_grad_(), tensor(0.4).requires_grad_()

    def total(scale, noise):
        noisy = scale.square() * covariance + noise.square() * tensor(np.eye(6))
        return 3 * log_density(noisy, targets) + scale.log()

    assert gradcheck(total, (scale, noise))


def test_second_derivatives_are_refused_rather_than_wrong(rng):
    scale = tensor(0.8).requires_grad_()
    value = log_density(scale.square() * covariance_of(rng), tensor(rng.normal(size=(6, 1))))
    with pytest.raises(RuntimeError, match="differentiable once"):
        grad(grad(value, scale, create_graph=True)[0], scale)


@pytest.mark.parametrize(
    "wrong", [np.diag([1.0, -1e-3]), [[1.0, 2.0], [2.0, 1.0]], [[np.nan, 0], [0, 1.0]]]
)
def test_covariances_that_are_none(wrong):
    with pytest.raises(torch.linalg.LinAlgError):
        log_density(tensor(wrong), tensor([[1.0], [2.0]]))


def test_inputs_are_left_alone(rng):
    covariance, targets = covariance_of(rng), tensor(rng.normal(size=(6, 2)))
    before = covariance.clone(), targets.clone()
    log_density(covariance, targets)
    leave_out_means(torch.linalg.cholesky(covariance), targets, 2)
    assert torch.equal(covariance, before[0])
    assert torch.equal(targets, before[1])


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("n_columns", [1, 2])
def test_leaving_out_is_refitting_without(rng, block, n_columns):
    n_points = 5
    covariance = covariance_of(rng, n_points * block)
    targets = tensor(rng.normal(size=(n_points * block, n_columns)))
    found = leave_out_means(torch.linalg.cholesky(covariance), targets, block)
    assert found.shape == (n_points, block, n_columns)
    for i in range(n_points):
        own = torch.zeros(n_points * block, dtype=torch.bool)
        own[i * block : (i + 1) * block] = True
        solved = torch.linalg.solve(covariance[~own][:, ~own], targets[~own])
        assert_allclose(found[i], covariance[own][:, ~own] @ solved, atol=1e-9)


def test_leaving_out_where_nothing_is_shared(rng):
    """Then the others say nothing."""
    factor = torch.diag(tensor(rng.uniform(0.5, 2, size=6)))
    assert_allclose(leave_out_means(factor, tensor(rng.normal(size=(6, 2))), 2), 0, atol=1e-14)


def test_leaving_out_a_copy_changes_little():
    """Of two labels at one place either is predicted by the other, up to the noise."""
    covariance = tensor([[1.0, 1.0], [1.0, 1.0]]) + 1e-4 * tensor(np.eye(2))
    found = leave_out_means(torch.linalg.cholesky(covariance), tensor([[2.0], [3.0]]), 1)
    assert_allclose(found.ravel(), [3, 2], rtol=1e-3)


@pytest.mark.gpu
def test_on_the_gpu(rng):
    covariance, targets = covariance_of(rng), tensor(rng.normal(size=(6, 2)))
    there = log_density(covariance.cuda(), targets.cuda())
    assert_allclose(there.cpu(), log_density(covariance, targets))
