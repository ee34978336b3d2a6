import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context

from skmanifold.graph import kneighbors, local_stencils, n_quadratic_terms, n_stencil_nodes
from skmanifold.graph._stencil import MOST_GAIN
from tests.graph.known_manifolds import everywhere, flat_frame, jittered_grid, random_gauges

N_ACROSS = {1: 40, 2: 12, 3: 8}
N_FEATURES = 4
every_dim = pytest.mark.parametrize("dim", [1, 2, 3])


def stencils_at(points, nodes, frames):
    n_around = min(n_stencil_nodes(frames.shape[2]), len(nodes))
    _, around = kneighbors(nodes, n_around, queries=points)
    return local_stencils(*map(torch.tensor, (points, nodes, frames)), around)


def flat_patch(rng, dim, n_points=100, reach=0.5):
    """Coordinates of points and of nodes around them, and both in space, with frames."""
    axes = flat_frame(N_FEATURES, dim)
    inside, grid = (
        rng.uniform(-reach, reach, (n_points, dim)),
        jittered_grid(rng, dim, N_ACROSS[dim]),
    )
    frames = everywhere(axes, len(grid))
    return inside, grid, inside @ axes.T, grid @ axes.T, frames


def values_of(stencils, function):
    return stencils.values(torch.tensor(function)).numpy()


def slopes_of(stencils, function):
    return stencils.derivatives(torch.tensor(function)).numpy()


def gains(stencils):
    return stencils.weights.abs().sum(1).numpy()


WAVE = np.array([3.0, -2.0, 1.5])


def ripple(z):
    return np.sin(z @ WAVE[: z.shape[1]])


def ripple_slopes(z):
    return np.cos(z @ WAVE[: z.shape[1]])[:, None] * WAVE[: z.shape[1]]


class Quadratic:
    """A random polynomial of degree 2, or 1."""

    def __init__(self, rng, dim, degree=2):
        self.level, self.slope = rng.normal(), rng.normal(size=dim)
        self.form = rng.normal(size=(dim, dim)) * (degree == 2)

    def __call__(self, z):
        return self.level + z @ self.slope + np.einsum("ni,ij,nj->n", z, self.form, z)

    def slopes(self, z):
        return self.slope + z @ (self.form + self.form.T)


@every_dim
@pytest.mark.parametrize("seed", range(3))
def test_exact_for_quadratics_on_a_flat_patch(dim, seed):
    rng = np.random.default_rng(seed)
    inside, grid, points, nodes, frames = flat_patch(rng, dim)
    quadratic = Quadratic(rng, dim)
    stencils = stencils_at(points, nodes, frames)
    errors = np.abs(values_of(stencils, quadratic(grid)) - quadratic(inside))
    slope_errors = np.abs(slopes_of(stencils, quadratic(grid)) - quadratic.slopes(inside)).max(1)
    # Where nodes lie badly around a point the stencil is exact for less.
    exact = errors < 1e-7
    assert exact.mean() >= (1.0 if dim < 3 else 0.9)
    assert slope_errors[exact].max() < 1e-5
    assert slope_errors.max() < 3


@every_dim
def test_exact_for_lines_wherever_it_does_not_fall_back_to_a_mean(rng, dim):
    inside, grid, points, nodes, frames = flat_patch(rng, dim, n_points=200, reach=0.8)
    line = Quadratic(rng, dim, degree=1)
    stencils = stencils_at(points, nodes, frames)
    assert_allclose(values_of(stencils, line(grid)), line(inside), atol=1e-8)
    assert_allclose(slopes_of(stencils, line(grid)), line.slopes(inside), atol=1e-6)


@every_dim
def test_interpolates(rng, dim):
    """At the nodes, and a hair away from them, whatever the function."""
    _, grid, _, nodes, frames = flat_patch(rng, dim)
    noise = rng.normal(size=len(grid))
    for hair in (0.0, 1e-13):
        stencils = stencils_at(nodes + hair * rng.normal(size=nodes.shape), nodes, frames)
        assert_allclose(values_of(stencils, noise), noise, atol=1e-9)
        assert stencils.distance.max() < 1e-12
        assert_allclose(stencils.nodes[:, 0], np.arange(len(nodes)))


@every_dim
def test_weights_sum_to_one_and_slopes_to_nought(rng, dim):
    _, _, points, nodes, frames = flat_patch(rng, dim, reach=1.5)
    for at in (points, nodes, 20 * points, points + 5.0 * np.eye(4)[3]):
        stencils = stencils_at(at, nodes, frames)
        assert_allclose(stencils.weights.sum(1), 1, atol=1e-12)
        assert_allclose(stencils.slopes.sum(1), 0, atol=1e-9)


@every_dim
@pytest.mark.parametrize("reach", [1.0, 1.3, 3.0, 30.0, 1e6])
def test_gain_is_bounded_outside(rng, dim, reach):
    axes = flat_frame(N_FEATURES, dim)
    nodes = jittered_grid(rng, dim, N_ACROSS[dim]) @ axes.T
    points = reach * rng.normal(size=(200, N_FEATURES))
    stencils = stencils_at(points, nodes, everywhere(axes, len(nodes)))
    assert gains(stencils).max() <= MOST_GAIN + 1e-12
    assert_allclose(stencils.weights.sum(1), 1, atol=1e-10)
    assert stencils.slopes.isfinite().all()


@every_dim
def test_errors_fall_with_the_third_power_of_the_spacing_and_of_slopes_with_the_second(dim):
    errors = []
    for n_across in (N_ACROSS[dim], 2 * N_ACROSS[dim]):
        rng = np.random.default_rng(1)
        axes = flat_frame(N_FEATURES, dim)
        grid, inside = jittered_grid(rng, dim, n_across, 0.1), rng.uniform(-0.5, 0.5, (200, dim))
        frames = everywhere(axes, len(grid))
        stencils = stencils_at(inside @ axes.T, grid @ axes.T, frames)
        off = values_of(stencils, ripple(grid)) - ripple(inside)
        off_slope = slopes_of(stencils, ripple(grid)) - ripple_slopes(inside)
        errors.append([np.sqrt((each**2).mean()) for each in (off, off_slope)])
    gained = np.divide(*errors)
    assert gained[0] > 5
    assert gained[1] > 2.8


@every_dim
def test_slopes_follow_the_frame_of_the_nearest_node(rng, dim):
    _, _, points, nodes, frames = flat_patch(rng, dim)
    gauges = random_gauges(rng, len(nodes), dim)
    here, there = (stencils_at(points, nodes, f) for f in (frames, frames @ gauges))
    nearest = here.nodes[:, 0].numpy()
    assert_allclose(there.weights, here.weights, atol=1e-9)
    assert_allclose(there.slopes, here.slopes.numpy() @ gauges[nearest], atol=1e-6)


@every_dim
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_follows_motions_and_units(rng, dim, unit):
    _, _, points, nodes, frames = flat_patch(rng, dim)
    turn = flat_frame(N_FEATURES, N_FEATURES, seed=3)
    here = stencils_at(points, nodes, frames)
    there = stencils_at(unit * (points @ turn.T + 1), unit * (nodes @ turn.T + 1), turn @ frames)
    assert_allclose(there.weights, here.weights, atol=1e-7)
    assert_allclose(unit * there.slopes, here.slopes, atol=1e-5)
    assert_allclose(there.distance, unit * here.distance)


@every_dim
def test_a_point_alone_is_as_in_a_batch(rng, dim):
    _, _, points, nodes, frames = flat_patch(rng, dim, n_points=40, reach=1.2)
    batch = stencils_at(points, nodes, frames)
    for i, point in enumerate(points):
        alone = stencils_at(point[None], nodes, frames)
        assert_allclose(alone.weights[0], batch.weights[i], atol=1e-13)
        assert_allclose(alone.slopes[0], batch.slopes[i], atol=1e-11)
    with config_context(working_memory=0.05):
        assert_allclose(stencils_at(points, nodes, frames).weights, batch.weights, atol=1e-13)


def degenerate_nodes(rng, name, dim):
    axes = flat_frame(N_FEATURES, dim)
    n_nodes, span = {"one": (1, 0), "two": (2, 1), "three": (3, 2), "collinear": (20, 1)}[name]
    steps = np.arange(n_nodes) + rng.uniform(-0.2, 0.2, size=n_nodes)
    grid = np.outer(steps, rng.normal(size=dim))
    if span > 1:
        grid[-1] += rng.normal(size=dim)
    return grid, grid @ axes.T, everywhere(axes, n_nodes)


@every_dim
@pytest.mark.parametrize("name", ["one", "two", "three", "collinear"])
def test_degenerate_nodes(rng, name, dim):
    _, nodes, frames = degenerate_nodes(rng, name, dim)
    noise = rng.normal(size=len(nodes))
    for reach in (1e-6, 0.3, 3.0, 100.0):
        points = nodes[:1] + reach * rng.normal(size=(50, N_FEATURES))
        stencils = stencils_at(points, nodes, frames)
        assert_allclose(stencils.weights.sum(1), 1, atol=1e-9)
        assert gains(stencils).max() <= MOST_GAIN + 1e-9
        assert stencils.slopes.isfinite().all()
    at_nodes = stencils_at(nodes, nodes, frames)
    assert_allclose(values_of(at_nodes, noise), noise, atol=1e-8)
    if name == "one":
        assert not stencils.slopes.any()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", ["two", "three", "collinear"])
def test_frames_do_not_decide_what_degenerate_nodes_leave_open(rng, name, dim):
    _, nodes, frames = degenerate_nodes(rng, name, dim)
    gauges = random_gauges(rng, len(nodes), dim)
    points = nodes[:1] + 0.5 * rng.normal(size=(50, dim)) @ frames[0].T
    here, there = (stencils_at(points, nodes, f) for f in (frames, frames @ gauges))
    assert_allclose(there.weights, here.weights, atol=1e-5)
    nearest = here.nodes[:, 0].numpy()
    assert_allclose(there.slopes, here.slopes.numpy() @ gauges[nearest], atol=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_no_slope_across_nodes_on_a_line(rng, dim):
    """Nothing is known there, and nothing is made up."""
    grid, nodes, frames = degenerate_nodes(rng, "collinear", dim)
    along = (grid[1] - grid[0]) / np.linalg.norm(grid[1] - grid[0])
    points = nodes.mean(axis=0) + 0.3 * rng.normal(size=(50, 1)) * (frames[0] @ along)
    slopes = slopes_of(stencils_at(points, nodes, frames), 2.0 * grid @ along)
    assert_allclose(slopes, np.broadcast_to(2.0 * along, slopes.shape), atol=1e-4)


@every_dim
def test_several_functions_at_once(rng, dim):
    _, grid, points, nodes, frames = flat_patch(rng, dim)
    stencils = stencils_at(points, nodes, frames)
    functions = rng.normal(size=(len(grid), 3, 2))
    found, slopes = values_of(stencils, functions), slopes_of(stencils, functions)
    assert found.shape == (100, 3, 2)
    assert slopes.shape == (100, dim, 3, 2)
    for i, j in np.ndindex(3, 2):
        assert_allclose(found[:, i, j], values_of(stencils, functions[:, i, j]), atol=1e-12)
        assert_allclose(slopes[..., i, j], slopes_of(stencils, functions[:, i, j]), atol=1e-9)
    by_hand = np.einsum("pq,pqij->pij", stencils.weights, functions[stencils.nodes.numpy()])
    assert_allclose(found, by_hand, atol=1e-12)


@every_dim
def test_a_stencil_has_twice_as_many_nodes_as_coefficients(dim):
    assert n_stencil_nodes(dim) > 2 * (n_quadratic_terms(dim) + 1)
