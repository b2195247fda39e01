"""Points a second of ``elman detect RUN --stream``: lines in, answers out, one core.

A forecaster of 64 units, trained for a moment, as speed does not depend on the weights. Counted are the
command's answers to a pipe, without the seconds that Python takes to start.

    python benchmarks/detect_stream.py [--points N] [--cell CELL] [--columns D]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import document
import numpy as np

import elman


def lines(points, columns):
    """CSV rows of a time and some waves."""
    values = np.sin(np.arange(points)[:, None] / 7 + np.arange(columns))
    times = np.datetime64("2024-01-01T00:00:00") + np.timedelta64(1, "s") * np.arange(points)
    head = ",".join(["timestamp", *(f"x{k}" for k in range(columns))])
    rows = (
        ",".join([str(at).replace("T", " "), *(f"{v:.4f}" for v in row)])
        for at, row in zip(times, values, strict=True)
    )
    return [f"{each}\n" for each in (head, *rows)]


def seconds(run, content):
    """Between the answer to the header and the last one."""
    command = [sys.executable, "-m", "elman.cli", "detect", str(run), "--stream"]
    one_core = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile() as given,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=one_core) as process,
    ):
        given.write("".join(content[1:]).encode())
        process.stdin.write(content[0].encode())
        process.stdin.flush()
        process.stdout.readline()
        began = time.perf_counter()
        # the pipe is filled by another process, so that neither waits for this one
        given.seek(0)
        with subprocess.Popen(["cat"], stdin=given, stdout=process.stdin):
            process.stdin.close()
            answers = sum(1 for _ in process.stdout)
        took = time.perf_counter() - began
    assert answers == len(content) - 1
    return took


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--columns", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    content = lines(given.points, given.columns)
    with tempfile.TemporaryDirectory() as folder:
        table, run = Path(folder) / "table.csv", Path(folder) / "run"
        table.write_text("".join(content[:501]))
        elman.AnomalyDetector(cell=given.cell, hidden_size=64, epochs=1).train([table], run)
        rates = [given.points / seconds(run, content) for _ in range(given.rounds)]
    print(
        f"{given.cell}, 64 units, {given.columns} columns: {max(rates):,.0f} points a second",
        document.machine(),
    )


if __name__ == "__main__":
    main()
