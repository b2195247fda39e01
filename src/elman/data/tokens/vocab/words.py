"""One token per word."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import (
    UNKNOWN,
    Decoder,
    Rules,
    TextVocabulary,
    WordSplit,
    check_text_fields,
    is_surrogate,
    most_frequent,
    refusal,
)
from elman.errors import InputError

LINE_END = "\n"
_LONGEST = 4_000_000  # maximum characters of all words; keeps vocabulary.json below its size limit
_NO_SPACE_BEFORE = frozenset(".,!?;:%)]}…»”’'/、。，！？；：")
_NO_SPACE_AFTER = frozenset("([{«“¿¡#@$£€/")


@dataclass(frozen=True)
class WordVocabulary(TextVocabulary):
    """The words of a text, and one unknown token, written ``<unk>``, for all others.

    With ``split="punctuation"`` a word is a run of letters, digits and marks, joined by single apostrophes
    and hyphens ("don't", "well-known"), or between digits by ``. , :`` ("3.14"); a run of one punctuation
    character is a separate word ("!", "..."). With ``split="spaces"`` white space separates words. The word
    ``<unk>`` is the unknown token in both. A newline is a word if the vocabulary has it, otherwise white
    space.

    Args:
        words: the words, distinct, the most frequent first.
        split: where words end.

    Raises:
        InputError: there is no word, or a word is repeated or not a single word by ``split``.
    """

    level: ClassVar[str] = "words"
    has_words: ClassVar[bool] = True
    words: tuple[str, ...]
    split: WordSplit = "punctuation"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.words:
            raise InputError("a vocabulary needs at least one word. Got none.")
        if len(set(self.words)) < len(self.words):
            raise refusal("words must be distinct", Counter(self.words).most_common(1)[0][0])
        if sum(map(len, self.words)) > _LONGEST:
            raise InputError(
                f"the words have more than {_LONGEST:,} characters; --min-count or --vocab-size keeps fewer"
            )
        for word in self.words:
            if word == UNKNOWN or _split(word, self.split) != [word] or any(map(is_surrogate, word)):
                raise refusal(f"every word must be a single word by --word-split {self.split}", word)

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn the most frequent words of texts, ties by first occurrence."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_split(text.lower() if rules.lowercase else text, rules.word_split))
        del counts[UNKNOWN]
        if counts and max(counts.values()) < rules.min_count:
            raise InputError(
                f"--min-count must be at most {max(counts.values()):,}, the count of the most frequent word. "
                f"Got {rules.min_count:,}."
            )
        kept = most_frequent(counts, rules, len(rules.specials) + 1)
        return cls(tuple(kept), rules.word_split, lowercase=rules.lowercase, specials=rules.specials)

    def extended(self, texts: Iterable[str], min_count: int) -> Self:
        """Return the vocabulary extended by words that occur at least `min_count` times in further texts."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_split(text.lower() if self.lowercase else text, self.split))
        known = {*self.words, UNKNOWN}
        new = [word for word, count in counts.most_common() if count >= min_count and word not in known]
        return replace(self, words=(*self.words, *new))

    def __len__(self) -> int:
        return self.unknown + 1 + len(self.words)

    @property
    def unknown(self) -> int:
        """The token for all other words."""
        return len(self.specials)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: self.unknown + 1 + k for k, word in enumerate(self.words)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The text of each token."""
        return (*self.specials, UNKNOWN, *self.words)

    def encode(self, text: str, source: str = "text", start: int = 0) -> np.ndarray:
        """Return the tokens of a text; see `TextVocabulary.encode`."""
        number, unknown = self._number, self.unknown
        words = _split(text.lower() if self.lowercase else text, self.split)
        if LINE_END not in number:
            words = [word for word in words if word != LINE_END]
        return np.array([number.get(word, unknown) for word in words], dtype=self.dtype)

    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the word of each token; see `Vocabulary.pieces`."""
        return [self.names[token] for token in self._checked(tokens)]

    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that arrive one by one, each with the space before it."""
        return _WordDecoder(self, after)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json(words=[*self.words], split=self.split)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        fields = check_text_fields(obj, {"words": [], "split": ""})
        if fields["split"] not in ("punctuation", "spaces"):
            raise refusal("split must be punctuation or spaces", fields["split"])
        for word in fields["words"]:
            if not isinstance(word, str):
                raise refusal("every word must be a text", word)
        return cls(tuple(fields.pop("words")), **fields)


class _WordDecoder:
    """Joins words with the usual spaces.

    Splitting its text returns the same words.
    """

    def __init__(self, vocabulary: WordVocabulary, after: str) -> None:
        self._vocabulary = vocabulary
        self._before = LINE_END  # no space at the beginning
        self._in_quotes = False
        for word in _split(after, vocabulary.split):
            self._write(word)
        if after[-1:].isspace():
            self._before = LINE_END

    def push(self, token: int) -> str:
        return "" if token < self._vocabulary.unknown else self._write(self._vocabulary.names[token])

    def flush(self) -> str:
        return ""

    def _write(self, word: str) -> str:
        """Return the word, with a space before it if one belongs there."""
        space = LINE_END not in (word, self._before)
        if self._vocabulary.split == "punctuation" and space:
            space = self._before[-1] == word[0] or not (self._leans_right() or self._leans_left(word))
        self._before = word
        self._in_quotes = word != LINE_END and self._in_quotes != (word == '"')
        return " " + word if space else word

    def _leans_right(self) -> bool:
        """Whether no space follows the word before."""
        before = self._before
        return before[-1] in _NO_SPACE_AFTER or (before == '"' and self._in_quotes)

    def _leans_left(self, word: str) -> bool:
        return word[0] in _NO_SPACE_BEFORE or (word == '"' and self._in_quotes)


def _split(text: str, split: WordSplit) -> list[str]:
    """Return the words of a text, newlines included."""
    if split == "spaces":
        return re.findall(r"\n|\S+", text)
    return [whole for whole, _ in _pattern().findall(text)]


@cache
def _pattern() -> re.Pattern[str]:
    """Return the pattern of words and punctuation of ``WordVocabulary``."""
    # re's \w lacks combining marks and joiners, without which Hindi or Thai words would be split
    marks = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.category(c)[0] == "M")
    letter = rf"[\w\u200c\u200d{marks}]"
    word = rf"{letter}+(?:(?:['’-]|(?<=\d)[.,:](?=\d)){letter}+)*"
    # a run of one character, such as "..." or "--"; its group is the second of findall's
    run = rf"(?!{letter})(\S)\2*"
    return re.compile(rf"({re.escape(UNKNOWN)}|\n|{word}|{run})")
