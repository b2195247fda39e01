"""Vocabularies: what tokens stand for, pieces of texts or named events; one file a kind."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from elman.config import require
from elman.data.tokens.vocab.base import (
    LARGEST,
    Decoder,
    Rules,
    TextVocabulary,
    Vocabulary,
    WordSplit,
    refusal,
)
from elman.data.tokens.vocab.bytes import ByteVocabulary
from elman.data.tokens.vocab.characters import CharacterVocabulary
from elman.data.tokens.vocab.events import EventVocabulary
from elman.data.tokens.vocab.subwords import SubwordVocabulary
from elman.data.tokens.vocab.words import WordVocabulary
from elman.errors import InputError

__all__ = [
    "LARGEST_JSON",
    "VOCABULARIES",
    "ByteVocabulary",
    "CharacterVocabulary",
    "Decoder",
    "EventVocabulary",
    "SubwordVocabulary",
    "TextVocabulary",
    "Vocabulary",
    "WordSplit",
    "WordVocabulary",
    "event_vocabulary_from_json",
    "make_vocabulary",
    "vocabulary_from_json",
]

V = TypeVar("V", bound=Vocabulary)

VOCABULARIES: dict[str, type[TextVocabulary]] = {
    kind.level: kind for kind in (CharacterVocabulary, ByteVocabulary, WordVocabulary, SubwordVocabulary)
}
"""The kinds of vocabulary of texts by level."""

LARGEST_JSON = 32 * 2**20
"""Bytes of the largest vocabulary as JSON."""


def make_vocabulary(
    level: str,
    texts: Iterable[str],
    *,
    size: int | None = None,
    min_count: int = 1,
    lowercase: bool = False,
    word_split: WordSplit = "punctuation",
    specials: Sequence[str] = (),
) -> TextVocabulary:
    """Return the vocabulary of texts.

    Args:
        level: characters, bytes, words or subwords.
        texts: the training texts, read once; a long one may come in blocks that end where words end.
        size: pieces at most, all told; the most frequent are kept. None: all there are, or 8,000 subwords.
        min_count: characters and words that occur less often are left out, and so are joints of subwords.
        lowercase: texts are read in lower case.
        word_split: words end at white space and punctuation, or at white space alone; level words only.
        specials: tokens that no text contains, as "<s>"; numbered first, from 0.

    Returns:
        The vocabulary. Words always have an unknown token, characters where some were left out, bytes and
        subwords never.

    Raises:
        InputError: an option out of its range or of no use at this level, or texts without any piece.
    """
    require("--level", level in VOCABULARIES, f"one of {', '.join(VOCABULARIES)}", level)
    require("--vocab-size", size is None or 1 <= size <= LARGEST, f"an int in [1, {LARGEST}]", size)
    require("--min-count", min_count >= 1, "an int in [1, inf)", min_count)
    require("--word-split", word_split in ("punctuation", "spaces"), "punctuation or spaces", word_split)
    rules = Rules(size, min_count, lowercase, word_split, tuple(specials))
    vocabulary = VOCABULARIES[level].learn(texts, rules)
    if len(vocabulary) > LARGEST:
        raise InputError(
            f"the text holds {len(vocabulary):,} different {level}, more than {LARGEST:,}; "
            "--vocab-size or --min-count keeps fewer"
        )
    return vocabulary


def vocabulary_from_json(obj: object, source: str = "vocabulary") -> TextVocabulary:
    """Return the vocabulary of texts that `to_json` described.

    Args:
        obj: the parsed JSON, from anywhere: nothing about it is taken on trust.
        source: the file it came from, for the error message.

    Raises:
        InputError: `obj` is not what `to_json` writes.
    """
    return _from_json(obj, source, VOCABULARIES)


def event_vocabulary_from_json(obj: object, source: str = "vocabulary") -> EventVocabulary:
    """Return the vocabulary of events that `to_json` described; see `vocabulary_from_json`."""
    return _from_json(obj, source, {EventVocabulary.level: EventVocabulary})


def _from_json(obj: object, source: str, kinds: Mapping[str, type[V]]) -> V:
    try:
        if not isinstance(obj, dict):
            raise refusal("a vocabulary must be an object", obj)
        level = obj.get("level")
        if not (isinstance(level, str) and level in kinds):
            raise refusal(f"level must be one of {[*kinds]}", level)
        return kinds[level].from_json(obj)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
