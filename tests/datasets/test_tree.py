import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from sklearn.utils import check_random_state

from skmanifold.datasets import make_branching_tree
from skmanifold.datasets._tree import _grow


def grown(sample, seed):
    """The tree beneath a sample: its noise-free points and their parents."""
    return _grow(sample.labels, sample.X.shape[1], check_random_state(seed))


@pytest.mark.parametrize("n_branches", [1, 2, 5, 30])
@pytest.mark.parametrize("seed", [0, 1])
def test_geodesics_agree_with_dijkstra(n_branches, seed):
    sample = make_branching_tree(150, n_branches=n_branches, random_state=seed)
    points, parents = grown(sample, seed)
    steps = np.linalg.norm(points - points[parents], axis=1)
    children = np.arange(1, 150)
    graph = coo_array((steps[1:], (children, parents[1:])), shape=(150, 150))
    expected = dijkstra(graph.tocsr(), directed=False)
    assert_allclose(sample.geodesic_distances(), expected, atol=1e-10)


def test_walks_step_within_the_cube():
    sample = make_branching_tree(500, n_features=3, noise=0, random_state=0)
    points, parents = grown(sample, 0)
    assert_allclose(sample.X, points)
    assert np.abs(points - points[parents]).max() <= 1
    assert np.all(parents[1:] < np.arange(1, 500))


def test_color_is_the_way_from_the_root():
    sample = make_branching_tree(200, random_state=0)
    assert_allclose(sample.color, sample.geodesic_distances(0)[0])


@pytest.mark.parametrize(("n_samples", "n_branches"), [(100, 7), (10, 10), (11, 10), (3, 1)])
def test_branches_are_even(n_samples, n_branches):
    labels = make_branching_tree(n_samples, n_branches=n_branches, random_state=0).labels
    sizes = np.bincount(labels, minlength=n_branches)
    assert len(sizes) == n_branches
    assert sizes.max() - sizes.min() <= 1
    assert_array_equal(labels, np.sort(labels))


def test_more_branches_than_points():
    with pytest.raises(ValueError, match=r"n_samples=3 points cannot fill n_branches=5"):
        make_branching_tree(3)


@pytest.mark.parametrize("name", ["n_branches", "n_features"])
def test_counts_must_be_positive(name):
    with pytest.raises(ValueError, match=name):
        make_branching_tree(10, **{name: 0})
