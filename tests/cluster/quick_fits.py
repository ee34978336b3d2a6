"""Small samples and short fits, of which only the contract matters."""

import numpy as np
import torch
from sklearn.datasets import make_blobs

from skmanifold.cluster import MCRClustering

BRIEF = {
    "n_clusters": 3,
    "n_components": 8,
    "hidden_dim": 16,
    "pretrain_epochs": 2,
    "max_iter": 2,
    "random_state": 0,
}


def quick(**parameters):
    """An estimator of few epochs, if the fixture `few_steps` is on."""
    return MCRClustering(**(BRIEF | parameters))


def far_blobs(n_samples=60, n_clusters=3, seed=0):
    """Clusters that nobody can miss, and their labels, the largest named 0."""
    sizes = [n_samples // n_clusters + 3 * (n_clusters // 2 - k) for k in range(n_clusters)]
    corners = 20.0 * np.eye(n_clusters, 4)
    return make_blobs(sizes, centers=corners, n_features=4, random_state=seed)


def touching(n_samples=60):
    """One cloud, which no graph settles."""
    return np.random.default_rng(1).normal(size=(n_samples, 4))


def stripes(n_samples=24, size=8):
    """Images of upright and level bars, and which they are."""
    generator = torch.Generator().manual_seed(0)
    images = 0.1 * torch.randn(n_samples, 1, size, size, generator=generator, dtype=torch.float64)
    is_level = np.arange(n_samples) % 2
    for image, level in zip(images[:, 0], is_level, strict=True):
        place = int(torch.randint(size, (), generator=generator))
        (image.T if level else image)[:, place] += 2
    return images.numpy(), is_level


def same_clusters(first, second):
    """Whether two labellings differ in names only."""
    pairs = set(zip(np.asarray(first).tolist(), np.asarray(second).tolist(), strict=True))
    return len(pairs) == len(set(first)) == len(set(second))
