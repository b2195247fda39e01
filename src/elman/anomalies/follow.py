"""Follows a series row by row with the stream of a model."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Reader(Protocol):
    """A stream of a model."""

    def step(self, values: Tensor) -> Tensor:
        """Reads the inputs of one step [I]; returns the expected values [D]."""
        ...


class Follower:
    """Computes the expected values of each row.

    In place of a missing value a forecaster reads what it expected there, so that a gap is no flat piece of
    the series; an autoencoder reads the last known value.

    Args:
        reader: the model's stream.
        columns: D.
        lagged: whether the model reads the previous row and predicts this one (a forecaster), instead of
            reading and reconstructing this row.
    """

    def __init__(self, reader: Reader, columns: int, *, lagged: bool) -> None:
        self._reader, self._lagged = reader, lagged
        self._read = np.zeros(columns, dtype=np.float32)
        self.rows = 0
        """Number of rows read so far."""

    def step(self, seen: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads the next row; returns the expected values and the errors, NaN if missing or in the first row.

        Shapes:
            seen [D] scaled, NaN for missing values; features [F] of the row's time → two of [D]
        """
        if not self._lagged:
            self._read = np.where(np.isnan(seen), self._read, seen)
        inputs = np.concatenate([self._read, features]) if len(features) else self._read
        expected = self._reader.step(torch.from_numpy(inputs)).numpy()
        errors = seen - expected
        if self._lagged:
            self._read = np.where(np.isnan(seen), expected, seen)
            if self.rows == 0:
                errors = np.full_like(errors, np.nan)
        self.rows += 1
        return expected, errors


def follow(reader: Reader, seen: np.ndarray, features: np.ndarray, *, lagged: bool) -> np.ndarray:
    """Returns the expected values of each row of a whole series, as they come.

    Shapes:
        seen [N, D], features [N, F] → [N, D]
    """
    follower = Follower(reader, seen.shape[1], lagged=lagged)
    return np.stack([follower.step(*row)[0] for row in zip(seen, features, strict=True)])
