"""Many of the largest eigenpairs of large sparse symmetric matrices.

`"chebyshev"` is block Lanczos on a Chebyshev polynomial ``p(A)`` that is small on the unwanted part
of the spectrum and grows steeply above it. The filter makes the wanted eigenvalues far apart, so a
basis little larger than what is wanted will do; orthogonalising it, which is what costs plain
Lanczos dear at hundreds of vectors, is done in products of matrices.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array, sparray, spmatrix
from scipy.sparse.linalg import eigsh
from sklearn.exceptions import ConvergenceWarning

from skmanifold.linalg._signs import deterministic_signs
from skmanifold.utils import resolve_device, to_numpy, to_tensor

SOLVERS = ("auto", "dense", "lanczos", "chebyshev")
N_DENSE = 800  # rows up to which, or up to 6 for each pair, "auto" is dense: as quick, and simpler
N_TINY = 200  # rows up to which, or up to 4 for each pair, a basis is nearly the whole space
# The largest value of the filter, where 1 is that at its cut. More makes a block of the basis gain
# more digits for more products; timings are flat from 1e4 to 1e6.
AMPLIFICATION = 1e5
SMALLEST_TOL = 1e-12  # what rounding surely allows behind that filter
MAX_DEGREE = 200  # of the filter where few are wanted of a crowded end of a spectrum
MAX_BLOCKS = 1000  # some 30 are usual

Product = Callable[[torch.Tensor], torch.Tensor]


def largest_eigenpairs(
    matrix: spmatrix | sparray,
    n_pairs: int,
    *,
    solver: str = "auto",
    device: torch.device | str = "cpu",
    tol: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The algebraically largest eigenvalues of a sparse matrix, falling, and their eigenvectors.

    Parameters
    ----------
    matrix : sparse array of shape (n_rows, n_rows)
        Symmetric, which is not checked.
    n_pairs : int
        At least 1, at most `n_rows`. From a quarter of `n_rows` upwards, and where there are no
        more than 200 rows, every solver is the dense one.
    solver : {"auto", "dense", "lanczos", "chebyshev"}, default="auto"
        - ``"dense"``: all of the matrix, in O(n_rows^3) and a few times ``8 n_rows^2`` bytes.
        - ``"lanczos"``: ARPACK through `scipy.sparse.linalg.eigsh`, always on the CPU. It may miss
          copies of a repeated eigenvalue, since a Krylov space from one vector tells them apart
          by rounding alone; and all eigenvalues of the connection kernel of an orientable surface
          are double, as a quarter turn in every tangent plane commutes with it.
        - ``"chebyshev"``: block Lanczos on a Chebyshev filter [1]_, which begins again with new
          random vectors, orthogonal to those it has, until they bring nothing larger: it finds
          the copies of repeated eigenvalues, as of a graph in several equal parts. About
          ``8 n_rows (3 n_pairs + 40)`` bytes at most.
        - ``"auto"``: ``"dense"`` up to 800 rows or 6 `n_pairs`, ``"chebyshev"`` above. Measured
          on one core with the kernels of neighbour graphs: 2 to 8 times as fast as ``"lanczos"``
          with 1e4 rows and 200 pairs or more, about as fast with 2e3; and no copies are missed.
    device : torch.device or str, default="cpu"
        Where ``"dense"`` and ``"chebyshev"`` work, as `resolve_device` reads it.
    tol : float, default=0.0
        Where ``"lanczos"`` and ``"chebyshev"`` stop: the norm of the residual ``A v - l v``
        relative to the eigenvalue for the first, to the width of the spectrum for the second.
        0 asks for as much as rounding allows: about 1e-14 and 1e-12.

    Returns
    -------
    eigenvalues : ndarray of shape (n_pairs,)
    vectors : ndarray of shape (n_rows, n_pairs)
        Orthonormal columns in float64, with deterministic signs.

    Raises
    ------
    ValueError
        If `n_pairs` is not within 1 and `n_rows`, or there is no such `solver` or `device`.

    Warns
    -----
    ConvergenceWarning
        If ``"chebyshev"`` is still short of `tol` when it gives up.

    References
    ----------
    .. [1] R. Li, Y. Xi, E. Vecharynski, C. Yang and Y. Saad, "A thick-restart Lanczos algorithm
       with polynomial filtering for Hermitian eigenvalue problems", SIAM Journal on Scientific
       Computing 38, 2016: here with blocks, and with a Chebyshev polynomial for the filter.
    .. [2] L. Lin, Y. Saad and C. Yang, "Approximating spectral densities of large matrices",
       SIAM Review 58, 2016: where the filter is set.

    Examples
    --------
    The steps of a walk on a ring of six have the eigenvalues ``cos(2 pi k / 6)``:

    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skmanifold.linalg import largest_eigenpairs
    >>> ring = np.roll(np.eye(6), 1, axis=0)
    >>> values, vectors = largest_eigenpairs(csr_array(ring + ring.T) / 2, 3)
    >>> values.round(6)
    array([1. , 0.5, 0.5])
    """
    n_rows = matrix.shape[0]
    if not 1 <= n_pairs <= n_rows:
        raise ValueError(
            f"n_pairs={n_pairs} must be within 1 and the number of rows, {n_rows}: "
            "a matrix has no more eigenpairs."
        )
    if solver not in SOLVERS:
        raise ValueError(f"solver={solver!r} is none of {', '.join(map(repr, SOLVERS))}.")
    place = resolve_device(device)
    smallest, share = (N_DENSE, 6) if solver == "auto" else (N_TINY, 4)
    if solver == "dense" or n_rows <= max(smallest, share * n_pairs):
        values, vectors = _dense(matrix, n_pairs, place)
    elif solver == "lanczos":
        values, vectors = _lanczos(matrix, n_pairs, tol)
    else:
        values, vectors = _chebyshev(matrix, n_pairs, place, max(tol, SMALLEST_TOL))
    return values, deterministic_signs(vectors)


def _dense(
    matrix: spmatrix | sparray, n_pairs: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    dense, n_rows = matrix.toarray().astype(np.float64, copy=False), matrix.shape[0]
    if device.type == "cpu":  # LAPACK need not form the vectors that nobody wants
        values, vectors = eigh(dense, subset_by_index=(n_rows - n_pairs, n_rows - 1))
    else:
        pairs = torch.linalg.eigh(to_tensor(dense, device=device))
        values, vectors = (to_numpy(part[..., -n_pairs:]) for part in pairs)
    return values[::-1], vectors[:, ::-1]


def _lanczos(matrix: spmatrix | sparray, n_pairs: int, tol: float) -> tuple[np.ndarray, np.ndarray]:
    # A fixed start makes the result repeatable; a random one meets every eigenvalue.
    start = np.random.default_rng(0).normal(size=matrix.shape[0])
    # With hundreds of pairs a basis of 1.5 times as many is quicker than ARPACK's usual 2.
    n_basis = n_pairs + max(n_pairs // 2, 50)
    values, vectors = eigsh(
        matrix.astype(np.float64), k=n_pairs, which="LA", v0=start, ncv=n_basis, tol=tol
    )
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]


def _chebyshev(
    matrix: spmatrix | sparray, n_pairs: int, device: torch.device, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    operator = _sparse_tensor(matrix, device)
    generator = torch.Generator(device).manual_seed(0)
    width = min(max(n_pairs // 12, 8), 32)
    nodes, weights = _spectral_quadrature(operator, _random_block(operator, 8, generator))
    n_above = 1.5 * (n_pairs + width)
    while True:
        low, cut = _filter_interval(nodes, len(operator) * weights, n_above)
        degree = _degree(low, cut, top=float(nodes[0])) if n_above < len(operator) else 1
        basis = _Basis(operator, 3 * n_pairs + 5 * width, width, generator)
        # Only above the cut does the filter exceed 1 and keep the order of the eigenvalues. If
        # they are too few there, the cut was too high; a filter of degree 1 keeps it everywhere.
        least = 1 + 1e-6 if degree > 1 else -math.inf
        product = _filter(operator, degree, low, cut)
        peaks, vectors = _block_lanczos(product, basis, n_pairs, tol, least=least)
        if peaks[-1] > least:
            return _rayleigh_ritz(operator, vectors)
        n_above *= 2


def _sparse_tensor(matrix: spmatrix | sparray, device: torch.device) -> torch.Tensor:
    rows = csr_array(matrix)
    with warnings.catch_warnings():  # In beta, but several times quicker than triplets.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            to_tensor(rows.indptr, device=device),
            to_tensor(rows.indices, device=device),
            to_tensor(rows.data, device=device, dtype=torch.float64),
            size=rows.shape,
            check_invariants=False,
        )


def _random_block(like: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    shape = (len(like), width)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device=like.device)


def _spectral_quadrature(
    operator: torch.Tensor, block: torch.Tensor, n_steps: int = 50
) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes, falling, and weights, of sum 1, that stand for the distribution of eigenvalues.

    By stochastic Lanczos quadrature [2]_, from each column of `block` by itself: Ritz values and
    the first entries of their vectors.
    """
    vector, before = block / torch.linalg.norm(block, dim=0), torch.zeros_like(block)
    coupling = vector.new_zeros(vector.shape[1])
    centers, couplings = [], []
    for _ in range(n_steps):
        image = operator @ vector - coupling * before
        center = (image * vector).sum(0)
        image -= center * vector
        coupling = torch.linalg.norm(image, dim=0)
        before, vector = vector, image / coupling.clamp(min=torch.finfo(image.dtype).tiny)
        centers.append(center)
        couplings.append(coupling)
    beside = torch.stack(couplings[:-1], 1)
    tridiagonal = torch.diag_embed(torch.stack(centers, 1))
    tridiagonal += torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    nodes, vectors = torch.linalg.eigh(tridiagonal)
    nodes, order = torch.sort(nodes.flatten(), descending=True)
    return nodes, (vectors[:, 0] ** 2).flatten()[order] / len(tridiagonal)


def _filter_interval(
    nodes: torch.Tensor, counts: torch.Tensor, n_above: float
) -> tuple[float, float]:
    """What is to be filtered out: from below the spectrum to about its `n_above`-th largest."""
    low, top = float(nodes[-1]), float(nodes[0])
    # Never an empty interval, not even of a multiple of the identity.
    width = max(top - low, 1e-6 * max(abs(top), abs(low)), float(np.finfo(np.float64).tiny))
    low -= 0.02 * width  # Ritz values lie inside the spectrum
    first = int((torch.cumsum(counts, 0) < n_above).sum())
    cut = float(nodes[min(first, len(nodes) - 1)])
    return low, max(cut, low + 0.02 * width)


def _degree(low: float, cut: float, top: float) -> int:
    """At which the filter amplifies the top as wanted."""
    steepness = math.acosh(max(1 + 2 * (top - cut) / (cut - low), 1.0))
    return max(int(min(math.acosh(AMPLIFICATION) / max(steepness, 1e-9), MAX_DEGREE)), 1)


def _filter(operator: torch.Tensor, degree: int, low: float, cut: float) -> Product:
    """``T_degree`` of the operator with [low, cut] mapped to [-1, 1], acting on blocks."""
    center, half = (cut + low) / 2, (cut - low) / 2

    def mapped(block: torch.Tensor) -> torch.Tensor:
        return (operator @ block).sub_(block, alpha=center).div_(half)

    def filtered(block: torch.Tensor) -> torch.Tensor:
        before, now = block, mapped(block)
        for _ in range(degree - 1):
            before, now = now, mapped(now).mul_(2).sub_(before)
        return now

    return filtered


class _Basis:
    """Orthonormal vectors, grown by blocks, and an operator projected on their span."""

    def __init__(
        self, like: torch.Tensor, capacity: int, width: int, generator: torch.Generator
    ) -> None:
        # In rows: the products with blocks, whose columns QR leaves in one piece, are quicker so.
        self._vectors = like.new_empty(capacity, len(like), layout=torch.strided)
        self._projected = self._vectors.new_zeros(capacity, capacity)
        self._generator = generator
        self.width, self.size = width, 0

    def fresh(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A random block orthogonal to the span, taken not to couple to it."""
        block, _ = self._rest(_random_block(self._vectors.T, self.width, self._generator))
        return block, block.new_zeros(self.width, self.size)

    def _rest(self, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What of `block` lies outside the span: an orthonormal basis, and its coordinates.

        Once is not orthogonal to rounding. Twice is, unless most of what the first time left was
        rounding itself, as where nothing lies outside; then QR makes up directions, and they are
        taken for the block.
        """
        block, factor = torch.linalg.qr(self._outside(block))
        for _ in range(3):
            block, triangle = torch.linalg.qr(self._outside(block))
            factor = triangle @ factor
            if triangle.diagonal().abs().min() > 0.5:
                break
        return block, factor

    def _outside(self, block: torch.Tensor) -> torch.Tensor:
        span = self._vectors[: self.size]
        return block - ((span @ block).T @ span).T

    def grow(
        self, block: torch.Tensor, coupling: torch.Tensor, image: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in a `block` and its `image`; return the next one and how it couples to all."""
        new = slice(self.size, self.size + self.width)
        within = block.T @ image
        self._projected[new, : self.size] = coupling
        self._projected[: self.size, new] = coupling.T
        self._projected[new, new] = (within + within.T) / 2
        self._vectors[new] = block.T
        self.size = new.stop
        block, factor = self._rest(image)
        return block, torch.nn.functional.pad(factor, (new.start, 0))

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another block."""
        return self.size + self.width > len(self._vectors)

    def ritz_pairs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Eigenvalues, falling, and eigenvectors of the projected operator."""
        values, turn = torch.linalg.eigh(self._projected[: self.size, : self.size])
        return values.flip(0), turn.flip(1)

    def shrink(self, values: torch.Tensor, turn: torch.Tensor) -> None:
        """Keep only these Ritz vectors."""
        kept = len(values)
        self._vectors[:kept] = self.combined(turn).T
        self._projected.zero_().diagonal()[:kept] = values
        self.size = kept

    def combined(self, turn: torch.Tensor) -> torch.Tensor:
        """Combinations of the vectors, one for each column of `turn`."""
        return (turn.T @ self._vectors[: self.size]).T


def _block_lanczos(
    product: Product, basis: _Basis, n_pairs: int, tol: float, *, least: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest Ritz values and vectors of `product`, by block Lanczos with thick restarts.

    Ends early where the basis is full and the values wanted do not all exceed `least`.
    """
    total = -math.inf
    block, coupling = basis.fresh()
    for _ in range(MAX_BLOCKS):
        block, coupling = basis.grow(block, coupling, product(block))
        # Three blocks beyond those found: the filter acts twice before new vectors are judged.
        if basis.size < n_pairs + 3 * basis.width:
            continue
        values, turn = basis.ritz_pairs()
        rests = torch.linalg.norm(coupling @ turn[:, :n_pairs], dim=0)
        scales = values[:n_pairs].clamp(min=1).clamp(min=1e-15 / tol * values[0])  # the rounding's
        residual = float((rests / scales).max())
        if residual <= tol:
            before, total = total, float(values[:n_pairs].sum())
            if total <= before + 1e-9 * abs(before):
                break
            # More copies of an eigenvalue than a block is wide may be missing. What starts from
            # new random vectors, orthogonal to those found, would meet them.
            basis.shrink(values[:n_pairs], turn[:, :n_pairs])
            block, coupling = basis.fresh()
        elif basis.is_full and values[n_pairs - 1] <= least:
            break
        elif basis.is_full:
            kept = n_pairs + basis.width
            basis.shrink(values[:kept], turn[:, :kept])
            coupling = coupling @ turn[:, :kept]
    else:
        values, turn = basis.ritz_pairs()
        _warn_of_residual(residual, tol, n_pairs, basis.width)
    return values[:n_pairs], basis.combined(turn[:, :n_pairs])


def _warn_of_residual(residual: float, tol: float, n_pairs: int, width: int) -> None:
    warnings.warn(
        f"Gave up after {MAX_BLOCKS} blocks of {width} vectors with a residual of "
        f"{residual:.1e}, where {tol:.1e} is asked of {n_pairs} eigenpairs: a larger tol, "
        "fewer n_pairs or solver='dense' may help.",
        ConvergenceWarning,
        stacklevel=5,
    )


def _rayleigh_ritz(operator: torch.Tensor, vectors: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs of the operator itself within the span of orthonormal vectors."""
    projected = vectors.T @ (operator @ vectors)
    values, turn = torch.linalg.eigh((projected + projected.T) / 2)
    return to_numpy(values.flip(0)), to_numpy(vectors @ turn.flip(1))
