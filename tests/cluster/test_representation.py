import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from torch import nn

from skmanifold.cluster._representation import features_of, in_frame, sample_frame, subspaces
from skmanifold.nn import TwoHeads, mlp_encoder

CPU = torch.device("cpu")


def module_of(n_features=4):
    generator = torch.Generator().manual_seed(0)
    return TwoHeads(mlp_encoder(n_features, 16, generator=generator), 16, 8, generator)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_in_their_frame_are_about_the_origin_and_of_mean_square_1(rng, dtype):
    X = (5 + 3 * rng.normal(size=(50, 4)) * [1, 10, 0.1, 1]).astype(dtype)
    points = in_frame(X, *sample_frame(X))
    assert points.dtype == np.float64
    assert_allclose(points.mean(axis=0), 0, atol=1e-6)
    assert_allclose((points**2).mean(), 1, rtol=1e-6)


def test_distances_keep_their_ratios(rng):
    X = 5 + 3 * rng.normal(size=(10, 4))
    points = in_frame(X, *sample_frame(X))
    before, after = (np.linalg.norm(Y[:, None] - Y, axis=2) for Y in (X, points))
    assert_allclose(after * before[0, 1], before * after[0, 1], rtol=1e-12)


def test_images_keep_their_zero(rng):
    X = rng.uniform(size=(10, 1, 5, 6))
    X[:, :, 0] = 0
    points = in_frame(X, *sample_frame(X))
    assert_array_equal(points[:, :, 0], 0)
    assert (points >= 0).all()
    assert_allclose((points**2).mean(), 1, rtol=1e-12)


@pytest.mark.parametrize("shape", [(10, 4), (10, 1, 3, 3)], ids=str)
def test_samples_without_spread_have_a_frame(shape):
    X = np.zeros(shape)
    assert_array_equal(in_frame(X, *sample_frame(X)), X)


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_units_do_not_matter(rng, scale):
    X = rng.normal(size=(10, 4))
    expected = in_frame(X, *sample_frame(X))
    assert_allclose(in_frame(scale * X, *sample_frame(scale * X)), expected, rtol=1e-12)


def test_float32_far_from_the_origin_keeps_its_digits(rng):
    X = (1e6 + np.arange(40.0).reshape(10, 4)).astype(np.float32)
    exact = X.astype(np.float64)
    assert_allclose(in_frame(X, *sample_frame(X)), in_frame(exact, *sample_frame(exact)))


def test_features_are_those_of_the_module_in_evaluation(rng):
    module, points = module_of(), rng.normal(size=(20, 4))
    module(torch.from_numpy(points).float())  # the norms learn
    found = features_of(module, points, CPU)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(points).float())
    for head, wanted in zip(found, expected, strict=True):
        assert head.dtype == np.float64
        assert_allclose(np.linalg.norm(head, axis=1), 1, rtol=1e-12)
        assert_allclose(head, wanted, atol=1e-5)


def test_the_module_is_left_as_it_is(rng):
    module = module_of().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    features_of(module, rng.normal(size=(20, 4)), CPU)
    assert module.training
    for name, value in module.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])


def test_chunks_change_nothing(rng):
    module, points = module_of(), rng.normal(size=(20, 4))
    whole = features_of(module, points, CPU)
    with config_context(working_memory=1e-3):
        parts = features_of(module, points, CPU)
    for head, expected in zip(parts, whole, strict=True):
        assert_allclose(head, expected, rtol=0, atol=1e-14)


def test_no_gradients_are_kept(rng):
    module = TwoHeads(nn.Identity(), 4, 3, torch.Generator().manual_seed(0))
    features_of(module, rng.normal(size=(5, 4)), CPU)
    assert all(parameter.grad is None for parameter in module.parameters())


def test_subspaces_hold_most_of_the_energy_with_no_axis_too_many(rng):
    features = rng.normal(size=(60, 8)) * np.geomspace(1, 0.01, 8)
    labels = np.arange(60) % 2
    bases = subspaces(features, labels, 2)
    for k, basis in enumerate(bases):
        part = features[labels == k]
        energies = ((part @ basis) ** 2).sum(axis=0)
        assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
        assert (np.diff(energies) <= 0).all()  # largest first
        assert energies[:-1].sum() < 0.95 * (part**2).sum() <= energies.sum()


def test_features_in_a_plane_have_the_plane(rng):
    plane = np.linalg.qr(rng.normal(size=(8, 2)))[0]
    features = rng.normal(size=(30, 2)) @ plane.T
    (basis,) = subspaces(features, np.zeros(30, int), 1)
    assert basis.shape == (8, 2)
    assert_allclose(basis @ basis.T, plane @ plane.T, atol=1e-12)


def test_axes_are_fewer_than_samples(rng):
    features = rng.normal(size=(2, 8))
    one, none = subspaces(features[:1], np.zeros(1, int), 2)
    assert_allclose(np.abs(one[:, 0]), np.abs(features[0]) / np.linalg.norm(features[0]))
    assert none.shape == (8, 0)  # an empty cluster
    assert subspaces(features, np.zeros(2, int), 1)[0].shape[1] <= 2
