"""The command line: flags → task → print."""

import json
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from elman.cli.overview import overview, summary, tasks, verbs
from elman.cli.parse import Flag, flags_of, parse
from elman.config import Argument, flag, from_json, read_yaml, to_json
from elman.errors import InputError, Interrupted, TrainingStopped
from elman.registry import find_task, load_module, task_names, task_options
from elman.tasks.shared.options import ModelOptions, TaskConfig, TextOptions, Verb
from elman.train import files
from elman.train.history import figure, looks_back, read_history, sparkline
from elman.train.options import TrainingOptions
from elman.version import __version__

_File = Argument(positional=True, metavar="FILE")


@dataclass(frozen=True)
class _Train:
    """What ``elman train`` takes beside the task's own options."""

    data: Annotated[tuple[Path, ...], _File] = ()
    """what to train on"""
    out: Path | None = None
    """run folder to write; runs/TASK if absent"""
    overwrite: bool = False
    """replace the run folder if it exists"""
    config: Path | None = None
    """YAML file of options; flags given beside it win"""
    json: bool = False
    """print one JSON object"""


@dataclass(frozen=True)
class _OnRun:
    """What every verb on a run folder takes."""

    run: Annotated[Path, Argument(positional=True, metavar="RUN")]
    """a run folder"""
    cell: str | None = None
    """FILE.py:Class, to run a cell of your own again"""
    json: bool = False
    """print one JSON object"""


@dataclass(frozen=True)
class Evaluate(_OnRun):
    """Measures a trained model on other files."""

    example: ClassVar[str] = "elman evaluate runs/language-model other.txt"

    data: Annotated[tuple[Path, ...], _File] = ()
    """what to measure it on"""


@dataclass(frozen=True)
class Show(_OnRun):
    """Shows what a run is, its curve and its numbers."""

    example: ClassVar[str] = "elman show runs/language-model"


@dataclass(frozen=True)
class Inspect(_OnRun):
    """Shows how far a model looks back, its gates and its hidden states, as a page with pictures."""

    example: ClassVar[str] = "elman inspect runs/language-model"

    data: Annotated[tuple[Path, ...], _File] = ()
    """what to look at it with; its own data if absent"""
    out: Path | None = None
    """folder to write; RUN/inspect if absent"""
    overwrite: bool = False
    """replace the report if it exists"""
    lags: int | None = None
    """steps to look back; 200 if absent, or as many as the data have"""


@dataclass(frozen=True)
class Resume(_OnRun):
    """Continues an interrupted or killed run, as if it had never stopped."""

    example: ClassVar[str] = "elman resume runs/language-model"


_SHARED_FIRST = ("data", "out", "overwrite")
_OF_ALL = (("model", ModelOptions), ("text", TextOptions), ("training", TrainingOptions))
_FIRST_OF_TRAINING = ("epochs", "max_minutes")


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
        print(overview(_COMMANDS), end="")
        return 0
    if verb == "--version":
        print(f"elman {__version__}")
        return 0
    if verb == "train":
        return _train(rest)
    by_name = {_name(command): (command, run) for command, run in _COMMANDS.items()}
    if verb in by_name:
        command, run = by_name[verb]
        return run(_parsed(command, rest))
    uses = {_name(each): each for each in verbs()}
    if verb in uses:
        return _use(uses[verb], rest)
    raise InputError(f"unknown command {verb!r}; known: {', '.join(['train', *by_name, *uses])}")


def _name(command: type) -> str:
    return command.__name__.lower()


def _parsed(command: Any, arguments: list[str]) -> Any:
    """The values of a verb's flags, the run folder first."""
    run, *shared = flags_of(_OnRun)
    own = [each for each in flags_of(command) if each.name not in _OnRun.__annotations__]
    flags = [run, *own, *shared]
    return parse(flags, arguments, f"elman {_name(command)}", summary(command, whole=True), command.example)


def _runs() -> Any:
    """What opens run folders: loaded only when a verb needs a run, since it imports torch."""
    return load_module("elman.tasks.shared.run_folder")


def _train(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        print(overview(_COMMANDS), end="")
        return 0
    name, *rest = arguments
    if name not in task_names():  # one is loaded, not all
        raise InputError(f"unknown task {name!r}; known: {', '.join(tasks())}")
    Config = task_options(name)
    file = _value("--config", rest)
    recipe = _from_yaml(Path(file)) if file else {}
    default = from_json(Config, to_json(Config()) | recipe, file)
    about = summary(Config, whole=True)
    given = parse(flags_of_training(Config, default), rest, f"elman train {name}", about, Config.example)
    typed = {argument.partition("=")[0].replace("--no-", "--") for argument in rest}
    named = [f.name for f in fields(Config) if f.name in recipe or flag(f.name) in typed]
    task = find_task(name)(**{each: getattr(given, each) for each in named})
    out = given.out or Path("runs") / name
    task.train(list(given.data) or None, out, overwrite=given.overwrite, show_progress=True)
    return _finish(task, given.json)


def flags_of_training(Config: type[TaskConfig], default: TaskConfig) -> list[Flag]:
    """All flags of a task's training: what most people need first, then the groups, then the rest."""
    groups = {name: title for title, options in _OF_ALL for name in options.__annotations__}
    groups |= {name: title for title, names in Config.groups.items() for name in names}
    groups |= dict.fromkeys(_FIRST_OF_TRAINING, "")
    own = flags_of(Config, vars(default), {f.name: groups.get(f.name, "other") for f in fields(Config)})
    shared = {each.name: each for each in flags_of(_Train)}
    front = [shared.pop(name) for name in _SHARED_FIRST]
    first = [each for each in own if each.group == ""]
    titles = dict.fromkeys(
        ["model", "training", *(title for title in Config.groups if title), "text", "other"]
    )
    rest = [each for title in titles for each in own if each.group == title]
    return [*front, *sorted(first, key=lambda each: each.name in _FIRST_OF_TRAINING), *shared.values(), *rest]


def _value(flag: str, arguments: list[str]) -> str:
    """What a flag is given, as ``--flag value`` or ``--flag=value``; empty where it is not given."""
    found = ""
    for here, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, equals, value = here.partition("=")
        found = (value if equals else following) if name == flag else found
    return found


def _from_yaml(path: Path) -> dict[str, Any]:
    """Options by their names in a configuration."""
    found = read_yaml(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: must hold one object of options")
    return {str(key).replace("-", "_"): value for key, value in found.items()}


def _evaluate(given: Any) -> int:
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


def _show(given: Any) -> int:
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


def _resume(given: Any) -> int:
    return _finish(_runs().resume(given.run, cell=given.cell, show_progress=True), given.json)


def _inspect(given: Any) -> int:
    out = given.run / files.INSPECT if given.out is None else given.out
    files.check_new_report(out, given.overwrite)  # before the work
    task = _runs().load(given.run, given.cell)
    page = load_module("elman.inspect.report")
    report = page.report(task, out, list(given.data) or None, lags=given.lags, overwrite=given.overwrite)
    print(page.summary_json(report, out) if given.json else "\n".join(page.summary_lines(report, out)))
    return 0


def _use(verb: type[Verb], arguments: list[str]) -> int:
    """A verb of some task: the run folder, then the verb's flags."""
    given = _parsed(verb, arguments)
    request = verb(**{f.name: getattr(given, f.name) for f in fields(verb)})  # type: ignore[arg-type]
    task = _runs().load(given.run, given.cell)
    if task.verb is not verb:
        raise InputError(f"{given.run}: is a run of {task.name}; its verb is {_name(task.verb)}")
    if given.json:
        print(json.dumps(request.json(task), ensure_ascii=False))
    else:
        for piece in request.text(task):
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
    print(f"next        elman {_name(task.verb)} {folder}")
    return 0


def _one_line_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"elman: {message}", file=sys.stderr)


_COMMANDS: dict[type, Callable[[Any], int]] = {
    Evaluate: _evaluate,
    Show: _show,
    Inspect: _inspect,
    Resume: _resume,
}
