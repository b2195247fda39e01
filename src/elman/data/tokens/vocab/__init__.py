"""Vocabularies map pieces of text or named events to tokens; one file per kind."""

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
    "LARGEST",
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
"""The kinds of text vocabulary, by level."""

LARGEST_JSON = 32 * 2**20
"""Maximum size of a vocabulary as JSON, bytes."""


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
    """Learn a vocabulary from texts.

    Args:
        level: characters, bytes, words or subwords.
        texts: the training texts, read once; a long one may come in blocks that end where words end.
        size: maximum number of tokens in all; the most frequent pieces are kept. None: all, or 8,000 for
            subwords.
        min_count: characters, words and subword merges that occur less often are left out.
        lowercase: whether texts are read in lower case.
        word_split: words end at white space and punctuation, or at white space alone; level words only.
        specials: tokens that no text contains, such as "<s>"; numbered first, from 0.

    Returns:
        The vocabulary. Characters and words have an unknown token, bytes and subwords never.

    Raises:
        InputError: an option is out of range or does not apply to this level, or the texts are empty.
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
    """Restore a text vocabulary from `to_json`.

    Args:
        obj: the parsed JSON; it need not be trusted.
        source: the file it came from, for messages.

    Raises:
        InputError: `obj` is not what `to_json` writes.
    """
    return _from_json(obj, source, VOCABULARIES)


def event_vocabulary_from_json(obj: object, source: str = "vocabulary") -> EventVocabulary:
    """Restore a vocabulary of events from `to_json`; see `vocabulary_from_json`."""
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
