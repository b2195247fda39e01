"""Names of months in tables: English, German, French, Spanish, Italian, Portuguese, Dutch."""

import re
import unicodedata

NAMES = {
    key: tuple(names.split())
    for key, names in {
        "en": "january february march april may june july august september october november december",
        "en3": "jan feb mar apr may jun jul aug sep oct nov dec",
        "en4": "jan feb mar apr may june july aug sept oct nov dec",
        "en.": "jan. feb. mar. apr. may june july aug. sept. oct. nov. dec.",
        "de": "januar februar märz april mai juni juli august september oktober november dezember",
        "de3": "jan feb mär apr mai jun jul aug sep okt nov dez",
        "de4": "jan feb mrz apr mai jun jul aug sep okt nov dez",
        "de.": "jan. feb. märz apr. mai juni juli aug. sept. okt. nov. dez.",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "fr3": "janv févr mars avr mai juin juil août sept oct nov déc",
        "fr.": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "es3": "ene feb mar abr may jun jul ago sep oct nov dic",
        "es4": "ene feb mar abr may jun jul ago sept oct nov dic",
        "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "it3": "gen feb mar apr mag giu lug ago set ott nov dic",
        "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "pt3": "jan fev mar abr mai jun jul ago set out nov dez",
        "nl": "januari februari maart april mei juni juli augustus september oktober november december",
        "nl3": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    }.items()
}
"""The twelve names of each language (two letters) and way of shortening them, in lower case."""

_ALSO = {"de": {"maerz": 3, "janner": 1, "jaenner": 1, "feber": 2}, "es": {"setiembre": 9, "set": 9}}
_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_ENGLISH = {*NAMES["en"], *NAMES["en3"]}


def plain(word: str) -> str:
    """Returns a word in lower case, without accents and a dot at its end."""
    letters = unicodedata.normalize("NFKD", word.lower().removesuffix("."))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_SPELLINGS: dict[str, dict[str, int]] = {key: dict(_ALSO.get(key, {})) for key in NAMES if len(key) == 2}
for _key, _names in NAMES.items():
    _SPELLINGS[_key[:2]] |= {plain(name): month for month, name in enumerate(_names, 1)}


def languages_of(text: str) -> list[str]:
    """Returns the languages in which a text holds the name of a month; none for plain English names."""
    word = next((match for match in _WORD.findall(text) if _languages(match)), "")
    return [] if word.lower() in _ENGLISH else _languages(word)


def is_month(word: str) -> bool:
    """Whether a word is the name of a month in any of the languages."""
    return bool(_languages(word))


def number(word: str) -> int | None:
    """Returns the number of the month, from 1, that a word names in the first language that has it."""
    return next((month_in(word, language) for language in _languages(word)), None)


def month_in(word: str, language: str) -> int | None:
    """Returns the number of the month, from 1, that a word names; None if it names none."""
    return _SPELLINGS[language].get(plain(word))


def in_english(text: str, language: str, *, dotted: bool) -> str:
    """Returns a text with its month's name as an English one of three letters.

    Args:
        text: the text.
        language: two letters.
        dotted: whether a dot behind the name stays.
    """
    for match in _WORD.finditer(text):
        month = month_in(match.group(), language)
        if month is not None:
            dot = "." if dotted and match.group().endswith(".") else ""
            return text[: match.start()] + NAMES["en3"][month - 1] + dot + text[match.end() :]
    return text


def written(month: int, key: str) -> str:
    """Returns the name of a month by a key of ``NAMES``, in the case of the key: de, De or DE."""
    name = NAMES[key.lower()][month - 1]
    letters = key[:2]
    return name if letters.islower() else name.upper() if letters.isupper() else name.capitalize()


def keys_of(language: str) -> list[str]:
    """Returns the keys by which names of a language may be written, in every case."""
    own = [key for key in NAMES if key.startswith(language)]
    return [form for key in own for form in (key, key.capitalize(), key.upper())]


def _languages(word: str) -> list[str]:
    return [language for language, names in _SPELLINGS.items() if plain(word) in names]
