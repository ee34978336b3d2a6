import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree
from scipy.stats import ortho_group

from skmanifold.datasets import make_sphere, make_swiss_roll
from skmanifold.graph import intrinsic_dimension, kneighbors


@pytest.mark.parametrize("n_neighbors", [3, 10, 20])
@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_is_unbiased_where_density_is_uniform(dim, n_neighbors, rng):
    """Within a ball of its last neighbour's radius, a point's neighbours are uniform."""
    radii = rng.uniform(size=(6000, n_neighbors - 1)) ** (1 / dim)
    distances = np.hstack([np.sort(radii, axis=1), np.ones((6000, 1))])
    tolerance = 5 / np.sqrt(6000 * (n_neighbors - 1))
    assert_allclose(intrinsic_dimension(distances), dim, rtol=tolerance)


@pytest.mark.parametrize("n_neighbors", [5, 15])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_flat_torus(dim, n_neighbors, rng):
    """No boundary and no curvature: nothing but chance keeps it from the dimension."""
    X = rng.uniform(size=(3000, dim))
    distances = cKDTree(X, boxsize=1).query(X, n_neighbors + 1)[0][:, 1:]
    assert_allclose(intrinsic_dimension(distances), dim, rtol=0.05)


@pytest.mark.parametrize(("dim", "tolerance"), [(1, 0.05), (2, 0.08), (3, 0.1), (5, 0.2)])
def test_cube_in_more_dimensions(dim, tolerance, rng):
    # The boundary lowers the estimate, in more dimensions more of it.
    X = rng.uniform(size=(2500, dim)) @ ortho_group.rvs(12, random_state=0)[:dim]
    assert_allclose(intrinsic_dimension(kneighbors(X, 10)[0]), dim, rtol=tolerance)


@pytest.mark.parametrize(("dim", "tolerance"), [(1, 0.05), (2, 0.05), (3, 0.07), (5, 0.1)])
def test_sphere_in_more_dimensions(dim, tolerance):
    ball = make_sphere(2500, n_dim=dim, random_state=0)
    X = np.hstack([ball.X, np.full((2500, 4), 3.0)])
    assert_allclose(intrinsic_dimension(kneighbors(X, 10)[0]), dim, rtol=tolerance)


def test_roll_is_a_surface():
    roll = make_swiss_roll(2000, random_state=0)
    assert_allclose(intrinsic_dimension(kneighbors(roll.X, 10)[0]), 2, rtol=0.1)


def test_units_do_not_matter(rng):
    distances = kneighbors(rng.normal(size=(200, 3)), 8)[0]
    assert_allclose(intrinsic_dimension(1e6 * distances), intrinsic_dimension(distances))


def test_duplicates_say_nothing(rng):
    distances = kneighbors(rng.normal(size=(500, 2)), 8)[0]
    with_duplicates = np.hstack([np.zeros((500, 2)), distances])
    assert_allclose(intrinsic_dimension(with_duplicates), intrinsic_dimension(distances))


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_equal_distances_say_nothing(value):
    assert intrinsic_dimension(np.full((10, 4), value)) == 1.0
