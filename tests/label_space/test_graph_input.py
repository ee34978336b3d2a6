import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array, csr_matrix

from skmanifold.label_space._graph_input import (
    networkx_space,
    newick_space,
    parent_space,
    sparse_space,
)
from skmanifold.label_space._spaces import GraphSpace, TreeSpace

TAXONOMY = {"cat": "mammal", "cow": "mammal", "carp": "fish", "mammal": "animal", "fish": "animal"}
NEWICK = "((cat,cow)mammal,(carp)fish)animal;"


def table(space, names):
    """Distances between labels in an order of ours."""
    nodes = space.nodes_of(names)
    return space.distances(nodes, nodes)


def networkx_graph(edges, kind="Graph"):
    graph = getattr(pytest.importorskip("networkx"), kind)()
    graph.add_weighted_edges_from(edges)
    return graph


def random_edges(rng, n_nodes=12, n_extra=0):
    """Edges of a connected graph, each once, with lengths that have exact sums."""
    tree = [(node, int(rng.integers(node))) for node in range(1, n_nodes)]
    others = [(i, j) for i in range(n_nodes) for j in range(i) if (i, j) not in tree]
    extra = [others[at] for at in rng.choice(len(others), n_extra, replace=False)]
    return [(str(i), str(j), float(rng.integers(1, 9))) for i, j in tree + extra]


def as_sparse(edges, names, make=csr_array):
    """One direction of each edge."""
    ends = [[names.index(edge[end]) for edge in edges] for end in (0, 1)]
    return make(([edge[2] for edge in edges], ends), shape=(len(names), len(names)))


@pytest.mark.parametrize(("n_extra", "kind"), [(0, TreeSpace), (5, GraphSpace)])
def test_networkx_and_sparse_agree_with_networkx(n_extra, kind, rng):
    networkx = pytest.importorskip("networkx")
    edges = random_edges(rng, n_extra=n_extra)
    graph = networkx_graph(edges)
    names = list(graph.nodes)
    paths = dict(networkx.all_pairs_dijkstra_path_length(graph))
    expected = [[paths[i][j] for j in names] for i in names]
    for space in (
        networkx_space(graph, "all"),
        sparse_space(as_sparse(edges, names), names),
        sparse_space(as_sparse(edges, names, coo_array), names),
        sparse_space(csr_matrix(as_sparse(edges, names).T), names),
    ):
        assert type(space) is kind
        assert_allclose(table(space, names), expected)


def test_direction_loops_and_longer_parallels_change_nothing(rng):
    edges = random_edges(rng, n_extra=5)
    more = [(j, i, length + 1) for i, j, length in edges] + [("3", "3", 2.0)]
    names = [str(node) for node in range(12)]
    expected = table(networkx_space(networkx_graph(edges), "all"), names)
    for kind in ("MultiGraph", "MultiDiGraph"):
        space = networkx_space(networkx_graph(edges + more, kind), "all")
        assert_array_equal(table(space, names), expected)


def test_a_tree_with_a_loop_and_a_parallel_edge_is_a_tree():
    graph = networkx_graph(
        [("a", "b", 2), ("b", "a", 3), ("b", "b", 1), ("b", "c", 1)], "MultiGraph"
    )
    assert type(networkx_space(graph, "all")) is TreeSpace
    assert_array_equal(networkx_space(graph, "leaves").labels, ["a", "c"])
    loop = csr_array(np.array([[0.0, 2.0], [2.0, 5.0]]))
    assert type(sparse_space(loop, ["a", "b"])) is TreeSpace


def test_an_edge_without_weight_has_length_one():
    graph = networkx_graph([("a", "b", 3.0)])
    graph.add_edge("b", "c", colour="red")
    assert_array_equal(table(networkx_space(graph, "all"), ["b", "c"]), [[0, 1], [1, 0]])


def test_networkx_leaves_have_one_neighbor():
    graph = networkx_graph([("a", "b", 1), ("b", "c", 1), ("c", "d", 1), ("d", "b", 1)])
    assert_array_equal(networkx_space(graph, "leaves").labels, ["a"])


def test_zero_lengths_are_edges():
    ends = [0, 1, 2, 3], [1, 2, 3, 0]
    ring = csr_array(([0.0, 1.0, 0.0, 5.0], ends), shape=(4, 4))
    assert_array_equal(table(sparse_space(ring, range(4)), range(4))[0], [0, 0, 1, 1])
    chain = csr_array(([0.0, 1.0], ([0, 1], [1, 2])), shape=(3, 3))
    assert_array_equal(table(sparse_space(chain, range(3)), range(3))[0], [0, 0, 1])


def test_both_directions_of_a_sparse_array_may_be_stored(rng):
    edges = random_edges(rng, n_extra=4)
    names = [str(node) for node in range(12)]
    one = as_sparse(edges, names)
    both = csr_array(one + one.T)
    assert_array_equal(
        table(sparse_space(both, names), names), table(sparse_space(one, names), names)
    )
    both.data[0] *= 1.01
    with pytest.raises(ValueError, match=r"not symmetric: the edge between .*stored with the len"):
        sparse_space(both, names)


def test_a_sparse_array_is_neither_written_to_nor_shared():
    entries = csr_array(np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    space = sparse_space(entries, list("abc"))
    entries.data[:] = 7
    assert_array_equal(table(space, list("abc"))[0], [0, 2, 3])


def test_entries_stored_twice_add_up_as_everywhere_in_scipy():
    twice = csr_array(([1.0, 1.0, 1.0], [1, 1, 2], [0, 2, 3, 3]), shape=(3, 3))
    assert_array_equal(table(sparse_space(twice, list("abc")), list("abc"))[0], [0, 2, 3])
    assert twice.nnz == 3  # the caller's array is as it was


@pytest.mark.parametrize("missing", [None, np.nan, "", "animal"])
def test_ways_to_state_the_root(missing):
    space = parent_space({**TAXONOMY, "animal": missing}, "all")
    assert_array_equal(
        table(space, ["cat", "cow", "carp", "animal"])[0],
        table(parent_space(TAXONOMY, "all"), ["cat", "cow", "carp", "animal"])[0],
    )


def test_a_missing_value_of_pandas_states_the_root():
    pandas = pytest.importorskip("pandas")
    space = parent_space({**TAXONOMY, "animal": pandas.NA}, "all")
    assert_array_equal(space.labels, parent_space(TAXONOMY, "all").labels)


def test_parents_and_newick_say_the_same():
    parents, newick = parent_space(TAXONOMY, "all"), newick_space(NEWICK, "all")
    assert type(parents) is type(newick) is TreeSpace
    assert_array_equal(parents.labels, newick.labels)
    assert_array_equal(table(parents, parents.labels), table(newick, newick.labels))


@pytest.mark.parametrize(
    "read",
    [lambda labels: parent_space(TAXONOMY, labels), lambda labels: newick_space(NEWICK, labels)],
)
def test_leaves_of_a_taxonomy(read):
    assert_array_equal(read("leaves").labels, ["carp", "cat", "cow"])
    assert_array_equal(read(["mammal", "cat"]).labels, ["cat", "mammal"])


@pytest.mark.parametrize(
    "space", [parent_space(TAXONOMY, "all"), newick_space(NEWICK, "all")], ids=["map", "newick"]
)
def test_a_stated_direction_is_kept(space):
    above = {
        child: space.names[parent]
        for child, parent in zip(space.names.tolist(), space.parent, strict=True)
        if parent >= 0
    }
    assert above == TAXONOMY


def test_the_root_is_a_leaf_only_where_it_is_alone():
    assert_array_equal(parent_space({"b": "a"}, "leaves").labels, ["b"])
    assert_array_equal(newick_space("(b)a;", "leaves").labels, ["b"])
    assert_array_equal(parent_space({"a": None}, "leaves").labels, ["a"])
    assert_array_equal(newick_space("a;", "leaves").labels, ["a"])


def test_nameless_nodes_keep_their_distance_but_are_no_labels():
    space = newick_space("((a:1,b:2):3,c:4);", "all")
    assert_array_equal(space.labels, ["a", "b", "c"])
    assert_array_equal(table(space, ["a", "b", "c"]), [[0, 3, 8], [3, 0, 9], [8, 9, 0]])


def test_a_label_with_several_parents():
    several = {"dog": ["canine", "pet"], "wolf": ("canine",), "canine": "animal", "pet": {"animal"}}
    space = parent_space(several, "leaves")
    assert type(space) is GraphSpace
    assert_array_equal(space.labels, ["dog", "wolf"])
    assert_array_equal(table(space, ["dog", "pet", "wolf"])[0], [0, 1, 2])


def test_one_parent_in_a_list_is_a_parent():
    assert type(parent_space({"b": ["a"], "c": ["a"]}, "all")) is TreeSpace


def test_integers_with_a_missing_parent():
    # pandas turns the parents to floats then
    assert_array_equal(parent_space({1: np.nan, 2: 1.0, 3: 1.0}, "all").labels, [1, 2, 3])


def test_a_long_chain_of_parents():
    n = 50_000
    space = parent_space({node: node + 1 for node in range(n)}, "all")
    assert_array_equal(table(space, [0, n]), [[0, n], [n, 0]])


@pytest.mark.parametrize(
    ("parents", "match"),
    [
        ({"a": "b", "b": "c", "c": "a", "d": "a"}, "circle of 3 labels: 'a', 'b', 'c'"),
        ({"a": ["b", "x"], "b": "a"}, "circle of 2 labels"),
        ({"a": "b", "c": "d", "e": "d"}, r"2 parts of sizes 3 \(with 'c'\), 2 \(with 'a'\)"),
        ({3: "2"}, "label_metric mixes types: the integer 3 and the string '2'"),
        ({}, "label_metric is empty"),
        ({"a": {"b": 1}}, "each label to its parent, got {'b': 1} for 'a'"),
        ({None: "a"}, "missing value at position 0"),
    ],
)
def test_parents_that_make_no_taxonomy(parents, match):
    with pytest.raises(ValueError, match=match):
        parent_space(parents, "all")


@pytest.mark.parametrize("length", [-1.0, np.nan, np.inf])
def test_lengths_that_are_none(length):
    match = f"length {length} between 'b', 'c'"
    edges = [("a", "b", 1.0), ("b", "c", length)]
    with pytest.raises(ValueError, match=match):
        networkx_space(networkx_graph(edges), "all")
    with pytest.raises(ValueError, match=match):
        sparse_space(as_sparse(edges, ["a", "b", "c"]), ["a", "b", "c"])


def test_a_length_that_is_no_number():
    graph = networkx_graph([("a", "b", 1.0), ("b", "c", "far")])
    with pytest.raises(ValueError, match="between 'b', 'c' whose length is no number: 'far'"):
        networkx_space(graph, "all")


@pytest.mark.parametrize("n_parts", [2, 8])
def test_parts_are_described(n_parts):
    names = [f"n{node}" for node in range(2 * n_parts + 1)]
    ends = np.arange(2 * n_parts).reshape(-1, 2).T
    pairs = csr_array((np.ones(n_parts), tuple(ends)), shape=(len(names), len(names)))
    shown = min(n_parts + 1, 5)
    with pytest.raises(ValueError, match=f"{n_parts + 1} parts of sizes 2 .with 'n0'") as error:
        sparse_space(pairs, names)
    assert str(error.value).count("(with ") == shown
    assert ("and 4 smaller ones" in str(error.value)) == (n_parts == 8)


def test_no_nodes():
    with pytest.raises(ValueError, match="label_metric is empty"):
        networkx_space(networkx_graph([]), "all")


def test_nodes_that_are_no_labels():
    with pytest.raises(ValueError, match=r"strings or numbers, got \(0, [01]\)"):
        networkx_space(networkx_graph([((0, 0), (0, 1), 1.0)]), "all")


def test_a_name_twice_in_newick():
    with pytest.raises(ValueError, match=r"support values.*more than once: '90'"):
        newick_space("((a,b)90,(c,d)90);", "all")


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        (csr_array((2, 3)), r"must be square where it is sparse, got \(2, 3\)"),
        (csr_array((2, 2), dtype=complex), "must hold lengths, got the dtype complex128"),
    ],
)
def test_sparse_arrays_that_are_no_graph(entries, match):
    with pytest.raises(ValueError, match=match):
        sparse_space(entries, ["a", "b"])
