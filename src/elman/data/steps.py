"""What a network reads of a numeric sequence, and how training varies it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SCALE, _NOISE, _WARP, _TEMPO = 0.1, 0.1, 0.1, 0.1  # deviations of the changes, with strength 1
_DROPPED = 0.1  # share of steps, and of columns, that are left out


@dataclass(frozen=True)
class Steps:
    """Turns standardised steps into a network's inputs.

    Attributes:
        level: read the values themselves.
        centred: read the values less the sequence's own mean of each column.
        differences: read the difference from the step before; 0 in the first step.
        frame: steps that are read at once, side by side; the last frame repeats the last step.

    Raises:
        ValueError: there is nothing to read.
    """

    level: bool = True
    centred: bool = False
    differences: bool = False
    frame: int = 1

    def __post_init__(self) -> None:
        if not (self.level or self.centred) or self.frame < 1:
            raise ValueError("values must be read, with their level or without, and a frame has a step")

    def width(self, columns: int) -> int:
        """Returns the inputs of a network for sequences of so many columns."""
        return columns * self.frame * (self.level + self.centred + self.differences)

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Returns a name for each of a network's inputs, in their order."""
        each = [*columns] if self.level else []
        each += [f"{name} less its mean" for name in columns] if self.centred else []
        each += [f"change of {name}" for name in columns] if self.differences else []
        if self.frame == 1:
            return tuple(each)
        return tuple(f"{name}, step {step}" for step in range(1, self.frame + 1) for name in each)

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Returns the inputs of a sequence.

        Shapes:
            x [T, I] → [⌈T / frame⌉, width]
        """
        parts = [x] if self.level else []
        if self.centred:
            parts.append(x - x.mean(0))
        if self.differences:
            parts.append(np.diff(x, axis=0, prepend=x[:1]))
        read = np.concatenate(parts, 1) if len(parts) > 1 else parts[0]
        if self.frame == 1:
            return read
        read = np.pad(read, ((0, -len(read) % self.frame), (0, 0)), "edge")
        return read.reshape(-1, self.frame * read.shape[1])


def varied(x: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Returns a sequence as it might have been: another scale and tempo, noise, steps and columns left out.

    Args:
        x: [T, I], standardised.
        strength: 0 changes nothing.
        random: draws the changes.

    Source: Um et al. 2017, arXiv:1706.00527 (of sensors on a body); Le Guennec, Malinowski & Tavenard 2016,
    "Data augmentation for time series classification using convolutional neural networks".
    """
    steps = len(x)
    scale, deviation = _scales(x, strength, random), x.std(0)
    x = x.mean(0) + (x - x.mean(0)) * scale
    if steps > 2:
        x = _at(x, _warped(steps, strength, random))
        kept = random.random(len(x)) >= strength * _DROPPED
        kept[random.integers(len(x))] = True
        x = x[kept]
    return _disturbed(x, deviation, strength, random)


def varied_in_place(x: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Returns a sequence as it might have been, step by step: another scale, noise, columns left out.

    Args:
        x: as for ``varied``.
        strength: as for ``varied``.
        random: as for ``varied``.
    """
    x = x.mean(0) + (x - x.mean(0)) * _scales(x, strength, random)
    return _disturbed(x, x.std(0), strength, random)


def _scales(x: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Draws a factor near 1 for each column."""
    return np.exp(strength * _SCALE * random.normal(size=x.shape[1]))


def _disturbed(
    x: np.ndarray, deviation: np.ndarray, strength: float, random: np.random.Generator
) -> np.ndarray:
    """Adds noise, and leaves out some columns."""
    columns = x.shape[1]
    x = x + strength * _NOISE * deviation * random.normal(size=x.shape)
    if columns > 1:
        dropped = np.asarray(random.random(columns) < strength * _DROPPED)
        if not dropped.all():
            x[:, dropped] = 0.0
    return x.astype(np.float32)


def _warped(steps: int, strength: float, random: np.random.Generator) -> np.ndarray:
    """Returns times in [0, steps − 1] at which a sequence is read: in another, changing tempo."""
    length = max(2, round(steps * np.exp(strength * _TEMPO * random.normal())))
    knots = np.exp(2 * strength * _WARP * random.normal(size=5))  # speed at five times
    speed = np.interp(np.linspace(0, 4, length - 1), np.arange(5), knots)
    times = np.concatenate([[0.0], speed.cumsum()])
    return times * ((steps - 1) / times[-1])


def _at(x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns the values [M, I] of a sequence [T, I] at times between its steps, linearly interpolated."""
    before = np.minimum(times.astype(np.int64), len(x) - 2)
    share = (times - before)[:, None]
    return x[before] * (1 - share) + x[before + 1] * share
