"""The canonical frame of one cloud of any size, read block by block."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import gen_batches

from skmanifold.frames._canonical import (
    Rules,
    canonical_frame,
    canonical_units,
    power_of_two,
    rounding_level,
    spanning_axes,
    with_precision,
)
from skmanifold.frames._principal import Layout, total, turned
from skmanifold.frames._sampling import SamplingErrors, sampling_errors
from skmanifold.utils import coordinates_at_once, to_tensor


class OneFrame(NamedTuple):
    """``(X - mean) @ axes / size`` are the canonical coordinates of the points `X`."""

    mean: torch.Tensor  # (n_dims,)
    axes: torch.Tensor  # (n_dims, n_components)
    size: torch.Tensor  # ()
    layout: Layout  # of one cloud, in units of the data
    errors: SamplingErrors  # of one cloud


def one_frame(points: np.ndarray, rules: Rules, device: torch.device) -> OneFrame:
    """The canonical frame of one cloud.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_dims)
        A copy in float64 is made of one block of rows at a time, unless there are fewer points
        than dimensions.
    rules : Rules
    device : torch.device
    """
    n_points, n_dims = points.shape
    dtype = to_tensor(points[:0]).dtype
    largest = torch.tensor([max(points.max(), -points.min())], dtype=torch.float64, device=device)
    unit = power_of_two(largest)
    wide = n_points < n_dims

    def raw() -> Iterator[torch.Tensor]:
        rows_at_once = n_points if wide else max(1, coordinates_at_once(device) // n_dims)
        for rows in gen_batches(n_points, rows_at_once):
            yield to_tensor(points[rows], device=device, dtype=torch.float64) / unit

    mean = total(lambda block: block.sum(0), raw) / n_points

    def blocks() -> Iterator[torch.Tensor]:
        return ((block - mean).mT[None] for block in raw())

    counts = torch.full_like(unit, n_points)
    frame = canonical_frame(
        blocks,
        counts,
        rounding_level(n_dims, dtype),
        with_precision(rules, dtype),
        spanning_axes(next(blocks())) if wide else None,
    )
    layout = frame.layout._replace(spreads=frame.layout.spreads * unit)
    size, _ = canonical_units(frame.size, unit, rules.scale)
    errors = sampling_errors(turned(blocks, frame.axes), counts)
    return OneFrame(mean * unit, frame.axes[0], size[0], layout, errors)
