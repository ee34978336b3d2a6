"""Divergence, curl and singularities of a fitted vector field, and how sure they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from math import gamma, pi

import numpy as np
import torch

from skmanifold.gaussian_process._field_geometry import located_points
from skmanifold.gaussian_process._fitted_field import FittedField
from skmanifold.gp import ExactPosterior, FieldKernel, FieldPoints, Values
from skmanifold.gp._field_kernel import LACK
from skmanifold.graph import SampledManifold, n_stencil_nodes
from skmanifold.utils import row_chunks, to_numpy

# Central differences of covariances, in units of the data's radius: both the cubic term that they
# leave out and the digits that they cancel are below 1e-6 of a slope.
STEP = 1e-4
# Minus the second derivative of a correlation at nought, times the squared length scale.
CURVATURE = {"rbf": 1.0, "matern72": 7 / 5, "matern52": 5 / 3}

# Lengths in node spacings: from a node to where its linear model vanishes; the last step of
# Newton's method; between starts that become one, and zeros that are one; the radius of a zero's
# own surroundings.
FARTHEST_START, CONVERGED, CROWDED, MERGED, OWN = 3.0, 1e-3, 0.1, 0.3, 0.5
N_NEWTON, N_FULL = 30, 8  # steps, and those of full length
N_ANGLES = 16
TURNING = 10.0  # a vortex turns so much faster than it grows or shrinks

# From tangent frames (n, D, m), which sums of the entries of a Jacobian to take: (n, f, m, m).
Coefficients = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class FieldJet:
    """Points as the kernel sees them, and how that changes along the axes of their frames.

    The kernel is known everywhere, so that its derivatives need no stencil. Only the frames and the
    eigenvectors, which are smoother than the field, are known at the nodes alone.

    Attributes
    ----------
    points : FieldPoints
        n points with frames (n, D, m) and encodings (n, m, K).
    frame_slopes : Tensor of shape (n, m, D, m)
        Along each axis, of frames that are carried in parallel: the curvature of the manifold.
    encoding_slopes : Tensor of shape (n, m, m, K)
        Covariant derivatives along each axis.
    nearest : int64 Tensor of shape (n,)
        Nodes.
    """

    points: FieldPoints
    frame_slopes: torch.Tensor
    encoding_slopes: torch.Tensor
    nearest: torch.Tensor

    @classmethod
    def at(cls, field: FittedField, placed: np.ndarray) -> "FieldJet":
        """At positions (n, d) in the unit of the kernel."""
        located = field.manifold.locate(placed)
        frames, around = located.frames[:, None], field.manifold.frames[located.stencils.nodes]
        # Of the projectors on the tangent planes, applied to the frames: never d x d numbers.
        carried = around @ (around.mT @ frames)
        turned = torch.einsum("nqdm,nqb->nbdm", carried, located.stencils.slopes)
        bent = turned - frames @ (frames.mT @ turned)
        slopes = frames.mT @ located.stencils.derivatives(field.encoding)
        return cls(
            points=located_points(placed, located, field.encoding, False),
            # How one axis turns along another is how the other turns along the one.
            frame_slopes=(bent + bent.transpose(1, 3)) / 2,
            encoding_slopes=slopes * located.nearness[:, None, None, None],
            nearest=located.stencils.nodes[:, 0],
        )

    def slopes(self, function: Callable[[FieldPoints], torch.Tensor]) -> torch.Tensor:
        """Derivatives (m, ...) along the axes of whatever is made of the points."""
        steps = [
            function(self._moved(axis, STEP)) - function(self._moved(axis, -STEP))
            for axis in range(self.points.frames.shape[2])
        ]
        return torch.stack(steps) / (2 * STEP)

    def _moved(self, axis: int, step: float) -> FieldPoints:
        here = self.points
        return replace(
            here,
            positions=here.positions + step * here.frames[:, :, axis],
            frames=here.frames + step * self.frame_slopes[:, axis],
            encoding=here.encoding + step * self.encoding_slopes[:, axis],
        )


def jacobians(field: FittedField, jet: FieldJet) -> torch.Tensor:
    """Covariant derivatives (n, m, m) of the posterior mean along the axes of the frames.

    Row a, column b is component a of the derivative along axis b, in units of the targets for each
    unit of the kernel's positions.
    """
    slopes = jet.slopes(replace(field, in_frames=False).mean)
    return torch.einsum("nda,bnd->nab", jet.points.frames, slopes)


def jet_chunks(field: FittedField, n_points: int) -> Iterator[slice]:
    """Slices of points whose jets and covariances with the labels fit the memory."""
    _, width, n_pairs = field.encoding.shape
    order = field.manifold.frames.shape[2]
    per_row = field.posterior.width + 4 * n_pairs + 8 * n_stencil_nodes(order)
    return row_chunks(n_points, 8 * (2 * order + 4) * width * per_row)


def divergence(
    field: FittedField, X: np.ndarray, *, return_std: bool = False
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Divergence (n,) of the posterior mean, and its standard deviation.

    Parameters
    ----------
    field : FittedField
    X : ndarray of shape (n, d)
    return_std : bool, default=False

    Returns
    -------
    divergence : ndarray of shape (n,)
    std : ndarray of shape (n,)
        Only if asked for.

    Raises
    ------
    ValueError
        If the field is of scalars.
    """
    check_vectors(field, "divergence")
    made = _derived(field, X, _traces, return_std)
    return tuple(part[:, 0] for part in made) if return_std else made[:, 0]


def curl(
    field: FittedField, X: np.ndarray, *, return_std: bool = False
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Curl of the posterior mean, (n,) in the plane and (n, 3) in space, and its deviation.

    Parameters
    ----------
    field : FittedField
    X : ndarray of shape (n, d)
    return_std : bool, default=False

    Returns
    -------
    curl : ndarray of shape (n,) or (n, 3)
    std : ndarray of the same shape
        Only if asked for.

    Raises
    ------
    ValueError
        If the field is of scalars, the manifold is a curve, or it lies in more than 3 dimensions.
    """
    check_vectors(field, "curl")
    n_features, order = field.manifold.frames.shape[1:]
    if order < 2 or n_features > 3:
        raise ValueError(
            "curl is that of a surface or a body in 2 or 3 dimensions, but X has "
            f"{n_features} features and manifold_dim_ is {order}. "
            "Use divergence, or the antisymmetric parts of your own derivatives."
        )
    made = _derived(field, X, _turns, return_std)
    if n_features == 3:
        return made
    return tuple(part[:, 0] for part in made) if return_std else made[:, 0]


def check_vectors(field: FittedField, method: str) -> None:
    """Refuse a field of scalars, which the method makes no sense for."""
    if field.scalar:
        raise ValueError(
            f"{method} needs a vector field, but y was taken for scalars. Fit with y of X's shape "
            "and field='vector', or with coordinates in frames and field='tangent'."
        )


def _traces(frames: torch.Tensor) -> torch.Tensor:
    same = torch.eye(frames.shape[2]).to(frames)
    return same.expand(len(frames), 1, -1, -1)


def _turns(frames: torch.Tensor) -> torch.Tensor:
    """Components (n, f, m, m) of the curl: the cross products of axes b and a.

    Along the normal for a surface in space, whichever way the axes go round.
    """
    if frames.shape[1] == 2:
        first, second = frames[:, 0], frames[:, 1]
        return (first[:, None] * second[:, :, None] - first[:, :, None] * second[:, None])[:, None]
    axes = frames.mT
    return torch.linalg.cross(axes[:, None], axes[:, :, None], dim=3).permute(0, 3, 1, 2)


def _derived(field: FittedField, X: np.ndarray, coefficients: Coefficients, return_std: bool):
    """Sums of the derivatives (n, f), and their deviations, in the units and the dtype of X."""
    placed = field.place(X)
    typical = _mean_prior(field, coefficients) if return_std else None
    sums, spreads = [], []
    for rows in jet_chunks(field, len(X)):
        jet = FieldJet.at(field, placed[rows])
        wanted = coefficients(jet.points.frames)
        sums.append(torch.einsum("nfab,nab->nf", wanted, jacobians(field, jet)) / field.unit)
        if return_std:
            variances = LinearSums.of(field, jet, wanted).variances(typical)
            spreads.append(variances.clamp(min=0).sqrt() * field.scale / field.unit)
    made = [to_numpy(torch.cat(parts)).astype(X.dtype) for parts in (sums, spreads) if parts]
    return tuple(made) if return_std else made[0]


def _mean_prior(field: FittedField, coefficients: Coefficients) -> torch.Tensor:
    """Prior variance by the eigenvectors for each unit of the coefficients, over the nodes."""
    nodes = to_numpy(field.manifold.nodes)
    total, size = field.unit.new_zeros(()), field.unit.new_zeros(())
    if "spectral" not in field.kernel.terms:
        return total
    for rows in jet_chunks(field, len(nodes)):
        jet = FieldJet.at(field, nodes[rows])
        wanted = coefficients(jet.points.frames)
        total = total + LinearSums.of(field, jet, wanted).spectral_prior().sum()
        size = size + wanted.square().sum()
    return total / size


@dataclass(frozen=True)
class LinearSums:
    """Linear functionals of a field: sums of its derivatives at a point, and of its values.

    Attributes
    ----------
    field : FittedField
    jet : FieldJet
        At n points.
    coefficients : Tensor of shape (n, f, m, m)
        Of the covariant derivatives.
    bending : Tensor of shape (n, f, D)
        Coefficients of the ambient values: a normal vector that is projected on the tangent
        planes spreads where these bend.
    on_values : Tensor of shape (n, f, c, R)
        Coefficients of the kernel's rows, which c independent fields share.
    on_slopes : Tensor of shape (n, f, c, R, m)
        The same of their derivatives along the axes.
    """

    field: FittedField
    jet: FieldJet
    coefficients: torch.Tensor
    bending: torch.Tensor
    on_values: torch.Tensor
    on_slopes: torch.Tensor

    @classmethod
    def of(cls, field: FittedField, jet: FieldJet, coefficients: torch.Tensor) -> "LinearSums":
        """From coefficients (n, f, m, m) of the covariant derivatives."""
        bending = torch.einsum("nfab,nbda->nfd", coefficients, jet.frame_slopes)
        if not field.kernel.ambient_rows:  # the frames are carried in parallel
            on_slopes = coefficients[:, :, None]
            on_values = on_slopes.new_zeros(on_slopes.shape[:-1])
            return cls(field, jet, coefficients, bending, on_values, on_slopes)
        along = torch.einsum("nda,nfab->nfdb", jet.points.frames, coefficients)
        aside = 3 if field.kernel.isotropic else 2
        on_values = (bending if field.projected else bending * 0).unsqueeze(aside)
        return cls(field, jet, coefficients, bending, on_values, along.unsqueeze(aside))

    @property
    def _kernel(self) -> FieldKernel:
        return self.field.kernel

    @property
    def _values(self) -> Values:
        """Hyper-parameters."""
        posterior = self.field.posterior
        exact = isinstance(posterior, ExactPosterior)
        return posterior.values if exact else posterior.features.values

    def variances(self, typical: torch.Tensor) -> torch.Tensor:
        """Posterior variances (n, f) in the units of the kernel.

        Parameters
        ----------
        typical : Tensor of shape ()
            What the eigenvectors should explain of the prior variance, for each unit of the
            coefficients: there the rest is added, as to the variance of the field itself.
        """
        total = self._local_prior()
        if "spectral" in self._kernel.terms:
            own = self.spectral_prior()
            lack = (typical * self._size() - own).clamp(min=0)
            if self._kernel.terms != ("spectral",):
                lack = lack * (1 - (1 - LACK) * self.jet.points.nearness.square())[:, None]
            total = total + own + lack
        return total - self._learnt()

    def spectral_prior(self) -> torch.Tensor:
        """Prior variances (n, f) by the eigenvectors."""
        rows = self._sums(self._kernel.rows_of)
        return (rows.square() * self._kernel.spectral_variances(self._values)).sum((2, 3))

    def _local_prior(self) -> torch.Tensor:
        """Prior variances (n, f) by the terms that depend on the distance.

        A field of such a covariance and its derivatives at one place are independent.
        """
        total = self.bending.new_zeros(self.bending.shape[:2])
        for term in self._kernel.terms:
            if term == "spectral":
                continue
            scale, reach = (self._values[f"{term}_{name}"] for name in ("scale", "lengthscale"))
            slopes = CURVATURE[self._kernel.radial] / reach.square() * self._size()
            bends = term == "tangent" or self.field.projected
            values = self.bending.square().sum(2) * bends
            total = total + scale.square() * (slopes + values)
        return total

    def _learnt(self) -> torch.Tensor:
        """What the labels take off the prior variances (n, f)."""
        posterior = self.field.posterior
        if isinstance(posterior, ExactPosterior):
            rows = self._sums(
                lambda points: self._kernel.covariance(
                    self._kernel.pairs(points, posterior.points), posterior.values
                )
            )
            gain = torch.linalg.solve_triangular(
                posterior.factor, rows.flatten(0, 2).T, upper=False
            )
            return gain.square().sum(0).reshape(rows.shape[:3]).sum(2)
        rows = self._sums(posterior.features.at)
        explained, left = (
            root(rows.flatten(0, 2)).square().sum(1)
            for root in (posterior.weights.prior_root, posterior.weights.root)
        )
        return (explained - left).reshape(rows.shape[:3]).sum(2)

    def _sums(self, function: Callable[[FieldPoints], torch.Tensor]) -> torch.Tensor:
        """The functionals (n, f, c, F) of F functions, given as the kernel's rows (n R, F)."""
        n_points, n_rows = len(self.on_values), self.on_values.shape[3]
        values = function(self.jet.points).reshape(n_points, n_rows, -1)
        slopes = self.jet.slopes(function).reshape(-1, *values.shape)
        sums = torch.einsum("nfcrb,bnrw->nfcw", self.on_slopes, slopes)
        return sums + torch.einsum("nfcr,nrw->nfcw", self.on_values, values)

    def _size(self) -> torch.Tensor:
        return self.coefficients.square().sum((2, 3))


@dataclass(frozen=True, eq=False)
class Singularities:
    """Places where a vector field vanishes, the surest first.

    Attributes
    ----------
    positions : ndarray of shape (k, d)
    indices : int ndarray of shape (k,)
        1 or -1, the sign of the Jacobian's determinant. On a surface it is counted how often the
        field turns round along a circle of up to half a node spacing. On a closed one they sum to
        the Euler characteristic, 2 on a sphere and 0 on a torus, unless two opposite ones lie too
        near each other for the nodes.
    kinds : str ndarray of shape (k,)
        What the eigenvalues of the Jacobian say: "source", "sink", "spiral out", "spiral in",
        "vortex" (turns ten times as fast as it grows or shrinks) or "saddle".
    jacobians : ndarray of shape (k, m, m)
        Covariant derivatives in coordinates of `frames`: row a, column b is component a of the
        derivative along axis b.
    frames : ndarray of shape (k, d, m)
        Tangent frames.
    position_std : ndarray of shape (k,)
        Standard deviation of the position in its least certain direction, in the unit of X. It
        holds to first order: as long as it is small beside the distance to the next singularity.
    """

    positions: np.ndarray
    indices: np.ndarray
    kinds: np.ndarray
    jacobians: np.ndarray
    frames: np.ndarray
    position_std: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows) -> "Singularities":
        return Singularities(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})


@dataclass(frozen=True)
class LinearModels:
    """The tangential part of the posterior mean near n points of the manifold.

    Attributes
    ----------
    frames : Tensor of shape (n, d, m)
    values : Tensor of shape (n, m)
    jacobians : Tensor of shape (n, m, m)
        In the unit of the kernel's positions.
    nearest : int64 Tensor of shape (n,)
        Nodes.
    inside : bool Tensor of shape (n,)
        Whether the points are among the nodes.
    """

    frames: torch.Tensor
    values: torch.Tensor
    jacobians: torch.Tensor
    nearest: torch.Tensor
    inside: torch.Tensor

    @classmethod
    def at(cls, field: FittedField, placed: torch.Tensor) -> "LinearModels":
        """At positions (n, d) in the unit of the kernel, n > 0."""
        parts = []
        for rows in jet_chunks(field, len(placed)):
            jet = FieldJet.at(field, to_numpy(placed[rows]))
            here, frames = jet.points, jet.points.frames
            mean = replace(field, in_frames=False).mean(here)
            values = (frames.mT @ mean[..., None])[..., 0]
            parts.append((frames, values, jacobians(field, jet), jet.nearest, here.nearness == 1))
        return cls(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def newton(self) -> torch.Tensor:
        """Steps (n, m) to where the linear models vanish."""
        return -(torch.linalg.pinv(self.jacobians) @ self.values[..., None])[..., 0]


def singularities(field: FittedField) -> Singularities:
    """Isolated zeros of the tangential part of the posterior mean.

    Newton's method on the manifold, from all nodes that have a zero of their linear model near.

    Raises
    ------
    ValueError
        If the field is of scalars.
    """
    check_vectors(field, "singularities")
    nodes, spacing = field.manifold.nodes, node_spacing(field.manifold)
    lengths = torch.linalg.vector_norm(LinearModels.at(field, nodes).newton(), dim=1)
    zeros = _newton(field, nodes[lengths < FARTHEST_START * spacing], spacing)
    if len(zeros) == 0:
        return _described(field, nodes[:1], spacing)[:0]
    found = _described(field, zeros, spacing)
    # Where a field is flat it vanishes, but not at a point.
    found = found[found.indices != 0]
    return found[np.argsort(found.position_std, kind="stable")]


def node_spacing(manifold: SampledManifold) -> torch.Tensor:
    """Side (n_nodes,) of the cube of the manifold that each node has for itself."""
    n_nodes, _, order = manifold.frames.shape
    n_around = max(min(n_stencil_nodes(order), n_nodes - 1), 1)
    ball = pi ** (order / 2) / gamma(order / 2 + 1)
    return manifold.reach * (ball / n_around) ** (1 / order)


def _newton(field: FittedField, placed: torch.Tensor, spacing: torch.Tensor) -> torch.Tensor:
    """Zeros (k, d) that starts (n, d) converge to, one each."""
    found, apart = [placed[:0]], [spacing[:0]]
    for turn in range(N_NEWTON):
        if len(placed) == 0:
            break
        models = LinearModels.at(field, placed)
        most, steps = spacing[models.nearest], models.newton()
        lengths = torch.linalg.vector_norm(steps, dim=1)
        # A linear model holds for a spacing or so: no step is longer. The frames between the nodes
        # are known to a few digits, so that late steps turn in circles: they get shorter.
        shares = (most / lengths.clamp(min=1e-300)).clamp(max=1) * min(1, N_FULL / (turn + 1))
        steps = (models.frames @ (shares[:, None] * steps)[..., None])[..., 0]
        moved = _on_surface(field.manifold, placed + steps, models.frames)
        enough = CONVERGED if turn + 1 < N_NEWTON else OWN
        done = models.inside & (lengths < enough * most)
        found.append(moved[done])
        apart.append(MERGED * most[done])
        left = models.inside & ~done
        placed = _distinct(moved[left], CROWDED * most[left])
    return _distinct(torch.cat(found), torch.cat(apart))


def _on_surface(
    manifold: SampledManifold, placed: torch.Tensor, frames: torch.Tensor
) -> torch.Tensor:
    """Points (n, d) carried onto the manifold across tangent planes (n, d, m)."""
    offsets = manifold.locate(to_numpy(placed)).stencils.values(manifold.nodes) - placed
    return placed + offsets - (frames @ (frames.mT @ offsets[..., None]))[..., 0]


def _distinct(points: torch.Tensor, apart: torch.Tensor) -> torch.Tensor:
    """Some of the points (n, d), each of which stands for all that are less than `apart` off."""
    kept = []
    left = torch.arange(len(points), device=points.device)
    while len(left):
        first = left[0]
        kept.append(first)
        distances = torch.linalg.vector_norm(points[left] - points[first], dim=1)
        left = left[distances > apart[first]]
    return points[torch.stack(kept)] if kept else points


def _described(field: FittedField, zeros: torch.Tensor, spacing: torch.Tensor) -> Singularities:
    """All about zeros (k, d) in the unit of the kernel, k > 0."""
    models, placed = LinearModels.at(field, zeros), to_numpy(zeros)
    ambient = replace(field, in_frames=False)
    spread = torch.cat(
        [
            ambient.mean_and_covariances(_points(field, placed[rows]))[1]
            for rows in jet_chunks(field, len(placed))
        ]
    )
    back = torch.linalg.pinv(models.jacobians) @ models.frames.mT
    variances = torch.linalg.eigvalsh(back @ spread @ back.mT)[:, -1]
    indices = torch.linalg.det(models.jacobians).sign()
    if models.frames.shape[2] == 2:
        apart = torch.cdist(zeros, zeros).fill_diagonal_(torch.inf).amin(1) / 2
        radii = torch.minimum(apart, OWN * spacing[models.nearest])
        indices = _winding(field, zeros, models.frames, radii)
    return Singularities(
        positions=placed * field.unit.item() + to_numpy(field.center),
        indices=to_numpy(indices).astype(int),
        kinds=singularity_kinds(to_numpy(models.jacobians)),
        jacobians=to_numpy(models.jacobians / field.unit),
        frames=to_numpy(models.frames),
        position_std=to_numpy(variances.clamp(min=0).sqrt() * field.unit),
    )


def _winding(
    field: FittedField, centers: torch.Tensor, frames: torch.Tensor, radii: torch.Tensor
) -> torch.Tensor:
    """How often (k,) the mean turns round along circles on a surface, frames (k, d, 2).

    Unlike the sign of a determinant, which a few wrong digits change where it is near nought, these
    numbers sum up whatever is inside: two zeros that nearly cancel count as none.
    """
    angles = torch.arange(N_ANGLES).to(centers) * (2 * pi / N_ANGLES)
    circle = torch.stack((angles.cos(), angles.sin()))
    around = centers[:, None] + radii[:, None, None] * (frames @ circle).mT
    axes = frames.repeat_interleave(N_ANGLES, 0)
    around = to_numpy(_on_surface(field.manifold, around.flatten(0, 1), axes))
    ambient = replace(field, in_frames=False)
    mean = torch.cat(
        [ambient.mean(_points(field, around[rows])) for rows in jet_chunks(field, len(around))]
    )
    inside = (axes.mT @ mean[..., None]).reshape(-1, N_ANGLES, 2)
    directions = torch.atan2(inside[..., 1], inside[..., 0])
    turns = (directions.roll(-1, 1) - directions) / (2 * pi)
    return (turns - turns.round()).sum(1).round()


def _points(field: FittedField, placed: np.ndarray) -> FieldPoints:
    return located_points(placed, field.manifold.locate(placed), field.encoding, False)


def singularity_kinds(jacobians: np.ndarray) -> np.ndarray:
    """What fields of given Jacobians (k, m, m) do round their zeros, in words (k,)."""
    values = np.linalg.eigvals(jacobians)
    rates = values.real
    fastest = np.abs(values.imag).argmax(1)[:, None]
    turn, growth = (
        np.abs(np.take_along_axis(part, fastest, 1))[:, 0] for part in (values.imag, rates)
    )
    turns = TURNING * turn > growth
    grows, shrinks = (rates > 0).all(1), (rates < 0).all(1)
    vortex = (turn > TURNING * growth) & (jacobians.shape[1] == 2)
    return np.select(
        [vortex, grows & turns, shrinks & turns, grows, shrinks],
        ["vortex", "spiral out", "spiral in", "source", "sink"],
        "saddle",
    )
