"""The manifold under a field: frames and spectra for each setting, made once."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from skmanifold.gp import FieldKernel, FieldPoints
from skmanifold.graph import (
    ConnectionSpectrum,
    Located,
    SampledManifold,
    component_labels,
    connection_spectrum,
    frames_of_neighbors,
    kneighbors,
    neighbor_affinity,
    neighbor_graph,
    union_graph,
)
from skmanifold.utils import to_tensor


@dataclass(frozen=True)
class Setting:
    """Numbers of neighbours of the graph (None: no spectrum) and of the frames."""

    n_neighbors: int | None
    n_frame_neighbors: int | None


@dataclass
class FieldGeometry:
    """Nodes of a manifold and what can be computed from them.

    Attributes
    ----------
    points : ndarray of shape (n_points, d)
        All points; frames are fitted to them.
    rows : ndarray of shape (n_nodes,)
        Those that are nodes.
    manifold_dim : int
    scalar : bool
        Whether values are scalars, which need no transport.
    n_pairs : int
        Most eigenpairs.
    given_frames : ndarray of shape (n_nodes, d, m) or None
    given_spectrum : callable or None
        From frames to the spectrum, where the graph or the mesh is given.
    solver, device, n_jobs
    """

    points: np.ndarray
    rows: np.ndarray
    manifold_dim: int
    scalar: bool
    n_pairs: int
    given_frames: np.ndarray | None = None
    given_spectrum: Callable | None = None
    solver: str = "auto"
    device: torch.device | str = "cpu"
    n_jobs: int | None = None
    _manifolds: dict = field(default_factory=dict)
    _spectra: dict = field(default_factory=dict)
    _around: dict = field(default_factory=dict)

    @property
    def nodes(self) -> np.ndarray:
        """Positions of the nodes."""
        return self.points[self.rows]

    def _neighbors(self, n_neighbors, *, of_nodes):
        """Neighbours of the nodes, among the nodes or among all points, each search done once."""
        known = self._around.get(of_nodes)
        if known is None or known[0].shape[1] < n_neighbors:
            kwargs = {"device": self.device, "n_jobs": self.n_jobs}
            if of_nodes or len(self.rows) == len(self.points):
                known = kneighbors(self.nodes, n_neighbors, **kwargs)
            else:  # every node finds itself first
                found = kneighbors(self.points, n_neighbors + 1, queries=self.nodes, **kwargs)
                known = tuple(part[:, 1:] for part in found)
            self._around[of_nodes] = known
        return tuple(part[:, :n_neighbors] for part in known)

    def manifold(self, setting: Setting) -> SampledManifold:
        """The nodes with their tangent frames."""
        key = setting.n_frame_neighbors
        if key not in self._manifolds:
            frames = self.given_frames
            if frames is None:
                frames = self._estimated_frames(key)
            self._manifolds[key] = SampledManifold.of(
                self.nodes, frames, device=self.device, n_jobs=self.n_jobs
            )
        return self._manifolds[key]

    def _estimated_frames(self, n_neighbors):
        """Frames from the neighbours; the axes themselves where the manifold fills the space."""
        n_features = self.points.shape[1]
        if self.manifold_dim == n_features or n_neighbors is None:
            axes = np.eye(n_features)[:, : self.manifold_dim]
            return np.broadcast_to(axes, (len(self.rows), *axes.shape))
        found = self._neighbors(n_neighbors, of_nodes=False)
        return frames_of_neighbors(
            self.points, self.nodes, found[1], self.manifold_dim, self.device
        )

    def spectrum(self, setting: Setting) -> ConnectionSpectrum | None:
        """Eigenpairs of the connection Laplacian of the nodes."""
        if setting.n_neighbors is None and self.given_spectrum is None:
            return None
        key = (setting.n_neighbors, None if self.scalar else setting.n_frame_neighbors)
        if key not in self._spectra:
            frames = None if self.scalar else self.manifold(setting).frames.cpu().numpy()
            self._spectra[key] = self._new_spectrum(setting.n_neighbors, frames)
        return self._spectra[key]

    def _new_spectrum(self, n_neighbors, frames):
        kwargs = {"solver": self.solver, "device": self.device}
        if self.given_spectrum is not None:
            return self.given_spectrum(frames, self.n_pairs, **kwargs)
        if len(self.rows) == 1:
            return connection_spectrum(np.ones((1, 1)), 1.0, frames, self.n_pairs, **kwargs)
        found = self._neighbors(n_neighbors, of_nodes=True)
        graph = neighbor_affinity(found, n_neighbors)
        return connection_spectrum(*graph, frames, self.n_pairs, **kwargs)

    def encoding(self, setting: Setting) -> torch.Tensor:
        """Eigenvectors at the nodes in ambient coordinates (n_nodes, D, K)."""
        spectrum = self.spectrum(setting)
        frames = self.manifold(setting).frames
        if spectrum is None:
            return frames.new_zeros((len(frames), 1 if self.scalar else frames.shape[1], 0))
        vectors = to_tensor(spectrum.vectors, device=frames.device, dtype=frames.dtype)
        return vectors if self.scalar else frames @ vectors

    def kernel(self, setting: Setting, terms: tuple[str, ...], radial: str) -> FieldKernel:
        """The covariance of a field on this geometry."""
        spectrum = self.spectrum(setting) if "spectral" in terms else None
        none = np.zeros(0)
        eigenvalues = none if spectrum is None else spectrum.eigenvalues
        shares = none if spectrum is None else (spectrum.vectors**2).mean((0, 1))
        made = [
            to_tensor(part, device=self.device, dtype=torch.float64)
            for part in (eigenvalues, shares)
        ]
        return FieldKernel(terms, radial, *made, self.manifold_dim)

    def n_components(self, setting: Setting) -> int:
        """Parts that the graph falls apart into."""
        if self.given_spectrum is not None:
            return self.given_spectrum.n_components
        if len(self.rows) == 1:
            return 1
        found = self._neighbors(setting.n_neighbors, of_nodes=True)
        return int(component_labels(union_graph(neighbor_graph(*found))).max()) + 1

    def field_points(self, points: np.ndarray, setting: Setting) -> FieldPoints:
        """Points as the kernel sees them."""
        located = self.manifold(setting).locate(points)
        return located_points(points, located, self.encoding(setting), self.scalar)


def located_points(
    points: np.ndarray, located: Located, encoding: torch.Tensor, scalar: bool
) -> FieldPoints:
    """Points of a manifold as the kernel sees them.

    Parameters
    ----------
    points : ndarray of shape (n_points, d)
    located : Located
    encoding : Tensor of shape (n_nodes, D, K)
        Eigenvectors at the nodes in ambient coordinates.
    scalar : bool
        Whether values are scalars, whatever the tangent spaces.
    """
    positions = to_tensor(points, device=encoding.device, dtype=torch.float64)
    frames = located.frames.new_ones((len(points), 1, 1)) if scalar else located.frames
    return FieldPoints(positions, frames, frames.mT @ located.values(encoding), located.nearness)
