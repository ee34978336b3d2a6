"""Hyper-parameters by maximum evidence, with weak priors on their logarithms."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

Objective = Callable[[dict[str, torch.Tensor]], torch.Tensor]
FAILED = 1e25  # minus the log density where a covariance cannot be factorised


@dataclass(frozen=True)
class LogNormal:
    """A weak prior on a positive number, and the range it may not leave.

    Attributes
    ----------
    center : float
        Median.
    spread : float
        Standard deviation of the logarithm.
    least, most : float
    """

    center: float
    spread: float
    least: float
    most: float

    def log_density(self, value: torch.Tensor) -> torch.Tensor:
        """Up to a constant, with respect to the logarithm of the value."""
        return -0.5 * ((value.log() - math.log(self.center)) / self.spread).square()


@dataclass(frozen=True)
class Found:
    """The outcome of a search.

    Attributes
    ----------
    values : dict of str to float
        Every hyper-parameter, fixed ones too.
    log_evidence : float
        Log density of the targets.
    log_posterior : float
        The same plus the log priors: what was maximised.
    """

    values: dict[str, float]
    log_evidence: float
    log_posterior: float


def maximize_evidence(
    objective: Objective,
    priors: Mapping[str, LogNormal],
    start: Mapping[str, float],
    *,
    fixed: Mapping[str, float] | None = None,
    max_iter: int = 60,
    device: torch.device | str = "cpu",
) -> Found:
    """L-BFGS over the logarithms of the hyper-parameters, within their ranges.

    Parameters
    ----------
    objective : callable
        Log evidence (a scalar Tensor) from hyper-parameters by name (scalar Tensors).
    priors : mapping of str to LogNormal
        One for each free hyper-parameter.
    start : mapping of str to float
        Where to begin; the priors' medians where a name is missing.
    fixed : mapping of str to float or None, default=None
        Hyper-parameters that stay as they are.
    max_iter : int, default=60
        0 judges the start as it is.
    """
    names = [name for name in priors if name not in (fixed or {})]

    def at(logs: np.ndarray) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        vector = torch.tensor(logs, dtype=torch.float64, device=device, requires_grad=True)
        values = dict(zip(names, vector.exp(), strict=True))
        held = {name: vector.new_tensor(value) for name, value in (fixed or {}).items()}
        return values | held, vector

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        values, vector = at(logs)
        try:
            total = objective(values) + _log_prior(values, priors)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            return FAILED, np.zeros_like(logs)
        if names:
            total.backward()
        slope = vector.grad.cpu().numpy() if vector.grad is not None else np.zeros_like(logs)
        return -total.item(), -slope

    bounds = [(math.log(priors[n].least), math.log(priors[n].most)) for n in names]
    begin = [math.log(start.get(name, priors[name].center)) for name in names]
    begin = np.clip(begin, *np.array(bounds).reshape(-1, 2).T)
    if names and max_iter:
        options = {"maxiter": max_iter, "ftol": 1e-7, "gtol": 1e-3}
        begin = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    with torch.no_grad():
        values, _ = at(begin)
        evidence = objective(values)
        posterior = evidence + _log_prior(values, priors)
    plain = {name: value.item() for name, value in values.items()}
    return Found(plain, evidence.item(), posterior.item())


def _log_prior(values: Mapping[str, torch.Tensor], priors: Mapping[str, LogNormal]) -> torch.Tensor:
    """Sum of the log priors of the hyper-parameters that have one."""
    terms = [prior.log_density(values[name]) for name, prior in priors.items()]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def random_start(
    priors: Mapping[str, LogNormal], generator: np.random.Generator
) -> dict[str, float]:
    """A draw from the priors, at half their spread."""
    return {
        name: float(prior.center * np.exp(0.5 * prior.spread * generator.normal()))
        for name, prior in priors.items()
    }
