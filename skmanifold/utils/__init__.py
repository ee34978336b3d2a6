"""Helpers beneath every layer: devices, seeds, chunks of rows and progress of a fit."""

from skmanifold.utils._batch import is_batch, is_list
from skmanifold.utils._chunk import coordinates_at_once, row_chunks
from skmanifold.utils._device import resolve_device, to_numpy, to_tensor
from skmanifold.utils._fitting import Step, fit_steps, undone_on_failure
from skmanifold.utils._random import draw_seed, torch_generator
from skmanifold.utils._trees import as_arrays, as_tensors
from skmanifold.utils._warnings import warn_user

__all__ = [
    "Step",
    "as_arrays",
    "as_tensors",
    "coordinates_at_once",
    "draw_seed",
    "fit_steps",
    "is_batch",
    "is_list",
    "resolve_device",
    "row_chunks",
    "to_numpy",
    "to_tensor",
    "torch_generator",
    "undone_on_failure",
    "warn_user",
]
