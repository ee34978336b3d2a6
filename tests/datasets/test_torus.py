import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from skmanifold.datasets import make_torus


def test_points_lie_on_both_circles():
    torus = make_torus(100, major_radius=3, minor_radius=0.5, random_state=0)
    assert_allclose(np.linalg.norm(torus.X[:, :2], axis=1), 3)
    assert_allclose(np.linalg.norm(torus.X[:, 2:], axis=1), 0.5)


def test_geodesics_are_the_shortest_among_all_images():
    torus = make_torus(60, major_radius=3, minor_radius=0.5, random_state=0)
    flat = torus.latent * [3, 0.5]
    turns = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    images = [cdist(flat, flat + 2 * np.pi * turn * [3, 0.5]) for turn in turns]
    assert_allclose(torus.geodesic_distances(), np.min(images, axis=0), atol=1e-12)


def test_no_distance_beyond_the_half_turns():
    distances = make_torus(500, random_state=0).geodesic_distances()
    assert 0.9 < distances.max() / (np.pi * np.hypot(2, 1)) <= 1


@pytest.mark.parametrize("name", ["major_radius", "minor_radius"])
def test_radius_must_be_positive(name):
    with pytest.raises(ValueError, match=name):
        make_torus(10, **{name: 0})
