"""
=================================
Clusters that are curved surfaces
=================================

Rings, spirals, planes that cross and surfaces that wind: none of these clusters is a ball.
MCRClustering finds them, as spectral clustering does, and lays them flat. Then come handwritten
digits, where what is learnt makes the difference.
"""

# %%
# Four kinds of clusters
# ======================
#
# The first two are curves in the plane. The others have 20 features and are drawn by two principal
# components: planes of three dimensions that meet at the origin, and surfaces of two dimensions.
# Colours are the clusters found, given the colour of the true one that they match best, and titles
# tell the accuracy under this naming.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.metrics.cluster import contingency_matrix

from skmanifold import MCRClustering
from skmanifold.datasets import make_clusters
from skmanifold.metrics import clustering_accuracy

warnings.filterwarnings("ignore", message="Graph is not fully connected")  # it need not be


def matched(y, labels):
    """Clusters by the number of the class that each matches best, one class each."""
    classes, clusters = linear_sum_assignment(contingency_matrix(y, labels), maximize=True)
    return classes[np.argsort(clusters)][labels]


def methods(n_clusters):
    """The three that are compared, at their defaults but for the graph of the second."""
    return [
        KMeans(n_clusters, n_init=10, random_state=0),
        SpectralClustering(n_clusters, affinity="nearest_neighbors", random_state=0),
        MCRClustering(n_clusters, random_state=0),
    ]


kinds = {"circles": 3, "spirals": 3, "subspaces": 5, "manifolds": 5}
fitted = {}

figure, axes = plt.subplots(4, 3, figsize=(9, 11), layout="constrained")
for row, (kind, n_clusters) in zip(axes, kinds.items(), strict=True):
    X, y = make_clusters(kind, random_state=0)
    plane = PCA(n_components=2).fit_transform(X)
    row[0].set_ylabel(kind, fontsize="large")
    for ax, method in zip(row, methods(n_clusters), strict=True):
        labels = method.fit_predict(X)
        ax.scatter(*plane.T, c=matched(y, labels), s=6, cmap="Dark2", vmin=0, vmax=7)
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.set_title(f"{type(method).__name__}: {clustering_accuracy(y, labels):.2f}")
    fitted[kind] = method

# %%
# k-means looks for balls. The other two cut a graph of nearest neighbours, and that is enough here:
# where the graph alone tells the clusters apart, spectral clustering does so in no time. What the
# network adds is the flat representation, which also takes in new samples.
#
# The pictures below show how much any two samples are alike, sorted by cluster. In the input,
# surfaces have directions in common. In what was learnt, each cluster is a subspace of its own and
# nearly at a right angle to all others: only the blocks on the diagonal are left. The spectra show
# that each cluster takes some 15 of the 64 dimensions, and all together take all of them.

from skmanifold.plotting import RateDisplay, SubspaceDisplay

X, y = make_clusters("manifolds", random_state=0)
figure, axes = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
figure.get_layout_engine().set(wspace=0.08)
SubspaceDisplay(X - X.mean(axis=0), y).plot(axes[0])
SubspaceDisplay.from_estimator(fitted["manifolds"], ax=axes[1:])
axes[0].set_title("surfaces as they come")
axes[1].set_title("as they are learnt")
axes[2].set_title("dimensions of what is learnt")

# %%
# Handwritten digits
# ==================
#
# 1797 digits, 8 by 8 pixels. A fifth is held out. Graphs of neighbours join some digits that look
# alike, such as 1 and 8. No label is used but to say how good the clusters are: by their accuracy,
# and by their normalised mutual information (NMI), which is 0 by chance and 1 at best.

from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import train_test_split

pixels, digits = load_digits(return_X_y=True)
train, test, seen, unseen = train_test_split(
    pixels, digits, test_size=0.2, stratify=digits, random_state=0
)
for method in methods(10):
    labels = method.fit_predict(train)
    accuracy = clustering_accuracy(seen, labels)
    print(
        f"{type(method).__name__:>18}: accuracy {accuracy:.2f}, "
        f"NMI {normalized_mutual_info_score(seen, labels):.2f}"
    )
model = method

# %%
# The accuracy of MCRClustering differs from seed to seed, by a few hundredths.
#
# Its training has two stages. In the warm-up, features spread out: the rate :math:`R` of all of
# them rises. In the refinement, each cluster shrinks, and the rate within clusters :math:`R_c`
# falls. What they save, :math:`R - R_c`, is what ``score`` gives for the clusters.

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
RateDisplay.from_estimator(model, ax=ax)
print(f"score: {model.score(train):.1f} nats on digits seen, {model.score(test):.1f} on others")

# %%
# Most clusters take about ten dimensions. The first one, which is the largest, takes more, and the
# last one takes hardly more than one: signs that they are not one digit each.

display = SubspaceDisplay.from_estimator(model)

# %%
# Digits it has not seen
# ======================
#
# New digits get the cluster of their nearest neighbours among those that were seen. Each row shows
# some of one cluster, and on its left the digit that it matches best. Others are red.

predicted = model.predict(test)
names = matched(seen, model.labels_)
name_of = {cluster: names[model.labels_ == cluster][0] for cluster in range(10)}
named = np.array([name_of[cluster] for cluster in predicted])
print(f"accuracy on digits it has not seen: {np.mean(named == unseen):.2f}")

figure, axes = plt.subplots(10, 16, figsize=(9, 6), layout="constrained")
for cluster, row in enumerate(axes):
    members = np.flatnonzero(predicted == cluster)
    row[0].set_ylabel(name_of[cluster], rotation=0, ha="right", va="center")
    for ax in row:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, member in zip(row, members, strict=False):
        color = "Greys" if unseen[member] == name_of[cluster] else "Reds"
        ax.imshow(test[member].reshape(8, 8), cmap=color)

# %%
# Most of what is wrong is one mistake: a 1 with a stroke below is another shape than a plain 1.
# It got a cluster of its own, and plain ones are left with the eights. Both are surfaces far from
# the others, and nothing but a label could tell that they mean the same.

plt.show()
