"""NAB's score by hand, from its published definition."""

import math

import numpy as np
import pytest

from elman.metrics.nab import PROFILES, Profile, Scored, nab_score, probation_rows

STANDARD = PROFILES["standard"]


def sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def flags(rows: int, *flagged: int) -> np.ndarray:
    scores = np.zeros(rows)
    scores[list(flagged)] = 1
    return scores


def score(scores: np.ndarray, windows: list[tuple[int, int]], profile: Profile = STANDARD) -> float:
    return nab_score([Scored(scores, windows)], profile, probation=0, threshold=1).score


def test_the_weights_are_the_published_ones():
    found = {name: (p.detected, p.false_alarm, p.missed) for name, p in PROFILES.items()}
    assert found == {
        "standard": (1, 0.11, 1),
        "reward low FP rate": (1, 0.22, 1),
        "reward low FN rate": (1, 0.11, 2),
    }


def test_the_first_row_of_a_window_is_worth_all_and_silence_nothing():
    for profile in PROFILES.values():
        assert score(flags(100, 40), [(40, 59)], profile) == pytest.approx(100)
        assert score(flags(100), [(40, 59)], profile) == 0


@pytest.mark.parametrize(("row", "position"), [(45, -15 / 20), (50, -10 / 20), (59, -1 / 20)])
def test_a_later_detection_is_worth_less(row, position):
    # from −1 (missed) to the detection's worth, of −1 … 1
    wanted = 100 * (sigmoid(position) / sigmoid(-1) + 1) / 2
    assert score(flags(100, row), [(40, 59)]) == pytest.approx(wanted)


def test_only_the_best_detection_of_a_window_counts():
    assert score(flags(100, 50, 55, 59), [(40, 59)]) == pytest.approx(score(flags(100, 50), [(40, 59)]))


@pytest.mark.parametrize(
    ("row", "worth"),
    [
        (10, -1),
        (39, -1),
        (60, sigmoid(1 / 19)),
        (79, sigmoid(20 / 19)),
        (115, sigmoid(56 / 19)),
        (116, -1),
        (190, -1),
    ],
)
def test_a_false_alarm_costs_more_the_farther_behind_a_window(row, worth):
    for profile in PROFILES.values():
        wanted = 100 * profile.false_alarm * worth / (1 + profile.missed)
        assert score(flags(200, row), [(40, 59)], profile) == pytest.approx(wanted)


def test_each_false_alarm_counts():
    assert score(flags(100, 3, 4, 5), [(40, 59)]) == pytest.approx(3 * score(flags(100, 3), [(40, 59)]))


def test_the_threshold_is_the_best_for_the_whole_corpus():
    a = Scored(np.array([0, 0.2, 0.9, 0, 0, 0.3]), [(2, 3)])
    b = Scored(np.array([0.8, 0, 0, 0.5, 0.5, 0]), [(3, 4)])
    found = nab_score([a, b], probation=0)
    # at 0.9 one window; at 0.5 both, for one false alarm of full cost
    assert (found.threshold, found.detected, found.windows, found.false_alarms) == (0.5, 2, 2, 1)
    assert found.score == pytest.approx(100 * (2 - 0.11 + 2) / 4)
    wary = nab_score([a, b], Profile(1, 3, 1), probation=0)
    assert (wary.threshold, wary.detected, wary.false_alarms) == (0.9, 1, 0)
    assert wary.score == pytest.approx(50)


def test_rows_of_one_score_are_flagged_together():
    tied = Scored(np.array([0.5, 0, 0.5, 0]), [(2, 2)])
    assert nab_score([tied], probation=0).score == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    dear = nab_score([tied], Profile(1, 9, 1), probation=0)
    assert (dear.score, dear.threshold, dear.detected) == (0, math.inf, 0)


def test_the_probation_is_not_scored():
    assert (probation_rows(4032), probation_rows(22695), probation_rows(100, 0)) == (604, 750, 0)
    series = Scored(flags(100, 0, 14, 40), [(40, 59)])
    assert nab_score([series], threshold=1).false_alarms == 0
    assert nab_score([series], threshold=1, probation=0.14).false_alarms == 1
    with pytest.raises(ValueError, match="no labelled window after the probation"):
        nab_score([Scored(flags(100), [(2, 9)])])


def test_a_series_without_windows_can_only_cost():
    empty, labelled = Scored(flags(100, 50), []), Scored(flags(100, 40), [(40, 59)])
    assert nab_score([empty, labelled], probation=0, threshold=1).score == pytest.approx(100 * (2 - 0.11) / 2)


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        nab_score([Scored(np.full(9, np.nan), [(4, 5)])], probation=0)


def test_against_a_loop_over_thresholds_and_rows():
    random = np.random.default_rng(0)
    corpus = [
        Scored(random.integers(0, 30, 300) / 30, [(80, 99), (150, 159)]),
        Scored(random.random(200), []),
        Scored(random.random(250), [(60, 64)]),
    ]

    def total(threshold: float) -> float:
        found = 0.0
        for series in corpus:
            best = dict.fromkeys(series.windows, -1.0)
            for row in range(probation_rows(len(series.scores)), len(series.scores)):
                if series.scores[row] < threshold:
                    continue
                inside = [w for w in series.windows if w[0] <= row <= w[1]]
                before = [w for w in series.windows if w[1] < row]
                if inside:
                    (w,) = inside
                    worth = sigmoid(-(w[1] - row + 1) / (w[1] - w[0] + 1)) / sigmoid(-1)
                    best[w] = max(best[w], worth)
                else:
                    away = (row - before[-1][1]) / (before[-1][1] - before[-1][0]) if before else 3.0
                    found += 0.11 * (sigmoid(away) if away < 3 else -1)
            found += sum(best.values())
        return found

    thresholds = sorted({value for series in corpus for value in series.scores.tolist()} | {2.0})
    wanted = max(map(total, thresholds))
    found = nab_score(corpus)
    assert found.score == pytest.approx(100 * (wanted + 3) / 6)
    assert total(found.threshold) == pytest.approx(wanted)
