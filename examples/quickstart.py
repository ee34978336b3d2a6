"""
==========
Quickstart
==========

What ``make demo`` runs: embed real data in the plane, compare with PCA and Isomap, and write a
picture. The single-cell data need the extra ``bench``; the digits come with scikit-learn.
"""

from importlib.util import find_spec
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ProgressBar
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skmanifold import HeatGeodesicEmbedding
from skmanifold.datasets import load_pbmc68k
from skmanifold.metrics import neighborhood_precision
from skmanifold.plotting import EmbeddingDisplay

PICTURE = Path("demo") / "quickstart.png"


def load_data():
    """Name -> (X, labels), with the labels as integers."""
    data = {"digits": load_digits(return_X_y=True)}
    if find_spec("scanpy"):
        cells = load_pbmc68k()
        data["pbmc68k"] = cells.X, cells.labels
    else:
        print('Single-cell data are left out: they need pip install "skmanifold[bench]".')
    return data


def estimators():
    """The estimators to compare, all with as many neighbours."""
    heat = HeatGeodesicEmbedding(n_neighbors=15, random_state=0)
    heat.set_callbacks(ProgressBar())
    return {
        "HeatGeodesicEmbedding": heat,
        "PCA": PCA(n_components=2, random_state=0),
        "Isomap": Isomap(n_neighbors=15),
    }


def scores(X, labels, embedding):
    """How much of the neighbourhoods, the labels and the clusters is left in the plane."""
    accuracy = cross_val_score(KNeighborsClassifier(10), embedding, labels, cv=5).mean()
    clusters = KMeans(len(np.unique(labels)), n_init=10, random_state=0).fit_predict(embedding)
    return {
        "neighbourhoods": neighborhood_precision(X, embedding, n_neighbors=15),
        "kNN accuracy": accuracy,
        "k-means ARI": adjusted_rand_score(labels, clusters),
    }


def show(name, rows):
    """Print one table, methods by scores."""
    columns = list(next(iter(rows.values())))
    print(f"\n{name:<24}" + "".join(f"{column:>16}" for column in columns))
    for method, row in rows.items():
        print(f"{method:<24}" + "".join(f"{row[column]:>16.3f}" for column in columns))


def main():
    data = load_data()
    methods = list(estimators())
    figure, axes = plt.subplots(
        len(data), len(methods), figsize=(4 * len(methods), 4 * len(data)), squeeze=False
    )
    for (name, (X, labels)), row_axes in zip(data.items(), axes, strict=True):
        rows = {}
        for (method, estimator), ax in zip(estimators().items(), row_axes, strict=True):
            embedding = estimator.fit_transform(X)
            rows[method] = scores(X, labels, embedding)
            EmbeddingDisplay.from_embedding(embedding, color=labels, ax=ax)
            ax.set_title(f"{method}, {name}")
        show(f"{name} {X.shape}", rows)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120, bbox_inches="tight")
    print(f"\nPicture: {PICTURE}")


if __name__ == "__main__":
    matplotlib.use("Agg")  # a file is written, no window is opened
    main()
