import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import shortest_path
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from skmanifold.graph import (
    centroid_landmarks,
    coarse_graph,
    kneighbors,
    nearest_landmarks,
    neighbor_graph,
    sampled_landmarks,
    union_graph,
)
from tests.graph.known_graphs import from_edges, path


def distances_to(X, landmarks):
    return np.linalg.norm(X[:, None] - landmarks, axis=2)


def distance_graph(seed, n_samples=120):
    X = np.random.default_rng(seed).normal(size=(n_samples, 2))
    return union_graph(neighbor_graph(*kneighbors(X, 5)))


def global_states():
    """What the global generators of numpy and torch go on from."""
    of_numpy = check_random_state(None).get_state()
    return of_numpy[1].tolist(), of_numpy[2], torch.get_rng_state().tolist()


# -- centroids


@pytest.mark.parametrize("n_landmarks", [20, 21, 100])
def test_few_distinct_points_are_their_own_landmarks(n_landmarks, rng):
    distinct = rng.normal(size=(20, 3))
    X = np.repeat(distinct, 4, axis=0)[rng.permutation(80)]
    assert_array_equal(centroid_landmarks(X, n_landmarks, seed=0), np.unique(distinct, axis=0))


def test_many_duplicates_of_more_points_than_landmarks(rng):
    X = np.repeat(rng.normal(size=(30, 2)), [500] * 3 + [1] * 27, axis=0)
    landmarks = centroid_landmarks(X, 12, seed=0)
    assert 3 <= len(landmarks) <= 12
    assert len(np.unique(landmarks, axis=0)) == len(landmarks)
    assert np.isfinite(landmarks).all()


@pytest.mark.parametrize("seed", range(3))
def test_cells_are_as_tight_as_those_of_kmeans(seed, rng):
    X = rng.normal(size=(1500, 3))
    landmarks = centroid_landmarks(X, 60, seed=seed)
    inertia = (distances_to(X, landmarks).min(axis=1) ** 2).sum()
    assert landmarks.shape == (60, 3)
    assert inertia <= 1.05 * KMeans(60, n_init=1, random_state=seed).fit(X).inertia_


def test_converged_landmarks_are_the_means_of_their_cells(rng):
    X = rng.normal(size=(400, 2))
    landmarks = centroid_landmarks(X, 15, seed=3, max_iter=10_000)
    owner = distances_to(X, landmarks).argmin(axis=1)
    means = np.array([X[owner == cell].mean(axis=0) for cell in range(15)])
    assert_allclose(landmarks, means, atol=1e-12)


def test_more_rounds_are_tighter(rng):
    X = rng.normal(size=(800, 3))
    inertias = [
        (distances_to(X, centroid_landmarks(X, 40, seed=1, max_iter=rounds)).min(axis=1) ** 2).sum()
        for rounds in (0, 1, 3, 10)
    ]
    assert (np.diff(inertias) < 0).all()


def test_centroids_repeat_with_their_seed(rng):
    X = rng.normal(size=(300, 2))
    once = centroid_landmarks(X, 20, seed=5)
    assert_array_equal(centroid_landmarks(X, 20, seed=5), once)
    assert not np.array_equal(centroid_landmarks(X, 20, seed=6), once)


def test_centroids_leave_global_generators_and_points_alone(rng):
    X = rng.normal(size=(300, 2))
    before, states = X.copy(), global_states()
    centroid_landmarks(X, 20, seed=5)
    assert global_states() == states
    assert_array_equal(X, before)


def test_centroids_do_not_depend_on_chunks(rng):
    X = rng.normal(size=(300, 2))
    whole = centroid_landmarks(X, 40, seed=2)
    with config_context(working_memory=1e-2):
        assert_allclose(centroid_landmarks(X, 40, seed=2), whole, atol=1e-12)


# -- sampled rows


def test_sampled_rows():
    rows = sampled_landmarks(100, 30, seed=0)
    assert len(rows) == 30
    assert (np.diff(rows) > 0).all()
    assert 0 <= rows[0] <= rows[-1] < 100
    assert_array_equal(sampled_landmarks(100, 30, seed=0), rows)
    assert not np.array_equal(sampled_landmarks(100, 30, seed=1), rows)


@pytest.mark.parametrize("n_landmarks", [7, 8, 100])
def test_sampled_rows_are_all_where_they_are_few(n_landmarks):
    assert_array_equal(sampled_landmarks(7, n_landmarks, seed=0), np.arange(7))


def test_every_row_may_be_sampled():
    seen = np.unique([sampled_landmarks(10, 2, seed=seed) for seed in range(60)])
    assert_array_equal(seen, np.arange(10))


# -- the graph of landmarks


@pytest.mark.parametrize("seed", range(3))
def test_coarse_graph_by_loops(seed):
    graph = distance_graph(seed)
    landmarks = np.random.default_rng(seed).permutation(120)[:15]  # in any order
    to_landmarks = shortest_path(graph, directed=False)[landmarks]
    owner = to_landmarks.argmin(axis=0)
    reached = np.isfinite(to_landmarks.min(axis=0))
    lengths = graph.toarray()
    expected = np.zeros((15, 15))
    for a in range(15):
        for b in range(15):
            # Shortest paths between two landmarks inside their cells.
            inside = np.flatnonzero(reached & ((owner == a) | (owner == b)))
            within = shortest_path(lengths[np.ix_(inside, inside)], directed=False)
            ends = np.searchsorted(inside, landmarks[[a, b]])
            if a != b and np.isfinite(within[tuple(ends)]):
                expected[a, b] = within[tuple(ends)]
    coarse = coarse_graph(graph, landmarks)
    assert_allclose(coarse.toarray(), expected)
    assert_allclose(coarse.toarray(), coarse.toarray().T)
    assert_array_equal(coarse.diagonal(), 0)


def test_coarse_graph_of_a_path():
    coarse = coarse_graph(2 * path(10), np.array([0, 9, 5])).toarray()
    assert_array_equal(coarse, [[0, 0, 10], [0, 0, 8], [10, 8, 0]])


def test_coarse_graph_of_all_nodes_is_the_graph():
    graph = distance_graph(0)
    assert_allclose(coarse_graph(graph, np.arange(120)).toarray(), graph.toarray())


def test_coarse_graph_skips_parts_without_landmarks():
    graph = from_edges(6, np.array([0, 1, 3, 4]), np.array([1, 2, 4, 5]))
    assert_array_equal(coarse_graph(graph, np.array([0, 2])).toarray(), [[0, 2], [2, 0]])


@pytest.mark.parametrize("working_memory", [1e-3, 100])  # one landmark at a time, or all
@pytest.mark.parametrize("seed", range(2))
def test_nearest_landmarks_by_brute_force(seed, working_memory):
    graph = distance_graph(seed)
    landmarks = np.random.default_rng(seed).permutation(120)[:20]
    to_landmarks = shortest_path(graph, directed=False)[:, landmarks]
    with config_context(working_memory=working_memory):
        distances, positions = nearest_landmarks(graph, landmarks, 6)
    assert_allclose(distances, np.sort(to_landmarks, axis=1)[:, :6])
    assert_allclose(np.take_along_axis(to_landmarks, positions, axis=1), distances)
    reached = np.isfinite(distances).all(axis=1)
    assert all(len(set(row)) == 6 for row in positions[reached])


def test_nearest_landmark_of_a_landmark_is_itself():
    landmarks = np.array([7, 3, 90])
    distances, positions = nearest_landmarks(distance_graph(1), landmarks, 1)
    assert_array_equal(distances[landmarks, 0], 0)
    assert_array_equal(positions[landmarks, 0], [0, 1, 2])


def test_nearest_landmarks_are_infinitely_far_in_other_parts():
    graph = from_edges(4, np.array([0, 2]), np.array([1, 3]))
    distances, positions = nearest_landmarks(graph, np.array([0, 1, 2]), 2)
    assert_array_equal(distances, [[0, 1], [0, 1], [0, np.inf], [1, np.inf]])
    assert_array_equal(positions[:, 0], [0, 1, 2, 2])


def test_fewer_landmarks_than_asked_for():
    distances, _ = nearest_landmarks(path(3), np.array([0]), 2)
    assert_array_equal(distances, [[0, np.inf], [1, np.inf], [2, np.inf]])


@pytest.mark.gpu
def test_centroids_on_the_gpu(rng):
    X = rng.normal(size=(2000, 5))
    inertias = [
        (distances_to(X, centroid_landmarks(X, 50, seed=0, device=device)).min(axis=1) ** 2).sum()
        for device in ("cuda", "cpu")
    ]
    assert_allclose(inertias[0], inertias[1], rtol=1e-2)
