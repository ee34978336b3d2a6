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
    from skmanifold.cluster import MCRClustering
    from skmanifold.embedding import HeatGeodesicEmbedding, TinvMDS, tinv_mds
    from skmanifold.exceptions import DegenerateFrameWarning, ForeignShapeWarning, MeshError
    from skmanifold.gaussian_process import (
        RVGP,
        BatchedGPRegressor,
        ConnectionLaplacianKernel,
        MeshMorpher,
        MeshSample,
        MMGPRegressor,
        SnapshotPOD,
        connection_laplacian,
        furthest_point_sampling,
        tangent_frames,
    )

__version__ = "0.1.0.dev0"

# Public name -> the module that defines it.
_NAMES = {
    "BatchedGPRegressor": "skmanifold.gaussian_process",
    "ConnectionLaplacianKernel": "skmanifold.gaussian_process",
    "DegenerateFrameWarning": "skmanifold.exceptions",
    "ForeignShapeWarning": "skmanifold.exceptions",
    "HeatGeodesicEmbedding": "skmanifold.embedding",
    "LokiPredictor": "skmanifold.classification",
    "MCRClustering": "skmanifold.cluster",
    "MMGPRegressor": "skmanifold.gaussian_process",
    "MeshError": "skmanifold.exceptions",
    "MeshMorpher": "skmanifold.gaussian_process",
    "MeshSample": "skmanifold.gaussian_process",
    "RVGP": "skmanifold.gaussian_process",
    "SnapshotPOD": "skmanifold.gaussian_process",
    "TinvMDS": "skmanifold.embedding",
    "connection_laplacian": "skmanifold.gaussian_process",
    "furthest_point_sampling": "skmanifold.gaussian_process",
    "show_versions": "skmanifold._show_versions",
    "tangent_frames": "skmanifold.gaussian_process",
    "tinv_mds": "skmanifold.embedding",
}
_SUBPACKAGES = (
    "classification",
    "cluster",
    "datasets",
    "embedding",
    "exceptions",
    "gaussian_process",
    "metrics",
    "plotting",
)

__all__ = [
    "RVGP",
    "BatchedGPRegressor",
    "ConnectionLaplacianKernel",
    "DegenerateFrameWarning",
    "ForeignShapeWarning",
    "HeatGeodesicEmbedding",
    "LokiPredictor",
    "MCRClustering",
    "MMGPRegressor",
    "MeshError",
    "MeshMorpher",
    "MeshSample",
    "SnapshotPOD",
    "TinvMDS",
    "__version__",
    "classification",
    "cluster",
    "connection_laplacian",
    "datasets",
    "embedding",
    "exceptions",
    "furthest_point_sampling",
    "gaussian_process",
    "metrics",
    "plotting",
    "show_versions",
    "tangent_frames",
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
