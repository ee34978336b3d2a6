import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skmanifold.graph import kneighbors


@pytest.fixture
def method(request):
    """The method's name; the approximate one needs its extra."""
    if request.param == "approximate":
        pytest.importorskip("pynndescent")
    return request.param


every_method = pytest.mark.parametrize("method", ["brute", "torch", "approximate"], indirect=True)
exact_method = pytest.mark.parametrize("method", ["auto", "brute", "torch"])


def by_loops(X, n_neighbors, queries=None):
    """Nearest neighbours, one query at a time."""
    distances, indices = [], []
    for row, query in enumerate(X if queries is None else queries):
        apart = np.sqrt(((X - query) ** 2).sum(axis=1))
        if queries is None:
            apart[row] = np.inf
        order = np.argsort(apart, kind="stable")[:n_neighbors]
        distances.append(apart[order])
        indices.append(order)
    return np.array(distances), np.array(indices)


@exact_method
@pytest.mark.parametrize("n_features", [1, 3, 40])
def test_exact_methods_agree_with_loops(method, n_features, rng):
    X = rng.normal(size=(120, n_features))
    distances, indices = kneighbors(X, 7, method=method)
    expected_distances, expected_indices = by_loops(X, 7)
    assert_allclose(distances, expected_distances, atol=1e-7)
    assert_array_equal(indices, expected_indices)


@exact_method
def test_queries(method, rng):
    X, queries = rng.normal(size=(80, 4)), rng.normal(size=(30, 4))
    distances, indices = kneighbors(X, 5, queries=queries, method=method)
    expected_distances, expected_indices = by_loops(X, 5, queries)
    assert_allclose(distances, expected_distances, atol=1e-7)
    assert_array_equal(indices, expected_indices)


@exact_method
def test_points_as_queries_find_themselves(method, rng):
    X = rng.normal(size=(50, 3))
    distances, indices = kneighbors(X, 2, queries=X, method=method)
    assert_array_equal(indices[:, 0], np.arange(50))
    assert_allclose(distances[:, 0], 0, atol=1e-6)


@every_method
@pytest.mark.parametrize("n_copies", [1, 3])
def test_no_point_is_its_own_neighbor(method, n_copies, rng):
    X = np.repeat(rng.normal(size=(60, 3)), n_copies, axis=0)
    distances, indices = kneighbors(X, 8, method=method)
    assert distances.shape == indices.shape == (len(X), 8)
    assert not (indices == np.arange(len(X))[:, None]).any()
    assert all(len(set(row)) == 8 for row in indices)


@exact_method
def test_duplicates_come_first_at_distance_zero(method, rng):
    X = np.repeat(rng.normal(size=(30, 3)), 4, axis=0)
    distances, indices = kneighbors(X, 5, method=method)
    assert_allclose(distances[:, :3], 0, atol=1e-6)
    assert (distances[:, 3:] > 1e-3).all()
    assert_array_equal(indices[:, :3] // 4, np.repeat(np.arange(30), 4)[:, None] * [1, 1, 1])


@exact_method
def test_all_points_in_one_place(method):
    distances, indices = kneighbors(np.ones((40, 2)), 6, method=method)
    assert_allclose(distances, 0, atol=1e-7)
    assert not (indices == np.arange(40)[:, None]).any()


@every_method
def test_nearest_come_first(method, rng):
    distances, _ = kneighbors(rng.normal(size=(200, 5)), 10, method=method)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("queries", [False, True])
def test_approximate_finds_nearly_all(queries, rng):
    pytest.importorskip("pynndescent")
    X = rng.normal(size=(1500, 8))
    asked = rng.normal(size=(300, 8)) if queries else None
    distances, found = kneighbors(X, 10, queries=asked, method="approximate")
    expected_distances, expected = kneighbors(X, 10, queries=asked)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)])
    assert recall >= 0.9
    assert (distances >= expected_distances - 1e-4).all()  # none is nearer than the nearest
    again = kneighbors(X, 10, queries=asked, method="approximate")[1]
    assert_array_equal(found, again)


def test_approximate_without_its_extra(monkeypatch, rng):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"skmanifold\[fast\]"):
        kneighbors(rng.normal(size=(50, 2)), 3, method="approximate")


@pytest.mark.parametrize("queries", [False, True])
def test_chunks_do_not_show(queries, rng):
    X = rng.normal(size=(90, 3))
    asked = rng.normal(size=(70, 3)) if queries else None
    whole = kneighbors(X, 6, queries=asked, method="torch")
    with config_context(working_memory=1e-3):  # one row of 90 distances at a time, or few
        chunked = kneighbors(X, 6, queries=asked, method="torch")
    assert_allclose(chunked[0], whole[0], atol=1e-7)
    assert_array_equal(chunked[1], whole[1])


@exact_method
def test_indices_index(method, rng):
    X = rng.normal(size=(50, 3))
    distances, indices = kneighbors(X, 4, method=method)
    assert indices.dtype == np.intp
    offsets = X[indices] - X[:, None]
    assert_allclose(distances, np.linalg.norm(offsets, axis=2), atol=1e-7)


@exact_method
def test_far_from_the_origin_in_single_precision(method, rng):
    X = (rng.normal(size=(300, 3)) + 100).astype(np.float32)
    distances, indices = kneighbors(X, 5, method=method)
    expected_distances, expected_indices = by_loops(X.astype(float), 5)
    assert_allclose(distances, expected_distances, atol=1e-3)
    assert np.mean(indices == expected_indices) > 0.99


def test_other_metrics(rng):
    X = rng.normal(size=(60, 4))
    apart = np.abs(X[:, None] - X).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    distances, indices = kneighbors(X, 3, metric="manhattan")
    assert_array_equal(indices, np.argsort(apart, axis=1)[:, :3])
    assert_allclose(distances, np.sort(apart, axis=1)[:, :3])
    np.fill_diagonal(apart, 0)
    assert_array_equal(kneighbors(apart, 3, metric="precomputed")[1], indices)


@pytest.mark.parametrize("method", ["torch", "approximate"])
def test_some_methods_are_euclidean_only(method, rng):
    with pytest.raises(ValueError, match="Euclidean metric only, got 'cosine'"):
        kneighbors(rng.normal(size=(50, 2)), 3, method=method, metric="cosine")


def test_unknown_method(rng):
    with pytest.raises(ValueError, match="method='kd_tree' is not 'auto'"):
        kneighbors(rng.normal(size=(50, 2)), 3, method="kd_tree")


@pytest.mark.parametrize("method", ["auto", "torch", "approximate"])
@pytest.mark.parametrize("n_neighbors", [-1, 0, 10, 11])
def test_too_many_neighbors(method, n_neighbors, rng):
    message = f"n_neighbors={n_neighbors} is not between 1 and 9"
    with pytest.raises(ValueError, match=message):
        kneighbors(rng.normal(size=(10, 2)), n_neighbors, method=method)


@exact_method
def test_as_many_neighbors_as_there_are(method, rng):
    X = rng.normal(size=(10, 2))
    others = [[j for j in range(10) if j != i] for i in range(10)]
    assert_array_equal(np.sort(kneighbors(X, 9, method=method)[1], axis=1), others)
    asked = kneighbors(X, 10, queries=X[:3], method=method)[1]
    assert_array_equal(np.sort(asked, axis=1), [range(10)] * 3)


@exact_method
def test_points_are_left_alone(method, rng):
    X = rng.normal(size=(30, 3)) + 5
    before = X.copy()
    X.flags.writeable = False
    kneighbors(X, 4, queries=X, method=method)
    assert_array_equal(X, before)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("queries", [False, True])
def test_on_the_gpu(dtype, queries, rng):
    X = rng.normal(size=(2000, 10)).astype(dtype)
    asked = rng.normal(size=(300, 10)).astype(dtype) if queries else None
    distances, indices = kneighbors(X, 12, queries=asked, device="cuda")  # "auto" is "torch" there
    expected_distances, expected_indices = kneighbors(X, 12, queries=asked, method="brute")
    assert_allclose(distances, expected_distances, atol=1e-3 if dtype == np.float32 else 1e-7)
    assert np.mean(indices == expected_indices) > 0.999
