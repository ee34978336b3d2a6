import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from scipy.stats import kstest

from skmanifold.datasets import moved_clouds
from skmanifold.datasets._motions import _rotations

STILL = {"rotate": False, "shift": 0.0, "max_scale": 1.0}
DIMS = range(1, 7)


def clouds(n_clouds=5, n_points=20, n_dim=3, *, seed=0):
    return np.random.RandomState(seed).standard_normal((n_clouds, n_points, n_dim)) + 3


def linear_part(X, moved):
    """The matrix A of moved = x A^T + b, by least squares, for each cloud."""
    pairs = zip(X, moved, strict=True)
    return np.array(
        [np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)[0].T for x, y in pairs]
    )


@pytest.mark.parametrize("n_dim", DIMS)
@pytest.mark.parametrize("reflect", [False, True])
def test_distances_change_by_one_factor(n_dim, reflect):
    X = clouds(n_dim=n_dim)
    moved = moved_clouds(X, reflect=reflect, random_state=0)
    factors = np.array([pdist(y) / pdist(x) for x, y in zip(X, moved, strict=True)])
    assert_allclose(factors, factors[:, :1].repeat(factors.shape[1], axis=1), rtol=1e-8)
    assert np.unique(factors[:, 0]).size == len(X)


@pytest.mark.parametrize("n_dim", DIMS)
@pytest.mark.parametrize(("reflect", "sign"), [(False, 1), (True, -1)])
def test_determinant(n_dim, reflect, sign):
    X = clouds(n_dim=n_dim)
    for rotate in (False, True):
        moved = moved_clouds(X, rotate=rotate, reflect=reflect, max_scale=1, random_state=0)
        A = linear_part(X, moved)
        assert_allclose(np.linalg.det(A), sign)
        assert_allclose(
            A @ A.transpose(0, 2, 1), np.broadcast_to(np.eye(n_dim), A.shape), atol=1e-9
        )


@pytest.mark.parametrize("n_dim", [2, 3, 5])
def test_rotations_are_uniform(n_dim):
    Q = _rotations(4000, n_dim, np.random.RandomState(0))
    assert_allclose(np.linalg.det(Q), 1)
    # Haar: a fixed vector goes to a uniform direction, whose first coordinate squared is beta.
    for column in range(n_dim):
        direction = Q[:, :, column]
        squares = kstest(direction[:, 0] ** 2, "beta", args=(0.5, (n_dim - 1) / 2))
        assert squares.pvalue > 0.01
    # The defining representation is irreducible and not the trivial one: its mean is zero.
    assert_allclose(Q.mean(axis=0), 0, atol=5 / np.sqrt(4000 * n_dim))


def test_angles_in_the_plane_are_uniform():
    Q = _rotations(4000, 2, np.random.RandomState(0))
    angle = np.arctan2(Q[:, 1, 0], Q[:, 0, 0])
    assert kstest(angle / (2 * np.pi) + 0.5, "uniform").pvalue > 0.01


def test_scales_are_log_uniform():
    X = clouds(2000, 4)
    moved = moved_clouds(X, max_scale=100, random_state=0)
    scale = np.linalg.det(linear_part(X, moved)) ** (1 / 3)
    assert kstest(np.log(scale) / np.log(100) / 2 + 0.5, "uniform").pvalue > 0.01


def test_shift_is_normal_and_relative_to_the_moved_size():
    X = clouds(2000, 10) * np.logspace(-3, 3, 2000)[:, None, None]
    X -= X.mean(axis=1, keepdims=True)
    moved = moved_clouds(X, shift=2, random_state=0)
    centre = moved.mean(axis=1)
    size = np.sqrt(np.square(moved - centre[:, None]).sum(axis=2).mean(axis=1))
    assert kstest((centre / size[:, None] / 2).ravel(), "norm").pvalue > 0.01


def test_shift_does_not_depend_on_where_the_cloud_was():
    X, offset = clouds(), np.array([100.0, 0, -50])
    here, there = (
        moved_clouds(x, rotate=False, max_scale=1, random_state=0) for x in (X, X + offset)
    )
    assert_allclose(there, here + offset)


def test_nothing_moves_when_all_is_off():
    X = clouds()
    assert_array_equal(moved_clouds(X, **STILL, random_state=0), X)


def test_without_rotation_directions_stay():
    X = clouds()
    A = linear_part(X, moved_clouds(X, rotate=False, random_state=0))
    assert_allclose(A, A[:, :1, :1] * np.eye(3), atol=1e-12)
    mirrored = moved_clouds(X, **STILL, reflect=True, random_state=0)
    assert_array_equal(mirrored, X * [-1, 1, 1])


def test_permute_only_changes_the_order():
    X = clouds(4, 30)
    ordered, shuffled = (moved_clouds(X, permute=p, random_state=0) for p in (False, True))
    orders = []
    for a, b in zip(ordered, shuffled, strict=True):
        order = np.lexsort(a.T)[np.argsort(np.lexsort(b.T))]
        assert_array_equal(a[order], b)
        orders.append(tuple(order))
    assert len(set(orders)) == len(X)


def test_switches_do_not_disturb_each_other():
    X = clouds()
    whole = linear_part(X, moved_clouds(X, max_scale=1, random_state=0))
    scaled = linear_part(X, moved_clouds(X, shift=0, permute=False, random_state=0))
    scale = np.cbrt(np.linalg.det(scaled))[:, None, None]
    assert_allclose(scaled / scale, whole, atol=1e-9)


@pytest.mark.parametrize("n_dim", DIMS)
def test_list_equals_array(n_dim):
    X = clouds(n_dim=n_dim)
    options = {"permute": True, "reflect": True, "random_state": 0}
    listed = moved_clouds(list(X), **options)
    assert isinstance(listed, list)
    assert_array_equal(np.stack(listed), moved_clouds(X, **options))


def test_ragged_list():
    X = [clouds(1, n, 4)[0] for n in (1, 2, 7, 30)]
    moved = moved_clouds(X, random_state=0)
    assert [cloud.shape for cloud in moved] == [cloud.shape for cloud in X]
    for x, y in zip(X[2:], moved[2:], strict=True):
        factors = pdist(y) / pdist(x)
        assert_allclose(factors, factors[0], rtol=1e-8)


@pytest.mark.parametrize("permute", [False, True])
def test_input_is_never_written_to(permute):
    X = clouds()
    before = X.copy()
    X.flags.writeable = False
    for still in ({}, STILL):
        moved = moved_clouds(X, permute=permute, random_state=0, **still)
        listed = moved_clouds(list(X), permute=permute, random_state=0, **still)
        assert not np.shares_memory(moved, X)
        assert not any(np.shares_memory(cloud, X) for cloud in listed)
    assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_dtype_is_kept(dtype):
    X = clouds().astype(dtype)
    moved = moved_clouds(X, random_state=0)
    assert moved.dtype == dtype
    assert {cloud.dtype for cloud in moved_clouds(list(X), random_state=0)} == {np.dtype(dtype)}
    exact = moved_clouds(X.astype(np.float64), random_state=0)
    assert_array_equal(moved, exact.astype(dtype))


def test_integers_become_float64():
    X = np.arange(24).reshape(2, 4, 3)
    assert_array_equal(
        moved_clouds(X, random_state=0), moved_clouds(X.astype(float), random_state=0)
    )


def test_memory_layout_does_not_matter():
    X = clouds()
    expected = moved_clouds(X, random_state=0)
    assert_allclose(moved_clouds(np.asfortranarray(X), random_state=0), expected)
    assert_allclose(moved_clouds(X[:, ::-1], random_state=0)[:, ::-1], expected)


def test_seed_alone_decides():
    X = clouds()
    state = np.random.mtrand._rand.get_state()[1].copy()
    first, again, other = (moved_clouds(X, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert_array_equal(np.random.mtrand._rand.get_state()[1], state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rotate", "yes"),
        ("reflect", 2),
        ("permute", None),
        ("shift", -1),
        ("shift", np.nan),
        ("shift", "far"),
        ("max_scale", 0.5),
        ("max_scale", np.inf),
    ],
)
def test_bad_parameters_are_named(name, value):
    with pytest.raises((ValueError, TypeError), match=name):
        moved_clouds(clouds(), **{name: value})


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 3)), r"shape \(4, 3\).*X\[None\]"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((0, 4, 3)), "no clouds"),
        ([], "no clouds"),
        (np.zeros((2, 0, 3)), r"0 sample"),
        ([np.zeros((4, 3)), np.zeros((4, 2))], r"number of columns, got \[2, 3\]"),
        ([np.zeros((4, 3)), np.zeros(3)], "Expected 2D array"),
        (np.full((2, 4, 3), np.nan), r"X\[0\] contains NaN"),
        ([np.zeros((4, 3)), np.full((2, 3), np.inf)], r"X\[1\] contains infinity"),
    ],
)
def test_bad_clouds_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        moved_clouds(X)


def test_other_containers_are_refused():
    with pytest.raises(TypeError, match="X must be a 3-D array or a list of 2-D arrays, got dict"):
        moved_clouds({"cloud": np.zeros((4, 3))})
