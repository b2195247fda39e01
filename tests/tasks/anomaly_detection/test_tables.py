"""The detector on files: parts, labels, columns, options, and a real machine."""

import io
import json
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tiny import rhythm, rhythm_values, same_bits, weights
from tiny_detector import trained

import elman
from elman.cli import main
from elman.data.channels.labels import labelled, windows_of
from elman.errors import InputError
from elman.metrics.nab import PROFILES, Scored, nab_score, probation_rows
from elman.metrics.ranges import runs
from elman.tasks.anomaly_detection.task import AnomalyDetector


def test_scales_are_of_the_training_part_alone(tmp_path):
    task = trained(tmp_path)
    part = rhythm_values(200)[:100].astype(np.float32)
    assert task.facts.mean == pytest.approx(part.mean(0, dtype=float), rel=1e-4)
    assert task.facts.scale == pytest.approx(part.std(0, dtype=float), rel=1e-4)
    (analysis,) = task.analyse_file(tmp_path / "table.csv")
    tested = analysis.errors[140:]
    assert task.results["test"]["error"] == pytest.approx(np.sqrt(np.nanmean(tested**2)))
    assert task.results["test"]["rows"] == 60
    seen = (analysis.series.values - task.facts.mean) / task.facts.scale
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
    assert task.data.cuts.tolist() == [[30, 42], [30, 42]]
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
    detectors = {"flag everything", "windowed Gaussian", "isolation forest"}
    assert detectors | {"previous value", "training mean"} == set(task.results["baselines"])
    assert task.results["baselines"]["flag everything"]["recall"] == 1
    assert {"auc_pr", "vus_pr"} <= set(task.results["test"])
    assert set(task.results["alone"]) == {"the network alone", "the training mean alone"}
    assert "worth using" in task.report().splitlines()[0]
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


def test_missing_columns_are_named(tmp_path):
    task = trained(tmp_path)
    for name, old, new in (("other", "a,b", "a,c"), ("untimed", "timestamp", "c")):
        (tmp_path / f"{name}.csv").write_text(rhythm(50).replace(old, new, 1))
    for use in (task.analyse_file, lambda path: task.evaluate([path])):
        with pytest.raises(
            InputError, match=r"other\.csv: has no column 'b'\. Its columns: timestamp, a, c\."
        ):
            use(tmp_path / "other.csv")
        with pytest.raises(InputError, match=r"untimed\.csv: has no column 'timestamp', which the training"):
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
        ({"ratio": 0.9}, r"--ratio must be in \[1, inf\)"),
        ({"horizons": (2, 3)}, "--horizons must be 1 and then rising numbers of rows"),
        ({"horizons": (1, 5, 5)}, "--horizons must be"),
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
    again = elman.load(tmp_path / "run").opened_data()
    assert np.array_equal(again.series[0].values, task.data.series[0].values, equal_nan=True)
    assert again.cuts.tolist() == task.data.cuts.tolist()


@pytest.mark.filterwarnings("ignore:.*timestamp is the same as in the row before:UserWarning")
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


def rewritten(content: str, header: str, write) -> str:
    """The table of ``rhythm`` with its times in another form."""
    _, *rows = content.splitlines()
    lines = [
        f"{write(datetime.fromisoformat(time))},{rest}" for time, rest in (r.split(",", 1) for r in rows)
    ]
    return "\n".join([f"{header},a,b", *lines]) + "\n"


@pytest.mark.parametrize(
    ("header", "write", "options"),
    [
        ("timestamp", "{:%d.%m.%Y %H:%M}".format, {}),
        ("when", "{:%d/%m/%Y %I:%M %p}".format, {}),
        ("timestamp", "{:%m-%d-%Y %H:%M}".format, {"time_format": "%m-%d-%Y %H:%M"}),
        ("timestamp", lambda time: str(int(time.replace(tzinfo=UTC).timestamp())), {}),
        ("Date,Time", "{:%Y-%m-%d,%H:%M}".format, {}),
        ("year,month,day,hour,minute", "{:%Y,%-m,%-d,%-H,%-M}".format, {}),
    ],
)
def test_times_of_any_usual_form_are_read_alike_and_given_as_they_came(
    tmp_path, monkeypatch, capsys, header, write, options
):
    plain = trained(tmp_path, "plain", calendar="week")
    expected = plain.analyse_file(tmp_path / "table.csv")[0]
    content = rewritten(rhythm(200), header, write)
    task = trained(tmp_path, "run", content, calendar="week", **options)
    (found,) = task.analyse_file(tmp_path / "table.csv")
    np.testing.assert_array_equal(found.expected, expected.expected)
    single = "," not in header
    first = content.splitlines()[1]
    assert found.series.times[0] == (first.split(",")[0] if single else "2024-01-01 00:00")
    # a stream, of the run that was saved
    capsys.readouterr()
    few = content.splitlines()[:40]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(few).encode())))
    assert main(["detect", str(tmp_path / "run"), "--stream"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == f"{header if single else 'timestamp'},score,anomaly"
    assert [row.split(",")[0] for row in rows] == found.series.times[:39]
    scores = [float(row.split(",")[1] or "nan") for row in rows]
    wanted = np.where(found.judged, found.scores, np.nan)[:39]
    assert scores == pytest.approx(wanted, rel=1e-3, abs=1e-3, nan_ok=True)
    assert 0 < np.isfinite(wanted).sum() < 10


def test_times_with_two_readings_are_refused_where_they_are_read(tmp_path):
    head, *rows = rhythm(200).splitlines()
    dated = [f"{k // 48 + 1:02}/02/2024{row[10:]}" for k, row in enumerate(rows)]
    days = "\n".join([head, *dated[:100], *dated[101:]])  # without the gap, only one reading has even steps
    with pytest.raises(
        InputError, match=r"may be 1 February 2024 \(--time-format '%d/%m/%Y %H:%M:%S'\) or 2"
    ):
        trained(tmp_path, content=days, calendar="day")
    with pytest.raises(InputError, match=r"--time-format must be a format of strptime"):
        trained(tmp_path, time_format="days")
    with pytest.raises(
        InputError, match=r"row 2, column 'timestamp': must be a time of the format %d\.%m\.%Y\. Got"
    ):
        trained(tmp_path, time_format="%d.%m.%Y")


def test_what_is_usual_is_kept_in_a_file_that_is_checked(tmp_path):
    task = trained(tmp_path, "run")
    file = tmp_path / "run" / "usual.safetensors"
    loaded = elman.load(tmp_path / "run")
    assert loaded.facts == task.facts
    assert loaded.facts.usual is not None
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(InputError, match=r"usual\.safetensors: not what errors of this run usually reach"):
        elman.load(tmp_path / "run")
    file.unlink()  # as in runs of earlier versions
    old = elman.load(tmp_path / "run")
    (analysis,) = old.analyse_file(tmp_path / "table.csv")
    assert analysis.chosen("auto") == "dynamic"
    with pytest.raises(InputError, match="method quantile: the run does not know what errors usually reach"):
        analysis.anomalies("quantile")
