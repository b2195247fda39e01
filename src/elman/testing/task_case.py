"""A small run of a task, commands on it, and what is compared."""

import contextlib
import io
import json
import math
import shlex
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from elman.cli.main import main
from elman.cli.parse import flags_of
from elman.registry import find_task
from elman.tasks.shared.task import Task
from elman.testing.suite import ensure, equal
from elman.train.history import read_history

VERDICTS = ("vanishing", "healthy", "exploding")


@dataclass(frozen=True, eq=False)
class TaskCase:
    """A task, and a run of it that takes a moment.

    Attributes:
        task: its name, which is its folder's in ``elman/tasks/``, or its class.
        options: of the run: small, and none at its default where that matters.
        verb: arguments of its verb that give an answer which can be compared; a path is relative.
        files: texts or bytes by name, which its examples read; none where the task draws its own data.
        other_test: makes of the first file and the options the file with another test part; None: there are
            no files.
        trained_on: files or folders; the first file if absent.
        evaluated_on: files or folders; the second file if absent.
        to_learn: further options of the longer run in which its training loss must fall.
    """

    task: str | type[Task]
    options: Mapping[str, Any]
    verb: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    other_test: Callable[[Any, dict[str, Any]], Any] | None = None
    trained_on: Sequence[str] | None = None
    evaluated_on: Sequence[str] | None = None
    to_learn: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cls(self) -> type[Task]:
        """The task's class."""
        cls: type[Task] = find_task(self.task) if isinstance(self.task, str) else self.task
        return cls

    def write(self, folder: Path, first: str | bytes | None = None) -> None:
        """Writes the files into a folder, the first one with another content if given."""
        for number, (name, content) in enumerate(self.files.items()):
            content = first if number == 0 and first is not None else content
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def data(self, folder: Path) -> list[Path]:
        """What it is trained on, in a folder with its files."""
        names = list(self.files)[:1] if self.trained_on is None else self.trained_on
        return [folder / name for name in names]

    def other_data(self, folder: Path) -> list[Path]:
        """What it is evaluated on besides."""
        names = list(self.files)[1:2] if self.evaluated_on is None else self.evaluated_on
        return [folder / name for name in names]

    def train(
        self, folder: Path, out: str | None = "run", first: str | bytes | None = None, **options: Any
    ) -> Task:
        """Trains in a folder, which gets the files; into ``folder/out``, or in memory if that is None."""
        self.write(folder, first)
        task = self.cls(**{**self.options, **options})
        return task.train(self.data(folder), None if out is None else folder / out)

    def answer(self, task: Task, folder: Path) -> Any:
        """What the task's verb answers, as JSON."""
        values = {name: _placed(value, folder) for name, value in self.verb.items()}
        return json.loads(json.dumps(task.verb(**values).json(task)))


@dataclass(frozen=True)
class Run:
    """A trained case: its task, the run folder, what it was trained on, what else it is evaluated on."""

    task: Task
    folder: Path
    data: list[Path]
    other: list[Path]


_runs: weakref.WeakKeyDictionary[TaskCase, Run] = weakref.WeakKeyDictionary()


def run_of(case: TaskCase) -> Run:
    """The case's run, trained once for all checks; its folder is deleted with the case."""
    if case not in _runs:
        folder = Path(tempfile.mkdtemp(prefix="elman-testing-"))
        weakref.finalize(case, shutil.rmtree, folder, ignore_errors=True)
        task = case.train(folder)
        _runs[case] = Run(task, folder / "run", case.data(folder), case.other_data(folder))
    return _runs[case]


@contextlib.contextmanager
def folder_for_now() -> Iterator[Path]:
    """A folder that is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="elman-testing-") as name:
        yield Path(name)


def _placed(value: Any, folder: Path) -> Any:
    """A value of the verb with its paths, alone or in a tuple, in the folder."""
    if isinstance(value, tuple):
        return tuple(_placed(each, folder) for each in value)
    return folder / value if isinstance(value, Path) else value


def verb_command(case: TaskCase, run: Path, folder: Path) -> list[str]:
    """The verb of the case as a command, on a run, with files in a folder."""
    verb = case.cls.Config.verb
    flags = []
    for each in flags_of(verb):
        if each.name in case.verb:
            value = _placed(case.verb[each.name], folder)
            if value is True:
                flags.append(each.spelling)
                continue
            texts = list(map(str, value if isinstance(value, tuple) else (value,)))
            flags += texts if each.argument.positional else [f"{each.spelling}={text}" for text in texts]
    return [verb.__name__.lower(), str(run), *flags]


def command(arguments: list[str]) -> str:
    """What a command prints to standard output. AssertionError if it fails."""
    out, err = io.StringIO(), io.StringIO()
    # the command line shows warnings in its own way
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    ensure(status == 0, f"elman {shlex.join(arguments)} ends with status {status}: {err.getvalue().strip()}")
    return out.getvalue()


# What is compared


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's weights."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def same_bits(received: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether both have the same tensors, bit for bit."""
    same_names = received.keys() == expected.keys()
    return same_names and all(torch.equal(received[name], expected[name]) for name in expected)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def history_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's history, but for how long they took."""
    lines = read_history(folder / "history.jsonl")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def ensure_close(received: Any, expected: Any, what: str) -> None:
    """Raises AssertionError unless both are the same but for the last digits of numbers."""
    if isinstance(expected, dict):
        equal(received.keys(), expected.keys(), f"the names of {what}")
        for key, value in expected.items():
            ensure_close(received[key], value, f"{what}, {key}")
    elif isinstance(expected, list):
        equal(len(received), len(expected), f"the length of {what}")
        for number, pair in enumerate(zip(received, expected, strict=True)):
            ensure_close(*pair, f"{what}, {number}")
    elif isinstance(expected, float):
        close = math.isclose(received, expected, rel_tol=1e-5, abs_tol=1e-6)
        ensure(close or received == expected, f"{what} must be {expected}. Got {received}.")
    else:
        equal(received, expected, what)
