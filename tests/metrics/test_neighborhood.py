import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn import config_context

from skmanifold.datasets import make_swiss_roll
from skmanifold.metrics import neighborhood_precision


@pytest.fixture
def roll():
    return make_swiss_roll(150, noise=0.3, random_state=0)


def brute_force(reference, embedded, n_neighbors):
    shared = 0
    for i in range(len(reference)):
        near, near_embedded = (
            set([j for j in np.argsort(d[i]) if j != i][:n_neighbors])
            for d in (reference, embedded)
        )
        shared += len(near & near_embedded)
    return shared / (len(reference) * n_neighbors)


@pytest.mark.parametrize("n_neighbors", [1, 15, 149])
def test_agrees_with_brute_force(roll, n_neighbors):
    geodesics, embedded = roll.geodesic_distances(), cdist(roll.X, roll.X)
    expected = brute_force(geodesics, embedded, n_neighbors)
    options = {"n_neighbors": n_neighbors}
    forms = [
        neighborhood_precision(geodesics, roll.X, metric="precomputed", **options),
        neighborhood_precision(roll.geodesic_distances, roll.X, **options),
        neighborhood_precision(roll.latent, roll.X, **options),
    ]
    assert_allclose(forms, expected)
    with config_context(working_memory=0.02):
        assert_allclose(
            neighborhood_precision(roll.geodesic_distances, roll.X, **options), expected
        )


def test_metric_of_the_data(roll):
    expected = brute_force(cdist(roll.X, roll.X, "cityblock"), cdist(roll.X, roll.X), 15)
    assert_allclose(neighborhood_precision(roll.X, roll.X, metric="manhattan"), expected)
    assert expected < 1


def test_perfect_whatever_the_motion_and_scale(roll):
    moved = 3 * roll.X @ ortho_group.rvs(3, random_state=0) + 5
    assert neighborhood_precision(roll.X, moved) == 1
    assert neighborhood_precision(roll.geodesic_distances, roll.latent) == 1


def test_random_embedding_scores_by_chance():
    rng = np.random.RandomState(0)
    score = neighborhood_precision(rng.standard_normal((1000, 5)), rng.standard_normal((1000, 2)))
    assert_allclose(score, 15 / 999, atol=0.005)


def test_duplicates_do_not_count_themselves():
    points = np.repeat(np.arange(5.0), 2)[:, None]
    assert neighborhood_precision(points, points, n_neighbors=1) == 1


def test_the_callers_blocks_stay_untouched(roll):
    geodesics = roll.geodesic_distances()
    geodesics.flags.writeable = False
    views = []

    def block(rows, cols):
        views.append(geodesics[rows[0] : rows[-1] + 1])
        return views[-1]

    score = neighborhood_precision(block, roll.X)
    assert_allclose(score, neighborhood_precision(geodesics, roll.X, metric="precomputed"))


def test_bad_input_is_named(roll):
    with pytest.raises(ValueError, match="n_neighbors=150 must be below the number of points, 150"):
        neighborhood_precision(roll.X, roll.X, n_neighbors=150)
    with pytest.raises(ValueError, match="n_neighbors"):
        neighborhood_precision(roll.X, roll.X, n_neighbors=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        neighborhood_precision(roll.X[1:], roll.X)
    with pytest.raises(ValueError, match="embedding contains NaN"):
        neighborhood_precision(roll.X, np.where(roll.X > 5, np.nan, roll.X))
