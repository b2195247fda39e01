"""Sequences with a tag at every step: words of sentences."""

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import check_regular, shown
from elman.data import split
from elman.errors import InputError

_SEQUENCES = "sentences.jsonl"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Tagged:
    """Sentences, a tag for each of their words, and where each was read.

    Attributes:
        words: T words of each sentence.
        tags: T tags of each; empty if they are unknown.
        inputs: for each sentence, T cells of each further column that a model reads.
        places: where each sentence was read, for messages: "train.conll: line 7".
        columns: names or numbers of the K further columns.
    """

    words: list[Words]
    tags: list[Words]
    inputs: list[tuple[Words, ...]]
    places: list[str]
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)

    @property
    def steps(self) -> int:
        """Words of all sentences."""
        return sum(map(len, self.words))

    def rows(self, index: Iterable[int]) -> "Tagged":
        """Returns the sentences at these positions."""
        chosen = list(index)
        return Tagged(
            [self.words[k] for k in chosen],
            [self.tags[k] for k in chosen],
            [self.inputs[k] for k in chosen],
            [self.places[k] for k in chosen],
            self.columns,
        )


def joined(parts: Sequence[Tagged]) -> Tagged:
    """Concatenates the sentences of several files, which have the same columns."""
    return Tagged(
        [each for part in parts for each in part.words],
        [each for part in parts for each in part.tags],
        [each for part in parts for each in part.inputs],
        [each for part in parts for each in part.places],
        parts[0].columns,
    )


def tag_names(tagged: Tagged) -> tuple[str, ...]:
    """Returns the different tags, sorted. Raises InputError if there is only one."""
    names = sorted({tag for tags in tagged.tags for tag in tags})
    if len(names) < 2:
        place = tagged.places[0] if tagged.places else "data"
        raise InputError(f"{place}: there must be at least two different tags. Got {', '.join(names)}.")
    return tuple(names)


def check_are_tags(tagged: Tagged) -> None:
    """Raises InputError if tags hardly repeat, as in a column of words."""
    counts = Counter(tag for tags in tagged.tags for tag in tags)
    total = sum(counts.values())
    if total > _ENOUGH and len(counts) > _MOST_TAGS * total:
        raise InputError(
            f"{tagged.places[0]}: has nearly as many tags ({len(counts):,}) as words ({total:,}), such as "
            f"{shown(next(iter(counts)))}; --tag-column names another column"
        )


_ENOUGH, _MOST_TAGS = 200, 0.25  # words from which on tags repeat; most tags per word


def divided(
    given: Tagged, elsewhere: Mapping[str, Tagged], shares: tuple[float, float, float], seed: int
) -> dict[str, Tagged]:
    """Returns the three parts by name; sentences are drawn at random.

    Args:
        given: the sentences to divide.
        elsewhere: parts that come from elsewhere; training gets their share of ``given``.
        shares: shares of training, validation and test part.
        seed: seed of the draw.

    Raises:
        InputError: the shares are impossible for so few sentences.
    """
    points = split.split_points(len(given), split.trained_on(shares, [*elsewhere]), "sentences")
    drawn = np.split(np.random.default_rng(seed).permutation(len(given)), points)
    parts = {name: given.rows(np.sort(rows)) for name, rows in zip(split.PARTS, drawn, strict=True)}
    return parts | dict(elsewhere)


def warn_of_repeats(parts: Mapping[str, Tagged]) -> None:
    """Warns in one line if another part repeats sentences of the training part, short ones apart."""
    keys = {
        name: [each if len(each) > _SHORT else (name, k) for k, each in enumerate(part.words)]
        for name, part in parts.items()
    }
    split.warn_of_repeats(keys, lambda name, row: parts[name].places[row], "sentences")


_SHORT = 5  # words; so short a sentence is said by many


def warn_of_rare_tags(training: Tagged, others: Iterable[Tagged]) -> None:
    """Warns in one line of tags that only other parts have, so that no model can learn them."""
    known = {tag for tags in training.tags for tag in tags}
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
    """Writes the sentences of each part for ``load_parts``."""
    with (folder / _SEQUENCES).open("w", encoding="utf-8") as file:
        for name, part in parts.items():
            for words, tags, inputs, place in zip(
                part.words, part.tags, part.inputs, part.places, strict=True
            ):
                line = {"part": name, "words": words, "tags": tags, "inputs": inputs, "place": place}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def load_parts(folder: Path, names: Iterable[str], columns: tuple[str, ...]) -> dict[str, Tagged]:
    """Reads the sentences that ``save_parts`` wrote.

    Args:
        folder: the run folder.
        names: names of the parts.
        columns: names of the further columns.

    Raises:
        InputError: the file is missing, or not in the format of ``save_parts``.
    """
    path = folder / _SEQUENCES
    check_regular(path)
    parts = {name: Tagged([], [], [], [], columns) for name in names}
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                part = parts[line["part"]]
                words, tags, *inputs = (
                    _texts(each) for each in (line["words"], line["tags"], *line["inputs"])
                )
                fits = len(inputs) == len(columns) and {len(words)} == {*map(len, (tags, *inputs))}
                fits = fits and len(words) > 0 and isinstance(line["place"], str)
            except (ValueError, RecursionError, LookupError, TypeError):
                fits = False
            if not fits:
                raise InputError(f"{path}: line {number}: is not a sentence of this run")
            part.words.append(words)
            part.tags.append(tags)
            part.inputs.append(tuple(inputs))
            part.places.append(line["place"])
    return parts


def _texts(values: Any) -> Words:
    if not (isinstance(values, list) and all(isinstance(each, str) for each in values)):
        raise TypeError
    return tuple(values)
