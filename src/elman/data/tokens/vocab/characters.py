"""One token per character."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import (
    UNKNOWN,
    Decoder,
    Rules,
    TextVocabulary,
    additions,
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
        novelty: probability that a character of another text is none of these; 0: it is not known, or the
            unknown token occurs in the training text, so that a model learns its probability.

    Raises:
        InputError: there is no character, one is a lone surrogate, or the novelty is no probability.
    """

    level: ClassVar[str] = "characters"
    symbols: str
    has_unknown: bool = False
    novelty: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.novelty < 1:
            raise refusal("novelty must be in [0, 1)", self.novelty)
        symbols = "".join(sorted(set(self.symbols)))
        if not symbols:
            raise InputError("a vocabulary needs at least one character. Got none.")
        for symbol in filter(is_surrogate, symbols):
            raise InputError(f"a vocabulary must not hold lone surrogates. Got {named(symbol)}.")
        object.__setattr__(self, "symbols", symbols)

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn the vocabulary of texts, with an unknown token for the characters of others.

        The novelty is the share of the characters that occur once (Good 1953, Biometrika 40), with one more
        character that does.
        """
        counts = _counts(texts, rules.lowercase)
        kept = most_frequent(counts, rules, len(rules.specials) + 1)
        novelty = _novelty(counts) if len(kept) == len(counts) else 0.0
        return cls("".join(kept), True, novelty, lowercase=rules.lowercase, specials=rules.specials)

    def extended(self, texts: Iterable[str], min_count: int, size: int | None = None) -> Self:
        """Return the vocabulary extended by the characters of further texts, with an unknown token.

        The novelty is that of the further texts. See `TextVocabulary.extended`.
        """
        counts = _counts(texts, self.lowercase)
        lacking = Counter({symbol: count for symbol, count in counts.items() if symbol not in self.symbols})
        whole = self.with_others()
        new = additions(lacking, min_count, size, len(whole))
        novelty = _novelty(counts) if len(new) == len(lacking) else 0.0
        return replace(whole, symbols=self.symbols + "".join(new), novelty=novelty)

    def __len__(self) -> int:
        return self._first + len(self.symbols)

    @property
    def unknown(self) -> int | None:
        """The token of all other characters, if there is one."""
        return len(self.specials) if self.has_unknown else None

    @property
    def untrained(self) -> int | None:
        """The unknown token if it does not occur in the training text."""
        return self.unknown if self.novelty else None

    @property
    def others(self) -> int:
        """Number of Unicode's characters that the vocabulary lacks."""
        return 0x110000 - 0x800 - len(self.symbols)  # without surrogates

    def with_others(self) -> Self:
        """Return the same vocabulary with a token for all other characters."""
        return self if self.has_unknown else replace(self, has_unknown=True)

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

    def unknown_in(self, text: str) -> list[str]:
        """Return the characters of a text that the vocabulary lacks, in order and with repeats."""
        known = {*self.symbols}
        return [symbol for symbol in (text.lower() if self.lowercase else text) if symbol not in known]

    def opening(self, text: str) -> tuple[np.ndarray, Sequence[int]]:
        """Return the tokens of a text to continue; characters without a token are left out."""
        if not self.has_unknown:
            tokens = self.with_others().encode(text).astype(np.int64)
            return (tokens[tokens >= self._first + 1] - 1).astype(self.dtype), ()
        return self.encode(text), ()

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
        return self._json(symbols=[*self.symbols], has_unknown=self.has_unknown, novelty=self.novelty)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        defaults = {"has_unknown": False, "novelty": 0.0}
        fields = check_text_fields({**defaults, **obj}, {"symbols": [], **defaults})
        symbols = fields.pop("symbols")
        for symbol in symbols:
            if not (isinstance(symbol, str) and len(symbol) == 1):
                raise refusal("every symbol must be one character", symbol)
        for pair in pairwise(symbols):
            if not pair[0] < pair[1]:
                raise refusal("symbols must be distinct and sorted by code point", pair)
        return cls("".join(symbols), **fields)


def _counts(texts: Iterable[str], lowercase: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text.lower() if lowercase else text)
    return counts


def _novelty(counts: Counter[str]) -> float:
    """Return the probability of a character that is not among those counted; see `CharacterVocabulary`."""
    once = sum(count == 1 for count in counts.values())
    return (once + 1) / (counts.total() + 2)


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
