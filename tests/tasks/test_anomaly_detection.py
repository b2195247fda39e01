"""The detector on arrays, on tables and on lines: past scores never move, a stream says what a file says."""

import io
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tiny import SMALL, rhythm, rhythm_values, same_bits, weights

import elman
from elman.cli import main
from elman.data.channels.channels import labelled, windows_of
from elman.errors import InputError
from elman.metrics.nab import PROFILES, Scored, nab_score, probation_rows
from elman.metrics.ranges import runs
from elman.tasks.anomaly_detection import AnomalyDetector, Detect

MODELS = [
    {"model": "forecaster"},
    {"model": "forecaster", "cell": "gru", "layers": 2},
    {"model": "autoencoder", "window": 8},
]
each_model = pytest.mark.parametrize("options", MODELS, ids=lambda o: "-".join(map(str, o.values())))


def fitted(X: Any = None, **options: Any) -> AnomalyDetector:
    X = rhythm_values(300) if X is None else X
    return AnomalyDetector(**SMALL | {"window": 20, "learning_rate": 0.02} | options).fit(X)


# On arrays


def test_it_finds_what_is_odd_and_says_why():
    X = rhythm_values(600)
    task = AnomalyDetector(hidden_size=16, window=40, epochs=8, learning_rate=0.02).fit(X[:300])
    assert task.detect(X[:300]) == []
    X[450:456, 1] += 3
    for method in ("dynamic", "likelihood"):
        found = task.detect(X, method)
        assert found
        assert all(445 <= each.first <= each.last <= 475 for each in found)
        first = found[0]
        assert 450 <= first.first <= 452
        assert (first.start, first.reasons[0].column) == (str(first.first), "x1")
        row = int(first.reasons[0].time)
        assert first.reasons[0].seen == pytest.approx(X[row, 1], rel=1e-6)
        assert abs(first.reasons[0].expected - (X[row, 1] - 3)) < 1.5


@each_model
def test_what_comes_later_moves_no_score(options):
    task, X = fitted(**options), rhythm_values(120)
    changed = X.copy()
    changed[80:] = 9 - 4 * changed[80:]
    a, b = task.scores(X), task.scores(changed)
    np.testing.assert_allclose(a[:80], b[:80], rtol=1e-4, atol=1e-5)
    assert not np.allclose(a[80:], b[80:])


@each_model
def test_a_stream_scores_as_the_whole_series_is_scored(options):
    task, X = fitted(**options, smoothing=3, history=60, threshold=1.0), rhythm_values(200)
    X[100:103] += 5
    X[20:25, 0] = X[70, 1] = np.nan
    (analysis,) = task.analyse(X)
    stream = task.stream()
    points = [stream.push(row) for row in X]
    np.testing.assert_allclose([p.score for p in points], analysis.scores, rtol=2e-3, atol=2e-4)
    np.testing.assert_array_equal(
        [p.anomaly for p in points], np.array([p.score for p in points]) >= task.config.threshold
    )
    if task.config.model == "forecaster":
        expected = np.stack([p.expected for p in points])
        np.testing.assert_allclose(expected, analysis.expected, rtol=1e-4, atol=1e-4)
    assert analysis.scores.max() > 1


@each_model
def test_missing_values_are_neither_learned_nor_judged(options):
    X = rhythm_values(300)
    X[50:60] = X[100:140, 0] = np.nan
    task = fitted(X, **options)
    known = X[~np.isnan(X[:, 0]), 0]
    assert task.facts["mean"][0] == pytest.approx(known.mean(), rel=1e-4)
    (analysis,) = task.analyse(X)
    assert np.isnan(analysis.errors[50:60]).all()
    assert np.isfinite(analysis.expected).all()
    assert (analysis.scores[50:60] == 0).all()
    assert not any(each.first in range(50, 60) for each in analysis.anomalies("likelihood"))


def test_values_that_are_missing_do_not_reach_the_loss():
    X = rhythm_values(100)
    X[40:50, 1] = np.nan
    task = fitted(X, epochs=1)
    targets = task.parts().training
    counted = sum(float(batch.targets.weights.sum()) for batch in targets.epoch())
    # every window of 20 of the 100 rows; the first row has no past
    inside = [np.isnan(X[begin : begin + 20]).sum() + 2 * (begin == 0) for begin in range(81)]
    assert counted == 81 * 40 - sum(inside)


def test_the_unit_of_a_column_does_not_matter():
    X = rhythm_values(300)
    unit = np.array([1e6, 1e-3]), np.array([5e6, -7.0])
    a, b = fitted(X), fitted(X * unit[0] + unit[1])
    np.testing.assert_allclose(a.scores(X), b.scores(X * unit[0] + unit[1]), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("model", ["forecaster", "autoencoder"])
def test_no_deviation_is_lost_beside_a_large_mean(model):
    X, found = np.round(rhythm_values(150), 3), []
    options: dict[str, Any] = {"model": model, "window": 8, "epochs": 1}
    X[100:103] += 3
    for offset in (0.0, 1e6, 1e9):
        task = fitted(X[:90] + offset, **options)
        (analysis,) = task.analyse(X + offset)
        stream = task.stream()
        scores = [stream.push(row).score for row in X + offset]
        np.testing.assert_allclose(scores, analysis.scores, rtol=1e-6, atol=1e-6)
        assert task.facts["scale"] == pytest.approx(X[:90].std(0), rel=1e-5)
        found.append(analysis)
    for each, offset in zip(found[1:], (1e6, 1e9), strict=True):
        np.testing.assert_allclose(each.scores, found[0].scores, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(each.expected - offset, found[0].expected, atol=1e-4)


def test_what_is_printed_beside_a_large_mean(tmp_path):
    values = rhythm_values(200) + 1e9
    rows = [line.split(",") for line in rhythm(200).splitlines()]
    body = [f"{time},{a!r},{b!r}" for (time, *_), (a, b) in zip(rows[1:], values.tolist(), strict=True)]
    task = trained(tmp_path, content="\n".join(["timestamp,a,b", *body]), epochs=1)
    head, *said = lines(Detect(data=tmp_path / "table.csv", scores=True), task)
    assert head == "timestamp,score,anomaly,expected_a,expected_b"
    (analysis,) = task.analyse_file(str(tmp_path / "table.csv"))
    printed = np.array([line.split(",")[3:] for line in said], float)
    np.testing.assert_allclose(printed, analysis.expected, rtol=0, atol=1e-4)


def test_frames_are_read_by_the_names_of_their_columns():
    pd = pytest.importorskip("pandas")
    X = rhythm_values(80)
    frame = pl.DataFrame({"temperature": X[:, 0], "pressure": X[:, 1], "label": [0, 1] * 40})
    task = fitted(frame, epochs=1)
    assert task.facts["columns"] == ["temperature", "pressure"]
    wanted = task.scores(X)
    assert np.array_equal(task.scores(frame), wanted)
    assert np.array_equal(task.scores(frame.select("pressure", "temperature")), wanted)
    assert np.array_equal(task.scores(pd.DataFrame(X[:, ::-1], columns=["pressure", "temperature"])), wanted)
    X[60:65, 1] += 9
    found = task.detect(frame.with_columns(pressure=pl.Series(X[:, 1])), "likelihood")
    assert found[0].reasons[0].column == "pressure"
    with pytest.raises(
        InputError, match=r"X: columns must be temperature, pressure\. Got temperature, flow\."
    ):
        task.detect(frame.rename({"pressure": "flow"}))


def test_a_frame_may_have_times():
    X = rhythm_values(80)
    hours = [datetime(2024, 1, 1) + timedelta(minutes=30 * k) for k in range(80)]
    frame = pl.DataFrame({"timestamp": hours, "a": X[:, 0], "b": X[:, 1]})
    task = fitted(frame, epochs=1, calendar="day")
    (analysis,) = task.analyse(frame)
    stream = task.stream()
    scores = [stream.push(row, hour).score for row, hour in zip(X, hours, strict=True)]
    np.testing.assert_allclose(scores, analysis.scores, rtol=0, atol=1e-6)
    assert analysis.series.times[1] == "2024-01-01 00:30:00.000000"


def test_a_method_that_is_none_of_the_two_is_refused():
    task, X = fitted(epochs=1), rhythm_values(60)
    for method in ("foo", None):
        with pytest.raises(InputError, match=r"method must be one of 'dynamic', 'likelihood'\. Got "):
            task.detect(X, method)  # type: ignore[arg-type]


def test_one_column_and_several_series():
    X = rhythm_values(200)[:, 0]
    flat, deep = fitted(X), fitted(X[:, None])
    assert same_bits(weights(flat.model), weights(deep.model))
    assert flat.stream().push(0.5).expected == flat.stream().push([0.5]).expected
    several = fitted([X[:120], X[120:], X[:5]])
    assert [each.series.name for each in several.analyse([X[:50], X])] == ["0", "1"]
    with pytest.raises(InputError, match=r"X must have 1 columns\. Got 2\."):
        several.detect(rhythm_values(20))
    with pytest.raises(InputError, match=r"X must be one series\. Got 2; analyse takes several\."):
        several.scores([X[:50], X])
    with pytest.raises(InputError, match="AnomalyDetector is not fitted yet"):
        AnomalyDetector().stream()
    with pytest.raises(InputError, match="--calendar needs times such as"):
        fitted(X, calendar="day")


def test_a_flat_line_has_no_anomaly_until_it_moves():
    X = np.full(300, 45.0)
    task = fitted(X)
    assert task.detect(X) == task.detect(X, "likelihood") == []
    X[200:210] = 47
    assert {each.first for each in task.detect(X, "likelihood")} <= {*range(200, 205)}
    assert len(task.detect(X, "likelihood")) >= 1


@pytest.mark.parametrize(
    ("values", "time", "message"),
    [
        ([1.0], "2024-01-01", r"the row must be \[2\]\. Got \[1\]\."),
        ([[1.0, 2.0]], "2024-01-01", r"the row must be \[2\]\. Got \[1, 2\]\."),
        (1.0, "2024-01-01", r"the row must be \[2\]\. Got \[\]\."),
        (["1", "2"], "2024-01-01", r"the row: must hold numbers\. Got <U1\."),
        ([1.0, np.inf], "2024-01-01", r"the row: value at \[1\] must be finite or NaN\. Got inf"),
        ([1.0, 1e39], "2024-01-01", r"the row: value at \[1\] must be in"),
        ([1.0, 2.0], "noon", "the row: --calendar needs times such as .* Got 'noon'"),
        ([1.0, 2.0], None, "the row: --calendar needs times such as .* Got None"),
    ],
)
def test_a_bad_row_leaves_a_stream_as_it_was(tmp_path, values, time, message):
    task = trained(tmp_path, calendar="day")
    rows = rhythm_values(40)
    times = [f"2024-01-01 {k // 2:02}:{k % 2 * 30:02}" for k in range(40)]
    good, tried = task.stream(), task.stream()
    for row, at in zip(rows, times, strict=True):
        with pytest.raises(InputError, match=message):
            tried.push(values, time)
        a, b = good.push(row, at), tried.push(row, at)
        assert a.score == b.score
        assert a.expected.tolist() == b.expected.tolist()


# On tables


def trained(
    folder: Path, out: str | None = None, content: str | None = None, **options: Any
) -> AnomalyDetector:
    (folder / "table.csv").write_text(rhythm(200) if content is None else content)
    given = SMALL | {"window": 20, "split": (0.5, 0.2, 0.3)} | options
    return AnomalyDetector(**given).train([folder / "table.csv"], None if out is None else folder / out)


def test_scales_are_of_the_training_part_alone(tmp_path):
    task = trained(tmp_path)
    part = rhythm_values(200)[:100].astype(np.float32)
    assert task.facts["mean"] == pytest.approx(part.mean(0, dtype=float), rel=1e-4)
    assert task.facts["scale"] == pytest.approx(part.std(0, dtype=float), rel=1e-4)
    (analysis,) = task.analyse_file(tmp_path / "table.csv")
    tested = analysis.errors[140:]
    assert task.results["test"]["error"] == pytest.approx(np.sqrt(np.nanmean(tested**2)))
    assert task.results["test"]["rows"] == 60
    seen = (analysis.series.values - task.facts["mean"]) / task.facts["scale"]
    steps = np.diff(seen, axis=0)[139:]
    assert task.results["baselines"]["previous value"]["error"] == pytest.approx(
        np.sqrt((steps**2).mean()), rel=1e-4
    )
    assert task.results["baselines"]["training mean"]["error"] == pytest.approx(
        np.sqrt((seen[140:] ** 2).mean()), rel=1e-4
    )


def test_all_of_a_file_may_be_normal(tmp_path):
    task = trained(tmp_path, "run", split=(1.0, 0.0, 0.0))
    assert "test" not in task.results
    assert task.report() == "trained on all rows; no test part"
    assert (tmp_path / "run" / "anomalies.png").exists()


def test_series_are_cut_one_by_one(tmp_path):
    rows = rhythm(60).splitlines()
    table = "\n".join([f"unique_id,{rows[0]}", *(f"{name},{row}" for row in rows[1:] for name in "ab")])
    task = trained(tmp_path, content=table)
    assert task._cuts.tolist() == [[30, 42], [30, 42]]
    assert task.results["test"]["rows"] == 36
    a, b = task.analyse_file(tmp_path / "table.csv")
    assert (a.series.name, b.series.name) == ("a", "b")
    np.testing.assert_array_equal(a.scores, b.scores)


def test_labels_are_measured_and_never_learned(tmp_path):
    rows = rhythm(200).splitlines()
    plain = trained(tmp_path)
    flags = [int(150 <= k < 160) for k in range(200)]
    content = "\n".join([f"{rows[0]},label", *(f"{r},{f}" for r, f in zip(rows[1:], flags, strict=True))])
    task = trained(tmp_path, content=content)
    assert same_bits(weights(task.model), weights(plain.model))
    assert {"precision", "recall", "f1", "range_f1", "nab"} <= set(task.results["test"])
    assert {"windowed Gaussian", "previous value", "training mean"} == set(task.results["baselines"])
    assert set(task.evaluate([tmp_path / "table.csv"])) == set(task.results["test"])
    # the same labels from a file of windows
    times = [row.split(",")[0] for row in rows[1:]]
    windows = {f"{tmp_path.name}/table.csv": [[times[150], times[159]]], "other.csv": []}
    (tmp_path / "labels.json").write_text(json.dumps(windows))
    again = trained(tmp_path, labels=tmp_path / "labels.json")
    assert again.results["test"] == task.results["test"]
    (tmp_path / "new.csv").write_text(rhythm(50))
    with pytest.raises(InputError, match=r"labels\.json: has no windows for .*new\.csv"):
        again.evaluate([tmp_path / "new.csv"])
    assert len(again.analyse_file(tmp_path / "new.csv")[0].scores) == 50  # whose anomalies nobody knows yet


def test_other_columns_are_refused(tmp_path):
    task = trained(tmp_path)
    for name, old, new in (("other", "a,b", "a,c"), ("untimed", "timestamp", "c")):
        (tmp_path / f"{name}.csv").write_text(rhythm(50).replace(old, new, 1))
    for use in (task.analyse_file, lambda path: task.evaluate([path])):
        with pytest.raises(
            InputError, match=r"other\.csv: columns must be timestamp, a, b\. Got timestamp, a, c\."
        ):
            use(tmp_path / "other.csv")
        with pytest.raises(InputError, match=r"untimed\.csv: row 2, column 'c': must be a finite number"):
            use(tmp_path / "untimed.csv")
    for paths in ([], [tmp_path / "table.csv"] * 2):
        with pytest.raises(InputError, match=r"anomaly-detection reads one file\. Got"):
            task.evaluate(paths)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 1}, r"--window must be an int in \[2, 1e6\]\. Got 1\."),
        ({"stride": 0}, "--stride must be"),
        ({"smoothing": 0}, "--smoothing must be"),
        ({"history": 49}, r"--history must be an int in \[50, 1e6\]"),
        ({"repeat": -1}, "--repeat must be"),
        ({"threshold": -0.1}, r"--threshold must be in \[0, inf\)"),
        ({"calendar": "month"}, "--calendar must be one of 'none', 'day', 'week'"),
    ],
)
def test_an_option_out_of_its_range_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        AnomalyDetector(**options)


def test_a_resumed_run_reads_its_own_copy_of_the_data(tmp_path):
    task = trained(tmp_path, "run")
    (tmp_path / "table.csv").unlink()
    again = elman.load(tmp_path / "run")
    again.reopen(tmp_path / "run")
    assert np.array_equal(again._series[0].values, task._series[0].values, equal_nan=True)
    assert again._cuts.tolist() == task._cuts.tolist()


# The verb


def lines(verb: Detect, task: AnomalyDetector) -> list[str]:
    return "".join(verb.text(task)).splitlines()


def test_ranges_and_rows_are_printed_and_given_as_an_object(tmp_path):
    task = trained(tmp_path, epochs=4, learning_rate=0.02)
    values = rhythm_values(200)
    values[170:175, 0] += 6
    (tmp_path / "odd.csv").write_text(rhythm(200, values=values))
    found = Detect(data=tmp_path / "odd.csv", plot=tmp_path / "odd.svg")
    head, first, *_ = lines(found, task)
    assert head == "start,end,score,column,expected,seen"
    (said, *_) = json.loads(json.dumps(found.json(task)))["anomalies"]
    reason = said["reasons"][0]
    assert first.split(",")[:2] == [said["start"], said["end"]]
    assert first.split(",")[3] == reason["column"] == "a"
    assert float(first.split(",")[5]) == pytest.approx(reason["seen"], rel=1e-5)
    assert 170 <= said["first"] <= 173
    assert (tmp_path / "odd.svg").read_text().startswith("<?xml")

    rows = Detect(data=tmp_path / "odd.csv", scores=True)
    head, *body = lines(rows, task)
    assert head == "timestamp,score,anomaly,expected_a,expected_b"
    (series,) = json.loads(json.dumps(rows.json(task)))["series"]
    assert len(body) == len(series["times"]) == len(series["expected"]) == 200
    (analysis,) = task.analyse_file(tmp_path / "odd.csv")
    assert [int(row.split(",")[2]) for row in body] == analysis.flags("dynamic").astype(int).tolist()
    assert [float(row.split(",")[1]) for row in body] == pytest.approx(series["scores"], rel=1e-3)


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
        assert (found[0], found[2]) == (line[0], line[2])
        assert float(found[1]) == pytest.approx(float(line[1]), rel=5e-3, abs=1e-3)
    # objects are answered by objects, and --json gathers them
    names = rhythm(1).splitlines()[0].split(",")
    objects = [dict(zip(names, line.split(","), strict=True)) for line in rhythm(80, seed=5).splitlines()[1:]]
    content = "\n".join(map(json.dumps, objects))
    assert streamed(monkeypatch, content, tmp_path / "run") == 0
    by_object = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[row["timestamp"], str(row["score"]), str(row["anomaly"])] for row in by_object] == answers[1:]
    assert streamed(monkeypatch, content, tmp_path / "run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] == by_object


def test_a_bad_line_is_named_answered_with_nothing_and_passed_over(tmp_path, monkeypatch, capsys):
    trained(tmp_path, "run")
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
        "elman: line 2: must have 3 cells. Got 1.",
        "elman: line 3: column 'b': must be a number. Got 'two'.",
        "elman: line 4: the row: value at [1] must be finite or NaN. Got inf.",
        "elman: line 5: must have 3 cells. Got 4.",
        "elman: line 6: must have 3 cells. Got 0.",
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
    for more in ([tmp_path / "table.csv"], ["--scores"], ["--plot", "a.png"]):
        assert streamed(monkeypatch, "", tmp_path / "run", *more) == 2
        error = capsys.readouterr().err
        assert error.startswith(
            "elman: --stream reads standard input and goes with no file, --plot or --scores"
        )
        assert error.count("\n") == 1


# On real data


@pytest.mark.filterwarnings("ignore:.*timestamp is that of the row before:UserWarning")
def test_a_failing_machine_is_noticed(shared):
    folder = shared / "nab"
    name = "realKnownCause/ec2_request_latency_system_failure.csv"
    path = folder / "data" / name
    rows = len(path.read_text().splitlines()) - 1
    share = probation_rows(rows) / rows
    labels = folder / "labels" / "combined_windows.json"
    options: dict[str, Any] = {"cell": "gru", "hidden_size": 16, "window": 50, "epochs": 2, "labels": labels}
    task = AnomalyDetector(**options, split=(share, 0.0, 1 - share), learning_rate=0.01).train([path])
    (analysis,) = task.analyse_file(path)
    windows = runs(labelled(analysis.series, windows_of(labels, path), "labels").labels)
    assert len(windows) == 3
    found = nab_score([Scored(analysis.scores, windows)], PROFILES["standard"])
    assert found.detected >= 2
    assert found.score > 40
    # behind the probation the training saw nothing
    assert task.results["test"]["rows"] == rows - probation_rows(rows)
    assert {"nab", "range_f1"} <= set(task.results["test"])
