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
    device : torch.device or str, default="cpu"
        Where the objective works.

    Returns
    -------
    found : Found
        With a log evidence of minus infinity where not even the last covariance can be factorised.
    """
    loss = _Loss(objective, priors, fixed or {}, device)
    bounds = np.array([(math.log(priors[n].least), math.log(priors[n].most)) for n in loss.names])
    begin = np.array([math.log(start.get(name, priors[name].center)) for name in loss.names])
    logs = np.clip(begin, *bounds.reshape(-1, 2).T)
    if loss.names and max_iter:
        options = {"maxiter": max_iter, "ftol": 1e-10, "gtol": 1e-4}
        search = {"method": "L-BFGS-B", "jac": True, "bounds": bounds, "options": options}
        logs = minimize(loss, logs, callback=loss.accept, **search).x
    with torch.no_grad():
        return loss.judged(logs)


class _Loss:
    """Minus the log posterior at logarithms of the free hyper-parameters, and its gradient."""

    def __init__(
        self,
        objective: Objective,
        priors: Mapping[str, LogNormal],
        fixed: Mapping[str, float],
        device: torch.device | str,
    ) -> None:
        self.objective, self.priors, self.fixed, self.device = objective, priors, fixed, device
        self.names = [name for name in priors if name not in fixed]
        self._tried: tuple[np.ndarray, float, np.ndarray] | None = None  # the last that worked
        self._base: tuple[np.ndarray, float, np.ndarray] | None = None  # of the line search

    def values(self, vector: torch.Tensor) -> dict[str, torch.Tensor]:
        """All hyper-parameters, from the logarithms of the free ones."""
        held = {name: vector.new_tensor(value) for name, value in self.fixed.items()}
        return dict(zip(self.names, vector.exp(), strict=True)) | held

    def __call__(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        vector = torch.tensor(logs, dtype=torch.float64, device=self.device, requires_grad=True)
        values = self.values(vector)
        try:
            total = self.objective(values) + _log_prior(values, self.priors)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            return self._wall(logs), np.zeros_like(logs)
        (slope,) = torch.autograd.grad(total, vector)
        self._tried = logs.copy(), -total.item(), -slope.cpu().numpy()
        self._base = self._base or self._tried
        return self._tried[1:]

    def _wall(self, logs: np.ndarray) -> float:
        """A loss where there is none: no covariance that can be factorised."""
        if self._base is None:
            return FAILED
        # A rise as steep as the fall ahead sends the line search back by some of the way; at a
        # sheer wall it would give up.
        place, height, slope = self._base
        return height + abs(slope @ (logs - place))

    def accept(self, _: np.ndarray) -> None:
        """Told at the end of each line search: the next one starts here."""
        self._base = self._tried

    def judged(self, logs: np.ndarray) -> Found:
        """The outcome at the end of a search; minus infinity where there is no density."""
        values = self.values(torch.tensor(logs, dtype=torch.float64, device=self.device))
        try:
            evidence = self.objective(values)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            evidence = torch.tensor(-math.inf, dtype=torch.float64, device=self.device)
        posterior = evidence + _log_prior(values, self.priors)
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
