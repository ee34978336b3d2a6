"""The same on a GPU. Skipped where there is none."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold import MCRClustering
from skmanifold.datasets import make_clusters
from skmanifold.metrics import clustering_accuracy

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def spread():
    return make_clusters("subspaces", 400, n_clusters=3, random_state=0)


@pytest.fixture(scope="module")
def fitted(spread):
    return MCRClustering(3, device="cuda", random_state=0).fit(spread[0])


def test_clusters_on_the_gpu(fitted, spread):
    assert next(fitted.net_.module_.parameters()).is_cuda
    assert clustering_accuracy(spread[1], fitted.labels_) > 0.97
    assert_array_equal(fitted.predict(spread[0]), fitted.labels_)


def test_what_was_fitted_there_predicts_here(fitted, spread):
    moved = pickle.loads(pickle.dumps(fitted)).set_params(device="cpu")
    assert_allclose(moved.transform(spread[0]), fitted.embedding_, atol=1e-9)
    assert_array_equal(moved.predict(spread[0]), fitted.labels_)
    assert_allclose(moved.score(spread[0]), fitted.score(spread[0]))


def test_images_and_views_on_the_gpu():
    from skmanifold.nn import compose, gaussian_noise, random_shift

    images = np.random.default_rng(0).normal(size=(40, 1, 8, 8))
    views = compose(random_shift(1), gaussian_noise(0.1))
    model = MCRClustering(
        2, augmentation=views, pretrain_epochs=1, max_iter=1, device="cuda", random_state=0
    )
    assert model.fit(images).labels_.shape == (40,)
