"""Follows a series row by row with the stream of a model."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Reader(Protocol):
    """A stream of a model."""

    def step(self, values: Tensor) -> Tensor:
        """Reads the inputs of one step [I]; returns the expected values [D], or [H · D] over H horizons."""
        ...


class Follower:
    """Computes the expected values of each row, over each horizon.

    Over horizon h, a row is expected from the rows up to the h-th before it; over 1 from all rows before. In
    place of a missing value a forecaster reads what it expected there, so that a gap is no flat piece of the
    series; an autoencoder reads the last known value.

    Args:
        reader: the model's stream.
        columns: D.
        lagged: whether the model reads the previous row and predicts this one (a forecaster), instead of
            reading and reconstructing this row.
        horizons: rows ahead that the model expects, the first of which is 1.
    """

    def __init__(self, reader: Reader, columns: int, *, lagged: bool, horizons: Sequence[int] = (1,)) -> None:
        self._reader, self._lagged, self._horizons = reader, lagged, horizons
        self._shape = len(horizons), columns
        self._made: deque[np.ndarray] = deque(maxlen=max(horizons))
        self._read = np.zeros(columns, dtype=np.float32)
        self.rows = 0
        """Number of rows read so far."""

    def step(self, seen: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads the next row; returns the expected values and the errors over each horizon.

        Errors are NaN if the value is missing or there is no row that far before; expected values are NaN in
        the latter case, except over horizon 1.

        Shapes:
            seen [D] scaled, NaN for missing values; features [F] of the row's time → two of [H, D]
        """
        return self.take(seen, self._reader.step(torch.from_numpy(self.inputs(seen, features))).numpy())

    def inputs(self, seen: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Returns what the reader reads at the next row [D + F]; see ``step``."""
        if not self._lagged:
            self._read = np.where(np.isnan(seen), self._read, seen)
        return np.concatenate([self._read, features]) if len(features) else self._read

    def take(self, seen: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Completes the row whose ``inputs`` the reader has answered with [H · D]; see ``step``."""
        expected = expected.reshape(self._shape)
        if len(self._horizons) > 1:
            self._made.appendleft(expected)
            expected = np.stack([self._ahead(place) for place in range(len(self._horizons))])
        errors = seen - expected
        if self._lagged:
            self._read = np.where(np.isnan(seen), expected[0], seen)
            if self.rows == 0:
                errors = np.full_like(errors, np.nan)
        self.rows += 1
        return expected, errors

    def _ahead(self, place: int) -> np.ndarray:
        """Returns what was expected of this row over a horizon [D], NaN where nothing was."""
        horizon = self._horizons[place]
        if horizon > 1 and self.rows < horizon:
            return np.full(self._shape[1], np.nan, np.float32)
        return self._made[horizon - 1][place]


def follow(
    reader: Reader, seen: np.ndarray, features: np.ndarray, *, lagged: bool, horizons: Sequence[int] = (1,)
) -> np.ndarray:
    """Returns the expected values of each row of a whole series over each horizon, as they come.

    Shapes:
        seen [N, D], features [N, F] → [N, H, D]
    """
    follower = Follower(reader, seen.shape[1], lagged=lagged, horizons=horizons)
    return np.stack([follower.step(*row)[0] for row in zip(seen, features, strict=True)])
