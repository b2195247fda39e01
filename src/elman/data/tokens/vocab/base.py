"""Base classes of vocabularies: any kind, and those of text."""

import reprlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np

from elman.errors import InputError

UNKNOWN = "<unk>"
"""Text of the unknown token; at level words it is also read as that token."""

_KINDS = {list: "a list", bool: "true or false", str: "a text", int: "an int", float: "a number"}

LARGEST = 300_000
"""Maximum number of tokens of a vocabulary."""

WordSplit = Literal["punctuation", "spaces"]


class Decoder(Protocol):
    """Turns tokens back into text one by one, as a model generates them."""

    def push(self, token: int) -> str:
        """Take one token; return the text it completes, which may be empty."""

    def flush(self) -> str:
        """End the text; return what remains incomplete."""


@dataclass(frozen=True)
class Rules:
    """Options for learning a vocabulary; a kind refuses options that do not apply to it.

    Args:
        size: maximum number of tokens, specials and the unknown token included; None: no limit.
        min_count: pieces that occur less often are left out.
        lowercase: whether texts are read in lower case.
        word_split: words end at white space and punctuation, or at white space alone.
        specials: tokens that no text contains, such as "<s>"; numbered first, from 0.
    """

    size: int | None = None
    min_count: int = 1
    lowercase: bool = False
    word_split: WordSplit = "punctuation"
    specials: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Vocabulary(ABC):
    """A fixed set of V tokens, numbered 0 to V − 1: the specials, then the unknown token, then the rest.

    Corpora and their batchers use only this class, so tokens may represent anything.

    Args:
        specials: names of additional tokens that no sequence contains.

    Raises:
        InputError: a special is empty or repeated.
    """

    level: ClassVar[str]
    """Name of the kind."""
    has_words: ClassVar[bool] = False
    """Whether tokens are made of whole words, so that blocks of a text must not cut a word."""
    specials: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "" in self.specials or len(set(self.specials)) < len(self.specials):
            raise refusal("specials must be distinct names", self.specials)

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and int32 that holds every token."""
        smallest = np.uint8 if len(self) <= 1 << 8 else np.uint16 if len(self) <= 1 << 16 else np.int32
        return np.dtype(smallest)

    @property
    def unknown(self) -> int | None:
        """The token for anything not in the vocabulary; None if absent."""
        return None

    @property
    def untrained(self) -> int | None:
        """A token that training lacks, so that no model learns its probability; None if absent."""
        return None

    def unknown_in(self, text: str) -> list[str]:
        """Return the characters or words of a text that are read as unknown, in order and with repeats."""
        return []

    @property
    def line_end(self) -> int | None:
        """The token that ends a line or bar, after which reading can start; None if absent."""
        return None

    def special(self, name: str) -> int:
        """Return the token of a special.

        Raises:
            KeyError: the vocabulary was made without it.
        """
        try:
            return self.specials.index(name)
        except ValueError:
            raise KeyError(name) from None

    @abstractmethod
    def encode(self, sequence: Any, /) -> np.ndarray:
        """Return the tokens [N] of a sequence, of this vocabulary's dtype."""

    @abstractmethod
    def decode(self, tokens: np.ndarray | Sequence[int]) -> Any:
        """Return the sequence of tokens [N], without specials.

        Raises:
            InputError: a token is not an integer from 0 to V − 1.
        """

    @abstractmethod
    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the text of each token [N] separately, for display; the name for a special.

        Raises:
            InputError: a token is not an integer from 0 to V − 1.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""

    @classmethod
    @abstractmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""

    def _json(self, **own: object) -> dict[str, Any]:
        return {"level": self.level, **own, "specials": [*self.specials]}

    def _checked(self, tokens: np.ndarray | Sequence[int]) -> np.ndarray:
        array = np.asarray(tokens) if len(tokens) else np.zeros(0, dtype=self.dtype)
        if array.dtype.kind not in "iu":
            raise InputError(f"tokens must be integers. Got {array.dtype}.")
        outside = (array < 0) | (array >= len(self))
        if outside.any():
            raise InputError(f"tokens must be in [0, {len(self)}). Got {array[outside][0]}.")
        return array


@dataclass(frozen=True, kw_only=True)
class TextVocabulary(Vocabulary):
    """A vocabulary of pieces of text.

    Args:
        lowercase: whether texts are read in lower case.
        specials: see `Vocabulary`.
    """

    lowercase: bool = False

    @classmethod
    @abstractmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn a vocabulary from texts; see `make_vocabulary`."""

    def extended(self, texts: Iterable[str], min_count: int, size: int | None = None) -> Self:
        """Return the vocabulary extended by the pieces of further texts that it lacks, if it can lack any.

        Args:
            texts: the texts, read once.
            min_count: pieces that occur less often are left out.
            size: maximum number of tokens in all; the most frequent pieces are added. None: no limit.
        """
        return self

    @property
    def line_end(self) -> int | None:
        """The token of a newline; None if it has no separate token."""
        try:
            tokens = self.encode("\n")
        except InputError:
            return None
        return int(tokens[0]) if len(tokens) == 1 and tokens[0] != self.unknown else None

    @abstractmethod
    def encode(self, text: str, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of a text.

        Args:
            text: the text, or a part of one.
            source: the file or document, for messages.
            start: position of the part's first character in its source, for messages.

        Shapes:
            tokens [N], of this vocabulary's dtype

        Raises:
            InputError: a character is not in the vocabulary, which has no unknown token; or there is a lone
                surrogate.
        """

    def as_typed(self, text: str) -> list[str]:
        """Return the piece of each token of a text, for display: what is unknown as it stands in the text."""
        tokens, others = self.encode(text), iter(self.unknown_in(text))
        pieces = zip(tokens, self.pieces(tokens), strict=True)
        return [next(others, piece) if token == self.unknown else piece for token, piece in pieces]

    def opening(self, text: str) -> tuple[np.ndarray, Sequence[int]]:
        """Return the tokens of a text to continue, and the tokens that cannot come next."""
        return self.encode(text), ()

    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N], without specials.

        Raises:
            InputError: a token is not an integer from 0 to V − 1.
        """
        decoder = self.decoder()
        return "".join(map(decoder.push, self._checked(tokens).tolist())) + decoder.flush()

    @abstractmethod
    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that arrive one by one and follow the text `after`."""

    def _json(self, **own: object) -> dict[str, Any]:
        return super()._json(**own, lowercase=self.lowercase)


def check_fields(obj: dict[str, Any], fields: dict[str, object]) -> dict[str, Any]:
    """Check a vocabulary's JSON; return it without its level, with the specials as a tuple.

    Args:
        obj: the parsed JSON.
        fields: fields of this kind, each with an example of its type. Specials, which every kind has, may be
            absent, as in the first run folders.

    Raises:
        InputError: a field is missing, unknown, of another type or too long.
    """
    fields = {"level": "", **fields, "specials": []}
    obj = {"specials": [], **obj}
    if obj.keys() != fields.keys():
        raise refusal(f"the fields must be {sorted(fields)}", [*obj])
    for name, example in fields.items():
        if type(obj[name]) is not type(example):
            kind = _KINDS[type(example)]
            raise refusal(f"{name} must be {kind}", obj[name])
        if isinstance(example, list) and len(obj[name]) > LARGEST:
            raise refusal(f"{name} must number at most {LARGEST}", len(obj[name]))
    for special in obj["specials"]:
        if not isinstance(special, str):
            raise refusal("every special must be a text", special)
    del obj["level"]
    return obj | {"specials": tuple(obj["specials"])}


def check_text_fields(obj: dict[str, Any], fields: dict[str, object]) -> dict[str, Any]:
    """Like `check_fields` for a text vocabulary, whose `lowercase` may also be absent."""
    return check_fields({"lowercase": False, **obj}, {**fields, "lowercase": False})


def room(rules: Rules, reserved: int, least: int = 1) -> int | None:
    """Return how many tokens the rules allow in addition to the reserved ones; None: no limit.

    Raises:
        InputError: fewer than `least`.
    """
    if rules.size is None:
        return None
    if rules.size < reserved + least:
        raise InputError(f"--vocab-size must be at least {reserved + least} here. Got {rules.size}.")
    return rules.size - reserved


def most_frequent(counts: Counter[str], rules: Rules, reserved: int) -> list[str]:
    """Return the pieces that the rules keep, the most frequent first, ties by first occurrence.

    Raises:
        InputError: the reserved tokens leave no room for others.
    """
    kept = counts.most_common(room(rules, reserved))
    return [piece for piece, count in kept if count >= rules.min_count]


def additions(counts: Counter[str], min_count: int, size: int | None, known: int) -> list[str]:
    """Return the pieces that extend a vocabulary of `known` tokens, the most frequent first.

    Args:
        counts: of the pieces that it lacks.
        min_count: see `TextVocabulary.extended`.
        size: see `TextVocabulary.extended`.
        known: its number of tokens.
    """
    most = None if size is None else max(0, size - known)
    return [piece for piece, count in counts.most_common(most) if count >= min_count]


def refusal(rule: str, found: object) -> InputError:
    """Return the error for an invalid vocabulary."""
    return InputError(f"{rule}. Got {reprlib.repr(found)}.")


def utf8(text: str) -> bytes:
    """Return a text in UTF-8; raises InputError for a lone surrogate."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"text: must not hold lone surrogates. Got {named(text[error.start])} at position {error.start}."
        ) from None


def is_surrogate(character: str) -> bool:
    """Whether a character is half of a surrogate pair, which UTF-8 cannot encode."""
    return "\ud800" <= character <= "\udfff"


def named(character: str) -> str:
    """Return a character with its code point, for messages."""
    return f"{character!r} (U+{ord(character):04X})"
