"""Sounds of a few tones, as arrays and as files."""

from pathlib import Path

import numpy as np
import soundfile


def tone(
    frequency: float, seconds: float = 0.5, rate: int = 8_000, level: float = 0.3, seed: int = 0
) -> np.ndarray:
    """A tone [N] with a little noise."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (level * np.sin(2 * np.pi * frequency * time) + 0.003 * noise).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray, rate: int = 8_000, **options: str) -> Path:
    """Writes a sound file of the kind that its name has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path
