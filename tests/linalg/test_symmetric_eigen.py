import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import grad, gradcheck, gradgradcheck

from skmanifold.linalg import symmetric_eigen


def symmetric(rng, *shape):
    """Random symmetric matrices, of eigenvalues at least 1 apart."""
    q, _ = np.linalg.qr(rng.normal(size=(*shape, shape[-1])))
    values = 2.0 * np.arange(shape[-1]) + rng.uniform(-0.5, 0.5, size=shape)
    return torch.tensor(q * values[..., None, :] @ np.swapaxes(q, -1, -2))


def tied(rng, values):
    """A random symmetric matrix with these eigenvalues."""
    q, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return torch.tensor(q * values @ q.T)


def of_both_triangles(function):
    """The function of a symmetric matrix as one of any matrix."""
    return lambda a: function((a + a.mT) / 2)


def invariant(matrices):
    """Something that signs of eigenvectors do not matter to: values and squared entries."""
    values, vectors = symmetric_eigen(matrices)
    weights = torch.linspace(0.5, 2, vectors.shape[-1], dtype=vectors.dtype)
    return values, (vectors.square() * weights) @ values.sin()[..., None]


@pytest.mark.parametrize("shape", [(1,), (4,), (7, 3), (2, 3, 5)])
def test_reconstruction_and_order(rng, shape):
    matrices = symmetric(rng, *shape)
    values, vectors = symmetric_eigen(matrices)
    assert values.shape == shape
    assert (values.diff(dim=-1) <= 0).all()
    eye = torch.eye(shape[-1], dtype=torch.float64).expand_as(matrices)
    assert_allclose(vectors.mT @ vectors, eye, atol=1e-13)
    assert_allclose(vectors * values[..., None, :] @ vectors.mT, matrices, atol=1e-13)


def test_only_the_lower_triangle_is_read(rng):
    matrix = symmetric(rng, 4)
    for found, expected in zip(
        symmetric_eigen(matrix.tril()), symmetric_eigen(matrix), strict=True
    ):
        assert_allclose(found, expected)


@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3)])
def test_first_derivatives(rng, shape):
    matrices = symmetric(rng, *shape).requires_grad_()
    assert gradcheck(of_both_triangles(invariant), matrices)


@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3)])
def test_second_derivatives(rng, shape):
    matrices = symmetric(rng, *shape).requires_grad_()
    assert gradgradcheck(of_both_triangles(invariant), matrices)


def test_gradient_is_that_of_torch_where_no_eigenvalues_meet(rng):
    matrices = symmetric(rng, 6, 5).requires_grad_()
    weights = [torch.tensor(rng.normal(size=shape)) for shape in [(6, 5), (6, 5, 5)]]
    expected = torch.linalg.eigh(matrices)
    found = symmetric_eigen(matrices)
    same_order = [each.flip(-1) for each in found]
    for ours, theirs, weight in zip(same_order, expected, weights, strict=True):
        (first,) = grad((ours * weight).sum(), matrices, retain_graph=True)
        # That of torch may keep an antisymmetric part, which no symmetric change sees.
        (second,) = grad((theirs * weight).sum(), matrices, retain_graph=True)
        assert_allclose(first, (second + second.mT) / 2, atol=1e-12)
        assert_allclose(first, first.mT, atol=1e-14)


@pytest.mark.parametrize("values", [[0, 0, 0], [1, 1, 2], [1, 2, 2, 2], [-1, -1, 3, 3], [5, 5]])
@pytest.mark.parametrize("rotated", [False, True])
def test_gradients_stay_finite_where_eigenvalues_meet(rng, values, rotated):
    values = np.array(values, dtype=float)
    matrix = tied(rng, values) if rotated else torch.tensor(np.diag(values))
    matrix = matrix.requires_grad_()
    found, vectors = symmetric_eigen(matrix)
    weights = torch.tensor(rng.normal(size=vectors.shape))
    loss = (found * weights[0]).sum() + (vectors**3 * weights).sum()
    (first,) = grad(loss, matrix, create_graph=True)
    assert first.isfinite().all()
    (second,) = grad((first * weights).sum(), matrix)
    assert second.isfinite().all()
    assert first.abs().max() < 1e3  # no blow up either


def of_eigenspaces(matrices, sizes):
    """Sums of eigenvalues and projectors of groups of eigenpairs, largest first."""
    values, vectors = symmetric_eigen(matrices)
    groups = vectors.split(sizes, dim=-1)
    sums = [group.sum(-1) for group in values.split(sizes, dim=-1)]
    return *sums, *(group @ group.mT for group in groups)


@pytest.mark.parametrize(
    ("values", "sizes"), [([1, 1, 2], [1, 2]), ([4, 3, 1, 1], [1, 1, 2]), ([5, 5, 2, 2], [2, 2])]
)
def test_gradients_of_eigenspaces_at_ties(rng, values, sizes):
    """What does not depend on the basis within eigenspaces has its true gradient."""
    matrix = tied(rng, np.array(values, dtype=float)).requires_grad_()
    function = of_both_triangles(lambda a: of_eigenspaces(a, sizes))
    assert gradcheck(function, matrix)
