"""From labels to the model of most evidence, and to the field given all labels."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from skmanifold.gaussian_process._field_geometry import Setting
from skmanifold.gaussian_process._model_search import (
    FAMILIES,
    Grid,
    LabeledField,
    Model,
    ModelSearch,
)
from skmanifold.gp import ExactPosterior, FeaturePosterior, Found
from skmanifold.graph import furthest_point_sampling

N_SEARCHED = 300  # labels that candidates are compared on
N_REFINED = 1500  # label coordinates that the winner is refined on
N_FINALISTS, N_REFINEMENTS = 4, 15
N_FEATURES = 1500  # of the low-rank route


def compared(search: ModelSearch, family: str, grid: Grid) -> tuple[ModelSearch, ModelSearch]:
    """Candidates fitted to some of the labels, and the best of them judged on more.

    Parameters
    ----------
    search : ModelSearch
        With all labels.
    family : str
        Which candidates, see `FAMILIES`.
    grid : Grid
    """
    labels, order = search.labels, search.rng.permutation(len(search.labels.positions))
    n_searched, n_refined = N_SEARCHED, N_REFINED // labels.n_directions
    if family == "spectral":  # in weight space the number of labels does not matter
        n_searched = len(order)
    first = replace(search, labels=labels.some(order[:n_searched]))
    FAMILIES[family](first, grid)
    if max(found.log_posterior for found in first.results.values()) == -np.inf:
        raise ValueError(
            "No covariance of the labels can be factorised: noise is too small for points so close "
            "together. Use noise='auto' or a larger one."
        )
    if len(order) <= n_searched:
        return first, first
    more = labels.some(order[: max(n_refined, n_searched)])
    return first, first.refined(more, n_finalists=N_FINALISTS, max_iter=N_REFINEMENTS)


@dataclass(frozen=True)
class Choice:
    """The model of most evidence, and what it was chosen from.

    Attributes
    ----------
    first, judged : ModelSearch
        See `compared`.
    model : Model
    found : Found
        Its hyper-parameters and evidence.
    setting : Setting
        Its own, with a graph even if the model needs none.
    """

    first: ModelSearch
    judged: ModelSearch
    model: Model
    found: Found
    setting: Setting

    @classmethod
    def of(cls, search: ModelSearch, family: str, grid: Grid) -> "Choice":
        """The best of a family of candidates, see `compared`."""
        first, judged = compared(search, family, grid)
        model = judged.best(judged.results)
        setting = graph_setting(first, model, grid)
        return cls(first, judged, model, judged.results[model], setting)


def posterior_of(
    labels: LabeledField,
    model: Model,
    found: Found,
    *,
    max_exact: int,
    adapt_noise: bool,
) -> ExactPosterior | FeaturePosterior:
    """The field given all labels: exactly, or in features where the labels are many.

    Parameters
    ----------
    max_exact : int
        Label coordinates up to which it is exact.
    adapt_noise : bool
        Whether features may call noise what they cannot follow.
    """
    kernel, points = labels.kernel(model), labels.points(model)
    values = _as_tensors(found, labels.targets)
    order = kernel.row_bases(points[:1]).shape[2]
    given = kernel, values, points, labels.targets
    if model.terms == ("spectral",):
        return FeaturePosterior.given(*given, points[:1], adapt_noise=False)
    if order * len(points) <= max_exact:
        return ExactPosterior.given(*given)
    nodes = labels.geometry.nodes
    n_inducing = min(len(nodes), max(N_FEATURES // order, 1))
    rows = furthest_point_sampling(nodes, n_inducing, start=0, device=labels.targets.device)
    inducing = labels.geometry.field_points(nodes[rows], replace(model.setting, n_neighbors=None))
    return FeaturePosterior.given(*given, inducing, adapt_noise=adapt_noise)


def projection_helps(labels: LabeledField, model: Model, found: Found) -> bool:
    """Whether predictions at left-out labels come nearer when projected on the tangent spaces.

    Scalars never are, and without the ambient term all is tangent.
    """
    kernel = labels.kernel(model)
    if labels.geometry.scalar or not kernel.ambient_rows:
        return not labels.geometry.scalar
    labels = labels.some(np.arange(len(labels.positions))[: N_REFINED // labels.n_directions])
    points = labels.points(model)
    values = _as_tensors(found, labels.targets)
    posterior = ExactPosterior.given(kernel, values, points, labels.targets)
    raw = posterior.leave_out_means().reshape(labels.targets.shape)
    inside = (points.frames @ (points.frames.mT @ raw[..., None]))[..., 0]
    errors = [(labels.targets - means).square().sum() for means in (inside, raw)]
    return bool(errors[0] <= errors[1])


def graph_setting(search: ModelSearch, model: Model, grid: Grid) -> Setting:
    """A setting with a graph: that of the model, or of the best candidate that has one."""
    if "spectral" in model.terms:
        return model.setting
    with_graph = [each for each in search.results if "spectral" in each.terms]
    best = search.best(with_graph).setting if with_graph else Setting(grid.n_neighbors[0], None)
    return replace(model.setting, n_neighbors=best.n_neighbors)


def _as_tensors(found: Found, like: torch.Tensor) -> dict[str, torch.Tensor]:
    """Hyper-parameters as tensors beside the labels."""
    return {name: like.new_tensor(value) for name, value in found.values.items()}
