"""Times of day in a column of their own, in whatever form they are written."""

import re

import polars as pl

_OFFSET = r"(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?"
_MARKED = re.compile(
    rf"(?P<hour>\d{{1,2}})(?:"
    rf":(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?)?"
    rf"(?:\s?(?P<half>[ap])\.?m\.?|\s?(?:Uhr|h)|(?P<offset>{_OFFSET}))"  # 17:30, 5:30 pm, 17:30 Uhr, 17:30Z
    r"|\s?h(?:\s?(?P<minute_h>\d\d))?(?:\s?min)?"  # 17h30, 17 h
    r"|(?:\.(?P<minute_dot>\d\d))?\s?(?:(?P<half_alone>[ap])\.?m\.?|Uhr))",  # 5 pm, 17.30 Uhr
    re.IGNORECASE,
)
_PLAIN = re.compile(  # 1730, 17.30, 17, 173000
    r"(?P<hour>\d\d?)\.?(?P<minute>\d\d)|(?P<alone>\d{1,2})|(\d\d)(\d\d)(\d\d)"
)
_DIGITS = r"^\d+(?:\.\d\d)?$"
_HOUR_ENDING = re.compile(r"HE\s?(\d{1,2})", re.IGNORECASE)
_SPAN = r"(\d{1,2}:\d{2}(?::\d{2})?)\s?[-–]\s?(\d{1,2}:\d{2}(?::\d{2})?)$"  # from and to
_ZONES = 3  # most ends of spans that may be offsets from UTC instead
_NAMES = re.compile(
    r"(?:local|utc|start|begin)?[ _-]?(?:time|clock|hours?|hr|hh|he|hhmm|time[ _-]?of[ _-]?day|uhrzeit|zeit|"
    r"stunde|std|heure|hora|ora|orario|uur|tijd)"
    r"(?:[ _-]?(?:local|utc|ending|beginning|start|of[ _-]?day|\(.{1,12}\)))?",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"(?:from|start|begin|von|anfang|beginn|de|début|debut|desde|inicio|da|inizio|van)\b.*", re.I
)

_LAST = 24  # the hour that ends a day
_FAULTS = 0.2  # most cells of a column with the name that are no times


def is_clock(column: "pl.Series") -> bool:
    """Whether a column holds times of day: marked as such, or by its name hours or four digits.

    A few cells of a column with such a name may be no times, which the reader refuses.
    """
    if column.dtype == pl.Time:
        return True
    filled = column.drop_nulls()
    if not len(filled) or not (filled.dtype == pl.String or filled.dtype.is_numeric()):
        return False
    times = times_of_day(filled)
    if is_named(column.name) and times.null_count() <= _FAULTS * len(times):
        return is_marked(column) or _is_unambiguous(filled.filter(times.is_not_null()))
    return is_marked(column)


def is_named(name: str) -> bool:
    """Whether a name is that of a column of times of day."""
    return bool(_NAMES.fullmatch(name.strip()))


def _is_unambiguous(column: "pl.Series") -> bool:
    """Whether short numbers are hours alone, or minutes beside times without leading zeros: 30, 100."""
    texts = column.cast(pl.String).str.strip_chars().unique().str.strip_suffix(".0")
    short = texts.filter(texts.str.len_chars() < 3).cast(pl.Int64, strict=False)
    if texts.str.contains(r"^\d{3}$").any():
        return not short.is_between(1, 24).any()
    return not (short > 24).any()


def is_marked(column: "pl.Series") -> bool:
    """Whether the cells of a column show by themselves that they are times of day, as 17:30 and 5 pm."""
    if column.dtype == pl.Time:
        return True
    if column.dtype != pl.String:
        return False
    texts = column.drop_nulls().str.strip_chars()
    return len(texts) > 0 and not times_of_day(texts).has_nulls() and not texts.str.contains(_DIGITS).any()


def chosen_clock(columns: "list[pl.Series]") -> str | None:
    """Returns the name of the only column of times of day, or the only one that begins a span of time."""
    begins = [column for column in columns if _BEGINS.fullmatch(column.name.strip())]
    for some in (columns, begins):
        if len(some) == 1:
            return some[0].name
    return None


def times_of_day(column: "pl.Series") -> "pl.Series":
    """Returns times of day as 17:30, 17:30:00 or 17:30:00.000, and 24:00; null for other cells.

    A number of one or two digits is the hour, one of four or six the hour, minute and second. Of spans
    such as 17:00-18:00, the beginning counts.
    """
    if column.dtype == pl.Time:
        return column.dt.to_string("%H:%M:%S")
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        column = whole.zip_with((whole == column).fill_null(False), pl.Series([None], dtype=pl.Int64))
    texts = column.cast(pl.String).str.strip_chars()
    ends = texts.str.extract(_SPAN, 2)
    if ends.n_unique() > _ZONES or texts.str.contains(r"\d\s?[-–]\s").any():
        texts = texts.str.replace(_SPAN, "${1}")
    found = {cell: _marked(cell) or _plain(cell) for cell in texts.drop_nulls().unique()}
    return texts.replace_strict(found, default=None, return_dtype=pl.String)


def _marked(cell: str) -> str | None:
    if match := _HOUR_ENDING.fullmatch(cell):
        return _written(int(match[1]), "00")
    match = _MARKED.fullmatch(cell)
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or match["half_alone"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "p")
    minute = match["minute"] or match["minute_h"] or match["minute_dot"] or "00"
    return _written(hour, minute, match["second"], match["fraction"], (match["offset"] or "").upper())


def _plain(cell: str) -> str | None:
    match = _PLAIN.fullmatch(cell)
    if match is None:
        return None
    if match["hour"]:
        return _written(int(match["hour"]), match["minute"])
    if match["alone"]:
        number = int(match["alone"])
        return _written(number, "00") if number <= _LAST else _written(0, f"{number:02}")
    return _written(int(match[4]), match[5], match[6])


def _written(
    hour: int, minute: str, second: str | None = None, fraction: str | None = None, offset: str = ""
) -> str | None:
    """Returns a time of day; None if there is no such. The day's end is 24:00."""
    rest = [int(minute), int(second or 0), int(fraction or 0)]
    if hour > _LAST or max(rest[:2]) > 59 or (hour == _LAST and any(rest)):
        return None
    text = f"{hour:02}:{minute}" + (f":{second}" if second else "") + (f".{fraction}" if fraction else "")
    return text + offset
