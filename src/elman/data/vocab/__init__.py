"""Vocabularies: the pieces a text is cut into, and the number each piece goes by; one file a kind."""

from elman.data.vocab.base import Decoder, Vocabulary, refusal
from elman.data.vocab.bytes import ByteVocabulary
from elman.data.vocab.characters import CODE_POINTS, CharacterVocabulary

__all__ = [
    "CODE_POINTS",
    "VOCABULARIES",
    "ByteVocabulary",
    "CharacterVocabulary",
    "Decoder",
    "Vocabulary",
    "vocabulary_from_json",
]

VOCABULARIES: dict[str, type[Vocabulary]] = {
    kind.level: kind for kind in (CharacterVocabulary, ByteVocabulary)
}
"""The kinds of vocabulary by level."""


def vocabulary_from_json(obj: object, source: str = "vocabulary") -> Vocabulary:
    """Return the vocabulary that `to_json` described.

    Args:
        obj: the parsed JSON, from anywhere: nothing about it is taken on trust.
        source: the file it came from, for the error message.

    Raises:
        InputError: `obj` is not exactly what `to_json` writes.
    """
    if not isinstance(obj, dict):
        raise refusal(source, "a vocabulary must be an object", obj)
    level = obj.get("level")
    if not (isinstance(level, str) and level in VOCABULARIES):
        raise refusal(source, f"level must be one of {[*VOCABULARIES]}", level)
    return VOCABULARIES[level].from_json(obj, source)
