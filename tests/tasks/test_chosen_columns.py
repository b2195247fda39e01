"""Columns of numbers that are chosen or left out, where whole sequences are classified or measured."""

import numpy as np
import pytest
from tiny import SMALL

from elman.cli import main


def table(columns: str, extra: str, sequences: int = 24) -> str:
    """Sequences of three steps, of two kinds, with columns that are no features."""
    rng = np.random.default_rng(0)
    rows = [columns]
    for k in range(sequences):
        for step in range(3):
            a, b = rng.normal(k % 2, 1, 2).round(3)
            rows.append(f"s{k},{step},{a},{b},{extra},{k % 2}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("task", "verb", "target"), [("classification", "classify", "label"), ("regression", "predict", "y")]
)
def test_columns_are_chosen_named_and_kept_with_the_run(tmp_path, monkeypatch, capsys, task, verb, target):
    monkeypatch.chdir(tmp_path)
    file = f"{task}.csv"  # a line is printed once in a process
    header = f"unique_id,ds,a,b,room,note,{target}"
    (tmp_path / file).write_text(table(header, "7,warm"))
    small = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    train = ["train", task, file, "--out", "run", "--overwrite", *small]
    assert main(train) == 2
    assert "column 'note': must be a finite number. Got 'warm'. --ignore-columns" in capsys.readouterr().err
    assert main([*train, "--ignore-columns", "note"]) == 0
    assert f"{file}: reads a, b, room; constant in the training part: room\n" in capsys.readouterr().err
    assert main([*train, "--columns", "b,a"]) == 0
    assert f"{file}: reads b, a\n" in capsys.readouterr().err
    # the columns of the run are found by name, with others beside them or not
    assert main([verb, "run", file]) == 0
    all_columns = capsys.readouterr().out
    (tmp_path / "few.csv").write_text(
        "\n".join(
            ",".join(row.split(",")[k] for k in (0, 1, 2, 3))
            for row in (tmp_path / file).read_text().splitlines()
        )
    )
    assert main([verb, "run", "few.csv"]) == 0
    assert capsys.readouterr().out == all_columns
    assert main([*train, "--columns", "a,c"]) == 2
    assert f"{file}: has no column 'c'. Its columns: unique_id, ds, a, b, room" in capsys.readouterr().err
    assert main([*train, "--columns", "a,ds"]) == 2
    assert "column 'ds' must not be" in capsys.readouterr().err


def test_what_has_no_columns_of_numbers_refuses_a_choice(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 9)
    np.savez("a.npz", x=np.zeros((9, 3, 2)), y=np.arange(9) % 2)
    for task, file in (("classification", "t.csv"), ("classification", "a.npz"), ("regression", "a.npz")):
        assert main(["train", task, file, "--out", "run", "--ignore-columns", "label2"]) == 2
        error = capsys.readouterr().err
        assert f"{file}: --columns and --ignore-columns are for tables of numbers" in error


@pytest.mark.parametrize("task", ["classification", "regression", "anomaly-detection"])
def test_a_column_of_times_that_is_named_must_be_there(tmp_path, monkeypatch, capsys, task):
    monkeypatch.chdir(tmp_path)
    target = "y" if task == "regression" else "label"
    (tmp_path / "rows.csv").write_text(table(f"unique_id,hour,a,b,room,{target}", "7"))
    assert main(["train", task, "rows.csv", "--out", "run", "--time-column", "horu"]) == 2
    said = capsys.readouterr().err
    assert said == f"elman: rows.csv: has no column 'horu'; columns: unique_id, hour, a, b, room, {target}\n"
    assert not (tmp_path / "run").exists()
