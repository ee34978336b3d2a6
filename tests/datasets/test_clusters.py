import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.neighbors import NearestNeighbors

from skmanifold.datasets import make_clusters
from skmanifold.metrics import clustering_accuracy

KINDS = ["subspaces", "manifolds", "circles", "spirals"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_curve = pytest.mark.parametrize("kind", ["circles", "spirals"])


@pytest.mark.parametrize(
    ("kind", "n_clusters", "n_features"),
    [("subspaces", 5, 20), ("manifolds", 5, 20), ("circles", 3, 2), ("spirals", 3, 2)],
)
def test_defaults(kind, n_clusters, n_features):
    X, y = make_clusters(kind)
    assert X.shape == (1000, n_features)
    assert X.dtype == np.float64
    assert_array_equal(np.unique(y), np.arange(n_clusters))


@every_kind
@pytest.mark.parametrize(("n_samples", "n_clusters"), [(101, 4), (4, 4), (7, 1)])
def test_clusters_have_equal_sizes_up_to_one(kind, n_samples, n_clusters):
    X, y = make_clusters(kind, n_samples, n_clusters=n_clusters, n_features=7)
    sizes = np.bincount(y)
    assert X.shape == (n_samples, 7)
    assert sizes.sum() == n_samples
    assert len(sizes) == n_clusters
    assert np.ptp(sizes) <= 1


@every_kind
def test_seed_decides(kind):
    first, again, other = (make_clusters(kind, 30, random_state=seed)[0] for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)


@every_kind
def test_shuffle_only_changes_the_order(kind):
    X, y = make_clusters(kind, 50, random_state=0, shuffle=False)
    X_mixed, y_mixed = make_clusters(kind, 50, random_state=0)
    assert (np.diff(y) >= 0).all()
    assert (np.diff(y_mixed) < 0).any()
    by_first, by_first_mixed = np.argsort(X[:, 0]), np.argsort(X_mixed[:, 0])
    assert_array_equal(X[by_first], X_mixed[by_first_mixed])
    assert_array_equal(y[by_first], y_mixed[by_first_mixed])


@every_kind
def test_noise_is_gaussian_on_each_feature(kind):
    noisy, clean = (
        make_clusters(kind, 2000, n_features=4, noise=noise, random_state=0)[0]
        for noise in (0.3, 0)
    )
    for feature in (noisy - clean).T / 0.3:
        assert kstest(feature, "norm").pvalue > 1e-3


# scikit-learn warns of a graph in several parts, which is as it should be here.
@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
@every_kind
def test_neighbor_graph_tells_clusters_apart_and_k_means_does_not(kind):
    X, y = make_clusters(kind, random_state=0)
    options = {"n_clusters": y.max() + 1, "random_state": 0}
    spectral = SpectralClustering(affinity="nearest_neighbors", n_neighbors=10, **options)
    assert clustering_accuracy(y, spectral.fit_predict(X)) >= 0.99
    assert clustering_accuracy(y, KMeans(n_init=3, **options).fit_predict(X)) < 0.9


@every_curve
def test_curves_lie_in_one_plane_whatever_the_features(kind):
    turned, y = make_clusters(kind, 60, n_features=5, noise=0, random_state=0)
    assert np.linalg.matrix_rank(turned) == 2
    assert np.abs(turned).max(axis=0).all()
    high = y.max() + 1 if kind == "circles" else 1.5
    assert np.linalg.norm(turned, axis=1).max() <= high + 1e-9


def test_circles_are_uniform_rings():
    X, y = make_clusters("circles", 1500, noise=0, random_state=0)
    assert_allclose(np.linalg.norm(X, axis=1), y + 1)
    for part in range(3):
        angle = np.arctan2(*X[y == part].T)
        assert kstest(angle, "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-3


@pytest.mark.parametrize("n_clusters", [1, 3, 6])
def test_spirals_are_one_arm_turned(n_clusters):
    X, y = make_clusters("spirals", 500, n_clusters=n_clusters, noise=0, random_state=0)
    radius = np.linalg.norm(X, axis=1)
    low, high = n_clusters / 12, n_clusters / 2
    wound = 0.75 * (radius - low) / (high - low) + y / n_clusters  # turns
    assert_allclose((X[:, 0] + 1j * X[:, 1]) / radius, np.exp(2j * np.pi * wound), atol=1e-9)
    assert low <= radius.min() < radius.max() <= high


@pytest.mark.parametrize("n_clusters", [1, 3, 6])
def test_spirals_are_uniform_in_arc_length(n_clusters):
    X, _ = make_clusters("spirals", 3000, n_clusters=n_clusters, noise=0, random_state=0)

    def length(radius):
        """Arc length from the centre of an Archimedean spiral, in closed form."""
        angle = radius / (n_clusters * 5 / 12) * 1.5 * np.pi
        return angle * np.hypot(1, angle) + np.arcsinh(angle)

    start, end = length(n_clusters / 12), length(n_clusters / 2)
    shares = (length(np.linalg.norm(X, axis=1)) - start) / (end - start)
    assert kstest(shares, "uniform").pvalue > 1e-3


def test_subspaces_have_dimension_three_and_meet_in_the_origin_only():
    X, y = make_clusters("subspaces", 100, noise=0, random_state=0)
    assert {int(np.linalg.matrix_rank(X[y == part])) for part in range(5)} == {3}
    assert np.linalg.matrix_rank(X) == 15


def test_manifolds_are_curved_surfaces():
    X, _ = make_clusters("manifolds", 4000, n_clusters=1, noise=0, random_state=0)
    assert np.linalg.matrix_rank(X - X.mean(axis=0)) == 20
    near = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(X[:100], return_distance=False)
    patches = X[near] - X[near].mean(axis=1, keepdims=True)
    spread = np.linalg.svd(patches, compute_uv=False)
    assert np.median(spread[:, 1] / spread[:, 0]) > 0.3
    assert np.median(spread[:, 2] / spread[:, 1]) < 0.2


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("moons", {}, r"must be one of \['subspaces', .*, got 'moons'"),
        ("circles", {"n_samples": 0}, r"n_samples == 0, must be >= 1"),
        ("circles", {"n_samples": 2}, r"2 samples cannot fill 3 clusters: raise n_samples"),
        ("circles", {"n_clusters": 0}, r"n_clusters == 0, must be >= 1"),
        ("circles", {"n_features": 1}, r"kind='circles' needs n_features of 2 or more, got 1"),
        ("subspaces", {"n_features": 3}, r"kind='subspaces' needs n_features of 4 or more, got 3"),
        ("manifolds", {"n_features": 2}, r"kind='manifolds' needs n_features of 3 or more, got 2"),
        ("spirals", {"noise": -1}, r"noise == -1, must be >= 0"),
        ("spirals", {"noise": np.nan}, r"noise must be finite, got nan"),
    ],
)
def test_impossible_arguments(kind, options, message):
    with pytest.raises(ValueError, match=message):
        make_clusters(kind, **options)


@pytest.mark.parametrize("name", ["n_samples", "n_clusters", "n_features", "noise"])
def test_wrong_types(name):
    with pytest.raises(TypeError, match=rf"{name} must be an instance of"):
        make_clusters("circles", **{name: "many"})
