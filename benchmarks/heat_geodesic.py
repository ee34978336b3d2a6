"""HeatGeodesicEmbedding against its peers, on every row of its targets.

`python -m benchmarks.heat_geodesic --list` prints the tasks and what is aimed at.
"""

from benchmarks._harness import main
from benchmarks._peers import make
from benchmarks._report import gain, gain_on_best, level, ratio, step
from benchmarks._tasks import (
    Task,
    fit_half,
    flat,
    noise,
    pbmc68k,
    rotated,
    score_clusters,
    score_geodesics,
    score_held_out,
)

__all__ = ["INTRO", "OURS", "PACKAGES", "TASKS", "TITLE", "make"]

OURS = "HeatGeodesic"
PACKAGES = (
    "skmanifold",
    "scikit-learn",
    "numpy",
    "scipy",
    "torch",
    "umap-learn",
    "pynndescent",
    "phate",
    "heatgeo",
    "scanpy",
)
TITLE = "HeatGeodesicEmbedding"
INTRO = (
    "figures are the mean over paired seeds and, in parentheses, the worst seed. "
    "`ours minus it` is the paired difference of the first quality column. "
    "Each case ran in a process of its own; imports and a warm-up fit are not counted, "
    "`peak_mb` is the growth over them and includes the data."
)
EMBEDDERS = (OURS, "UMAP", "PHATE", "heatgeo", "Isomap", "Isomap[n_neighbors=10]", "PCA")
SCALABLE = (OURS, "UMAP", "PHATE")
WITH_TRANSFORM = (OURS, "UMAP", "Isomap", "PCA")  # PHATE's fails on a single row
TIMES = tuple(f"{OURS}[t={t}]" for t in (1, 4, 16, 64, 256))
SIZES = (400, 500, 700, 1000, 1500, 2000, 3000, 4000, 6000, 8000)

noisy_roll = flat("make_swiss_roll", 2000, noise=0.5)


def noisy_tree(n_branches=5, n_features=10, noise=5.0):
    """A tree of random walks. In ten dimensions with noise 5 it is the one of the paper, whose
    noise hides a point's neighbours; in five with noise .5 the walks come close by chance.
    """
    return flat(
        "make_branching_tree", 2000, n_branches=n_branches, n_features=n_features, noise=noise
    )


def _geodesic_task(row, load, *bounds, methods=EMBEDDERS, **options):
    return Task(row, methods, load, score_geodesics, bounds=bounds, **options)


def _above_umap(least):
    return level("pearson", least=least), gain("pearson", "UMAP", "min", least=0.0)


def _tree_bounds():
    for rival in ("heatgeo", "UMAP"):
        yield gain("pearson", rival, least=0.0)
        yield gain("pearson", rival, "min", least=-0.03)


def _near_isomap():
    return gain("pearson", "Isomap", least=-0.005)


def _scale_task(n_samples, *bounds, **options):
    """A roll in 50 dimensions; the warm-up is large enough to compile approximate search."""
    load = rotated(flat("make_swiss_roll", n_samples, noise=0.1))
    return _geodesic_task("Scale", load, *bounds, warm_up=noise(5000), timeout=7200.0, **options)


def _size_task(n_samples, before):
    bounds = (step("pearson", f"sizes-{before}", least=-0.02),) if before else ()
    load = flat("make_swiss_roll", n_samples, noise=0.5)
    return _geodesic_task("Growing samples", load, *bounds, methods=(OURS,))


def _versus(row, load, *bounds, rivals):
    return _geodesic_task(row, load, *bounds, methods=(OURS, *rivals))


def _held_out_task(load):
    bounds = (level("held_out_gap", least=-0.01), level("batching", "max", most=1e-10))
    return Task("Held-out points", WITH_TRANSFORM, load, score_held_out, fit_half, bounds)


HINDSIGHT = gain_on_best("pearson", least=-0.02)
DENSE = f"{OURS}[n_landmarks=None]"
LOSES_LITTLE = gain("pearson", DENSE, least=-0.005)

TASKS = {
    "roll-2000-noise.5": _geodesic_task(
        "Swiss roll, noise .5",
        noisy_roll,
        level("pearson", least=0.99),
        level("scale_error", most=0.08),
    ),
    "roll-10k-noise1": _geodesic_task(
        "Swiss roll, noise 1, n = 10,000",
        flat("make_swiss_roll", 10_000, noise=1.0),
        *_above_umap(0.97),
        methods=tuple(m for m in EMBEDDERS if m != "heatgeo"),  # 17 GB and hours at this size
        warm_up=noise(5000),
    ),
    "roll-500-clean": _geodesic_task(
        "Small clean Swiss roll", flat("make_swiss_roll", 500), *_above_umap(0.97)
    ),
    "tree5-2000": _geodesic_task("Noisy trees", noisy_tree(), *_tree_bounds()),
    "tree8-2000": _geodesic_task("Noisy trees", noisy_tree(8), *_tree_bounds()),
    **{
        f"walk{n}-2000": _geodesic_task(
            "Trees in five dimensions", noisy_tree(n, 5, 0.5), *_tree_bounds()
        )
        for n in (5, 8)
    },
    "roll-2000-clean": _geodesic_task(
        "Clean sheets", flat("make_swiss_roll", 2000), _near_isomap()
    ),
    "s-curve-hole-2000": _geodesic_task(
        "Clean sheets", flat("make_s_curve", 2000, hole=True), _near_isomap()
    ),
    "auto-roll": _versus("Automatic settings", noisy_roll, HINDSIGHT, rivals=TIMES),
    "auto-tree": _versus("Automatic settings", noisy_tree(), HINDSIGHT, rivals=TIMES),
    **{
        f"sizes-{n}": _size_task(n, before)
        for before, n in zip((None, *SIZES), SIZES, strict=False)
    },
    "scale-50k": _scale_task(
        50_000,
        ratio("cpu_s", "UMAP", most=1 / 8),
        ratio("cpu_s", "PHATE", most=1 / 4),
        level("peak_mb", most=1500.0),
        methods=SCALABLE,
    ),
    "scale-100k": _scale_task(
        100_000,
        level("wall_s", most=60.0),
        level("peak_mb", most=1500.0),
        methods=SCALABLE,
        max_seeds=3,
    ),
    "scale-1m": _scale_task(1_000_000, level("wall_s", most=600.0), methods=(OURS,), max_seeds=1),
    "landmarks-roll": _versus("Landmarks", noisy_roll, LOSES_LITTLE, rivals=[DENSE]),
    "landmarks-tree": _versus("Landmarks", noisy_tree(), LOSES_LITTLE, rivals=[DENSE]),
    "held-out-roll": _held_out_task(noisy_roll),
    "held-out-tree": _held_out_task(noisy_tree()),
    "pbmc68k": Task(
        "Single cells (pbmc68k_reduced)",
        (*EMBEDDERS, "input"),
        pbmc68k,
        score_clusters,
        bounds=(
            *(gain("ari", rival, least=0.0) for rival in ("PHATE", "UMAP", "heatgeo")),
            level("lost", "max", most=0.0),
        ),
    ),
    "device-100k": _geodesic_task(
        "Graphics card",
        rotated(flat("make_swiss_roll", 100_000, noise=0.1)),
        methods=(OURS, f"{OURS}[device='cuda']"),
        warm_up=noise(5000),
    ),
}

if __name__ == "__main__":
    main("benchmarks.heat_geodesic")
