"""The settings under which the estimator is another method: each against its closed form or peer.

Points are sorted, so that landmark i is row i where every point is a landmark.
"""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm
from scipy.spatial.distance import cdist

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import make_branching_tree, make_sphere, make_swiss_roll

REFERENCE = {
    "n_neighbors": 5,
    "graph": "alpha_decay",
    "laplacian": "normalized",
    "dissimilarity": "varadhan",
    "volume_correction": 0.0,
    "max_smoothing": 0,
    "n_landmarks": None,
    "random_state": 0,
}
SAMPLES = {"roll": make_swiss_roll, "sphere": make_sphere, "tree": make_branching_tree}


def points_of(name, n_samples=200):
    return np.unique(SAMPLES[name](n_samples, random_state=0).X, axis=0)


@pytest.fixture
def X():
    return points_of("sphere")


def alpha_decay_kernel(X, n_neighbors=5, decay=40, threshold=1e-4):
    """The published kernel, pair by pair; weak weights are dropped before and after the mean."""
    distances = cdist(X, X)
    reach = np.sort(distances, axis=1)[:, n_neighbors]
    directed = np.exp(-((distances / reach[:, None]) ** decay))
    directed[directed < threshold] = 0
    kernel = (directed + directed.T) / 2
    kernel[kernel < threshold] = 0
    np.fill_diagonal(kernel, 0)
    return kernel


def heat_of(weights, t, *, normalized=True):
    """``exp(-t L)`` of a dense matrix of weights."""
    degrees = weights.sum(axis=1)
    roots = np.sqrt(degrees) if normalized else np.ones(len(degrees))
    return expm(-t * (np.diag(degrees) - weights) / np.outer(roots, roots))


def kernel_of(fitted):
    """The heat kernel of a fitted estimator with one of the published Laplacians."""
    normalized = fitted.laplacian == "normalized"
    return heat_of(fitted.graph_.toarray(), fitted.t_, normalized=normalized)


def varadhan(kernel, t, correction=0.0):
    stayed = np.diag(kernel)
    volume = np.log((stayed[:, None] + stayed) / 2 + 1e-16)
    return np.sqrt(np.maximum(4 * t * (correction * volume - np.log(kernel + 1e-16)), 0))


def test_landmarks_are_the_sorted_points(X):
    fitted = HeatGeodesicEmbedding(**REFERENCE, t=5.0).fit(X)
    assert_allclose(fitted.landmarks_, X - X.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("sample", SAMPLES)
def test_reference_kernel(sample):
    X = points_of(sample)
    fitted = HeatGeodesicEmbedding(**REFERENCE, t=5.0).fit(X)
    assert_allclose(fitted.graph_.toarray(), alpha_decay_kernel(X), atol=1e-9)


@pytest.mark.parametrize("heat_method", ["positive", "chebyshev", "exact"])
@pytest.mark.parametrize("correction", [0.0, 0.5, 1.0])
def test_reference_distances_from_their_formula(X, heat_method, correction):
    parameters = {**REFERENCE, "volume_correction": correction, "heat_method": heat_method}
    fitted = HeatGeodesicEmbedding(**parameters, t=10.0).fit(X)
    expected = varadhan(heat_of(alpha_decay_kernel(X), 10.0), 10.0, correction)
    assert_allclose(fitted.landmark_distances_, expected, atol=1e-6)


@pytest.fixture
def heatgeo():
    """A function with the authors' distances and the graph they come from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        embedding = pytest.importorskip("heatgeo.embedding", exc_type=ImportError)

    def distances(X, t, **parameters):
        method = embedding.HeatGeo(knn=5, tau=t, filter_method="mar", **parameters)
        method.fit(X)
        method.metric_computation(X)
        return method.dist, method.graph.W.toarray()

    return distances


@pytest.mark.filterwarnings("ignore")  # of the authors' package and what it builds on
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("t", [1.0, 10.0, 50.0])
@pytest.mark.parametrize("correction", [0.0, 1.0])
def test_reference_distances_are_those_of_the_authors(heatgeo, sample, t, correction):
    X = points_of(sample)
    parameters = {**REFERENCE, "volume_correction": correction, "heat_method": "chebyshev"}
    fitted = HeatGeodesicEmbedding(**parameters, t=t).fit(X)
    expected, weights = heatgeo(X, t, harnack_regul=correction)
    assert_allclose(fitted.graph_.toarray(), weights, atol=2e-6)  # theirs is in single precision
    assert_allclose(fitted.landmark_distances_, expected, atol=1e-6 * expected.max())


@pytest.mark.filterwarnings("ignore")  # of the authors' package and what it builds on
def test_reference_denoising_is_that_of_the_authors(heatgeo, X):
    parameters = {**REFERENCE, "heat_method": "chebyshev", "denoising": 0.3}
    fitted = HeatGeodesicEmbedding(**parameters, t=10.0).fit(X)
    expected, _ = heatgeo(X, 10.0, denoising=True, denoise_regul=0.3)
    assert_allclose(fitted.landmark_distances_, expected, atol=2e-6 * expected.max())


@pytest.mark.parametrize("denoising", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dissimilarity", ["geodesic", "varadhan"])
def test_denoising_mixes_in_the_triplet_distance(X, denoising, dissimilarity):
    parameters = {"dissimilarity": dissimilarity, "random_state": 0}
    plain = HeatGeodesicEmbedding(**parameters).fit(X).landmark_distances_
    mixed = HeatGeodesicEmbedding(**parameters, denoising=denoising).fit(X).landmark_distances_
    expected = (1 - denoising) * plain + denoising * cdist(plain, plain)
    assert_allclose(mixed, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("laplacian", ["normalized", "combinatorial"])
@pytest.mark.parametrize("graph", ["snn", "self_tuning", "alpha_decay", "knn", "jaccard"])
def test_potential_distances_compare_logarithms_of_heat(X, graph, laplacian):
    fitted = HeatGeodesicEmbedding(
        graph=graph, laplacian=laplacian, dissimilarity="potential", t=8.0, random_state=0
    ).fit(X)
    potentials = -np.log(kernel_of(fitted) + 1e-7)
    assert_allclose(fitted.landmark_distances_, cdist(potentials, potentials), atol=1e-5)


def test_diffusion_distances_and_classical_scaling_give_the_diffusion_map(X):
    fitted = HeatGeodesicEmbedding(
        3,
        laplacian="combinatorial",
        dissimilarity="diffusion",
        mds="classical",
        max_smoothing=0,
        t=2.0,
    ).fit(X)
    weights = fitted.graph_.toarray()
    values, vectors = np.linalg.eigh(np.diag(weights.sum(axis=1)) - weights)
    expected = np.exp(-fitted.t_ * values[1:4]) * vectors[:, 1:4]
    found = fitted.landmark_embedding_
    signs = np.sign((found * expected).sum(axis=0))
    assert_allclose(found, signs * expected, atol=1e-6)


@pytest.fixture
def sne_like(X):
    parameters = {"laplacian": "normalized", "volume_correction": 0.0, "t": 8.0, "max_smoothing": 0}
    return HeatGeodesicEmbedding(
        **parameters, dissimilarity="squared_varadhan", mds_weights="heat"
    ).fit(X)


def test_squared_distances_are_minus_the_logarithm_of_heat(sne_like):
    expected = np.maximum(-4 * sne_like.t_ * np.log(kernel_of(sne_like) + 1e-16), 0)
    assert_allclose(sne_like.landmark_distances_, expected, rtol=1e-6, atol=1e-6)


def stress_of(points, distances, weights):
    errors = weights * (cdist(points, points) - distances) ** 2
    return np.sqrt(errors.sum() / (weights * distances**2).sum())


def test_heat_weighs_the_stress(sne_like, X):
    weights = kernel_of(sne_like) + 1e-5
    np.fill_diagonal(weights, 0)
    distances = sne_like.landmark_distances_
    weighted = stress_of(sne_like.landmark_embedding_, distances, weights)
    assert sne_like.stress_ == pytest.approx(weighted)
    unweighted = HeatGeodesicEmbedding(**{**sne_like.get_params(), "mds_weights": None}).fit(X)
    assert weighted < stress_of(unweighted.landmark_embedding_, distances, weights)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_powers_of_distances_weigh_the_stress(X, power):
    fitted = HeatGeodesicEmbedding(mds_weights=power, random_state=0).fit(X)
    distances = fitted.landmark_distances_ + np.eye(len(X))
    weights = distances**-power
    np.fill_diagonal(weights, 0)
    found = stress_of(fitted.landmark_embedding_, fitted.landmark_distances_, weights)
    assert fitted.stress_ == pytest.approx(found)


def test_weights_of_power_zero_are_none(X):
    alike, none = (
        HeatGeodesicEmbedding(mds_weights=mds_weights, random_state=0).fit(X)
        for mds_weights in (0.0, None)
    )
    assert_allclose(alike.embedding_, none.embedding_, atol=1e-6)


def test_metric_scaling_lowers_the_stress_of_classical_scaling(X):
    stress = {
        mds: HeatGeodesicEmbedding(mds=mds, random_state=0).fit(X).stress_
        for mds in ("classical", "smacof", "sgd")
    }
    assert stress["smacof"] < stress["classical"]
    assert stress["sgd"] < stress["classical"]
    assert stress["sgd"] == pytest.approx(stress["smacof"], rel=0.1)


@pytest.mark.parametrize("mds", ["classical", "smacof", "sgd"])
@pytest.mark.parametrize("n_components", [1, 2, 3, 10, 60])
def test_any_number_of_components(mds, n_components):
    X = points_of("sphere", 50)
    fitted = HeatGeodesicEmbedding(n_components, mds=mds, random_state=0).fit(X)
    assert fitted.embedding_.shape == (50, n_components)
    assert np.isfinite(fitted.embedding_).all()
    assert len(fitted.get_feature_names_out()) == n_components
    spread = fitted.landmark_embedding_.var(axis=0)
    assert (np.diff(spread) <= 1e-9).all()
    assert_allclose(fitted.landmark_embedding_[:, 49:], 0, atol=1e-4)  # 50 points span 49 axes


def test_more_components_fit_better(X):
    stress = [HeatGeodesicEmbedding(k, random_state=0).fit(X).stress_ for k in (1, 2, 3)]
    assert stress[0] > stress[1] > stress[2]


@pytest.mark.parametrize("graph", ["snn", "self_tuning", "alpha_decay", "knn", "jaccard"])
@pytest.mark.parametrize("laplacian", ["geodesic", "normalized", "combinatorial"])
def test_graphs_are_symmetric_and_free_of_loops(X, graph, laplacian):
    fitted = HeatGeodesicEmbedding(graph=graph, laplacian=laplacian, random_state=0).fit(X)
    weights = fitted.graph_.toarray()
    assert_array_equal(weights, weights.T)
    assert (weights >= 0).all()
    assert not np.diag(weights).any()
    assert fitted.n_graph_components_ == 1
    assert np.isfinite(fitted.landmark_distances_).all()


def test_pruned_edges_are_some_of_all(X):
    pruned, whole = (
        HeatGeodesicEmbedding(graph="knn", prune=prune, random_state=0).fit(X).graph_.toarray()
        for prune in (True, False)
    )
    assert (pruned <= whole).all()
    assert pruned.sum() < whole.sum()
    assert (whole.sum(axis=1) >= 15).all()


@pytest.mark.parametrize("t", [1.0, 8.0, 64.0])
def test_geodesic_distances_hardly_depend_on_time(t):
    X = points_of("roll", 500)
    automatic, fixed = (
        HeatGeodesicEmbedding(t=each, random_state=0).fit(X).landmark_distances_
        for each in ("auto", t)
    )
    upper = np.triu_indices(len(X), 1)
    assert np.corrcoef(automatic[upper], fixed[upper])[0, 1] > 0.97


@pytest.mark.parametrize("t", [1e-3, 1.0, 128.0, 1e4])
@pytest.mark.parametrize("sample", ["roll", "tree"])
def test_no_time_is_too_short_or_too_long(sample, t):
    fitted = HeatGeodesicEmbedding(t=t, random_state=0).fit(points_of(sample))
    assert np.isfinite(fitted.embedding_).all()
    assert np.ptp(fitted.embedding_) > 0
