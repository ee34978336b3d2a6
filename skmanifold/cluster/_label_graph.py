"""Clusters of a sparse graph whose edges weigh how alike two samples are represented."""

import warnings

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmanifold.graph import component_labels, neighbor_graph, union_graph
from skmanifold.linalg import largest_eigenpairs, sparse_symmetric_sinkhorn
from skmanifold.nn import coding_rate
from skmanifold.utils import row_chunks, to_numpy, to_tensor, warn_user

LABEL_TEMPERATURE = 0.1  # of cosines: neighbours at right angles weigh e^-10
MOST_CLUSTERS = 30  # that n_clusters="auto" looks for


def neighbor_weights(clusters, others, indices):
    """How alike rows of `clusters` are to those of `others` that they name: 1 on the same line.

    ``exp((|c_i . c_j| - 1) / 0.1)`` for each row i and each j among its `indices`.
    """
    cosines = np.empty(indices.shape)
    for rows in row_chunks(len(indices), 8 * indices.shape[1] * clusters.shape[1]):
        cosines[rows] = np.einsum("ia,ija->ij", clusters[rows], others[indices[rows]])
    return np.exp((np.abs(cosines) - 1) / LABEL_TEMPERATURE)


def most_similar(clusters, n_neighbors, *, queries=None, parts=None, device="cpu"):
    """Indices of the `n_neighbors` vectors of largest |cosine| to each query.

    Without queries, to each vector of `clusters` but itself or, with the `parts` that they lie in,
    but those of its own part.
    """
    points = to_tensor(clusters, device=device)
    asked = clusters if queries is None else queries
    own = to_tensor(np.arange(len(clusters)) if parts is None else parts, device=device)
    indices = np.empty((len(asked), n_neighbors), dtype=np.intp)
    for rows in row_chunks(len(asked), 3 * len(clusters) * clusters.itemsize):
        block = (to_tensor(asked[rows], device=device) @ points.T).abs()
        if queries is None:
            block[own[rows, None] == own] = -1.0
        indices[rows] = to_numpy(block.topk(n_neighbors).indices)
    return indices


def weighted_graph(indices, clusters):
    """Undirected graph of these neighbours."""
    return union_graph(neighbor_graph(neighbor_weights(clusters, clusters, indices), indices))


def joined_graph(graph, clusters, n_neighbors, device="cpu"):
    """The graph with edges between its parts, to the vectors most similar to each.

    A graph of more parts than clusters does not say which of them belong together; what was
    learnt does.
    """
    parts = component_labels(graph)
    # Never within its own part: of a large part, the nearest ones all lie there.
    n_others = len(parts) - np.bincount(parts).max()
    found = most_similar(clusters, min(n_neighbors, n_others), parts=parts, device=device)
    return csr_array(graph.maximum(weighted_graph(found, clusters)))


def label_graph(indices, clusters, n_clusters, label_neighbors, device="cpu"):
    """Weighted neighbour graph in no more parts than clusters, if what was learnt can join them.

    Parameters
    ----------
    indices : ndarray of shape (n_samples, n_neighbors)
        Neighbours of each sample.
    clusters : ndarray of shape (n_samples, n_components)
        Cluster features of unit norm.
    n_clusters : int
    label_neighbors : int
        Most similar vectors of each sample to look for neighbours in other parts.
    """
    graph = weighted_graph(indices, clusters)
    if component_labels(graph).max() >= n_clusters:
        return joined_graph(graph, clusters, label_neighbors, device)
    return graph


def spectral_vectors(graph, n_vectors, device="cpu"):
    """The smoothest vectors on the graph once it is scaled to be doubly stochastic."""
    scaled = sparse_symmetric_sinkhorn(graph)
    # Few graphs can be scaled wholly: what is left becomes a walk's matrix by its degrees.
    roots = diags_array(1 / np.sqrt(scaled.sum(axis=1)))
    return largest_eigenpairs(
        csr_array(roots @ scaled @ roots), n_vectors, device=device, tol=1e-8
    )[1]


def grouped(vectors, n_clusters, seed):
    """k-means on the directions of the rows."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `warn_of_fewer`
        means = KMeans(n_clusters, n_init=10, random_state=seed)
        return means.fit_predict(vectors / np.maximum(norms, 1e-12))


def spectral_labels(graph, n_clusters, seed, device="cpu"):
    """Cluster of each node: the part it lies in, where there are as many parts as clusters."""
    parts = component_labels(graph)
    if parts.max() + 1 == n_clusters:
        return parts
    return in_order_of_size(grouped(spectral_vectors(graph, n_clusters, device), n_clusters, seed))


def in_order_of_size(labels):
    """The same clusters, named from 0 for the largest on: names do not depend on a seed."""
    sizes = np.bincount(labels)
    first = np.full(len(sizes), len(labels))
    np.minimum.at(first, labels, np.arange(len(labels)))
    rank = np.empty(len(sizes), dtype=np.intp)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[labels]


def coding_length(features, labels, eps_sq):
    """Nats to store the features cluster by cluster: vectors, subspaces and who is where.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_components)
    labels : ndarray of shape (n_samples,)
    eps_sq : float
    """
    n_samples, n_components = features.shape
    length = 0.0
    for label in np.unique(labels):
        members = to_tensor(features[labels == label])
        rate = float(coding_rate(members, eps_sq))
        length += (len(members) + n_components) * rate
        length += len(members) * np.log(n_samples / len(members))
    return length


def found_n_clusters(graph, features, eps_sq, seed, device="cpu"):
    """The number of clusters that makes the coding length least."""
    most = min(MOST_CLUSTERS, graph.shape[0] // 2)
    vectors = spectral_vectors(graph, most, device)
    lengths = {
        count: coding_length(features, grouped(vectors[:, :count], count, seed), eps_sq)
        for count in range(1, most + 1)
    }
    return min(lengths, key=lengths.get)


def warn_of_fewer(labels, n_clusters):
    """Say so where some clusters stayed empty."""
    found = len(np.unique(labels))
    if found < n_clusters:
        warn_user(
            f"Found {found} clusters, fewer than n_clusters={n_clusters}: X may hold too few "
            "distinct rows.",
            ConvergenceWarning,
        )
