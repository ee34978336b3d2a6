import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skmanifold.label_space import all_risks, least_risk, least_risks
from skmanifold.label_space._mean_risk import MeanRisk
from tests.label_space.known_spaces import (
    CPU,
    WEIGHTS,
    brute_risks,
    first_k_least,
    first_least,
    weights_of,
)


def grid(height, width):
    return np.stack(np.indices((height, width)), axis=-1).reshape(-1, 2).astype(float)


POINTS = {
    "normal": lambda rng: rng.normal(size=(60, 5)),
    "float32": lambda rng: rng.normal(size=(60, 5)).astype(np.float32),
    "many coordinates": lambda rng: rng.normal(size=(40, 200)),
    "grid": lambda rng: grid(7, 8),
    "ordinal": lambda rng: np.arange(50.0)[:, None],
    "copies": lambda rng: np.tile(rng.normal(size=(12, 3)), (4, 1)),
    "one place": lambda rng: np.full((9, 2), 0.1),
    "one label": lambda rng: rng.normal(size=(1, 3)),
    "far away": lambda rng: rng.normal(size=(60, 3)) + 1e6,
    "far away in float32": lambda rng: (grid(7, 8) + 1e6).astype(np.float32),
    "tiny": lambda rng: 1e-9 * rng.normal(size=(60, 3)),
}
every_kind = pytest.mark.parametrize("kind", POINTS)


def squares(seen, points):
    return ((seen[:, None].astype(float) - points[None].astype(float)) ** 2).sum(axis=2)


def seen_of(points, rng):
    return points[rng.permutation(len(points))[: rng.integers(1, min(len(points), 9) + 1)]]


@every_kind
@pytest.mark.parametrize("weights", WEIGHTS)
def test_brute_force_finds_the_same(kind, weights, rng):
    for _ in range(5):
        points = POINTS[kind](rng)
        seen = seen_of(points, rng)
        P = weights_of(weights, 40, len(seen), rng)
        expected = brute_risks(squares(seen, points), P, 1)
        risk = MeanRisk(points, seen, device=CPU)
        # Coordinates are exact to 1e-16 of their size.
        scale = 1e-12 * expected.max() + 1e-30 * P.sum() * np.square(points.astype(float)).max()
        assert_allclose(all_risks(risk, P), expected, rtol=1e-9, atol=scale)
        labels, least = least_risk(risk, P)
        assert_array_equal(labels, first_least(expected))
        assert_allclose(least, expected.min(axis=1), rtol=1e-9, atol=scale)
        k = min(6, len(points))
        assert_array_equal(least_risks(risk, P, k), first_k_least(expected, k))


@every_kind
def test_the_label_nearest_to_the_mean_point_wins(kind, rng):
    points = POINTS[kind](rng)
    seen = seen_of(points, rng)
    P = rng.dirichlet(np.ones(len(seen)), size=40)
    labels, _ = least_risk(MeanRisk(points, seen, device=CPU), P)
    apart = cdist(P @ seen.astype(float), points.astype(float))
    found = apart[np.arange(40), labels]
    assert_allclose(found, apart.min(axis=1), rtol=1e-6, atol=1e-9 * (1 + apart.max()))


@every_kind
def test_motions_of_the_points_change_no_risk(kind, rng):
    points = POINTS[kind](rng).astype(float)
    seen = seen_of(points, rng)
    turn, _ = np.linalg.qr(rng.normal(size=(points.shape[1],) * 2))
    P = weights_of("smooth", 20, len(seen), rng)
    size = np.abs(points).max()
    moved, moved_seen = (2 * each @ turn + 3 * size for each in (points, seen))
    risks = all_risks(MeanRisk(points, seen, device=CPU), P)
    again = all_risks(MeanRisk(moved, moved_seen, device=CPU), P)
    error = 1e-14 * size  # of the moved points
    spread = np.ptp(points, axis=0).max()
    assert_allclose(again, 4 * risks, rtol=1e-9, atol=100 * P.sum() * error * (spread + error))


@every_kind
def test_a_risk_is_not_negative(kind, rng):
    # It is a sum of squares, and zero where one class is certain.
    for _ in range(5):
        points = POINTS[kind](rng)
        seen = seen_of(points, rng)
        labels, least = least_risk(MeanRisk(points, seen, device=CPU), np.eye(len(seen)))
        assert_array_equal(points[labels], seen)
        assert (least >= 0).all()


def numbers_at_the_end_of_a_range(largest, rng):
    """Risks of integers near the largest one, where float64 holds all that matters exactly."""
    points = np.concatenate([[0.0], largest - np.arange(400.0)[::-1]])[:, None]
    seen = points[[0, 5, 100, 101, 107, 300, 398, 400]]
    points = rng.permutation(points)  # so that the first label of a tie is not the least number
    P = np.zeros((300, len(seen)))
    for row in P:
        row[rng.integers(1, len(seen), 2)] = rng.integers(0, 4, 2)
        row[rng.integers(1, len(seen))] += 1
    return MeanRisk(points, seen, device=CPU), P, brute_risks(squares(seen, points), P, 1)


@pytest.mark.parametrize("largest", [1e6, 1e9])
def test_adjacent_numbers_of_a_large_range_are_told_apart(largest, rng):
    risk, P, expected = numbers_at_the_end_of_a_range(largest, rng)
    labels, _ = least_risk(risk, P)
    assert_array_equal(labels, first_least(expected))
    assert_array_equal(labels, expected.argmin(axis=1))


@pytest.mark.parametrize("largest", [1e6, 1e9])
def test_the_next_best_numbers_of_a_large_range(largest, rng):
    risk, P, expected = numbers_at_the_end_of_a_range(largest, rng)
    assert_array_equal(least_risks(risk, P, 5), first_k_least(expected, 5))


@pytest.mark.parametrize("largest", [1e6, 1e9])
def test_certain_classes_of_a_large_range(largest):
    points = np.concatenate([[0.0], largest - np.arange(400.0)[::-1]])[:, None]
    seen = points[[0, 7, 8, 400]]
    labels, least = least_risk(MeanRisk(points, seen, device=CPU), np.eye(4))
    assert_array_equal(labels, [0, 7, 8, 400])
    assert_allclose(least, 0, atol=1e-12 * largest**2)


@pytest.mark.parametrize("largest", [1e3, 1e6])
def test_means_between_the_ends_of_a_large_range(largest, rng):
    # Weights of 0 and the largest label that put the mean on a label exactly.
    points = np.arange(largest + 1)[:, None]
    places = rng.integers(0, largest, size=50).astype(float)
    P = np.stack([largest - places, places], axis=1)
    labels, _ = least_risk(MeanRisk(points, points[[0, -1]], device=CPU), P)
    assert_array_equal(labels, places)


def test_labels_far_from_the_seen_are_compared_to_the_same_relative_precision(rng):
    # All labels on a circle about the mean: a tie, whatever rounding makes of their squares.
    seen = np.array([[1e-3, 0], [-1e-3, 0]])
    for _ in range(50):
        angle = rng.uniform(0, 2 * np.pi, 6)
        circle = 1e6 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        risk = MeanRisk(circle, seen, device=CPU)
        assert least_risk(risk, np.array([[0.5, 0.5]]))[0] == 0


def test_the_middle_of_a_cell_ties_its_corners():
    cells = grid(4, 4)
    risk = MeanRisk(cells, cells[[5, 10]], device=CPU)  # opposite corners of the cell in between
    assert_array_equal(least_risks(risk, np.array([[0.5, 0.5]]), 4), [[5, 6, 9, 10]])


@pytest.mark.gpu
@every_kind
def test_the_gpu_gives_the_same(kind, rng):
    points = POINTS[kind](rng)
    seen = seen_of(points, rng)
    k = min(6, len(points))
    there, here = (MeanRisk(points, seen, device=device) for device in ("cuda", CPU))
    for weights in WEIGHTS:
        P = weights_of(weights, 40, len(seen), rng)
        risks = all_risks(here, P)
        assert_allclose(all_risks(there, P), risks, rtol=1e-9, atol=1e-12 * risks.max())
        assert_array_equal(least_risk(there, P)[0], least_risk(here, P)[0])
        assert_array_equal(least_risks(there, P, k), least_risks(here, P, k))
