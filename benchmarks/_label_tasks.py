"""Classification where only a part of the labels was seen: data sets, fits and scores."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from joblib import Memory
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._wordnet import load_wordnet_gloss

CACHE = Path(__file__).resolve().parent / "data" / f"fits-scikit-learn-{sklearn.__version__}"
TRAIN_SHARE = 0.75  # of the samples of the seen classes; the others and all of unseen ones test
N_SIDE, N_PIXELS = 8, 8  # positions along a side of the grid; pixels along a side of a digit
N_PER_CELL = 28  # about as many in all as scikit-learn has digits
PIXEL_NOISE = 0.25
N_BINS = 40


@dataclass(frozen=True)
class Split:
    """Training samples of some classes and test samples of all, with the metric on the labels.

    `base` is the classifier before its fit; `fitted` is it frozen after that where the fit takes
    long, and `base` itself elsewhere.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    label_metric: Any
    labels: Any
    base: Any
    fitted: Any


def plain_fit(base, X, y):
    """A fitted clone."""
    return clone(base).fit(X, y)


def kept_fit(base, X, y):
    """The same, read from a file where any earlier process has fitted it to equal data."""
    return Memory(CACHE, verbose=0).cache(plain_fit)(base, X, y)


def hide(X, y, seed, *, n_seen, base, label_metric, labels, keep=False):
    """Draw the seen classes, and of their samples those that train; `keep` a slow fit."""
    rng = np.random.default_rng(seed)
    seen = rng.permutation(np.unique(y))[:n_seen]
    train = np.isin(y, seen) & (rng.random(len(y)) < TRAIN_SHARE)
    return Split(
        X_train=X[train],
        y_train=y[train],
        X_test=X[~train],
        y_test=y[~train],
        label_metric=label_metric,
        labels=labels,
        base=base,
        fitted=FrozenEstimator(kept_fit(base, X[train], y[train])) if keep else base,
    )


def parent_mapping(parents):
    """`{child: parent}` from the array of parents, in which a root has -1."""
    return {node: above if above >= 0 else None for node, above in enumerate(parents.tolist())}


def wordnet(*, inner, n_seen=447):
    """Definitions and what they are a kind of. Half of the 895 classes are seen; the answer is one
    of the 895 or, with `inner`, any of the 82,115 nouns.
    """

    def load(seed):
        task = load_wordnet_gloss()
        return hide(
            task.E,
            task.Y,
            seed,
            n_seen=n_seen,
            base=LogisticRegression(C=10, max_iter=300),
            label_metric=parent_mapping(task.parents),
            labels="all" if inner else task.classes,
            keep=True,
        )

    return load


def place_digits(images, cells):
    """Each image on a canvas, shifted by as many pixels as its cell says; canvases are flat.

    Neighbouring cells thus overlap in all but one row or column of pixels, which is what lets
    a classifier of some cells say something about the others.
    """
    side = N_SIDE + N_PIXELS - 1
    canvas = np.zeros((len(cells), side, side))
    for image, picture, row, column in zip(
        images, canvas, *np.unravel_index(cells, (N_SIDE, N_SIDE)), strict=True
    ):
        picture[row : row + N_PIXELS, column : column + N_PIXELS] = image
    return canvas.reshape(len(cells), -1)


def digit_grid(n_seen, C):
    """Where on an 8 x 8 grid of shifts does the digit lie? Which digit it is does not matter.

    Images of scikit-learn's digits, 28 per cell, and noise on every pixel. A small `C` makes
    probabilities flat, which misleads the untuned rule; a large one makes them sharp.
    """

    def load(seed):
        from sklearn.datasets import load_digits

        rng = np.random.default_rng(seed)
        cells = np.repeat(np.arange(N_SIDE**2), N_PER_CELL)
        images = load_digits().images / 16
        X = place_digits(images[rng.integers(0, len(images), len(cells))], cells)
        return hide(
            X + PIXEL_NOISE * rng.normal(size=X.shape),
            cells,
            seed,
            n_seen=n_seen,
            base=LogisticRegression(C=C, max_iter=300),
            label_metric="grid",
            labels=(N_SIDE, N_SIDE),
        )

    return load


def diabetes(n_seen):
    """The progression of diabetes in 40 bins of equal width, in their order.

    One bin is empty and some have two patients, who may both be in the test set: with all bins
    drawn as seen, a few test samples still are of classes that were not trained on.
    """

    def load(seed):
        from sklearn.datasets import load_diabetes

        X, progress = load_diabetes(return_X_y=True)
        inner_edges = np.linspace(progress.min(), progress.max(), N_BINS + 1)[1:-1]
        return hide(
            X,
            np.digitize(progress, inner_edges),
            seed,
            n_seen=n_seen,
            base=make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
            label_metric="ordinal",
            labels=np.arange(N_BINS),
        )

    return load


def warm_up(estimator):
    """Import and start everything on a line of ten labels, of which five are seen."""
    X, y = np.linspace(0, 1, 60)[:, None], np.repeat(np.arange(0, 10, 2), 12)
    path = {node: node - 1 if node else None for node in range(10)}
    base = LogisticRegression()
    fitted = FrozenEstimator(plain_fit(base, X, y))
    fit_labels(estimator, Split(X, y, X, y, path, "all", base, fitted))


def refits(estimator):
    """Whether the fit needs the base estimator before its own fit."""
    settings = estimator.get_params(deep=False)
    return "cv" in (settings.get("temperature"), settings.get("top_k"))


def fit_labels(estimator, data):
    """The timed part: predictions for the test samples, and the seconds of fit and of predict."""
    estimator.set_params(
        estimator=data.base if refits(estimator) else data.fitted,
        label_metric=data.label_metric,
        labels=data.labels,
    )
    start = time.perf_counter()
    estimator.fit(data.X_train, data.y_train)
    between = time.perf_counter()
    predicted = estimator.predict(data.X_test)
    return predicted, {"fit_s": between - start, "predict_s": time.perf_counter() - between}


def settings(estimator):
    """What the tuning chose; all classes are told by their number."""
    if not hasattr(estimator, "temperature_"):
        return {}
    top_k = estimator.top_k_ or len(estimator.seen_classes_)
    return {"temperature": estimator.temperature_, "top_k": top_k}


def squared_distance(data, predicted, rows):
    """Mean squared label distance over some test samples."""
    from skmanifold.metrics import mean_squared_label_distance

    return mean_squared_label_distance(
        data.y_test[rows], predicted[rows], label_metric=data.label_metric, labels=data.labels
    )


def score_labels(estimator, result, data, seed):
    """Squared distance and accuracy over all test samples, and of those of seen classes."""
    predicted, seconds = result
    seen = np.isin(data.y_test, data.y_train)
    hit = predicted == data.y_test
    parts = {"msd": np.ones_like(seen), "msd_seen": seen, "msd_unseen": ~seen}
    return {
        **{k: squared_distance(data, predicted, rows) for k, rows in parts.items() if rows.any()},
        "accuracy": hit.mean(),
        "accuracy_seen": hit[seen].mean(),
        **settings(estimator),
        **seconds,
    }


@dataclass(frozen=True)
class Aligned:
    """A task whose metric is a matrix, and an order to put its rows in."""

    data: Split
    matrix: np.ndarray
    order: np.ndarray


def as_matrix(load: Callable):
    """The task of a loader with the distances between its labels as a matrix."""

    def load_aligned(seed):
        from skmanifold.label_space import as_label_space

        data = load(seed)
        space = as_label_space(data.label_metric, data.labels)
        order = np.random.default_rng(seed).permutation(len(space.labels))
        return Aligned(data, space.distances(space.candidates), order)

    return load_aligned


def fit_orders(estimator, aligned):
    """Predictions with the rows of the matrix in order, shuffled, and of the wrong labels."""
    data, matrix, order = aligned.data, aligned.matrix, aligned.order
    labels = np.sort(data.labels)
    orders = {
        "plain": (matrix, labels),
        "shuffled": (matrix[np.ix_(order, order)], labels[order]),
        "permuted": (matrix, labels[order]),
    }
    found = {}
    for name, (metric, names) in orders.items():
        estimator.set_params(estimator=data.fitted, label_metric=metric, labels=names)
        found[name] = estimator.fit(data.X_train, data.y_train).predict(data.X_test)
    return found


def score_orders(estimator, found, aligned, seed):
    """How many predictions the order changed, and how much worse wrong labels are."""
    rows = np.ones(len(found["plain"]), dtype=bool)
    msd = {name: squared_distance(aligned.data, found[name], rows) for name in found}
    return {
        "msd": msd["plain"],
        "changed": np.sum(found["plain"] != found["shuffled"]),
        "permuted_ratio": msd["permuted"] / msd["plain"],
    }
