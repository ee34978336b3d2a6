"""What a bug report needs to say about the machine."""

import platform
import sys
from importlib import metadata

_PACKAGES = (
    "skmanifold",
    "scikit-learn",
    "numpy",
    "scipy",
    "torch",
    "skorch",
    "gpytorch",
    "joblib",
)


def show_versions() -> None:
    """Print the versions of Python, skmanifold and what it stands on, and the CUDA devices.

    Meant to be pasted into bug reports.

    Examples
    --------
    >>> from skmanifold import show_versions
    >>> show_versions()
    python: 3...
    CUDA: ...
    """
    for label, value in {**_system(), **_versions(), **_torch_runtime()}.items():
        print(f"{label:>14}: {value}")


def _system() -> dict[str, str]:
    """Python and the machine it runs on."""
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
    }


def _versions() -> dict[str, str]:
    """Installed version of each package, read from metadata so that none is imported."""
    return {package: _version(package) for package in _PACKAGES}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _torch_runtime() -> dict[str, str]:
    """Threads and CUDA devices as torch sees them."""
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"torch threads": str(torch.get_num_threads()), "CUDA": ", ".join(devices) or "none"}
