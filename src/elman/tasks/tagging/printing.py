"""Tags as lines of text: beside the lines that were read, or in colours."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from elman.data.tag_schemes import split_tag
from elman.data.tagged.files import Sentence
from elman.data.tagged.sequences import Words
from elman.metrics.spans import Span, spans

_LEAST = 0.01  # probability that is shown
_COLOURS = (34, 35, 32, 33, 36, 31)  # of a terminal's foreground
PREDICTED = "predicted"
"""The field that a line's object, or the column that a table gets."""


@dataclass(frozen=True)
class Answer:
    """A sentence and its tags.

    Attributes:
        sentence: as it was read.
        tags: T tags.
        names: V tags that the model knows.
        are_spans: whether tags mark spans.
        probabilities: [T, V]; None: not requested.
    """

    sentence: Sentence
    tags: Words
    names: Words
    are_spans: bool
    probabilities: np.ndarray | None = None

    def json(self) -> dict[str, Any]:
        """Returns words, tags, the spans that they mark, and the probabilities of tags by name."""
        read = self.sentence.read
        found: dict[str, Any] = {"words": list(read.words), "tags": list(self.tags)}
        if self.are_spans:
            found["spans"] = [self._span(span) for span in spans(self.tags)]
        if self.probabilities is not None:
            found["probabilities"] = self.likely()
        return found

    def _span(self, span: Span) -> dict[str, Any]:
        """Returns a span by its words and, in a text, by its characters."""
        read = self.sentence.read
        whole: dict[str, Any] = {"label": span.kind, "words": [span.begin, span.end]}
        if read.places:
            start, end = read.places[span.begin][0], read.places[span.end - 1][1]
            whole |= {"start": start, "end": end, "text": read.text[start:end]}
        return whole

    def likely(self) -> list[dict[str, float]]:
        """Returns the tags of each word that have at least a probability of 0.01, the most probable first."""
        assert self.probabilities is not None
        return [
            {self.names[k]: round(float(p[k]), 4) for k in np.argsort(-p) if p[k] >= _LEAST}
            for p in self.probabilities
        ]


@dataclass(frozen=True)
class StepsAnswer:
    """A sequence of numbers and its tags.

    Attributes:
        name: of the sequence.
        tags: T tags.
        names: V tags that the model knows.
        probabilities: [T, V]; None: not requested.
    """

    name: str
    tags: Words
    names: Words
    probabilities: np.ndarray | None = None

    def json(self) -> dict[str, Any]:
        """Returns tags, the runs of equal ones, and the probabilities of all tags."""
        changes = (k for k, (a, b) in enumerate(pairwise(self.tags), 1) if a != b)
        bounds = [0, *changes, len(self.tags)]
        runs = [{"label": self.tags[a], "steps": [a, b]} for a, b in pairwise(bounds)]
        found = {"name": self.name, "tags": list(self.tags), "runs": runs}
        if self.probabilities is None:
            return found
        columns = self.probabilities.T.astype(np.float64).round(4).tolist()
        return found | {"probabilities": dict(zip(self.names, columns, strict=True))}


class Printer:
    """Writes answers as text.

    Args:
        names: the tags that the model knows.
        in_terminal: whether texts may have colours.
        probabilities: whether the probabilities are written too.
    """

    def __init__(self, names: Sequence[str], *, in_terminal: bool, probabilities: bool) -> None:
        kinds = dict.fromkeys(split_tag(name).kind if _is_marked(name) else name for name in names)
        kinds.pop("O", None)
        self._colour = {kind: _COLOURS[k % len(_COLOURS)] for k, kind in enumerate(kinds)}
        self._in_terminal, self._probabilities = in_terminal, probabilities

    def __call__(self, answer: Answer) -> str:
        """Returns the lines of an answer, with the end of the last one."""
        sentence = answer.sentence
        if sentence.kind == "object":
            return self._object(answer)
        if sentence.kind == "columns":
            return self._columns(answer)
        if self._in_terminal and not self._probabilities:
            return self._coloured(answer)
        cells = self._cells(answer)
        return (
            "".join(f"{word}\t{cell}\n" for word, cell in zip(sentence.read.words, cells, strict=True)) + "\n"
        )

    def _cells(self, answer: Answer) -> list[str]:
        """Returns what each word gets: its tag and, if requested, probabilities."""
        if answer.probabilities is None:
            return list(answer.tags)
        shown = ("|".join(f"{tag}={p:.4f}" for tag, p in each.items()) for each in answer.likely())
        return [f"{tag}\t{each}" for tag, each in zip(answer.tags, shown, strict=True)]

    def _columns(self, answer: Answer) -> str:
        lines = list(answer.sentence.lines)
        for at, cell in zip(answer.sentence.at, self._cells(answer), strict=True):
            lines[at] = with_cell(lines[at], cell)
        return "\n".join([*lines, "", ""])

    def _object(self, answer: Answer) -> str:
        found = answer.json()
        del found["words"]
        whole = json.loads(answer.sentence.lines[0])
        return json.dumps(whole | {PREDICTED: found}, ensure_ascii=False) + "\n"

    def _coloured(self, answer: Answer) -> str:
        """Returns the text, with what was found in colours."""
        read, text = answer.sentence.read, answer.sentence.read.text
        if answer.are_spans:
            found = spans(answer.tags)
        else:
            found = [Span(k, k + 1, tag) for k, tag in enumerate(answer.tags)]
        pieces, before = [], 0
        for span in found:
            start, end = read.places[span.begin][0], read.places[span.end - 1][1]
            colour = self._colour.get(span.kind, 39)
            pieces += [
                text[before:start],
                f"\x1b[1;{colour}m{text[start:end]}\x1b[0m\x1b[2m {span.kind}\x1b[0m",
            ]
            before = end
        return "".join([*pieces, text[before:], "\n"])


def with_cell(line: str, cell: str) -> str:
    """Returns a line of columns with one more cell."""
    line = line.rstrip("\r\n")
    mark = "\t" if "\t" in line.strip() or not line.strip(" ").count(" ") else " "
    return f"{line.rstrip(' ')}{mark}{cell}"


def _is_marked(name: str) -> bool:
    return split_tag(name).prefix != "O"
