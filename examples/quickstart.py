"""
==========
Quickstart
==========

What ``make demo`` runs: embed real data in the plane, compare with PCA and Isomap, and write a
picture. The digits come with scikit-learn; the single-cell data need the extra ``bench``.
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
from skmanifold.utils import resolve_device

PICTURE = Path("demo") / "quickstart.png"


def load_data():
    """Name -> (X, labels)."""
    data = {"digits": load_digits(return_X_y=True)}
    if find_spec("scanpy"):
        cells = load_pbmc68k()
        data["blood cells"] = cells.X, cells.label_names[cells.labels]
    else:
        print('Single-cell data are left out: they need pip install "skmanifold[bench]".')
    return data


def estimators():
    """The estimators to compare, at their defaults but that Isomap has as many neighbours."""
    heat = HeatGeodesicEmbedding(random_state=0)
    heat.set_callbacks(ProgressBar())
    return {
        "HeatGeodesicEmbedding": heat,
        "PCA": PCA(n_components=2, random_state=0),
        "Isomap": Isomap(n_neighbors=heat.n_neighbors),
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


def draw(ax, title, embedding, labels, *, with_legend):
    """One panel."""
    display = EmbeddingDisplay.from_embedding(embedding, color=labels, ax=ax)
    ax.set(title=title, xlabel="", ylabel="", xticks=[], yticks=[])
    if not with_legend:
        display.legend_.remove()


def show(name, rows):
    """Print one table, methods by scores."""
    columns = list(next(iter(rows.values())))
    print(f"\n{name:<24}" + "".join(f"{column:>16}" for column in columns))
    for method, row in rows.items():
        print(f"{method:<24}" + "".join(f"{row[column]:>16.3f}" for column in columns))


def main():
    print(f"Device: {resolve_device('auto')}")
    data = load_data()
    methods = list(estimators())
    size = 4 * len(methods) + 2.5, 3.8 * len(data)  # with room for legends
    figure, axes = plt.subplots(
        len(data), len(methods), figsize=size, squeeze=False, layout="constrained"
    )
    for (name, (X, labels)), row_axes in zip(data.items(), axes, strict=True):
        rows = {}
        for (method, estimator), ax in zip(estimators().items(), row_axes, strict=True):
            embedding = estimator.fit_transform(X)
            rows[method] = scores(X, labels, embedding)
            draw(ax, f"{name}: {method}", embedding, labels, with_legend=method == methods[-1])
        show(f"{name} {X.shape}", rows)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)
    print(f"\nPicture: {PICTURE.resolve()}")


if __name__ == "__main__":
    matplotlib.use("Agg")  # a file is written, no window is opened
    main()
