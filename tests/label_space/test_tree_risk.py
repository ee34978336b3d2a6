import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.label_space import TreeSpace, all_risks, least_risk, least_risks
from skmanifold.label_space._tree_risk import TreeRisk
from tests.label_space.known_spaces import (
    CPU,
    LENGTHS,
    POWERS,
    TREES,
    WEIGHTS,
    brute_risks,
    edge_lengths,
    first_k_least,
    first_least,
    leaves,
    parents,
    shortest_paths,
    tree,
    weights_of,
)

every_tree = pytest.mark.parametrize("kind", TREES)
every_length = pytest.mark.parametrize("lengths", LENGTHS)


def risk_of(space, seen, power=2.0):
    return space.risk(seen, power=power, method="tree", device=CPU)


def problems(kind, lengths, rng, n_problems=3):
    """Trees with labels that are all nodes, some or the leaves; seen classes may be no labels."""
    for step in range(n_problems):
        space = tree(kind, lengths, int(rng.integers(2, 40)), rng)
        n_nodes = len(space.names)
        some = rng.permutation(n_nodes)[: rng.integers(1, n_nodes + 1)]
        nodes = [np.arange(n_nodes), some, leaves(space)][step % 3]
        space.candidates = nodes[np.argsort(space.names[nodes])]
        seen = rng.permutation(n_nodes)[: rng.integers(1, n_nodes + 1)]
        yield space, seen, shortest_paths(space.adjacency)[np.ix_(seen, space.candidates)]


@every_tree
@every_length
@pytest.mark.parametrize("weights", WEIGHTS)
def test_brute_force_finds_the_same(kind, lengths, weights, rng):
    for space, seen, table in problems(kind, lengths, rng):
        P = weights_of(weights, 50, len(seen), rng)
        expected = brute_risks(table, P, 2)
        risk = risk_of(space, seen)
        assert isinstance(risk, TreeRisk)
        scale = 1e-12 * expected.max()
        assert_allclose(all_risks(risk, P), expected, rtol=1e-10, atol=scale)
        labels, least = least_risk(risk, P)
        assert_array_equal(labels, first_least(expected))
        assert_allclose(least, expected.min(axis=1), rtol=1e-10, atol=scale)


@every_tree
@every_length
@pytest.mark.parametrize("power", POWERS)
def test_brute_force_finds_the_same_for_any_power(kind, lengths, power, rng):
    for space, seen, table in problems(kind, lengths, rng):
        P = weights_of("quarters", 50, len(seen), rng)
        expected = brute_risks(table, P, power)
        risk = risk_of(space, seen, power)
        assert_allclose(all_risks(risk, P), expected, rtol=1e-10, atol=1e-12 * expected.max())
        assert_array_equal(least_risk(risk, P)[0], first_least(expected))


@every_tree
@every_length
def test_the_next_best_labels(kind, lengths, rng):
    for space, seen, table in problems(kind, lengths, rng):
        P = weights_of("quarters", 30, len(seen), rng)
        k = min(4, len(space.candidates))
        expected = first_k_least(brute_risks(table, P, 2), k)
        assert_array_equal(least_risks(risk_of(space, seen), P, k), expected)


@every_tree
@every_length
def test_a_risk_is_not_negative(kind, lengths, rng):
    # It is a sum of squares, and zero where one class is certain.
    for space, seen, _ in problems(kind, lengths, rng):
        assert (least_risk(risk_of(space, seen), np.eye(len(seen)))[1] >= 0).all()


@every_tree
@every_length
@pytest.mark.parametrize("k", [1, 2, 5])
def test_contenders_hold_the_least_whatever_the_weights(kind, lengths, k, rng):
    for space, seen, table in problems(kind, lengths, rng):
        contenders = risk_of(space, seen).contenders(k)
        k = min(k, table.shape[1])
        for weights in ("sparse", "certain", "quarters"):
            risks = brute_risks(table, weights_of(weights, 200, len(seen), rng), 2)
            assert np.isin(first_k_least(risks, k), contenders).all()


@every_tree
@pytest.mark.parametrize("lengths", ["hops", "integers"])
def test_anchors_are_the_nearest_nodes_of_the_hull(kind, lengths, rng):
    for space, seen, _ in problems(kind, lengths, rng):
        risk, table = risk_of(space, seen), shortest_paths(space.adjacency)
        among = table[seen]
        on_path = among[:, None] + among[None] == among[:, seen, None]
        hull = np.flatnonzero(on_path.any(axis=(0, 1)))
        position = risk._tree.position
        assert_array_equal(
            np.sort(position[hull])[np.searchsorted(np.sort(position[hull]), risk.anchor)],
            risk.anchor,
        )
        to_hull = table[np.ix_(space.candidates, hull)]
        assert_array_equal(risk.height, to_hull.min(axis=1))
        assert_array_equal(risk.anchor, position[hull[to_hull.argmin(axis=1)]])
        assert len(risk.contenders()) <= len(hull)


@every_tree
@every_length
def test_the_order_of_the_seen_classes_does_not_matter(kind, lengths, rng):
    for space, seen, _ in problems(kind, lengths, rng):
        P = weights_of("quarters", 30, len(seen), rng)
        order = rng.permutation(len(seen))
        labels, least = least_risk(risk_of(space, seen), P)
        others, again = least_risk(risk_of(space, seen[order]), P[:, order])
        assert_array_equal(labels, others)
        assert_allclose(least, again, atol=1e-9)


@every_tree
def test_units_do_not_matter(kind, rng):
    for space, seen, _ in problems(kind, "floats", rng):
        P = weights_of("smooth", 30, len(seen), rng)
        larger = TreeSpace(space.names, space.parent, 1024 * space.length, space.candidates)
        one, other = risk_of(space, seen), risk_of(larger, seen)
        assert_array_equal(least_risk(one, P)[0], least_risk(other, 4.0 * P)[0])
        assert_array_equal(2.0**22 * all_risks(one, P), all_risks(other, 4.0 * P))


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("first_edge", [0.0, 0.7, 1.1, 3.3])
def test_leaves_equally_high_by_different_edges_are_ties(power, first_edge):
    # 0.1 + 0.2 and 0.3 differ in their last digit, and how depends on what lies above.
    for one, other in [([0.1, 0.2], [0.3, 0.0]), ([0.3, 0.0], [0.1, 0.2])]:
        length = np.array([0.0, first_edge, one[0], one[1], other[0], other[1]])
        parent = np.array([-1, 0, 1, 2, 1, 4])
        space = TreeSpace(np.arange(6), parent, length, np.array([3, 5]))
        assert least_risk(risk_of(space, np.array([0, 1]), power), np.full((1, 2), 0.5))[0] == 0


def test_heights_that_differ_in_the_last_digit_are_ties():
    # A pair of leaves at each of many nodes, the first one higher by the least that can be: steps
    # in which heights are counted, of 1e-12, fall between some of the pairs.
    n_pairs = 10_000
    nodes = np.arange(n_pairs)
    heights = 0.3 + np.spacing(0.3) * np.arange(n_pairs + 1)
    parent = np.concatenate([nodes - 1, nodes, nodes])
    length = np.concatenate([np.zeros(n_pairs), heights[1:], heights[:-1]])
    candidates = np.arange(n_pairs, 3 * n_pairs)
    space = TreeSpace(np.arange(3 * n_pairs), parent, length, candidates)
    assert np.isin(nodes, risk_of(space, nodes).contenders()).all()


def test_all_leaves_of_a_tree_with_a_clock_are_ties_below_its_root(rng):
    # In an ultrametric tree all leaves are equally far from the root.
    for _ in range(20):
        parent = parents("recursive", 40, rng)
        length = edge_lengths("floats", parent, rng)
        space = TreeSpace(np.arange(40), parent, length, np.arange(40))
        root = np.flatnonzero(parent < 0)
        depth = space.distances(root, np.arange(40))[0]
        tips = leaves(space)
        length[tips] += depth.max() - depth[tips]
        space = TreeSpace(np.arange(40), parent, length, tips)
        assert least_risk(risk_of(space, root), np.ones((1, 1)))[0] == 0


def test_labels_far_from_a_small_hull_are_compared_to_the_same_relative_precision(rng):
    # Both labels are equally far from both seen classes: 1e-12 of the risk is 1e-6.
    parent = np.array([-1, 0, 0, 2, 1, 4])
    for _ in range(50):
        one, other = 1e3 * rng.uniform(0.1, 1, 2)
        length = np.array([0, 1e-7, one, other, other, one])
        space = TreeSpace(np.arange(6), parent, length, np.array([3, 5]))
        assert least_risk(risk_of(space, np.array([0, 1])), np.array([[0.5, 0.5]]))[0] == 0


def long_weights(n_seen, rng):
    """Small integers, so that all risks are integers that float64 holds exactly."""
    P = np.zeros((6, n_seen))
    P[0, n_seen // 3] = 1
    P[1, [n_seen // 2, n_seen // 2 + 1]] = 1  # a tie half-way
    P[2, [10, 11, 12, 13]] = [1, 0, 0, 2]
    P[3, [5, n_seen - 5]] = [1, 2]
    P[4, rng.integers(n_seen, size=5)] = 1
    P[5] = 1
    return P


def on_a_line(seen, values, P):
    """Sums of P and of the products with absolute and squared differences, exactly."""
    weight = P.astype(np.int64)
    apart = np.abs(values[:, None] - seen[None])
    return weight.sum(), apart @ weight, apart**2 @ weight


@pytest.mark.parametrize("kind", ["path", "caterpillar"])
def test_long_trees(kind, rng):
    n_nodes = 100_000
    parent = parents(kind, n_nodes, np.random.default_rng(1))
    space = TreeSpace(
        np.arange(n_nodes), parent, np.where(parent < 0, 0.0, 1.0), np.arange(n_nodes)
    )
    spine, height = spine_of(kind, parent)
    seen = np.flatnonzero((height == 0) & (spine % 10 == 0))
    P = long_weights(len(seen), rng)
    risk = risk_of(space, seen)
    labels, least = least_risk(risk, P)
    # The least risk is near the mean; far from there, F is a sum over all and slow.
    for row, label, value in zip(P, labels, least, strict=True):
        used = np.flatnonzero(row)
        mean = spine[seen[used]] @ row[used] / row.sum()
        near = np.flatnonzero(np.abs(spine - mean) < 60)
        total, linear, quadratic = on_a_line(spine[seen[used]], spine[near], row[used])
        risks = quadratic + 2 * height[near] * linear + height[near] ** 2 * total
        assert label == near[risks.argmin()]
        assert_allclose(value, risks.min(), rtol=1e-9, atol=1e-3)


def spine_of(kind, parent):
    """Place on the spine and distance from it of the nodes of a path or a caterpillar."""
    n_nodes = len(parent)
    child = np.full(n_nodes, -1)
    inner = np.zeros(n_nodes, dtype=bool)
    inner[parent[parent >= 0]] = True
    if kind == "path":
        inner[:] = True
    step = np.flatnonzero(inner & (parent >= 0))
    child[parent[step]] = step
    place = np.empty(n_nodes, dtype=np.int64)
    node = int(np.flatnonzero(parent < 0)[0])
    for at in range(int(inner.sum())):
        place[node] = at
        node = int(child[node])
    place[~inner] = place[parent[~inner]]
    return place, np.where(inner, 0, 1)


@every_tree
def test_one_seen_class(kind, rng):
    space = tree(kind, "integers", 30, rng)
    for node in range(30):
        seen = np.array([node])
        assert space.candidates[least_risk(risk_of(space, seen), np.ones((1, 1)))[0]] == seen


@every_tree
def test_one_label(kind, rng):
    space = tree(kind, "floats", 20, rng, candidates=[7])
    seen = rng.permutation(20)[:5]
    P = weights_of("smooth", 9, 5, rng)
    labels, least = least_risk(risk_of(space, seen), P)
    assert_array_equal(labels, 0)
    table = shortest_paths(space.adjacency)[np.ix_(seen, [7])]
    assert_allclose(least, brute_risks(table, P, 2)[:, 0])
