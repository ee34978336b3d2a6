import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.datasets import make_sphere
from skmanifold.datasets._sphere import _great_circle_distances


@pytest.mark.parametrize("n_dim", [1, 2, 5])
def test_uniform_on_the_sphere(n_dim):
    n_samples = 5000
    ball = make_sphere(n_samples, radius=2, n_dim=n_dim, random_state=0)
    assert ball.X.shape == (n_samples, n_dim + 1)
    assert_allclose(np.linalg.norm(ball.X, axis=1), 2)
    # Isotropy: no mean, and second moments proportional to the identity.
    second = ball.latent.T @ ball.latent / n_samples
    assert_allclose(ball.latent.mean(axis=0), 0, atol=5 / np.sqrt(n_samples))
    assert_allclose(second, np.eye(n_dim + 1) / (n_dim + 1), atol=5 / np.sqrt(n_samples))


def test_circle_measures_angles():
    circle = make_sphere(50, radius=3, n_dim=1, random_state=0)
    angle = np.arctan2(*circle.latent.T)
    gap = np.abs(angle[:, None] - angle)
    assert_allclose(circle.geodesic_distances(), 3 * np.minimum(gap, 2 * np.pi - gap), atol=1e-12)


def test_agrees_with_arccos_where_that_is_accurate():
    ball = make_sphere(100, random_state=0)
    cosine = ball.latent @ ball.latent.T
    middle = np.abs(cosine) < 0.9
    assert_allclose(ball.geodesic_distances()[middle], np.arccos(cosine[middle]))


@pytest.mark.parametrize("angle", [1e-12, 1e-8, 1e-3, 1.0, np.pi - 1e-3, np.pi - 1e-8, np.pi])
def test_accurate_at_every_angle(angle):
    pole, point = np.array([[1.0, 0, 0]]), np.array([[np.cos(angle), np.sin(angle), 0]])
    distance = _great_circle_distances(pole, point, radius=1.0)[0, 0]
    assert_allclose(distance, angle, rtol=1e-14)


@pytest.mark.parametrize("name", ["radius", "n_dim"])
def test_parameters_must_be_positive(name):
    with pytest.raises(ValueError, match=name):
        make_sphere(10, **{name: 0})
