"""Numeric sequences in the form of sktime and aeon (.ts): a case a line, with colons between dimensions."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from elman.config import shown
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import read_lines
from elman.errors import InputError

_MISSING = ("?", "nan")


class Cases(NamedTuple):
    """The cases of a file.

    Attributes:
        items: [T, D] float64 each.
        targets: the class label or the number of each, as written; empty if the file has none.
        lines: line of each, from 1.
        kind: what the targets are.
    """

    items: list[np.ndarray]
    targets: list[str]
    lines: list[int]
    kind: Literal["", "label", "number"]


def read_ts(path: Path, reading: Reading = PLAIN) -> Cases:
    """Reads a file of cases of any length and D dimensions; missing values at a case's end shorten it.

    Args:
        path: the file.
        reading: its encoding.

    Raises:
        InputError: the header lacks ``@data``, a case has time stamps, a value is no finite number or is
            missing within a case, or dimensions differ; the message names the line.

    Source: the file format of Bagnall et al. 2018, arXiv:1811.00075, as aeon documents it.
    """
    lines = read_lines(path, reading)
    names: dict[str, str] = {}
    begin = 0
    for begin, line in enumerate(lines, 1):
        name, _, rest = line.strip().partition(" ")
        if name.lower() == "@data":
            break
        if name.startswith("@"):
            names[name.lower()] = rest.strip()
        elif name and not name.startswith("#"):
            raise InputError(
                f"{path}: line {begin}: must begin with @ above the line @data. Got {shown(line)}."
            )
    else:
        raise InputError(f"{path}: has no line @data")
    labels = names.get("@classlabel", "false").split()
    kind: Literal["", "label", "number"] = ""
    if labels[:1] and labels[0].lower() == "true":
        kind = "label"
    elif names.get("@targetlabel", "false").lower().startswith("true"):
        kind = "number"
    cases = Cases([], [], [], kind)
    for number, line in enumerate(lines[begin:], begin + 1):
        if line.strip():
            _add(cases, line.strip(), f"{path}: line {number}", labels[1:])
            cases.lines.append(number)
    if not cases.items:
        raise InputError(f"{path}: has no cases below the line @data")
    return cases


def _add(cases: Cases, line: str, place: str, labels: list[str]) -> None:
    """Adds the case of a line."""
    fields = [field.strip() for field in line.split(":")]
    if any(field.startswith("(") for field in fields):
        raise InputError(f"{place}: has time stamps, which are not read: write the values alone")
    if cases.kind:
        target = fields.pop()
        if cases.kind == "label" and labels and target not in labels:
            raise InputError(f"{place}: the label must be one of {', '.join(labels)}. Got {shown(target)}.")
        cases.targets.append(target)
    if not fields:
        raise InputError(f"{place}: must have values, a colon and a {cases.kind}. Got {shown(line)}.")
    values = [_values(field, f"{place}, dimension {k}") for k, field in enumerate(fields, 1)]
    if len({len(one) for one in values}) > 1:
        lengths = " and ".join(str(length) for length in sorted({len(one) for one in values})[:2])
        raise InputError(f"{place}: its dimensions must have equally many values. Got {lengths}.")
    item = np.stack(values, axis=1)
    known = np.flatnonzero(~np.isnan(item).all(axis=1))
    item = item[: known[-1] + 1] if len(known) else item[:0]
    gaps = np.argwhere(np.isnan(item))
    if not len(item) or len(gaps):
        step, dimension = gaps[0] if len(gaps) else (0, 0)
        raise InputError(f"{place}, dimension {dimension + 1}: value {step + 1} is missing: write a number")
    width = cases.items[0].shape[1] if cases.items else item.shape[1]
    if width != item.shape[1]:
        raise InputError(f"{place}: must have {width} dimensions, like the first case. Got {item.shape[1]}.")
    cases.items.append(item)


def _values(field: str, place: str) -> np.ndarray:
    """Returns the numbers of a dimension, NaN where one is missing."""
    cells = ["nan" if cell.strip().lower() in _MISSING else cell for cell in field.split(",")]
    try:
        values = np.array(cells, np.float64)
    except ValueError:
        values = np.array([np.inf])
    if np.isinf(values).any():
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise InputError(f"{place}: must be finite numbers with commas between them. Got {shown(wrong)}.")
    return values


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) != np.inf
    except ValueError:
        return False
