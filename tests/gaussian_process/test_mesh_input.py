from collections import UserList

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.gaussian_process._mesh_input import holds_meshes, read_meshes, scalar_table
from tests.mesh._meshes import patch_sample, plate_sample

PLATES = [plate_sample(depth=0.1 * k, scalars={"load": k, "angle": -k}) for k in range(3)]


def array_of(samples):
    objects = np.empty(len(samples), dtype=object)
    objects[:] = samples
    return objects


SEQUENCES = {"list": list, "tuple": tuple, "array": array_of, "other": UserList}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_sequences_of_meshes(sequence):
    X = sequence(PLATES)
    assert holds_meshes(X)
    assert all(one is other for one, other in zip(read_meshes(X), PLATES, strict=True))


@pytest.mark.parametrize(
    "X",
    [[], [[1.0, 2.0]], np.ones((2, 3)), np.ones(3, dtype=object), None, 3.0],
    ids=["empty", "rows", "array", "objects", "None", "number"],
)
def test_what_holds_no_meshes(X):
    assert not holds_meshes(X)


def test_data_frames_hold_no_meshes():
    pandas = pytest.importorskip("pandas")
    assert not holds_meshes(pandas.DataFrame({"load": [1.0, 2.0]}))


def test_one_mesh_counts_as_meshes_and_is_refused():
    assert holds_meshes(PLATES[0])
    with pytest.raises(TypeError, match=r"got a single one. Pass \[X\]"):
        read_meshes(PLATES[0])


@pytest.mark.parametrize(("intruder", "name"), [(None, "NoneType"), (np.ones(2), "ndarray")])
def test_something_else_among_meshes(intruder, name):
    X = [*PLATES, intruder]
    assert holds_meshes(X)
    with pytest.raises(TypeError, match=rf"X\[3\] is a {name}"):
        read_meshes(X)


def test_plane_and_space():
    X = [*PLATES, patch_sample(), plate_sample()]
    with pytest.raises(ValueError, match=r"points of X\[0\] have 2 .* those of X\[3\] 3"):
        read_meshes(X)


def test_scalars_come_in_the_order_of_their_names():
    table, names = scalar_table(PLATES)
    assert names == ["angle", "load"]
    assert_array_equal(table, [[0, 0], [-1, 1], [-2, 2]])
    table, names = scalar_table(PLATES[1:], ["load", "angle"])
    assert names == ["load", "angle"]
    assert_array_equal(table, [[1, -1], [2, -2]])


def test_no_scalars():
    table, names = scalar_table([plate_sample(), plate_sample()])
    assert table.shape == (2, 0)
    assert table.dtype == np.float64
    assert names == []


@pytest.mark.parametrize(
    ("scalars", "problem"),
    [
        ({"load": 1}, r"X\[3\].scalars lacks \['angle'\]"),
        ({"load": 1, "angle": 2, "time": 3}, r"X\[3\].scalars has \['time'\] besides"),
        ({"loads": 1, "angle": 2}, r"X\[3\].scalars lacks \['load'\]"),
    ],
)
def test_scalars_must_be_the_same(scalars, problem):
    with pytest.raises(ValueError, match=problem):
        scalar_table([*PLATES, plate_sample(scalars=scalars)])
