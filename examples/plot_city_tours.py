"""
=================================
Tours that do not mind the map
=================================

The shortest round tour of some cities does not change when their map is turned, mirrored, moved or
drawn at another scale. A model that has learned to plan tours from coordinates knows nothing of
that: on another map it plans another tour. With :class:`~skmanifold.embedding.TinvMDS` in front, it
sees the same coordinates on every map, and all tours are the same.
"""

# %%
# Cities and their shortest tours
# ===============================
#
# Sets of ten cities are small enough for the shortest tours to be found by dynamic programming:
# the shortest way through a set of cities to the last of them follows from those through all sets
# with one city less. Tours start at the first city.

import numpy as np

N_CITIES = 10


def shortest_tours(maps):
    """Order of the cities in the shortest tour of each map, shape (n_maps, N_CITIES)."""
    distances = np.linalg.norm(maps[:, :, None] - maps[:, None], axis=-1)
    every = np.arange(len(maps))
    # Bits of the first index: the cities on the way from city 0 to the city of the last index.
    length = np.full((2**N_CITIES, len(maps), N_CITIES), np.inf)
    previous = np.zeros(length.shape, dtype=int)
    length[1, :, 0] = 0
    for visited in range(3, 2**N_CITIES, 2):
        for last in range(1, N_CITIES):
            if visited >> last & 1:
                ways = length[visited ^ (1 << last)] + distances[:, last]
                previous[visited, :, last] = ways.argmin(axis=1)
                length[visited, :, last] = ways.min(axis=1)
    visited = np.full(len(maps), 2**N_CITIES - 1)
    tours = [(length[-1] + distances[:, 0]).argmin(axis=1)]
    for _ in range(N_CITIES - 1):
        last = tours[-1]
        tours.append(previous[visited, every, last])
        visited = visited ^ (1 << last)
    return np.stack(tours[::-1], axis=1)


def tour_length(maps, tours):
    """Length of the round tour of each map."""
    stops = np.take_along_axis(maps, tours[..., None], axis=1)
    return np.linalg.norm(stops - np.roll(stops, 1, axis=1), axis=-1).sum(axis=1)


rng = np.random.default_rng(0)
train, test = rng.random((1000, N_CITIES, 2)), rng.random((200, N_CITIES, 2))
train_tours, test_tours = shortest_tours(train), shortest_tours(test)

# %%
# A model that chooses the next city
# ==================================
#
# On its way, the model asks of each city that is left whether it is the next one, and goes where it
# is surest. It is told where this city is, where it stands, where the tour began, and where the
# mean and the three nearest of the other cities are: 14 coordinates, and how many cities are left.
# Which are the nearest is the same on all maps. The coordinates are not.

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def choices(cities, path):
    """The cities that are left, and what the model is told of each."""
    left = np.setdiff1d(np.arange(len(cities)), path)
    rows = []
    for city in left:
        others = cities[left[left != city]]
        nearest = np.argsort(np.linalg.norm(others - cities[city], axis=1))[:3]
        # After the last cities comes the way home.
        near = np.vstack([others[nearest], *[cities[:1]] * (3 - len(nearest))])
        mean = np.mean(others if len(others) else cities[:1], axis=0)
        places = [cities[city], cities[path[-1]], cities[0], mean, *near]
        rows.append(np.append(np.ravel(places), len(left)))
    return left, np.array(rows)


def lessons(maps, tours):
    """All choices along the shortest tours, in both directions, and whether they were right."""
    asked, right = [], []
    for cities, tour in zip(maps, tours, strict=True):
        for way in (tour, np.roll(tour[::-1], 1)):
            for step in range(1, N_CITIES - 1):
                left, rows = choices(cities, way[:step])
                asked.append(rows)
                # The first step may be either neighbour in the tour.
                right.append(np.isin(left, way[[1, -1]] if step == 1 else way[step]))
    return np.vstack(asked), np.concatenate(right)


def planned_tours(model, maps):
    """The tours of a model, all maps at once."""
    paths = np.zeros((len(maps), 1), dtype=int)
    for _ in range(N_CITIES - 1):
        asked = [choices(cities, path) for cities, path in zip(maps, paths, strict=True)]
        surety = model.predict_proba(np.vstack([rows for _, rows in asked]))[:, 1]
        best = surety.reshape(len(maps), -1).argmax(axis=1)
        chosen = [left[which] for (left, _), which in zip(asked, best, strict=True)]
        paths = np.column_stack([paths, chosen])
    return paths


def trained(maps, tours):
    """A network that knows the shortest tours of these maps."""
    network = MLPClassifier((64, 64), batch_size=500, max_iter=15, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 15 rounds are enough
        return make_pipeline(StandardScaler(), network).fit(*lessons(maps, tours))


# %%
# With and without canonical coordinates
# ======================================
#
# A set of maps is a batch of point clouds, ``(n_maps, n_cities, 2)``. ``TinvMDS`` gives each of
# them its own frame; nothing is learned from the training set.

from skmanifold import TinvMDS

frames = TinvMDS().fit(train)
raw_model = trained(train, train_tours)
invariant_model = trained(frames.transform(train), train_tours)
planners = {
    "raw coordinates": lambda maps: planned_tours(raw_model, maps),
    "TinvMDS": lambda maps: planned_tours(invariant_model, frames.transform(maps)),
}

# %%
# The test maps are then moved in several ways. How often is the tour exactly the same as on the map
# as it was, and how much longer than the shortest one is it?

from skmanifold.datasets import moved_clouds

still = {"rotate": False, "shift": 0, "max_scale": 1}
motions = {
    "as they are": still,
    "turned": still | {"rotate": True},
    "mirrored": still | {"reflect": True},
    "shifted": still | {"shift": 1},
    "scaled": still | {"max_scale": 10},
    "all of these": {"reflect": True},
}
moved = {name: moved_clouds(test, **how, random_state=0) for name, how in motions.items()}
tours = {
    (planner, motion): plan(maps)
    for planner, plan in planners.items()
    for motion, maps in moved.items()
}
shortest = tour_length(test, test_tours)

print(f"{'':<14}" + "".join(f"{planner:^26}" for planner in planners))
print(f"{'':<14}" + f"{'same tour':>13}{'too long':>13}" * 2)
for motion in motions:
    line = f"{motion:<14}"
    for planner in planners:
        found, before = tours[planner, motion], tours[planner, "as they are"]
        same = (found == before).all(axis=1).mean()
        line += f"{same:>13.1%}{(tour_length(test, found) / shortest).mean() - 1:>13.1%}"
    print(line)

# %%
# And the oldest rule, always to the nearest city that is left? It looks at distances only, so it
# does not mind the map either:


def nearest_city_tour(cities):
    """From each city to the nearest one that is left."""
    path = [0]
    for _ in range(N_CITIES - 1):
        distances = np.linalg.norm(cities - cities[path[-1]], axis=1)
        distances[path] = np.inf
        path.append(int(distances.argmin()))
    return path


greedy = np.array([nearest_city_tour(cities) for cities in test])
print(f"nearest city: {(tour_length(test, greedy) / shortest).mean() - 1:.1%} too long")

# %%
# Tours from raw coordinates change with every kind of motion, and get longer on maps unlike those
# of the training set. Those from canonical coordinates are the same, city by city; on the maps as
# they are, they are no longer than the others. What is certain is that they are the same, not that
# they are short: on a map that the model plans badly, it plans as badly on all copies of it.
#
# One set of cities
# =================
#
# Colours number the cities, the ring is around the first. Red tours are not those of the map as it
# was.

import matplotlib.pyplot as plt

names = ["as they are", "turned", "mirrored", "all of these"]
changed = (tours["raw coordinates", "all of these"] != tours["raw coordinates", "as they are"]).any(
    1
)
example = np.flatnonzero(changed)[0]

figure, axes = plt.subplots(2, len(names), figsize=(10, 5.6), layout="constrained")
for row, planner in zip(axes, planners, strict=True):
    row[0].set_ylabel(planner)
    for ax, motion in zip(row, names, strict=True):
        cities, tour = moved[motion][example], tours[planner, motion][example]
        same = (tour == tours[planner, "as they are"][example]).all()
        longer = tour_length(test, tours[planner, motion])[example] / shortest[example] - 1
        ax.plot(*cities[np.append(tour, tour[0])].T, color="tab:blue" if same else "tab:red")
        ax.scatter(*cities.T, c=np.arange(N_CITIES), zorder=2)
        ax.scatter(*cities[0], s=120, facecolor="none", edgecolor="black", zorder=3)
        ax.set(aspect="equal", xticks=[], yticks=[], title=f"{motion}: {longer:.0%} too long")
        ax.margins(0.1)

plt.show()
