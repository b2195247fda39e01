"""One byte a token."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from elman.data.vocab.base import Decoder, Vocabulary, check_fields, named
from elman.errors import InputError


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
                f"Got the lone surrogate {named(text[error.start])} at position {error.start}."
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
        """Return what `from_json` reads."""
        return {"level": self.level}

    @classmethod
    def from_json(cls, obj: dict[str, object], source: str) -> Self:
        """Return the vocabulary of all bytes; see `vocabulary_from_json`."""
        check_fields(obj, {"level"}, source)
        return cls()


class _ByteDecoder:
    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        return self._utf8.decode(bytes((token,)))

    def flush(self) -> str:
        return self._utf8.decode(b"", final=True)
