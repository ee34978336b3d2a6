from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from skmanifold.label_space import (
    TEMPERATURES,
    TOP_K,
    EuclideanSpace,
    Fold,
    _tuning,
    all_risks,
    hidden_classes,
    least_risk,
    masked,
    softness,
    standardized_errors,
    temper,
    tune,
)
from tests.label_space.known_spaces import CPU, SPACES, space_of, weights_of

few_spaces = pytest.mark.parametrize("kind", ["recursive tree", "graph", "points", "ordinal"])
LINE = EuclideanSpace(np.arange(5), np.arange(5.0)[:, None], np.arange(5))
ENDS = np.array([0, 4])


def risk_of(space, seen, power=2.0):
    return space.risk(seen, power=power, method="auto", device=CPU)


def fold_on_a_line(weights, truth, sample_weight=None, left=ENDS):
    """Classes 0 and 4 of five labels on a line."""
    truth = np.asarray(truth)
    sample_weight = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight)
    return Fold(left, np.asarray(weights, dtype=float), truth, sample_weight)


def hiding_folds(space, rng, n_samples=60, n_seen=12, power=2.0):
    """The risk, and noisy weights of classes near the truth with a third hidden at a time."""
    seen = rng.permutation(len(space.names))[:n_seen]
    truth = rng.choice(seen, n_samples)
    near = np.exp(-(space.distances(truth, seen).astype(float)))
    weights = near * rng.random(near.shape) ** 2 + 1e-6
    folds = []
    for part in hidden_classes(n_seen, np.random.RandomState(0)):
        left = ~np.isin(np.arange(n_seen), part)
        folds.append(Fold(seen[left], masked(weights, left), truth, rng.random(n_samples)))
    return risk_of(space, seen, power), folds


@pytest.mark.parametrize("n_classes", [1, 2, 3, 7, 30])
@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_each_class_is_hidden_once(n_classes, n_folds):
    parts = hidden_classes(n_classes, np.random.RandomState(0), n_folds)
    assert len(parts) == min(n_folds, n_classes)
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n_classes))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all((np.diff(part) > 0).all() for part in parts)


def test_hidden_classes_are_random():
    one, same, other = (
        hidden_classes(30, np.random.RandomState(seed))[0].tolist() for seed in (0, 0, 1)
    )
    assert one == same != other


def test_masked_classes_have_no_weight(rng):
    weights = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.0, 0.5, 0.0], [1e-310, 0, 0.5, 0.5]])
    found = masked(weights, np.array([True, True, False, False]))
    assert_allclose(found, [[1 / 3, 2 / 3, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    assert_allclose(masked(weights, np.ones(4, dtype=bool)), weights)
    assert_array_equal(masked(weights, np.zeros(4, dtype=bool)), np.zeros((3, 4)))


def test_where_all_that_was_likely_is_hidden_nothing_is_known():
    found = masked(np.array([[0.0, 0.0, 1.0]]), np.array([True, True, False]))
    assert_array_equal(found, [[0.5, 0.5, 0]])


def test_a_classifier_that_lacks_the_hidden_classes_predicts_the_same(rng):
    space = space_of("deep tree", rng)
    seen = rng.permutation(30)[:8]
    left = np.arange(8) % 3 > 0
    weights = masked(weights_of("smooth", 50, 8, rng), left)
    labels, least = least_risk(risk_of(space, seen), temper(weights, 0.7, 4))
    others, again = least_risk(risk_of(space, seen[left]), temper(weights[:, left], 0.7, 4))
    assert_array_equal(labels, others)
    assert_allclose(least, again)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_hidden_classes_have_their_share_of_the_weight(share):
    fold = fold_on_a_line(np.zeros((4, 2)), [0, 2, 1, 4], [1, 2, 6, 3])
    fold = replace(fold, unseen_share=share)
    assert_array_equal(fold.hidden(), [False, True, True, False])
    rest = 1 - share
    assert_allclose(fold.balanced(), [rest / 4, share * 2 / 8, share * 6 / 8, rest * 3 / 4])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_only_samples_have_all_the_weight(share):
    fold = fold_on_a_line(np.zeros((2, 2)), [0, 4], [1, 4])
    assert_allclose(replace(fold, unseen_share=share).balanced(), [0.2, 0.8])


def test_balanced_weights_leave_the_sample_weights_alone():
    seen_only = fold_on_a_line(np.zeros((2, 2)), [0, 4], [1, 4])
    assert_allclose(seen_only.balanced(), [0.2, 0.8])
    no_weight = fold_on_a_line(np.zeros((3, 2)), [0, 4, 1], [1, 4, 0])
    assert_allclose(no_weight.balanced(), [0.2, 0.8, 0])
    integers = fold_on_a_line(np.zeros((2, 2)), [0, 0], np.array([1, 3]))
    assert_allclose(integers.balanced(), [0.25, 0.75])
    assert_array_equal(integers.sample_weight, [1, 3])  # left as they were


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_score_by_hand(power):
    weights = [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [1, 0]]
    fold = fold_on_a_line(weights, [2, 1, 4, 0], [1, 3, 1, 4])
    # The risk of power 2 predicts 1, 2, 3, 0: off by 1, 1 for hidden classes and 1, 0 for seen.
    mean = (1 + 1 / 5) / 2
    # The likeliest class, 0 for a tie, is 0, 0, 4, 0: off by 2, 1 and by 0, 0.
    likeliest = ((2**power + 3) / 4 + 0) / 2
    found = tune(LINE, risk_of(LINE, ENDS), [fold], [1.0], [None, 1], power=power)
    assert list(found.settings) == [(1.0, None), (1.0, 1)]
    assert_allclose(found.scores, [mean, likeliest])
    assert (found.temperature, found.top_k) == (1.0, 1 if likeliest < mean else None)


def test_only_hidden_or_only_seen_classes():
    for truth, score in [([2, 2], 4), ([0, 0], 8)]:
        fold = fold_on_a_line(np.eye(2), truth)
        found = tune(LINE, risk_of(LINE, ENDS), [fold], [1.0], [None], power=2.0)
        assert_allclose(found.scores, [score])


def test_folds_weigh_the_same():
    folds = [
        fold_on_a_line(np.tile([1.0, 0], (n, 1)), np.full(n, at), np.full(n, 7.0))
        for n, at in [(1, 1), (9, 3)]
    ]
    found = tune(LINE, risk_of(LINE, ENDS), folds, [1.0], [None], power=2.0)
    assert_allclose(found.scores, [(1 + 9) / 2])


def test_true_classes_need_not_be_labels(rng):
    # Class 4 may not be predicted; 1 is the label nearest to it.
    space = EuclideanSpace(np.arange(5), np.arange(5.0)[:, None], np.array([0, 1]))
    fold = fold_on_a_line([[0.0, 1.0]], [4])
    found = tune(space, risk_of(space, ENDS), [fold], [1.0], [None], power=2.0)
    assert_allclose(found.scores, [9])


def score_of(space, risk, folds, setting, power):
    """The score of a setting from the definition."""
    scores = []
    for fold in folds:
        labels, _ = least_risk(risk, temper(fold.weights, *setting))
        nodes = space.candidates[labels]
        error = np.array([space.distances(fold.truth[[i]], nodes[[i]])[0, 0] for i in range(60)])
        hidden = ~np.isin(fold.truth, fold.left)
        weighted = fold.sample_weight * error.astype(float) ** power
        halves = [weighted[h].sum() / fold.sample_weight[h].sum() for h in (hidden, ~hidden)]
        scores.append(np.mean(halves))
    return np.mean(scores)


@few_spaces
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_scores_are_those_of_the_settings_and_the_best_is_taken(kind, power, rng):
    space = space_of(kind, rng)
    risk, folds = hiding_folds(space, rng, power=power)
    found = tune(space, risk, folds, TEMPERATURES[::4], TOP_K[::2], power=power)
    assert len(set(found.settings)) == len(found.settings) == len(found.scores)
    expected = [score_of(space, risk, folds, setting, power) for setting in found.settings]
    assert_allclose(found.scores, expected)
    best = found.temperature, found.top_k
    assert found.scores[list(found.settings).index(best)] == found.scores.min()


@pytest.mark.parametrize("kind", SPACES)
def test_never_worse_than_the_likeliest_class_or_all_at_any_temperature(kind, rng):
    space = space_of(kind, rng)
    risk, folds = hiding_folds(space, rng)
    found = tune(space, risk, folds, TEMPERATURES, TOP_K, power=2.0)
    best = score_of(space, risk, folds, (found.temperature, found.top_k), 2.0)
    for setting in [(1.0, 1), *((each, None) for each in TEMPERATURES[::3])]:
        assert best <= score_of(space, risk, folds, setting, 2.0) * (1 + 1e-9)


@few_spaces
def test_for_each_number_of_classes_the_temperatures_beside_the_best_are_tried(kind, rng):
    space = space_of(kind, rng)
    found = tune(space, *hiding_folds(space, rng), TEMPERATURES, TOP_K, power=2.0)
    scores = dict(zip(found.settings, found.scores, strict=True))
    for top_k in set(TOP_K) - {1}:  # for one class, temperatures are all the same
        tried = [each for each in TEMPERATURES if (each, top_k) in scores]
        place = TEMPERATURES.index(min(tried, key=lambda each: scores[each, top_k]))
        assert set(TEMPERATURES[max(place - 1, 0) : place + 2]) <= set(tried)


def test_settings_as_columns(rng):
    space = space_of("ordinal", rng)
    found = tune(space, *hiding_folds(space, rng), [0.5, 1.0], [None, 3], power=2.0)
    columns = found.as_dict()
    assert_array_equal(columns["temperature"], [setting[0] for setting in found.settings])
    assert columns["top_k"].tolist() == [setting[1] for setting in found.settings]
    assert_array_equal(columns["score"], found.scores)


def test_certain_and_right_weights_need_no_change(rng):
    space = space_of("points", rng)
    seen = np.arange(9)
    truth = rng.choice(seen, 30)
    fold = Fold(seen, np.eye(9)[truth], truth, np.ones(30))
    found = tune(space, risk_of(space, seen), [fold], TEMPERATURES, TOP_K, power=2.0)
    assert_array_equal(found.scores, 0)
    assert found.top_k is None


def log_likelihood(space, risk, folds, setting, scale):
    """Of the true labels under the softmax of -risk / scale, for samples whose label may be."""
    total = 0.0
    for fold in folds:
        scaled = all_risks(risk, temper(fold.weights, *setting)) / scale
        is_truth = space.candidates == fold.truth[:, None]
        may_be = is_truth.any(axis=1)
        part = Fold(fold.left, fold.weights[may_be], fold.truth[may_be], fold.sample_weight[may_be])
        total -= part.balanced() @ (scaled[is_truth] + logsumexp(-scaled[may_be], axis=1))
    return total


@few_spaces
@pytest.mark.parametrize("setting", [(1.0, None), (0.5, 3)])
@pytest.mark.parametrize("candidates", [None, np.arange(3, 30)])
def test_softness_is_the_likeliest_of_its_steps(kind, setting, candidates, rng):
    space = space_of(kind, rng, candidates=candidates)
    risk, folds = hiding_folds(space, rng)
    found = softness(space, risk, folds, setting)
    best = minimize_scalar(
        lambda step: -log_likelihood(space, risk, folds, setting, found * 2.0**step),
        bounds=(-8, 8),
        method="bounded",
    )
    assert abs(best.x) <= 0.5


def test_softness_has_the_units_of_the_risk(rng):
    space = space_of("ordinal", rng)
    _, folds = hiding_folds(space, rng)
    larger = EuclideanSpace(space.names, 8 * space.points, space.candidates)
    seen = np.unique(np.concatenate([fold.left for fold in folds]))
    folds = [Fold(seen, fold.weights, fold.truth, fold.sample_weight) for fold in folds]
    one, other = (
        softness(each, risk_of(each, seen), folds, (1.0, None)) for each in (space, larger)
    )
    assert_allclose(other, 64 * one, rtol=1e-6)


def test_softness_of_many_labels_looks_at_fewer_samples(rng, monkeypatch):
    space = space_of("ordinal", rng)
    risk, folds = hiding_folds(space, rng, n_samples=200)
    few = [
        Fold(fold.left, fold.weights[::10], fold.truth[::10], fold.sample_weight[::10])
        for fold in folds
    ]
    monkeypatch.setattr(_tuning, "N_LIKELIHOODS", 30 * 20)
    found, expected = (softness(space, risk, each, (1.0, None)) for each in (folds, few))
    assert_allclose(found, expected)


def test_softness_without_anything_to_learn_from():
    space = EuclideanSpace(np.arange(5), np.arange(5.0)[:, None], np.array([3, 4]))
    no_label = fold_on_a_line(np.full((3, 2), 0.5), [0, 1, 0])
    certain = fold_on_a_line([[0.0, 1.0]], [4])
    for folds in ([], [no_label], [certain], [no_label, certain]):
        assert softness(space, risk_of(space, ENDS), folds, (1.0, None)) == 1.0


@pytest.mark.parametrize("kind", SPACES)
def test_softness_of_a_perfect_classifier_ranks_the_truth_first(kind, rng):
    space = space_of(kind, rng)
    seen = rng.permutation(30)[:12]
    risk, weights = risk_of(space, seen), np.eye(12)
    scale = softness(space, risk, [Fold(seen, weights, seen, np.ones(12))], (1.0, None))
    assert scale > 0
    risks = all_risks(risk, weights)
    own = risks[np.arange(12), np.argsort(np.argsort(space.names))[seen]]
    assert_array_equal(np.exp((risks.min(axis=1) - own) / scale) > 0.01, True)


def test_standardized_errors_by_hand():
    weights = [[0.75, 0.25], [0.5, 0.5], [1, 0]]
    fold = fold_on_a_line(weights, [2, 1, 0], [1, 3, 5])
    errors, shares, typical = standardized_errors(
        LINE, risk_of(LINE, ENDS), [fold], (1.0, None), power=2.0
    )
    # Predictions 1, 2, 0 of risk 3, 4, 0; the first two of hidden classes.
    assert_allclose(typical, (3 / 4 + 4 * 3 / 4 + 0) / 2)
    assert_allclose(errors, [0, 1 / np.sqrt(4 + typical), 1 / np.sqrt(3 + typical)])
    assert_allclose(shares, [1 / 2, 3 / 8, 1 / 8])


@few_spaces
def test_standardized_errors_from_the_definition(kind, rng):
    space = space_of(kind, rng)
    risk, folds = hiding_folds(space, rng, power=1.5)
    errors, shares, typical = standardized_errors(space, risk, folds, (0.7, 3), power=1.5)
    assert (np.diff(errors) >= 0).all()
    assert_allclose(shares.sum(), 1)
    expected, weights, spread = [], [], []
    for fold in folds:
        labels, least = least_risk(risk, temper(fold.weights, 0.7, 3))
        expected.append(space.pair_distances(space.candidates[labels], fold.truth))
        spread.append(least)
        weights.append(fold.balanced())
    expected, weights, spread = map(np.concatenate, (expected, weights, spread))
    assert_allclose(typical, spread @ weights / weights.sum())
    expected /= (spread + typical) ** (1 / 1.5)
    assert_allclose(errors, np.sort(expected))
    assert_allclose(errors @ shares, expected @ weights / weights.sum())


def test_standardized_errors_where_all_weights_are_certain():
    errors, _, typical = standardized_errors(
        LINE, risk_of(LINE, ENDS), [fold_on_a_line(np.eye(2), [0, 1])], (1.0, None), power=2.0
    )
    assert typical == 1
    assert_array_equal(errors, [0, 3])


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({(1.0, None): 10.0, (0.5, 3): 9.9}, (1.0, None)),  # a gain of a percent is chance
        ({(1.0, None): 10.0, (0.5, 3): 9.0}, (0.5, 3)),
        ({(1.0, None): 10.0, (0.5, 3): 9.9, (1.0, 1): 9.95}, (0.5, 3)),  # worse than the likeliest
        ({(0.5, None): 10.0, (0.5, 3): 9.9}, (0.5, 3)),  # the published one was not tried
        ({(1.0, None): 0.0, (0.5, None): 0.0}, (1.0, None)),
    ],
)
def test_the_published_setting_is_left_for_a_reason_only(scores, chosen):
    assert _tuning._best_setting(scores) == chosen
