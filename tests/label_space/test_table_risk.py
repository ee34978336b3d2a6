import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.label_space import _table_risk, all_risks, least_risk, least_risks
from skmanifold.label_space._table_risk import TableRisk, undominated, undominated_on_graph
from tests.label_space.known_spaces import (
    CPU,
    POWERS,
    WEIGHTS,
    brute_risks,
    first_k_least,
    first_least,
    random_graph,
    shortest_paths,
    weights_of,
)


def falling_at_last(table):
    """Columns that grow in most rows, but fall in the last: none is nowhere the least."""
    table[-1] = table[-1, ::-1]
    return table


TABLES = {
    "bytes": lambda rng: rng.integers(1, 255, size=(6, 40)).astype(np.uint8),
    "few values": lambda rng: rng.integers(3, size=(4, 40)).astype(np.uint8),
    "floats": lambda rng: rng.uniform(size=(6, 40)),
    "float32": lambda rng: rng.uniform(size=(6, 40)).astype(np.float32),
    "many seen": lambda rng: falling_at_last(np.sort(rng.integers(1, 60, size=(40, 30)), axis=1)),
    "copies": lambda rng: np.tile(rng.uniform(size=(3, 8)), (1, 5)),
    "mixtures": lambda rng: rng.dirichlet(np.ones(5), size=40).T + 1,
    "one seen": lambda rng: rng.integers(9, size=(1, 40)).astype(np.uint8),
    "one label": lambda rng: rng.uniform(size=(4, 1)),
    "graph": lambda rng: shortest_paths(random_graph("hops", 40, rng))[:5],
    "zeros": lambda rng: np.zeros((3, 10)),
}
every_table = pytest.mark.parametrize("kind", TABLES)


def risk_of(table, power=2.0, contenders=None, device=CPU):
    return TableRisk(
        lambda labels: table[:, labels],
        table.shape[1],
        n_seen=len(table),
        power=power,
        contenders=contenders,
        device=device,
    )


@every_table
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_brute_force_finds_the_same(kind, power, weights, rng):
    table = TABLES[kind](rng)
    P = weights_of(weights, 40, len(table), rng)
    expected = brute_risks(table, P, power)
    risk = risk_of(table, power, undominated(table))
    assert_allclose(all_risks(risk, P), expected, rtol=1e-12)
    labels, least = least_risk(risk, P)
    assert_array_equal(labels, first_least(expected))
    assert_allclose(least, expected.min(axis=1), rtol=1e-12)
    k = min(5, table.shape[1])
    assert_array_equal(least_risks(risk, P, k), first_k_least(expected, k))


def adversarial(n_seen, rng):
    """Weights of one class, of two, and of all but a few: where a wrong rival would win."""
    pairs = np.eye(n_seen)[:, None] + rng.uniform(0, 2, (n_seen, n_seen, 1)) * np.eye(n_seen)
    return np.concatenate([pairs.reshape(-1, n_seen), 1.1 - np.eye(n_seen)])


@every_table
@pytest.mark.parametrize("front", [1, 3, 256])
def test_dominance_changes_no_prediction(kind, front, rng, monkeypatch):
    monkeypatch.setattr(_table_risk, "MAX_FRONT", front)
    for _ in range(20):
        table = TABLES[kind](rng)
        P = np.concatenate(
            [adversarial(len(table), rng), weights_of("sparse", 50, len(table), rng)]
        )
        for power in (0.5, 2):
            assert np.isin(first_least(brute_risks(table, P, power)), undominated(table)).all()


@pytest.mark.parametrize("lengths", ["hops", "integers", "floats", "zeros"])
def test_dominance_on_a_graph_changes_no_prediction(lengths, rng):
    for _ in range(20):
        adjacency = random_graph(lengths, 40, rng)
        candidates = rng.permutation(40)[: rng.integers(1, 41)]
        seen = rng.permutation(40)[: rng.integers(1, 9)]
        table = shortest_paths(adjacency)[np.ix_(seen, candidates)]
        contenders = undominated_on_graph(table, adjacency, candidates)
        P = adversarial(len(seen), rng)
        for power in (0.5, 2):
            assert np.isin(first_least(brute_risks(table, P, power)), contenders).all()


@every_table
def test_what_is_left_is_not_dominated(kind, rng):
    table = TABLES[kind](rng)
    kept = undominated(table)
    assert (np.diff(kept) > 0).all()
    for label in kept:
        nearer = (table[:, kept] <= table[:, [label]]).all(axis=0)
        smaller = (table[:, kept] < 0.999 * table[:, [label]]).all(axis=0)
        assert not (nearer & ((kept < label) | smaller)).any()


def test_what_dominance_leaves():
    table = np.array([[0, 4, 1, 0, 9, 3], [4, 0, 1, 4, 9, 2]])
    # 3 is a copy of 0; 4 is farther than all from both; 5 is farther than 2.
    assert_array_equal(undominated(table), [0, 1, 2])
    # Equally far from the one and farther from the other: 1 may still be the first of a tie.
    assert_array_equal(undominated(np.array([[5, 5], [1, 2]])[:, ::-1]), [0, 1])
    assert_array_equal(undominated(np.array([[5, 5], [1, 2]])), [0])


def test_copies_that_rounding_tells_apart_are_ties(rng):
    # The first of two equal labels wins, although the other's distances are an ulp smaller.
    table = np.repeat(rng.uniform(1, 2, size=(4, 1)), 2, axis=1)
    table[:, 1] = np.nextafter(table[:, 1], 0)
    risk = risk_of(table, contenders=undominated(table))
    assert_array_equal(least_risk(risk, weights_of("smooth", 20, 4, rng))[0], 0)


def test_on_a_graph_only_neighbors_of_lower_risk_matter():
    # A path 0-1-2-3-4 with node 1 seen: its neighbours rule out nobody but one another's tails.
    adjacency = random_graph("hops", 2, np.random.default_rng(0))
    table = shortest_paths(adjacency)[:1]
    assert_array_equal(undominated_on_graph(table, adjacency, np.arange(2)), [0])


def test_the_table_is_left_as_it_was(rng):
    for kind in ("floats", "bytes"):
        table = TABLES[kind](rng)
        table.flags.writeable = False
        before = table.copy()
        undominated(table)
        all_risks(risk_of(table, 3.0), weights_of("smooth", 5, len(table), rng))
        assert_array_equal(table, before)


@pytest.mark.gpu
@every_table
@pytest.mark.parametrize("power", POWERS)
def test_the_gpu_gives_the_same(kind, power, rng):
    table = TABLES[kind](rng)
    k = min(5, table.shape[1])
    for weights in WEIGHTS:
        P = weights_of(weights, 40, len(table), rng)
        there, here = (
            risk_of(table, power, undominated(table), device) for device in ("cuda", CPU)
        )
        assert_allclose(all_risks(there, P), all_risks(here, P), rtol=1e-12)
        assert_array_equal(least_risk(there, P)[0], least_risk(here, P)[0])
        assert_array_equal(least_risks(there, P, k), least_risks(here, P, k))
