"""What MCRClustering trains: modules of the caller's, warm starts, and views of the samples."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skmanifold.nn import compose, gaussian_noise, random_flip, random_shift
from tests.cluster.quick_fits import far_blobs, quick, same_clusters, stripes

pytestmark = pytest.mark.usefixtures("few_steps")


@pytest.fixture
def X(rng):
    """One cloud, which no graph settles."""
    return rng.normal(size=(60, 4))


def linear_encoder(n_features):
    """Without norms: what it gives depends on its weights alone."""
    return nn.Linear(n_features, 6)


@pytest.mark.parametrize("refine", [True, False])
def test_a_warm_start_begins_where_the_last_fit_ended(X, refine):
    plain = {"module": linear_encoder, "refine": refine, "warm_start": True}
    model = quick(**plain).fit(X)
    learnt = model.embedding_
    model.set_params(lr=1e-30, random_state=7).fit(X)
    assert_allclose(model.embedding_, learnt, atol=1e-6)
    cold = quick(**(plain | {"warm_start": False, "lr": 1e-30, "random_state": 7})).fit(X)
    assert not np.allclose(cold.embedding_, learnt, atol=1e-2)


def test_a_warm_start_goes_on(X):
    model = quick(augmentation=None, refine=False, warm_start=True, lr=1e-2, pretrain_epochs=5)
    ends = [model.fit(X).rate_history_["rate"][-1] for _ in range(3)]
    assert ends[0] < ends[1] < ends[2]


@pytest.mark.parametrize("changed", [{"n_components": 5}, {"hidden_dim": 7}, {}])
def test_a_warm_start_needs_the_same_shapes(X, changed):
    model = quick(warm_start=True).fit(X)
    expected = model.predict_proba(X)
    samples = X if changed else X[:, :3]
    with pytest.raises(ValueError, match=r"warm_start=True needs .* same shapes .*: size mismatch"):
        model.set_params(**changed).fit(samples)
    model.set_params(n_components=8, hidden_dim=16)
    assert_array_equal(model.predict_proba(X), expected)


def test_modules_of_the_caller_are_left_alone(X):
    module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    module[0].bias.requires_grad_(False)
    module.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = quick(module=module).fit(X)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module[0].weight.grad is None
    assert not module.training
    trained = model.net_.module_.encoder.state_dict()
    assert not torch.equal(trained["0.weight"], before["0.weight"])
    assert torch.equal(trained["0.bias"], before["0.bias"])  # frozen


def test_pretrained_weights_are_where_training_begins(X):
    module = nn.Linear(4, 6)
    model = quick(module=module, lr=1e-30).fit(X)
    assert torch.equal(model.net_.module_.encoder.weight, module.weight)


def test_dropout_in_a_module_is_as_random_as_random_state_says(X):
    def make(n_features):
        return nn.Sequential(nn.Linear(n_features, 6), nn.Dropout(0.5))

    before = torch.get_rng_state()
    first, again = (quick(module=make).fit(X).embedding_ for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert_array_equal(first, again)


def test_each_view_is_augmented_anew(X):
    seen = []

    def watch(batch, generator):
        seen.append(gaussian_noise(0.1)(batch, generator))
        return seen[-1]

    quick(augmentation=watch, n_views=3, refine=False).fit(X)
    assert len(seen) == 2 * 3  # epochs of one batch
    assert len({float(view.sum()) for view in seen}) == 6
    # As training sees them: of mean square 1.
    assert_allclose(seen[0].square().mean(), 1, rtol=0.1)


def test_augmentations_get_copies(X):
    def spoil(batch, generator):
        return batch.mul_(0)

    model = quick(augmentation=spoil, refine=False).fit(X)
    assert np.ptp(model.transform(X), axis=0).max() > 0.1


@pytest.mark.parametrize(
    "augmentation",
    ["neighbors", None, random_flip(), compose(random_shift(1), gaussian_noise(0.1))],
    ids=repr,
)
def test_images_in_views(augmentation):
    images, _ = stripes()
    model = quick(n_clusters=2, augmentation=augmentation, refine=True).fit(images)
    assert_array_equal(model.predict(images), model.labels_)
    assert np.isfinite(model.rate_history_["rate"]).all()


def test_one_view_is_enough():
    X, y = far_blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = quick(n_views=1, batch_size=3).fit(X[:58])
    assert same_clusters(model.labels_, y[:58])
