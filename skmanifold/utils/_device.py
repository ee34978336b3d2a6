"""Where tensors live, and the ways from numpy to them and back."""

from typing import Any

import numpy as np
import torch


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The torch device that `device` names, checked to be there.

    Parameters
    ----------
    device : str or torch.device, default="auto"
        ``"auto"`` is CUDA where there is one and the CPU elsewhere. Anything else is taken at
        its word: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Returns
    -------
    device : torch.device

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has none. Work never moves to the CPU
        unasked.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} cannot be used on this machine; pass device='auto' or "
            f"device='cpu'. torch says: {str(error).splitlines()[0].split('. ')[0]}"
        ) from error
    if resolved.type == "meta":
        raise ValueError("device='meta' holds no data; pass device='auto' or device='cpu'.")
    return resolved


def to_tensor(
    array: Any, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> torch.Tensor:
    """A tensor of `array`'s values that never shares memory with it.

    Takes what ``torch.from_numpy`` does not: read-only arrays and memory maps, negative strides,
    foreign byte order.

    Parameters
    ----------
    array : array-like
        Numbers in any layout.
    device : torch.device or str, default="cpu"
        Where the tensor is made.
    dtype : torch.dtype or None, default=None
        None keeps the dtype of `array`.
    """
    array = np.asarray(array)
    # Always a fresh array: a tensor over the caller's memory could be written through.
    native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
    return torch.from_numpy(native).to(device=device, dtype=dtype)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """The values of `tensor` as a numpy array on the CPU, free of its graph."""
    return tensor.detach().cpu().numpy()
