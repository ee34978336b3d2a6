"""TinvMDS against principal axes and classical scaling by scikit-learn, and against augmentation.

`python -m benchmarks.tinv_mds --list` prints the tasks and what is aimed at.
"""

from benchmarks._cloud_shapes import fit_shapes, mirrored, score_shapes, shapes, warm_up_shapes
from benchmarks._cloud_tasks import (
    array,
    degenerate,
    fit_families,
    fit_measured,
    fit_pairs,
    pairs,
    ragged,
    score_batch,
    score_families,
    score_mirrors,
    score_pairs,
    score_ragged,
    score_single,
    single,
    warm_up,
)
from benchmarks._harness import main
from benchmarks._peers import imported, maker
from benchmarks._report import Bound, gain, level, ratio
from benchmarks._tasks import Task

__all__ = ["INTRO", "OURS", "PACKAGES", "TASKS", "TITLE", "make"]

OURS = "TinvMDS"
PACKAGES = ("skmanifold", "scikit-learn", "numpy", "scipy", "torch")
TITLE = "TinvMDS"
INTRO = (
    "figures are the mean over paired seeds and, in parentheses, the worst seed. "
    "`ours minus it` is the paired difference of the first quality column. "
    "`PCA` is scikit-learn's, in a loop over the clouds, and `ClassicalMDS` so too, but over the "
    "first few clouds only: `clouds` says how many were done, and `s_per_10k` is the time "
    "of 10,000, extrapolated wherever `clouds` is less. `extra_memory` is the peak "
    "over the memory held before, the output included, in units of the input. `moved_error` is the "
    "largest difference between coordinates of a cloud and of its copy, which was turned, shifted, "
    "shuffled and scaled by 1e-3 to 1e3; `flips` counts the clouds in which the sign of an axis "
    "differs, which `moved_error` leaves out. Where shapes are classified, all methods are trained "
    "on aligned clouds, and `accuracy_moved` is that on turned, shifted and scaled ones; "
    "what are not features are points, described by the same mean embedding for all methods. `Raw` "
    "takes the points as they come, `Centred[n_copies=8]` centres and rescales each cloud and "
    "sees every training cloud turned at random eight times. "
    "Each case ran in a process of its own; imports and a warm-up fit are not counted, "
    "`peak_mb` is the growth over them and includes the data."
)

# name: (factory, whether it takes `random_state`)
METHODS = {
    OURS: (imported("skmanifold.embedding", "TinvMDS", device="cpu"), True),
    "PCA": (imported("benchmarks._cloud_peers", "EachPCA"), False),
    "ClassicalMDS": (imported("benchmarks._cloud_peers", "EachClassicalMDS"), False),
    "Raw": (imported("benchmarks._cloud_peers", "Raw"), False),
    "Centred": (imported("benchmarks._cloud_peers", "Centred"), False),
}
make = maker(METHODS)

FEATURES = f"{OURS}[output='features']"
POINTS = f"{OURS}[scale='trace']"
CHIRAL = f"{OURS}[chiral=True]"
CHIRAL_FEATURES = f"{OURS}[chiral=True, output='features']"
CHIRAL_POINTS = f"{OURS}[chiral=True, scale='trace']"
FULL = "PCA[svd_solver='full']"
PCA_POSE, AUGMENTED = "PCA[scale='trace']", "Centred[n_copies=8]"
TURNERS = (PCA_POSE, AUGMENTED)

EXACT = {"float64": 1e-12, "float32": 2e-5}
LEAN = level("extra_memory", "max", most=1.5)


def exact(metric="moved_error", dtype="float64"):
    """Bound on an error that only rounding may cause."""
    return level(metric, "max", most=EXACT[dtype])


def none(metric):
    """Bound on a count that should be zero."""
    return level(metric, "max", most=0.0)


def moved_minus_raw(**limits):
    """Bound on what our moved clouds lose to raw ones that never move."""

    def figure(view):
        moved, aligned = view.table("accuracy_moved"), view.table("accuracy_aligned")
        return (moved[view.ours] - aligned["Raw"]).mean()

    return Bound("mean accuracy_moved minus accuracy_aligned of Raw", figure, **limits)


def _speed_task(row, load, *bounds, methods, score=score_batch, **options):
    return Task(row, methods, load, score, fit_measured, bounds, warm_up, **options)


def _batch_task(dtype):
    return _speed_task(
        "10,000 clouds of 1,024 points in space",
        array(10_000, 1024, 3, dtype),
        level("s_per_10k", "max", most=4.0),
        ratio("s_per_10k", "PCA", most=1.0),
        LEAN,
        exact(dtype=dtype),
        none("flips"),
        methods=(OURS, "PCA", FULL, "ClassicalMDS"),
    )


def _moving_task(dtype):
    bounds = (
        exact(dtype=dtype),
        none("flips"),
        exact("distance_error", dtype),
        level("mds_error", "max", most=max(1e-8, EXACT[dtype])),
    )
    return Task(
        "10,000 clouds in 2 to 6 dimensions, turned, shifted, scaled and shuffled",
        (OURS, f"{OURS}[sign='maxabs']", "PCA"),
        pairs(10_000, dtype=dtype),
        score_pairs,
        fit_pairs,
        bounds,
        warm_up,
    )


def _mirror_task(*bounds, methods):
    return Task(
        "1,000 clouds and their mirror images, turned, shifted, scaled and shuffled",
        methods,
        pairs(1000, reflect=True),
        score_mirrors,
        fit_pairs,
        bounds,
        warm_up,
    )


def _shape_task(row, load, *bounds, methods):
    return Task(row, methods, load, score_shapes, fit_shapes, bounds, warm_up_shapes)


def _thirteen_task(n_points, noise, *bounds):
    better = (gain("accuracy_moved", rival, least=0.0) for rival in TURNERS)
    return _shape_task(
        "Thirteen classes of shapes",
        shapes(n_points, noise),
        *bounds,
        *better,
        methods=(FEATURES, POINTS, "Raw", "Centred", *TURNERS),
    )


def _handed_task(kind):
    return _shape_task(
        "Shapes and their mirror images",
        mirrored(kind, 512, 0.02),
        *(gain("accuracy_moved", rival, least=0.0) for rival in TURNERS),
        methods=(CHIRAL_FEATURES, CHIRAL_POINTS, FEATURES, "Raw", *TURNERS),
    )


TASKS = {
    "speed-float64": _batch_task("float64"),
    "speed-float32": _batch_task("float32"),
    "speed-ragged": _speed_task(
        "10,000 clouds of 100 to 2,000 points, in a list",
        ragged(10_000, 100, 2000),
        LEAN,
        exact(),
        exact("alone_error"),
        none("flips"),
        methods=(OURS, "PCA"),
        score=score_ragged,
    ),
    "speed-single": _speed_task(
        "One cloud of 1,000,000 points in 50 dimensions",
        single(1_000_000, 50),
        LEAN,
        none("flips"),
        methods=(OURS, "PCA"),
        score=score_single,
    ),
    "speed-features": _speed_task(
        "Features of 10,000 clouds of 512 points in space",
        array(10_000, 512, 3),
        LEAN,
        level("moved_error", "max", most=1e-10),
        methods=(FEATURES,),
    ),
    "device": _speed_task(
        "10,000 clouds of 1,024 points on a graphics card",
        array(10_000, 1024, 3),
        level("s_per_10k", "max", most=0.3),
        exact(),
        none("flips"),
        methods=(f"{OURS}[device='cuda']",),
    ),
    **{f"moving-{dtype}": _moving_task(dtype) for dtype in EXACT},
    "mirror": _mirror_task(exact("mirror_difference"), methods=(OURS, FEATURES, "PCA")),
    "mirror-chiral": _mirror_task(
        level("told_apart", "min", least=1.0), methods=(CHIRAL, CHIRAL_FEATURES)
    ),
    "degenerate": Task(
        "Cube, box, ring, sphere, line, plane, duplicates, one point",
        (OURS,),
        degenerate,
        score_families,
        fit_families,
        (
            none("nan"),
            level("features_error", "max", most=1e-10),
            level("warned_right", "min", least=1.0),
        ),
        warm_up,
    ),
    "shapes-512": _thirteen_task(
        512, 0.02, level("accuracy_moved", least=0.97), moved_minus_raw(least=-0.01)
    ),
    "shapes-128": _thirteen_task(128, 0.05),
    "shapes-64": _thirteen_task(64, 0.1),
    "handed-helix": _handed_task("helix"),
    "handed-moebius": _handed_task("moebius_strip"),
}

if __name__ == "__main__":
    main("benchmarks.tinv_mds")
