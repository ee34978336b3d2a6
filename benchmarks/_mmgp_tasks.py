"""Fields and scalars on new meshes: fits, scores, and targets on them."""

import time

import numpy as np
import pandas as pd

from benchmarks import _mmgp_ours
from benchmarks._mmgp_data import renumbered
from benchmarks._mmgp_peers import prepared
from benchmarks._report import Bound, ratio_of_means

SCALAR, FIELD = "scalar ", "field "  # what the names of scores of single outputs begin with
NEAR_NOUGHT = 0.01  # of a scalar's root mean square


def fit_simulations(estimator, data):
    """The timed part: a fitted model, what it says of the test samples, and the seconds."""
    model = prepared(estimator, data)
    start = time.perf_counter()
    model.fit(data.X, data.y)
    between = time.perf_counter()
    told = model.predict(data.X_test, return_std=True)
    told_fields = model.predict_fields(data.X_test, return_std=True)
    seconds = {"fit_s": between - start, "predict_s": time.perf_counter() - between}
    return (model, told, told_fields), seconds


def table(values, names):
    """Scalars (n, t) as a table."""
    names = list(names)
    return pd.DataFrame(np.asarray(values).reshape(-1, len(names)), columns=names)


def relative_error(told, truth):
    """Root of the mean squared error relative to the truth, as published.

    Relative to the root mean square of a scalar that changes its sign or comes near nought.
    """
    told, truth = np.asarray(told), np.asarray(truth)
    size = np.sqrt(np.mean(truth**2))
    near = truth.min() < 0 < truth.max() or np.abs(truth).min() < NEAR_NOUGHT * size
    return np.sqrt(np.mean(np.square((told - truth) / (size if near else truth))))


def field_error(told, X, name):
    """Root of the mean over samples of the mean squared error over the largest value squared."""
    shares = [
        np.mean(np.square(each.fields[name] - mean[name])) / np.square(each.fields[name]).max()
        for each, mean in zip(X, told, strict=True)
    ]
    return np.sqrt(np.mean(shares))


def covered(truth, low, high):
    """Share of the truth inside intervals; NaN where there are none."""
    if np.isnan(low).any():
        return np.nan
    return np.mean((low <= truth) & (truth <= high))


def coverages(model, data, told, told_fields):
    """Share of the truth inside the intervals of every scalar and field, by name."""
    (low, lows), (high, highs) = _mmgp_ours.intervals(model, data.X_test, told, told_fields)
    low, high, truth = table(low, data.y), table(high, data.y), data.y_test
    shares = {name: covered(truth[name].to_numpy(), low[name], high[name]) for name in truth}
    for name in data.fields:
        sides = zip(data.X_test, lows, highs, strict=True)
        shares[name] = np.mean([covered(x.fields[name], a[name], b[name]) for x, a, b in sides])
    return shares


def errors(data, told, told_fields):
    """Error of every scalar and field, and the mean of each group of fields."""
    mean, means = table(told[0], data.y), told_fields[0]
    scalars = {SCALAR + name: relative_error(mean[name], data.y_test[name]) for name in mean}
    fields = {name: field_error(means, data.X_test, name) for name in data.fields}
    groups = {
        group: np.mean([fields[name] for name in names]) for group, names in data.groups.items()
    }
    worst = {"worst_scalar": max(scalars.values()), "mean_scalar": np.mean([*scalars.values()])}
    return groups | worst | scalars | {FIELD + name: error for name, error in fields.items()}


def score_simulations(estimator, result, data, seed):
    """Errors, least and largest coverage among all outputs, and the seconds."""
    (model, told, told_fields), seconds = result
    shares = coverages(model, data, told, told_fields)
    known = np.array([share for share in shares.values() if np.isfinite(share)])
    extremes = {"coverage_least": known.min(), "coverage_most": known.max()} if known.size else {}
    each = {f"coverage {name}": share for name, share in shares.items() if np.isfinite(share)}
    return errors(data, told, told_fields) | extremes | each | seconds


def score_renumbered(estimator, result, data, seed):
    """How far predictions move, relative to the largest, when nodes and cells are reordered."""
    (model, (mean, _), (means, _)), _ = result
    rng = np.random.default_rng([seed, 5])
    pairs = [renumbered(each, rng) for each in data.X_test]
    again = model.predict([each for each, _ in pairs])
    fields = model.predict_fields([each for each, _ in pairs])
    mean, again = table(mean, data.y), table(again, data.y)
    moved = [((again - mean).abs().max() / mean.abs().max()).max()]
    for (_, order), before, after in zip(pairs, means, fields, strict=True):
        moved += [
            np.abs(after[name] - before[name][order]).max() / np.abs(before[name]).max()
            for name in data.fields
        ]
    return {"renumbered_error": max(moved)}


def worst_scalar_ratio(rivals, **limits):
    """Bound on the largest, over scalars, of our mean error over the least of the rivals'."""

    def figure(view):
        measured = [r.get("quality", {}) for r in view.records]
        names = {name for each in measured for name in each if name.startswith(SCALAR)}
        ratios = [ratio_of_means(name, rivals).figure(view) for name in names]
        return max(ratios, default=np.nan)

    return Bound(f"worst scalar over the best of {', '.join(rivals)}", figure, **limits)


def growth(metric, many, few, **limits):
    """Bound on the mean of one of the methods over that of another, on the same seeds."""

    def figure(view):
        pairs = view.table(metric)[[many, few]].dropna()
        return pairs[many].mean() / pairs[few].mean()

    return Bound(f"{metric} of {many} over that of {few}", figure, **limits)
