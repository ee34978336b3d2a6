"""Nodes, dimension and neighbourhoods: what is given, what is estimated, what may be chosen."""

from typing import Any

import numpy as np
import torch

from skmanifold.gaussian_process._field_geometry import FieldGeometry
from skmanifold.gaussian_process._field_input import GraphSpectrum, checked_frames, read_mesh
from skmanifold.graph import (
    furthest_point_sampling,
    kneighbors,
    manifold_dimension,
    n_quadratic_terms,
)

N_NEIGHBORS = (15, 30, 60, 120)
MOST_NODES, N_LANDMARKS = 5000, 3000
MOST_FITTED = 30  # coefficients of a local quadratic; frames of more dimensions are linear
N_DIMENSION, N_DIMENSION_NEIGHBORS = 2000, 10  # points and neighbours that tell the dimension


def given_geometry(
    points: np.ndarray, frames, faces, graph, manifold_dim: int | str
) -> tuple[np.ndarray | None, Any]:
    """Frames and spectrum that the user gave, or None for what is to be estimated.

    Raises
    ------
    ValueError
        If they are broken, or contradict one another.
    """
    if faces is not None and graph is not None:
        raise ValueError("faces and graph both say which points are neighbours: give one.")
    spectrum = None
    if faces is not None:
        of_mesh, spectrum = read_mesh(points, faces)
        frames = of_mesh if frames is None else frames
    if frames is not None:
        frames = checked_frames(frames, *points.shape, manifold_dim)
    return frames, spectrum


def field_geometry(
    points: np.ndarray,
    frames: np.ndarray | None,
    spectrum: Any,
    graph: Any,
    *,
    manifold_dim: int | str,
    n_landmarks: int | str | None,
    seed: int,
    **kwargs: Any,
) -> FieldGeometry:
    """Nodes of the manifold and how to find frames and spectra on them.

    Parameters
    ----------
    points : ndarray of shape (n_points, d)
        All points, some perhaps twice.
    frames, spectrum
        See `given_geometry`.
    graph : sparse array of shape (n_points, n_points) or None
    manifold_dim, n_landmarks
        As the estimator has them.
    seed : int
        Of the landmarks.
    **kwargs
        Passed on to `FieldGeometry`.
    """
    device, n_jobs = kwargs["device"], kwargs["n_jobs"]
    kept = distinct_rows(points)
    if graph is not None or spectrum is not None:
        check_no_duplicates(points, kept)
        n_landmarks = None  # they name all points
    points = points[kept]
    if frames is None:
        dim = dimension_of(points, manifold_dim, device, n_jobs)
    else:
        frames, dim = frames[kept], frames.shape[2]
    if graph is not None:
        spectrum = GraphSpectrum.of(graph, points, dim)
    rows = node_rows(points, n_landmarks, seed, device)
    frames = None if frames is None else frames[rows]
    return FieldGeometry(
        points,
        rows,
        dim,
        scalar=False,  # until the labels say otherwise
        given_frames=frames,
        given_spectrum=spectrum,
        **kwargs,
    )


def node_rows(
    points: np.ndarray, n_landmarks: int | str | None, seed: int, device: torch.device
) -> np.ndarray:
    """Rows of distinct points that become nodes: not too many."""
    if n_landmarks == "auto":
        n_landmarks = N_LANDMARKS if len(points) > MOST_NODES else None
    if n_landmarks is None or n_landmarks >= len(points):
        return np.arange(len(points))
    rows = furthest_point_sampling(points, n_landmarks, random_state=seed, device=device)
    return np.sort(rows)


def distinct_rows(points: np.ndarray) -> np.ndarray:
    """The first row of each distinct point, rising."""
    return np.sort(np.unique(points, axis=0, return_index=True)[1])


def check_no_duplicates(points: np.ndarray, distinct: np.ndarray) -> None:
    """Refuse points given twice where a mesh or a graph names each of them.

    Raises
    ------
    ValueError
        If two are the same point.
    """
    if len(distinct) < len(points):
        raise ValueError(
            f"X and X_unlabeled hold {len(points) - len(distinct)} duplicates; with faces or "
            "graph every point is a node of its own. Merge them."
        )


def dimension_of(
    points: np.ndarray, manifold_dim: int | str, device: torch.device, n_jobs: int | None
) -> int:
    """Dimension of the manifold: given, or estimated from distances to neighbours.

    Raises
    ------
    ValueError
        If it is more than that of the space.
    """
    n_points, n_features = points.shape
    if manifold_dim != "auto":
        if manifold_dim > n_features:
            raise ValueError(
                f"manifold_dim={manifold_dim} is more than the {n_features} features of X."
            )
        return int(manifold_dim)
    if n_points == 1:
        return n_features  # nothing is known, and nothing lost
    some = points[np.random.default_rng(0).permutation(n_points)[:N_DIMENSION]]
    n_neighbors = min(N_DIMENSION_NEIGHBORS, n_points - 1)
    found = kneighbors(points, n_neighbors + 1, queries=some, device=device, n_jobs=n_jobs)
    return manifold_dimension(found[0][:, 1:], n_features)  # each one finds itself


def frame_grid(geometry: FieldGeometry, n_frame_neighbors: int | str) -> tuple[int | None, ...]:
    """Numbers of neighbours that frames may be fitted to; None where there is nothing to fit."""
    available = len(geometry.points) - 1
    fills = geometry.manifold_dim == geometry.points.shape[1]
    if geometry.given_frames is not None or fills or available == 0:
        return (None,)
    if n_frame_neighbors != "auto":
        return (_checked_number("n_frame_neighbors", n_frame_neighbors, available),)
    # Enough for a quadratic and its noise; twice and a half as many where points are noisy.
    least = min(n_quadratic_terms(geometry.manifold_dim), MOST_FITTED) + 3
    return tuple(sorted({min(k, available) for k in (least, round(2.5 * least))}))


def graph_grid(geometry: FieldGeometry, n_neighbors: int | str) -> tuple[int | None, ...]:
    """Numbers of neighbours that the graph may have; None where it is given."""
    available = len(geometry.rows) - 1
    if geometry.given_spectrum is not None:
        return (None,)
    if n_neighbors != "auto":
        return (_checked_number("n_neighbors", n_neighbors, available),)
    some = tuple(k for k in N_NEIGHBORS if k <= available)
    return some or (max(available, 1),)


def _checked_number(name: str, number: int, available: int) -> int:
    """A number of neighbours that there are.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    if number > available:
        raise ValueError(
            f"{name}={number} is more than the {available} other points. Use 'auto' or a smaller "
            "number."
        )
    return int(number)
