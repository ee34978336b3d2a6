"""Classification of shapes by a model that was trained on aligned clouds only."""

import time
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks._cloud_peers import MeanEmbedding

N_TRAIN, N_TEST = 260, 1300
TEST_SEEDS, MOTION_SEEDS = 10_000, 20_000  # far from those of the training clouds


@dataclass(frozen=True)
class ShapeSplit:
    """Aligned clouds to train on, and others to test on, aligned as well as moved."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_aligned: np.ndarray
    X_moved: np.ndarray
    y_test: np.ndarray


def _split(train, test, seed):
    from skmanifold.datasets import moved_clouds

    return ShapeSplit(*train, test[0], moved_clouds(test[0], random_state=seed), test[1])


def shapes(n_points, noise, n_train=N_TRAIN, n_test=N_TEST):
    """Loader of the thirteen classes."""

    def draw(n_clouds, seed):
        from skmanifold.datasets import make_shapes

        sample = make_shapes(n_clouds, n_points=n_points, noise=noise, random_state=seed)
        return sample.X, sample.labels

    def load(seed):
        train, test = draw(n_train, seed), draw(n_test, seed + TEST_SEEDS)
        return _split(train, test, seed + MOTION_SEEDS)

    return load


def mirrored(kind, n_points, noise, n_train=100, n_test=400):
    """Loader of one class of `make_shapes`, every other cloud a mirror image: which are?"""

    def draw(n_clouds, seed):
        from skmanifold.datasets import make_shapes

        sample = make_shapes(13 * n_clouds, n_points=n_points, noise=noise, random_state=seed)
        X = sample.X[sample.labels == sample.names.index(kind)]
        y = np.arange(len(X)) % 2
        X[:, :, 0] *= np.where(y, -1, 1)[:, None]
        return X, y

    def load(seed):
        train, test = draw(n_train, seed), draw(n_test, seed + TEST_SEEDS)
        return _split(train, test, seed + MOTION_SEEDS)

    return load


def turned_copies(X, y, n_copies):
    """Rotation augmentation: every cloud that many times, each turned at random."""
    from skmanifold.datasets import moved_clouds

    copies = [moved_clouds(X, shift=0, max_scale=1, random_state=i) for i in range(n_copies)]
    return np.concatenate(copies), np.tile(y, n_copies)


def classifier(pose):
    """A support vector machine on features, or on the mean embedding of posed points."""
    featured = pose.get_params().get("output") == "features"
    describe = [] if featured else [MeanEmbedding()]
    return make_pipeline(pose, *describe, StandardScaler(), SVC(C=10))


def fit_shapes(estimator, data):
    """The timed part: predictions for aligned and for moved clouds, and the seconds they took."""
    X, y = data.X_train, data.y_train
    start = time.perf_counter()
    if n_copies := estimator.get_params().get("n_copies"):
        X, y = turned_copies(X, y, n_copies)
    model = classifier(estimator).fit(X, y)
    between = time.perf_counter()
    predicted = model.predict(data.X_aligned), model.predict(data.X_moved)
    return predicted, {"fit_s": between - start, "predict_s": time.perf_counter() - between}


def score_shapes(estimator, result, data, seed):
    """Shares of exact hits."""
    (aligned, moved), seconds = result
    return {
        "accuracy_moved": np.mean(moved == data.y_test),
        "accuracy_aligned": np.mean(aligned == data.y_test),
        **seconds,
    }


def warm_up_shapes(estimator):
    """Import and start everything on a few small clouds."""
    fit_shapes(estimator, shapes(32, 0.02, n_train=26, n_test=26)(0))
