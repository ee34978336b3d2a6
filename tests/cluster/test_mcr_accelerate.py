"""Clustering through accelerate: in mixed precision, and in two processes on the CPU."""

import os
import pickle
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from torch import nn

from skmanifold.cluster import _training
from skmanifold.metrics import clustering_accuracy
from skmanifold.nn import BatchNet, RateLoss
from tests.cluster.quick_fits import far_blobs, quick, same_clusters

accelerate = pytest.importorskip("accelerate")
state = pytest.importorskip("accelerate.state")
pytestmark = pytest.mark.usefixtures("few_steps")
ROOT = Path(__file__).parents[2]
MIXED = {"cpu": True, "mixed_precision": "bf16"}


@pytest.fixture(autouse=True)
def _own_state():
    """Accelerators of a process share their state: give each test a state of its own."""
    yield
    state.AcceleratorState._reset_state(reset_partial_state=True)
    state.GradientState._reset_state()


@pytest.fixture(scope="module")
def blobs():
    return far_blobs(300)


def in_full_precision():
    return partial(accelerate.Accelerator, cpu=True)


def in_mixed_precision():
    return partial(accelerate.Accelerator, **MIXED)


either = pytest.mark.parametrize("kind", [in_full_precision, in_mixed_precision])


@either
def test_clusters_are_found(blobs, kind):
    X, y = blobs
    model = quick(accelerator=kind(), pretrain_epochs=20, max_iter=4, refine=True).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1.0
    assert_array_equal(model.predict(X), model.labels_)
    assert model.refined_


def test_the_class_itself_will_do(blobs, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    model = quick(accelerator=accelerate.Accelerator).fit(blobs[0])
    assert clustering_accuracy(blobs[1], model.labels_) == 1.0


def test_one_process_in_full_precision_is_as_without(blobs):
    plain = quick(refine=True).fit(blobs[0])
    accelerated = quick(refine=True, accelerator=in_full_precision()).fit(blobs[0])
    assert_allclose(accelerated.embedding_, plain.embedding_, atol=1e-5)
    assert_array_equal(accelerated.labels_, plain.labels_)
    for name, values in plain.rate_history_.items():
        assert_allclose(accelerated.rate_history_[name], values, rtol=1e-5)


class Watched(RateLoss):
    """Keeps its terms, and what they are in double precision and without its guard."""

    seen = []

    def forward(self, heads):
        columns = self._generator.get_state()
        terms = super().forward(heads)
        assert not torch.is_autocast_enabled(heads[0].device.type)
        self._generator.set_state(columns)  # both draw the same
        exact = super().forward([head.detach().double() for head in heads])
        self.seen.append((terms, exact))
        return terms


def test_rates_are_computed_in_single_precision(blobs, monkeypatch):
    monkeypatch.setattr(_training, "RateLoss", Watched)
    monkeypatch.setattr(Watched, "seen", [])
    model = quick(accelerator=in_mixed_precision(), refine=True).fit(blobs[0])
    assert len(Watched.seen) == model.n_iter_
    assert {len(terms) for terms, _ in Watched.seen} == {2, 3}  # of both stages
    for terms, exact in Watched.seen:
        for name, value in terms.items():
            assert value.dtype == torch.float32
            assert value.isfinite()
            # In bfloat16 they would have two digits.
            assert_allclose(value.detach(), exact[name], rtol=1e-4)


class Typed(nn.Linear):
    """Keeps the types of what it gives."""

    seen = set()

    def forward(self, samples):
        rows = super().forward(samples)
        if self.training:
            self.seen.add(rows.dtype)
        return rows


@either
def test_the_network_runs_in_the_precision_asked_for(blobs, kind, monkeypatch):
    monkeypatch.setattr(Typed, "seen", set())
    quick(accelerator=kind(), module=partial(Typed, out_features=5)).fit(blobs[0])
    assert Typed.seen == {torch.bfloat16 if kind is in_mixed_precision else torch.float32}


def test_rates_agree_with_full_precision(blobs):
    with_, without = (
        quick(accelerator=kind(), lr=1e-4, refine=True).fit(blobs[0]).rate_history_
        for kind in (in_mixed_precision, lambda: None)
    )
    assert_array_equal(with_["stage"], without["stage"])
    for name in ("rate", "cluster_rate"):
        assert_allclose(with_[name], without[name], rtol=1e-2)


@either
def test_a_fitted_estimator_is_a_plain_one(blobs, kind):
    X, _ = blobs
    model = quick(accelerator=kind(), refine=True).fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    for name in ("transform", "predict", "predict_proba"):
        assert_array_equal(getattr(loaded, name)(X), getattr(model, name)(X))
    assert_array_equal(model.transform(X), model.embedding_)
    module = model.net_.module_
    assert type(module) is _training.TwoHeads  # out of any wrapper
    rows = torch.zeros(3, X.shape[1])
    weight, bias = module.feature_head.weight, module.feature_head.bias
    features, _ = module.eval()(rows)
    expected = nn.functional.normalize(nn.functional.linear(module.encoder(rows), weight, bias))
    assert_allclose(features.detach(), expected.detach(), rtol=1e-6)
    assert_array_equal(model.net_.predict(rows.numpy()), features.detach())


@either
def test_clones_begin_anew(blobs, kind):
    X, _ = blobs
    model = quick(accelerator=kind()).fit(X)
    copy = clone(model)
    assert copy.accelerator.keywords == model.accelerator.keywords
    assert_array_equal(copy.fit(X).embedding_, model.embedding_)


def test_the_number_of_clusters_may_be_found_in_mixed_precision(blobs):
    model = quick(n_clusters="auto", accelerator=in_mixed_precision(), pretrain_epochs=20)
    assert model.fit(blobs[0]).n_clusters_ == 3


def test_warm_starts_go_on(blobs):
    model = quick(accelerator=in_mixed_precision(), warm_start=True)
    first, second = (model.fit(blobs[0]).net_.history[0, "batches", 0, "loss"] for _ in range(2))
    assert second < first


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["no", "fp16", "bf16"])
def test_on_the_gpu(blobs, precision):
    make = partial(accelerate.Accelerator, mixed_precision=precision)
    model = quick(accelerator=make, pretrain_epochs=20, max_iter=4, refine=True).fit(blobs[0])
    assert next(model.net_.module_.parameters()).is_cuda
    assert clustering_accuracy(blobs[1], model.labels_) == 1.0
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(blobs[0]), model.labels_)


def test_an_accelerator_is_not_one_that_makes_them(blobs):
    accelerator = accelerate.Accelerator(cpu=True)
    with pytest.raises(ValueError, match=r"pass the class Accelerator itself or a functools\.part"):
        quick(accelerator=accelerator).fit(blobs[0])


@pytest.mark.parametrize("wrong", ["gpu", 2, dict, lambda: None])
def test_what_makes_no_accelerator(blobs, wrong):
    with pytest.raises(ValueError, match=r"must make an accelerate\.Accelerator"):
        quick(accelerator=wrong).fit(blobs[0])


def test_an_interrupt_of_one_process_among_others_ends_the_fit(blobs, monkeypatch):
    class Interrupted(nn.Linear):
        def forward(self, samples):
            if self.training:
                raise KeyboardInterrupt
            return super().forward(samples)

    monkeypatch.setattr(BatchNet, "n_processes", 2)
    with pytest.raises(KeyboardInterrupt):
        quick(module=partial(Interrupted, out_features=5)).fit(blobs[0])


# Two processes


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(rank, port):
    variables = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": 2,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": 1,
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return os.environ | {name: str(value) for name, value in variables.items()}


def run_together(module, paths, timeout):
    """Run a module in a process for each path; what they print."""
    port = free_port()
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, str(path)],
            env=environment(rank, port),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, path in enumerate(paths)
    ]
    try:
        told = [process.communicate(timeout=timeout) for process in running]
    finally:
        for process in running:
            process.kill()
    for process, (_, errors) in zip(running, told, strict=True):
        assert process.returncode == 0, errors
    return [lines for lines, _ in told]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What both processes found, and what they printed."""
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("needs the gloo backend of torch.distributed")
    paths = [tmp_path_factory.mktemp("rank") / "results.pickle" for _ in range(2)]
    printed = run_together("tests.cluster.accelerated_process", paths, timeout=200)
    return [pickle.loads(path.read_bytes()) for path in paths], printed


@pytest.fixture(scope="module")
def results(together):
    return together[0]


def assert_equal(one, other, *, path=""):
    """To the last digit."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name], path=f"{path}/{name}")
    else:
        assert_array_equal(one, other, err_msg=path)


@pytest.mark.parametrize("fit", ["plane", "blobs", "no seed", "auto", "stopped", "spoiled"])
def test_processes_end_alike(results, fit):
    """Weights, statistics of batch norms, rates, labels, predictions."""
    one, other = ({**result[fit], "indices": None} for result in results)
    assert_equal(one, other)


def test_two_processes_find_the_clusters(results, blobs):
    _, y = blobs
    for result in results:
        assert clustering_accuracy(y, result["blobs"]["labels"]) == 1.0
        assert same_clusters(y, result["blobs"]["predicted"])
        assert 2 in result["blobs"]["history"]["stage"]


@pytest.mark.parametrize("fit", ["blobs", "no seed"])
def test_each_process_has_half_of_each_batch(results, fit):
    halves = [result[fit]["indices"] for result in results]
    batches = [sorted(one + other) for one, other in zip(*halves, strict=True)]
    assert all(len(one) == len(other) == 75 for one, other in zip(*halves, strict=True))
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert sorted(first + second) == list(range(300))


def test_gradients_are_means(results):
    """Squared errors have the same gradient in halves as in one: so, then, have the weights."""
    from tests.cluster.accelerated_process import plane_net, plane_result

    whole = plane_result(plane_net(None))
    for result in results:
        for name, values in whole.items():
            assert_allclose(result["plane"][name], values, rtol=1e-5)


def test_a_handler_that_was_given_is_left_as_it_was(results):
    assert not results[0]["handler"]["find_unused_parameters"]


def test_a_loss_that_is_not_finite_in_one_process_sets_all_back(results):
    for result in results:
        assert_allclose(result["spoiled"]["lr"], 0.5e-3)
        [warning] = result["spoiled"]["warnings"]
        assert "halved 1 times" in warning
        assert np.isfinite(result["spoiled"]["history"]["rate"]).all()
        assert result["spoiled"]["history"]["stage"].tolist() == [1, 1, 2, 2]


def test_a_loss_that_stays_not_finite_in_one_process_is_an_error_in_all(results):
    for result in results:
        assert "not finite, not even" in result["always spoiled"]["error"]


def test_a_callback_that_stops_one_process_after_an_epoch_stops_all(results):
    for result in results:
        stage = result["stopped"]["history"]["stage"]
        assert (stage == 1).sum() <= 2 < 5
        assert (stage == 2).sum() == 2  # which it does not end


def test_parts_of_batches_are_to_hold_all_clusters(results):
    for result in results:
        assert "leave each of 2 processes fewer" in result["few"]["error"]


def test_only_the_first_process_prints(together):
    first, second = together[1]
    assert [line.split(":")[0] for line in first.splitlines()] == [
        f"stage {stage}, epoch {epoch}" for epoch, stage in enumerate([1, 1, 2, 2], start=1)
    ]
    assert second == ""
