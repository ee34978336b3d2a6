"""Random changes of rows and images that leave alone what they show.

Each step is called with a batch and a generator, ``step(batch, generator)``, and gives a new batch
of the same shape and type. It keeps no state, so that a step can be pickled, compared and shared.
They are classes in the manner of `functools.partial`, used like functions that give functions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, grid_sample

Step = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class gaussian_noise:
    """Add independent normal noise to every entry.

    Parameters
    ----------
    scale : float
        Standard deviation, in units of the data; 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import gaussian_noise
    >>> gaussian_noise(0.1)(torch.zeros(5, 3), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3])
    """

    scale: float

    def __post_init__(self) -> None:
        _check_range(self, "scale", self.scale, 0, math.inf)

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Noisy copy of a batch (n, ...)."""
        _check_floating(self, batch)
        noise = torch.empty(batch.shape, dtype=batch.dtype, device=generator.device)
        return batch + self.scale * noise.normal_(generator=generator).to(batch.device)


@dataclass(frozen=True)
class feature_dropout:
    """Set entries of rows to 0, their mean in a standardised table.

    The others stay as they are, and are not scaled up as in layers of networks: a row with gaps
    should look like a row.

    Parameters
    ----------
    rate : float
        Probability of each entry, within 0 and 1, independently of the others.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import feature_dropout
    >>> feature_dropout(1.0)(torch.ones(2, 3), torch.Generator())
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """

    rate: float

    def __post_init__(self) -> None:
        _check_range(self, "rate", self.rate, 0, 1)

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Copy of rows (n, d) with gaps."""
        _check_floating(self, batch)
        if batch.ndim != 2:
            raise ValueError(f"{self} needs rows (n, d), not shape {tuple(batch.shape)}.")
        return batch.masked_fill(_uniform(batch, generator, batch.shape[1]) < self.rate, 0)


@dataclass(frozen=True)
class random_shift:
    """Move each image by whole pixels; what comes in is the image reflected at its border.

    Parameters
    ----------
    max_pixels : int
        Largest step up, down, left and right, each way equally likely. Less than the height and
        the width of the images; 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import random_shift
    >>> random_shift(2)(torch.rand(5, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1, 8, 8])
    """

    max_pixels: int

    def __post_init__(self) -> None:
        _check_range(self, "max_pixels", self.max_pixels, 0, math.inf)
        if self.max_pixels % 1:
            raise ValueError(f"random_shift: max_pixels={self.max_pixels} must be whole.")

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Moved copies of images (n, c, h, w)."""
        _check_images(self, batch)
        if self.max_pixels >= min(batch.shape[2:]):
            raise ValueError(f"{self} is too far for images of shape {tuple(batch.shape[1:])}.")
        places = _uniform(batch, generator, 2) * (2 * self.max_pixels + 1)
        offsets = places.long() - self.max_pixels
        rows = _reflected(offsets[:, :1], batch.shape[2])
        columns = _reflected(offsets[:, 1:], batch.shape[3])
        images, channels = (torch.arange(k, device=batch.device) for k in batch.shape[:2])
        return batch[
            images[:, None, None, None],
            channels[:, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]


@dataclass(frozen=True)
class random_flip:
    """Swap left and right in about half of the images.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import random_flip
    >>> random_flip()(torch.rand(5, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1, 8, 8])
    """

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Copies of images (n, c, h, w), some of them flipped."""
        _check_images(self, batch)
        is_flipped = _uniform(batch, generator, 1)[..., None, None] < 0.5
        return torch.where(is_flipped, batch.flip(-1), batch)


@dataclass(frozen=True)
class random_erase:
    """Hide a rectangle of each image behind the mean colour of the image.

    The rectangle lies anywhere within the image, and is at most as long as the image relative to
    its own width: between ``share ** (1/3)`` and ``share ** (2/3)`` of either side. The mean has
    the unit of the images, which need not be standardised.

    Parameters
    ----------
    share : float
        Share of the area, within 0 and 1, up to whole pixels; 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import random_erase
    >>> random_erase(0.2)(torch.rand(5, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1, 8, 8])
    """

    share: float

    def __post_init__(self) -> None:
        _check_range(self, "share", self.share, 0, 1)

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Copies of images (n, c, h, w) with a rectangle each."""
        _check_images(self, batch)
        power, down, right = _uniform(batch, generator, 3).split(1, dim=1)
        tall = self.share ** ((1 + power) / 3)
        wide = self.share ** ((2 - power) / 3)
        rows = _interval(tall, down, batch.shape[2])
        columns = _interval(wide, right, batch.shape[3])
        is_hidden = rows[:, None, :, None] & columns[:, None, None, :]
        return torch.where(is_hidden, batch.mean((2, 3), keepdim=True), batch)


@dataclass(frozen=True)
class random_affine:
    """Turn and zoom each image around its middle, by linear interpolation.

    Pixels are square, whatever the shape of the images. What comes in at the border is the image
    reflected there.

    Parameters
    ----------
    degrees : float
        Largest turn either way; all are equally likely.
    scale : float, default=0.0
        Largest zoom: between ``1 / (1 + scale)`` and ``1 + scale``, even in logarithms.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import random_affine
    >>> random_affine(10, 0.1)(torch.rand(5, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1, 8, 8])
    """

    degrees: float
    scale: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self, "degrees", self.degrees, 0, math.inf)
        _check_range(self, "scale", self.scale, 0, math.inf)

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Turned and zoomed copies of images (n, c, h, w)."""
        _check_images(self, batch)
        turns, zooms = (2 * _uniform(batch, generator, 2) - 1).unbind(1)
        angles = math.radians(self.degrees) * turns
        # Where each pixel comes from: a larger image samples a smaller part.
        shrinks = torch.exp(-math.log1p(self.scale) * zooms)
        maps = _places(angles, shrinks, batch.shape[2] / batch.shape[3]).to(batch.dtype)
        grid = affine_grid(maps, list(batch.shape), align_corners=False)
        return grid_sample(batch, grid, padding_mode="reflection", align_corners=False)


@dataclass(frozen=True, init=False, repr=False)
class compose:
    """Take steps one after the other.

    Parameters
    ----------
    *steps : callable
        Each is called with the batch that the one before left, and with the generator. Without
        any the batch stays as it is.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import compose, random_flip, random_shift
    >>> step = compose(random_flip(), random_shift(2))
    >>> step
    compose(random_flip(), random_shift(max_pixels=2))
    >>> step(torch.rand(5, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1, 8, 8])
    """

    steps: tuple[Step, ...]

    def __init__(self, *steps: Step) -> None:
        object.__setattr__(self, "steps", steps)  # frozen

    def __repr__(self) -> str:
        return f"compose({', '.join(map(repr, self.steps))})"

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The batch after all steps."""
        for step in self.steps:
            batch = step(batch, generator)
        return batch


def _check_range(step: Step, name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most or value == math.inf:
        raise ValueError(
            f"{type(step).__name__}: {name}={value} must be within {least} and {most}."
        )


def _check_floating(step: Step, batch: torch.Tensor) -> None:
    if not batch.is_floating_point():
        raise ValueError(f"{step} needs floating point numbers, not {batch.dtype}.")


def _check_images(step: Step, batch: torch.Tensor) -> None:
    _check_floating(step, batch)
    if batch.ndim != 4:
        raise ValueError(f"{step} needs images (n, c, h, w), not shape {tuple(batch.shape)}.")


def _uniform(batch: torch.Tensor, generator: torch.Generator, n_columns: int) -> torch.Tensor:
    """Numbers in [0, 1), a row for each sample, from a generator that may be on another device."""
    shape, device = (len(batch), n_columns), generator.device
    draws = torch.rand(shape, generator=generator, dtype=torch.float32, device=device)
    return draws.to(batch.device)


def _reflected(offsets: torch.Tensor, length: int) -> torch.Tensor:
    """Which of `length` places to read (n, length) after a step of less than that (n, 1)."""
    places = (torch.arange(length, device=offsets.device) - offsets).abs()
    return length - 1 - (length - 1 - places).abs()


def _interval(shares: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
    """Which of `length` places (n, length) lie in intervals of these shares (n, 1) of them."""
    lengths = (shares * length).round()
    starts = (positions * (length - lengths + 1)).floor()
    places = torch.arange(length, device=shares.device)
    return (starts <= places) & (places < starts + lengths)


def _places(angles: torch.Tensor, shrinks: torch.Tensor, aspect: float) -> torch.Tensor:
    """Maps (n, 2, 3) in coordinates that run from -1 to 1, whatever height and width are."""
    cosines, sines = shrinks * torch.cos(angles), shrinks * torch.sin(angles)
    rows = [cosines, -aspect * sines, 0 * sines, sines / aspect, cosines, 0 * sines]
    return torch.stack(rows, 1).reshape(-1, 2, 3)
