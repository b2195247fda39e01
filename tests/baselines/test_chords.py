"""Counting models of chords, against counts by hand."""

import math
from itertools import product

import numpy as np
import pytest

from elman.baselines.chords import FREQUENCIES, HELD, simple_chords
from elman.baselines.ngram import witten_bell_nats

TRAINING = [np.array([[1, 0], [1, 0], [0, 1]], bool), np.array([[1, 1], [0, 1]], bool)]


def one(*steps):
    return [np.array(steps, bool)]


def test_frequencies_are_those_of_the_training_part():
    # of five steps three have the first pitch and three the second, half a count more each way
    p = 3.5 / 6
    nats = simple_chords(TRAINING, one([0, 0], [1, 0]))[FREQUENCIES]
    assert nats == pytest.approx(-math.log(p * (1 - p)))


def test_a_pitch_goes_on_as_those_that_sounded_as_long():
    nats = simple_chords(TRAINING, one([1, 0], [1, 0]))[HELD]
    # after one step the first pitch went on once of twice, all pitches twice of three times; that mean counts
    # twice. A silent second pitch began once of twice, all pitches once of twice
    goes_on, begins = (1 + 2 * 2.5 / 4) / (2 + 2), (1 + 2 * 1.5 / 3) / (2 + 2)
    assert nats == pytest.approx(-math.log(goes_on * (1 - begins)))


@pytest.mark.parametrize("method", [FREQUENCIES, HELD, "n-grams of chords, order 3"])
def test_all_chords_together_have_probability_1(method):
    nats = [simple_chords(TRAINING, one([1, 0], chord))[method] for chord in product((0, 1), repeat=2)]
    assert sum(math.exp(-each) for each in nats) == pytest.approx(1)


def test_the_base_of_an_ngram_is_used_where_nothing_was_counted():
    train, test = np.array([0, 1, 0]), np.array([2, 2])
    # of three tokens two differ; a new one gets 2 / 5 of its base
    nats, count = witten_bell_nats(train, test, 3, order=1, base=np.array([0.9, 0.1]))
    assert (nats, count) == (pytest.approx(-math.log(2 / 5 * 0.1)), 1)
