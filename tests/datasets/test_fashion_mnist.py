import gzip
import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets import load_fashion_mnist


def write_idx(path, array):
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def folder(tmp_path):
    """Ten training and four test images, of which image i is all i, with label i."""
    for prefix, count in (("train", 10), ("t10k", 4)):
        numbers = np.arange(count, dtype=np.uint8)
        images = np.broadcast_to(numbers[:, None, None], (count, 28, 28))
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", numbers)
    return tmp_path


@pytest.mark.parametrize(("subset", "count"), [("train", 10), ("test", 4), ("all", 14)])
def test_images_come_with_their_labels(folder, subset, count):
    data = load_fashion_mnist(subset=subset, data_home=folder)
    assert data.X.shape == (count, 1, 28, 28)
    assert data.X.dtype == np.float32
    assert_allclose(255 * data.X.max(axis=(1, 2, 3)), data.labels, rtol=1e-6)
    assert data.label_names.shape == (10,)


def test_a_draw_is_seeded_and_without_replacement(folder, monkeypatch):
    monkeypatch.setenv("SKMANIFOLD_FASHION_MNIST", str(folder))
    first, again = (load_fashion_mnist(9, random_state=0, flatten=True) for _ in range(2))
    assert_array_equal(first.X, again.X)
    assert first.X.shape == (9, 784)
    assert len(np.unique(first.labels)) == 9
    assert_allclose(255 * first.X[:, 0], first.labels, rtol=1e-6)


def test_bad_arguments(folder):
    with pytest.raises(ValueError, match=r"subset='valid' is none of"):
        load_fashion_mnist(subset="valid", data_home=folder)
    with pytest.raises(ValueError, match=r"n_samples=11 is not between 1 and 10"):
        load_fashion_mnist(11, data_home=folder)


def test_missing_and_damaged_files(folder):
    with pytest.raises(FileNotFoundError, match=r"(?s)There is no .*apt install"):
        load_fashion_mnist(data_home=folder / "elsewhere")
    labels = folder / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes())[:-1]))
    with pytest.raises(ValueError, match=r"is damaged: 9 bytes for shape \(10,\)"):
        load_fashion_mnist(data_home=folder)
    write_idx(labels, np.zeros((10, 1), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"is no idx file of bytes in 1 dimensions"):
        load_fashion_mnist(data_home=folder)
    write_idx(labels, np.zeros(9, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"has 10 train images, but 9 labels"):
        load_fashion_mnist(data_home=folder)
