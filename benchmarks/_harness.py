"""Runs cases (task, method, seed), each in a fresh process, and keeps their records in one JSON."""

import argparse
import datetime
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._cost import commit, machine, versions
from benchmarks._report import render

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


def run_case(suite, task, method, seed, *, threads, timeout):
    """The record of one case; whatever goes wrong with its process is told in it."""
    case = {"task": task, "method": method, "seed": seed}
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    with tempfile.TemporaryDirectory() as folder:
        spec, out, errors = (Path(folder) / name for name in ("spec.json", "out.json", "stderr"))
        spec.write_text(json.dumps({"suite": suite, **case}))
        command = [sys.executable, "-m", "benchmarks._worker", str(spec), str(out)]
        try:
            with errors.open("w") as stderr:
                code = subprocess.run(
                    command,
                    cwd=ROOT,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    timeout=timeout,
                    check=False,
                ).returncode
        except subprocess.TimeoutExpired:
            return case | {"status": "timeout", "message": f"after {timeout:g} s"}
        if out.exists():
            return case | json.loads(out.read_text())
        return case | _death(code, errors.read_text(errors="replace"))


def _death(code, errors):
    """The record of a process that ended without one; only the system sends signal 9."""
    if code == -9:
        return {"status": "out of memory", "message": "killed by the system"}
    last = (errors.strip().splitlines() or ["no message"])[-1]
    return {"status": "error", "message": f"exit code {code}: {last}"[:300]}


def load_results(path):
    """The results in a file, empty ones where there is none yet."""
    return json.loads(path.read_text()) if path.exists() else {"runs": {}, "records": []}


def _key(record):
    return record["task"], record["method"], record["seed"]


def merge(results, new):
    """Newer records take the place of those of the same case; runs left without any go."""
    records = {_key(record): record for record in [*results["records"], *new["records"]]}
    used = {record["run"] for record in records.values()}
    runs = {key: run for key, run in (results["runs"] | new["runs"]).items() if key in used}
    return {"runs": runs, "records": [records[key] for key in sorted(records)]}


def save(path, results):
    """Write through a second file, so that an interrupt leaves the earlier one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n")
    part.replace(path)


def on_device(method, ours, device):
    """Our methods' names with the device in it, where it is not the CPU."""
    if device == "cpu" or method.split("[")[0] != ours or "device=" in method:
        return method
    bare, _, options = method.rstrip("]").partition("[")
    return f"{bare}[{options}{', ' * bool(options)}device={device!r}]"


def _cases(suite, args):
    """Methods innermost, so that paired cases run close to one another in time."""
    for name, task in suite.TASKS.items():
        if not any(name.startswith(word) for word in args.tasks):
            continue
        methods = dict.fromkeys(on_device(m, suite.OURS, args.device) for m in task.methods)
        n_seeds = min(args.seeds, task.max_seeds or args.seeds)
        for seed in range(args.first_seed, args.first_seed + n_seeds):
            for method in methods:
                if not args.methods or {method, method.split("[")[0]} & set(args.methods):
                    yield name, method, seed


def _run(suite, args, results):
    """Run the cases that were asked for; the file is up to date after each of them."""
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    run = {
        "date": date,
        "commit": commit(),
        "machine": machine(),
        "threads": args.threads,
        "versions": versions(suite.PACKAGES),
    }
    finished = {_key(r) for r in results["records"] if r["status"] == "ok"} if args.resume else ()
    if not (asked := list(_cases(suite, args))):
        raise SystemExit("No case matches --tasks and --methods; --list prints what there is.")
    cases = [case for case in asked if case not in finished]
    for count, case in enumerate(cases, start=1):
        limit = args.timeout or suite.TASKS[case[0]].timeout
        record = run_case(suite.__name__, *case, threads=args.threads, timeout=limit)
        results = merge(results, {"runs": {date: run}, "records": [record | {"run": date}]})
        save(args.output, results)
        told = {k: float(f"{v:.4g}") for k, v in record.get("quality", {}).items()}
        told = told | {"cpu_s": round(record["cpu_s"], 2)} if told else record.get("message", "")
        print(f"[{count}/{len(cases)}]", *case, record["status"], told, flush=True)
    return results


def write_table(suite, output, results):
    """The page that the docs include or, for another JSON than the standard one, beside it."""
    page = output.with_suffix(".md")
    if output == _standard_output(suite):
        page = ROOT / "doc" / "benchmarks" / page.name
    page.parent.mkdir(parents=True, exist_ok=True)
    intro = f"# {suite.TITLE}\n\nWritten by `python -m {suite.__name__}`; {suite.INTRO}"
    page.write_text(render(results, suite.TASKS, intro))
    print(f"Wrote {page}.")


def _list(suite):
    for name, task in suite.TASKS.items():
        print(f"{name}  ({task.row})\n    methods: {', '.join(task.methods)}")
        for bound in task.bounds:
            print(f"    target: {bound.wanted()}")


def _standard_output(suite):
    return ROOT / "benchmarks" / "results" / f"{suite.__name__.split('.')[-1]}.json"


def _parser(suite):
    parser = argparse.ArgumentParser(prog=f"python -m {suite.__name__}", description=suite.__doc__)
    add = parser.add_argument
    add("--tasks", nargs="+", default=[""], help="first letters of the tasks to run; all of them")
    add("--methods", nargs="+", default=[], help="methods to run; all of each task's")
    add("--seeds", type=int, default=5, help="number of paired seeds")
    add("--first-seed", type=int, default=0)
    add("--threads", type=int, default=2, help="threads of every numerical library")
    add("--timeout", type=float, default=None, help="seconds for one case, instead of the task's")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="where our methods run")
    add("--output", type=Path, default=_standard_output(suite), help="JSON, read and added to")
    add("--merge", type=Path, nargs="+", default=[], help="other JSON files whose records to add")
    add("--resume", action="store_true", help="leave out cases that already have figures")
    add("--table-only", action="store_true", help="run nothing, write the table again")
    add("--list", action="store_true", help="print tasks, methods and targets")
    return parser


def main(suite_name, argv=None):
    """The command line of a suite: a module with TASKS, OURS, PACKAGES, TITLE, INTRO and `make`."""
    suite = importlib.import_module(suite_name)
    args = _parser(suite).parse_args(argv)
    if args.list:
        return _list(suite)
    results = load_results(args.output)
    for path in args.merge:
        results = merge(results, load_results(path))
    if not args.table_only:
        results = _run(suite, args, results)
    save(args.output, results)
    write_table(suite, args.output, results)
