"""Contractions with the antisymmetric tensor: rotations leave them alone, mirrors turn them."""

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skmanifold.frames import canonical_clouds, cloud_features, draw_frequencies
from skmanifold.frames._canonical import Rules
from skmanifold.frames._handedness import _twists, axial_vectors
from tests.frames.known_clouds import moved, orthogonal, tensor

N_FREQUENCIES = 32


def levi_civita(n_axes):
    """The totally antisymmetric tensor, from the signs of permutations."""
    epsilon = np.zeros((n_axes,) * n_axes)
    for order in permutations(range(n_axes)):
        epsilon[order] = np.linalg.det(np.eye(n_axes)[list(order)])
    return epsilon


def symmetric(rng, *shape):
    matrices = rng.normal(size=shape)
    return matrices + np.swapaxes(matrices, -1, -2)


def test_axial_vectors_are_contractions(rng):
    first, second = symmetric(rng, 5, 3, 3), symmetric(rng, 5, 3, 3)
    expected = np.einsum("ijk,njl,nlk->ni", levi_civita(3), first, second)
    assert_allclose(axial_vectors(tensor(first), tensor(second)), expected, atol=1e-12)
    first, second = symmetric(rng, 5, 2, 2), symmetric(rng, 5, 2, 2)
    expected = np.einsum("jk,njl,nlk->n", levi_civita(2), first, second)
    assert_allclose(axial_vectors(tensor(first), tensor(second))[:, 0], expected, atol=1e-12)


def test_matrices_that_commute_turn_about_nothing(rng):
    matrix = tensor(symmetric(rng, 4, 3, 3))
    assert_allclose(axial_vectors(matrix, matrix @ matrix), 0, atol=1e-12)


@pytest.mark.parametrize("n_axes", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("proper", [True, False])
def test_twists_turn_with_mirrors_only(rng, n_axes, proper):
    vectors = rng.normal(size=(6, 7, n_axes))
    first, second = (symmetric(rng, 6, 7, n_axes, n_axes) for _ in range(2))
    turn = orthogonal(rng, n_axes, proper=True)
    turn = turn if proper else turn * np.append(-1, np.ones(n_axes - 1))
    expected = _twists(tensor(vectors), tensor(first), tensor(second))
    found = _twists(
        tensor(vectors @ turn), tensor(turn.T @ first @ turn), tensor(turn.T @ second @ turn)
    )
    assert expected.abs().max() > 0.1
    assert_allclose(found, expected if proper else -expected, atol=1e-10)


def handed_part(cloud):
    """The features of a cloud that turn in mirror images."""
    clouds = canonical_clouds(tensor(cloud)[None], None, Rules(3, "trace", chiral=True))
    frequencies = draw_frequencies(3, torch.Generator().manual_seed(0))
    features = cloud_features(
        clouds.coordinates, clouds.layout.spreads, frequencies, chiral=True
    ).numpy()[0]
    return np.split(features[-3 * N_FREQUENCIES :], 3)


def test_a_helix_has_a_hand(rng):
    # A half turn maps it to itself: all its vectors lie along one axis and span no volume.
    angles = np.linspace(-2 * np.pi, 2 * np.pi, 200)
    helix = np.stack([np.cos(angles), np.sin(angles), 0.3 * angles], axis=1)
    left, right = handed_part(helix * [-1, 1, 1]), handed_part(moved(rng, helix, proper=True))
    assert_allclose(np.concatenate(left), -np.concatenate(right), atol=1e-10)
    assert np.abs(right[0]).max() > 1e-5
    assert np.abs(right[1]).max() > 1e-5


def test_a_cloud_whose_vectors_all_vanish_has_a_hand():
    # Half turns about all three axes, and no mirror.
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * [3.0, 2.0, 1.0]
    twisted = np.concatenate([corners, 0.4 * corners])
    vectors, pairs, waves = handed_part(twisted)
    assert_allclose([vectors, pairs], 0, atol=1e-10)
    assert np.abs(waves).max() > 1e-3


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 0])
def test_hands_are_continuous_where_axes_tie(rng, gap):
    """Turning a tied pair of axes by any angle changes the cloud a little, and the hand too."""
    cloud = rng.gamma(2.0, size=(60, 3))
    cloud = cloud - cloud.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(cloud.T, ddof=0)), cloud.T).T
    angle = 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretched = []
    for axes in (np.eye(2), turn):
        stretch = np.eye(3)
        stretch[:2, :2] = axes @ np.diag([1 + gap, 1]) @ axes.T
        stretched.append(white @ stretch @ np.diag([2, 2, 1]))
    first, second = (np.concatenate(handed_part(each)) for each in stretched)
    assert np.abs(first).max() > 1e-4
    assert_allclose(first, second, atol=gap / 10 + 1e-12)
