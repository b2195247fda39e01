"""Which patterns a text of a time may have, in the notation of ``TimeForm``."""

import re

from elman.data.read import months
from elman.data.read.weekdays import weekday_languages

OFFSET = r"(?P<offset> ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))"
"""An offset from UTC behind a time."""
ORDINAL = re.compile(r"\b(\d{1,2})(?:er|st|nd|rd|th|\.?[ºª])\b")
"""A day as a number in order, as in 1er janvier or 2nd March; written without these letters."""
SPAN = r"^(\S+ \d{1,2}:\d\d(?::\d\d)?)(?: [-–] (?:\S+ )?| ?[-–] ?\d[\d./-]{5,9}\d )\d{1,2}:\d\d(?::\d\d)?$"
"""A time and a later one, of which the first counts; not a time and its offset."""
WEEKDAY = re.compile(r"([^\W\d_]{2,13})([.,]{0,2} )")
"""A word that may be a weekday before a date."""
LANGUAGE = re.compile(r"(?i:(en|de|fr|es|it|pt|nl)[34.]?):")
"""Before a pattern: whose names of months and weekdays it has."""
_WEEK = "KW|CW|[Ww]eek|[Ww]k|Woche|[Ss]emaine|[Ss]emana|[Ss]ettimana|W"
_FISCAL = "(?:FY|FJ|GJ) ?"  # before a fiscal year, in English and German
_SHORT_DAY = 4  # letters of a short weekday, with its dot, at most
_CLOCK = re.compile(
    r"(?P<joint>[T ]|, )(?P<hour>\d{1,2})"
    r"(?:(?P<mark>[:.])(?P<minute>\d{2})(?:(?P=mark)(?P<second>\d{2})(?P<fraction>\.\d{1,9})?)?)?"
    rf"(?P<half> ?[AaPp][Mm])?{OFFSET}?"
)
_DATES = (
    (r"[1-4](?P<q>Q|\. Quartal)(?P<s>[- /]?)\d{4}", ("%q{q}{s}%Y",)),
    (rf"\d{{4}}(?P<s>[-/ ]?)(?P<w>{_WEEK})(?P<t> ?)\d{{1,2}}", ("%G{s}{w}{t}%V",)),
    (r"\d{4}(?P<s>-?)W\d{2}(?P=s)[1-7]", ("%G{s}W%V{s}%u",)),
    (rf"(?P<w>{_WEEK})(?P<t>[ -]?)\d{{1,2}}(?P<s>[-/ ]|, )\d{{4}}", ("{w}{t}%V{s}%G",)),
    (rf"\d{{1,2}}(?P<t>\. ?)(?P<w>{_WEEK})(?P<s>[-/ ])\d{{4}}", ("%V{t}{w}{s}%G",)),
    (r"\d{4}(?P<s>[-/.])\d{1,2}(?P=s)\d{1,2}", ("%Y{s}%m{s}%d",)),
    (r"\d{1,2}(?P<s>[-/.])\d{1,2}(?P=s)\d{4}", ("%d{s}%m{s}%Y", "%m{s}%d{s}%Y")),
    (r"\d{1,2}(?P<s>[/.])\d{1,2}(?P=s)\d{2}", ("%d{s}%m{s}%y", "%m{s}%d{s}%y")),
    (r"\d{1,2}(?P<s>-)\d{1,2}(?P=s)\d{2}", ("%d{s}%m{s}%y", "%m{s}%d{s}%y", "%y{s}%m{s}%d")),
    (r"\d{4}(?P<s>[-/–])\d{1,2}", ("%Y{s}%m", "%Y{s}%o")),
    (r"\d{4}(?P<s>[-/–])\d{4}", ("%Y{s}%O",)),
    (rf"(?P<w>{_FISCAL})\d{{4}}(?P<s>[-/])\d{{2}}", ("{w}%Y{s}%o",)),
    (rf"(?P<w>{_FISCAL})\d{{4}}(?P<s>[-/ ]?)Q[1-4]", ("{w}%Y{s}Q%q",)),
    (rf"(?P<w>{_FISCAL})\d{{4}}(?P<s>)", ("{w}%Y",)),
    (rf"(?P<w>{_FISCAL})\d{{2}}(?P<s>)", ("{w}%y",)),
    (r"\d{1,2}(?P<s>[-/])\d{4}", ("%m{s}%Y",)),
    (r"\d{4}(?P<s>-?)M(?:0?[1-9]|1[0-2])", ("%Y{s}M%m",)),
    # a point may be a decimal mark, as in prices of 1120.7 and rates of 1.1234
    (r"(?:19|20)\d\d(?P<s>\.)(?:0[1-9]|1[0-2])", ("%Y{s}%m",)),
    (r"(?:0[1-9]|1[0-2])(?P<s>\.)(?:19|20)\d\d", ("%m{s}%Y",)),
    (r"\d{1,2}(?P<s>[-/. ])[A-Za-z]{3,9}(?P=s)\d{4}", ("%d{s}%b{s}%Y", "%d{s}%B{s}%Y")),
    (r"\d{1,2}(?P<s>[-/. ])[A-Za-z]{3,9}(?P=s)\d{2}", ("%d{s}%b{s}%y",)),
    (r"\d{1,2}\.(?P<s> ?)[A-Za-z]{3,9} \d{4}", ("%d.{s}%b %Y", "%d.{s}%B %Y")),
    (r"\d{1,2}(?P<s> )de [A-Za-z]{3,9} del? \d{4}", ("%d{s}de %b de %Y", "%d{s}de %b del %Y")),
    (r"[A-Za-z]{3,9}(?P<s> )del? \d{4}", ("%b{s}de %Y", "%b{s}del %Y")),
    (r"[A-Za-z]{3,9}(?P<s>[-/. ])\d{4}", ("%b{s}%Y", "%B{s}%Y")),
    (r"[A-Za-z]{3,9}(?P<s>[-/]| ?['’]| )\d{2}", ("%b{s}%y", "%B{s}%y")),
    (r"\d{4}(?P<s>[-/. ])[A-Za-z]{3,9}", ("%Y{s}%b", "%Y{s}%B")),
    (r"[A-Za-z]{3,9}(?P<s> )\d{1,2}, \d{4}", ("%b %d, %Y", "%B %d, %Y")),
    (r"\d{4}(?P<s>[- /]?)(?P<q>[QT])[1-4]", ("%Y{s}{q}%q",)),
    (r"(?P<q>[QT])[1-4](?P<s>[- /])\d{4}", ("{q}%q{s}%Y",)),
    (r"\d{4}(?P<s>)\d{4}", ("%Y%m%d",)),
)


def patterns_of(cell: str) -> list[str]:
    """Returns the patterns that a text may have, the likeliest first; see ``TimeForm``."""
    cell = ORDINAL.sub(r"\1", re.sub(SPAN, r"\1", cell))
    result = _english_patterns_of(cell)
    for language in months.languages_of(cell):
        for dotted in (False, True):
            some = _english_patterns_of(months.in_english(cell, language, dotted=dotted))
            result += [f"{language}:{one}" for one in some if "%b" in one and ("%b." in one) == dotted]
    return result + _patterns_behind_weekday(cell)


def _patterns_behind_weekday(cell: str) -> list[str]:
    """Returns the patterns of a text that begins with a weekday."""
    day = WEEKDAY.match(cell)
    languages = weekday_languages(day[1]) if day else []
    if day is None or not languages:
        return []
    token = "%A" if len(day[1]) > _SHORT_DAY else "%a"
    return [
        (f"{own}:" if own != "en" else "") + token + day[2] + pattern
        for language, pattern in map(language_of, patterns_of(cell[day.end() :]))
        for own in ([language] if language else languages)
        if own in languages
    ]


def language_of(pattern: str) -> tuple[str, str]:
    """Divides a pattern into the language of its names, empty if there is none, and the rest."""
    match = LANGUAGE.match(pattern)
    return (match[1].lower(), pattern[match.end() :]) if match else ("", pattern)


def _english_patterns_of(cell: str) -> list[str]:
    for shape, patterns in _DATES:
        match = re.match(rf"(?:{shape})(?=$|[T ,Z+])", cell)
        if match is None:
            continue
        separator, rest = match["s"], cell[match.end() :]
        clock = _clock_of(rest)
        if clock is not None:
            some = patterns[:1] if separator == "." else patterns  # with dots, the day comes first
            return [pattern.format(**match.groupdict()) + clock for pattern in some]
    return []


def _clock_of(rest: str) -> str | None:
    """Returns the pattern of what follows a date; None if it is no time of day."""
    if not rest:
        return ""
    if re.fullmatch(OFFSET, rest):
        return "%z"
    compact = re.fullmatch(rf"([T ])\d{{4}}(\d\d)?{OFFSET}?", rest)
    if compact:
        return f"{compact[1]}%H%M{'%S' if compact[2] else ''}{'%z' if compact['offset'] else ''}"
    match = _CLOCK.fullmatch(rest)
    if match is None:
        return None
    half = match["half"] or ""
    pattern = f"{match['joint']}{'%I' if half else '%H'}"
    pattern += f"{match['mark']}%M" if match["minute"] else ""
    pattern += f"{match['mark']}%S" if match["second"] else ""
    if match["fraction"]:
        digits = len(match["fraction"]) - 1
        pattern += f"%.{digits}f" if digits in (3, 6, 9) else "%.f"
    return (
        pattern
        + (" " if half[:1] == " " else "")
        + ("%p" if half else "")
        + ("%z" if match["offset"] else "")
    )
