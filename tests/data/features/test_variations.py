"""Variations of frames are what the same variations of the sound give."""

import numpy as np
import pytest
from sounds import tone

from elman.data.features.fbank import Fbank
from elman.data.features.variations import (
    Variations,
    at_speed,
    masked,
    part_of,
    with_bands_moved,
    with_noise,
    with_quiet,
)
from elman.data.read.audio import Resampler

RATE = 16_000
FBANK = Fbank(RATE, 40)


def voice(seed: int = 0, seconds: float = 1.0) -> np.ndarray:
    """A sound with some resonances below 5 kHz that rises and falls twice a second."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=round(seconds * RATE)))
    frequency = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    shape = sum(np.exp(-(((frequency - f) / 250) ** 2)) for f in (500, 1_500, 2_600, 4_000))
    sound = np.fft.irfft(spectrum * (shape + 0.01), round(seconds * RATE))
    sound *= 1 + 0.8 * np.sin(4 * np.pi * np.arange(len(sound)) / RATE)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_is_that_of_the_resampled_sound(factor):
    # as many samples as a sound that fast has, played at the same rate
    played = Resampler(round(RATE * factor), RATE)(voice(), last=True)
    truth = FBANK.frames(played)
    frames = FBANK.frames(voice())
    moved = with_bands_moved(at_speed(frames, factor), factor, FBANK)
    assert abs(len(moved) - len(truth)) <= 1
    size = min(len(moved), len(truth))
    below = slice(0, 30)  # faster sounds have nothing to show above the half rate of the original

    def error(guess):
        return np.abs(guess[:size, below].mean(0) - truth[:size, below].mean(0)).mean()

    assert error(moved) < 0.5 * error(at_speed(frames, factor))


def test_noise_adds_as_in_the_mixture():
    sound, noise = voice(), voice(1)[::-1].copy()
    for snr in (0.0, 10.0):
        scale = np.sqrt(np.mean(sound**2) / np.mean(noise**2) / 10 ** (snr / 10))
        truth = FBANK.frames(sound + np.float32(scale) * noise)
        guess = with_noise(FBANK.frames(sound), FBANK.frames(noise), snr)
        # energies add on average; pre-emphasis changes the ratio a little
        assert np.abs(guess.mean(0) - truth.mean(0)).mean() < 0.25
        assert np.corrcoef(guess.ravel(), truth.ravel())[0, 1] > 0.95


def test_masks_are_of_times_and_bands():
    frames = np.random.default_rng(0).normal(size=(100, 40)).astype(np.float32)
    shares = []
    for seed in range(50):
        changed = masked(frames, 1.0, np.random.default_rng(seed)) != frames
        times, bands = changed.all(1), changed.all(0)
        assert np.array_equal(changed, times[:, None] | bands)
        shares.append((times.mean(), bands.mean()))
    time, band = np.mean(shares, 0)
    assert 0.05 < time < 0.15
    assert 0.1 < band < 0.25


def test_quiet_stands_around_a_word():
    frames = np.random.default_rng(0).uniform(1, 2, (20, 40)).astype(np.float32)
    begins = set()
    for seed in range(30):
        wide = with_quiet(frames, 50, np.random.default_rng(seed))
        assert 50 <= len(wide) <= 70
        begin = next(k for k in range(len(wide)) if np.array_equal(wide[k], frames[0]))
        assert np.array_equal(wide[begin : begin + 20], frames)
        assert wide[:begin].max(initial=0.0) < 1.4
        begins.add(begin)
    assert len(begins) > 10


def test_a_part_of_noise_goes_on_behind_its_end():
    noise = np.arange(5.0)[:, None]
    part = part_of(noise, 12, np.random.default_rng(0))[:, 0]
    assert (np.diff(part) % 5 == 1).all()


def test_draws_decide_everything():
    frames, noise = FBANK.frames(voice()), FBANK.frames(tone(200.0, 0.3, RATE))
    varied = Variations(FBANK, noise=[noise])
    first, again, other = (varied(frames, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert first.shape[1] == 40
    assert np.isfinite(first).all()
    assert first.min() >= 0
    still = Variations(FBANK, strength=0.0)
    assert np.array_equal(still(frames, np.random.default_rng(1)), frames)


def test_the_shortest_recording_can_be_varied():
    varied = Variations(FBANK, strength=5.0, noise=[np.ones((1, 40), np.float32)])
    for seed in range(20):
        frames = varied(np.ones((1, 40), np.float32), np.random.default_rng(seed))
        assert len(frames) in (1, 2)
        assert np.isfinite(frames).all()
