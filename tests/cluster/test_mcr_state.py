"""What a fit of MCRClustering depends on, and what is kept of it: seeds, units, pickles, images."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from tests.cluster.quick_fits import far_blobs, quick, stripes, touching

pytestmark = pytest.mark.usefixtures("few_steps")


def test_seeds_decide():
    X = touching()
    first, again, other = (quick(random_state=seed).fit(X) for seed in (0, 0, 1))
    assert_array_equal(first.embedding_, again.embedding_)
    assert_array_equal(first.labels_, again.labels_)
    assert not np.array_equal(first.embedding_, other.embedding_)


def flat_encoder(shape):
    n_features = int(np.prod(shape))
    return nn.Sequential(nn.Flatten(), nn.Linear(n_features, 12), nn.Tanh())


@pytest.mark.parametrize("module", [None, flat_encoder])
def test_images(module):
    X, _ = stripes()
    model = quick(n_clusters=2, module=module, refine=True, augmentation="noise").fit(X)
    assert model.embedding_.shape == (24, 8)
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(model.transform(X), model.embedding_)
    assert model.membership(X).shape == (24, 24)
    assert model.score(X) >= 0


def test_dark_images_stay_dark():
    """Rows are taken about their mean, images about the zero that they have."""
    seen = []

    def watch(batch, generator):
        seen.append(batch.clone())
        return batch

    quick(n_clusters=2, augmentation=watch).fit(1 + np.abs(stripes()[0]))
    quick(n_clusters=2, augmentation=watch).fit(1 + touching())
    assert min(float(batch.min()) for batch in seen if batch.ndim == 4) > 0
    assert all(abs(float(batch.mean())) < 0.1 for batch in seen if batch.ndim == 2)
    assert any(batch.ndim == 2 for batch in seen)


@pytest.mark.parametrize("scale", [1e6, 1e-6])
def test_units_and_origin_do_not_matter(scale):
    X, _ = far_blobs()
    expected = quick(refine=True).fit(X)
    moved = quick(refine=True).fit(scale * (X + 3))
    assert_array_equal(moved.labels_, expected.labels_)
    assert_allclose(np.abs(moved.embedding_), np.abs(expected.embedding_), atol=1e-2)
    images, _ = stripes()
    expected = quick(n_clusters=2).fit(images).labels_
    assert_array_equal(quick(n_clusters=2).fit(scale * images).labels_, expected)


def test_pickles_make_their_net_again():
    X = touching()
    model = quick(refine=True, module=flat_encoder).fit(X)
    back = pickle.loads(pickle.dumps(model))
    assert back._net is None
    for method in ("transform", "predict_proba"):
        assert_array_equal(getattr(back, method)(X), getattr(model, method)(X))
    weights, expected = back.net_.module_.state_dict(), model.net_.module_.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert model._net is not None


def test_pickles_do_not_heed_later_parameters():
    X = touching()
    model = quick().fit(X)
    expected = model.transform(X)
    model.set_params(n_components=3, hidden_dim=5, module=flat_encoder)
    assert_array_equal(model.transform(X), expected)
    assert_array_equal(pickle.loads(pickle.dumps(model)).transform(X), expected)


def test_clones_are_not_fitted():
    model = quick(module=nn.Linear(4, 6), augmentation="noise").fit(touching())
    copy = clone(model)
    assert copy.get_params().keys() == model.get_params().keys()
    with pytest.raises(NotFittedError):
        copy.predict(touching())
    assert_array_equal(copy.fit(touching()).labels_, model.labels_)
