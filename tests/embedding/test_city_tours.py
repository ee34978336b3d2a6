"""The travelling salesman: a fixed model sees the same cities however the map is held.

A network learned to pick the next city of a tour. It sees coordinates, and whoever turns the map,
mirrors it, moves it, prints it larger or numbers the cities anew changes these. In TinvMDS
coordinates its tours stay the same, city by city.
"""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import pairwise_distances
from sklearn.neural_network import MLPRegressor

from skmanifold import TinvMDS

N_CITIES, N_MAPS = 12, 25


def maps(n_maps, seed):
    """Cities that lie as they like, a little wider than high."""
    return np.random.default_rng(seed).uniform(size=(n_maps, N_CITIES, 2)) * [1.5, 1.0]


def situations(cities, here, left):
    """What the network sees of each city left: where it stands, and where that city is."""
    return np.hstack([np.broadcast_to(cities[here], (len(left), 2)), cities[left]])


@cache
def salesman():
    """A network that learned from random tours how far cities are. It errs, in its own way."""
    rng, seen, told = np.random.default_rng(0), [], []
    for cities in TinvMDS().fit_transform(maps(60, 1)):
        order = rng.permutation(N_CITIES)
        for step in range(1, N_CITIES):
            here, left = order[step - 1], order[step:]
            seen.append(situations(cities, here, left))
            told.append(np.linalg.norm(cities[left] - cities[here], axis=1))
    network = MLPRegressor(hidden_layer_sizes=(16,), max_iter=60, tol=1e-2, random_state=0)
    return network.fit(np.concatenate(seen), np.concatenate(told))


def tour(cities):
    """Cities in the order in which the network visits them, from the one it likes best at first."""
    centre = np.vstack([cities, cities.mean(axis=0)])
    left, here, order = list(range(N_CITIES)), N_CITIES, []
    while left:
        lengths = salesman().predict(situations(centre, here, left))
        here = left.pop(int(np.argmin(lengths)))
        order.append(here)
    return np.array(order)


def rotated(cities, rng):
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return cities @ turn.T


def reflected(cities, rng):
    return cities * [-1, 1]


def shifted(cities, rng):
    return cities + rng.normal(size=2, scale=10)


def scaled(cities, rng):
    return cities * 10 ** rng.uniform(-3, 3)


def moved(cities, rng):
    for motion in (reflected, rotated, scaled, shifted):
        cities = motion(cities, rng)
    return cities


MOTIONS = [rotated, reflected, shifted, scaled, moved]
every_motion = pytest.mark.parametrize("motion", MOTIONS, ids=lambda each: each.__name__)


def length(cities, order):
    return np.linalg.norm(cities[order] - cities[np.roll(order, 1)], axis=1).sum()


@every_motion
def test_tours_in_canonical_coordinates_are_the_same_city_by_city(motion, rng):
    before = maps(N_MAPS, 2)
    after = np.array([motion(cities, rng) for cities in before])
    for first, second in zip(*map(TinvMDS().fit_transform, (before, after)), strict=True):
        assert_array_equal(tour(first), tour(second))


@every_motion
def test_tours_in_raw_coordinates_are_not(motion, rng):
    before = maps(N_MAPS, 2)
    same = [(tour(cities) == tour(motion(cities, rng))).all() for cities in before]
    assert np.mean(same) < 0.5


def test_cities_may_be_numbered_anew(rng):
    before = maps(N_MAPS, 2)
    numbers = np.array([rng.permutation(N_CITIES) for _ in before])
    after = [moved(cities[number], rng) for cities, number in zip(before, numbers, strict=True)]
    canonical = zip(*map(TinvMDS().fit_transform, (before, np.array(after))), strict=True)
    for number, (first, second) in zip(numbers, canonical, strict=True):
        assert_array_equal(tour(first), number[tour(second)])


def test_maps_of_distances_have_the_same_tours():
    cities = maps(N_MAPS, 2)
    roads = np.array([pairwise_distances(each) for each in cities])
    from_roads = TinvMDS(2, metric="precomputed").fit_transform(roads)
    for first, second in zip(TinvMDS().fit_transform(cities), from_roads, strict=True):
        assert_array_equal(tour(first), tour(second))


def test_the_salesman_has_learned_something(rng):
    """Or the tests above would be about noise."""
    cities = TinvMDS().fit_transform(maps(N_MAPS, 2))
    ours = [length(each, tour(each)) for each in cities]
    chance = [length(each, rng.permutation(N_CITIES)) for each in cities]
    assert np.mean(ours) < 0.75 * np.mean(chance)
