"""Linear algebra on arrays and tensors: eigenpairs, signs, scaling, barycentric weights."""

from skmanifold.linalg._barycentric import barycentric_weights
from skmanifold.linalg._eigen import smallest_eigenpairs
from skmanifold.linalg._mds import (
    classical_mds,
    normalized_stress,
    raw_stress,
    smacof,
    stochastic_mds,
)
from skmanifold.linalg._procrustes import nearest_orthogonal
from skmanifold.linalg._signs import deterministic_bases, deterministic_signs, principal_axes
from skmanifold.linalg._sinkhorn import (
    perplexity,
    sinkhorn,
    sparse_symmetric_sinkhorn,
    symmetric_sinkhorn,
    temperature_of_perplexity,
)
from skmanifold.linalg._symmetric_eigen import symmetric_eigen
from skmanifold.linalg._top_eigen import largest_eigenpairs

__all__ = [
    "barycentric_weights",
    "classical_mds",
    "deterministic_bases",
    "deterministic_signs",
    "largest_eigenpairs",
    "nearest_orthogonal",
    "normalized_stress",
    "perplexity",
    "principal_axes",
    "raw_stress",
    "sinkhorn",
    "smacof",
    "smallest_eigenpairs",
    "sparse_symmetric_sinkhorn",
    "stochastic_mds",
    "symmetric_eigen",
    "symmetric_sinkhorn",
    "temperature_of_perplexity",
]
