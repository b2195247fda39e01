"""Encodings of text: by a byte order mark, as the user says, or guessed for a message."""

import codecs
import unicodedata

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# how well a character beyond ASCII speaks for an encoding, by the beginning of its Unicode name
_FITS: dict[str, dict[str, float]] = {
    "shift_jis": {"HIRAGANA": 1, "KATAKANA": 1, "CJK": 0.7, "IDEOGRAPHIC": 1},
    "euc_jp": {"HIRAGANA": 1, "KATAKANA": 1, "CJK": 0.7, "IDEOGRAPHIC": 1},
    "euc_kr": {"HANGUL SYLLABLE": 1, "CJK": 0.3},
    "gb18030": {"CJK": 1, "FULLWIDTH": 1, "IDEOGRAPHIC": 1},
    "big5": {"CJK": 1, "FULLWIDTH": 1, "IDEOGRAPHIC": 1},
    "cp1252": {
        "LATIN SMALL": 1,
        "LATIN CAPITAL": 0.9,
        "LEFT": 1,
        "RIGHT": 1,
        "E": 1,
        "POUND": 1,
        "INVERTED": 1,
        "DEGREE": 1,
        "MICRO": 1,
        "PLUS-MINUS": 1,
        "SUPERSCRIPT": 1,
        "SECTION": 1,
    },
    "cp1250": {"LATIN SMALL": 1, "LATIN CAPITAL": 0.9, "LEFT": 1, "RIGHT": 1, "E": 1, "DEGREE": 1},
    "latin-1": {"LATIN SMALL": 1, "LATIN CAPITAL": 0.9, "INVERTED": 1, "DEGREE": 1},
    "cp1251": {"CYRILLIC SMALL": 1, "CYRILLIC CAPITAL": 0.3},
    "koi8-r": {"CYRILLIC SMALL": 1, "CYRILLIC CAPITAL": 0.3},
}
# letters with accents of each language that is written in an encoding of Latin letters
_LETTERS = {
    "cp1252": (
        *("äöüß", "àâæçéèêëîïôùûüÿœ", "áéíñóúü", "àèéìíòóùú", "áàâãçéêíóôõúü", "åäöæøéüà", "áéèëïíóöüĳ"),
        "áðéíóúýþæö",
    ),
    "cp1250": ("áčďéěíňóřšťúůýž", "ąćęłńóśźż", "áéíóöőúüű", "áäčďéíĺľňóôŕšťúýž", "ăâîşţ", "čšžćđ"),
}
_LETTERS |= {"latin-1": _LETTERS["cp1252"], "iso8859-2": _LETTERS["cp1250"]}
_WESTERN, _CYRILLIC = tuple(_LETTERS), ("cp1251", "koi8-r")
SINGLE_BYTE = (*_WESTERN, *_CYRILLIC)
"""Encodings whose letters beyond ASCII are seldom UTF-8 by chance."""
_FREQUENT = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}  # first bytes of the usual Chinese characters
_CONTROLS = frozenset(range(32)) - {*b"\a\b\t\n\v\f\r\x1a\x1b"}
_LOOKED_AT = 20_000  # bytes that a guess reads


def marked(head: bytes) -> tuple[str, int]:
    """Returns the encoding that a byte order mark names and the mark's size; ("", 0) without a mark."""
    return next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), ("", 0))


def may_be_marked(head: bytes) -> bool:
    """Whether more bytes are needed to know if a text begins with a byte order mark."""
    return any(len(head) < len(mark) and mark.startswith(head) for mark, _ in _MARKS)


def likely(content: bytes) -> str:
    """Guesses the encoding of text that is not UTF-8; returns "" if none is likely.

    Each candidate that decodes the bytes is judged by its characters beyond ASCII: how well they belong to
    the languages that are written in it.
    """
    content = content[:_LOOKED_AT]
    even, odd = content[::2].count(0), content[1::2].count(0)
    if max(even, odd) > max(1, len(content) // 5):
        return "" if min(even, odd) * 10 > max(even, odd) else "utf-16-be" if even > odd else "utf-16-le"
    if not _CONTROLS.isdisjoint(content):  # no text
        return ""
    best, best_fit = "", 0.5
    for name in _FITS:
        fit = _fit(content, name)
        if fit > best_fit:
            best, best_fit = name, fit
    if best in _LETTERS:  # the letters of one language, the first if several have all
        return max(_LETTERS, key=lambda name: _share(content, name))
    return best


def _share(content: bytes, name: str) -> float:
    """Returns the share of letters with accents, and of other characters in words, that one language has."""
    text = f" {content.decode(name, 'replace').lower()} "
    letters = [
        letter
        for before, letter, after in zip(text, text[1:], text[2:], strict=False)
        if letter > "\x7f" and letter not in "µªº"
        if letter.isalpha() or letter < "\xa0" or (before.isalpha() and after.isalpha())
    ]
    return max(sum(map(own.count, letters)) / len(letters) for own in _LETTERS[name]) if letters else 1.0


def _fit(content: bytes, name: str) -> float:
    try:
        text = codecs.getincrementaldecoder(name)().decode(content)  # keeps a character cut at the end
    except UnicodeDecodeError:
        return 0.0
    scores = [_score(text, k, name) for k, character in enumerate(text) if character > "\x7f"]
    if name in _WESTERN and 2 * len(scores) > len(text):  # most letters are ASCII there
        return 0.0
    return sum(scores) / len(scores) if scores else 0.0


def _score(text: str, k: int, name: str) -> float:
    called = unicodedata.name(text[k], "")
    score = next((score for start, score in _FITS[name].items() if called.startswith(start)), 0.0)
    around = [text[j] for j in (k - 1, k + 1) if 0 <= j < len(text)]
    if name in _WESTERN:  # letters with accents stand among others
        return 0.0 if _is_in_run(text, k) else score
    if name in _CYRILLIC:  # and no word has letters of both kinds
        return 0.0 if any(c.isascii() and c.isalpha() for c in around) else score
    if called.startswith("CJK") and name in _FREQUENT:
        first, last = text[k].encode(name)[0], text[k].encode(name)[-1]
        low, high = _FREQUENT[name]
        is_alone = all(map(str.isascii, around))
        usual = low <= first <= high and (name == "big5" or last > 0xA0)
        return score if usual and not is_alone else 0.4
    return score


def _is_in_run(text: str, k: int) -> bool:
    """Whether a letter beyond ASCII is one of three or more in a row."""
    return any(
        len(run) == 3 and all(c > "\x7f" and c.isalpha() for c in run)
        for run in (text[max(j, 0) : j + 3] for j in (k - 2, k - 1, k))
    )
