"""The harness measures what it says, tells every failure, and pairs only what is comparable."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import toy_suite
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from benchmarks import heat_geodesic
from benchmarks._harness import main, merge, on_device, run_case
from benchmarks._peers import METHODS, make, parse
from benchmarks._report import View, gain, gain_on_best, level, ratio, ratio_to_least, render, step
from benchmarks._tasks import Task, purity, rotated, score_clusters, score_held_out


@pytest.fixture
def toy_path(monkeypatch):
    """Let the workers import the toy suite."""
    monkeypatch.setenv("PYTHONPATH", str(Path(toy_suite.__file__).parent))


def run_toy(method, timeout=60.0):
    return run_case("toy_suite", "toy", method, 3, threads=1, timeout=timeout)


def test_peak_memory_sees_what_the_fit_freed_but_not_what_the_loader_freed(toy_path):
    record = run_toy("ours")
    assert record["status"] == "ok"
    assert 0.9 * toy_suite.BLOCK_MB < record["peak_mb"] < 1.5 * toy_suite.BLOCK_MB
    assert record["quality"]["threads"] == 1


def test_cpu_time_and_seed_reach_the_record(toy_path):
    record = run_toy("rival")
    assert record["cpu_s"] >= 0.3
    assert record["quality"]["pearson"] == record["seed"] == 3


@pytest.mark.parametrize(
    ("method", "status", "message"),
    [
        ("sleeper", "timeout", "after 8 s"),
        ("broken", "error", "ValueError: the toy broke"),
        ("greedy", "out of memory", "killed by the system"),
        ("stranger", "absent", "no module named stranger"),
    ],
)
def test_a_failure_is_told(toy_path, method, status, message):
    record = run_toy(method, timeout=8.0)
    assert (record["status"], record["message"]) == (status, message)


def test_command_line_updates_only_what_was_asked_for(toy_path, tmp_path):
    output = tmp_path / "toy.json"
    options = ["--output", str(output), "--seeds", "1", "--threads", "1", "--methods"]
    main("toy_suite", [*options, "ours", "stranger"])
    first = json.loads(output.read_text())
    main("toy_suite", [*options, "stranger"])
    second = json.loads(output.read_text())
    kept = [r for r in second["records"] if r["method"] == "ours"]
    assert kept == [r for r in first["records"] if r["method"] == "ours"]
    (run,) = first["runs"].values()
    assert run["versions"]["no-such-package"] is None
    page = output.with_suffix(".md").read_text()
    assert "mean pearson >= 2: 1, MISSED" in page
    assert "stranger absent on seeds [0]" in page
    main("toy_suite", [*options, "ours", "--resume"])
    assert json.loads(output.read_text()) == second


def test_a_mistyped_name_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="No case matches"):
        main("toy_suite", ["--output", str(tmp_path / "toy.json"), "--tasks", "tyo"])


RUNS = {key: {"machine": key[0], "threads": 2} for key in ("a1", "a2", "b1")}
TASK = Task("Row", ("ours", "one", "two"), None, None)


def record(method, seed, pearson, cpu_s=1.0, run="a1", task="t"):
    quality = {"quality": {"pearson": pearson}, "cpu_s": cpu_s}
    known = {"task": task, "method": method, "seed": seed, "run": run, "status": "ok"}
    return known | (quality if pearson is not None else {"status": "error", "message": "no"})


def view(*records):
    return View({"runs": RUNS, "records": list(records)}, {"t": TASK, "u": TASK}, "t")


def test_pairs_are_of_equal_seeds_and_costs_of_equal_machines():
    seen = view(
        record("ours", 0, 0.9, 1.0, "a1"),
        record("ours", 1, 0.5, 3.0, "a1"),
        record("ours", 2, 0.1, 9.0, "a1"),
        record("one", 0, 0.8, 8.0, "a2"),
        record("one", 1, 0.6, 1.0, "b1"),
        record("one", 2, None),
    )
    assert gain("pearson", "one").figure(seen) == pytest.approx(0.0)
    assert gain("pearson", "one", "min").figure(seen) == pytest.approx(-0.1)
    assert ratio("cpu_s", "one").figure(seen) == pytest.approx(1 / 8)
    assert level("pearson").figure(seen) == pytest.approx(0.5)


def test_best_in_hindsight_may_be_another_on_each_seed():
    values = {"ours": (0.5, 0.5), "one": (0.6, 0.1), "two": (0.2, 0.8)}
    seen = view(*(record(m, s, v) for m, pair in values.items() for s, v in enumerate(pair)))
    assert gain_on_best("pearson").figure(seen) == pytest.approx(-0.2)


def test_the_least_rival_may_be_another_on_each_seed():
    values = {"ours": (2.0, 1.0), "one": (1.0, 4.0), "two": (8.0, 1.0)}
    seen = view(*(record(m, s, v) for m, pair in values.items() for s, v in enumerate(pair)))
    assert ratio_to_least("pearson", ("one", "two")).figure(seen) == pytest.approx(1.5)
    assert ratio_to_least("pearson", ("one",)).figure(seen) == pytest.approx(3 / 5)


def test_times_that_a_score_holds_are_costs():
    one, other = record("ours", 0, 0.5), record("one", 0, 0.5, run="b1")
    one["quality"]["fit_s"], other["quality"]["fit_s"] = 1.0, 2.0
    assert level("fit_s").figure(view(one, other)) == 1.0
    assert np.isnan(ratio("fit_s", "one").figure(view(one, other)))  # of another machine
    other["run"] = "a2"
    assert ratio("fit_s", "one").figure(view(one, other)) == pytest.approx(0.5)


def test_step_and_verdicts():
    seen = view(record("ours", 0, 0.5), record("ours", 0, 0.6, task="u"))
    assert step("pearson", "u", least=-0.2).verdict(seen).endswith(": -0.1, met")
    assert step("pearson", "u", least=-0.05).verdict(seen).endswith(": -0.1, MISSED")
    assert gain("pearson", "one", least=0.0).verdict(seen).endswith(": not measured")
    seen = view(record("ours", 0, 0.5), record("ours", 1, None))
    assert (
        level("pearson", least=0.4).verdict(seen).endswith(": 0.5, met, but ours failed on 1 seeds")
    )


def test_merge_replaces_equal_cases_and_forgets_empty_runs():
    old = {"runs": {"a1": RUNS["a1"]}, "records": [record("ours", 0, 0.1), record("one", 0, 0.2)]}
    new = {"runs": {"a2": RUNS["a2"]}, "records": [record("ours", 0, 0.3, run="a2")]}
    before = copy.deepcopy(old)
    both = merge(old, new)
    assert both["records"] == [record("one", 0, 0.2), record("ours", 0, 0.3, run="a2")]
    assert old == before
    assert set(merge(both, {"runs": {}, "records": [record("one", 0, 1.0, run="a2")]})["runs"]) == {
        "a2"
    }


def test_failures_alone_still_make_a_page():
    page = render(
        {
            "runs": {"a1": {**RUNS["a1"], "machine": {}, "date": "", "commit": "", "versions": {}}},
            "records": [record("ours", 0, None), record("ours", 1, None)],
        },
        {"t": TASK},
        "intro",
    )
    assert "ours error on seeds [0, 1]: `no`" in page


def test_every_method_of_the_suite_has_a_maker_and_reads_back():
    methods = {m for task in heat_geodesic.TASKS.values() for m in task.methods}
    assert {parse(m)[0] for m in methods} <= set(METHODS)
    assert parse("Isomap[n_neighbors=10, metric='l1']") == (
        "Isomap",
        {"n_neighbors": 10, "metric": "l1"},
    )
    assert make("Isomap[n_neighbors=10]", 0).n_neighbors == 10
    assert make("PCA", 7).random_state == 7


def test_the_device_is_part_of_our_name_only():
    assert on_device("UMAP", "ours", "cuda") == "UMAP"
    assert on_device("ours", "ours", "cpu") == "ours"
    assert parse(on_device("ours", "ours", "cuda")) == ("ours", {"device": "cuda"})
    once = on_device("ours[t=4]", "ours", "cuda")
    assert parse(once) == ("ours", {"t": 4, "device": "cuda"})
    assert on_device(once, "ours", "cuda") == once


def test_rotation_keeps_distances(rng):
    X = rng.normal(size=(20, 3))
    data = rotated(lambda seed: SimpleNamespace(X=X, geodesic_distances=None))(0)
    assert data.X.shape == (20, 50)
    np.testing.assert_allclose(cdist(data.X, data.X), cdist(X, X), atol=1e-12)


def test_held_out_points_of_a_linear_map_depend_on_no_batch(rng):
    X = rng.normal(size=(200, 2))
    data = SimpleNamespace(X=X, geodesic_distances=lambda rows, cols: cdist(X[rows], X[cols]))
    pca = PCA(2).fit(X[::2])
    scores = score_held_out(pca, pca.transform(X[::2]), data, 0)
    assert scores["batching"] < 1e-10
    assert scores["pearson"] == pytest.approx(1.0)
    assert scores["held_out_gap"] == pytest.approx(0.0, abs=1e-12)


def test_a_scattered_population_is_lost(rng):
    labels = np.repeat(["a", "b", "c"], 40)
    X = rng.normal(size=(120, 2)) + 100 * np.repeat(np.eye(3)[:, :2], 40, axis=0)
    np.testing.assert_array_equal(purity(X, labels), 1.0)
    data = SimpleNamespace(X=X, labels=labels)
    whole = score_clusters(None, X, data, 0)
    assert whole["ari"] == pytest.approx(1.0)
    assert whole["lost"] == 0
    mixed = X.copy()
    mixed[labels == "c"] = X[rng.choice(80, 40)] + rng.normal(size=(40, 2))
    assert score_clusters(None, mixed, data, 0)["lost"] == 1
