"""Labelled examples: texts, pairs of texts, or numeric sequences, each with its label or labels."""

import json
import math
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
_STORED = (np.float64, np.float32)  # the latter in earlier versions


@dataclass(frozen=True)
class Labelled:
    """Examples, their labels, and where each comes from.

    Attributes:
        items: of each example a tuple of one text, or of two; or numbers [T, I].
        labels: of each example: one, or, where ``multi_label``, any number; empty where they are not known.
        places: where each was read, for messages: "reviews.csv: row 7".
        features: names of the numeric columns; empty for texts.
        multi_label: whether an example may have several labels, or none.
        names: of each numeric sequence that has one; otherwise empty.
    """

    items: list[Any]
    labels: list[tuple[str, ...]]
    places: list[str]
    features: tuple[str, ...] = ()
    multi_label: bool = False
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def texts(self) -> int:
        """Texts an example: 1, 2 for pairs, 0 for numeric sequences."""
        return 0 if self.features else len(self.items[0])

    @property
    def strata(self) -> list[str]:
        """Each example's labels as one text, to split by."""
        return ["\x1f".join(labels) for labels in self.labels]

    def rows(self, index: np.ndarray) -> "Labelled":
        """The examples at these positions."""
        return Labelled(
            [self.items[k] for k in index],
            [self.labels[k] for k in index],
            [self.places[k] for k in index],
            self.features,
            self.multi_label,
            tuple(self.names[k] for k in index) if self.names else (),
        )


def joined(parts: Sequence[Labelled]) -> Labelled:
    """Examples of several files as one; InputError where they are not of one kind."""
    first = parts[0]
    for part in parts[1:]:
        for what, found, wanted in (
            ("texts", part.texts, first.texts),
            ("features", part.features, first.features),
            ("several labels", part.multi_label, first.multi_label),
        ):
            if found != wanted:
                raise InputError(
                    f"{part.places[0]}: {what} must be as in the file before ({shown(wanted)}). "
                    f"Got {shown(found)}."
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
    """Says in one line which labels occur once, so that nothing measures how well they are told."""
    counts = Counter(label for labels in examples.labels for label in labels)
    lone = [label for label, count in counts.items() if count == 1]
    if lone:
        first = next(p for p, found in zip(examples.places, examples.labels, strict=True) if lone[0] in found)
        more = f" ({len(lone)} such labels)" if len(lone) > 1 else ""
        warnings.warn(
            f"{first}: label {shown(lone[0])} occurs only here, so only one part can have it{more}",
            stacklevel=2,
        )


def warn_of_repeats(parts: dict[str, Labelled]) -> None:
    """Says in one line how many examples of another part stand in the training part too."""
    keys = {name: [_key(item) for item in part.items] for name, part in parts.items()}
    split.warn_of_repeats(keys, lambda name, row: parts[name].places[row])


def _key(item: Any) -> Any:
    return item if isinstance(item, tuple) else item.tobytes()


def label_names(examples: Labelled) -> list[str]:
    """The different labels, numbers by value, then texts by letter.

    Raises:
        InputError: there is only one, though each example has exactly one.
    """
    names = sorted({label for labels in examples.labels for label in labels}, key=_label_order)
    if len(names) < (1 if examples.multi_label else 2):
        raise InputError(
            f"{examples.places[0]}: there must be at least two different labels. "
            f"Got {', '.join(names) or 'none'} alone."
        )
    return names


def _label_order(label: str) -> tuple[bool, float, str]:
    try:
        value = float(label)
    except ValueError:
        value = math.nan
    return (True, 0.0, label) if math.isnan(value) else (False, value, label)


def check_text(texts: Iterable[str], place: str) -> None:
    """Raises InputError where a text is empty, or white space alone."""
    if not all(text.strip() for text in texts):
        raise InputError(f"{place}: the text must not be empty")


def check_label(value: Any, place: str) -> Label:
    """A label, a number of NumPy's as Python's; InputError where it is neither text nor number."""
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, int | float) and abs(value) < math.inf  # NaN is none
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
    """Numeric sequences as examples, padding cut off; no labels where these are not known."""
    items = [x[:n] for x, n in zip(sequences.inputs, sequences.lengths, strict=True)]
    return Labelled(items, labels or [()] * len(items), places, tuple(sequences.features), multi_label, names)


def read_array(path: Path) -> np.ndarray:
    """The array of an ``.npy`` file; InputError where it is damaged or holds pickled objects."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # a damaged file can raise nearly anything
        raise InputError(f"{path}: cannot be read: {shown(str(error))}") from None


# In the run folder


def save_parts(folder: Path, parts: dict[str, Labelled]) -> None:
    """Writes the examples of each part where ``load_parts`` finds them."""
    with (folder / _EXAMPLES).open("w", encoding="utf-8") as file:
        for name, part in parts.items():
            for item, labels, place in zip(part.items, part.labels, part.places, strict=True):
                text = len(item) if part.features else item
                line = {"part": name, "item": text, "labels": labels, "place": place}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    steps = [item for part in parts.values() if part.features for item in part.items]
    if steps:
        np.save(folder / _STEPS, np.concatenate(steps))


def load_parts(
    folder: Path, names: Iterable[str], features: Sequence[str], texts: int, multi_label: bool
) -> dict[str, Labelled]:
    """Reads them again.

    Args:
        folder: the run folder.
        names: of the parts.
        features: names of the numeric columns; empty for texts.
        texts: texts an example; 0 for numeric sequences.
        multi_label: whether an example may have any number of labels.

    Raises:
        InputError: a file is missing, or not as ``save_parts`` writes it.
    """
    path = folder / _EXAMPLES
    check_regular(path)
    found: dict[str, tuple[list[Any], list[tuple[str, ...]], list[str]]] = {n: ([], [], []) for n in names}
    steps = np.zeros((0, len(features)))
    if features:
        check_regular(folder / _STEPS)
        steps = read_array(folder / _STEPS)
        if steps.ndim != 2 or steps.shape[1] != len(features) or steps.dtype not in _STORED:
            raise InputError(f"{folder / _STEPS}: must be float64 [steps, {len(features)}]")
    begin = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            part, item, labels, place = _stored(line, f"{path}: line {number}", found, texts, multi_label)
            if features:
                begin, item = begin + item, steps[begin : begin + item]
            items, all_labels, places = found[part]
            items.append(item)
            all_labels.append(labels)
            places.append(place)
    if begin != len(steps):
        raise InputError(f"{folder / _STEPS}: must have {begin} steps. Got {len(steps)}.")
    return {name: Labelled(*part, tuple(features), multi_label) for name, part in found.items()}


def _stored(
    text: str, place: str, parts: Iterable[str], texts: int, multi_label: bool
) -> tuple[str, Any, tuple[str, ...], str]:
    """Part, item, labels and place of a stored line."""
    try:
        line = json.loads(text)
        part, item, labels, origin = (line[key] for key in ("part", "item", "labels", "place"))
        fits = (
            part in list(parts)
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
    return part, tuple(item) if texts else item, tuple(labels), origin
