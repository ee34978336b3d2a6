"""What a block of code cost this process: CPU, wall time, peak memory; and on which machine."""

import gc
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

STATUS = Path("/proc/self/status")
MB = 2**20


def _status_bytes(field):
    """One `VmXXX` field of this process on Linux, in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{STATUS} has no field {field}.")


def resident_bytes():
    """Memory that this process holds now."""
    if STATUS.exists():
        return _status_bytes("VmRSS")
    import psutil

    return psutil.Process().memory_info().rss


def _reset_high_water():
    """Make the kernel's high-water mark start again from the present; False where it cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status_bytes("VmHWM") <= resident_bytes() + MB
    except OSError:
        return False


def cpu_seconds():
    """CPU time of this process and of the children it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _cuda():
    """`torch.cuda` where this process already uses it, else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


class Cost:
    """Context manager that fills `cpu_s`, `wall_s`, `peak_mb` and, on CUDA, `gpu_peak_mb`.

    `peak_mb` is the highest resident memory inside the block less `baseline` (bytes). It is exact
    where the kernel can reset its high-water mark (Linux); elsewhere a thread samples it.
    """

    def __init__(self, baseline):
        self.baseline = baseline

    def __enter__(self):
        gc.collect()
        if cuda := _cuda():
            cuda.reset_peak_memory_stats()
        self._exact = _reset_high_water()
        self._peak, self._done = resident_bytes(), threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        if not self._exact:
            self._sampler.start()
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        return self

    def _sample(self):
        while not self._done.wait(0.01):
            self._peak = max(self._peak, resident_bytes())

    def __exit__(self, *exception):
        if cuda := _cuda():
            cuda.synchronize()
        self.cpu_s, self.wall_s = cpu_seconds() - self._cpu, time.perf_counter() - self._wall
        self._done.set()
        peak = _status_bytes("VmHWM") if self._exact else max(self._peak, resident_bytes())
        self.peak_mb = (peak - self.baseline) / MB
        self.gpu_peak_mb = cuda.max_memory_allocated() / MB if cuda else None

    def as_dict(self):
        """The figures, ready for JSON."""
        names = ("cpu_s", "wall_s", "peak_mb", "gpu_peak_mb")
        return {name: getattr(self, name) for name in names}


def _command(*words, cwd=None):
    """First line that a command prints, or "" where it is missing or fails."""
    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def _cpu_model():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _memory_gb():
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError):  # Windows
        return None


def machine():
    """Processor, cores, memory, graphics card and system (no host or user names)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "cpu": _cpu_model(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "gpu": _command("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions(packages):
    """Versions of Python and of the packages; None for one that is not installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def commit():
    """The checkout's commit, with "+" where tracked files were changed since."""
    here = Path(__file__).parent
    dirty = _command("git", "status", "--porcelain", "--untracked-files=no", cwd=here)
    head = _command("git", "rev-parse", "--short=12", "HEAD", cwd=here) or "unknown"
    return head + "+" * bool(dirty)
