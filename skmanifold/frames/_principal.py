"""Principal axes of point clouds, and how sure axes and signs are."""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import NamedTuple

import torch

from skmanifold.frames._moments import joint_sums, odd_sums
from skmanifold.frames._signs import decided_signs
from skmanifold.linalg import symmetric_eigen

# Coordinates about the mean, (n_clouds, n_axes, n_points), one block of points after another.
Blocks = Callable[[], Iterable[torch.Tensor]]

# Where the smallest eigenvalue is below this share of the largest, axes are found a second time
# from coordinates along the first ones: rounding is then relative to the extent of each axis.
GRADED = 1e-5


class Layout(NamedTuple):
    """How clouds extend along their axes, and how sure axes and signs are.

    Gaps and margins are 0 where nothing decides, and infinite where there is nothing to decide.
    """

    spreads: torch.Tensor  # (n_clouds, n_components); root mean squares along the axes
    signs: torch.Tensor  # (n_clouds, n_components); 0 where a cloud does not extend
    gaps: torch.Tensor  # (n_clouds, n_components); relative, to the next variance
    margins: torch.Tensor  # (n_clouds, n_components); of the moments that decide the signs

    @property
    def tied(self) -> torch.Tensor:
        """Whether variances of a cloud are equal, of shape (n_clouds,)."""
        return (self.gaps == 0).any(-1)

    @property
    def unsigned(self) -> torch.Tensor:
        """Whether no moment decides one of the signs of a cloud, of shape (n_clouds,)."""
        return (self.margins == 0).any(-1)


def turned(blocks: Blocks, axes: torch.Tensor) -> Blocks:
    """The blocks in coordinates along other axes, of shape (n_clouds, n_dims, n_axes)."""
    return lambda: (axes.mT @ block for block in blocks())


def total(statistic: Callable[[torch.Tensor], torch.Tensor], blocks: Blocks) -> torch.Tensor:
    """Sum of a statistic over the blocks of points."""
    return reduce(torch.add, (statistic(block) for block in blocks()))


def totals(
    statistics: Callable[[torch.Tensor], tuple[torch.Tensor, ...]], blocks: Blocks
) -> list[torch.Tensor]:
    """Sums of several statistics, for which the blocks are read once."""
    sums: list[torch.Tensor] = []
    for block in blocks():
        found = statistics(block)
        sums = [old + new for old, new in zip(sums, found, strict=True)] if sums else list(found)
    return sums


def _eigen(blocks: Blocks, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues and eigenvectors of the covariances."""
    gram = total(lambda block: block @ block.mT, blocks)
    return symmetric_eigen(gram / counts[:, None, None])


def principal_axes(
    blocks: Blocks, counts: torch.Tensor, span: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Variances along the principal axes, largest first, and the axes.

    Parameters
    ----------
    blocks : callable
        Gives blocks of coordinates about the mean.
    counts : Tensor of shape (n_clouds,)
        Numbers of points.
    span : Tensor of shape (n_clouds, n_dims, n_axes), optional
        Orthonormal columns that span the clouds, where these have fewer points than dimensions.

    Returns
    -------
    variances : Tensor of shape (n_clouds, n_axes)
    axes : Tensor of shape (n_clouds, n_dims, n_axes)
        Orthonormal columns.
    """
    variances, axes = _eigen(blocks if span is None else turned(blocks, span), counts)
    axes = axes if span is None else span @ axes
    if (variances[:, -1] < GRADED * variances[:, 0]).any():
        variances, turn = _eigen(turned(blocks, axes), counts)
        axes = axes @ turn
    return variances, axes


def _gaps(variances: torch.Tensor, absent: torch.Tensor) -> torch.Tensor:
    """Gap between each variance and the next one, relative to the former."""
    following = torch.nn.functional.pad(variances.masked_fill(absent, 0.0), (0, 1))[:, 1:]
    gaps = 1 - following / variances.masked_fill(absent, 1.0)
    return gaps.clamp_min(0.0).masked_fill(absent, torch.inf)


def _extremes(blocks: Blocks) -> torch.Tensor:
    """Largest coordinates against smallest ones, in the form of `odd_sums`."""
    lows = reduce(torch.minimum, (block.amin(-1) for block in blocks()))
    highs = reduce(torch.maximum, (block.amax(-1) for block in blocks()))
    return torch.stack([highs + lows, torch.maximum(highs, -lows)], dim=-1)[..., None, :]


def _signs(
    blocks: Blocks,
    rule: str,
    odd: torch.Tensor | None,
    tolerance: torch.Tensor,
    absent: torch.Tensor,
    parity: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs by one of the rules, and their margins."""

    def joint(clouds: torch.Tensor, n_axes: int) -> torch.Tensor:
        # Rounding along an axis without extent would look like a shape of its own.
        there = ~absent[clouds, :n_axes, None]
        return total(lambda block: joint_sums(block[clouds, :n_axes] * there), blocks)

    bounds = {"absent": absent, "parity": parity}
    if rule == "moment":
        odd = total(odd_sums, blocks) if odd is None else odd
        return decided_signs(odd, joint, tolerance, **bounds)
    if rule == "maxabs":
        return decided_signs(_extremes(blocks), None, tolerance, **bounds)
    as_found = torch.ones((*absent.shape, 1, 2), dtype=tolerance.dtype, device=tolerance.device)
    signs, margins = decided_signs(as_found, None, tolerance, **bounds)
    return signs, torch.full_like(margins, torch.inf)


@torch.no_grad()
def layout_of(
    blocks: Blocks,
    variances: torch.Tensor,
    noise: torch.Tensor,
    *,
    n_components: int,
    odd: torch.Tensor | None = None,
    sign: str = "moment",
    parity: torch.Tensor | None = None,
    gap_tol: float = 1e-6,
    sign_tol: float = 1e-6,
) -> Layout:
    """Extents, gaps and signs of clouds in coordinates along their principal axes.

    Parameters
    ----------
    blocks : callable
        Gives blocks of coordinates along the principal axes.
    variances : Tensor of shape (n_clouds, n_axes)
        Their mean squares.
    noise : Tensor of shape (n_clouds, n_axes)
        What rounding may make up of the extent along each axis, as a share; from 1 on there is
        nothing but rounding.
    n_components : int
        The axes to be used; of the others, only the gap to the first matters.
    odd : Tensor of shape (n_clouds, n_axes, 3, 2), optional
        `odd_sums` of the blocks, if they are known already.
    sign : {"moment", "maxabs", "none"}, default="moment"
        What decides signs: moments, or the largest coordinate, or the eigensolver.
    parity : Tensor of shape (n_clouds,), optional
        The product that the signs of a cloud must have which extends along every axis.
    gap_tol, sign_tol : float, default=1e-6
        Relative gaps, and moments as a share of their absolute terms, up to which axes and signs
        are undetermined. Rounding raises them where it is larger.
    """
    absent = noise >= 1
    gaps = _gaps(variances, absent)[:, :n_components]
    kept, absent, noise = (each[:, :n_components] for each in (variances, absent, noise))
    parity = torch.zeros_like(kept[:, 0]) if parity is None else parity
    parity = parity.masked_fill(absent.any(-1), 0.0)
    tolerance = noise.clamp_min(sign_tol)
    signs, margins = _signs(
        lambda: (block[:, :n_components] for block in blocks()),
        sign,
        None if odd is None else odd[:, :n_components],
        tolerance,
        absent,
        parity,
    )
    return Layout(
        kept.sqrt().masked_fill(absent, 0.0),
        signs.masked_fill(absent, 0.0),
        gaps.masked_fill((gaps <= (2 * noise).clamp_min(gap_tol)) & ~absent, 0.0),
        margins.masked_fill((margins <= tolerance) & ~absent, 0.0),
    )
