"""Encoders of rows, and the network with two heads that clustering trains."""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils import skip_init

from skmanifold.nn._conv import initialise

Encoder = nn.Module | Callable[..., nn.Module]


def mlp_encoder(
    n_features: int, hidden_dim: int = 256, *, n_layers: int = 2, generator: torch.Generator
) -> nn.Module:
    """Layers of linear maps, batch norms and ReLUs that turn rows into rows.

    In training the norms see the whole batch; in evaluation (`Module.eval`) each row depends on
    itself alone.

    Parameters
    ----------
    n_features : int
        Length of the rows that come in.
    hidden_dim : int, default=256
        Length of the rows that go out.
    n_layers : int, default=2
        Number of layers.
    generator : torch.Generator
        Of the weights, on the CPU.

    Returns
    -------
    encoder : Module

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import mlp_encoder
    >>> mlp_encoder(3, 8, generator=torch.Generator().manual_seed(0))(torch.zeros(5, 3)).shape
    torch.Size([5, 8])
    """
    widths = [n_features] + [hidden_dim] * n_layers
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        # A bias before the norm would be idle.
        layers += [skip_init(nn.Linear, before, after, bias=False)]
        layers += [skip_init(nn.BatchNorm1d, after), nn.ReLU()]
    return initialise(nn.Sequential(*layers), generator)


class TwoHeads(nn.Module):
    """An encoder with two linear heads: unit features to represent by, and to cluster by.

    Parameters
    ----------
    encoder : Module
        Turns samples into rows.
    n_hidden : int
        Length of these rows.
    n_components : int
        Length of both features.
    generator : torch.Generator
        Of the heads' weights, on the CPU.
    """

    def __init__(
        self, encoder: nn.Module, n_hidden: int, n_components: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.feature_head = initialise(skip_init(nn.Linear, n_hidden, n_components), generator)
        self.cluster_head = initialise(skip_init(nn.Linear, n_hidden, n_components), generator)

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and cluster features, each of shape (n_samples, n_components) and unit norm."""
        hidden = self.encoder(samples)
        return normalize(self.feature_head(hidden)), normalize(self.cluster_head(hidden))

    def copy_feature_head(self) -> None:
        """Let the clusters begin from what the features have learnt."""
        self.cluster_head.load_state_dict(self.feature_head.state_dict())


def built_encoder(encoder: Encoder, sample_shape: tuple[int, ...], seed: int) -> nn.Module:
    """An encoder of its own: a copy of a module, or what a class or function makes of a shape.

    Parameters
    ----------
    encoder : Module or callable
        A callable gets the shape of a sample: the number of features, or (channels, height,
        width) of an image.
    sample_shape : tuple of int
    seed : int
        Of torch's global generator while a callable runs; it gets its state back.

    Returns
    -------
    encoder : Module
        On the CPU, in float32.

    Raises
    ------
    TypeError
        If the callable gives something else than a module.
    """
    if isinstance(encoder, nn.Module):
        # In numpy's way: what a fit trains is a copy, whatever the caller goes on to do.
        return deepcopy(encoder).cpu().float()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs as well
        made = encoder(sample_shape[0] if len(sample_shape) == 1 else sample_shape)
    if not isinstance(made, nn.Module):
        raise TypeError(f"module={encoder!r} made a {type(made).__name__}, not a torch Module.")
    return made.cpu().float()


@torch.no_grad()
def hidden_width(encoder: nn.Module, samples: torch.Tensor) -> int:
    """Length of the rows that an encoder makes of some samples, which it must not mix.

    Raises
    ------
    ValueError
        If what it gives are no rows, one for each sample.
    """
    encoder.eval()  # batch norms, too, work on a single sample then
    given = tuple(samples.shape)
    try:
        rows = encoder(samples)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"module cannot encode a batch of shape {given}: {str(error).splitlines()[0]}"
        ) from error
    shape = tuple(rows.shape) if isinstance(rows, torch.Tensor) else type(rows).__name__
    if not isinstance(rows, torch.Tensor) or rows.ndim != 2 or len(rows) != len(samples):
        raise ValueError(
            f"module returned {shape} for a batch of shape {given}; it must return one row for "
            f"each sample, of shape ({len(samples)}, n_hidden)."
        )
    return rows.shape[1]
