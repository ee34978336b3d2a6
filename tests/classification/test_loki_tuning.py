"""Temperature and top_k from cross-validation that hides classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import LokiPredictor
from tests.classification.loki_toys import (
    GivenProbabilities,
    Recorder,
    first_least,
    ordinal_task,
    random_probabilities,
    risks_of,
)

CV = {"temperature": "cv", "top_k": "cv"}


def grid_task(seed, side=6, n_seen=14, n_samples=400, noise=0.7):
    """Cells of a square grid from noisy coordinates; some were seen."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(side**2, size=2 * n_samples)
    X = np.column_stack(np.divmod(cells, side)) + noise * rng.normal(size=(len(cells), 2))
    seen = np.isin(cells, rng.permutation(side**2)[:n_seen])
    train, test = seen[:n_samples], slice(n_samples, None)
    return X[:n_samples][train], cells[:n_samples][train], X[test], cells[test]


def squares(one, other, side=None):
    """Squared distances between grades, or between cells of a grid."""
    if side is None:
        return (one - other) ** 2
    (row, column), (other_row, other_column) = np.divmod(one, side), np.divmod(other, side)
    return (row - other_row) ** 2 + (column - other_column) ** 2


def masked_score(P, y, seen, labels, temperature, top_k, power, sample_weight):
    """The score as the documentation says: each seen class hidden once, half of the weight on it.

    For three seen classes, of which every fold hides one.
    """
    scores = []
    for hidden in range(3):
        kept = np.arange(3) != hidden
        table = abs(seen[kept][:, None] - labels)
        at = first_least(risks_of(table, P[:, kept], power, temperature, top_k))
        errors = abs(labels[at] - y) ** power
        of_hidden = y == seen[hidden]
        for half in (of_hidden, ~of_hidden):
            scores.append(np.average(errors[half], weights=sample_weight[half]))
    return np.mean(scores)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_hidden_and_seen_classes(power, weighted):
    rng = np.random.default_rng(0)
    seen, labels = np.array([0, 2, 5]), np.arange(6)
    y = np.concatenate([seen, rng.choice(seen, 60, p=[0.2, 0.3, 0.5])])
    P = 0.6 * (y[:, None] == seen) + 0.4 * random_probabilities(len(y), 3, concentration=1)
    weights = rng.uniform(size=len(y)) if weighted else np.ones(len(y))
    model = LokiPredictor(GivenProbabilities(), label_metric="ordinal", power=power)
    results = model.fit(P, y, sample_weight=weights if weighted else None).cv_results_
    top_ks = [None if masked else k for k, masked in zip(
        results["top_k"].data.tolist(), np.ma.getmaskarray(results["top_k"]), strict=True
    )]  # fmt: skip
    expected = [
        masked_score(P, y, seen, labels, temperature, top_k, power, weights)
        for temperature, top_k in zip(results["temperature"], top_ks, strict=True)
    ]
    assert_allclose(results["score"], expected)
    assert len(set(results["temperature"])) > 5
    assert {None, 1} <= set(top_ks)
    settings = list(zip(results["temperature"], top_ks, strict=True))
    chosen = settings.index((model.temperature_, model.top_k_))
    assert chosen in (settings.index((1.0, None)), np.argmin(results["score"]))


@pytest.mark.parametrize("frozen", [False, True])
def test_without_unseen_labels_nothing_is_hidden(frozen):
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=198)  # three parts of the same size
    P = 0.5 * np.eye(4)[y] + 0.5 * random_probabilities(len(y), 4, concentration=1)
    base = FrozenEstimator(GivenProbabilities().fit(P, y)) if frozen else GivenProbabilities()
    results = LokiPredictor(base, label_metric="ordinal").fit(P, y).cv_results_
    table = abs(np.subtract.outer(range(4), range(4)))
    with_all = results["top_k"].mask
    assert with_all.sum() > 5
    for temperature, score in zip(
        results["temperature"][with_all], results["score"][with_all], strict=True
    ):
        at = first_least(risks_of(table, P, temperature=temperature))
        assert_allclose(score, np.mean((at - y) ** 2))


def test_hiding_classes_changes_how_far_probabilities_are_trusted():
    """Seen classes are always likeliest, so that only hidden ones speak for averaging."""
    y = np.tile([0, 4, 8], 40)
    P = np.tile([[0.4, 0.3, 0.3], [0.3, 0.4, 0.3], [0.3, 0.3, 0.4]], (40, 1))
    all_seen = LokiPredictor(
        GivenProbabilities(), label_metric=[[0.0], [4.0], [8.0]], labels=[0, 4, 8]
    ).fit(P, y)
    assert all_seen.cv_results_["score"].min() == 0
    assert_array_equal(all_seen.predict(P), y)
    some_hidden = LokiPredictor(GivenProbabilities(), label_metric="ordinal").fit(P, y)
    # The middle class is the mean of the others, and of all three.
    assert_array_equal(some_hidden.predict([[0.5, 0.0, 0.5], [0.3, 0.4, 0.3]]), [4, 4])
    assert 1 < some_hidden.cv_results_["score"].min() < np.mean([16, 0, 64, 16, 16, 0])


@pytest.mark.parametrize("setting", [{}, CV])
@pytest.mark.parametrize("task", [ordinal_task, grid_task])
def test_never_worse_than_the_likeliest_class_on_the_same_folds(task, setting):
    X, y, *_ = task(0)
    metric = {"label_metric": "ordinal"} if task is ordinal_task else {"label_metric": "grid"}
    labels = {} if task is ordinal_task else {"labels": (6, 6)}
    model = LokiPredictor(GaussianNB(), **metric, **labels, random_state=0, **setting).fit(X, y)
    results = model.cv_results_
    likeliest = results["score"][(results["top_k"] == 1).filled(False)]
    assert len(likeliest)
    # What was chosen is among those tried.
    same_k = results["top_k"] == (model.top_k_ or 0)
    same_k = results["top_k"].mask if model.top_k_ is None else same_k.filled(False)
    (chosen,) = results["score"][same_k & (results["temperature"] == model.temperature_)]
    assert chosen <= likeliest.min()
    assert chosen <= 1.03 * results["score"].min()


@pytest.mark.parametrize("setting", [{}, CV])
@pytest.mark.parametrize("side", [None, 6])
def test_beats_the_likeliest_class_and_the_best_constant_on_unseen_labels(side, setting):
    shares = []
    for seed in range(4):
        X, y, X_new, y_new = ordinal_task(seed) if side is None else grid_task(seed)
        metric = {"label_metric": "ordinal", "labels": range(12)}
        if side:
            metric = {"label_metric": "grid", "labels": (side, side)}
        model = LokiPredictor(GaussianNB(), **metric, random_state=seed, **setting).fit(X, y)
        error = squares(model.predict(X_new), y_new, side).mean()
        likeliest = squares(model.estimator_.predict(X_new), y_new, side).mean()
        constant = min(squares(label, y_new, side).mean() for label in model.classes_)
        assert error < min(likeliest, 0.5 * constant)
        shares.append(error / likeliest)
    assert np.mean(shares) < 0.92


@pytest.mark.parametrize("setting", [{}, CV])
def test_one_knob_may_be_fixed(setting):
    X, y, *_ = ordinal_task(0)
    model = LokiPredictor(GaussianNB(), label_metric="ordinal", random_state=0, **setting)
    model.set_params(temperature=0.77).fit(X, y)
    assert model.temperature_ == 0.77
    assert set(model.cv_results_["temperature"]) == {0.77}
    model.set_params(temperature=setting.get("temperature", "auto"), top_k=2).fit(X, y)
    assert model.top_k_ == 2
    assert set(model.cv_results_["top_k"]) == {2}
    model.set_params(temperature=1.5).fit(X, y)
    assert model.cv_results_ is None


def test_masking_fits_the_base_once_and_refitting_four_times():
    X, y, *_ = ordinal_task(0)
    for setting, n_fits in ({}, 1), ({"temperature": "cv"}, 4), ({"top_k": "cv"}, 4), (CV, 4):
        Recorder.log.clear()
        LokiPredictor(Recorder(), label_metric="ordinal", random_state=0, **setting).fit(X, y)
        assert len(Recorder.log) == n_fits


def test_refits_lack_a_third_of_the_classes_and_of_the_samples():
    X, y, *_ = ordinal_task(0)
    Recorder.log.clear()
    LokiPredictor(Recorder(), label_metric="ordinal", random_state=0, **CV).fit(X, y)
    whole, *refits = Recorder.log
    assert_array_equal(whole["y"], y)
    hidden = [set(y) - set(each["y"]) for each in refits]
    assert [len(each) for each in hidden] == [2, 2, 2]
    assert set.union(*hidden) == set(y)
    for each, classes in zip(refits, hidden, strict=True):
        # Of the other classes a third is held out, by chance more of one than of another.
        others = (~np.isin(y, list(classes))).sum()
        assert 0.5 * others < len(each["y"]) < 0.85 * others
        assert set(map(tuple, each["X"])) <= set(map(tuple, X))
    assert len(np.concatenate([each["y"] for each in refits])) < 2 * len(y)


def test_refits_hide_nothing_where_all_labels_were_seen():
    X, y, *_ = ordinal_task(0, n_grades=4, seen=range(4), n_samples=120)
    Recorder.log.clear()
    LokiPredictor(Recorder(), label_metric="ordinal", random_state=0, **CV).fit(X, y)
    assert [set(each["y"]) for each in Recorder.log] == [set(y)] * 4
    held_out = [len(y) - len(each["y"]) for each in Recorder.log[1:]]
    assert sum(held_out) == len(y)


@pytest.mark.parametrize("n_seen", [1, 2])
def test_refits_need_three_classes(n_seen):
    X, y = np.arange(8.0)[:, None], np.repeat([0, 6], 4) % (6 * n_seen - 5)
    model = LokiPredictor(Recorder(), label_metric="ordinal", labels=range(7), **CV)
    with pytest.raises(ValueError, match=rf"'cv' hide a third .* need 3 or more, got {n_seen}"):
        model.fit(X, y)


def test_refits_of_few_samples_keep_two_classes():
    """Two samples of a class are never held out together, unless the class is hidden."""
    X, y = np.arange(6.0)[:, None], np.repeat([0, 4, 8], 2)
    for seed in range(10):
        Recorder.log.clear()
        LokiPredictor(Recorder(), label_metric="ordinal", random_state=seed, **CV).fit(X, y)
        assert [len(set(fit["y"])) for fit in Recorder.log] == [3, 2, 2, 2]


def test_refits_of_a_pipeline_in_parallel():
    X, y, X_new, _ = ordinal_task(0)
    base = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    found = []
    for n_jobs in (None, 2):
        model = LokiPredictor(base, label_metric="ordinal", n_jobs=n_jobs, random_state=0, **CV)
        found.append(model.fit(X, y))
    assert_array_equal(found[0].cv_results_["score"], found[1].cv_results_["score"])
    assert_array_equal(found[0].predict(X_new), found[1].predict(X_new))


def test_a_base_that_learnt_by_heart_is_seen_through_by_refits():
    """One neighbour is always certain of its own sample: masking then knows nothing of errors."""
    X, y, X_new, y_new = ordinal_task(0, seen=range(12), noise=2.0)
    metric = {"label_metric": "ordinal", "labels": range(12), "random_state": 0}
    base = KNeighborsClassifier(1)
    masked = LokiPredictor(FrozenEstimator(base.fit(X, y)), **metric).fit(X, y)
    assert masked.cv_results_["score"].min() == 0
    for setting in ({}, CV):  # where all labels were seen, both refit
        refitted = LokiPredictor(base, **metric, **setting).fit(X, y)
        held_out = np.mean((refitted.predict(X_new) - y_new) ** 2)
        assert 0.6 < refitted.cv_results_["score"].min() / held_out < 1.6


def test_where_all_labels_were_seen_masking_would_tell_nothing():
    """Then "auto" refits as well, if there are two samples of each class to do it with."""
    X, y, *_ = ordinal_task(0, n_grades=4, seen=range(4), n_samples=120)
    for samples, n_fits in (slice(None), 4), (np.unique(y, return_index=True)[1], 1):
        Recorder.log.clear()
        LokiPredictor(Recorder(), label_metric="ordinal").fit(X[samples], y[samples])
        assert len(Recorder.log) == n_fits


@pytest.mark.parametrize("setting", [{}, CV])
def test_more_unseen_samples_are_predicted_better_where_more_are_expected(setting):
    """Over several tasks, on samples of unseen classes and of seen ones."""
    errors = {0.0: [], 1.0: []}
    for seed in range(4):
        X, y, X_new, y_new = ordinal_task(seed)
        unseen = ~np.isin(y_new, y)
        for share, found in errors.items():
            model = LokiPredictor(
                GaussianNB(), label_metric="ordinal", random_state=0, unseen_share=share, **setting
            )
            squared = (model.fit(X, y).predict(X_new) - y_new) ** 2
            found.append([squared[unseen].mean(), squared[~unseen].mean()])
    seen_only, unseen_only = (np.mean(errors[share], axis=0) for share in (0.0, 1.0))
    assert unseen_only[0] < seen_only[0]
    assert seen_only[1] < unseen_only[1]
