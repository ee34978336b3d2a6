"""Every way of giving the label metric, end to end against brute force."""

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_matrix, csr_array
from scipy.spatial.distance import cdist
from sklearn.naive_bayes import GaussianNB

from skmanifold import LokiPredictor
from tests.classification.loki_toys import (
    ANIMALS,
    PUBLISHED,
    animal_distances,
    first_least,
    given,
    ordinal_task,
    path_lengths,
    random_probabilities,
    risks_of,
)

RNG = np.random.default_rng(5)
NAMES = np.array([f"label {place}" for place in RNG.permutation(14)])
NUMBERS = RNG.permutation(100)[:14]
TREE = [(at, int(RNG.integers(at)), float(RNG.uniform(0.1, 2))) for at in range(1, 14)]
MORE = [(7, 3, 0.2), (12, 0, 0.7), (9, 4, 1.0), (13, 1, 3.0)]
GRAPH = TREE + MORE
CROSS = [edge[:2] for edge in MORE]
PARENTS = [(one, other, 1.0) for one, other, _ in TREE]
POINTS = RNG.normal(size=(14, 3))
UNNAMED = "(('the a':1,b:2.5):1,(c,d:0.5)e:2,(f,(g,h:3)[note]:1.5))root;"
UNNAMED_EDGES = [
    ("the a", "_1", 1), ("b", "_1", 2.5), ("_1", "root", 1), ("c", "e", 1), ("d", "e", 0.5),
    ("e", "root", 2), ("f", "_2", 1), ("g", "_3", 1), ("h", "_3", 3), ("_3", "_2", 1.5),
    ("_2", "root", 1),
]  # fmt: skip


@dataclass
class Case:
    """A metric as a user gives it, and what it means: distances between names."""

    metric: Any
    labels: Any
    names: Any
    distances: Any
    targets: Any = None  # names that may be predicted, if not all
    method: str = "dense"


def graph_case(edges, names, **attributes):
    graph = nx.DiGraph() if len(edges) % 2 else nx.Graph()
    for one, other, length in edges:
        graph.add_edge(names[one], names[other], weight=length)
    found = path_lengths([(names[a], names[b], length) for a, b, length in edges], list(names))
    return Case(graph, "all", names, found, **attributes)


def sparse_case(edges, names, **attributes):
    rows, columns, lengths = zip(*edges, strict=True)
    matrix = coo_matrix((lengths, (rows, columns)), shape=(len(names), len(names)))
    return Case(matrix, names, names, path_lengths(edges, range(len(names))), **attributes)


def parents_case(names, extra=()):
    parents = {names[one]: [names[other]] for one, other, _ in PARENTS}
    for one, other in extra:
        parents[names[one]] = [*parents[names[one]], names[other]]
    edges = PARENTS + [(one, other, 1.0) for one, other in extra]
    mapping = parents if extra else {child: parent for child, (parent,) in parents.items()}
    found = path_lengths(edges, range(len(names)))
    return Case(mapping, "all", names, found, method="graph" if extra else "tree")


def newick_case(labels, targets):
    names = sorted({name for edge in UNNAMED_EDGES for name in edge[:2]})
    return Case(UNNAMED, labels, names, path_lengths(UNNAMED_EDGES, names), targets, "tree")


def animal_case(labels, targets):
    names = sorted(ANIMALS)
    return Case(ANIMALS, labels, names, animal_distances(names), targets, "tree")


def root_distance(one, other):
    return np.sqrt(abs(np.subtract.outer(one, other)))


def table_case(make, names, distances, **attributes):
    return Case(make, names, names, distances, **attributes)


APART = cdist(POINTS, POINTS)
CITYBLOCK = cdist(POINTS, POINTS, "cityblock")
LISTS = dict(zip(NUMBERS.tolist(), POINTS.tolist(), strict=True))
SHUFFLED = RNG.permutation(14)
CELLS = np.stack(np.unravel_index(np.arange(20), (4, 5)), axis=1)
FLOATS = np.array([0.5, 1.25, 3.0, 3.75, 9.5])
LEAVES = ["the a", "b", "c", "d", "f", "g", "h"]
CASES = {
    "matrix": table_case(CITYBLOCK, NAMES, CITYBLOCK),
    "matrix as lists": table_case(CITYBLOCK.tolist(), NUMBERS, CITYBLOCK),
    "frame": Case(pd.DataFrame(CITYBLOCK, NAMES, NAMES).iloc[:, SHUFFLED], "all", NAMES, CITYBLOCK),
    "frame, some labels": Case(
        pd.DataFrame(CITYBLOCK, NUMBERS, NUMBERS), NUMBERS[4:9], NUMBERS, CITYBLOCK, NUMBERS[4:9]
    ),
    "frame of points": Case(
        pd.DataFrame(POINTS, NAMES, ["x", "y", "z"]), "all", NAMES, APART, method="embedding"
    ),
    "networkx tree": graph_case(TREE, NAMES, method="tree"),
    "networkx": graph_case(GRAPH, NUMBERS, method="graph"),
    "networkx hops": graph_case([(a, b, 1) for a, b, _ in GRAPH], NAMES, method="graph"),
    "sparse tree": sparse_case(TREE, NUMBERS, method="tree"),
    "sparse": sparse_case(GRAPH, NAMES, method="graph"),
    "parents, strings": parents_case(NAMES),
    "parents, integers": parents_case(NUMBERS),
    "several parents": parents_case(NAMES, CROSS),
    "several parents, integers": parents_case(NUMBERS, CROSS),
    "newick": newick_case("all", [*LEAVES, "e", "root"]),
    "newick leaves": newick_case("leaves", LEAVES),
    "newick some": newick_case(["b", "e", "h"], ["b", "e", "h"]),
    "leaves": animal_case("leaves", ["carp", "cow", "lion", "tuna"]),
    "inner nodes": animal_case(np.array(["mammal", "fish"]), ["fish", "mammal"]),
    "embeddings": Case(
        dict(zip(NAMES.tolist(), POINTS, strict=True)), "all", NAMES, APART, method="embedding"
    ),
    "embeddings, integers": Case(LISTS, "all", NUMBERS, APART, method="embedding"),
    "embedding array": table_case(POINTS, NAMES, APART, method="embedding"),
    "ordinal numbers": Case(
        "ordinal", FLOATS, FLOATS, abs(FLOATS[:, None] - FLOATS), method="embedding"
    ),
    "ordinal strings": Case(
        "ordinal", NAMES, NAMES, abs(np.subtract.outer(range(14), range(14))), method="embedding"
    ),
    "grid": Case("grid", (4, 5), np.arange(20), cdist(CELLS, CELLS), method="embedding"),
    "callable": table_case(root_distance, NUMBERS, root_distance(NUMBERS, NUMBERS)),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def tables(case, n_seen):
    """Seen classes, sorted; labels, sorted; and the distances between them, as the case says."""
    names = np.asarray(case.names)
    named = [at for at, name in enumerate(names.tolist()) if not str(name).startswith("_")]
    seen = np.random.default_rng(2).permutation(named)[:n_seen]
    targets = names[named] if case.targets is None else np.asarray(case.targets)
    columns = np.array([names.tolist().index(target) for target in np.sort(targets).tolist()])
    seen = seen[np.argsort(names[seen])]
    return names[seen], names[columns], np.asarray(case.distances, dtype=float)[seen][:, columns]


@every_case
@pytest.mark.parametrize("power", [1, 1.5, 2])
@pytest.mark.parametrize("n_seen", [2, 5])
def test_prediction_is_the_frechet_mean(case, power, n_seen):
    seen, labels, table = tables(case, n_seen)
    P = random_probabilities(200, n_seen)
    risks = risks_of(table, P, power)
    expected = labels[first_least(risks)]
    for method in ("auto", case.method, "dense"):
        model = given(
            seen, label_metric=case.metric, labels=case.labels, power=power, method=method
        )
        assert_array_equal(model.classes_, labels)
        assert_array_equal(model.seen_classes_, seen)
        assert_array_equal(model.predict(P), expected)
        assert_allclose(model.frechet_variance(P), risks.min(axis=1), atol=1e-10)


@every_case
def test_other_methods_do_not_fit(case):
    seen, *_ = tables(case, 3)
    for method in {"tree", "graph", "embedding"} - {case.method}:
        with pytest.raises(ValueError, match=f"method='{method}' does not fit.*'{case.method}'"):
            given(seen, label_metric=case.metric, labels=case.labels, method=method)


@every_case
def test_base_predictions_are_kept_where_it_is_certain(case):
    seen, labels, _ = tables(case, 4)
    model = given(seen, label_metric=case.metric, labels=case.labels)
    can = np.isin(seen, labels)
    assert_array_equal(model.predict(np.eye(4))[can], seen[can])


def test_order_of_rows_means_nothing_and_names_mean_everything():
    X, y, X_new, _ = ordinal_task(0)
    apart = abs(np.subtract.outer(range(12), range(12)))
    metric = pd.DataFrame(apart, range(12), range(12))
    shuffled = metric.sample(frac=1, random_state=0).sample(frac=1, axis=1, random_state=1)
    renamed = pd.DataFrame(apart, *[np.random.default_rng(0).permutation(12)] * 2)

    def predicted(label_metric, labels="all"):
        model = LokiPredictor(GaussianNB(), label_metric=label_metric, labels=labels, **PUBLISHED)
        return model.fit(X, y).predict(X_new)

    plain = predicted(metric)
    assert_array_equal(predicted(shuffled), plain)
    order = np.random.default_rng(3).permutation(12)
    assert_array_equal(predicted(apart[np.ix_(order, order)], order), plain)
    assert_array_equal(predicted("ordinal"), plain)
    assert (predicted(renamed) != plain).mean() > 0.5


def test_integers_between_those_of_y_are_labels():
    assert_array_equal(given([3, -1], label_metric="ordinal").classes_, [-1, 0, 1, 2, 3])
    assert_array_equal(given([3.5, -1], label_metric="ordinal").classes_, [-1, 3.5])


def test_what_is_given_is_not_written_to():
    matrix, points, graph = CITYBLOCK.copy(), POINTS.copy(), csr_array(CITYBLOCK)
    for metric in (matrix, points, graph):
        given(NUMBERS[:4], label_metric=metric, labels=NUMBERS).predict(np.eye(4))
    assert_array_equal(matrix, CITYBLOCK)
    assert_array_equal(points, POINTS)
    assert_array_equal(graph.toarray(), CITYBLOCK)


def test_labels_of_the_classifier_may_be_of_another_width():
    """Strings of other lengths, objects, and integers of other sizes are the same labels."""
    P = random_probabilities(50, 3)
    seen = ["carp", "cow", "lion"]
    plain = given(seen, label_metric=ANIMALS).predict(P)
    for dtype in (object, "U20"):
        assert_array_equal(given(np.array(seen, dtype), label_metric=ANIMALS).predict(P), plain)
    assert_array_equal(
        given(np.array([1, 3, 9], np.uint8), label_metric="ordinal").predict(P),
        given([1.0, 3.0, 9.0], label_metric="ordinal", labels=np.arange(1, 10)).predict(P),
    )
