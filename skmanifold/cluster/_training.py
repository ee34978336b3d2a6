"""The two stages of training, an epoch at a time."""

import math
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from skmanifold.nn import (
    BatchNet,
    RateLoss,
    StoppedByCallback,
    TwoHeads,
    Views,
    WholeBatches,
    accelerated_net,
    batch_temperature,
    built_encoder,
    feature_dropout,
    gaussian_noise,
    hidden_width,
    mlp_encoder,
)
from skmanifold.nn import conv_encoder as image_encoder
from skmanifold.utils import to_numpy, torch_generator, warn_user

NOISE, DROPOUT = 0.1, 0.2  # of augmentation="noise" and "dropout", in units of the data's spread
# Epochs without a gain of `tol` that end a stage: as many as make 100 steps, within 2 and 5.
LEAST_PATIENCE, PATIENCE, PATIENT_STEPS = 2, 5, 100
FEWEST_STEPS = 200  # of the warm-up: small samples take more epochs


@dataclass
class History:
    """Rates of each epoch, and the stage that it belonged to."""

    stage: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    cluster_rate: list = field(default_factory=list)

    def add(self, stage, rate, cluster_rate):
        self.stage.append(stage)
        self.rate.append(rate)
        self.cluster_rate.append(cluster_rate)

    def as_arrays(self):
        return {name: np.array(values) for name, values in vars(self).items()}


def n_warm_up_epochs(pretrain_epochs, n_samples, batch_size):
    """At least `pretrain_epochs`, and as many as make the fewest steps."""
    return max(pretrain_epochs, math.ceil(FEWEST_STEPS / math.ceil(n_samples / batch_size)))


def new_module(encoder, sample_shape, *, n_components, hidden_dim, seed):
    """The network with two heads on the encoder asked for, or on the one that suits the samples."""
    generator = torch_generator(seed)
    if encoder is None and len(sample_shape) == 1:
        body = mlp_encoder(sample_shape[0], hidden_dim, generator=generator)
    elif encoder is None:
        body = image_encoder(sample_shape, hidden_dim, generator=generator)
    else:
        body = built_encoder(encoder, sample_shape, seed)
    n_hidden = hidden_width(body, torch.zeros(2, *sample_shape))
    return TwoHeads(body, n_hidden, n_components, generator)


def view_of(samples, augmentation, neighbors, generator):
    """``view(indices)``: a random view of each of these samples, on their device."""
    step = {"noise": gaussian_noise(NOISE), "dropout": feature_dropout(DROPOUT)}.get(
        augmentation, augmentation
    )

    def random_neighbors(indices):
        column = torch.randint(neighbors.shape[1], (len(indices),), generator=generator)
        return samples[neighbors[indices, column].to(samples.device)]

    def augmented(indices):
        batch = samples[indices.to(samples.device)]
        return batch if step is None else checked_view(step(batch, generator), batch)

    return random_neighbors if augmentation == "neighbors" else augmented


def checked_view(view, batch):
    """What a user's augmentation made of a batch."""
    shape = tuple(view.shape) if isinstance(view, torch.Tensor) else type(view).__name__
    if shape != tuple(batch.shape):
        raise ValueError(
            f"augmentation returned {shape} for a batch of shape {tuple(batch.shape)}; it must "
            "return a tensor of the same shape."
        )
    if not bool(view.isfinite().all()):
        raise ValueError("augmentation returned NaN or infinity for finite samples.")
    return view.to(batch)


@contextmanager
def own_randomness(module, seeds, device):
    """Seed torch's global generators, which layers such as dropout use; put them back after.

    Only around a user's module: our own draw nothing, and global generators are no place for two
    threads.
    """
    if module is None:
        yield
        return
    seed = int(torch.randint(2**31, (), generator=seeds))
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def weights_of(module):
    """The module's state as arrays, which any machine can read."""
    return {name: to_numpy(value).copy() for name, value in module.state_dict().items()}


def load_weights(module, weights):
    """Give a module these weights; say so where it is another one."""
    try:
        module.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True needs a network and samples of the same shapes as before: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error


def loaded_net(module, weights):
    """A net to predict with."""
    load_weights(module, weights)
    return BatchNet(module, torch.nn.Identity(), device="cpu").initialize()


class Training:
    """A net on its way through both stages.

    Parameters
    ----------
    module : TwoHeads
    samples : Tensor of shape (n_samples, ...)
        On the device to train on.
    neighbors : Tensor of int, of shape (n_samples, n_neighbors), or None
    params : dict
        The estimator's parameters.
    seed : int
    accelerator : Accelerator or None
    """

    def __init__(self, module, samples, neighbors, params, seed, accelerator=None):
        self.params, self.history = params, History()
        self.interrupted, self.temperature = False, None
        orders, views, columns, self._seeds = (torch_generator(seed + k) for k in (1, 2, 3, 4))
        self.loss = RateLoss(
            n_views=params["n_views"],
            eps_sq=params["eps_sq"],
            n_columns=params["n_columns"],
            generator=columns,
        )
        self.net = self._new_net(module, samples, orders, accelerator)
        # An accelerator chooses the device itself.
        self.samples = samples.to(next(self.net.module_.parameters()).device)
        view = view_of(self.samples, params["augmentation"], neighbors, views)
        self.dataset = Views(len(samples), view, params["n_views"])

    def _new_net(self, module, samples, generator, accelerator):
        params = self.params
        kind, place = accelerated_net(accelerator, samples.device)
        net = kind(
            module,
            self.loss,
            optimizer=torch.optim.Adam,
            lr=params["lr"],
            batch_size=min(params["batch_size"], len(samples)),
            iterator_train=WholeBatches,
            iterator_train__generator=generator,
            callbacks=deepcopy(params["callbacks"]),  # theirs stay as they were
            verbose=params["verbose"],
            **place,
        )
        return net.initialize()

    def warm_up(self, n_epochs, step):
        """Stage 1: spread the features, and keep the views of a sample together."""
        self.net.notify("on_train_begin", X=self.dataset)
        self._stage(1, n_epochs, step)
        self.heads().copy_feature_head()

    def refine(self, n_clusters, n_epochs, step):
        """Stage 2: let each cluster shrink to a subspace."""
        self._stage(2, n_epochs, step, partial(self._set_temperature, n_clusters))

    def finished(self):
        """The net, out of any wrapper."""
        self.net.notify("on_train_end", X=self.dataset)
        return self.net

    def heads(self):
        """The module beneath the wrapper of several processes, if there is one."""
        return getattr(self.net.module_, "module", self.net.module_)

    def _set_temperature(self, n_clusters):
        """Bisect the temperature on a batch, unless it is given."""
        chosen = self.params["membership_temperature"]
        if chosen == "auto":
            module = self.heads().eval()
            with torch.no_grad():
                chosen = batch_temperature(self._first_batch(module), n_clusters)
        self.loss.temperature = self.temperature = chosen

    def _first_batch(self, module):
        """Cluster features of evenly spaced samples, as many as one process has of a batch."""
        n_samples, n_rows = len(self.samples), self.net.batch_size // self.net.n_processes
        rows = torch.arange(n_rows, device=self.samples.device) * n_samples // n_rows
        return module(self.samples[rows])[1]

    def _stage(self, stage, n_epochs, step, before_epoch=lambda: None):
        """Epochs until they are over, nothing is gained any more, or somebody says stop."""
        losses = []
        for epoch in range(n_epochs):
            if self.interrupted or self._has_settled(losses):
                return
            with step(f"stage {stage}, epoch {epoch + 1}"):
                before_epoch()
                try:
                    self._epoch(stage)
                except StoppedByCallback:
                    return
                except KeyboardInterrupt:
                    if self.net.n_processes > 1:
                        raise  # the others are somewhere else: nothing more can be done together
                    # As scikit-learn's own networks do: what has been learnt is not lost.
                    self.interrupted = True
                    return
                losses.append(self.net.epoch_mean("loss"))

    def _has_settled(self, losses):
        n_batches = math.ceil(len(self.samples) / self.net.batch_size)
        idle = settled(losses, patience(n_batches), self.params["tol"])
        return self.params["early_stopping"] and idle

    def _epoch(self, stage):
        try:
            with own_randomness(self.params["module"], self._seeds, self.samples.device):
                n_halved = self.net.train_epoch(self.dataset)
        except StoppedByCallback:
            if "rate" in self.net.history[-1]:  # at its end: the epoch counts
                self._record(stage)
            raise
        if n_halved:
            warn_user(
                f"The loss was not finite: the network went back to the epoch before, and "
                f"lr={self.params['lr']} was halved {n_halved} times.",
                ConvergenceWarning,
            )
        self._record(stage)

    def _record(self, stage):
        rate = self.net.epoch_mean("rate")
        of_clusters = self.net.epoch_mean("cluster_rate") if stage == 2 else math.nan
        self.history.add(stage, rate, of_clusters)
        if self.params["verbose"]:
            self.net.report(
                f"stage {stage}, epoch {len(self.history.rate)}: R={rate:.3f} R_c={of_clusters:.3f}"
            )


def patience(n_batches):
    """Epochs to wait for a gain: an epoch of many steps tells more than one of few."""
    return min(max(math.ceil(PATIENT_STEPS / n_batches), LEAST_PATIENCE), PATIENCE)


def settled(losses, n_waiting, tol):
    """Whether the last epochs gained less than a share `tol` of the best loss before them."""
    if len(losses) <= n_waiting:
        return False
    before = min(losses[:-n_waiting])
    return min(losses[-n_waiting:]) > before - tol * abs(before)
