"""Canonical coordinates of clouds of which only the distances are known."""

import numpy as np
import torch

from skmanifold.frames._canonical import (
    CanonicalClouds,
    Rules,
    canonical_units,
    point_counts,
    power_of_two,
    unit_length,
    with_precision,
)
from skmanifold.frames._one_cloud import OneFrame
from skmanifold.frames._principal import layout_of
from skmanifold.frames._sampling import sampling_errors
from skmanifold.linalg import symmetric_eigen
from skmanifold.utils import to_tensor

# Eigenvalues up to this many units of rounding of the largest one are taken for 0.
ROUNDING_UNITS = 64


def _double_centered(
    squares: torch.Tensor, counts: torch.Tensor, padded: torch.Tensor | None
) -> torch.Tensor:
    """Inner products about the mean, from squared distances."""
    means = squares.sum(-1) / counts[:, None]
    total = means.sum(-1) / counts
    inner = (means[:, None] + means[..., None] - squares - total[:, None, None]) / 2
    return inner if padded is None else inner.masked_fill(padded, 0.0)


def scaled_clouds(
    distances: torch.Tensor, mask: torch.Tensor | None, rules: Rules
) -> CanonicalClouds:
    """Classical scaling of each matrix of a batch, in canonical coordinates.

    Parameters
    ----------
    distances : Tensor of shape (n_clouds, n_points, n_points)
    mask : Tensor of bool, of shape (n_clouds, n_points), or None
        False at points that only fill up.
    rules : Rules
        Distances do not tell mirror images apart: `chiral` is left out.
    """
    lengths = distances.to(torch.float64)
    padded = None if mask is None else ~(mask[:, None] & mask[..., None])
    lengths = lengths if padded is None else lengths.masked_fill(padded, 0.0)
    counts = point_counts(lengths, mask)
    unit = power_of_two(lengths.amax((1, 2)))
    squares = (lengths / unit[:, None, None]).square()
    values, vectors = symmetric_eigen(_double_centered(squares, counts, padded))
    positive = values.clamp_min(0.0)
    coordinates = (vectors * positive.sqrt()[:, None]).mT
    coordinates = coordinates if mask is None else coordinates.masked_fill(~mask[:, None], 0.0)
    missing = (0, max(0, rules.n_components - values.shape[-1]))
    coordinates = torch.nn.functional.pad(coordinates, (0, 0, *missing))
    variances = torch.nn.functional.pad(positive, missing) / counts[:, None]
    precision = ROUNDING_UNITS * torch.finfo(distances.dtype).eps
    layout = layout_of(
        lambda: [coordinates],
        variances,
        (precision * variances[:, :1] / variances).nan_to_num(nan=torch.inf),
        n_components=rules.n_components,
        sign=rules.sign,
        gap_tol=rules.gap_tol,
        sign_tol=with_precision(rules, distances.dtype).sign_tol,
    )
    size, factor = canonical_units(unit_length(variances, rules.scale, 0.0), unit, rules.scale)
    signed = coordinates[:, : rules.n_components] * (layout.signs * factor[:, None])[..., None]
    layout = layout._replace(spreads=layout.spreads * factor[:, None])
    energy = values.abs().sum(-1)
    share = (energy - values.sum(-1)) / 2 / energy.masked_fill(energy == 0, 1.0)
    return CanonicalClouds(signed, size, layout, share)


def one_distance_frame(
    distances: np.ndarray, rules: Rules, device: torch.device
) -> tuple[OneFrame, torch.Tensor]:
    """The canonical frame of one cloud, in which new points find their place by distances.

    Parameters
    ----------
    distances : ndarray of shape (n_points, n_points)
    rules : Rules
    device : torch.device

    Returns
    -------
    frame : OneFrame
        ``(-D**2 / 2 - mean) @ axes / size`` are the coordinates of points at distances `D` of
        these (Gower's formula).
    negative_energy : Tensor of shape ()
    """
    squares = to_tensor(distances, device=device, dtype=torch.float64).square()
    clouds = scaled_clouds(to_tensor(distances, device=device)[None], None, rules)
    coordinates = clouds.coordinates[0] * clouds.size
    energies = coordinates.square().sum(-1)
    axes = coordinates / energies.masked_fill(energies == 0, 1.0)[:, None]
    layout = clouds.layout._replace(spreads=clouds.layout.spreads * clouds.size)
    counts = torch.full_like(clouds.size, len(distances))
    errors = sampling_errors(lambda: [clouds.coordinates], counts)
    frame = OneFrame(-squares.mean(0) / 2, axes.mT, clouds.size[0], layout, errors)
    return frame, clouds.negative_energy[0]
