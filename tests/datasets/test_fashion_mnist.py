import gzip
import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets import load_fashion_mnist

LABELS = "train-labels-idx1-ubyte.gz"


def write_idx(path, array):
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def folder(tmp_path):
    """Ten images for training and four for tests; pixel (i, j) of one of label k is k + 2 i + j."""
    for prefix, count in (("train", 10), ("t10k", 4)):
        labels = np.arange(count, dtype=np.uint8)
        pixels = 2 * np.arange(28)[:, None] + np.arange(28)
        images = (labels[:, None, None] + pixels).astype(np.uint8)
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", labels)
    return tmp_path


@pytest.mark.parametrize(
    ("subset", "labels"),
    [("train", range(10)), ("test", range(4)), ("all", [*range(10), *range(4)])],
)
def test_images_come_with_their_labels_in_order(folder, subset, labels):
    data = load_fashion_mnist(subset=subset, data_home=folder)
    assert data.X.shape == (len(labels), 1, 28, 28)
    assert data.X.dtype == np.float32
    assert_array_equal(data.labels, labels)
    assert_allclose(255 * data.X[:, 0, 0, 0], labels, rtol=1e-6)
    assert len(set(data.label_names)) == 10


def test_pixels_run_line_by_line(folder):
    image = load_fashion_mnist(data_home=folder).X[3, 0]
    assert_allclose(255 * image[5, 7], 3 + 2 * 5 + 7, rtol=1e-6)
    rows = load_fashion_mnist(data_home=folder, flatten=True).X
    assert rows.shape == (10, 784)
    assert_array_equal(rows[3], image.ravel())


def test_pixels_are_between_zero_and_one(folder):
    write_idx(folder / "train-images-idx3-ubyte.gz", np.full((10, 28, 28), 255, dtype=np.uint8))
    assert (load_fashion_mnist(data_home=folder).X == 1).all()


def test_draw_is_seeded_and_without_replacement(folder):
    first, again, other = (
        load_fashion_mnist(9, subset="train", data_home=folder, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.labels, other.labels)
    assert len(np.unique(first.labels)) == 9
    assert_allclose(255 * first.X[:, 0, 0, 0], first.labels, rtol=1e-6)


def test_argument_goes_before_variable(folder, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("SKMANIFOLD_FASHION_MNIST", str(folder))
    assert len(load_fashion_mnist().X) == 10
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"There is no .*empty"):
        load_fashion_mnist(data_home=empty)
    monkeypatch.setenv("SKMANIFOLD_FASHION_MNIST", str(empty))
    assert len(load_fashion_mnist(data_home=str(folder)).X) == 10


def test_missing_files_say_what_to_do(folder):
    (folder / LABELS).unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"no .*train-labels.* dataset-fashion-mnist.* data_home .* SKMANIFOLD_FASHION_MNIST",
    ):
        load_fashion_mnist(data_home=folder)
    assert len(load_fashion_mnist(subset="test", data_home=folder).X) == 4


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"subset": "valid"}, ValueError, r"must be one of \['train', .*, got 'valid'"),
        ({"n_samples": 11}, ValueError, r"n_samples == 11, must be <= 10"),
        ({"n_samples": 0}, ValueError, r"n_samples == 0, must be >= 1"),
        ({"n_samples": 2.5}, TypeError, r"n_samples must be an instance of"),
    ],
)
def test_bad_arguments(folder, options, error, message):
    with pytest.raises(error, match=message):
        load_fashion_mnist(data_home=folder, **options)


def test_wrong_magic_number(folder):
    write_idx(folder / LABELS, np.zeros((10, 1), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"bytes 00 00 08 01 .* starts with '00 00 08 02'"):
        load_fashion_mnist(data_home=folder)


@pytest.mark.parametrize("n_bytes", [6, 8, 17])
def test_too_few_bytes(folder, n_bytes):
    content = gzip.decompress((folder / LABELS).read_bytes())
    (folder / LABELS).write_bytes(gzip.compress(content[:n_bytes]))
    with pytest.raises(ValueError, match=rf"is damaged: it has {n_bytes} bytes"):
        load_fashion_mnist(data_home=folder)


def test_too_many_bytes(folder):
    content = gzip.decompress((folder / LABELS).read_bytes())
    (folder / LABELS).write_bytes(gzip.compress(content + b"0"))
    with pytest.raises(ValueError, match=r"it has 19 bytes, .* shape \(10,\) takes 18"):
        load_fashion_mnist(data_home=folder)


def test_files_that_are_no_whole_gzip(folder):
    whole = (folder / LABELS).read_bytes()
    for content in (whole[:-12], b"pixels", whole[:10] + b"\xff" * 20):
        (folder / LABELS).write_bytes(content)
        with pytest.raises(ValueError, match=r"train-labels.* is no whole gzip file"):
            load_fashion_mnist(data_home=folder)


def test_images_and_labels_that_do_not_match(folder):
    write_idx(folder / LABELS, np.zeros(9, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"has 10 train images but 9 train labels"):
        load_fashion_mnist(data_home=folder)


def test_real_images():
    try:
        data = load_fashion_mnist(subset="test")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert data.X.shape == (10_000, 1, 28, 28)
    assert_array_equal(np.bincount(data.labels), np.full(10, 1000))
    means = {
        name: data.X[data.labels == k].mean(axis=(0, 1)) for k, name in enumerate(data.label_names)
    }
    # The gap between the legs is darker than the legs; shoes are flat, with the background on top.
    assert means["trousers"][20:, 14].mean() < means["trousers"][20:, 10].mean()
    for shoe in ("sandal", "sneaker"):
        assert means[shoe][:6].mean() < 0.1 * means[shoe][12:20].mean()
