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
    additions,
    check_text_fields,
    is_surrogate,
    most_frequent,
    refusal,
)
from elman.data.tokens.vocab.scripts import STACKERS, is_spaceless, marks, spaceless
from elman.errors import InputError

LINE_END = "\n"
_LONGEST = 4_000_000  # maximum characters of all words; keeps vocabulary.json below its size limit
_NEWEST = 2
_NO_SPACE_BEFORE = frozenset(".,!?;:%)]}…»”’'/、。，！？；：")
_NO_SPACE_AFTER = frozenset("([{«“¿¡#@$£€/")
_WIDE = frozenset(
    "、。，！？；：「」『』（）《》〈〉【】〔〕"
)  # punctuation of Chinese and Japanese: never a space
_AFTER_ADDRESS = frozenset(".,;:!?)]}")  # punctuation that no web address ends with
_ADDRESS = (
    r"(?:(?:[Hh][Tt][Tt][Pp][Ss]?|[Ff][Tt][Pp])://|[Ww][Ww][Ww]\.)[!#-;=?-~]*[A-Za-z0-9/=&#_~%+-]"
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)


@dataclass(frozen=True)
class WordVocabulary(TextVocabulary):
    """The words of a text, and one unknown token, written ``<unk>``, for all others.

    With ``split="punctuation"`` a word is a run of letters, digits and marks, joined by single apostrophes
    and hyphens ("don't", "well-known"), or between digits by ``. , :`` ("3.14"); a run of one punctuation
    character is a separate word ("!", "..."). A letter of a script without spaces is a word, together with
    its marks, and so is a web or mail address. With ``split="spaces"`` white space separates words. The word
    ``<unk>`` is the unknown token in both. A newline is a word if the vocabulary has it, otherwise white
    space; a carriage return ends a line too. Texts are read in the Unicode form NFC.

    Args:
        words: the words, distinct, the most frequent first.
        split: where words end.
        version: of these rules. In version 1 scripts without spaces, addresses, carriage returns and Unicode
            forms have no rule of their own.

    Raises:
        InputError: there is no word, or a word is repeated or not a single word by ``split``.
    """

    level: ClassVar[str] = "words"
    has_words: ClassVar[bool] = True
    words: tuple[str, ...]
    split: WordSplit = "punctuation"
    version: int = _NEWEST

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version not in range(1, _NEWEST + 1):
            raise refusal(f"version must be in [1, {_NEWEST}]", self.version)
        if not self.words:
            raise InputError("a vocabulary needs at least one word. Got none.")
        if len(set(self.words)) < len(self.words):
            raise refusal("words must be distinct", Counter(self.words).most_common(1)[0][0])
        if sum(map(len, self.words)) > _LONGEST:
            raise InputError(
                f"the words have more than {_LONGEST:,} characters; --min-count or --vocab-size keeps fewer"
            )
        for word in self.words:
            if word == UNKNOWN or self._split(word) != [word] or any(map(is_surrogate, word)):
                raise refusal(f"every word must be a single word by --word-split {self.split}", word)

    @classmethod
    def learn(cls, texts: Iterable[str], rules: Rules) -> Self:
        """Learn the most frequent words of texts, ties by first occurrence."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_split(text, rules.word_split, _NEWEST, rules.lowercase))
        del counts[UNKNOWN]
        if counts and max(counts.values()) < rules.min_count:
            raise InputError(
                f"--min-count must be at most {max(counts.values()):,}, the count of the most frequent word. "
                f"Got {rules.min_count:,}."
            )
        kept = most_frequent(counts, rules, len(rules.specials) + 1)
        return cls(tuple(kept), rules.word_split, lowercase=rules.lowercase, specials=rules.specials)

    def extended(self, texts: Iterable[str], min_count: int, size: int | None = None) -> Self:
        """Return the vocabulary extended by the words of further texts; see `TextVocabulary.extended`."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(self._split(text, self.lowercase))
        for word in (*self.words, UNKNOWN):
            del counts[word]
        new = additions(counts, min_count, size, len(self))
        return replace(self, words=(*self.words, *new))

    def _split(self, text: str, lowercase: bool = False) -> list[str]:
        return _split(text, self.split, self.version, lowercase)

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
        words = self._split(text, self.lowercase)
        if LINE_END not in number:
            words = [word for word in words if word != LINE_END]
        return np.array([number.get(word, unknown) for word in words], dtype=self.dtype)

    def unknown_in(self, text: str) -> list[str]:
        """Return the words of a text that the vocabulary lacks, in order and with repeats."""
        words = self._split(text, self.lowercase)
        return [word for word in words if word != LINE_END and word not in self._number]

    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the word of each token; see `Vocabulary.pieces`."""
        return [self.names[token] for token in self._checked(tokens)]

    def decoder(self, after: str = "") -> Decoder:
        """Return a new decoder for tokens that arrive one by one, each with the space before it."""
        return _WordDecoder(self, after)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json(words=[*self.words], split=self.split, version=self.version)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `vocabulary_from_json`."""
        fields = check_text_fields({"version": 1, **obj}, {"words": [], "split": "", "version": 1})
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
        self._in_quotes = self._in_address = False
        for word in vocabulary._split(after):
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
            space = self._is_apart(word)
        is_new = self._vocabulary.version > 1
        self._in_address = is_new and (_is_address(word) or (self._in_address and not space))
        self._before = word
        self._in_quotes = word != LINE_END and self._in_quotes != (word == '"')
        return " " + word if space else word

    def _is_apart(self, word: str) -> bool:
        """Returns whether a space is written between the word before and this one."""
        before = self._before
        if self._vocabulary.version > 1:
            if self._in_address:  # what is joined to an address would be read as part of it
                return word[0] not in _AFTER_ADDRESS
            spaceless = is_spaceless(before), is_spaceless(word)
            if all(spaceless):
                return before[-1] in STACKERS
            if any(spaceless) and (before[0].isdecimal() or word[0].isdecimal()):
                return False
            if before[-1] != word[0] and (before[-1] in _WIDE or word[0] in _WIDE):
                return False
        return before[-1] == word[0] or not (self._leans_right() or self._leans_left(word))

    def _leans_right(self) -> bool:
        """Whether no space follows the word before."""
        before = self._before
        return before[-1] in _NO_SPACE_AFTER or (before == '"' and self._in_quotes)

    def _leans_left(self, word: str) -> bool:
        return word[0] in _NO_SPACE_BEFORE or (word == '"' and self._in_quotes)


def _split(text: str, split: WordSplit, version: int, lowercase: bool = False) -> list[str]:
    """Return the words of a text, newlines included."""
    if version > 1:
        text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = text.replace("İ", "i") if lowercase else text  # whose lower case has a second dot
    text = text.lower() if lowercase else text
    if split == "spaces":
        return re.findall(r"\n|\S+", text)
    return [whole for whole, _ in _pattern(version).findall(text)]


def words_at(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends, by the rules of ``split="punctuation"``."""
    places = (match.span() for match in _pattern(_NEWEST).finditer(text))
    return [(begin, end) for begin, end in places if not text[begin:end].isspace()]


def _is_address(word: str) -> bool:
    return word[0].isascii() and re.fullmatch(_ADDRESS, word) is not None


@cache
def _pattern(version: int) -> re.Pattern[str]:
    """Return the pattern of words and punctuation of ``WordVocabulary``."""
    # re's \w lacks combining marks and joiners, without which Hindi or Thai words would be split
    letter = rf"[\w\u200c\u200d{marks()}]"
    # a run of one character, such as "..." or "--"; its group is the second of findall's
    run = rf"(?!{letter})(\S)\2*"
    own = ""
    if version > 1:
        # one letter with its marks, and with the letters that are written below it
        alone = rf"[{spaceless()}](?:[\u200c\u200d{marks()}]|(?<=[{STACKERS}])[{spaceless()}])*"
        own = rf"{_ADDRESS}|{alone}|"
        letter = rf"(?:(?![{spaceless()}]){letter})"
    word = rf"{letter}+(?:(?:['’-]|(?<=\d)[.,:](?=\d)){letter}+)*"
    return re.compile(rf"({re.escape(UNKNOWN)}|\n|{own}{word}|{run})")
