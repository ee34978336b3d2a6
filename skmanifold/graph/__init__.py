"""Graphs of point clouds: neighbours, weights, Laplacians, heat, and distances read off it."""

from skmanifold.graph._affinity import (
    alpha_decay_affinity,
    connectivity,
    jaccard_affinity,
    self_tuning_affinity,
    snn_affinity,
)
from skmanifold.graph._components import component_labels, describe_components
from skmanifold.graph._denoising import Denoised, denoise
from skmanifold.graph._dimension import intrinsic_dimension
from skmanifold.graph._heat import heat_action, heat_kernel
from skmanifold.graph._heat_distance import (
    diffusion_distance,
    geodesic_distance,
    heat_cost,
    inverse_lattice_rate,
    path_scale,
    potential_distance,
    triplet_denoised,
    varadhan_distance,
)
from skmanifold.graph._landmarks import (
    centroid_landmarks,
    coarse_graph,
    nearest_landmarks,
    sampled_landmarks,
)
from skmanifold.graph._laplacian import degrees, geodesic_masses, jump_length, laplacian
from skmanifold.graph._neighbors import kneighbors
from skmanifold.graph._pruning import (
    edges,
    mutual_graph,
    neighbor_graph,
    pruned_graph,
    union_graph,
    without_bridges,
)

__all__ = [
    "Denoised",
    "alpha_decay_affinity",
    "centroid_landmarks",
    "coarse_graph",
    "component_labels",
    "connectivity",
    "degrees",
    "denoise",
    "describe_components",
    "diffusion_distance",
    "edges",
    "geodesic_distance",
    "geodesic_masses",
    "heat_action",
    "heat_cost",
    "heat_kernel",
    "intrinsic_dimension",
    "inverse_lattice_rate",
    "jaccard_affinity",
    "jump_length",
    "kneighbors",
    "laplacian",
    "mutual_graph",
    "nearest_landmarks",
    "neighbor_graph",
    "path_scale",
    "potential_distance",
    "pruned_graph",
    "sampled_landmarks",
    "self_tuning_affinity",
    "snn_affinity",
    "triplet_denoised",
    "union_graph",
    "varadhan_distance",
    "without_bridges",
]
