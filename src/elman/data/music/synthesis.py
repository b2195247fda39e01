"""A plain synthesiser: pieces as sound."""

import io
import wave

import numpy as np

from elman.data.music.piece import DRUMS, Piece

RATE = 22_050
"""Samples a second."""
_PARTIALS = 6
_ATTACK, _RELEASE = 0.01, 0.08  # seconds
_DECAY = 1.2  # seconds after which a held note has lost two thirds of its loudness
_BRIGHT = 42  # the lowest number of a hi-hat in General MIDI
_BODY = 70  # hertz of the tone of lower drums
_PEAK = 0.9
_USUAL_TEMPO = 100.0


def samples_of(piece: Piece, rate: int = RATE) -> np.ndarray:
    """Returns the sound of a piece, float32 in [−1, 1]: sums of sines that die away, and noise for drums.

    Args:
        piece: with ticks that have a length.
        rate: samples a second.
    """
    assert piece.ticks is not None
    seconds = 60 / ((piece.tempo or _USUAL_TEMPO) * piece.ticks)
    sound = np.zeros(round((piece.length * seconds + _RELEASE) * rate) + 1)
    is_drum = (piece.instrument == DRUMS).tolist()
    for (begin, duration, pitch, velocity, _), struck in zip(piece.notes.tolist(), is_drum, strict=True):
        tone = _stroke(pitch, rate) if struck else _tone(pitch, duration * seconds, rate)
        tone = tone * velocity / 127
        first = round(begin * seconds * rate)
        kept = min(len(tone), len(sound) - first)
        sound[first : first + kept] += tone[:kept]
    loudest = np.abs(sound).max(initial=0.0)
    return (sound * (_PEAK / loudest if loudest else 1.0)).astype(np.float32)


def _tone(pitch: int, seconds: float, rate: int) -> np.ndarray:
    """Returns a note: partials below half the rate, the higher ones softer and sooner gone."""
    time = np.arange(round((seconds + _RELEASE) * rate)) / rate
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    tone = np.zeros(len(time))
    for partial in range(1, _PARTIALS + 1):
        if partial * frequency < rate / 2:
            loudness = np.exp(-time * partial**0.5 / _DECAY) / partial**1.5
            tone += loudness * np.sin(2 * np.pi * partial * frequency * time)
    attack = np.minimum(time / _ATTACK, 1)
    release = np.clip((seconds + _RELEASE - time) / _RELEASE, 0, 1)
    return np.asarray(tone * attack * release)


def _stroke(pitch: int, rate: int) -> np.ndarray:
    """Returns a stroke on a drum: noise, the shorter and brighter the higher its number, over a low tone."""
    time = np.arange(round(_RELEASE * rate)) / rate
    noise = np.random.default_rng(pitch).normal(size=len(time))
    if pitch >= _BRIGHT:  # cymbals and the like: without the low part of the noise
        noise = np.diff(noise, prepend=0.0)
    body = np.sin(2 * np.pi * _BODY * time) * (pitch < _BRIGHT)
    fading = np.exp(-time / (_RELEASE / 4)) * np.clip((_RELEASE - time) / _RELEASE, 0, 1)
    return np.asarray((0.3 * noise + body) * fading)


def wav_of(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Returns a WAV file of 16 bits and one channel: samples [N] in [−1, 1]."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32_767).astype("<i2").tobytes())
    return stream.getvalue()
