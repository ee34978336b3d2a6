"""Doubly stochastic scaling of matrices, in logarithms: dense, symmetric, and on sparse graphs.

All of them scale rows and columns of positive entries, ``exp(u_i + L_ij + v_j)``, until the sums
are right. In logarithms nothing over- or underflows, whatever the temperature.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.sparse import csr_array

# Ranges of logits, by bytes of the number, up to which exponentials and their potentials stay
# within normal numbers: there one exponential and products with vectors do for all iterations.
PLAIN_RANGE = {4: 25.0, 8: 250.0}
# From which range on starting from higher temperatures is worth its steps. Below, Gram matrices,
# which zero potentials nearly solve, would lose more than others gain.
ANNEALED_RANGE = 250.0
COLDEST, HOTTEST = 1e-4, 1e2
STEPS_OF_PRODUCTS = 20  # between two exponentials of all weights of a graph
ROUNDING = 1e-5  # relative difference of weights both ways that products in float32 may leave
SAFE_CHANGE = 20.0  # of a potential in between: its exponential is harmless

LogSums = Callable[[torch.Tensor], torch.Tensor]


def sinkhorn(
    scores: torch.Tensor,
    *,
    temperature: float | torch.Tensor = 1.0,
    max_iter: int = 100,
    tol: float = 1e-5,
) -> torch.Tensor:
    """Scale ``exp(scores / temperature)`` to rows of sum 1 and columns of equal sums.

    The result ``P`` is the coupling of uniform rows and columns that maximises
    ``sum(P * scores) + temperature * entropy(P)`` [1]_.

    Parameters
    ----------
    scores : Tensor of shape (..., n, m)
        Entries of -inf are masked: nothing goes there. Rows, columns and any batch of matrices
        are independent of constants added to a row or a column.
    temperature : float or Tensor of shape (...), default=1.0
        In units of the scores. Towards 0 a square ``P`` becomes the best permutation, towards
        infinity it becomes uniform.
    max_iter : int, default=100
        Each scales the columns, then the rows. The errors shrink by the square of the second
        singular value of ``P`` each time: tens of iterations where the temperature is a tenth of
        the range of the scores. Ranges beyond 250 temperatures begin with one more step at each of
        the temperatures 2, 4, 8, ... times as high. Still, 100 iterations at a hundredth of the
        range or less may leave sums wrong by some percent, unless ``P`` is nearly a permutation.
    tol : float, default=1e-5
        Stop when the logarithms of all column sums of the batch are right within this. 0 always
        takes `max_iter` iterations.

    Returns
    -------
    coupling : Tensor of shape (..., n, m)
        Rows sum to 1 to rounding, columns to ``n / m`` within `tol`, or as far as `max_iter` and
        the rounding of ``scores / temperature`` allow. Where the mask leaves no coupling with
        these sums, the columns never get there.

    Raises
    ------
    ValueError
        If scores are no matrices of floating point numbers or hold NaN or +inf, a row or a
        column is all -inf, or a temperature is not positive.

    Notes
    -----
    Differentiable in scores and temperature through all iterations; where they begin is taken for
    constant, which makes no difference to a result that arrived. Where the range of
    ``scores / temperature`` exceeds 25 (250 in float64), each keeps two matrices of exponentials
    for the gradient; below, which is several times as quick, they share one.

    References
    ----------
    .. [1] M. Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport",
       NeurIPS 2013.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.linalg import sinkhorn
    >>> scores = torch.tensor([[5.0, 1.0], [4.0, 3.0]])
    >>> sinkhorn(scores, temperature=0.01).round(decimals=3)  # 5 + 3 beats 1 + 4
    tensor([[1., 0.],
            [0., 1.]])
    """
    logits = _logits(_below_tops(_checked_scores(scores)), temperature)
    log_ratio = math.log(logits.shape[-2] / logits.shape[-1])
    potential = _annealed_potential(logits, log_ratio)
    row_sums, column_sums = _log_row_sums(logits), _log_row_sums(logits.mT)
    for _ in range(max_iter):
        before, potential = potential, log_ratio - column_sums(-row_sums(potential))
        if tol > 0 and (potential - before).abs().amax() <= tol:
            break
    return torch.softmax(logits + potential[..., None, :], -1).to(scores.dtype)


def symmetric_sinkhorn(
    scores: torch.Tensor,
    *,
    temperature: float | torch.Tensor = 1.0,
    max_iter: int = 100,
    tol: float = 1e-5,
) -> torch.Tensor:
    """Scale the exponentials of symmetric scores to a symmetric doubly stochastic matrix.

    One potential serves rows and columns. It takes half of each correction [1]_,
    ``u <- (u - logsumexp(scores / temperature + u)) / 2``.

    Parameters
    ----------
    scores : Tensor of shape (..., n, n)
        Symmetric; of others the symmetric part counts. Entries of -inf are masked.
    temperature : float or Tensor of shape (...), default=1.0
        In units of the scores.
    max_iter : int, default=100
        The error in the direction of an eigenvector of the result shrinks by ``(1 - l) / 2`` each
        time, `l` being its eigenvalue. It is halved at least where the exponentials are positive
        semi-definite, as those of Gram matrices are: 10 iterations give 3 digits, however
        separate the clusters are. Eigenvalues near -1, of nearly bipartite matrices, are slow.
    tol : float, default=1e-5
        Stop when the logarithms of all row sums of the batch are right within this. 0 always
        takes `max_iter` iterations.

    Returns
    -------
    coupling : Tensor of shape (..., n, n)
        Exactly symmetric. Rows and columns sum to 1 within `tol`, or as far as `max_iter` and the
        rounding of ``scores / temperature`` allow. No entry exceeds 1 but by rounding. Where a
        mask allows no such matrix, as that of a star, the entries are finite and the sums wrong.

    Raises
    ------
    ValueError
        If scores are no square matrices of floating point numbers or hold NaN or +inf, a row is
        all -inf, or a temperature is not positive.

    See Also
    --------
    sparse_symmetric_sinkhorn : The same for the weights of a graph.

    Notes
    -----
    Differentiable once in scores and temperature, by the equations that hold where the iteration
    arrives: short of it, so is the gradient.

    References
    ----------
    .. [1] P. A. Knight, D. Ruiz and B. Ucar, "A symmetry preserving algorithm for matrix scaling",
       SIAM Journal on Matrix Analysis and Applications 35, 2014.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.linalg import symmetric_sinkhorn
    >>> points = torch.tensor([0.0, 0.1, 5.0], dtype=torch.float64)
    >>> coupling = symmetric_sinkhorn(-(points[:, None] - points).square())
    >>> coupling.sum(1).round(decimals=4)
    tensor([1., 1., 1.], dtype=torch.float64)
    """
    entries = _checked_scores(scores)
    if scores.shape[-2] != scores.shape[-1]:
        raise ValueError(f"scores of shape {tuple(scores.shape)} are no square matrices.")
    symmetric = (entries + entries.mT) / 2
    tops = symmetric.detach().amax(-1) / 2
    logits = _logits(symmetric - (tops[..., :, None] + tops[..., None, :]), temperature)
    return _SymmetricScaling.apply(logits, max_iter, tol).to(scores.dtype)


class _SymmetricScaling(torch.autograd.Function):
    """``exp(u_i + L_ij + u_j)`` with rows of sum 1, differentiated where it arrives.

    With ``G`` for the result, rows that keep their sums mean ``(I + G) du = -(G * dL) 1``: one
    linear system instead of a backward pass through every iteration.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, max_iter: int, tol: float) -> torch.Tensor:
        row_sums = _log_row_sums(logits)
        potential = torch.zeros_like(logits[..., 0, :])
        for _ in range(max_iter):
            errors = potential + row_sums(potential)
            if tol > 0 and errors.abs().amax() <= tol:
                break
            potential = potential - errors / 2
        # The potentials first: in this order the sum of the three is symmetric to the last digit.
        coupling = torch.exp(logits + (potential[..., :, None] + potential[..., None, :]))
        ctx.save_for_backward(coupling)
        return coupling

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (coupling,) = ctx.saved_tensors
        weighted = grads[0] * coupling
        total = weighted.sum(-1) + weighted.sum(-2)
        system = coupling.clone()
        system.diagonal(dim1=-2, dim2=-1).add_(1)
        potential = torch.linalg.solve(system, total)
        return weighted - potential[..., None] * coupling, None, None


def sparse_symmetric_sinkhorn(
    graph: csr_array, *, max_iter: int = 200, tol: float = 1e-6
) -> csr_array:
    """Scale the weights of a graph, ``D W D``, to a symmetric doubly stochastic matrix.

    The iteration is that of `symmetric_sinkhorn`; no entry outside the graph is ever formed.

    Parameters
    ----------
    graph : csr_array of shape (n, n)
        Symmetric up to rounding, of nonnegative weights. Those near 1e-300 or 1e300 are as good as
        any other.
    max_iter : int, default=200
        Neighbour graphs with loops of weight 1 at all nodes take some 30. Those without seldom
        have total support (see Notes): after 200 iterations some sums are still short by 5%.
    tol : float, default=1e-6
        Stop when all row sums are right to this, relatively.

    Returns
    -------
    scaled : csr_array of shape (n, n)
        In float64, exactly symmetric, with entries where `graph` has positive weights. Row sums
        are within ``1 - 2 tol`` and 1 where the iteration arrived. A node without edges keeps an
        empty row.

    Raises
    ------
    ValueError
        If `graph` is not square and symmetric, or has weights that are negative or not finite.

    Notes
    -----
    Not every pattern can be scaled: it takes total support, that is, each edge in a permutation
    that uses edges only. A star has none. There the iteration goes on to `max_iter`, and a
    last division of each entry by the larger one of the sums of its row and its column makes the
    best of it: the result stays symmetric and no row sums to more than 1. A star of three leaves
    gets entries of one third. Loops at all nodes give any graph total support, since every edge
    is then in a permutation that swaps its two ends.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skmanifold.linalg import sparse_symmetric_sinkhorn
    >>> weights = csr_array(np.array([[1.0, 1e-300, 0.0], [1e-300, 0.0, 5.0], [0.0, 5.0, 0.0]]))
    >>> sparse_symmetric_sinkhorn(weights).toarray().round(6)
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    edges = _checked_graph(graph)
    owners = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    logits, nodes = np.log(edges.data), np.flatnonzero(np.diff(edges.indptr))
    starts, potential = edges.indptr[nodes], np.zeros(edges.shape[0])
    if not len(nodes):
        return edges
    potential[nodes] = -np.maximum.reduceat(logits, starts) / 2
    n_steps = 0
    while True:
        # Each entry is at most 1 behind any step, and at the start: no sum can overflow.
        edges.data = np.exp(logits + (potential[owners] + potential[edges.indices]))
        sums = np.ones(edges.shape[0])
        sums[nodes] = np.add.reduceat(edges.data, starts)
        if n_steps >= max_iter or np.abs(sums - 1).max() <= tol:
            break
        n_allowed = min(STEPS_OF_PRODUCTS, max_iter - n_steps)
        change, n_taken = _steps_of_products(edges, sums, n_allowed, tol)
        potential, n_steps = potential + change, n_steps + n_taken
    edges.data /= np.maximum(sums[owners], sums[edges.indices])
    return edges


def perplexity(coupling: torch.Tensor) -> torch.Tensor:
    """Mean over the rows of the exponential of their entropy: how many entries a row spreads over.

    Parameters
    ----------
    coupling : Tensor of shape (..., n, m)
        Rows are nonnegative and sum to 1.

    Returns
    -------
    perplexity : Tensor of shape (...)
        Between 1, for rows that are certain, and ``m``, for uniform ones.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.linalg import perplexity
    >>> perplexity(torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]))
    tensor(3.)
    """
    return torch.special.entr(coupling).sum(-1).exp().mean(-1)


@torch.no_grad()
def temperature_of_perplexity(
    scores: torch.Tensor,
    wanted: float,
    *,
    max_iter: int = 100,
    tol: float = 1e-3,
) -> float:
    """Temperature at which the rows of `symmetric_sinkhorn` have this perplexity in the mean.

    The perplexity grows with the temperature. The equation is solved in the logarithms of both
    by Brent's method, which is bisection where nothing quicker is safe.

    Parameters
    ----------
    scores : Tensor of shape (..., n, n)
        As for `symmetric_sinkhorn`. A batch gets one temperature for the mean of all its rows.
    wanted : float
        Perplexity, between 1 and n.
    max_iter : int, default=100
        Of each scaling.
    tol : float, default=1e-3
        Relative error of the temperature.

    Returns
    -------
    temperature : float
        Within 1e-4 and 1e2: the nearer of the two where `wanted` is out of reach.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.linalg import perplexity, symmetric_sinkhorn, temperature_of_perplexity
    >>> angles = torch.arange(12) * torch.pi / 6
    >>> cosines = torch.cos(angles[:, None] - angles)
    >>> temperature = temperature_of_perplexity(cosines, 3.0)
    >>> round(float(perplexity(symmetric_sinkhorn(cosines, temperature=temperature))), 2)
    3.0
    """

    def excess(log_temperature: float) -> float:
        heat = math.exp(log_temperature)
        coupling = symmetric_sinkhorn(scores, temperature=heat, max_iter=max_iter)
        return math.log(float(perplexity(coupling).mean()) / wanted)

    if excess(math.log(COLDEST)) >= 0:
        return COLDEST
    if excess(math.log(HOTTEST)) <= 0:
        return HOTTEST
    return math.exp(brentq(excess, math.log(COLDEST), math.log(HOTTEST), xtol=tol))


def _checked_scores(scores: torch.Tensor) -> torch.Tensor:
    """The scores in at least float32."""
    if scores.ndim < 2 or not scores.is_floating_point() or not scores.numel():
        raise ValueError(
            f"scores must be matrices of floating point numbers, of shape (..., n, m), not "
            f"{scores.dtype} of shape {tuple(scores.shape)}."
        )
    # NaN outdoes everything in a maximum, and a row of -inf has no finite one.
    for dim, name in ((-1, "row"), (-2, "column")):
        tops = scores.detach().amax(dim)
        if not tops.isfinite().all():
            if tops.isneginf().any():
                raise ValueError(f"A {name} of scores is all -inf: nothing is left to scale.")
            raise ValueError("scores hold NaN or +inf.")
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _below_tops(scores: torch.Tensor) -> torch.Tensor:
    """Scores less constants of rows and columns, which cost digits at low temperatures."""
    scores = scores - scores.detach().amax(-1, keepdim=True)
    return scores - scores.detach().amax(-2, keepdim=True)


def _logits(scores: torch.Tensor, temperature: float | torch.Tensor) -> torch.Tensor:
    """``scores / temperature``; masked entries get no gradient."""
    heat = torch.as_tensor(temperature, dtype=scores.dtype, device=scores.device)
    if not (heat > 0).all():
        raise ValueError(f"temperature={temperature} must be positive.")
    masked = scores.isneginf()
    # -inf divided by a temperature has a gradient of NaN there: mask again behind the division.
    scaled = scores.masked_fill(masked, 0) / heat[..., None, None]
    return scaled.masked_fill(masked, -math.inf)


def _annealed_potential(logits: torch.Tensor, log_ratio: float) -> torch.Tensor:
    """Potential of the columns after a step at each of the temperatures 2^k, ..., 4, 2.

    From zero, logits of a range R would take up to R steps to sort out who belongs to whom.
    """
    potential, span = torch.zeros_like(logits[..., 0, :]), _range(logits)
    if span <= ANNEALED_RANGE:
        return potential
    for halvings in range(int(math.log2(span)), 0, -1):
        heat = 2.0**halvings
        row_sums, column_sums = _log_row_sums(logits / heat), _log_row_sums(logits.mT / heat)
        potential = heat * (log_ratio - column_sums(-row_sums(potential / heat)))
    return potential


def _range(logits: torch.Tensor) -> float:
    """How far below 0, which they do not exceed, the entries reach that are not masked."""
    return -float(logits.detach().masked_fill(logits.isneginf(), 0).amin())


def _log_row_sums(logits: torch.Tensor) -> LogSums:
    """The function ``v -> log(sum_j exp(logits_ij + v_j))``, of logits up to 0."""
    if float(-logits.detach().amin()) <= PLAIN_RANGE[logits.dtype.itemsize]:
        exponentials = torch.exp(logits)
        return lambda v: (exponentials @ v.exp()[..., None])[..., 0].log()
    return lambda v: torch.logsumexp(logits + v[..., None, :], -1)


def _checked_graph(graph: csr_array) -> csr_array:
    """A copy in float64 without stored zeros, symmetric to the last digit."""
    edges = csr_array(graph, dtype=np.float64, copy=True)
    edges.sum_duplicates()
    edges.eliminate_zeros()
    if edges.shape[0] != edges.shape[1]:
        raise ValueError(f"graph of shape {edges.shape} is not square.")
    if not np.isfinite(edges.data).all() or (edges.data < 0).any():
        raise ValueError("graph has weights that are negative or not finite.")
    turned = csr_array(edges.T)
    same_pattern = np.array_equal(edges.indptr, turned.indptr) and np.array_equal(
        edges.indices, turned.indices
    )
    if not same_pattern or not np.allclose(edges.data, turned.data, rtol=ROUNDING, atol=0):
        raise ValueError("graph is not symmetric.")
    edges.data = np.maximum(edges.data, turned.data)
    return edges


def _steps_of_products(
    edges: csr_array, sums: np.ndarray, n_steps: int, tol: float
) -> tuple[np.ndarray, int]:
    """Up to `n_steps` steps from where `sums` are those of the rows of `edges`.

    Products with the matrix are several times as quick as exponentials of all its entries, but
    serve only while the factors stay moderate: else this stops early.

    Returns
    -------
    change : ndarray of shape (n,)
        Of the potential.
    n_taken : int
        At least 1.
    """
    potential = -np.log(sums) / 2
    for n_taken in range(1, n_steps):
        if np.abs(potential).max() > SAFE_CHANGE:
            return potential, n_taken
        sums = np.exp(potential) * (edges @ np.exp(potential))
        errors = np.log(sums, where=sums > 0, out=np.zeros_like(sums))
        if np.abs(errors).max() <= tol:
            return potential, n_taken
        potential = potential - errors / 2
    return potential, n_steps
