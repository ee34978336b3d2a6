"""Temperature and number of classes to trust, by cross-validation that hides classes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.label_space._risk import Risk, all_risks, least_risk
from skmanifold.label_space._spaces import LabelSpace
from skmanifold.label_space._tempering import Floats, temper
from skmanifold.label_space._tree import Ints

TEMPERATURES = (0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0)
TOP_K = (None, 30, 20, 10, 5, 3, 1)
# Labels times samples on which the temperature of the probabilities is fitted.
N_LIKELIHOODS = 2_000_000
# Octaves that it is looked for in, down from eight times the mean risk of the true labels.
LARGEST_OCTAVE, N_OCTAVES = 3, 10

Setting = tuple[float, int | None]
PUBLISHED: Setting = (1.0, None)
CHANCE = 0.03  # what a setting must gain over the published one


@dataclass(frozen=True, eq=False)
class Fold:
    """Samples with weights of the seen classes, some of which are hidden: they have none.

    Attributes
    ----------
    left : ndarray of shape (n_left,)
        Nodes of the classes that are not hidden.
    weights : ndarray of shape (n_samples, n_seen)
        Probabilities of all seen classes, in the order of the risk; rows sum to one.
    truth : ndarray of shape (n_samples,)
        Node of the true class of each sample.
    sample_weight : ndarray of shape (n_samples,)
    unseen_share : float
        What samples of hidden classes count for, of 1 in all.
    """

    left: Ints
    weights: Floats
    truth: Ints
    sample_weight: Floats
    unseen_share: float = 0.5

    def hidden(self) -> NDArray[np.bool_]:
        """Mask of the samples of hidden classes."""
        return ~np.isin(self.truth, self.left)

    def balanced(self) -> Floats:
        """Sample weights, scaled so that those of hidden classes sum to `unseen_share` of one."""
        weights, hidden = self.sample_weight.astype(np.float64), self.hidden()
        for part, share in ((hidden, self.unseen_share), (~hidden, 1 - self.unseen_share)):
            if (total := weights[part].sum()) > 0:
                weights[part] *= share / total
        total = weights.sum()
        # A share of none, where there is nothing else, is no reason to learn from none.
        return weights / total if total > 0 else self.sample_weight / self.sample_weight.sum()


@dataclass(frozen=True, eq=False)
class Tuning:
    """What cross-validation found.

    Attributes
    ----------
    temperature, top_k
        The setting of least score, or the published one if that is as good but for chance.
    settings : list of (float, int or None)
        All settings that were tried.
    scores : ndarray of shape (n_settings,)
        Mean risk of the predictions, samples of hidden classes having their share of the weight.
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


def masked(weights: Floats, left: NDArray[np.bool_]) -> Floats:
    """Weights without some columns, as if the classifier did not know these classes.

    Rows sum to one; a row that had all its weight there, and so says nothing, becomes uniform.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_seen)
    left : ndarray of shape (n_seen,)
        Mask of the columns that stay.
    """
    kept = np.where(left, weights, 0.0)
    total = kept.sum(axis=1, keepdims=True)
    uniform = np.broadcast_to(left / max(left.sum(), 1), kept.shape).copy()
    return np.divide(kept, total, out=uniform, where=total > 0)


def tune(
    space: LabelSpace,
    risk: Risk,
    folds: Sequence[Fold],
    temperatures: Sequence[float],
    top_ks: Sequence[int | None],
    *,
    power: float,
) -> Tuning:
    """The temperature and `top_k` with the least cross-validated risk of the predictions.

    All temperatures are tried with the first of `top_ks`. With each of the others, they are walked
    up and down from the best one of the `top_k` before, as long as the score falls. ``top_k=1`` is
    the likeliest class itself, so that the setting found is never worse than that on the same
    folds. The published setting, temperature 1 and all classes, is taken if it is within 3 % of
    the best: on few samples, less than that is chance.

    Parameters
    ----------
    space : LabelSpace
    risk : Risk
        That of the seen classes.
    folds : sequence of Fold
    temperatures : sequence of float
        In ascending order.
    top_ks : sequence of int or None
        None is all classes.
    power : float
        Exponent of the distance from prediction to truth.
    """
    distances = _distances_from_truth(space, folds)
    scores: dict[Setting, float] = {}

    def score(top_k: int | None, place: int) -> float:
        setting = temperatures[place], top_k
        if setting not in scores:
            scores[setting] = float(
                np.mean([loss(fold, distances[id(fold.truth)], setting) for fold in folds])
            )
        return scores[setting]

    def loss(fold: Fold, distance: Callable[[Ints], Floats], setting: Setting) -> float:
        predicted, _ = least_risk(risk, temper(fold.weights, *setting))
        return float(np.average(distance(predicted) ** power, weights=fold.balanced()))

    place = min(range(len(temperatures)), key=partial(score, top_ks[0]))
    for top_k in top_ks[1:]:
        place = _descend(partial(score, top_k), place, len(temperatures))
    best = _best_setting(scores)
    return Tuning(*best, list(scores), np.array(list(scores.values())))


def _best_setting(scores: dict[Setting, float]) -> Setting:
    """The setting of least score, or the published one where it is as good but for chance."""
    best = min(scores, key=scores.__getitem__)
    likeliest = min((score for (_, k), score in scores.items() if k == 1), default=np.inf)
    bound = min((1 + CHANCE) * scores[best], likeliest)
    return PUBLISHED if scores.get(PUBLISHED, np.inf) <= bound else best


def _distances_from_truth(
    space: LabelSpace, folds: Sequence[Fold]
) -> dict[int, Callable[[Ints], Floats]]:
    """By the id of the true labels, which masked folds share: on graphs they cost the most."""
    truths = {id(fold.truth): fold.truth for fold in folds}
    return {key: space.distances_from(truth) for key, truth in truths.items()}


def _descend(value: Callable[[int], float], at: int, n_places: int) -> int:
    """The place that is no higher than those beside it, walking from one place downhill."""
    while True:
        beside = [place for place in (at - 1, at + 1) if 0 <= place < n_places]
        lowest = min([at, *beside], key=value)
        if lowest == at:
            return at
        at = lowest


def standardized_errors(
    space: LabelSpace, risk: Risk, folds: Sequence[Fold], setting: Setting, *, power: float
) -> tuple[Floats, Floats, float]:
    """Distances from predictions to truth in units of how far the weights are spread.

    Returns
    -------
    errors : ndarray of shape (n_samples,)
        Of all folds: distance / (least risk + typical one)**(1 / power), ascending.
    weights : ndarray of shape (n_samples,)
        Of the errors; samples of hidden classes have their share of all.
    typical : float
        Mean of the least risks, or 1 where they are all 0.
    """
    found = [least_risk(risk, temper(fold.weights, *setting)) for fold in folds]
    distances = _distances_from_truth(space, folds)
    apart = np.concatenate(
        [distances[id(fold.truth)](at) for fold, (at, _) in zip(folds, found, strict=True)]
    )
    spread = np.concatenate([least for _, least in found])
    weights = np.concatenate([fold.balanced() for fold in folds])
    typical = float(np.average(spread, weights=weights)) or 1.0
    errors = apart / (spread + typical) ** (1 / power)
    order = errors.argsort()
    return errors[order], weights[order] / weights.sum(), typical


def softness(space: LabelSpace, risk: Risk, folds: Sequence[Fold], setting: Setting) -> float:
    """The s that makes softmax(-risk / s) likeliest for the true labels of the folds.

    Tried are the mean risk of the true labels and its multiples by powers of the square root of
    two. Of many labels, fewer samples are looked at.
    """
    tables = [_risks_of_truth(space, risk, fold, setting) for fold in folds]
    total = sum(weight.sum() for *_, weight in tables)
    unit = sum(own @ weight for _, own, weight in tables) / max(total, 1e-300)
    if not unit > 0:
        return 1.0
    largest = unit * 2.0**LARGEST_OCTAVE / np.array([1, np.sqrt(2)])
    scales = [scale / 2.0**octave for scale in largest for octave in range(N_OCTAVES)]
    likelihoods = np.zeros(len(scales))
    for risks, own, weight in tables:
        partitions = (sums for scale in largest for sums in _log_partitions(risks, scale))
        for at, (scale, partition) in enumerate(zip(scales, partitions, strict=True)):
            likelihoods[at] -= weight @ (own / scale + partition)
    return float(scales[np.argmax(likelihoods)])


def _log_partitions(risks: Floats, scale: float) -> Iterator[Floats]:
    """log(sum(exp(-risks / s))) of each row for a scale s, half of it, a quarter, ...

    Halving s squares the terms, which is far cheaper than another exponential of each.
    """
    least = risks.min(axis=1, keepdims=True)
    terms = np.exp((least - risks) / scale)
    for octave in range(N_OCTAVES):
        yield np.log(terms.sum(axis=1)) - least[:, 0] / scale * 2.0**octave
        terms *= terms


def _risks_of_truth(
    space: LabelSpace, risk: Risk, fold: Fold, setting: Setting
) -> tuple[Floats, Floats, Floats]:
    """Risks of all labels for some samples of a fold, of their true labels, and their weights."""
    position = np.full(len(space.names), -1)
    position[space.candidates] = np.arange(len(space.candidates))
    rows = np.flatnonzero(position[fold.truth] >= 0)
    n_rows = min(len(rows), max(1, N_LIKELIHOODS // len(space.candidates)))
    rows = rows[np.linspace(0, len(rows), n_rows, endpoint=False).astype(np.intp)]
    part = replace(
        fold,
        weights=fold.weights[rows],
        truth=fold.truth[rows],
        sample_weight=fold.sample_weight[rows],
    )
    risks = all_risks(risk, temper(part.weights, *setting))
    return risks, risks[np.arange(len(rows)), position[part.truth]], part.balanced()
