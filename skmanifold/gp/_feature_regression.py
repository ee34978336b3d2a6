"""Gaussian processes in weight space: linear in features, at a cost that rows do not enter."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FeatureMoments:
    """All that a linear model needs of its data.

    Attributes
    ----------
    gram : Tensor of shape (F, F)
        ``Phi' Phi``.
    cross : Tensor of shape (F, q)
        ``Phi' y``.
    squares : Tensor of shape ()
        ``y' y``, over all columns.
    n_rows, n_columns : int
    """

    gram: torch.Tensor
    cross: torch.Tensor
    squares: torch.Tensor
    n_rows: int
    n_columns: int

    @classmethod
    def of(cls, features: torch.Tensor, targets: torch.Tensor) -> "FeatureMoments":
        """From features (n, F) and targets (n, q)."""
        squares = targets.square().sum()
        return cls(features.T @ features, features.T @ targets, squares, *targets.shape)

    def __add__(self, other: "FeatureMoments") -> "FeatureMoments":
        return FeatureMoments(
            self.gram + other.gram,
            self.cross + other.cross,
            self.squares + other.squares,
            self.n_rows + other.n_rows,
            self.n_columns,
        )


def feature_log_density(
    moments: FeatureMoments, variances: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Log density of targets ``y = Phi w + e``, ``w ~ N(0, diag(S))``, ``e ~ N(0, s^2 I)``.

    Equal to the density under the dense covariance ``Phi S Phi' + s^2 I``, at O(F^3) whatever the
    number of rows.

    Parameters
    ----------
    moments : FeatureMoments
    variances : Tensor of shape (F,)
        S.
    noise : Tensor of shape ()
        s.

    References
    ----------
    .. [1] C. Rasmussen and C. Williams, "Gaussian Processes for Machine Learning", 2006,
       section 2.1.
    """
    weights = WeightPosterior.given(moments, variances, noise)
    explained = (weights.scaled_mean * weights.roots[:, None] * moments.cross).sum()
    log_roots = weights.factor.diagonal().log().sum()
    spread = 2 * noise.log() + math.log(2 * math.pi)
    fit = (moments.squares - explained) / noise.square()
    return -0.5 * (fit + moments.n_columns * (moments.n_rows * spread + 2 * log_roots))


@dataclass(frozen=True)
class WeightPosterior:
    """The weights of a linear model given its data, in units of their prior.

    Attributes
    ----------
    roots : Tensor of shape (F,)
        Prior standard deviations of the weights.
    factor : Tensor of shape (F, F)
        Cholesky factor of ``I + S^1/2 G S^1/2 / s^2``, which is never ill-posed.
    scaled_mean : Tensor of shape (F, q)
        Posterior mean of the weights over `roots`.
    """

    roots: torch.Tensor
    factor: torch.Tensor
    scaled_mean: torch.Tensor

    @classmethod
    def given(
        cls, moments: FeatureMoments, variances: torch.Tensor, noise: torch.Tensor
    ) -> "WeightPosterior":
        """From moments of the data, prior variances (F,) and the noise's standard deviation."""
        roots = variances.sqrt()
        scaled = roots[:, None] * moments.gram * roots / noise.square()
        factor = torch.linalg.cholesky(scaled + torch.eye(len(scaled)).to(scaled))
        cross = roots[:, None] * moments.cross / noise.square()
        return cls(roots, factor, torch.cholesky_solve(cross, factor))

    def mean(self, features: torch.Tensor) -> torch.Tensor:
        """Posterior mean (n, q) at features (n, F)."""
        return (features * self.roots) @ self.scaled_mean

    def prior_root(self, features: torch.Tensor) -> torch.Tensor:
        """A root (n, F) of the prior covariance."""
        return features * self.roots

    def root(self, features: torch.Tensor) -> torch.Tensor:
        """A root (n, F) of the posterior covariance of the noise-free values."""
        scaled = (features * self.roots).T
        return torch.linalg.solve_triangular(self.factor, scaled, upper=False).T
