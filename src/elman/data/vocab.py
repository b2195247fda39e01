"""Vocabularies: the pieces a text is cut into, and the number each piece goes by."""

import codecs
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Protocol, Self

import numpy as np

from elman.errors import InputError

CODE_POINTS = 0x110000
"""Code points in Unicode, U+0000 to U+10FFFF: no vocabulary of characters is larger."""


class Decoder(Protocol):
    """Turns tokens back into text one by one, as a model generates them."""

    def push(self, token: int) -> str:
        """Take one token; return the text it completes, which may be empty."""

    def flush(self) -> str:
        """End the text; return what was still incomplete."""


class Vocabulary(ABC):
    """A fixed set of V pieces, numbered 0 to V − 1.

    A text becomes *codes* first (byte values, or Unicode code points), which need no vocabulary, and then
    *tokens* (the numbers of its pieces in this vocabulary), which do.
    """

    level: ClassVar[str]

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and int32 that holds every token."""
        smallest = np.uint8 if len(self) <= 1 << 8 else np.uint16 if len(self) <= 1 << 16 else np.int32
        return np.dtype(smallest)

    @staticmethod
    @abstractmethod
    def codes(text: str) -> np.ndarray:
        """Return the codes [N] a text is made of."""

    @classmethod
    @abstractmethod
    def from_codes(cls, codes: np.ndarray) -> Self:
        """Return the vocabulary of all that occurs in `codes` [N]."""

    @abstractmethod
    def tokens(self, codes: np.ndarray, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of codes.

        Args:
            codes: what `codes` returned.
            source: the file or document, for the error message.
            start: the position of the first code in its source, for the error message.

        Shapes:
            codes [N] → tokens [N], of this vocabulary's dtype

        Raises:
            InputError: a code is not in the vocabulary.
        """

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of a text, in this vocabulary's dtype; InputError at an unknown character."""
        return self.tokens(self.codes(text))

    @abstractmethod
    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N]; InputError where one is not an integer from 0 to V − 1."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """Return a new decoder for tokens that arrive one by one."""

    @abstractmethod
    def to_json(self) -> dict[str, object]:
        """Return what `vocabulary_from_json` reads."""

    def _checked(self, tokens: np.ndarray | Sequence[int]) -> np.ndarray:
        array = np.asarray(tokens) if len(tokens) else np.zeros(0, dtype=self.dtype)
        if array.dtype.kind not in "iu":
            raise InputError(f"tokens must be integers. Got {array.dtype}.")
        outside = (array < 0) | (array >= len(self))
        if outside.any():
            raise InputError(f"tokens must be in [0, {len(self)}). Got {array[outside][0]}.")
        return array


@dataclass(frozen=True)
class CharacterVocabulary(Vocabulary):
    """The characters of a text, one token each, numbered in the order of their code points.

    Args:
        symbols: the characters, in any order and as often as they occur; kept sorted and distinct.

    Raises:
        InputError: there is no character, or one is half of a surrogate pair, which no file can hold.
    """

    level: ClassVar[str] = "characters"
    symbols: str

    def __post_init__(self) -> None:
        symbols = "".join(sorted(set(self.symbols)))
        if not symbols:
            raise InputError("a vocabulary needs at least one character. Got none.")
        for symbol in filter(_is_surrogate, symbols):
            raise InputError(f"a vocabulary holds characters. Got the lone surrogate {_named(symbol)}.")
        object.__setattr__(self, "symbols", symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    @staticmethod
    def codes(text: str) -> np.ndarray:
        """Return the code point of every character, uint32 [N]."""
        # A lone surrogate passes here, to be refused by name where the vocabulary is made or looked up.
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")

    @classmethod
    def from_codes(cls, codes: np.ndarray) -> Self:
        """Return the vocabulary of the code points [N] given."""
        return cls("".join(map(chr, np.unique(codes))))

    @cached_property
    def _code_of_token(self) -> np.ndarray:
        return self.codes(self.symbols)

    @cached_property
    def _token_of_code(self) -> np.ndarray:
        # One entry past the largest known code point stands for all larger ones.
        table = np.full(int(self._code_of_token[-1]) + 2, -1, dtype=np.int32)
        table[self._code_of_token] = np.arange(len(self))
        return table

    def tokens(self, codes: np.ndarray, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of code points; see `Vocabulary.tokens`."""
        table = self._token_of_code
        tokens = table[np.minimum(codes, len(table) - 1)]
        if tokens.size and tokens.min() < 0:
            position = int(np.argmin(tokens))
            symbol = _named(chr(codes[position]))
            raise InputError(
                f"{source}: character {symbol} at position {start + position} is not among the {len(self)} "
                "characters of the vocabulary; a model trained with --level bytes takes any text"
            )
        return tokens.astype(self.dtype)

    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N]; InputError where one is not an integer from 0 to V − 1."""
        return self._code_of_token[self._checked(tokens)].tobytes().decode("utf-32-le")

    def decoder(self) -> Decoder:
        """Return a new decoder for tokens that arrive one by one."""
        return _CharacterDecoder(self)

    def to_json(self) -> dict[str, object]:
        """Return what `vocabulary_from_json` reads."""
        return {"level": self.level, "symbols": list(self.symbols)}


@dataclass(frozen=True)
class ByteVocabulary(Vocabulary):
    """All 256 bytes, each its own token: any file can be read, and any text in UTF-8."""

    level: ClassVar[str] = "bytes"

    def __len__(self) -> int:
        return 256

    @staticmethod
    def codes(text: str) -> np.ndarray:
        """Return the bytes of a text in UTF-8, uint8 [N]; InputError at a lone surrogate, which has none."""
        try:
            return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
        except UnicodeEncodeError as error:
            raise InputError(
                "text: a text holds characters. "
                f"Got the lone surrogate {_named(text[error.start])} at position {error.start}."
            ) from None

    @classmethod
    def from_codes(cls, codes: np.ndarray) -> Self:
        """Return the vocabulary of all bytes, whichever occur."""
        return cls()

    def tokens(self, codes: np.ndarray, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the bytes themselves; see `Vocabulary.tokens`."""
        return codes.astype(self.dtype)

    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N], with U+FFFD where they are not UTF-8; InputError past 255."""
        return self._checked(tokens).astype(np.uint8).tobytes().decode("utf-8", "replace")

    def decoder(self) -> Decoder:
        """Return a new decoder for tokens that arrive one by one."""
        return _ByteDecoder()

    def to_json(self) -> dict[str, object]:
        """Return what `vocabulary_from_json` reads."""
        return {"level": self.level}


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
        raise _refusal(source, "a vocabulary must be an object", obj)
    level, symbols = obj.get("level"), obj.get("symbols")
    if not (isinstance(level, str) and level in VOCABULARIES):
        raise _refusal(source, f"level must be one of {[*VOCABULARIES]}", level)
    fields = {"level", "symbols"} if level == CharacterVocabulary.level else {"level"}
    if obj.keys() != fields:
        raise _refusal(source, f"the fields must be {sorted(fields)}", [*obj])
    if level == ByteVocabulary.level:
        return ByteVocabulary()
    if not isinstance(symbols, list):
        raise _refusal(source, "symbols must be a list", symbols)
    if not 0 < len(symbols) <= CODE_POINTS:
        raise _refusal(source, f"symbols must number 1 to {CODE_POINTS}", len(symbols))
    for symbol in symbols:
        if not (isinstance(symbol, str) and len(symbol) == 1 and not _is_surrogate(symbol)):
            raise _refusal(source, "every symbol must be one character", symbol)
    for pair in pairwise(symbols):
        if not pair[0] < pair[1]:
            raise _refusal(source, "symbols must be distinct and sorted by code point", pair)
    return CharacterVocabulary("".join(symbols))


def _refusal(source: str, rule: str, found: object) -> InputError:
    return InputError(f"{source}: {rule}. Got {reprlib.repr(found)}.")


class _CharacterDecoder:
    def __init__(self, vocabulary: CharacterVocabulary) -> None:
        self._vocabulary = vocabulary

    def push(self, token: int) -> str:
        return self._vocabulary.decode([token])

    def flush(self) -> str:
        return ""


class _ByteDecoder:
    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        return self._utf8.decode(bytes((token,)))

    def flush(self) -> str:
        return self._utf8.decode(b"", final=True)


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _named(character: str) -> str:
    return f"{character!r} (U+{ord(character):04X})"
