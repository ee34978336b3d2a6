"""A manifold known by some nodes: frames at any point, and the spectrum of its connection."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, sparray, spmatrix

from skmanifold.graph._affinity import self_tuning_affinity
from skmanifold.graph._connection import (
    density_free,
    symmetric_walk,
    transport_blocks,
    with_self_loops,
)
from skmanifold.graph._neighbors import Found, kneighbors
from skmanifold.graph._pruning import neighbor_graph, union_graph
from skmanifold.graph._stencil import Stencils, local_stencils, n_stencil_nodes
from skmanifold.linalg import largest_eigenpairs
from skmanifold.utils import resolve_device, row_chunks, to_numpy, to_tensor

LEAST_EIGENVALUE = 1e-6  # of the walk: below it an eigenvector is noise of the sampling

TIE = 1e-9  # of the largest eigenvalue: nearer ones are one eigenvalue


@dataclass(frozen=True)
class Located:
    """Points of a manifold, seen from its nodes.

    Attributes
    ----------
    stencils : Stencils
        With slopes along the axes of `frames`.
    frames : Tensor of shape (n_points, d, m)
        Tangent frames, carried from the nearest node.
    nearness : Tensor of shape (n_points,)
        1 among the nodes, falling to 0 far from all of them.
    """

    stencils: Stencils
    frames: torch.Tensor
    nearness: torch.Tensor

    def values(self, at_nodes: torch.Tensor) -> torch.Tensor:
        """Values (n_points, D, K) of functions given at the nodes, fading away from these."""
        return self.stencils.values(at_nodes) * self.nearness[:, None, None]


@dataclass(frozen=True)
class SampledManifold:
    """Nodes of a manifold with their tangent frames.

    Attributes
    ----------
    nodes : Tensor of shape (n_nodes, d)
        Distinct points.
    frames : Tensor of shape (n_nodes, d, m)
        Orthonormal tangent frames.
    reach : Tensor of shape (n_nodes,)
        How far from each node the manifold is known: as far as its last neighbour, of as many as a
        stencil has nodes.
    n_jobs : int or None, default=None
        Threads of neighbour searches.
    """

    nodes: torch.Tensor
    frames: torch.Tensor
    reach: torch.Tensor
    n_jobs: int | None = None

    @classmethod
    def of(
        cls,
        nodes: np.ndarray,
        frames: np.ndarray,
        *,
        device: torch.device | str = "cpu",
        n_jobs: int | None = None,
    ) -> "SampledManifold":
        """From arrays; all work is in float64."""
        device = resolve_device(device)
        points = to_tensor(nodes, device=device, dtype=torch.float64)
        bases = to_tensor(frames, device=device, dtype=torch.float64)
        if len(nodes) == 1:
            return cls(points, bases, points.new_ones(1), n_jobs)  # nothing tells a scale
        n_neighbors = min(n_stencil_nodes(frames.shape[2]), len(nodes) - 1)
        distances, _ = kneighbors(nodes, n_neighbors, device=device, n_jobs=n_jobs)
        reach = to_tensor(distances[:, -1], device=device, dtype=torch.float64)
        return cls(points, bases, reach, n_jobs)

    def locate(self, points: np.ndarray) -> Located:
        """Frames and stencils at any points near the manifold."""
        device = self.nodes.device
        n_around = min(n_stencil_nodes(self.frames.shape[2]), len(self.nodes))
        _, around = kneighbors(
            to_numpy(self.nodes), n_around, queries=points, device=device, n_jobs=self.n_jobs
        )
        here = to_tensor(points, device=device, dtype=torch.float64)
        stencils = local_stencils(here, self.nodes, self.frames, around)
        nearest = self.frames[stencils.nodes[:, 0]]
        frames = _symmetric_orthonormal(self._projected(nearest, stencils))
        slopes = stencils.slopes @ (nearest.mT @ frames)
        beyond = (stencils.distance / self.reach[stencils.nodes[:, 0]] - 1).clamp(min=0)
        return Located(replace(stencils, slopes=slopes), frames, torch.exp(-beyond.square()))

    def _projected(self, bases: torch.Tensor, stencils: Stencils) -> torch.Tensor:
        """Bases (n_points, d, m) projected by the projectors on the tangent spaces of the points.

        Those are interpolated from the nodes', but never formed: d x d numbers may be many.
        """
        projected = torch.empty_like(bases)
        for rows in row_chunks(len(bases), 8 * 3 * stencils.nodes.shape[1] * bases[0].numel()):
            around = self.frames[stencils.nodes[rows]]
            inside = around.mT @ bases[rows, None]
            carried = around @ inside * stencils.weights[rows, :, None, None]
            projected[rows] = carried.sum(1)
        return projected


def _symmetric_orthonormal(bases: torch.Tensor) -> torch.Tensor:
    """The orthonormal columns nearest to given ones, so that no axis is preferred."""
    left, _, right = torch.linalg.svd(bases, full_matrices=False)
    return left @ right


@dataclass(frozen=True)
class ConnectionSpectrum:
    """Smooth sections over the nodes of a manifold: eigenvectors of its connection Laplacian.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_pairs,)
        Rising, in units of one over length squared.
    vectors : ndarray of shape (n_nodes, r, n_pairs)
        In coordinates of the nodes' frames (r = 1 and no frames for scalar functions).
    """

    eigenvalues: np.ndarray
    vectors: np.ndarray


def neighbor_affinity(found: Found, n_neighbors: int) -> tuple[csr_array, float]:
    """Self-tuned Gaussian weights of a neighbour graph, free of density, and its bandwidth.

    The scale of each node is the distance within which a quarter of its neighbours lie; edges that
    either end names are kept, and each node is its own neighbour too.

    Parameters
    ----------
    found : tuple of ndarray of shape (n_nodes, n_found)
        Distances to neighbours, rising, and their indices, as `kneighbors` gives them.
    n_neighbors : int
        How many of these to use, at most `n_found`.

    Returns
    -------
    affinity : csr_array of shape (n_nodes, n_nodes)
    bandwidth : float
        The median scale: one step of the walk is heat of time ``bandwidth ** 2 / 4``.
    """
    distances, indices = found[0][:, :n_neighbors], found[1][:, :n_neighbors]
    scales = distances[:, max(n_neighbors // 4 - 1, 0)]
    bandwidth = float(np.median(scales))
    scales = np.maximum(scales, 1e-3 * bandwidth)  # near-duplicates are not to lose all others
    graph = union_graph(neighbor_graph(distances, indices))
    return density_free(with_self_loops(self_tuning_affinity(graph, scales))), bandwidth


def connection_spectrum(
    affinity: spmatrix | sparray,
    bandwidth: float,
    frames: np.ndarray | None,
    n_pairs: int,
    *,
    solver: str = "auto",
    device: torch.device | str = "cpu",
) -> ConnectionSpectrum:
    """The smoothest sections: top eigenpairs of the walk that carries vectors along.

    Parameters
    ----------
    affinity : sparse array of shape (n_nodes, n_nodes)
        Symmetric weights, with self-loops.
    bandwidth : float
        Unit of length, see `neighbor_affinity`.
    frames : ndarray of shape (n_nodes, d, m) or None
        None for scalar functions: the plain graph Laplacian.
    n_pairs : int
        At most so many are wanted; those of eigenvalues near nought of the walk are left out, and
        so is a repeated eigenvalue of which only some copies would be kept.
    solver, device
        See `largest_eigenpairs`.
    """
    walk, degree = symmetric_walk(affinity)
    order = 1 if frames is None else frames.shape[2]
    kernel = walk if frames is None else transport_blocks(walk, frames, device)
    shares, vectors = _whole_eigenspaces(kernel, n_pairs, solver=solver, device=device)
    kept = shares > LEAST_EIGENVALUE
    shares, vectors = np.clip(shares[kept], None, 1.0), vectors[:, kept]
    sections = vectors.reshape(len(degree), order, -1) / np.sqrt(degree)[:, None, None]
    return ConnectionSpectrum(-4 * np.log(shares) / bandwidth**2, sections)


def _whole_eigenspaces(
    matrix: csr_array, n_pairs: int, **kwargs: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenpairs, without a repeated eigenvalue that would be cut in the middle.

    On an orientable surface every eigenvalue comes twice (a field, and the field turned by a
    right angle). Half of such a pair is any direction in its plane, and which one depends on the
    frames.
    """
    wanted = min(n_pairs + 1, matrix.shape[0])
    values, vectors = largest_eigenpairs(matrix, wanted, **kwargs)
    if wanted <= n_pairs:
        return values, vectors
    whole = values[:-1] - values[-1] > TIE * np.abs(values).max()
    kept = int(whole.sum()) or n_pairs  # never none at all
    return values[:kept], vectors[:, :kept]


def surface_spectrum(
    weights: spmatrix | sparray,
    areas: np.ndarray,
    frames: np.ndarray | None,
    n_pairs: int,
    *,
    solver: str = "auto",
    device: torch.device | str = "cpu",
) -> ConnectionSpectrum:
    """The smoothest sections over a triangle mesh: ``(D - W) u = lambda M u``.

    Parameters
    ----------
    weights : sparse array of shape (n_vertices, n_vertices)
        Cotangent weights W of the edges, not negative.
    areas : ndarray of shape (n_vertices,)
        M, the area around each vertex.
    frames, n_pairs, solver, device
        See `connection_spectrum`.
    """
    order = 1 if frames is None else frames.shape[2]
    root = diags_array(areas**-0.5)
    degree = np.asarray(weights.sum(1)).ravel() / areas
    scaled = csr_array(root @ weights @ root)
    carried = scaled if frames is None else transport_blocks(scaled, frames, device)
    top = 2 * degree.max()  # no eigenvalue is larger, and the shifted matrix has no negative one
    shifted = csr_array(carried + diags_array(top - np.repeat(degree, order)))
    values, vectors = _whole_eigenspaces(shifted, n_pairs, solver=solver, device=device)
    sections = vectors.reshape(len(areas), order, -1) / np.sqrt(areas)[:, None, None]
    return ConnectionSpectrum(np.clip(top - values, 0, None), sections)
