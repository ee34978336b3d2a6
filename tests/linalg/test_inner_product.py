import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array, diags_array, issparse, random_array

from skmanifold.linalg._inner_product import inner_product

KINDS = {"dense": np.asarray, "sparse": csr_array}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def definite(rng, n=40):
    """A sparse positive definite matrix in which rows differ much in size."""
    half = random_array((n, n), density=0.08, rng=rng) + diags_array(rng.uniform(0.5, 1, n))
    sizes = diags_array(10.0 ** rng.uniform(-4, 4, n))
    return (sizes @ half @ half.T @ sizes).toarray()


@every_kind
def test_the_root_times_itself_and_the_inverse(kind, rng):
    matrix = definite(rng)
    root, solve = inner_product(kind(matrix))
    assert issparse(root) == (kind is csr_array)
    root = root.toarray() if issparse(root) else root
    scale = np.sqrt(np.outer(matrix.diagonal(), matrix.diagonal()))
    assert_allclose(root @ root.T / scale, matrix / scale, atol=1e-13)
    right = scale.max(axis=1, keepdims=True) * rng.normal(size=(40, 3))
    assert_allclose((matrix @ solve(right)) / right, 1, rtol=1e-6)


@every_kind
@pytest.mark.parametrize("value", [-1e-6, 0.0])
def test_no_negative_or_zero_eigenvalue_is_let_through(kind, value, rng):
    basis = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    matrix = (basis * np.r_[value, rng.uniform(1, 2, 11)]) @ basis.T
    with pytest.raises(ValueError, match="M must be positive definite, but has eigenvalues"):
        inner_product(kind(matrix), name="M")


@every_kind
def test_small_weights_are_no_zeros(kind):
    weights = np.logspace(-15, 15, 31)
    root = inner_product(kind(np.diag(weights))).root
    assert_allclose(root.diagonal() ** 2, weights)


@every_kind
def test_shapes_and_symmetry_are_checked(kind):
    with pytest.raises(ValueError, match=r"must be square, got shape \(2, 3\)"):
        inner_product(kind(np.ones((2, 3))))
    with pytest.raises(ValueError, match=r"differs from its transpose by up to 0\.5"):
        inner_product(kind(np.array([[2.0, 0.5], [0.0, 2.0]])))


@every_kind
def test_halves_may_be_rounded_differently(kind, rng):
    matrix = definite(rng)
    rounded = matrix * (1 + 1e-8 * rng.normal(size=matrix.shape))
    root = inner_product(kind(rounded)).root
    root = root.toarray() if issparse(root) else root
    assert_allclose(root @ root.T, (rounded + rounded.T) / 2, rtol=1e-6, atol=1e-12 * matrix.max())
