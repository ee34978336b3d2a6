"""Features of point clouds that no motion, mirror, scaling or order of points changes.

Everything is an even function of coordinates along the principal axes, so that the signs of the
axes do not matter: averages over all frames come without building them. Axes of nearly the same
extent share their squares. The features are therefore continuous even where two variances of a
cloud meet and its axes may turn at will.
"""

import math
from typing import NamedTuple

import torch

from skmanifold.frames._canonical import point_counts
from skmanifold.frames._handedness import handedness

# Variances are shared between axes as far as their relative difference is below this. Small clouds
# of symmetric shapes have differences of that size by chance.
SMOOTHING = 0.25
N_QUANTILES = 12
N_FREQUENCIES = 32
# Standard deviation of frequencies for clouds of root mean square radius 1.
BANDWIDTH = 4.0


def likeness(spreads: torch.Tensor) -> torch.Tensor:
    """How far pairs of axes have the same extent: 1 at a tie, 0 where extents differ.

    Parameters
    ----------
    spreads : Tensor of shape (n_clouds, n_axes)
        Root mean squares along the axes.

    Returns
    -------
    likeness : Tensor of shape (n_clouds, n_axes, n_axes)
    """
    variances = spreads.square()
    first, second = variances[:, :, None], variances[:, None, :]
    total = (first + second).clamp_min(torch.finfo(spreads.dtype).tiny)
    alike = torch.exp(-(((first - second) / (SMOOTHING * total)) ** 2))
    # Exactly 0 between an axis and one without extent: how many of these there are must not matter.
    least = math.exp(-1 / SMOOTHING**2)
    return ((alike - least) / (1 - least)).clamp_min(0.0)


def masked_quantiles(
    values: torch.Tensor, counts: torch.Tensor, levels: torch.Tensor
) -> torch.Tensor:
    """Quantiles of the first values of each row, interpolated between neighbours.

    Parameters
    ----------
    values : Tensor of shape (n_clouds, n_rows, n_points)
        Infinite at points that only fill up.
    counts : Tensor of shape (n_clouds,)
        Numbers of finite values.
    levels : Tensor of shape (n_levels,)
        In [0, 1].

    Returns
    -------
    quantiles : Tensor of shape (n_clouds, n_rows, n_levels)
    """
    place = (levels * (counts[:, None] - 1))[:, None].expand(-1, values.shape[1], -1)
    below = place.floor().to(torch.int64)
    above = place.ceil().to(torch.int64)
    ordered = values.sort(dim=-1).values
    return torch.lerp(ordered.gather(-1, below), ordered.gather(-1, above), place - below)


class WaveMoments(NamedTuple):
    """Means over the points of each cloud, weighted by waves."""

    means: torch.Tensor  # (n_clouds, n_frequencies); of the waves themselves
    vectors: torch.Tensor  # (n_clouds, n_frequencies, n_axes); of coordinates
    matrices: torch.Tensor | None  # (n_clouds, n_frequencies, n_axes, n_axes); of their products


def wave_moments(
    coordinates: torch.Tensor,
    radii: torch.Tensor,
    counts: torch.Tensor,
    frequencies: torch.Tensor,
    *,
    with_matrices: bool,
) -> WaveMoments:
    """Moments of clouds weighted by ``cos(w_1 r_1) cos(w_2 r_2) ...``, per frequency w.

    Parameters
    ----------
    coordinates : Tensor of shape (n_clouds, n_axes, n_points)
        Zeros at points that only fill up.
    radii : Tensor of shape (n_clouds, n_kept, n_points)
        Sizes of coordinates, r. Zeros, for which the wave is 1, at points that only fill up.
    counts : Tensor of shape (n_clouds,)
    frequencies : Tensor of shape (n_frequencies, n_kept)
    with_matrices : bool
    """
    filling = radii.shape[-1] - counts
    means, vectors, matrices = [], [], []
    for frequency in frequencies:  # one at a time: together they would be many times the clouds
        wave = torch.cos(frequency[:, None] * radii).prod(dim=1)
        means.append((wave.sum(-1) - filling) / counts)
        vectors.append((coordinates @ wave[..., None]).squeeze(-1) / counts[:, None])
        if with_matrices:
            weighted = coordinates * wave[:, None]
            matrices.append(weighted @ coordinates.mT / counts[:, None, None])
    return WaveMoments(
        torch.stack(means, dim=1),
        torch.stack(vectors, dim=1),
        torch.stack(matrices, dim=1) if with_matrices else None,
    )


def cloud_features(
    coordinates: torch.Tensor,
    spreads: torch.Tensor,
    frequencies: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    chiral: bool = False,
) -> torch.Tensor:
    """Features of a fixed number of clouds of any number of points.

    Parameters
    ----------
    coordinates : Tensor of shape (n_clouds, n_axes, n_points)
        Along the principal axes, of root mean square radius 1; right-handed if `chiral`.
    spreads : Tensor of shape (n_clouds, n_axes)
        Root mean squares along the axes.
    frequencies : Tensor of shape (n_frequencies, n_kept)
        Where the mean embedding under the Gaussian kernel is read. Features are of the first
        `n_kept` axes; further ones only share their squares, where extents are alike.
    mask : Tensor of bool, of shape (n_clouds, n_points), optional
        False at points that only fill up.
    chiral : bool, default=False
        Whether to add features that tell mirror images apart.

    Returns
    -------
    features : Tensor of shape (n_clouds, n_features)
        See `n_cloud_features`. In this order: the spreads; quantiles of the sizes of each
        coordinate and of the radius; the mean embedding, averaged over frames; sizes of its
        odd parts along each axis; and `handedness`, if `chiral`.
    """
    counts = point_counts(coordinates, mask)
    n_kept = frequencies.shape[1]
    alike = likeness(spreads)
    shares = (alike / alike.sum(-1, keepdim=True))[:, :n_kept]
    squares = coordinates.square()
    radii = (shares @ squares).sqrt()
    lengths = torch.cat([radii, squares.sum(1, keepdim=True).sqrt()], dim=1)
    lengths = lengths if mask is None else lengths.masked_fill(~mask[:, None], torch.inf)
    levels = (torch.arange(N_QUANTILES).to(coordinates) + 0.5) / N_QUANTILES
    waves = wave_moments(coordinates, radii, counts, frequencies, with_matrices=chiral)
    parts = [
        spreads[:, :n_kept],
        masked_quantiles(lengths, counts, levels).flatten(1),
        waves.means,
        (shares @ waves.vectors.square().mT).sqrt().flatten(1),
    ]
    if waves.matrices is not None:
        given = coordinates, spreads, alike, counts, frequencies
        parts.append(handedness(*given, waves.vectors, waves.matrices))
    return torch.cat(parts, dim=1)


def n_cloud_features(n_axes: int, *, chiral: bool = False) -> int:
    """Number of features that `cloud_features` gives: 179 in three dimensions."""
    quantiles, waves = N_QUANTILES * (n_axes + 1), N_FREQUENCIES * (n_axes + 1)
    return n_axes + quantiles + waves + chiral * 3 * N_FREQUENCIES


def draw_frequencies(n_axes: int, generator: torch.Generator) -> torch.Tensor:
    """Frequencies for `cloud_features`, of shape (N_FREQUENCIES, n_axes)."""
    normal = torch.randn((N_FREQUENCIES, n_axes), dtype=torch.float64, generator=generator)
    return BANDWIDTH * normal
