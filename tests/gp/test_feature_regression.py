import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.linear_model import Ridge
from torch.autograd import grad, gradcheck

from skmanifold.gp import FeatureMoments, WeightPosterior, feature_log_density, log_density
from tests.gp.known_fields import tensor

SHAPES = [(12, 5), (5, 12), (8, 8), (1, 3)]  # fewer, more and as many features as rows
each_shape = pytest.mark.parametrize(("n_rows", "n_features"), SHAPES)


def problem(rng, n_rows, n_features, n_columns=2):
    """Features, targets, prior variances over four decades, and noise."""
    return (
        tensor(rng.normal(size=(n_rows, n_features))),
        tensor(rng.normal(size=(n_rows, n_columns))),
        tensor(10 ** rng.uniform(-3, 1, size=n_features)),
        tensor(0.3),
    )


def noisy(features, variances, noise):
    """The dense covariance of the targets."""
    return (features * variances) @ features.T + noise.square() * tensor(np.eye(len(features)))


def posterior_of(features, targets, variances, noise):
    return WeightPosterior.given(FeatureMoments.of(features, targets), variances, noise)


@each_shape
@pytest.mark.parametrize("n_columns", [1, 3])
def test_density_is_the_dense_one(rng, n_rows, n_features, n_columns):
    features, targets, variances, noise = problem(rng, n_rows, n_features, n_columns)
    found = feature_log_density(FeatureMoments.of(features, targets), variances, noise)
    dense = noisy(features, variances, noise)
    assert_allclose(found, log_density(dense, targets), atol=1e-8)
    of_scipy = multivariate_normal(np.zeros(n_rows), dense.numpy()).logpdf(targets.T)
    assert_allclose(found, np.sum(of_scipy), atol=1e-8)


@each_shape
def test_gradients_are_the_dense_ones(rng, n_rows, n_features):
    features, targets, variances, noise = problem(rng, n_rows, n_features)
    variances.requires_grad_()
    noise.requires_grad_()
    moments = FeatureMoments.of(features, targets)
    found = grad(feature_log_density(moments, variances, noise), (variances, noise))
    expected = grad(log_density(noisy(features, variances, noise), targets), (variances, noise))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-7, atol=1e-8)


def test_gradients_by_differences(rng):
    features, targets, variances, noise = problem(rng, 7, 4)
    moments = FeatureMoments.of(features, targets)
    variances = (variances + 0.1).requires_grad_()
    assert gradcheck(
        lambda v, n: feature_log_density(moments, v, n), (variances, noise.requires_grad_())
    )


@each_shape
def test_mean_and_covariance_are_the_dense_ones(rng, n_rows, n_features):
    features, targets, variances, noise = problem(rng, n_rows, n_features)
    posterior = posterior_of(features, targets, variances, noise)
    new = tensor(rng.normal(size=(9, n_features)))
    gain = (new * variances) @ features.T
    dense = noisy(features, variances, noise)
    assert_allclose(posterior.mean(new), gain @ torch.linalg.solve(dense, targets), atol=1e-8)
    prior, root = posterior.prior_root(new), posterior.root(new)
    assert_allclose(prior @ prior.T, (new * variances) @ new.T, atol=1e-12)
    expected = (new * variances) @ new.T - gain @ torch.linalg.solve(dense, gain.T)
    assert_allclose(root @ root.T, expected, atol=1e-8)


def test_mean_is_ridge_regression(rng):
    features, targets, _, noise = problem(rng, 20, 4)
    posterior = posterior_of(features, targets, tensor(np.full(4, 0.5)), noise)
    ridge = Ridge(alpha=0.3**2 / 0.5, fit_intercept=False).fit(features, targets)
    assert_allclose(posterior.mean(features), ridge.predict(features), atol=1e-10)
    assert_allclose(posterior.mean(torch.eye(4).double()), ridge.coef_.T, atol=1e-10)


def test_moments_add_up(rng):
    features, targets, variances, noise = problem(rng, 12, 5)
    whole = FeatureMoments.of(features, targets)
    parts = [FeatureMoments.of(features[some], targets[some]) for some in (slice(7), slice(7, 12))]
    total = parts[0] + parts[1]
    assert (total.n_rows, total.n_columns) == (12, 2)
    assert_allclose(total.gram, whole.gram)
    assert_allclose(total.cross, whole.cross)
    assert_allclose(
        feature_log_density(total, variances, noise), feature_log_density(whole, variances, noise)
    )


def test_columns_are_independent(rng):
    features, targets, variances, noise = problem(rng, 12, 5, n_columns=3)
    each = [
        feature_log_density(FeatureMoments.of(features, column[:, None]), variances, noise)
        for column in targets.T
    ]
    whole = feature_log_density(FeatureMoments.of(features, targets), variances, noise)
    assert_allclose(whole, sum(each))


def test_features_without_variance_do_not_count(rng):
    features, targets, variances, noise = problem(rng, 12, 5)
    variances[3] = 0.0
    kept = [0, 1, 2, 4]
    found = feature_log_density(FeatureMoments.of(features, targets), variances, noise)
    few = FeatureMoments.of(features[:, kept], targets)
    assert_allclose(found, feature_log_density(few, variances[kept], noise))
    one = posterior_of(features, targets, variances, noise)
    other = posterior_of(features[:, kept], targets, variances[kept], noise)
    assert_allclose(one.mean(features), other.mean(features[:, kept]), atol=1e-12)


def test_turned_features_with_equal_variances_are_the_same(rng):
    features, targets, _, noise = problem(rng, 12, 5)
    turn = tensor(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    equal = tensor(np.full(5, 0.7))
    one, other = (
        feature_log_density(FeatureMoments.of(f, targets), equal, noise)
        for f in (features, features @ turn)
    )
    assert_allclose(one, other)


@pytest.mark.parametrize(("n_rows", "n_features"), [(5, 12), (8, 8)])
def test_little_noise_interpolates_and_much_noise_says_nothing(rng, n_rows, n_features):
    features, targets, _, _ = problem(rng, n_rows, n_features)
    wide = tensor(np.full(n_features, 1e2))
    sharp = posterior_of(features, targets, wide, tensor(1e-4))
    assert_allclose(sharp.mean(features), targets, atol=1e-4)
    assert sharp.root(features).square().sum(1).sqrt().max() < 1e-3
    blunt = posterior_of(features, targets, wide, tensor(1e8))
    assert_allclose(blunt.mean(features), 0, atol=1e-8)
    assert_allclose(
        blunt.root(features).square().sum(1), blunt.prior_root(features).square().sum(1)
    )


def test_ill_posed_features_stay_well_posed(rng):
    """Copies of a feature, and hundreds of decades between prior variances."""
    features, targets, _, noise = problem(rng, 12, 3)
    features = torch.cat((features, features, 1e-3 * features), 1)
    variances = tensor(np.repeat([1.0, 1e-150, 1e6], 3))
    posterior = posterior_of(features, targets, variances, noise)
    dense = noisy(features, variances, noise)
    expected = ((features * variances) @ features.T) @ torch.linalg.solve(dense, targets)
    assert_allclose(posterior.mean(features), expected, atol=1e-8)
