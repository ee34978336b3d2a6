import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skmanifold.frames import Rules, canonical_clouds, one_distance_frame, scaled_clouds
from tests.frames.known_clouds import clear_cloud, degenerate_clouds, random_clouds, tensor

DEGENERATE = degenerate_clouds()
CPU = torch.device("cpu")
SCALES = ["max_eig", "trace", None]


def distances(clouds):
    return np.stack([cdist(cloud, cloud) for cloud in clouds])


def double_centered(matrix):
    """Inner products about the mean, by the centring matrix."""
    center = np.eye(len(matrix)) - 1 / len(matrix)
    return -center @ matrix**2 @ center / 2


def cities(rng, n_points=12):
    """Distances that no points have: along the streets of a torn net."""
    points = rng.normal(size=(n_points, 3))
    lengths = np.abs(points[:, None] - points).sum(-1) ** 1.5
    return lengths


@pytest.mark.parametrize("sign", ["moment", "maxabs"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_euclidean_distances_give_the_coordinates_of_the_points(rng, n_dims, scale, sign):
    clouds = np.stack([clear_cloud(rng, 15, n_dims) for _ in range(20)])
    rules = Rules(n_dims, scale=scale, sign=sign)
    found = scaled_clouds(tensor(distances(clouds)), None, rules)
    expected = canonical_clouds(tensor(clouds), None, rules)
    assert_allclose(found.coordinates, expected.coordinates, atol=1e-10)
    assert_allclose(found.size, expected.size, rtol=1e-12)
    for name in ("spreads", "gaps", "margins"):
        ours, theirs = (getattr(each.layout, name) for each in (found, expected))
        assert_allclose(ours, theirs, atol=1e-9)
    assert not found.layout.tied.any()
    assert not found.layout.unsigned.any()
    assert_allclose(found.negative_energy, 0, atol=1e-14)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_clouds_keep_their_distances(name):
    cloud = DEGENERATE[name]
    found = scaled_clouds(tensor(distances([cloud])), None, Rules(len(cloud)))
    y = found.coordinates[0].T * found.size
    assert_allclose(cdist(y, y), cdist(cloud, cloud), atol=1e-7)
    rank = np.linalg.matrix_rank(cloud - cloud.mean(axis=0), tol=1e-8)
    assert_array_equal(found.coordinates[0, rank:], 0)
    assert_array_equal(found.layout.signs[0, rank:], 0)
    assert (found.layout.gaps[0, rank:] == torch.inf).all()
    assert (found.layout.margins[0, rank:] == torch.inf).all()


def test_axes_without_any_extent_are_zeros(rng):
    cloud = clear_cloud(rng, 10, 2)
    found = scaled_clouds(tensor(distances([cloud])), None, Rules(12))
    assert found.coordinates.shape == (1, 12, 10)
    assert_array_equal(found.coordinates[0, 2:], 0)
    assert not found.layout.tied.any()


@pytest.mark.parametrize("factor", [2.0**300, 2.0**-300, 1e120])
@pytest.mark.parametrize("scale", SCALES)
def test_any_magnitude(rng, scale, factor):
    matrices = distances([clear_cloud(rng, 8, 3) for _ in range(4)])
    found, expected = (
        scaled_clouds(tensor(each), None, Rules(3, scale=scale)).coordinates
        for each in (matrices * factor, matrices)
    )
    assert_allclose(found / (factor if scale is None else 1), expected, atol=1e-10)


@pytest.mark.parametrize("filling", [0.0, 1e6, np.nan])
def test_points_that_fill_up_change_nothing(rng, filling):
    clouds = [clear_cloud(rng, n_points, 3) for n_points in (4, 7, 10)]
    full, mask = np.full((3, 10, 10), filling), np.zeros((3, 10), dtype=bool)
    for index, cloud in enumerate(clouds):
        n = len(cloud)
        full[index, :n, :n], mask[index, :n] = cdist(cloud, cloud), True
    found = scaled_clouds(tensor(full), torch.tensor(mask), Rules(3))
    for index, cloud in enumerate(clouds):
        alone = scaled_clouds(tensor(distances([cloud])), None, Rules(3))
        assert_allclose(found.coordinates[index, :, : len(cloud)], alone.coordinates[0], atol=1e-10)
        assert_array_equal(found.coordinates[index, :, len(cloud) :], 0)
        assert_allclose(found.size[index], alone.size[0])
        assert_allclose(found.negative_energy[index], alone.negative_energy[0], atol=1e-14)


def test_clouds_of_no_points_are_zeros(rng):
    matrices = tensor(distances(random_clouds(rng, 2, 6, 3)))
    mask = torch.tensor([[True] * 6, [False] * 6])
    found = scaled_clouds(matrices, mask, Rules(3))
    assert_array_equal(found.coordinates[1], 0)
    expected = scaled_clouds(matrices, None, Rules(3))
    assert_allclose(found.coordinates[0], expected.coordinates[0], atol=1e-12)


def test_negative_energy_is_the_share_of_negative_eigenvalues(rng):
    matrices = np.stack([cities(rng) for _ in range(5)])
    found = scaled_clouds(tensor(matrices), None, Rules(12))
    for share, coordinates, size, matrix in zip(
        found.negative_energy, found.coordinates, found.size, matrices, strict=True
    ):
        values, vectors = np.linalg.eigh(double_centered(matrix))
        expected = np.abs(values[values < 0]).sum() / np.abs(values).sum()
        assert expected > 0.01
        assert_allclose(share, expected, rtol=1e-10)
        # What is kept is the nearest matrix of inner products that points can have.
        nearest = vectors * values.clip(0) @ vectors.T
        y = coordinates * size
        assert_allclose(y.T @ y, nearest, atol=1e-10 * values.max())


def test_order_of_points_does_not_matter(rng):
    matrix, order = cities(rng), rng.permutation(12)
    shuffled = matrix[order][:, order]
    found, expected = (
        scaled_clouds(tensor(each)[None], None, Rules(4)) for each in (shuffled, matrix)
    )
    assert_allclose(found.coordinates[0], expected.coordinates[0][:, order], atol=1e-10)


def placed(frame, matrix):
    """Gower's formula for points at these distances."""
    return (tensor(-(matrix**2) / 2) - frame.mean) @ frame.axes / frame.size


@pytest.mark.parametrize("scale", SCALES)
def test_training_points_find_their_own_place(rng, scale):
    for matrix in (cdist(*2 * [clear_cloud(rng, 15, 3)]), cities(rng)):
        rules = Rules(3, scale=scale)
        frame, share = one_distance_frame(matrix, rules, CPU)
        clouds = scaled_clouds(tensor(matrix)[None], None, rules)
        assert_allclose(placed(frame, matrix), clouds.coordinates[0].T, atol=1e-10)
        assert_allclose(frame.size, clouds.size[0])
        assert_allclose(share, clouds.negative_energy[0])
        assert_allclose(frame.layout.spreads, clouds.layout.spreads * clouds.size)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("n_components", [2, 3])
def test_new_points_find_their_place_by_distances(rng, n_components, scale):
    cloud, new = clear_cloud(rng, 15, 3), rng.normal(size=(7, 3))
    rules = Rules(n_components, scale=scale)
    frame, _ = one_distance_frame(cdist(cloud, cloud), rules, CPU)
    together = np.concatenate([cloud, new])
    expected = canonical_clouds(tensor(cloud)[None], None, rules)
    # The map of the training points is linear: the least-squares one shows it.
    offsets = np.c_[cloud, np.ones(15)]
    linear = np.linalg.lstsq(offsets, expected.coordinates[0].T.numpy(), rcond=None)[0]
    found = placed(frame, cdist(together, cloud))
    assert_allclose(found, np.c_[together, np.ones(22)] @ linear, atol=1e-9)


@pytest.mark.parametrize("name", ["line", "plane", "cube", "one point", "one place"])
def test_frames_of_degenerate_clouds_are_finite(name):
    cloud = DEGENERATE[name]
    matrix = cdist(cloud, cloud)
    frame, share = one_distance_frame(matrix, Rules(len(cloud)), CPU)
    y = placed(frame, matrix)
    assert share.isfinite()
    assert y.isfinite().all()
    assert_allclose(cdist(y, y) * frame.size.item(), matrix, atol=1e-7)


def test_single_precision(rng):
    clouds = np.stack([clear_cloud(rng, 15, 2) for _ in range(10)])
    matrices = torch.tensor(distances(clouds), dtype=torch.float32)
    found = scaled_clouds(matrices, None, Rules(15))
    expected = canonical_clouds(tensor(clouds), None, Rules(2))
    assert_allclose(found.coordinates[:, :2], expected.coordinates, atol=1e-5)


def test_mirror_images_have_the_same_distances(rng):
    matrices = tensor(distances(random_clouds(rng, 5, 10, 3)))
    plain, chiral = (scaled_clouds(matrices, None, Rules(3, chiral=each)) for each in (False, True))
    assert_array_equal(plain.coordinates, chiral.coordinates)
