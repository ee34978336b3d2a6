"""Signs of axes that a cloud itself decides."""

from collections.abc import Callable, Sequence

import torch

from skmanifold.frames._moments import decisive, joint_sets

JointSums = Callable[[torch.Tensor], torch.Tensor]


class _Equations:
    """Known products of signs over sets of axes, cloud by cloud.

    They are linear equations over the field of two elements, kept in echelon form: an equation of
    axis p has p as its last axis, and no two have the same.
    """

    def __init__(self, n_clouds: int, n_axes: int, device: torch.device) -> None:
        shape = (n_clouds, n_axes)
        self._sets = torch.zeros((*shape, n_axes), dtype=torch.bool, device=device)
        self._products = torch.ones(shape, dtype=torch.float64, device=device)
        self.known = torch.zeros(shape, dtype=torch.bool, device=device)
        self.margins = torch.zeros(shape, dtype=torch.float64, device=device)

    def add(self, axes: Sequence[int], moments: torch.Tensor, large: torch.Tensor) -> None:
        """Learn the product of the signs of `axes` where `moments` are large and it is unknown."""
        equation = torch.zeros_like(self.known)
        equation[:, list(axes)] = True
        product, fresh = moments.sign(), large
        for axis in reversed(range(self.known.shape[1])):
            holds = fresh & equation[:, axis]
            known = holds & self.known[:, axis]
            equation = equation ^ (self._sets[:, axis] & known[:, None])
            product = torch.where(known, product * self._products[:, axis], product)
            new = holds & ~known
            self._sets[new, axis], self._products[new, axis] = equation[new], product[new]
            self.known[new, axis], self.margins[new, axis] = True, moments[new].abs()
            fresh = fresh & ~new

    def solution(self) -> torch.Tensor:
        """Signs of shape (n_clouds, n_axes); +1 where no equation decides."""
        signs = self._products.clone()
        for axis in range(signs.shape[1]):
            others = self._sets[:, axis, :axis]
            signs[:, axis] *= torch.where(others, signs[:, :axis], 1.0).prod(-1)
        return signs


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
    for axes, sums in zip(joint_sets(n_axes), joint.unbind(1), strict=True):
        if equations.known.all():
            break
        noise = tolerance[:, list(axes)].amax(-1)
        moments = decisive(sums, noise)
        equations.add(axes, moments, moments.abs() > noise)
    return equations.solution(), torch.where(equations.known, equations.margins, own.abs())


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
        ``joint(clouds)`` gives `joint_sums` of the clouds of these indices.
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
    unsure = (margins <= tolerance).any(-1).nonzero().squeeze(-1)
    if joint is not None and len(unsure):
        signs[unsure], margins[unsure] = _joint_signs(
            own[unsure], joint(unsure), tolerance[unsure], absent[unsure], parity[unsure]
        )
    return signs, margins
