"""Graphs whose spectra and heat kernels are known in closed form."""

import numpy as np
from scipy.sparse import csr_array


def from_edges(n_nodes, rows, columns, values=1.0):
    """The symmetric matrix with these entries and their mirror images."""
    values = np.broadcast_to(np.asarray(values, dtype=float), np.shape(rows))
    half = csr_array((values, (rows, columns)), shape=(n_nodes, n_nodes))
    return csr_array(half + half.T)


def path(n_nodes):
    """Nodes in a row."""
    nodes = np.arange(n_nodes - 1)
    return from_edges(n_nodes, nodes, nodes + 1)


def cycle(n_nodes):
    """Nodes in a ring, of at least 3."""
    nodes = np.arange(n_nodes)
    return from_edges(n_nodes, nodes, (nodes + 1) % n_nodes)


def complete(n_nodes):
    """All pairs joined."""
    return from_edges(n_nodes, *np.triu_indices(n_nodes, 1))


def star(n_leaves):
    """Node 0 joined to all others."""
    leaves = np.arange(1, n_leaves + 1)
    return from_edges(n_leaves + 1, np.zeros_like(leaves), leaves)


def hypercube(dim):
    """Corners named by their bits, joined where one bit differs."""
    corners = np.arange(2**dim)
    rows = np.repeat(corners, dim)
    columns = (corners[:, None] ^ (1 << np.arange(dim))).ravel()
    return from_edges(2**dim, rows[rows < columns], columns[rows < columns])


def random_graph(rng, n_nodes=40):
    """A connected graph with weights over three decades: a path and random chords."""
    rows, columns = np.triu_indices(n_nodes, 1)
    chosen = (columns - rows == 1) | (rng.uniform(size=len(rows)) < 0.1)
    weights = 10 ** rng.uniform(-3, 0, size=chosen.sum())
    return from_edges(n_nodes, rows[chosen], columns[chosen], weights)
