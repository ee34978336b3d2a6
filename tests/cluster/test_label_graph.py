import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning

from skmanifold.cluster._label_graph import (
    LABEL_TEMPERATURE,
    coding_length,
    found_n_clusters,
    grouped,
    in_order_of_size,
    joined_graph,
    label_graph,
    most_similar,
    neighbor_weights,
    spectral_labels,
    spectral_vectors,
    warn_of_fewer,
    weighted_graph,
)
from skmanifold.graph import component_labels
from tests.cluster.quick_fits import same_clusters


def unit_rows(rng, n_samples, n_components=6):
    rows = rng.normal(size=(n_samples, n_components))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def around(axes, sizes, rng, spread=0.01):
    """Unit vectors near to these axes, so many near to each, and the numbers of the axes."""
    parts = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.asarray(axes, dtype=float)[parts]
    rows = rows + spread * rng.normal(size=rows.shape)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), parts


def neighbors_within(parts, n_neighbors, rng):
    """Random ones of the same part, never oneself, which do not let it fall apart."""
    indices = np.empty((len(parts), n_neighbors), dtype=np.intp)
    for part in np.unique(parts):
        members = np.flatnonzero(parts == part)
        steps = 1 + np.argsort(rng.random((len(members), len(members) - 1)), axis=1)
        steps[:, 0] = 1  # a ring
        around_ring = (np.arange(len(members))[:, None] + steps[:, :n_neighbors]) % len(members)
        indices[members] = members[around_ring]
    return indices


@pytest.mark.parametrize("queries", [None, 13])
@pytest.mark.parametrize("n_neighbors", [1, 5, 19])
def test_most_similar_are_those_of_brute_force(rng, queries, n_neighbors):
    clusters = unit_rows(rng, 20)
    asked = clusters if queries is None else unit_rows(rng, queries)
    cosines = np.abs(asked @ clusters.T)
    if queries is None:
        np.fill_diagonal(cosines, -1)
    found = most_similar(clusters, n_neighbors, queries=None if queries is None else asked)
    assert_array_equal(found, np.argsort(-cosines, axis=1)[:, :n_neighbors])


def test_most_similar_beyond_the_own_part(rng):
    clusters, parts = unit_rows(rng, 20), np.arange(20) % 3
    cosines = np.where(parts[:, None] == parts, -1, np.abs(clusters @ clusters.T))
    found = most_similar(clusters, 5, parts=parts)
    assert_array_equal(found, np.argsort(-cosines, axis=1)[:, :5])


def test_nobody_is_most_similar_to_itself(rng):
    clusters = np.repeat(unit_rows(rng, 1), 10, axis=0)
    found = most_similar(clusters, 9)
    assert_array_equal(np.sort(found), [[j for j in range(10) if j != i] for i in range(10)])


def test_blocks_of_queries_change_nothing(rng, monkeypatch):
    clusters = unit_rows(rng, 20)
    whole = (
        most_similar(clusters, 4),
        neighbor_weights(clusters, clusters, most_similar(clusters, 4)),
    )
    monkeypatch.setattr(
        "skmanifold.cluster._label_graph.row_chunks",
        lambda n_rows, row_bytes: (slice(i, i + 3) for i in range(0, n_rows, 3)),
    )
    assert_array_equal(most_similar(clusters, 4), whole[0])
    assert_allclose(neighbor_weights(clusters, clusters, whole[0]), whole[1], rtol=1e-12)


def test_weights_are_1_on_a_line_and_least_at_right_angles():
    axes = np.eye(3)
    others = np.array([axes[0], -axes[0], axes[1], (axes[0] + axes[1]) / np.sqrt(2)])
    weights = neighbor_weights(axes[:1], others, np.arange(4)[None])
    expected = [
        1,
        1,
        np.exp(-1 / LABEL_TEMPERATURE),
        np.exp((np.sqrt(0.5) - 1) / LABEL_TEMPERATURE),
    ]
    assert_allclose(weights[0], expected, rtol=1e-12)


def test_graph_has_an_edge_wherever_one_names_the_other(rng):
    clusters = unit_rows(rng, 20)
    indices = most_similar(clusters, 3)
    graph = weighted_graph(indices, clusters).toarray()
    named = np.zeros((20, 20), dtype=bool)
    np.put_along_axis(named, indices, True, axis=1)
    edges = named | named.T
    cosines = np.abs(clusters @ clusters.T)
    off_diagonal = ~np.eye(20, dtype=bool)
    expected = np.where(edges, np.exp((cosines - 1) / LABEL_TEMPERATURE), 0)
    assert_allclose(graph[off_diagonal], expected[off_diagonal], rtol=1e-12)


@pytest.mark.parametrize("n_samples", [300, 3000], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_extra", [0, 1], ids=["cut", "parts"])
def test_separate_parts_are_the_clusters(rng, n_samples, n_extra):
    """On both sides of where the eigensolver turns from dense to sparse."""
    parts = np.arange(n_samples) % 4
    clusters = unit_rows(rng, n_samples)
    graph = weighted_graph(neighbors_within(parts, 8, rng), clusters)
    if n_extra:
        found = spectral_labels(graph, 4, seed=0)
    else:
        found = grouped(spectral_vectors(graph, 4), 4, seed=0)
    assert same_clusters(found, parts)


@pytest.mark.parametrize("n_samples", [300, 3000], ids=["dense", "sparse"])
def test_weak_bridges_are_cut(rng, n_samples):
    parts = np.sort(np.arange(n_samples) % 4)
    clusters, _ = around(np.eye(4), np.bincount(parts), rng)
    indices = neighbors_within(parts, 8, rng)
    strangers = rng.integers(n_samples, size=n_samples // 10)
    indices[: len(strangers), -1] = strangers
    graph = weighted_graph(indices, clusters)
    assert component_labels(graph).max() == 0
    assert same_clusters(spectral_labels(graph, 4, seed=0), parts)


AXES = np.array([[1.0, 0, 0], [1, 0.4, 0], [0, 0, 1], [0, 0.4, 1]])


@pytest.mark.parametrize("size", [20, 60])
def test_too_many_parts_are_joined_by_what_was_learnt(rng, size):
    """Four parts on two lines: also where the most similar vectors all lie in the own part."""
    clusters, parts = around(AXES, [size] * 4, rng)
    indices = neighbors_within(parts, 5, rng)
    graph = label_graph(indices, clusters, 2, label_neighbors=10)
    assert component_labels(graph).max() < 2
    assert same_clusters(spectral_labels(graph, 2, seed=0), parts // 2)


def test_parts_of_the_same_direction_are_joined_across_signs(rng):
    axes = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0]])
    clusters, parts = around(axes, [30] * 3, rng)
    graph = label_graph(neighbors_within(parts, 5, rng), clusters, 2, label_neighbors=10)
    assert same_clusters(spectral_labels(graph, 2, seed=0), parts // 2)


@pytest.mark.parametrize("n_clusters", [4, 5])
def test_no_more_parts_than_clusters_stay_as_they_are(rng, n_clusters):
    clusters, parts = around(AXES, [20] * 4, rng)
    indices = neighbors_within(parts, 5, rng)
    graph = label_graph(indices, clusters, n_clusters, label_neighbors=10)
    assert (graph != weighted_graph(indices, clusters)).nnz == 0


def test_joining_keeps_every_edge(rng):
    clusters, parts = around(AXES, [20] * 4, rng)
    graph = weighted_graph(neighbors_within(parts, 5, rng), clusters)
    joined = joined_graph(graph, clusters, 10)
    assert_allclose((joined - joined.T).toarray(), 0, atol=1e-15)
    before, after = graph.toarray(), joined.toarray()
    assert_array_equal(after[before > 0], before[before > 0])
    within = parts[:, None] == parts
    assert_array_equal(after[within], before[within])
    assert (after[~within] > 0).any()


def test_more_clusters_than_parts_cut_the_parts(rng):
    clusters, parts = around(np.eye(4), [20] * 4, rng)
    graph = weighted_graph(neighbors_within(parts // 2, 12, rng), clusters)
    assert component_labels(graph).max() == 1
    assert same_clusters(spectral_labels(graph, 4, seed=0), parts)


def test_a_single_cluster(rng):
    clusters, parts = around(AXES, [20] * 4, rng)
    graph = label_graph(neighbors_within(parts, 5, rng), clusters, 1, label_neighbors=10)
    assert_array_equal(spectral_labels(graph, 1, seed=0), np.zeros(80))


def test_names_go_by_size():
    labels = np.array([4, 2, 2, 0, 2, 0, 7, 4])
    # Of equally large ones, that with the first sample.
    assert_array_equal(in_order_of_size(labels), [1, 0, 0, 2, 0, 2, 3, 1])


def test_names_do_not_depend_on_names(rng):
    labels = rng.integers(5, size=50)
    expected = in_order_of_size(labels)
    sizes = np.bincount(expected)
    assert (np.diff(sizes) <= 0).all()
    assert same_clusters(labels, expected)
    for _ in range(5):
        assert_array_equal(in_order_of_size(rng.permutation(9)[labels]), expected)


def test_seeds_of_k_means_do_not_rename_clear_clusters(rng):
    clusters, _ = around(AXES, [30, 40, 20, 10], rng)
    graph = weighted_graph(most_similar(clusters, 12), clusters)
    labels = [spectral_labels(graph, 4, seed) for seed in range(4)]
    assert_array_equal(np.bincount(labels[0]), [40, 30, 20, 10])
    assert all((each == labels[0]).all() for each in labels)


def three_planes(rng, size=20):
    """Features in orthogonal planes, and their planes."""
    parts = np.repeat(np.arange(3), size)
    rows = np.zeros((3 * size, 6))
    angles = rng.uniform(0, 2 * np.pi, 3 * size)
    rows[np.arange(3 * size), 2 * parts] = np.cos(angles)
    rows[np.arange(3 * size), 2 * parts + 1] = np.sin(angles)
    return rows, parts


def test_coding_length_is_least_for_the_subspaces(rng):
    features, parts = three_planes(rng)
    right = coding_length(features, parts, 0.1)
    halves = 2 * parts + np.arange(60) % 2
    for wrong in (np.zeros(60, int), parts // 2, halves, rng.permutation(parts)):
        assert right < coding_length(features, wrong, 0.1)
    assert_allclose(coding_length(features, rng.permutation(3)[parts], 0.1), right, rtol=1e-12)


def test_empty_clusters_have_no_coding_length(rng):
    features, parts = three_planes(rng)
    with_gaps = np.array([0, 2, 5])[parts]
    expected = coding_length(features, parts, 0.1)
    assert_allclose(coding_length(features, with_gaps, 0.1), expected, rtol=1e-12)


def test_coding_length_of_one_line_by_hand():
    """n samples on one axis of d: (n + d)/2 log(1 + d/eps)."""
    features = np.repeat(np.eye(1, 4), 7, axis=0)
    expected = (7 + 4) / 2 * np.log1p(4 / 0.1)
    assert_allclose(coding_length(features, np.zeros(7, int), 0.1), expected, rtol=1e-6)
    two = coding_length(features, np.arange(7) % 2, 0.1)
    names = 4 * np.log(7 / 4) + 3 * np.log(7 / 3)
    assert_allclose(two, (7 + 2 * 4) / 2 * np.log1p(4 / 0.1) + names, rtol=1e-6)


def test_the_number_of_subspaces_is_found(rng, monkeypatch):
    monkeypatch.setattr("skmanifold.cluster._label_graph.MOST_CLUSTERS", 8)
    features, _ = three_planes(rng)
    graph = weighted_graph(most_similar(features, 8), features)
    assert found_n_clusters(graph, features, 0.1, seed=0) == 3
    line = np.repeat(np.eye(1, 6), 20, axis=0) + 0.01 * unit_rows(rng, 20)
    graph = weighted_graph(most_similar(line, 8), line)
    assert found_n_clusters(graph, line, 0.1, seed=0) == 1


def test_fewer_clusters_than_asked_for_are_told():
    labels = np.array([0, 0, 2])
    warn_of_fewer(labels, 2)
    with pytest.warns(ConvergenceWarning, match=r"Found 2 clusters, fewer than n_clusters=3"):
        warn_of_fewer(labels, 3)


def test_k_means_of_too_few_points_is_silent_and_told_later():
    vectors = np.repeat(np.eye(2), 4, axis=0)
    labels = grouped(vectors, 3, seed=0)
    assert same_clusters(labels, np.repeat([0, 1], 4))


def test_rows_without_a_direction_do_no_harm():
    labels = grouped(np.array([[1.0, 0], [0, 1], [0, 0], [1, 0]]), 2, seed=0)
    assert labels[0] == labels[3] != labels[1]


def test_isolated_nodes_get_a_label():
    graph = csr_array(
        np.diag([1.0, 1.0, 0, 0]) + np.diag([0, 0, 1.0], 1) + np.diag([0, 0, 1.0], -1)
    )
    assert set(spectral_labels(graph, 2, seed=0)) <= {0, 1}
