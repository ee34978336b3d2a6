"""Odd and bad input: the documented answer, or an error that says what is wrong."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from torch import nn

from skmanifold.cluster import MCRClustering
from tests.cluster.quick_fits import quick, stripes

pytestmark = pytest.mark.usefixtures("few_steps")
both_graphs = pytest.mark.parametrize("augmentation", ["neighbors", "noise"])


@pytest.fixture
def X(rng):
    return rng.normal(size=(40, 4))


def assert_usable(model, X):
    """Every method gives numbers, and training samples keep their labels."""
    assert_array_equal(model.predict(X), model.labels_)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert_allclose(np.linalg.norm(model.transform(X), axis=1), 1, rtol=1e-6)
    assert -1e-9 <= model.score(X) < np.inf
    assert np.isfinite(model.membership(X).data).all()
    assert np.isfinite(model.rate_history_["rate"]).all()


class Given(nn.Module):
    """Whatever a function makes of a batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, batch):
        return self.function(batch)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_clusters": 40}, r"n_samples=40 must be larger than n_clusters=40"),
        ({"n_clusters": 99}, r"n_samples=40 must be larger than n_clusters=99"),
        ({"n_clusters": 9, "batch_size": 8}, r"batch_size=8 is less than n_clusters=9"),
        ({"n_clusters": 0}, r"'n_clusters' parameter"),
        ({"n_clusters": "many"}, r"'n_clusters' parameter"),
        ({"n_components": 0}, r"'n_components' parameter"),
        ({"hidden_dim": 0}, r"'hidden_dim' parameter"),
        ({"module": "mlp"}, r"'module' parameter"),
        ({"augmentation": "crop"}, r"'augmentation' parameter"),
        ({"n_neighbors": 0}, r"'n_neighbors' parameter"),
        ({"membership_temperature": 0.0}, r"'membership_temperature' parameter"),
        ({"label_neighbors": 0}, r"'label_neighbors' parameter"),
        ({"eps_sq": 0.0}, r"'eps_sq' parameter"),
        ({"pretrain_epochs": 0}, r"'pretrain_epochs' parameter"),
        ({"max_iter": 0}, r"'max_iter' parameter"),
        ({"batch_size": 2}, r"'batch_size' parameter"),
        ({"n_columns": 0}, r"'n_columns' parameter"),
        ({"n_views": 0}, r"'n_views' parameter"),
        ({"lr": 0.0}, r"'lr' parameter"),
        ({"refine": "never"}, r"'refine' parameter"),
        ({"tol": -1e-3}, r"'tol' parameter"),
        ({"callbacks": "early"}, r"'callbacks' parameter"),
        ({"accelerator": "gpu"}, r"'accelerator' parameter"),
        ({"device": "cuda:99"}, r"device='cuda:99' cannot be used on this machine"),
    ],
)
def test_parameters_are_checked(X, params, match):
    with pytest.raises(ValueError, match=match):
        quick(**params).fit(X)


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda batch: batch.sum(), r"module returned \(\) for a batch of shape \(2, 4\)"),
        (lambda batch: batch.mean(0, keepdim=True), r"module returned \(1, 4\) for a batch"),
        (lambda batch: batch[:, None], r"module returned \(2, 1, 4\) for a batch"),
        (lambda batch: (batch, batch), r"module returned tuple for a batch of shape \(2, 4\)"),
        (lambda batch: batch[:, 9], r"module cannot encode a batch of shape \(2, 4\)"),
    ],
)
def test_modules_must_return_rows(X, function, match):
    with pytest.raises(ValueError, match=match):
        quick(module=Given(function)).fit(X)


def test_modules_of_other_samples(X):
    with pytest.raises(ValueError, match=r"cannot encode a batch of shape \(2, 4\)"):
        quick(module=nn.Linear(5, 3)).fit(X)


@pytest.mark.parametrize("made", [None, 3, "linear"])
def test_factories_must_give_modules(X, made):
    with pytest.raises(TypeError, match=r"module=.* made a .*, not a torch Module"):
        quick(module=lambda n_features: made).fit(X)


@pytest.mark.parametrize(
    ("augmentation", "match"),
    [
        (lambda batch, generator: batch * torch.nan, r"augmentation returned NaN or infinity"),
        (lambda batch, generator: batch / 0, r"augmentation returned NaN or infinity"),
        (lambda batch, generator: batch[:, :2], r"returned \(40, 2\) for a batch of shape \(40, 4"),
        (lambda batch, generator: batch[:5], r"returned \(5, 4\) for a batch of shape \(40, 4\)"),
        (lambda batch, generator: batch.numpy(), r"returned ndarray for a batch of shape"),
        (lambda batch, generator: None, r"returned NoneType for a batch of shape \(40, 4\)"),
    ],
)
def test_augmentations_must_keep_the_shape(X, augmentation, match):
    with pytest.raises(ValueError, match=match):
        quick(augmentation=augmentation).fit(X)


def test_errors_of_augmentations_are_theirs(X):
    def augmentation(batch, generator):
        raise KeyError("no such augmentation")

    with pytest.raises(KeyError, match=r"no such augmentation"):
        quick(augmentation=augmentation).fit(X)


def test_augmentations_may_return_another_float_type(X):
    def augmentation(batch, generator):
        return batch.double()

    assert_usable(quick(augmentation=augmentation).fit(X), X)


@pytest.mark.parametrize("shape", [(40,), (40, 4, 2), (40, 1, 8, 8, 2)], ids=str)
def test_samples_are_rows_or_images(shape):
    with pytest.raises(ValueError, match=r"Expected 2D array|Found array with dim \d: X has shape"):
        quick().fit(np.zeros(shape))


def test_other_shapes_with_a_module_that_takes_them(rng):
    sequences = rng.normal(size=(30, 4, 5))
    model = quick(module=lambda shape: nn.Flatten(), refine=True).fit(sequences)
    assert_usable(model, sequences)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_must_be_finite(X, value):
    model = quick().fit(X)
    X[3, 2] = value
    for method in (quick().fit, model.predict, model.transform, model.score, model.membership):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            method(X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "score", "membership"])
def test_methods_need_a_fit_and_the_same_shape(X, method):
    with pytest.raises(NotFittedError):
        getattr(quick(), method)(X)
    with pytest.raises(ValueError, match=r"X has 3 features, but MCRClustering is expecting 4"):
        getattr(quick().fit(X), method)(X[:, :3])


def test_the_net_needs_a_fit():
    with pytest.raises(NotFittedError):
        _ = quick().net_


def test_images_of_another_size():
    images, _ = stripes()
    model = quick(n_clusters=2).fit(images)
    match = r"Samples of shape \(1, 8, 9\) came, but those of fit had \(1, 8, 8\)"
    with pytest.raises(ValueError, match=match):
        model.predict(np.zeros((3, 1, 8, 9)))
    with pytest.raises(ValueError, match=r"features"):
        model.predict(np.zeros((3, 2, 8, 8)))
    with pytest.raises(ValueError, match=r"Samples of shape \(1,\) came"):
        model.predict(np.zeros((3, 1)))


def test_dropout_is_for_rows():
    images, _ = stripes()
    with pytest.raises(ValueError, match=r"dropout.* needs rows \(n, d\), not shape \(24, 1, 8, 8"):
        quick(n_clusters=2, augmentation="dropout").fit(images)


def test_one_sample(X):
    with pytest.raises(ValueError, match=r"1 sample"):
        quick(n_clusters=1).fit(X[:1])
    model = quick().fit(X)
    assert model.predict(X[:1]).shape == (1,)
    with pytest.raises(ValueError, match=r"minimum of 2 is required"):
        model.membership(X[:1])


@both_graphs
@pytest.mark.parametrize(("n_samples", "n_clusters"), [(2, 1), (3, 2), (4, 3), (3, "auto")])
def test_few_samples(rng, augmentation, n_samples, n_clusters):
    X = rng.normal(size=(n_samples, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = quick(n_clusters=n_clusters, augmentation=augmentation, refine=True).fit(X)
    assert_usable(model, X)


@both_graphs
@pytest.mark.parametrize("refine", [True, False])
def test_one_feature(X, augmentation, refine):
    model = quick(augmentation=augmentation, refine=refine).fit(X[:, :1])
    assert_usable(model, X[:, :1])


@both_graphs
@pytest.mark.parametrize("value", [0.0, 7.0, -1e6])
def test_constant_rows_are_one_cluster(augmentation, value):
    X = np.full((20, 3), value)
    with pytest.warns(ConvergenceWarning, match=r"Found 1 clusters, fewer than n_clusters=3"):
        model = quick(augmentation=augmentation).fit(X)
    assert_array_equal(model.labels_, np.zeros(20))
    assert_array_equal(model.predict(X), model.labels_)
    # At the origin there may be no direction to represent by, but there are numbers.
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.membership(X).data).all()
    assert_allclose(model.score(X), 0, atol=1e-9)


@both_graphs
def test_fewer_distinct_rows_than_clusters(X, augmentation):
    twice = np.repeat(X[:2], 15, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"fewer than n_clusters=3"):
        model = quick(augmentation=augmentation).fit(twice)
    assert_usable(model, twice)


@both_graphs
@pytest.mark.parametrize("n_copies", [2, 30])
def test_every_row_many_times(X, augmentation, n_copies):
    copies = np.tile(X[:6], (n_copies, 1))
    model = quick(augmentation=augmentation).fit(copies)
    assert len(np.unique(model.labels_)) == 3
    assert_usable(model, copies)


@both_graphs
def test_copies_but_for_rounding(X, augmentation):
    """More samples alike than there are neighbours to vote."""
    copies = np.tile(X[:3], (13, 1)) + 1e-9 * X[:39]
    model = quick(n_clusters=5, augmentation=augmentation, n_neighbors=3, label_neighbors=3)
    assert_usable(model.fit(copies), copies)


@both_graphs
def test_one_sample_far_away(X, augmentation):
    X[0] = 1e12
    assert_usable(quick(n_clusters=2, augmentation=augmentation).fit(X), X)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
def test_numbers_of_any_type(X, dtype):
    X = X > 0 if dtype is bool else (100 * abs(X)).astype(dtype)
    model = quick(n_clusters=2, augmentation="noise").fit(X)
    assert_usable(model, X)
    assert model.transform(X).dtype == np.float64


@pytest.mark.parametrize("eps_sq", [1e-12, 1e-6, 1e6])
def test_distortions_of_any_size(X, eps_sq):
    assert_usable(quick(eps_sq=eps_sq, refine=True).fit(X), X)


@pytest.mark.parametrize("temperature", [1e-4, 1e4])
def test_temperatures_of_any_size(X, temperature):
    assert_usable(quick(membership_temperature=temperature, refine=True).fit(X), X)


@pytest.mark.parametrize(
    "params",
    [
        {"n_components": 1},
        {"hidden_dim": 1},
        {"n_components": 100, "n_columns": 1},
        {"n_neighbors": 1, "label_neighbors": 1},
        {"n_neighbors": 1000, "label_neighbors": 1000},
        {"batch_size": 13, "n_views": 1},
        {"lr": 100.0},
    ],
    ids=str,
)
@both_graphs
def test_settings_at_their_ends(X, params, augmentation):
    model = quick(augmentation=augmentation, refine=True, **params).fit(X)
    assert_usable(model, X)


def test_nothing_is_checked_before_fit():
    assert MCRClustering(n_clusters=-1).get_params()["n_clusters"] == -1
