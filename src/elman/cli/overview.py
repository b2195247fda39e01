"""The tasks and verbs there are, in the order in which a newcomer needs them."""

import inspect
from collections.abc import Iterable

from elman.registry import task_names, task_options
from elman.tasks.shared.options import TaskConfig, Verb


def tasks() -> dict[str, type[TaskConfig]]:
    """Options of all tasks; no task is loaded."""
    options = {name: task_options(name) for name in task_names()}
    return dict(sorted(options.items(), key=lambda item: (item[1].rank, item[0])))


def verbs() -> list[type[Verb]]:
    """The verbs of all tasks; several may share one."""
    return list(dict.fromkeys(options.verb for options in tasks().values()))


def overview(commands: Iterable[type]) -> str:
    """What ``elman --help`` prints.

    Args:
        commands: the verbs that every run takes.
    """
    known = tasks()
    rows = [(f"elman {each.__name__.lower()} RUN", summary(each)) for each in [*verbs(), *commands]]
    lines = [
        "Recurrent networks: from a file of sequences to a model that streams.",
        "",
        "elman train TASK DATA... --out RUN    trains; the tasks:",
        *(f"  {name:<20} {summary(options)}" for name, options in known.items()),
        "",
        "Then, with the run folder:",
        *(f"  {call:<20} {text}" for call, text in rows),
        "",
        "elman train TASK --help and elman VERB --help list the flags.",
        "",
        "example:",
        f"  {next(iter(known.values())).example}",
        "",
    ]
    return "\n".join(lines)


def summary(thing: type, *, whole: bool = False) -> str:
    """The first line of a class's docstring, or the whole text."""
    text = inspect.cleandoc(thing.__doc__ or "")
    return text if whole else text.partition("\n")[0].rstrip(".")
