"""Nets that train in several processes, or in mixed precision, through accelerate.

Processes that train together meet in each step, when they take means, and wait there for each
other. So they have to decide alike: whatever ends an epoch or the training in one of them has to
do so in all.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from skorch.hf import AccelerateMixin

from skmanifold.nn._training import BatchNet, StoppedByCallback

Decision = TypeVar("Decision")


def new_accelerator(make_accelerator: Callable[[], Any] | None) -> Any:
    """The accelerator of a fit. It chooses the GPU of this process, so it has to come first.

    Parameters
    ----------
    make_accelerator : callable or None
        Gives an `accelerate.Accelerator`: the class itself, or a `functools.partial` of it. None
        trains in this process, in single precision.

    Returns
    -------
    accelerator : Accelerator or None

    Raises
    ------
    ValueError
        If it is an accelerator already, or something else that makes none.
    """
    if make_accelerator is None:
        return None
    made = make_accelerator() if callable(make_accelerator) else None
    if not hasattr(made, "prepare"):
        raise ValueError(
            "The 'accelerator' parameter must make an accelerate.Accelerator, and "
            f"{make_accelerator!r} does not: pass the class Accelerator itself or a "
            "functools.partial of it. An Accelerator will not do, since scikit-learn copies "
            "parameters."
        )
    return made


def first_says(decision: Decision, accelerator: Any) -> Decision:
    """What the first process decides, in all of them.

    Parameters
    ----------
    decision : object
        Of this process; it has to pickle.
    accelerator : Accelerator or None
    """
    if accelerator is None:
        return decision
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([decision])[0]


def accelerated_net(
    accelerator: Any, device: torch.device
) -> tuple[Callable[..., BatchNet], dict[str, Any]]:
    """The kind of net to train, and the arguments that say where.

    Parameters
    ----------
    accelerator : Accelerator or None
        As `new_accelerator` makes it.
    device : torch.device
        Not used with an accelerator, which places things itself.

    Returns
    -------
    net_type : callable
        Makes a `BatchNet`.
    placement : dict
        Further arguments for it.
    """
    if accelerator is None:
        return BatchNet, {"device": str(device)}
    shard = (accelerator.process_index, accelerator.num_processes)
    return partial(AcceleratedBatchNet, accelerator=accelerator), {"iterator_train__shard": shard}


class AcceleratedBatchNet(AccelerateMixin, BatchNet):
    """A `BatchNet` whose module and optimizer are prepared by an accelerator.

    Each process takes its part of every batch; gradients, and the terms in the history, are means
    over the processes.
    """

    accelerator: Any
    _criteria: list[str]

    @property
    def n_processes(self) -> int:
        return self.accelerator.num_processes

    def mean_of_processes(self, values: torch.Tensor) -> torch.Tensor:
        return self.accelerator.reduce(values, "mean")

    def report(self, text: str) -> None:
        self.accelerator.print(text)

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Tell the callbacks; one that stops its process after an epoch stops all of them."""
        stop = None
        try:
            super().notify(method_name, **cb_kwargs)
        except StoppedByCallback as stopped:
            stop = stopped
        if method_name == "on_epoch_end" and self._anywhere(stop is not None):
            stop = stop or StoppedByCallback("A callback in another process ended the training.")
        if stop is not None:
            raise stop

    def on_epoch_end(self, net: BatchNet, *args: Any, **kwargs: Any) -> Any:
        self._share_buffers()
        return super().on_epoch_end(net, *args, **kwargs)

    def on_train_end(self, net: BatchNet, *args: Any, **kwargs: Any) -> Any:
        self._share_buffers()
        return super().on_train_end(net, *args, **kwargs)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        step = super().train_step_single(batch, **fit_params)
        # Callbacks that look at it shall see the same everywhere.
        mean = self.history[-1, "batches", -1, "loss"]
        return {**step, "loss": step["loss"].detach().new_tensor(mean)}

    def _initialize_accelerator(self) -> Any:
        # Without the criterion. That has no weights, which several processes would not accept,
        # and mixed precision would reach into its log-determinants.
        criteria, self._criteria = self._criteria, []
        self._look_for_unused_weights()
        super()._initialize_accelerator()
        self._criteria = criteria
        return self

    def _look_for_unused_weights(self) -> None:
        """Let processes not wait for gradients of the cluster head while there are none."""
        from accelerate import DistributedDataParallelKwargs

        given = self.accelerator.ddp_handler or DistributedDataParallelKwargs()
        self.accelerator.ddp_handler = replace(given, find_unused_parameters=True)

    def _anywhere(self, flag: bool) -> bool:
        """Whether a flag is up in some process."""
        flags = torch.tensor(float(flag), device=self.accelerator.device)
        return bool(self.mean_of_processes(flags) > 0)

    @torch.no_grad()
    def _share_buffers(self) -> None:
        """Statistics of batch norms are of a process's own samples: take those of the first."""
        from accelerate.utils import broadcast

        for buffer in self.module_.buffers():
            buffer.copy_(broadcast(buffer))
