"""Many exact Gaussian processes given their targets: means, variances, covariances, draws."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from skmanifold.gp._batched_evidence import LEAST_AMPLITUDE, RATIOS, factorized, scaled_squares
from skmanifold.gp._radial import RADIAL
from skmanifold.utils import coordinates_at_once, row_chunks

N_ROW = 4  # arrays of the size (queries, points) that a prediction holds
N_RATIOS, N_ROUNDS = 33, 5  # each round looks between the neighbours of the best of the last


@dataclass(frozen=True)
class BatchedPosterior:
    """Groups of processes; those of a group have their lengthscales in common.

    The covariance of column c of a group is ``s^2 (R + g I)``. With the root A of the group, its
    inverse is ``A' diag(gains) A / s^2``: A is the inverse of a Cholesky factor, or holds the
    eigenvectors of R where the columns have several g.

    Attributes
    ----------
    kernel : {"matern52", "rbf"}
    triangular : bool
        Whether the roots are Cholesky factors.
    points : Tensor of shape (n, d)
        Near the origin: distances come from matrix products.
    lengthscales : Tensor of shape (G, d)
    amplitudes, ratios, jitters : Tensor of shape (G, c)
        Prior variance ``s^2``; variance of the noise, and what was added to the diagonal for
        the factorisation, as shares of it.
    log_evidences : Tensor of shape (G, c)
        Log density of the targets.
    roots : Tensor of shape (G, n, n)
        Cholesky factors, which are solved with since the digits of explicit inverses do not
        suffice where there is hardly any noise, or eigenvectors as rows. Not used by `mean`.
    gains : Tensor of shape (G, c, n)
    weights : Tensor of shape (G, n, c)
        ``(R + g I)^-1`` times the targets.
    """

    kernel: str
    triangular: bool
    points: torch.Tensor
    lengthscales: torch.Tensor
    amplitudes: torch.Tensor
    ratios: torch.Tensor
    jitters: torch.Tensor
    log_evidences: torch.Tensor
    roots: torch.Tensor
    gains: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def given(
        cls,
        kernel: str,
        points: torch.Tensor,
        targets: torch.Tensor,
        logs: torch.Tensor,
        noises: torch.Tensor | None = None,
    ) -> "BatchedPosterior":
        """From targets (G, n, c) and logarithms as `batched_log_evidence` takes them.

        Where the noise is not given, the columns of a group of several have their lengthscales
        in common and each its own best amplitude and noise ratio.
        """
        lengthscales, parts = logs[:, :-1].exp(), []
        triangular = noises is not None or targets.shape[2] == 1
        for group, target in enumerate(targets):
            scaled = (points / lengthscales[group])[None]
            correlations = _radial(kernel, scaled_squares(scaled))
            if noises is not None:
                amplitude = logs[group, -1].exp().expand(target.shape[1])
                part = _by_factor(correlations, target, noises[group] / amplitude, amplitude)
            elif triangular:
                part = _by_factor(correlations, target, logs[group, -1:].exp(), None)
            else:
                part = _by_eigenvectors(correlations[0], target)
            parts.append(part)
        stacked = [torch.stack(columns) for columns in zip(*parts, strict=True)]
        return cls(kernel, triangular, points, lengthscales, *stacked)

    def chunks(self, n_queries: int) -> Iterator[slice]:
        """Rows of queries that are predicted at a time."""
        return row_chunks(n_queries, 8 * N_ROW * len(self.points))

    def mean(self, queries: torch.Tensor) -> torch.Tensor:
        """Posterior mean (m, G c)."""
        means = [
            self._correlations(queries, groups) @ self.weights[groups]
            for groups in self._groups(len(queries))
        ]
        return _side_by_side(torch.cat(means))

    def mean_and_variances(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Posterior mean and variance (m, G c), the latter without noise."""
        means, variances = [], []
        for groups in self._groups(len(queries)):
            cross = self._correlations(queries, groups)
            explained = self._rooted(cross, groups).square_()
            left = (1 - self.gains[groups] @ explained).clamp_(min=0)
            means.append(cross @ self.weights[groups])
            variances.append((self.amplitudes[groups, :, None] * left).mT)
        return _side_by_side(torch.cat(means)), _side_by_side(torch.cat(variances))

    def covariances(self, queries: torch.Tensor) -> Iterator[torch.Tensor]:
        """Posterior covariance (m, m) of each column without noise, one after the other."""
        for group in range(len(self.roots)):
            here = (queries / self.lengthscales[group])[None]
            prior = _radial(self.kernel, scaled_squares(here))[0]
            groups = slice(group, group + 1)
            explained = self._rooted(self._correlations(queries, groups), groups)[0]
            for amplitude, gain in zip(self.amplitudes[group], self.gains[group], strict=True):
                yield amplitude * (prior - explained.T @ (gain[:, None] * explained))

    def draws(self, queries: torch.Tensor, normals: torch.Tensor) -> torch.Tensor:
        """Functions (m, G c, s) of the posterior, from standard normals (G c, m, s)."""
        mean, columns = self.mean(queries), []
        scales = self.amplitudes.flatten()
        covariances = self.covariances(queries)
        for covariance, scale, normal in zip(covariances, scales, normals, strict=True):
            factor, _ = factorized(covariance[None] / scale, scale.new_zeros(1))
            columns.append(scale.sqrt() * (factor[0] @ normal))
        return mean[:, :, None] + torch.stack(columns, 1)

    def _groups(self, n_queries: int) -> Iterator[slice]:
        """Groups that are worked on at a time."""
        entries = max(1, n_queries * len(self.points))
        at_once = max(1, coordinates_at_once(self.points.device) // entries)
        for first in range(0, len(self.lengthscales), at_once):
            yield slice(first, first + at_once)

    def _correlations(self, queries: torch.Tensor, groups: slice) -> torch.Tensor:
        scales = self.lengthscales[groups, None]
        return _radial(self.kernel, scaled_squares(queries / scales, self.points / scales))

    def _rooted(self, cross: torch.Tensor, groups: slice) -> torch.Tensor:
        """The roots times correlations (g, m, n) with the points, as (g, n, m)."""
        if self.triangular:
            return torch.linalg.solve_triangular(self.roots[groups], cross.mT, upper=False)
        return self.roots[groups] @ cross.mT


def _radial(kernel: str, squares: torch.Tensor) -> torch.Tensor:
    return RADIAL[kernel](squares, squares.new_ones(()))


def _side_by_side(groups: torch.Tensor) -> torch.Tensor:
    """Columns of all groups (G, m, c) as (m, G c)."""
    return groups.permute(1, 0, 2).flatten(1)


def _by_factor(
    correlations: torch.Tensor,
    targets: torch.Tensor,
    ratios: torch.Tensor,
    amplitudes: torch.Tensor | None,
) -> tuple[torch.Tensor, ...]:
    """One group whose columns have one noise ratio; None takes the best amplitudes."""
    (factor,), jitters = factorized(correlations, ratios[:1])
    projected = torch.linalg.solve_triangular(factor, targets, upper=False)
    gains, log_root = torch.ones_like(projected.T), factor.diagonal().log().sum()
    evidences, amplitudes = _log_density(gains, projected, log_root, amplitudes)
    weights = torch.linalg.solve_triangular(factor.T, projected, upper=True)
    return amplitudes, ratios, jitters.expand_as(ratios), evidences, factor, gains, weights


def _by_eigenvectors(correlations: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """One group whose columns each take their own best amplitude and noise ratio."""
    eigenvalues, vectors = torch.linalg.eigh(correlations)
    eigenvalues = eigenvalues.clamp(min=0)
    projected = vectors.T @ targets
    ratios = _best_ratios(eigenvalues, projected)
    gains = 1 / (eigenvalues + ratios[:, None])
    evidences, amplitudes = _log_density(gains, projected)
    weights = vectors @ (gains.T * projected)
    return amplitudes, ratios, torch.zeros_like(ratios), evidences, vectors.T, gains, weights


def _best_ratios(eigenvalues: torch.Tensor, projected: torch.Tensor) -> torch.Tensor:
    """Noise ratio (c,) of greatest evidence for each column of the projected targets (n, c)."""
    shares = torch.linspace(0, 1, N_RATIOS).to(projected)[:, None]
    low = projected.new_full((projected.shape[1],), math.log(RATIOS[0]))
    high = torch.full_like(low, math.log(RATIOS[1]))
    for _ in range(N_ROUNDS):
        grid = low + shares * (high - low)
        heights = [_log_density(1 / (eigenvalues + g.exp()[:, None]), projected)[0] for g in grid]
        best = torch.stack(heights).argmax(0)
        ends = torch.stack([best - 1, best + 1]).clamp(0, N_RATIOS - 1)
        low, high = grid.gather(0, ends)
    return (0.5 * (low + high)).exp()


def _log_density(
    gains: torch.Tensor,
    projected: torch.Tensor,
    log_root: torch.Tensor | float = 0.0,
    amplitudes: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log density (c,) of each column, and its amplitude, the best one if it is not given."""
    n_points = len(projected)
    misfits = (gains.T * projected.square()).sum(0)
    if amplitudes is None:
        amplitudes = (misfits / n_points).clamp(min=LEAST_AMPLITUDE)
    spread = n_points * (2 * math.pi * amplitudes).log()
    log_volume = 2 * log_root - gains.log().sum(1)
    return -0.5 * (misfits / amplitudes + spread + log_volume), amplitudes
