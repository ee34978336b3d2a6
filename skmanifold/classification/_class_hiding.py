"""Cross-validation that hides classes: what a classifier says of samples while it lacks some."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import column_or_1d
from sklearn.utils.parallel import Parallel, delayed

from skmanifold.label_space import Fold, as_weights, hidden_classes, masked, softmax
from skmanifold.utils._sklearn import checked_weights, sliced_params, take_rows

N_FOLDS = 3  # each hides a third of the classes
MOST_ROUNDS = 5  # of such folds


def class_weights(estimator, X):
    """Probabilities of the classes of a fitted classifier, rows summing to one."""
    if hasattr(estimator, "predict_proba"):
        probabilities = estimator.predict_proba(X)
        return as_weights(probabilities, len(estimator.classes_), "estimator.predict_proba(X)")
    if not hasattr(estimator, "decision_function"):
        raise ValueError(
            f"estimator needs predict_proba or decision_function for a label_metric; "
            f"{type(estimator).__name__} has neither."
        )
    scores = estimator.decision_function(X)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1) / 2
    _check_one_score_per_class(estimator, scores)
    return softmax(scores)


def _check_one_score_per_class(estimator, scores):
    """Scores of pairs are as many as classes where there are three, and would pass unseen."""
    inner = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    of_pairs = any(
        name.endswith("decision_function_shape") and value == "ovo"
        for name, value in inner.get_params().items()
    )
    if of_pairs or scores.shape[1] != len(estimator.classes_):
        raise ValueError(
            f"estimator.decision_function must give one score per class; {inner!r} gives "
            f"{scores.shape[1]} for {len(estimator.classes_)} classes. Use "
            "decision_function_shape='ovr', or a classifier with predict_proba."
        )


def as_column(y, *, warn=False):
    """y as an array; pandas' integers that may be missing would become floats otherwise."""
    return column_or_1d(np.asarray(y), warn=warn)


@dataclass(frozen=True, eq=False)
class Samples:
    """What a classifier is fitted to: features, classes, weights or None, and other keywords."""

    X: Any
    y: Any
    sample_weight: Any
    params: dict

    def weighted(self):
        """The samples that have weight, with an array of the weights."""
        if self.sample_weight is None:
            return replace(self, sample_weight=np.ones(len(self.y)))
        weights = checked_weights(self.sample_weight, self.y, ensure_non_negative=True)
        return replace(self, sample_weight=weights).take(np.flatnonzero(weights))

    def take(self, rows):
        """Some of the samples."""
        params = sliced_params(self.X, self.params, rows)
        return Samples(take_rows(self.X, rows), self.y[rows], self.sample_weight[rows], params)


def hiding_folds(
    fitted, base, space, samples, *, unseen_share, refit, n_rows, random_state, n_jobs
):
    """Samples, and probabilities of the seen classes while some of them are hidden.

    Parameters
    ----------
    fitted, base : classifier
        The same after and before its fit.
    space : LabelSpace
    samples : Samples
        Those of the fit.
    unseen_share : float
        What samples of hidden classes count for, of 1 in all.
    refit : {"cv", "auto", "never"}
        Whether classifiers are fitted without the hidden classes or the fitted one's probabilities
        are masked; ``"auto"`` refits where nothing can be masked.
    n_rows : int
        The most samples to look at in each fold.
    random_state : RandomState instance
    n_jobs : int or None
        Refits in parallel.

    Returns
    -------
    folds : list of Fold
        With weights of the classes of `fitted`, in their order.
    """
    samples = samples.weighted()
    truth = space.nodes_of(samples.y)
    seen = space.nodes_of(fitted.classes_)
    all_seen = np.isin(space.candidates, seen).all()
    if refit == "cv" or (refit == "auto" and all_seen and _can_refit(base, truth)):
        hidden = _hidden_nodes(seen, all_seen, random_state)
        folds = _refitted_folds(
            base, space, seen, samples, truth, hidden, n_rows, random_state, n_jobs
        )
        return [replace(fold, unseen_share=unseen_share) for fold in folds]
    rows = random_state.permutation(len(truth))[:n_rows]
    # Where samples are few, which classes are hidden matters, and another round is cheap.
    n_rounds = int(np.clip(n_rows // len(rows), 1, MOST_ROUNDS))
    left = (
        [np.ones(len(seen), dtype=bool)] if all_seen else _left(len(seen), n_rounds, random_state)
    )
    part, truth = samples.take(rows), truth[rows]
    weights = class_weights(fitted, part.X)
    return [
        Fold(seen[each], masked(weights, each), truth, part.sample_weight, unseen_share)
        for each in left
    ]


def _left(n_seen, n_rounds, random_state):
    """Masks of the classes that are left while a third is hidden; of one class, none could be."""
    rounds = [hidden_classes(n_seen, random_state, N_FOLDS) for _ in range(n_rounds)]
    parts = [part for each in rounds for part in each] if n_seen > 1 else []
    return [~np.isin(np.arange(n_seen), part) for part in parts]


def _can_refit(base, truth):
    """Whether it is of use: a frozen classifier stays, and a class of one sample may be lost."""
    few = np.unique(truth, return_counts=True)[1].min() < 2
    return not few and not isinstance(base, FrozenEstimator)


def _hidden_nodes(seen, all_seen, random_state):
    """Nodes of the classes that each fold hides."""
    if all_seen:
        return [np.empty(0, dtype=np.intp)] * N_FOLDS
    _check_enough(len(seen))
    return [seen[part] for part in hidden_classes(len(seen), random_state, N_FOLDS)]


def _refitted_folds(base, space, seen, samples, truth, hidden, n_rows, random_state, n_jobs):
    """Folds of classifiers that never saw the hidden classes, nor the samples they are asked."""
    parts = _stratified_parts(truth, random_state)
    held_out = [(parts == at) | np.isin(truth, nodes) for at, nodes in enumerate(hidden)]
    estimators = Parallel(n_jobs=n_jobs)(
        delayed(_fit_part)(base, samples.take(np.flatnonzero(~out))) for out in held_out
    )
    folds = []
    for estimator, out, nodes in zip(estimators, held_out, hidden, strict=True):
        rows = random_state.permutation(np.flatnonzero(out))[:n_rows]
        part = samples.take(rows)
        known = space.nodes_of(estimator.classes_)
        weights = np.zeros((len(rows), len(seen)))
        weights[:, _places(seen, known)] = class_weights(estimator, part.X)
        # A frozen classifier knows the hidden classes nevertheless.
        left = np.isin(seen, known) & ~np.isin(seen, nodes)
        folds.append(Fold(seen[left], masked(weights, left), truth[rows], part.sample_weight))
    return folds


def _check_enough(n_seen):
    """Refuse to hide a third of two classes: one would be left."""
    if n_seen < N_FOLDS:
        raise ValueError(
            f"temperature='cv' and top_k='cv' hide a third of the classes and need {N_FOLDS} "
            f"or more, got {n_seen}; pass 'auto' or a number."
        )


def _stratified_parts(truth, random_state):
    """A part for each sample, so that no two of a rare class are in the same one.

    The only sample of a class is in none: nothing of the class would be left to learn from.
    """
    shuffled = random_state.permutation(len(truth))
    parts = np.empty(len(truth), dtype=np.intp)
    parts[shuffled[np.argsort(truth[shuffled], kind="stable")]] = np.arange(len(truth)) % N_FOLDS
    nodes, counts = np.unique(truth, return_counts=True)
    parts[np.isin(truth, nodes[counts == 1])] = N_FOLDS
    return parts


def _fit_part(base, samples):
    """A clone of the classifier fitted to some samples."""
    return clone(base).fit(samples.X, samples.y, **samples.params)


def _places(nodes, some):
    """Where some of the nodes are among all of them."""
    order = np.argsort(nodes)
    return order[np.searchsorted(nodes[order], some)]
