"""Small pictures of clothing, from files that a system or a user has."""

import gzip
import os
import zlib
from math import prod
from numbers import Integral
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state, check_scalar

_NAMES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_PREFIXES = {"train": ["train"], "test": ["t10k"], "all": ["train", "t10k"]}
_VARIABLE = "SKMANIFOLD_FASHION_MNIST"
_OF_DEBIAN = "/usr/share/datasets/fashion-mnist"


def load_fashion_mnist(
    n_samples: int | None = None,
    *,
    subset: Literal["train", "test", "all"] = "train",
    flatten: bool = False,
    random_state: int | np.random.RandomState | None = None,
    data_home: str | os.PathLike[str] | None = None,
) -> Bunch:
    """Load Fashion-MNIST: 70,000 grey images of ten kinds of clothing, 28 by 28 pixels [1]_.

    Nothing is downloaded: the files must be there, as Debian's package ``dataset-fashion-mnist``
    brings them.

    Parameters
    ----------
    n_samples : int or None, default=None
        Number of images to draw at random without replacement; None takes all of `subset` in the
        order of the files.
    subset : {"train", "test", "all"}, default="train"
        The 60,000 images for training, the 10,000 for tests, or both, one after the other.
    flatten : bool, default=False
        Whether each image becomes a row of 784 pixels, line by line.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw. Not used where `n_samples` is None.
    data_home : path-like or None, default=None
        Folder of ``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte.gz``,
        ``t10k-images-idx3-ubyte.gz`` and ``t10k-labels-idx1-ubyte.gz``. None is the folder that the
        environment variable ``SKMANIFOLD_FASHION_MNIST`` names or, where it is not set, that of
        Debian's package.

    Returns
    -------
    data : Bunch
        `X`, ndarray of shape (n_samples, 1, 28, 28), or (n_samples, 784) if `flatten`, float32 from
        0 for the background to 1. `labels`, ndarray of shape (n_samples,): the kind of clothing
        from 0 to 9. `label_names`, ndarray of shape (10,): the name of each kind.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    TypeError
        If `n_samples` is not an integer.
    ValueError
        If there is no such `subset`, `n_samples` is below 1 or more than it has, or a file is
        damaged or another one.

    References
    ----------
    .. [1] H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for
       Benchmarking Machine Learning Algorithms", arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from skmanifold.datasets import load_fashion_mnist
    >>> load_fashion_mnist(100, random_state=0).X.shape  # doctest: +SKIP
    (100, 1, 28, 28)
    """
    if subset not in _PREFIXES:
        raise ValueError(f"subset must be one of {list(_PREFIXES)}, got {subset!r}.")
    folder = Path(data_home or os.environ.get(_VARIABLE) or _OF_DEBIAN).expanduser()
    parts = [_read_part(folder, prefix) for prefix in _PREFIXES[subset]]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    rows = _rows(len(images), n_samples, random_state)
    X = images[rows].astype(np.float32) / 255
    return Bunch(
        X=X.reshape(len(X), -1) if flatten else X[:, None],
        labels=labels[rows].astype(np.int64),
        label_names=np.array(_NAMES),
    )


def _rows(
    n_images: int, n_samples: int | None, random_state: int | np.random.RandomState | None
) -> NDArray[np.intp] | slice:
    """Images to take."""
    if n_samples is None:
        return slice(None)
    check_scalar(n_samples, "n_samples", Integral, min_val=1, max_val=n_images)
    drawn: NDArray[np.intp] = check_random_state(random_state).permutation(n_images)[:n_samples]
    return drawn


def _read_part(folder: Path, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n, 28, 28) and labels (n,) for training or for tests."""
    images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", n_dims=3)
    labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", n_dims=1)
    if len(images) != len(labels):
        raise ValueError(
            f"{folder} has {len(images)} {prefix} images but {len(labels)} {prefix} labels: its "
            "files do not belong together."
        )
    return images, labels


def _read_idx(path: Path, n_dims: int) -> NDArray[np.uint8]:
    """Array in a gzipped idx file: 0, 0, 8 for bytes, n_dims, sizes of 4 bytes each, entries."""
    content = _unpacked(path)
    magic, start = bytes([0, 0, 8, n_dims]), 4 + 4 * n_dims
    if content[:4] != magic:
        raise ValueError(
            f"{path} must start with the bytes {magic.hex(' ')} of an idx file, unpacked, but "
            f"starts with {content[:4].hex(' ')!r}: it is another file."
        )
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    if len(content) != start + prod(shape):
        raise ValueError(
            f"{path} is damaged: it has {len(content)} bytes, unpacked, and its shape {shape} "
            f"takes {start + prod(shape)}. Fetch it anew."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. On Debian, apt install dataset-fashion-mnist; elsewhere name the "
            f"folder of the files by data_home or by the environment variable {_VARIABLE}."
        )
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no whole gzip file ({error}). Fetch it anew.") from error
