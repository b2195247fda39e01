"""The forecaster's run folder, its verb, and runs that go on."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tiny import interrupt_at, sales, same_bits, weights
from tiny_forecaster import OPTIONS

import elman
from elman.cli import main
from elman.errors import InputError, Interrupted
from elman.tasks.forecasting.task import Forecaster


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with covariates of each kind, by command."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "sales.csv").write_text(sales())
    flags = (
        "--horizon 3 --model es-rnn --known-future price --past weather --static shop --epochs 1 --width 4"
    )
    small = "--hidden-size 6 --windows-per-epoch 8 --batch-size 4"
    assert (
        main(
            [
                "train",
                "forecasting",
                str(folder / "sales.csv"),
                "--out",
                str(folder / "run"),
                *flags.split(),
                *small.split(),
            ]
        )
        == 0
    )
    return folder / "run"


def test_a_picture_of_another_kind_is_refused(run, tmp_path, capsys):
    assert main(["forecast", str(run), "--plot", str(tmp_path / "fan.txt")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("elman: --plot must be a file ending in .png, .svg, .pdf")
    assert not list(tmp_path.iterdir())
    assert main(["forecast", str(run), "--plot", str(tmp_path / "none" / "fan.png")]) == 2
    said = capsys.readouterr()
    assert "--plot must be a file in a folder that exists. Got" in said.err
    assert not said.out


def test_the_command_prints_a_table_and_draws_a_picture(run, tmp_path, capsys):
    assert main(["forecast", str(run), "--levels", "80", "--plot", str(tmp_path / "fan.png")]) == 0
    table = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert table.columns == ["unique_id", "ds", "elman", "elman-lo-80", "elman-hi-80"]
    assert len(table) == 5 * 3
    assert all(float(f"{value:.6g}") == value for name in table.columns[2:] for value in table[name])
    assert (tmp_path / "fan.png").stat().st_size > 10_000
    assert (run / "forecasts.png").stat().st_size > 10_000
    assert main(["forecast", str(run), str(run.parent / "sales.csv"), "--levels", "80", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(pl.DataFrame(table).to_dict(as_series=False))) or found[
        "elman"
    ] == pytest.approx(table["elman"].to_list(), rel=1e-5)


def test_a_run_can_be_evaluated_on_the_series_it_was_trained_on(run, capsys):
    figures = elman.load(run).evaluate(run.parent / "sales.csv")
    wanted = json.loads((run / "results.json").read_text())["test"]
    assert figures == pytest.approx(wanted)


def test_a_bad_table_writes_nothing(run, tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-01,2\n")
    assert main(["train", "forecasting", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.strip() == (
        f"elman: {tmp_path / 'bad.csv'}: row 3: unique_id 'a' has ds 2024-01-01 twice"
    )
    assert main(["forecast", str(run), str(tmp_path / "none.csv")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def edited(folder: Path, **facts: Any) -> None:
    content = json.loads((folder / "config.json").read_text())
    content["facts"] |= facts
    (folder / "config.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "facts",
    [
        {"frequency": "moon"},
        {"frequency": 3},
        {"frequency": "W"},
        {"integers": 0},
        {"integers": True},
        {"horizon": 0},
        {"horizon": 10**9},
        {"horizon": 1.5},
        {"mase_season": None},
        {"context": "9"},
        {"seasons": []},
        {"seasons": [0]},
        {"seasons": [10**9]},
        {"seasons": 12},
        {"series": "s0"},
        {"series": [1]},
        {"covariates": None},
        {"covariates": {"known": [], "past": [], "static": [], "calendar": True}},
    ],
    ids=str,
)
def test_a_folder_with_other_facts_is_refused(run, tmp_path, facts):
    shutil.copytree(run, tmp_path / "run")
    edited(tmp_path / "run", **facts)
    with pytest.raises(InputError) as error:
        elman.load(tmp_path / "run")
    assert str(error.value).startswith(str(tmp_path / "run"))
    assert "\n" not in str(error.value)


def test_facts_of_early_runs_without_test_windows_have_those_of_the_options(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    del content["facts"]["test_windows"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(content))
    assert elman.load(tmp_path / "run").facts == elman.load(run).facts


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "link", "other"])
def test_a_folder_with_damaged_series_is_refused(run, tmp_path, damage):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "series.npz"
    content = path.read_bytes()
    path.unlink()
    if damage == "empty":
        path.touch()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "link":
        path.symlink_to(run / "series.npz")
    elif damage == "other":
        with path.open("wb") as file:
            np.savez(file, x=np.zeros(3))
    with pytest.raises(InputError, match=r"series.npz: "):
        elman.load(tmp_path / "run")


def test_resuming_gives_the_weights_of_a_run_that_was_not_stopped(tmp_path, monkeypatch):
    (tmp_path / "sales.csv").write_text(sales(future=0))
    whole = Forecaster(**OPTIONS).train(tmp_path / "sales.csv", tmp_path / "whole")
    monkeypatch.setattr("elman.train.progress.Silent", lambda: interrupt_at(3))
    with pytest.raises(Interrupted):
        Forecaster(**OPTIONS).train(tmp_path / "sales.csv", tmp_path / "stopped")
    monkeypatch.undo()
    resumed = elman.resume(tmp_path / "stopped")
    assert same_bits(weights(resumed.model), weights(whole.model))
    assert resumed.results["test"] == whole.results["test"]
