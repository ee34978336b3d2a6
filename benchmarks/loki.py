"""LokiPredictor against the likeliest class, the best constant and the published rule.

`python -m benchmarks.loki --list` prints the tasks and what is aimed at.
"""

from functools import partial

from benchmarks import _label_exact as exact
from benchmarks._harness import main
from benchmarks._label_scale import (
    fit_selection,
    random_graph,
    random_points,
    random_tree,
    score_large,
    score_selection,
    wordnet_tree,
)
from benchmarks._label_tasks import (
    as_matrix,
    diabetes,
    digit_grid,
    fit_labels,
    fit_orders,
    score_labels,
    score_orders,
    warm_up,
    wordnet,
)
from benchmarks._peers import imported, maker
from benchmarks._report import gain, level, ratio, ratio_to_least
from benchmarks._tasks import Task

__all__ = ["INTRO", "OURS", "PACKAGES", "TASKS", "TITLE", "make"]

OURS = "LokiPredictor"
PACKAGES = ("skmanifold", "scikit-learn", "numpy", "scipy", "torch", "networkx", "pandas")
TITLE = "LokiPredictor"
INTRO = (
    "figures are the mean over paired seeds and, in parentheses, the worst seed. "
    "`msd` is the mean squared label distance over all test samples, `msd_seen` and `msd_unseen` "
    "are the parts of the classes that were trained on and of the others; "
    "`ours minus it` is the paired difference of the first quality column. "
    "`argmax` is the base classifier by itself, `constant` the medoid of the training labels as "
    "the answer to everything, `published` temperature 1 and all classes. "
    "`mismatches` counts predictions that brute force in double precision does not confirm. "
    "On the taxonomy, costs are those of the rule: the base classifier is fitted beforehand, once "
    "per seed, and frozen; only `temperature='cv'` fits it again, four times. "
    "Each case ran in a process of its own; imports and a warm-up fit are not counted, "
    "`peak_mb` is the growth over them and includes the data."
)

_loki = partial(imported, "skmanifold.classification", "LokiPredictor", device="cpu")
PLAIN = {"temperature": 1.0, "top_k": "all"}
# name: (factory, whether it takes `random_state`)
METHODS = {
    OURS: (_loki(), True),
    "published": (_loki(**PLAIN), True),
    "argmax": (imported("benchmarks._label_peers", "Argmax"), False),
    "constant": (imported("benchmarks._label_peers", "Constant"), False),
    "dense": (imported("benchmarks._label_peers", "DenseProduct"), False),
}
make = maker(METHODS)

CV = f"{OURS}[temperature='cv', top_k='cv']"
MOSTLY_UNSEEN = f"{OURS}[unseen_share=0.8]"  # as in the test samples of the taxonomy
RULE = f"{OURS}[temperature=1.0, top_k='all']"
DENSE_RULE = f"{OURS}[temperature=1.0, top_k='all', method='dense']"
RIVALS = ("argmax", "constant", "published")


def _task(row, load, *bounds, methods=(OURS, CV, *RIVALS), fit=fit_labels, score=score_labels):
    return Task(row, methods, load, score, fit, bounds, warm_up)


def _gloss_task(*bounds, inner):
    better = (gain("msd", rival, "max", most=0.0) for rival in RIVALS)
    return _task(
        "Half of the classes of a taxonomy",
        wordnet(inner=inner),
        *bounds,
        *better,
        methods=(OURS, CV, MOSTLY_UNSEEN, *RIVALS),
    )


def _no_worse_task(row, load):
    return _task(row, load, ratio_to_least("msd", ("argmax", "published"), most=1.02))


def _order_task(load):
    bounds = level("changed", "max", most=0.0), level("permuted_ratio", "min", least=1.5)
    return _task(
        "Rows of the metric in another order, and of wrong labels",
        as_matrix(load),
        *bounds,
        methods=(OURS, "published"),
        fit=fit_orders,
        score=score_orders,
    )


CONFIRMED = level("mismatches", "max", most=0.0)


def _exact_task(make_space):
    return _task(
        "Random label spaces against brute force",
        exact.random_cases(make_space),
        CONFIRMED,
        level("predictions", "min", least=10_000),
        methods=(RULE, DENSE_RULE),
        fit=exact.fit_cases,
        score=exact.score_cases,
    )


def _scale_task(load, *bounds, methods=(RULE,), row="300,000 labels, 10,000 samples"):
    return _task(row, load, CONFIRMED, *bounds, methods=methods, score=score_large)


def _large_task(load, seconds):
    return _scale_task(load, level("wall_s", most=seconds), level("peak_mb", most=4096))


KINDS = (exact.tree, exact.graph, exact.embedding, exact.matrix)
N_LARGE = {"n_labels": 300_000, "n_samples": 10_000, "n_seen": 1000}

TASKS = {
    "wordnet-gloss": _gloss_task(level("msd", most=31.5), inner=False),
    "wordnet-gloss-inner": _gloss_task(inner=True),
    **{
        f"grid-{n_seen}-{word}": _no_worse_task(
            f"Digits on an 8 x 8 grid, {n_seen} cells seen", digit_grid(n_seen, C)
        )
        for n_seen in (16, 64)
        for word, C in {"sharp": 1.0, "flat": 0.05}.items()
    },
    **{
        f"diabetes-{n_seen}": _no_worse_task("Diabetes in 40 bins", diabetes(n_seen))
        for n_seen in (20, 40)
    },
    "order-wordnet": _order_task(wordnet(inner=False)),
    **{f"exact-{kind.__name__}": _exact_task(partial(exact.random_space, kind)) for kind in KINDS},
    "exact-grid": _exact_task(exact.grid_space),
    "scale-wordnet": _scale_task(
        wordnet_tree(1000, 1000),
        level("fit_s", most=1.0),
        level("predict_s", most=1.0),
        ratio("predict_s", "dense", most=1 / 8),
        methods=(RULE, OURS, "dense"),
        row="82,115 nouns, 1,000 seen, 1,000 samples",
    ),
    "scale-tree": _large_task(random_tree(**N_LARGE), 60),
    "scale-embedding": _large_task(random_points(n_coordinates=384, **N_LARGE), 180),
    "scale-graph": _large_task(random_graph(n_extra=100_000, **N_LARGE), 300),
    "select-tree": _task(
        "The next 1,000 of 300,000 labels to collect samples of",
        random_tree(**N_LARGE),
        CONFIRMED,
        level("select_s", most=10.0),
        methods=(RULE,),
        fit=fit_selection,
        score=score_selection,
    ),
}

if __name__ == "__main__":
    main("benchmarks.loki")
