"""Scripts that put no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese and others."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3041, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xA000, 0xA48C),  # Yi
    (0xA980, 0xA9DF),  # Javanese
    (0xA9E0, 0xA9FF),  # Burmese
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # narrow Katakana
    (0x17000, 0x18CFF),  # Tangut
    (0x1B000, 0x1B16F),  # further Kana
    (0x20000, 0x3FFFF),  # further Chinese characters
)
# a consonant after one of these is written below the one before
STACKERS = "\u1039\u17d2\u1a60"
"""Marks that join the consonant before to the one after."""


@cache
def spaceless() -> str:
    """Returns the letters of these scripts as the inside of a character class of ``re``."""
    codes = (code for low, high in _RANGES for code in range(low, high + 1))
    return _class(code for code in codes if chr(code).isalpha())


@cache
def marks() -> str:
    """Returns the combining marks of all scripts, which re's class of words lacks, likewise."""
    return _class(code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M")


def _class(codes: Iterable[int]) -> str:
    """Returns rising code points as the inside of a character class, in ranges: re is slow with letters."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


@cache
def _letter() -> re.Pattern[str]:
    return re.compile(f"[{spaceless()}]")


def is_spaceless(text: str) -> bool:
    """Returns whether a text begins with a letter of these scripts."""
    return _letter().match(text) is not None


def has_spaces(text: str) -> bool:
    """Returns whether most letters of a text belong to scripts with spaces between words."""
    letters = sum(map(str.isalpha, text))
    return 2 * len(_letter().findall(text)) <= letters
