import sys

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets import make_airfoil_meshes
from skmanifold.datasets._mesh_airfoil import _mesh, _moment, airfoil, potential_flow
from skmanifold.datasets._mesher import boundary_edges, signed_areas, smallest_angle
from skmanifold.mesh import surface_of

pytest.importorskip("skfem")


@pytest.fixture(scope="module")
def flows():
    return make_airfoil_meshes(6, cache=False, random_state=0)


def section(thickness=0.12, camber=0.0, position=0.4, *, size=0.018, seed=0):
    outline = airfoil(thickness, camber, position)
    return _mesh(outline, size, 1.1 * thickness**2, np.random.default_rng(seed))


def lift(angle, **parameters):
    points, cells, _ = section(**parameters)
    return 2 * potential_flow(points, cells, angle)[1]


def at_airfoil(points, cells):
    """Edges of the hole, along which it lies on the right."""
    edges = boundary_edges(cells)
    return edges[np.linalg.norm(points[edges[:, 0]], axis=1) < 2]


def test_shapes_and_names(flows):
    assert len(flows.X) == 6
    assert flows.y.shape == (6, 3)
    assert flows.target_names == (
        "lift_coefficient",
        "moment_coefficient",
        "min_pressure_coefficient",
    )
    for sample in flows.X:
        assert list(sample.scalars) == ["angle_of_attack", "speed"]
        assert list(sample.fields) == ["u", "v", "pressure"]


def test_meshes_are_annuli_with_good_triangles(flows):
    for sample in flows.X:
        assert surface_of(sample.points, sample.cells).kind == "annulus"
        assert (signed_areas(sample.points, sample.cells) > 0).all()
        assert smallest_angle(sample.points, sample.cells) > 10


def test_landmarks(flows):
    for sample in flows.X:
        places = sample.points[sample.landmarks]
        assert_allclose(places, [[5.25, 0], [1, 0], [0, 0]], atol=1e-12)
        assert_array_equal(sample.landmarks[0], np.argmax(sample.points[:, 0]))
        hole = at_airfoil(sample.points, sample.cells)
        assert np.isin(sample.landmarks[1:], hole).all()


def test_outline_is_the_series_of_naca():
    """Abbott and von Doenhoff's ordinates of the sections 0012 and 4412, in % of the chord."""
    outline = airfoil(0.12, 0.0, 0.4)
    assert_allclose(np.interp(0.3, *outline[1000:].T), 0.06002, atol=2e-4)
    assert_allclose(np.interp(0.6, *outline[1000:].T), 0.04563, atol=5e-4)
    cambered = airfoil(0.12, 0.04, 0.4)
    assert_allclose(np.interp(0.4, *cambered[1000:].T), 0.0980, atol=5e-4)
    assert_allclose(np.interp(0.4, *cambered[1000::-1].T), -0.0180, atol=5e-4)


def test_air_flows_along_the_airfoil():
    points, cells, [_, trailing, leading] = section(camber=0.03)
    velocities, _ = potential_flow(points, cells, 4.0)
    edges = at_airfoil(points, cells)
    along = np.diff(points[edges], axis=1)[:, 0]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    means = velocities[edges].mean(axis=1)
    across = np.abs(along[:, 0] * means[:, 1] - along[:, 1] * means[:, 0])
    smooth = ~np.isin(edges, [trailing, leading]).any(axis=1)
    assert np.median(across[smooth]) < 0.01
    assert across[smooth].max() < 0.2


def test_far_away_the_air_is_undisturbed():
    points, cells, _ = section()
    velocities, _ = potential_flow(points, cells, 0.0)
    far = np.linalg.norm(points - [0.25, 0], axis=1) > 4
    assert_allclose(velocities[far], np.broadcast_to([1, 0], velocities[far].shape), atol=0.02)


def test_trailing_edge_is_smooth():
    """Kutta: the speeds on both sides near the trailing edge are the same."""
    points, cells, [_, trailing, _] = section(camber=0.03)
    velocities, _ = potential_flow(points, cells, 6.0)
    edges = at_airfoil(points, cells)
    [before] = edges[edges[:, 1] == trailing, 0]
    [after] = edges[edges[:, 0] == trailing, 1]
    speeds = np.linalg.norm(velocities[[before, after]], axis=1)
    assert_allclose(speeds[0], speeds[1], rtol=0.02)
    assert speeds.max() < 1.1


def test_symmetric_airfoil_without_angle_has_no_lift():
    assert abs(lift(0.0)) < 2e-3


@pytest.mark.parametrize("angle", [2.0, 8.0])
def test_lift_is_odd_in_the_angle(angle):
    assert_allclose(lift(angle), -lift(-angle, seed=1), rtol=0.01)


@pytest.mark.parametrize("thickness", [0.09, 0.15])
def test_lift_of_a_symmetric_airfoil(thickness):
    """2 pi for a flat plate, more by about 0.77 of the thickness (Abbott and von Doenhoff)."""
    slope = lift(5.0, thickness=thickness) / np.sin(np.deg2rad(5))
    assert_allclose(slope, 2 * np.pi * (1 + 0.77 * thickness), rtol=0.015)


def test_lift_is_linear_in_the_sine():
    lifts = [lift(angle, camber=0.04) for angle in (-4.0, 3.0, 10.0)]
    sines = np.sin(np.deg2rad([-4.0, 3.0, 10.0]))
    cosines = np.cos(np.deg2rad([-4.0, 3.0, 10.0]))
    columns = np.column_stack([sines, cosines])
    parts, *_ = np.linalg.lstsq(columns, lifts, rcond=None)
    assert_allclose(columns @ parts, lifts, rtol=1e-3)


def test_lift_is_that_of_the_pressure(flows):
    for sample, targets in zip(flows.X, flows.y, strict=True):
        edges = at_airfoil(sample.points, sample.cells)
        along = np.diff(sample.points[edges], axis=1)[:, 0]
        pressure = sample.fields["pressure"][edges].mean(axis=1)
        force = pressure @ np.column_stack([along[:, 1], -along[:, 0]])
        turn = np.deg2rad(sample.scalars["angle_of_attack"])
        dynamic = 1.225 / 2 * sample.scalars["speed"] ** 2
        drag, upward = force @ np.array(
            [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        )
        assert_allclose(upward / dynamic, targets[0], atol=0.03)
        assert abs(drag / dynamic) < 0.03


def test_moment_of_thin_airfoils():
    """Theory of thin airfoils: about -0.053 for 2% of camber at 40%, whatever the angle; none for
    a symmetric airfoil.
    """
    for camber, moment in ((0.0, 0.0), (0.02, -0.053)):
        points, cells, _ = section(0.09, camber)
        for angle in (0.0, 4.0):
            velocities, _ = potential_flow(points, cells, angle)
            found = _moment(points, cells, 1 - np.square(velocities).sum(axis=1))
            assert_allclose(found, moment, atol=0.01)


def test_pressure_is_that_of_bernoulli(flows):
    for sample, targets in zip(flows.X, flows.y, strict=True):
        fields, speed = sample.fields, sample.scalars["speed"]
        head = fields["pressure"] + 1.225 / 2 * (fields["u"] ** 2 + fields["v"] ** 2)
        assert_allclose(head, 1.225 / 2 * speed**2)
        assert_allclose(fields["pressure"].min() / (1.225 / 2 * speed**2), targets[2])


def test_finer_meshes_change_little():
    coarse = make_airfoil_meshes(4, cache=False, random_state=0)
    fine = make_airfoil_meshes(4, mesh_size=0.01, cache=False, random_state=0)
    assert (np.abs(coarse.y - fine.y).max(axis=0) < [0.02, 0.005, 0.2]).all()


def test_seeds_meshings_and_jobs():
    with parallel_config("threading"):
        one, two, many = (
            make_airfoil_meshes(
                n, n_meshings=2, mesh_size=0.03, cache=False, random_state=0, n_jobs=n
            )
            for n in (1, 1, 2)
        )
    assert_array_equal(many.shape_index, [0, 0, 1, 1])
    for other in (two, many):
        assert_allclose(other.y[:2], one.y, rtol=1e-9)
        assert_allclose(other.X[1].points, one.X[1].points)
        assert_array_equal(other.X[1].cells, one.X[1].cells)
    assert not np.array_equal(one.X[0].points, one.X[1].points)
    assert_array_equal(one.shape_parameters[0], one.shape_parameters[1])


def test_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    first = make_airfoil_meshes(1, mesh_size=0.03, random_state=0)
    assert len(list(tmp_path.glob("skmanifold/airfoil-*.npz"))) == 1
    monkeypatch.setitem(sys.modules, "skfem", None)
    again = make_airfoil_meshes(1, mesh_size=0.03, random_state=0)
    assert_array_equal(again.y, first.y)
    with pytest.raises(ImportError, match=r"skmanifold\[mesh\]"):
        make_airfoil_meshes(1, mesh_size=0.03, random_state=1)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"n_samples": 0}, ValueError, "n_samples"),
        ({"n_meshings": 1.5}, TypeError, "n_meshings"),
        ({"mesh_size": 0.1}, ValueError, "mesh_size must be at most"),
        ({"cache": None}, TypeError, "cache"),
    ],
)
def test_bad_parameters(parameters, error, match):
    with pytest.raises(error, match=match):
        make_airfoil_meshes(**{"n_samples": 1, **parameters})
