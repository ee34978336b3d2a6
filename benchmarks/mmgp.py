"""MMGPRegressor against the published pipeline on its own packages, and simpler regressors.

`python -m benchmarks.mmgp --list` prints the tasks and what is aimed at.
"""

from benchmarks._harness import main
from benchmarks._mmgp_data import airfoils, meshings, tensile
from benchmarks._mmgp_parts import (
    draws,
    fit_coordinates,
    fit_maps,
    fit_processes,
    fit_simulations_only,
    nats_behind,
    score_flips,
    score_foreign,
    score_maps,
    score_processes,
    score_remeshing,
)
from benchmarks._mmgp_tasks import (
    fit_simulations,
    growth,
    score_renumbered,
    score_simulations,
    worst_scalar_ratio,
)
from benchmarks._mmgp_warm_up import (
    warm_up_maps,
    warm_up_morpher,
    warm_up_processes,
    warm_up_regressor,
)
from benchmarks._peers import imported, maker
from benchmarks._report import level, ratio, ratio_of_means
from benchmarks._tasks import Task

__all__ = ["INTRO", "OURS", "PACKAGES", "TASKS", "TITLE", "make"]

OURS = "MMGPRegressor"
PACKAGES = (
    "skmanifold",
    "scikit-learn",
    "numpy",
    "scipy",
    "torch",
    "gpytorch",
    "scikit-fem",
    "muscat",
    "GPy",
)
TITLE = "MMGPRegressor"
INTRO = (
    "figures are the mean over paired seeds and, in parentheses, the worst seed; a seed is a draw "
    "of shapes, conditions and meshes. The error of a field is the root of the mean over test "
    "samples of its mean squared error over its largest value squared, that of a scalar the root "
    "mean square of the relative error; `displacement`, `stress`, `velocity` are means over their "
    "fields, `worst_scalar` and `mean_scalar` over the scalars. `coverage_least` and "
    "`coverage_most` are the extremes, over all fields and scalars, of the share of the truth "
    "inside the interval for 95%: our own, for others 1.96 standard deviations to either side. "
    "`ours minus it` is the paired difference of the first quality column. `PublishedMMGP` is the "
    "authors' pipeline, re-built from the paper on Muscat (morph with uniform weights, transfer) "
    "and GPy (ten restarts), with 8 modes or with 16. `PCAGP` has our morph, plain principal "
    "components and scikit-learn's "
    "Gaussian process, `ScalarGP` the same without the shape, `ShapeKNN` five neighbours by shape "
    "code and conditions. All methods learn plastic strain and maxima after the same transformers. "
    "Each case ran in a process of its own; imports and a warm-up fit are not counted, `peak_mb` "
    "is the growth over them and includes the data."
)

# name: (factory, whether it takes `random_state`)
METHODS = {
    OURS: (imported("benchmarks._mmgp_ours", "regressor"), True),
    "PublishedMMGP": (imported("benchmarks._mmgp_peers", "PublishedMMGP"), True),
    "PCAGP": (imported("benchmarks._mmgp_peers", "PCAGP"), True),
    "ScalarGP": (imported("benchmarks._mmgp_peers", "ScalarGP"), True),
    "ShapeKNN": (imported("benchmarks._mmgp_peers", "ShapeKNN"), True),
    "MeshMorpher": (imported("benchmarks._mmgp_ours", "morpher"), False),
    "MuscatMorph": (imported("benchmarks._mmgp_carriers", "MuscatCarrier"), False),
    "HarmonicMap": (imported("benchmarks._mmgp_parts", "HarmonicMap"), False),
    "MuscatMap": (imported("benchmarks._mmgp_parts", "MuscatMap"), False),
    "BatchedGP": (imported("benchmarks._mmgp_ours", "batched"), True),
    "EachSklearnGP": (imported("benchmarks._mmgp_parts", "EachSklearnGP"), True),
    "EachGPyGP": (imported("benchmarks._mmgp_parts", "EachGPyGP"), False),
}
make = maker(METHODS)

MORE_MODES = "PublishedMMGP[n_shape_modes=16, n_field_modes=16]"
PUBLISHED = ("PublishedMMGP", MORE_MODES)
SIMPLE = ("PCAGP", "ScalarGP", "ShapeKNN")
PAPER_MORPH = "MeshMorpher[weights='uniform', boundary='arclength']"

CALIBRATED = level("coverage_least", "min", least=0.9), level("coverage_most", "max", most=0.98)


def _fields_task(row, load, *bounds, methods):
    return Task(row, methods, load, score_simulations, fit_simulations, bounds, warm_up_regressor)


def _against_published(row, load, *bounds):
    aims = (
        ratio_of_means("displacement", PUBLISHED, most=0.5),
        ratio_of_means("stress", PUBLISHED, most=0.9),
        worst_scalar_ratio(PUBLISHED, most=1.1),
    )
    methods = (OURS, *PUBLISHED, *SIMPLE)
    return _fields_task(row, load, *aims, *bounds, *CALIBRATED, methods=methods)


def _of_modes(name, n_modes):
    return f"{name}[n_field_modes={n_modes}]"


def _modes_task(load):
    few, many = (_of_modes(OURS, n_modes) for n_modes in (16, 48))
    rivals = [_of_modes("PublishedMMGP", n_modes) for n_modes in (16, 48)]
    bounds = [growth(metric, many, few, most=1.01) for metric in ("displacement", "stress")]
    row = "Sixteen or 48 modes of each field"
    return _fields_task(row, load, *bounds, methods=(few, many, *rivals))


def _map_task(mesh_size):
    return Task(
        "Maps onto the disk, of ten plates",
        ("HarmonicMap", "MuscatMap", "HarmonicMap[weights='cotangent']"),
        meshings("make_tensile_meshes", 10, mesh_size=mesh_size),
        score_maps,
        fit_maps,
        (ratio("ms_per_mesh", "MuscatMap", most=1 / 20), level("map_error", "max", most=1e-12)),
        warm_up_maps,
    )


def _growth_task(row, load, *bounds, methods, max_seeds=1):
    return Task(
        row,
        methods,
        load,
        score_simulations,
        fit_simulations,
        bounds,
        warm_up_regressor,
        timeout=3600.0,
        max_seeds=max_seeds,
    )


def _samples_task(n_train):
    methods = (OURS, "PublishedMMGP") if n_train <= 300 else (OURS,)
    row = "Growth with the number of training meshes"
    return _growth_task(row, tensile(n_train, 50), level("fit_s", most=600), methods=methods)


def _nodes_task(mesh_size):
    methods = (OURS, "PublishedMMGP")
    row = "Growth with the number of nodes, 30 training meshes"
    load = tensile(30, 10, mesh_size=mesh_size, structured=True)  # quick to make
    return _growth_task(row, load, ratio("fit_s", "PublishedMMGP", most=1.0), methods=methods)


# Of the plates, by the number of nodes that it leads to.
MESH_SIZES = {n: (2.8 / n) ** 0.5 for n in (1500, 6000)}
GRID_SIZES = {n: (2.0 / n) ** 0.5 for n in (1000, 5000, 20_000, 50_000)}

TASKS = {
    "tensile": _against_published("Elastic plates, 200 to train on", tensile()),
    "plastic": _against_published(
        "Plastic plates, 200 to train on",
        tensile(material="plastic"),
        ratio_of_means("plastic_strain", PUBLISHED, most=0.9),
    ),
    "airfoil": _fields_task(
        "Flow around airfoils, 200 to train on",
        airfoils(),
        ratio_of_means("velocity", SIMPLE, most=1.0),
        ratio_of_means("pressure", SIMPLE, most=1.0),
        worst_scalar_ratio(SIMPLE, most=1.1),
        *CALIBRATED,
        methods=(OURS, *SIMPLE),
    ),
    "modes": _modes_task(tensile()),
    "renumbered": Task(
        "Nodes and cells in another order",
        (OURS,),
        tensile(40, 20),
        score_renumbered,
        fit_simulations,
        (level("renumbered_error", "max", most=1e-10),),
        warm_up_regressor,
    ),
    "remeshed": Task(
        "Shape codes of 50 plates, each meshed twice",
        ("MeshMorpher", PAPER_MORPH, "MeshMorpher[weights='mean_value']", "MuscatMorph"),
        meshings("make_tensile_meshes", 50, n_meshings=2),
        score_remeshing,
        fit_coordinates,
        (level("remesh_noise", most=0.02),),
        warm_up_morpher,
    ),
    "map-1500": _map_task(MESH_SIZES[1500]),
    "map-6000": _map_task(MESH_SIZES[6000]),
    "flips": Task(
        "Fifty airfoils on the strip",
        ("HarmonicMap[weights='cotangent']", "HarmonicMap[weights='mean_value']"),
        meshings("make_airfoil_meshes", 50),
        score_flips,
        fit_maps,
        (level("flips", "max", most=0),),
        warm_up_maps,
    ),
    "processes": Task(
        "Twenty Gaussian processes of 200 points with 15 inputs",
        ("BatchedGP", "EachSklearnGP", "EachGPyGP"),
        draws(),
        score_processes,
        fit_processes,
        (nats_behind("EachSklearnGP", most=0.5), ratio("cpu_s", "EachGPyGP", most=0.5)),
        warm_up_processes,
    ),
    "foreign": Task(
        "Shapes that were not trained on, and ones that were",
        (OURS,),
        tensile(200, 200),
        score_foreign,
        fit_simulations_only,
        (level("false_alarms", most=0.07), level("foreign_flagged", "min", least=1)),
        warm_up_regressor,
    ),
    **{f"samples-{n_train}": _samples_task(n_train) for n_train in (100, 300, 1000)},
    **{f"nodes-{n_nodes}": _nodes_task(size) for n_nodes, size in GRID_SIZES.items()},
}

if __name__ == "__main__":
    main("benchmarks.mmgp")
