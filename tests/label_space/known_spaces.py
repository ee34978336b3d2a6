"""Small label spaces of every kind, and their distances and risks from the definitions."""

import numpy as np
import torch

from skmanifold.label_space import (
    CallableSpace,
    EuclideanSpace,
    GraphSpace,
    MatrixSpace,
    TreeSpace,
)
from skmanifold.label_space._tree import tree_adjacency

CPU = torch.device("cpu")
TIE = 1e-12
TREES = ("path", "star", "recursive", "deep", "caterpillar")
LENGTHS = ("hops", "integers", "floats", "zeros")
WEIGHTS = ("smooth", "quarters", "sparse", "certain", "uniform", "tiny")
POWERS = (0.5, 1.0, 1.5, 2.0, 3.0)
SPACES = (
    *(f"{kind} tree" for kind in TREES),
    "graph of hops",
    "graph",
    "matrix",
    "callable",
    "points",
    "float32 points",
    "grid",
    "ordinal",
)


def parents(kind, n_nodes, rng):
    """Parent of each node; the nodes are in no order."""
    node = np.arange(1, n_nodes)
    above = {
        "path": node - 1,
        "star": np.zeros(n_nodes - 1, dtype=int),
        "recursive": rng.integers(node),
        "deep": rng.integers(np.maximum(node - 3, 0), node),
        "caterpillar": np.where(node % 2, node - 1, node - 2),
    }[kind]
    order = rng.permutation(n_nodes)
    parent = np.full(n_nodes, -1)
    parent[order[node]] = order[above]
    return parent


def edge_lengths(kind, parent, rng):
    """Length of the edge to the parent of each node."""
    drawn = {
        "hops": np.ones(len(parent)),
        "integers": rng.integers(1, 4, len(parent)),
        "floats": rng.uniform(0.1, 3, len(parent)),
        "zeros": rng.integers(0, 3, len(parent)),
    }[kind]
    return np.where(parent < 0, 0.0, drawn)


def chosen(names, candidates):
    """Candidates in ascending order of their names; None: all nodes."""
    nodes = np.arange(len(names)) if candidates is None else np.asarray(candidates)
    return nodes[np.argsort(names[nodes])]


def tree(kind, lengths, n_nodes, rng, candidates=None):
    parent = parents(kind, n_nodes, rng)
    names = rng.permutation(n_nodes)
    length = edge_lengths(lengths, parent, rng)
    return TreeSpace(names, parent, length, chosen(names, candidates))


def leaves(space):
    return np.flatnonzero(
        np.bincount(space.parent[space.parent >= 0], minlength=len(space.names)) == 0
    )


def random_graph(lengths, n_nodes, rng):
    """Adjacency of a random tree and as many edges more."""
    parent = parents("recursive", n_nodes, rng)
    lengths = edge_lengths(lengths, np.zeros(n_nodes, dtype=int), rng)
    known = {tuple(sorted(edge)) for edge in enumerate(parent.tolist()) if edge[1] >= 0}
    extra = {tuple(sorted(edge)) for edge in rng.integers(n_nodes, size=(n_nodes, 2)).tolist()}
    first, second = np.array(sorted(known | {edge for edge in extra if edge[0] < edge[1]})).T
    return _both_directions(n_nodes, first, second, np.resize(lengths, len(first)))


def _both_directions(n_nodes, first, second, lengths):
    adjacency = tree_adjacency(np.full(n_nodes, -1), np.zeros(n_nodes))
    indices = np.concatenate([first, second]), np.concatenate([second, first])
    return type(adjacency)((np.tile(lengths, 2), indices), shape=adjacency.shape)


def space_of(kind, rng, n_nodes=30, candidates=None):
    """A label space of one of `SPACES`, whose names are in no order."""
    names = rng.permutation(n_nodes)
    candidates = chosen(names, candidates)
    if kind.endswith(" tree"):
        parent = parents(kind.removesuffix(" tree"), n_nodes, rng)
        return TreeSpace(names, parent, edge_lengths("zeros", parent, rng), candidates)
    if kind in ("graph", "graph of hops"):
        adjacency = random_graph("hops" if kind == "graph of hops" else "floats", n_nodes, rng)
        return GraphSpace(names, adjacency, candidates)
    if kind in ("matrix", "callable"):
        return _from_matrix(kind, names, candidates, rng)
    return EuclideanSpace(names, _points(kind, n_nodes, rng), candidates)


def _from_matrix(kind, names, candidates, rng):
    """Any symmetric numbers: no triangle inequality."""
    matrix = rng.integers(1, 9, size=(len(names), len(names))).astype(float)
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T
    if kind == "matrix":
        return MatrixSpace(names, matrix, candidates)
    at = np.argsort(names)
    return CallableSpace(names, lambda A, B: matrix[np.ix_(at[A], at[B])], candidates)


def _points(kind, n_nodes, rng):
    if kind == "grid":
        return np.stack(np.indices((6, n_nodes)), axis=-1).reshape(-1, 2)[:n_nodes].astype(float)
    if kind == "ordinal":
        return rng.permutation(2 * n_nodes)[:n_nodes, None].astype(float)
    points = rng.normal(size=(n_nodes, 5))
    return points.astype(np.float32) if kind == "float32 points" else points


def table_of(space):
    """Distances of all nodes of a space in float64, by the definition."""
    if isinstance(space, EuclideanSpace):
        points = space.points.astype(np.float64)
        return np.linalg.norm(points[:, None] - points[None], axis=2)
    if isinstance(space, MatrixSpace):
        return space.matrix
    if isinstance(space, CallableSpace):
        return space.metric(space.names, space.names)
    return shortest_paths(space.adjacency)


def shortest_paths(adjacency):
    """Floyd and Warshall's method; a stored zero is an edge of length 0."""
    edges = adjacency.tocoo()
    table = np.full(adjacency.shape, np.inf)
    table[edges.row, edges.col] = edges.data
    np.fill_diagonal(table, 0.0)
    for over in table:
        np.minimum(table, over[:, None] + over[None], out=table)
    return table


def weights_of(kind, n_samples, n_seen, rng):
    """Weights of the seen classes; no row is all zero, and few sum to one."""
    weights = rng.random((n_samples, n_seen)) ** 6 + 1e-9
    if kind == "quarters":  # many exact ties
        weights = np.round(4 * weights) / 4
    elif kind == "sparse":
        weights *= rng.random(weights.shape) < 2 / n_seen
    elif kind == "certain":
        weights *= 0
    elif kind == "uniform":
        weights = np.ones_like(weights)
    elif kind == "tiny":
        weights **= rng.integers(1, 30, size=(n_samples, 1))
    empty = ~weights.any(axis=1)
    weights[empty, rng.integers(n_seen, size=empty.sum())] = 1.0
    return weights


def brute_risks(table, weights, power):
    """Risks of all labels, the columns of `table`; its rows are the seen classes."""
    return weights @ table.astype(np.float64) ** power


def first_least(risks):
    """The first label in each row of least risk; a relative difference of 1e-12 is none."""
    return first_k_least(risks, 1)[:, 0]


def first_k_least(risks, k):
    """The first label of least risk, then that of the others, and so on."""
    left = risks.copy()
    found = np.empty((len(risks), k), dtype=int)
    for step in range(k):
        found[:, step] = (left <= left.min(axis=1, keepdims=True) * (1 + TIE)).argmax(axis=1)
        np.put_along_axis(left, found[:, [step]], np.inf, axis=1)
    return found
