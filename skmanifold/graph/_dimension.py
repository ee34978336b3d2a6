"""Intrinsic dimension from distances to neighbours."""

import numpy as np


def intrinsic_dimension(distances: np.ndarray) -> float:
    """Maximum likelihood intrinsic dimension, pooled over all points.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_neighbors)
        Distances to the nearest neighbours, nearest first, of at least two neighbours.

    Returns
    -------
    dimension : float
        The inverse of the mean of ``log(r_k / r_j)`` over points and ``j < k``; 1.0 where the
        distances say nothing because all are equal.

    References
    ----------
    .. [1] E. Levina and P. Bickel, "Maximum likelihood estimation of intrinsic dimension",
       NeurIPS 2004, with the pooling of D. MacKay and Z. Ghahramani.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import intrinsic_dimension, kneighbors
    >>> square = np.random.default_rng(0).uniform(size=(2000, 2))
    >>> round(intrinsic_dimension(kneighbors(square, 10)[0]))
    2
    """
    nearer, farthest = distances[:, :-1], distances[:, -1:]
    positive = nearer > 0  # duplicates are infinitely near and say nothing of dimension
    logs = np.log(np.broadcast_to(farthest, nearer.shape)[positive] / nearer[positive])
    mean = logs.mean() if logs.size else 0.0
    return float(1 / mean) if mean > 0 else 1.0
