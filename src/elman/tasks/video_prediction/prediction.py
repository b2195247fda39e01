"""Predicted frames: what is printed and written of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import counted
from elman.data.video.write import write_frames
from elman.errors import InputError
from elman.train.files import write_atomically


@dataclass(frozen=True, eq=False)
class Prediction:
    """Frames that were given and predicted, in [0, 1].

    Attributes:
        given: [context, H, W] or [context, H, W, 3].
        predicted: [horizon, …].
        true: [n, …] the frames after the given ones, as far as they are known; n ≤ horizon.
    """

    given: np.ndarray
    predicted: np.ndarray
    true: np.ndarray

    def errors(self) -> list[float]:
        """Squared error a pixel of each predicted frame whose truth is known."""
        return _errors(self.predicted[: len(self.true)], self.true)

    def errors_of_copying(self) -> list[float]:
        """The same of the last given frame."""
        return _errors(self.given[-1:], self.true)

    def lines(self, written: Path | None) -> Iterator[str]:
        """Yields what was predicted, and the errors."""
        where = f"{written}: " if written else ""
        given, predicted = counted(len(self.given), "frame"), counted(len(self.predicted), "frame")
        yield f"{where}{given} given, {predicted} predicted"
        if len(self.true):
            own, copied = np.mean(self.errors()), np.mean(self.errors_of_copying())
            many = counted(len(self.true), "frame")
            yield f"squared error a pixel over {many}: {own:.5f}; of copying the last frame: {copied:.5f}"

    def json(self) -> dict[str, Any]:
        """Returns numbers of frames, and the errors of each."""
        return {
            "given": len(self.given),
            "predicted": len(self.predicted),
            "squared_error": self.errors(),
            "squared_error_of_copying": self.errors_of_copying(),
        }

    def write(self, path: Path, rate: float) -> None:
        """Writes the frames as the file's ending says. Raises InputError if it cannot be written."""
        both = np.concatenate([self.given, self.predicted])
        true = np.concatenate([self.given, self.true])
        if path.suffix.lower() == ".npz":
            arrays: Any = {"true": _bytes(true), "predicted": _bytes(self.predicted)}

            def write(temporary: Path) -> None:
                with temporary.open("wb") as file:
                    np.savez_compressed(file, **arrays)
        else:
            missing = np.zeros((len(both) - len(true), *both.shape[1:]), both.dtype)
            beside = np.concatenate([np.concatenate([true, missing]), both], axis=2)

            def write(temporary: Path) -> None:
                write_frames(temporary, _bytes(beside), rate, path.suffix.lower())

        try:
            write_atomically(path, write)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _errors(predicted: np.ndarray, true: np.ndarray) -> list[float]:
    squares = np.square(predicted - true, dtype=np.float64)
    return [float(square.mean()) for square in squares]


def _bytes(frames: np.ndarray) -> np.ndarray:
    return np.rint(frames * 255).astype(np.uint8)
