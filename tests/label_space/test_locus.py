from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.optimize import linprog
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from skmanifold.label_space import _locus
from skmanifold.label_space._locus import locus


def grid(height, width):
    return np.stack(np.indices((height, width)), axis=-1).reshape(-1, 2).astype(float)


def graph_distances(rng, n_nodes, n_extra):
    """Hops in a random tree with more edges, nodes in no order."""
    edges = np.zeros((n_nodes, n_nodes))
    node = np.arange(1, n_nodes)
    edges[node, rng.integers(node)] = 1
    edges[tuple(rng.integers(n_nodes, size=(2, n_extra)))] = 1
    order = rng.permutation(n_nodes)
    return dijkstra(edges, directed=False)[np.ix_(order, order)]


def by_one_program_each(table):
    """The definition: is there a P under which no label has less risk?"""
    n_seen, n_labels = table.shape
    inside = np.empty(n_labels, dtype=bool)
    for label in range(n_labels):
        rivals = (table[:, [label]] - table).T / table.max()
        widest = linprog(
            np.append(np.zeros(n_seen), 1),
            A_ub=np.column_stack([rivals, -np.ones(n_labels)]),
            b_ub=np.zeros(n_labels),
            A_eq=[np.append(np.ones(n_seen), 0)],
            b_eq=[1],
            bounds=[(0, None)] * n_seen + [(-1, None)],
        )
        inside[label] = widest.fun < 1e-7  # 0 by its own row
    return inside


TABLES = {
    "tree": lambda rng: graph_distances(rng, 40, 0)[:5] ** 2,
    "graph": lambda rng: graph_distances(rng, 40, 15)[:5] ** 2,
    "graph, power 1": lambda rng: graph_distances(rng, 40, 15)[:5],
    "graph, power 3": lambda rng: graph_distances(rng, 40, 15)[:5] ** 3,
    "graph, power 0.5": lambda rng: graph_distances(rng, 40, 15)[:5] ** 0.5,
    "three cells": lambda rng: cdist(grid(6, 7)[[0, 6, 37]], grid(6, 7)) ** 2,
    "points": lambda rng: cdist(points := rng.normal(size=(60, 3)), points)[:9] ** 2,
    "many seen": lambda rng: cdist(points := rng.normal(size=(50, 5)), points)[:40],
    "any numbers": lambda rng: rng.uniform(size=(4, 60)),
    "ties": lambda rng: rng.integers(4, size=(4, 60)),
}
every_table = pytest.mark.parametrize("kind", TABLES)


@every_table
def test_one_linear_program_for_each_label_says_the_same(kind, rng):
    table = TABLES[kind](rng)
    assert_array_equal(locus(table), by_one_program_each(table))


@every_table
@pytest.mark.parametrize("n_rounds", [1, 3, 500])
def test_rounds_of_the_game_change_nothing(kind, n_rounds, rng, monkeypatch):
    table = TABLES[kind](rng)
    expected = locus(table)
    monkeypatch.setattr(_locus, "N_ROUNDS", n_rounds)
    assert_array_equal(locus(table), expected)


@every_table
def test_what_is_predicted_is_in_the_locus(kind, rng):
    table = TABLES[kind](rng)
    for concentration in (0.1, 1, 10):
        P = rng.dirichlet(np.full(len(table), concentration), size=2000)
        assert locus(table)[(P @ table).argmin(axis=1)].all()


@every_table
def test_order_does_not_matter(kind, rng):
    table = TABLES[kind](rng)
    rows, columns = (rng.permutation(size) for size in table.shape)
    assert_array_equal(locus(table[rows][:, columns]), locus(table)[columns])


@every_table
def test_units_of_the_seen_labels_do_not_matter(kind, rng):
    # P may take up a factor of each row, and a number added to a row shifts all risks alike.
    table = TABLES[kind](rng)
    factor, shift = 2.0 ** rng.integers(-3, 4, size=(2, len(table), 1))
    assert_array_equal(locus(factor * (table + shift)), locus(table))


@every_table
def test_more_seen_labels_reach_more(kind, rng):
    table = TABLES[kind](rng)
    within = [locus(table[: k + 1]) for k in range(len(table))]
    assert all((fewer <= more).all() for fewer, more in pairwise(within))


@pytest.mark.parametrize("power", [1, 2])
def test_complete_graph_reaches_only_the_seen(power):
    table = 3.0**power * (1 - np.eye(4, 10))
    assert_array_equal(locus(table), np.arange(10) < 4)


def test_four_corners_reach_a_grid():
    cells = grid(9, 7)
    assert locus(cdist(cells[[0, 6, 56, 62]], cells) ** 2).all()


def test_two_corners_reach_a_diagonal():
    cells = grid(8, 8)
    reached = cells[locus(cdist(cells[[0, 63]], cells) ** 2)]
    # The diagonal, and the cells beside it that share a risk with it half-way.
    assert_array_equal(np.unique(np.abs(np.diff(reached))), [0, 1])
    assert len(reached) == 8 + 2 * 7


def test_ordinal_labels_between_the_seen():
    values = np.array([1.0, 2, 4, 7, 8, 11, 15])
    table = cdist(values[[1, 3, 5], None], values[:, None]) ** 2
    assert_array_equal(locus(table), (values >= 2) & (values <= 11))


@pytest.mark.parametrize("power", [1, 2, 3])
def test_trees_reach_the_paths_between_the_seen(power, rng):
    distances = graph_distances(rng, 80, 0)
    on_path = distances[:6, None] + distances[None, :6] == distances[:6, :6, None]
    assert_array_equal(locus(distances[:6] ** power), on_path.any(axis=(0, 1)))


def test_one_seen_label_reaches_itself():
    assert_array_equal(locus(np.array([[3.0, 0, 1, 2, 0]])), [False, True, False, False, True])


def test_the_table_is_left_as_it_was(rng):
    table = TABLES["ties"](rng)
    before = table.copy()
    table.flags.writeable = False
    locus(table)
    assert_array_equal(table, before)
