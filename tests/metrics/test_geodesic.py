import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist, squareform
from scipy.stats import ortho_group, pearsonr, spearmanr
from sklearn import config_context
from sklearn.exceptions import UndefinedMetricWarning

from skmanifold.datasets import make_swiss_roll
from skmanifold.metrics import geodesic_correlation, geodesic_scale

METRICS = (geodesic_correlation, geodesic_scale)
every_metric = pytest.mark.parametrize("measure", METRICS)


@pytest.fixture
def roll():
    return make_swiss_roll(120, noise=0.5, random_state=0)


@pytest.mark.parametrize(("method", "peer"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_correlation_agrees_with_scipy(roll, method, peer):
    geodesics = roll.geodesic_distances()
    expected = peer(geodesics[np.triu_indices(120, 1)], pdist(roll.X)).statistic
    assert_allclose(geodesic_correlation(geodesics, roll.X, method=method), expected)


def test_scale_agrees_with_least_squares(roll):
    geodesics = roll.geodesic_distances()
    column = geodesics[np.triu_indices(120, 1)][:, None]
    expected = np.linalg.lstsq(column, pdist(roll.X), rcond=None)[0][0]
    assert_allclose(geodesic_scale(geodesics, roll.X), expected)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_perfect_embedding(roll, method):
    score = geodesic_correlation(roll.geodesic_distances, roll.latent, method=method)
    assert_allclose(score, 1, rtol=1e-12)
    assert score <= 1
    assert_allclose(geodesic_scale(roll.geodesic_distances, roll.latent), 1)


def test_reversed_distances_correlate_negatively(roll):
    distances = squareform(pdist(roll.X))
    assert_allclose(geodesic_correlation(distances.max() - distances, roll.X), -1)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize("n_anchors", [None, 10])
def test_invariance_to_motion_and_scale(roll, method, n_anchors):
    options = {"method": method, "n_anchors": n_anchors, "random_state": 0}
    moved = 7 * roll.X @ ortho_group.rvs(3, random_state=0) + 100
    assert_allclose(
        geodesic_correlation(roll.geodesic_distances, moved, **options),
        geodesic_correlation(roll.geodesic_distances, roll.X, **options),
    )


def test_spearman_sees_ranks_alone(roll):
    geodesics = roll.geodesic_distances()
    plain, curved = (
        geodesic_correlation(power, roll.X, method="spearman")
        for power in (geodesics, geodesics**3)
    )
    assert_allclose(plain, curved)
    assert geodesic_correlation(geodesics**3, roll.X) != pytest.approx(
        geodesic_correlation(geodesics, roll.X)
    )


@pytest.mark.parametrize("factor", [1e-3, 1, 40])
@pytest.mark.parametrize("n_anchors", [None, 10])
def test_scale_is_recovered(roll, factor, n_anchors):
    scale = geodesic_scale(
        roll.geodesic_distances, factor * roll.latent, n_anchors=n_anchors, random_state=0
    )
    assert_allclose(scale, factor)


@every_metric
def test_array_callable_and_chunks_agree(measure, roll):
    whole = measure(roll.geodesic_distances(), roll.X)
    assert_allclose(measure(roll.geodesic_distances, roll.X), whole)
    with config_context(working_memory=0.02):  # a few rows at a time
        assert_allclose(measure(roll.geodesic_distances, roll.X), whole)
        assert_allclose(measure(roll.geodesic_distances(), roll.X), whole)


def test_chunked_pearson_survives_a_large_offset(roll):
    """Distances that are nearly equal: raw sums of squares would cancel to noise."""
    geodesics = 1e8 + roll.geodesic_distances()
    expected = geodesic_correlation(roll.geodesic_distances(), roll.X)
    with config_context(working_memory=0.02):
        assert_allclose(geodesic_correlation(geodesics, roll.X), expected, rtol=1e-6)


@every_metric
@pytest.mark.parametrize("n_anchors", [120, 500])
def test_all_points_as_anchors_are_all_pairs(measure, n_anchors, roll):
    anchored = measure(roll.geodesic_distances, roll.X, n_anchors=n_anchors, random_state=3)
    assert_allclose(anchored, measure(roll.geodesic_distances, roll.X))


@every_metric
def test_anchors_keep_to_their_rows(measure, roll):
    asked = set()

    def geodesics(rows, cols):
        asked.update((int(i), int(j)) for i in rows for j in cols)
        return roll.geodesic_distances(rows, cols)

    measure(geodesics, roll.X, n_anchors=7, random_state=0)
    assert len({i for i, _ in asked}) == 7
    assert len({j for _, j in asked}) == 120


def test_anchors_count_each_of_their_pairs_once(roll):
    """One anchor is one row; which one, the seed decides."""
    geodesics, embedded = roll.geodesic_distances(), squareform(pdist(roll.X))
    rows = [
        pearsonr(np.delete(g, i), np.delete(e, i)).statistic
        for i, (g, e) in enumerate(zip(geodesics, embedded, strict=True))
    ]
    score = geodesic_correlation(geodesics, roll.X, n_anchors=1, random_state=0)
    assert np.abs(np.array(rows) - score).min() < 1e-12
    assert score == geodesic_correlation(geodesics, roll.X, n_anchors=1, random_state=0)
    assert score != geodesic_correlation(geodesics, roll.X, n_anchors=1, random_state=1)


def test_anchors_estimate_the_whole():
    roll = make_swiss_roll(1500, random_state=0)
    whole = geodesic_correlation(roll.geodesic_distances, roll.X)
    some = geodesic_correlation(roll.geodesic_distances, roll.X, n_anchors=200, random_state=0)
    assert abs(some - whole) < 0.05


@every_metric
def test_single_precision_and_one_component(measure, roll):
    geodesics = roll.geodesic_distances()
    single = measure(geodesics.astype(np.float32), roll.X[:, :1].astype(np.float32))
    assert_allclose(single, measure(geodesics, roll.X[:, :1]), rtol=1e-5)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlation_with_nothing_is_undefined(roll, method):
    for still in (np.ones((120, 2)), np.full((120, 2), 0.1)):
        with pytest.warns(UndefinedMetricWarning, match="all distances are equal"):
            score = geodesic_correlation(roll.geodesic_distances, still, method=method)
        assert np.isnan(score)


def test_equal_distances_up_to_rounding_are_undefined():
    simplex = np.eye(5) * 0.1 + 1 / 3
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(geodesic_correlation(squareform(np.arange(10.0)), simplex))


def test_scale_of_nothing_is_undefined(roll):
    with pytest.warns(UndefinedMetricWarning, match="all geodesics are zero"):
        assert np.isnan(geodesic_scale(np.zeros((120, 120)), roll.X))


@every_metric
def test_bad_input_is_named(measure, roll):
    geodesics = roll.geodesic_distances()
    with pytest.raises(ValueError, match=r"geodesics has shape \(120, 120\).* 119 rows"):
        measure(geodesics, roll.X[1:])
    with pytest.raises(ValueError, match=r"geodesics.*returned shape \(2, 2\)"):
        measure(lambda rows, cols: np.ones((2, 2)), roll.X)
    with pytest.raises(ValueError, match="geodesics contains infinity"):
        measure(lambda rows, cols: np.full((len(rows), len(cols)), np.inf), roll.X)
    with pytest.raises(ValueError, match="geodesics contains NaN"):
        measure(np.where(geodesics > 50, np.nan, geodesics), roll.X)
    with pytest.raises(ValueError, match="embedding contains NaN"):
        measure(geodesics, np.where(roll.X > 5, np.nan, roll.X))
    with pytest.raises(ValueError, match="minimum of 3"):
        measure(geodesics[:2, :2], roll.X[:2])
    with pytest.raises(ValueError, match="n_anchors"):
        measure(geodesics, roll.X, n_anchors=0)


def test_unknown_method(roll):
    with pytest.raises(ValueError, match="method must be 'pearson' or 'spearman', got 'kendall'"):
        geodesic_correlation(roll.geodesic_distances, roll.X, method="kendall")
