"""What every estimator of this package shares."""

from copy import deepcopy
from typing import Any

import torch
from sklearn.base import BaseEstimator


def _portable(value: Any) -> Any:
    """`value` with tensors and modules on the CPU, so that a machine without CUDA can load it."""
    if isinstance(value, torch.nn.Module):
        return deepcopy(value).cpu()  # Module.cpu works in place
    return value.cpu() if isinstance(value, torch.Tensor) else value


class ManifoldEstimator(BaseEstimator):
    """Base of the estimators: pickles open on machines without the device they were fitted on."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: _portable(value) for name, value in super().__getstate__().items()}
