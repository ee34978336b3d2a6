"""How the benchmark calls our own estimators: all that depends on their names is here."""

import numpy as np


def regressor(**parameters):
    """Our regressor on the CPU."""
    from skmanifold.gaussian_process import MMGPRegressor

    return MMGPRegressor(**({"device": "cpu"} | parameters))


def morpher(**parameters):
    """Our morph: `transform` gives coordinates on the support."""
    from skmanifold.gaussian_process import MeshMorpher

    return MeshMorpher(**parameters)


def batched(**parameters):
    """Our processes on the CPU, one for each target."""
    from skmanifold.gaussian_process import BatchedGPRegressor

    return BatchedGPRegressor(**({"device": "cpu"} | parameters))


def flagged(model, X, level):
    """Which samples a fitted regressor calls foreign at a rate of false alarms."""
    return model.ood_score(X, false_alarm_rate=level) > 1


def intervals(model, X, told, told_fields):
    """Both ends of what should hold 95%, each of scalars (n, t) and of each sample's fields.

    An estimator's own if it has some, which need not be even about a transformed output; else the
    mean plus or minus 1.96 standard deviations.
    """
    if hasattr(model, "predict_interval"):
        ends = model.predict_interval(X), model.predict_field_intervals(X)
        return list(zip(*ends, strict=True))
    (mean, spread), (means, spreads) = told, told_fields
    return [
        (
            mean + sign * spread,
            [
                {name: each[name] + sign * std[name] for name in each}
                for each, std in zip(means, spreads, strict=True)
            ],
        )
        for sign in (-1.96, 1.96)
    ]


def evidence(model, n_targets):
    """Log evidence of each target, in nats."""
    return np.asarray(model.log_marginal_likelihood_).reshape(n_targets)


def outlined(sample):
    """The surface of a sample, and its outlines without landmarks."""
    from skmanifold.mesh._morph import MorphPlan

    return MorphPlan("auto", "auto").outlined(sample)


def flat(sample, weights):
    """A sample laid on the disk, or around the cylinder if it has a hole, by arc length."""
    from skmanifold.mesh._morph import flattened

    surface = outlined(sample)
    return flattened(surface, surface.fractions, weights)


def flat_within(sample, rim, angles, weights):
    """Nodes of a sample on the disk, where the angles of those of the outline are given."""
    from skmanifold.mesh._harmonic import disk_map

    surface = outlined(sample).surface
    given = dict(zip(rim.tolist(), angles.tolist(), strict=True))
    around = np.unwrap([given[node] for node in surface.loops[0].tolist()])
    return disk_map(surface, around, weights).nodes


def n_flips(flat_mesh):
    """Triangles that are turned over."""
    from skmanifold.mesh import _morph

    return _morph.n_flips(flat_mesh)
