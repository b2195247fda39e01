"""Items of different lengths in one safetensors file: all steps end to end, and each item's length."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import overload

import numpy as np
from safetensors import SafetensorError, safe_open

from elman.config import check_regular
from elman.data.new_file import new_file
from elman.errors import InputError

_HEADER = 1024  # bytes reserved for the header, which is written last
_DTYPES = {"F32": np.dtype(np.float32), "F16": np.dtype(np.float16), "U8": np.dtype(np.uint8)}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

Item = np.ndarray | Iterable[np.ndarray]


class Features(Sequence[np.ndarray]):
    """Items [steps, I] or [steps, C, H, W] of a memory-mapped file: only the indexed items are read.

    Args:
        path: a file written by ``write_features``. It need not be trusted: sizes are checked when it is
            opened, and an item's numbers when the item is read.

    Attributes:
        path: the file.
        lengths: [N] int64, steps of each item; 0 is allowed.
        shape: shape of one step.
        dtype: float32, float16 or uint8.

    Raises:
        InputError: the file is missing, damaged or in another format; an item read holds NaN or infinity.
    """

    def __init__(self, path: Path) -> None:
        check_regular(path)
        self.path = path
        try:
            file = safe_open(path, "np")
            if set(file.keys()) != {"values", "lengths"}:
                raise self._refusal("must hold values and lengths", sorted(file.keys())[:5])
            self._values, lengths = file.get_slice("values"), file.get_slice("lengths")
            steps, *shape = self._values.get_shape()
            name = self._values.get_dtype()
            if name not in _DTYPES or len(shape) not in (1, 3) or 0 in shape:
                raise self._refusal(
                    "values must be float32, float16 or uint8 of shape [steps, I] or [steps, C, H, W]",
                    f"{name} of shape {[steps, *shape]}",
                )
            if lengths.get_dtype() != "I64" or len(lengths.get_shape()) != 1 or lengths.get_shape() == [0]:
                raise self._refusal(
                    "lengths must be int64 of shape [N], at least one",
                    f"{lengths.get_dtype()} of shape {lengths.get_shape()}",
                )
            self.lengths: np.ndarray = lengths[:]
        except (SafetensorError, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: not a safetensors file: {str(error).splitlines()[0]}") from None
        self.shape, self.dtype = tuple(shape), _DTYPES[name]
        # Python integers cannot overflow
        ends = list(accumulate(self.lengths.tolist()))
        if self.lengths.min() < 0 or ends[-1] != steps:
            raise self._refusal(f"lengths must be 0 or more and add up to {steps:,} steps", ends[-1])
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        """Returns a copy of one item, or a list of copies."""
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        number = range(len(self))[index]  # IndexError if out of range; negative numbers count from the end
        end = self._ends[number]
        item: np.ndarray = self._values[end - int(self.lengths[number]) : end]
        if not _is_finite(item):
            raise InputError(f"{self.path}: item {number} must hold finite numbers. Got NaN or infinity.")
        return item

    def _refusal(self, rule: str, value: object) -> InputError:
        return InputError(f"{self.path}: {rule}. Got {value}.")


def write_features(path: Path, items: Iterable[Item], dtype: type = np.float32) -> Features:
    """Writes items to one file, with at most one piece of one item in memory.

    Args:
        path: the file, which gets its name only when it is complete.
        items: each an array [steps, I] or [steps, C, H, W], or an iterable of its pieces. uint8 stays as it
            is, floats become ``dtype``.
        dtype: ``np.float32`` or ``np.float16``.

    Returns:
        The items of the written file.

    Raises:
        InputError: there is no item, shape or type of a step differ from the first, or a number is not
            finite. Nothing is written then.
    """
    lengths: list[int] = []
    first: np.ndarray | None = None
    with new_file(path) as file:
        file.write(b" " * _HEADER)
        for number, item in enumerate(items):
            lengths.append(0)
            for piece in _pieces(item):
                converted = _converted(piece, np.dtype(dtype), f"{path}: item {number}")
                first = converted[:0] if first is None else first
                if converted.shape[1:] != first.shape[1:] or converted.dtype != first.dtype:
                    raise InputError(
                        f"{path}: item {number} must have steps of shape {list(first.shape[1:])} in "
                        f"{first.dtype}. Got {list(converted.shape[1:])} in {converted.dtype}."
                    )
                file.write(np.ascontiguousarray(converted).data)
                lengths[-1] += len(converted)
        if first is None:
            raise InputError(f"{path}: features need at least one item that has a shape. Got none.")
        file.write(np.array(lengths, np.int64).data)
        file.seek(0)
        file.write(_header(first, lengths))
    return Features(path)


def _pieces(item: Item) -> Iterator[np.ndarray]:
    return iter([item]) if isinstance(item, np.ndarray) else iter(item)


def _converted(piece: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
    """Checks a piece and converts it to the type it is stored in."""
    if piece.ndim not in (2, 4) or 0 in piece.shape[1:]:
        raise InputError(f"{where} must have shape [steps, I] or [steps, C, H, W]. Got {list(piece.shape)}.")
    if piece.dtype == np.uint8:
        return piece
    if piece.dtype.kind != "f":
        raise InputError(f"{where} must hold floats or uint8. Got {piece.dtype}.")
    with np.errstate(over="ignore"):  # overflow is refused below
        converted = piece.astype(dtype, copy=False)
    if not _is_finite(converted):
        raise InputError(
            f"{where} must hold finite numbers that fit {dtype}. Got NaN, infinity or too large."
        )
    return converted


def _is_finite(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _header(first: np.ndarray, lengths: list[int]) -> bytes:
    """Returns the safetensors header, padded with spaces to its reserved size."""
    shape = [sum(lengths), *first.shape[1:]]
    size = int(np.prod(shape, dtype=object)) * first.dtype.itemsize
    fields = {
        "values": {"dtype": _NAMES[first.dtype], "shape": shape, "data_offsets": [0, size]},
        "lengths": {
            "dtype": "I64",
            "shape": [len(lengths)],
            "data_offsets": [size, size + 8 * len(lengths)],
        },
    }
    room = _HEADER - 8
    return room.to_bytes(8, "little") + json.dumps(fields).encode().ljust(room)
