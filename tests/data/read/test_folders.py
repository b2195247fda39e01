"""Folders of data: hidden files and the runs of earlier trainings are no data."""

import json
import logging

import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.files import read_labelled
from elman.data.read.folders import files_below, holds_only_runs, is_run
from elman.data.series.panel import Columns as SeriesColumns
from elman.data.series.read import read_panel

CONFIG = {"format_version": 1, "elman": "0.1.0", "task": "classification", "config": {}, "facts": {}}


def run(folder):
    """A run folder with the files that look like data."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "history.jsonl").write_text('{"kind": "train", "step": 1}\n')
    (folder / "inspect").mkdir()
    (folder / "inspect" / "pictures.csv").write_text("a,b\n1,2\n")
    return folder


def test_run_folders_are_left_out_and_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    for name in ("b.txt", "a.txt", "more/c.txt", ".hidden/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    runs = [run(tmp_path / "more" / "runs" / name) for name in ("first", "second")]
    assert [str(file.relative_to(tmp_path)) for file in files_below(tmp_path)] == [
        "a.txt",
        "b.txt",
        "more/c.txt",
    ]
    (line,) = (record.message for record in caplog.records)
    assert line == f"{tmp_path}: 2 run folders left out: {runs[0]}, {runs[1]}"
    assert holds_only_runs(tmp_path / "more" / "runs")
    assert holds_only_runs(runs[0])
    assert not holds_only_runs(tmp_path / "more")
    assert not holds_only_runs(tmp_path / ".hidden")


@pytest.mark.parametrize("content", ["{", "[1]", '{"task": "x"}', "\x00"])
def test_a_folder_with_another_config_is_data(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    assert not is_run(tmp_path)
    assert files_below(tmp_path) == [tmp_path / "config.json"]


def test_a_folder_of_labels_that_holds_runs(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    for label in ("pos", "neg"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(f"a {label} text")
    run(tmp_path / "runs" / "classification")
    part = read_labelled(tmp_path, Columns())
    assert sorted(part.labels) == [("neg",), ("pos",)]
    assert f"{tmp_path}: left out: runs, which holds runs" in caplog.text


def test_a_folder_of_series_that_holds_runs(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    for name in ("a", "b"):
        rows = "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 9))
        (tmp_path / f"{name}.csv").write_text(f"day,n\n{rows}")
    run(tmp_path / "runs" / "forecasting")
    assert read_panel([tmp_path], SeriesColumns()).ids == ["a", "b"]
    assert "1 run folder left out" in caplog.text
