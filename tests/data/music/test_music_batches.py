"""Batches of rolls: what is read before each step, and what is to be predicted."""

import numpy as np

from elman.data.music.batches import COLUMNS, Roll, Rolls
from elman.data.music.piece import held


def rolls(*lengths, seed=0):
    random = np.random.default_rng(seed)
    return [
        Roll(random.random((length, 128)) < 0.05, bar) for length, bar in zip(lengths, (3, 4), strict=False)
    ]


def test_each_step_reads_the_chord_before_its_age_and_the_place_in_the_bar():
    (roll,) = rolls(9)
    (batch,) = Rolls([roll], batch_size=2).epoch()
    read, chords = batch.inputs.values[:, 0].numpy(), batch.targets.values[:, 0].numpy()
    assert read.shape == (9, COLUMNS)
    np.testing.assert_array_equal(chords, roll.sounds)
    assert not read[0, :256].any()
    np.testing.assert_array_equal(read[1:, :128], roll.sounds[:-1])
    np.testing.assert_allclose(read[1:, 128:256], np.log2(1 + held(roll.sounds)[:-1]) / 4, rtol=1e-6)
    assert read[:, 256:].argmax(1).tolist() == [0, 1, 2] * 3


def test_padding_has_no_weight():
    (batch,) = Rolls(rolls(3, 8), batch_size=2).epoch()
    assert batch.inputs.lengths.tolist() == [8, 3]
    assert batch.targets.weights.sum(0).tolist() == [8, 3]


def test_windows_are_equal_parts_and_know_what_came_before():
    (roll,) = rolls(10)
    whole = Rolls([roll], batch_size=9)
    parts = Rolls([roll], batch_size=9, window=4, seed=1)
    (batch,), (every,) = parts.epoch(), whole.epoch()
    order = np.concatenate(parts.rows())
    begins = [0, 3, 7]
    assert sorted(batch.inputs.lengths.tolist()) == [3, 3, 4]
    for column, k in enumerate(order):
        length = int(batch.inputs.lengths[column])
        own, expected = batch.inputs.values[:length, column], every.inputs.values[begins[k] :][:length, 0]
        np.testing.assert_array_equal(own, expected)


def test_training_pieces_change_their_key_and_others_do_not():
    (roll,) = rolls(30)
    varied = Rolls([roll], batch_size=1, transpose=5, seed=1)
    shifts = set()
    for number in range(80):
        (batch,) = varied.epoch(number)
        pitches = batch.targets.values[:, 0].numpy().nonzero()[1]
        found = [s for s in range(-5, 6) if np.array_equal(pitches, roll.transposed(s).sounds.nonzero()[1])]
        assert len(found) == 1
        shifts |= {*found}
    assert shifts == set(range(-5, 6))
    (batch,) = Rolls([roll], batch_size=1, transpose=5).epoch()
    np.testing.assert_array_equal(batch.targets.values[:, 0], roll.sounds)
