"""Log-mel features."""

import numpy as np
import pytest
from sounds import tone

from elman.data.features.fbank import FLOOR, Fbank
from elman.errors import InputError


def mel(frequency):
    return 1127 * np.log1p(frequency / 700)


@pytest.mark.parametrize(("rate", "bins"), [(8_000, 40), (16_000, 40), (16_000, 80), (44_100, 40)])
def test_a_tone_is_in_its_band(rate, bins):
    fbank = Fbank(rate, bins)
    for frequency in (300.0, 1_000.0, 3_000.0):
        frames = fbank.frames(tone(frequency, 0.5, rate))
        assert frames.shape == (50, bins)
        assert frames.dtype == np.float32
        edges = np.linspace(mel(20), mel(rate / 2), bins + 2)
        expected = np.abs(edges[1:-1] - mel(frequency)).argmin()
        assert (np.abs(frames[5:-5].argmax(1) - expected) <= 1).all()


@pytest.mark.parametrize("chunk", [1, 159, 160, 1_600])
def test_frames_of_a_stream_equal_those_of_the_whole(chunk):
    sound = tone(440.0, 0.3, 16_000)[:-37]
    fbank = Fbank()
    stream = fbank.stream()
    pieces = [stream.take(sound[k : k + chunk]) for k in range(0, len(sound), chunk)]
    arrived = sum(map(len, pieces))
    assert arrived >= len(sound) // 160 - 2  # nothing waits for the end but the last frames
    assert np.array_equal(np.concatenate([*pieces, stream.end()]), fbank.frames(sound))


def test_a_sound_twice_as_loud_has_log_4_more():
    sound = tone(440.0)
    fbank = Fbank(8_000)
    assert np.allclose(fbank.frames(2 * sound) - fbank.frames(sound), np.log(4), atol=1e-3)


def test_silence_and_very_short_sounds_have_frames():
    assert (Fbank().frames(np.zeros(1_600, np.float32)) == FLOOR).all()
    assert len(Fbank().frames(np.ones(1, np.float32))) == 1


def test_impossible_features_are_refused():
    with pytest.raises(InputError, match=r"^mels must be an int in \[2, 200\]. Got 1.$"):
        Fbank(16_000, 1)
    with pytest.raises(
        InputError, match=r"^the sample rate must be an int in \[1,000, 384,000\] Hz. Got 10.$"
    ):
        Fbank(10)
