"""Identities that a fitted field has to keep: turned spaces, turned frames, another route."""

import numpy as np
from sklearn.base import clone


def orthogonal(shape, n_dims, rng):
    """Random orthogonal matrices of shape (*shape, n_dims, n_dims), reflections among them."""
    turns = np.linalg.qr(rng.normal(size=(*shape, n_dims, n_dims)))[0]
    return turns * rng.choice([-1.0, 1.0], size=(*shape, 1, n_dims))  # LAPACK's have one sign


def fit_moments(estimator, data, turn=None, frames=None):
    """Means and covariances of a fresh fit; `turn` (d, d) is applied to the data and undone."""
    turn = np.eye(data.X.shape[1]) if turn is None else turn
    given = {} if frames is None else {"frames": frames}
    model = clone(estimator)
    model.fit(data.labelled @ turn, data.y @ turn, X_unlabeled=data.unlabeled @ turn, **given)
    mean, covariances = model.predict(data.tested @ turn, return_cov=True)
    return mean @ turn.T, turn @ covariances @ turn.T


def fit_plain(estimator, data):
    """The timed part: one fit with nothing turned."""
    return fit_moments(estimator, data)


def difference(before, after):
    """Largest change of means and covariances."""
    return max(np.abs(a - b).max() for a, b in zip(before, after, strict=True))


def rotation_error(estimator, data, before, rng):
    """Largest change when points and vectors are turned alike."""
    turn = orthogonal((), data.X.shape[1], rng)
    return difference(before, fit_moments(estimator, data, turn=turn))


def gauge_error(estimator, data, rng):
    """Largest change when every given frame is turned in its own plane."""
    frames = data.frames[: data.n_graph]
    turns = orthogonal(frames.shape[:1], frames.shape[2], rng)
    moments = (fit_moments(estimator, data, frames=each) for each in (frames, frames @ turns))
    return difference(*moments)


def dense_error(estimator, data):
    """Largest difference between weight space and the dense process of the same covariance."""
    dim = data.frames.shape[2]
    model = clone(estimator).set_params(kernel="spectral", field="vector", manifold_dim=dim)
    model.fit(data.labelled, data.y, X_unlabeled=data.unlabeled)
    n_labels, found = len(data.labelled), model.hyperparameters_
    frames = model.frames_  # of all points: those with labels come first
    sections = np.einsum("ndm,ndk->nmk", frames, model.encoding_)
    n_points, order, n_pairs = sections.shape
    stretch = model.eigenvalues_ * found["spectral_lengthscale"] ** 2 / (2 * found["nu"])
    variances = (1 + stretch) ** (-found["nu"] - order / 2)
    variances *= found["spectral_scale"] ** 2 / (variances * (sections**2).mean((0, 1))).sum()
    rows = sections.reshape(-1, n_pairs)
    covariance = (rows * variances) @ rows.T
    seen, unseen = np.split(np.arange(len(rows)), [n_labels * order])
    noisy = covariance[np.ix_(seen, seen)] + model.noise_variance_ * np.eye(len(seen))
    gain = np.linalg.solve(noisy, covariance[np.ix_(seen, unseen)])
    targets = np.einsum("ndm,nd->nm", frames[:n_labels], data.y).ravel()
    left = covariance[np.ix_(unseen, unseen)] - covariance[np.ix_(unseen, seen)] @ gain
    shape = (n_points - n_labels, order)
    blocks = left.reshape(*shape, *shape)[np.arange(shape[0]), :, np.arange(shape[0])]
    prior = ((sections**2) * variances).sum((1, 2))[n_labels:] / order
    lack = np.maximum(found["spectral_scale"] ** 2 - prior, 0)  # what the eigenvectors lack
    blocks += lack[:, None, None] * np.eye(order)
    mean, covariances = model.predict(data.unlabeled, return_cov=True)
    carry = frames[n_labels:]
    dense = (
        np.einsum("ndm,nm->nd", carry, (targets @ gain).reshape(shape)),
        np.einsum("ndm,nmk,nek->nde", carry, blocks, carry),
    )
    return difference((mean, covariances), dense)


def score_exact(estimator, result, data, seed):
    """The three errors."""
    rng = np.random.default_rng([seed, 4])
    return {
        "rotation_error": rotation_error(estimator, data, result, rng),
        "gauge_error": gauge_error(estimator, data, rng),
        "dense_error": dense_error(estimator, data),
    }
