"""Point clouds and moved copies of them: data sets, fits and scores."""

import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone

from benchmarks._cost import MB, Cost, resident_bytes

DIMENSIONS = (2, 3, 4, 5, 6)
N_MOVED, N_ALONE, N_MDS = 100, 50, 10  # clouds that are checked where all would take long
APART = 1e-6  # mirror images differ by more than that, relative to their size


@dataclass(frozen=True)
class Clouds:
    """Point clouds: an array (n_clouds, n_points, n_dims), a list, or one cloud (2-D)."""

    X: np.ndarray | list


@dataclass(frozen=True)
class Pairs:
    """Batches of clouds, their moved copies, and for each row of a copy which point it was."""

    before: list
    after: list
    orders: list = field(default_factory=list)


def random_clouds(n_clouds, n_points, n_dims, rng):
    """Gaussian clouds, each with its own extents along the coordinate axes."""
    X = rng.standard_normal((n_clouds, n_points, n_dims))
    X *= rng.uniform(0.2, 1, (n_clouds, 1, n_dims))
    return X


def array(n_clouds, n_points, n_dims, dtype="float64"):
    """Loader of random clouds of one size."""

    def load(seed):
        X = random_clouds(n_clouds, n_points, n_dims, np.random.default_rng(seed))
        return Clouds(X.astype(dtype, copy=False))

    return load


def ragged(n_clouds, least, most, n_dims=3):
    """Loader of a list of random clouds of `least` to `most` points."""

    def load(seed):
        rng = np.random.default_rng(seed)
        counts = rng.integers(least, most, n_clouds, endpoint=True)
        return Clouds([random_clouds(1, count, n_dims, rng)[0] for count in counts])

    return load


def single(n_points, n_dims):
    """Loader of one skewed cloud with an extent of its own along every axis."""

    def load(seed):
        X = np.random.default_rng(seed).standard_exponential((n_points, n_dims))
        X *= np.linspace(1, 0.2, n_dims)
        return Clouds(X)

    return load


def moved(X, seed, *, reflect=False):
    """Clouds that were turned, shifted, scaled by 1e-3 to 1e3 and shuffled, and their orders."""
    from skmanifold.datasets import moved_clouds

    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(cloud)) for cloud in X]
    copies = moved_clouds(X, reflect=reflect, max_scale=1e3, random_state=seed)
    copies = [cloud[order] for cloud, order in zip(copies, orders, strict=True)]
    return np.stack(copies) if isinstance(X, np.ndarray) else copies, orders


def pairs(n_clouds, *, dtype="float64", n_points=64, dimensions=DIMENSIONS, reflect=False):
    """Loader of `n_clouds` clouds in all, as many in each dimension, with their copies."""

    def load(seed):
        rng = np.random.default_rng(seed)
        share = n_clouds // len(dimensions)
        before = [random_clouds(share, n_points, d, rng).astype(dtype) for d in dimensions]
        after, orders = zip(*(moved(X, seed, reflect=reflect) for X in before), strict=True)
        return Pairs(before, list(after), list(orders))

    return load


def warm_up(estimator):
    """Import and start everything on a few small clouds."""
    estimator.fit_transform(random_clouds(8, 40, 3, np.random.default_rng(0)))


def fit_measured(estimator, data):
    """The timed part: the output, and what it cost over the input alone."""
    with Cost(resident_bytes()) as cost:
        output = estimator.fit_transform(data.X)
    return output, cost


def fit_pairs(estimator, data):
    """The timed part: canonical points of the clouds and of their copies."""
    return [[estimator.fit_transform(X) for X in batches] for batches in (data.before, data.after)]


def disagreement(before, after):
    """Largest difference of two sets of coordinates but for signs; whether signs differ."""
    signs = np.where((before * after).sum(axis=0) < 0, -1, 1)
    return np.abs(after * signs - before).max(), (signs < 0).any()


def disagreements(before, after, orders):
    """The same of clouds and of their copies, whose rows are in other orders."""
    matched = zip(before, after, orders, strict=True)
    errors, flips = zip(*(disagreement(b[order], a) for b, a, order in matched), strict=True)
    return {"moved_error": np.max(errors), "flips": np.sum(flips)}


def distance_error(cloud, points):
    """Largest error of distances, relative to the largest, but for one factor."""
    from scipy.spatial.distance import pdist

    distances, kept = pdist(cloud.astype(np.float64)), pdist(points.astype(np.float64))
    factor = np.linalg.norm(distances) / np.linalg.norm(kept)
    return np.abs(factor * kept - distances).max() / distances.max()


def mds_error(cloud, points):
    """Largest difference from scikit-learn's classical scaling, but for signs and scale."""
    from benchmarks._cloud_peers import EachClassicalMDS

    classical = EachClassicalMDS().fit_transform(cloud[None].astype(np.float64))[0]
    return disagreement(classical, points)[0]


def score_pairs(estimator, result, data, seed):
    """How far copies are from their clouds, over all dimensions; whether distances are kept."""
    before, after, clouds, orders = (
        [each for batch in batches for each in batch]
        for batches in (*result, data.before, data.orders)
    )
    posed = list(zip(clouds, before, strict=True))
    return {
        **disagreements(before, after, orders),
        "distance_error": max(distance_error(*pair) for pair in posed),
        "mds_error": max(mds_error(*pair) for pair in posed[:: len(posed) // N_MDS]),
    }


def score_mirrors(estimator, result, data, seed):
    """Share of the clouds that differ from their mirror image; the largest difference."""
    points = estimator.get_params().get("output", "points") == "points"
    differences = [
        np.abs(after - (before[order] if points else before)).max()
        for batches in zip(*result, data.orders, strict=True)
        for before, after, order in zip(*batches, strict=True)
    ]
    return {
        "told_apart": np.mean(np.array(differences) > APART),
        "mirror_difference": np.max(differences),
    }


def _moved_scores(estimator, X, output, seed):
    """How far the output of some moved clouds is from that of the clouds."""
    copies, orders = moved(X[:N_MOVED], seed)
    again = estimator.fit_transform(copies)
    if np.ndim(again[0]) == 2:
        return disagreements(output[: len(again)], again, orders[: len(again)])
    return {"moved_error": np.abs(again - output[: len(again)]).max()}


def score_batch(estimator, result, data, seed):
    """Time for 10,000 clouds, memory in units of the input, and invariance of some clouds."""
    output, cost = result
    seconds = {"fit_s": cost.wall_s, "s_per_10k": cost.wall_s * 10_000 / len(output)}
    n_bytes = sum(cloud.nbytes for cloud in data.X[: len(output)])
    return {
        "clouds": len(output),
        "extra_memory": cost.peak_mb * MB / n_bytes,
        **_moved_scores(estimator, data.X, output, seed),
        **seconds,
    }


def score_ragged(estimator, result, data, seed):
    """The same, and how far some clouds are from what they are alone."""
    every = max(1, len(data.X) // N_ALONE)
    picked = zip(data.X[::every], result[0][::every], strict=True)
    errors = [np.abs(estimator.fit_transform(x[None])[0] - y).max() for x, y in picked]
    return score_batch(estimator, result, data, seed) | {"alone_error": np.max(errors)}


def score_single(estimator, result, data, seed):
    """The same of one cloud."""
    output, cost = result
    copies, orders = moved(data.X[None], seed)
    again = estimator.fit_transform(copies[0])
    return {
        "extra_memory": cost.peak_mb * MB / data.X.nbytes,
        **disagreements([output], [again], orders),
        "fit_s": cost.wall_s,
    }


@dataclass(frozen=True)
class Family:
    """A cloud that may have no canonical frame, and moved copies of it behind it."""

    clouds: np.ndarray
    symmetric: bool


def _family(points, symmetric, seed, n_copies=50):
    clouds = np.repeat(np.asarray(points, dtype=np.float64)[None], n_copies + 1, axis=0)
    clouds[1:] = moved(clouds[1:], seed)[0]
    return Family(clouds, symmetric)


def degenerate(seed):
    """Clouds whose axes or signs nothing decides, and ones without extent along some axes."""
    rng = np.random.default_rng(seed)
    cube = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    angles = np.arange(12) * np.pi / 6
    ring = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(12)])
    golden = (1 + np.sqrt(5)) / 2
    rectangle = np.array([[0, a, b * golden] for a in (-1, 1) for b in (-1, 1)])
    sphere = np.concatenate([np.roll(rectangle, turn, axis=1) for turn in range(3)])
    normal = rng.standard_normal
    shapes = {
        "cube": (cube, True),
        "box": (cube * [1, 2, 3], True),
        "ring": (ring, True),
        "sphere": (sphere, True),
        "collinear": (normal((20, 1)) * normal(3), False),
        "duplicates": (np.repeat(normal((10, 3)), 3, axis=0), False),
        "coincident": (np.repeat(normal((1, 3)), 8, axis=0), False),
        "one point": (normal((1, 3)), False),
        "planar": (normal((20, 2)) @ normal((2, 3)), False),
    }
    return {name: _family(*shape, seed) for name, shape in shapes.items()}


def _warned_points(estimator, clouds):
    """Canonical points, and whether they came with a warning that no frame is canonical."""
    from skmanifold.exceptions import DegenerateFrameWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        points = clone(estimator).set_params(output="points").fit_transform(clouds)
    return points, any(issubclass(each.category, DegenerateFrameWarning) for each in caught)


def fit_families(estimator, families):
    """The timed part: of each family points, whether they came with a warning, and features."""
    featured = clone(estimator).set_params(output="features")
    return {
        name: (*_warned_points(estimator, family.clouds), featured.fit_transform(family.clouds))
        for name, family in families.items()
    }


def score_families(estimator, result, families, seed):
    """Numbers that are none, families rightly warned of, and invariance of the features."""
    nan, right, errors = 0, 0, []
    for name, (points, warned, features) in result.items():
        nan += np.sum(~np.isfinite(points)) + np.sum(~np.isfinite(features))
        right += warned == families[name].symmetric
        errors.append(np.abs(features - features[0]).max())
    return {"nan": nan, "warned_right": right / len(result), "features_error": np.max(errors)}
