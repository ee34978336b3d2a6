"""
==================================================
Stresses of a part that was never computed
==================================================

A hundred tension tests were computed by finite elements, of plates of a hundred shapes, each on a
mesh of its own. :class:`~skmanifold.gaussian_process.MMGPRegressor` learns from them what the
solver would say of other plates: displacements and stresses on the nodes of their meshes, and the
largest of them, with error bars.
"""

# Requires: skfem

# %%
# The data
# ========
#
# A plate is clamped along its lower edge and pulled at its upper one. Its width and the cuts in
# both sides were drawn at random, and so were the load and the material. The model is told the
# load, the material and the corners. Of the shape it has the mesh.

import sys

import numpy as np

from skmanifold.datasets import make_tensile_meshes

try:
    runs = make_tensile_meshes(140, mesh_size=0.07, random_state=0)
except ImportError as error:
    print(error)
    sys.exit()

train, test = runs.X[:100], runs.X[100:]
y_train, y_test = runs.y[:100], runs.y[100:]
n_nodes = [sample.n_nodes for sample in train]
print(f"{len(train)} plates to learn from, of {min(n_nodes)} to {max(n_nodes)} nodes")
print(train[0])

# %%
# What is learnt
# ==============
#
# Two of the five fields, the displacement and the stress upwards, and the three quantities in
# ``y``.

from skmanifold import MMGPRegressor

model = MMGPRegressor(fields=["U2", "sig22"], random_state=0).fit(train, y_train)
predicted = model.predict(test)
fields, std = model.predict_fields(test, return_std=True)
print(f"{model.shape_pod_.n_components_} numbers describe a shape")


def r2(truth, prediction):
    """Share of the variance that is explained."""
    return 1 - np.mean((truth - prediction) ** 2) / np.var(truth)


for name, truth, prediction in zip(runs.target_names, y_test.T, predicted.T, strict=True):
    print(f"R^2 of {name:<16}{r2(truth, prediction):.3f}")
truths = {name: np.concatenate([sample.fields[name] for sample in test]) for name in fields[0]}
for name, truth in truths.items():
    print(f"R^2 of {name:<16}{r2(truth, np.concatenate([each[name] for each in fields])):.3f}")

# %%
# A plate of the test set
# =======================
#
# What the solver says, what the model says without it, the difference, and the standard deviation
# that the model gives. The plate is the one whose largest stress is the median of the test set.
# Stresses are largest and change fastest along the cuts, and the model is least sure there.

import matplotlib.pyplot as plt

from skmanifold.plotting import MeshFieldDisplay

plate = test[np.argsort(y_test[:, 0])[len(test) // 2]]
MeshFieldDisplay.from_estimator(model, plate, field="sig22", unit="MPa")

# %%
# Predicted and true quantities
# =============================
#
# Bars are intervals that should hold 95 of 100 new runs. How many do is counted: always do so
# before you rely on error bars. Of forty runs it may be a few more or less by chance.

lower, upper = model.predict_interval(test, coverage=0.95)
units = {"max_von_mises": "MPa", "max_U2_top": "mm", "external_work": "N mm / mm"}
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for column, (ax, name) in enumerate(zip(axes, runs.target_names, strict=True)):
    truth, middle = y_test[:, column], predicted[:, column]
    bars = np.stack([middle - lower[:, column], upper[:, column] - middle])
    ax.errorbar(truth, middle, bars, fmt="o", markersize=4, linewidth=1)
    ends = [truth.min(), truth.max()]
    ax.plot(ends, ends, color="gray", linewidth=1, zorder=0)
    inside = np.mean((lower[:, column] < truth) & (truth < upper[:, column]))
    ax.set(title=f"{name}: {inside:.0%} inside", xlabel=f"true ({units[name]})")
    ax.ticklabel_format(scilimits=(-2, 4))
axes[0].set_ylabel("predicted")

low, high = model.predict_field_intervals(test, coverage=0.95)
for name, truth in truths.items():
    ends = [np.concatenate([each[name] for each in side]) for side in (low, high)]
    print(f"{name:<6}{np.mean((ends[0] < truth) & (truth < ends[1])):.1%} of nodes inside")

# %%
# A part of another kind
# ======================
#
# Here the plate is bent. No plate of the training set was, so error bars mean nothing: they stand
# for plates like those of training. The score says so, and predictions come with a warning. A score
# above 1 is what 5 of 100 plates like those of training would have.

import warnings
from dataclasses import replace

from skmanifold import ForeignShapeWarning

x, y = plate.points.T
bent = replace(plate, points=np.column_stack([x + 0.3 * y**2, y]), fields={})
scores = model.ood_score([*test, bent])
print(f"plates of the test set: {scores[:-1].min():.2f} to {scores[:-1].max():.2f}")
print(f"bent: {scores[-1]:.1f}")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ForeignShapeWarning)
    MeshFieldDisplay.from_estimator(model, bent, field="sig22", unit="MPa")
print(caught[0].message)

plt.show()
