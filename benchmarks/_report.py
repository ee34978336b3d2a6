"""From the records of a run to verdicts on targets and tables, in Markdown."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

# 1: higher is better, -1: lower is better, 0: neither, shown for information.
QUALITIES = {
    "pearson": 1,
    "scale_error": -1,
    "acc": 1,
    "nmi": 1,
    "held_out_gap": 1,
    "batching": -1,
    "ari": 1,
    "purity_kept": 1,
    "lost": -1,
    "msd": -1,
    "msd_seen": -1,
    "msd_unseen": -1,
    "accuracy_moved": 1,
    "accuracy_aligned": 1,
    "accuracy": 1,
    "accuracy_seen": 1,
    "changed": -1,
    "permuted_ratio": 1,
    "mismatches": -1,
    "flips": -1,
    "moved_error": -1,
    "alone_error": -1,
    "distance_error": -1,
    "mds_error": -1,
    "rmse": -1,
    "rmse_in_graph": -1,
    "graph_ratio": -1,
    "rotation_error": -1,
    "gauge_error": -1,
    "dense_error": -1,
    "coverage": 0,
    "coverage_axes": 0,
    "n_neighbors": 0,
    "n_frame_neighbors": 0,
    "manifold_dim": 0,
    "displacement": -1,
    "stress": -1,
    "plastic_strain": -1,
    "velocity": -1,
    "pressure": -1,
    "worst_scalar": -1,
    "mean_scalar": -1,
    "coverage_least": 0,
    "coverage_most": 0,
    "remesh_noise": -1,
    "remesh_noise_modes": -1,
    "map_error": -1,
    "renumbered_error": -1,
    "nats": 1,
    "false_alarms": -1,
    "foreign_flagged": 1,
    "nodes": 0,
    "told_apart": 0,
    "mirror_difference": 0,
    "nan": -1,
    "features_error": -1,
    "warned_right": 1,
    "extra_memory": -1,
    "clouds": 0,
    "clusters": 0,
    "rate_error": -1,
    "gradient_error": -1,
    "predictions": 0,
    "temperature": 0,
    "top_k": 0,
    "landmarks": 0,
    "t": 0,
}
COSTS = (
    "fit_s",
    "predict_s",
    "select_s",
    "s_per_10k",
    "ms_per_mesh",
    "cpu_s",
    "wall_s",
    "peak_mb",
    "gpu_peak_mb",
)


class View:
    """The records of one task."""

    def __init__(self, results, tasks, name):
        self.results, self.tasks, self.name = results, tasks, name
        self.records = [r for r in results["records"] if r["task"] == name]
        listed, found = tasks[name].methods, sorted({r["method"] for r in self.records})
        self.methods = sorted(found, key=lambda m: listed.index(m) if m in listed else len(listed))
        same = [m for m in self.methods if m.split("[")[0] == listed[0]]
        self.ours = same[0] if same else listed[0]

    def table(self, metric):
        """Seeds x methods, NaN where a case gave no figure.

        Costs of different machines or thread counts fall into different lines, unpaired.
        """
        lines = {}
        for r in self.records:
            run = self.results["runs"][r["run"]]
            line = (r["seed"], f"{run['machine']}{run['threads']}" if metric in COSTS else "")
            figure = r.get(metric, r.get("quality", {}).get(metric))
            lines.setdefault(line, {})[r["method"]] = figure
        frame = pd.DataFrame.from_dict(lines, orient="index", dtype=float)
        return frame.reindex(columns=sorted({*frame.columns, *self.tasks[self.name].methods}))

    def ours_minus(self, metric, rival):
        """Paired differences on the seeds where both gave a figure."""
        table = self.table(metric)
        return (table[self.ours] - table[rival]).dropna()


@dataclass(frozen=True)
class Bound:
    """A target: what it is called, a function of a `View`, and its least or its most."""

    label: str
    figure: Callable
    least: float = -np.inf
    most: float = np.inf

    def wanted(self):
        """The bound in words."""
        sign, limit = (">=", self.least) if np.isfinite(self.least) else ("<=", self.most)
        return f"{self.label} {sign} {limit:.4g}"

    def verdict(self, view):
        """The bound, what was measured, and whether it was met."""
        figure = self.figure(view)
        met = "met" if self.least <= figure <= self.most else "MISSED"
        told = "not measured" if np.isnan(figure) else f"{figure:.3g}, {met}"
        status = [r["status"] == "ok" for r in view.records if r["method"] == view.ours]
        failed = "" if all(status) else f", but ours failed on {status.count(False)} seeds"
        return f"{self.wanted()}: {told}{failed}"


def level(metric, reduce="mean", **limits):
    """Bound on our own figures over seeds."""

    def figure(view):
        return view.table(metric)[view.ours].agg(reduce)

    return Bound(f"{reduce} {metric}", figure, **limits)


def gain(metric, rival, reduce="mean", **limits):
    """Bound on the paired differences, ours minus a rival's."""

    def figure(view):
        return view.ours_minus(metric, rival).agg(reduce)

    return Bound(f"{reduce} of {metric} minus {rival}'s", figure, **limits)


def gain_on_best(metric, **limits):
    """Bound on the mean of ours minus the best of all others, chosen anew for each seed."""

    def figure(view):
        table = view.table(metric)
        return (table[view.ours] - table.drop(columns=view.ours).max(axis=1)).mean()

    return Bound(f"mean {metric} minus the best in hindsight of each seed", figure, **limits)


def ratio(metric, rival, **limits):
    """Bound on our share of a rival's cost."""

    def figure(view):
        pairs = view.table(metric)[[view.ours, rival]].dropna()
        return pairs[view.ours].mean() / pairs[rival].mean()

    return Bound(f"{metric} over {rival}'s", figure, **limits)


def ratio_to_least(metric, rivals, **limits):
    """Bound on our mean over that of the least of some rivals', chosen anew for each seed."""

    def figure(view):
        pairs = view.table(metric)[[view.ours, *rivals]].dropna()
        return pairs[view.ours].mean() / pairs[[*rivals]].min(axis=1).mean()

    return Bound(
        f"{metric} over the lesser of {' and '.join(rivals)} on each seed", figure, **limits
    )


def ratio_of_means(metric, rivals, **limits):
    """Bound on our mean over the least of the rivals' means, on the seeds where all gave one."""

    def figure(view):
        means = view.table(metric)[[view.ours, *rivals]].dropna().mean()
        return means[view.ours] / means[[*rivals]].min()

    return Bound(f"{metric} over the best of {', '.join(rivals)}", figure, **limits)


def step(metric, before, **limits):
    """Bound on the change of our mean since another task."""

    def figure(view):
        earlier = View(view.results, view.tasks, before)
        return view.table(metric)[view.ours].mean() - earlier.table(metric)[earlier.ours].mean()

    return Bound(f"mean {metric} minus that of {before}", figure, **limits)


def _number(x):
    return "-" if np.isnan(x) else f"{x:.0f}" if abs(x) >= 100 else f"{x:.3g}"


def _spread(values, direction):
    """Mean and, in parentheses, the worst; the range where neither end is better."""
    values = values.dropna()
    if values.empty:
        return "-"
    low, high = values.min(), values.max()
    if direction == 0:
        return _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    return f"{_number(values.mean())} ({_number(low if direction > 0 else high)})"


def _line(view, method, qualities, costs):
    """One table line: qualities, paired difference of the first, mean costs, cases that ran."""
    first = qualities[0]
    paired = view.ours_minus(first, method) if method != view.ours else pd.Series(dtype=float)
    status = [r["status"] for r in view.records if r["method"] == method]
    return [
        view.name,
        method,
        *(_spread(view.table(q)[method], QUALITIES[q]) for q in qualities),
        _spread(paired, QUALITIES[first]),
        *(_number(view.table(c)[method].mean()) for c in costs),
        f"{status.count('ok')} of {len(status)}",
    ]


def _failures(view):
    """One sentence for each kind of case that gave no figures."""
    seeds = {}
    for r in view.records:
        if r["status"] != "ok":
            told = " ".join(r.get("message", "").replace("`", "'").split())
            seeds.setdefault((r["method"], r["status"], told or "-"), []).append(r["seed"])
    for (method, status, told), where in seeds.items():
        yield f"`{view.name}`: {method} {status} on seeds {where}: `{told}`."


def _row_table(views):
    """Remarks, header and lines of the tasks that share a row."""
    present = [
        m for m in (*QUALITIES, *COSTS) if any(v.table(m).notna().to_numpy().any() for v in views)
    ]
    qualities = [m for m in present if m in QUALITIES]
    costs = [m for m in present if m in COSTS]
    remarks = [f"`{v.name}`: {b.verdict(v)}." for v in views for b in v.tasks[v.name].bounds]
    remarks += [failure for view in views for failure in _failures(view)]
    if not qualities:
        return remarks, []
    header = ["data", "method", *qualities, "ours minus it", *costs, "ran"]
    return remarks, [header, *(_line(v, m, qualities, costs) for v in views for m in v.methods)]


def _run_remark(run):
    machine = ", ".join(f"{key} {word}" for key, word in run["machine"].items() if word)
    packages = ", ".join(f"{key} {word or 'absent'}" for key, word in run["versions"].items())
    return (
        f"{run['date']}, commit {run['commit']}, {run['threads']} threads; {machine}; {packages}."
    )


def _sections(results, tasks):
    """`(title, remarks, lines)`: the machines, then each row of tasks that has records."""
    yield "Runs", [_run_remark(run) for run in results["runs"].values()], []
    for row in dict.fromkeys(task.row for task in tasks.values()):
        views = [View(results, tasks, name) for name, task in tasks.items() if task.row == row]
        if views := [view for view in views if view.records]:
            yield row, *_row_table(views)


def _pipes(lines):
    rows = lines and [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def render(results, tasks, intro):
    """The whole page in Markdown."""
    parts = [intro + "\n"]
    for title, remarks, lines in _sections(results, tasks):
        parts += [f"## {title}\n", "".join(f"- {remark}\n" for remark in remarks), _pipes(lines)]
    return "\n".join(part for part in parts if part)
