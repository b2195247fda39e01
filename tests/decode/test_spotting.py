"""Words in running sound."""

import numpy as np
import pytest

from elman.decode.spotting import Alarms, Spotter, most_an_hour, spots
from elman.errors import InputError


def running(peaks: dict[int, tuple[int, float]], windows: int = 100) -> np.ndarray:
    """Probabilities [T, 3] of two words and of none; a word is there for nine windows, most in the middle."""
    p = np.full((windows, 3), 0.05)
    for middle, (word, height) in peaks.items():
        for k in range(-4, 5):
            p[middle + k, word] = height * (1 - 0.05 * abs(k))
    p[:, 2] = 1 - p[:, :2].sum(1)
    return p


def test_words_are_found_at_their_peaks():
    p = running({10: (0, 0.9), 30: (1, 0.6), 60: (1, 0.95), 98: (0, 0.9)}, 103)
    found = spots(p, [0, 1], 0.5)
    assert [
        (spot.word, abs(spot.window - at) <= 1) for spot, at in zip(found, (10, 30, 60, 98), strict=True)
    ] == [
        (0, True),
        (1, True),
        (1, True),
        (0, True),
    ]
    assert [spot.word for spot in spots(p, [0, 1], 0.8)] == [0, 1, 0]
    assert spots(p, [0, 1], 0.99) == []


def test_an_answer_comes_soon_and_once():
    p = running({10: (0, 0.9)})
    p[8:40, 0], p[8:40, 2] = 0.97, 0.0  # as if it went on
    spotter = Spotter([0, 1], 0.5)
    when = [k for k in range(14) if spotter.take(p[k]) is not None]
    assert when == [13]  # the mean of three windows is full at 10, and three later it is certain
    spotter = Spotter([0, 1], 0.5)
    close = running({20: (0, 0.9), 24: (1, 0.9)})
    assert len([k for k in range(100) if spotter.take(close[k]) is not None]) == 1


def test_thresholds_keep_to_the_false_alarms():
    rng = np.random.default_rng(0)
    heights = rng.uniform(0.3, 1, 60)
    sounds = [running({10 + 20 * k: (k % 2, float(h)) for k, h in enumerate(heights)}, 1_300)]
    alarms = Alarms.measured(sounds, [0, 1], 50)
    assert alarms.hours == pytest.approx(1_300 / 36_000)
    assert list(alarms.counts) == sorted(alarms.counts, reverse=True)
    for wanted in (0, 5, 20):
        threshold = alarms.threshold(wanted / alarms.hours)
        assert len(spots(sounds[0], [0, 1], threshold)) <= wanted
        assert alarms.at(threshold) == len(spots(sounds[0], [0, 1], threshold))
    certain = np.tile([1.0, 0.0, 0.0], (50, 1))
    assert Alarms.measured([certain], [0, 1], 50).threshold(0) > 1


def test_the_bound_is_that_of_the_tables():
    # Garwood 1936: one-sided 95 % bounds of a Poisson mean after 0, 1, 3 and 10 events
    for count, bound in ((0, 2.996), (1, 4.744), (3, 7.754), (10, 16.962)):
        assert most_an_hour(count, 2.0) == pytest.approx(bound / 2, abs=1e-3)


@pytest.mark.parametrize(
    "given", [(0.0, (0.5,), (1,)), (1.0, (0.5, 0.4), (1, 1)), (1.0, (), ()), (1.0, (0.5,), (-1,))]
)
def test_impossible_counts_are_refused(given):
    with pytest.raises(InputError, match=r"^false alarms must be counts by rising thresholds"):
        Alarms(50, *given)
