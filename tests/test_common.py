"""The contract that every estimator meets. A new estimator adds one line to ``ESTIMATORS``."""

import inspect
import json
import os
import pickle
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import skmanifold
from skmanifold import (
    RVGP,
    BatchedGPRegressor,
    HeatGeodesicEmbedding,
    LokiPredictor,
    MCRClustering,
    MeshMorpher,
    MMGPRegressor,
    SnapshotPOD,
    TinvMDS,
)

ESTIMATORS = [
    BatchedGPRegressor(),
    HeatGeodesicEmbedding(),
    LokiPredictor(),
    MCRClustering(),
    MMGPRegressor(),
    MeshMorpher(),
    RVGP(),
    SnapshotPOD(),
    TinvMDS(),
]

FEWEST_PASSED = 45
LEFT_OUT_CHECKS = [  # by `check_estimator`, which asks them of scikit-learn's own estimators only
    estimator_checks.check_inplace_ensure_writeable,
    estimator_checks.check_param_validation,
    estimator_checks.check_dataframe_column_names_consistency,
]
LEFT_OUT_TRANSFORMER_CHECKS = [
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_set_output_transform_polars,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_global_set_output_transform_polars,
]
METHODS = ["transform", "predict", "predict_proba", "decision_function"]


def name_of(value):
    """What pytest calls an estimator or a check."""
    return getattr(value, "__name__", type(value).__name__)


every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
every_transformer = pytest.mark.parametrize(
    "estimator", [each for each in ESTIMATORS if hasattr(each, "transform")], ids=name_of
)
# Blobs of scikit-learn's checks are far apart, and the estimators say so.
may_fall_apart = pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")


def seeded(estimator):
    """A fresh copy that gives the same result every time."""
    copy = clone(estimator)
    return copy.set_params(random_state=0) if "random_state" in copy.get_params() else copy


def training_data(seed=0, n_features=4):
    """Three groups of points near enough to be one piece, and their labels."""
    return make_blobs(120, n_features, centers=3, center_box=(-2, 2), random_state=seed)


def outputs(estimator, X):
    """What a fitted estimator says of `X`, method by method."""
    said = {name: getattr(estimator, name)(X) for name in METHODS if hasattr(estimator, name)}
    return {name: np.asarray(value) for name, value in said.items()}


def assert_same(first, second, **tolerance):
    """Equal bit for bit, or within a tolerance where one is given."""
    assert first.keys() == second.keys() != set()
    for name in first:
        if tolerance:
            assert_allclose(first[name], second[name], **tolerance)
        else:
            assert_array_equal(first[name], second[name])


@pytest.fixture
def data():
    return training_data()


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: {}, xfail_strict=True)
@may_fall_apart
def test_scikit_learn_check(estimator, check):
    check(estimator)


COUNT_STATUSES = """
import collections, json, pickle, sys, warnings
from sklearn.utils.estimator_checks import check_estimator
warnings.simplefilter("ignore")
estimator = pickle.loads(bytes.fromhex(sys.argv[1]))
results = check_estimator(estimator, on_fail=None, on_skip=None)
print(json.dumps(collections.Counter(result["status"] for result in results)))
"""


@every_estimator
def test_enough_checks_pass_and_none_is_skipped(estimator):
    # A fresh process, because scipy reads the variable once, when it is imported.
    result = subprocess.run(
        [sys.executable, "-c", COUNT_STATUSES, pickle.dumps(estimator).hex()],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(skmanifold.__file__).resolve().parents[1],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
    )
    assert result.returncode == 0, result.stderr
    statuses = json.loads(result.stdout)
    assert statuses.keys() == {"passed"}
    assert statuses["passed"] >= FEWEST_PASSED


@may_fall_apart
@every_estimator
@pytest.mark.parametrize("check", LEFT_OUT_CHECKS, ids=name_of)
def test_check_that_scikit_learn_leaves_out(estimator, check):
    check(name_of(estimator), clone(estimator))


# These checks fit on a data frame and transform an array, and the other way round.
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names:UserWarning")
@may_fall_apart
@every_transformer
@pytest.mark.parametrize("check", LEFT_OUT_TRANSFORMER_CHECKS, ids=name_of)
def test_transformer_check_that_scikit_learn_leaves_out(estimator, check):
    check(name_of(estimator), clone(estimator))


def in_pipeline(estimator):
    """The estimator between a scaler and, if it does not predict, a classifier."""
    steps = [StandardScaler(), seeded(estimator)]
    return make_pipeline(
        *steps, *([] if hasattr(estimator, "predict") else [KNeighborsClassifier()])
    )


@every_estimator
def test_grid_search_over_a_pipeline_in_two_processes(estimator, data):
    grid = {"standardscaler__with_std": [True, False]}
    searches = [
        GridSearchCV(in_pipeline(estimator), grid, cv=2, n_jobs=n_jobs, error_score="raise")
        for n_jobs in (1, 2)
    ]
    serial, parallel = (search.fit(*data) for search in searches)
    assert_allclose(parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])
    assert_array_equal(parallel.predict(data[0]), serial.predict(data[0]))


@every_estimator
def test_cross_val_predict(estimator, data):
    assert cross_val_predict(in_pipeline(estimator), *data, cv=2).shape == data[1].shape


@every_estimator
def test_clone_keeps_parameters_only(estimator, data):
    fitted = seeded(estimator).fit(*data)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]


@every_estimator
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_in(estimator, frame, data):
    X, y = data
    columns = [f"x{column}" for column in range(X.shape[1])]
    table = frame(dict(zip(columns, X.T, strict=True)))
    fitted = seeded(estimator).fit(table, y)
    assert_array_equal(fitted.feature_names_in_, columns)
    # Data frames store columns, so that sums may round in another order.
    expected = outputs(seeded(estimator).fit(X, y), X)
    assert_same(outputs(fitted, table), expected, rtol=1e-7, atol=1e-7)


@every_transformer
@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_data_frames_out(estimator, library, kind, data):
    model = seeded(estimator).set_output(transform=library)
    embedded = model.fit_transform(*data)
    assert isinstance(embedded, kind)
    assert list(embedded.columns) == list(model.get_feature_names_out())
    assert_array_equal(embedded, seeded(estimator).fit_transform(*data))


def pickled(estimator, folder):
    return pickle.loads(pickle.dumps(estimator))


def dumped_by_joblib(estimator, folder):
    """Back from a file whose arrays stay on disk, read-only."""
    joblib.dump(estimator, folder / "estimator.joblib")
    return joblib.load(folder / "estimator.joblib", mmap_mode="r")


def dumped_by_skops(estimator, folder):
    """Back from a file that may name nothing but numpy, scipy and this package."""
    content = skops.io.dumps(estimator)
    names = skops.io.get_untrusted_types(data=content)
    assert {name.split(".")[0] for name in names} <= {"numpy", "scipy", "skmanifold"}
    return skops.io.loads(content, trusted=names)


@every_estimator
@pytest.mark.parametrize("round_trip", [pickled, dumped_by_joblib, dumped_by_skops], ids=name_of)
def test_round_trips_change_nothing(estimator, round_trip, data, tmp_path):
    fitted = seeded(estimator).fit(*data)
    back = round_trip(fitted, tmp_path)
    assert back.get_params() == fitted.get_params()
    assert_same(outputs(back, data[0]), outputs(fitted, data[0]))


@every_estimator
def test_pickles_hold_nothing_that_needs_a_gpu(estimator, data):
    fitted = seeded(estimator).fit(*data)
    stored = fitted.__getstate__()
    tensors = [value for value in stored.values() if isinstance(value, torch.Tensor)]
    modules = [value for value in stored.values() if isinstance(value, torch.nn.Module)]
    tensors += [each for module in modules for each in module.state_dict().values()]
    assert all(tensor.device.type == "cpu" for tensor in tensors)
    public = [name for name in stored if name.endswith("_") and not name.startswith("_")]
    assert public
    assert not [name for name in public if isinstance(stored[name], torch.Tensor)]


def read_only_memmap(X, folder):
    joblib.dump(X, folder / "X.joblib")
    mapped = joblib.load(folder / "X.joblib", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    return mapped


def fortran_order(X, folder):
    return np.asfortranarray(X)


def negative_strides(X, folder):
    return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]


def foreign_byte_order(X, folder):
    return X.astype(X.dtype.newbyteorder("S"))


def lists(X, folder):
    return X.tolist()


@every_estimator
@pytest.mark.parametrize(
    "layout",
    [read_only_memmap, fortran_order, negative_strides, foreign_byte_order, lists],
    ids=name_of,
)
def test_the_layout_of_an_array_does_not_matter(estimator, layout, data, tmp_path):
    X, y = data
    laid_out = layout(X, tmp_path)
    expected = outputs(seeded(estimator).fit(X, y), X)
    # Sums over another layout may round in another order.
    found = outputs(seeded(estimator).fit(laid_out, y), laid_out)
    assert_same(found, expected, rtol=1e-7, atol=1e-7)


@every_transformer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transform_keeps_the_float_type(estimator, dtype, data):
    X, y = data[0].astype(dtype), data[1]
    model = seeded(estimator)
    assert model.fit_transform(X, y).dtype == dtype
    assert model.transform(X).dtype == dtype
    assert model.transform(X.astype(np.float64)).dtype == np.float64
    assert model.transform(X.astype(int)).dtype == np.float64


def global_states():
    """States of every global generator, as bytes."""
    states = pickle.dumps([random.getstate(), np.random.get_state()])  # noqa: NPY002
    return states, torch.get_rng_state().numpy().tobytes()


@every_estimator
@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0)], ids=["int", "instance"])
def test_global_generators_are_left_alone(estimator, random_state, data):
    if "random_state" not in estimator.get_params():
        random_state = None
    model = clone(estimator)
    if random_state is not None:
        model.set_params(random_state=random_state)
    before = global_states()
    outputs(model.fit(*data), data[0])
    assert global_states() == before


@every_estimator
def test_global_settings_of_torch_are_left_alone(estimator, data):
    def settings():
        return (
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_grad_enabled(),
        )

    before = settings()
    outputs(seeded(estimator).fit(*data), data[0])
    assert settings() == before


@every_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_the_caller_are_left_alone(estimator, dtype, data):
    X, y = data[0].astype(dtype), data[1]
    copies = X.copy(), y.copy()
    outputs(seeded(estimator).fit(X, y), X)
    assert_array_equal(X, copies[0])
    assert_array_equal(y, copies[1])


@every_estimator
def test_results_do_not_share_memory_with_the_estimator(estimator, data):
    fitted = seeded(estimator).fit(*data)
    expected = {name: value.copy() for name, value in outputs(fitted, data[0]).items()}
    for value in outputs(fitted, data[0]).values():
        value[:] = 0
    assert_same(outputs(fitted, data[0]), expected)


@every_estimator
def test_same_seed_same_result(estimator, data):
    first, second = (outputs(seeded(estimator).fit(*data), data[0]) for _ in range(2))
    assert_same(first, second)


@every_estimator
def test_fits_in_two_threads_are_those_in_one(estimator):
    sets = [training_data(seed) for seed in range(4)]
    together = Barrier(2)

    def fit(pair):
        together.wait(timeout=60)
        return outputs(seeded(estimator).fit(*pair), pair[0])

    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(fit, sets))
    for pair, found in zip(sets, threaded, strict=True):
        expected = outputs(seeded(estimator).fit(*pair), pair[0])
        # Numerical libraries may split sums otherwise where two threads share the cores.
        assert_same(found, expected, rtol=1e-9, atol=1e-9)


class Recorder:
    """A callback that keeps what it was told, and interrupts a fit after some tasks."""

    def __init__(self, interrupt_after=np.inf):
        self.calls = []
        self.interrupt_after = interrupt_after

    def setup(self, estimator, context):
        self.calls.append(("setup", None))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", None))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))
        if self.ended() > self.interrupt_after:
            raise KeyboardInterrupt

    def ended(self):
        """How many tasks have ended."""
        return sum(kind == "end" for kind, _ in self.calls)


@every_estimator
def test_progress_is_told_to_callbacks(estimator, data):
    recorder = Recorder()
    seeded(estimator).set_callbacks(recorder).fit(*data)
    kinds = [kind for kind, _ in recorder.calls]
    assert kinds[0] == "setup"
    assert kinds[-1] == "teardown"
    begun, ended = ([name for kind, name in recorder.calls if kind == k] for k in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert len(begun) > 2  # the fit as a whole, and its steps
    assert begun[0] == ended[-1]


@every_estimator
def test_callbacks_do_not_change_the_result(estimator, data):
    told = seeded(estimator).set_callbacks(Recorder()).fit(*data)
    assert_same(outputs(told, data[0]), outputs(seeded(estimator).fit(*data), data[0]))


@every_estimator
def test_interrupted_fits_leave_an_earlier_one_usable(estimator, data):
    fitted = seeded(estimator).fit(*data)
    expected = outputs(fitted, data[0])
    counter, others = Recorder(), training_data(seed=1, n_features=7)
    seeded(estimator).set_callbacks(counter).fit(*others)
    assert counter.ended() > 1
    # Nine places along a fit of many steps are enough.
    for interrupt_after in np.unique(np.linspace(0, counter.ended() - 2, 9).astype(int)):
        fitted.set_callbacks(Recorder(interrupt_after))
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(*others)
        fitted.set_callbacks()
        assert_same(outputs(fitted, data[0]), expected)


@every_estimator
def test_an_interrupted_first_fit_leaves_nothing(estimator, data):
    model = seeded(estimator).set_callbacks(Recorder(interrupt_after=0))
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data)
    assert not [name for name in vars(model) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        outputs(model, data[0])


@every_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_failed_fits_leave_an_earlier_one_usable(estimator, value, data):
    fitted = seeded(estimator).fit(*data)
    expected = outputs(fitted, data[0])
    X, y = training_data(n_features=7)
    X[3, 2] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted.fit(X, y)
    assert_same(outputs(fitted, data[0]), expected)


@every_estimator
def test_a_device_that_is_not_there(estimator, data, monkeypatch):
    if "device" not in estimator.get_params():
        pytest.skip("the estimator works on the CPU only")
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=f"device='{beyond}' .* device='auto' or device='cpu'"):
        seeded(estimator).set_params(device=beyond).fit(*data)


@every_estimator
def test_nothing_is_printed(estimator, data, capsys):
    outputs(seeded(estimator).fit(*data), data[0])
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def documented_names(text, section):
    """Names that a numpydoc section of a docstring lists."""
    match = re.search(
        rf"^{section}\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", text, re.DOTALL | re.MULTILINE
    )
    lines = re.findall(r"^(\w[\w, ]*?) ?:", match.group(1) if match else "", re.MULTILINE)
    return {name for line in lines for name in line.split(", ")}


@every_estimator
def test_everything_public_is_documented(estimator, data):
    text = inspect.getdoc(type(estimator))
    X = pd.DataFrame(data[0], columns=list("abcd"))
    fitted = seeded(estimator).fit(X, data[1])
    properties = dict(inspect.getmembers(type(fitted), lambda value: isinstance(value, property)))
    attributes = {
        name for name in {**vars(fitted), **properties} if re.fullmatch(r"[^_]\w*_", name)
    }
    assert documented_names(text, "Parameters") == estimator.get_params().keys()
    assert documented_names(text, "Attributes") == attributes
    for section in ("See Also", "References", "Examples"):
        assert f"\n{section}\n---" in text
