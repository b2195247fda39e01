"""The synthesiser: notes sound at their pitch, when they should, and end."""

import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from elman.data.music.piece import DRUMS, Piece
from elman.data.music.synthesis import samples_of, wav_of

RATE = 8000


def piece(*notes: tuple[int, int, int], length: int) -> Piece:
    rows = np.array([(begin, duration, pitch, 80, 0) for begin, duration, pitch in notes])
    return Piece.of(rows, length, ticks=480, tempo=60.0)


def test_a_note_has_its_frequency_and_its_time():
    sound = samples_of(piece((480, 480, 69), length=1920), RATE)
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(4.08 * RATE, abs=2)
    loud = np.abs(sound) > 1e-4
    assert loud.nonzero()[0].min() / RATE == pytest.approx(1.0, abs=0.01)
    assert loud.nonzero()[0].max() / RATE == pytest.approx(2.08, abs=0.03)
    spectrum = np.abs(np.fft.rfft(sound[RATE : 2 * RATE]))
    assert spectrum.argmax() == 440


def test_many_loud_notes_do_not_clip():
    sound = samples_of(piece(*((0, 480, pitch) for pitch in range(40, 90)), length=480), RATE)
    assert np.abs(sound).max() == pytest.approx(0.9)


def test_silence_stays_silent():
    assert not samples_of(piece(length=960), RATE).any()


def test_a_wav_file_has_the_samples():
    with wave.open(io.BytesIO(wav_of(np.array([0, 1, -1, 0.5]), RATE))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 32767, -32767, 16384]


@pytest.mark.parametrize(("pitch", "has_body"), [(36, True), (46, False)])
def test_drums_are_short_noise_and_low_ones_have_a_body(pitch, has_body):
    stroke = replace(piece((480, 960, pitch), length=1920), instruments=(DRUMS,))
    sound = samples_of(stroke, RATE)
    loud = (np.abs(sound) > 1e-4).nonzero()[0]
    assert (loud.min() / RATE, loud.max() / RATE) == (
        pytest.approx(1.0, abs=0.01),
        pytest.approx(1.08, abs=0.02),
    )
    power = np.abs(np.fft.rfft(sound[RATE : RATE + RATE // 10])) ** 2  # ten hertz apart
    assert (power[:20].sum() > 0.3 * power.sum()) == has_body
