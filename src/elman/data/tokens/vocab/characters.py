"""One token per character."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import (
    UNKNOWN,
    Decoder,
    Rules,
    TextVocabulary,
    check_text_fields,
    is_surrogate,
    most_frequent,
    named,
    refusal,
)
from elman.errors import InputError


@dataclass(frozen=True)
class CharacterVocabulary(TextVocabulary):
    """The characters of a text, one token each, in the order of their code points.

    Args:
        symbols: the characters, in any order, with or without repeats; stored sorted and distinct.
        has_unknown: whether there is a token for all other characters, which are an error otherwise.

    Raises:
        InputError: there is no character, or one is a lone surrogate.
    """

    level: ClassVar[str] = "characters"
    symbols: str
    has_unknown: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        symbols = "".join(sorted(set(self.symbols)))
        if not symbols:
            raise InputError("a vocabulary needs at least one character. Got none.")
        for symbol in filter(is_surrogate, symbols):
            raise InputError(f"a vocabulary must not hold lone surrogates. Got {named(symbol)}.")
        object.__setattr__(self, "symbols", symbols)

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn the vocabulary of texts, with an unknown token if size or min_count may omit characters."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text.lower() if rules.lowercase else text)
        cut = rules.size is not None or rules.min_count > 1
        kept = most_frequent(counts, rules, len(rules.specials) + cut)
        return cls("".join(kept), cut, lowercase=rules.lowercase, specials=rules.specials)

    def __len__(self) -> int:
        return self._first + len(self.symbols)

    @property
    def unknown(self) -> int | None:
        """The token of all other characters, if there is one."""
        return len(self.specials) if self.has_unknown else None

    @property
    def _first(self) -> int:
        """The token of the first symbol."""
        return len(self.specials) + self.has_unknown

    @cached_property
    def _code_of_token(self) -> np.ndarray:
        return _codes(self.symbols)

    @cached_property
    def _token_of_code(self) -> np.ndarray:
        # the last entry, past the largest known code point, is for all larger code points
        missing = -1 if self.unknown is None else self.unknown
        table = np.full(int(self._code_of_token[-1]) + 2, missing, dtype=np.int32)
        table[self._code_of_token] = np.arange(self._first, len(self))
        return table

    def encode(self, text: str, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of a text; see `TextVocabulary.encode`."""
        codes = _codes(text.lower() if self.lowercase else text)
        table = self._token_of_code
        tokens = table[np.minimum(codes, len(table) - 1)]
        if tokens.size and tokens.min() < 0:
            position = int(np.argmin(tokens))
            symbol = named(chr(codes[position]))
            raise InputError(
                f"{source}: character {symbol} at position {start + position} is not among the "
                f"{len(self.symbols)} characters of the vocabulary; a model trained with --level bytes takes "
                "any text"
            )
        return tokens.astype(self.dtype)

    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the text of each token separately; see `Vocabulary.pieces`."""
        names = [*self.specials, *[UNKNOWN][: self.has_unknown], *self.symbols]
        return [names[token] for token in self._checked(tokens)]

    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N], without specials, with U+FFFD for the unknown token."""
        checked = self._checked(tokens)
        codes = np.concatenate((np.full(int(self.has_unknown), 0xFFFD, np.uint32), self._code_of_token))
        return (
            codes[checked[checked >= len(self.specials)] - len(self.specials)].tobytes().decode("utf-32-le")
        )

    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that arrive one by one."""
        return _CharacterDecoder(self)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json(symbols=[*self.symbols], has_unknown=self.has_unknown)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        fields = check_text_fields({"has_unknown": False, **obj}, {"symbols": [], "has_unknown": False})
        symbols = fields.pop("symbols")
        for symbol in symbols:
            if not (isinstance(symbol, str) and len(symbol) == 1):
                raise refusal("every symbol must be one character", symbol)
        for pair in pairwise(symbols):
            if not pair[0] < pair[1]:
                raise refusal("symbols must be distinct and sorted by code point", pair)
        return cls("".join(symbols), **fields)


def _codes(text: str) -> np.ndarray:
    """Return the code point of every character, uint32 [N]."""
    # lone surrogates pass here and are refused at look-up, with their position
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class _CharacterDecoder:
    def __init__(self, vocabulary: CharacterVocabulary) -> None:
        self._vocabulary = vocabulary

    def push(self, token: int) -> str:
        return self._vocabulary.decode([token])

    def flush(self) -> str:
        return ""
