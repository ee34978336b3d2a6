"""Batches of clouds: how they are read, cut into chunks, filled up and put together again."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmanifold.embedding import _clouds
from skmanifold.embedding._clouds import (
    MOST_PADDING,
    CloudBatch,
    Gathered,
    chunks,
    padded,
    read_batch,
    unflattened,
)

CPU = torch.device("cpu")
SIZES = {
    "one": [5],
    "equal": [7] * 20,
    "two kinds": [10, 1000] * 15,
    "all sizes": list(range(1, 60)),
    "random": np.random.default_rng(0).integers(1, 3000, 80).tolist(),
}
every_size = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
every_batch_size = pytest.mark.parametrize("batch_size", ["auto", 1, 3, 1000])


def ragged(sizes, n_dims=3):
    return CloudBatch([np.full((size, n_dims), float(index)) for index, size in enumerate(sizes)])


def test_arrays_and_lists_are_read():
    array = read_batch(np.ones((2, 3, 4), dtype=int))
    assert (array.ragged, array.dtype, array.n_dims, len(array)) == (False, np.float64, {4}, 2)
    single, double = np.ones((5, 2), dtype=np.float32), np.ones((3, 2))
    assert read_batch([single, single]).dtype == np.float32
    mixed = read_batch((single, double, np.ones((1, 3), dtype=bool)))
    assert (mixed.ragged, mixed.dtype, mixed.n_dims, len(mixed)) == (True, np.float64, {2, 3}, 3)


def test_rows_are_points_one_after_another():
    clouds = np.arange(24.0).reshape(2, 4, 3)
    assert_array_equal(unflattened(clouds.reshape(2, 12), 3).clouds, clouds)
    with pytest.raises(ValueError, match="point_dim=5 does not divide the 12 features"):
        unflattened(clouds.reshape(2, 12), 5)


@every_size
@every_batch_size
def test_chunks_of_a_list_hold_each_cloud_once(sizes, batch_size):
    pieces = chunks(ragged(sizes), batch_size, CPU)
    assert_array_equal(np.sort(np.concatenate(pieces)), np.arange(len(sizes)))
    if batch_size != "auto":
        assert max(map(len, pieces)) <= batch_size


@pytest.mark.parametrize("n_clouds", [1, 7, 64])
@every_batch_size
def test_chunks_of_an_array_are_slices_in_order(n_clouds, batch_size):
    batch = CloudBatch(np.zeros((n_clouds, 4, 3)))
    pieces = chunks(batch, batch_size, CPU)
    clouds = np.arange(n_clouds)
    assert_array_equal(np.concatenate([clouds[piece] for piece in pieces]), clouds)
    assert all(isinstance(piece, slice) for piece in pieces)


@every_size
@every_batch_size
def test_padding_is_bounded(sizes, batch_size):
    for piece in chunks(ragged(sizes), batch_size, CPU):
        counts = np.array(sizes)[piece]
        assert counts.max() <= MOST_PADDING * counts.min()


@every_size
def test_chunks_hold_a_bounded_number_of_coordinates(sizes, monkeypatch):
    monkeypatch.setattr(_clouds, "coordinates_at_once", lambda device: 2000)
    batch = ragged(sizes)
    for piece in chunks(batch, "auto", CPU):
        filled = len(piece) * max(batch.clouds[index].size for index in piece)
        assert filled <= 2000 or len(piece) == 1
    uniform = CloudBatch(np.zeros((50, 30, 3)))
    lengths = {piece.stop - piece.start for piece in chunks(uniform, "auto", CPU)}
    assert max(lengths) == 2000 // 90


def test_chunks_shrink_with_copies_of_the_clouds(monkeypatch):
    monkeypatch.setattr(_clouds, "coordinates_at_once", lambda device: 600)
    batch = read_batch(np.ones((64, 10, 3)))
    sizes = [len(range(64)[chunks(batch, "auto", "cpu", copies=c)[0]]) for c in (1, 8, 16, 1024)]
    assert sizes == [20, 20, 10, 1]


def test_clouds_of_one_size_share_chunks():
    assert len(chunks(ragged([7] * 20), "auto", CPU)) == 1
    assert len(chunks(ragged([10, 1000] * 15), "auto", CPU)) == 2


def test_rows_that_fill_up_are_masked_zeros():
    batch = ragged([4, 5, 3])
    x, mask = padded(batch, np.array([2, 0, 1]), CPU)
    assert x.shape == (3, 5, 3)
    assert_array_equal(mask.sum(dim=1), [3, 4, 5])
    for place, index in enumerate([2, 0, 1]):
        assert_array_equal(x[place][mask[place]], batch.clouds[index])
        assert not x[place][~mask[place]].any()


def test_matrices_are_filled_up_in_both_directions():
    batch = CloudBatch([np.ones((size, size)) for size in (4, 5)])
    x, mask = padded(batch, np.array([0, 1]), CPU)
    assert x.shape == (2, 5, 5)
    assert x[0].sum() == 16
    assert_array_equal(mask.sum(dim=1), [4, 5])


def test_clouds_of_one_size_need_no_mask():
    assert padded(ragged([4, 4]), np.array([0, 1]), CPU)[1] is None
    assert padded(CloudBatch(np.zeros((2, 4, 3))), slice(0, 2), CPU)[1] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_are_copies_of_the_type_of_the_clouds(dtype):
    for batch, chunk in (
        (CloudBatch(np.zeros((2, 4, 3), dtype)), slice(0, 2)),
        (CloudBatch([np.zeros((4, 3), dtype), np.zeros((5, 3), dtype)]), np.array([0, 1])),
    ):
        x, _ = padded(batch, chunk, CPU)
        assert x.numpy().dtype == dtype
        x += 1
        assert not any(cloud.any() for cloud in batch.clouds)


@every_size
@every_batch_size
def test_what_was_cut_comes_together_again(sizes, batch_size):
    batch = ragged(sizes)
    points, numbers = Gathered(batch, per_point=True), Gathered(batch)
    for piece in chunks(batch, batch_size, CPU):
        x, _ = padded(batch, piece, CPU)
        points.put(piece, 2 * x)
        numbers.put(piece, x[:, 0, 0])
    assert_array_equal(numbers.values, np.arange(len(sizes)))
    for found, cloud in zip(points.values, batch.clouds, strict=True):
        assert_array_equal(found, 2 * cloud)
        assert found.base is None  # or a whole chunk would stay in memory


@every_batch_size
def test_arrays_come_together_as_arrays(batch_size, rng):
    batch = CloudBatch(rng.normal(size=(11, 4, 3)).astype(np.float32))
    points, flags = Gathered(batch, per_point=True), Gathered(batch)
    for piece in chunks(batch, batch_size, CPU):
        x, _ = padded(batch, piece, CPU)
        points.put(piece, x)
        flags.put(piece, x[:, 0, 0] > 0)
    assert_array_equal(points.values, batch.clouds)
    assert points.values.dtype == np.float32
    assert_array_equal(flags.values, batch.clouds[:, 0, 0] > 0)
    assert flags.values.dtype == bool


def test_frames_are_cut_to_the_points_of_their_cloud():
    batch = ragged([2, 4])
    gathered = Gathered(batch, per_point=True)
    gathered.put(np.array([1, 0]), torch.ones(2, 8, 4, 3))
    assert [each.shape for each in gathered.values] == [(8, 2, 3), (8, 4, 3)]
