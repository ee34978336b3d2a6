"""
=====================================
Blood cells: how far apart are types?
=====================================

Seven hundred blood cells, each measured by the activity of its genes and labelled with one of ten
types. We draw them in the plane, compare with PCA, and then measure how far the types lie from each
other along the manifold of cells, which needs no picture at all.
"""

# Requires: scanpy

# %%
# The data
# ========
#
# They ship inside the package scanpy: 700 cells, 50 principal components of the expression of 765
# genes. The labels come from a comparison with purified cells, not from these coordinates. They are
# uneven, from 240 dendritic cells down to 8 naive helper T cells, and not free of errors.

import sys

from skmanifold.datasets import load_pbmc68k

try:
    cells = load_pbmc68k()
except ImportError as error:
    print(error)
    sys.exit()

types = cells.label_names[cells.labels]
print(f"{cells.X.shape[0]} cells, {cells.X.shape[1]} components, {len(cells.label_names)} types")

# %%
# A map of the cells
# ==================
#
# The number above each map is the adjusted Rand index of k-means on its two coordinates: 1 if the
# clusters are the labelled types, 0 if they agree no more than by chance.

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from skmanifold import HeatGeodesicEmbedding
from skmanifold.plotting import EmbeddingDisplay


def agreement(points):
    """Adjusted Rand index between the cell types and as many k-means clusters."""
    kmeans = KMeans(n_clusters=len(cells.label_names), n_init=10, random_state=0)
    return adjusted_rand_score(cells.labels, kmeans.fit_predict(points))


heat = HeatGeodesicEmbedding(random_state=0)
maps = {"HeatGeodesicEmbedding": heat.fit_transform(cells.X)}
maps["PCA"] = PCA(n_components=2).fit_transform(cells.X)

figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
for ax, (name, points) in zip(axes, maps.items(), strict=True):
    display = EmbeddingDisplay.from_embedding(points, color=types, ax=ax, s=14)
    ax.set_title(f"{name}: k-means ARI {agreement(points):.2f}")
    if ax is axes[0]:
        display.legend_.remove()

# %%
# PCA keeps the two directions of the largest variance. There the stem cells (CD34+) lie between the
# B cells and the T cells; along the manifold they are far from every mature cell, and killer cells,
# B cells and monocytes end up at the tips of arms. The axes are longer than those of PCA, because
# ways from cell to cell run through all 50 components.
#
# How much can the plane hold? ``intrinsic_dim_`` estimates the dimension of the manifold, and
# ``stress_`` tells which share of the distances the embedding could not keep. Where that matters
# more than looking, embed in more dimensions.

for n_components in (2, 5, 10):
    model = HeatGeodesicEmbedding(n_components, random_state=0).fit(cells.X)
    print(
        f"{n_components:>2} components: stress {model.stress_:.3f}, "
        f"k-means ARI {agreement(model.embedding_):.2f}"
    )
print(f"intrinsic dimension: {heat.intrinsic_dim_:.1f}")

# %%
# Distances between types
# =======================
#
# The distances along the manifold are there without the loss of a picture, in the units of the
# data. Between two types we take the median over their pairs of cells, and let hierarchical
# clustering put the types in order. On the diagonal is the width of a type.

import numpy as np
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

distances = heat.geodesic_distances(cells.X)
members = [np.flatnonzero(cells.labels == label) for label in range(len(cells.label_names))]
between = np.array(
    [[np.median(distances[np.ix_(rows, cols)]) for cols in members] for rows in members]
)
tree = linkage(squareform(between, checks=False), method="average")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 6), width_ratios=(1, 2.2), layout="constrained"
)
order = dendrogram(tree, orientation="left", ax=left, color_threshold=0)["leaves"][::-1]
left.set(xlabel="average distance at which types join", yticks=[])
left.spines[["left", "right", "top"]].set_visible(False)

names = [f"{cells.label_names[label]} ({len(members[label])})" for label in order]
image = right.imshow(between[np.ix_(order, order)], cmap="viridis_r", aspect="auto")
for (row, column), value in np.ndenumerate(between[np.ix_(order, order)]):
    color = "white" if image.norm(value) > 0.5 else "black"
    right.text(column, row, f"{value:.0f}", ha="center", va="center", color=color)
right.set_yticks(range(len(names)), names)
right.set_xticks([])
right.set_title("median geodesic distance between cell types (number of cells)")

# %%
# Nobody told the method, but the order is that of the blood's family tree: the T cells are close to
# each other, then come natural killer (NK) cells and B cells, which are lymphocytes too; monocytes
# and dendritic cells, the myeloid ones, make a branch of their own; and the stem cells are far from
# all that is mature.
#
# Types that are no farther from each other than they are wide, such as regulatory and memory T
# cells, are not told apart by these data. Mind the numbers, too: 8 naive T cells say little.
#
# New cells
# =========
#
# Cells that come later land in the same map and are measured with the same distances. Here a fifth
# of the cells is held out, and each gets the type of the fitted cells nearest along the manifold.

from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

seen, unseen = train_test_split(np.arange(len(types)), test_size=0.2, random_state=0)
model = HeatGeodesicEmbedding(random_state=0).fit(cells.X[seen])
classifier = KNeighborsClassifier(n_neighbors=10, metric="precomputed")
classifier.fit(model.geodesic_distances(cells.X[seen]), types[seen])
accuracy = classifier.score(model.geodesic_distances(cells.X[unseen], cells.X[seen]), types[unseen])
euclidean = KNeighborsClassifier(n_neighbors=10).fit(cells.X[seen], types[seen])
print(f"types of unseen cells told by geodesic distances: {accuracy:.0%}")
print(f"by distances in gene space: {euclidean.score(cells.X[unseen], types[unseen]):.0%}")

plt.show()
