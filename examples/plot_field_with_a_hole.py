"""
=================================
A hole in a field on a sphere
=================================

No arrow is known within a cap of a sphere, and there of all places the field turns round a point
where it vanishes. :class:`~skmanifold.gaussian_process.RVGP` fills the hole from what is around it:
the vortex comes back, in its place, and the error bars tell where the field was guessed.
"""

# %%
# The field and the hole
# ======================
#
# A turn about the north pole, and waves of space on top of it, projected on the tangent planes.
# What the waves are at the pole is subtracted, so that the field vanishes there; elsewhere it is
# smooth and anything. Of 1500 points of the sphere, 300 have an arrow, with noise, and none of
# these is within half a radian of the pole.

from itertools import pairwise

import numpy as np

from skmanifold.datasets import make_sphere

rng = np.random.default_rng(20)
directions, phases = 1.5 * rng.normal(size=(3, 30)), rng.uniform(0, 2 * np.pi, 30)
amplitudes = rng.normal(size=(30, 3)) / 8
pole = np.array([[0.0, 0.0, 1.0]])


def waves(points):
    """Vectors in space."""
    return np.sin(points @ directions + phases) @ amplitudes


def field(points):
    """Tangent vectors at points of the unit sphere."""
    vectors = np.cross(pole, points) + waves(points) - waves(pole)
    return vectors - np.sum(vectors * points, axis=1, keepdims=True) * points


def rms(vectors):
    """Root mean square length."""
    return np.sqrt(np.mean(np.sum(vectors**2, axis=1)))


X = make_sphere(1500, random_state=0).X
truth = field(X)
from_pole = np.arccos(X[:, 2])
labelled = rng.choice(np.flatnonzero(from_pole > 0.5), 300, replace=False)
unlabelled = np.setdiff1d(np.arange(len(X)), labelled)
arrows = truth[labelled] + rng.normal(scale=0.05, size=(300, 3))
print(f"length of arrows {rms(truth):.2f}; points in the hole: {(from_pole <= 0.5).sum()}")

# %%
# To fill it
# ==========
#
# The points in the hole are part of the sphere: they go in as unlabelled ones. Three nearest
# neighbours are the comparison.

from sklearn.neighbors import KNeighborsRegressor

from skmanifold import RVGP

model = RVGP(random_state=0).fit(X[labelled], arrows, X[unlabelled])
neighbors = KNeighborsRegressor(3).fit(X[labelled], arrows)
print(f"terms: {' + '.join(model.terms_)}; noise {np.sqrt(model.noise_variance_):.3f}")

# %%
# By distance from the pole: the error, the error that the model itself expects, and the error of
# three neighbours.

mean, std = model.predict(X, return_std=True)
rings = [0, 0.25, 0.5, 0.75, 1, 3.2]
print(f"{'from the pole':<16}{'points':>6}{'RVGP':>8}{'expected':>10}{'3 nearest':>11}")
for low, high in pairwise(rings):
    ring = unlabelled[(from_pole[unlabelled] > low) & (from_pole[unlabelled] <= high)]
    errors = mean[ring] - truth[ring], std[ring], neighbors.predict(X[ring]) - truth[ring]
    of_model, expected, of_neighbors = map(rms, errors)
    print(
        f"{low:.2f} to {high:.2f}{len(ring):>10}"
        f"{of_model:>8.3f}{expected:>10.3f}{of_neighbors:>11.3f}"
    )

# %%
# From above
# ==========
#
# Left the truth, in the middle what three neighbours make of it, right the model. The dashed circle
# is the rim of the hole, black dots are where an arrow was known, the ring is where the model sees
# the field vanish. Colours are standard deviations. Arrows have one scale in all pictures.

import matplotlib.pyplot as plt

from skmanifold.plotting import VectorFieldDisplay

near = X[from_pole < 0.9]
seen = X[labelled][from_pole[labelled] < 0.9]
singular = model.singularities()
here = singular[singular.positions[:, 2] > np.cos(0.9)]
figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
style = {"projection": (0, 1), "scale": 12, "n_arrows": 150}
VectorFieldDisplay.from_field(near, field(near), ax=axes[0], **style)
VectorFieldDisplay.from_field(near, neighbors.predict(near), ax=axes[1], labels=seen, **style)
VectorFieldDisplay.from_estimator(model, near, ax=axes[2], labels=seen, singularities=here, **style)
for ax, title in zip(axes, ("truth", "3 nearest", "RVGP"), strict=True):
    ax.set(title=title, xlabel="", ylabel="", xticks=[], yticks=[])
    ax.add_patch(plt.Circle((0, 0), np.sin(0.5), fill=False, linestyle="dashed", color="0.5"))

# %%
# Where it vanishes
# =================
#
# On a sphere no smooth field is free of points where it vanishes. Each of them has an index, 1
# where the field turns, spreads or gathers and -1 at a saddle, and the indices sum to 2, whatever
# the field. The vortex of the hole is there, nearly at the pole. A saddle and a source elsewhere,
# with large uncertainty, are in a part where the field is weak: there may be both of them or none.

print(f"{'kind':<12}{'index':>5}{'from the pole':>15}{'uncertain by':>14}")
for position, index, kind, spread in zip(
    singular.positions, singular.indices, singular.kinds, singular.position_std, strict=True
):
    print(f"{kind:<12}{index:>5}{np.arccos(position[2]):>15.3f}{spread:>14.3f}")
print(f"sum of the indices: {singular.indices.sum()}")

plt.show()
