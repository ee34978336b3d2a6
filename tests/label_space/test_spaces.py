import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context

from skmanifold.label_space import (
    CallableSpace,
    EuclideanSpace,
    GraphSpace,
    MatrixSpace,
    TreeSpace,
    _spaces,
    all_risks,
    least_risk,
    locus,
)
from skmanifold.label_space._mean_risk import MeanRisk
from skmanifold.label_space._table_risk import TableRisk
from skmanifold.label_space._tree_risk import TreeRisk
from tests.label_space.known_spaces import (
    CPU,
    POWERS,
    SPACES,
    WEIGHTS,
    brute_risks,
    first_least,
    space_of,
    table_of,
    tree,
    weights_of,
)

every_space = pytest.mark.parametrize("kind", SPACES)


def problem(kind, rng):
    """A space of which a part may be predicted, seen nodes that in part may not, and distances."""
    space = space_of(kind, rng, candidates=rng.permutation(30)[:18])
    seen = rng.permutation(30)[:6]
    return space, seen, table_of(space)


@every_space
def test_labels_are_the_sorted_names_of_the_candidates(kind, rng):
    space, _, _ = problem(kind, rng)
    assert_array_equal(space.labels, np.sort(space.names[space.candidates]))
    assert_array_equal(space.nodes_of(space.labels), space.candidates)
    assert_array_equal(space.names[space.nodes_of([3, 1, 3])], [3, 1, 3])
    with pytest.raises(ValueError, match=r"truth.*77"):
        space.nodes_of([3, 77], "truth")


@every_space
def test_distances_are_those_of_the_definition(kind, rng):
    space, seen, table = problem(kind, rng)
    nodes = np.arange(30)
    assert_allclose(space.distances(nodes, nodes), table, rtol=1e-6 if "32" in kind else 1e-12)
    assert_array_equal(space.distances(seen), space.distances(seen, space.candidates))
    twice = rng.integers(30, size=40)
    assert_array_equal(space.distances(twice, seen), space.distances(nodes, nodes)[twice][:, seen])
    assert space.distances(np.array([], dtype=int), seen).shape == (0, 6)


@every_space
@pytest.mark.parametrize("block", [1, 10, 1 << 20])
def test_distances_of_pairs(kind, block, rng, monkeypatch):
    monkeypatch.setattr(_spaces, "PAIR_BLOCK", block)
    space, _, table = problem(kind, rng)
    first, second = rng.integers(30, size=(2, 200))
    lengths = space.pair_distances(first, second)
    assert lengths.dtype == np.float64
    assert_allclose(lengths, table[first, second], rtol=1e-12)
    assert space.pair_distances(first[:0], second[:0]).shape == (0,)


@every_space
def test_distances_from_some_nodes_to_labels(kind, rng):
    space, _, table = problem(kind, rng)
    nodes = rng.integers(30, size=50)
    distance = space.distances_from(nodes)
    for _ in range(2):
        labels = rng.integers(18, size=50)
        lengths = distance(labels)
        assert lengths.dtype == np.float64
        assert_allclose(lengths, table[nodes, space.candidates[labels]], rtol=1e-12)


@every_space
def test_blocks_of_sources_change_nothing(kind, rng):
    space, seen, table = problem(kind, rng)
    with config_context(working_memory=1e-9):
        assert_allclose(space.distances(seen), table[np.ix_(seen, space.candidates)], rtol=1e-12)


@every_space
@pytest.mark.parametrize("power", POWERS)
def test_all_methods_give_the_risk_of_the_definition(kind, power, rng):
    space, seen, table = problem(kind, rng)
    P = np.concatenate([weights_of(weights, 30, 6, rng) for weights in WEIGHTS])
    expected = brute_risks(table[np.ix_(seen, space.candidates)], P, power)
    for method in ("auto", space.method, "dense"):
        risk = space.risk(seen, power=power, method=method, device=CPU)
        assert risk.n_labels == 18
        assert_allclose(all_risks(risk, P), expected, rtol=1e-9, atol=1e-9)
        labels, least = least_risk(risk, P)
        assert_array_equal(labels, first_least(expected))
        assert_allclose(least, expected.min(axis=1), rtol=1e-9, atol=1e-9)


@every_space
def test_the_method_for_each_space(kind, rng):
    space, seen, _ = problem(kind, rng)
    risks = {
        (method, power): type(space.risk(seen, power=power, method=method, device=CPU))
        for method in ("auto", "dense")
        for power in (1.0, 2.0)
    }
    quick = {"tree": TreeRisk, "embedding": MeanRisk}.get(space.method, TableRisk)
    assert risks.pop(("auto", 2.0)) is quick
    assert set(risks.values()) == {TableRisk}
    for method in {"tree", "embedding", "graph"} - {space.method}:
        with pytest.raises(ValueError, match=f"method='{method}' does not fit.*'dense'"):
            space.risk(seen, power=2.0, method=method, device=CPU)


@every_space
def test_seen_classes_whose_label_may_be_predicted_are_when_certain(kind, rng):
    space = space_of(kind, rng)
    seen = rng.permutation(30)[:6]
    labels, least = least_risk(space.risk(seen, power=2.0, method="auto", device=CPU), np.eye(6))
    found = space.pair_distances(space.candidates[labels], seen)
    assert_array_equal(found, 0)
    assert_allclose(least, 0, atol=1e-9)


def test_the_same_distances_in_any_space_give_the_same_predictions(rng):
    names, nodes = rng.permutation(30), np.arange(30)
    candidates = np.argsort(names)
    parent = np.maximum(nodes - 1, -1)
    length = (parent >= 0).astype(float)
    table = np.abs(nodes[:, None] - nodes).astype(float)
    way = TreeSpace(names, parent, length, candidates)
    spaces = [
        way,
        GraphSpace(names, way.adjacency, candidates),
        MatrixSpace(names, table, candidates),
        EuclideanSpace(names, nodes[:, None].astype(float), candidates),
        CallableSpace(names, lambda A, B: table[np.ix_(candidates[A], candidates[B])], candidates),
    ]
    seen = rng.permutation(30)[:6]
    P = np.concatenate([weights_of(weights, 30, 6, rng) for weights in WEIGHTS])
    for power in POWERS:
        labels = [
            least_risk(space.risk(seen, power=power, method="auto", device=CPU), P)[0]
            for space in spaces
        ]
        assert_array_equal(labels, np.tile(labels[0], (5, 1)))


@every_space
def test_distances_are_taken_by_label_not_by_place(kind, rng):
    space, seen, _ = problem(kind, rng)
    if not isinstance(space, MatrixSpace):
        pytest.skip("only a matrix has rows to shuffle")
    order = rng.permutation(30)
    place = np.argsort(order)
    other = MatrixSpace(
        space.names[order], space.matrix[np.ix_(order, order)], place[space.candidates]
    )
    P = weights_of("quarters", 50, 6, rng)
    found = [
        each.labels[least_risk(each.risk(at, power=2.0, method="auto", device=CPU), P)[0]]
        for each, at in ((space, seen), (other, place[seen]))
    ]
    assert_array_equal(*found)


@pytest.mark.parametrize("shape", [(5, 6), (6, 1), (6,)])
def test_a_function_that_gives_no_block_of_distances(shape):
    space = CallableSpace(np.arange(9), lambda A, B: np.zeros(shape), np.arange(9))
    with pytest.raises(ValueError, match=r"label_metric gave .* between 6 and 9 labels"):
        space.distances(np.arange(6))


@pytest.mark.parametrize(
    ("matrix", "uniform"),
    [
        (1 - np.eye(4), True),
        (2.5 * (1 - np.eye(2)), True),
        (np.abs(np.subtract.outer(np.arange(3), np.arange(3))), False),
        (np.zeros((1, 1)), False),
    ],
)
def test_all_labels_equally_far(matrix, uniform):
    nodes = np.arange(len(matrix))
    assert MatrixSpace(nodes, matrix, nodes).uniform == uniform


def test_where_equal_distances_make_the_likeliest_class_win(rng):
    nodes = np.arange(5)
    space = MatrixSpace(nodes, 1 - np.eye(5), nodes)
    P = weights_of("smooth", 50, 3, rng)
    risk = space.risk(np.array([1, 2, 4]), power=2.0, method="auto", device=CPU)
    assert_array_equal(least_risk(risk, P)[0], np.array([1, 2, 4])[P.argmax(axis=1)])


def test_equal_distances_do_not_make_a_class_win_that_may_not_be_predicted():
    # The likeliest class may be one that is no candidate: `predict` of the classifier won't do.
    assert not MatrixSpace(np.arange(4), 1 - np.eye(4), np.array([0, 1])).uniform


@pytest.mark.parametrize("kind", [kind for kind in SPACES if not kind.endswith("tree")])
def test_next_labels_are_each_the_farthest_from_all_before(kind, rng):
    space, seen, table = problem(kind, rng)
    unseen = ~np.isin(space.candidates, seen)
    known = list(seen)
    for at in space.next_to_label(seen, int(unseen.sum())):
        nearest = table[np.ix_(known, space.candidates)].min(axis=0)
        left = ~np.isin(space.candidates, known)
        assert left[at]
        assert_allclose(nearest[at], nearest[left].max(), rtol=1e-9)
        known.append(space.candidates[at])
    with pytest.raises(ValueError, match="are not seen yet"):
        space.next_to_label(seen, int(unseen.sum()) + 1)


@pytest.mark.parametrize("kind", [kind for kind in SPACES if kind.endswith("tree")])
def test_next_labels_on_a_tree_are_each_the_farthest_from_the_hull(kind, rng):
    space, seen, table = problem(kind, rng)
    known = list(seen)
    for at in space.next_to_label(seen, 8):
        ways = table[np.ix_(known, space.candidates)]
        detour = ways[:, None] + ways[None] - table[np.ix_(known, known)][:, :, None]
        height = np.where(np.isin(space.candidates, known), -1, detour.min(axis=(0, 1)) / 2)
        assert height[at] == height.max()
        known.append(space.candidates[at])


@every_space
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_attainable_labels_are_those_of_the_locus_but_for_ties(kind, power, rng):
    space, seen, table = problem(kind, rng)
    table = table[np.ix_(seen, space.candidates)] ** power
    for method in ("auto", "dense"):
        risk = space.risk(seen, power=power, method=method, device=CPU)
        attainable = space.attainable(seen, risk, power)
        inside = np.flatnonzero(locus(table))
        assert np.isin(attainable, inside).all()
        P = np.concatenate([weights_of(weights, 100, 6, rng) for weights in WEIGHTS])
        assert np.isin(least_risk(risk, P)[0], attainable).all()
        for label in np.setdiff1d(inside, attainable):  # one of them always takes the tie
            nowhere_farther = (table[:, attainable] <= table[:, [label]] + 1e-9).all(axis=0)
            assert nowhere_farther.any()


def test_attainable_labels_of_a_tree_are_its_hull(rng):
    for kind in ("recursive", "deep", "caterpillar"):
        space = tree(kind, "integers", 40, rng)
        seen, table = rng.permutation(40)[:5], table_of(space)
        risk = space.risk(seen, power=2.0, method="auto", device=CPU)
        on_path = table[seen][:, None] + table[seen][None] == table[np.ix_(seen, seen)][..., None]
        hull = np.flatnonzero(on_path.any(axis=(0, 1)))
        found = space.candidates[space.attainable(seen, risk, 2.0)]
        assert_array_equal(np.sort(found), hull)


@every_space
def test_too_many_labels_for_linear_programs(kind, rng, monkeypatch):
    space, seen, _ = problem(kind, rng)
    risk = space.risk(seen, power=2.0, method="auto", device=CPU)
    exact = space.attainable(seen, risk, 2.0)
    monkeypatch.setattr(_spaces, "EXACT_LOCUS", 0)
    assert_array_equal(space.attainable(seen, risk, 2.0), risk.contenders())
    assert np.isin(exact, risk.contenders()).all()


def test_zero_lengths_of_a_graph_are_edges():
    edges = csr_array(([2.0, 2.0, 0.0, 0.0], ([0, 1, 1, 2], [1, 0, 2, 1])), shape=(3, 3))
    space = GraphSpace(np.arange(3), edges, np.arange(3))
    assert_array_equal(space.distances(np.array([0])), [[0, 2, 2]])
    risk = space.risk(np.array([2]), power=2.0, method="auto", device=CPU)
    assert least_risk(risk, np.ones((1, 1)))[0] == 1  # as near as 2 itself, and lower


@pytest.mark.gpu
@every_space
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_gpu_gives_the_same(kind, power, rng):
    space, seen, _ = problem(kind, rng)
    P = np.concatenate([weights_of(weights, 30, 6, rng) for weights in WEIGHTS])
    there, here = (
        space.risk(seen, power=power, method="auto", device=device) for device in ("cuda", CPU)
    )
    assert_array_equal(least_risk(there, P)[0], least_risk(here, P)[0])
    assert_allclose(all_risks(there, P), all_risks(here, P), rtol=1e-9, atol=1e-9)
