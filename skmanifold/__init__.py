"""Geometry-aware machine learning for data on manifolds, as scikit-learn estimators.

Public names are loaded when they are first used, so that ``import skmanifold`` does not import
torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # For type checkers and editors, which cannot see through ``__getattr__`` below.
    from skmanifold._show_versions import show_versions
    from skmanifold.classification import LokiPredictor
    from skmanifold.embedding import HeatGeodesicEmbedding, TinvMDS, tinv_mds
    from skmanifold.exceptions import DegenerateFrameWarning

__version__ = "0.1.0.dev0"

# Public name -> the module that defines it.
_NAMES = {
    "DegenerateFrameWarning": "skmanifold.exceptions",
    "HeatGeodesicEmbedding": "skmanifold.embedding",
    "LokiPredictor": "skmanifold.classification",
    "TinvMDS": "skmanifold.embedding",
    "show_versions": "skmanifold._show_versions",
    "tinv_mds": "skmanifold.embedding",
}
_SUBPACKAGES = ("classification", "datasets", "embedding", "exceptions", "metrics", "plotting")

__all__ = [
    "DegenerateFrameWarning",
    "HeatGeodesicEmbedding",
    "LokiPredictor",
    "TinvMDS",
    "__version__",
    "classification",
    "datasets",
    "embedding",
    "exceptions",
    "metrics",
    "plotting",
    "show_versions",
    "tinv_mds",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _SUBPACKAGES:
        return import_module(f"skmanifold.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'skmanifold' has no attribute {name!r}")
    value = getattr(import_module(_NAMES[name]), name)
    globals()[name] = value  # the next access does not come here again
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
