"""Graphs that fall apart: components side by side, and what is said of them."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist, pdist

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import make_swiss_roll

SIZES = (120, 200, 60)


@pytest.fixture
def labels():
    return np.repeat(np.arange(3), SIZES)


@pytest.fixture
def X(labels, rng):
    """Three rectangles far apart, the second the largest."""
    flat = rng.uniform(size=(len(labels), 2)) * [3, 1]
    return np.column_stack([flat, np.zeros(len(labels))]) + 100.0 * labels[:, None]


def fit(X, **parameters):
    return HeatGeodesicEmbedding(**{"random_state": 0, **parameters}).fit(X)


@pytest.fixture
def fitted(X):
    with pytest.warns(UserWarning, match="falls apart"):
        return fit(X)


def test_the_warning_names_sizes_and_what_to_do(X):
    expected = (
        r"3 components of sizes 200 \(row 120 and others\), 120 \(row 0 and others\), "
        r"60 \(row 320 and others\).* side by side .* larger n_neighbors \(now 15\)"
    )
    with pytest.warns(UserWarning, match=expected) as records:
        fit(X)
    assert len(records) == 1
    assert records[0].filename == __file__  # it points at the line that called fit


def test_components_of_the_points(fitted, labels):
    assert fitted.n_graph_components_ == 3
    order = np.array([1, 0, 2])  # the largest comes first
    assert_array_equal(fitted.graph_components_, order[labels])


def test_components_do_not_overlap(fitted, labels):
    ranges = [
        (block.min(), block.max())
        for block in (fitted.landmark_embedding_[:, 0][fitted._parts == part] for part in range(3))
    ]
    for (_, right), (left, _) in pairwise(ranges):
        assert left > right
    assert_allclose(fitted.landmark_embedding_.mean(axis=0), 0, atol=1e-8)


def test_each_component_is_embedded_as_if_alone(fitted, X, labels):
    for label in range(3):
        members = labels == label
        apart = pdist(fitted.embedding_[members])
        alone = pdist(fit(X[members]).embedding_)
        assert np.corrcoef(apart, alone)[0, 1] > 0.99
        assert np.median(apart / alone) == pytest.approx(1, abs=0.03)
        assert np.median(apart / pdist(X[members])) == pytest.approx(1, abs=0.08)


def test_geodesic_distances_between_components_are_infinite(fitted, X, labels):
    same = labels[:, None] == labels
    distances = fitted.geodesic_distances(X)
    assert np.isposinf(distances[~same]).all()
    assert np.isfinite(distances[same]).all()
    parts = fitted._parts
    assert_array_equal(np.isinf(fitted.landmark_distances_), parts[:, None] != parts)


def test_new_points_join_the_nearest_component(fitted, X, labels, rng):
    near = X + 0.01 * rng.normal(size=X.shape)
    nearest = cdist(fitted.transform(near), fitted.embedding_).argmin(axis=1)
    assert_array_equal(labels[nearest], labels)
    far = fitted.transform(np.array([[50.0, 50.0, 49.0]]))
    assert np.isfinite(far).all()


def test_a_single_component_is_not_warned_of():
    assert fit(make_swiss_roll(200, random_state=0).X).n_graph_components_ == 1


@pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")
@pytest.mark.parametrize("mds", ["classical", "smacof", "sgd"])
@pytest.mark.parametrize("mds_weights", [None, "heat", 1.0])
def test_every_scaling_lays_components_out(X, mds, mds_weights):
    assert np.isfinite(fit(X, mds=mds, mds_weights=mds_weights).embedding_).all()


@pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")
@pytest.mark.parametrize(
    "dissimilarity", ["geodesic", "varadhan", "squared_varadhan", "potential", "diffusion"]
)
@pytest.mark.parametrize("denoising", [0.0, 0.5])
def test_every_dissimilarity_is_infinite_between_components(X, dissimilarity, denoising):
    fitted = fit(X, dissimilarity=dissimilarity, denoising=denoising)
    assert np.isfinite(fitted.embedding_).all()
    parts = fitted._parts
    assert_array_equal(np.isinf(fitted.landmark_distances_), parts[:, None] != parts)


@pytest.mark.filterwarnings("ignore:The neighbor graph falls apart:UserWarning")
def test_components_of_one_and_two_points(rng):
    block = rng.normal(size=(40, 2))
    distances = np.zeros((43, 43))  # what a sparse graph does not store is no edge
    distances[:40, :40] = cdist(block, block)
    distances[41, 42] = distances[42, 41] = 3.0
    fitted = fit(csr_array(distances), metric="precomputed")
    assert fitted.n_graph_components_ == 3
    assert np.isfinite(fitted.embedding_).all()
    pair = np.linalg.norm(fitted.embedding_[41] - fitted.embedding_[42])
    assert pair == pytest.approx(3, rel=0.35)
