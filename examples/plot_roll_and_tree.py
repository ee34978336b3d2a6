"""
========================
Unrolling, and branching
========================

Two samples whose true distances are known: a sheet that is rolled up, and a tree of random walks in
ten dimensions under so much noise that single steps are lost in it. Where do distances along the
manifold survive in a picture, and where do unseen points land?
"""

# %%
# The samples
# ===========
#
# Both come with :meth:`~skmanifold.datasets.ManifoldSample.geodesic_distances`, the lengths of the
# ways along the manifold without its noise. A tenth of each sample is held out.

from sklearn.model_selection import train_test_split

from skmanifold.datasets import make_branching_tree, make_swiss_roll

samples = {
    "roll": make_swiss_roll(2000, noise=0.5, random_state=0),
    "tree": make_branching_tree(2000, n_branches=5, n_features=10, noise=5.0, random_state=0),
}
seen, unseen = train_test_split(range(2000), test_size=0.1, random_state=0)

# %%
# The embeddings
# ==============
#
# All three at their defaults. Every method is fitted to the points it sees, and then maps the
# unseen ones.

from sklearn.decomposition import PCA
from sklearn.manifold import Isomap

from skmanifold import HeatGeodesicEmbedding

methods = {
    "HeatGeodesicEmbedding": HeatGeodesicEmbedding(random_state=0),
    "PCA": PCA(n_components=2),
    "Isomap": Isomap(),
}
embeddings = {
    (data, name): (method.fit_transform(sample.X[seen]), method.transform(sample.X[unseen]))
    for data, sample in samples.items()
    for name, method in methods.items()
}

# %%
# The titles tell how distances in the picture correlate with true geodesic distances (1 is
# perfect), first for the fitted points, then for the unseen ones, which are drawn with black edges.
# The roll is coloured along the spiral, the tree by branch.

import matplotlib.pyplot as plt

from skmanifold.metrics import geodesic_correlation
from skmanifold.plotting import EmbeddingDisplay

colors = {"roll": samples["roll"].color, "tree": samples["tree"].labels.astype(float)}
maps = {"roll": "viridis", "tree": "Set1"}


def draw(ax, data, name):
    """One embedding: fitted points without edges, unseen ones with black edges."""
    fitted, mapped = embeddings[data, name]
    color, true = colors[data], samples[data].geodesic_distances
    display = EmbeddingDisplay.from_embedding(
        fitted, color=color[seen], ax=ax, cmap=maps[data], s=6
    )
    display.colorbar_.remove()
    style = {"cmap": maps[data], "norm": display.scatter_.norm, "edgecolors": "black"}
    ax.scatter(*mapped.T, c=color[unseen], s=14, linewidths=0.5, **style)
    of_fitted = geodesic_correlation(true(seen, seen), fitted)
    of_unseen = geodesic_correlation(true(unseen, unseen), mapped)
    ax.set_title(f"{data}, {name}\n{of_fitted:.3f}, unseen {of_unseen:.3f}")
    ax.set(xlabel="", ylabel="")


figure, axes = plt.subplots(2, 3, figsize=(11, 7.5), layout="constrained")
for ax, (data, name) in zip(axes.flat, embeddings, strict=True):
    draw(ax, data, name)

# %%
# PCA looks at the roll from the side. Isomap and the heat method both unroll it; the heat method
# also finds the tree's branches, where the shortest ways of Isomap cut through the noise. Unseen
# points land among the fitted ones of their own part.
#
# How much noise?
# ===============
#
# One edge from one turn of the roll to the next is enough to spoil shortest ways. The heat method
# first moves points towards the sheet that their neighbourhoods reveal, then joins only those that
# choose each other as neighbours, and lets heat take all ways. So it goes on for longer, but not
# for ever: where the noise fills the gap between the turns, it takes more points to see the sheet.

print("noise    heat  Isomap")
for noise in (0.5, 0.7, 1.0):
    roll = make_swiss_roll(2000, noise=noise, random_state=0)
    heat, isomap = (
        geodesic_correlation(roll.geodesic_distances, methods[name].fit_transform(roll.X))
        for name in ("HeatGeodesicEmbedding", "Isomap")
    )
    print(f"{noise:>5}   {heat:.3f}   {isomap:.3f}")

# %%
# What no method can know
# =======================
#
# Distances are in the units of the data: on the roll the factor between embedded and true distances
# is near 1. On the tree it is far from it. The true ways there are sums of steps much smaller than
# the noise, a random walk that goes back and forth at a scale nobody can see any more. What is left
# are the ways along the smoothed tree, which are shorter. Proportions survive, as the correlation
# tells; the unit does not.

from skmanifold.metrics import geodesic_scale

for data, sample in samples.items():
    fitted, _ = embeddings[data, "HeatGeodesicEmbedding"]
    scale = geodesic_scale(sample.geodesic_distances(seen, seen), fitted)
    print(f"{data}: embedded distances are {scale:.2f} of the true ones")

plt.show()
