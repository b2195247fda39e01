"""Dates of six or eight digits without a separator, in other orders than 20240131."""

import polars as pl

from elman.data.series.time_forms import parsed

_PATTERNS = ("%y%m%d", "%d%m%Y", "%m%d%Y", "%d%m%y", "%m%d%y", "%Y%d%m")
_YEARS = (1900, 2100)
_FEWEST = 3  # times that show that they are dates


def dates_of_digits(whole: "pl.Series") -> "list[tuple[str, pl.Series]]":
    """Returns the patterns in which all integers are dates, with the dates; each different reading once.

    Fewer than three times show no dates.
    """
    found: list[tuple[str, pl.Series]] = []
    if whole.n_unique() < _FEWEST:
        return found
    digits = whole.cast(pl.String)
    for pattern in _PATTERNS:
        width = padded(pattern)
        if not digits.str.len_chars().is_between(width - 1, width).all():  # a first 0 may be lost
            continue
        local, _ = parsed(digits.str.zfill(width), pattern)
        if local.has_nulls() or not local.dt.year().is_between(*_YEARS).all():
            continue
        if not any(local.equals(other) for _, other in found):
            found.append((pattern, local))
    return found


def padded(pattern: str | None) -> int:
    """Returns the digits of a pattern of ``dates_of_digits``; 0 for others."""
    return (8 if "%Y" in pattern else 6) if pattern in _PATTERNS else 0
