"""The command line: flags → task → print."""

import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.cli import output
from elman.cli.ending import ended
from elman.cli.output import print_json
from elman.cli.overview import overview, summary, tasks, verbs
from elman.cli.parse import Flag, flags_of, parse
from elman.config import Argument, flag, from_json, read_json, read_yaml, to_json
from elman.errors import InputError
from elman.registry import find_task, load_module, task_names, task_options, tasks_of_verb
from elman.tasks.shared.options import FileOptions, ModelOptions, TableOptions, TaskConfig, TextOptions, Verb
from elman.train import files
from elman.train.history import format_number
from elman.train.options import TrainingOptions
from elman.version import __version__

_File = Argument(positional=True, metavar="FILE")


@dataclass(frozen=True)
class _Train:
    """Options of ``elman train`` in addition to the task's own."""

    data: Annotated[tuple[Path, ...], _File] = ()
    """what to train on"""
    out: Path | None = None
    """run folder to write; if absent, runs/TASK"""
    overwrite: bool = False
    """replace the run folder if it exists; if absent, an existing folder is an error"""
    config: Path | None = None
    """YAML file of options; flags on the command line override it"""
    json: bool = False
    """print the results as one JSON object"""


@dataclass(frozen=True)
class _OnRun:
    """Options of every verb that reads a run folder."""

    run: Annotated[Path, Argument(positional=True, metavar="RUN")]
    """run folder of a training"""
    cell: str | None = None
    """FILE.py:Class of your own cell, if the run was trained with one; the file is executed"""
    json: bool = False
    """print the results as one JSON object"""


@dataclass(frozen=True)
class _OfFiles:
    """Options of every verb on a run that reads files, in place of those that the run keeps."""

    encoding: str | None = None
    """encoding of text files, such as cp1252; if absent, as in training"""
    separator: str | None = None
    """character between the cells of a table (or: comma, semicolon, tab, bar, space); if absent, as in
    training"""
    decimal: Literal[".", ","] | None = None
    """decimal mark of numbers; if absent, as in training"""
    missing: tuple[str, ...] = ()
    """cells that count as missing in columns of numbers, such as -999; if absent, as in training"""


@dataclass(frozen=True)
class Evaluate(_OnRun):
    """Measures a trained model on other files."""

    example: ClassVar[str] = "elman evaluate runs/language-model other.txt"

    data: Annotated[tuple[Path, ...], _File] = ()
    """what to measure the model on, in the forms that training reads; absent if the task draws its own
    sequences"""
    dynamic: bool = False
    """language models: also measure how well the model does if its weights adapt to the text as it reads it
    (dynamic evaluation), which takes as long as training on the text; the run is not changed"""
    language_model: Path | None = None
    """speech recognition: run folder of a language model that helps to write, as for transcribe"""
    word_list: Path | None = None
    """speech recognition: file of the only words that are written, as for transcribe"""
    language_weight: float | None = None
    """speech recognition: factor of the log-probabilities of --language-model, as for transcribe"""
    length_bonus: float | None = None
    """speech recognition: what each character or word adds with --language-model, as for transcribe"""


_OF_SOME_TASKS = {"dynamic": "language models"} | dict.fromkeys(
    ("language_model", "word_list", "language_weight", "length_bonus"), "speech recognition"
)
"""Options of ``Evaluate`` that few tasks take (their ``Config.evaluates_with``), and which, for messages."""


@dataclass(frozen=True)
class Show(_OnRun):
    """Shows a run's options, loss curve and results."""

    example: ClassVar[str] = "elman show runs/language-model"


@dataclass(frozen=True)
class Inspect(_OnRun):
    """Writes a page with pictures: how far a model looks back, its gates and its hidden states."""

    example: ClassVar[str] = "elman inspect runs/language-model"

    data: Annotated[tuple[Path, ...], _File] = ()
    """what the model reads for the report, in the forms that training reads; if absent, the run's own data"""
    out: Path | None = None
    """folder to write; if absent, RUN/inspect"""
    overwrite: bool = False
    """replace the report if it exists; if absent, an existing report is an error"""
    lags: int | None = None
    """most steps to look back; if absent, 200, or as many as the data have"""


@dataclass(frozen=True)
class Export(_OnRun):
    """Writes a model to files that other programs run without Elman: ONNX, or C.

    The files are run beside the model before they are kept, and the largest difference is printed.
    """

    example: ClassVar[str] = "elman export runs/language-model --to onnx"

    to: Literal["onnx", "c"] = "onnx"
    """what to write: onnx for model.onnx (whole sequences) and step.onnx (one step), c for a header that
    reads a step after another and allocates nothing; both keep options, vocabulary, scales and labels too"""
    out: Path | None = None
    """folder to write; if absent, RUN-onnx or RUN-c beside the run folder"""
    overwrite: bool = False
    """replace an earlier export; if absent, an existing folder is an error"""
    scan: bool = False
    """onnx: write the step in plain operations, and whole sequences as a loop of it, for cells that ONNX has
    no node of and runtimes that compute the nodes wrong; the loop runs slowly"""
    name: str | None = None
    """c: what all names of the header begin with, and the file's; if absent, the run folder's name"""
    weights: Literal["float32", "int8"] = "float32"
    """c: numbers of matrices; int8 takes a quarter of the space, and the loss on the run's own test part is
    printed before and after"""


@dataclass(frozen=True)
class Playground(_OnRun):
    """Writes a page, one file, in which the network types, guesses and shows its memory.

    It shows language models of characters whose layers are Elman, LSTM or GRU cells.
    """

    example: ClassVar[str] = "elman playground runs/language-model"

    out: Path | None = None
    """folder for index.html; if absent, RUN-playground beside the run folder"""
    title: str | None = None
    """title of the page; if absent, the run folder's name"""
    overwrite: bool = False
    """replace the page if it exists; if absent, an existing page is an error"""


@dataclass(frozen=True)
class Resume(_OnRun):
    """Continues an interrupted or killed run, to the same result as without the interruption."""

    example: ClassVar[str] = "elman resume runs/language-model"


@dataclass(frozen=True)
class _Cell:
    """Tells what a cell is made of, and whether its step becomes a kernel or runs in Python.

    Builds the kernel, if the cell has none by hand; ELMAN_COMPILE=never builds nothing.
    """

    example: ClassVar[str] = "elman cell my_cells.py:MyCell"

    name: Annotated[str, Argument(positional=True, metavar="CELL")]
    """name of a cell, or FILE.py:Class of your own; the file is executed"""
    hidden_size: int = 128
    """units for which the step is read"""
    text: bool = False
    """print the C++ of the step too"""
    json: bool = False
    """print the facts as one JSON object"""


_SHARED_FIRST = ("data", "out", "overwrite")
_OF_ALL = (
    ("model", ModelOptions),
    ("text", TextOptions),
    ("training", TrainingOptions),
    ("how files are written", FileOptions),
    ("how files are written", TableOptions),
)
_FIRST_OF_TRAINING = ("epochs", "max_minutes")


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns its exit status, see ``ended``."""
    return ended(lambda: _dispatch(sys.argv[1:] if arguments is None else arguments))


def _dispatch(arguments: list[str]) -> int:
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h", "help"):
        print(overview(_COMMANDS), end="")
        return 0
    if verb in ("--version", "-V", "version"):
        print(f"elman {__version__}")
        return 0
    if verb == "train":
        return _train(rest)
    if verb == "cell":
        return _cell(rest)
    if verb == "serve":
        return _serve(rest)
    by_name = {_name(command): (command, run) for command, run in _COMMANDS.items()}
    if verb in by_name:
        command, run = by_name[verb]
        return run(_parsed(command, rest))
    named = tasks_of_verb(verb)
    if named:
        return _use(task_options(_task_of_run(named, rest)).verb, rest)
    uses = {_name(use): use for use in verbs()}
    if verb in uses:
        return _use(uses[verb], rest)
    known = ["train", *by_name, *uses, "cell", "serve"]
    if verb.startswith("-"):
        raise InputError(f"flags come after the command. Got {verb!r} before it (see elman --help)")
    meant = f"train {verb}" if verb in task_names() else _nearest(verb, known)
    raise InputError(f"unknown command {verb!r}; known: {', '.join(known)}{_meant(meant)}")


def _task_of_run(named: list[str], arguments: list[str]) -> str:
    """Returns the one of some tasks with a verb of the same name that the run is of; else the first."""
    run = next((word for word in arguments if not word.startswith("-")), None)
    if len(named) > 1 and run is not None:
        with suppress(InputError):  # what is wrong with the run is said when it is loaded
            content = read_json(Path(run) / files.CONFIG)
            if isinstance(content, dict) and content.get("task") in named:
                return str(content["task"])
    return named[0]


def _nearest(word: str, known: Iterable[str]) -> str:
    """Returns the known word that is nearest to a mistyped one; "" if none is near."""
    import difflib  # only a mistake needs it

    return next(iter(difflib.get_close_matches(word.lower().replace("_", "-"), list(known), 1)), "")


def _meant(words: str) -> str:
    return f"; did you mean elman {words}?" if words else ""


def _name(command: type) -> str:
    return command.__name__.lower()


def _parsed(command: Any, arguments: list[str]) -> Any:
    """Returns the values of a verb's flags."""
    run, *shared = flags_of(_OnRun)
    if "data" in command.__annotations__:
        shared = [*flags_of(_OfFiles), *shared]
    own = [option for option in flags_of(command) if option.name not in _OnRun.__annotations__]
    flags = [run, *own, *shared]
    return parse(flags, arguments, f"elman {_name(command)}", summary(command, whole=True), command.example)


def _runs() -> Any:
    """Returns the module that opens run folders; it imports torch, so only verbs that need a run load it."""
    return load_module("elman.tasks.shared.run_folder")


def _loaded(options: Any) -> Any:
    """Returns the run of a verb, which reads files as the verb's options say."""
    names = (f.name for f in fields(_OfFiles))
    given = {name: value for name in names if (value := getattr(options, name, None))}
    return _runs().load(options.run, options.cell, **given)


def _train(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        print(overview(_COMMANDS), end="")
        return 0
    name, *rest = arguments
    if name not in task_names():
        if name.startswith("-"):
            raise InputError(f"the task comes first: elman train TASK. Got {name!r} before it")
        meant = _nearest(name, task_names())
        raise InputError(
            f"unknown task {name!r}; known: {', '.join(tasks())}{_meant(meant and f'train {meant}')}"
        )
    Config = task_options(name)
    file = _value("--config", rest)
    recipe = _from_yaml(Path(file).expanduser()) if file else {}
    default = from_json(Config, to_json(Config()) | recipe, file)
    about = summary(Config, whole=True)
    options = parse(flags_of_training(Config, default), rest, f"elman train {name}", about, Config.example)
    typed = {argument.partition("=")[0].replace("--no-", "--") for argument in rest}
    named = [f.name for f in fields(Config) if f.name in recipe or flag(f.name) in typed]
    task = find_task(name)(**{option: getattr(options, option) for option in named})
    out = options.out or Path("runs") / name
    task.train(list(options.data) or None, out, overwrite=options.overwrite, show_progress=True)
    return _finish(task, options.json)


def flags_of_training(Config: type[TaskConfig], default: TaskConfig) -> list[Flag]:
    """Returns all flags of a task's training: first what most people need, then the groups."""
    groups = {name: title for title, options in _OF_ALL for name in options.__annotations__}
    groups |= {name: title for title, names in Config.groups.items() for name in names}
    groups |= dict.fromkeys(_FIRST_OF_TRAINING, "")
    own = flags_of(Config, vars(default), {f.name: groups.get(f.name, "other") for f in fields(Config)})
    shared = {option.name: option for option in flags_of(_Train)}
    shared["data"] = replace(shared["data"], help=Config.reads)
    front = [shared.pop(name) for name in _SHARED_FIRST]
    first = [option for option in own if option.group == ""]
    first.sort(key=lambda option: option.name in _FIRST_OF_TRAINING)
    titles = dict.fromkeys(
        [
            "model",
            "training",
            *(title for title in Config.groups if title),
            "text",
            "how files are written",
            "other",
        ]
    )
    rest = [option for title in titles for option in own if option.group == title]
    return [*front, *first, *shared.values(), *rest]


def _value(flag: str, arguments: list[str]) -> str:
    """Returns the value of a flag (``--flag value`` or ``--flag=value``), or "" if it is absent."""
    result = ""
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, equals, value = argument.partition("=")
        result = (value if equals else following) if name == flag else result
    return result


def _from_yaml(path: Path) -> dict[str, Any]:
    """Reads options from a YAML file, by the names of the config's fields."""
    options = read_yaml(path)
    if not isinstance(options, dict):
        raise InputError(f"{path}: must hold one object of options. Got {type(options).__name__}.")
    return {str(key).replace("-", "_"): value for key, value in options.items()}


def _evaluate(options: Any) -> int:
    task = _loaded(options)
    if not options.data and not task.Config.makes_data:
        raise InputError("evaluate needs at least one file")
    names = [name for name in _OF_SOME_TASKS if getattr(options, name) not in (None, False)]
    for name in names:
        if name not in task.Config.evaluates_with:
            flag, tasks = f"--{name.replace('_', '-')}", _OF_SOME_TASKS[name]
            raise InputError(f"{flag} is for {tasks}. Got {options.run}, a run of {task.name}.")
    given = {name: getattr(options, name) for name in names}
    progress = {"show_progress": True} if options.dynamic else {}
    figures = task.evaluate(list(options.data), **given, **progress)
    if options.json:
        print_json(figures)
    else:
        width = max(map(len, figures))
        for name, value in figures.items():
            if value is None:
                shown = "too large to show"
            else:
                shown = format_number(value, 4) if isinstance(value, float) else f"{value:,}"
            print(f"{name.replace('_', ' '):<{width}}  {shown}")
    return 0


def _show(options: Any) -> int:
    task = _runs().open_run(options.run, to_run=False)
    if options.json:
        parts = {"config": to_json(task.config), "origin": to_json(task.origin), "results": task.results}
        print_json({"task": task.name, "parameters": task.parameters(), **parts})
        return 0
    for line in load_module("elman.cli.show").lines(task, options.run):
        print(line)
    return 0


def _cell(arguments: list[str]) -> int:
    about = summary(_Cell, whole=True)
    options = parse(flags_of(_Cell), arguments, "elman cell", about, _Cell.example)
    if options.hidden_size < 1:
        raise InputError(f"--hidden-size must be at least 1. Got {options.hidden_size}.")
    build = load_module("elman.compiler.engine").mode() != "never"
    module = load_module("elman.cli.cell")
    found = module.facts(options.name, options.hidden_size, build)
    if options.json:
        print_json(found)
    else:
        print("\n".join(module.lines(found, options.text)))
    return 0


def _serve(arguments: list[str]) -> int:
    module = load_module("elman.cli.serve")
    about = summary(module.Serve, whole=True)
    status: int = module.main(arguments, about, lambda folder, cell: _runs().load(folder, cell))
    return status


def _resume(options: Any) -> int:
    return _finish(_runs().resume(options.run, cell=options.cell, show_progress=True), options.json)


def _inspect(options: Any) -> int:
    out = options.run / files.INSPECT if options.out is None else options.out
    files.check_new_report(out, options.overwrite)  # before the model is loaded and run
    task = _loaded(options)
    page = load_module("elman.inspect.report")
    report = page.report(
        task, out, list(options.data) or None, lags=options.lags, overwrite=options.overwrite
    )
    print(page.summary_json(report, out) if options.json else "\n".join(page.summary_lines(report, out)))
    return 0


def _export(options: Any) -> int:
    beside = options.run.with_name(f"{options.run.resolve().name}-{options.to}")
    out = beside if options.out is None else options.out
    module = load_module("elman.exporters.export")
    files.check_new_export(out, options.overwrite)  # before the model is loaded
    named = options.run.resolve().name if options.to == "c" and options.name is None else options.name
    exported = module.export(
        _loaded(options),
        out,
        options.to,
        name=named,
        weights=options.weights,
        scan=options.scan,
        overwrite=options.overwrite,
    )
    if options.json:
        print_json(exported.summary())
    else:
        print("\n".join(exported.lines()))
    return 0


def _playground(options: Any) -> int:
    name = options.run.resolve().name
    out = options.run.with_name(f"{name}-playground") if options.out is None else options.out
    module = load_module("elman.playground.page")
    path = module.write(_loaded(options), out, options.title or name, overwrite=options.overwrite)
    size = path.stat().st_size
    if options.json:
        print_json({"page": str(path), "bytes": size})
    else:
        print(f"page  {path} ({size / 1e6:.1f} MB); open it in a browser")
    return 0


def _use(verb: type[Verb], arguments: list[str]) -> int:
    """Runs the verb of a task on a run folder."""
    options = _parsed(verb, arguments)
    request = verb(**{f.name: getattr(options, f.name) for f in fields(verb)})  # type: ignore[arg-type]
    task = _loaded(options)
    if task.verb is not verb:
        raise InputError(f"{options.run}: is a run of {task.name}; its verb is {_name(task.verb)}")
    if options.json:
        for each in request.objects(task):
            print_json(each)
            output.flush()
    else:
        for piece in request.text(task):
            print(piece, end="", flush=True)
    return 0


def _finish(task: Any, as_json: bool) -> int:
    """Prints the results of a training and the paths of its files."""
    if as_json:
        print_json({"run": str(task.folder), **task.results})
        return 0
    folder = task.folder
    assert folder is not None
    print(f"\n{task.report()}\n\nrun folder  {folder}")
    if (folder / files.CURVE).exists():  # without matplotlib there is none
        print(f"loss curve  {folder / files.CURVE}")
    cell = load_module("elman.cli.show").cell_again(task)
    print(f"next        elman {_name(task.verb)} {shlex.quote(str(folder))}{cell}")
    return 0


_COMMANDS: dict[type, Callable[[Any], int]] = {
    Evaluate: _evaluate,
    Show: _show,
    Inspect: _inspect,
    Resume: _resume,
    Export: _export,
    Playground: _playground,
}
