"""Nets that train in several processes, or in mixed precision, through accelerate."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from skmanifold.nn._training import BatchNet


def accelerated_net(
    make_accelerator: Callable[[], Any] | None, device: torch.device
) -> tuple[Callable[..., BatchNet], dict[str, Any]]:
    """The kind of net to train, and the arguments that say where.

    Parameters
    ----------
    make_accelerator : callable or None
        Gives an `accelerate.Accelerator`: the class itself, or a `functools.partial` of it. None
        trains in this process, in single precision.
    device : torch.device
        Not used with an accelerator, which places things itself.

    Returns
    -------
    net_type : callable
        Makes a `BatchNet`.
    placement : dict
        Further arguments for it.

    Raises
    ------
    ImportError
        If skorch's part for accelerate is not there.
    """
    if make_accelerator is None:
        return BatchNet, {"device": str(device)}
    from skorch.hf import AccelerateMixin

    class AcceleratedBatchNet(AccelerateMixin, BatchNet):
        """A `BatchNet` whose module and optimizer are prepared by an accelerator."""

    accelerator = make_accelerator()
    shard = (accelerator.process_index, accelerator.num_processes)
    return partial(AcceleratedBatchNet, accelerator=accelerator), {"iterator_train__shard": shard}
