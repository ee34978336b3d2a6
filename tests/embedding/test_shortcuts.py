"""What keeps sheets apart and parts together, and data that used to break either."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist, pdist
from sklearn.neighbors import kneighbors_graph

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import make_branching_tree, make_swiss_roll
from skmanifold.embedding._landmark_space import _joined, _without_strays
from skmanifold.graph import component_labels, kneighbors, neighbor_graph, pruned_graph
from skmanifold.metrics import geodesic_correlation


def fit(X, **parameters):
    return HeatGeodesicEmbedding(**{"random_state": 0, **parameters}).fit(X)


def correlation(sample, fitted):
    return geodesic_correlation(
        sample.geodesic_distances, fitted.embedding_, n_anchors=200, random_state=0
    )


@pytest.mark.parametrize("seed", [21, 23])
def test_a_very_noisy_roll_unrolls(seed):
    """On these seeds single points between the sheets had become bridges."""
    roll = make_swiss_roll(10_000, noise=1.0, random_state=seed)
    assert correlation(roll, fit(roll.X)) > 0.96


@pytest.mark.parametrize("seed", [21, 24])
def test_one_edge_across_a_small_roll_does_not_spoil_it(seed):
    roll = make_swiss_roll(500, random_state=seed)
    assert correlation(roll, fit(roll.X)) > 0.97


def test_no_landmark_chooses_a_stray():
    """Two rows of five points a place, and one point between them that stands alone."""
    row = np.arange(30) * 0.1
    landmarks = np.r_[np.c_[row, 0 * row], np.c_[row, 0 * row + 1], [[1.45, 0.5]]]
    points = np.r_[np.repeat(landmarks[:60], 5, axis=0), landmarks[60:]]
    graph = neighbor_graph(*kneighbors(landmarks, 12))
    assert graph[:, [60]].nnz > 0
    kept = _without_strays(graph, landmarks, points)
    assert kept[:, [60]].nnz == 0
    assert kept[:, np.arange(60)].nnz == graph[:, np.arange(60)].nnz
    pruned = pruned_graph(kept)
    assert component_labels(pruned).max() == 0
    # Where every landmark stands for one point, none is a stray.
    assert (_without_strays(graph, landmarks, landmarks) != graph).nnz == 0


def test_parts_are_joined_by_their_shortest_edges():
    places = np.r_[0:5, 10:15, 100:105].astype(float)[:, None]
    squares = cdist(places, places) ** 2
    graph = neighbor_graph(*kneighbors(places, 2))
    assert component_labels(graph).max() == 2
    together = np.r_[np.zeros(10), np.ones(5)].astype(int)
    joined = _joined(graph, squares, together)
    assert component_labels(joined).max() == 1
    assert joined[4, 5] == joined[5, 4] == pytest.approx(6)
    assert joined.nnz == graph.nnz + 2


def test_noise_removal_does_not_tear_a_tree():
    tree = make_branching_tree(800, noise=1.0, random_state=1)
    smoothed, raw = fit(tree.X), fit(tree.X, max_smoothing=0)
    assert smoothed.noise_variance_ > 0
    assert smoothed.n_graph_components_ == raw.n_graph_components_ == 1
    assert correlation(tree, smoothed) > correlation(tree, raw) - 0.02


@pytest.mark.parametrize("n_constant", [1, 4])
def test_constant_features_hide_no_noise(n_constant):
    roll = make_swiss_roll(2000, noise=0.7, random_state=0)
    padded = np.hstack([roll.X, np.full((2000, n_constant), 3.0)])
    plain, same = fit(roll.X), fit(padded)
    assert same.noise_variance_ == pytest.approx(plain.noise_variance_, rel=0.1)
    assert correlation(roll, same) > correlation(roll, plain) - 0.02


def test_noise_removal_does_not_depend_on_the_number_of_components():
    X = make_swiss_roll(1000, noise=0.5, random_state=0).X
    assert fit(X, n_components=3).noise_variance_ == fit(X, n_components=2).noise_variance_ > 0


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev"])
def test_points_of_other_metrics_stay_among_their_landmarks(metric):
    fitted = fit(make_swiss_roll(400, random_state=0).X, metric=metric)
    widths = np.ptp(fitted.embedding_, axis=0) / np.ptp(fitted.landmark_embedding_, axis=0)
    assert np.all(widths < 1.2)


def test_nodes_between_the_landmarks_of_a_graph_are_well_placed():
    roll = make_swiss_roll(2500, random_state=0)
    graph = kneighbors_graph(roll.X, 8, mode="distance")
    fitted = fit(graph, metric="precomputed")
    assert len(fitted.landmarks_) < 2500
    assert correlation(roll, fitted) > 0.97


def test_every_component_of_a_graph_has_a_landmark():
    roll = make_swiss_roll(600, random_state=0)
    graph = kneighbors_graph(np.r_[roll.X, [[500.0, 0, 0], [501.0, 0, 0]]], 8, mode="distance")
    graph = csr_array(graph.toarray() * (graph.toarray() < 50))
    with pytest.warns(UserWarning, match="2 components of sizes 600"):
        fitted = fit(graph, metric="precomputed", n_landmarks=100)
    assert np.isfinite(fitted.embedding_).all()
    assert fitted.graph_components_[-1] != fitted.graph_components_[0]


@pytest.mark.parametrize("ratio", [1, 30, 1000])
def test_components_of_any_scale_keep_their_lengths(ratio, rng):
    disc = rng.normal(size=(300, 2)) * [3, 1]
    X = np.r_[disc, disc / ratio + [1000, 0]]
    with pytest.warns(UserWarning, match="2 components"):
        embedding = fit(X).embedding_
    for part in (np.arange(300), np.arange(300, 600)):
        assert np.median(pdist(embedding[part]) / pdist(X[part])) == pytest.approx(1, abs=0.15)


def test_similarities_are_no_distances():
    X = make_swiss_roll(50, random_state=0).X
    with pytest.raises(ValueError, match=r"diagonal goes up to 1\.0\. Do you pass"):
        fit(np.exp(-cdist(X, X)), metric="precomputed")


def test_distances_go_both_ways():
    X = make_swiss_roll(50, random_state=0).X
    distances = cdist(X, X)
    distances[3, 7] *= 2
    with pytest.raises(ValueError, match=r"symmetric.*Pass \(D \+ D.T\) / 2"):
        fit(distances, metric="precomputed")


@pytest.mark.parametrize("make", [make_swiss_roll, make_branching_tree])
def test_noise_lowers_the_number_of_landmarks(make):
    clean, noisy = (fit(make(2000, noise=noise, random_state=0).X) for noise in (0.0, 5.0))
    assert 900 <= len(clean.landmarks_) <= 1000
    assert 400 <= len(noisy.landmarks_) < 700
    asked = fit(make(2000, noise=5.0, random_state=0).X, n_landmarks=900)
    assert len(asked.landmarks_) == 900
