import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skmanifold.metrics import (
    constant_medoid,
    label_distance_scorer,
    mean_squared_label_distance,
)

TAXONOMY = {
    "cat": "mammal",
    "cow": "mammal",
    "carp": "fish",
    "cod": "fish",
    "mammal": "animal",
    "fish": "animal",
}
NAMES = np.array([*TAXONOMY, "animal"])


def hop_metric(first, second):
    """Distances on TAXONOMY by walking up from both ends."""

    def up(name):
        path = [name]
        while path[-1] in TAXONOMY:
            path.append(TAXONOMY[path[-1]])
        return path

    def hops(a, b):
        return min(up(a).index(c) + up(b).index(c) for c in up(a) if c in up(b))

    return np.array([[hops(a, b) for b in second] for a in first], dtype=float)


def sides_of_edges():
    """On which side of every edge each label lies: Euclidean distances are roots of hops."""
    ends = hop_metric(NAMES, list(TAXONOMY)), hop_metric(NAMES, list(TAXONOMY.values()))
    return (ends[0] < ends[1]).astype(float)


MATRIX = hop_metric(NAMES, NAMES)
# The same distances in every way that can state them.
METRICS = {
    "mapping": (TAXONOMY, "all"),
    "matrix": (MATRIX, NAMES),
    "frame": (pd.DataFrame(MATRIX, index=NAMES, columns=NAMES).sample(frac=1, axis=1), "all"),
    "sparse": (csr_array(np.triu(MATRIX == 1).astype(float)), NAMES),
    "newick": ("((cat,cow)mammal,(carp,cod)fish)animal;", "all"),
    "callable": (hop_metric, NAMES),
    "embedding": (sides_of_edges(), NAMES),
}


@pytest.fixture
def two(rng):
    return rng.choice(NAMES, 40), rng.choice(NAMES, 40)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_mean_of_powers_of_distances(two, name, power):
    metric, labels = METRICS[name]
    root = 0.5 if name == "embedding" else 1  # its distances are roots of hops
    expected = np.mean([hop_metric([a], [b])[0, 0] ** power for a, b in zip(*two, strict=True)])
    found = mean_squared_label_distance(
        *two, label_metric=metric, labels=labels, power=power / root
    )
    assert_allclose(found, expected)


def test_is_what_it_generalises(rng):
    y_true, y_pred = rng.integers(0, 5, (2, 50))
    assert_allclose(
        mean_squared_label_distance(y_true, y_pred, label_metric="ordinal"),
        mean_squared_error(y_true, y_pred),
    )
    assert_allclose(
        mean_squared_label_distance(y_true, y_pred, label_metric="ordinal", power=1),
        mean_absolute_error(y_true, y_pred),
    )
    apart = 1 - np.eye(5)
    assert_allclose(
        mean_squared_label_distance(y_true, y_pred, label_metric=apart, labels=np.arange(5)),
        1 - accuracy_score(y_true, y_pred),
    )


def test_order_of_the_metric_does_not_matter(two, rng):
    order = rng.permutation(len(NAMES))
    shuffled = MATRIX[np.ix_(order, order)]
    assert mean_squared_label_distance(
        *two, label_metric=MATRIX, labels=NAMES
    ) == mean_squared_label_distance(*two, label_metric=shuffled, labels=NAMES[order])


def test_symmetric_and_zero_only_for_hits(two):
    y_true, y_pred = two
    loss = mean_squared_label_distance(y_true, y_pred, label_metric=TAXONOMY)
    assert loss == mean_squared_label_distance(y_pred, y_true, label_metric=TAXONOMY)
    assert loss > 0
    assert mean_squared_label_distance(y_true, y_true, label_metric=TAXONOMY) == 0


def test_weights_are_repetitions(two, rng):
    times = rng.integers(0, 4, 40)
    repeated = [np.repeat(y, times) for y in two]
    assert_allclose(
        mean_squared_label_distance(*two, label_metric=TAXONOMY, sample_weight=times),
        mean_squared_label_distance(*repeated, label_metric=TAXONOMY),
    )
    assert constant_medoid(two[0], label_metric=TAXONOMY, sample_weight=times) == constant_medoid(
        repeated[0], label_metric=TAXONOMY
    )


def test_containers(two):
    y_true, y_pred = two
    expected = mean_squared_label_distance(y_true, y_pred, label_metric=TAXONOMY)
    for box in (list, pd.Series, pd.Categorical):
        assert (
            mean_squared_label_distance(box(y_true), box(y_pred), label_metric=TAXONOMY) == expected
        )


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("power", [1, 2, 3])
def test_no_other_constant_is_better(name, power, rng):
    metric, labels = METRICS[name]
    for _ in range(5):
        y = rng.choice(NAMES, rng.integers(1, 12))
        weight = rng.random(len(y))
        risks = [
            mean_squared_label_distance(
                y,
                np.full(len(y), label),
                label_metric=metric,
                labels=labels,
                power=power,
                sample_weight=weight,
            )
            for label in np.sort(NAMES)
        ]
        best = np.sort(NAMES)[np.flatnonzero(risks <= np.min(risks) * (1 + 1e-12))[0]]
        found = constant_medoid(
            y, label_metric=metric, labels=labels, power=power, sample_weight=weight
        )
        assert found == best


def test_medoid_of_numbers_is_their_mean_or_median(rng):
    y = rng.integers(0, 100, 31)
    mean, median = (constant_medoid(y, label_metric="ordinal", power=p) for p in (2, 1))
    assert type(mean) is int
    assert abs(mean - y.mean()) <= 0.5
    assert median == np.median(y)


def test_medoid_may_be_unseen_but_must_be_allowed():
    y = ["cat", "carp"]
    assert constant_medoid(y, label_metric=TAXONOMY) == "animal"
    assert constant_medoid(y, label_metric=TAXONOMY, labels="leaves") == "carp"
    assert constant_medoid(y, label_metric=TAXONOMY, labels=["cod", "cow"]) == "cod"


def test_medoid_with_equal_distances_is_the_most_frequent(rng):
    y = rng.integers(0, 6, 50)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((50, 1)), y)
    medoid = constant_medoid(y, label_metric=1 - np.eye(6), labels=np.arange(6))
    assert medoid == dummy.predict([[0]])[0]


def test_weightless_labels_do_not_count():
    y = ["cat", "carp", "cod"]
    found = constant_medoid(y, label_metric=TAXONOMY, sample_weight=[1, 0, 0], labels="leaves")
    assert found == "cat"


@pytest.fixture
def grades(rng):
    y = rng.integers(0, 6, 150)
    return y[:, None] + rng.normal(size=(150, 2)), y


def test_scorer_is_minus_the_distance(grades, rng):
    X, y = grades
    model, weight = LogisticRegression().fit(X, y), rng.random(150)
    scorer = label_distance_scorer("ordinal", power=1)
    assert_allclose(scorer(model, X, y), -mean_absolute_error(y, model.predict(X)))
    assert_allclose(
        scorer(model, X, y, sample_weight=weight),
        -mean_absolute_error(y, model.predict(X), sample_weight=weight),
    )


@pytest.mark.parametrize("name", ["mapping", "frame", "sparse", "callable"])
def test_scorer_can_be_pickled(name):
    metric, labels = METRICS[name]
    X, y = np.eye(7), NAMES
    model = DummyClassifier(strategy="constant", constant="cod").fit(X, y)
    scorer = label_distance_scorer(metric, labels=labels)
    assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y) < 0


def test_scorer_in_parallel_searches(grades):
    X, y = grades
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1e-6, 1.0]},
        scoring={"d": label_distance_scorer("ordinal", labels=np.arange(6)), "acc": "accuracy"},
        refit="d",
        n_jobs=2,
    ).fit(X, y)
    assert search.best_params_ == {"C": 1.0}
    split = search.cv_results_["split0_test_d"][1]
    expected = cross_val_score(LogisticRegression(), X, y, scoring="neg_mean_squared_error")[0]
    assert_allclose(split, expected)


def test_weights_are_routed_to_the_scorer(grades, rng):
    X, y = grades
    weight = rng.random(150) * (y < 3)
    base, cv = LogisticRegression(), KFold(3)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = label_distance_scorer("ordinal").set_score_request(sample_weight=True)
        model = base.set_fit_request(sample_weight=False)
        params = {"sample_weight": weight}
        found = cross_val_score(model, X, y, scoring=scorer, cv=cv, params=params)
    expected = [
        -mean_squared_error(
            y[test], base.fit(X[train], y[train]).predict(X[test]), sample_weight=weight[test]
        )
        for train, test in cv.split(X)
    ]
    assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "message"),
    [
        (["cat"], ["dog"], {}, "y_pred holds labels .* not know: 'dog'"),
        (["dog"], ["cat"], {}, "y_true holds labels .* not know: 'dog'"),
        (["cat"], ["cat", "cow"], {}, "inconsistent numbers of samples"),
        ([], [], {}, "y_true is empty"),
        (["cat", 1], ["cat", "cow"], {}, "y_true mixes types"),
        (["cat"], [3], {}, "y_pred holds labels"),
        (["cat"], [None], {}, "y_pred holds a missing value"),
        (np.array([["cat"]]), ["cat"], {}, "y_true must be one-dimensional"),
        (["cat"], ["cat"], {"power": 0}, "power"),
        (["cat"], ["cat"], {"sample_weight": [-1]}, "sample_weight must not be negative"),
        (["cat"], ["cat"], {"sample_weight": [0]}, "positive somewhere"),
        (["cat"], ["cat"], {"sample_weight": [np.nan]}, "sample_weight contains NaN"),
        (["cat"], ["cat"], {"sample_weight": [[1]]}, r"sample_weight must have shape \(1,\)"),
        (["cat"], ["cat"], {"label_metric": "tree"}, "label_metric must be 'ordinal'"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, options, message):
    with pytest.raises(ValueError, match=message):
        mean_squared_label_distance(y_true, y_pred, **{"label_metric": TAXONOMY} | options)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (["dog"], {}, "y holds labels .* not know: 'dog'"),
        ([], {}, "y is empty"),
        (["cat"], {"power": -1}, "power"),
        (["cat"], {"sample_weight": [1, 2]}, "inconsistent numbers of samples"),
        (["cat"], {"labels": ["dog"]}, "labels holds labels .* not know: 'dog'"),
    ],
)
def test_bad_input_of_the_medoid_is_named(y, options, message):
    with pytest.raises(ValueError, match=message):
        constant_medoid(y, **{"label_metric": TAXONOMY} | options)
