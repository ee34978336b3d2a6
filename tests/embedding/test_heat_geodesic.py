"""The estimator as a whole: what it finds, how it carries over to new points, what it costs."""

import tracemalloc
from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from scipy.stats import special_ortho_group
from sklearn import config_context

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import (
    make_branching_tree,
    make_s_curve,
    make_sphere,
    make_swiss_roll,
)
from skmanifold.metrics import geodesic_correlation, geodesic_scale

CASES = {  # sample, number of components, least correlation with the true geodesics
    "clean roll": (make_swiss_roll, {"n_samples": 500}, 2, 0.97),
    "noisy roll": (make_swiss_roll, {"n_samples": 2000, "noise": 0.5}, 2, 0.99),
    "curve with a hole": (make_s_curve, {"n_samples": 1000, "hole": True}, 2, 0.98),
    "tree": (make_branching_tree, {"n_samples": 1000}, 2, 0.96),
    "sphere": (make_sphere, {"n_samples": 600}, 3, 0.96),
}


@cache
def sample_of(case, seed):
    make, parameters, *_ = CASES[case]
    return make(**parameters, random_state=seed)


@cache
def fitted_to(case, seed):
    n_components = CASES[case][2]
    return HeatGeodesicEmbedding(n_components, random_state=0).fit(sample_of(case, seed).X)


def embedded(X, **parameters):
    return HeatGeodesicEmbedding(random_state=0, **parameters).fit_transform(X)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_embedding_keeps_geodesics(case, seed):
    truth = sample_of(case, seed).geodesic_distances
    embedding = fitted_to(case, seed).embedding_
    correlation = geodesic_correlation(truth, embedding, n_anchors=200, random_state=0)
    assert correlation > CASES[case][3]


@pytest.mark.parametrize("case", ["noisy roll", "curve with a hole", "sphere"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_distances_are_in_units_of_the_data(case, seed):
    truth = sample_of(case, seed).geodesic_distances
    embedding = fitted_to(case, seed).embedding_
    scale = geodesic_scale(truth, embedding, n_anchors=200, random_state=0)
    assert abs(scale - 1) < 0.08


@pytest.mark.parametrize(("case", "dim"), [("noisy roll", 2), ("sphere", 2), ("tree", 1.5)])
def test_intrinsic_dimension(case, dim):
    assert abs(fitted_to(case, 0).intrinsic_dim_ - dim) < 0.3


def test_noise_is_measured_where_there_is_some():
    assert fitted_to("clean roll", 0).noise_variance_ == 0
    # The noise's variance is 0.25 in the direction across the roll.
    assert 0.1 < fitted_to("noisy roll", 0).noise_variance_ < 0.4


@pytest.mark.parametrize("case", ["noisy roll", "sphere"])
def test_transform_of_the_training_points_is_their_embedding(case):
    fitted, X = fitted_to(case, 0), sample_of(case, 0).X
    assert_array_equal(fitted.transform(X), fitted.embedding_)
    n_components = CASES[case][2]
    again = HeatGeodesicEmbedding(n_components, random_state=0).fit_transform(X)
    assert_array_equal(again, fitted.embedding_)


def test_embedding_is_centred_on_its_principal_axes():
    points = fitted_to("noisy roll", 0).landmark_embedding_
    covariance = np.cov(points.T)
    assert_allclose(points.mean(axis=0), 0, atol=1e-10)
    assert abs(covariance[0, 1]) < 1e-8 * covariance[0, 0]
    assert covariance[0, 0] > covariance[1, 1]


@pytest.mark.parametrize("case", ["noisy roll", "sphere"])
def test_transform_does_not_depend_on_the_batch(case, rng):
    fitted = fitted_to(case, 0)
    X = sample_of(case, 1).X[:500]
    together = fitted.transform(X)
    one_by_one = np.vstack([fitted.transform(row[None]) for row in X[:100]])
    assert_allclose(one_by_one, together[:100], rtol=0, atol=1e-10)
    order = rng.permutation(len(X))
    in_batches = np.vstack([fitted.transform(X[batch]) for batch in np.array_split(order, 7)])
    assert_allclose(in_batches, together[order], rtol=0, atol=1e-10)
    with config_context(working_memory=0.1):
        assert_allclose(fitted.transform(X), together, rtol=0, atol=1e-10)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_held_out_points_are_embedded_as_well_as_fitted_ones(noise):
    roll = make_swiss_roll(2400, noise=noise, random_state=0)
    seen, unseen = slice(0, 1200), slice(1200, None)
    fitted = HeatGeodesicEmbedding(random_state=0).fit(roll.X[seen])
    correlations = [
        geodesic_correlation(roll.geodesic_distances(rows, rows), embedding)
        for rows, embedding in [
            (seen, fitted.embedding_),
            (unseen, fitted.transform(roll.X[unseen])),
        ]
    ]
    assert correlations[1] > correlations[0] - 0.01


@pytest.mark.parametrize("case", ["clean roll", "sphere"])
def test_geodesic_distances_form_a_matrix_of_distances(case):
    fitted, X = fitted_to(case, 0), sample_of(case, 0).X
    distances = fitted.geodesic_distances(X)
    assert_allclose(distances, distances.T, atol=1e-10)
    assert_allclose(np.diag(distances), 0, atol=1e-4)
    assert (distances >= 0).all()


def test_geodesic_distances_between_two_sets():
    fitted = fitted_to("clean roll", 0)
    X, Y = sample_of("clean roll", 0).X[:40], sample_of("clean roll", 1).X[:30]
    between = fitted.geodesic_distances(X, Y)
    assert between.shape == (40, 30)
    every = fitted.geodesic_distances(np.vstack([X, Y]))
    assert_allclose(between, every[:40, 40:], atol=1e-10)
    assert_allclose(fitted.geodesic_distances(X, X), fitted.geodesic_distances(X), atol=1e-10)
    with config_context(working_memory=0.1):
        assert_allclose(fitted.geodesic_distances(X, Y), between, atol=1e-10)


@pytest.mark.parametrize("case", ["clean roll", "noisy roll", "sphere"])
def test_geodesic_distances_of_landmarks_are_theirs(case):
    fitted = fitted_to(case, 0)
    landmarks = fitted.landmarks_[::3] + sample_of(case, 0).X.mean(axis=0)
    own = fitted.landmark_distances_[::3, ::3]
    # Not exactly: a point is interpolated, which smooths, even where it coincides with a landmark.
    error = np.abs(fitted.geodesic_distances(landmarks) - own)
    assert np.median(error) < 0.01 * own.max()
    assert error.max() < 0.1 * own.max()


@pytest.mark.parametrize("case", ["clean roll", "noisy roll", "sphere"])
def test_geodesic_distances_are_near_the_true_ones(case):
    rows = np.arange(0, len(sample_of(case, 0).X), 3)
    found = fitted_to(case, 0).geodesic_distances(sample_of(case, 0).X[rows])
    truth = sample_of(case, 0).geodesic_distances(rows, rows)
    upper = np.triu_indices(len(rows), 1)
    assert np.corrcoef(found[upper], truth[upper])[0, 1] > 0.97
    assert abs(np.median(found[upper] / truth[upper]) - 1) < 0.08


def test_new_points_of_another_shape():
    with pytest.raises(ValueError, match="X has 5 features, but HeatGeodesicEmbedding"):
        fitted_to("clean roll", 0).transform(np.ones((3, 5)))


@pytest.mark.parametrize("factor", [1e-6, 7.0, 1e9])
def test_scaled_data_scale_the_embedding(factor):
    X = sample_of("clean roll", 0).X
    expected = factor * fitted_to("clean roll", 0).embedding_
    assert_allclose(embedded(factor * X), expected, atol=1e-4 * np.abs(expected).max())


def test_shifted_data_give_the_same_embedding():
    X, expected = sample_of("clean roll", 0).X, fitted_to("clean roll", 0).embedding_
    assert_allclose(embedded(X + 1e6), expected, atol=1e-3 * np.abs(expected).max())


def test_rotated_data_give_the_same_shape():
    X, expected = sample_of("clean roll", 0).X, pdist(fitted_to("clean roll", 0).embedding_)
    rotation = special_ortho_group.rvs(3, random_state=0)
    found = pdist(embedded(X @ rotation))
    # The landmarks come in another order, and those that fix the unit of length are others.
    assert np.median(found / expected) == pytest.approx(1, abs=0.02)
    assert_allclose(
        found / found.mean(),
        expected / expected.mean(),
        atol=1e-3 * expected.max() / expected.mean(),
    )


def test_the_order_of_the_points_does_not_matter(rng):
    X, expected = sample_of("clean roll", 0).X, fitted_to("clean roll", 0).embedding_
    order = rng.permutation(len(X))
    assert_allclose(embedded(X[order]), expected[order], atol=1e-3 * np.abs(expected).max())


def test_data_in_many_dimensions_are_those_in_few(rng):
    X = sample_of("clean roll", 0).X
    axes = np.linalg.qr(rng.normal(size=(100, 3)))[0].T
    fitted = HeatGeodesicEmbedding(random_state=0).fit(X @ axes + 5)
    assert fitted.landmarks_.shape[1] == 3  # what the features depend on
    similarity = np.corrcoef(pdist(fitted.embedding_), pdist(embedded(X)))[0, 1]
    assert similarity > 0.99
    assert_array_equal(fitted.transform(X @ axes + 5), fitted.embedding_)


@pytest.mark.parametrize("make", [make_swiss_roll, make_branching_tree], ids=["roll", "tree"])
def test_automatic_time_is_near_the_best_one(make):
    sample = make(500, random_state=0)
    truth = sample.geodesic_distances()
    automatic, *others = (
        geodesic_correlation(truth, embedded(sample.X, t=t)) for t in ("auto", 1.0, 4.0, 16.0, 64.0)
    )
    assert automatic > max(others) - 0.02


@pytest.mark.parametrize("make", [make_swiss_roll, make_branching_tree], ids=["roll", "tree"])
def test_landmarks_lose_little(make):
    sample = make(600, random_state=0)
    truth = sample.geodesic_distances()
    dense, coarse = (
        geodesic_correlation(truth, embedded(sample.X, n_landmarks=n_landmarks))
        for n_landmarks in (None, 500)
    )
    assert coarse > dense - 0.01


def test_nothing_jumps_where_landmarks_begin_to_stand_for_several_points():
    correlations = []
    for n_samples in (570, 600, 630):
        roll = make_swiss_roll(n_samples, random_state=0)
        embedding = embedded(roll.X, n_landmarks=600)
        correlations.append(geodesic_correlation(roll.geodesic_distances(), embedding))
    assert min(correlations) > 0.97
    assert np.ptp(correlations) < 0.02


@pytest.mark.parametrize(
    ("n_samples", "n_landmarks", "expected"),
    [(300, "auto", 300), (1000, "auto", 1000), (1100, "auto", 1000), (1100, None, 1100)],
)
def test_automatic_number_of_landmarks(n_samples, n_landmarks, expected, rng):
    X = rng.normal(size=(n_samples, 2))
    fitted = HeatGeodesicEmbedding(n_landmarks=n_landmarks, mds="classical", t=1.0).fit(X)
    assert len(fitted.landmarks_) == expected


def test_memory_does_not_grow_with_the_square():
    n_samples = 20_000
    X = make_swiss_roll(n_samples, noise=0.5, random_state=0).X
    tracemalloc.start()
    fitted = HeatGeodesicEmbedding(random_state=0).fit(X)
    with config_context(working_memory=64):
        fitted.geodesic_distances(X[:5], X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * n_samples**2 / 10
    assert len(fitted.landmarks_) <= 1000


def test_steps_of_the_fit_are_told(rng):
    class Names:
        def __init__(self):
            self.begun = []

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            self.begun.append(context.task_name)

        def on_fit_task_end(self, estimator, context):
            pass

    names = Names()
    HeatGeodesicEmbedding().set_callbacks(names).fit(rng.normal(size=(50, 3)))
    assert names.begun[1:] == [
        "landmarks",
        "graph",
        "heat distances",
        "scaling",
        "embedding of all points",
    ]


@pytest.mark.gpu
@pytest.mark.parametrize("case", ["clean roll", "noisy roll", "sphere"])
def test_the_gpu_finds_what_the_cpu_does(case):
    sample, n_components = sample_of(case, 0), CASES[case][2]
    on_cpu, on_gpu = (
        HeatGeodesicEmbedding(n_components, device=device, random_state=0).fit(sample.X)
        for device in ("cpu", "cuda")
    )
    truth = sample.geodesic_distances()
    first, second = (geodesic_correlation(truth, each.embedding_) for each in (on_cpu, on_gpu))
    assert abs(first - second) < 0.01
    assert np.corrcoef(pdist(on_cpu.embedding_), pdist(on_gpu.embedding_))[0, 1] > 0.99
    assert_array_equal(on_gpu.transform(sample.X), on_gpu.embedding_)


@pytest.mark.gpu
def test_the_gpu_is_used_on_request():
    X = sample_of("noisy roll", 0).X
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    HeatGeodesicEmbedding(device="cuda", random_state=0).fit(X)
    assert torch.cuda.max_memory_allocated() - before > 8 * 1000**2  # a kernel at least
