"""The command line: flags → task class → print."""

import contextlib
import inspect
import io
import json
import os
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, make_dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from elman.config import flag, from_json, read_yaml, to_json
from elman.errors import InputError, Interrupted, TrainingStopped
from elman.registry import find_task, load_module, task_names, task_options
from elman.tasks.shared.options import TaskConfig, Verb
from elman.train import files
from elman.version import __version__

T = TypeVar("T")

_PYTHONS = {
    r"invalid literal for int\(\) with base 10": "an int",
    "could not convert string to float": "a number",
    r"no type matching \{None\}\|INT could be instantiated from": "an int",
    r"no type matching \{None\}\|FLOAT could be instantiated from": "a number",
}
"""Python's words for a value that cannot be read, and ours for what it must be."""

_Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
_Data = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class _Train:
    """What ``elman train`` takes beside the task's own options."""

    data: Annotated[_Data, tyro.conf.arg(help="what to train on")] = ()
    out: Path | None = None
    """run folder to write; runs/TASK where it is not given"""
    overwrite: bool = False
    """replace the run folder if it exists"""
    config: Path | None = None
    """YAML file of options; flags given beside it win"""
    json: bool = False
    """print one JSON object"""


@dataclass(frozen=True)
class _OnRun:
    """What every verb on a run folder takes."""

    run: Annotated[_Run, tyro.conf.arg(help="a run folder")]
    cell: str | None = None
    """FILE.py:Class, to run a cell of your own again"""
    json: bool = False
    """print one JSON object"""


@dataclass(frozen=True)
class _Evaluate(_OnRun):
    """Measures a trained model on other files."""

    data: Annotated[_Data, tyro.conf.arg(help="what to measure it on")] = ()


@dataclass(frozen=True)
class _Show(_OnRun):
    """Shows what a run is, its curve and its numbers."""


@dataclass(frozen=True)
class _Inspect(_OnRun):
    """Shows how far a model looks back, its gates and its hidden states, as a page with pictures."""

    data: Annotated[
        _Data, tyro.conf.arg(help="what to look at it with; its own data where none is given")
    ] = ()
    out: Path | None = None
    """folder to write; RUN/inspect where it is not given"""
    overwrite: bool = False
    """replace the report if it exists"""
    lags: int | None = None
    """steps to look back; where it is not given 200, or as many as the data have"""


@dataclass(frozen=True)
class _Resume(_OnRun):
    """Goes on with an interrupted or killed run, as if it had never stopped."""


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0, 1 training failed, 2 bad input, 130 interrupted."""
    warnings.showwarning = _one_line_warning
    try:
        status = _dispatch(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()  # here, where a pipe that nobody reads any more is not an error
        return status
    except InputError as error:
        print(f"elman: {error}", file=sys.stderr)
        return 2
    except TrainingStopped as error:
        print(f"elman: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"elman: {error if isinstance(error, Interrupted) else 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as when the output goes to head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a name too long, a folder that may not be written
        print(f"elman: {error.filename or 'cannot go on'}: {error.strerror or error}", file=sys.stderr)
        return 2


def _dispatch(arguments: list[str]) -> int:
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h"):
        print(_overview(), end="")
        return 0
    if verb == "--version":
        print(f"elman {__version__}")
        return 0
    commands: dict[str, Callable[[list[str]], int]] = {
        "train": _train,
        "evaluate": _evaluate,
        "show": _show,
        "inspect": _inspect,
        "resume": _resume,
    }
    if verb in commands:
        return commands[verb](rest)
    verbs = {each.__name__.lower(): each for each in _verbs()}
    if verb in verbs:
        return _use(verbs[verb], rest)
    raise InputError(f"unknown command {verb!r}; known: {', '.join([*commands, *verbs])}")


def _tasks() -> dict[str, type[TaskConfig]]:
    """Options of all tasks, in the order in which a newcomer needs them; no task is loaded."""
    options = {name: task_options(name) for name in task_names()}
    return dict(sorted(options.items(), key=lambda item: (item[1].rank, item[0])))


def _runs() -> Any:
    """What opens run folders: loaded only when a verb needs a run, since it imports torch."""
    return load_module("elman.tasks.shared.run_folder")


def _verbs() -> list[type[Verb]]:
    """The verbs of all tasks; several may share one."""
    return list(dict.fromkeys(options.verb for options in _tasks().values()))


def _overview() -> str:
    """Tasks and verbs, in the order a newcomer needs them."""
    tasks = _tasks()
    rows = [(f"elman {verb.__name__.lower()} RUN", _summary(verb)) for verb in _verbs()]
    rows += [
        (f"elman {o.__name__[1:].lower()} RUN", _summary(o)) for o in (_Evaluate, _Show, _Inspect, _Resume)
    ]
    lines = [
        "Recurrent networks: from a file of sequences to a model that streams.",
        "",
        "elman train TASK DATA... --out RUN    trains; the tasks:",
        *(f"  {name:<20} {_summary(options)}" for name, options in tasks.items()),
        "",
        "Then, with the run folder:",
        *(f"  {call:<20} {summary}" for call, summary in rows),
        "",
        "elman train TASK --help and elman VERB --help list the flags.",
        "",
        "example:",
        f"  {next(iter(tasks.values())).example}",
        "",
    ]
    return "\n".join(lines)


def _summary(thing: type) -> str:
    return inspect.cleandoc(thing.__doc__ or "").partition("\n")[0].rstrip(".")


def _train(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        print(_overview(), end="")
        return 0
    name, *rest = arguments
    Config = task_options(name)
    file = _value("--config", rest)
    recipe = _from_yaml(Path(file)) if file else {}
    default = from_json(Config, to_json(Config()) | recipe, file)
    parser = make_dataclass("Train", [], bases=(Config, _Train), frozen=True, kw_only=True)
    parser.__doc__ = Config.__doc__
    given = _parse(parser, rest, f"elman train {name}", Config.example, default)
    typed = {argument.partition("=")[0].replace("--no-", "--") for argument in rest}
    named = [f.name for f in fields(Config) if f.name in recipe or flag(f.name) in typed]
    task = find_task(name)(**{each: getattr(given, each) for each in named})
    out = given.out or Path("runs") / name
    task.train(list(given.data) or None, out, overwrite=given.overwrite, show_progress=True)
    return _finish(task, given.json)


def _value(flag: str, arguments: list[str]) -> str:
    """What a flag is given, as ``--flag value`` or ``--flag=value``; empty where it is not given."""
    found = ""
    for here, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, equals, value = here.partition("=")
        found = (value if equals else following) if name == flag else found
    return found


def _part(cls: type[T], given: Any) -> T:
    """The fields of ``cls`` from a dataclass that has more."""
    return cls(**{f.name: getattr(given, f.name) for f in fields(cls)})  # type: ignore[arg-type]


def _from_yaml(path: Path) -> dict[str, Any]:
    """Options by their names in a configuration."""
    found = read_yaml(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: must hold one object of options")
    return {str(key).replace("-", "_"): value for key, value in found.items()}


def _evaluate(arguments: list[str]) -> int:
    from elman.train.history import figure

    given = _parse(_Evaluate, arguments, "elman evaluate", "elman evaluate runs/language-model other.txt")
    task = _runs().load(given.run, given.cell)
    if not given.data and not task.Config.makes_data:
        raise InputError("evaluate needs at least one file")
    figures = task.evaluate(list(given.data))
    if given.json:
        print(json.dumps(figures))
    else:
        width = max(map(len, figures))
        for name, value in figures.items():
            shown = figure(value, 4) if isinstance(value, float) else f"{value:,}"
            print(f"{name.replace('_', ' '):<{width}}  {shown}")
    return 0


def _resume(arguments: list[str]) -> int:
    given = _parse(_Resume, arguments, "elman resume", "elman resume runs/language-model")
    return _finish(_runs().resume(given.run, cell=given.cell, show_progress=True), given.json)


def _show(arguments: list[str]) -> int:
    from elman.train.history import looks_back, read_history, sparkline

    given = _parse(_Show, arguments, "elman show", "elman show runs/language-model")
    task = _runs().open_run(given.run, to_run=False)
    history = read_history(given.run / files.HISTORY)
    if given.json:
        print(json.dumps({"task": task.name, "config": to_json(task.config), "results": task.results}))
        return 0
    default = to_json(type(task.config)())
    changed = {key: value for key, value in to_json(task.config).items() if value != default[key]}
    print(
        f"{given.run}: {task.name}, {task.config.cell}, "
        f"{task.config.hidden_size} units × {task.config.layers}"
    )
    print(
        "options: "
        + (", ".join(f"{key} {value}" for key, value in changed.items()) or "all at their defaults")
    )
    if history:
        reading, last = task.reading(), history[-1]
        print(f"trained: {last['step']:,} steps, epoch {last['epoch']}, {last['seconds']:,.0f} s")
        for kind in ("train", "validation"):
            losses = [line["loss"] for line in history if line["kind"] == kind]
            if losses:
                curve = sparkline([reading(loss) for loss in losses])
                ends = [reading.shown(loss) for loss in (losses[0], losses[-1])]
                print(f"{kind:>10}  {ends[0]} {curve} {ends[1]} {reading.name}")
        backs = [looks_back(line) for line in history if line["kind"] == "gradients"]
        known = [back for back in backs if back is not None]
        if known:
            print(f"looks back  {known[0]:.3g} {sparkline(known)} {known[-1]:.3g} steps")
    if not task.results:
        print(f"not finished; go on with: elman resume {given.run}")
        return 0
    try:
        print(f"\n{task.report()}")
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(f"{given.run / files.RESULTS}: are not the results of {task.name}") from None
    return 0


def _inspect(arguments: list[str]) -> int:
    given = _parse(_Inspect, arguments, "elman inspect", "elman inspect runs/language-model")
    out = given.run / files.INSPECT if given.out is None else given.out
    files.check_new_report(out, given.overwrite)  # before the work
    task = _runs().load(given.run, given.cell)

    from elman.inspect.report import report, summary_json, summary_lines

    found = report(task, out, list(given.data) or None, lags=given.lags, overwrite=given.overwrite)
    print(summary_json(found, out) if given.json else "\n".join(summary_lines(found, out)))
    return 0


def _use(verb: type[Verb], arguments: list[str]) -> int:
    """A verb of some task: the run folder, then the verb's flags."""
    parser = make_dataclass("Use", [], bases=(verb, _OnRun), frozen=True, kw_only=True)
    parser.__doc__ = verb.__doc__
    given = _parse(parser, arguments, f"elman {verb.__name__.lower()}", verb.example)
    task = _runs().load(given.run, given.cell)
    if task.verb is not verb:
        raise InputError(f"{given.run}: is a run of {task.name}; its verb is {task.verb.__name__.lower()}")
    wanted = _part(verb, given)
    if given.json:
        print(json.dumps(wanted.json(task), ensure_ascii=False))
    else:
        for piece in wanted.text(task):
            print(piece, end="", flush=True)
    return 0


def _finish(task: Any, as_json: bool) -> int:
    """Prints a training's results and where they are."""
    if as_json:
        print(json.dumps({"run": str(task.folder), **task.results}, ensure_ascii=False))
        return 0
    folder = task.folder
    assert folder is not None
    print(f"\n{task.report()}\n\nrun folder  {folder}\nloss curve  {folder / files.CURVE}")
    print(f"next        elman {task.verb.__name__.lower()} {folder}")
    return 0


def _parse(options: type[Any], arguments: list[str], program: str, example: str, default: Any = None) -> Any:
    """Flags to a dataclass; help ends with an example, a wrong flag in one line.

    Args:
        options: the dataclass.
        arguments: the flags.
        program: what the user typed before them.
        example: a command that works.
        default: an instance of a base of ``options`` whose values replace the defaults.
    """
    errors, output = io.StringIO(), io.StringIO()
    flat = tyro.conf.configure(tyro.conf.FlagCreatePairsOff)(options)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
            start = {} if default is None else {"default": options(**vars(default))}
            return tyro.cli(flat, args=arguments, prog=program, **start)
    except SystemExit as stop:
        if stop.code:
            raise InputError(f"{_one_line(errors.getvalue())} (see {program} --help)") from None
        print(output.getvalue(), end="")
        print(f"\nexample:\n  {example}")
        raise SystemExit(0) from None


def _one_line(box: str) -> str:
    """The message of an error that tyro draws in a box under a title, and the flag that may be meant."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    rows = [row.strip("│| ") for row in plain.splitlines()[1:]]
    blocks = [list(block) for rule, block in groupby(rows, lambda row: set(row) <= set("─-╰╯+")) if not rule]
    message = re.sub(r"^Error parsing [A-Z_]\w*: ", "", " ".join(blocks[0]))
    for pythons, wanted in _PYTHONS.items():
        message = re.sub(
            rf"^Error parsing (--[\w-]+): {pythons}:? \[?('.*?')(\]\.)?",
            rf"\1 must be {wanted}. Got \2",
            message,
        )
    meant = [row.split()[0].rstrip(",") for row in blocks[1] if row.startswith("--")]
    return message + (f"; did you mean {meant[0]}?" if meant and "Unrecognized" in message else "")


def _one_line_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"elman: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
