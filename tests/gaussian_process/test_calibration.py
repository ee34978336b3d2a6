import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold.gaussian_process import BatchedGPRegressor
from skmanifold.gaussian_process._calibration import (
    gives_std,
    held_out_errors,
    mean_and_variance,
    widening,
)


@pytest.mark.parametrize("factor", [1.5, 3.0])
def test_error_bars_that_are_too_narrow_are_widened_by_as_much(factor):
    errors = np.random.default_rng(0).normal(size=100_000)
    assert_allclose(widening(errors, np.full(100_000, 1 / factor)), factor, rtol=0.02)


def test_error_bars_are_never_narrowed():
    errors = np.random.default_rng(0).normal(size=1000)
    assert widening(errors, np.full(1000, 2.0)) == 1


def test_what_is_certain_has_no_say():
    errors, deviations = np.random.default_rng(0).normal(size=(2, 1000))
    deviations = np.abs(deviations)
    padded = np.append(errors, 5.0), np.append(deviations, 0.0)
    assert widening(*padded) == widening(errors, deviations)
    assert widening(np.ones(3), np.zeros(3)) == 1


def test_widened_bars_hold_95_percent_of_the_errors():
    errors = np.random.default_rng(0).standard_t(2, size=2000)  # heavy tails
    factor = widening(errors, np.ones(2000))
    assert_allclose(np.mean(np.abs(errors) <= 1.96 * factor), 0.95, atol=0.001)


def test_errors_are_of_models_that_did_not_see_the_sample():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    kernel = RBF(0.01, "fixed") + WhiteKernel(1e-6, "fixed")  # knows nothing of other samples
    errors, variances = held_out_errors(GaussianProcessRegressor(kernel), X, y)
    assert_allclose(errors, y, atol=1e-6)
    assert_allclose(variances, 1, rtol=1e-4)


def test_the_regressor_itself_is_left_as_it_was():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    model = BatchedGPRegressor(n_restarts=1, random_state=0).fit(X, y)
    before = model.predict(X)
    held_out_errors(model, X, y)
    assert model.n_restarts == 1
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("regressor", "n_samples"), [(LinearRegression(), 30), (BatchedGPRegressor(), 9)]
)
def test_without_deviations_or_enough_samples_nothing_is_widened(regressor, n_samples):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_samples, 2)), rng.normal(size=(n_samples, 1))
    errors, variances = held_out_errors(regressor, X, y)
    assert not errors.any()
    assert widening(errors, np.sqrt(variances)) == 1


def test_noise_belongs_to_the_variance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 1)), rng.normal(size=(50, 2))
    model = BatchedGPRegressor(noise=0.5, n_restarts=0).fit(X, y)
    std = model.predict(X, return_std=True)[1]
    assert_allclose(mean_and_variance(model, X)[1], std**2 + 0.25)


def test_regressors_without_deviations_are_told():
    model = LinearRegression().fit([[0.0], [1.0]], [[0.0], [1.0]])
    assert not gives_std(model)
    assert not gives_std(make_pipeline(StandardScaler(), model))
    assert gives_std(make_pipeline(StandardScaler(), GaussianProcessRegressor()))
    with pytest.raises(TypeError, match="LinearRegression has not, such as BatchedGPRegressor"):
        mean_and_variance(model, [[0.5]])
