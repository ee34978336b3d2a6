"""The heat semigroup ``exp(-t L)`` of a graph Laplacian, as a matrix or acting on signals.

Three ways to the matrix. ``"positive"`` sums terms that are all non-negative, so that the smallest
entries are as accurate as the largest; what takes a logarithm of the kernel needs that.
``"chebyshev"`` is the truncated polynomial of the reference, with an absolute error that swamps
small entries. ``"exact"`` diagonalises.
"""

import math

import numpy as np
import torch
from scipy.sparse import coo_array, sparray, spmatrix
from scipy.special import ive

from skmanifold.utils import to_tensor


def heat_kernel(
    laplacian: spmatrix | sparray,
    t: float,
    *,
    method: str = "positive",
    order: int = 32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """The dense matrix ``exp(-t L)`` in float64.

    Parameters
    ----------
    laplacian : sparse array of shape (n_nodes, n_nodes)
        Symmetric positive semi-definite; ``"positive"`` needs non-positive off-diagonal entries.
    t : float
        Diffusion time, not negative.
    method : {"positive", "chebyshev", "exact"}, default="positive"
        See the module's text.
    order : int, default=32
        Degree of the Chebyshev polynomial.
    device : torch.device or str, default="cpu"
        Where the matrix is made and stays; it takes ``8 n_nodes^2`` bytes three times over.

    Returns
    -------
    kernel : torch.Tensor of shape (n_nodes, n_nodes)

    Examples
    --------
    Heat on two nodes joined by an edge evens out:

    >>> from scipy.sparse import csr_array
    >>> from skmanifold.graph import heat_kernel
    >>> L = csr_array([[1.0, -1.0], [-1.0, 1.0]])
    >>> heat_kernel(L, t=100.0)
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]], dtype=torch.float64)
    """
    dense = to_tensor(laplacian.toarray(), device=device, dtype=torch.float64)
    if method == "positive":
        return _positive(dense, t)
    if method == "chebyshev":
        identity = torch.eye(len(dense), dtype=dense.dtype, device=dense.device)
        # The exact end of the spectrum, as in the reference: the truncated series depends on it.
        phi = float(torch.linalg.eigvalsh(dense)[-1]) / 2
        return _chebyshev(dense, identity, t, order, phi)
    if method == "exact":
        eigenvalues, vectors = torch.linalg.eigh(dense)
        return (vectors * torch.exp(-t * eigenvalues)) @ vectors.T
    raise ValueError(f"method={method!r} is not 'positive', 'chebyshev' or 'exact'.")


def heat_action(
    laplacian: spmatrix | sparray,
    signals: np.ndarray,
    t: float,
    *,
    order: int = 32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """``exp(-t L) signals`` by sparse products only, for graphs too large for the matrix.

    Parameters
    ----------
    laplacian : sparse array of shape (n_nodes, n_nodes)
    signals : ndarray of shape (n_nodes, n_signals)
    t : float
        Diffusion time, not negative.
    order : int, default=32
        Degree of the Chebyshev polynomial; the error falls faster than exponentially once it
        passes about ``t * lambda_max / 2``.
    device : torch.device or str, default="cpu"

    Returns
    -------
    heated : torch.Tensor of shape (n_nodes, n_signals)
    """
    matrix = coo_array(laplacian)
    operator = torch.sparse_coo_tensor(  # of torch's layouts the one that is not in beta
        to_tensor(np.stack([matrix.row, matrix.col]), dtype=torch.int64),
        to_tensor(matrix.data, dtype=torch.float64),
        size=matrix.shape,
        device=device,
        check_invariants=False,
    )
    start = to_tensor(signals, device=device, dtype=torch.float64)
    return _chebyshev(operator, start, t, order, _gershgorin_bound(laplacian) / 2)


def _positive(dense: torch.Tensor, t: float) -> torch.Tensor:
    """Uniformisation ``exp(-qt) sum_k (qt)^k / k! S^k`` with ``S = I - L/q >= 0``, and squaring.

    Sums and products of non-negative numbers lose no relative accuracy. Time is halved until the
    series is short, and the kernel squared back. A series of 25 terms reaches 24 edges far, so time
    is also halved until even the longest path makes no more than 2 jumps in each piece on average.
    """
    rate = float(dense.diagonal().max())
    if rate == 0 or t == 0:
        return torch.eye(len(dense), dtype=dense.dtype, device=dense.device)
    jumps = -dense / rate
    # Rounding must not leave a negative probability of staying.
    jumps.diagonal().copy_((1 - dense.diagonal() / rate).clamp(min=0.0))
    n_squarings = math.ceil(math.log2(max(1.0, rate * t, len(dense) / 2)))
    kernel = _exponential_series(jumps, rate * t / 2**n_squarings)
    for _ in range(n_squarings):
        kernel = kernel @ kernel
    return kernel


def _exponential_series(jumps: torch.Tensor, mean: float, block: int = 5) -> torch.Tensor:
    """``exp(mean (S - I))`` for a mean of at most 1: the last of 25 terms is below 1e-23.

    The polynomial in S is one in ``S^5`` with polynomials of degree 4 for coefficients
    (Paterson and Stockmeyer): 8 products in place of 23, of non-negative matrices all the same.
    """
    powers = [torch.eye(len(jumps), dtype=jumps.dtype, device=jumps.device), jumps]
    while len(powers) <= block:
        powers.append(powers[-1] @ jumps)
    weights = [mean**k / math.factorial(k) for k in range(block**2)]
    total = torch.zeros_like(jumps)
    for start in range(block**2 - block, -1, -block):
        if start < block**2 - block:
            total = total @ powers[block]
        for weight, power in zip(weights[start : start + block], powers, strict=False):
            total.add_(power, alpha=weight)
    return total * math.exp(-mean)


def _chebyshev(
    operator: torch.Tensor, signals: torch.Tensor, t: float, order: int, phi: float
) -> torch.Tensor:
    """Chebyshev series of ``exp(-t L)`` on [0, 2 phi], with Bessel coefficients."""
    if phi <= 0:
        return signals.clone()
    # exp(-t phi) I_k(t phi), with the exponential inside so that neither overflows.
    coefficients = 2 * (-1.0) ** np.arange(order + 1) * ive(np.arange(order + 1), t * phi)
    previous, current = signals, operator @ signals / phi - signals
    total = coefficients[0] / 2 * previous + coefficients[1] * current
    for k in range(2, order + 1):
        previous, current = current, 2 * (operator @ current / phi - current) - previous
        total = total + coefficients[k] * current
    return total


def _gershgorin_bound(laplacian: spmatrix | sparray) -> float:
    """No eigenvalue is above the largest sum of absolute values in a row."""
    return float(abs(laplacian).sum(axis=1).max())
