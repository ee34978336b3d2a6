"""Points spread evenly over a cloud."""

import numpy as np
import torch
from sklearn.utils import check_array, check_random_state

from skmanifold.utils import resolve_device, to_numpy, to_tensor


def furthest_point_sampling(
    X: np.ndarray,
    n_points: int,
    *,
    start: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Rows that cover a cloud evenly: each one is the farthest from all before it.

    The greedy answer to the k-centre problem: no other `n_points` points cover the cloud with
    balls of less than half the radius. Unlike a random sample it keeps its distance, and unlike
    centroids it stays on the data.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_points : int
        From 1 to `n_samples`.
    start : int or None, default=None
        The first row; None draws it.
    random_state : int, RandomState instance or None, default=None
        Of that draw.
    device : torch.device or str, default="cpu"

    Returns
    -------
    indices : ndarray of shape (n_points,)
        Distinct, in the order in which they were found: any head of it covers evenly as well.

    Raises
    ------
    ValueError
        If `X` is not finite, `n_points` or `start` is out of range, or there is no such `device`.

    References
    ----------
    .. [1] T. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical
       Computer Science 38, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import furthest_point_sampling
    >>> line = np.linspace(0, 1, 101)[:, None]
    >>> furthest_point_sampling(line, 5, start=0)
    array([  0, 100,  50,  25,  75])
    """
    X = check_array(X, dtype=[np.float64, np.float32])
    if not 1 <= n_points <= len(X):
        raise ValueError(f"n_points={n_points} is not between 1 and the {len(X)} rows of X.")
    if start is None:
        start = int(check_random_state(random_state).randint(len(X)))
    if not 0 <= start < len(X):
        raise ValueError(f"start={start} is not a row of X, which has {len(X)}.")
    points = to_tensor(X, device=resolve_device(device))
    found = torch.empty(n_points, dtype=torch.int64, device=points.device)
    nearest = torch.full((len(points),), torch.inf, dtype=points.dtype, device=points.device)
    chosen = torch.tensor(start, device=points.device)
    for position in range(n_points):
        found[position] = chosen
        squares = (points - points[chosen]).square().sum(1)
        nearest = torch.minimum(nearest, squares)
        nearest[chosen] = -1.0  # among duplicates too, no row twice
        chosen = nearest.argmax()
    return to_numpy(found)
