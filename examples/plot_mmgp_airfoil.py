"""
==================================================
Lift and pressure of airfoils
==================================================

Flows around airfoils live on meshes with a hole, and the hole is what matters.
:class:`~skmanifold.gaussian_process.MMGPRegressor` lays such meshes around a cylinder. From a
hundred computed flows it predicts the pressure around other airfoils, and how their lift depends on
the angle of attack.
"""

# Requires: skfem

# %%
# The data
# ========
#
# A hundred and forty airfoils of the four-digit series of NACA, each in a flow without friction, at
# another angle of attack and another speed. The model is told angle and speed. Landmarks are the
# trailing and the leading edge, and the node of the outer circle straight behind.

import sys

import numpy as np

from skmanifold.datasets import make_airfoil_meshes

try:
    runs = make_airfoil_meshes(140, random_state=0)
except ImportError as error:
    print(error)
    sys.exit()

train, test = runs.X[:100], runs.X[100:]
y_train, y_test = runs.y[:100], runs.y[100:]
print(train[0])
print(runs.target_names)

# %%
# What is learnt
# ==============

from skmanifold import MMGPRegressor

model = MMGPRegressor(fields=["pressure"], random_state=0).fit(train, y_train)
morpher = model.morpher_
print(f"topology: {morpher.topology_}; triangles turned over: {morpher.n_flips_.sum()}")
predicted = model.predict(test)
for name, truth, prediction in zip(runs.target_names, y_test.T, predicted.T, strict=True):
    error = np.sqrt(np.mean((truth - prediction) ** 2))
    print(f"{name:<26}error {error:.4f}, spread {truth.std():.4f}")

# %%
# Pressure
# ========
#
# The whole mesh reaches five chords away. The picture shows what is near the airfoil.

import matplotlib.pyplot as plt

from skmanifold.plotting import MeshFieldDisplay

shown = int(np.argmax([sample.scalars["angle_of_attack"] for sample in test]))
display = MeshFieldDisplay.from_estimator(model, test[shown], field="pressure", unit="Pa")
display.figure_.set_size_inches(10, 5.5)
for ax in display.axes_:
    ax.set(xlim=(-0.3, 1.3), ylim=(-0.5, 0.5))

# %%
# Lift against angle of attack
# ============================
#
# Three airfoils of the test set at all angles, on the mesh of each. Circles are the flows that were
# computed, at one angle each. Bands are two standard deviations. The grey part has angles that the
# training set does not have.

from dataclasses import replace

angles = np.linspace(-10, 16, 27)
trained = [sample.scalars["angle_of_attack"] for sample in train]
by_camber = np.argsort(runs.shape_parameters[100:, runs.shape_names.index("camber")])

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for rank, color in zip((0, 20, 39), ("C0", "C1", "C2"), strict=True):
    index = by_camber[rank]
    sample = test[index]
    turned = [
        replace(sample, scalars={**sample.scalars, "angle_of_attack": angle}) for angle in angles
    ]
    lift, std = (values[:, 0] for values in model.predict(turned, return_std=True))
    camber = runs.shape_parameters[100 + index, runs.shape_names.index("camber")]
    ax.plot(angles, lift, color=color, label=f"camber {camber:.1%} of the chord")
    ax.fill_between(angles, lift - 2 * std, lift + 2 * std, color=color, alpha=0.25, linewidth=0)
    ax.plot(sample.scalars["angle_of_attack"], y_test[index, 0], "o", color=color)
ax.axvspan(angles[0], min(trained), color="0.93", zorder=0)
ax.axvspan(max(trained), angles[-1], color="0.93", zorder=0)
ax.set(xlabel="angle of attack (degrees)", ylabel="lift coefficient", xlim=angles[[0, -1]])
ax.legend()

# %%
# More camber, more lift, and next to straight lines, as theory has it for flows without friction:
# nobody told the model either. Beyond the angles of training the bands open.

plt.show()
