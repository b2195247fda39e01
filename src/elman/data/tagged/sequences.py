"""Sequences with a tag at every step: words of sentences, or numbers."""

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import check_regular, shown
from elman.data import split
from elman.data.labelled.examples import read_array
from elman.errors import InputError
from elman.notice import notice

_SEQUENCES, _STEPS = "sequences.jsonl", "steps.npy"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Tagged:
    """Sequences of words or of numbers, a tag for each of their steps, and where each was read.

    Attributes:
        items: T words of each sentence, or numbers [T, I].
        tags: T tags of each; empty if they are unknown. Of numbers, a single one that is unknown is "".
        inputs: for each sentence, T cells of each further column that a model reads.
        places: where each was read, for messages: "train.conll: line 7".
        columns: names or numbers of the K further columns.
        features: names of the I numbers of a step; empty for words.
        names: of the sequences of numbers.
        are_whole: whether all tags were given as whole numbers, in Python.
    """

    items: list[Any]
    tags: list[Words]
    inputs: list[tuple[Words, ...]]
    places: list[str]
    columns: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    are_whole: bool = False

    def __len__(self) -> int:
        return len(self.items)

    @property
    def words(self) -> list[Words]:
        """The words of each sentence."""
        return self.items

    @property
    def steps(self) -> int:
        """Words of all sentences, or steps of all sequences."""
        return sum(map(len, self.items))

    def rows(self, index: Iterable[int]) -> "Tagged":
        """Returns the sequences at these positions."""
        chosen = list(index)
        return replace(
            self,
            items=[self.items[k] for k in chosen],
            tags=[self.tags[k] for k in chosen],
            inputs=[self.inputs[k] for k in chosen],
            places=[self.places[k] for k in chosen],
            names=tuple(self.names[k] for k in chosen) if self.names else (),
        )


def joined(parts: Sequence[Tagged]) -> Tagged:
    """Concatenates the sequences of several files. Raises InputError if they are of different kinds."""
    first = parts[0]
    for part in parts[1:]:
        if part.features != first.features:
            expected = f"columns {', '.join(first.features)}" if first.features else "words"
            raise InputError(
                f"{part.places[0]}: must have {expected}, like the file before. "
                f"Got {', '.join(part.features) or 'words'}."
            )
    return replace(
        first,
        items=[each for part in parts for each in part.items],
        tags=[each for part in parts for each in part.tags],
        inputs=[each for part in parts for each in part.inputs],
        places=[each for part in parts for each in part.places],
        names=tuple(name for part in parts for name in part.names),
    )


def tag_names(tagged: Tagged) -> tuple[str, ...]:
    """Returns the different tags, sorted. Raises InputError if there is only one."""
    names = sorted({tag for tags in tagged.tags for tag in tags} - {""})
    if len(names) < 2:
        place = tagged.places[0] if tagged.places else "data"
        raise InputError(f"{place}: there must be at least two different tags. Got {', '.join(names)}.")
    return tuple(names)


def check_are_tags(tagged: Tagged) -> None:
    """Raises InputError if tags hardly repeat, as in a column of words or numbers."""
    counts = Counter(tag for tags in tagged.tags for tag in tags)
    total = sum(counts.values())
    if total > _ENOUGH and len(counts) > _MOST_TAGS * total:
        raise InputError(
            f"{tagged.places[0]}: has nearly as many tags ({len(counts):,}) as steps ({total:,}), such as "
            f"{shown(next(iter(counts)))}; --tag-column names another column"
        )


_ENOUGH, _MOST_TAGS = 200, 0.25  # words from which on tags repeat; most tags per word


def divided(
    given: Tagged, elsewhere: Mapping[str, Tagged], shares: tuple[float, float, float], seed: int
) -> dict[str, Tagged]:
    """Returns the three parts by name; sequences are drawn at random.

    Of numbers with too few sequences for that, each is divided by time.

    Args:
        given: the sequences to divide.
        elsewhere: parts that come from elsewhere; training gets their share of ``given``.
        shares: shares of training, validation and test part.
        seed: seed of the draw.

    Raises:
        InputError: the shares are impossible for so few sequences.
    """
    shares = split.trained_on(shares, [*elsewhere])
    if given.features and any(share > 0 and round(len(given) * share) < 2 for share in shares):
        parts = dict(zip(split.PARTS, _by_time(given, shares), strict=True))
        notice(
            f"{given.places[0]}: too few sequences ({len(given)}) to draw parts from, so each is divided by "
            "time: first what is trained on, then validation and test part"
        )
        return parts | dict(elsewhere)
    points = split.split_points(len(given), shares, "sequences" if given.features else "sentences")
    drawn = np.split(np.random.default_rng(seed).permutation(len(given)), points)
    parts = {name: given.rows(np.sort(rows)) for name, rows in zip(split.PARTS, drawn, strict=True)}
    return parts | dict(elsewhere)


def _by_time(given: Tagged, shares: tuple[float, float, float]) -> Iterator[Tagged]:
    """Yields the beginnings of all sequences, their middles and their ends."""
    points = [
        (0, *split.split_points(len(item), shares, "steps", place), len(item))
        for item, place in zip(given.items, given.places, strict=True)
    ]
    for part, share in enumerate(shares):
        cut = [slice(*each[part : part + 2]) for each in points]
        pieces = replace(
            given,
            items=[item[own] for item, own in zip(given.items, cut, strict=True)],
            tags=[tags[own] for tags, own in zip(given.tags, cut, strict=True)],
            places=[f"{place}, step {own.start + 1}" for place, own in zip(given.places, cut, strict=True)],
        )
        yield pieces if share else pieces.rows([])


def warn_of_repeats(parts: Mapping[str, Tagged]) -> None:
    """Warns in one line if another part repeats sequences of the training part, short sentences apart."""
    keys = {
        name: [_key(item) if len(item) > _SHORT else (name, k) for k, item in enumerate(part.items)]
        for name, part in parts.items()
    }
    split.warn_of_repeats(keys, lambda name, row: parts[name].places[row], "sequences")


_SHORT = 5  # words; so short a sentence is said by many


def _key(item: Any) -> Any:
    return item if isinstance(item, tuple) else item.tobytes()


def warn_of_rare_tags(training: Tagged, others: Iterable[Tagged]) -> None:
    """Warns in one line of tags that only other parts have, so that no model can learn them."""
    known = {"", *(tag for tags in training.tags for tag in tags)}
    for part in others:
        for tags, place in zip(part.tags, part.places, strict=True):
            new = [tag for tag in tags if tag not in known]
            if new:
                warnings.warn(
                    f"{place}: the training part lacks tag {shown(new[0])}, so it is never predicted",
                    stacklevel=2,
                )
                return


# Files of the run folder


def save_parts(folder: Path, parts: Mapping[str, Tagged]) -> None:
    """Writes the sequences of each part for ``load_parts``."""
    with (folder / _SEQUENCES).open("w", encoding="utf-8") as file:
        for name, part in parts.items():
            for item, tags, inputs, place in zip(
                part.items, part.tags, part.inputs, part.places, strict=True
            ):
                own = {"steps": len(item)} if part.features else {"words": item, "inputs": inputs}
                line = {"part": name, **own, "tags": tags, "place": place}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    numbers = [item for part in parts.values() if part.features for item in part.items]
    if numbers:
        np.save(folder / _STEPS, np.concatenate(numbers))


def load_parts(
    folder: Path, names: Iterable[str], columns: tuple[str, ...], features: tuple[str, ...] = ()
) -> dict[str, Tagged]:
    """Reads the sequences that ``save_parts`` wrote.

    Args:
        folder: the run folder.
        names: names of the parts.
        columns: names of the further columns.
        features: names of the numbers; empty for words.

    Raises:
        InputError: a file is missing, or not in the format of ``save_parts``.
    """
    path = folder / _SEQUENCES
    check_regular(path)
    parts = {name: Tagged([], [], [], [], columns, features) for name in names}
    steps, begin = _stored_steps(folder / _STEPS, len(features)), 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                part, tags, place = parts[line["part"]], _texts(line["tags"]), line["place"]
                end = begin + _steps(line["steps"]) if features else 0
                item: Any = steps[begin:end] if features else _texts(line["words"])
                inputs = () if features else tuple(map(_texts, line["inputs"]))
                fits = len(inputs) == len(columns) and {len(item)} == {*map(len, (tags, *inputs))}
                fits = fits and len(item) > 0 and isinstance(place, str)
            except (ValueError, RecursionError, LookupError, TypeError):
                fits = False
            if not fits:
                raise InputError(f"{path}: line {number}: is not a sequence of this run")
            part.items.append(item)
            part.tags.append(tags)
            part.inputs.append(inputs)
            part.places.append(place)
            begin = end
    if begin != len(steps):
        raise InputError(f"{folder / _STEPS}: must have {begin} steps. Got {len(steps)}.")
    return parts


def _stored_steps(path: Path, width: int) -> np.ndarray:
    """Returns the stored numbers [steps, I]; none of words."""
    if not width:
        return np.zeros((0, 0))
    check_regular(path)
    steps = read_array(path)
    if steps.ndim != 2 or steps.shape[1] != width or steps.dtype != np.float64:
        raise InputError(f"{path}: must be float64 [steps, {width}]")
    return steps


def _steps(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _texts(values: Any) -> Words:
    if not (isinstance(values, list) and all(isinstance(each, str) for each in values)):
        raise TypeError
    return tuple(values)
