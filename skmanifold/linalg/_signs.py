"""One representative of what is only defined up to sign or rotation."""

import numpy as np


def deterministic_signs(vectors: np.ndarray) -> np.ndarray:
    """Flip columns so that the entry of the largest size in each is positive.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, n_columns)
        Of entries within a thousandth of the largest, the first decides: rounding cannot flip it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.linalg import deterministic_signs
    >>> deterministic_signs(np.array([[-3.0, 1.0], [1.0, 2.0]]))
    array([[ 3.,  1.],
           [-1.,  2.]])
    """
    sizes = np.abs(vectors)
    decisive = np.argmax(sizes >= 0.999 * sizes.max(axis=0), axis=0)
    signs = np.sign(vectors[decisive, np.arange(vectors.shape[1])])
    return vectors * np.where(signs == 0, 1.0, signs)


def deterministic_bases(
    values: np.ndarray, vectors: np.ndarray, *, tol: float = 1e-9
) -> np.ndarray:
    """Turn eigenvectors of equal eigenvalues to a basis that depends on their span alone.

    A solver returns any basis of the space of a repeated eigenvalue. Here it is the one that
    fixed random vectors, projected on the space one after another, lead to; for a simple
    eigenvalue that settles the sign.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
        Eigenvalues, in order.
    vectors : ndarray of shape (n_rows, n_pairs)
        Columns that are orthonormal with respect to any fixed inner product.
    tol : float, default=1e-9
        Neighbouring values are equal if they differ by less, relative to the largest.

    Returns
    -------
    turned : ndarray of shape (n_rows, n_pairs)
    """
    apart = np.abs(np.diff(values)) > tol * np.abs(values).max(initial=0)
    groups = np.split(np.arange(len(values)), np.flatnonzero(apart) + 1)
    most = max(map(len, groups))
    probes = np.random.default_rng(0).normal(size=(len(vectors), most))
    turned = np.empty_like(vectors)
    for group in groups:
        basis, seen = np.linalg.qr(vectors[:, group].T @ probes[:, : len(group)])
        ahead = np.where(np.diagonal(seen) < 0, -1.0, 1.0)
        turned[:, group] = vectors[:, group] @ (basis * ahead)
    return turned


def principal_axes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and rotation to the principal axes with deterministic signs.

    Returns
    -------
    center : ndarray of shape (n_dims,)
    axes : ndarray of shape (n_dims, n_dims)
        Orthogonal; ``(points - center) @ axes`` has uncorrelated columns of falling variance.
    """
    center = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(points.T, ddof=0).reshape(2 * [points.shape[1]]))
    axes = vectors[:, ::-1]
    turned = (points - center) @ axes
    flips = np.sign((deterministic_signs(turned) * turned).sum(axis=0))
    return center, axes * np.where(flips == 0, 1.0, flips)
