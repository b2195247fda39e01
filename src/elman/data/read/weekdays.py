"""Names of weekdays before dates, in the languages of ``months``."""

from elman.data.read.months import plain

_NAMES = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda terça quarta quinta sexta sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
}
_SHORT = {"de": 2, "nl": 2}  # letters of a short name; three in the other languages


def weekday(word: str, language: str) -> int | None:
    """Returns the weekday, 1 for Monday, that a word names in full or shortened; None if it names none."""
    own = plain(word)
    pairs = enumerate(_pairs(language), 1)
    return next((day for day, (name, short) in pairs if own in (plain(name), plain(short))), None)


def weekday_languages(word: str) -> list[str]:
    """Returns the languages of two letters in which a word names a weekday."""
    return [language for language in _NAMES if weekday(word, language)]


def written_weekday(day: int, key: str, *, short: bool) -> str:
    """Returns the name of a weekday, from 1 for Monday, in the language and case of a key: de, De or DE."""
    name = _pairs(key[:2].lower())[day - 1][short]
    letters = key[:2]
    return name if letters.islower() else name.upper() if letters.isupper() else name.capitalize()


def _pairs(language: str) -> list[tuple[str, str]]:
    """Returns each weekday's whole and short name."""
    return [(name, name[: _SHORT.get(language, 3)]) for name in _NAMES[language].split()]
