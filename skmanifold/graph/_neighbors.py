"""Nearest neighbours: exact on the CPU, exact in chunks on a GPU, approximate for many points."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from skmanifold.utils import row_chunks, to_numpy, to_tensor

Found = tuple[np.ndarray, np.ndarray]  # distances and indices


def kneighbors(
    X: np.ndarray,
    n_neighbors: int,
    *,
    queries: np.ndarray | None = None,
    metric: str | Callable = "euclidean",
    method: str = "auto",
    device: torch.device | str = "cpu",
    n_jobs: int | None = None,
) -> Found:
    """The nearest points of `X` to each query, nearest first.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Points to search.
    n_neighbors : int
        Number of neighbours, at most `n_samples` (`n_samples - 1` without queries).
    queries : ndarray of shape (n_queries, n_features) or None, default=None
        None asks for the neighbours of `X` itself, of which no point is its own.
    metric : str or callable, default="euclidean"
        As in `sklearn.neighbors.NearestNeighbors`; only ``"brute"`` knows others than
        ``"euclidean"``.
    method : {"auto", "brute", "torch", "approximate"}, default="auto"
        ``"auto"`` is exact: ``"torch"`` on a GPU with the Euclidean metric, else ``"brute"``,
        which outruns trees in more than a few dimensions. ``"approximate"`` searches with
        pynndescent, from the extra ``fast``.
    device : torch.device or str, default="cpu"
        Where ``"torch"`` works.
    n_jobs : int or None, default=None
        Threads of ``"brute"`` and ``"approximate"``.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_neighbors)
    indices : ndarray of shape (n_queries, n_neighbors)

    Raises
    ------
    ValueError
        If there are too few points, or the method does not know the metric.
    ImportError
        If ``"approximate"`` is asked for and pynndescent is not installed.
    """
    if method not in {"auto", "brute", "torch", "approximate"}:
        raise ValueError(f"method={method!r} is not 'auto', 'brute', 'torch' or 'approximate'.")
    available = len(X) - (queries is None)
    if not 1 <= n_neighbors <= available:
        raise ValueError(f"n_neighbors={n_neighbors} is not between 1 and {available}.")
    if method == "auto":
        on_gpu = torch.device(device).type != "cpu" and metric == "euclidean"
        method = "torch" if on_gpu else "brute"
    if method == "brute":
        return _brute(X, n_neighbors, queries, metric, n_jobs)
    if metric != "euclidean":
        raise ValueError(f"method={method!r} knows the Euclidean metric only, got {metric!r}.")
    asked = X if queries is None else queries
    extra = queries is None  # each point finds itself too
    if method == "torch":
        found = _with_torch(X, n_neighbors + extra, asked, device)
    else:
        found = _approximate(X, n_neighbors + extra, asked, n_jobs)
    return _without_self(*found) if extra else found


def _brute(
    X: np.ndarray,
    n_neighbors: int,
    queries: np.ndarray | None,
    metric: str | Callable,
    n_jobs: int | None,
) -> Found:
    """Exact search by scikit-learn."""
    search = NearestNeighbors(
        n_neighbors=n_neighbors, algorithm="brute", metric=metric, n_jobs=n_jobs
    )
    return search.fit(X).kneighbors(queries)


def _with_torch(
    X: np.ndarray, n_neighbors: int, queries: np.ndarray, device: torch.device | str
) -> Found:
    """Exact search by matrix products, in chunks of queries that fit the working memory."""
    points = to_tensor(X, device=device)
    # Matrix products cancel the digits of points far from the origin.
    origin = points.mean(dim=0)
    points -= origin
    distances = np.empty((len(queries), n_neighbors), dtype=X.dtype)
    indices = np.empty((len(queries), n_neighbors), dtype=np.intp)
    for rows in row_chunks(len(queries), 3 * len(X) * X.itemsize):
        block = torch.cdist(to_tensor(queries[rows], device=device) - origin, points)
        nearest = block.topk(n_neighbors, largest=False)
        distances[rows], indices[rows] = to_numpy(nearest.values), to_numpy(nearest.indices)
    return distances, indices


def _approximate(X: np.ndarray, n_neighbors: int, queries: np.ndarray, n_jobs: int | None) -> Found:
    """Approximate search by nearest-neighbour descent."""
    try:
        from pynndescent import NNDescent
    except ImportError as error:
        raise ImportError(
            'method="approximate" needs pynndescent: pip install "skmanifold[fast]".'
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of missing neighbours, which is its nature
        index = NNDescent(X, n_neighbors=max(n_neighbors, 15), random_state=0, n_jobs=n_jobs)
        found, distances = index.query(queries, k=n_neighbors)
    return distances.astype(X.dtype), found.astype(np.intp)


def _without_self(distances: np.ndarray, indices: np.ndarray) -> Found:
    """Drop each row's own point: where a duplicate took its place, the last neighbour goes."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~own].reshape(shape), indices[~own].reshape(shape)
