"""How foreign a shape is to the training shapes, on a scale calibrated by held-out shapes."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

N_FOLDS = 10
SMALLEST = 1e-12  # share of the largest variance below which a direction is rounding
ROUNDING = 1e-10  # the same of the size of numbers, for what stays the same


@dataclass(frozen=True)
class Spread:
    """Where codes lie, and how they spread.

    Attributes
    ----------
    center : ndarray of shape (n_codes,)
    whitening : ndarray of shape (n_codes, n_directions)
        Makes the covariance of the codes the identity. Codes that stay the same are in units of
        their rounding errors: any other value is far away.
    """

    center: np.ndarray
    whitening: np.ndarray

    @classmethod
    def of(cls, codes):
        """The spread of some codes (n, n_codes)."""
        center = codes.mean(axis=0)
        size = np.abs(codes).max(axis=0, initial=0)
        rounding = ROUNDING * np.where(size > 0, size, 1.0)
        scale = codes.std(axis=0)
        varies = scale > rounding
        whitening = np.diag(1 / rounding)[:, ~varies]
        if varies.any():
            scaled = (codes - center)[:, varies] / scale[varies]
            variances, directions = eigh(scaled.T @ scaled / len(codes))
            known = variances > SMALLEST * variances[-1] * len(variances)
            turned = np.zeros((len(scale), known.sum()))
            turned[varies] = directions[:, known] / np.sqrt(variances[known])
            turned[varies] /= scale[varies, None]
            whitening = np.column_stack([whitening, turned])
        return cls(center, whitening)

    def distances(self, codes):
        """Mahalanobis distances (n,)."""
        return np.linalg.norm((codes - self.center) @ self.whitening, axis=1)


@dataclass(frozen=True)
class ForeignScale:
    """Distances of held-out training shapes, against which those of new ones are measured.

    Attributes
    ----------
    spread : Spread
        Of the codes of all training shapes.
    held_out : ndarray of shape (n_samples, n_distances)
        Of each training shape, to those of the other folds: the Mahalanobis distance of its code,
        and what their modes miss of it, if there are modes.
    """

    spread: Spread
    held_out: np.ndarray

    def scores(self, distances, false_alarm_rate):
        """Scores (n,) that are above 1 for a share of `false_alarm_rate` of shapes like these."""
        known = self.held_out
        level = _quantile(known, false_alarm_rate)
        joint = _quantile((known / level).max(axis=1)[:, None], false_alarm_rate)
        # No less than 1 but where nothing varies.
        return (distances / level).max(axis=1) / max(joint[0], 1.0)


def _quantile(values, rate):
    """The value of each column that one more is above with a probability of at most `rate`."""
    n_rows = len(values)
    rank = min(int(np.ceil((n_rows + 1) * (1 - rate))), n_rows) - 1
    quantiles = np.sort(values, axis=0)[rank]
    # Where nothing varies, any distance beyond rounding is foreign.
    return np.maximum(quantiles, ROUNDING)


def rounding_norm(rows, metric):
    """Norm of all rows, in a metric, below which what varies is rounding."""
    weighted = rows if metric is None else (metric @ rows.T).T
    return ROUNDING * np.sqrt(np.sum(weighted * rows))


def held_out_distances(scores, n_modes, scalars, rounding):
    """Distances of each shape to those of the other folds.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_directions) or None
        Coordinates of the shapes along orthonormal directions; None without shapes.
    n_modes : int
        Modes that the shape code keeps.
    scalars : ndarray of shape (n_samples, n_scalars)
    rounding : float
        From `rounding_norm`. No residual is less than a sample's share of it.

    Returns
    -------
    distances : ndarray of shape (n_samples, 1 or 2)
        Mahalanobis distance of the code and the scalars; and, with shapes, the residual.
    """
    n_samples = len(scalars)
    has_shapes, scores = scores is not None, np.zeros((n_samples, 0)) if scores is None else scores
    folds = np.arange(n_samples) % min(N_FOLDS, n_samples)
    distances = np.zeros((n_samples, 1 + has_shapes))
    for fold in range(folds.max() + 1):
        out = folds == fold
        center, modes = _modes(scores[~out], n_modes)
        codes = (scores - center) @ modes
        known = np.column_stack([codes, scalars])
        distances[out, 0] = Spread.of(known[~out]).distances(known[out])
        if has_shapes:
            missed = scores[out] - center - codes[out] @ modes.T
            distances[out, 1] = np.linalg.norm(missed, axis=1)
    distances[:, 1:] = np.maximum(distances[:, 1:], rounding / np.sqrt(n_samples))
    return distances


def _modes(scores, n_modes):
    """Mean and leading directions of some scores, but none in which they do not vary."""
    center = scores.mean(axis=0)
    n_directions = scores.shape[1]
    if n_directions == 0:
        return center, np.zeros((0, 0))
    centered = scores - center
    wanted = (max(n_directions - n_modes, 0), n_directions - 1)
    squares, directions = eigh(centered.T @ centered, subset_by_index=wanted)
    return center, directions[:, squares > n_directions * np.finfo(float).eps * squares[-1]]


def orthonormal_scores(rows, metric):
    """Coordinates (n, r) with the same inner products, in a metric, as centred rows (n, d)."""
    centered = rows - rows.mean(axis=0)
    weighted = centered if metric is None else (metric @ centered.T).T
    squares, directions = eigh(weighted @ centered.T)
    smallest = max(squares[-1] * len(rows) * np.finfo(float).eps, rounding_norm(rows, metric) ** 2)
    known = squares > smallest
    return directions[:, known] * np.sqrt(squares[known])
