"""A suite whose costs and failures are known, for the tests of the harness."""

import os
import signal
import time
from types import SimpleNamespace

import numpy as np

from benchmarks._report import gain, level
from benchmarks._tasks import Task

TITLE, OURS, PACKAGES, INTRO = "Toy", "ours", ("numpy", "no-such-package"), "toys."
BLOCK_MB = 200


class _Toy:
    def __init__(self, method, seed):
        self.method, self.seed, self.n_fits = method, seed, 0

    def fit_transform(self, X):
        if len(X) == 300:  # the warm-up succeeds, whatever the method
            return X
        return getattr(self, self.method.split("[")[0])(X)

    def ours(self, X):
        _spend(BLOCK_MB)
        return X + 1

    def rival(self, X):
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        return X + self.seed

    def sleeper(self, X):
        time.sleep(60)

    def broken(self, X):
        raise ValueError("the toy broke")

    def greedy(self, X):
        os.kill(os.getpid(), signal.SIGKILL)


def make(method, seed):
    if method == "stranger":
        raise ImportError("no module named stranger")
    return _Toy(method, seed)


def _spend(megabytes):
    """Hold memory for a moment: only a high-water mark can see it."""
    np.ones(megabytes * 2**17).sum()


def load(seed):
    _spend(2 * BLOCK_MB)
    return SimpleNamespace(X=np.zeros((10, 2)))


def score(estimator, result, data, seed):
    return {"pearson": result.mean(), "threads": os.environ["OMP_NUM_THREADS"]}


TASKS = {
    "toy": Task(
        "Toys",
        ("ours", "rival", "sleeper", "broken", "greedy", "stranger"),
        load,
        score,
        bounds=(level("pearson", least=2.0), gain("pearson", "rival", "min", least=0.0)),
    )
}
