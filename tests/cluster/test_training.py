"""How a fit of MCRClustering trains: its stages, and all that may end them."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skmanifold.cluster._training import n_warm_up_epochs, patience, settled
from skmanifold.nn import RateLoss
from tests.cluster.quick_fits import quick

pytestmark = pytest.mark.usefixtures("few_steps")


@pytest.fixture
def X(rng):
    """One cloud, which no graph settles."""
    return rng.normal(size=(60, 4))


def linear_encoder(n_features):
    """Without norms: what it gives depends on its weights alone."""
    return nn.Linear(n_features, 6)


def test_warm_up_takes_enough_steps(monkeypatch):
    monkeypatch.undo()
    for n_samples, batch_size in [(60, 512), (5000, 512), (100_000, 512), (10, 3)]:
        n_epochs = n_warm_up_epochs(7, n_samples, batch_size)
        assert n_epochs >= 7
        assert n_epochs * math.ceil(n_samples / batch_size) >= 200
    assert n_warm_up_epochs(7, 100_000, 512) == 7


def test_patience_is_a_number_of_steps_within_bounds():
    assert [patience(n_batches) for n_batches in (1, 20, 25, 40, 50, 1000)] == [5, 5, 4, 3, 2, 2]


def test_losses_settle_once_patience_is_over():
    falling = [-float(epoch) for epoch in range(20)]
    assert not settled([], 5, 1e-3)
    assert not any(settled(falling[:n], 5, 1e-3) for n in range(20))
    assert not settled([-1.0] * 5, 5, 1e-3)
    assert settled([-1.0] * 6, 5, 1e-3)
    assert settled([*falling, *[-10.0] * 5], 5, 1e-3)
    assert not settled([*falling, *[-10.0] * 4, -20.0], 5, 1e-3)  # the last one gained
    assert settled([*falling, *[-19.01] * 5], 5, 1e-3)  # a gain of less than 0.019
    assert not settled([*falling, *[-19.03] * 5], 5, 1e-3)


@pytest.mark.parametrize("stage", [1, 2])
def test_stages_end_where_nothing_is_gained(X, stage):
    """At a learning rate of nothing, after the patience of five epochs and one to compare with."""
    epochs = {"pretrain_epochs": 12, "max_iter": 1} if stage == 1 else {"max_iter": 12}
    plain = {"module": linear_encoder, "augmentation": None, "refine": True, "lr": 1e-30}
    # All columns, of one batch: the loss is the same in each epoch.
    early = quick(**plain, **epochs).fit(X)
    late = quick(**plain, **epochs, early_stopping=False).fit(X)
    assert (early.rate_history_["stage"] == stage).sum() == 6
    assert (late.rate_history_["stage"] == stage).sum() == 12


def test_a_tolerance_of_nothing_goes_on_while_there_is_a_gain(X):
    plain = {"module": linear_encoder, "augmentation": None, "refine": False, "lr": 1e-4}
    n_epochs = [quick(**plain, pretrain_epochs=15, tol=tol).fit(X).n_iter_ for tol in (0.0, 0.5)]
    assert n_epochs == [15, 6]


def test_batches_that_are_small_take_all_samples(X):
    model = quick(batch_size=7, refine=True).fit(X)
    batches = model.net_.history[:, "batches", :, "train_batch_size"]
    # Both views of each sample
    assert all(sum(sizes) == 2 * 60 and max(sizes) - min(sizes) <= 2 for sizes in batches)
    assert all(len(sizes) == 9 for sizes in batches)


def test_verbose_tells_each_epoch(X, capsys):
    quick(refine=True, verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "stage 1, epoch 1",
        "stage 1, epoch 2",
        "stage 2, epoch 3",
        "stage 2, epoch 4",
    ]
    assert all("R=" in line for line in lines)


class Diary(Callback):
    """Keeps what it is told, at a place that copies share."""

    pages = []

    def on_train_begin(self, net, **kwargs):
        self.pages.append("begin")

    def on_epoch_end(self, net, **kwargs):
        self.pages.append(net.history[-1, "rate"])

    def on_train_end(self, net, **kwargs):
        self.pages.append("end")


def test_callbacks_of_skorch_get_every_epoch(X, monkeypatch):
    monkeypatch.setattr(Diary, "pages", [])
    diary = Diary()
    model = quick(refine=True, callbacks=[diary]).fit(X)
    assert Diary.pages == ["begin", *model.rate_history_["rate"], "end"]
    assert model.callbacks == [diary]
    assert model.net_.callbacks[0] is not diary


def test_callbacks_do_not_change_the_result(X):
    told = quick(callbacks=[("diary", Diary())]).fit(X)
    assert_array_equal(told.embedding_, quick().fit(X).embedding_)


@pytest.mark.parametrize("monitor", ["loss", "rate", "train_loss"])
def test_early_stopping_of_skorch_ends_a_stage_and_is_no_warning(X, monitor):
    never_better = EarlyStopping(
        monitor, patience=2, threshold=1e9, threshold_mode="abs", sink=lambda _: None
    )
    model = quick(
        pretrain_epochs=9, refine=True, early_stopping=False, callbacks=[never_better]
    ).fit(X)
    stages = model.rate_history_["stage"]
    assert (stages == 1).sum() == 3  # with the one at whose end it was
    assert model.n_iter_ == len(model.net_.history)
    assert_array_equal(model.predict(X), model.labels_)


class StopAt(Callback):
    """Ends a stage at the end of an epoch, counted over both stages."""

    def __init__(self, *epochs):
        self.epochs = epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) in self.epochs:
            raise KeyboardInterrupt


def test_a_second_stage_that_a_callback_ends_at_once_was_one(X):
    model = quick(refine=True, callbacks=[StopAt(1, 2)]).fit(X)
    assert_array_equal(model.rate_history_["stage"], [1, 2])
    assert model.refined_
    assert model.temperature_ is not None


def interrupting(n_calls):
    """An augmentation during whose call the user presses Ctrl-C."""
    calls = []

    def augmentation(batch, generator):
        calls.append(len(batch))
        if len(calls) == n_calls:
            raise KeyboardInterrupt
        return batch

    return augmentation


@pytest.mark.parametrize(("n_calls", "n_epochs"), [(1, 0), (2, 0), (3, 1), (5, 2), (8, 3)])
def test_an_interrupt_keeps_what_was_learnt(X, n_calls, n_epochs):
    model = quick(augmentation=interrupting(n_calls), refine=True)
    with pytest.warns(ConvergenceWarning, match=rf"interrupted after {n_epochs} epochs"):
        model.fit(X)
    assert model.n_iter_ == len(model.rate_history_["stage"]) == n_epochs
    assert_array_equal(np.unique(model.labels_), range(3))
    assert_array_equal(model.predict(X), model.labels_)
    assert np.isfinite(model.score(X))


def test_an_interrupt_ends_both_stages(X):
    calls = interrupting(3)
    with pytest.warns(ConvergenceWarning, match=r"interrupted"):
        model = quick(augmentation=calls, refine=True, pretrain_epochs=5).fit(X)
    assert not model.refined_
    assert model.temperature_ is None


def spoil_losses(monkeypatch, spoiled):
    """Make the loss NaN in these calls."""
    forward, calls = RateLoss.forward, []

    def spoiled_forward(self, heads):
        calls.append(0)
        terms = forward(self, heads)
        factor = math.nan if len(calls) in spoiled else 1
        return {**terms, "loss": factor * terms["loss"]}

    monkeypatch.setattr(RateLoss, "forward", spoiled_forward)


@pytest.mark.parametrize(("spoiled", "n_warnings"), [([2], 1), ([2, 3], 1), ([1, 3], 2), ([4], 1)])
def test_losses_that_are_not_finite_halve_the_rate(X, monkeypatch, spoiled, n_warnings):
    spoil_losses(monkeypatch, spoiled)
    with pytest.warns(ConvergenceWarning, match=r"lr=0.001 was halved [12] times") as told:
        model = quick(refine=True).fit(X)
    assert len(told) == n_warnings
    assert_allclose(model.net_.optimizer_.param_groups[0]["lr"], 1e-3 / 2 ** len(spoiled))
    assert np.isfinite(model.rate_history_["rate"]).all()
    assert model.n_iter_ == 4
    assert_array_equal(model.predict(X), model.labels_)


def test_losses_that_are_never_finite_leave_an_earlier_fit(X, monkeypatch):
    model = quick().fit(X)
    expected = model.predict_proba(X)
    spoil_losses(monkeypatch, range(10**6))
    with pytest.raises(FloatingPointError, match=r"not finite, not even at 0.03125"):
        model.fit(X[:30, :2])
    assert_array_equal(model.predict_proba(X), expected)
