"""Coding rates: how many nats it takes to store unit vectors up to a distortion.

The rate of features is the log-volume that they span. A membership says which of them belong
together, and its rate is the mean of the rates of the groups around each sample.
"""

from typing import Any

import torch


def coding_rate(features: torch.Tensor, eps_sq: float) -> torch.Tensor:
    """Rate of features as one group: ``1/2 logdet(I + d / (n eps_sq) Z^T Z)``.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_components)
        Usually of unit norm. Computed in at least float32.
    eps_sq : float
        Squared distortion up to which features are stored.

    Returns
    -------
    rate : Tensor of shape ()
        In nats; at most ``d/2 log(1 + 1/eps_sq)`` for unit vectors.

    References
    ----------
    .. [1] Y. Yu, K. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS 2020, eq. 1.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import coding_rate
    >>> coding_rate(torch.eye(4), eps_sq=0.1)  # spread evenly: 4/2 log(1 + 1/0.1)
    tensor(4.7958)
    """
    features = at_least_float32(features)
    n_samples, n_components = features.shape
    scatter = (n_components / (n_samples * eps_sq)) * features.T @ features
    return 0.5 * log_det_plus_identity(scatter)


def partition_rate(features: torch.Tensor, weights: torch.Tensor, eps_sq: float) -> torch.Tensor:
    """Rate of features in groups: ``sum_k n_k/(2n) logdet(I + d / (n_k eps_sq) Z^T Diag(w_k) Z)``.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_components)
        Usually of unit norm.
    weights : Tensor of shape (n_samples, n_clusters)
        Share of each sample in each group, rows of sum 1; ``n_k`` are the sums of columns. One-hot
        rows are plain labels. Empty groups cost nothing.
    eps_sq : float
        Squared distortion.

    Returns
    -------
    rate : Tensor of shape ()
        In nats, never more than `coding_rate` of all.

    Examples
    --------
    Two orthogonal groups on lines of their own take less than as one:

    >>> import torch
    >>> from skmanifold.nn import coding_rate, partition_rate
    >>> features = torch.eye(2).repeat(5, 1)
    >>> float(coding_rate(features, 0.1) - partition_rate(features, features, 0.1)) > 0
    True
    """
    features = at_least_float32(features)
    sizes = weights.sum(0).to(features.dtype)
    shares = weights.to(features.dtype) / sizes.clamp(min=torch.finfo(features.dtype).tiny)
    # One by one: the products of all samples with all groups would not fit.
    scatter = torch.stack([(features * share[:, None]).T @ features for share in shares.T])
    rates = log_det_plus_identity(features.shape[1] / eps_sq * scatter)
    return 0.5 * (sizes / sizes.sum()) @ rates


def membership_rate(
    features: torch.Tensor, membership: torch.Tensor, eps_sq: float
) -> torch.Tensor:
    """Rate of features in the soft groups of a membership, a group for each of its columns.

    ``1/(2m) sum_j logdet(I + d/eps_sq Z^T Diag(G_j) Z)`` over the m columns ``G_j``: with all
    columns of a doubly stochastic matrix, the rate of the paper [1]_; with some of them, drawn
    at random, an unbiased estimate of it.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_components)
        Usually of unit norm. Computed in at least float32.
    membership : Tensor of shape (n_samples, n_columns)
        Not negative; columns of sum 1.
    eps_sq : float
        Squared distortion.

    Returns
    -------
    rate : Tensor of shape ()
        In nats, with first derivatives by `features` and by `membership`.

    Notes
    -----
    All groups share their outer products ``z_i z_i^T``: with these as packed triangles, the
    matrices of all groups are one product of matrices, and so are both gradients. Takes
    ``O(d^2 (n + m))`` memory.

    References
    ----------
    .. [1] T. Ding, S. Tong, K. Chan, X. Dai, Y. Ma and B. Haeffele, "Unsupervised manifold
       linearizing and clustering", ICCV 2023, eq. 5.

    Examples
    --------
    With samples alone in their groups, each group has ``logdet(I + d/eps_sq z z^T)``:

    >>> import torch
    >>> from skmanifold.nn import membership_rate
    >>> membership_rate(torch.eye(3), torch.eye(3), eps_sq=0.1)  # 1/2 log(1 + 3/0.1)
    tensor(1.7170)
    """
    features = at_least_float32(features)
    return _MembershipRate.apply(features, membership.to(features.dtype), eps_sq)


def at_least_float32(values: torch.Tensor) -> torch.Tensor:
    """`values` in float32 where they are of a shorter type: log-determinants need the digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def log_det_plus_identity(matrices: torch.Tensor) -> torch.Tensor:
    """``logdet(I + A)`` of positive semi-definite matrices of shape (..., d, d).

    By Cholesky: no eigenvalue is below 1.
    """
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    return _log_det(_cholesky(matrices + identity))


def _cholesky(matrices: torch.Tensor) -> torch.Tensor:
    """Factors of matrices (..., d, d) whose eigenvalues are at least 1, but for rounding.

    Entries of 1e7 and more, in float32, leave nothing of that 1. Where there is no factor for
    this reason, what rounding may have taken is added to all diagonals.
    """
    factor, failed = torch.linalg.cholesky_ex(matrices)
    if not failed.any():
        return factor
    traces = matrices.detach().diagonal(dim1=-2, dim2=-1).sum(-1)
    lost = matrices.shape[-1] * torch.finfo(matrices.dtype).eps * traces
    diagonals = lost[..., None].expand(matrices.shape[:-1])
    return torch.linalg.cholesky(matrices + torch.diag_embed(diagonals))


def _log_det(factor: torch.Tensor) -> torch.Tensor:
    """Log-determinant from a Cholesky factor of shape (..., d, d)."""
    return 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class _Triangle:
    """Symmetric matrices of size d as rows of their ``d (d + 1) / 2`` upper entries.

    All moves are `index_select`, ten times as fast as the same by advanced indexing (measured).
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.size = size
        self.rows, self.columns = torch.triu_indices(size, size, device=device)
        self.upper = self.rows * size + self.columns
        order = torch.empty(size, size, dtype=torch.long, device=device)
        order[self.rows, self.columns] = torch.arange(len(self.rows), device=device)
        order[self.columns, self.rows] = order[self.rows, self.columns]
        self.order = order.flatten()

    def packed(self, matrices: torch.Tensor) -> torch.Tensor:
        return matrices.reshape(len(matrices), -1).index_select(1, self.upper)

    def outer(self, vectors: torch.Tensor) -> torch.Tensor:
        """Of ``v v^T`` for each row v."""
        return vectors.index_select(1, self.rows).mul_(vectors.index_select(1, self.columns))

    def unpacked(self, triangles: torch.Tensor) -> torch.Tensor:
        return triangles.index_select(1, self.order).view(-1, self.size, self.size)


class _MembershipRate(torch.autograd.Function):
    """Value by batched Cholesky; gradients by the inverses, which that gives almost for free."""

    @staticmethod
    def forward(
        ctx: Any, features: torch.Tensor, membership: torch.Tensor, eps_sq: float
    ) -> torch.Tensor:
        n_components = features.shape[1]
        triangle = _Triangle(n_components, features.device)
        outer = triangle.outer(features)
        groups = triangle.unpacked((n_components / eps_sq) * (membership.T @ outer))
        groups.diagonal(dim1=1, dim2=2).add_(1)
        factor = _cholesky(groups)
        ctx.save_for_backward(features, membership, outer, factor)
        ctx.triangle = triangle
        ctx.weight = n_components / eps_sq / (2 * membership.shape[1])
        return 0.5 * _log_det(factor).mean()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        features, membership, outer, factor = ctx.saved_tensors
        # Column by column is how LAPACK leaves them, and they are symmetric.
        inverses = ctx.triangle.packed(torch.cholesky_inverse(factor).mT)
        scale = ctx.weight * grads[0]
        of_features = of_membership = None
        if ctx.needs_input_grad[0]:
            metric = ctx.triangle.unpacked(membership @ inverses)  # of each sample
            of_features = 2 * scale * (metric * features[:, None]).sum(2)
        if ctx.needs_input_grad[1]:
            twice = inverses * (2 - (ctx.triangle.rows == ctx.triangle.columns).to(inverses.dtype))
            of_membership = scale * outer @ twice.T
        return of_features, of_membership, None
