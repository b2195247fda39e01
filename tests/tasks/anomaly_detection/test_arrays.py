"""The detector on arrays: past scores never move, a stream scores as the whole series is scored."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from tiny import rhythm, rhythm_values, same_bits, weights
from tiny_detector import fitted, lines, trained

from elman.errors import InputError
from elman.tasks.anomaly_detection.options import Detect
from elman.tasks.anomaly_detection.task import AnomalyDetector

MODELS = [
    {"model": "forecaster"},
    {"model": "forecaster", "cell": "gru", "layers": 2},
    {"model": "autoencoder", "window": 8},
]
each_model = pytest.mark.parametrize("options", MODELS, ids=lambda o: "-".join(map(str, o.values())))


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
    assert task.facts.mean[0] == pytest.approx(known.mean(), rel=1e-4)
    (analysis,) = task.analyse(X)
    assert np.isnan(analysis.errors[50:60]).all()
    assert np.isfinite(analysis.expected).all()
    assert (analysis.scores[50:60] == 0).all()
    assert not any(each.first in range(50, 60) for each in analysis.anomalies("likelihood"))


def test_values_that_are_missing_do_not_reach_the_loss():
    X = rhythm_values(100)
    X[40:50, 1] = np.nan
    task = fitted(X, epochs=1, horizons=(1,))
    training = task.data.parts().training
    counted = sum(float(batch.targets.weights.sum()) for batch in training.epoch(0))
    # every window of 20 of the 100 rows; the first row has no past
    inside = [np.isnan(X[begin : begin + 20]).sum() + 2 * (begin == 0) for begin in range(81)]
    assert counted == 81 * 40 - sum(inside)
    # over three rows the targets are those two rows later, as far as the training part goes
    ahead = [np.isnan(X[begin + 2 : begin + 22]).sum() for begin in range(81)]
    task = fitted(X, epochs=1, horizons=(1, 3))
    training = task.data.parts().training
    counted = sum(float(batch.targets.weights.sum()) for batch in training.epoch(0))
    past_the_end = 2 * 1 + 2 * 2
    assert counted == 2 * 81 * 40 - sum(inside) - sum(ahead) - past_the_end


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
        assert task.facts.scale == pytest.approx(X[:90].std(0), rel=1e-5)
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
    assert head.startswith("timestamp,score,anomaly,expected_a,expected_b")
    (analysis,) = task.analyse_file(str(tmp_path / "table.csv"))
    printed = np.array([line.split(",")[3:5] for line in said], float)
    np.testing.assert_allclose(printed, analysis.expected, rtol=0, atol=1e-4)


def test_frames_are_read_by_the_names_of_their_columns():
    pd = pytest.importorskip("pandas")
    X = rhythm_values(80)
    frame = pl.DataFrame({"temperature": X[:, 0], "pressure": X[:, 1], "label": [0, 1] * 40})
    task = fitted(frame, epochs=3)
    assert task.facts.columns == ("temperature", "pressure")
    wanted = task.scores(X)
    assert np.array_equal(task.scores(frame), wanted)
    assert np.array_equal(task.scores(frame.select("pressure", "temperature")), wanted)
    assert np.array_equal(task.scores(pd.DataFrame(X[:, ::-1], columns=["pressure", "temperature"])), wanted)
    X[60:65, 1] += 9
    found = task.detect(frame.with_columns(pressure=pl.Series(X[:, 1])), "likelihood")
    assert found[0].reasons[0].column == "pressure"
    with pytest.raises(
        InputError, match=r"X: has no column 'pressure'\. Its columns: temperature, flow, label\."
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
    with pytest.warns(UserWarning, match="rows are sorted by time"):
        assert np.array_equal(task.scores(frame.reverse()), analysis.scores[::-1])


def test_an_unknown_method_is_refused():
    task, X = fitted(epochs=1), rhythm_values(60)
    for method in ("foo", None):
        with pytest.raises(
            InputError, match=r"method must be one of 'auto', 'quantile', 'dynamic', 'lik.*\. Got "
        ):
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
