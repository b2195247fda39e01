"""Tags rows as they come, each before the next is read."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from elman.config import listed, shown
from elman.data.read.reading import Reading
from elman.data.scale import scaled
from elman.data.tagged.columns import Block, Columns, form_of
from elman.data.tagged.files import rows_of
from elman.data.tagged.sequences import Tagged
from elman.errors import InputError
from elman.models.predict import device_of
from elman.models.tagger import Tagger
from elman.tasks.tagging.batches import STEPS, inputs_of
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.printing import PREDICTED, with_cell

_NAME = "standard input"
_MISSING = ("", "na", "n/a", "nan", "null", "none")


def tag_words(model: Tagger, facts: TaggingFacts, columns: Columns, lines: Iterable[str]) -> Iterator[str]:
    """Yields each line with the tag of its word; an empty one ends a sentence."""
    stream, form, device = model.tag_stream(), None, device_of(model)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            stream.reset()
            yield line
            continue
        block = Block(number, [line])
        if form is None:
            form, _ = form_of([block], _NAME, columns)
        (sentence,) = rows_of(form, [block], columns)
        words = sentence.read.words
        if not words:  # a comment or a header
            yield line
            continue
        one = Tagged([words], [()], [sentence.read.inputs], [sentence.place], columns.inputs)
        (values,) = inputs_of(facts, one)
        tag = stream.step(torch.from_numpy(values.astype(np.int64)).to(device))
        yield with_cell(line, facts.tags[tag])


class NumberRows:
    """Turns rows of numbers into what a model reads: standardised, with their changes.

    Args:
        facts: of the run.
    """

    def __init__(self, facts: TaggingFacts) -> None:
        self._mean, self._scale = np.array(facts.input_mean), np.array(facts.input_scale)
        self._before: np.ndarray | None = None

    def reset(self) -> None:
        """Begins another sequence."""
        self._before = None

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Returns the inputs [1, I] of the next row [D]; a missing value (NaN) is the one before."""
        values, before = scaled(values, self._mean, self._scale), self._before
        values = np.where(np.isnan(values), 0 if before is None else before, values).astype(np.float32)
        both = np.stack([values if before is None else before, values])
        self._before = values
        return STEPS.inputs(both)[1:]


def tag_numbers(model: Tagger, facts: TaggingFacts, columns: Columns, lines: Iterable[str]) -> Iterator[str]:
    """Yields a table's header and each row with its tag; another name or an empty line ends a sequence."""
    stream, device = model.tag_stream(), device_of(model)
    rows = NumberRows(facts)
    header: list[str] = []
    mark, name = ",", ""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            stream.reset()
            rows.reset()
            yield line
            continue
        if not header:
            mark = columns.reading.delimiter or max(",;\t", key=line.count)
            header = [cell.strip(' "') for cell in line.split(mark)]
            missing = [feature for feature in facts.features if feature not in header]
            if missing:
                raise InputError(
                    f"{_NAME}: line 1: must name the columns {listed(facts.features)}. "
                    f"{missing[0]!r} is missing."
                )
            yield f"{line}{mark}{PREDICTED}"
            continue
        cells = [cell.strip(' "') for cell in line.split(mark)]
        own = cells[header.index(columns.id)] if columns.id in header else ""
        if own != name:
            stream.reset()
            rows.reset()
            name = own
        inputs = rows.inputs(_numbers(cells, header, facts, columns.reading, number))
        tag = stream.step(torch.from_numpy(inputs).to(device))
        yield f"{line}{mark}{facts.tags[tag]}"


def _numbers(
    cells: list[str], header: list[str], facts: TaggingFacts, reading: Reading, number: int
) -> np.ndarray:
    """Returns the numbers of a row, NaN where one is missing. Raises InputError if a cell is none."""
    if len(cells) != len(header):
        raise InputError(
            f"{_NAME}: line {number}: must have {len(header)} cells, like the header. Got {len(cells)}."
        )
    values = []
    for feature in facts.features:
        cell = cells[header.index(feature)]
        if cell.lower() in _MISSING or cell in reading.missing:
            values.append(np.nan)
            continue
        try:
            values.append(float(cell.replace(reading.decimal or ".", ".")))
        except ValueError:
            values.append(np.inf)
        if not np.isfinite(values[-1]):
            raise InputError(
                f"{_NAME}: line {number}, column {feature!r}: must be a finite number. Got {shown(cell)}."
            )
    return np.array(values)
