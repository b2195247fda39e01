"""Sentences as JSON objects, one a line: tokens and tags, or a text and its spans."""

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from elman.config import shown
from elman.data.tagged.columns import TAGS, WORDS, Columns
from elman.data.tokens.vocab.words import words_at
from elman.errors import InputError

_TEXTS = ("sentence", "data", "content")
_SPANS = ("spans", "entities", "label", "labels", "annotations")
_OF_A_SPAN = (
    ("start", "start_offset", "begin"),
    ("end", "end_offset", "stop"),
    ("label", "type", "tag", "entity", "entity_type"),
)
"""Usual names of a span's start, end and kind."""


class Span(NamedTuple):
    """Characters start … end − 1 of a text, and what they are."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Read:
    """One object's sentence.

    Attributes:
        words: T words.
        tags: T tags; empty if they are not read.
        inputs: T cells of each further column.
        text: that was divided into the words; empty if they were divided already.
        places: start and end of each word in the text.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    inputs: tuple[tuple[str, ...], ...]
    text: str = ""
    places: tuple[tuple[int, int], ...] = ()


def parse(line: str, place: str) -> dict[str, Any]:
    """Returns a line's object. Raises InputError if it is none."""
    try:
        parsed = json.loads(line)
    except RecursionError:
        raise InputError(f"{place}: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{place}: must be a JSON object: {error}") from None
    if not isinstance(parsed, dict):
        raise InputError(f"{place}: must be a JSON object. Got {shown(parsed)}.")
    return parsed


def read_object(parsed: dict[str, Any], place: str, columns: Columns, *, with_tags: bool) -> Read:
    """Reads a sentence of an object: lists ``tokens`` and ``tags``, or ``text`` and ``spans``.

    A text is divided into words at spaces and punctuation, and where a span begins or ends. Spans become
    tags B-kind and I-kind, all other words O.

    Args:
        parsed: the object.
        place: file and line, for messages.
        columns: names of the object's fields.
        with_tags: whether tags are required; otherwise they are ignored.

    Raises:
        InputError: a field is missing, has no tag for each word, or spans overlap.
    """
    # beside a text, such as that of Prodigy, tokens may be objects
    usual = [name for name in (*WORDS, *_TEXTS) if _is_text(parsed.get(name))] or list(WORDS)
    name = _field(parsed, columns.word, usual, "words", place)
    words = parsed[name]
    if isinstance(words, str):
        if columns.inputs:
            raise InputError(f"{place}: {columns.inputs[0]!r} (--input-columns) needs words in a list")
        spans = _spans(parsed, columns.tag, len(words), place) if with_tags else ()
        return from_text(words, spans)
    texts = _texts(words, f"{place}: {name}")
    tags: tuple[str, ...] = ()
    if with_tags:
        tag = _field(parsed, columns.tag, TAGS, "tags", place)
        tags = _parallel(parsed[tag], texts, f"{place}: {tag}")
    fields = [_field(parsed, column, (), "inputs", place) for column in columns.inputs]
    inputs = tuple(_parallel(parsed[each], texts, f"{place}: {each}") for each in fields)
    return Read(texts, tags, inputs)


def from_text(text: str, spans: Sequence[Span] = ()) -> Read:
    """Divides a text into words, each with a tag B-kind, I-kind or O."""
    cuts = {bound for span in spans for bound in (span.start, span.end)}
    places = [part for begin, end in words_at(text) for part in _cut(begin, end, cuts)]
    tags = []
    for begin, _ in places:
        span = next((span for span in spans if span.start <= begin < span.end), None)
        is_first = span is not None and not text[span.start : begin].strip()
        tags.append("O" if span is None else f"{'B' if is_first else 'I'}-{span.kind}")
    return Read(tuple(text[a:b] for a, b in places), tuple(tags), (), text, tuple(places))


def _cut(begin: int, end: int, cuts: Iterable[int]) -> list[tuple[int, int]]:
    """Divides a word where spans begin or end."""
    bounds = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
    return list(itertools.pairwise(bounds))


def _field(parsed: dict[str, Any], asked: str | None, usual: Sequence[str], what: str, place: str) -> str:
    """Returns the name of the field that is asked for, or the first of usual names."""
    names = [asked] if asked is not None else list(usual)
    found = next((name for name in names if name in parsed), None)
    if found is None:
        raise InputError(
            f"{place}: must have {what} in {' or '.join(map(repr, names[:3]))}. "
            f"Got {shown(', '.join(parsed))}."
        )
    return found


def _is_text(value: Any) -> bool:
    """Whether a field is a text, or a list that begins with one."""
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and isinstance(value[0], str))


def _texts(values: Any, place: str) -> tuple[str, ...]:
    if not (isinstance(values, list) and values):
        raise InputError(f"{place}: must be a list that is not empty. Got {shown(values)}.")
    for value in values:
        if not isinstance(value, str | int) or (isinstance(value, str) and not value.strip()):
            raise InputError(f"{place}: each must be a text that is not empty. Got {shown(value)}.")
    return tuple(map(str, values))


def _parallel(values: Any, words: Sequence[str], place: str) -> tuple[str, ...]:
    texts = _texts(values, place)
    if len(texts) != len(words):
        raise InputError(f"{place}: must have {len(words)} elements, one for each word. Got {len(texts)}.")
    return texts


def _spans(parsed: dict[str, Any], asked: str | None, length: int, place: str) -> list[Span]:
    name = _field(parsed, asked, _SPANS, "spans", place)
    values = parsed[name]
    if not isinstance(values, list):
        raise InputError(f"{place}: {name}: must be a list of spans. Got {shown(values)}.")
    spans = sorted(_span(value, length, f"{place}: {name}") for value in values)
    for before, span in itertools.pairwise(spans):
        if span.start < before.end:
            raise InputError(
                f"{place}: {name}: spans must not overlap. Got {[*before]} and {[*span]}; keep the "
                "outer or the inner ones"
            )
    return spans


def _span(value: Any, length: int, place: str) -> Span:
    """Reads [start, end, kind], or an object with these."""
    if isinstance(value, dict):
        value = [next((value[name] for name in names if name in value), None) for names in _OF_A_SPAN]
    parts: list[Any] = value if isinstance(value, list) and len(value) == 3 else [None] * 3
    start, end, kind = parts
    is_place = type(start) is int and type(end) is int and 0 <= start < end <= length
    if is_place and isinstance(kind, str) and kind.strip():
        return Span(start, end, re.sub(r"\s+", "_", kind.strip()))
    raise InputError(
        f"{place}: a span must be [start, end, label] within the text's {length:,} characters. "
        f"Got {shown(value)}."
    )
