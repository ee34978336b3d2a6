from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group

from skmanifold.graph import furthest_point_sampling


def greedy(X, n_points, start):
    """The definition, by loops."""
    chosen = [start]
    while len(chosen) < n_points:
        gaps = [min(np.linalg.norm(x - X[j]) for j in chosen) for x in X]
        chosen.append(int(np.argmax(gaps)))
    return chosen


def covering_radius(X, rows):
    return cdist(X, X[list(rows)]).min(axis=1).max()


@pytest.mark.parametrize("n_features", [1, 2, 5])
@pytest.mark.parametrize("start", [0, 17, 39])
def test_each_point_is_the_farthest_from_all_before(rng, n_features, start):
    X = rng.normal(size=(40, n_features))
    assert_array_equal(furthest_point_sampling(X, 12, start=start), greedy(X, 12, start))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_points", [1, 2, 3, 4])
def test_covers_with_at_most_twice_the_best_radius(seed, n_points):
    X = np.random.default_rng(seed).normal(size=(12, 2))
    best = min(covering_radius(X, rows) for rows in combinations(range(12), n_points))
    for start in range(12):
        rows = furthest_point_sampling(X, n_points, start=start)
        assert covering_radius(X, rows) <= 2 * best + 1e-12


def test_points_lie_apart_by_the_radius_at_least(rng):
    X = rng.uniform(size=(300, 2))
    rows = furthest_point_sampling(X, 20, random_state=0)
    apart = cdist(X[rows], X[rows])[np.triu_indices(20, 1)]
    assert apart.min() >= covering_radius(X, rows)
    # A random sample does neither nearly as well.
    drawn = rng.choice(300, size=20, replace=False)
    assert cdist(X[drawn], X[drawn])[np.triu_indices(20, 1)].min() < 0.5 * apart.min()
    assert covering_radius(X, drawn) > 1.2 * covering_radius(X, rows)


def test_any_head_is_the_answer_for_fewer_points(rng):
    X = rng.normal(size=(50, 3))
    rows = furthest_point_sampling(X, 50, start=7)
    for n_points in (1, 2, 10, 49):
        assert_array_equal(furthest_point_sampling(X, n_points, start=7), rows[:n_points])


def test_all_points_are_a_permutation(rng):
    X = rng.normal(size=(30, 2))
    assert_array_equal(np.sort(furthest_point_sampling(X, 30, random_state=1)), np.arange(30))


@pytest.mark.parametrize(
    "X",
    [np.ones((12, 2)), np.repeat(np.arange(4.0)[:, None], 3, axis=0), np.zeros((1, 3))],
    ids=["one place", "triples", "one row"],
)
def test_no_row_twice_among_duplicates(X):
    rows = furthest_point_sampling(X, len(X), random_state=0)
    assert_array_equal(np.sort(rows), np.arange(len(X)))


def test_duplicates_come_last():
    X = np.repeat(np.array([[0.0], [1.0], [5.0], [9.0]]), 3, axis=0)
    rows = furthest_point_sampling(X, 12, start=0)
    assert_array_equal(np.sort(X[rows[:4], 0]), [0, 1, 5, 9])


def test_start_is_drawn(rng):
    X = rng.normal(size=(100, 2))
    starts = {int(furthest_point_sampling(X, 1, random_state=seed)[0]) for seed in range(20)}
    assert len(starts) > 10
    assert starts <= set(range(100))
    once = furthest_point_sampling(X, 10, random_state=3)
    assert_array_equal(furthest_point_sampling(X, 10, random_state=np.random.RandomState(3)), once)
    assert_array_equal(furthest_point_sampling(X, 10, start=int(once[0])), once)


def test_global_generator_is_left_alone(rng):
    X = rng.normal(size=(20, 2))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    furthest_point_sampling(X, 5, random_state=0)
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_follows_motions_and_units(rng, unit):
    X = rng.normal(size=(80, 3))
    moved = unit * (X @ ortho_group.rvs(3, random_state=0) + [3, -8, 1])
    expected = furthest_point_sampling(X, 15, start=4)
    assert_array_equal(furthest_point_sampling(moved, 15, start=4), expected)


def test_far_from_the_origin():
    line = np.arange(101.0)[:, None]
    expected = furthest_point_sampling(line, 9, start=0)
    assert_array_equal(furthest_point_sampling(line + 1e12, 9, start=0), expected)


@pytest.mark.parametrize("convert", [np.float32, np.int64, np.asfortranarray, list])
def test_kinds_of_input(convert):
    X = np.arange(24.0).reshape(12, 2) ** 2
    expected = furthest_point_sampling(X, 6, start=0)
    other = X.astype(convert) if isinstance(convert, type) and convert is not list else convert(X)
    assert_array_equal(furthest_point_sampling(other, 6, start=0), expected)


def test_input_is_left_alone(rng):
    X = rng.normal(size=(20, 2))
    before = X.copy()
    X.flags.writeable = False
    furthest_point_sampling(X, 20, start=0)
    assert_array_equal(X, before)


@pytest.mark.parametrize("n_points", [0, -1, 11])
def test_too_few_or_too_many_points(n_points):
    with pytest.raises(
        ValueError, match=f"n_points={n_points} is not between 1 and the 10 rows of X"
    ):
        furthest_point_sampling(np.ones((10, 2)), n_points)


@pytest.mark.parametrize("start", [-1, 10])
def test_start_that_is_no_row(start):
    with pytest.raises(ValueError, match=f"start={start} is not a row of X, which has 10"):
        furthest_point_sampling(np.ones((10, 2)), 3, start=start)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_points_that_are_not_finite(wrong):
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        furthest_point_sampling(np.array([[0.0], [wrong]]), 1)


@pytest.mark.gpu
def test_on_the_gpu(rng):
    X = rng.normal(size=(200, 3))
    there = furthest_point_sampling(X, 30, start=0, device="cuda")
    assert_array_equal(there, furthest_point_sampling(X, 30, start=0))
