"""Pieces of words, learnt by byte-pair encoding."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import Decoder, Rules, check_text_fields, refusal, room, utf8
from elman.data.tokens.vocab.bytes import BytewiseVocabulary
from elman.registry import LazyModule

if TYPE_CHECKING:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers
else:  # other vocabularies need no library
    tokenizers = LazyModule("tokenizers")
    decoders, models, pre_tokenizers, trainers = (
        LazyModule(f"tokenizers.{name}") for name in ("decoders", "models", "pre_tokenizers", "trainers")
    )

_USUAL_SIZE = 8000
_LONGEST = 64  # maximum bytes of a piece
_LONGEST_WORD = 64  # characters; longer words take quadratic time, so they are cut
# what words consist of: letters, digits, other characters or spaces
_KINDS = (r"\p{L}", r"\p{N}", r"[^\s\p{L}\p{N}]", r"\s")
_LONG_WORD = re.compile(
    "|".join(rf"{kind}{{{_LONGEST_WORD + 1},}}" for kind in (r"[^\W\d_]", r"\d", r"[^\w\s]", "_"))
)
_MOST_OF_LONG_WORDS = 500_000  # characters of long words that are learnt from


def _byte_letters() -> dict[str, int]:
    """Return the letters of GPT-2's tokenizer for all bytes, which make merges readable: a space is Ġ."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable} | {chr(256 + n): b for n, b in enumerate(others)}
    return dict(sorted(letters.items()))


_LETTERS = _byte_letters()


@dataclass(frozen=True)
class SubwordVocabulary(BytewiseVocabulary):
    """Pieces of words: all 256 bytes, and the pieces made by merging frequent neighbours.

    Every text can be encoded and is decoded exactly (in lower case with ``lowercase``), so there is no
    unknown token. A piece may begin with a space and never crosses the end of a word.

    Args:
        merges: the merged pairs in the order of learning, each as "left right" in the letters of GPT-2's
            tokenizer.
        longest_word: characters after which a longer word is cut; 0: words are not cut.

    Raises:
        InputError: a merge is repeated, uses an unknown piece, or makes a piece of more than 64 bytes.

    Source: Sennrich, Haddow & Birch 2015, arXiv:1508.07909; over bytes: Radford et al. 2019, "Language models
    are unsupervised multitask learners".
    """

    level: ClassVar[str] = "subwords"
    has_words: ClassVar[bool] = True
    merges: tuple[str, ...]
    longest_word: int = _LONGEST_WORD

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.longest_word not in (0, _LONGEST_WORD):
            raise refusal(f"longest_word must be 0 or {_LONGEST_WORD}", self.longest_word)
        known, done = set(_LETTERS), set()
        for merge in self.merges:
            left, _, right = merge.partition(" ")
            if not (left in known and right in known) or merge in done:
                raise refusal("every merge must be of two pieces made before it, once", merge)
            if len(left + right) > _LONGEST:
                raise refusal(f"a piece must have at most {_LONGEST} bytes", left + right)
            done.add(merge)
            known.add(left + right)

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn the vocabulary of texts, of 8,000 pieces by default.

        Of text without spaces, in words of more than 64 characters, only the beginning is learnt from.
        """
        size = room(rules, len(rules.specials), len(_LETTERS))
        tokenizer = _tokenizer({}, [], _LONGEST_WORD)
        trainer = trainers.BpeTrainer(
            vocab_size=_USUAL_SIZE if size is None else size,
            min_frequency=rules.min_count,
            initial_alphabet=[*_LETTERS],
            max_token_length=_LONGEST,
            show_progress=False,
        )
        readable = (_readable(text, rules.lowercase) for text in texts)
        _run_interruptibly(lambda: tokenizer.train_from_iterator(_shortened(readable), trainer))
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
        return cls(tuple(map(" ".join, merges)), lowercase=rules.lowercase, specials=rules.specials)

    def __len__(self) -> int:
        return len(self.specials) + len(self._numbers)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The library's number of each piece, from 0; pieces are in GPT-2's letters."""
        numbers = {letter: n for n, letter in enumerate(_LETTERS)}
        for merge in self.merges:  # two different merges may make the same piece
            numbers.setdefault(merge.replace(" ", ""), len(numbers))
        return numbers

    @cached_property
    def _tokenizer(self) -> tokenizers.Tokenizer:
        merges = [tuple(merge.split(" ")) for merge in self.merges]
        return _tokenizer(self._numbers, merges, self.longest_word)

    @cached_property
    def meaning(self) -> list[bytes]:
        """The bytes of each token."""
        pieces = (bytes(_LETTERS[letter] for letter in piece) for piece in self._numbers)
        return [b""] * len(self.specials) + [*pieces]

    def encode(self, text: str, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of a text; see `TextVocabulary.encode`."""
        encoding = self._tokenizer.encode(_readable(text, self.lowercase))
        return np.array(encoding.ids, dtype=self.dtype) + self.dtype.type(len(self.specials))

    def opening(self, text: str) -> tuple[np.ndarray, Sequence[int]]:
        """Return the tokens of a text to continue, and the tokens that cannot come next.

        A space at the end belongs to the next word: it is not encoded, and the next token must begin with it.
        """
        if not text.endswith(" "):
            return self.encode(text), ()
        others = [token for token, meaning in enumerate(self.meaning) if not meaning.startswith(b" ")]
        return self.encode(text[:-1]), others

    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that continue a text; a space at its end is not repeated."""
        decoder = super().decoder()
        return _WithoutFirstSpace(decoder) if after.endswith(" ") else decoder

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json(merges=[*self.merges], longest_word=self.longest_word)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        fields = check_text_fields({"longest_word": 0, **obj}, {"merges": [], "longest_word": 0})
        for merge in fields["merges"]:
            if not isinstance(merge, str):
                raise refusal("every merge must be a text", merge)
        return cls(tuple(fields.pop("merges")), **fields)


class _WithoutFirstSpace:
    """A decoder that omits the first space, which the text before already has."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._began = False

    def push(self, token: int) -> str:
        text = self._decoder.push(token)
        if text and not self._began:
            self._began = True
            return text.removeprefix(" ")
        return text

    def flush(self) -> str:
        return self._decoder.flush()


def _readable(text: str, lowercase: bool) -> str:
    """Return the text for the library to read."""
    utf8(text)  # refuses lone surrogates by name, as the library's own error does not
    return text.lower() if lowercase else text


def _shortened(texts: Iterable[str]) -> Iterator[str]:
    """Yields texts with long words left out once many of their characters have been read."""
    left = _MOST_OF_LONG_WORDS

    def kept(match: re.Match[str]) -> str:
        nonlocal left
        word = match.group()[: max(left, 0)]
        left -= len(word)
        return word

    for text in texts:
        yield _LONG_WORD.sub(kept, text)


def _run_interruptibly(work: Callable[[], None]) -> None:
    """Does work of the library in another thread, so that Ctrl-C does not wait for its end."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if errors:
        raise errors[0]


def _tokenizer(numbers: dict[str, int], merges: list[Any], longest_word: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=numbers, merges=merges))
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if longest_word:
        whole = tokenizers.Regex("|".join(f"{kind}{{{longest_word}}}" for kind in _KINDS))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(whole, "isolated"), bytewise])
    else:
        tokenizer.pre_tokenizer = bytewise
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
