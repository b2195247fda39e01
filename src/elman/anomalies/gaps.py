"""Makes the errors after gaps comparable with all others."""

import numpy as np

from elman.anomalies.likelihood import FEWEST

_KINDS = 6  # 0: no gap before, 1, 2–3, 4–7, 8–15, 16 or more rows to recover
_MOST = 7.0  # deviations at which errors are clipped, so that a faulty value does not hide others


class Gaps:
    """Scales the errors after gaps, from the past alone, in constant time and memory.

    After a gap, the model's state and its last input are no measurements, so errors are larger. Each column
    has rows to recover, from 0 to 31: one more for each missing value, one less for each known one. Errors
    with 1, 2 to 3, 4 to 7, 8 to 15 and more of them are kinds of their own. Once 30 errors of a kind are
    known, the next is multiplied by the ratio of the root mean squares of errors without a gap and of its
    kind, if that is below 1. Until then it is left out.

    Args:
        columns: D.
    """

    def __init__(self, columns: int) -> None:
        self._recover = np.zeros(columns, dtype=np.int64)
        self._squares = np.zeros((_KINDS, columns))
        self._count = np.zeros((_KINDS, columns), dtype=np.int64)
        self._columns = np.arange(columns)
        self._is_usual = False  # no column recovers, and errors without a gap are plenty

    def push(self, errors: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Returns the errors of the next row [D], NaN if left out.

        Args:
            errors: [D]; NaN where the model expects nothing, or a value is missing.
            known: [D] whether each value is there.
        """
        if self._is_usual and not np.isnan(errors).any():  # nearly every row
            squares = np.square(errors, dtype=np.float64)
            self._squares[0] += np.minimum(squares, _MOST * _MOST * (self._squares[0] / self._count[0]))
            self._count[0] += 1
            return errors
        kinds = np.frexp(self._recover)[1]  # number of binary digits
        self._recover = np.clip(self._recover + np.where(known, -1, 1), 0, 2 ** (_KINDS - 1) - 1)
        place = kinds, self._columns
        mean = self._squares / np.maximum(self._count, 1)
        own, plenty = mean[place], self._count[place] >= FEWEST
        squares = np.square(errors, dtype=np.float64)
        squares = np.where(plenty, np.minimum(squares, _MOST * _MOST * own), squares)
        measured = ~np.isnan(errors)
        self._squares[place] += np.where(measured, squares, 0.0)
        self._count[place] += measured
        self._is_usual = not self._recover.any() and bool((self._count[0] >= FEWEST).all())
        if not kinds.any():
            return errors
        narrower = np.where(self._count[0] >= FEWEST, np.sqrt(mean[0] / np.maximum(own, 1e-30)), 1.0)
        return np.where(kinds == 0, errors, np.where(plenty, errors * np.minimum(narrower, 1.0), np.nan))


def comparable(errors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the errors of a whole series [N, D], as ``Gaps`` does row by row; NaN values are missing."""
    known = ~np.isnan(values)
    if known.all():
        return errors
    gaps = Gaps(errors.shape[1])
    return np.stack([gaps.push(*row) for row in zip(errors, known, strict=True)])
