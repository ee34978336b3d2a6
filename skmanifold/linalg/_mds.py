"""Multidimensional scaling: points whose distances are those of a given matrix."""

import math
from collections.abc import Callable

import numpy as np
import torch

from skmanifold.linalg._signs import deterministic_signs
from skmanifold.utils import to_numpy, to_tensor, torch_generator


def classical_mds(distances: torch.Tensor, n_components: int) -> torch.Tensor:
    """Classical scaling: leading eigenvectors of the doubly centred squared distances.

    Parameters
    ----------
    distances : torch.Tensor of shape (n_points, n_points)
    n_components : int
        Columns beyond the positive eigenvalues are 0.

    Returns
    -------
    points : torch.Tensor of shape (n_points, n_components)
        Centred, on their principal axes, with deterministic signs.

    References
    ----------
    .. [1] W. Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 17, 1952.
    """
    squares = distances**2
    gram = -(squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()) / 2
    values, vectors = torch.linalg.eigh((gram + gram.T) / 2)
    kept = min(n_components, len(distances))
    points = to_numpy(vectors[:, -kept:].flip(1) * values[-kept:].flip(0).clamp(min=0.0).sqrt())
    padded = np.zeros((len(points), n_components))
    padded[:, :kept] = deterministic_signs(points)
    return to_tensor(padded, device=distances.device)


def raw_stress(
    points: torch.Tensor, distances: torch.Tensor, weights: torch.Tensor | None = None
) -> float:
    """Sum over pairs of the squared errors of the distances, times the weights."""
    errors = (torch.cdist(points, points) - distances) ** 2
    return float((errors if weights is None else errors * weights).sum() / 2)


def normalized_stress(
    points: torch.Tensor, distances: torch.Tensor, weights: torch.Tensor | None = None
) -> float:
    """Kruskal's stress-1: root of the stress over that of all points in one place."""
    total = raw_stress(torch.zeros_like(points), distances, weights)
    return math.sqrt(raw_stress(points, distances, weights) / total) if total > 0 else 0.0


def smacof(
    distances: torch.Tensor,
    start: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    max_iter: int = 300,
    tol: float = 1e-5,
) -> tuple[torch.Tensor, int]:
    """Metric scaling by majorisation: every step lowers the stress.

    Parameters
    ----------
    distances : torch.Tensor of shape (n_points, n_points)
    start : torch.Tensor of shape (n_points, n_components)
        Such as `classical_mds` gives.
    weights : torch.Tensor of shape (n_points, n_points) or None, default=None
        Symmetric, not negative, of one connected piece; None weighs all pairs alike.
    max_iter : int, default=300
    tol : float, default=1e-5
        Stop where a step lowers the stress by less than this share of it.

    Returns
    -------
    points : torch.Tensor of shape (n_points, n_components)
    n_iter : int

    References
    ----------
    .. [1] J. de Leeuw, "Convergence of the majorization method for multidimensional scaling",
       Journal of Classification 5, 1988.
    """
    points, before = start, math.inf
    solve = _guttman_solver(weights)
    n_iter = 0
    while n_iter < max_iter:
        n_iter += 1
        embedded = torch.cdist(points, points)
        errors = (embedded - distances) ** 2
        stress = float((errors if weights is None else errors * weights).sum())
        if stress >= (1 - tol) * before:
            break
        before = stress
        points = solve(_guttman_matrix(distances, embedded, weights) @ points)
    return points, n_iter


def _guttman_matrix(
    distances: torch.Tensor, embedded: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    """The matrix B of the majorising quadratic at the present points."""
    ratio = torch.where(embedded > 0, distances / embedded, torch.zeros_like(embedded))
    matrix = -ratio if weights is None else -ratio * weights
    matrix.fill_diagonal_(0.0)
    matrix.diagonal().copy_(-matrix.sum(dim=1))
    return matrix


def _guttman_solver(
    weights: torch.Tensor | None,
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Multiplication with the pseudo-inverse of V, which is ``I / n`` for equal weights."""
    if weights is None:
        return lambda right: right / len(right)
    n_points = len(weights)
    off_diagonal = weights - torch.diag(weights.diagonal())
    v = torch.diag(off_diagonal.sum(dim=1)) - off_diagonal
    # Ones span the null space of V; adding their projector makes it positive definite.
    factor = torch.linalg.cholesky(v + v.diagonal().mean() / n_points)
    return lambda right: torch.cholesky_solve(right - right.mean(dim=0), factor)


def stochastic_mds(
    distances: torch.Tensor,
    start: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    n_epochs: int = 30,
    seed: int = 0,
) -> tuple[torch.Tensor, int]:
    """Metric scaling by stochastic gradients over random pairs, with falling steps.

    Each step moves both points of every pair of a random matching towards their distance; an
    epoch is as many matchings as meet every pair once on average.

    Parameters
    ----------
    distances : torch.Tensor of shape (n_points, n_points)
    start : torch.Tensor of shape (n_points, n_components)
    weights : torch.Tensor of shape (n_points, n_points) or None, default=None
        None weighs all pairs alike.
    n_epochs : int, default=30
    seed : int, default=0

    Returns
    -------
    points : torch.Tensor of shape (n_points, n_components)
    n_epochs : int

    References
    ----------
    .. [1] J. Zheng, S. Pawar and D. Goodman, "Graph drawing by stochastic gradient descent",
       IEEE TVCG 25, 2019 (the annealed step sizes).
    """
    n_points, generator = len(distances), torch_generator(seed)
    points, half = start.clone(), len(distances) // 2
    if half == 0:
        return points, 0
    if weights is None:
        weights = torch.ones_like(distances)
    # From steps that satisfy the lightest pair at once to small ones for the heaviest.
    lightest, heaviest = float(weights[weights > 0].min()), float(weights.max())
    for step in np.geomspace(1 / lightest, 0.01 / heaviest, n_epochs * (n_points - 1)):
        order = torch.randperm(n_points, generator=generator).to(points.device)
        first, second = order[:half], order[half : 2 * half]
        apart = points[first] - points[second]
        length = apart.norm(dim=1).clamp(min=1e-12)
        pull = (step * weights[first, second]).clamp(max=1.0)
        move = (pull * (length - distances[first, second]) / (2 * length))[:, None] * apart
        points[first] -= move
        points[second] += move
    return points, n_epochs
