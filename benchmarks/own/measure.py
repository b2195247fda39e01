"""Runs of one method on one set, each in a process of its own, so that its memory can be measured.

A run returns a ``Run``: its figure, and the figure of each test row where the task has one, so that two
methods can be compared row by row.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CORES = 2
GRACE = 120  # seconds beyond a run's minutes for reading and measuring, after which it is ended


@dataclass
class Run:
    """What one run reached.

    Attributes:
        figure: the task's figure on the test part.
        seconds: of fitting (a default run: of the whole command).
        rows: the figure of each test row; empty where the task has none.
        more: further figures.
    """

    figure: float
    seconds: float
    rows: list[float] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


def measured(command: list[str], seconds: float) -> dict[str, Any]:
    """Runs a command that prints a ``Run`` as its last line, on ``cores()``.

    Returns:
        the run with its peak memory in MB (of the largest process), or ``{"failed": why}``.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        tempfile.TemporaryDirectory() as temporary,
    ):
        # what an ended run leaves behind goes with the folder
        environment = os.environ | dict.fromkeys(names, str(len(cores()))) | {"TMPDIR": temporary}
        # a session of its own: an end takes the children with it
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, start_new_session=True)
        try:
            usage, status = _waited(process, seconds)
        except BaseException:  # Ctrl-C too
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if usage is None:
            return {"failed": f"more than {seconds:g} seconds"}
        out.seek(0)
        err.seek(0)
        if status:
            lines = err.read().strip().splitlines()
            return {"failed": lines[-1] if lines else f"exit status {status}"}
        return json.loads(out.read().splitlines()[-1]) | {"memory": round(usage.ru_maxrss / 1024)}


def _waited(process: subprocess.Popen, seconds: float) -> tuple[Any, int]:
    """Waits for a process; returns its use of resources (None if it was ended) and its exit status."""
    end = time.monotonic() + seconds
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage, process.returncode
        if time.monotonic() > end:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None, 1
        time.sleep(0.05)


def one(set_name: str, method: str, seed: int, arguments: list[str], seconds: float) -> dict[str, Any]:
    """Runs one method on one set, through this program's own command."""
    program = str(Path(__file__).parents[1] / "own_data.py")
    command = [sys.executable, program, *arguments, "--one", set_name, method, str(seed)]
    return measured(command, seconds)


def printed(run: Run) -> str:
    """Returns a run as ``measured`` reads it."""
    return json.dumps(asdict(run))


def cores() -> list[int]:
    """Returns the cores that a run may use: two at most, of those that this process may use itself."""
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return sorted(own)[:CORES]


def keep_to_cores() -> None:
    """Keeps this process and its children to the cores that a run may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores())
