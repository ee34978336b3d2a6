import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skmanifold.frames import Rules, canonical_clouds, one_frame
from tests.frames.known_clouds import clear_cloud, degenerate_clouds, moved, symmetrised, tensor

CPU = torch.device("cpu")
DEGENERATE = degenerate_clouds()
RULES = [
    Rules(3),
    Rules(2, scale="trace", sign="maxabs"),
    Rules(3, scale=None, chiral=True),
    Rules(5, sign="none"),
]


def placed(frame, points):
    """Canonical coordinates of the points."""
    return (tensor(points) - frame.mean) @ frame.axes / frame.size


def assert_same_layout(found, expected):
    assert_allclose(found.spreads, expected.spreads, rtol=1e-10, atol=1e-14)
    assert_array_equal(found.signs, expected.signs)
    assert_allclose(found.gaps, expected.gaps, atol=1e-10)
    assert_allclose(found.margins, expected.margins, atol=1e-10)
    assert_array_equal(found.tied, expected.tied)
    assert_array_equal(found.unsigned, expected.unsigned)


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("working_memory", [0, 1, 1024])
def test_one_frame_is_that_of_a_batch_of_one(rng, rules, working_memory):
    """With rows read one at a time, in a few blocks, and all at once."""
    for cloud in (clear_cloud(rng, 40, 3) + 5, clear_cloud(rng, 6000, 3) - 1):
        if len(cloud) > 1000 and working_memory == 0:
            continue  # the same by many small steps
        with config_context(working_memory=working_memory):
            frame = one_frame(cloud, rules, CPU)
        expected = canonical_clouds(tensor(cloud)[None], None, rules)
        found, wanted = placed(frame, cloud), expected.coordinates[0].T
        if rules.sign == "none":  # as rounding has it
            wanted = wanted * (found * wanted).sum(0).sign()
        assert_allclose(found, wanted, atol=1e-11 * float(wanted.abs().max()))
        assert_allclose(frame.size, expected.size[0], rtol=1e-12)
        assert_allclose(frame.mean, cloud.mean(axis=0), rtol=1e-12)
        in_units = expected.layout._replace(spreads=expected.layout.spreads * expected.size)
        assert_same_layout(frame.layout, in_units)


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_working_memory_changes_rounding_only(rng, rules):
    octant = symmetrised(
        rng.gamma(2.0, size=(1000, 3)) * [4, 2, 1], np.array([[1, 1, 1], [-1, -1, -1]])
    )
    for cloud in (clear_cloud(rng, 5000, 3), octant):  # joint moments in blocks as well
        frames = []
        for working_memory in (1, 1024):
            with config_context(working_memory=working_memory):
                frames.append(one_frame(cloud, rules, CPU))
        assert_allclose(placed(frames[0], cloud), placed(frames[1], cloud), atol=1e-10)
        assert_same_layout(frames[0].layout, frames[1].layout)


@pytest.mark.parametrize("scale", ["max_eig", "trace", None])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_clouds(rng, name, scale):
    cloud = moved(rng, DEGENERATE[name])
    frame = one_frame(cloud, Rules(3, scale=scale), CPU)
    y = placed(frame, cloud)
    assert y.isfinite().all()
    rank = np.linalg.matrix_rank(cloud - cloud.mean(axis=0), tol=1e-12)
    assert_array_equal(frame.axes[:, rank:], 0)
    assert_allclose(frame.axes[:, :rank].T @ frame.axes[:, :rank], np.eye(rank), atol=1e-13)
    back = y @ frame.axes.T * frame.size + frame.mean
    assert_allclose(back, cloud, atol=1e-12 * np.abs(cloud).max())


@pytest.mark.parametrize("n_dims", [6, 50])
def test_fewer_points_than_dimensions(rng, n_dims):
    cloud = rng.normal(size=(5, n_dims)) + 3
    rules = Rules(5)
    with config_context(working_memory=0):
        frame = one_frame(cloud, rules, CPU)
    expected = canonical_clouds(tensor(cloud)[None], None, rules)
    assert_allclose(placed(frame, cloud), expected.coordinates[0].T, atol=1e-11)
    assert_array_equal(frame.axes[:, 4:], 0)


@pytest.mark.parametrize("factor", [2.0**400, 2.0**-400])
def test_any_magnitude(rng, factor):
    cloud = clear_cloud(rng, 30, 3)
    found, expected = (one_frame(each, Rules(3), CPU) for each in (cloud * factor, cloud))
    assert_array_equal(found.axes, expected.axes)
    assert_array_equal(found.size, expected.size * factor)
    assert_array_equal(found.mean, expected.mean * factor)
    assert_array_equal(found.layout.spreads, expected.layout.spreads * factor)


def test_any_memory_layout_and_type(rng):
    cloud = clear_cloud(rng, 30, 3).astype(np.float32)
    exact = cloud.astype(np.float64)
    expected = one_frame(exact, Rules(3), CPU)
    fortran = np.asfortranarray(cloud)
    fortran.flags.writeable = False
    for each in (cloud, fortran, cloud[::-1]):
        frame = one_frame(each, Rules(3), CPU)
        assert frame.axes.dtype == torch.float64
        assert_allclose(placed(frame, exact), placed(expected, exact), atol=1e-12)


def test_rounding_of_single_precision_is_no_extent(rng):
    flat = moved(rng, np.c_[clear_cloud(rng, 30, 2), np.zeros(30)]).astype(np.float32)
    single, double = (one_frame(each, Rules(3), CPU) for each in (flat, flat.astype(np.float64)))
    assert_array_equal(single.axes[:, 2], 0)
    assert (double.axes[:, 2] != 0).any()  # where the same numbers are meant as they are
