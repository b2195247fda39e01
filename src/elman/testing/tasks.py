"""What every task promises: its options, its run folder, its answers, and that they can be had again."""

import ast
import contextlib
import inspect
import io
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from elman.cli.main import main
from elman.cli.parse import flags_of
from elman.config import from_json, to_json
from elman.errors import InputError, Interrupted
from elman.inspect import look
from elman.layers import Recurrent
from elman.registry import find_task, task_names
from elman.tasks.shared.run_folder import load, resume
from elman.tasks.shared.task import FORMAT_VERSION, Task
from elman.testing.suite import Check, ensure, equal, named, refused, run_all, seeded
from elman.train.history import read_history
from elman.train.progress import Silent
from elman.version import __version__

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
        values = {name: folder / v if isinstance(v, Path) else v for name, v in self.verb.items()}
        return json.loads(json.dumps(task.verb(**values).json(task)))


def check_task(case: TaskCase) -> None:
    """Runs every check on a task.

    Args:
        case: the task, and a small run of it.

    Raises:
        AssertionError: the task breaks promises; the message names each, and what was measured.
    """
    run_all(TASK_CHECKS, case, case.cls.__name__)


def task_checks() -> list[tuple[str, Check[TaskCase]]]:
    """Name and check, for each promise: what ``pytest.mark.parametrize`` takes."""
    return named(TASK_CHECKS)


def registered_tasks() -> dict[str, type[Task]]:
    """The tasks in ``elman/tasks/`` by name, each in a folder of its own."""
    return {name: find_task(name) for name in task_names()}


@dataclass(frozen=True)
class _Run:
    task: Task
    folder: Path
    data: list[Path]
    other: list[Path]


_runs: weakref.WeakKeyDictionary[TaskCase, _Run] = weakref.WeakKeyDictionary()


def _run(case: TaskCase) -> _Run:
    """The case's run, trained once for all checks; its folder is deleted with the case."""
    if case not in _runs:
        folder = Path(tempfile.mkdtemp(prefix="elman-testing-"))
        weakref.finalize(case, shutil.rmtree, folder, ignore_errors=True)
        task = case.train(folder)
        _runs[case] = _Run(task, folder / "run", case.data(folder), case.other_data(folder))
    return _runs[case]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="elman-testing-") as name:
        yield Path(name)


# What it says of itself


@seeded
def check_every_option_and_flag_is_explained(case: TaskCase) -> None:
    """Every field of its options and of its verb has a text under it, and both classes a first sentence."""
    both: tuple[Any, ...] = (case.cls.Config, case.cls.Config.verb)
    for cls in both:
        missing = {f.name for f in fields(cls)} - _documented(cls)
        ensure(not missing, f"{cls.__name__}: no text under {', '.join(sorted(missing))}")
        first = (cls.__doc__ or "").strip().partition("\n")[0]
        ensure(first.endswith("."), f"{cls.__name__}'s docstring must begin with a sentence. Got {first!r}.")


def _documented(cls: type) -> set[str]:
    """The fields of a dataclass and of its bases that a string follows."""
    found = set()
    for each in filter(is_dataclass, cls.__mro__):
        (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(each))).body
        assert isinstance(body, ast.ClassDef)
        for line, following in zip(body.body, body.body[1:], strict=False):
            text = following.value if isinstance(following, ast.Expr) else None
            said = isinstance(text, ast.Constant) and str(text.value).strip()
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and said:
                found.add(line.target.id)
    return found


@seeded
def check_its_examples_work(case: TaskCase) -> None:
    """The commands that its help and its verb's show as examples work, on the case's files."""
    small = ["--epochs", "1", "--hidden-size", "8"]
    with _folder() as folder, contextlib.chdir(folder):
        case.write(folder)
        _command([*shlex.split(case.cls.Config.example)[1:], *small])
        said = _command(shlex.split(case.cls.Config.verb.example)[1:])
        ensure(said.strip(), f"{case.cls.Config.verb.example!r} prints nothing")


@seeded
def check_json_is_one_object(case: TaskCase) -> None:
    """With ``--json`` training, evaluating and the verb print one object; the options may be a file."""
    with _folder() as folder:
        case.write(folder)
        (folder / "options.yaml").write_text(json.dumps(to_json(case.cls(**case.options).config)))
        out = str(folder / "run")
        name = _run(case).task.name
        options = ["--config", str(folder / "options.yaml"), "--out", out]
        commands = [
            ["train", name, *map(str, case.data(folder)), *options],
            ["evaluate", out, *map(str, case.data(folder))],
            _verb_command(case, Path(out), folder),
        ]
        for command in commands:
            lines = _command([*command, "--json"]).splitlines()
            equal(len(lines), 1, f"the lines that {command[0]} --json prints")
            ensure(isinstance(json.loads(lines[0]), dict), f"{command[0]} --json must print an object")
        trained = weights(load(out).model)
        ensure(
            same_bits(trained, weights(_run(case).task.model)),
            "trained by command, it must have the weights of the same options in Python",
        )


def _verb_command(case: TaskCase, run: Path, folder: Path) -> list[str]:
    verb = case.cls.Config.verb
    flags = []
    for each in flags_of(verb):
        if each.name in case.verb:
            value = case.verb[each.name]
            text = str(folder / value if isinstance(value, Path) else value)
            flags.append(text if each.argument.positional else f"{each.spelling}={text}")
    return [verb.__name__.lower(), str(run), *flags]


def _command(arguments: list[str]) -> str:
    """What a command prints to standard output. AssertionError if it fails."""
    out, err = io.StringIO(), io.StringIO()
    # the command line shows warnings in its own way
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    ensure(status == 0, f"elman {shlex.join(arguments)} ends with status {status}: {err.getvalue().strip()}")
    return out.getvalue()


# The run folder


@seeded
def check_results_hold_the_test_figure_and_simple_methods(case: TaskCase) -> None:
    """The results have figures on the test part, at least two simple methods', and the report shows them."""
    run = _run(case)
    results = json.loads((run.folder / "results.json").read_text())
    equal(results, json.loads(json.dumps(run.task.results)), "results.json")
    equal(results["parameters"], sum(p.numel() for p in run.task.model.parameters()), "parameters")
    ensure(results["steps"] > 0, f"steps must be above 0. Got {results['steps']}.")
    ensure(results["test"], "results must have figures on the test part")
    ensure(
        len(results["baselines"]) >= 2, f"two simple methods are needed. Got {list(results['baselines'])}."
    )
    report = run.task.report()
    missing = [method for method in ["this model", *results["baselines"]] if method not in report]
    ensure(not missing, f"the report does not show {', '.join(missing)}")
    left = {path.name for path in run.folder.iterdir()}
    needed = {"config.json", "model.safetensors", "history.jsonl", "loss.png", "results.json"}
    ensure(needed <= left, f"the run folder must have {', '.join(sorted(needed - left))}")
    scratch = [name for name in left if "checkpoint" in name or name.startswith(".")]
    ensure(not scratch, f"a finished run leaves {', '.join(scratch)}")


@seeded
def check_the_configuration_comes_back(case: TaskCase) -> None:
    """``config.json`` has version, task and every option; what is loaded has the same options and facts."""
    run = _run(case)
    content = json.loads((run.folder / "config.json").read_text())
    head = (content["format_version"], content["task"], content["elman"])
    equal(head, (FORMAT_VERSION, run.task.name, __version__), "format_version, task and elman")
    equal(from_json(case.cls.Config, content["config"], "config.json"), run.task.config, "the options read")
    equal(content["config"], json.loads(json.dumps(to_json(run.task.config))), "the options written")
    loaded = load(run.folder)
    equal(loaded.config, run.task.config, "the options loaded")
    equal(loaded.facts, run.task.facts, "the facts loaded")
    equal(type(loaded), type(run.task), "the class loaded")


@seeded
def check_a_new_process_gives_the_same_answers(case: TaskCase) -> None:
    """A new process, given the run folder alone, gives the same answer and the same figures."""
    run = _run(case)
    home = run.folder.parent
    commands = [
        [*_verb_command(case, run.folder, home), "--json"],
        ["evaluate", str(run.folder), *map(str, run.data), "--json"],
    ]
    program = "import json, sys; from elman.cli import main; [main(c) for c in json.load(sys.stdin)]"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    ensure(len(lines) == 2, f"two lines must be printed. Got {ran.stdout!r} and {ran.stderr!r}.")
    answer, figures = map(json.loads, lines)
    _close(answer, case.answer(run.task, home), "the answer")
    _close(figures, run.task.evaluate(run.data), "the evaluation")


@seeded
def check_loaded_and_saved_again_it_answers_alike(case: TaskCase) -> None:
    """Loaded, and saved and loaded again, it has the same weights, answer, figures and results."""
    run = _run(case)
    home = run.folder.parent
    answer, figures = case.answer(run.task, home), run.task.evaluate(run.data)
    loaded = load(run.folder)
    with _folder() as folder:
        loaded.save(folder / "copy")
        for task in (loaded, load(folder / "copy")):
            ensure(same_bits(weights(task.model), weights(run.task.model)), "the weights must be the same")
            ensure(not task.model.training, "the model must be in evaluation mode")
            equal(case.answer(task, home), answer, "the answer")
            equal(task.evaluate(run.data), figures, "the figures")
            equal(task.results, json.loads(json.dumps(run.task.results)), "the results")


@seeded
def check_a_folder_in_use_is_refused_and_left_alone(case: TaskCase) -> None:
    """Training and saving refuse a folder in use and change nothing in it, even to overwrite other files."""
    run = _run(case)
    before = _contents(run.folder)
    task = case.cls(**case.options)
    rule = "exists; give another --out, or --overwrite to replace it"
    with refused(InputError, rule, "training into a folder in use"):
        task.train(run.data, run.folder)
    with refused(InputError, "exists", "saving into a folder in use"):
        run.task.save(run.folder)
    equal(_contents(run.folder), before, "the files of the folder in use")
    with _folder() as folder:
        (folder / "thesis.txt").write_text("years of work")
        with refused(InputError, "is no run folder", "overwriting a folder of other files by training"):
            task.train(run.data, folder, overwrite=True)
        with refused(InputError, "is no run folder", "overwriting a folder of other files by saving"):
            run.task.save(folder, overwrite=True)
        equal(_contents(folder), {"thesis.txt": b"years of work"}, "the other files")


@seeded
def check_overwriting_replaces_a_run_only_when_all_is_well(case: TaskCase) -> None:
    """Bad data or options leave the run that was to be overwritten as it was; good ones replace it."""
    with _folder() as folder:
        first = case.train(folder)
        first.save(folder / "copy")
        before = _contents(folder)
        data = case.data(folder)
        bad: list[tuple[dict[str, Any], list[Path]]] = [
            ({}, [folder / "missing"]),
            ({"cell": "lsmt"}, data),
            ({"hidden_size": 10**6}, data),
        ]
        if any(f.name == "split" for f in fields(case.cls.Config)):
            bad.append(({"split": (0.5, 0.5, 0.5)}, data))
        if not torch.cuda.is_available():
            bad.append(({"device": "cuda"}, data))
        for options, paths in bad:
            with refused(InputError, "", f"training with {options or 'a file that does not exist'}"):
                case.cls(**{**case.options, **options}).train(paths, folder / "run", overwrite=True)
            equal(_contents(folder), before, f"the files after training with {options}")
        seed = first.config.seed + 1
        other = case.cls(**{**case.options, "seed": seed}).train(data, folder / "run", overwrite=True)
        loaded = load(folder / "run")
        ensure(
            same_bits(weights(loaded.model), weights(other.model)), "the new weights must be in the folder"
        )
        ensure(not same_bits(weights(other.model), weights(first.model)), "another seed: other weights")
        equal(loaded.config.seed, seed, "the seed loaded")
        files = {Path(name).parts[0] for name in case.files}
        equal({path.name for path in folder.iterdir()}, {"run", "copy", *files}, "what the folder holds")


# Fitting and using


@seeded
def check_what_is_not_fitted_cannot_be_saved_or_used(case: TaskCase) -> None:
    """Before it is fitted a task refuses to be saved and evaluated; it refuses an option it does not have."""
    task = case.cls()
    with _folder() as folder:
        with refused(InputError, "is not fitted yet", "saving"):
            task.save(folder / "run")
        with refused(InputError, "is not fitted yet", "evaluating"):
            task.evaluate([folder])
        equal(list(folder.iterdir()), [], "what was written")
    with refused(InputError, "has no option 'hidden'", "an unknown option"):
        case.cls(hidden=3)


@seeded
def check_evaluation_on_another_file(case: TaskCase) -> None:
    """Another file's figures are numbers under the test part's names, a line each; none without the file."""
    run = _run(case)
    figures = load(run.folder).evaluate(run.other)
    bad = [name for name, value in figures.items() if not isinstance(value, int | float)]
    ensure(not bad, f"no numbers: {', '.join(bad)}")
    equal(set(figures), set(run.task.results["test"]), "the figures' names")
    lines = _command(["evaluate", str(run.folder), *map(str, run.other)]).splitlines()
    equal(len(lines), len(figures), "the lines printed")
    with refused(InputError, "missing", "a file that does not exist"):
        run.task.evaluate([run.folder / "missing.csv"])


@seeded
def check_it_can_be_looked_into(case: TaskCase) -> None:
    """``elman inspect`` sees gradients, spectra and states, on its own data and on another file."""
    run = _run(case)
    for data in (None, run.other):
        found = look(load(run.folder), data)
        ensure(found.verdict in VERDICTS, f"the verdict must be one of {VERDICTS}. Got {found.verdict!r}.")
        lags = len(found.flow.lags)
        ensure(3 <= lags <= len(found.inputs), f"3 to {len(found.inputs)} lags are needed. Got {lags}.")
        ensure(np.isfinite(found.inputs[:lags]).all(), "the inputs' gradients must be finite")
        layers = {len(found.flow.layers), len(found.spectra), len(found.hidden)}
        equal(len(layers), 1, "the numbers of layers in flow, spectra and hidden")
        texts = found.sample.texts
        if texts is not None:
            equal(len(texts), found.inputs.shape[1], "the rows of texts")
            ensure("".join(texts[0]).strip(), "the first text must not be empty")


# Honest and reproducible


@seeded
def check_nothing_that_is_fitted_sees_the_test_part(case: TaskCase) -> None:
    """With another test part weights, facts and history are the same, and only the test figures differ."""
    if case.other_test is None:
        return
    run = _run(case)
    first = next(iter(case.files))
    content = case.other_test(case.files[first], dict(case.options))
    with _folder() as folder:
        other = case.train(folder, first=content)
        different = (folder / first).read_bytes() != (run.folder.parent / first).read_bytes()
        ensure(different, "other_test must change the file")
        ensure(same_bits(weights(other.model), weights(run.task.model)), "the weights must not change")
        equal(other.facts, run.task.facts, "the facts")
        equal(_history(folder / "run"), _history(run.folder), "the history")
        for figures in ("test", "baselines"):
            ensure(other.results[figures] != run.task.results[figures], f"{figures} must change")


@seeded
def check_the_seed_decides_the_weights(case: TaskCase) -> None:
    """The same seed gives the same weights bit for bit, another one others, from the first step on."""
    run = _run(case)
    seed = run.task.config.seed
    with _folder() as folder:
        for each in (seed, seed + 1):
            torch.manual_seed(each + 100)  # whatever was drawn before does not matter
            same = same_bits(weights(case.train(folder, None, seed=each).model), weights(run.task.model))
            ensure(same is (each == seed), f"seed {each} beside {seed}: same weights is {same}")
        a, b = (
            weights(case.train(folder, None, seed=each, learning_rate=1e-30).model)
            for each in (seed, seed + 1)
        )
        recurrent = _recurrent_weights(run.task.model)
        equal_ones = [name for name in recurrent if torch.allclose(a[name], b[name])]
        ensure(not equal_ones, f"first weights that the seed does not decide: {', '.join(equal_ones)}")
        ensure(not list(folder.rglob("config.json")), "trained in memory, it must not write a run folder")


@seeded
def check_resumed_equals_uninterrupted(case: TaskCase) -> None:
    """Interrupted halfway and resumed, a run ends with the same weights, history and figures, bit for bit."""
    run = _run(case)
    halfway = max(1, run.task.results["steps"] // 2)
    with _folder() as folder:
        task = case.cls(**case.options)
        try:
            with patch("elman.train.progress.make_progress", lambda: _InterruptAt(halfway)):
                task.train(run.data, folder / "run", show_progress=True)
        except Interrupted:
            pass
        else:
            raise AssertionError(f"the run did not end when it was interrupted at step {halfway}")
        resumed = resume(folder / "run")
        ensure(same_bits(weights(resumed.model), weights(run.task.model)), "the weights must be the same")
        equal(_history(folder / "run"), _history(run.folder), "the history")
        equal(resumed.results | {"seconds": 0}, run.task.results | {"seconds": 0}, "the results")


class _InterruptAt(Silent):
    """Ctrl-C after that step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@seeded
def check_a_finished_run_cannot_be_resumed(case: TaskCase) -> None:
    """Resuming a finished run is refused, and changes nothing."""
    run = _run(case)
    before = _contents(run.folder)
    with refused(InputError, "is finished; there is nothing to resume", "resuming a finished run"):
        resume(run.folder)
    equal(_contents(run.folder), before, "the files of the run")


@seeded
def check_it_learns(case: TaskCase) -> None:
    """Trained for twenty times as long, without dropout, its training loss falls."""
    with _folder() as folder:
        epochs = 20 * case.cls(**case.options).config.epochs
        task = case.train(folder, None, **{"epochs": epochs, "dropout": 0.0, **case.to_learn})
        by_epoch: dict[int, list[float]] = {}
        for line in task.history:
            if line["kind"] == "train":
                by_epoch.setdefault(line["epoch"], []).append(line["loss"])
        first, last = (np.mean(by_epoch[epoch]) for epoch in (min(by_epoch), max(by_epoch)))
        ensure(last < first - 0.02 * abs(first), f"the training loss goes from {first:.4g} to {last:.4g}")


@seeded
def check_watched_it_trains_to_the_same_weights(case: TaskCase) -> None:
    """``watch_gradients`` records every layer's gradients in the history and changes no weight."""
    run = _run(case)
    with _folder() as folder:
        watched = case.train(folder, watch_gradients=2)
        lines = read_history(folder / "run" / "history.jsonl")
    ensure(same_bits(weights(watched.model), weights(run.task.model)), "the weights must not change")
    looks = [line for line in lines if line["kind"] == "gradients"]
    equal([line["step"] for line in looks], list(range(0, watched.results["steps"], 2)), "the steps recorded")
    layers = sum(
        module.num_layers * (2 if module.bidirectional else 1)
        for module in watched.model.modules()
        if isinstance(module, Recurrent)
    )
    for line in looks:
        equal(len(line["layers"]), layers, "the layers recorded")
        for layer in line["layers"]:
            norms = [norm for norm in layer["norms"] if norm is not None]
            ensure(layer["norms"][0] is not None and max(norms) > 0, f"norms must be known. Got {norms}.")
            ensure(layer["verdict"] in VERDICTS, f"the verdict must be one of {VERDICTS}. Got {layer}.")


TASK_CHECKS: tuple[Check[TaskCase], ...] = (
    check_every_option_and_flag_is_explained,
    check_its_examples_work,
    check_json_is_one_object,
    check_results_hold_the_test_figure_and_simple_methods,
    check_the_configuration_comes_back,
    check_a_new_process_gives_the_same_answers,
    check_loaded_and_saved_again_it_answers_alike,
    check_a_folder_in_use_is_refused_and_left_alone,
    check_overwriting_replaces_a_run_only_when_all_is_well,
    check_what_is_not_fitted_cannot_be_saved_or_used,
    check_evaluation_on_another_file,
    check_it_can_be_looked_into,
    check_nothing_that_is_fitted_sees_the_test_part,
    check_the_seed_decides_the_weights,
    check_resumed_equals_uninterrupted,
    check_a_finished_run_cannot_be_resumed,
    check_it_learns,
    check_watched_it_trains_to_the_same_weights,
)


# What is compared


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's weights."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def same_bits(received: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether both have the same tensors, bit for bit."""
    same_names = received.keys() == expected.keys()
    return same_names and all(torch.equal(received[name], expected[name]) for name in expected)


def _recurrent_weights(model: nn.Module) -> list[str]:
    """Names of the first recurrent layers' weights that the cell says multiply input or state."""
    return [
        f"{name}.{weight}_l0" if name else f"{weight}_l0"
        for name, module in model.named_modules()
        if isinstance(module, Recurrent)
        for weight in (*module.cell.input_weights, *module.cell.recurrent_weights)
    ]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _history(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's history, but for how long they took."""
    lines = read_history(folder / "history.jsonl")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def _close(received: Any, expected: Any, what: str) -> None:
    """Raises AssertionError unless both are the same but for the last digits of numbers."""
    if isinstance(expected, dict):
        equal(received.keys(), expected.keys(), f"the names of {what}")
        for key, value in expected.items():
            _close(received[key], value, f"{what}, {key}")
    elif isinstance(expected, list):
        equal(len(received), len(expected), f"the length of {what}")
        for number, pair in enumerate(zip(received, expected, strict=True)):
            _close(*pair, f"{what}, {number}")
    elif isinstance(expected, float):
        close = math.isclose(received, expected, rel_tol=1e-5, abs_tol=1e-6)
        ensure(close or received == expected, f"{what} must be {expected}. Got {received}.")
    else:
        equal(received, expected, what)
