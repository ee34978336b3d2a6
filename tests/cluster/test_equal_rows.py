import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.cluster._equal_rows import agreed, equal_row, row_keys


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 4, 5)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_samples_are_found_and_no_others(rng, shape, dtype):
    known = rng.normal(size=(30, *shape)).astype(dtype)
    rows = np.concatenate([known[[7, 0, 7]], known[:2] + 1e-6])
    assert_array_equal(equal_row(rows, known), [7, 0, 7, -1, -1])
    assert len(set(row_keys(known))) == 30


def test_numbers_count_not_their_type_sign_or_order():
    known = np.array([[0.0, 1.0], [2.0, 3.0]])
    turned = np.asfortranarray(known)[::-1].astype(np.float32)
    assert_array_equal(equal_row(turned, known), [1, 0])
    assert_array_equal(equal_row(np.array([[-0.0, 1.0]]), known), [0])


def test_of_equal_known_samples_one_is_named():
    known = np.array([[1.0], [2.0], [1.0]])
    assert set(equal_row(known[[0, 2]], known)) <= {0, 2}


def test_equal_samples_take_the_label_of_most_of_them():
    rows = np.array([[1.0], [1.0], [1.0], [2.0], [2.0], [3.0]])
    assert_array_equal(agreed(np.array([0, 1, 1, 0, 0, 0]), rows), [0, 0, 0, 1, 1, 1])
    # Of equally many, the smaller name, which is that of the larger cluster.
    assert_array_equal(agreed(np.array([0, 0, 0, 1, 0, 0]), rows), [0] * 6)


def test_labels_of_distinct_samples_stay(rng):
    labels = np.sort(rng.integers(3, size=30))
    labels = np.argsort(np.argsort(-np.bincount(labels, minlength=3)))[labels]
    assert_array_equal(agreed(labels, rng.normal(size=(30, 2))), labels)
