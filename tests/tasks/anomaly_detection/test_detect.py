"""The verb of the detector, on files and on lines as they come."""

import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny import rhythm, rhythm_values
from tiny_detector import lines, trained

from elman.cli import main
from elman.errors import InputError
from elman.tasks.anomaly_detection.options import Detect
from elman.tasks.anomaly_detection.task import AnomalyDetector


def test_ranges_and_rows_are_printed_and_given_as_an_object(tmp_path):
    task = trained(tmp_path, epochs=4, learning_rate=0.02)
    values = rhythm_values(200)
    values[170:175, 0] += 6
    (tmp_path / "odd.csv").write_text(rhythm(200, values=values))
    found = Detect(data=tmp_path / "odd.csv", plot=tmp_path / "odd.svg", method="dynamic")
    head, first, *_ = lines(found, task)
    assert head == "start,end,score,column,expected,seen"
    (said, *_) = json.loads(json.dumps(found.json(task)))["anomalies"]
    reason = said["reasons"][0]
    assert first.split(",")[:2] == [said["start"], said["end"]]
    assert first.split(",")[3] == reason["column"] == "a"
    assert float(first.split(",")[5]) == pytest.approx(reason["seen"], rel=1e-5)
    assert said["first"] == 170
    assert 174 <= said["last"] <= 175  # a model that has learnt little
    assert (tmp_path / "odd.svg").read_text().startswith("<?xml")

    rows = Detect(data=tmp_path / "odd.csv", scores=True, method="dynamic")
    head, *body = lines(rows, task)
    assert head == "timestamp,score,anomaly,expected_a,expected_b"
    (series,) = json.loads(json.dumps(rows.json(task)))["series"]
    assert len(body) == len(series["times"]) == len(series["expected"]) == 200
    (analysis,) = task.analyse_file(tmp_path / "odd.csv")
    assert [int(row.split(",")[2]) for row in body] == analysis.flags("dynamic").astype(int).tolist()
    assert series["scores"][:30] == [None] * 30  # it is still warming up
    assert [row.split(",")[1] for row in body[:30]] == [""] * 30
    judged = [score for score in series["scores"] if score is not None]
    assert [float(row.split(",")[1]) for row in body[-len(judged) :]] == pytest.approx(judged, rel=1e-3)


def test_a_fault_that_lasts_is_found_whole_and_each_column_has_a_score(tmp_path):
    task = trained(tmp_path, content=rhythm(500), epochs=2, learning_rate=0.02)
    values = rhythm_values(500)
    values[380:440, 1] += 12
    (tmp_path / "odd.csv").write_text(rhythm(500, values=values))
    rows = Detect(data=tmp_path / "odd.csv", scores=True, method="quantile")
    head, *body = lines(rows, task)
    assert head == "timestamp,score,anomaly,expected_a,expected_b,score_a,score_b"
    cells = [line.split(",") for line in body]
    assert all(row[1] == row[5] == row[6] == "" for row in cells[:30])
    assert all(float(row[1]) == max(float(row[5]), float(row[6])) for row in cells[30:])
    flagged = np.array([row[2] == "1" for row in cells])
    assert flagged[380:440].mean() > 0.9
    assert flagged[30:370].mean() < 0.05
    (series,) = rows.json(task)["series"]
    assert np.shape(series["column_scores"]) == (500, 2)
    (said,) = Detect(data=tmp_path / "odd.csv", method="auto").json(task)["anomalies"][:1]
    assert said["reasons"][0]["column"] == "b"


def test_a_plot_of_another_kind_is_refused_before_anything_is_done(tmp_path):
    task = trained(tmp_path)
    with pytest.raises(InputError, match=r"--plot must be a file ending in .* Got 'x\.gif'\."):
        Detect(data=tmp_path / "table.csv", plot=Path("x.gif"))
    with pytest.raises(
        InputError, match=r"--plot must be a file in a folder that exists\. Got 'none/x\.png'"
    ):
        Detect(data=tmp_path / "table.csv", plot=Path("none/x.png"))
    with pytest.raises(InputError, match="detect needs a file, or --stream"):
        Detect()
    for scores in (False, True):  # not even a header
        with pytest.raises(InputError, match=r"missing\.csv: no such file"):
            next(Detect(data=tmp_path / "missing.csv", scores=scores).text(task))


def test_columns_in_another_order_are_found_by_name(tmp_path):
    task = trained(tmp_path)
    rows = [line.split(",") for line in rhythm(50).splitlines()]
    (tmp_path / "swapped.csv").write_text("".join(f"{b},{time},{a}\n" for time, a, b, *_ in rows))
    (tmp_path / "plain.csv").write_text("".join(f"{time},{a},{b}\n" for time, a, b, *_ in rows))
    (one,), (other,) = (task.analyse_file(tmp_path / f"{name}.csv") for name in ("swapped", "plain"))
    assert np.array_equal(one.scores, other.scores)
    assert np.array_equal(one.series.values, other.series.values)


def test_what_cannot_be_learned_from_is_refused(tmp_path):
    (tmp_path / "blank.csv").write_text("a,b\n" + "1,\n" * 50)
    with pytest.raises(InputError, match=r"blank\.csv: column 'b' has no number in the training part"):
        AnomalyDetector().train(tmp_path / "blank.csv")
    (tmp_path / "few.csv").write_text("a\n1\n2\n3\n4\n5\n")
    with pytest.raises(InputError, match=r"few\.csv: split .*at least 2 rows\. Of 5 rows, validation gets"):
        AnomalyDetector().train(tmp_path / "few.csv")


def streamed(monkeypatch: pytest.MonkeyPatch, content: str | bytes, *arguments: object) -> int:
    given = content if isinstance(content, bytes) else content.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    return main(["detect", *map(str, arguments), "--stream"])


def test_lines_are_answered_as_the_file_is(tmp_path, monkeypatch, capsys):
    trained(tmp_path, "run", calendar="day")
    (tmp_path / "new.csv").write_text(rhythm(80, seed=5))
    assert (
        main(
            ["detect", str(tmp_path / "run"), str(tmp_path / "new.csv"), "--scores", "--method", "likelihood"]
        )
        == 0
    )
    wanted = [line.split(",")[:3] for line in capsys.readouterr().out.splitlines()]
    assert streamed(monkeypatch, rhythm(80, seed=5), tmp_path / "run") == 0
    answers = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert answers[0] == wanted[0] == ["timestamp", "score", "anomaly"]
    for found, line in zip(answers[1:], wanted[1:], strict=True):
        assert found[0] == line[0]
        if line[1]:
            assert found[2] == line[2]
            assert float(found[1]) == pytest.approx(float(line[1]), rel=5e-3, abs=1e-3)
        else:  # it is warming up, and says so by empty cells
            assert found[1:] == ["", ""]
    assert 30 <= sum(not line[1] for line in answers[1:]) < 40
    # objects are answered by objects, and --json gathers them
    names = rhythm(1).splitlines()[0].split(",")
    objects = [dict(zip(names, line.split(","), strict=True)) for line in rhythm(80, seed=5).splitlines()[1:]]
    content = "\n".join(map(json.dumps, objects))
    assert streamed(monkeypatch, content, tmp_path / "run") == 0
    by_object = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    cells = [[row["timestamp"], row["score"], row["anomaly"]] for row in by_object]
    assert [["" if cell is None else str(cell) for cell in row] for row in cells] == answers[1:]
    assert streamed(monkeypatch, content, tmp_path / "run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] == by_object


def test_the_first_bad_line_is_named_each_is_answered_with_nothing_and_all_are_counted(
    tmp_path, monkeypatch, capsys
):
    trained(tmp_path, "run")
    capsys.readouterr()
    _, *rows = rhythm(6).splitlines()
    bad = [b"junk", b"2024-01-01,1,two", b"2024-01-01,1,1e999", b"\xff\xfe,1,2,3", b""]
    mixed = [rows[0].encode(), *bad, *(row.encode() for row in rows[1:])]
    assert streamed(monkeypatch, b"\n".join(mixed), tmp_path / "run") == 0
    with_bad = capsys.readouterr()
    assert streamed(monkeypatch, "\n".join(rows), tmp_path / "run") == 0
    without = capsys.readouterr()
    answers = with_bad.out.splitlines()
    assert answers[1:6] == [",,"] * 5
    assert [answers[0], *answers[6:]] == without.out.splitlines()
    assert with_bad.err.splitlines() == [
        "elman: line 2: must have 3 cells. Got 1. Such lines are skipped and counted.",
        "elman: 5 lines were skipped",
    ]


@pytest.mark.parametrize("head", ["timestamp,other,speed", "a title, without columns"])
def test_a_stream_of_which_nothing_is_read_ends_in_an_error(tmp_path, monkeypatch, capsys, head):
    trained(tmp_path, "run")
    rows = rhythm(6).splitlines()[1:]
    capsys.readouterr()
    for more in ([], ["--json"]):
        assert (
            streamed(monkeypatch, "\n".join([head, *(f"{row},1" for row in rows)]), tmp_path / "run", *more)
            == 2
        )
        said = capsys.readouterr().err.splitlines()
        assert said[0].endswith(". Such lines are skipped and counted.")
        assert said[-2:] == [
            f"elman: {len(rows) + 1} lines were skipped",
            "elman: --stream: no line of standard input could be read",
        ]


def test_each_series_of_a_stream_has_a_memory_of_its_own(tmp_path, monkeypatch, capsys):
    head, *rows = rhythm(60).splitlines()
    named = "\n".join([f"unique_id,{head}", *(f"s,{row}" for row in rows)])
    trained(tmp_path, "run", content=named)
    mixed = [f"{name},{row}" for row in rows for name in "xy"]
    assert streamed(monkeypatch, "\n".join(mixed), tmp_path / "run") == 0
    answers = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    x, y = ([line[1:] for line in answers if line[0] == name] for name in "xy")
    assert len(x) == 60
    assert x == y


def test_a_stream_goes_with_no_file(tmp_path, monkeypatch, capsys):
    trained(tmp_path, "run")
    capsys.readouterr()
    for more in ([tmp_path / "table.csv"], ["--scores"], ["--plot", "a.png"]):
        assert streamed(monkeypatch, "", tmp_path / "run", *more) == 2
        error = capsys.readouterr().err
        assert error.startswith(
            "elman: --stream reads standard input and goes with no file, --plot or --scores"
        )
        assert error.count("\n") == 1
    assert streamed(monkeypatch, "", tmp_path / "run", "--method", "quantile") == 2
    assert "so --method must be auto or likelihood. Got quantile." in capsys.readouterr().err


def test_the_chosen_columns_belong_to_the_run_and_others_are_ignored(tmp_path, monkeypatch, capsys):
    head, *rows = rhythm(200).splitlines()
    table = [f"{head},is_anomaly,valve,note"] + [f"{row},{k % 2},7,x" for k, row in enumerate(rows)]
    (tmp_path / "all.csv").write_text("\n".join(table))
    run = ["--out", str(tmp_path / "run"), "--epochs", "1", "--hidden-size", "8", "--window", "20"]
    train = ["train", "anomaly-detection", str(tmp_path / "all.csv"), *run]
    assert main(train) == 2
    assert (
        "column 'note': must be a finite number. Got 'x'. --ignore-columns leaves" in capsys.readouterr().err
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # printed, in one line
        assert main([*train, "--ignore-columns", "note"]) == 0
    told = capsys.readouterr().err
    assert "all.csv: is_anomaly looks like labels" in told
    assert "use --label-column is_anomaly or --ignore-columns is_anomaly\n" in told
    assert "all.csv: reads a, b, is_anomaly, valve; constant in the training part: valve\n" in told
    assert main([*train, "--columns", "b,a", "--overwrite"]) == 0
    assert "all.csv: reads b, a\n" in capsys.readouterr().err
    # a table with other columns besides, and a stream with them, are read alike
    by_file = ["detect", str(tmp_path / "run"), str(tmp_path / "all.csv"), "--scores"]
    assert main([*by_file, "--method", "likelihood"]) == 0
    answers = capsys.readouterr().out.splitlines()
    assert answers[0] == "timestamp,score,anomaly,expected_b,expected_a"
    assert streamed(monkeypatch, "\n".join(table), tmp_path / "run") == 0
    by_line = capsys.readouterr().out.splitlines()
    scores = (
        [(row[0], row[1] and float(row[1])) for row in (line.split(",") for line in some[1:])]
        for some in (answers, by_line)
    )
    assert next(scores) == next(scores)
    (tmp_path / "less.csv").write_text("\n".join(line.replace("b", "c", 1) for line in table))
    assert main(["detect", str(tmp_path / "run"), str(tmp_path / "less.csv")]) == 2
    assert "less.csv: has no column 'b'. Its columns: timestamp, a, c, is_anomaly" in capsys.readouterr().err
