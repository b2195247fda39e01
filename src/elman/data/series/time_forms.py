"""Forms in which times are written: texts of many patterns, integers that stand for dates, offsets."""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read import months
from elman.errors import InputError

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_WHOLE = {"%Y%m%d%H": r"\d{10}", "%Y%m%d": r"\d{8}", "%Y%m": r"\d{6}", "%Y": r"\d{4}"}
_SPANS = {"%Y%m%d%H": (1900, 2100), "%Y%m%d": (1500, 2500), "%Y%m": (1500, 2500), "%Y": (1800, 2100)}

_EARLIEST, _LATEST = 315_532_800, 4_102_444_800  # 1980 and 2100: seconds that are taken for times
_OFFSET = r"(?P<offset> ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))"
_CLOCK = re.compile(
    r"(?P<joint>[T ]|, )(?P<hour>\d{1,2})(?P<minute>:\d{2})?(?P<second>:\d{2})?(?P<fraction>\.\d{1,9})?"
    rf"(?P<half> ?[AaPp][Mm])?{_OFFSET}?"
)
_DATES = (
    (r"\d{4}(?P<s>[-/.])\d{1,2}(?P=s)\d{1,2}", ("%Y{s}%m{s}%d",)),
    (r"\d{1,2}(?P<s>[-/.])\d{1,2}(?P=s)\d{4}", ("%d{s}%m{s}%Y", "%m{s}%d{s}%Y")),
    (r"\d{1,2}(?P<s>[/.])\d{1,2}(?P=s)\d{2}", ("%d{s}%m{s}%y", "%m{s}%d{s}%y")),
    (r"\d{1,2}(?P<s>-)\d{1,2}(?P=s)\d{2}", ("%d{s}%m{s}%y", "%m{s}%d{s}%y", "%y{s}%m{s}%d")),
    (r"\d{4}(?P<s>[-/])\d{1,2}", ("%Y{s}%m",)),
    (r"\d{1,2}(?P<s>[-/])\d{4}", ("%m{s}%Y",)),
    (r"\d{4}(?P<s>-?)M(?:0[1-9]|1[0-2])", ("%Y{s}M%m",)),
    # a point may be a decimal mark, as in prices of 1120.7 and rates of 1.1234
    (r"(?:19|20)\d\d(?P<s>\.)(?:0[1-9]|1[0-2])", ("%Y{s}%m",)),
    (r"(?:0[1-9]|1[0-2])(?P<s>\.)(?:19|20)\d\d", ("%m{s}%Y",)),
    (r"\d{1,2}(?P<s>[-/. ])[A-Za-z]{3,9}(?P=s)\d{4}", ("%d{s}%b{s}%Y", "%d{s}%B{s}%Y")),
    (r"\d{1,2}(?P<s>[-/. ])[A-Za-z]{3,9}(?P=s)\d{2}", ("%d{s}%b{s}%y",)),
    (r"\d{1,2}\.(?P<s> ?)[A-Za-z]{3,9} \d{4}", ("%d.{s}%b %Y", "%d.{s}%B %Y")),
    (r"\d{1,2}(?P<s> )de [A-Za-z]{3,9} del? \d{4}", ("%d{s}de %b de %Y", "%d{s}de %b del %Y")),
    (r"[A-Za-z]{3,9}(?P<s> )del? \d{4}", ("%b{s}de %Y", "%b{s}del %Y")),
    (r"[A-Za-z]{3,9}(?P<s>[-/. ])\d{4}", ("%b{s}%Y", "%B{s}%Y")),
    (r"[A-Za-z]{3,9}(?P<s>-)\d{2}", ("%b{s}%y",)),
    (r"\d{4}(?P<s>[-/. ])[A-Za-z]{3,9}", ("%Y{s}%b", "%Y{s}%B")),
    (r"[A-Za-z]{3,9}(?P<s> )\d{1,2}, \d{4}", ("%b %d, %Y", "%B %d, %Y")),
    (r"\d{4}(?P<s>[- ]?)Q[1-4]", ("%Y{s}Q%q",)),
    (r"Q[1-4](?P<s>[- /])\d{4}", ("Q%q{s}%Y",)),
    (r"\d{4}(?P<s>-?)W\d{2}", ("%G{s}W%V",)),
    (r"\d{4}(?P<s>)\d{4}", ("%Y%m%d",)),
)
_LANGUAGE = re.compile(r"(?i:(en|de|fr|es|it|pt|nl)[34.]?):")  # before a pattern: whose names of months
_TOKEN = re.compile(r"%-?[a-zA-Z]|%\.\d?f")
_PARSED = "YmdHMSyjbBpIGVqu"  # tokens of patterns that can be read
_ENDS_IN_HOURS = r"(?:[T ,]|^%Y%m%d)%-?H(?::?%M(?::?%S(?:\.%f|%\.\d?f)?)?)?(?: %M)?$"
_DAY_END = r"((?:[T ,]|^\d{8}))24((?::?00){0,2}(?:\.0+)?(?: 00)?)$"
_MARK = "\0"  # stands for a quarter or a month's name while the rest of a pattern is written
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
            day without leading zero, %q for a quarter and a last %z for an offset; s, ms, us or ns for
            integers that count from 1970. Names of months that are not English stand as %b behind a key of
            ``read.months`` and a colon, as in De:%-d. %b %Y. Empty for other integers, and for texts of
            unknown form.
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
    fixed = re.fullmatch(rf"{_OFFSET}?", zone) or zone in zoneinfo.available_timezones()
    known = pattern in _UNITS or not pattern or is_pattern(pattern)
    return TimeForm(getattr(pl, name)(), pattern, zone) if fixed and known else None


def is_pattern(pattern: str) -> bool:
    """Whether a text is a pattern of times that can be read and written."""
    tokens = _TOKEN.findall(pattern.removesuffix("%z"))
    letters = {token[-1] for token in tokens}
    plain = _TOKEN.sub("", pattern.removesuffix("%z"))
    has_year = bool(letters & set("YyG"))
    return has_year and letters <= {*_PARSED, "f"} and "%" not in plain and "|" not in pattern


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
    language, pattern = _language_of(pattern)
    plain = pattern.removesuffix("%z")
    offsets = None
    if language:
        dotted = "%b." in plain
        cells = {
            cell: months.in_english(cell, language, dotted=dotted) for cell in texts.drop_nulls().unique()
        }
        texts = texts.replace_strict(cells, default=None, return_dtype=pl.String)
    if plain != pattern:
        ends = texts.str.extract(rf"(?:\d|[AaPp][Mm]){_OFFSET}$", 1)
        texts = texts.str.replace(rf"{_OFFSET}$", "")
        seconds = {end: _seconds(end) for end in ends.drop_nulls().unique().to_list()}
        offsets = ends.replace_strict(seconds, default=None, return_dtype=pl.Int64)
        texts = pl.select(pl.when(offsets.is_null()).then(None).otherwise(texts)).to_series()
    if "%q" in plain:
        month = texts.str.extract("Q([1-4])").cast(pl.Int64, strict=False) * 3 - 2
        shape = re.escape(plain).replace("%q", "[1-4]").replace("%Y", r"\d{4}")
        year = texts.str.extract(r"(\d{4})")
        texts = pl.select(
            pl.when(texts.str.contains(f"^{shape}$")).then(year + "-" + month.cast(pl.String))
        ).to_series()
        plain = "%Y-%m"
    for token, needs, filler in (
        ("%V", "%u", "1"),
        ("%Y", "%m", "01"),
        ("%m", "%d", "01"),
        ("%H", "%M", "00"),
        ("%I", "%M", "00"),
    ):
        present = re.sub("%-", "%", plain).replace("%b", "%m").replace("%B", "%m").replace("%y", "%Y")
        if token in present and needs not in present and "%j" not in present:
            texts, plain = texts + f" {filler}", f"{plain} {needs}"
    late = None
    if re.search(_ENDS_IN_HOURS, plain):  # 24:00 is the next day's 0:00
        late = texts.str.contains(_DAY_END).fill_null(False)
        texts = texts.str.replace(_DAY_END, "${1}00${2}")
    plain = re.sub(r"%-", "%", plain)
    plain = re.sub(r"\.%f|%\.\d?f", "%.f", plain)
    if "%S" in plain and "%.f" not in plain:
        plain = plain.replace("%S", "%S%.f")
    moments = texts.str.to_datetime(plain, strict=False, time_unit="us")
    if "%Y" in plain:  # two digits are no year
        moments = pl.select(pl.when(moments.dt.year() >= 1000).then(moments)).to_series()
    if late is not None and late.any():
        moments = moments.dt.offset_by("1d").zip_with(late, moments)
    return moments, offsets


def patterns_of(cell: str) -> list[str]:
    """Returns the patterns that a text may have, the likeliest first."""
    result = _english_patterns_of(cell)
    for language in months.languages_of(cell):
        for dotted in (False, True):
            some = _english_patterns_of(months.in_english(cell, language, dotted=dotted))
            result += [f"{language}:{one}" for one in some if "%b" in one and ("%b." in one) == dotted]
    return result


def _language_of(pattern: str) -> tuple[str, str]:
    """Divides a pattern into the language of its months, empty if there is none, and the rest."""
    match = _LANGUAGE.match(pattern)
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
            return [pattern.format(s=separator) + clock for pattern in some]
    return []


def _clock_of(rest: str) -> str | None:
    """Returns the pattern of what follows a date; None if it is no time of day."""
    if not rest:
        return ""
    if re.fullmatch(_OFFSET, rest):
        return "%z"
    compact = re.fullmatch(rf"([T ])\d{{4}}(\d\d)?{_OFFSET}?", rest)
    if compact:
        return f"{compact[1]}%H%M{'%S' if compact[2] else ''}{'%z' if compact['offset'] else ''}"
    match = _CLOCK.fullmatch(rest)
    if match is None:
        return None
    half = match["half"] or ""
    pattern = f"{match['joint']}{'%I' if half else '%H'}"
    pattern += (":%M" if match["minute"] else "") + (":%S" if match["second"] else "")
    if match["fraction"]:
        digits = len(match["fraction"]) - 1
        pattern += f"%.{digits}f" if digits in (3, 6, 9) else "%.f"
    return (
        pattern
        + (" " if half[:1] == " " else "")
        + ("%p" if half else "")
        + ("%z" if match["offset"] else "")
    )


def as_written(texts: "pl.Series", moments: "pl.Series", pattern: str) -> str:
    """Returns the pattern with the padding and names of most of the texts."""
    plain = pattern.removesuffix("%z")
    some = texts.head(_ROWS).str.replace(rf"{_OFFSET}$", "") if plain != pattern else texts.head(_ROWS)
    dates, clock = r"%([dm])", r"%([HI])"
    choices = [
        plain,
        re.sub(clock, r"%-\1", plain),
        re.sub(dates, r"%-\1", plain),
        re.sub(clock, r"%-\1", re.sub(dates, r"%-\1", plain)),
    ]
    choices += [choice.replace("%p", "%P") for choice in choices if "%p" in choice]
    language = _language_of(plain)[0]
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
    if (match := _LANGUAGE.match(pattern)) is not None:
        key, token = match.group()[:-1], "%b"
        names = [months.written(month, key) for month in moments.dt.month()]
        pattern = pattern[match.end() :]
    elif "%q" in pattern:
        names, token = [str(quarter) for quarter in moments.dt.quarter()], "%q"
    else:
        return moments.dt.strftime(pattern)
    texts = moments.dt.strftime(pattern.replace(token, _MARK))
    written = [text.replace(_MARK, name) for text, name in zip(texts, names, strict=True)]
    return pl.Series(moments.name, written, pl.String)


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
