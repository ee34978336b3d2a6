"""How faithful an embedding or a clustering is."""

from skmanifold.metrics._clustering import clustering_accuracy
from skmanifold.metrics._geodesic import geodesic_correlation, geodesic_scale
from skmanifold.metrics._neighborhood import neighborhood_precision

__all__ = [
    "clustering_accuracy",
    "geodesic_correlation",
    "geodesic_scale",
    "neighborhood_precision",
]
