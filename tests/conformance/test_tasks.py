"""What every task promises, measured; a new file in ``tasks/`` without a case here fails."""

import ast
import contextlib
import inspect
import io
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from task_cases import CASES, put
from tiny import same_bits, timeless, weights

import elman
from elman import registry
from elman.cli import main
from elman.config import from_json, to_json
from elman.errors import InputError
from elman.inspect import look
from elman.layers import Recurrent
from elman.tasks.language_model import answers as language_model
from elman.tasks.shared.task import Task
from elman.train.history import read_history

NAMES = registry.names("tasks")
each_task = pytest.mark.parametrize("name", NAMES)


def find(name: str) -> type[Task]:
    return registry.find("tasks", name, Task)


def train(name: str, folder: Path, out: str | None = "run", content: Any = None, **options: Any) -> Task:
    """Trains in ``folder``, which gets the data, the first file with another content where one is given."""
    case = CASES[name]
    case.write(folder)
    if content is not None:
        put(folder / next(iter(case.files)), content)
    data = [folder / path for path in case.trained_on]
    return find(name)(**case.options | options).train(data, None if out is None else folder / out)


def answer(task: Task, name: str) -> Any:
    """What the task's verb answers, as JSON gives it back."""
    return json.loads(json.dumps(task.verb(**CASES[name].verb).json(task)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass
class Run:
    task: Task
    folder: Path
    data: list[Path]
    """What it was trained on."""
    other: list[Path] = field(default_factory=list)
    """What else it may be evaluated on."""


@pytest.fixture(scope="module", autouse=True)
def short_sample() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_model, "_SAMPLE", 50)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, short_sample: None) -> dict[str, Run]:
    """Each task trained once, from files."""
    found = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        case = CASES[name]
        data, other = ([folder / path for path in paths] for paths in (case.trained_on, case.evaluated_on))
        found[name] = Run(train(name, folder), folder / "run", data, other)
    return found


@pytest.fixture
def run(runs: dict[str, Run], name: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(runs[name].folder.parent)
    return runs[name]


def test_every_task_has_a_case():
    assert set(CASES) == set(NAMES)


# What it says of itself


def documented(cls: type) -> set[str]:
    """The fields of a class and of its bases that a string follows."""
    found = set()
    for each in cls.__mro__[:-1]:
        if not each.__module__.startswith("elman"):
            continue
        (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(each))).body
        for line, following in zip(body.body, body.body[1:], strict=False):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if isinstance(line, ast.AnnAssign) and is_text and following.value.value.strip():
                found.add(line.target.id)
    return found


@each_task
def test_every_option_and_flag_is_explained(name):
    for cls in (find(name).Config, find(name).verb):
        assert {field.name for field in fields(cls)} - documented(cls) == set()
        assert cls.__doc__.strip().splitlines()[0].endswith(".")


@each_task
def test_its_examples_work(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    CASES[name].write(tmp_path)
    small = ["--epochs", "1", "--hidden-size", "8"]
    assert main([*shlex.split(find(name).example)[1:], *small]) == 0
    capsys.readouterr()
    assert main(shlex.split(find(name).verb.example)[1:]) == 0
    assert capsys.readouterr().out.strip()


# The run


@each_task
def test_results_hold_the_test_figure_and_simple_methods(run):
    results = json.loads((run.folder / "results.json").read_text())
    assert results == json.loads(json.dumps(run.task.results))
    assert results["parameters"] == sum(p.numel() for p in run.task.model.parameters())
    assert results["steps"] > 0
    assert results["test"]
    assert len(results["baselines"]) >= 2
    report = run.task.report()
    assert all(method in report for method in ["this model", *results["baselines"]])
    left = sorted(path.name for path in run.folder.iterdir())
    assert set(left) >= {"config.json", "model.safetensors", "history.jsonl", "loss.png", "results.json"}
    assert not [path for path in left if "checkpoint" in path or path.startswith(".")]


@each_task
def test_the_configuration_comes_back(run, name):
    content = json.loads((run.folder / "config.json").read_text())
    assert (content["format_version"], content["task"], content["elman"]) == (1, name, elman.__version__)
    assert from_json(find(name).Config, content["config"], "config.json") == run.task.config
    assert content["config"] == json.loads(json.dumps(to_json(run.task.config)))
    loaded = elman.load(run.folder)
    assert loaded.config == run.task.config
    assert loaded.facts == run.task.facts
    assert type(loaded) is type(run.task)


@pytest.fixture(scope="module")
def elsewhere(runs: dict[str, Run]) -> dict[str, list[Any]]:
    """What a new process answers, given the run folder alone: the verb's answer, and an evaluation."""
    commands = []
    for name, run in runs.items():
        flags = [
            str(run.folder.parent / value) if key == "data" else f"--{key}={value}"
            for key, value in CASES[name].verb.items()
        ]
        commands.append([run.task.verb.__name__.lower(), str(run.folder), *flags, "--json"])
        commands.append(["evaluate", str(run.folder), *map(str, run.data), "--json"])
    program = "import json, sys; from elman.cli import main; [main(c) for c in json.load(sys.stdin)]"
    lines = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(lines) == len(commands)
    return {name: [json.loads(line) for line in lines[2 * k : 2 * k + 2]] for k, name in enumerate(runs)}


def close(found: Any, wanted: Any) -> bool:
    """The same, but for the last digits of numbers."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    return found == (pytest.approx(wanted, rel=1e-5, abs=1e-6) if isinstance(wanted, float) else wanted)


@each_task
def test_a_new_process_gives_the_same_answers(run, elsewhere, name):
    said, figures = elsewhere[name]
    assert close(said, answer(run.task, name))
    assert close(figures, run.task.evaluate(run.data))


@each_task
def test_loaded_and_saved_and_loaded_again_it_answers_alike(run, name, tmp_path):
    wanted, figures = answer(run.task, name), run.task.evaluate(run.data)
    loaded = elman.load(run.folder)
    loaded.save(tmp_path / "copy")
    for task in (loaded, elman.load(tmp_path / "copy")):
        assert same_bits(weights(task.model), weights(run.task.model))
        assert not task.model.training
        assert answer(task, name) == wanted
        assert task.evaluate(run.data) == figures
        assert task.results == json.loads(json.dumps(run.task.results))


@each_task
def test_it_can_be_looked_into_with_its_own_data_and_with_other(run, name):
    for data in (None, run.other):
        found = look(elman.load(run.folder), data)
        assert found.verdict in ("vanishing", "healthy", "exploding")
        assert 3 <= len(found.flow.lags) <= len(found.inputs)
        assert np.isfinite(found.inputs[: len(found.flow.lags)]).all()
        assert len(found.flow.layers) == len(found.spectra) == len(found.hidden)
        texts = found.sample.texts
        if texts is not None:
            assert len(texts) == found.inputs.shape[1]
            assert "".join(texts[0]).strip()


@each_task
def test_what_is_not_fitted_cannot_be_saved_or_used(name, tmp_path):
    task = find(name)()
    for use in (lambda: task.save(tmp_path / "run"), lambda: task.evaluate([tmp_path])):
        with pytest.raises(InputError, match="is not fitted yet"):
            use()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="has no option 'hidden'"):
        find(name)(hidden=3)


@each_task
def test_a_finished_run_cannot_be_resumed(run):
    before = contents(run.folder)
    with pytest.raises(InputError, match="is finished; there is nothing to resume"):
        elman.resume(run.folder)
    assert contents(run.folder) == before


# Folders


@each_task
def test_a_folder_in_use_is_refused_and_left_alone(run, name, tmp_path):
    before = contents(run.folder)
    task = find(name)(**CASES[name].options)
    with pytest.raises(InputError, match="exists; give another --out, or --overwrite to replace it"):
        task.train(run.data, run.folder)
    with pytest.raises(InputError, match="exists"):
        run.task.save(run.folder)
    assert contents(run.folder) == before
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is no run folder"):
        task.train(run.data, tmp_path, overwrite=True)
    with pytest.raises(InputError, match="is no run folder"):
        run.task.save(tmp_path, overwrite=True)
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}


@each_task
def test_overwriting_replaces_a_run_only_when_all_is_well(name, tmp_path):
    first = train(name, tmp_path)
    first.save(tmp_path / "copy")
    before = contents(tmp_path)
    bad = [
        ({}, [tmp_path / "missing"]),
        ({"cell": "lsmt"}, data := [tmp_path / path for path in CASES[name].trained_on]),
        ({"hidden_size": 10**6}, data),
        ({"split": (0.5, 0.5, 0.5)}, data),
    ]
    if not torch.cuda.is_available():
        bad.append(({"device": "cuda"}, data))
    for options, paths in bad:
        with pytest.raises(InputError):
            find(name)(**CASES[name].options | options).train(paths, tmp_path / "run", overwrite=True)
        assert contents(tmp_path) == before
    other = find(name)(**CASES[name].options | {"seed": 4}).train(data, tmp_path / "run", overwrite=True)
    assert same_bits(weights(elman.load(tmp_path / "run").model), weights(other.model))
    assert not same_bits(weights(other.model), weights(first.model))
    assert elman.load(tmp_path / "run").config.seed == 4
    files = {Path(file).parts[0] for file in CASES[name].files}
    assert {path.name for path in tmp_path.iterdir()} == {"run", "copy", *files}


# Honest and reproducible


@pytest.mark.parametrize("name", [name for name in NAMES if CASES[name].with_other_test])
def test_nothing_that_is_fitted_sees_the_test_part(run, name, tmp_path):
    case = CASES[name]
    content = case.with_other_test(next(iter(case.files.values())), case.options)
    other = train(name, tmp_path, content=content)
    first = next(iter(case.files))
    assert (tmp_path / first).read_bytes() != (run.folder.parent / first).read_bytes()
    assert same_bits(weights(other.model), weights(run.task.model))
    assert other.facts == run.task.facts
    assert timeless(tmp_path / "run")["history"] == timeless(run.folder)["history"]
    assert other.results["test"] != run.task.results["test"]
    assert other.results["baselines"] != run.task.results["baselines"]


@each_task
def test_the_seed_decides_the_weights(run, name, tmp_path):
    for seed, same in ((3, True), (4, False)):
        torch.manual_seed(seed + 100)  # whatever was drawn before does not matter
        task = train(name, tmp_path, out=None, seed=seed)
        assert same_bits(weights(task.model), weights(run.task.model)) is same
    # and so the first ones too
    a, b = (weights(train(name, tmp_path, out=None, seed=seed, learning_rate=1e-30).model) for seed in (3, 4))
    assert not any(torch.allclose(a[key], b[key]) for key in a if key.endswith("weight_hh_l0"))
    assert not list(tmp_path.rglob("config.json"))


@each_task
def test_watched_it_trains_to_the_same_weights(run, name, tmp_path):
    watched = train(name, tmp_path, watch_gradients=2)
    assert same_bits(weights(watched.model), weights(run.task.model))
    lines = read_history(tmp_path / "run" / "history.jsonl")
    looks = [line for line in lines if line["kind"] == "gradients"]
    assert [line["step"] for line in looks] == list(range(0, watched.results["steps"], 2))
    layers = sum(
        module.num_layers * (2 if module.bidirectional else 1)
        for module in watched.model.modules()
        if isinstance(module, Recurrent)
    )
    for line in looks:
        assert len(line["layers"]) == layers
        for layer in line["layers"]:
            assert layer["norms"][0] is not None
            assert max(norm for norm in layer["norms"] if norm is not None) > 0
            assert layer["verdict"] in ("vanishing", "healthy", "exploding")


@each_task
def test_evaluation_on_another_file(run, name, tmp_path):
    figures = elman.load(run.folder).evaluate(run.other)
    assert all(isinstance(value, int | float) for value in figures.values())
    assert set(figures) == set(run.task.results["test"])
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["evaluate", str(run.folder), *map(str, run.other)]) == 0
    assert len(out.getvalue().splitlines()) == len(figures)
    with pytest.raises(InputError, match="missing"):
        run.task.evaluate([tmp_path / "missing.csv"])
