"""Layout of landmarks, one component of their graph at a time."""

import numpy as np
import torch

from skmanifold.linalg import (
    classical_mds,
    normalized_stress,
    principal_axes,
    smacof,
    stochastic_mds,
)
from skmanifold.utils import to_numpy


def members(parts):
    """Positions of the landmarks of each component, the largest component first."""
    return [np.flatnonzero(parts == part) for part in range(parts.max() + 1)]


def layout(distances, kernel, parts, n_components, *, mds, mds_weights, seed):
    """Points of all components side by side, the stress and the rounds that took.

    The stress is the root mean square over components, each counting by its landmarks.

    distances, kernel : (n_landmarks, n_landmarks); parts : (n_landmarks,)
    """
    points = np.zeros((len(parts), n_components))
    squared_stress, n_iter = 0.0, 0
    for part in members(parts):
        inside = np.ix_(part, part)
        weights = _pair_weights(distances[inside], kernel[inside], mds_weights)
        placed, rounds = _scaled(distances[inside], weights, n_components, mds, seed)
        squared_stress += normalized_stress(placed, distances[inside], weights) ** 2 * len(part)
        points[part] = _on_principal_axes(to_numpy(placed))
        n_iter = max(n_iter, rounds)
    return _side_by_side(points, parts), float(np.sqrt(squared_stress / len(parts))), n_iter


def _scaled(distances, weights, n_components, mds, seed):
    """Multidimensional scaling of one component, and the rounds that took."""
    start = classical_mds(distances, n_components)
    if mds == "smacof":
        return smacof(distances, start, weights=weights)
    if mds == "sgd":
        return stochastic_mds(distances, start, weights=weights, seed=seed)
    return start, 0


def _pair_weights(distances, kernel, mds_weights):
    """Weights of the pairs in the stress; None weighs all alike."""
    if mds_weights is None or len(distances) < 2:
        return None
    if mds_weights == "heat":
        weights = kernel.clamp(min=0.0) + 1e-5
    else:
        positive = distances[distances > 0]
        least = float(positive.min()) if len(positive) else 1.0
        weights = distances.clamp(min=least) ** -mds_weights
    # Weights of more than eight orders apart would leave the light pairs to rounding.
    weights = weights.clamp(min=1e-8 * float(weights.max()))
    return weights - torch.diag(weights.diagonal())


def _on_principal_axes(points):
    """The same points, centred, on their principal axes with deterministic signs."""
    center, axes = principal_axes(points)
    return (points - center) @ axes


def _side_by_side(points, parts):
    """Components in a row along the first axis, a tenth of the widest apart, centred together."""
    blocks = members(parts)
    if len(blocks) == 1:
        return points
    widths = [np.ptp(points[block, 0]) for block in blocks]
    gap = 0.1 * max(*widths, np.finfo(float).tiny)
    placed, edge = points.copy(), 0.0
    for block, width in zip(blocks, widths, strict=True):
        placed[block, 0] += edge - points[block, 0].min()
        edge += width + gap
    return placed - placed.mean(axis=0)
