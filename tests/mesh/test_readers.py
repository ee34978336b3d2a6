import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.exceptions import MeshError
from skmanifold.mesh import MeshSample, surface_of

# Node 0 is at a vertex and node 3 at a line alone; the quad and the triangles make a trapezoid.
POINTS = np.array(
    [[9, 9, 9], [0, 0, 0], [1, 0, 0], [5, 5, 5], [1, 1, 0], [0, 1, 0], [2, 0, 0]], dtype=float
)
USED = [1, 2, 4, 5, 6]
LINES, TRIANGLES, QUADS = [[3, 1], [1, 2]], [[2, 6, 4]], [[1, 2, 4, 5]]
CELLS = {"vertex": [[0]], "line": LINES, "triangle": TRIANGLES, "quad": QUADS}
FIELDS = {"u": np.arange(7.0), "flow": np.arange(21.0).reshape(7, 3)}


def meshio_mesh(points=POINTS, cells=CELLS, fields=FIELDS):
    meshio = pytest.importorskip("meshio")
    data = {name: np.asarray(values) for name, values in fields.items()}
    return meshio.Mesh(points, [(name, np.array(rows)) for name, rows in cells.items()], data)


def pyvista_mesh(points=POINTS, cells=CELLS, fields=FIELDS):
    pyvista = pytest.importorskip("pyvista")
    kinds = {"vertex": "VERTEX", "line": "LINE", "triangle": "TRIANGLE", "quad": "QUAD"}
    kinds |= {"tetra": "TETRA", "triangle6": "QUADRATIC_TRIANGLE", "polyline": "POLY_LINE"}
    flat = [number for rows in cells.values() for row in rows for number in (len(row), *row)]
    types = [pyvista.CellType[kinds[name]] for name, rows in cells.items() for _ in rows]
    grid = pyvista.UnstructuredGrid(flat, types, np.array(points))
    for name, values in fields.items():
        grid.point_data[name] = values
    return grid


def plaid_sample(points=POINTS, cells=CELLS, fields=FIELDS):
    plaid = pytest.importorskip("plaid")
    library = pytest.importorskip("CGNS.PAT.cgnslib")
    kinds = {"vertex": "NODE", "line": "BAR_2", "triangle": "TRI_3", "quad": "QUAD_4"}
    kinds |= {"tetra": "TETRA_4", "triangle6": "TRI_6"}
    sample, dim = plaid.Sample(), points.shape[1]
    sample.init_base(2, dim, "Base")
    n_cells = sum(len(rows) for rows in cells.values())
    zone = sample.init_zone(np.array([[len(points), n_cells, 0]]), zone="Zone", base="Base")
    sample.set_nodes(points, zone="Zone", base="Base")
    sections = [(kinds[name], row) for name, rows in cells.items() for row in rows]
    for number, (kind, row) in enumerate(sections, start=1):
        nodes = np.array(row) + 1
        library.newElements(zone, f"Section_{number}", kind, np.array([number, number]), nodes)
    for name, values in fields.items():
        for axis, column in zip(
            "XYZ" if values.ndim == 2 else [""], values.reshape(7, -1).T, strict=True
        ):
            sample.add_field(name + axis, column.copy(), zone="Zone", base="Base")
    return sample


READERS = {
    "meshio": (meshio_mesh, MeshSample.from_meshio),
    "pyvista": (pyvista_mesh, MeshSample.from_pyvista),
    "plaid": (plaid_sample, MeshSample.from_plaid),
}
each_reader = pytest.mark.parametrize(("made", "read"), READERS.values(), ids=READERS.keys())


@each_reader
def test_quads_beside_triangles_are_split_and_other_nodes_dropped(made, read):
    sample = read(made(), landmarks=[1, 6, 4])
    assert_array_equal(sample.points, POINTS[USED, :2])
    assert sample.cells.shape == (3, 3)
    assert_array_equal(sample.fields["u"], USED)
    assert_array_equal(sample.points[sample.landmarks], POINTS[[1, 6, 4], :2])
    assert set(surface_of(sample.points, sample.cells).loops[0].tolist()) == set(range(5))


@each_reader
def test_fields_keep_their_components(made, read):
    fields = read(made()).fields
    if "flow" in fields:
        flow = fields["flow"]
    else:
        flow = np.stack([fields[f"flow{axis}"] for axis in "XYZ"], axis=1)
    assert_array_equal(flow, FIELDS["flow"][USED])


@each_reader
def test_quads_alone_stay_quads(made, read):
    sample = read(made(cells={"line": LINES, "quad": QUADS}))
    assert_array_equal(sample.cells, [[0, 1, 2, 3]])
    assert_array_equal(sample.points, POINTS[[1, 2, 4, 5], :2])


@each_reader
def test_triangles_keep_their_order(made, read):
    triangles = [[5, 1, 2], [2, 4, 5], [4, 2, 6]]
    sample = read(made(cells={"triangle": triangles}))
    assert_array_equal(sample.points[sample.cells], POINTS[triangles][..., :2])


@each_reader
def test_a_mesh_in_space_stays_there(made, read):
    points = POINTS + np.array([0, 0, 2])
    assert_array_equal(read(made(points)).points, points[USED])


@each_reader
def test_notes_of_file_formats_are_no_fields(made, read):
    notes = ["OriginalIds"] if made is plaid_sample else ["gmsh:dim", "vtkOriginalPointIds"]
    fields = {"count": np.arange(7.0), **{name: np.arange(7.0) for name in notes}}
    assert list(read(made(fields=fields)).fields) == ["count"]


@each_reader
@pytest.mark.parametrize("kind", ["tetra", "triangle6"])
def test_cells_of_other_kinds_are_refused(made, read, kind):
    nodes = list(range(4 if kind == "tetra" else 6))
    with pytest.raises(
        MeshError, match=r"cells must be triangles or quads .* got cells of the kind"
    ):
        read(made(cells={"triangle": TRIANGLES, kind: [nodes]}))


@each_reader
def test_a_mesh_of_lines_is_refused(made, read):
    with pytest.raises(MeshError, match="must have triangles or quads, got one without"):
        read(made(cells={"line": LINES}))


@each_reader
def test_a_landmark_at_no_cell_is_refused(made, read):
    with pytest.raises(MeshError, match=r"but these nodes are at none: \[3\]"):
        read(made(), landmarks=[1, 3])


@each_reader
def test_the_mesh_stays_as_it_is(made, read):
    mesh = made()
    read(mesh)
    again = read(mesh)
    assert_array_equal(again.points, read(made()).points)
    assert_array_equal(again.cells, read(made()).cells)


@each_reader
def test_another_object_is_refused(made, read):
    made()  # skips where the package is absent
    with pytest.raises(TypeError, match=r"takes a .* got ndarray"):
        read(POINTS)


@pytest.mark.parametrize(("package", "reader"), [(name, f"from_{name}") for name in READERS])
def test_an_absent_package_is_named(monkeypatch, package, reader):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'{package}: pip install "skmanifold\[mesh\]"'):
        getattr(MeshSample, reader)(POINTS)


@pytest.mark.parametrize("reader", ["meshio", "pyvista"])
def test_scalars_come_as_they_are_given(reader):
    made, read = READERS[reader]
    assert read(made(), scalars={"load": 2}).scalars == {"load": 2.0}


@pytest.mark.parametrize(("kind", "suffix"), [("vtu", "vtu"), ("gmsh22", "msh"), ("obj", "obj")])
def test_a_file_of_meshio(tmp_path, kind, suffix):
    meshio = pytest.importorskip("meshio")
    path = tmp_path / f"mesh.{suffix}"
    triangles = {"triangle": [[0, 1, 2], [0, 2, 3]]}
    fields = {} if kind == "obj" else {"u": np.arange(4.0)}
    meshio_mesh(POINTS[[1, 2, 4, 5]], triangles, fields).write(path, file_format=kind)
    sample = MeshSample.from_meshio(meshio.read(path))
    assert_array_equal(sample.points, POINTS[[1, 2, 4, 5], :2])
    assert_array_equal(sample.cells, triangles["triangle"])
    assert list(sample.fields) == list(fields)


def test_polydata_and_structured_grids_of_pyvista():
    pyvista = pytest.importorskip("pyvista")
    plane = pyvista.Plane(i_resolution=4, j_resolution=3)
    assert MeshSample.from_pyvista(plane).cells.shape == (12, 4)
    sample = MeshSample.from_pyvista(plane.triangulate())
    assert sample.cells.shape == (24, 3)
    assert sample.points.shape == (20, 2)
    x, y = np.meshgrid([0.0, 1.0, 3.0], [0.0, 2.0], indexing="ij")
    grid = pyvista.StructuredGrid(x, y, 0 * x)
    assert len(MeshSample.from_pyvista(grid).cells) == 2


def test_lines_of_many_nodes_of_pyvista_are_dropped():
    cells = {"triangle": TRIANGLES, "polyline": [[0, 1, 2, 3, 4]]}
    assert MeshSample.from_pyvista(pyvista_mesh(cells=cells)).n_nodes == 3


def test_globals_of_plaid():
    sample = plaid_sample()
    sample.add_global("load", 2.5)
    sample.add_global("stress", 7.0)
    sample.add_global("curve", np.arange(3.0))
    assert MeshSample.from_plaid(sample).scalars == {"load": 2.5, "stress": 7.0}
    assert MeshSample.from_plaid(sample, scalars=["load"]).scalars == {"load": 2.5}
    assert MeshSample.from_plaid(sample, scalars=[]).scalars == {}
    with pytest.raises(MeshError, match=r"must name globals .*'load'.* got \['force'\]"):
        MeshSample.from_plaid(sample, scalars=["force"])


def test_a_plaid_sample_without_a_mesh():
    plaid = pytest.importorskip("plaid")
    with pytest.raises(MeshError, match="has no nodes"):
        MeshSample.from_plaid(plaid.Sample())
