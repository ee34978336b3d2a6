"""Predictions from probabilities that come from elsewhere."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold import LokiPredictor
from tests.classification.loki_toys import (
    ANIMALS,
    animal_distances,
    first_least,
    given,
    ordinal_task,
    random_probabilities,
    risks_of,
)

CLASSES = np.array(["lion", "carp", "mammal", "tuna"])  # in no order
LABELS = np.array(sorted(ANIMALS))
TABLE = animal_distances(LABELS)[np.searchsorted(LABELS, CLASSES)]
P = random_probabilities(150, 4)


@pytest.mark.parametrize("method", ["auto", "dense"])
@pytest.mark.parametrize("power", [1, 1.5, 2])
def test_without_a_fit_the_published_rule(method, power):
    model = LokiPredictor(label_metric=ANIMALS, power=power, method=method)
    expected = LABELS[first_least(risks_of(TABLE, P, power))]
    assert_array_equal(model.predict_from_proba(P, CLASSES), expected)
    assert not hasattr(model, "classes_")


def test_without_a_fit_the_settings_that_are_given():
    model = LokiPredictor(label_metric=ANIMALS, temperature=0.5, top_k=2)
    expected = LABELS[first_least(risks_of(TABLE, P, temperature=0.5, top_k=2))]
    assert_array_equal(model.predict_from_proba(P, CLASSES), expected)


def test_after_a_fit_the_settings_that_were_found():
    X, y, X_new, _ = ordinal_task(0)
    model = LokiPredictor(label_metric="ordinal", random_state=0).fit(X / 12, y)
    P = model.estimator_.predict_proba(X_new / 12)
    found = model.predict_from_proba(P, model.seen_classes_)
    assert_array_equal(found, model.predict(X_new / 12))


def test_after_a_fit_any_classes_will_do():
    model = given(["cat", "cow"], label_metric=ANIMALS)
    expected = LABELS[first_least(risks_of(TABLE, P))]
    assert_array_equal(model.predict_from_proba(P, CLASSES), expected)
    assert_array_equal(model.seen_classes_, ["cat", "cow"])


def test_order_of_columns_does_not_matter():
    model = LokiPredictor(label_metric=ANIMALS)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(4)
        assert_array_equal(
            model.predict_from_proba(P[:, order], CLASSES[order]),
            model.predict_from_proba(P, CLASSES),
        )


def test_rows_need_not_sum_to_one():
    model = LokiPredictor(label_metric=ANIMALS, temperature=0.7)
    scale = np.random.default_rng(0).uniform(0.01, 100, (len(P), 1))
    assert_array_equal(
        model.predict_from_proba(P * scale, CLASSES), model.predict_from_proba(P, CLASSES)
    )


@pytest.mark.parametrize("size", [1e-300, 5e-324, 1e300])
def test_tiny_and_huge_rows(size):
    model = LokiPredictor(label_metric=ANIMALS)
    rows = np.array([[0, 1, 0, 1]], dtype=float)
    assert_array_equal(model.predict_from_proba(rows * size, CLASSES), ["fish"])


def test_lists_and_frames_and_one_column():
    pandas = pytest.importorskip("pandas")
    model = LokiPredictor(label_metric=ANIMALS)
    plain = model.predict_from_proba(P, CLASSES)
    assert_array_equal(model.predict_from_proba(P.tolist(), CLASSES.tolist()), plain)
    frame = pandas.DataFrame(P, columns=CLASSES)
    assert_array_equal(model.predict_from_proba(frame, frame.columns), plain)
    assert_array_equal(model.predict_from_proba([[0.3], [0.0]], ["cow"]), ["cow", "cow"])


def test_what_is_given_is_not_written_to():
    kept = P.copy()
    LokiPredictor(label_metric=ANIMALS, temperature=2).predict_from_proba(P, CLASSES)
    assert_array_equal(P, kept)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda P: -P, r"P must not be negative; row 0 holds -.* in column 0"),
        (lambda P: np.full_like(P, np.nan), "P contains NaN"),
        (lambda P: np.full_like(P, np.inf), "P contains infinity"),
        (lambda P: P[:, :3], "P has 3 columns, but there are 4 classes"),
        (lambda P: P[0], "Expected 2D array"),
        (lambda P: P[:0], r"0 sample\(s\)"),
    ],
)
def test_bad_probabilities(change, match):
    with pytest.raises(ValueError, match=match):
        LokiPredictor(label_metric=ANIMALS).predict_from_proba(change(P), CLASSES)


def test_bad_classes():
    model = LokiPredictor(label_metric=ANIMALS)
    with pytest.raises(ValueError, match="classes must be distinct"):
        model.predict_from_proba(P, ["cat", "cow", "cat", "carp"])
    with pytest.raises(ValueError, match=r"classes holds labels .* does not know: 'dodo'"):
        model.predict_from_proba(P, ["cat", "cow", "dodo", "carp"])
    with pytest.raises(ValueError, match=r"classes holds the integer 1.*string '1'"):
        LokiPredictor(label_metric={"1": "2", "3": "2"}).predict_from_proba(P[:, :2], [1, 2])


def test_bad_parameters_without_a_fit():
    with pytest.raises(ValueError, match="predict_from_proba needs a label_metric; it is None"):
        LokiPredictor().predict_from_proba(P, CLASSES)
    with pytest.raises(ValueError, match="'ordinal' needs labels"):
        LokiPredictor(label_metric="ordinal").predict_from_proba(P, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="The 'power' parameter of LokiPredictor"):
        LokiPredictor(label_metric=ANIMALS, power=-1).predict_from_proba(P, CLASSES)
