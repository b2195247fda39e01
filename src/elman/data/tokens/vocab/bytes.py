"""One token per byte."""

import codecs
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import Decoder, Rules, TextVocabulary, check_text_fields, utf8
from elman.errors import InputError


class BytewiseVocabulary(TextVocabulary):
    """A vocabulary whose tokens are bytes; a character may need several tokens."""

    @property
    @abstractmethod
    def meaning(self) -> list[bytes]:
        """The bytes of each token; empty for a special."""

    def decode(self, tokens: np.ndarray | Sequence[int]) -> str:
        """Return the text of tokens [N], without specials, with U+FFFD for invalid UTF-8."""
        meaning = self.meaning
        return b"".join([meaning[token] for token in self._checked(tokens)]).decode("utf-8", "replace")

    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the text of each token, U+FFFD for parts of a character; see `Vocabulary.pieces`."""
        names = [*self.specials, *(m.decode("utf-8", "replace") for m in self.meaning[len(self.specials) :])]
        return [names[token] for token in self._checked(tokens)]

    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that arrive one by one; U+FFFD for invalid UTF-8."""
        return _BytewiseDecoder(self.meaning)


@dataclass(frozen=True)
class ByteVocabulary(BytewiseVocabulary):
    """All 256 bytes, one token each, so that any file can be read."""

    level: ClassVar[str] = "bytes"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lowercase:
            raise InputError("--lowercase must not be set with --level bytes, which has no letters")

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Return the vocabulary of all bytes; the texts are not read."""
        if rules.size is not None or rules.min_count > 1:
            raise InputError(
                "--vocab-size and --min-count must not be set with --level bytes, which has all 256 bytes"
            )
        return cls(lowercase=rules.lowercase, specials=rules.specials)

    def __len__(self) -> int:
        return len(self.specials) + 256

    def encode(self, text: str, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the bytes of a text in UTF-8; see `TextVocabulary.encode`."""
        return self.encode_bytes(utf8(text))

    def encode_bytes(self, data: bytes) -> np.ndarray:
        """Return the tokens of any bytes."""
        return np.frombuffer(data, dtype=np.uint8).astype(self.dtype) + self.dtype.type(len(self.specials))

    @cached_property
    def meaning(self) -> list[bytes]:
        """The byte of each token."""
        return [b""] * len(self.specials) + [bytes((value,)) for value in range(256)]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json()

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        return cls(**check_text_fields(obj, {}))


class _BytewiseDecoder:
    def __init__(self, meaning: Sequence[bytes]) -> None:
        self._meaning = meaning
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        return self._utf8.decode(self._meaning[token])

    def flush(self) -> str:
        return self._utf8.decode(b"", final=True)
