"""
==========================================
From 64 electrodes to 339
==========================================

The electric field on the scalp, as it follows from EEG, is known where electrodes are. Layouts with
hundreds of places exist, but most caps have 64 or fewer.
:class:`~skmanifold.gaussian_process.RVGP` knows from the full layout what the head looks like, and
from the cap what the field is at some places of it. It tells the field at all others, and how sure
it is.
"""

# Requires: mne

# %%
# The head
# ========
#
# The layout of the package mne has a position every five percent of the way across a head that was
# measured. A common cap has 64 of them. Nothing else is known of the shape of the head: the tangent
# planes are estimated from the positions.

import sys

import numpy as np

from skmanifold import tangent_frames
from skmanifold.datasets import load_eeg_layout

try:
    layout, cap = load_eeg_layout("colin27_1005"), load_eeg_layout("biosemi64")
except ImportError as error:
    print(error)
    sys.exit()

X = 100 * layout.X  # centimetres
electrodes = np.isin(layout.names, cap.names)
elsewhere = ~electrodes
frames = tangent_frames(X, manifold_dim=2, n_neighbors=12)
print(f"{len(X)} positions, {electrodes.sum()} of them in the cap")

# %%
# A source that moves
# ===================
#
# Synchronous cells of the cortex are a current dipole :math:`p`. At the distance :math:`r u`, with
# a unit vector :math:`u`, its potential in a homogeneous conductor is proportional to
# :math:`p \cdot u / r^2`, and the electric field, minus the gradient, to
# :math:`(3 (p \cdot u) u - p) / r^3`. Here the dipole travels round the middle of the head and
# points to where it goes. At eight moments we take the part of its field that is tangent to the
# head, in units of its root mean square.


def tangential(vectors):
    """The part of vectors at all positions that lies in the tangent planes."""
    return np.einsum("ndm,nem,ne->nd", frames, frames, vectors)


def scalp_field(angle):
    """Tangential electric field when the dipole has gone that far round."""
    place = np.array([3.5 * np.cos(angle), 4.5 * np.sin(angle) - 1.5, 4.0])
    moment = np.array([-np.sin(angle), np.cos(angle), 0.5])
    away = X - place
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    direction = away / distance
    field = tangential((3 * (direction @ moment)[:, None] * direction - moment) / distance**3)
    return field / np.sqrt(np.mean(np.sum(field**2, axis=1)))


angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
fields = np.array([scalp_field(angle) for angle in angles])

# %%
# The field at the other 275 positions
# ====================================
#
# The cap measures with noise of 5%. The other positions go in as unlabelled points, and the frames
# as they are, so that the model and we mean the same tangent planes. Each moment is a fit of its
# own. For comparison: the mean of the three nearest electrodes, laid into the tangent plane.

from sklearn.neighbors import KNeighborsRegressor

from skmanifold import RVGP

rng = np.random.default_rng(0)
everywhere = np.concatenate([frames[electrodes], frames[elsewhere]])


def reconstructions(field):
    """Noisy measurements, the fitted model, and what the three nearest electrodes say."""
    measured = field[electrodes] + rng.normal(scale=0.05, size=(electrodes.sum(), 3))
    model = RVGP(random_state=0)
    model.fit(X[electrodes], measured, X[elsewhere], frames=everywhere)
    nearest = KNeighborsRegressor(3).fit(X[electrodes], measured)
    return model, tangential(nearest.predict(X))


def rms(vectors):
    """Root mean square length."""
    return np.sqrt(np.mean(np.sum(vectors**2, axis=-1)))


def standardized(model, field):
    """Errors at the other positions along two axes of equal rights, in standard deviations."""
    mean, covariance = model.predict(X[elsewhere], return_cov=True)
    axes = frames[elsewhere]
    errors = np.einsum("ndm,nd->nm", axes, mean - field[elsewhere])
    variances = np.einsum("ndm,nde,nem->nm", axes, covariance, axes)
    return errors / np.sqrt(variances)


fitted = [reconstructions(field) for field in fields]
print("moment    RVGP  expected  3 nearest  within 95%  terms")
for moment, (field, (model, nearest)) in enumerate(zip(fields, fitted, strict=True)):
    mean, std = model.predict(X[elsewhere], return_std=True)
    within = np.mean(np.abs(standardized(model, field)) < 1.96)
    print(
        f"{moment:>6}{rms(mean - field[elsewhere]):>8.3f}{rms(std):>10.3f}"
        f"{rms((nearest - field)[elsewhere]):>11.3f}{within:>12.2f}  {' + '.join(model.terms_)}"
    )

# %%
# The first columns are errors at the positions that were not measured, what the model itself
# expected them to be, and those of the three nearest electrodes. "Within 95%" is how often the
# truth was within two standard deviations along an axis of the tangent plane, which should be near
# 0.95. Errors are smaller than expected on the whole since the field is weak where nobody measures.
#
# The head from above
# ===================
#
# Nose up. Black dots are the electrodes of the cap, colours the standard deviations. The model is
# least sure below the rim of the cap, on the face and the neck, of which little is seen from above.

import matplotlib.pyplot as plt

from skmanifold.plotting import VectorFieldDisplay

shown = [0, 3, 6]
figure, axes = plt.subplots(2, len(shown), figsize=(13, 9), layout="constrained")
style = {"projection": (0, 1), "scale": 1.2}
for (above, below), moment in zip(axes.T, shown, strict=True):
    model, _ = fitted[moment]
    VectorFieldDisplay.from_field(X, fields[moment], ax=above, **style)
    VectorFieldDisplay.from_estimator(model, X, ax=below, labels=X[electrodes], **style)
    above.set(title=f"truth, moment {moment}", xlabel="", ylabel="", xticks=[], yticks=[])
    below.set(title="from 64 electrodes", xlabel="", ylabel="", xticks=[], yticks=[])

# %%
# Fewer electrodes
# ================
#
# Half of the cap, and a quarter of it, spread as evenly as can be. To be quick, these fits try one
# kernel and one graph instead of searching.

from skmanifold import furthest_point_sampling

order = furthest_point_sampling(X[electrodes], 64, start=0)
print("electrodes   RVGP  expected  3 nearest")
for n_electrodes in (16, 32, 64):
    rows = np.flatnonzero(electrodes)[order[:n_electrodes]]
    others = np.setdiff1d(np.arange(len(X)), rows)
    errors = []
    for field in fields:
        measured = field[rows] + rng.normal(scale=0.05, size=(n_electrodes, 3))
        model = RVGP(n_neighbors=30, local_kernel="rbf", random_state=0)
        model.fit(X[rows], measured, X[others], frames=frames[np.append(rows, others)])
        mean, std = model.predict(X[others], return_std=True)
        nearest = tangential(KNeighborsRegressor(3).fit(X[rows], measured).predict(X))[others]
        errors.append([mean - field[others], std, nearest - field[others]])
    of_model, expected, of_nearest = map(rms, np.array(errors).transpose(1, 0, 2, 3))
    print(f"{n_electrodes:>10}{of_model:>7.3f}{expected:>10.3f}{of_nearest:>11.3f}")

# %%
# Sixteen electrodes are too few, and the model does not know it: where the field is strongest none
# of them may be near, and how strong fields are is learned from what was measured.

plt.show()
