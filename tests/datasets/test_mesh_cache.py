import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.datasets import _mesh_cache as mesh_cache
from skmanifold.datasets import make_tensile_meshes


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return tmp_path / "skmanifold"


@pytest.fixture
def make():
    """A generator that counts its calls."""

    def made():
        made.calls += 1
        return make_tensile_meshes(3, material="plastic", structured=True, random_state=0)

    made.calls = 0
    return made


def assert_same(one, other):
    for a, b in zip(one.X, other.X, strict=True):
        for name in ("points", "cells", "landmarks"):
            assert_array_equal(getattr(a, name), getattr(b, name))
            assert getattr(a, name).dtype == getattr(b, name).dtype
        assert dict(a.scalars) == dict(b.scalars)
        assert list(a.fields) == list(b.fields)
        for name in a.fields:
            assert_array_equal(a.fields[name], b.fields[name])
    for name in ("y", "shape_parameters", "shape_index"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.target_names == other.target_names
    assert one.shape_names == other.shape_names


def cached(make, **parameters):
    return mesh_cache.cached(make, "plates", {"seed": 0, **parameters})


def test_second_call_reads_the_same_data(home, make):
    first, second = cached(make), cached(make)
    assert make.calls == 1
    assert_same(first, second)
    assert [path.suffix for path in home.iterdir()] == [".npz"]


def test_other_parameters_are_other_files(home, make):
    cached(make)
    cached(make, mesh_size=0.1)
    assert make.calls == 2
    assert len(list(home.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_damaged_files_are_made_anew(home, make, damage):
    first = cached(make)
    [path] = home.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert_same(cached(make), first)
    assert make.calls == 2
    assert path.read_bytes() == whole


def test_files_without_an_entry_are_made_anew(home, make):
    cached(make)
    [path] = home.iterdir()
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "landmarks"}
    np.savez(path, **arrays)
    cached(make)
    assert make.calls == 2


def test_changed_sources_are_other_files(home, make, monkeypatch):
    cached(make)
    monkeypatch.setattr(mesh_cache, "_version", lambda distribution: "another")
    cached(make)
    assert make.calls == 2


def test_failed_writing_leaves_nothing_behind(home, make, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    assert len(cached(make).X) == 3
    assert list(home.iterdir()) == []


def test_without_a_folder_nothing_is_kept(tmp_path, make, monkeypatch):
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(file / "home"))
    cached(make)
    cached(make)
    assert make.calls == 2
