"""Label spaces from graphs: networkx, sparse matrices, and what a taxonomy says of parents."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from numbers import Real
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from skmanifold.label_space._candidates import candidate_nodes, row_names
from skmanifold.label_space._names import Names, Nodes, as_labels, check_distinct, is_missing, show
from skmanifold.label_space._newick import parse_newick
from skmanifold.label_space._spaces import GraphSpace, TreeSpace

Lengths = NDArray[np.float64]
Edges = tuple[Nodes, Nodes, Lengths]


def newick_space(text: str, labels: Any) -> TreeSpace:
    """The tree of a Newick string."""
    names, parent, length = parse_newick(text)
    check_distinct(names, "Names in a Newick string, support values of inner nodes included,")
    leaves = np.bincount(parent[1:], minlength=len(names)) == 0
    return TreeSpace(names, parent, length, candidate_nodes(names, labels, leaves))


def networkx_space(graph: Any, labels: Any) -> TreeSpace | GraphSpace:
    """The undirected graph of the edges; their attribute "weight" is the length, without it 1."""
    index = {node: position for position, node in enumerate(graph.nodes)}
    names = as_labels(list(index), "label_metric")
    listed = list(graph.edges(data="weight", default=1))
    sources, targets = (_positions(index, map(itemgetter(end), listed)) for end in (0, 1))
    lengths = _as_lengths([edge[2] for edge in listed], names, sources, targets)
    edges = _shortest(sources, targets, lengths, len(names))
    degree = np.bincount(np.concatenate(edges[:2]), minlength=len(names))
    return _edge_space(names, edges, labels, leaves=degree <= 1)


def sparse_space(matrix: Any, labels: Any) -> TreeSpace | GraphSpace:
    """The undirected graph of the stored entries, which are lengths, explicit zeros too."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"label_metric must be square where it is sparse, got {matrix.shape}.")
    names = row_names(labels, matrix.shape[0], "a sparse array")
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"label_metric must hold lengths, got the dtype {matrix.dtype}.")
    stored = csr_array(matrix, copy=True)
    stored.sum_duplicates()
    stored = stored.tocoo()
    sources, targets = stored.row.astype(np.intp), stored.col.astype(np.intp)
    lengths = _as_lengths(stored.data, names, sources, targets)
    _check_both_ways_agree(names, (sources, targets, lengths))
    return _edge_space(names, _shortest(sources, targets, lengths, len(names)), "all")


def parent_space(parents: Mapping[Any, Any], labels: Any) -> TreeSpace | GraphSpace:
    """The tree, or with several parents the graph, of unit edges from children to parents."""
    pairs = list(_stated_parents(parents))
    index = {name: position for position, name in enumerate(_names_in(parents, pairs))}
    names = as_labels(list(index), "label_metric")
    child, parent = (_positions(index, map(itemgetter(end), pairs)) for end in (0, 1))
    edges = _shortest(child, parent, np.ones(len(pairs)), len(names))
    _check_no_circle(names, child, parent)
    n_children = np.bincount(parent, minlength=len(names))
    n_parents = np.bincount(child, minlength=len(names))
    root = int(np.argmin(n_parents))
    return _edge_space(names, edges, labels, leaves=n_children == 0, root=root)


def _edge_space(
    names: Names,
    edges: Edges,
    labels: Any,
    leaves: NDArray[np.bool_] | None = None,
    root: int = 0,
) -> TreeSpace | GraphSpace:
    """The tree of distinct undirected edges where they are one, else their graph."""
    candidates = candidate_nodes(names, labels, leaves)
    adjacency = _symmetric(edges, len(names))
    _check_connected(names, adjacency)
    if len(edges[0]) == len(names) - 1:
        return TreeSpace(names, *_rooted(edges, adjacency, root), candidates)
    return GraphSpace(names, adjacency, candidates)


def _rooted(edges: Edges, adjacency: csr_array, root: int) -> tuple[Nodes, Lengths]:
    """The parent of each node of a tree, and the length of the edge to it."""
    _, parent = breadth_first_order(adjacency, root, directed=True)
    parent = parent.astype(np.intp)
    parent[root] = -1
    first, second, lengths = edges
    child = np.where(parent[first] == second, first, second)
    length = np.zeros(len(parent))
    length[child] = lengths
    return parent, length


def _symmetric(edges: Edges, n_nodes: int) -> csr_array:
    """Adjacency of undirected edges; zero lengths stay stored."""
    first, second, lengths = edges
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    return csr_array((np.concatenate([lengths, lengths]), ends), shape=(n_nodes, n_nodes))


def _shortest(sources: Nodes, targets: Nodes, lengths: Lengths, n_nodes: int) -> Edges:
    """Each pair of joined nodes once, with its shortest edge; no loops."""
    pair = _pair(sources, targets, n_nodes)
    order = np.lexsort((lengths, pair))
    pair, first = np.unique(pair[order], return_index=True)
    source, target = np.divmod(pair, n_nodes)
    apart = source != target
    return source[apart], target[apart], lengths[order][first][apart]


def _pair(sources: Nodes, targets: Nodes, n_nodes: int) -> NDArray[np.int64]:
    """One number for both directions of an edge."""
    return np.minimum(sources, targets) * np.int64(n_nodes) + np.maximum(sources, targets)


def _positions(index: Mapping[Any, int], nodes: Iterable[Any]) -> Nodes:
    """The number of each node."""
    return np.fromiter(map(index.__getitem__, nodes), dtype=np.intp)


def _stated_parents(parents: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Each child with each of its parents, where there are any but itself."""
    for child, value in parents.items():
        several = isinstance(value, (list, tuple, set, frozenset, np.ndarray))
        for parent in value if several else (value,):
            if not isinstance(parent, Hashable):
                raise ValueError(
                    f"label_metric must map each label to its parent, got {parent!r} for {child!r}."
                )
            if not is_missing(parent) and parent != child:
                yield child, parent


def _names_in(parents: Mapping[Any, Any], pairs: list[tuple[Any, Any]]) -> dict[Any, None]:
    """Every label of a taxonomy in the order of first mention, children first."""
    return dict.fromkeys(parents) | dict.fromkeys(map(itemgetter(1), pairs))


def _as_lengths(values: Any, names: Names, sources: Nodes, targets: Nodes) -> Lengths:
    """Lengths of edges as floats, finite and not negative."""
    try:
        lengths = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        at = next(at for at, value in enumerate(values) if not isinstance(value, Real))
        raise ValueError(
            f"label_metric has an edge between {show([names[sources[at]], names[targets[at]]])} "
            f"whose length is no number: {values[at]!r}."
        ) from error
    wrong = np.flatnonzero(~np.isfinite(lengths) | (lengths < 0))
    if len(wrong):
        ends = show([names[sources[wrong[0]]], names[targets[wrong[0]]]])
        more = f" ({len(wrong)} such edges)" if len(wrong) > 1 else ""
        raise ValueError(
            f"label_metric has an edge of length {lengths[wrong[0]]} between {ends}{more}; "
            "lengths must be finite and not negative."
        )
    return lengths


def _check_both_ways_agree(names: Names, edges: Edges) -> None:
    """Refuse edges that are stored in both directions with different lengths."""
    sources, targets, lengths = edges
    pair = _pair(sources, targets, len(names))
    order = np.argsort(pair, kind="stable")
    one, other = order[:-1], order[1:]
    gap = np.abs(lengths[one] - lengths[other])
    wrong = (pair[one] == pair[other]) & (gap > 1e-6 * np.maximum(lengths[one], lengths[other]))
    if wrong.any():
        at = int(np.argmax(wrong))
        ends = show([names[sources[one[at]]], names[targets[one[at]]]])
        raise ValueError(
            f"label_metric is not symmetric: the edge between {ends} is stored with the lengths "
            f"{lengths[one[at]]} and {lengths[other[at]]}. Store one direction, or the same twice."
        )


def _check_connected(names: Names, adjacency: csr_array) -> None:
    """Refuse a graph of several parts, and say which."""
    count, part = connected_components(adjacency, directed=False)
    if count == 1:
        return
    _, first, sizes = np.unique(part, return_index=True, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")[:5]
    words = [f"{sizes[at]} (with {show([names[first[at]]])})" for at in largest]
    more = f" and {count - 5} smaller ones" if count > 5 else ""
    raise ValueError(
        f"label_metric is not connected: {count} parts of sizes {', '.join(words)}{more}. Between "
        "parts there is no distance; join them, for instance by one root above all."
    )


def _check_no_circle(names: Names, child: Nodes, parent: Nodes) -> None:
    """Refuse parents among which someone is their own ancestor."""
    ones = np.ones(len(child), dtype=np.int8)
    upward = csr_array((ones, (child, parent)), shape=(len(names), len(names)))
    _, part = connected_components(upward, directed=True, connection="strong")
    sizes = np.bincount(part)
    if sizes.max() == 1:
        return
    inside = (part[child] == sizes.argmax()) & (part[parent] == sizes.argmax())
    circle = _circle(dict(zip(child[inside].tolist(), parent[inside].tolist(), strict=True)))
    raise ValueError(
        f"label_metric, a mapping from child to parent, runs in a circle of {len(circle)} labels: "
        f"{show(names[circle])}. Every label must lead to a root."
    )


def _circle(step: Mapping[int, int]) -> list[int]:
    """The circle that the steps end in."""
    node = next(iter(step))
    visited: dict[int, int] = {}
    while node not in visited:
        visited[node] = len(visited)
        node = step[node]
    return list(visited)[visited[node] :]
