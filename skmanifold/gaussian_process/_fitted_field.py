"""A field given its labels: means, covariances and derivatives at any points."""

from dataclasses import dataclass

import numpy as np
import torch

from skmanifold.gaussian_process._field_geometry import located_points
from skmanifold.gp import ExactPosterior, FeaturePosterior, FieldKernel, FieldPoints
from skmanifold.graph import SampledManifold
from skmanifold.utils import row_chunks, to_numpy

FARTHEST = 1e100  # in radii of the data


@dataclass(frozen=True)
class FittedField:
    """What predictions are made of; all numbers in units of the data.

    Attributes
    ----------
    center : Tensor of shape (d,)
    unit : Tensor of shape ()
        Positions less `center`, over `unit`, are those of all other attributes.
    manifold : SampledManifold
    encoding : Tensor of shape (n_nodes, D, K)
    posterior : ExactPosterior or FeaturePosterior
    offset : Tensor of shape (q,)
        Mean of scalar targets; nought for vectors.
    scale : Tensor of shape (q,)
        Of each scalar target, or of the vectors.
    scalar : bool
    projected : bool
        Whether predictions are tangent vectors.
    in_frames : bool
        Whether they are coordinates in frames rather than ambient vectors.
    """

    center: torch.Tensor
    unit: torch.Tensor
    manifold: SampledManifold
    encoding: torch.Tensor
    posterior: ExactPosterior | FeaturePosterior
    offset: torch.Tensor
    scale: torch.Tensor
    scalar: bool
    projected: bool
    in_frames: bool

    @property
    def kernel(self) -> FieldKernel:
        """The covariance that was chosen."""
        return self.posterior.kernel

    def place(self, X: np.ndarray) -> np.ndarray:
        """Positions in the unit of the kernel."""
        # Whatever is so far out sees the prior alone; its square must stay finite.
        return ((X - to_numpy(self.center)) / self.unit.item()).clip(-FARTHEST, FARTHEST)

    def points(self, X: np.ndarray) -> FieldPoints:
        """Points as the kernel sees them."""
        placed = self.place(X)
        return located_points(placed, self.manifold.locate(placed), self.encoding, self.scalar)

    def chunks(self, n_points: int):
        """Slices of points whose covariances with the labels fit the memory."""
        order = self.manifold.frames.shape[1]
        per_row = self.posterior.width + self.encoding[0].numel() + 64 * order
        return row_chunks(n_points, 8 * 6 * order * per_row)

    def mean(self, points: FieldPoints) -> torch.Tensor:
        """Posterior mean (n, outputs) in units of the targets."""
        return self._mean_of(points, self.posterior.mean(points))

    def mean_and_covariances(self, points: FieldPoints) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (n, outputs), and covariance (n, outputs, outputs) of each point without noise."""
        rows, blocks = self.posterior.mean_and_variances(points)
        mean = self._mean_of(points, rows)
        if self.scalar:
            return mean, torch.diag_embed(blocks[:, 0] * self.scale.square())
        if self.kernel.isotropic:
            blocks = blocks * torch.eye(points.frames.shape[1]).to(blocks)
        half = self._out(points, blocks * self.scale.square())
        return mean, self._out(points, half.mT)

    def _mean_of(self, points: FieldPoints, rows: torch.Tensor) -> torch.Tensor:
        """Outputs (n, outputs) from the mean of the kernel's rows."""
        if self.scalar:
            return rows * self.scale + self.offset
        values = rows.reshape(len(points), -1, 1) * self.scale
        return self._out(points, values)[..., 0]

    def samples(
        self, points: FieldPoints, n_samples: int, rng: np.random.RandomState
    ) -> torch.Tensor:
        """Draws (n, outputs, n_samples) from the posterior of all points together."""
        mean, whole = self.posterior.mean(points), self.posterior.joint(points)
        values, vectors = torch.linalg.eigh(whole)
        root = vectors * values.clamp(min=0).sqrt()
        noise = torch.tensor(rng.normal(size=(*mean.shape, n_samples))).to(root)
        rows = mean[..., None] + torch.einsum("ij,jqs->iqs", root, noise)
        if self.scalar:
            return rows * self.scale[:, None] + self.offset[:, None]
        rows = rows.reshape(len(points), -1, n_samples)
        return self._out(points, rows * self.scale)

    def _out(self, points: FieldPoints, rows: torch.Tensor) -> torch.Tensor:
        """Outputs (n, outputs, .) from the kernel's rows (n, R, .)."""
        frames = points.frames
        if self.kernel.ambient_rows and not (self.projected or self.in_frames):
            return rows
        inside = frames.mT @ rows if self.kernel.ambient_rows else rows
        return inside if self.in_frames else frames @ inside
