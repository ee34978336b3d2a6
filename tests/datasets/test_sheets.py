import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from sklearn import datasets as sklearn_datasets

from skmanifold.datasets import make_s_curve, make_swiss_roll
from skmanifold.datasets._plane import Rectangle
from skmanifold.datasets._sheets import _S_CURVE_HOLE, _spiral_length, _swiss_roll_hole


@pytest.mark.parametrize("hole", [False, True])
@pytest.mark.parametrize("n_samples", [1, 100])
def test_swiss_roll_is_sklearns(hole, n_samples):
    roll = make_swiss_roll(n_samples, noise=0.2, hole=hole, random_state=3)
    X, t = sklearn_datasets.make_swiss_roll(n_samples, noise=0.2, hole=hole, random_state=3)
    assert_array_equal(roll.X, X)
    assert_array_equal(roll.color, np.atleast_1d(t))


@pytest.mark.parametrize("n_samples", [1, 100])
def test_s_curve_is_sklearns(n_samples):
    curve = make_s_curve(n_samples, noise=0.2, random_state=3)
    X, t = sklearn_datasets.make_s_curve(n_samples, noise=0.2, random_state=3)
    assert_array_equal(curve.X, X)
    assert_array_equal(curve.color, np.atleast_1d(t))


@pytest.mark.parametrize("t", [0.0, 1.5 * np.pi, 4.5 * np.pi])
def test_spiral_length_integrates_the_speed(t):
    def speed(s):
        return np.hypot(np.cos(s) - s * np.sin(s), np.sin(s) + s * np.cos(s))

    assert_allclose(_spiral_length(t), quad(speed, 0, t)[0])


def test_height_is_free_of_noise():
    clean, noisy = (make_swiss_roll(50, noise=noise, random_state=0) for noise in (0, 2))
    assert_array_equal(noisy.latent[:, 1], clean.X[:, 1])


@pytest.mark.parametrize(
    ("make", "hole"), [(make_swiss_roll, _swiss_roll_hole()), (make_s_curve, _S_CURVE_HOLE)]
)
def test_hole_is_empty_and_tight(make, hole):
    latent = make(20_000, hole=True, random_state=0).latent
    assert not hole.contains(latent).any()
    width, height = hole.right - hole.left, hole.top - hole.bottom
    frame = Rectangle(
        hole.left - width / 20, hole.right + width / 20, hole.bottom, hole.top + height / 20
    )
    framing = latent[frame.contains(latent)]
    assert_allclose([framing[:, 0].min(), framing[:, 0].max()], frame[:2], atol=width / 100)
    assert framing[:, 1].max() > hole.top


@pytest.mark.parametrize("make", [make_swiss_roll, make_s_curve])
def test_hole_lengthens_some_paths(make):
    sample = make(300, hole=True, random_state=0)
    straight = np.linalg.norm(sample.latent[:, None] - sample.latent, axis=2)
    detour = sample.geodesic_distances() / np.where(straight > 0, straight, np.inf)
    assert (detour > 1 + 1e-9).mean() > 0.05
    assert (np.abs(detour - 1) < 1e-12).mean() > 0.3
