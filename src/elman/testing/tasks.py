"""What every task promises: its options, its run folder, its answers, and that they can be had again."""

import ast
import contextlib
import inspect
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elman.config import from_json, to_json
from elman.errors import InputError
from elman.inspect import look
from elman.registry import find_task, task_names
from elman.tasks.shared.run_folder import load
from elman.tasks.shared.task import FORMAT_VERSION, Task
from elman.testing.suite import Check, ensure, equal, named, refused, run_all, seeded
from elman.testing.task_case import (
    VERDICTS,
    TaskCase,
    command,
    contents,
    ensure_close,
    folder_for_now,
    run_of,
    same_bits,
    verb_command,
    weights,
)
from elman.testing.training import TRAINING_CHECKS
from elman.version import __version__


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
    typed, small = shlex.split(case.cls.Config.example)[1:], {"--epochs": "1", "--hidden-size": "8"}
    for option in small.keys() & {*typed}:  # an option stands once
        at = typed.index(option)
        del typed[at : at + 2]
    with folder_for_now() as folder, contextlib.chdir(folder):
        case.write(folder)
        command([*typed, *(word for pair in small.items() for word in pair)])
        said = command(shlex.split(case.cls.Config.verb.example)[1:])
        ensure(said.strip(), f"{case.cls.Config.verb.example!r} prints nothing")


@seeded
def check_json_is_one_object(case: TaskCase) -> None:
    """With ``--json`` training, evaluating and the verb print one object; the options may be a file."""
    with folder_for_now() as folder:
        case.write(folder)
        (folder / "options.yaml").write_text(json.dumps(to_json(case.cls(**case.options).config)))
        out = str(folder / "run")
        name = run_of(case).task.name
        options = ["--config", str(folder / "options.yaml"), "--out", out]
        commands = [
            ["train", name, *map(str, case.data(folder)), *options],
            ["evaluate", out, *map(str, case.data(folder))],
            verb_command(case, Path(out), folder),
        ]
        for each in commands:
            lines = command([*each, "--json"]).splitlines()
            equal(len(lines), 1, f"the lines that {each[0]} --json prints")
            ensure(isinstance(json.loads(lines[0]), dict), f"{each[0]} --json must print an object")
        trained = weights(load(out).model)
        ensure(
            same_bits(trained, weights(run_of(case).task.model)),
            "trained by command, it must have the weights of the same options in Python",
        )


# The run folder


@seeded
def check_results_hold_the_test_figure_and_simple_methods(case: TaskCase) -> None:
    """The results have figures on the test part, at least two simple methods', and the report shows them."""
    run = run_of(case)
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
    run = run_of(case)
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
    run = run_of(case)
    home = run.folder.parent
    commands = [
        [*verb_command(case, run.folder, home), "--json"],
        ["evaluate", str(run.folder), *map(str, run.data), "--json"],
    ]
    ran = in_new_process(commands)
    lines = ran.stdout.splitlines()
    ensure(len(lines) == 2, f"two lines must be printed. Got {ran.stdout!r} and {ran.stderr!r}.")
    answer, figures = map(json.loads, lines)
    ensure_close(answer, case.answer(run.task, home), "the answer")
    ensure_close(figures, run.task.evaluate(run.data), "the evaluation")


def in_new_process(commands: list[list[str]]) -> subprocess.CompletedProcess[str]:
    """Runs commands one after another in one new process."""
    program = "import json, sys; from elman.cli import main; [main(c) for c in json.load(sys.stdin)]"
    return subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )


@seeded
def check_loaded_and_saved_again_it_answers_alike(case: TaskCase) -> None:
    """Loaded, and saved and loaded again, it has the same weights, answer, figures and results."""
    run = run_of(case)
    home = run.folder.parent
    answer, figures = case.answer(run.task, home), run.task.evaluate(run.data)
    loaded = load(run.folder)
    with folder_for_now() as folder:
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
    run = run_of(case)
    before = contents(run.folder)
    task = case.cls(**case.options)
    rule = "already exists; choose another (--)?out, or replace it with (--)?overwrite"
    with refused(InputError, rule, "training into a folder in use"):
        task.train(run.data, run.folder)
    with refused(InputError, "exists", "saving into a folder in use"):
        run.task.save(run.folder)
    equal(contents(run.folder), before, "the files of the folder in use")
    with folder_for_now() as folder:
        (folder / "thesis.txt").write_text("years of work")
        with refused(InputError, "not a run folder", "overwriting a folder of other files by training"):
            task.train(run.data, folder, overwrite=True)
        with refused(InputError, "not a run folder", "overwriting a folder of other files by saving"):
            run.task.save(folder, overwrite=True)
        equal(contents(folder), {"thesis.txt": b"years of work"}, "the other files")


@seeded
def check_overwriting_replaces_a_run_only_when_all_is_well(case: TaskCase) -> None:
    """Bad data or options leave the run that was to be overwritten as it was; good ones replace it."""
    first = run_of(case).task
    with folder_for_now() as folder:
        shutil.copytree(run_of(case).folder.parent, folder, dirs_exist_ok=True)
        first.save(folder / "copy")
        before = contents(folder)
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
            equal(contents(folder), before, f"the files after training with {options}")
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
    with folder_for_now() as folder:
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
    run = run_of(case)
    figures = load(run.folder).evaluate(run.other)
    bad = [name for name, value in figures.items() if not isinstance(value, int | float)]
    ensure(not bad, f"no numbers: {', '.join(bad)}")
    equal(set(figures), set(run.task.results["test"]), "the figures' names")
    lines = command(["evaluate", str(run.folder), *map(str, run.other)]).splitlines()
    equal(len(lines), len(figures), "the lines printed")
    with refused(InputError, "missing", "a file that does not exist"):
        run.task.evaluate([run.folder / "missing.csv"])


@seeded
def check_it_can_be_looked_into(case: TaskCase) -> None:
    """``elman inspect`` sees gradients, spectra and states, on its own data and on another file."""
    run = run_of(case)
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
    *TRAINING_CHECKS,
)
