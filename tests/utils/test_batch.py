import numpy as np
import pytest

from skmanifold.utils import is_batch


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (np.ones((2, 3)), False),
        (np.ones((2, 3, 4)), True),
        (np.ones((2, 3, 4)).tolist(), True),
        (np.ones((2, 3)).tolist(), False),
        ([np.ones((2, 3)), np.ones((4, 3))], True),
        ((np.ones((2, 3)),), True),
        ([np.ones(3), np.ones(3)], False),
        (np.ones((1, 2, 3, 4)), False),
        (np.array([np.ones((2, 3)), np.ones((4, 3))], dtype=object), True),
        ([], True),
    ],
)
def test_what_is_a_batch(X, expected):
    assert is_batch(X) is expected
