"""Vector fields given noisy values at some points: exactly, or through features."""

from dataclasses import dataclass
from functools import reduce
from operator import add

import torch

from skmanifold.gp._density import leave_out_means
from skmanifold.gp._feature_regression import (
    FeatureMoments,
    WeightPosterior,
    feature_log_density,
)
from skmanifold.gp._field_kernel import FieldKernel, FieldPoints, Values
from skmanifold.gp._search import LogNormal, maximize_evidence
from skmanifold.utils import row_chunks

JITTER = 1e-9  # of the variance of inducing points, which may lie close together


def rows_of_targets(
    kernel: FieldKernel, points: FieldPoints, targets: torch.Tensor
) -> torch.Tensor:
    """Targets (n, D) of a field, or (n, q) of q scalars, as the kernel's rows (n R, columns)."""
    if kernel.isotropic:
        return targets
    if points.frames.shape[1] == 1:  # scalars, whose frames are 1, or vectors along a line
        return targets if kernel.ambient_rows else targets * points.frames[:, 0]
    if kernel.ambient_rows:
        return targets.reshape(-1, 1)
    return (points.frames.mT @ targets[:, :, None]).reshape(-1, 1)


def add_blocks(matrix: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
    """A matrix (n R, n R) plus blocks (n, R, R) on its diagonal."""
    n_points, order, _ = blocks.shape
    split = matrix.reshape(n_points, order, n_points, order)
    here = torch.arange(n_points, device=matrix.device)
    total = split.clone()
    total[here, :, here, :] += blocks
    return total.reshape(matrix.shape)


def with_noise(
    kernel: FieldKernel, covariance: torch.Tensor, points: FieldPoints, values: Values
) -> torch.Tensor:
    """Covariance of noisy labels from that of the field."""
    if "normal_noise" in kernel.names:
        return add_blocks(covariance, kernel.noise(points, values))
    noisy = covariance.clone()  # a sum with a diagonal matrix would hold one more of that size
    noisy.diagonal().add_(values["noise"].square())
    return noisy


@dataclass(frozen=True)
class ExactPosterior:
    """The Gaussian process conditioned on all labels through one Cholesky factor.

    Attributes
    ----------
    kernel : FieldKernel
    values : dict of str to Tensor
        Hyper-parameters.
    points : FieldPoints
        Labelled points.
    rows : Tensor of shape (N, columns)
        Their values as rows of the kernel.
    factor : Tensor of shape (N, N)
        Cholesky factor of the covariance of the rows, noise included.
    solved : Tensor of shape (N, columns)
        The inverse of that covariance times the rows.
    """

    kernel: FieldKernel
    values: dict[str, torch.Tensor]
    points: FieldPoints
    rows: torch.Tensor
    factor: torch.Tensor
    solved: torch.Tensor

    @classmethod
    def given(
        cls,
        kernel: FieldKernel,
        values: dict[str, torch.Tensor],
        points: FieldPoints,
        targets: torch.Tensor,
    ) -> "ExactPosterior":
        """From labels (n, D) of a field or (n, q) of scalars at some points."""
        rows = rows_of_targets(kernel, points, targets)
        covariance = kernel.covariance(kernel.pairs(points, points), values)
        factor = torch.linalg.cholesky(with_noise(kernel, covariance, points, values))
        return cls(kernel, values, points, rows, factor, torch.cholesky_solve(rows, factor))

    @property
    def noise(self) -> torch.Tensor:
        """Standard deviation of the noise."""
        return self.values["noise"]

    @property
    def width(self) -> int:
        """Numbers that the prediction of one row is made of."""
        return len(self.factor)

    def _cross(self, points: FieldPoints) -> torch.Tensor:
        return self.kernel.covariance(self.kernel.pairs(points, self.points), self.values)

    def mean(self, points: FieldPoints) -> torch.Tensor:
        """Posterior mean (n R, columns)."""
        return self._cross(points) @ self.solved

    def mean_and_variances(self, points: FieldPoints) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (n R, columns), and covariance (n, R, R) of the rows of each point without noise."""
        cross = self._cross(points)
        prior = self.kernel.variances(points, self.values)
        gain = self._gain(cross).T.reshape(*prior.shape[:2], -1)
        return cross @ self.solved, prior - gain @ gain.mT

    def _gain(self, cross: torch.Tensor) -> torch.Tensor:
        """What the labels explain: the squares of these columns (N, n R)."""
        return torch.linalg.solve_triangular(self.factor, cross.T, upper=False)

    def joint(self, points: FieldPoints) -> torch.Tensor:
        """Posterior covariance (n R, n R) of all rows."""
        gain = self._gain(self._cross(points))
        return _joint_prior(self.kernel, self.values, points) - gain.T @ gain

    def leave_out_means(self) -> torch.Tensor:
        """What all other labels predict at each labelled point (n, R, columns)."""
        return leave_out_means(self.factor, self.rows, len(self.rows) // len(self.points))


@dataclass(frozen=True)
class FieldFeatures:
    """Features whose products are the covariances of a field, as far as they reach.

    The eigenvectors are features as they are. The terms that depend on the distance are
    projected on inducing points (Nystrom).

    Attributes
    ----------
    kernel : FieldKernel
    values : dict of str to Tensor
    inducing : FieldPoints
        Not used by a kernel of eigenvectors alone, whose features are exact.
    inducing_factor : Tensor of shape (M, M)
        Cholesky factor of their covariance; (0, 0) where they are not used.
    """

    kernel: FieldKernel
    values: dict[str, torch.Tensor]
    inducing: FieldPoints
    inducing_factor: torch.Tensor

    @classmethod
    def of(
        cls, kernel: FieldKernel, values: dict[str, torch.Tensor], inducing: FieldPoints
    ) -> "FieldFeatures":
        """With the factor of the covariance of the inducing points."""
        if kernel.terms == ("spectral",):
            return cls(kernel, values, inducing, inducing.positions.new_zeros((0, 0)))
        own = kernel.local(kernel.pairs(inducing, inducing), values)
        jitter = JITTER * own.diagonal().mean() * torch.eye(len(own)).to(own)
        return cls(kernel, values, inducing, torch.linalg.cholesky(own + jitter))

    def at(self, points: FieldPoints) -> torch.Tensor:
        """Features (n R, F), spectral ones first."""
        parts = []
        if "spectral" in self.kernel.terms:
            parts.append(self.kernel.rows_of(points))
        if len(self.inducing_factor):
            cross = self.kernel.local(self.kernel.pairs(self.inducing, points), self.values)
            root = torch.linalg.solve_triangular(self.inducing_factor, cross, upper=False)
            parts.append(root.T)
        return torch.cat(parts, 1)

    def variances(self) -> torch.Tensor:
        """Prior variances (F,) of their weights."""
        parts = [torch.ones(len(self.inducing_factor)).to(self.inducing_factor)]
        if "spectral" in self.kernel.terms:
            parts.insert(0, self.kernel.spectral_variances(self.values))
        return torch.cat(parts)

    def moments(self, points: FieldPoints, targets: torch.Tensor) -> FeatureMoments:
        """Moments of labels (n, D) or (n, q), some points at a time."""
        n_rows = self.kernel.row_bases(points[:1]).shape[2]
        width = n_rows * (points.encoding.shape[2] + 4 * len(self.inducing_factor))
        parts = []
        for some in row_chunks(len(points), 8 * width):
            rows = rows_of_targets(self.kernel, points[some], targets[some])
            made = self._whitened(points[some], self.at(points[some]))
            parts.append(FeatureMoments.of(made, self._whitened(points[some], rows)))
        return reduce(add, parts)

    def _whitened(self, points: FieldPoints, rows: torch.Tensor) -> torch.Tensor:
        """Rows (n R, .) scaled to one common noise: the normal part has its own."""
        if "normal_noise" not in self.kernel.names:
            return rows
        ratio = self.values["noise"] / self.values["normal_noise"]
        projectors = points.frames @ points.frames.mT
        scaled = projectors + ratio * (torch.eye(projectors.shape[1]).to(rows) - projectors)
        return (scaled @ rows.reshape(len(points), projectors.shape[1], -1)).flatten(0, 1)


@dataclass(frozen=True)
class FeaturePosterior:
    """The Gaussian process conditioned on all labels in the space of features.

    What the features lose of the prior variance is given back to the predictions.

    Attributes
    ----------
    features : FieldFeatures
    weights : WeightPosterior
    noise : Tensor of shape ()
        Standard deviation.
    """

    features: FieldFeatures
    weights: WeightPosterior
    noise: torch.Tensor

    @classmethod
    def given(
        cls,
        kernel: FieldKernel,
        values: dict[str, torch.Tensor],
        points: FieldPoints,
        targets: torch.Tensor,
        inducing: FieldPoints,
        *,
        adapt_noise: bool = True,
    ) -> "FeaturePosterior":
        """From labels (n, D) of a field or (n, q) of scalars at some points.

        Parameters
        ----------
        inducing : FieldPoints
        adapt_noise : bool, default=True
            Choose the noise anew by the evidence of all labels in these features: what the
            features cannot follow is noise to them.
        """
        features = FieldFeatures.of(kernel, values, inducing)
        moments, variances = features.moments(points, targets), features.variances()
        noise = values["noise"]
        if adapt_noise:
            noise = _suited_noise(moments, variances, noise)
        return cls(features, WeightPosterior.given(moments, variances, noise), noise)

    @property
    def kernel(self) -> FieldKernel:
        """The covariance."""
        return self.features.kernel

    @property
    def width(self) -> int:
        """Numbers that the prediction of one row is made of."""
        return len(self.weights.factor)

    def mean(self, points: FieldPoints) -> torch.Tensor:
        """Posterior mean (n R, columns)."""
        return self.weights.mean(self.features.at(points))

    def mean_and_variances(self, points: FieldPoints) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (n R, columns), and covariance (n, R, R) of the rows of each point without noise."""
        made = self.features.at(points)
        prior = self.features.kernel.variances(points, self.features.values)
        explained = self.weights.prior_root(made).reshape(*prior.shape[:2], -1)
        left = self.weights.root(made).reshape(explained.shape)
        return self.weights.mean(made), prior - explained @ explained.mT + left @ left.mT

    def joint(self, points: FieldPoints) -> torch.Tensor:
        """Posterior covariance (n R, n R) of all rows."""
        prior = _joint_prior(self.features.kernel, self.features.values, points)
        made = self.features.at(points)
        explained, left = self.weights.prior_root(made), self.weights.root(made)
        return prior - explained @ explained.T + left @ left.T


def _suited_noise(
    moments: FeatureMoments, variances: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """The noise of greatest evidence."""
    around = LogNormal(noise.item(), 10.0, noise.item() / 10, noise.item() * 100)
    found = maximize_evidence(
        lambda values: feature_log_density(moments, variances, values["noise"]),
        {"noise": around},
        {},
        device=noise.device,
    )
    return noise.new_tensor(found.values["noise"])


def _joint_prior(kernel: FieldKernel, values: Values, points: FieldPoints) -> torch.Tensor:
    """Prior covariance (n R, n R) of all rows."""
    prior = kernel.covariance(kernel.pairs(points, points), values)
    if "spectral" not in kernel.terms:
        return prior
    return add_blocks(prior, kernel.unexplained(points, values))
