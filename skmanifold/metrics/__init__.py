"""How faithful an embedding or a clustering is, and how far predicted labels are off."""

from skmanifold.metrics._clustering import clustering_accuracy
from skmanifold.metrics._geodesic import geodesic_correlation, geodesic_scale
from skmanifold.metrics._labels import (
    constant_medoid,
    label_distance_scorer,
    mean_squared_label_distance,
)
from skmanifold.metrics._neighborhood import neighborhood_precision

__all__ = [
    "clustering_accuracy",
    "constant_medoid",
    "geodesic_correlation",
    "geodesic_scale",
    "label_distance_scorer",
    "mean_squared_label_distance",
    "neighborhood_precision",
]
