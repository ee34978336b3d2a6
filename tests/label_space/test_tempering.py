import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from skmanifold.label_space import as_weights, softmax, temper


def random_weights(rng, shape=(40, 7)):
    weights = rng.random(shape) ** 3
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [1e-3, 0.05, 0.5, 1, 1.4, 5.0, 1e3])
@pytest.mark.parametrize("top_k", [1, 2, 6, 7, 100, None])
def test_the_definition(temperature, top_k, rng):
    weights = random_weights(rng)
    found = temper(weights, temperature, top_k)
    assert_allclose(found.sum(axis=1), 1)
    expected = np.zeros_like(weights)
    for row, out in zip(weights, expected, strict=True):
        kept = sorted(range(7), key=lambda at: -row[at])[:top_k]
        out[kept] = special.softmax(np.log(row[kept]) / temperature)
    assert_allclose(found, expected, rtol=1e-10, atol=1e-15)


def test_nothing_to_change(rng):
    weights = random_weights(rng)
    assert_allclose(temper(weights, 1.0, None), weights, rtol=1e-15)
    assert_allclose(temper(weights, 1, 7), weights, rtol=1e-15)


@pytest.mark.parametrize("temperature", [1e-300, 1e-9, 1e-6])
def test_cold_weights_are_the_likeliest_class(temperature, rng):
    weights = random_weights(rng)
    assert_array_equal(temper(weights, temperature, None), np.eye(7)[weights.argmax(axis=1)])


def test_cold_weights_share_a_tie():
    assert_array_equal(temper(np.array([[0.4, 0.2, 0.4]]), 1e-9, None), [[0.5, 0, 0.5]])


@pytest.mark.parametrize("temperature", [1e15, 1e300, np.inf])
@pytest.mark.parametrize("top_k", [1, 3, None])
def test_hot_weights_are_even_over_the_classes_that_are_kept(temperature, top_k, rng):
    weights = random_weights(rng)
    rank = np.argsort(np.argsort(-weights, axis=1), axis=1)
    kept = rank < (top_k or 7)
    assert_allclose(temper(weights, temperature, top_k), kept / kept.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.0, 1e300, np.inf])
def test_classes_of_no_weight_get_none(temperature):
    assert_allclose(temper(np.array([[0.5, 0.0, 0.5]]), temperature, None), [[0.5, 0, 0.5]])


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_one_class_kept_is_the_likeliest(temperature, rng):
    weights = random_weights(rng)
    weights[:5] = np.round(4 * weights[:5])
    weights = as_weights(weights, 7)
    expected = np.eye(7)[weights.argmax(axis=1)]
    assert_array_equal(temper(weights, temperature, 1), expected)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_of_equal_weights_the_first_are_kept(k):
    found = temper(np.array([[0.1, 0.2, 0.2, 0.3, 0.2]]), 1.0, k) > 0
    order = [3, 1, 2, 4, 0]
    assert_array_equal(np.flatnonzero(found), np.sort(order[:k]))


def test_fewer_classes_of_any_weight_than_are_kept():
    assert_array_equal(temper(np.array([[0.0, 1.0, 0.0, 0.0]]), 0.5, 3), [[0, 1, 0, 0]])


def test_tiny_weights_keep_their_order():
    weights = as_weights([[1.0, 1e-300, 1e-200, 0.0]], 4)
    assert_allclose(temper(weights, 1.0, None), [[1, 1e-300, 1e-200, 0]])
    assert_allclose(
        temper(weights, 100.0, None) / temper(weights, 100.0, None)[0, 0], [[1, 1e-3, 1e-2, 0]]
    )
    assert_array_equal(temper(weights, 1.0, 2) > 0, [[True, False, True, False]])


def test_temperatures_multiply(rng):
    weights = random_weights(rng)
    assert_allclose(temper(temper(weights, 2.0, 5), 1.5, None), temper(weights, 3.0, 5))


def test_weights_are_left_as_they_were(rng):
    weights = random_weights(rng)
    weights.flags.writeable = False
    before = weights.copy()
    for top_k in (2, None):
        for temperature in (1.0, 0.5):
            temper(weights, temperature, top_k)
    assert_array_equal(weights, before)


@pytest.mark.parametrize("scale", [5e-324, 1e-320, 1e-300, 0.3, 1.0, 5e307])
def test_rows_are_scaled_to_one(scale):
    given = scale * np.array([[1.0, 2, 1], [0, 0, 3], [1, 1, 1]])
    expected = [[0.25, 0.5, 0.25], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    assert_allclose(as_weights(given, 3), expected, rtol=1e-3 if scale < 1e-310 else 1e-14)


def test_rows_of_zeros_say_nothing():
    assert_array_equal(as_weights([[0, 0, 0, 0], [0, 1, 1, 0]], 4), [[0.25] * 4, [0, 0.5, 0.5, 0]])


@pytest.mark.parametrize("dtype", [int, bool, np.float32, np.float64])
def test_weights_are_new_arrays_of_float64(dtype):
    given = np.array([[1, 0], [1, 1]], dtype=dtype)
    before = given.copy()
    weights = as_weights(given, 2)
    assert weights.dtype == np.float64
    weights[:] = 7
    assert_array_equal(given, before)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([[0.5, 0.5]], "scores has 2 columns, but there are 3 classes"),
        (
            [[1, 0, 0], [0.5, 0.7, -0.2]],
            "scores must not be negative; row 1 holds -0.2 in column 2",
        ),
        ([[0.5, np.nan, 0.5]], "scores contains NaN"),
        ([[0.5, np.inf, 0.5]], "scores contains infinity"),
        ([0.5, 0.3, 0.2], "2D array"),
        ([["a", "b", "c"]], "could not convert"),
        (np.empty((0, 3)), "0 sample"),
    ],
)
def test_what_weights_may_not_be(given, match):
    with pytest.raises(ValueError, match=match):
        as_weights(given, 3, "scores")


def test_softmax(rng):
    scores = 30 * rng.normal(size=(20, 5))
    assert_allclose(softmax(scores), special.softmax(scores, axis=1), rtol=1e-12)
    assert_allclose(softmax(scores + 1e6), softmax(scores), rtol=1e-8)
    assert_allclose(softmax(np.array([[1e5, 0.0, -1e5]])), [[1, 0, 0]])
