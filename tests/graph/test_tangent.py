import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ortho_group
from sklearn import config_context

from skmanifold.datasets import make_vector_field
from skmanifold.graph import (
    frames_of_neighbors,
    kneighbors,
    manifold_dimension,
    n_quadratic_terms,
    tangent_frames,
)
from skmanifold.graph._tangent import monomials
from tests.graph.known_manifolds import (
    circle,
    even_sphere,
    everywhere,
    flat_frame,
    planes,
    sphere_frames,
    tilt,
)


def plain_axes(X, n_neighbors, dim):
    """Principal axes of each point and its neighbours."""
    _, neighbors = kneighbors(X, n_neighbors)
    clouds = np.concatenate([X[:, None], X[neighbors]], axis=1)
    clouds -= clouds.mean(axis=1, keepdims=True)
    return np.swapaxes(np.linalg.svd(clouds, full_matrices=False)[2][:, :dim], 1, 2)


def assert_orthonormal(frames, atol=1e-12):
    gram = np.swapaxes(frames, 1, 2) @ frames
    assert_allclose(gram, np.broadcast_to(np.eye(frames.shape[2]), gram.shape), atol=atol)


def sphere_of(dim, n_points, seed):
    points = np.random.default_rng(seed).normal(size=(n_points, dim + 1))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def clifford(dim, n_points, seed):
    """A product of circles."""
    turn = np.random.default_rng(seed).uniform(0, 2 * np.pi, size=(n_points, dim))
    return np.concatenate([np.cos(turn), np.sin(turn)], axis=1)


def sheet(dim, n_points, seed):
    return np.random.default_rng(seed).uniform(size=(n_points, dim))


@pytest.mark.parametrize("manifold", ["sphere", "torus", "swiss_roll", "moebius"])
def test_frames_are_orthonormal(manifold):
    frames = tangent_frames(make_vector_field(manifold, 300, random_state=0).X, manifold_dim=2)
    assert frames.shape == (300, 3, 2)
    assert_orthonormal(frames)


@pytest.mark.parametrize(("manifold", "least"), [("sphere", 6), ("torus", 3.5)])
@pytest.mark.parametrize("seed", range(3))
def test_error_falls_with_the_square_of_the_spacing(manifold, least, seed):
    """Four times as many points are half as far apart; plain principal axes gain a factor of 2."""
    samples = [make_vector_field(manifold, n, random_state=seed) for n in (1000, 4000)]
    tilts = [tilt(tangent_frames(s.X, manifold_dim=2), s.frames) for s in samples]
    plain = [tilt(plain_axes(s.X, 20, 2), s.frames) for s in samples]
    assert tilts[0] / tilts[1] > least
    assert plain[0] / plain[1] < 3
    assert tilts[0] < 0.4 * plain[0]


def test_curves():
    tilts = []
    for n_points in (100, 200):
        points, truth = circle(n_points)
        tilts.append(tilt(tangent_frames(points, manifold_dim=1, n_neighbors=8), truth))
    assert tilts[0] < 1e-12  # neighbours to both sides alike
    helix = []
    for n_points in (100, 200):
        turn = np.sort(np.random.default_rng(0).uniform(0, 6, size=n_points))
        points = np.stack([np.cos(turn), np.sin(turn), 0.3 * turn], 1)
        truth = np.stack([-np.sin(turn), np.cos(turn), np.full_like(turn, 0.3)], 1)[:, :, None]
        found = tangent_frames(points, manifold_dim=1, n_neighbors=8)
        helix.append(tilt(found, truth / np.linalg.norm(truth, axis=1, keepdims=True)))
    assert helix[0] / helix[1] > 4


@pytest.mark.parametrize(("n_features", "dim"), [(2, 1), (3, 1), (3, 2), (20, 2), (20, 3), (40, 3)])
def test_flat_sheets_are_exact(rng, n_features, dim):
    axes = flat_frame(n_features, dim)
    X = rng.uniform(size=(200, dim)) @ axes.T + rng.normal(size=n_features)
    frames = tangent_frames(X, manifold_dim=dim)
    assert_orthonormal(frames)
    assert tilt(frames, everywhere(axes, 200)) < 1e-9


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_manifolds_that_fill_the_space(rng, dim):
    frames = tangent_frames(rng.normal(size=(100, dim)), manifold_dim=dim)
    assert_orthonormal(frames)
    assert_allclose(planes(frames), everywhere(np.eye(dim), 100), atol=1e-12)


def test_paraboloid_at_its_apex_from_one_side(rng):
    """A quadratic surface is what the fit is exact for, wherever the neighbours lie."""
    inside = np.concatenate([np.zeros((1, 2)), rng.uniform(0.02, 0.5, size=(20, 2))])
    heights = 0.8 * inside[:, 0] ** 2 - 0.3 * inside[:, 0] * inside[:, 1] + inside[:, 1] ** 2
    X = np.column_stack([inside, heights])
    truth = np.eye(3)[None, :, :2]
    found = frames_of_neighbors(X, X[:1], np.arange(1, 21)[None], 2)
    assert tilt(found, truth) < 0.15 * tilt(plain_axes(X, 20, 2)[:1], truth)


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_noise_costs_little_against_plain_axes(noise, seed):
    rng = np.random.default_rng(seed)
    field = make_vector_field("sphere", 800, random_state=seed)
    flat = np.zeros((800, 5))
    flat[:, :2] = rng.uniform(0, 10, size=(800, 2))
    for X, truth in [(field.X, field.frames), (flat, everywhere(np.eye(5)[:, :2], 800))]:
        noisy = X + noise * rng.normal(size=X.shape)
        found = tilt(tangent_frames(noisy, manifold_dim=2), truth)
        assert found < 1.25 * tilt(plain_axes(noisy, 20, 2), truth)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("shape", [sphere_of, clifford, sheet])
@pytest.mark.parametrize("seed", range(2))
def test_dimension_is_found_in_many_features(dim, shape, seed):
    points = shape(dim, 300 * dim, seed)
    X = points @ flat_frame(20, points.shape[1], seed).T
    frames = tangent_frames(X)
    assert frames.shape == (len(X), 20, dim)
    assert_array_equal(frames, tangent_frames(X, manifold_dim=dim))


def test_dimension_has_room_in_the_space(rng):
    far = np.full((10, 5), 1.0)  # all neighbours alike: says nothing
    assert manifold_dimension(far, 4) == 1
    assert manifold_dimension(np.ones((10, 1)), 4) == 1
    of_many, _ = kneighbors(rng.normal(size=(400, 6)), 10)
    assert manifold_dimension(of_many, 6) > 3
    assert manifold_dimension(of_many, 3) == 3


@pytest.mark.parametrize("n_features", [3, 6])
def test_follows_motions_and_units(rng, n_features):
    X = make_vector_field("torus", 300, random_state=0).X @ flat_frame(n_features, 3).T
    turn, shift = ortho_group.rvs(n_features, random_state=1), rng.normal(size=n_features)
    here = planes(tangent_frames(X, manifold_dim=2))
    for unit in (1e-6, 1.0, 1e6):
        moved = unit * (X @ turn.T + shift)
        there = planes(tangent_frames(moved, manifold_dim=2))
        assert_allclose(there, turn @ here @ turn.T, atol=1e-7)


def test_follows_the_order_of_the_points(rng):
    X = make_vector_field("torus", 200, random_state=0).X
    order = rng.permutation(200)
    expected = planes(tangent_frames(X, manifold_dim=2))[order]
    assert_allclose(planes(tangent_frames(X[order], manifold_dim=2)), expected, atol=1e-8)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_chunks_do_not_show(rng, noise):
    X = make_vector_field("sphere", 200, random_state=0).X + noise * rng.normal(size=(200, 3))
    whole = tangent_frames(X)
    with config_context(working_memory=0.1):
        assert_allclose(planes(tangent_frames(X)), planes(whole), atol=1e-12)


def test_queries():
    X, new = even_sphere(1500), sphere_of(2, 100, 0)
    frames = tangent_frames(X, manifold_dim=2, queries=new)
    assert_orthonormal(frames)
    assert tilt(frames, sphere_frames(new)) < 0.005
    alone = tangent_frames(X, manifold_dim=2, queries=new[:1])
    assert_allclose(planes(alone), planes(frames)[:1], atol=1e-10)
    assert tangent_frames(X, queries=new).shape == (100, 3, 2)


def test_queries_among_as_many_neighbors_as_there_are(rng):
    X = rng.normal(size=(20, 3))
    assert tangent_frames(X, manifold_dim=2, n_neighbors=20, queries=X[:4]).shape == (4, 3, 2)


def test_frames_of_neighbors_is_what_it_rests_on():
    X = make_vector_field("torus", 200, random_state=0).X
    _, neighbors = kneighbors(X, 12)
    expected = tangent_frames(X, manifold_dim=2, n_neighbors=12)
    assert_array_equal(frames_of_neighbors(X, X, neighbors, 2), expected)
    assert_array_equal(frames_of_neighbors(X, X[5:9], neighbors[5:9], 2), expected[5:9])


def degenerate():
    rng = np.random.default_rng(0)
    side = np.arange(8.0)
    flat = np.stack(np.meshgrid(side, side, [0.0]), -1).reshape(-1, 3)
    line = np.outer(np.arange(60.0), [1, 2, 3])
    triples = np.repeat(rng.normal(size=(20, 3)), 3, axis=0)
    crowds = np.repeat(rng.normal(size=(3, 3)), 25, axis=0)
    return {"grid": flat, "line": line, "triples": triples, "crowds": crowds}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("name", degenerate())
def test_degenerate_points_have_frames_all_the_same(name, dim, dtype):
    frames = tangent_frames(degenerate()[name].astype(dtype), manifold_dim=dim)
    assert frames.dtype == dtype
    assert_orthonormal(frames, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 5, 6, 9, 10])
def test_few_neighbors(rng, dim, n_neighbors):
    """Fewer than the dimension, than the features, and than the coefficients of a quadratic."""
    X = rng.normal(size=(12, 8))
    frames = tangent_frames(X, manifold_dim=dim, n_neighbors=n_neighbors)
    assert frames.shape == (12, 8, dim)
    assert_orthonormal(frames)
    _, neighbors = kneighbors(X, n_neighbors)
    offsets = X[neighbors] - X[:, None]
    if n_neighbors <= dim:  # then the neighbours lie in the tangent spaces
        assert_allclose(offsets - offsets @ planes(frames), 0, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_monomials(rng, dim):
    """A quadratic is a combination of them, and no fewer would do."""
    points = rng.normal(size=(60, dim))
    basis = monomials(torch.tensor(points)).numpy()
    assert basis.shape == (60, n_quadratic_terms(dim))
    assert np.linalg.matrix_rank(basis) == n_quadratic_terms(dim)
    form = rng.normal(size=(dim, dim))
    values = points @ rng.normal(size=dim) + np.einsum("ni,ij,nj->n", points, form, points)
    coefficients = np.linalg.lstsq(basis, values)[0]
    assert_allclose(basis @ coefficients, values, atol=1e-10)
    assert_array_equal(basis[:, :dim], points)


def test_single_precision():
    field = make_vector_field("torus", 1000, random_state=0)
    frames = tangent_frames(field.X.astype(np.float32), manifold_dim=2)
    assert frames.dtype == np.float32
    whole = tangent_frames(field.X, manifold_dim=2)
    assert tilt(frames.astype(float), field.frames) < 1.05 * tilt(whole, field.frames)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_monomials_are_of_the_precision_of_the_coordinates(dtype):
    found = monomials(torch.tensor([1.0, 1.0], dtype=dtype))
    assert found.dtype == dtype
    assert_allclose(found[3], 2**0.5, rtol=2 * torch.finfo(dtype).eps)


def test_the_device_may_be_chosen_for_us(rng):
    X = rng.normal(size=(40, 3))
    assert_allclose(tangent_frames(X, manifold_dim=3, device="auto").shape, (40, 3, 3))
    with pytest.raises(ValueError, match="device='nowhere' cannot be used"):
        tangent_frames(X, device="nowhere")


def test_repeats_and_leaves_the_points_alone():
    X = make_vector_field("torus", 100, random_state=0).X
    before = X.copy()
    X.flags.writeable = False
    assert_array_equal(tangent_frames(X), tangent_frames(np.asfortranarray(X)))
    assert_array_equal(X, before)


@pytest.mark.parametrize("n_neighbors", [0, 30, 100])
def test_too_few_or_too_many_neighbors(rng, n_neighbors):
    message = f"n_neighbors={n_neighbors} must be from 1 to 29: X has 30 points"
    with pytest.raises(ValueError, match=message):
        tangent_frames(rng.normal(size=(30, 3)), n_neighbors=n_neighbors)
    with pytest.raises(ValueError, match="must be from 1 to 30"):
        tangent_frames(rng.normal(size=(30, 3)), n_neighbors=31, queries=np.zeros((1, 3)))


@pytest.mark.parametrize("dim", [0, -1, 4])
def test_dimension_out_of_range(rng, dim):
    message = f"manifold_dim={dim} must be from 1 to 3, the number of features"
    with pytest.raises(ValueError, match=message):
        tangent_frames(rng.normal(size=(30, 3)), manifold_dim=dim)


def test_bad_points(rng):
    X = rng.normal(size=(30, 3))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        tangent_frames(X[:1])
    with pytest.raises(ValueError, match="2D array"):
        tangent_frames(X[0])
    wrong = X.copy()
    wrong[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        tangent_frames(wrong)
    with pytest.raises(ValueError, match="NaN"):
        tangent_frames(X, queries=wrong)
    with pytest.raises(ValueError, match="2 features"):
        tangent_frames(X, queries=X[:, :2])


@pytest.mark.gpu
def test_on_the_gpu():
    X = make_vector_field("torus", 300, random_state=0).X
    there = tangent_frames(X, device="cuda")
    assert_allclose(planes(there), planes(tangent_frames(X)), atol=1e-8)
