"""New processes that cost little: one imports everything, and then forks a child for each task."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

_FORKING = """
import json, os, sys
import lightning_fabric, matplotlib.figure, torch._dynamo
import elman.tasks.language_model.task, elman.tasks.shared.run_folder
from elman.cli import main

torch.set_num_threads(1)
for line in sys.stdin:
    children = []
    for process in json.loads(line):
        children.append(os.fork())
        if not children[-1]:
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(process[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.chdir(process["folder"])
            os._exit(max(main(command) for command in process["commands"]))
    print(json.dumps(children), flush=True)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(json.dumps(statuses), flush=True)
"""

Commands = Sequence[Sequence[str]]


class Forked:
    """Runs commands of ``elman`` in processes that have done nothing before.

    Args:
        folder: where they work and what they print is kept, unless a call says otherwise.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-c", _FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()

    def run(
        self,
        commands: Commands,
        folder: Path | None = None,
        out: Path | None = None,
        meanwhile: Callable[[int], object] = id,
    ) -> subprocess.CompletedProcess[str]:
        """Runs commands one after another in one new process, in a folder, with output to a file if given.

        ``meanwhile`` is called with the process's id while it runs.
        """
        return self.at_once([commands], folder, out, meanwhile)[0]

    def at_once(
        self,
        processes: Sequence[Commands],
        folder: Path | None = None,
        out: Path | None = None,
        meanwhile: Callable[[int], object] = id,
    ) -> list[subprocess.CompletedProcess[str]]:
        """Runs several new processes at once; see ``run``."""
        said = [
            {"out": str(out or self._folder / f"out{k}"), "err": str(self._folder / f"err{k}")}
            for k in range(len(processes))
        ]
        tasks = [
            {
                "commands": [[*map(str, command)] for command in commands],
                "folder": str(folder or self._folder),
            }
            | own
            for commands, own in zip(processes, said, strict=True)
        ]
        self._server.stdin.write(json.dumps(tasks) + "\n")
        self._server.stdin.flush()
        for process in json.loads(self._server.stdout.readline()):
            meanwhile(process)
        statuses = json.loads(self._server.stdout.readline())
        return [
            subprocess.CompletedProcess([], status, *(_text(Path(own[name])) for name in ("out", "err")))
            for status, own in zip(statuses, said, strict=True)
        ]


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
