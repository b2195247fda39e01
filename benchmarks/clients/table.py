"""Runs the client scripts named, or all, and writes the table of their results into a page."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from client import PLACE

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- begin: benchmarks/clients -->", "<!-- end: benchmarks/clients -->"
FIGURES = {
    "eval_output": "outputs, eval", "train_output": "outputs, train", "gradient": "gradients",
    "after_steps": "after five steps", "after_fit": "after its own fit", "back": "back",
}  # fmt: skip


def scripts() -> list[str]:
    """Returns the names of the client scripts."""
    return sorted(
        p.stem for p in HERE.glob("*.py") if "run(" in p.read_text() and p.stem not in ("client", "table")
    )


def table() -> str:
    """Returns the table of all results as Markdown."""
    rows = [
        f"| library | model | way | layers | {' | '.join(FIGURES.values())} |",
        "|" + "---|" * (4 + len(FIGURES)),
    ]
    for path in sorted((PLACE / "results").glob("*.jsonl")):
        for line in map(json.loads, path.read_text().splitlines()):
            if "error" in line:
                cells = [line["error"].replace("|", "\\|").splitlines()[0][:120]]
            else:
                cells = [f"{line[key]:.0e}" if key in line else "–" for key in FIGURES]
            first = [line["library"], line["case"], line["way"], str(line.get("layers", "–"))]
            rows.append(f"| {' | '.join(first + cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scripts without .py; all if absent")
    parser.add_argument("--only-table", action="store_true", help="runs nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replaces the table in this page")
    options = parser.parse_args()
    failed = []
    for name in [] if options.only_table else options.names or scripts():
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py"]).returncode:
            failed.append(name)
    if options.write:
        page = options.write.read_text()
        before, rest = page.split(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}")
    else:
        print(table())
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
