"""Which geometry and which covariance: the evidence decides."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skmanifold.gaussian_process._field_geometry import FieldGeometry, Setting
from skmanifold.gp import (
    FeatureMoments,
    FieldKernel,
    FieldPoints,
    Found,
    LogNormal,
    Objective,
    Values,
    feature_log_density,
    log_density,
    maximize_evidence,
    random_start,
    rows_of_targets,
    with_noise,
)
from skmanifold.utils import Step, to_tensor

# Labels may be tangent exactly, and frames are estimates: one floor for all models.
LEAST_NORMAL_NOISE = 1e-3
# In units of the data: positions have rms radius 1, targets have rms 1.
_SCALE = LogNormal(0.5, 3.0, 1e-4, 1e2)
_LENGTH = LogNormal(1.0, 1.5, 1e-2, 1e2)
_NOISE = LogNormal(0.1, 2.0, 1e-4, 10.0)
PRIORS = {
    "spectral_scale": _SCALE,
    "spectral_lengthscale": _LENGTH,
    "nu": LogNormal(2.0, 0.7, 0.3, 8.0),  # without a bound it drifts to tens
    "tangent_scale": _SCALE,
    "tangent_lengthscale": _LENGTH,
    "ambient_scale": _SCALE,
    "ambient_lengthscale": _LENGTH,
    "normal_noise": replace(_NOISE, least=LEAST_NORMAL_NOISE),
    "noise": _NOISE,
}


@dataclass(frozen=True)
class Model:
    """One candidate."""

    setting: Setting
    terms: tuple[str, ...]
    radial: str

    def __str__(self) -> str:
        return " + ".join(self.terms)


@dataclass
class LabeledField:
    """Labels of a field, and what the covariances need of their points in each geometry.

    Attributes
    ----------
    geometry : FieldGeometry
    positions : ndarray of shape (n, d)
    targets : Tensor of shape (n, D) or (n, q)
    tangent : bool, default=False
        Whether vectors are tangent because they came as coordinates in frames.
    """

    geometry: FieldGeometry
    positions: np.ndarray
    targets: torch.Tensor
    tangent: bool = False
    _points: dict = field(default_factory=dict)

    @property
    def n_directions(self) -> int:
        """Coordinates of one label that hang together."""
        return 1 if self.geometry.scalar else self.targets.shape[1]

    def some(self, rows: np.ndarray) -> "LabeledField":
        """Some of the labels."""
        chosen = to_tensor(rows, device=self.targets.device)
        return replace(
            self, positions=self.positions[rows], targets=self.targets[chosen], _points={}
        )

    def points(self, model: Model) -> FieldPoints:
        """The labelled points in the geometry of a candidate."""
        setting = model.setting
        if "spectral" not in model.terms:
            setting = replace(setting, n_neighbors=None)
        if model.terms == ("spectral",):
            # Each geometry is asked for once, and of all labels: too many numbers to keep.
            return self.geometry.field_points(self.positions, setting)
        if setting not in self._points:
            self._points[setting] = self.geometry.field_points(self.positions, setting)
        return self._points[setting]

    def kernel(self, model: Model) -> FieldKernel:
        """The covariance of a candidate."""
        return self.geometry.kernel(model.setting, model.terms, model.radial)

    def log_evidence(self, model: Model) -> Objective:
        """Log density of the labels as a function of the hyper-parameters."""
        kernel, points = self.kernel(model), self.points(model)
        rows = rows_of_targets(kernel, points, self.targets)
        normal = 0.0
        if not (kernel.ambient_rows or self.geometry.scalar or self.tangent):
            normal = _normal_log_density(points.frames, self.targets)
        if model.terms == ("spectral",):
            moments = FeatureMoments.of(kernel.rows_of(points), rows)
            return lambda values: (
                normal
                + feature_log_density(moments, kernel.spectral_variances(values), values["noise"])
            )
        pairs = kernel.pairs(points, points)

        def evidence(values: Values) -> torch.Tensor:
            covariance = kernel.covariance(pairs, values)
            return normal + log_density(with_noise(kernel, covariance, points, values), rows)

        return evidence


@dataclass
class ModelSearch:
    """Candidates fitted to labels, and their evidence.

    Attributes
    ----------
    labels : LabeledField
    fixed : dict of str to float
        Hyper-parameters that the user gave, in units of the search.
    n_restarts : int
        Further starts for each candidate, drawn from the priors.
    rng : numpy Generator
        Of these starts.
    step : callable
        Marks the fit of one candidate, see `fit_steps`.
    max_iter : int
        Rounds of L-BFGS for each.
    results : dict of Model to Found
    """

    labels: LabeledField
    fixed: dict[str, float]
    n_restarts: int
    rng: np.random.Generator
    step: Step
    max_iter: int = 100
    results: dict[Model, Found] = field(default_factory=dict)

    def fit_all(self, models: list[Model], *, start_from: Model) -> list[Model]:
        """Hyper-parameters of some candidates, begun from those of another; each found once."""
        for model in models:
            if model not in self.results:
                start = self.results[start_from].values if start_from in self.results else {}
                with self.step(str(model)):
                    self.results[model] = self._fitted(model, start)
        return models

    def _fitted(self, model: Model, start: dict[str, float]) -> Found:
        priors = {name: PRIORS[name] for name in self.labels.kernel(model).names}
        fixed = {name: value for name, value in self.fixed.items() if name in priors}
        objective = self.labels.log_evidence(model)
        starts = [start] + [random_start(priors, self.rng) for _ in range(self.n_restarts)]
        found = [
            maximize_evidence(
                objective,
                priors,
                begin,
                fixed=fixed,
                max_iter=self.max_iter,
                device=self.labels.targets.device,
            )
            for begin in starts
        ]
        return max(found, key=lambda one: one.log_posterior)

    def best(self, models) -> Model:
        """The candidate of greatest evidence among some that were fitted."""
        return max(models, key=lambda model: self.results[model].log_posterior)

    def refined(self, labels: LabeledField, *, n_finalists: int, max_iter: int) -> "ModelSearch":
        """The best candidates judged on more labels, and the winner fitted to these."""
        order = sorted(self.results, key=lambda model: -self.results[model].log_posterior)
        judged = replace(self, labels=labels, n_restarts=0, max_iter=0, results={})
        for model in order[:n_finalists]:
            judged.results[model] = judged._fitted(model, self.results[model].values)
        winner = judged.best(judged.results)
        judged.max_iter = max_iter
        with self.step(str(winner)):
            judged.results[winner] = judged._fitted(winner, judged.results[winner].values)
        return judged


def _normal_log_density(frames: torch.Tensor, targets: torch.Tensor) -> float:
    """Log density of the part of the targets that is normal to the manifold, as noise alone."""
    n_normal = targets.numel() - frames.shape[0] * frames.shape[2]
    if n_normal == 0:
        return 0.0
    along = (frames.mT @ targets[:, :, None]).square().sum()
    square = (targets.square().sum() - along).clamp(min=0).item()
    noise = max(square / n_normal, LEAST_NORMAL_NOISE**2)
    return -0.5 * (n_normal * math.log(2 * math.pi * noise) + square / noise)


@dataclass(frozen=True)
class Grid:
    """What may be chosen.

    Attributes
    ----------
    n_neighbors : tuple of int or None
        Of the graph; None where the graph is given.
    n_frame_neighbors : tuple of int or None
        Of the frames; None where they are given or of no account.
    radials : tuple of str
    projected : bool
        Whether tangent and ambient coordinates differ.
    mixed : bool
        Whether the tangent and the ambient term are tried together.
    """

    n_neighbors: tuple
    n_frame_neighbors: tuple
    radials: tuple[str, ...]
    projected: bool = False
    mixed: bool = False

    @property
    def most_models(self) -> int:
        """An upper bound of the candidates that a search will fit."""
        n_radials = len(self.radials)
        n_frames, n_graphs = len(self.n_frame_neighbors), len(self.n_neighbors)
        return max(n_frames * (n_radials + 1) + 2 * n_radials + n_graphs + 1, n_frames * n_graphs)


def tangent_models(search: ModelSearch, grid: Grid) -> list[Model]:
    """The tangent term alone, which frames and radial kernel suit it."""
    models = [
        Model(Setting(None, around), ("tangent",), radial)
        for around in grid.n_frame_neighbors
        for radial in grid.radials
    ]
    return search.fit_all(models, start_from=models[0])


def ambient_models(search: ModelSearch, grid: Grid) -> list[Model]:
    """Every coordinate by itself: no geometry at all."""
    nowhere = Setting(None, grid.n_frame_neighbors[0])
    models = [Model(nowhere, ("ambient",), radial) for radial in grid.radials]
    return search.fit_all(models, start_from=models[0])


def spectral_models(search: ModelSearch, grid: Grid) -> list[Model]:
    """Eigenvectors of the connection Laplacian alone, in weight space."""
    models = [
        Model(Setting(k, around), ("spectral",), grid.radials[0])
        for around in grid.n_frame_neighbors
        for k in grid.n_neighbors
    ]
    return search.fit_all(models, start_from=models[0])


def climbed(search: ModelSearch, models: list[Model], *, start_from: Model) -> list[Model]:
    """The candidates in a row from the middle uphill: spectra are the dearest part of a search."""
    place = (len(models) - 1) // 2
    fitted = search.fit_all(models[place : place + 2], start_from=start_from)
    step = 1 if search.best(fitted) is fitted[-1] else -1
    ahead = place + 1 if step > 0 else place
    while 0 <= ahead + step < len(models):
        fitted = fitted + search.fit_all([models[ahead + step]], start_from=models[ahead])
        if search.best(fitted) is not fitted[-1]:
            break
        ahead += step
    return fitted


def hybrid_models(search: ModelSearch, grid: Grid) -> list[Model]:
    """Greedy search over sums of terms, cheapest questions first.

    Frames and radial kernel are settled by the tangent term alone, the bandwidth of the graph
    with the spectral term added; then the other frames and the second radial kernel are asked
    again, and last whether part of the field leaves the estimated tangent spaces.
    """
    tried = tangent_models(search, grid)
    local = search.best(tried)
    around = local.setting.n_frame_neighbors
    if grid.projected:
        tried += ambient_models(search, grid)
    both = [
        replace(local, setting=Setting(k, around), terms=("spectral", "tangent"))
        for k in grid.n_neighbors
    ]
    tried += climbed(search, both, start_from=local)
    best = search.best([model for model in both if model in search.results])
    same_frames = [replace(local, radial=radial) for radial in grid.radials]
    runner_up = [search.best([m for m in same_frames if m != local])] if same_frames[1:] else []
    others = [
        replace(best, setting=replace(best.setting, n_frame_neighbors=other))
        for other in grid.n_frame_neighbors
    ] + [replace(best, radial=model.radial) for model in runner_up]
    tried += search.fit_all(others, start_from=best)
    if grid.mixed:
        bases = [model for model in tried if model.terms != ("ambient",)]
        mixed = search.best(bases)
        mixed = replace(mixed, terms=(*mixed.terms, "ambient"))
        tried += search.fit_all([mixed], start_from=search.best(bases))
    return tried


FAMILIES = {
    "hybrid": hybrid_models,
    "tangent": tangent_models,
    "ambient": ambient_models,
    "spectral": spectral_models,
}
