"""All tasks and verbs, in the order in which a newcomer needs them."""

import inspect
from collections.abc import Iterable

from elman.registry import task_names, task_options
from elman.tasks.shared.options import TaskConfig, Verb


def tasks() -> dict[str, type[TaskConfig]]:
    """Returns the options class of every task, without loading the tasks."""
    options = {name: task_options(name) for name in task_names()}
    return dict(sorted(options.items(), key=lambda item: (item[1].rank, item[0])))


def verbs() -> list[type[Verb]]:
    """Returns the verbs of all tasks, each once: several tasks may share one."""
    return list(dict.fromkeys(options.verb for options in tasks().values()))


def overview(commands: Iterable[type]) -> str:
    """Returns the text of ``elman --help``.

    Args:
        commands: the verbs that work on every run.
    """
    known = tasks()
    rows = [(f"elman {verb.__name__.lower()} RUN", summary(verb)) for verb in [*verbs(), *commands]]
    lines = [
        "Recurrent networks: from a file of sequences to a model that streams.",
        "",
        "elman train TASK DATA... --out RUN    trains a model and writes a run folder. Tasks:",
        *(f"  {name:<20} {summary(options)}" for name, options in known.items()),
        "",
        "Commands on a run folder:",
        *(f"  {call:<20} {text}" for call, text in rows),
        "",
        "elman cell CELL       tells what a cell of your own is made of, and whether it becomes a kernel",
        "elman serve RUN...    serves runs: streams by websocket, texts, and whole requests",
        "",
        "elman train TASK --help and elman COMMAND --help list the options.",
        "",
        "example:",
        f"  {next(iter(known.values())).example}",
        "",
    ]
    return "\n".join(lines)


def summary(thing: type, *, whole: bool = False) -> str:
    """Returns the first line of a class's docstring, or the whole docstring."""
    text = inspect.cleandoc(thing.__doc__ or "")
    return text if whole else text.partition("\n")[0].rstrip(".")
