"""Cross-validation that hides classes: what a classifier says of samples while it lacks some."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skmanifold.label_space import Fold, as_weights, hidden_classes, masked, softmax
from skmanifold.utils._sklearn import sliced_params, take_rows

N_FOLDS = 3  # each hides a third of the classes
MOST_ROUNDS = 5  # of such folds


def class_weights(estimator, X):
    """Probabilities of the classes of a fitted classifier, rows summing to one."""
    if hasattr(estimator, "predict_proba"):
        probabilities = estimator.predict_proba(X)
        return as_weights(probabilities, len(estimator.classes_), "estimator.predict_proba(X)")
    scores = estimator.decision_function(X)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1) / 2
    return softmax(scores)


def masked_folds(estimator, space, seen, samples, *, n_rows, random_state):
    """Folds of one fitted classifier, whose probabilities of the hidden classes are masked.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    space : LabelSpace
    seen : ndarray of shape (n_seen,)
        Nodes of the classifier's classes.
    samples : tuple (X, truth, sample_weight)
        With the nodes of the true labels.
    n_rows : int
        The most samples to look at.
    random_state : RandomState instance

    Returns
    -------
    folds : list of Fold
        Three, or up to fifteen of few samples; one that hides nothing if all labels were seen;
        none for a single class.
    """
    rows = random_state.permutation(len(samples[1]))[:n_rows]
    if np.isin(space.candidates, seen).all():
        parts = [np.empty(0, dtype=np.intp)]
    else:
        # Where samples are few, which classes are hidden matters, and another round is cheap.
        n_rounds = int(np.clip(n_rows // len(rows), 1, MOST_ROUNDS)) if len(seen) > 1 else 0
        rounds = [hidden_classes(len(seen), random_state, N_FOLDS) for _ in range(n_rounds)]
        parts = [part for each in rounds for part in each]
    X, truth, sample_weight = samples
    weights = class_weights(estimator, take_rows(X, rows))
    left = [~np.isin(np.arange(len(seen)), part) for part in parts]
    truth, sample_weight = truth[rows], sample_weight[rows]
    return [Fold(seen[each], masked(weights, each), truth, sample_weight) for each in left]


def refitted_folds(base, space, seen, samples, y, params, *, n_rows, random_state, n_jobs):
    """Folds of classifiers that never saw the hidden classes, nor the samples they are asked.

    Parameters
    ----------
    base : classifier
        Cloned and fitted to two thirds of the classes in each fold, and two thirds of their
        samples. If all labels were seen, no class is hidden.
    space, seen, samples, n_rows, random_state
        As for `masked_folds`.
    y : array-like of shape (n_samples,)
    params : dict
        Keywords of the fits, of which those of the length of `y` are sliced.
    n_jobs : int or None
        Fits in parallel.

    Returns
    -------
    folds : list of Fold
    """
    X, truth, sample_weight = samples
    hidden = [np.empty(0, dtype=np.intp)] * N_FOLDS
    if not np.isin(space.candidates, seen).all():
        _check_enough(len(seen))
        hidden = [seen[part] for part in hidden_classes(len(seen), random_state, N_FOLDS)]
    parts = _stratified_parts(truth, random_state)
    held_out = [(parts == at) | np.isin(truth, nodes) for at, nodes in enumerate(hidden)]
    estimators = Parallel(n_jobs=n_jobs)(
        delayed(_fit_part)(base, X, y, params, np.flatnonzero(~out)) for out in held_out
    )
    folds = []
    for estimator, out, nodes in zip(estimators, held_out, hidden, strict=True):
        rows = random_state.permutation(np.flatnonzero(out))[:n_rows]
        known = space.nodes_of(estimator.classes_)
        weights = np.zeros((len(rows), len(seen)))
        weights[:, _places(seen, known)] = class_weights(estimator, take_rows(X, rows))
        # A frozen classifier knows the hidden classes nevertheless.
        left = np.isin(seen, known) & ~np.isin(seen, nodes)
        folds.append(Fold(seen[left], masked(weights, left), truth[rows], sample_weight[rows]))
    return folds


def _check_enough(n_seen):
    """Refuse to hide a third of two classes: one would be left."""
    if n_seen < N_FOLDS:
        raise ValueError(
            f"temperature='cv' and top_k='cv' hide a third of the classes and need {N_FOLDS} "
            f"or more, got {n_seen}; pass 'auto' or a number."
        )


def _stratified_parts(truth, random_state):
    """A part for each sample, so that no two of a rare class are in the same one."""
    shuffled = random_state.permutation(len(truth))
    parts = np.empty(len(truth), dtype=np.intp)
    parts[shuffled[np.argsort(truth[shuffled], kind="stable")]] = np.arange(len(truth)) % N_FOLDS
    return parts


def _fit_part(estimator, X, y, params, rows):
    """A clone of the estimator fitted to some rows."""
    sliced = sliced_params(X, params, rows)
    return clone(estimator).fit(take_rows(X, rows), take_rows(y, rows), **sliced)


def _places(nodes, some):
    """Where some of the nodes are among all of them."""
    order = np.argsort(nodes)
    return order[np.searchsorted(nodes[order], some)]
