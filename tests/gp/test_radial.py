import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from sklearn.gaussian_process.kernels import RBF, Matern
from torch.autograd import grad, gradcheck

from skmanifold.gp._radial import RADIAL, squared_distances
from tests.gp.known_fields import tensor

OF_SKLEARN = {
    "rbf": RBF,
    "matern52": lambda length: Matern(length, nu=2.5),
    "matern72": lambda length: Matern(length, nu=3.5),
}
each_kernel = pytest.mark.parametrize("name", sorted(RADIAL))


def correlations(name, left, right, lengthscale):
    return RADIAL[name](squared_distances(tensor(left), tensor(right)), tensor(lengthscale))


def test_every_kernel_is_tested():
    assert set(RADIAL) == set(OF_SKLEARN)


@each_kernel
@pytest.mark.parametrize("lengthscale", [0.1, 1.0, 7.0])
def test_agrees_with_sklearn(rng, name, lengthscale):
    left, right = rng.normal(size=(20, 3)), rng.normal(size=(15, 3))
    expected = OF_SKLEARN[name](lengthscale)(left, right)
    assert_allclose(correlations(name, left, right, lengthscale), expected, atol=1e-12)


@each_kernel
def test_falls_from_one_to_nought(name):
    reach = torch.linspace(0, 60, 2000, dtype=torch.float64)
    found = RADIAL[name](reach.square(), tensor(1.5))
    assert_allclose(found[0], 1, atol=1e-13)
    assert (found.diff() <= 0).all()
    assert found[-1] < 1e-20


@each_kernel
@pytest.mark.parametrize("lengthscale", [0.01, 0.7, 100.0])
def test_positive_semi_definite(rng, name, lengthscale):
    X = rng.normal(size=(60, 3))
    X = np.concatenate([X, X[:10], X[:5] + 1e-9])
    matrix = correlations(name, X, X, lengthscale)
    assert_allclose(matrix, matrix.T, atol=1e-12)
    assert torch.linalg.eigvalsh(matrix)[0] > -1e-12


@each_kernel
def test_a_unit_of_length(rng, name):
    X = rng.normal(size=(10, 2))
    expected = correlations(name, X, X, 0.8)
    assert_allclose(correlations(name, 50 * X, 50 * X, 40.0), expected, atol=1e-12)


@each_kernel
def test_gradients(rng, name):
    squares = tensor(rng.uniform(0.1, 4, size=(3, 4))).requires_grad_()
    lengthscale = tensor(0.8).requires_grad_()
    assert gradcheck(RADIAL[name], (squares, lengthscale))


@each_kernel
def test_gradients_at_distance_nought(name):
    """Finite, though the root in a Matern kernel has none; a length scale changes nothing there."""
    squares, lengthscale = tensor([0.0, 1.0]).requires_grad_(), tensor(0.8).requires_grad_()
    slopes = grad(RADIAL[name](squares, lengthscale)[0], (squares, lengthscale))
    assert slopes[0].isfinite().all()
    assert slopes[0][0] < 0
    assert_allclose(slopes[1], 0, atol=1e-12)


def test_the_rougher_the_less_alike_nearby_and_the_more_far_away():
    near, far = (
        [RADIAL[name](tensor(gap**2), tensor(1.0)).item() for name in sorted(RADIAL)]
        for gap in (0.3, 5.0)
    )
    assert sorted(RADIAL) == ["matern52", "matern72", "rbf"]  # from rough to smooth
    assert near == sorted(near)
    assert far == sorted(far, reverse=True)


@pytest.mark.parametrize("n_features", [1, 3, 20])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_squared_distances(rng, n_features, shift):
    left, right = rng.normal(size=(30, n_features)), rng.normal(size=(20, n_features))
    found = squared_distances(tensor(left + shift), tensor(right + shift))
    assert found.shape == (30, 20)
    assert_allclose(found, cdist(left, right, "sqeuclidean"), atol=1e-8 if shift else 1e-12)


@pytest.mark.parametrize("n_features", [1, 3, 20])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_equal_rows_are_nought_apart(rng, n_features, shift):
    X = tensor(rng.normal(size=(100, n_features)) + shift)
    both = torch.cat((X, X[:10]))
    found = squared_distances(both, both)
    assert not found.diagonal().any()
    assert not found[100:, :10].diagonal().any()
    assert (found >= 0).all()
    assert found[torch.triu_indices(100, 100, 1).unbind()].min() > 0


def test_one_row(rng):
    X = tensor(rng.normal(size=(5, 3)))
    assert_allclose(squared_distances(X[:1], X[:1]), [[0]])
    expected = cdist(X, X[2:3], "sqeuclidean")
    assert_allclose(squared_distances(X, X[2:3]), expected, atol=1e-12)
    assert_allclose(squared_distances(X[2:3], X), expected.T, atol=1e-12)


def test_rows_are_left_alone(rng):
    X = tensor(rng.normal(size=(5, 3)))
    before = X.clone()
    squared_distances(X, X)
    assert torch.equal(X, before)
