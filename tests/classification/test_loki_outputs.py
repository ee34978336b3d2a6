"""What LokiPredictor says beside its predictions: ranks, risks, probabilities, the locus."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn import config_context

from skmanifold import LokiPredictor
from tests.classification.loki_toys import (
    ANIMALS,
    PUBLISHED,
    animal_distances,
    first_least,
    given,
    ordinal_task,
    random_probabilities,
    risks_of,
)

SEEN = np.array(["carp", "cow", "lion"])
LABELS = np.array(sorted(ANIMALS))
TABLE = animal_distances(LABELS)[np.searchsorted(LABELS, SEEN)]
P = random_probabilities(120, 3)
# The same distances in ways that other solvers take
METRICS = {
    "tree": {"label_metric": ANIMALS},
    "dense": {"label_metric": animal_distances(LABELS), "labels": LABELS},
    "callable": {"label_metric": lambda A, B: cdist(_at(A), _at(B), _apart), "labels": LABELS},
}
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
powers = pytest.mark.parametrize("power", [1, 1.5, 2])


def _at(labels):
    return np.searchsorted(LABELS, labels)[:, None]


def _apart(one, other):
    return animal_distances(LABELS)[int(one[0]), int(other[0])]


@every_metric
@powers
@pytest.mark.parametrize("setting", [PUBLISHED, {"temperature": 0.5, "top_k": 2}])
def test_risks_are_those_of_the_formula(metric, power, setting):
    model = given(SEEN, **metric, power=power, **setting)
    kept = None if setting["top_k"] == "all" else 2
    risks = risks_of(TABLE, P, power, setting["temperature"], kept)
    assert_allclose(model.decision_function(P), -risks, atol=1e-10)
    assert_allclose(model.frechet_variance(P), risks.min(axis=1), atol=1e-10)
    assert_array_equal(model.predict(P), LABELS[first_least(risks)])


@every_metric
@powers
@pytest.mark.parametrize("k", [1, 2, 5, len(LABELS)])
def test_the_k_best(metric, power, k):
    model = given(SEEN, **metric, power=power)
    best = model.predict_topk(P, k)
    risks = risks_of(TABLE, P, power).round(9)  # labels of equal risks stay in their order
    order = np.argsort(risks, axis=1, kind="stable")[:, :k]
    assert_array_equal(best, LABELS[order])
    assert_array_equal(best[:, 0], model.predict(P))


def test_five_are_best_by_default():
    assert_array_equal(given(SEEN, **METRICS["tree"]).predict_topk(P).shape, (len(P), 5))


@pytest.mark.parametrize("k", [0, -1, len(LABELS) + 1, 2.0, "all", None])
def test_bad_k(k):
    with pytest.raises(ValueError, match=f"k must be an integer from 1 to {len(LABELS)}, got"):
        given(SEEN, **METRICS["tree"]).predict_topk(P, k=k)


@every_metric
def test_certainty_has_no_variance(metric):
    assert_array_equal(given(SEEN, **metric).frechet_variance(np.eye(3)), np.zeros(3))


def test_scores_of_two_labels_are_one_dimensional():
    P = random_probabilities(50, 2)
    model = given([0, 1], label_metric="ordinal")
    scores = model.decision_function(P)
    assert_allclose(scores, P[:, 1] - P[:, 0], atol=1e-12)
    assert_array_equal(model.predict(P), (scores > 0).astype(int))
    assert model.predict_proba(P).shape == (50, 2)


def test_best_score_is_the_prediction():
    X, y, X_new, _ = ordinal_task(0)
    model = LokiPredictor(label_metric="ordinal", random_state=0).fit(X / 12, y)
    predicted = model.predict(X_new / 12)
    for method in (model.decision_function, model.predict_proba):
        assert_array_equal(model.classes_[method(X_new / 12).argmax(axis=1)], predicted)


@every_metric
def test_probabilities(metric):
    model = given(SEEN, **metric)
    found = model.predict_proba(P)
    assert_allclose(found.sum(axis=1), 1)
    # A softmax of minus the scaled risks
    risks = risks_of(TABLE, P) / model.proba_scale_
    weights = np.exp(risks.min(axis=1, keepdims=True) - risks)
    assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), atol=1e-10)


def test_probabilities_are_likelier_than_coarser_and_finer_ones():
    X, y, X_new, y_new = ordinal_task(3)
    model = LokiPredictor(label_metric="ordinal", random_state=0).fit(X / 12, y)

    def likelihood(scale):
        model.proba_scale_ = scale
        return np.log(model.predict_proba(X_new / 12)[np.arange(len(y_new)), y_new]).mean()

    best = model.proba_scale_
    assert likelihood(best) > likelihood(best * 16)
    assert likelihood(best) > likelihood(best / 16)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_a_table_that_does_not_fit_is_refused(method):
    model = given([0, 49_999], label_metric="ordinal")
    P = random_probabilities(100, 2)
    with config_context(working_memory=1):
        with pytest.raises(ValueError, match=r"100 samples x 50000 labels take 38 MiB.*working_me"):
            getattr(model, method)(P)
        # Not these two, for which nothing of that size is made
        assert_array_equal(model.predict(P), np.rint(49_999 * P[:, 1]))
        assert_array_equal(model.predict_topk(P, 1)[:, 0], model.predict(P))
    assert getattr(model, method)(P[:2]).shape == (2, 50_000)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_error_radius_holds_the_truth_as_often_as_it_says(level):
    shares = []
    for seed in range(3):
        X, y, X_new, y_new = ordinal_task(seed, noise=1.5)
        model = LokiPredictor(label_metric="ordinal", random_state=0).fit(X / 12, y)
        radius = model.error_radius(X_new / 12, level)
        assert (radius >= 0).all()
        assert (radius <= model.error_radius(X_new / 12, 0.95)).all()
        shares.append(np.mean(abs(model.predict(X_new / 12) - y_new) <= radius))
    assert np.mean(shares) > level - 0.1


@pytest.mark.parametrize("level", [0, 1, -1, 90])
def test_bad_level(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        given(SEEN, **METRICS["tree"]).error_radius(P, level)


@powers
def test_locus_of_a_tree_is_the_hull(power):
    model = given(SEEN, label_metric=ANIMALS, power=power)
    at = {label: place for place, label in enumerate(LABELS)}
    D = animal_distances(LABELS)
    between = [
        D[at[one], each] + D[each, at[other]] == D[at[one], at[other]]
        for one, other in combinations(SEEN, 2)
        for each in range(len(LABELS))
    ]
    hull = np.reshape(between, (3, -1)).any(axis=0)
    if power > 1:
        assert_array_equal(model.locus_, LABELS[hull])
    many = model.predict(random_probabilities(3000, 3, concentration=1))
    assert set(many) <= set(model.locus_) <= set(LABELS[hull])


def test_four_corners_of_a_grid_reach_all_cells():
    model = given([0, 4, 20, 24], label_metric="grid", labels=(5, 5))
    assert_array_equal(model.locus_, np.arange(25))


def test_three_corners_of_a_grid_do_not():
    model = given([0, 4, 20], label_metric="grid", labels=(5, 5))
    rows, columns = np.divmod(np.arange(25), 5)
    # The triangle, and the cells which touch it where four are equally near.
    assert_array_equal(model.locus_, np.flatnonzero(rows + columns <= 5))
    P = random_probabilities(2000, 3, concentration=1)
    assert_array_equal(np.unique(model.predict(P)), np.flatnonzero(rows + columns <= 4))


def test_where_all_labels_are_alike_only_seen_ones_are_in_reach():
    for model in (
        given([1, 4, 5], label_metric=nx.complete_graph(7)),
        given([1, 4, 5], label_metric=2.0 * (1 - np.eye(7)), labels=range(7)),
    ):
        assert_array_equal(model.locus_, [1, 4, 5])


def test_one_seen_class_reaches_itself():
    assert_array_equal(given([3], label_metric="grid", labels=(3, 3)).locus_, [3])


def test_next_class_on_a_tree_is_the_farthest_from_the_hull():
    model = given(["carp", "cow"], label_metric=ANIMALS)
    # lion is two steps away from mammal, which lies on the path; the others one or on it
    assert_array_equal(model.select_next_class(), ["lion"])
    assert_array_equal(model.select_next_class(2), ["lion", "tuna"])
    unseen = sorted(set(LABELS) - {"carp", "cow"})
    assert sorted(model.select_next_class(6)) == unseen


def test_next_classes_on_a_tree_are_the_best_set():
    model = given(["carp"], label_metric=ANIMALS)

    def hull_size(labels):
        return len(given(["carp", *labels], label_metric=ANIMALS).locus_)

    for n in (1, 2):
        best = max(hull_size(each) for each in combinations(LABELS[LABELS != "carp"], n))
        assert hull_size(model.select_next_class(n)) == best


def test_next_class_elsewhere_is_the_farthest_from_all_before():
    model = given([0], label_metric="grid", labels=(5, 5))
    assert_array_equal(model.select_next_class(3), [24, 4, 20])
    assert_array_equal(given([0, 10], label_metric="ordinal").select_next_class(), [5])


def test_bad_n():
    model = given([0, 3], label_metric="ordinal")
    assert_array_equal(np.sort(model.select_next_class(2)), [1, 2])
    with pytest.raises(ValueError, match="n=3 labels cannot be selected: 2 of the 4 labels"):
        model.select_next_class(3)
    with pytest.raises(ValueError, match="n="):
        model.select_next_class(-1)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.predict_topk([[0.0]]),
        lambda model: model.frechet_variance([[0.0]]),
        lambda model: model.error_radius([[0.0]]),
        lambda model: model.select_next_class(),
        lambda model: model.predict_from_proba([[1.0]], [0]),
    ],
)
def test_without_a_metric_there_is_no_geometry(call):
    model = LokiPredictor().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"needs a label_metric; this estimator was fitted with N"):
        call(model)
