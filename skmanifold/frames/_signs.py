"""Signs of axes that a cloud itself decides."""

from collections.abc import Callable, Iterator, Sequence

import torch

from skmanifold.frames._moments import decisive, joint_sets, n_joint_moments

JointSums = Callable[[torch.Tensor, int], torch.Tensor]
# Sums of joint moments at a time: of 64 axes, each cloud has 260,000.
SUMS_AT_ONCE = 2**22


class _Equations:
    """Known products of signs over sets of axes, cloud by cloud.

    They are linear equations over the field of two elements, kept fully reduced: an equation of
    axis p has p as its last axis, and no other equation has p. Axes without an equation have the
    sign +1, so that the product of an equation is the sign of its axis.
    """

    def __init__(self, n_clouds: int, n_axes: int, device: torch.device) -> None:
        shape = (n_clouds, n_axes)
        self._sets = torch.zeros((*shape, n_axes), dtype=torch.bool, device=device)
        self.signs = torch.ones(shape, dtype=torch.float64, device=device)
        self.known = torch.zeros(shape, dtype=torch.bool, device=device)
        self.margins = torch.zeros(shape, dtype=torch.float64, device=device)

    def add(self, axes: Sequence[int], moments: torch.Tensor, large: torch.Tensor) -> None:
        """Learn the product of the signs of `axes` where `moments` are large and it is unknown."""
        axes = list(axes)
        equation = self._sets[:, axes].sum(1) % 2 == 1
        equation[:, axes] ^= True
        fresh = (large & equation.any(-1)).nonzero().squeeze(-1)
        if len(fresh) == 0:
            return
        equation, moments = equation[fresh], moments[fresh]
        product = moments.sign() * self.signs[fresh][:, axes].prod(-1)
        last = equation.shape[1] - 1 - equation.flip(-1).to(torch.uint8).argmax(-1)
        self.known[fresh, last], self.margins[fresh, last] = True, moments.abs()
        affected = self._sets[fresh, :, last]
        affected[torch.arange(len(fresh)), last] = True
        self._sets[fresh] ^= affected[..., None] & equation[:, None]
        self.signs[fresh] *= torch.where(affected, product[:, None], 1.0)


def _joint_signs(
    own: torch.Tensor,
    joint: torch.Tensor,
    tolerance: torch.Tensor,
    absent: torch.Tensor,
    parity: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs and margins from the moments of single axes, and then from joint ones."""
    n_axes = own.shape[1]
    equations = _Equations(len(own), n_axes, own.device)
    equations.add(range(n_axes), parity * torch.inf, parity != 0)
    for axis in range(n_axes):
        equations.add([axis], torch.full_like(own[:, axis], torch.inf), absent[:, axis])
    for axis in range(n_axes):
        equations.add([axis], own[:, axis], own[:, axis].abs() > tolerance[:, axis])
    present = tolerance.masked_fill(absent, 0.0)
    for axes, sums in zip(joint_sets(n_axes), joint.unbind(1), strict=True):
        if equations.known.all():
            break
        # Moments of one axis weigh points by squares along the others.
        noise = present[:, list(axes) if len(axes) > 1 else slice(None)].amax(-1)
        moments = decisive(sums, noise)
        equations.add(axes, moments, moments.abs() > noise)
    return equations.signs, torch.where(equations.known, equations.margins, own.abs())


def _alike(clouds: torch.Tensor, absent: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
    """Parts of some clouds, each with the number of first axes beyond which they do not extend.

    Axes without extent have no joint moments, and would only multiply the sets to look at.
    """
    number = torch.arange(1, absent.shape[1] + 1, device=absent.device)
    extents = number.masked_fill(absent[clouds], 0).amax(-1)
    for n_axes in extents.unique().tolist():
        sums_per_cloud = 2 * n_joint_moments(n_axes) * len(joint_sets(n_axes))
        for part in clouds[extents == n_axes].split(max(1, SUMS_AT_ONCE // sums_per_cloud)):
            yield part, n_axes


def decided_signs(
    odd: torch.Tensor,
    joint: JointSums | None,
    tolerance: torch.Tensor,
    *,
    absent: torch.Tensor,
    parity: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs under which the first odd moment above rounding is positive on each axis.

    Where an axis has none, joint moments of up to three axes relate its sign to the others. They
    fix all signs of a centrally symmetric cloud but one, which makes no difference to it.

    Parameters
    ----------
    odd : Tensor of shape (n_clouds, n_axes, n_moments, 2)
        Odd moments of each axis, see `odd_sums`.
    joint : callable or None
        ``joint(clouds, n_axes)`` gives `joint_sums` of the clouds of these indices, along the
        first axes.
    tolerance : Tensor of shape (n_clouds, n_axes)
        Size up to which a moment may be rounding.
    absent : Tensor of bool, of shape (n_clouds, n_axes)
        Axes along which a cloud does not extend.
    parity : Tensor of shape (n_clouds,)
        The product that all signs must have, which takes the place of the last axis' own moment;
        0 for any.

    Returns
    -------
    signs : Tensor of shape (n_clouds, n_axes)
        +1 or -1; +1 where nothing decides.
    margins : Tensor of shape (n_clouds, n_axes)
        Size of the moment that decided, as a share of its absolute terms, and of the largest one
        where none did. Infinite where there is nothing to decide.
    """
    own = decisive(odd, tolerance)
    signs, margins = torch.ones_like(own).copysign(own + 0.0), own.abs()
    bound = parity != 0
    signs[bound, -1] = (parity * signs[:, :-1].prod(-1))[bound]
    margins[bound, -1] = torch.inf
    margins[absent] = torch.inf
    unsure = ((margins <= tolerance) & ~absent).any(-1).nonzero().squeeze(-1)
    if joint is not None and len(unsure):
        for part, n_axes in _alike(unsure, absent):
            signs[part, :n_axes], margins[part, :n_axes] = _joint_signs(
                own[part, :n_axes],
                joint(part, n_axes),
                tolerance[part, :n_axes],
                absent[part, :n_axes],
                parity[part],
            )
    return signs, margins
