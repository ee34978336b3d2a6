"""Few points that stand for many."""

import numpy as np
import torch
from scipy.sparse import csr_array, sparray, spmatrix
from scipy.sparse.csgraph import dijkstra
from sklearn.cluster import kmeans_plusplus
from sklearn.utils import check_random_state

from skmanifold.graph._pruning import edges
from skmanifold.utils import row_chunks, to_numpy, to_tensor


def centroid_landmarks(
    X: np.ndarray,
    n_landmarks: int,
    *,
    seed: int,
    max_iter: int = 20,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Centroids of k-means cells; the distinct points themselves where they are few enough.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    n_landmarks : int
        Most landmarks.
    seed : int
        Of the start, which is k-means++.
    max_iter : int, default=20
        Lloyd's rounds; landmarks need to be even, not converged.
    device : torch.device or str, default="cpu"

    Returns
    -------
    landmarks : ndarray of shape (at most n_landmarks, n_features)
        Distinct rows.
    """
    distinct = np.unique(X, axis=0)
    if len(distinct) <= n_landmarks:
        return distinct
    start, _ = kmeans_plusplus(X, n_landmarks, random_state=seed)
    points, centers = to_tensor(X, device=device), to_tensor(start, device=device)
    for _ in range(max_iter):
        moved = _cell_means(points, centers)
        if torch.equal(moved, centers):
            break
        centers = moved
    return np.unique(to_numpy(centers), axis=0)


def _cell_means(points: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """One round of Lloyd's: the mean of the points nearest to each center; empty cells stay."""
    owner = torch.empty(len(points), dtype=torch.int64, device=points.device)
    for rows in row_chunks(len(points), 2 * 8 * len(centers)):
        owner[rows] = torch.cdist(points[rows], centers).argmin(dim=1)
    sizes = torch.bincount(owner, minlength=len(centers))[:, None]
    sums = torch.zeros_like(centers).index_add_(0, owner, points)
    return torch.where(sizes > 0, sums / sizes.clamp(min=1), centers)


def sampled_landmarks(n_samples: int, n_landmarks: int, *, seed: int) -> np.ndarray:
    """Sorted rows drawn at random, all of them where they are few enough."""
    if n_samples <= n_landmarks:
        return np.arange(n_samples)
    drawn = check_random_state(seed).choice(n_samples, n_landmarks, replace=False)
    return np.sort(drawn)


def coarse_graph(graph: spmatrix | sparray, landmarks: np.ndarray) -> csr_array:
    """Graph of the landmarks of a distance graph: those whose Voronoi cells touch are neighbours.

    Parameters
    ----------
    graph : sparse array of shape (n_nodes, n_nodes)
        Undirected, with positive lengths.
    landmarks : ndarray of shape (n_landmarks,)
        Distinct nodes.

    Returns
    -------
    coarse : sparse array of shape (n_landmarks, n_landmarks)
        Length of the shortest path between two landmarks that stays in their two cells.
    """
    depth, _, source = dijkstra(
        graph, directed=False, indices=landmarks, min_only=True, return_predecessors=True
    )
    position = np.full(graph.shape[0], -1)
    position[landmarks] = np.arange(len(landmarks))
    rows, columns, lengths = edges(graph)
    reached = (source[rows] >= 0) & (source[columns] >= 0) & (source[rows] != source[columns])
    rows, columns, lengths = rows[reached], columns[reached], lengths[reached]
    paths = depth[rows] + lengths + depth[columns]
    ends = position[source[rows]], position[source[columns]]
    # Shortest first: of several paths between two cells, `unique` keeps the first.
    order = np.argsort(paths, kind="stable")
    keys = ends[0][order] * len(landmarks) + ends[1][order]
    kept, first = np.unique(keys, return_index=True)
    shape = (len(landmarks), len(landmarks))
    entries = (paths[order][first], np.divmod(kept, len(landmarks)))
    return csr_array(entries, shape=shape)


def nearest_landmarks(
    graph: spmatrix | sparray, landmarks: np.ndarray, n_nearest: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest landmarks of every node along a distance graph, nearest first.

    Returns
    -------
    distances : ndarray of shape (n_nodes, n_nearest)
        Infinite where a node reaches fewer landmarks.
    positions : ndarray of shape (n_nodes, n_nearest)
        Positions in `landmarks`.
    """
    n_nodes = graph.shape[0]
    distances = np.full((n_nodes, n_nearest), np.inf)
    positions = np.zeros((n_nodes, n_nearest), dtype=np.intp)
    for rows in row_chunks(len(landmarks), 3 * 8 * n_nodes):
        block = dijkstra(graph, directed=False, indices=landmarks[rows]).T
        pool = np.hstack([distances, block])
        index = np.arange(len(landmarks))[rows]
        names = np.hstack([positions, np.broadcast_to(index, block.shape)])
        order = np.argsort(pool, axis=1, kind="stable")[:, :n_nearest]
        distances = np.take_along_axis(pool, order, axis=1)
        positions = np.take_along_axis(names, order, axis=1)
    return distances, positions
