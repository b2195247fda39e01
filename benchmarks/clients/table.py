"""Runs the client scripts named, or all, and writes the table of their results into a page."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from client import PLACE

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
import document  # noqa: E402  (it stands beside the other benchmarks)

FIGURES = {
    "eval_output": "outputs, eval",
    "train_output": "outputs, train",
    "gradient": "gradients",
    "after_steps": "after five steps",
    "after_fit": "after its own fit",
    "back": "back",
}


def scripts() -> list[str]:
    """Returns the names of the client scripts."""
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("client", "table"))


def table() -> str:
    """Returns the table of all results as Markdown."""
    head = ["library", "model", "way", "layers", *FIGURES.values()]
    results = sorted((PLACE / "results").glob("*.jsonl"))
    lines = [json.loads(line) for path in results for line in path.read_text().splitlines()]
    return document.table(head, list(map(_row, lines)))


def _row(line: dict[str, str | float]) -> list[str]:
    first = [str(line[key]) for key in ("library", "case", "way")]
    if "error" in line:
        return [*first, str(line["error"]).replace("|", "\\|").splitlines()[0]]
    return [*first, str(line["layers"]), *(f"{line[key]:.0e}" if key in line else "–" for key in FIGURES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scripts without .py; all if absent")
    parser.add_argument("--only-table", action="store_true", help="runs nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replaces the table in this page")
    options = parser.parse_args()
    if options.write:
        document.check(options.write, "clients")
    failed = []
    for name in [] if options.only_table else options.names or scripts():
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py"]).returncode:
            failed.append(name)
    print(table())
    if options.write:
        document.replace(options.write, "clients", table())
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
