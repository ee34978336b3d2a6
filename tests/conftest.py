"""Settings shared by every test."""

import os

# Before numpy or torch start their pools. With one process per core more threads only get in each
# other's way, and results are compared bit for bit at a fixed thread count.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest


def pytest_collection_modifyitems(items):
    """Skip the tests marked ``gpu`` on machines without a CUDA device."""
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch  # only now: a run that collects no such test need not wait for it

    if torch.cuda.is_available():
        return
    for item in gpu_items:
        item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def rng():
    """A generator that starts the same in every test."""
    return np.random.default_rng(0)
