"""Tests of monotone transforms of outputs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from skmanifold.gaussian_process._target_transform import (
    NAMED,
    AsinhTransform,
    check_names,
    fitted_values,
    original_interval,
    original_values,
    transform_of,
)


@pytest.fixture
def skewed(rng):
    """Positive values of two columns, over many orders of magnitude."""
    return np.exp(3 * rng.normal(size=(200, 2))) * [1e-4, 1e6]


@pytest.mark.parametrize("name", sorted(NAMED))
def test_values_come_back(name, skewed):
    transform = transform_of(name, "stress")
    values = fitted_values(transform, skewed, "stress")
    assert_allclose(original_values(transform, values), skewed, rtol=1e-8)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_order_is_kept(name, skewed):
    values = fitted_values(transform_of(name, "stress"), skewed, "stress")
    for before, after in zip(skewed.T, values.T, strict=True):
        assert (np.diff(after[np.argsort(before)]) > 0).all()


@pytest.mark.parametrize("name", ["asinh", "yeo-johnson"])
@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_units_do_not_matter(name, unit, skewed):
    values = fitted_values(transform_of(name, "stress"), skewed, "stress")
    others = fitted_values(transform_of(name, "stress"), unit * skewed, "stress")
    assert_allclose(others, values, rtol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_yeo_johnson_has_an_inverse_everywhere(sign, skewed):
    # PowerTransformer alone has none: its powers beyond 0 and 2 map to half-lines.
    transform = transform_of("yeo-johnson", "stress")
    values = fitted_values(transform, sign * skewed, "stress")
    low, high = original_interval(transform, values, np.full_like(values, 2.0), 4.0)
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()
    assert (low < high).all()


def test_yeo_johnson_is_scikit_learns_in_other_units(rng):
    values = rng.normal(3.0, size=(300, 1))
    transform = transform_of("yeo-johnson", "stress").fit(values)
    power = PowerTransformer(standardize=False).fit(values / transform.scale_)
    assert 0 < power.lambdas_[0] < 2
    assert_allclose(transform.transform(values), power.transform(values / transform.scale_))


def test_asinh_is_linear_for_small_values_and_logarithmic_for_large():
    transform = AsinhTransform().fit(np.array([[0.0], [-2.0], [2.0]]))
    assert_allclose(transform.transform(np.array([[1e-5]])), 0.5e-5)
    large = transform.transform(np.array([[1e8], [1e9]]))
    assert_allclose(np.diff(large[:, 0]), np.log(10))


@pytest.mark.parametrize("name", ["asinh", "yeo-johnson"])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
def test_a_constant_stays_finite(name, value):
    constant = np.full((20, 1), value)
    transform = transform_of(name, "stress")
    values = fitted_values(transform, constant, "stress")
    assert_allclose(original_values(transform, values), constant, atol=1e-15)


def test_log_of_nought_names_the_output():
    with pytest.raises(ValueError, match=r"output 'strain': .* needs positive.*least is 0\."):
        fitted_values(transform_of("log", "strain"), np.array([[1.0], [0.0]]), "strain")


def test_intervals_increase_whatever_the_transform():
    falling = FunctionTransformer(np.negative, np.negative).fit(np.ones((1, 1)))
    low, high = original_interval(falling, np.array([[1.0]]), np.array([[0.5]]), 2.0)
    assert_allclose([low[0, 0], high[0, 0]], [-2.0, 0.0], atol=1e-15)


def test_intervals_are_those_of_the_transformed_values():
    log = transform_of("log", "stress").fit(np.ones((1, 1)))
    low, high = original_interval(log, np.zeros((1, 1)), np.ones((1, 1)), 2.0)
    assert_allclose([low[0, 0], high[0, 0]], np.exp([-2.0, 2.0]))


def test_a_dictionary_is_by_output():
    scaler = StandardScaler()
    setting = {"stress": "asinh", "work": scaler}
    assert isinstance(transform_of(setting, "stress"), AsinhTransform)
    assert isinstance(transform_of(setting, "work"), StandardScaler)
    assert transform_of(setting, "work") is not scaler
    assert transform_of(setting, "U1") is None
    assert transform_of(None, "U1") is None


def test_unknown_strings_are_refused():
    with pytest.raises(ValueError, match=r"one of \['asinh', 'log', 'yeo-johnson'\].*got 'sqrt'"):
        transform_of("sqrt", "stress")


def test_a_transformer_needs_an_inverse():
    with pytest.raises(TypeError, match=r"of 'stress' needs inverse_transform, which .*Hasher"):
        transform_of(FeatureHasher(), "stress")


def test_names_that_are_no_outputs_are_refused():
    check_names("log", ["U1"])
    check_names({"U1": "log"}, ["U1", "y0"])
    with pytest.raises(ValueError, match=r"names \['U9'\], and the outputs are \['U1', 'y0'\]"):
        check_names({"U1": "log", "U9": "log"}, ["y0", "U1"])


@pytest.mark.parametrize("setting", ["yeo-johnson", StandardScaler()])
def test_values_are_arrays_even_if_transformers_return_frames(setting, skewed):
    with config_context(transform_output="pandas"):
        values = fitted_values(transform_of(setting, "stress"), skewed, "stress")
    assert type(values) is np.ndarray
