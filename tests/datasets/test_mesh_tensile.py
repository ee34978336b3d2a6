import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets import MeshDataset, make_tensile_meshes
from skmanifold.datasets._mesher import boundary_edges, signed_areas, smallest_angle
from skmanifold.mesh import MeshSample, surface_of

MATERIALS = ["linear", "plastic"]
every_material = pytest.mark.parametrize("material", MATERIALS)


def plates(n_samples=3, *, structured=True, seed=0, **parameters):
    if not structured:
        pytest.importorskip("skfem")
    return make_tensile_meshes(
        n_samples, structured=structured, cache=False, random_state=seed, **parameters
    )


def von_mises_in_plane_strain(sample):
    s11, s22, s12 = (sample.fields[name] for name in ("sig11", "sig22", "sig12"))
    s33 = sample.scalars["poisson_ratio"] * (s11 + s22)
    spread = (s11 - s22) ** 2 + (s22 - s33) ** 2 + (s33 - s11) ** 2
    return np.sqrt(spread / 2 + 3 * s12**2)


every_kind = pytest.mark.parametrize("structured", [True, False], ids=["grid", "unstructured"])


@every_kind
@every_material
def test_shapes_and_names(structured, material):
    data = plates(2, structured=structured, material=material, mesh_size=0.12)
    plastic = material == "plastic"
    assert isinstance(data, MeshDataset)
    assert all(isinstance(sample, MeshSample) for sample in data.X)
    assert data.y.shape == (2, 4 if plastic else 3)
    targets = ("max_von_mises", "max_U2_top", "external_work", "max_plastic_strain")
    assert data.target_names == targets[: data.y.shape[1]]
    assert data.shape_parameters.shape == (2, len(data.shape_names))
    for sample in data.X:
        fields = ["U1", "U2", "sig11", "sig22", "sig12"]
        assert list(sample.fields) == fields + ["plastic_strain"] * plastic
        assert len(sample.scalars) == (5 if plastic else 3)


@every_kind
def test_meshes_are_disks_with_good_triangles(structured):
    data = plates(4, structured=structured)
    for sample in data.X:
        assert surface_of(sample.points, sample.cells).kind == "disk"
        assert (signed_areas(sample.points, sample.cells) > 0).all()
        assert smallest_angle(sample.points, sample.cells) > 10


@every_kind
def test_landmarks_are_the_corners(structured):
    data = plates(structured=structured)
    half = data.shape_parameters[:, data.shape_names.index("width")] / 2
    for sample, x in zip(data.X, half, strict=True):
        corners = [[-x, 0], [x, 0], [x, 2], [-x, 2]]
        assert_allclose(sample.points[sample.landmarks], corners, atol=1e-12)
        assert np.isin(sample.landmarks, boundary_edges(sample.cells)).all()


@every_kind
def test_cuts_are_as_deep_as_told(structured):
    data = plates(2, structured=structured, mesh_size=0.03 if structured else 0.06)
    for sample, values in zip(data.X, data.shape_parameters, strict=True):
        shape = dict(zip(data.shape_names, values, strict=True))
        for side, sign in (("right", 1), ("left", -1)):
            nodes = np.unique(boundary_edges(sample.cells))
            x, y = sample.points[nodes].T
            near = np.abs(y - shape[f"{side}_height"]) < shape[f"{side}_half_length"] / 2
            depth = shape["width"] / 2 - (sign * x)[near & (sign * x > 0)].min()
            assert_allclose(depth, shape[f"{side}_depth"], rtol=0.05)


@every_kind
def test_clamp_holds(structured):
    for sample in plates(structured=structured).X:
        low = sample.points[:, 1] == 0
        assert low.sum() > 3
        assert not sample.fields["U1"][low].any()
        assert not sample.fields["U2"][low].any()


@every_kind
def test_targets_follow_from_the_fields(structured):
    data = plates(structured=structured)
    for sample, (stress, way, work) in zip(data.X, data.y, strict=True):
        top = sample.points[:, 1] == 2
        assert_allclose(von_mises_in_plane_strain(sample).max(), stress)
        assert_allclose(sample.fields["U2"][top].max(), way)
        order = np.argsort(sample.points[top, 0])
        moved = np.trapezoid(sample.fields["U2"][top][order], sample.points[top, 0][order])
        assert_allclose(sample.scalars["traction"] * moved, work, rtol=1e-2)


@every_kind
def test_sections_carry_the_load(structured):
    """In the mean over the height, stress times width is the force."""
    data = plates(structured=structured, mesh_size=0.05)
    width = data.shape_parameters[:, data.shape_names.index("width")]
    for sample, wide in zip(data.X, width, strict=True):
        stress = sample.fields["sig22"][sample.cells].mean(axis=1)
        mean = signed_areas(sample.points, sample.cells) @ stress / 2
        assert_allclose(mean, sample.scalars["traction"] * wide, rtol=2e-2)


def test_sides_are_free_of_stress():
    """Traction on the straight upper part of the sides, far less than in the middle."""
    for sample in plates(structured=False).X:
        x, y = sample.points.T
        side = (np.abs(x) == np.abs(x).max()) & (y > 1.8)
        assert side.sum() > 2
        assert np.abs(sample.fields["sig11"][side]).max() < 0.02 * sample.scalars["traction"]


def test_finer_meshes_change_little():
    coarse = plates(2, structured=False)
    fine = plates(2, structured=False, mesh_size=0.0225)
    errors = np.abs(coarse.y / fine.y - 1).max(axis=0)
    assert (errors < [0.05, 0.005, 0.005]).all()


def test_grids_come_near_to_elements_of_second_order():
    """Seeds of shapes and conditions are the same for both."""
    grid = plates(3, mesh_size=0.02)
    fine = plates(3, structured=False)
    assert_array_equal(grid.shape_parameters, fine.shape_parameters)
    assert_allclose(grid.y[:, 1:], fine.y[:, 1:], rtol=0.02)


def test_plastic_strain_is_localised():
    data = plates(2, material="plastic", structured=False, mesh_size=0.06)
    for sample, targets in zip(data.X, data.y, strict=True):
        strain = sample.fields["plastic_strain"]
        assert (strain >= 0).all()
        assert (strain == 0).mean() > 0.5
        assert_allclose(strain.max(), targets[3])
        assert strain.max() > 1e-4
        surface = sample.scalars["yield_stress"] + targets[3] * sample.scalars["hardening_modulus"]
        assert targets[0] <= surface * (1 + 1e-9)


def test_cuts_make_plates_softer_than_bars_without():
    data = plates(8)
    width = data.shape_parameters[:, data.shape_names.index("width")]
    for sample, wide, (_, _, work) in zip(data.X, width, data.y, strict=True):
        load, young, poisson = sample.scalars.values()
        assert work > 2 * wide * load**2 * (1 - poisson**2) / young


@every_kind
def test_meshings_are_the_same_runs_on_other_meshes(structured):
    data = plates(2, n_meshings=3, structured=structured)
    assert len(data.X) == 6
    assert_array_equal(data.shape_index, [0, 0, 0, 1, 1, 1])
    for one in (slice(0, 3), slice(3, 6)):
        assert (data.shape_parameters[one] == data.shape_parameters[one][0]).all()
        assert all(dict(sample.scalars) == dict(data.X[one][0].scalars) for sample in data.X[one])
        assert_allclose(data.y[one][:, 1], data.y[one][:, 1].mean(), rtol=0.05)
        assert len({sample.points.tobytes() for sample in data.X[one]}) == 3
    assert (data.shape_parameters[0] != data.shape_parameters[3]).all()


def test_meshes_differ_in_density():
    sizes = [sample.n_nodes for sample in plates(12).X]
    assert max(sizes) > 1.7 * min(sizes)


def assert_same(one, other):
    assert_allclose(one.y, other.y, rtol=1e-9)
    for a, b in zip(one.X, other.X, strict=True):
        assert_allclose(a.points, b.points, rtol=1e-12)
        assert_array_equal(a.cells, b.cells)
        assert dict(a.scalars) == dict(b.scalars)


@every_kind
def test_first_plates_do_not_depend_on_the_number(structured):
    few, many = (plates(n, structured=structured, mesh_size=0.12) for n in (2, 4))
    assert_array_equal(many.y[:2], few.y)
    assert_array_equal(many.X[1].points, few.X[1].points)


def test_seeds():
    assert_same(plates(2), plates(2))
    assert not np.array_equal(plates(2).y, plates(2, seed=1).y)
    states = [np.random.RandomState(0) for _ in range(2)]
    one, other = (make_tensile_meshes(2, structured=True, random_state=state) for state in states)
    assert_same(one, other)


def test_number_of_jobs_does_not_matter():
    one, two = (plates(3, n_jobs=n) for n in (1, 2))
    assert_same(one, two)


def test_data_can_be_pickled():
    data = plates(2)
    assert_same(pickle.loads(pickle.dumps(data)), data)


def test_cache(tmp_path, monkeypatch):
    pytest.importorskip("skfem")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    parameters = {"n_samples": 2, "mesh_size": 0.15}
    make_tensile_meshes(**parameters, random_state=0, cache=False)
    make_tensile_meshes(**parameters, random_state=0, structured=True)
    make_tensile_meshes(**parameters)
    assert not list(tmp_path.iterdir())
    first = make_tensile_meshes(**parameters, random_state=0)
    assert len(list(tmp_path.glob("skmanifold/tensile-*.npz"))) == 1
    monkeypatch.setitem(sys.modules, "skfem", None)  # nothing is solved again
    assert_same(make_tensile_meshes(**parameters, random_state=0), first)
    with pytest.raises(ImportError, match=r"skmanifold\[mesh\]"):
        make_tensile_meshes(**parameters, random_state=1)


def test_grids_need_no_scikit_fem(monkeypatch):
    monkeypatch.setitem(sys.modules, "skfem", None)
    assert len(plates(2).X) == 2
    with pytest.raises(ImportError, match=r"skmanifold\[mesh\]"):
        make_tensile_meshes(1, cache=False)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"n_samples": 0}, ValueError, "n_samples"),
        ({"n_samples": 2.5}, TypeError, "n_samples"),
        ({"n_meshings": 0}, ValueError, "n_meshings"),
        ({"mesh_size": 0.2}, ValueError, "mesh_size must be at most"),
        ({"mesh_size": 0.001}, ValueError, "mesh_size"),
        ({"mesh_size": np.nan}, ValueError, "mesh_size must be finite"),
        ({"mesh_size": "fine"}, TypeError, "mesh_size"),
        ({"material": "rubber"}, ValueError, "material must be one of"),
        ({"material": ["linear"]}, ValueError, "material must be one of"),
        ({"structured": 1}, TypeError, "structured"),
        ({"cache": "yes", "structured": True}, TypeError, "cache"),
    ],
)
def test_bad_parameters(parameters, error, match):
    with pytest.raises(error, match=match):
        make_tensile_meshes(**{"n_samples": 1, **parameters})
