"""Graphs of point clouds: neighbours, weights, Laplacians, heat, and distances read off it."""

from skmanifold.graph._affinity import (
    alpha_decay_affinity,
    connectivity,
    jaccard_affinity,
    self_tuning_affinity,
    snn_affinity,
)
from skmanifold.graph._bundle import (
    ConnectionSpectrum,
    Located,
    SampledManifold,
    connection_spectrum,
    neighbor_affinity,
    surface_spectrum,
)
from skmanifold.graph._components import component_labels, describe_components
from skmanifold.graph._connection import connection, connection_laplacian
from skmanifold.graph._denoising import Denoised, denoise
from skmanifold.graph._dimension import intrinsic_dimension
from skmanifold.graph._furthest import furthest_point_sampling
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
from skmanifold.graph._stencil import Stencils, local_stencils, n_stencil_nodes
from skmanifold.graph._tangent import (
    frames_of_neighbors,
    manifold_dimension,
    n_quadratic_terms,
    tangent_frames,
)

__all__ = [
    "ConnectionSpectrum",
    "Denoised",
    "Located",
    "SampledManifold",
    "Stencils",
    "alpha_decay_affinity",
    "centroid_landmarks",
    "coarse_graph",
    "component_labels",
    "connection",
    "connection_laplacian",
    "connection_spectrum",
    "connectivity",
    "degrees",
    "denoise",
    "describe_components",
    "diffusion_distance",
    "edges",
    "frames_of_neighbors",
    "furthest_point_sampling",
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
    "local_stencils",
    "manifold_dimension",
    "mutual_graph",
    "n_quadratic_terms",
    "n_stencil_nodes",
    "nearest_landmarks",
    "neighbor_affinity",
    "neighbor_graph",
    "path_scale",
    "potential_distance",
    "pruned_graph",
    "sampled_landmarks",
    "self_tuning_affinity",
    "snn_affinity",
    "surface_spectrum",
    "tangent_frames",
    "triplet_denoised",
    "union_graph",
    "varadhan_distance",
    "without_bridges",
]
