"""Temperature and number of classes to trust, by cross-validation that hides classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from skmanifold.label_space._risk import Risk, all_risks, least_risk
from skmanifold.label_space._spaces import LabelSpace
from skmanifold.label_space._tempering import Floats, temper
from skmanifold.label_space._tree import Ints

TEMPERATURES = (0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0)
TOP_K = (None, 30, 20, 10, 5, 3, 1)
# Labels times samples on which the temperature of the probabilities is fitted.
N_LIKELIHOODS = 2_000_000

Setting = tuple[float, int | None]


@dataclass(frozen=True, eq=False)
class Fold:
    """Samples with weights of some classes, of which other classes are hidden.

    Attributes
    ----------
    seen : ndarray of shape (n_seen,)
        Nodes of the classes that are left.
    weights : ndarray of shape (n_samples, n_seen)
        Their probabilities; rows sum to one.
    truth : ndarray of shape (n_samples,)
        Node of the true class of each sample.
    sample_weight : ndarray of shape (n_samples,)
    """

    seen: Ints
    weights: Floats
    truth: Ints
    sample_weight: Floats

    def hidden(self) -> NDArray[np.bool_]:
        """Mask of the samples of hidden classes."""
        return ~np.isin(self.truth, self.seen)

    def halves(self) -> Floats:
        """Sample weights, scaled so that hidden classes have half of the sum and seen ones half."""
        weights, hidden = self.sample_weight.astype(np.float64), self.hidden()
        for half in (hidden, ~hidden):
            if (total := weights[half].sum()) > 0:
                weights[half] /= total
        return weights


@dataclass(frozen=True, eq=False)
class Tuning:
    """What cross-validation found.

    Attributes
    ----------
    temperature, top_k
        The setting of least score.
    settings : list of (float, int or None)
        All settings that were tried.
    scores : ndarray of shape (n_settings,)
        Mean risk of the predictions, half over samples of hidden classes and half over the others.
    """

    temperature: float
    top_k: int | None
    settings: Sequence[Setting]
    scores: Floats

    def as_dict(self) -> dict[str, NDArray[Any]]:
        """What was tried, as in ``cv_results_``; `top_k` is masked where it is all classes."""
        temperatures, top_ks = zip(*self.settings, strict=True)
        top_k = np.ma.masked_equal([k or 0 for k in top_ks], 0)
        return {"temperature": np.array(temperatures), "top_k": top_k, "score": self.scores}


def hidden_classes(
    n_classes: int, random_state: np.random.RandomState, n_folds: int = 3
) -> list[Ints]:
    """Classes in `n_folds` random parts of about equal size; each is hidden once."""
    parts = np.array_split(random_state.permutation(n_classes), min(n_folds, n_classes))
    return [np.sort(part) for part in parts]


def masked_fold(fold: Fold, hidden: Ints) -> Fold:
    """The fold without the columns of some classes, as if the classifier did not know them."""
    kept = np.setdiff1d(np.arange(len(fold.seen)), hidden)
    weights = fold.weights[:, kept]
    total = weights.sum(axis=1, keepdims=True)
    known = np.divide(weights, total, out=np.full_like(weights, 1 / len(kept)), where=total > 0)
    return Fold(fold.seen[kept], known, fold.truth, fold.sample_weight)


def tune(
    space: LabelSpace,
    folds: Sequence[Fold],
    temperatures: Sequence[float],
    top_ks: Sequence[int | None],
    *,
    power: float,
    make_risk: Callable[[Ints], Risk],
) -> Tuning:
    """The temperature and `top_k` with the least cross-validated risk of the predictions.

    All temperatures are tried with the first of `top_ks`. With each of the others, they are walked
    up and down from the best one of the `top_k` before, as long as the score falls. ``top_k=1`` is
    the likeliest class itself, so that the setting found is never worse than that on the same
    folds.

    Parameters
    ----------
    space : LabelSpace
    folds : sequence of Fold
    temperatures : sequence of float
        In ascending order.
    top_ks : sequence of int or None
        None is all classes.
    power : float
        Exponent of the distance from prediction to truth.
    make_risk : callable
        ``make_risk(seen)`` gives the risk for nodes of seen classes.
    """
    risks = [make_risk(fold.seen) for fold in folds]
    scores: dict[Setting, float] = {}

    def score(top_k: int | None, place: int) -> float:
        setting = temperatures[place], top_k
        if setting not in scores:
            losses = [
                _loss(space, fold, risk, setting, power)
                for fold, risk in zip(folds, risks, strict=True)
            ]
            scores[setting] = float(np.mean(losses))
        return scores[setting]

    place = min(range(len(temperatures)), key=partial(score, top_ks[0]))
    for top_k in top_ks[1:]:
        place = _descend(partial(score, top_k), place, len(temperatures))
    best = min(scores, key=scores.__getitem__)
    return Tuning(*best, list(scores), np.array(list(scores.values())))


def _descend(value: Callable[[int], float], at: int, n_places: int) -> int:
    """The place that is no higher than those beside it, walking from one place downhill."""
    while True:
        beside = [place for place in (at - 1, at + 1) if 0 <= place < n_places]
        lowest = min([at, *beside], key=value)
        if lowest == at:
            return at
        at = lowest


def _loss(space: LabelSpace, fold: Fold, risk: Risk, setting: Setting, power: float) -> float:
    """Weighted mean of distance**power from predictions to truth."""
    predicted, _ = least_risk(risk, temper(fold.weights, *setting))
    errors = space.pair_distances(space.candidates[predicted], fold.truth)
    return float(np.average(errors**power, weights=fold.halves()))


def standardized_errors(
    space: LabelSpace,
    folds: Sequence[Fold],
    setting: Setting,
    *,
    power: float,
    make_risk: Callable[[Ints], Risk],
) -> tuple[Floats, Floats, float]:
    """Distances from predictions to truth in units of how far the weights are spread.

    Returns
    -------
    errors : ndarray of shape (n_samples,)
        Of all folds: distance / (least risk + typical one)**(1 / power), ascending.
    weights : ndarray of shape (n_samples,)
        Of the errors; samples of hidden classes have half of all.
    typical : float
        Mean of the least risks, or 1 where they are all 0.
    """
    found = [least_risk(make_risk(fold.seen), temper(fold.weights, *setting)) for fold in folds]
    weights = np.concatenate([fold.halves() for fold in folds])
    spread = np.concatenate([least for _, least in found])
    distances = np.concatenate(
        [
            space.pair_distances(space.candidates[predicted], fold.truth)
            for fold, (predicted, _) in zip(folds, found, strict=True)
        ]
    )
    typical = float(np.average(spread, weights=weights)) or 1.0
    errors = distances / (spread + typical) ** (1 / power)
    order = errors.argsort()
    return errors[order], weights[order] / weights.sum(), typical


def softness(
    space: LabelSpace, folds: Sequence[Fold], setting: Setting, make_risk: Callable[[Ints], Risk]
) -> float:
    """The s that makes softmax(-risk / s) likeliest for the true labels of the folds.

    Tried are the mean risk of the true labels and its multiples by powers of the square root of
    two. Of many labels, fewer samples are looked at.
    """
    tables = [_risks_and_truth(space, fold, setting, make_risk) for fold in folds]
    own = [risks[np.arange(len(truth)), truth] for risks, truth in tables]
    unit = sum(one.sum() for one in own) / max(sum(len(one) for one in own), 1)
    if unit == 0:
        return 1.0
    scales = unit * 2.0 ** np.arange(-6, 3.5, 0.5)
    likelihoods = [
        -sum(
            (one / scale + logsumexp(-risks / scale, axis=1)).sum()
            for one, (risks, _) in zip(own, tables, strict=True)
        )
        for scale in scales
    ]
    return float(scales[np.argmax(likelihoods)])


def _risks_and_truth(
    space: LabelSpace, fold: Fold, setting: Setting, make_risk: Callable[[Ints], Risk]
) -> tuple[Floats, Ints]:
    """Risks of all labels for some samples of a fold, and the positions of their true labels."""
    position = np.full(len(space.names), -1)
    position[space.candidates] = np.arange(len(space.candidates))
    rows = np.flatnonzero(position[fold.truth] >= 0)
    n_rows = min(len(rows), max(1, N_LIKELIHOODS // len(space.candidates)))
    rows = rows[np.linspace(0, len(rows), n_rows, endpoint=False).astype(np.intp)]
    risks = all_risks(make_risk(fold.seen), temper(fold.weights[rows], *setting))
    return risks, position[fold.truth[rows]]
