import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmanifold.utils import resolve_device, to_numpy, to_tensor

NO_CUDA = not torch.cuda.is_available()


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_cpu_is_always_there(device):
    assert resolve_device(device) == torch.device("cpu")


def test_auto_takes_cuda_where_there_is_one(monkeypatch):
    assert resolve_device("auto").type == ("cpu" if NO_CUDA else "cuda")
    assert resolve_device() == resolve_device("auto")
    for there, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert resolve_device("auto").type == expected


@pytest.mark.skipif(not NO_CUDA, reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", torch.device("cuda"), 0])
def test_an_absent_device_is_an_error(device):
    with pytest.raises(ValueError, match="cannot be used on this machine; pass device='auto'"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", None, 1.5, ["cpu"]])
def test_unknown_device(device):
    with pytest.raises(ValueError, match="cannot be used on this machine") as error:
        resolve_device(device)
    assert f"device={device!r}" in str(error.value)
    assert error.value.__cause__ is not None


def test_messages_are_short():
    if not torch.backends.mps.is_available():
        with pytest.raises(ValueError, match="device='mps'") as error:
            resolve_device("mps")
        assert len(str(error.value)) < 400


def test_meta_holds_no_data():
    with pytest.raises(ValueError, match="holds no data"):
        resolve_device("meta")


def read_only():
    array = np.arange(6.0).reshape(2, 3)
    array.flags.writeable = False
    return array


ARRAYS = {
    "plain": np.arange(6.0).reshape(2, 3),
    "read-only": read_only(),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "negative strides": np.arange(6.0).reshape(2, 3)[::-1, ::-1],
    "step": np.arange(24.0).reshape(4, 6)[::2, ::2],
    "big-endian": np.arange(6, dtype=">f8").reshape(2, 3),
    "big-endian int": np.arange(6, dtype=">i4"),
    "broadcast": np.broadcast_to(np.arange(3.0), (2, 3)),
    "list": [[1.0, 2.0], [3.0, 4.0]],
    "empty": np.empty((0, 3)),
    "scalar": np.float32(2.5),
    "bool": np.array([True, False]),
    "int": np.arange(4),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_any_layout_keeps_values_and_dtype(array):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of read-only arrays
        tensor = to_tensor(array)
    expected = np.asarray(array)
    assert_array_equal(tensor.numpy(), expected)
    assert tensor.numpy().dtype == expected.dtype.newbyteorder("=")
    assert tuple(tensor.shape) == expected.shape


@pytest.mark.parametrize("array", [ARRAYS["plain"], ARRAYS["Fortran"], ARRAYS["int"]])
def test_memory_is_never_shared(array):
    before = array.copy()
    tensor = to_tensor(array)
    tensor += 1
    assert_array_equal(array, before)
    assert not np.shares_memory(tensor.numpy(), array)


def test_memory_maps(tmp_path):
    stored = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=(4, 2))
    stored[:] = np.arange(8).reshape(4, 2)
    stored.flush()
    mapped = np.memmap(tmp_path / "X", dtype=np.float64, mode="r", shape=(4, 2))
    assert_array_equal(to_tensor(mapped), np.arange(8.0).reshape(4, 2))


def test_tensors_are_copied_too():
    tensor = torch.arange(3.0)
    copy = to_tensor(tensor)
    copy += 1
    assert_array_equal(tensor, [0, 1, 2])


def test_dtype_on_request():
    assert to_tensor([1, 2], dtype=torch.float32).dtype == torch.float32
    assert to_tensor(np.float32([1, 2])).dtype == torch.float32


def test_to_numpy_leaves_the_graph():
    tensor = torch.arange(3.0, requires_grad=True) * 2
    array = to_numpy(tensor)
    assert_array_equal(array, [0, 2, 4])
    assert isinstance(array, np.ndarray)


@pytest.mark.gpu
def test_to_the_gpu_and_back():
    device = resolve_device("auto")
    assert device.type == "cuda"
    for array in (ARRAYS["big-endian"], ARRAYS["negative strides"]):
        tensor = to_tensor(array, device=device, dtype=torch.float32)
        assert tensor.is_cuda
        assert_array_equal(to_numpy(tensor), array)
    with pytest.raises(ValueError, match="device='cuda:99'"):
        resolve_device("cuda:99")
