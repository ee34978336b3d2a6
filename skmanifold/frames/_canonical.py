"""Canonical coordinates of point clouds: classical scaling of their distances, made unique."""

from typing import NamedTuple

import torch

from skmanifold.frames._moments import axis_sums
from skmanifold.frames._principal import Blocks, Layout, layout_of, principal_axes, totals, turned


class Rules(NamedTuple):
    """What makes coordinates unique; see `tinv_mds`."""

    n_components: int
    scale: str | None = "max_eig"
    sign: str = "moment"
    chiral: bool = False
    gap_tol: float = 1e-6
    sign_tol: float = 1e-6


class Frame(NamedTuple):
    """Where clouds lie: ``axes.T @ (x - mean) / size`` are their canonical coordinates."""

    axes: torch.Tensor  # (n_clouds, n_dims, n_components); zero where a cloud does not extend
    size: torch.Tensor  # (n_clouds,)
    layout: Layout


class CanonicalClouds(NamedTuple):
    """Clouds in canonical coordinates, and what these leave out and leave open."""

    coordinates: torch.Tensor  # (n_clouds, n_components, n_points)
    size: torch.Tensor  # (n_clouds,); the length that became 1, in units of the data
    layout: Layout  # in canonical units
    negative_energy: torch.Tensor  # (n_clouds,); what of given distances no coordinates can show


def power_of_two(lengths: torch.Tensor) -> torch.Tensor:
    """The powers of two next above: to divide by them is exact."""
    exponents = torch.frexp(lengths).exponent.clamp(-1000, 1000)
    return torch.ldexp(torch.ones_like(lengths), exponents)


def rounding_level(n_dims: int, dtype: torch.dtype) -> float:
    """Extent that rounding can feign in coordinates of size 1, after a rotation."""
    return 8 * n_dims * torch.finfo(dtype).eps


def with_precision(rules: Rules, dtype: torch.dtype) -> Rules:
    """Rules under which rounding decides no signs: moments need half of the digits.

    What rounding may cause depends on where a cloud lies. A limit well above it is the same for
    all copies of a cloud.
    """
    return rules._replace(sign_tol=max(rules.sign_tol, torch.finfo(dtype).eps ** 0.5))


def unit_length(variances: torch.Tensor, scale: str | None, rounding: float) -> torch.Tensor:
    """The length that becomes 1, of shape (n_clouds,); 1 also for clouds of a single place."""
    if scale is None:
        return torch.ones_like(variances[:, 0])
    square = variances[:, 0] if scale == "max_eig" else variances.sum(-1)
    return torch.where(square > rounding**2, square, 1.0).sqrt()


def point_counts(points: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Numbers of points in the last axis that are no filling, at least 1, of shape (n_clouds,)."""
    counts = torch.full_like(points[:, 0, 0], points.shape[-1])
    return counts if mask is None else mask.sum(-1).clamp_min(1).to(counts)


def canonical_units(
    size: torch.Tensor, unit: torch.Tensor, scale: str | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The length that becomes 1 in units of the data, and the factor that makes it so.

    Parameters
    ----------
    size : Tensor of shape (n_clouds,)
        That length for clouds in multiples of `unit`, to which the factor applies.
    unit : Tensor of shape (n_clouds,)
        In units of the data, which a `scale` of None goes back to.
    scale : str or None
    """
    return (torch.ones_like(size), unit) if scale is None else (size * unit, 1 / size)


def canonical_frame(
    blocks: Blocks,
    counts: torch.Tensor,
    rounding: float,
    rules: Rules,
    span: torch.Tensor | None = None,
) -> Frame:
    """Axes, signs and size of clouds about their means.

    Parameters
    ----------
    blocks : callable
        Gives blocks of coordinates about the mean, each of shape (n_clouds, n_dims, n_points).
    counts : Tensor of shape (n_clouds,)
        Numbers of points.
    rounding : float
        Extent up to which coordinates may be rounding.
    rules : Rules
    span : Tensor of shape (n_clouds, n_dims, n_axes), optional
        See `principal_axes`.
    """
    variances, axes = principal_axes(blocks, counts, span)
    axes = torch.nn.functional.pad(axes, (0, max(0, rules.n_components - axes.shape[-1])))
    found = axes.detach()
    along = turned(blocks, found)
    with torch.no_grad():  # squares of coordinates tell small extents better than eigenvalues do
        sums, odd = totals(axis_sums, along)
        squares = sums / counts[:, None]
    handed = rules.chiral and found.shape[-1] == found.shape[-2]
    layout = layout_of(
        along,
        squares,
        rounding / squares.sqrt(),
        n_components=rules.n_components,
        odd=odd,
        sign=rules.sign,
        parity=torch.linalg.det(found).sign() if handed else None,
        gap_tol=rules.gap_tol,
        sign_tol=rules.sign_tol,
    )
    signed = axes[..., : rules.n_components] * layout.signs[:, None]
    return Frame(signed, unit_length(variances, rules.scale, rounding), layout)


def spanning_axes(centered: torch.Tensor) -> torch.Tensor | None:
    """Orthonormal columns that span clouds of fewer points than dimensions; None for others."""
    n_dims, n_points = centered.shape[-2:]
    return torch.linalg.qr(centered.detach()).Q if n_points < n_dims else None


def _largest(points: torch.Tensor) -> torch.Tensor:
    """Size of the largest coordinate of each cloud; refuses NaN and infinity."""
    largest = points.detach().abs().amax((1, 2))
    if not largest.isfinite().all():
        # The eigensolver would say that the matrix is ill-conditioned.
        clouds = (~largest.isfinite()).nonzero().squeeze(-1).tolist()
        raise ValueError(
            f"x holds NaN or infinity in {len(clouds)} of {len(points)} clouds (the first is "
            f"number {clouds[0]}); leave such points out, or set their rows of mask to False."
        )
    return largest


def canonical_clouds(x: torch.Tensor, mask: torch.Tensor | None, rules: Rules) -> CanonicalClouds:
    """Canonical coordinates of each cloud of a batch.

    Parameters
    ----------
    x : Tensor of shape (n_clouds, n_points, n_dims)
    mask : Tensor of bool, of shape (n_clouds, n_points), or None
        False at rows that only fill up.
    rules : Rules
    """
    points = x.mT.to(torch.float64).contiguous()
    padded = None if mask is None else ~mask[:, None]
    points = points if padded is None else points.masked_fill(padded, 0.0)
    counts = point_counts(points, mask)
    unit = power_of_two(_largest(points))
    points = points / unit[:, None, None]
    centered = points - points.sum(-1, keepdim=True) / counts[:, None, None]
    centered = centered if padded is None else centered.masked_fill(padded, 0.0)
    rounding = rounding_level(x.shape[-1], x.dtype)
    rules = with_precision(rules, x.dtype)
    frame = canonical_frame(lambda: [centered], counts, rounding, rules, spanning_axes(centered))
    size, factor = canonical_units(frame.size, unit, rules.scale)
    coordinates = frame.axes.mT @ centered * factor[:, None, None]
    layout = frame.layout._replace(spreads=frame.layout.spreads * factor[:, None])
    return CanonicalClouds(coordinates, size, layout, torch.zeros_like(size))


def _check_input(x: torch.Tensor, mask: torch.Tensor | None) -> None:
    """Refuse what holds no clouds, and masks that do not belong to them."""
    if x.ndim < 2 or 0 in x.shape[-2:] or not x.is_floating_point():
        raise ValueError(
            "x must be a float tensor of shape (..., n_points, n_dims) with at least a point, got "
            f"{x.dtype} of shape {tuple(x.shape)}."
        )
    if mask is not None and (mask.dtype != torch.bool or mask.shape != x.shape[:-1]):
        raise ValueError(
            f"mask must be a bool tensor of shape {tuple(x.shape[:-1])}, one value for each point "
            f"of x, got {mask.dtype} of shape {tuple(mask.shape)}."
        )


def _check_choice(value: str | None, name: str, choices: tuple[str | None, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def tinv_mds(
    x: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    n_components: int | None = None,
    scale: str | None = "max_eig",
    sign: str = "moment",
    chiral: bool = False,
    gap_tol: float = 1e-6,
    sign_tol: float = 1e-6,
) -> torch.Tensor:
    """Coordinates of point clouds that no motion, mirror, scaling or order of points changes.

    Parameters
    ----------
    x : Tensor of shape (..., n_points, n_dims)
        Clouds, of any float type; the arithmetic is in float64.
    mask : Tensor of bool, of shape (..., n_points), optional
        False at rows that only fill up a cloud, whatever they hold.
    n_components : int, optional
        Number of axes, those of largest extent; all `n_dims` by default.
    scale : {"max_eig", "trace"} or None, default="max_eig"
        Root mean square that becomes 1: that along the first axis, or that of the distances from
        the mean. None keeps units.
    sign : {"moment", "maxabs", "none"}, default="moment"
        Direction of the axes: the first of the third, fifth and seventh moments above
        `sign_tol` is positive, and joint moments settle what these leave open; or the
        coordinate of largest size is positive; or as the eigensolver gives them.
    chiral : bool, default=False
        Whether mirror images shall differ. The last axis then makes the frame right-handed.
    gap_tol, sign_tol : float, default=1e-6
        Relative gaps of variances, and moments as shares of their absolute terms, up to which
        axes and signs are undetermined.

    Returns
    -------
    y : Tensor of shape (..., n_points, n_components)
        In the type of `x`. Rows that only fill up are zeros, and so are columns along which a cloud
        does not extend.

    Raises
    ------
    ValueError
        If `x` is not of a float type and of this shape, or holds NaN or infinity; if `mask` is not
        of type bool and its shape; if `n_components` is not among the dimensions, or leaves some
        out with `chiral`; if `scale` or `sign` is none of the above.

    Notes
    -----
    Gradients flow through mean, axes and scale. They grow as two variances of a cloud meet, and
    jump where a moment changes its sign; at a tie itself they are finite and leave turns within
    the tied axes out. Second derivatives exist where there are at least as many points as
    dimensions.

    References
    ----------
    .. [1] Z. Zhang, X. Wang, Z. Zhang, P. Cui and W. Zhu, "Revisiting Transformation Invariant
       Geometric Deep Learning: Are Initial Representations All You Need?", arXiv:2112.12345.

    Examples
    --------
    >>> import torch
    >>> from skmanifold import tinv_mds
    >>> cloud = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> quarter_turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    >>> torch.allclose(tinv_mds(cloud), tinv_mds(3 * cloud @ quarter_turn + 5), atol=1e-6)
    True
    """
    _check_input(x, mask)
    _check_choice(scale, "scale", ("max_eig", "trace", None))
    _check_choice(sign, "sign", ("moment", "maxabs", "none"))
    n_points, n_dims = x.shape[-2:]
    n_components = n_dims if n_components is None else n_components
    if not (n_dims if chiral else 1) <= n_components <= n_dims:
        raise ValueError(
            f"n_components={n_components} must be from 1 to the {n_dims} dimensions of x, and all "
            "of them with chiral=True."
        )
    rules = Rules(n_components, scale, sign, chiral, gap_tol, sign_tol)
    flat_mask = None if mask is None else mask.reshape(-1, n_points)
    clouds = canonical_clouds(x.reshape(-1, n_points, n_dims), flat_mask, rules)
    return clouds.coordinates.mT.to(x.dtype).reshape(*x.shape[:-1], rules.n_components)
