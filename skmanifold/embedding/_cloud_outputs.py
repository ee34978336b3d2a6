"""What is told of clouds in canonical coordinates: frames, features, and how sure they are."""

from itertools import product

import torch

from skmanifold.frames import cloud_features, point_counts, sampling_errors

# Fitted attributes, in the order of what they are made of.
CERTAINTY = ("eigen_gap_", "sign_margin_", "axis_error_", "sign_error_")


def sign_flips(n_axes, chiral):
    """Signs of the axes in all frames, the canonical one first; only turned ones if `chiral`."""
    flips = torch.tensor(list(product((1.0, -1.0), repeat=n_axes)), dtype=torch.float64)
    return flips[flips.prod(-1) > 0] if chiral else flips


def all_frames(coordinates, chiral):
    """All frames of each cloud, of shape (n_clouds, n_frames, n_points, n_axes)."""
    flips = sign_flips(coordinates.shape[1], chiral).to(coordinates)
    return coordinates.mT[:, None] * flips[:, None]


def invariant_features(clouds, mask, frequencies, *, chiral, with_size):
    """Invariant features of clouds of root mean square radius 1, and that radius if wanted."""
    spreads = clouds.layout.spreads
    features = cloud_features(clouds.coordinates, spreads, frequencies, mask, chiral=chiral)
    radius = clouds.size * spreads.norm(dim=-1)  # 0, and not 1, if all points are one
    return torch.cat([features, radius[:, None]], dim=1) if with_size else features


def certainty(layout, errors, rules):
    """Fitted attributes that tell how sure frames are."""
    signs = errors.signs.clone()
    if rules.sign != "moment":
        signs[:] = torch.nan
    elif rules.chiral:  # wrong if an odd number of the others is
        odd = (1 - (1 - 2 * signs[:, :-1]).prod(-1)) / 2
        signs[:, -1] = torch.where(layout.signs[:, -1] == 0, 0.0, odd)
    values = (layout.gaps, layout.margins, errors.axes, signs)
    return dict(zip(CERTAINTY, values, strict=True))


def cloud_report(clouds, mask, rules, n_axes):
    """What a fit on a batch tells about each cloud, along its first axes."""
    errors = sampling_errors(lambda: [clouds.coordinates], point_counts(clouds.coordinates, mask))
    sure = certainty(clouds.layout, errors, rules)
    report = {name: value[:, :n_axes] for name, value in sure.items()}
    return {**report, "negative_energy_": clouds.negative_energy}
