"""Recordings whose words are tones, and a manifest of them."""

import io
import wave

import numpy as np

RATE = 8000
TONES = {"lo": 300, "mi": 900, "ha": 2000}
"""Frequency in Hz of each word."""
SPEECH = {"sample_rate": RATE, "mels": 12, "layers": 1, "stride": 2, "behind": 1, "ahead": 1}
"""Options of a small recogniser of these."""


def sound(text: str, seed: int = 0, longest: float = 0.05) -> np.ndarray:
    """The samples [N] of a text: a tone of 0.12 s for each word, and pauses of faint noise around them.

    The pauses have 0.05 s, or more at random up to the longest.
    """
    random = np.random.default_rng(seed)
    pause: np.ndarray = np.zeros(RATE // 20)
    pieces: list[np.ndarray] = []
    for word in text.split():
        if longest > 0.05:
            pause = np.zeros(round(RATE * random.uniform(0.05, longest)))
        times = np.arange(round(RATE * 0.12 * random.uniform(0.8, 1.2))) / RATE
        pieces += [pause, 0.3 * np.sin(2 * np.pi * TONES[word] * random.uniform(0.95, 1.05) * times)]
    samples = np.concatenate([*pieces, pause])
    return (samples + 0.003 * random.normal(size=len(samples))).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """The bytes of a WAV file of 16 bits."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def texts(number: int, seed: int = 0) -> list[str]:
    """Texts of one to three words."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice([*TONES], random.integers(1, 4))) for _ in range(number)]


def recordings(number: int, seed: int = 0, manifest: str = "recordings.csv") -> dict[str, bytes]:
    """A manifest, and its recordings in a folder beside it, by name."""
    said = texts(number, seed)
    names = [f"sounds-{seed}/{k}.wav" for k in range(number)]
    rows = [f"{name},{text}" for name, text in zip(names, said, strict=True)]
    sounds = {name: wav(sound(text, k)) for k, (name, text) in enumerate(zip(names, said, strict=True))}
    return {manifest: ("path,text\n" + "\n".join(rows) + "\n").encode(), **sounds}
