import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from torch.autograd import gradcheck

from skmanifold.gp import RADIAL, batched_log_evidence, log_density
from skmanifold.gp._batched_evidence import JITTERS, factorized, scaled_squares
from tests.gp.known_fields import tensor

KERNELS = ["matern52", "rbf"]
every_kernel = pytest.mark.parametrize("kernel", KERNELS)


def problem(rng, n_rows=3, *, n_points=12, n_features=3, n_columns=1):
    points = tensor(rng.normal(size=(n_points, n_features)))
    targets = tensor(rng.normal(size=(n_rows, n_points, n_columns)))
    logs = tensor(0.4 * rng.normal(size=(n_rows, n_features + 1)))
    return points, targets, logs


def dense_covariance(points, logs, kernel, ratio):
    """Correlations by differences, one row of hyper-parameters, with the noise ratio added."""
    gaps = (points[:, None] - points) / logs[:-1].exp()
    correlations = RADIAL[kernel](gaps.square().sum(2), gaps.new_ones(()))
    return correlations + ratio * torch.eye(len(points)).to(points)


class Evidence(torch.autograd.Function):
    """The evidence with its own gradient, for torch to check."""

    @staticmethod
    def forward(ctx, logs, points, targets, kernel, noises):
        found = batched_log_evidence(points, targets, logs, kernel=kernel, noises=noises)
        ctx.save_for_backward(found.slopes)
        return found.values

    @staticmethod
    def backward(ctx, upstream):
        return upstream[:, None] * ctx.saved_tensors[0], None, None, None, None


@every_kernel
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("n_columns", [1, 4])
def test_gradient_is_that_of_finite_differences(rng, kernel, given, n_columns):
    points, targets, logs = problem(rng, n_columns=n_columns)
    noises = tensor([0.3, 0.1, 1.5]) if given else None
    assert gradcheck(Evidence.apply, (logs.requires_grad_(), points, targets, kernel, noises))


@every_kernel
def test_given_noise_agrees_with_the_dense_density(rng, kernel):
    points, targets, logs = problem(rng, n_columns=2)
    noises = tensor([0.3, 0.1, 1.5])
    found = batched_log_evidence(points, targets, logs, kernel=kernel, noises=noises)
    for row, noise in enumerate(noises):
        amplitude = logs[row, -1].exp()
        covariance = amplitude * dense_covariance(points, logs[row], kernel, noise / amplitude)
        assert_allclose(found.values[row], log_density(covariance, targets[row]))
    assert_allclose(found.amplitudes, logs[:, -1].exp())


@every_kernel
def test_amplitude_is_the_best_for_the_noise_ratio(rng, kernel):
    points, targets, logs = problem(rng, n_columns=2)
    found = batched_log_evidence(points, targets, logs, kernel=kernel)
    for row in range(len(logs)):
        ratio = logs[row, -1].exp()
        covariance = dense_covariance(points, logs[row], kernel, ratio)
        at = [
            log_density(found.amplitudes[row] * c * covariance, targets[row]) for c in (0.9, 1, 1.1)
        ]
        assert_allclose(found.values[row], at[1])
        assert at[1] > max(at[0], at[2])


@every_kernel
def test_evidence_is_that_of_scikit_learn(rng, kernel):
    points, targets, logs = problem(rng)
    found = batched_log_evidence(points, targets, logs, kernel=kernel)
    radial = {"rbf": RBF, "matern52": lambda scales: Matern(scales, nu=2.5)}[kernel]
    for row in range(len(logs)):
        amplitude = found.amplitudes[row].item()
        theirs = ConstantKernel(amplitude) * radial(logs[row, :-1].exp().numpy())
        theirs = theirs + WhiteKernel(amplitude * logs[row, -1].exp().item())
        model = GaussianProcessRegressor(theirs, alpha=0.0, optimizer=None)
        model.fit(points.numpy(), targets[row, :, 0].numpy())
        assert_allclose(found.values[row], model.log_marginal_likelihood(model.kernel_.theta))


def test_rows_do_not_mix_whatever_the_memory(rng):
    points, targets, logs = problem(rng, n_rows=7, n_points=30)
    whole = batched_log_evidence(points, targets, logs, kernel="matern52")
    with config_context(working_memory=1e-3):  # a row at a time
        few = batched_log_evidence(points, targets, logs, kernel="matern52")
    for row in range(7):
        at = slice(row, row + 1)
        alone = batched_log_evidence(points, targets[at], logs[at], kernel="matern52")
        assert_allclose(alone.values, whole.values[at], rtol=1e-12)
    assert_allclose(few.values, whole.values, rtol=1e-12)
    assert_allclose(few.slopes, whole.slopes, rtol=1e-8, atol=1e-10)


def test_columns_of_a_row_are_draws_of_one_process(rng):
    points, targets, logs = problem(rng, n_rows=1, n_columns=3)
    noise = tensor([0.2])
    together = batched_log_evidence(points, targets, logs, kernel="rbf", noises=noise)
    apart = batched_log_evidence(
        points,
        targets[0].T[:, :, None],
        logs.expand(3, -1),
        kernel="rbf",
        noises=noise.expand(3),
    )
    assert_allclose(together.values[0], apart.values.sum())
    assert_allclose(together.slopes[0], apart.slopes.sum(0))


def test_units_of_targets_only_shift_the_evidence(rng):
    points, targets, logs = problem(rng)
    one = batched_log_evidence(points, targets, logs, kernel="rbf")
    other = batched_log_evidence(points, 7 * targets, logs, kernel="rbf")
    assert_allclose(other.values, one.values - 12 * np.log(7))
    assert_allclose(other.slopes, one.slopes)
    assert_allclose(other.amplitudes, 49 * one.amplitudes)


def test_jitter_is_added_where_it_is_needed_and_told(rng):
    points, targets, logs = problem(rng)
    points[1] = points[0]
    logs[1, -1] = -80.0  # no noise: a singular covariance
    found = batched_log_evidence(points, targets, logs, kernel="matern52")
    assert torch.isfinite(found.values).all()
    assert_allclose(found.jitters[[0, 2]], 0.0)
    jitter = found.jitters[1]
    assert min(abs(jitter - each) for each in JITTERS) < 1e-20
    logs[1, -1] = torch.log(jitter)
    assert_allclose(
        batched_log_evidence(points, targets, logs, kernel="matern52").values,
        found.values,
        rtol=1e-3,
    )


def test_factor_is_that_of_the_matrix_with_its_jitter():
    correlations = torch.ones((2, 3, 3), dtype=torch.float64)
    correlations[0] = torch.eye(3)
    ratios = tensor([0.5, 0.0])
    factors, jitters = factorized(correlations.clone(), ratios)
    assert jitters[0] == 0
    assert jitters[1] > 0
    added = (ratios + jitters)[:, None, None] * torch.eye(3).to(factors)
    assert_allclose(factors @ factors.mT, correlations + added, atol=1e-15)


def test_a_matrix_that_no_jitter_helps_has_no_factor():
    factors, _ = factorized(-torch.ones((1, 2, 2), dtype=torch.float64), tensor([0.0]))
    assert torch.isnan(factors).all()


def test_squared_distances(rng):
    left, right = tensor(rng.normal(size=(2, 5, 3))), tensor(rng.normal(size=(2, 4, 3)))
    expected = (left[:, :, None] - right[:, None]).square().sum(3)
    assert_allclose(scaled_squares(left, right), expected, atol=1e-13)
    within = scaled_squares(left)
    assert_allclose(within, scaled_squares(left, left), atol=1e-13)
    assert (within.diagonal(dim1=1, dim2=2) == 0).all()


@pytest.mark.gpu
def test_on_a_gpu_as_on_the_cpu(rng):
    points, targets, logs = problem(rng, n_points=40)
    here = batched_log_evidence(points, targets, logs, kernel="matern52")
    there = batched_log_evidence(points.cuda(), targets.cuda(), logs.cuda(), kernel="matern52")
    assert there.values.is_cuda
    assert_allclose(there.values.cpu(), here.values)
    assert_allclose(there.slopes.cpu(), here.slopes, atol=1e-9)
