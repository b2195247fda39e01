"""The scale that numbers are brought to: learned on the training part, kept as facts of the run."""

import math
from collections.abc import Sequence

import numpy as np

from elman.config import require

SMALLEST, LARGEST = 1e-37, 3.4e38  # what float32 holds
_FARTHEST = 1e6  # deviations; a faulty sensor's 1e38 must not end in infinite errors
_PRECISION = 1e-13  # a smaller share of the mean is the rounding of whoever computed the numbers


def standard(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each column of [N, D]; a deviation of 1 where the column is constant.

    NaN is left out; a column of nothing else has mean 0.
    """
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    count = np.maximum(known.sum(0), 1)
    # sums from the first number on lose nothing to a large level, and those of a constant are exact
    level = np.nan_to_num(np.take_along_axis(values, known.argmax(0)[None], 0)[0])
    mean = level + np.where(known, values - level, 0.0).sum(0) / count
    deviation = np.sqrt(np.square(np.where(known, values - mean, 0.0)).sum(0) / count)
    varies = deviation > np.maximum(SMALLEST, _PRECISION * np.abs(mean))
    return mean.tolist(), np.where(varies, deviation, 1.0).tolist()


def scaled(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values in deviations from the mean, float32; a million of them is as far as anything lies.

    Values are float64, since float32 holds no deviation beside a large mean.
    """
    return ((values - mean) / scale).clip(-_FARTHEST, _FARTHEST).astype(np.float32)


def written(value: float, mean: float, scale: float, digits: int) -> str:
    """A number as text, with so many digits of its distance from the mean, however large the mean is."""
    beyond = max(0, math.ceil(math.log10(max(abs(mean), SMALLEST) / scale)))
    return f"{value:.{min(digits + beyond, 17)}g}"


def check_numbers(name: str, values: Sequence[float], count: int) -> None:
    """Raises InputError unless means or scales of columns are ``count`` numbers that float32 holds.

    Args:
        name: of the fact, for messages; ends in ``mean``, or holds scales, which are positive.
        values: the numbers.
        count: how many are expected.
    """
    low = -LARGEST if name.endswith("mean") else SMALLEST
    fits = len(values) == count and all(low <= value <= LARGEST for value in values)
    require(name, fits, f"{count} numbers in [{low:.3g}, {LARGEST:.3g}]", list(values))
