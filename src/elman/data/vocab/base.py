"""What every vocabulary is."""

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

import numpy as np

from elman.errors import InputError


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
        """Return what `from_json` reads."""

    @classmethod
    @abstractmethod
    def from_json(cls, obj: dict[str, object], source: str) -> Self:
        """Return the vocabulary that `to_json` described; see `vocabulary_from_json`."""

    def _checked(self, tokens: np.ndarray | Sequence[int]) -> np.ndarray:
        array = np.asarray(tokens) if len(tokens) else np.zeros(0, dtype=self.dtype)
        if array.dtype.kind not in "iu":
            raise InputError(f"tokens must be integers. Got {array.dtype}.")
        outside = (array < 0) | (array >= len(self))
        if outside.any():
            raise InputError(f"tokens must be in [0, {len(self)}). Got {array[outside][0]}.")
        return array


def check_fields(obj: dict[str, object], fields: set[str], source: str) -> None:
    """Raises InputError unless a vocabulary's JSON has these fields and no other."""
    if obj.keys() != fields:
        raise refusal(source, f"the fields must be {sorted(fields)}", [*obj])


def refusal(source: str, rule: str, found: object) -> InputError:
    """The error for a vocabulary from outside that is not one."""
    return InputError(f"{source}: {rule}. Got {reprlib.repr(found)}.")


def named(character: str) -> str:
    """A character as messages name it."""
    return f"{character!r} (U+{ord(character):04X})"
