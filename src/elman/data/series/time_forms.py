"""Forms in which times are written: texts of many patterns, integers that stand for dates, offsets."""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read import months
from elman.data.read.weekdays import weekday, weekday_languages, written_weekday
from elman.data.series.time_patterns import LANGUAGE, OFFSET, ORDINAL, SPAN, WEEKDAY, language_of
from elman.errors import InputError

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_WHOLE = {"%Y%m%d%H": r"\d{10}", "%Y%m%d": r"\d{8}", "%Y%m": r"\d{6}", "%Y": r"\d{4}"}
_SPANS = {"%Y%m%d%H": (1900, 2100), "%Y%m%d": (1500, 2500), "%Y%m": (1500, 2500), "%Y": (1800, 2100)}

_EARLIEST, _LATEST = 315_532_800, 4_102_444_800  # 1980 and 2100: seconds that are taken for times
_TOKEN = re.compile(r"%-?[a-zA-Z]|%\.\d?f")
_PARSED = "YmdHMSyjbBpIGVquaAoO"  # tokens of patterns that can be read
_ENDS_IN_HOURS = r"(?:[T ,]|^%Y%m%d)%-?H(?:[:.]?%M(?:[:.]?%S(?:\.%f|%\.\d?f)?)?)?(?: %M)?$"
_DAY_END = r"((?:[T ,]|^\d{8}))24((?:[:.]?00){0,2}(?:\.0+)?(?: 00)?)$"
_MARK = "\0"  # stands for a name or a quarter while the rest of a pattern is written
_WORD = re.compile(r"[^\W\d_]+\.?")
_PROBED = 50  # texts that show a language
_ROWS = 1000  # cells that decide how texts are padded
_ZONES = (  # zones that offsets are compared with; a column of offsets does not name its own
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
)


@dataclass(frozen=True)
class TimeForm:
    """How the times of a table are written, so that forecasts are written alike.

    Attributes:
        kind: type of the column; String if tables had several types.
        pattern: of texts, and of integers that stand for dates, in the notation of strftime, with %-d for a
            day without leading zero, %q for a quarter, %o and %O for two or four digits of the year after %Y,
            and a last %z for an offset; s, ms, us or ns for integers that count from 1970. Names of months
            and weekdays that are not English stand behind a key of ``read.months`` and a colon, as in
            De:%-d. %b %Y. Empty for other integers, and for texts of unknown form.
        zone: zone of texts with offsets: Z, UTC, an offset such as +05:30, or a zone's name.
    """

    kind: "pl.DataType"
    pattern: str = ""
    zone: str = ""

    def __str__(self) -> str:
        kind = self.kind
        if isinstance(kind, pl.Datetime):
            return f"Datetime {kind.time_unit} {kind.time_zone or ''}".strip()
        name = str(kind) if kind == pl.Date or kind.is_integer() else "String"
        return "|".join((name, self.pattern, self.zone)) if self.pattern else name

    def written(self, times: np.ndarray, *, wall: bool, whole_days: bool) -> "pl.Series":
        """Returns times in this form.

        Args:
            times: [N] seconds since 1970.
            wall: whether they are in local time, not in UTC.
            whole_days: whether all are at midnight; texts of unknown form are then dates.

        Raises:
            InputError: a time does not exist in the time zone.
        """
        if self.pattern in _UNITS:
            return pl.Series("ds", times * _UNITS[self.pattern])
        moments = pl.Series("ds", times.astype("datetime64[s]").astype("datetime64[us]"))
        if isinstance(self.kind, pl.Datetime):
            return in_zone(moments, self.kind, wall=wall)
        if not self.pattern:
            return moments.cast(pl.Date) if whole_days or self.kind == pl.Date else moments
        texts = self._texts(moments, wall=wall)
        return texts.cast(self.kind, strict=False) if self.kind.is_integer() else texts

    def _texts(self, moments: "pl.Series", *, wall: bool) -> "pl.Series":
        """Writes moments by the pattern."""
        plain = self.pattern.removesuffix("%z")
        if plain == self.pattern:
            return _formatted(moments, plain)
        if self.zone.strip() in ("Z", "UTC") or self.zone.strip()[0] in "+-":
            local = moments if wall else moments + timedelta(seconds=_seconds(self.zone))
            return _formatted(local, plain) + self.zone
        zoned = in_zone(moments, pl.Datetime("us", self.zone), wall=wall)
        offset = zoned.dt.strftime("%:z")
        return _formatted(zoned.dt.replace_time_zone(None), plain) + offset


def form_of_text(text: str) -> "TimeForm | None":
    """Returns the form that ``str`` wrote as this text; None for any other text."""
    kind, _, rest = text.partition(" ")
    if kind == "Datetime":
        unit, _, zone = rest.partition(" ")
        fits = unit in ("ms", "us", "ns") and (not zone or zone in zoneinfo.available_timezones())
        return TimeForm(pl.Datetime(unit, zone or None)) if fits else None  # type: ignore[arg-type]
    name, *more = text.split("|")
    plain = ("String", "Date", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)))
    if name not in plain or len(more) not in (0, 2):
        return None
    pattern, zone = more or ("", "")
    fixed = re.fullmatch(rf"{OFFSET}?", zone) or zone in zoneinfo.available_timezones()
    known = pattern in _UNITS or not pattern or is_pattern(pattern)
    return TimeForm(getattr(pl, name)(), pattern, zone) if fixed and known else None


def is_pattern(pattern: str) -> bool:
    """Whether a text is a pattern of times that can be read and written."""
    tokens = _TOKEN.findall(pattern.removesuffix("%z"))
    letters = {token[-1] for token in tokens}
    plain = _TOKEN.sub("", pattern.removesuffix("%z"))
    has_year = bool(letters & set("YyG"))
    fraction = pattern.count("%f") == pattern.count(".%f")
    return has_year and letters <= {*_PARSED, "f"} and "%" not in plain and "|" not in pattern and fraction


def in_zone(moments: "pl.Series", kind: "pl.Datetime", *, wall: bool) -> "pl.Series":
    """Converts date-times in local time (``wall``) or UTC to a type and its zone."""
    if kind.time_zone is None:
        return moments.cast(kind)
    if not wall:
        return moments.dt.replace_time_zone("UTC").cast(kind)
    zoned_moments = moments.dt.replace_time_zone(kind.time_zone, ambiguous="earliest", non_existent="null")
    if zoned_moments.has_nulls():
        missing = moments.filter(zoned_moments.is_null())[0]
        raise InputError(
            f"{missing} does not exist in {kind.time_zone}, because clocks are put forward then: "
            "give times without a time zone"
        )
    return zoned_moments.cast(kind)


def pattern_of_integers(values: "pl.Series") -> str:
    """Returns the pattern of integers that stand for dates; empty if they are plain numbers."""
    low, high = values.min(), values.max()
    if low is None or high is None:
        return ""
    texts = values.cast(pl.String)
    for pattern, shape in _WHOLE.items():
        first, last = _SPANS[pattern]
        if texts.str.contains(f"^{shape}$").all():
            years = texts.str.slice(0, 4).cast(pl.Int64)
            within = years.is_between(first, last).all() and not parsed(texts, pattern)[0].has_nulls()
            if within:
                return pattern
    for unit, factor in _UNITS.items():
        if _EARLIEST * factor <= low and high < _LATEST * factor:  # type: ignore[operator]
            return unit
    return ""


def seconds_of_integers(values: "pl.Series", unit: str) -> "pl.Series":
    """Returns integers that count from 1970 as date-times."""
    micro = values * (10**6 // _UNITS[unit]) if unit != "ns" else values // 1000
    return micro.cast(pl.Datetime("us"))


def parsed(texts: "pl.Series", pattern: str) -> "tuple[pl.Series, pl.Series | None]":
    """Reads texts by a pattern.

    Returns:
        Local date-times, null where a text does not fit, and their offsets in seconds if the pattern has one.
    """
    language, pattern = language_of(pattern)
    plain = pattern.removesuffix("%z")
    offsets = None
    zoned = plain != pattern
    if texts.str.contains(" .*[-–].*:").any():
        texts = texts.str.replace(SPAN, "${1}")
    if "%d" in plain or "%-d" in plain:
        texts = texts.str.replace(ORDINAL.pattern, "${1}")
    weekdays = None
    if language and (start := re.match(r"%[aA][.,]{0,2} ", plain)):
        weekdays = _weekdays_of(texts, language)
        bare = texts.str.replace(r"^\p{L}{2,13}[.,]{0,2} ", "")
        texts = pl.select(pl.when(weekdays.is_not_null()).then(bare)).to_series()
        plain = plain[start.end() :]
    if language:
        dotted = "%b." in plain
        cells = {
            cell: months.in_english(cell, language, dotted=dotted) for cell in texts.drop_nulls().unique()
        }
        texts = texts.replace_strict(cells, default=None, return_dtype=pl.String)
    if zoned:
        ends = texts.str.extract(rf"(?:\d|[AaPp][Mm]){OFFSET}$", 1)
        texts = texts.str.replace(rf"{OFFSET}$", "")
        seconds = {end: _seconds(end) for end in ends.drop_nulls().unique().to_list()}
        offsets = ends.replace_strict(seconds, default=None, return_dtype=pl.Int64)
        texts = pl.select(pl.when(offsets.is_null()).then(None).otherwise(texts)).to_series()
    if "%q" in plain:
        shape = re.escape(plain).replace("%q", "([1-4])").replace("%Y", r"\d{4}")
        month = texts.str.extract(f"^{shape}$").cast(pl.Int64, strict=False) * 3 - 2
        year = texts.str.extract(r"(\d{4})")
        texts = pl.select(
            pl.when(texts.str.contains(f"^{shape}$")).then(year + "-" + month.cast(pl.String))
        ).to_series()
        plain = "%Y-%m"
    if "%o" in plain or "%O" in plain:
        texts, plain = _first_years(texts, plain), "%Y"
    for token, needs, filler in (
        ("%V", "%u", "1"),
        ("%Y", "%m", "01"),
        ("%m", "%d", "01"),
        ("%H", "%M", "00"),
        ("%I", "%M", "00"),
    ):
        present = re.sub("%-", "%", plain).replace("%b", "%m").replace("%B", "%m").replace("%y", "%Y")
        if token in present and needs not in present and not (needs in ("%m", "%d") and "%j" in present):
            texts, plain = texts + f" {filler}", f"{plain} {needs}"
    if not _is_whole_clock(plain):  # polars would read the date and drop the time of day
        return pl.Series(texts.name, [None] * len(texts), pl.Datetime("us")), offsets
    late = None
    if re.search(_ENDS_IN_HOURS, plain):  # 24:00 is the next day's 0:00
        late = texts.str.contains(_DAY_END).fill_null(False)
        texts = texts.str.replace(_DAY_END, "${1}00${2}")
    plain = re.sub(r"%-", "%", plain)
    plain = re.sub(r"\.%f|%\.\d?f", "%.f", plain)
    if "%S" in plain and "%.f" not in plain:
        plain = plain.replace("%S", "%S%.f")
    moments = texts.str.to_datetime(plain, strict=False, time_unit="us")
    if weekdays is not None:  # they tell days and months apart
        moments = pl.select(pl.when(moments.dt.weekday() == weekdays).then(moments)).to_series()
    if "%Y" in plain:  # two digits are no year
        moments = pl.select(pl.when(moments.dt.year() >= 1000).then(moments)).to_series()
    if late is not None and late.any():
        moments = moments.dt.offset_by("1d").zip_with(late, moments)
    return moments, offsets


def _is_whole_clock(pattern: str) -> bool:
    """Whether a pattern has no time of day, or all that one needs; absent minutes are 0."""
    tokens = {token[-1] for token in _TOKEN.findall(pattern)}
    hour = "H" in tokens or ("I" in tokens and bool(tokens & set("pP")))
    return ("S" in tokens or "f" not in tokens) and (hour or not tokens & set("IMSpP"))


def _weekdays_of(texts: "pl.Series", language: str) -> "pl.Series":
    """Returns the weekdays with which texts begin, 1 for Monday; null for others."""
    cells = {
        cell: weekday(day[1], language) if (day := WEEKDAY.match(cell)) else None
        for cell in texts.drop_nulls().unique()
    }
    return texts.replace_strict(cells, default=None, return_dtype=pl.Int64)


def _first_years(texts: "pl.Series", pattern: str) -> "pl.Series":
    """Returns the first of two consecutive years, as in 1999/00 (%o) and 1999/2000 (%O); null for others."""
    shape = re.escape(pattern).replace("%Y", r"(\d{4})").replace("%o", r"(\d{2})").replace("%O", r"(\d{4})")
    year, after = (texts.str.extract(f"^{shape}$", k).cast(pl.Int64) for k in (1, 2))
    following = (year + 1) % 100 if "%o" in pattern else year + 1
    return pl.select(pl.when(following == after).then(year.cast(pl.String))).to_series()


def in_languages(pattern: str, texts: "pl.Series") -> list[str]:
    """Returns a pattern, and with names of months or weekdays the same in the languages of some texts."""
    if not re.search("%[bBaA]", pattern) or LANGUAGE.match(pattern):
        return [pattern]
    words = {word for text in texts.drop_nulls().head(_PROBED).to_list() for word in _WORD.findall(text)}
    own = [months.languages_of(word) + weekday_languages(word) for word in sorted(words)]
    languages = dict.fromkeys(language for some in own for language in some if language != "en")
    return [pattern, *(f"{language}:{pattern.replace('%B', '%b')}" for language in languages)]


def may_be_days(texts: "pl.Series", pattern: str) -> bool:
    """Whether texts such as Jan 10, read as months and years, may be days without their years.

    They may unless it is more often the month than the number that differs from one row to the next.
    """
    if not re.search("%[bB] %y$", pattern):
        return False
    month, number = (texts.str.extract(r"^(.*) (\d\d)$", k) for k in (1, 2))
    other = (month != month.shift()).fill_null(False), (number != number.shift()).fill_null(False)
    return int((other[0] & ~other[1]).sum()) <= int((~other[0] & other[1]).sum())


def as_written(texts: "pl.Series", moments: "pl.Series", pattern: str) -> str:
    """Returns the pattern with the padding and names of most of the texts."""
    plain = pattern.removesuffix("%z")
    some = texts.head(_ROWS).str.replace(rf"{OFFSET}$", "") if plain != pattern else texts.head(_ROWS)
    some = some.str.replace(ORDINAL.pattern, "${1}")
    dates, clock = r"%([dmV])", r"%([HI])"
    choices = [
        plain,
        re.sub(clock, r"%-\1", plain),
        re.sub(dates, r"%-\1", plain),
        re.sub(clock, r"%-\1", re.sub(dates, r"%-\1", plain)),
    ]
    choices += [choice.replace("%p", "%P") for choice in choices if "%p" in choice]
    language = language_of(plain)[0]
    if language:
        choices = [key + choice[2:] for key in months.keys_of(language) for choice in choices]
    alike = [int((_formatted(moments.head(_ROWS), choice) == some).sum()) for choice in choices]
    return choices[int(np.argmax(alike))] + pattern[len(plain) :]


def zone_of(moments: "pl.Series", offsets: "pl.Series", last: str) -> str:
    """Returns the zone of local date-times with offsets in seconds.

    It is the offset itself if there is one, a usual zone whose clocks change likewise, or the last offset.
    """
    if offsets.n_unique() == 1:
        return last
    utc = (moments - (offsets * 10**6).cast(pl.Duration("us"))).dt.replace_time_zone("UTC")
    for zone in _ZONES:
        zoned = utc.dt.convert_time_zone(zone)
        own = (zoned.dt.base_utc_offset() + zoned.dt.dst_offset()).dt.total_seconds()
        if (own == offsets).all():
            return zone
    return last


def _formatted(moments: "pl.Series", pattern: str) -> "pl.Series":
    """Writes local date-times by a pattern without an offset."""
    key, names = "", {}
    if (match := LANGUAGE.match(pattern)) is not None:
        key, pattern = match.group()[:-1], pattern[match.end() :]
        days = moments.dt.weekday().to_list()
        names["%b"] = [months.written(month, key) for month in moments.dt.month()]
        names["%a"] = [written_weekday(day, key, short=True) for day in days]
        names["%A"] = [written_weekday(day, key, short=False) for day in days]
    years = moments.dt.year()
    names["%q"] = moments.dt.quarter().cast(pl.String).to_list()
    names["%o"] = ((years + 1) % 100).cast(pl.String).str.zfill(2).to_list()
    names["%O"] = (years + 1).cast(pl.String).to_list()
    own = [token for token in names if token in pattern]
    for k, token in enumerate(own):
        pattern = pattern.replace(token, _MARK + str(k))
    texts = moments.dt.strftime(pattern)
    for k, token in enumerate(own):
        written = zip(texts, names[token], strict=True)
        texts = pl.Series([text.replace(_MARK + str(k), name) for text, name in written], dtype=pl.String)
    return texts.alias(moments.name)


def _seconds(offset: str) -> int:
    """Returns an offset in seconds: Z, UTC, +05, +0530 or +05:30."""
    offset = offset.strip()
    if offset in ("Z", "UTC"):
        return 0
    digits = offset[1:].replace(":", "")
    return (-1 if offset[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60)


def check_pattern(text: str) -> None:
    """Raises InputError unless a text is a value of ``--time-format``."""
    if text not in (*_UNITS, "number") and not is_pattern(text):
        raise InputError(
            "--time-format must be a format of strptime such as %d/%m/%Y, number, or s, ms, us or ns for "
            f"time since 1970. Got {shown(text)}."
        )
    if not _is_whole_clock(text):
        raise InputError(
            "--time-format must have %H, or %I and %p, for a time of day, and %S before a fraction. "
            f"Got {text}."
        )
