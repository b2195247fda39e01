"""One character a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from elman.data.vocab.base import Decoder, Vocabulary, check_fields, named, refusal
from elman.errors import InputError

CODE_POINTS = 0x110000
"""Code points in Unicode, U+0000 to U+10FFFF: no vocabulary of characters is larger."""


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
            raise InputError(f"a vocabulary holds characters. Got the lone surrogate {named(symbol)}.")
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
            symbol = named(chr(codes[position]))
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
        """Return what `from_json` reads."""
        return {"level": self.level, "symbols": list(self.symbols)}

    @classmethod
    def from_json(cls, obj: dict[str, object], source: str) -> Self:
        """Return the vocabulary that `to_json` described; see `vocabulary_from_json`."""
        check_fields(obj, {"level", "symbols"}, source)
        symbols = obj["symbols"]
        if not isinstance(symbols, list):
            raise refusal(source, "symbols must be a list", symbols)
        if not 0 < len(symbols) <= CODE_POINTS:
            raise refusal(source, f"symbols must number 1 to {CODE_POINTS}", len(symbols))
        for symbol in symbols:
            if not (isinstance(symbol, str) and len(symbol) == 1 and not _is_surrogate(symbol)):
                raise refusal(source, "every symbol must be one character", symbol)
        for pair in pairwise(symbols):
            if not pair[0] < pair[1]:
                raise refusal(source, "symbols must be distinct and sorted by code point", pair)
        return cls("".join(symbols))


class _CharacterDecoder:
    def __init__(self, vocabulary: CharacterVocabulary) -> None:
        self._vocabulary = vocabulary

    def push(self, token: int) -> str:
        return self._vocabulary.decode([token])

    def flush(self) -> str:
        return ""


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
