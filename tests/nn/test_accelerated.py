from functools import partial

import pytest
import torch
from torch import nn

from skmanifold.nn import BatchNet, WholeBatches, accelerated_net, first_says, new_accelerator
from skmanifold.nn._accelerated import AcceleratedBatchNet

accelerate = pytest.importorskip("accelerate")
state = pytest.importorskip("accelerate.state")


@pytest.fixture
def make_accelerator():
    """Accelerators of a process share their state: it goes with the test."""
    yield partial(accelerate.Accelerator, cpu=True, mixed_precision="bf16")
    state.AcceleratorState._reset_state(reset_partial_state=True)
    state.GradientState._reset_state()


class Product(nn.Module):
    """Twice in the same way: the type that it comes out in, and whether it may be cut short."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, output):
        product = output @ output.mT
        self.seen.append((output.dtype, product.dtype))
        return {"loss": product.mean()}


class Ones(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, indices):
        return torch.ones(len(indices), 2), indices


def trained(make, criterion, module=None):
    kind, place = accelerated_net(new_accelerator(make), torch.device("cpu"))
    net = kind(
        nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) if module is None else module,
        criterion,
        lr=0.0,
        batch_size=4,
        iterator_train=WholeBatches,
        iterator_train__generator=torch.Generator().manual_seed(0),
        verbose=0,
        **place,
    ).initialize()
    net.notify("on_train_begin", X=Ones())
    net.train_epoch(Ones())
    net.notify("on_train_end", X=Ones())
    return net


def test_without_an_accelerator_nothing_is_special():
    assert new_accelerator(None) is None
    assert accelerated_net(None, torch.device("cpu")) == (BatchNet, {"device": "cpu"})
    assert first_says("this", None) == "this"
    net = trained(None, Product())
    assert type(net) is BatchNet
    assert net.n_processes == 1


def test_a_process_alone_decides_for_itself(make_accelerator):
    assert first_says({"seed": 3}, new_accelerator(make_accelerator)) == {"seed": 3}
    net = trained(make_accelerator, Product())
    assert isinstance(net, AcceleratedBatchNet)
    assert net.n_processes == 1
    assert net.mean_of_processes(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_the_criterion_is_out_of_reach_of_mixed_precision(make_accelerator):
    criterion = Product()
    trained(make_accelerator, criterion)
    assert criterion.seen == [(torch.float32, torch.float32)]


def test_modules_come_out_of_their_wrappers(make_accelerator):
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net = trained(make_accelerator, Product(), module)
    assert net.module_ is module
    # In full precision again: bfloat16 has no 1 + 2^-12.
    with torch.no_grad():
        module[0].weight.fill_(1 + 2.0**-12)
        module[0].bias.zero_()
        rows = net.module_[0](torch.tensor([[1.0, 0.0]]))
    assert (rows == 1 + 2.0**-12).all()


def test_gradients_of_weights_that_are_not_used_are_not_waited_for(make_accelerator):
    handler = accelerate.DistributedDataParallelKwargs(bucket_cap_mb=3)
    net = trained(partial(make_accelerator, kwargs_handlers=[handler]), Product())
    assert net.accelerator.ddp_handler.find_unused_parameters
    assert net.accelerator.ddp_handler.bucket_cap_mb == 3  # the rest is as it was told
    assert not handler.find_unused_parameters  # and the caller's own is left alone


@pytest.mark.parametrize("wrong", ["accelerator", 1, dict, lambda: None])
def test_what_makes_no_accelerator(wrong):
    with pytest.raises(ValueError, match=r"must make an accelerate\.Accelerator"):
        new_accelerator(wrong)


def test_an_accelerator_itself_is_an_error_that_says_what_to_pass(make_accelerator):
    with pytest.raises(ValueError, match=r"class Accelerator itself or a functools\.partial of it"):
        new_accelerator(make_accelerator())


def test_a_batch_has_a_sample_for_each_process():
    make = partial(WholeBatches, Ones(), generator=torch.Generator())
    assert len(list(make(4, shard=(3, 4)))) == 1
    for n_processes, batch_size in [(5, 4), (3, 2), (2, 1)]:
        with pytest.raises(ValueError, match=rf"shared out among {n_processes} processes"):
            make(batch_size, shard=(0, n_processes))
