from copy import deepcopy

import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.nn.functional import mse_loss

from skmanifold.nn import BatchNet, StoppedByCallback, Views, WholeBatches
from skmanifold.nn._training import MAX_RECOVERIES


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Numbers(torch.utils.data.Dataset):
    """The indices themselves, and two columns of numbers to learn from."""

    def __init__(self, n_samples=20):
        self.rows = torch.randn(n_samples, 2, generator=seeded(n_samples))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, indices):
        return self.rows[indices], indices


def batches_of(n_samples, batch_size, seed=0, **kwargs):
    batches = WholeBatches(Numbers(n_samples), batch_size, generator=seeded(seed), **kwargs)
    found = [indices for _, indices in batches]
    assert len(found) == len(batches)
    return found


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 19, 20, 21, 1000])
@pytest.mark.parametrize("n_samples", [1, 6, 20])
def test_batches_cover_every_sample_once_and_are_even(n_samples, batch_size):
    batches = batches_of(n_samples, batch_size)
    assert torch.cat(batches).sort().values.tolist() == list(range(n_samples))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    assert len(batches) == -(-n_samples // batch_size)  # no more than it takes


def test_batches_are_shuffled_anew_by_the_generator():
    first, again, other = (torch.cat(batches_of(20, 6, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    batches = WholeBatches(Numbers(20), 6, generator=seeded(1))
    orders = [torch.cat([indices for _, indices in batches]) for _ in range(2)]
    assert torch.equal(orders[0], first)
    assert not torch.equal(orders[1], first)


@pytest.mark.parametrize("n_parts", [1, 2, 3])
def test_shards_share_out_each_batch(n_parts):
    whole = batches_of(20, 6)
    parts = [batches_of(20, 6, shard=(part, n_parts)) for part in range(n_parts)]
    for batch, *shards in zip(whole, *parts, strict=True):
        assert torch.cat(shards).sort().values.tolist() == batch.sort().values.tolist()
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("n_views", [1, 3])
def test_views_lie_one_below_the_other(n_views):
    samples, generator = torch.arange(10.0)[:, None].expand(-1, 4), seeded()

    def view(indices):
        return samples[indices] + 0.1 * torch.rand(len(indices), 4, generator=generator)

    views = Views(10, view, n_views)
    assert len(views) == 10
    batch, indices = views[torch.tensor([7, 2, 5])]
    assert batch.shape == (n_views * 3, 4)
    assert indices.tolist() == [7, 2, 5]
    stacked = batch.unflatten(0, (n_views, 3))
    assert torch.equal(stacked.floor()[..., 0], torch.tensor([[7.0, 2.0, 5.0]]).expand(n_views, -1))
    assert len(torch.unique(stacked.flatten(1), dim=0)) == n_views


class Spoiled(nn.Module):
    """Squared error from a plane through the origin, not finite in the first calls of some."""

    def __init__(self, n_spoiled=0, first=0, gradient_only=False):
        super().__init__()
        self.spoiled, self.gradient_only = range(first, first + n_spoiled), gradient_only
        self.n_calls = 0

    def forward(self, output):
        self.n_calls += 1
        loss = mse_loss(output, torch.ones_like(output))
        if self.n_calls - 1 in self.spoiled:
            # The root of 0 is a number, but its derivative is not.
            loss = loss + ((0 * output.sum()).sqrt() if self.gradient_only else torch.nan)
        return {"loss": loss, "size": output.detach().abs().mean()}


def net_of(criterion=None, *, callbacks=None, batch_size=5, n_samples=20, **kwargs):
    linear = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.5, -0.5]]))
    net = BatchNet(
        nn.Sequential(linear, nn.BatchNorm1d(1)),
        Spoiled() if criterion is None else criterion,
        optimizer=torch.optim.Adam,
        lr=0.01,
        batch_size=min(batch_size, n_samples),
        iterator_train=WholeBatches,
        iterator_train__generator=seeded(),
        callbacks=callbacks,
        verbose=0,
        **kwargs,
    ).initialize()
    net.notify("on_train_begin", X=Numbers(n_samples))
    return net


def rate_of(net):
    return net.optimizer_.param_groups[0]["lr"]


def test_training_lowers_the_loss():
    net, data = net_of(), Numbers()
    losses = []
    for _ in range(30):
        assert net.train_epoch(data) == 0
        losses.append(net.epoch_mean("loss"))
    assert losses[-1] < 0.5 * losses[0]


def test_history_keeps_all_terms_of_batches_and_their_means():
    net = net_of()
    for epoch in range(3):
        net.train_epoch(Numbers())
        assert len(net.history) == epoch + 1
        for name in ("loss", "size"):
            values = net.history[-1, "batches", :, name]
            assert len(values) == 4
            assert_allclose(net.epoch_mean(name), sum(values) / 4, rtol=1e-12)
            assert_allclose(net.history[-1, name], sum(values) / 4, rtol=1e-12)


def test_terms_are_those_of_the_criterion():
    net, data = net_of(batch_size=20), Numbers()
    expected = Spoiled()(net.module_.train()(data.rows))
    net.train_epoch(data)
    for name, value in expected.items():
        assert_allclose(net.epoch_mean(name), value.detach(), rtol=1e-5)


def test_nothing_is_printed_and_nothing_held_out(capsys):
    net = net_of()
    net.train_epoch(Numbers())
    assert capsys.readouterr().out == ""
    assert "valid_batch_count" not in net.history[-1]


@pytest.mark.parametrize("gradient_only", [False, True], ids=["loss", "gradient"])
@pytest.mark.parametrize("n_spoiled", [1, 2, MAX_RECOVERIES])
def test_an_epoch_that_fails_is_begun_again_at_half_the_rate(n_spoiled, gradient_only):
    data = Numbers()
    net = net_of(Spoiled(n_spoiled, first=1, gradient_only=gradient_only), batch_size=20)
    assert net.train_epoch(data) == 0
    before = deepcopy(net.module_.state_dict())
    assert net.train_epoch(data) == n_spoiled
    assert_allclose(rate_of(net), 0.01 / 2**n_spoiled, rtol=1e-12)
    assert len(net.history) == 2
    assert len(net.history[-1, "batches"]) == 1
    # One good step from where the epoch began, by an optimizer without a memory.
    other = net_of(batch_size=20)
    other.module_.load_state_dict(before)
    other.scale_learning_rate(0.5**n_spoiled)
    other.train_epoch(data)
    for name, value in other.module_.state_dict().items():
        assert_allclose(net.module_.state_dict()[name], value, rtol=1e-5)


def test_an_epoch_that_fails_half_way_leaves_no_trace():
    net = net_of(Spoiled(1, first=6))
    net.train_epoch(Numbers())
    assert net.train_epoch(Numbers()) == 1
    assert len(net.history) == 2
    assert len(net.history[-1, "batches"]) == 4
    assert all(torch.tensor(net.history[:, "batches", :, "loss"]).isfinite().flatten())


def test_each_epoch_may_halve_the_rate():
    net = net_of(Spoiled(1, first=0), batch_size=20)
    assert net.train_epoch(Numbers()) == 1
    net.criterion_.spoiled = range(2, 3)
    assert net.train_epoch(Numbers()) == 1
    assert_allclose(rate_of(net), 0.01 / 4, rtol=1e-12)
    assert net.train_epoch(Numbers()) == 0
    assert_allclose(rate_of(net), 0.01 / 4, rtol=1e-12)


@pytest.mark.parametrize("gradient_only", [False, True], ids=["loss", "gradient"])
def test_what_halving_does_not_help_is_an_error_and_leaves_the_weights(gradient_only):
    net = net_of(Spoiled(10**9, first=4, gradient_only=gradient_only))
    net.train_epoch(Numbers())
    before = deepcopy(net.module_.state_dict())
    with pytest.raises(FloatingPointError, match=r"not finite, not even at 0.03125 of the learn"):
        net.train_epoch(Numbers())
    assert net.criterion_.n_calls >= 4 + MAX_RECOVERIES + 1
    for name, value in net.module_.state_dict().items():
        assert torch.equal(value, before[name])
    assert len(net.history) == 1


class Stopping(Callback):
    """Interrupts where it is told to, like skorch's own callbacks."""

    def __init__(self, where, epoch=0):
        self.where, self.epoch = where, epoch

    def _told(self, where, net):
        if where == self.where and len(net.history) > self.epoch:
            raise KeyboardInterrupt

    def on_epoch_begin(self, net, **kwargs):
        self._told("on_epoch_begin", net)

    def on_batch_end(self, net, **kwargs):
        self._told("on_batch_end", net)

    def on_epoch_end(self, net, **kwargs):
        self._told("on_epoch_end", net)


@pytest.mark.parametrize("where", ["on_epoch_begin", "on_batch_end", "on_epoch_end"])
def test_an_interrupt_by_a_callback_is_told_from_a_users(where):
    net = net_of(callbacks=[Stopping(where, epoch=1)])
    net.train_epoch(Numbers())
    with pytest.raises(StoppedByCallback) as stopped:
        net.train_epoch(Numbers())
    assert isinstance(stopped.value.__cause__, KeyboardInterrupt)


def test_an_interrupt_by_the_user_stays_one():
    class Interrupted(nn.Module):
        def forward(self, output):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net_of(Interrupted()).train_epoch(Numbers())


@pytest.mark.parametrize("monitor", ["loss", "train_loss", "size"])
def test_early_stopping_of_skorch_may_watch_any_term(monitor):
    net = net_of(callbacks=[EarlyStopping(monitor, patience=2, threshold=1e9, sink=lambda _: None)])
    for _ in range(2):
        net.train_epoch(Numbers())
    with pytest.raises(StoppedByCallback):
        net.train_epoch(Numbers())


def test_learning_rates_of_all_groups_are_scaled():
    net = net_of(optimizer__param_groups=[("1.bias", {"lr": 1.0})])
    net.scale_learning_rate(0.25)
    assert sorted(group["lr"] for group in net.optimizer_.param_groups) == [0.0025, 0.25]
