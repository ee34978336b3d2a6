from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.metrics import clustering_accuracy


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(4, 4), (3, 5), (5, 3), (4, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_best_of_all_namings(n_classes, n_clusters, seed):
    rng = np.random.RandomState(seed)
    y_true, y_pred = rng.randint(n_classes, size=60), rng.randint(n_clusters, size=60)
    names = permutations(range(max(n_classes, n_clusters)), n_clusters)
    expected = max((np.array(name)[y_pred] == y_true).mean() for name in names)
    assert_allclose(clustering_accuracy(y_true, y_pred), expected)


def test_names_do_not_matter():
    y_true, y_pred = [0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 0, 2]
    score = clustering_accuracy(y_true, y_pred)
    assert_allclose(clustering_accuracy([2, 2, 0, 0, 1, 1], y_pred), score)
    assert_allclose(clustering_accuracy(list("aabbcc"), ["y", "y", "z", "z", "x", "z"]), score)
    assert_allclose(clustering_accuracy(y_pred, y_true), score)


def test_extremes():
    y_true = np.repeat([5, 7, 9], 4)
    assert clustering_accuracy(y_true, -y_true) == 1
    assert_allclose(clustering_accuracy(y_true, np.zeros(12)), 1 / 3)
    assert_allclose(clustering_accuracy(y_true, np.arange(12)), 3 / 12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clustering_accuracy([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        clustering_accuracy([0, 1], [0, np.nan])
    with pytest.raises(ValueError, match="1d array"):
        clustering_accuracy([[0, 1], [1, 0]], [0, 1])
    with pytest.raises(ValueError, match="empty"):
        clustering_accuracy([], [])
