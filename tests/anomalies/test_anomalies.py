"""Ranges, reasons and figures from errors and scores, by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from elman.anomalies.anomalies import Analysis, Anomaly, Reason, figures
from elman.data.channels.channels import Channels
from elman.metrics.nab import Scored, nab_score
from elman.metrics.ranges import runs

N = 400


def analysis(**changes: Any) -> Analysis:
    """Column a is off at rows 300 to 305, and b at 303 to 308; the stream noticed rows 301 and 304."""
    errors = 0.1 * np.random.default_rng(0).normal(size=(N, 2))
    errors[300:306, 0], errors[303:309, 1] = 2, -6
    errors[302, 0], errors[305, 1] = 2.5, -9
    scores, blamed = np.zeros(N), np.zeros(N, dtype=int)
    scores[[301, 304, 350]], blamed[304] = [6, 8, 4.9], 1
    values = np.arange(2 * N, dtype=np.float32).reshape(N, 2)
    series = Channels("s", [f"t{k}" for k in range(N)], values)
    given = {"threshold": 5.0, "smoothing": 1, "history": 1000}
    return Analysis(series, ["a", "b"], values + 0.5, errors, scores, blamed, **given | changes)


def test_overlapping_ranges_of_columns_become_one_anomaly_with_its_reasons():
    (found,) = analysis().anomalies("dynamic")
    assert (found.series, found.start, found.end, found.first, found.last) == ("s", "t300", "t308", 300, 308)
    assert found.reasons == [Reason("b", "t305", 611.5, 611.0), Reason("a", "t302", 604.5, 604.0)]
    strengths = [column.strength for column in analysis().thresholded]
    assert found.score == max(strengths[0].max(), strengths[1].max()) == strengths[1][305]


def test_scores_become_runs_with_the_blamed_column():
    assert analysis().anomalies("likelihood") == [
        Anomaly("s", "t301", "t301", 301, 301, 6.0, [Reason("a", "t301", 602.5, 602.0)]),
        Anomaly("s", "t304", "t304", 304, 304, 8.0, [Reason("b", "t304", 609.5, 609.0)]),
    ]
    assert [found.first for found in analysis(threshold=4.9).anomalies("likelihood")] == [301, 304, 350]
    assert analysis(threshold=9.0).anomalies("likelihood") == []


def test_flags_are_the_rows_of_the_ranges():
    assert np.flatnonzero(analysis().flags("dynamic")).tolist() == list(range(300, 309))
    assert np.flatnonzero(analysis().flags("likelihood")).tolist() == [301, 304]


def test_a_missing_value_is_no_reason():
    errors = analysis().errors.copy()
    errors[305, 1] = np.nan
    (found,) = replace(analysis(), errors=errors).anomalies("dynamic")
    assert Reason("b", "t303", 607.5, 607.0) in found.reasons


def test_a_range_does_not_end_late_because_the_model_read_it():
    def reread(marked):
        assert runs(marked[:, 0]) == [(300, 305)]
        assert runs(marked[:, 1]) == [(303, 308)]
        return np.where(marked & (np.arange(N)[:, None] < 307), analysis().errors, 0.1)

    (found,) = replace(analysis(smoothing=5), reread=reread).anomalies("dynamic")
    assert (found.first, found.last) == (300, 306)
    assert replace(analysis(smoothing=5), reread=None).anomalies("dynamic")[0].last == 308


def labelled(*ranges: tuple[int, int]) -> Analysis:
    found = analysis()
    labels = np.zeros(N, dtype=bool)
    for first, last in ranges:
        labels[first : last + 1] = True
    return replace(found, series=replace(found.series, labels=labels))


def test_figures_without_labels():
    found = figures([analysis(), analysis()], [0, 304])
    errors = np.concatenate([analysis().errors, analysis().errors[304:]])
    assert found == {"error": pytest.approx(np.sqrt((errors**2).mean())), "rows": N + N - 304, "ranges": 2}


def test_figures_with_labels():
    one, other = labelled((295, 304)), labelled((10, 19), (350, 359))
    found = figures([one, other], [0, 0])
    # nine rows are found in each; of the three windows, one is met
    assert found["precision"] == pytest.approx(5 / 18)
    assert found["recall"] == pytest.approx(5 / 30)
    assert (found["range_precision"], found["range_recall"]) == (pytest.approx(1 / 2), pytest.approx(1 / 3))
    corpus = [Scored(one.scores, [(295, 304)]), Scored(other.scores, [(10, 19), (350, 359)])]
    assert found["nab"] == nab_score(corpus, probation=0, threshold=5.0).score
    assert figures([one], [0])["nab"] > figures([one], [0], "likelihood")["range_precision"] > 0
    assert figures([one], [305])["precision"] == 0
    assert "nab" not in figures([one], [305])
    assert "f1" not in figures([one, analysis()], [0, 0])


def test_ranges_of_two_series_do_not_run_together():
    end, begin = labelled((N - 5, N - 1)), labelled((0, 4))
    scores = [np.zeros(N), np.zeros(N)]
    scores[0][-1] = scores[1][0] = 9
    pair = [replace(each, scores=own) for each, own in zip((end, begin), scores, strict=True)]
    found = figures(pair, [0, 0], "likelihood")
    assert (found["ranges"], found["range_recall"], found["range_precision"]) == (2, 1, 1)
