"""One case in a process of its own: `python -m benchmarks._worker SPEC.json OUT.json`.

Imports and a small warm-up fit come first (just-in-time compilation, thread pools, CUDA contexts)
and are timed apart, so that the case's own figures are those of a second call.
"""

import contextlib
import gc
import importlib
import json
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from benchmarks._cost import Cost, resident_bytes


def _be_killed_first():
    """Out of memory, the kernel should end this process, not the one that keeps the results."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


class AbsentError(Exception):
    """A package is missing that a method or a data set stands on."""


@contextlib.contextmanager
def _or_absent():
    try:
        yield
    except ImportError as error:
        raise AbsentError(str(error)) from error


def _warm_up(suite, task, method, seed):
    """Import and compile whatever the case will need, and keep nothing."""
    with _or_absent():
        estimator = suite.make(method, seed)
        task.load(seed)
    task.warm_up(estimator)


def measure(suite, task, method, seed):
    """Warm up, load, fit under the meter, then score outside it."""
    start = time.perf_counter()
    _warm_up(suite, task, method, seed)
    gc.collect()
    startup_s, baseline = time.perf_counter() - start, resident_bytes()
    data, estimator = task.load(seed), suite.make(method, seed)
    np.random.seed(seed)  # noqa: NPY002  (some peers know no random_state)
    with Cost(baseline) as cost:
        result = task.fit(estimator, data)
    quality = task.score(estimator, result, data, seed)
    quality = {name: float(figure) for name, figure in quality.items()}
    return {"status": "ok", "quality": quality, "startup_s": startup_s, **cost.as_dict()}


def run(spec):
    """The record of one case; an exception becomes part of it."""
    try:
        suite = importlib.import_module(spec["suite"])
        return measure(suite, suite.TASKS[spec["task"]], spec["method"], spec["seed"])
    except AbsentError as error:
        return {"status": "absent", "message": str(error)}
    except MemoryError as error:
        return {"status": "out of memory", "message": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"status": "error", "message": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    _be_killed_first()
    warnings.simplefilter("ignore")
    record = run(json.loads(Path(sys.argv[1]).read_text()))
    Path(sys.argv[2]).write_text(json.dumps(record))
