"""Results as one small file a set, and the table of a task.

A file holds figures, never data. The figures of single test rows, which paired errors need, are packed: half
precision, compressed, as text.
"""

import base64
import json
import math
import statistics
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Results = dict[str, Any]
FEW_ROWS = 2000  # a test part with fewer rows, or without rows, is measured with three seeds
LARGEST = 65504.0  # of half precision
WORST = -0.03  # the share that nothing may be behind


def load(folder: Path, about: dict[str, Any]) -> Results:
    """Returns the results of a set so far; none if the set's files have changed since."""
    path = folder / f"{about['set']}.json"
    if path.is_file():
        results = _read(path)
        if results["about"]["sha256"] == about["sha256"]:
            return results
    return {"about": about, "runs": {}}


def all_of(folder: Path, sets: Iterable[str]) -> list[Results]:
    """Returns the results of those sets that have any; the sets themselves need not be at hand."""
    paths = [folder / f"{name}.json" for name in sets]
    return [_read(path) for path in paths if path.is_file()]


def _read(path: Path) -> Results:
    results: Results = json.loads(path.read_text())
    for run in _single_runs(results):
        if "rows" in run:
            run["rows"] = unpacked(run["rows"])
    return results


def _single_runs(results: Results) -> list[dict[str, Any]]:
    return [run for seeds in results["runs"].values() for run in seeds.values()]


def save(folder: Path, results: Results) -> None:
    """Writes the results of a set beside their place and moves them there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results['about']['set']}.json"
    beside = path.with_suffix(".part")
    runs = {
        method: {
            seed: run | {"rows": packed(run["rows"])} if "rows" in run else run for seed, run in seeds.items()
        }
        for method, seeds in results["runs"].items()
    }
    beside.write_text(json.dumps(results | {"runs": runs}, indent=1) + "\n")
    beside.replace(path)


def packed(rows: list[float]) -> str:
    """Returns the figures of test rows as text, in half precision (three digits)."""
    halves = struct.pack(f"<{len(rows)}e", *(max(-LARGEST, min(LARGEST, row)) for row in rows))
    return base64.b64encode(zlib.compress(halves, 9)).decode() if rows else ""


def unpacked(text: str) -> list[float]:
    """Returns the figures that ``packed`` was given."""
    halves = zlib.decompress(base64.b64decode(text)) if text else b""
    return list(struct.unpack(f"<{len(halves) // 2}e", halves))


def circumstances(all_results: list[Results]) -> str:
    """Returns the machines and versions that made the results, one line."""
    runs = [run for results in all_results for run in _single_runs(results)]
    machines, versions = ({run[key] for run in runs if key in run} for key in ("machine", "version"))
    return f"On {'; '.join(sorted(machines))}. Elman {', '.join(sorted(versions))}."


def columns(methods: dict[str, Any]) -> list[str]:
    """Returns the methods of a task; one that is both a simple method and a peer stands once."""
    return list(dict.fromkeys(("default", "network", *methods["simple"], *methods["peers"])))


def seeds_of(about: dict[str, Any]) -> int:
    """Returns how many seeds a method that draws is run with."""
    return 3 if about["task"] == "language-model" or about["test"] < FEW_ROWS else 1


def runs_of(results: Results, method: str) -> list[dict[str, Any]]:
    """Returns the runs of a method that ended well; the network alone may be the default."""
    runs = list(results["runs"].get(method, {}).values())
    if any("same_as" in run for run in runs):
        return runs_of(results, runs[0]["same_as"])
    return [run for run in runs if "figure" in run]


def network_of(results: Results, seed: int) -> dict[str, Any] | None:
    """Returns the run of the network alone that a default run of the same seed measured, or None.

    It is the run that ``network`` in methods.toml asks for: the rest is added after the training.
    """
    default = results["runs"].get("default", {}).get(str(seed), {})
    if "network" not in default.get("more", {}):
        return None
    return {"figure": default["more"]["network"], "rows": [], "seconds": default["seconds"]}


def mean(results: Results, method: str) -> float | None:
    """Returns a method's figure, the mean over its seeds."""
    figures = [run["figure"] for run in runs_of(results, method)]
    return statistics.fmean(figures) if figures else None


def error(results: Results, method: str, other: str | None = None) -> float | None:
    """Returns the standard error of a method's figure, or of its difference from another method's.

    It has two parts: what other test rows would change, from the rows (paired, where two methods are
    compared), and what other seeds would change. None if there are neither rows nor seeds.
    """
    runs = runs_of(results, method)
    parts: list[float] = []
    rows = [statistics.fmean(row) for row in zip(*(run["rows"] for run in runs), strict=True)]
    seeds = [[run["figure"] for run in runs]]
    if other is not None:
        others = runs_of(results, other)
        theirs = [statistics.fmean(row) for row in zip(*(run["rows"] for run in others), strict=True)]
        rows = [a - b for a, b in zip(rows, theirs, strict=True)]
        seeds.append([run["figure"] for run in others])
    if len(rows) > 1:
        parts.append(statistics.stdev(rows) / math.sqrt(len(rows)))
    parts += [statistics.stdev(group) / math.sqrt(len(group)) for group in seeds if len(group) > 1]
    return math.hypot(*parts) if parts else None


class Comparison:
    """One set's default run beside its best simple method.

    Attributes:
        best: the name of the best simple method on the test part, "" if none has run.
        ahead: by how much the default is ahead of it, in the task's figure; below 0: behind.
        error: the standard error of that.
        share: ``ahead`` as a share of the simple method's figure.
        network: by how much the network alone is ahead of it.
    """

    def __init__(self, results: Results, methods: dict[str, Any]) -> None:
        sign = 1 if methods["higher"] else -1
        reached = {name: mean(results, name) for name in methods["simple"]}
        ran = {name: sign * figure for name, figure in reached.items() if figure is not None}
        own, network = mean(results, "default"), mean(results, "network")
        self.best = max(ran, key=ran.__getitem__) if ran else ""
        self.whole = bool(ran) and own is not None
        self.ahead = self.error = self.share = self.network = 0.0
        if self.whole:
            best = ran[self.best]
            self.ahead = sign * own - best
            self.error = error(results, "default", self.best) or 0.0
            self.share = self.ahead / abs(best) if best else 0.0
            self.network = sign * network - best if network is not None else -math.inf
        peers = {name: mean(results, name) for name in methods["peers"]}
        self.peers = {
            name: sign * (own - figure) for name, figure in peers.items() if self.whole and figure is not None
        }


def table(task: str, methods: dict[str, Any], all_results: list[Results]) -> str:
    """Returns the table of a task as Markdown, with a summary of the sets that only report above it."""
    names = columns(methods)
    head = ["set", "side", "train", "test", *names, "best simple", "ahead by", "seconds", "MB"]
    better = "more" if methods["higher"] else "less"
    lines = [
        summary(methods, [r for r in all_results if r["about"]["side"] == "report"]),
        "",
        f"{task}, {methods['figure']} ({better} is better; ± one standard error)",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for results in all_results:
        about, compared = results["about"], Comparison(results, methods)
        runs = runs_of(results, "default")
        cells = [about["set"], about["side"], f"{about['train']:,}", f"{about['test']:,}"]
        cells += [cell(results, name, with_error=name in {"default", "network"}) for name in names]
        # one seed and no rows tell no error
        wrong = f" ± {compared.error:.3f}" if compared.error else ""
        cells += [compared.best, f"{compared.ahead:+.3f}{wrong}" if compared.whole else ""]
        cells += [
            f"{statistics.fmean(run[key] for run in runs):,.0f}" if runs else ""
            for key in ("seconds", "memory")
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(results: Results, name: str, *, with_error: bool) -> str:
    """Returns a method's figure, why it has none, or nothing if it has not run."""
    figure = mean(results, name)
    if figure is None:
        failed = [run["failed"] for run in results["runs"].get(name, {}).values() if "failed" in run]
        return f"failed: {failed[0]}".replace("|", "/")[:60] if failed else ""
    text = f"{figure:.1f}" if figure >= 10 else f"{figure:.3f}"
    wrong = error(results, name) if with_error else None
    return text if wrong is None else f"{text} ± {wrong:.3f}"


def summary(methods: dict[str, Any], all_results: list[Results]) -> str:
    """Returns the counts that the aims are about, over the sets whose default and simple methods have run."""
    compared = [c for c in (Comparison(results, methods) for results in all_results) if c.whole]
    if not compared:
        return "No set that only reports has run."
    ahead = sum(c.ahead > c.error for c in compared)
    behind = sum(c.ahead < -c.error for c in compared)
    far = sum(c.share < WORST for c in compared)
    network = sum(c.network > 0 for c in compared)
    count = len(compared)
    worst = min(c.share for c in compared)
    missed = "" if 2 * network >= count else ", which misses the aim of half"
    lines = [
        f"Of {count} sets that only report, the default run is ahead of the best simple method by more than",
        f"one standard error on {ahead}, behind by more than one on {behind}, more than 3 % behind on {far}",
        f"(worst: {worst:+.1%}). The network alone is ahead on {network} of {count}{missed}.",
    ]
    for name in methods["peers"]:
        leads = [c.peers[name] > 0 for c in compared if name in c.peers]
        if leads:
            lines.append(f"Ahead of {name} on {sum(leads)} of {len(leads)}.")
    return " ".join(lines)
