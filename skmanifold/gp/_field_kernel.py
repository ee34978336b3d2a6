"""Covariances of vector fields on a sampled manifold."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from skmanifold.gp._radial import RADIAL, squared_distances
from skmanifold.gp._spectral_density import matern_variances

# Of the variance that the eigenvectors lack among the nodes, the share left beside other terms.
# With all of it 95% intervals cover 97.5% of the truth, with none 93% on a roll (measured).
LACK = 0.1

Values = Mapping[str, torch.Tensor]  # hyper-parameters by name


@dataclass(frozen=True)
class FieldPoints:
    """Points as the kernel sees them.

    Attributes
    ----------
    positions : Tensor of shape (n, d)
    frames : Tensor of shape (n, D, r)
        Orthonormal bases of the spaces that the field's values lie in: tangent frames for
        vectors, all ones of shape (n, 1, 1) for scalars.
    encoding : Tensor of shape (n, r, K)
        Eigenvectors of the connection Laplacian in coordinates of the frames, faded by nearness.
    nearness : Tensor of shape (n,) or None, default=None
        1 among the nodes, falling to 0 far from all of them; None is 1 everywhere.
    """

    positions: torch.Tensor
    frames: torch.Tensor
    encoding: torch.Tensor
    nearness: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: slice | torch.Tensor) -> "FieldPoints":
        nearness = None if self.nearness is None else self.nearness[rows]
        return FieldPoints(self.positions[rows], self.frames[rows], self.encoding[rows], nearness)


@dataclass(frozen=True)
class Pairs:
    """What the covariances of two sets of points are made of, whatever the hyper-parameters."""

    squares: torch.Tensor  # (a, b)
    overlaps: torch.Tensor  # (a, R, b, R)
    left: torch.Tensor  # (a R, K), eigenvectors; (0, 0) without a spectral term
    right: torch.Tensor  # (b R, K)


@dataclass(frozen=True)
class FieldKernel:
    """Sum of up to three covariances of a vector field.

    With frames T, projectors ``P = T T'`` and eigenvectors Phi in ambient coordinates,
    ``K(x, x') = s_g^2 Phi(x) S Phi(x')' + s_l^2 k(|x - x'|; l) P(x) P(x')
    + s_a^2 k(|x - x'|; a) I`` (terms "spectral", "tangent", "ambient").

    Without the ambient term all is tangential, and rows are coordinates in the frames (R = r);
    with it, rows are ambient coordinates (R = D).

    Attributes
    ----------
    terms : tuple of str
        The terms of the sum, in this order.
    radial : {"rbf", "matern72", "matern52"}
    eigenvalues : Tensor of shape (K,)
    shares : Tensor of shape (K,)
        Mean square of each eigenvector over the nodes and directions, so that the mean prior
        variance per direction is ``s_g^2``.
    manifold_dim : int
    """

    terms: tuple[str, ...]
    radial: str
    eigenvalues: torch.Tensor
    shares: torch.Tensor
    manifold_dim: int

    @property
    def ambient_rows(self) -> bool:
        """Whether rows are ambient coordinates."""
        return "ambient" in self.terms

    @property
    def isotropic(self) -> bool:
        """Whether the frames play no part: every coordinate by itself."""
        return self.terms == ("ambient",)

    @property
    def names(self) -> tuple[str, ...]:
        """Hyper-parameters of the terms and the noise."""
        own = {
            "spectral": ("spectral_scale", "spectral_lengthscale", "nu"),
            "tangent": ("tangent_scale", "tangent_lengthscale"),
            "ambient": ("ambient_scale", "ambient_lengthscale"),
        }
        names = [name for term in self.terms for name in own[term]]
        if self.ambient_rows and not self.isotropic:
            names.append("normal_noise")
        return (*names, "noise")

    def spectral_variances(self, values: Values) -> torch.Tensor:
        """Prior variances (K,) of the eigenvectors' weights."""
        weights = matern_variances(
            self.eigenvalues, values["spectral_lengthscale"], values["nu"], self.manifold_dim
        )
        return values["spectral_scale"].square() * weights / (weights * self.shares).sum()

    def pairs(self, left: FieldPoints, right: FieldPoints) -> Pairs:
        """Everything about two sets of points that no hyper-parameter changes."""
        bases = [self.row_bases(points) for points in (left, right)]
        overlaps = torch.einsum("adr,bds->arbs", *bases)
        features = [self.rows_of(points) for points in (left, right)]
        return Pairs(squared_distances(left.positions, right.positions), overlaps, *features)

    def row_bases(self, points: FieldPoints) -> torch.Tensor:
        """Tangential part (n, D, R) of each row's direction."""
        if self.isotropic:
            return points.frames.new_ones((len(points), 1, 1))  # coordinates share one covariance
        return points.frames @ points.frames.mT if self.ambient_rows else points.frames

    def rows_of(self, points: FieldPoints) -> torch.Tensor:
        """Eigenvectors at each row (n R, K), or (0, 0) where they play no part."""
        if "spectral" not in self.terms:
            return points.encoding.new_zeros((0, 0))
        rows = points.frames @ points.encoding if self.ambient_rows else points.encoding
        return rows.flatten(0, 1)

    def local(self, pairs: Pairs, values: Values) -> torch.Tensor:
        """Covariance (a R, b R) of the terms that depend on the distance."""
        n_left, n_rows, n_right, _ = pairs.overlaps.shape
        total = pairs.squares.new_zeros(())
        if "tangent" in self.terms:
            total = total + self._radial(pairs, values, "tangent") * pairs.overlaps
        if "ambient" in self.terms:
            same = torch.eye(n_rows, dtype=total.dtype, device=total.device)[:, None]
            total = total + self._radial(pairs, values, "ambient") * same
        return total.expand(pairs.overlaps.shape).reshape(n_left * n_rows, n_right * n_rows)

    def _radial(self, pairs: Pairs, values: Values, term: str) -> torch.Tensor:
        correlation = RADIAL[self.radial](pairs.squares, values[f"{term}_lengthscale"])
        return (values[f"{term}_scale"].square() * correlation)[:, None, :, None]

    def covariance(self, pairs: Pairs, values: Values) -> torch.Tensor:
        """Covariance (a R, b R) of the noise-free field."""
        if "spectral" not in self.terms:
            return self.local(pairs, values)
        spectral = (pairs.left * self.spectral_variances(values)) @ pairs.right.T
        if self.terms == ("spectral",):
            return spectral
        return self.local(pairs, values) + spectral

    def variances(self, points: FieldPoints, values: Values) -> torch.Tensor:
        """Prior covariance (n, R, R) of the rows of each point.

        The few eigenvectors that are kept explain less than the whole at some points, and
        nothing far from the data, where the encoding vanishes: there the rest is added.
        """
        bases = self.row_bases(points)
        total = bases.new_zeros((len(points), bases.shape[2], bases.shape[2]))
        if "tangent" in self.terms:
            total = total + values["tangent_scale"].square() * (bases.mT @ bases)
        if "ambient" in self.terms:
            total = total + values["ambient_scale"].square() * torch.eye(bases.shape[2]).to(total)
        if "spectral" in self.terms:
            rows = self.rows_of(points).reshape(len(points), bases.shape[2], -1)
            explained = (rows * self.spectral_variances(values)) @ rows.mT
            total = total + explained + self.unexplained(points, values)
        return total

    def unexplained(self, points: FieldPoints, values: Values) -> torch.Tensor:
        """What the kept eigenvectors lack of the prior variance, as blocks (n, R, R).

        Among the nodes other terms, where there are any, take up most of the lack.
        """
        squares = (points.encoding.square() * self.spectral_variances(values)).sum((1, 2))
        target = values["spectral_scale"].square()
        lack = (target - squares / points.encoding.shape[1]).clamp(min=0)
        if points.nearness is not None and self.terms != ("spectral",):
            lack = lack * (1 - (1 - LACK) * points.nearness.square())
        bases = self.row_bases(points)
        return lack[:, None, None] * (bases.mT @ bases)

    def noise(self, points: FieldPoints, values: Values) -> torch.Tensor:
        """Noise covariance (n, R, R) of the rows of each point: the normal part has its own."""
        n_rows = self.row_bases(points).shape[2]
        own = values["noise"].square() * torch.eye(n_rows).to(points.positions)
        if "normal_noise" not in self.names:
            return own.expand(len(points), n_rows, n_rows)
        across = values["normal_noise"].square() - values["noise"].square()
        return own + across * (torch.eye(n_rows).to(own) - points.frames @ points.frames.mT)
