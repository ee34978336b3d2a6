import pickle

import gpytorch
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, norm
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from skmanifold.gaussian_process import BatchedGPRegressor
from skmanifold.gp._batched_evidence import RATIOS
from skmanifold.gp._batched_search import LENGTHSCALES

SHARES = ["none", "scaled"]
every_share = pytest.mark.parametrize("share", SHARES)
every_kernel = pytest.mark.parametrize("kernel", ["matern52", "rbf"])


def functions(X):
    """Two that depend on some of the features, and one on all."""
    return np.stack([np.sin(2 * X[:, 0]), X[:, 0] * X[:, 1], X.sum(1) ** 2 / 4], axis=1)


def problem(rng, n_samples=40, n_features=3, *, noise=0.1):
    X = rng.uniform(-1.5, 1.5, size=(n_samples, n_features))
    y = functions(X)
    return X, y + noise * rng.normal(size=y.shape)


def quick(**parameters):
    return BatchedGPRegressor(**({"n_restarts": 1, "random_state": 0} | parameters))


def kernel_of_scikit_learn(kernel, lengthscales, amplitude, noise):
    radial = RBF if kernel == "rbf" else lambda *args: Matern(*args, nu=2.5)
    free = radial(lengthscales, LENGTHSCALES)
    return ConstantKernel(amplitude, (1e-6, 1e12)) * free + WhiteKernel(noise, (1e-11, 1e4))


def same_model_of_scikit_learn(model, X, y, output):
    """A process at the hyper-parameters that were found."""
    kernel = kernel_of_scikit_learn(
        model.kernel,
        model.lengthscales_[output],
        model.signal_variance_[output],
        model.noise_variance_[output],
    )
    centered = y[:, output] - y[:, output].mean() * model.normalize_y
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, centered)


@every_kernel
@every_share
@pytest.mark.parametrize("normalize_y", [True, False])
def test_evidence_and_predictions_are_those_of_scikit_learn(rng, kernel, share, normalize_y):
    X, y = problem(rng)
    X, y = X * [1.0, 100.0, 0.01], y * [1.0, 30.0, 0.1] + 5.0
    model = quick(kernel=kernel, share=share, normalize_y=normalize_y).fit(X, y)
    queries = rng.uniform(-1.5, 1.5, size=(7, 3)) * [1.0, 100.0, 0.01]
    mean, std = model.predict(queries, return_std=True)
    _, covariance = model.predict(queries, return_cov=True)
    for output in range(3):
        theirs = same_model_of_scikit_learn(model, X, y, output)
        evidence = theirs.log_marginal_likelihood(theirs.kernel_.theta)
        assert_allclose(model.log_marginal_likelihood_[output], evidence, rtol=1e-6)
        their_mean, their_covariance = theirs.predict(queries, return_cov=True)
        # Theirs predicts measurements: the noise is in it.
        their_covariance = their_covariance - model.noise_variance_[output] * np.eye(7)
        scale = y[:, output].std()
        shift = y[:, output].mean() * normalize_y
        assert_allclose(mean[:, output], their_mean + shift, atol=1e-6 * scale)
        assert_allclose(covariance[:, :, output], their_covariance, atol=1e-6 * scale**2)
        variances = np.diagonal(covariance[:, :, output])
        assert_allclose(std[:, output] ** 2, variances, atol=1e-9 * scale**2)


@every_kernel
# It tells of lengthscales of features without influence, which end at their bound.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_optimum_is_that_of_scikit_learn(rng, kernel):
    X, y = problem(rng, 50, noise=0.0)
    y = np.concatenate([y + 0.1 * rng.normal(size=y.shape), y + 0.01 * rng.normal(size=y.shape)], 1)
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean(0)) / y.std(0)
    model = BatchedGPRegressor(kernel, random_state=0).fit(X, y)
    for output, evidence in enumerate(model.log_marginal_likelihood_):
        start = kernel_of_scikit_learn(kernel, np.ones(3), 1.0, 1e-2)
        theirs = GaussianProcessRegressor(start, alpha=0.0, n_restarts_optimizer=2, random_state=0)
        theirs.fit(X, y[:, output])
        assert evidence > theirs.log_marginal_likelihood_value_ - 0.5


@every_share
def test_it_is_a_maximum_of_the_evidence(rng, share):
    X, y = problem(rng)
    model = quick(share=share, tol=1e-8).fit(X, y[:, :1])
    theirs = same_model_of_scikit_learn(model, X, y, 0)
    _, slopes = theirs.log_marginal_likelihood(theirs.kernel_.theta, eval_gradient=True)
    assert np.abs(slopes).max() < 0.02  # nats for each factor of e


def test_a_batch_is_its_outputs_one_by_one(rng):
    X, y = problem(rng)
    together = quick().fit(X, y)
    for output in range(3):
        alone = quick().fit(X, y[:, output])
        assert_allclose(
            alone.log_marginal_likelihood_, together.log_marginal_likelihood_[[output]], atol=1e-6
        )
        assert_allclose(alone.predict(X), together.predict(X)[:, output], atol=1e-5)


@every_share
def test_shapes_are_those_of_y(rng, share):
    X, y = problem(rng)
    for targets, tail in ((y[:, 0], ()), (y[:, :1], (1,)), (y, (3,))):
        model = quick(share=share).fit(X, targets)
        mean, std = model.predict(X[:5], return_std=True)
        _, covariance = model.predict(X[:5], return_cov=True)
        assert mean.shape == std.shape == (5, *tail)
        assert covariance.shape == (5, 5, *tail)
        assert model.sample_y(X[:5], 4).shape == (5, *tail, 4)
        n_outputs = tail[0] if tail else 1
        assert model.lengthscales_.shape == (n_outputs, 3)
        assert model.noise_variance_.shape == model.jitter_.shape == (n_outputs,)


@every_share
def test_draws_have_the_mean_and_covariance_of_the_posterior(rng, share):
    X, y = problem(rng)
    model = quick(share=share).fit(X, y)
    queries = rng.uniform(-1.5, 1.5, size=(4, 3))
    mean, covariance = model.predict(queries, return_cov=True)
    draws = model.sample_y(queries, 20_000, random_state=1)
    spread = np.sqrt(np.diagonal(covariance).T)
    assert_allclose((draws.mean(2) - mean) / spread, 0, atol=0.04)
    for output in range(3):
        scale = np.outer(spread[:, output], spread[:, output])
        difference = np.cov(draws[:, output]) - covariance[:, :, output]
        assert_allclose(difference / scale, 0, atol=0.06)
    assert_array_equal(draws[:, :, :3], model.sample_y(queries, 20_000, random_state=1)[:, :, :3])
    assert not np.array_equal(draws, model.sample_y(queries, 20_000, random_state=2))


def test_errors_are_as_large_as_told():
    """On functions drawn from the prior of a model, at new points."""
    scores = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2, 2, size=(150, 2))
        prior = ConstantKernel(4.0) * Matern([1.0, 3.0], nu=2.5)
        truth = GaussianProcessRegressor(prior).sample_y(X, 6, random_state=seed)
        y = truth + 0.2 * rng.normal(size=truth.shape)
        model = quick().fit(X[:90], y[:90])
        mean, std = model.predict(X[90:], return_std=True)
        scores.append((truth[90:] - mean) / std)
        assert_allclose(np.sqrt(model.noise_variance_), 0.2, rtol=0.4)
    scores = np.concatenate(scores)
    assert 0.92 < np.mean(np.abs(scores) < norm.ppf(0.975)) < 0.98
    assert kstest(scores[::10, 0], "norm").pvalue > 0.01


def test_features_without_influence_are_found(rng):
    X, y = problem(rng, 80, 4)
    lengthscales = BatchedGPRegressor(random_state=0).fit(X, y[:, 0]).lengthscales_[0]
    assert lengthscales[0] < 5
    assert lengthscales[1:].min() > 10 * lengthscales[0]


@every_share
def test_units_do_not_matter(rng, share):
    X, y = problem(rng)
    one = quick(share=share).fit(X, y)
    units, shift = np.array([1e-6, 1.0, 1e7]), np.array([0.0, 100.0, -3e7])
    other = quick(share=share).fit(X * units + shift, 1e5 * y - 2e5)
    queries = rng.uniform(-1.5, 1.5, size=(6, 3))
    mean, std = one.predict(queries, return_std=True)
    there, there_std = other.predict(queries * units + shift, return_std=True)
    assert_allclose(there, 1e5 * mean - 2e5, atol=10)
    assert_allclose(there_std, 1e5 * std, rtol=1e-3)
    assert_allclose(other.noise_variance_, 1e10 * one.noise_variance_, rtol=0.01)
    change = len(X) * np.log(1e5)
    assert_allclose(
        other.log_marginal_likelihood_, one.log_marginal_likelihood_ - change, atol=0.01
    )


def test_shared_lengthscales_heed_small_outputs_as_little_as_they_are(rng):
    X, y = problem(rng, 60, noise=0.02)
    noise = 1e-4 * rng.normal(size=(60, 25))
    few = quick(share="scaled").fit(X, y)
    many = quick(share="scaled").fit(X, np.concatenate([y, noise], 1))
    assert (few.lengthscales_ == few.lengthscales_[0]).all()
    used = few.lengthscales_[0] < 50
    assert_allclose(many.lengthscales_[0][used], few.lengthscales_[0][used], rtol=0.02)
    queries = rng.uniform(-1.2, 1.2, size=(200, 3))
    errors = [
        np.sqrt(np.mean((model.predict(queries)[:, :3] - functions(queries)) ** 2, axis=0))
        for model in (few, many)
    ]
    assert_allclose(errors[1], errors[0], rtol=0.02)
    # And the noise is told as what it is.
    mean, std = many.predict(queries, return_std=True)
    assert np.abs(mean[:, 3:]).mean() < 1e-4
    told = np.sqrt(std[:, 3:] ** 2 + many.noise_variance_[3:])
    assert_allclose(np.sqrt(np.mean(told**2)), 1e-4, rtol=0.3)


def test_outputs_of_nought_change_no_shared_lengthscale(rng):
    X, y = problem(rng)
    few = quick(share="scaled").fit(X, y)
    more = quick(share="scaled").fit(X, np.concatenate([y, np.zeros((len(y), 4))], 1))
    assert_allclose(more.predict(X)[:, :3], few.predict(X), atol=1e-2)
    assert_allclose(more.predict(X)[:, 3:], 0.0)


@every_share
def test_noise_that_is_given_is_kept(rng, share):
    X, y = problem(rng)
    model = quick(share=share, noise=0.3).fit(X, y * [1.0, 5.0, 0.2])
    assert_allclose(model.noise_variance_, 0.09)
    for output in range(3):
        theirs = same_model_of_scikit_learn(model, X, y * [1.0, 5.0, 0.2], output)
        evidence = theirs.log_marginal_likelihood(theirs.kernel_.theta)
        assert_allclose(model.log_marginal_likelihood_[output], evidence, rtol=1e-6)
    if share == "scaled":
        assert len(set(model.signal_variance_.round(9))) == 1


def test_without_noise_the_function_passes_through_the_samples(rng):
    X = rng.uniform(-1.5, 1.5, size=(15, 2))
    y = functions(X)
    model = quick(noise=0.0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert_allclose(mean, y, atol=1e-3)
    assert (std < 1e-2).all()
    assert (model.noise_variance_ == 0).all()


def test_jitter_is_told_where_samples_coincide(rng):
    X, y = problem(rng, 30, noise=0.0)
    X, y = np.concatenate([X, X]), np.concatenate([y, y])
    assert (quick(noise=0.0).fit(X, y).jitter_ > 0).all()
    found = quick().fit(X, y + 0.1 * rng.normal(size=y.shape))
    assert (found.jitter_ == 0).all()
    assert np.isfinite(found.log_marginal_likelihood_).all()


@every_share
def test_outputs_and_features_that_never_vary(rng, share):
    X, y = problem(rng)
    X[:, 1], y[:, 2] = 7.1, -1e3 / 3
    model = quick(share=share).fit(X, y)
    queries = rng.uniform(-1, 1, size=(5, 3)) + np.array([0, 7.1, 0])
    mean, std = model.predict(queries, return_std=True)
    assert_allclose(mean[:, 2], -1e3 / 3)
    assert (std[:, 2] < 1e-2).all()
    assert (std[:, :2] > 1e-2).all()
    assert np.isfinite(model.log_marginal_likelihood_).all()


def test_two_samples_are_enough_and_one_is_not():
    model = quick().fit([[0.0], [1.0]], [1.0, 3.0])
    assert np.isfinite(model.predict([[0.5]], return_std=True)).all()
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        quick().fit([[0.0]], [1.0])


def test_far_from_all_samples_the_prior_comes_back(rng):
    X, y = problem(rng)
    model = quick().fit(X, y)
    mean, std = model.predict(np.full((1, 3), 1e9), return_std=True)
    assert_allclose(mean[0], y.mean(0))
    assert_allclose(std[0] ** 2, model.signal_variance_)


@every_kernel
@every_share
def test_exported_model_predicts_the_same(rng, kernel, share):
    X, y = problem(rng)
    X, y = X * [1.0, 50.0, 0.1] + 20.0, y * [1.0, 40.0, 0.1] + 3.0
    model = quick(kernel=kernel, share=share).fit(X, y)
    queries = X[:8] + 0.05
    mean, covariance = model.predict(queries, return_cov=True)
    for output in range(3):
        exported = model.to_gpytorch(output)
        assert isinstance(exported, gpytorch.models.ExactGP)
        assert not exported.training
        with torch.no_grad():
            found = exported(torch.from_numpy(queries))
            there = found.mean.numpy(), found.covariance_matrix.numpy()
        scale = y[:, output].std()
        assert_allclose(there[0], mean[:, output], atol=1e-8 * scale, rtol=0)
        assert_allclose(there[1], covariance[:, :, output], atol=1e-8 * scale**2, rtol=0)


def test_exported_model_keeps_the_evidence(rng):
    X, y = problem(rng)
    model = quick().fit(X, y)
    exported = model.to_gpytorch(1).train()
    exported.likelihood.train()
    density = gpytorch.mlls.ExactMarginalLogLikelihood(exported.likelihood, exported)
    with torch.no_grad():
        evidence = density(exported(*exported.train_inputs), exported.train_targets) * len(X)
    assert_allclose(evidence, model.log_marginal_likelihood_[1], rtol=1e-7)


def test_exported_model_is_exact_beyond_the_size_where_gpytorch_would_iterate(rng):
    X, y = problem(rng, 900)
    model = quick(n_restarts=0, max_iter=3, tol=10.0).fit(X[:, :1], y[:, 0])
    mean, std = model.predict(X[:5, :1], return_std=True)
    with torch.no_grad():
        found = model.to_gpytorch()(torch.from_numpy(X[:5, :1].copy()))
    assert_allclose(found.mean, mean, atol=1e-7)
    assert_allclose(found.stddev, std, atol=1e-6)


@pytest.mark.parametrize("output", [-1, 3])
def test_there_is_no_model_of_an_output_that_is_not_there(rng, output):
    model = quick().fit(*problem(rng))
    with pytest.raises(ValueError, match="output"):
        model.to_gpytorch(output)


@every_share
def test_memory_does_not_change_predictions(rng, share):
    X, y = problem(rng)
    model = quick(share=share).fit(X, y)
    queries = rng.uniform(-1.5, 1.5, size=(60, 3))
    whole = model.predict(queries, return_std=True)
    with config_context(working_memory=0.01):
        few = model.predict(queries, return_std=True)
        assert_allclose(model.predict(queries), whole[0], rtol=1e-9, atol=1e-9)
    assert_allclose(few, whole, rtol=1e-7, atol=1e-9)


def test_single_precision_is_computed_in_double(rng):
    X, y = problem(rng)
    X = X.astype(np.float32)
    one = quick().fit(X, y)
    two = quick().fit(X.astype(np.float64), y)
    assert_array_equal(one.lengthscales_, two.lengthscales_)
    mean, std = one.predict(X, return_std=True)
    assert mean.dtype == std.dtype == np.float32
    assert_allclose(mean, two.predict(X.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_arrays_are_not_written_into(rng):
    X, y = problem(rng)
    for array in (X, y):
        array.flags.writeable = False
    model = quick().fit(X, y)
    model.predict(X)
    model.sample_y(X)


@every_share
def test_a_prior_pulls_features_without_influence_to_its_median(rng, share):
    X = rng.uniform(-1.5, 1.5, size=(40, 4)) * [1.0, 0.01, 0.01, 0.01]
    y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=40)
    free, held = (
        quick(share=share, lengthscale_prior=prior).fit(X, y).lengthscales_[0, 1:]
        for prior in (None, 3.0)
    )
    assert_allclose(held, 3.0, rtol=0.2)  # hundreds of standard deviations: the evidence is flat
    assert (np.abs(np.log(held / 3)) < np.abs(np.log(free / 3))).all()


@every_share
def test_a_prior_is_a_gaussian_of_the_logarithms(rng, share):
    X, y = problem(rng)
    median = 2.0
    model = quick(share=share, lengthscale_prior=median, tol=1e-8).fit(X, y[:, :1])
    theirs = same_model_of_scikit_learn(model, X, y, 0)
    _, slopes = theirs.log_marginal_likelihood(theirs.kernel_.theta, eval_gradient=True)
    slopes[1:-1] -= np.log(model.lengthscales_[0] / median)  # between amplitude and noise
    assert np.abs(slopes).max() < 0.02


@every_share
def test_much_data_overrule_a_prior(rng, share):
    def gap(n_samples):
        X = rng.uniform(-1.5, 1.5, size=(n_samples, 2))
        y = np.sin(2 * X[:, 0]) * np.cos(2 * X[:, 1]) + 0.1 * rng.normal(size=n_samples)
        free, held = (
            quick(share=share, lengthscale_prior=prior).fit(X, y).lengthscales_[0]
            for prior in (None, 20.0)
        )
        return np.abs(np.log(held / free)).max()

    few, many = gap(15), gap(300)
    assert many < 0.5 * few
    assert many < 0.3


@pytest.mark.parametrize("prior", [0.0, -1.0, "auto", np.nan])
def test_a_prior_has_a_positive_median(rng, prior):
    with pytest.raises(ValueError, match="lengthscale_prior"):
        quick(lengthscale_prior=prior).fit(*problem(rng))


def test_more_starts_never_find_less(rng):
    X, y = problem(rng, 30, 6, noise=0.3)
    few = quick(n_restarts=0).fit(X, y).log_marginal_likelihood_
    many = quick(n_restarts=8).fit(X, y).log_marginal_likelihood_
    assert (many > few - 0.01).all()


def test_a_search_that_is_cut_short_says_so(rng):
    X, y = problem(rng)
    with pytest.warns(ConvergenceWarning, match="ended at max_iter=2"):
        model = quick(max_iter=2).fit(X, y)
    assert (model.n_iter_ == 2).all()


def test_noise_ratio_is_kept_within_its_range(rng):
    X = rng.uniform(-1, 1, size=(25, 1))
    exact = quick().fit(X, 3 * X[:, 0] + 1)
    ratio = exact.noise_variance_ / exact.signal_variance_
    assert RATIOS[0] <= ratio[0] * (1 + 1e-9)
    assert_allclose(exact.predict(X), 3 * X[:, 0] + 1, atol=1e-4)


def test_pickle_keeps_the_predictions(rng):
    X, y = problem(rng)
    model = quick(share="scaled").fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X, return_std=True), model.predict(X, return_std=True))


def test_both_kinds_of_spread_at_once_are_refused(rng):
    X, y = problem(rng)
    with pytest.raises(ValueError, match="At most one"):
        quick().fit(X, y).predict(X, return_std=True, return_cov=True)


def test_numbers_too_large_are_refused(rng):
    X, y = problem(rng)
    with pytest.raises(ValueError, match="y holds numbers too large"):
        quick().fit(X, np.abs(y) * 3e307 + 1e307)


@pytest.mark.gpu
@every_share
def test_on_a_gpu_as_on_the_cpu(rng, share):
    X, y = problem(rng)
    here = quick(share=share, device="cpu").fit(X, y)
    there = quick(share=share, device="cuda").fit(X, y)
    assert_allclose(there.log_marginal_likelihood_, here.log_marginal_likelihood_, atol=0.01)
    mean, std = here.predict(X, return_std=True)
    assert_allclose(there.predict(X, return_std=True), (mean, std), atol=1e-3)
    assert next(there.to_gpytorch().parameters()).is_cuda
    there.set_params(device="cpu")
    assert_allclose(there.predict(X), mean, atol=1e-3)
    assert there.sample_y(X[:3], 2).shape == (3, 3, 2)
