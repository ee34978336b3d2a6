"""Predictions against risks by brute force, in double precision and over all labels.

The distances here are made by other means than the package's: Floyd and Warshall's algorithm,
differences of coordinates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from benchmarks._label_peers import given

TIE = 1e-12  # relative difference below which two risks are the same
N_CASES, N_ROWS, MOST_LABELS = 160, 80, 60
POWERS = (2.0, 1.0, 1.3)
TREES = {
    "path": lambda i, rng: i - 1,
    "star": lambda i, rng: 0,
    "recursive": lambda i, rng: rng.integers(0, i),
    "deep": lambda i, rng: rng.integers(max(0, i - 3), i),
}


def count_mismatches(risks, labels, predicted):
    """Samples whose predicted label has not the least risk, or not the lowest label that has.

    Parameters
    ----------
    risks : ndarray of shape (n_samples, n_labels)
    labels : ndarray of shape (n_labels,)
        Ascending.
    predicted : ndarray of shape (n_samples,)
    """
    at = np.searchsorted(labels, predicted).clip(max=len(labels) - 1)
    own, least = risks[np.arange(len(risks)), at], risks.min(axis=1)
    worse = own > least * (1 + TIE)
    below = np.arange(len(labels)) < at[:, None]
    lower = (below & (risks <= own[:, None] * (1 + TIE))).any(axis=1)
    return int(np.sum(worse | lower | (labels[at] != predicted)))


@dataclass(frozen=True)
class Case:
    """A label space, seen classes and probabilities of these; labels ascend along the table."""

    label_metric: Any
    labels: Any
    seen: np.ndarray
    candidates: np.ndarray
    table: np.ndarray
    power: float
    P: np.ndarray


def shortest_paths(n_nodes, edges):
    """Lengths of shortest paths between all nodes, from `(node, node, length)`."""
    lengths = np.where(np.eye(n_nodes, dtype=bool), 0.0, np.inf)
    for u, v, length in edges:
        lengths[u, v] = lengths[v, u] = min(lengths[u, v], length)
    for via in range(n_nodes):
        lengths = np.minimum(lengths, lengths[:, [via]] + lengths[via])
    return lengths


def _lengths(rng, size):
    """Of edges: all one, random, or small integers with zeros among them."""
    kinds = (np.ones(size), 3 * rng.random(size), rng.integers(0, 3, size).astype(float))
    return kinds[rng.integers(3)]


def _networkx(names, edges):
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(names.tolist())
    graph.add_weighted_edges_from((names[u], names[v], length) for u, v, length in edges)
    return graph


def _tree_edges(n_nodes, rng):
    above = TREES[list(TREES)[rng.integers(len(TREES))]]
    lengths = _lengths(rng, n_nodes)
    return [(i, int(above(i, rng)), float(lengths[i])) for i in range(1, n_nodes)]


def tree(names, rng):
    """A path, a star or a random tree; returns a metric and its distances."""
    edges = _tree_edges(len(names), rng)
    return _networkx(names, edges), shortest_paths(len(names), edges)


def graph(names, rng):
    """A tree with half as many edges again."""
    n_nodes = len(names)
    edges = {frozenset((u, v)): (u, v, length) for u, v, length in _tree_edges(n_nodes, rng)}
    for u, v in rng.integers(0, n_nodes, (n_nodes // 2, 2)).tolist():
        if u != v:
            edges.setdefault(frozenset((u, v)), (u, v, float(_lengths(rng, 1)[0])))
    return _networkx(names, edges.values()), shortest_paths(n_nodes, edges.values())


def embedding(names, rng):
    """Points in up to five dimensions, at random or on a lattice, where risks are often equal."""
    points = rng.normal(size=(len(names), rng.integers(1, 6)))
    if rng.integers(2):
        points = (2 * points).round()
    apart = points[:, None] - points[None]
    return dict(zip(names.tolist(), points, strict=True)), np.sqrt((apart**2).sum(axis=2))


def matrix(names, rng):
    """A table with its rows and columns in different orders."""
    import pandas as pd

    upper = np.triu(1 + rng.random((len(names),) * 2), 1)
    distances = upper + upper.T
    frame = pd.DataFrame(distances, index=names, columns=names)
    return frame.sample(frac=1, axis=1, random_state=int(rng.integers(2**31))), distances


def random_space(kind, rng):
    """A metric, which labels may be predicted, the names of the nodes and their distances."""
    names = rng.permutation(int(rng.integers(2, MOST_LABELS)))
    label_metric, distances = kind(names, rng)
    chosen = rng.permutation(names)[: rng.integers(1, len(names) + 1)]
    return label_metric, ("all" if rng.integers(2) else chosen), names, distances


def grid_space(rng):
    """As `random_space`, the cells of a box of up to three dimensions, all of them."""
    shape = tuple(rng.integers(2, 5, rng.integers(1, 4)).tolist())
    cells = np.arange(np.prod(shape))
    points = np.stack(np.unravel_index(cells, shape), axis=1)
    apart = points[:, None] - points[None]
    return "grid", shape, cells, np.sqrt((apart**2).sum(axis=2))


def _probabilities(n_seen, rng):
    """Rows of any sharpness; in every fifth case quarters, which make equal risks."""
    P = rng.random((N_ROWS, n_seen)) ** rng.integers(1, 12)
    if rng.integers(5) == 0:
        P = (4 * P).round()
        P[:, 0] += 1
    return P / P.sum(axis=1, keepdims=True)


def random_case(make_space: Callable, rng):
    """One label space with probabilities."""
    label_metric, labels, names, distances = make_space(rng)
    seen = np.sort(rng.permutation(names)[: rng.integers(1, len(names) + 1)])
    listed = not isinstance(labels, (str, tuple))
    candidates = np.sort(labels if listed else names)
    at = np.argsort(names)  # names are 0, 1, ... in some order
    return Case(
        label_metric=label_metric,
        labels=labels,
        seen=seen,
        candidates=candidates,
        table=distances[np.ix_(at[seen], at[candidates])],
        power=POWERS[rng.integers(len(POWERS))],
        P=_probabilities(len(seen), rng),
    )


def random_cases(make_space: Callable):
    """Loader of many random cases of a kind."""

    def load(seed):
        rng = np.random.default_rng(seed)
        return [random_case(make_space, rng) for _ in range(N_CASES)]

    return load


def fit_cases(estimator, cases):
    """Predictions of the plain rule for every case."""
    return [_predict(clone(estimator), case) for case in cases]


def _predict(estimator, case):
    estimator.set_params(
        estimator=given(case.seen),
        label_metric=case.label_metric,
        labels=case.labels,
        power=case.power,
    )
    return estimator.fit(case.P, np.resize(case.seen, len(case.P))).predict(case.P)


def score_cases(estimator, predictions, cases, seed):
    """Predictions in all, and those that brute force does not confirm."""
    wrong = [
        count_mismatches(case.P @ case.table**case.power, case.candidates, predicted)
        for case, predicted in zip(cases, predictions, strict=True)
    ]
    return {"mismatches": sum(wrong), "predictions": sum(map(len, predictions))}
