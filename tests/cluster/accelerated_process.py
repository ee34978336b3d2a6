"""What one of several processes does that train together; `test_mcr_accelerate` runs two of them.

    python -m tests.cluster.accelerated_process RESULTS

with the variables that accelerate looks for in the environment. Each function tells what came out.
"""

import pickle
import sys
import warnings
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import mse_loss

from skmanifold.cluster import _training
from skmanifold.nn import RateLoss, WholeBatches, accelerated_net
from tests.cluster.quick_fits import far_blobs, quick

ONE_IS_BAD, ALL_ARE_BAD = range(3, 4), range(1, 10**9)


class Diary(Callback):
    """Keeps which samples came."""

    def initialize(self):
        self.indices = []
        return self

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.indices.append(batch[1].tolist())


class StopsInOne(Callback):
    """Ends the training after two epochs, in the last process only."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2 and net.accelerator.process_index == 1:
            raise KeyboardInterrupt


class SpoiledInOne(RateLoss):
    """Not finite in some calls, in the last process only."""

    spoiled = ONE_IS_BAD
    n_calls = 0

    def forward(self, heads):
        terms = super().forward(heads)
        self.n_calls += 1
        if Accelerator(cpu=True).process_index == 1 and self.n_calls - 1 in self.spoiled:
            terms["loss"] = terms["loss"] * torch.nan
        return terms


class Squared(nn.Module):
    """Squared error from a plane: a mean over samples, so halves and whole have one gradient."""

    def forward(self, output):
        return {"loss": mse_loss(output, torch.ones_like(output))}


class Numbers(torch.utils.data.Dataset):
    """Two columns to learn from."""

    def __init__(self):
        self.rows = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, indices):
        return self.rows[indices], indices


def plane_net(accelerator):
    """A linear map after three epochs of two batches."""
    linear = nn.Linear(2, 1)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.5, -0.5]]))
        linear.bias.fill_(0.1)
    kind, place = accelerated_net(accelerator, torch.device("cpu"))
    net = kind(
        linear,
        Squared(),
        optimizer=torch.optim.SGD,
        lr=0.1,
        batch_size=10,
        iterator_train=WholeBatches,
        iterator_train__generator=torch.Generator().manual_seed(1),
        verbose=0,
        **place,
    ).initialize()
    net.notify("on_train_begin", X=Numbers())
    for _ in range(3):
        net.train_epoch(Numbers())
    net.notify("on_train_end", X=Numbers())
    return net


def plane_result(net):
    weights = torch.cat([value.detach().flatten() for value in net.module_.parameters()])
    return {"weights": weights.numpy(), "loss": net.history[:, "batches", :, "loss"]}


def result_of(model):
    """Of a fit: labels and predictions, weights, rates."""
    X, _ = far_blobs(300)
    state = model.net_.module_.state_dict()
    return {
        "labels": model.labels_,
        "predicted": model.predict(X + 0.1),
        "embedding": model.embedding_,
        "weights": {name: value.numpy() for name, value in state.items()},
        "history": model.rate_history_,
        "temperature": model.temperature_,
        "n_clusters": model.n_clusters_,
        "lr": model.net_.optimizer_.param_groups[0]["lr"],
        "train_loss": model.net_.history[:, "batches", :, "train_loss"],
    }


def fitted(**parameters):
    """A fit in this process and the others, and what it warned of."""
    X, _ = far_blobs(300)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = quick(accelerator=partial(Accelerator, cpu=True), **parameters).fit(X)
    result = result_of(model)
    return model, {**result, "warnings": [str(warning.message) for warning in caught]}


def watched(**parameters):
    """A fit of two batches in each epoch, and the samples that came."""
    model, result = fitted(**parameters, refine=True, batch_size=150, callbacks=[Diary()])
    [(_, diary)] = model.net_.callbacks_
    return {**result, "indices": diary.indices}


def loss_spoiled_in_one():
    _training.RateLoss = SpoiledInOne
    SpoiledInOne.spoiled = ONE_IS_BAD
    return fitted(refine=True)[1]


def loss_always_spoiled_in_one():
    _training.RateLoss = SpoiledInOne
    SpoiledInOne.spoiled = ALL_ARE_BAD
    try:
        fitted()
    except FloatingPointError as error:
        return {"error": str(error)}


def few_samples():
    try:
        quick(accelerator=partial(Accelerator, cpu=True)).fit(far_blobs(300)[0][:5])
    except ValueError as error:
        return {"error": str(error)}


def main(path):
    _training.FEWEST_STEPS = 1
    make = partial(Accelerator, cpu=True)
    handler = DistributedDataParallelKwargs(bucket_cap_mb=1)
    results = {
        "plane": plane_result(plane_net(make(kwargs_handlers=[handler]))),
        "handler": {"find_unused_parameters": handler.find_unused_parameters},
        "blobs": watched(pretrain_epochs=30, max_iter=6),
        "no seed": watched(random_state=None, verbose=1),
        "auto": fitted(n_clusters="auto")[1],
        "stopped": fitted(callbacks=[StopsInOne()], pretrain_epochs=5, refine=True)[1],
        "few": few_samples(),
        "spoiled": loss_spoiled_in_one(),
        "always spoiled": loss_always_spoiled_in_one(),
    }
    path.write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
