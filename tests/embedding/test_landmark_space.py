"""Kinds of data: features under any metric, distances, graphs; and data that are awkward."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array, csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import make_sphere, make_swiss_roll
from skmanifold.metrics import geodesic_correlation


@pytest.fixture
def X():
    """Sorted, as landmarks are."""
    return np.unique(make_sphere(300, random_state=0).X, axis=0)


def fit(X, **parameters):
    return HeatGeodesicEmbedding(**{"random_state": 0, **parameters}).fit(X)


def test_a_matrix_of_euclidean_distances_is_as_good_as_the_points(X):
    from_points, from_distances = fit(X, max_smoothing=0), fit(cdist(X, X), metric="precomputed")
    assert_array_equal(from_distances.landmarks_, np.arange(300))
    assert_allclose(from_distances.graph_.toarray(), from_points.graph_.toarray(), atol=1e-8)
    assert_allclose(
        from_distances.landmark_distances_, from_points.landmark_distances_, rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("n_landmarks", [150, "auto"])
def test_new_distances_are_placed_as_new_points_are(X, n_landmarks):
    distances = cdist(X, X)
    fitted = fit(distances, metric="precomputed", n_landmarks=n_landmarks)
    assert_array_equal(fitted.transform(distances), fitted.embedding_)
    assert_array_equal(fitted.transform(distances[:7]), fitted.embedding_[:7])
    assert fitted.geodesic_distances(distances[:5], distances[:9]).shape == (5, 9)


def metric_of_the_user(a, b):
    return np.abs(a - b).sum()


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "correlation", metric_of_the_user])
def test_any_metric(X, metric):
    fitted = fit(X, metric=metric)
    of_matrix = fit(pairwise_distances(X, metric=metric), metric="precomputed")
    assert_allclose(fitted.landmark_distances_, of_matrix.landmark_distances_, rtol=1e-6, atol=1e-8)
    assert_array_equal(fitted.transform(X), fitted.embedding_)
    assert_allclose(fitted.transform(X[:3]), fitted.embedding_[:3], atol=1e-10)


def test_a_metric_of_the_user_is_the_one_it_computes(X):
    assert_allclose(
        fit(X, metric=metric_of_the_user).embedding_, fit(X, metric="manhattan").embedding_
    )


def test_the_cosine_metric_is_euclidean_on_the_sphere(X, rng):
    lengths = rng.uniform(0.5, 2.0, size=(300, 1))
    found, expected = fit(X * lengths + 0.0, metric="cosine"), fit(normalize(X))
    order = np.lexsort(normalize(X).T[::-1])
    assert_allclose(found.embedding_[order], expected.embedding_[order], atol=1e-6)
    assert_allclose(found.transform(5 * X), found.transform(X), atol=1e-8)


def test_an_unknown_metric(X):
    with pytest.raises(ValueError, match="nonsense"):
        fit(X, metric="nonsense")


@pytest.fixture
def graph(X):
    """Lengths of the edges to nearest neighbours."""
    return csr_array(kneighbors_graph(X, 10, mode="distance"))


@pytest.mark.parametrize("form", [csr_array, csr_matrix, coo_array], ids=lambda form: form.__name__)
@pytest.mark.parametrize("n_landmarks", [100, "auto"])
def test_a_sparse_graph_in(graph, form, n_landmarks, X):
    fitted = fit(form(graph), metric="precomputed", n_landmarks=n_landmarks)
    assert fitted.embedding_.shape == (300, 2)
    paths = dijkstra(graph, directed=False)
    truth = np.arccos(np.clip(X @ X.T, -1, 1))
    found = fitted.landmark_distances_
    rows = np.ix_(fitted.landmarks_, fitted.landmarks_)
    upper = np.triu_indices(len(found), 1)
    for distances in (paths, truth):
        assert np.corrcoef(found[upper], distances[rows][upper])[0, 1] > 0.95


def test_a_graph_of_the_user_is_not_pruned(graph):
    fitted = fit(graph, metric="precomputed", graph="knn")
    assert_array_equal(fitted.graph_.toarray() > 0, graph.maximum(graph.T).toarray() > 0)


@pytest.mark.parametrize("method", ["transform", "geodesic_distances"])
def test_new_points_have_no_place_in_a_graph(graph, method):
    fitted = fit(graph, metric="precomputed")
    with pytest.raises(ValueError, match=r"fitted on a sparse graph.* use embedding_"):
        getattr(fitted, method)(graph)


def test_nodes_without_edges(graph):
    isolated = graph.tolil()
    isolated[:2] = 0
    isolated[:, :2] = 0
    with pytest.warns(UserWarning, match="3 components of sizes 298"):
        fitted = fit(csr_array(isolated), metric="precomputed")
    alone = fit(csr_array(isolated)[2:, 2:], metric="precomputed")
    assert np.isfinite(fitted.embedding_).all()
    assert_allclose(pdist(fitted.embedding_[2:]), pdist(alone.embedding_), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("form", [np.asarray, csr_array], ids=["dense", "sparse"])
def test_matrices_of_distances_are_square_and_not_negative(form, X):
    distances = cdist(X[:30], X[:30])
    with pytest.raises(
        ValueError, match=r"square matrix of distances to fit, got shape \(30, 20\)"
    ):
        fit(form(distances[:, :20]), metric="precomputed")
    distances[3, 4] = -2
    with pytest.raises(ValueError, match=r"not negative; got -2\.0"):
        fit(form(distances), metric="precomputed")


def test_sparse_features(X):
    with pytest.raises(TypeError, match="Sparse data was passed"):
        fit(csr_array(X))


@pytest.mark.parametrize("n_landmarks", [2, 10, 300, None])
def test_number_of_landmarks(X, n_landmarks):
    fitted = fit(X, n_landmarks=n_landmarks)
    n_found = n_landmarks or 300
    assert fitted.landmarks_.shape == (n_found, 3)
    assert fitted.landmark_embedding_.shape == (n_found, 2)
    assert fitted.landmark_distances_.shape == fitted.graph_.shape == (n_found, n_found)
    assert np.isfinite(fitted.embedding_).all()


def test_every_part_of_the_data_gets_landmarks(rng):
    # One point in a hundred, but a population of its own.
    X = np.vstack([rng.normal(size=(3960, 3)), rng.normal(loc=8, size=(40, 3))])
    fitted = fit(X, n_landmarks=200)
    assert (cdist(X[3960:], fitted.landmarks_ + X.mean(axis=0)).min(axis=1) < 5).all()


def test_repeated_rows_are_one_landmark(X):
    once, often = fit(X, max_smoothing=0), fit(np.repeat(X, 3, axis=0), max_smoothing=0)
    assert_allclose(often.landmark_distances_, once.landmark_distances_)
    assert_allclose(often.embedding_, np.repeat(once.embedding_, 3, axis=0), atol=1e-8)


@pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")
@pytest.mark.parametrize("graph", ["snn", "self_tuning", "alpha_decay", "knn", "jaccard"])
@pytest.mark.parametrize("n_copies", [2, 20])  # 20 copies leave no room for other neighbours
def test_repeated_rows_of_a_matrix_of_distances(X, graph, n_copies):
    rows = np.repeat(X[:40], n_copies, axis=0)
    fitted = fit(cdist(rows, rows), metric="precomputed", graph=graph)
    assert np.isfinite(fitted.embedding_).all()


@pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")
@pytest.mark.parametrize("graph", ["snn", "self_tuning", "alpha_decay", "knn", "jaccard"])
@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-3])
def test_tiny_clumps_of_points(X, rng, graph, size):
    clumps = np.repeat(X[:20], 20, axis=0)
    fitted = fit(clumps + size * rng.normal(size=clumps.shape), graph=graph)
    assert np.isfinite(fitted.embedding_).all()


def test_constant_columns_change_nothing(X):
    padded = np.hstack([np.zeros((300, 1)), X, np.full((300, 2), 7.0)])
    same, expected = (pdist(fit(data).embedding_) for data in (padded, X))
    assert_allclose(same, expected, atol=0.02 * expected.max())


@pytest.mark.parametrize("n_features", [1, 2])
def test_as_many_components_as_features(n_features, rng):
    X = rng.uniform(size=(400, n_features))
    embedding = fit(X).embedding_
    assert np.corrcoef(pdist(X), pdist(embedding))[0, 1] > 0.99
    assert np.median(pdist(embedding) / pdist(X)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("n_samples", [2, 3, 5, 14, 15, 16, 49, 50, 51])
@pytest.mark.parametrize("n_features", [1, 3, 80])
def test_few_points(n_samples, n_features, rng):
    X = rng.normal(size=(n_samples, n_features))
    fitted = fit(X)
    assert fitted.embedding_.shape == (n_samples, 2)
    assert np.isfinite(fitted.embedding_).all()
    assert_array_equal(fitted.transform(X), fitted.embedding_)


def test_two_points_are_as_far_apart_as_they_are():
    X = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
    assert pdist(fit(X).embedding_)[0] == pytest.approx(5, rel=0.01)


SETTINGS = [
    {},
    {"graph": "alpha_decay"},
    {"graph": "jaccard"},
    {"dissimilarity": "diffusion"},
    {"dissimilarity": "potential"},
    {"laplacian": "normalized"},
    {"metric": "manhattan"},
    {"mds": "sgd"},
    {"mds_weights": 1.0},
    {"mds_weights": "heat"},
]


@pytest.mark.parametrize("parameters", SETTINGS, ids=str)
def test_identical_rows_are_one_place(parameters):
    X = np.full((20, 3), 2.5)
    fitted = fit(X, **parameters)
    assert_array_equal(fitted.embedding_, np.zeros((20, 2)))
    assert_array_equal(fitted.geodesic_distances(X), np.zeros((20, 20)))
    assert np.isfinite(fitted.transform(X + 1)).all()


def test_one_point_is_too_few(X):
    with pytest.raises(ValueError, match="1 sample"):
        fit(X[:1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "precomputed"])
def test_values_that_are_not_finite(value, metric):
    X = np.abs(np.subtract.outer(np.arange(30.0), np.arange(30.0)))
    X[4, 2] = value
    with pytest.raises(ValueError, match="Input X contains"):
        fit(X, metric=metric)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, bool])
def test_numbers_of_any_kind(dtype, rng):
    X = rng.integers(0, 2 if dtype is bool else 50, size=(60, 8)).astype(dtype)
    fitted = fit(X)
    assert fitted.embedding_.dtype == np.float64
    assert_allclose(fitted.embedding_, fit(X.astype(float)).embedding_)


@pytest.mark.parametrize("exponent", [-100, -10, 10, 100])
def test_numbers_of_any_size(exponent):
    roll = make_swiss_roll(500, random_state=0)
    embedding = fit(roll.X * 10.0**exponent).embedding_ / 10.0**exponent
    assert geodesic_correlation(squareform(pdist(roll.latent)), embedding) > 0.97
