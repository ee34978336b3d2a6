import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import polar
from scipy.stats import ortho_group

from skmanifold.linalg import nearest_orthogonal


def orthogonal(rng, order):
    """A random rotation or reflection."""
    if order == 1:
        return rng.choice([-1.0, 1.0], size=(1, 1))
    return ortho_group.rvs(order, random_state=rng)


def of_rank(rng, order, rank, n_matrices=20):
    left, right = rng.normal(size=(2, n_matrices, order, rank))
    return torch.tensor(left @ np.swapaxes(right, 1, 2))


def overlap(matrices, others):
    """``tr A' Q``: the larger, the nearer an orthogonal Q is to A."""
    return (matrices * others).sum((-2, -1))


def misfit(found):
    """How far columns are from orthonormal."""
    return (found.mT @ found - torch.eye(found.shape[-1])).abs().max().item()


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(), (30,), (2, 3), (0,)])
def test_orthogonal_factor_of_the_singular_value_decomposition(rng, order, shape):
    matrices = rng.normal(size=(*shape, order, order))
    left, _, right = np.linalg.svd(matrices)
    found = nearest_orthogonal(torch.tensor(matrices))
    assert found.shape == matrices.shape
    assert_allclose(found, left @ right, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_orthogonal_factor_of_the_polar_decomposition_of_scipy(rng, order):
    for matrix in rng.normal(size=(20, order, order)):
        assert_allclose(nearest_orthogonal(torch.tensor(matrix)), polar(matrix)[0], atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_orthogonal_to_the_last_digits(rng, order, size):
    found = nearest_orthogonal(size * torch.tensor(rng.normal(size=(500, order, order))))
    assert misfit(found) < 1e-14


@pytest.mark.parametrize(("order", "rank"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
def test_singular_matrices(rng, order, rank):
    matrices = of_rank(rng, order, rank)
    found = nearest_orthogonal(matrices)
    assert misfit(found) < 1e-14
    # No Q overlaps more than the sum of the singular values, and there is one that does.
    assert_allclose(overlap(matrices, found), torch.linalg.svdvals(matrices).sum(-1), atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_no_other_is_nearer(rng, order):
    matrices = torch.cat(
        (torch.tensor(rng.normal(size=(20, order, order))), of_rank(rng, order, 1))
    )
    best = overlap(matrices, nearest_orthogonal(matrices))
    for _ in range(200):
        assert (overlap(matrices, torch.tensor(orthogonal(rng, order))) <= best + 1e-12).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_orthogonal_matrices_stay_as_they_are(rng, order):
    matrices = torch.tensor(np.array([orthogonal(rng, order) for _ in range(20)]))
    assert torch.linalg.det(matrices).sign().unique().tolist() == [-1, 1]  # of both kinds
    assert_allclose(nearest_orthogonal(matrices), matrices, atol=1e-14)
    assert_allclose(nearest_orthogonal(7.5 * matrices), matrices, atol=1e-14)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_orientation_is_that_of_the_matrix(rng, order):
    matrices = torch.tensor(rng.normal(size=(100, order, order)))
    signs = torch.linalg.det(matrices).sign()
    assert_allclose(torch.linalg.det(nearest_orthogonal(matrices)), signs)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_follows_orthogonal_maps_from_both_sides_and_transposition(rng, order):
    matrices = torch.tensor(rng.normal(size=(50, order, order)))
    left, right = (torch.tensor(orthogonal(rng, order)) for _ in range(2))
    found = nearest_orthogonal(matrices)
    assert_allclose(nearest_orthogonal(left @ matrices @ right), left @ found @ right, atol=1e-11)
    assert_allclose(nearest_orthogonal(matrices.mT), found.mT, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_single_precision(rng, order):
    matrices = torch.tensor(rng.normal(size=(50, order, order)))
    found = nearest_orthogonal(matrices.float())
    assert found.dtype == torch.float32
    assert misfit(found) < 1e-5


@pytest.mark.parametrize("order", [1, 2, 3])
def test_input_is_left_alone(rng, order):
    matrices = torch.tensor(rng.normal(size=(5, order, order)))
    before = matrices.clone()
    nearest_orthogonal(matrices)
    assert_array_equal(matrices, before)


@pytest.mark.gpu
@pytest.mark.parametrize("order", [1, 2, 3])
def test_on_the_gpu(rng, order):
    matrices = torch.tensor(rng.normal(size=(50, order, order)))
    there = nearest_orthogonal(matrices.cuda())
    assert there.device.type == "cuda"
    assert_allclose(there.cpu(), nearest_orthogonal(matrices), atol=1e-12)
