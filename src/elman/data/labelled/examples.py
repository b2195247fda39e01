"""Labelled examples: texts, pairs of texts, or numeric sequences, with their labels."""

import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import check_regular, shown
from elman.data import split
from elman.data.sequences import Sequences
from elman.errors import InputError

Label = str | bool | int | float

_EXAMPLES, _STEPS = "examples.jsonl", "steps.npy"
_IN_MEMORY = re.compile(r"X\[\d+\]$")  # the place of an example that is not from a file
_STORED = (np.float64, np.float32)  # earlier versions stored float32


@dataclass(frozen=True)
class Labelled:
    """Examples, their labels, and where each was read.

    Attributes:
        items: per example a tuple of one text or two, numbers [T, I], or a clip's planes [T, C, H, W],
            uint8.
        labels: per example one label or, with ``multi_label``, any number; empty if unknown.
        places: where each example was read, for messages: "reviews.csv: row 7".
        features: names of the numeric columns, or of a clip's planes; empty for texts.
        multi_label: whether an example may have any number of labels.
        names: names of the numeric sequences; empty if they have none.
        weights: weight of each example in the loss; empty: all 1.
    """

    items: list[Any]
    labels: list[tuple[str, ...]]
    places: list[str]
    features: tuple[str, ...] = ()
    multi_label: bool = False
    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def texts(self) -> int:
        """Number of texts per example: 1, 2 for pairs, 0 for numeric sequences."""
        return 0 if self.features else len(self.items[0])

    @property
    def planes(self) -> tuple[int, ...]:
        """Height and width of a clip's planes; empty for anything else."""
        return tuple(self.items[0].shape[2:]) if self.features and len(self) else ()

    @property
    def strata(self) -> list[str]:
        """Each example's labels joined to one text, for stratified splits."""
        return ["\x1f".join(labels) for labels in self.labels]

    def rows(self, index: np.ndarray) -> "Labelled":
        """Returns the examples at these positions."""
        return Labelled(
            [self.items[k] for k in index],
            [self.labels[k] for k in index],
            [self.places[k] for k in index],
            self.features,
            self.multi_label,
            tuple(self.names[k] for k in index) if self.names else (),
            tuple(self.weights[k] for k in index) if self.weights else (),
        )


def joined(parts: Sequence[Labelled]) -> Labelled:
    """Concatenates the examples of several files; raises InputError if they are of different kinds."""
    first = parts[0]
    for part in parts[1:]:
        for what, value, expected in (
            ("texts", part.texts, first.texts),
            ("features", part.features, first.features),
            ("frames", part.planes, first.planes),
            ("several labels", part.multi_label, first.multi_label),
        ):
            if value != expected:
                raise InputError(
                    f"{part.places[0]}: {what} must be as in the file before ({shown(expected)}). "
                    f"Got {shown(value)}."
                )
    return Labelled(
        [item for part in parts for item in part.items],
        [labels for part in parts for labels in part.labels],
        [place for part in parts for place in part.places],
        first.features,
        first.multi_label,
        tuple(name for part in parts for name in part.names) if all(part.names for part in parts) else (),
    )


def warn_of_lone_labels(examples: Labelled) -> None:
    """Warns in one line of labels that occur only once, so that their accuracy cannot be measured."""
    counts = Counter(label for labels in examples.labels for label in labels)
    _warn_of_cases(counts)
    lone = [label for label, count in counts.items() if count == 1]
    if lone:
        first = next(
            p for p, labels in zip(examples.places, examples.labels, strict=True) if lone[0] in labels
        )
        more = f" ({len(lone)} such labels)" if len(lone) > 1 else ""
        warnings.warn(
            f"{first}: label {shown(lone[0])} occurs only here, so only one part can have it{more}",
            stacklevel=2,
        )


def _warn_of_cases(names: Iterable[str]) -> None:
    """Warns in one line of labels that differ only in upper and lower case."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    several = [same for same in alike.values() if len(same) > 1]
    if several:
        first = " and ".join(map(shown, sorted(several[0])[:3]))
        warnings.warn(
            f"labels differ only in upper and lower case, and are learnt apart: {first}", stacklevel=3
        )


def warn_of_repeats(parts: dict[str, Labelled]) -> None:
    """Warns in one line if another part repeats examples of the training part."""
    keys = {name: [_key(item) for item in part.items] for name, part in parts.items()}
    split.warn_of_repeats(keys, lambda name, row: parts[name].places[row])


def _key(item: Any) -> Any:
    return item if isinstance(item, tuple) else item.tobytes()


def label_names(examples: Labelled) -> list[str]:
    """Returns the different labels as texts, in the order of their characters, like ``numpy.unique``.

    Raises:
        InputError: there is only one label although each example has exactly one.
    """
    names = sorted({label for labels in examples.labels for label in labels})
    if len(names) < (1 if examples.multi_label else 2):
        place = _IN_MEMORY.sub("y", examples.places[0])
        raise InputError(
            f"{place}: there must be at least two different labels. Got {', '.join(names) or 'none'}."
        )
    return names


def check_text(texts: Iterable[str], place: str) -> None:
    """Raises InputError if a text is empty or only white space."""
    if not all(text.strip() for text in texts):
        raise InputError(f"{place}: the text must not be empty")


def check_label(value: Any, place: str) -> Label:
    """Returns a label, NumPy numbers as Python's; raises InputError unless it is a text or a number."""
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, int | float) and abs(value) < math.inf  # false for NaN
    if not (is_number or (isinstance(value, str) and value.strip())):
        raise InputError(f"{place}: a label must be a text or a finite number. Got {shown(value)}.")
    return value


def numeric(
    sequences: Sequences,
    labels: list[tuple[str, ...]],
    places: list[str],
    multi_label: bool,
    names: tuple[str, ...] = (),
) -> Labelled:
    """Returns numeric sequences as examples, without padding; ``labels`` is empty if they are unknown."""
    items = sequences.items
    return Labelled(items, labels or [()] * len(items), places, tuple(sequences.features), multi_label, names)


def read_array(path: Path) -> np.ndarray:
    """Reads an ``.npy`` file; raises InputError if it is damaged or holds pickled objects."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # a damaged file can raise nearly anything
        raise InputError(f"{path}: cannot be read: {shown(str(error))}") from None


# Files of the run folder


def save_parts(folder: Path, parts: dict[str, Labelled]) -> None:
    """Writes the examples of each part for ``load_parts``."""
    with (folder / _EXAMPLES).open("w", encoding="utf-8") as file:
        for name, part in parts.items():
            for k, (item, labels, place) in enumerate(zip(part.items, part.labels, part.places, strict=True)):
                text = len(item) if part.features else item
                line = {"part": name, "item": text, "labels": labels, "place": place}
                line |= {"weight": part.weights[k]} if part.weights else {}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    steps = [item for part in parts.values() if part.features for item in part.items]
    if steps:
        np.save(folder / _STEPS, np.concatenate(steps))


def load_parts(
    folder: Path,
    names: Iterable[str],
    features: Sequence[str],
    texts: int,
    multi_label: bool,
    planes: tuple[int, ...] = (),
) -> dict[str, Labelled]:
    """Reads the examples that ``save_parts`` wrote.

    Args:
        folder: the run folder.
        names: names of the parts.
        features: names of the numeric columns; empty for texts.
        texts: number of texts per example; 0 for numeric sequences.
        multi_label: whether an example may have any number of labels.
        planes: height and width of a clip's planes; empty for anything else.

    Raises:
        InputError: a file is missing, or not in the format of ``save_parts``.
    """
    path = folder / _EXAMPLES
    check_regular(path)
    parts: dict[str, tuple[list[Any], list[tuple[str, ...]], list[str], list[float]]] = {
        name: ([], [], [], []) for name in names
    }
    steps = np.zeros((0, len(features)))
    if features:
        check_regular(folder / _STEPS)
        steps = read_array(folder / _STEPS)
        shape, kinds = (len(features), *planes), (np.uint8,) if planes else _STORED
        if steps.shape[1:] != shape or steps.dtype not in kinds:
            kind = np.dtype(kinds[0]).name
            raise InputError(f"{folder / _STEPS}: must be {kind} [steps, {', '.join(map(str, shape))}]")
    begin = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            part, item, labels, place, weight = _stored(
                line, f"{path}: line {number}", parts, texts, multi_label
            )
            if features:
                begin, item = begin + item, steps[begin : begin + item]
            items, all_labels, places, weights = parts[part]
            items.append(item)
            all_labels.append(labels)
            places.append(place)
            weights.append(weight)
    if begin != len(steps):
        raise InputError(f"{folder / _STEPS}: must have {begin} steps. Got {len(steps)}.")
    return {
        name: Labelled(
            items,
            labels,
            places,
            tuple(features),
            multi_label,
            weights=tuple(weights) if set(weights) - {1.0} else (),
        )
        for name, (items, labels, places, weights) in parts.items()
    }


def _stored(
    text: str, place: str, parts: Iterable[str], texts: int, multi_label: bool
) -> tuple[str, Any, tuple[str, ...], str, float]:
    """Parses a stored line to part, item, labels, place and weight."""
    try:
        line = json.loads(text)
        part, item, labels, origin = (line[key] for key in ("part", "item", "labels", "place"))
        weight = line.get("weight", 1.0)
        fits = (
            part in list(parts)
            and type(weight) is float
            and 0 <= weight < math.inf
            and isinstance(labels, list)
            and all(isinstance(label, str) for label in labels)
            and (multi_label or len(labels) == 1)
            and isinstance(origin, str)
            and (
                (isinstance(item, list) and len(item) == texts and all(isinstance(t, str) for t in item))
                if texts
                else (type(item) is int and 1 <= item < 2**31)
            )
        )
    except (ValueError, RecursionError, LookupError, TypeError):
        fits = False
    if not fits:
        raise InputError(f"{place}: is not an example of this run")
    return part, tuple(item) if texts else item, tuple(labels), origin, weight
