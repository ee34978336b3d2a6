"""What every generator promises."""

import pickle
from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.utils import check_random_state

from skmanifold.datasets import (
    make_branching_tree,
    make_s_curve,
    make_sphere,
    make_swiss_roll,
    make_torus,
)

GENERATORS = {
    "swiss roll": make_swiss_roll,
    "swiss roll, hole": partial(make_swiss_roll, hole=True),
    "s-curve": make_s_curve,
    "s-curve, hole": partial(make_s_curve, hole=True),
    "tree": make_branching_tree,
    "torus": make_torus,
    "sphere": make_sphere,
}
every_generator = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())


@every_generator
def test_shapes(make):
    sample = make(50, random_state=0)
    assert len(sample.X) == len(sample.latent) == 50
    assert sample.X.dtype == sample.latent.dtype == np.float64
    assert sample.color.shape == sample.labels.shape == (50,)
    assert sample.labels.dtype.kind == "i"


@every_generator
def test_geodesics_are_a_metric(make):
    distances = make(80, random_state=0).geodesic_distances()
    assert_array_equal(np.diag(distances), 0)
    assert_allclose(distances, distances.T)
    assert np.all(distances[~np.eye(80, dtype=bool)] > 0)
    through = distances[:, :, None] + distances[None]  # i -> j -> k
    assert np.all(distances[:, None] <= through * (1 + 1e-12))


@every_generator
def test_geodesics_exceed_chords(make):
    sample = make(200, noise=0, random_state=0)
    assert np.all(sample.geodesic_distances() >= cdist(sample.X, sample.X) - 1e-9)


@every_generator
def test_geodesics_approach_chords_of_near_points(make):
    sample = make(3000, noise=0, random_state=0)
    geodesics, chords = sample.geodesic_distances(), cdist(sample.X, sample.X)
    np.fill_diagonal(geodesics, np.inf)
    nearest = geodesics.argmin(axis=1)
    pairs = np.arange(3000), nearest
    # On a tree and across the tip of a hole's corner a few neighbours turn a corner.
    assert np.median(geodesics[pairs] / chords[pairs]) < 1.001


@every_generator
def test_blocks_agree_with_the_whole(make):
    sample = make(40, random_state=0)
    whole = sample.geodesic_distances()
    rows, mask = [3, 1, 30], sample.color > np.median(sample.color)
    assert_allclose(sample.geodesic_distances(rows, mask), whole[rows][:, mask])
    assert_allclose(sample.geodesic_distances(cols=slice(5)), whole[:, :5])
    assert_allclose(sample.geodesic_distances(7), whole[7:8])
    assert sample.geodesic_distances([], [1, 2]).shape == (0, 2)
    with pytest.raises(IndexError):
        sample.geodesic_distances([40])


@every_generator
def test_small_chunks_change_nothing(make):
    sample = make(300, random_state=0)
    whole = sample.geodesic_distances()
    with config_context(working_memory=0.1):
        assert_array_equal(sample.geodesic_distances(), whole)


@every_generator
def test_noise_leaves_the_manifold_alone(make):
    clean, noisy = (make(2000, noise=noise, random_state=1) for noise in (0, 0.3))
    assert_array_equal(clean.latent, noisy.latent)
    noise = noisy.X - clean.X
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(noise.size)
    assert abs(noise.std() / 0.3 - 1) < 5 / np.sqrt(2 * noise.size)


@every_generator
def test_seed_alone_decides(make):
    state = check_random_state(None).get_state()[1].copy()
    first, again, other = (make(30, noise=0.1, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
    assert_array_equal(check_random_state(None).get_state()[1], state)


@every_generator
def test_random_state_instance_moves_on(make):
    rng = np.random.RandomState(0)
    assert not np.array_equal(make(30, random_state=rng).X, make(30, random_state=rng).X)


@every_generator
def test_pickle_and_freeze(make):
    sample = make(20, random_state=0)
    copy = pickle.loads(pickle.dumps(sample))
    assert_array_equal(copy.geodesic_distances(), sample.geodesic_distances())
    with pytest.raises(FrozenInstanceError):
        sample.X = None


@every_generator
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_samples", 0),
        ("n_samples", 2.5),
        ("noise", -1),
        ("noise", "loud"),
        ("noise", np.nan),
        ("noise", np.inf),
    ],
)
def test_bad_parameters_are_named(make, name, value):
    with pytest.raises((ValueError, TypeError), match=name):
        make(**{"n_samples": 20, "random_state": 0} | {name: value})
