import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from skmanifold.datasets import make_clusters
from skmanifold.metrics import clustering_accuracy

KINDS = ["circles", "spirals", "subspaces", "manifolds"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_shapes_and_sizes(kind):
    X, y = make_clusters(kind, 101, n_clusters=4, n_features=7, random_state=0)
    assert X.shape == (101, 7)
    assert_array_equal(np.sort(np.bincount(y)), [25, 25, 25, 26])


@every_kind
def test_the_seed_decides(kind):
    first, again, other = (make_clusters(kind, 30, random_state=seed)[0] for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)


@every_kind
def test_neighbors_tell_the_clusters_apart_and_k_means_does_not(kind):
    X, y = make_clusters(kind, random_state=0)
    near = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(return_distance=False)
    assert np.mean(y[near] == y[:, None]) > 0.95
    means = KMeans(y.max() + 1, n_init=3, random_state=0).fit_predict(X)
    assert clustering_accuracy(y, means) < 0.95


def test_circles_have_their_radii_in_any_plane():
    X, y = make_clusters("circles", 60, n_features=5, noise=0, random_state=0)
    assert_allclose(np.linalg.norm(X, axis=1), y + 1)
    assert np.linalg.matrix_rank(X) == 2


def test_spirals_are_copies_of_one_arm_uniform_in_arc_length():
    X, y = make_clusters("spirals", 30_000, noise=0, random_state=0)
    radius = np.linalg.norm(X, axis=1)
    turn = np.angle(
        (X[:, 0] + 1j * X[:, 1]) * np.exp(-2j * np.pi * (y / 3 + (radius - 0.25) * 0.6))
    )
    assert_allclose(turn, 0, atol=1e-6)
    # The arc element of r = a + b t with sweep s is sqrt(b^2 + (s r)^2): its share within r < 1.
    fine = np.linspace(0.25, 1.5, 10_001)
    element = np.sqrt(1 + (2 * np.pi * 0.6 * fine) ** 2)
    assert abs(np.mean(radius < 1) - element[fine < 1].sum() / element.sum()) < 0.01


def test_subspaces_and_surfaces_have_their_dimension():
    X, y = make_clusters("subspaces", 100, noise=0, random_state=0)
    assert {int(np.linalg.matrix_rank(X[y == k])) for k in range(5)} == {3}
    X, y = make_clusters("manifolds", 4000, n_clusters=1, noise=0, random_state=0)
    near = NearestNeighbors(n_neighbors=8).fit(X).kneighbors(X[:50], return_distance=False)
    patches = X[near] - X[near].mean(axis=1, keepdims=True)
    values = np.linalg.svd(patches, compute_uv=False)
    assert np.median(values[:, 2] / values[:, 1]) < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "moons"}, r"kind='moons' is none of"),
        ({"n_samples": 2}, r"n_samples == 2, must be >= 3"),
        ({"n_features": 1}, r"n_features == 1, must be >= 2"),
        ({"kind": "subspaces", "n_features": 2}, r"n_features == 2, must be >= 3"),
        ({"noise": -1}, r"noise == -1, must be >= 0"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        make_clusters(**options)
