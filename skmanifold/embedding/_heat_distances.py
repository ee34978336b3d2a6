"""Heat on one component of a graph, and the dissimilarities read off it."""

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse.csgraph import dijkstra

from skmanifold.graph import (
    degrees,
    diffusion_distance,
    geodesic_distance,
    geodesic_masses,
    heat_kernel,
    jump_length,
    laplacian,
    path_scale,
    potential_distance,
    triplet_denoised,
    varadhan_distance,
)
from skmanifold.utils import to_numpy, to_tensor

N_SCALE_SOURCES = 50  # landmarks whose shortest paths fix the unit of length
LONGEST_TIME = 128.0  # jumps; more would be slow and say nothing more


def component_heat(weights, lengths, dim, noise_share, device, options):
    """Heat kernel, dissimilarities and time of one connected graph.

    weights, lengths : (n_nodes, n_nodes) on the same edges; dim, noise_share : of the whole data;
    options : the parameters of `HeatGeodesicEmbedding`
    """
    masses = _masses(weights, lengths, options["laplacian"])
    generator = laplacian(weights, masses)
    t = options["t"]
    if t == "auto":
        t = _automatic_time(generator, noise_share)
    kernel = heat_kernel(generator, t, method=options["heat_method"], device=device)
    correction = options["volume_correction"]
    match options["dissimilarity"]:
        case "geodesic":
            jump = jump_length(weights, lengths, masses)
            distances = geodesic_distance(
                kernel, t, dim=dim, jump=jump, volume_correction=correction
            )
            distances = _in_data_units(distances, lengths)
        case "varadhan":
            distances = varadhan_distance(kernel, t, volume_correction=correction)
        case "squared_varadhan":
            distances = varadhan_distance(kernel, t, volume_correction=correction) ** 2
        case "potential":
            distances = potential_distance(kernel)
        case "diffusion":
            distances = diffusion_distance(kernel)
    return kernel, triplet_denoised(distances, options["denoising"]), float(t)


def _masses(weights, lengths, kind):
    """Masses of the nodes under the chosen Laplacian; a node on its own weighs 1."""
    if kind == "combinatorial" or weights.nnz == 0:
        return np.ones(weights.shape[0])
    return geodesic_masses(weights, lengths) if kind == "geodesic" else degrees(weights)


def _automatic_time(generator, noise_share):
    """A hundredth of the relaxation time, up to eight times longer through noise.

    Heat that has travelled a tenth of the way to equilibrium still knows short distances from
    long ones; more time averages over more paths, which noise asks for.
    """
    if generator.shape[0] < 3:
        return 1.0
    # Dense: the gap is far below the accuracy that a sparse solver reaches in reasonable time.
    gap = eigh(generator.toarray(), eigvals_only=True, subset_by_index=(1, 1))[0]
    return np.clip(0.01 * 8**noise_share / max(gap, 1e-12), 1.0, LONGEST_TIME)


def _in_data_units(distances, lengths):
    """Distances whose median is as long as the shortest paths beside them, which fill gaps.

    A gap is a pair that no heat reached within the range of floating point numbers.
    """
    sources = np.unique(np.linspace(0, len(distances) - 1, N_SCALE_SOURCES).astype(int))
    paths = dijkstra(lengths, directed=False, indices=sources)
    distances = distances * path_scale(to_numpy(distances)[sources], paths)
    if torch.isfinite(distances).all():
        return distances
    paths = to_tensor(dijkstra(lengths, directed=False), device=distances.device)
    return torch.where(torch.isfinite(distances), distances, paths)
