"""Readers of time series. See ``read_shared`` for what a reader is; these return ``Series``."""

import gzip
import json
import lzma
from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl

from own.places import Places
from own.rows import Series, drawn

UNKNOWN = 1000  # earlier years
MONTHS = {"YEARLY": 12, "QUARTERLY": 3, "MONTHLY": 1}  # between two values of M3


def _opened(path: Path) -> bytes:
    data = path.read_bytes()
    return {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)(data)


def _times(start: datetime, every: str, count: int) -> list[str]:
    """Returns times on a regular grid, as dates where there is one value a day or less."""
    grid = pl.datetime_range(start, start + timedelta(days=366 * 400), every, eager=True).head(count)
    return grid.dt.strftime("%Y-%m-%d %H:%M:%S" if every[-1] in "mh" else "%Y-%m-%d").to_list()


def _numbered(values: Iterable[float]) -> tuple[list[str], np.ndarray]:
    """Returns values with their numbers as times, where a source has no times."""
    array = np.array(list(values), dtype=float)
    return [str(k) for k in range(len(array))], array


def _some(series: Series, most: int | None) -> Series:
    return {name: series[name] for name, _ in drawn(((name, "") for name in series), most)}


def columns(
    places: Places,
    file: str,
    time: str,
    every: str,
    package: str | None = None,
    targets: tuple[str, ...] = (),
    series: str | None = None,
    form: str | None = None,
    null: tuple[str, ...] = ("NA", ""),
    how: str = "mean",
    last: int | None = None,
    most: int | None = None,
    weekdays: bool = False,
) -> Series:
    """Reads a table with a column of times.

    Args:
        places: where to find it.
        file: its path inside the package, or inside the folder shared/data.
        time: column of the times.
        every: the grid's step: values inside a step are joined, steps without one are missing.
        package: Python package with its version; None: the folder shared.
        targets: columns of numbers, each a series of its own; none given: all.
        series: column that names the series, if a row holds one of them.
        form: format of the times.
        null: cells that are missing values.
        how: how the values of a step are joined: mean, sum (no value is 0) or last.
        last: steps to keep.
        most: series to keep; of a table of sums those with most steps above 0.
        weekdays: leave out Saturdays and Sundays.
    """
    if package:
        (path,) = places.python(package).rglob(file)
    else:
        path = places.data(file.split("/")[0]) / file.split("/", 1)[1]
    table = pl.read_csv(_opened(path), null_values=list(null), infer_schema=False)
    table = table.rename({name: name.strip() for name in table.columns})
    times = pl.col(time).str.strip_chars().str.slice(0, 19).str.replace("T", " ")
    table = table.with_columns(_parsed(times, form).dt.truncate(every).alias("time"))
    names = list(targets) or [name for name in table.columns if name not in {time, series, "time"}]
    numbers = [pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in names]
    table = table.with_columns(numbers).drop_nulls("time")
    joined = {"mean": pl.col(names).mean(), "sum": pl.col(names).sum(), "last": pl.col(names).last()}[how]
    found: Series = {}
    for group in table.partition_by(series) if series else [table]:
        steps = group.group_by("time").agg(joined).sort("time")
        # all series of sums begin and end together: no sale on a day is a zero, not a gap
        ends = (table if how == "sum" else steps)["time"]
        grid = pl.DataFrame({"time": pl.datetime_range(ends.min(), ends.max(), every, eager=True)})
        steps = grid.join(steps, on="time", how="left", maintain_order="left")
        if weekdays:
            steps = steps.filter(pl.col("time").dt.weekday() <= 5)
        steps = steps.tail(last) if last else steps
        written = steps["time"].dt.strftime("%Y-%m-%d %H:%M:%S" if every[-1] in "mh" else "%Y-%m-%d")
        for name in names:
            values = steps[name].cast(pl.Float64).fill_null(0.0 if how == "sum" else np.nan).to_numpy()
            label = name if not series else group.item(0, series)
            found[label if len(names) == 1 or not series else f"{label} {name}"] = (
                written.to_list(),
                values,
            )
    if how == "sum":
        sold = sorted(found, key=lambda name: -int((found[name][1] > 0).sum()))
        return {name: found[name] for name in sold[:most]}
    return _some(found, most)


def _parsed(times: pl.Expr, form: str | None) -> pl.Expr:
    if form:
        return times.str.to_datetime(form, strict=False, time_unit="us")
    forms = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
    dates = [times.str.to_datetime(each, strict=False, time_unit="us") for each in forms]
    days = (
        times.str.to_date(each, strict=False).cast(pl.Datetime("us")) for each in ("%Y-%m-%d", "%Y/%m/%d")
    )
    return pl.coalesce(*dates, *days)


def m3(places: Places, period: str, most: int | None = None) -> Series:
    """Series of the M3 competition, with their test parts, by period."""
    lines = gzip.decompress((places.data("m3") / "M3.jsonl.gz").read_bytes()).decode().splitlines()
    found: Series = {}
    for one in map(json.loads, lines):
        if one["period"] == period:
            values = np.array(one["x"] + one["xx"], dtype=float)
            start = Fraction(one["start"])  # a year and its share that is past
            month = round(12 * (start % 1))
            year = int(start) if start >= UNKNOWN else 1900  # no start: the source says year 0 or 1
            times = _times(datetime(year, month + 1, 1), f"{MONTHS[period]}mo", len(values))
            found[one["sn"]] = (times, values)
    return _some(found, most)


def m4_daily(places: Places) -> Series:
    """69 daily series of the M4 competition, with their test parts; without dates."""
    folder = places.data("m4") / "daily_subset69"

    def part(name: str) -> dict[str, list[float]]:
        lines = gzip.decompress((folder / f"Daily-{name}-69.csv.gz").read_bytes()).decode().splitlines()
        rows = (line.split(",") for line in lines)
        return {row[0]: [float(value) for value in row[1:] if value] for row in rows}

    train, test = part("train"), part("test")
    return {name: _numbered(values + test[name]) for name, values in train.items()}


def m1_yearly(places: Places) -> Series:
    """Yearly series of the M1 competition."""
    (path,) = places.python("aeon==1.6.0").rglob("m1_yearly_dataset.tsf")
    found: Series = {}
    for line in path.read_text("utf-8").splitlines():
        if line.count(":") == 2 and line[0] not in "#@":
            name, start, values = line.split(":")
            numbers = np.array(values.split(","), dtype=float)
            found[name] = (_times(datetime(int(start[:4]), 1, 1), "1y", len(numbers)), numbers)
    return found


def tourism(places: Places) -> Series:
    """Quarterly series of the tourism competition, with their test parts."""
    folder = places.data("tourism_quarterly")
    past, future = (
        pl.read_csv(folder / f"quarterly_{part}.csv", infer_schema=False) for part in ("in", "oos")
    )
    found: Series = {}
    for name in past.columns:
        length, year, quarter, *values = past[name].to_list()
        known = [float(value) for value in values[: int(length)]]
        following = [float(value) for value in future[name].to_list()[3:] if value]
        start = datetime(int(year), 3 * int(quarter) - 2, 1)
        both = np.array(known + following)
        found[name] = (_times(start, "1q", len(both)), both)
    return found


def exchange_rates(places: Places) -> Series:
    """Rates of eight currencies, one a day; without dates."""
    text = gzip.decompress((places.data("exchange_rate") / "exchange_rate.txt.gz").read_bytes()).decode()
    table = np.array([line.split(",") for line in text.split()], dtype=float)
    return {f"rate-{k + 1}": _numbered(column[-3000:]) for k, column in enumerate(table.T)}


def load(places: Places, start: int, hours: int) -> Series:
    """Hourly electricity of 20 zones, with the weeks that the competition hid.

    Args:
        places: where to find it.
        start: the first hour.
        hours: so many from there.
    """
    table = pl.read_csv(
        _opened(places.data("gefcom2012_load") / "gefcom2012_load.csv.gz"), infer_schema_length=None
    ).drop("hour_index")[start : start + hours]
    times = _times(datetime(2004, 1, 1) + timedelta(hours=start), "1h", hours)
    return {zone: (times, table[zone].cast(float).fill_null(np.nan).to_numpy()) for zone in table.columns}


def temperatures(places: Places) -> Series:
    """Hourly temperatures of three stations in New York, 2013."""
    table = pl.read_csv(
        places.data("weather_nyc2013") / "weather.csv", null_values="NA", infer_schema_length=None
    )
    grid = pl.datetime_range(datetime(2013, 1, 1), datetime(2013, 12, 30, 18), "1h", eager=True)
    hours = pl.datetime("year", "month", "day", "hour").alias("time")
    found: Series = {}
    for group in table.with_columns(hours).unique(["origin", "time"]).partition_by("origin"):
        values = pl.DataFrame({"time": grid}).join(group, on="time", how="left", maintain_order="left")[
            "temp"
        ]
        found[group.item(0, "origin")] = (
            grid.dt.strftime("%Y-%m-%d %H:%M:%S").to_list(),
            values.fill_null(np.nan).to_numpy(),
        )
    return found


def half_hourly_demand(places: Places) -> Series:
    """Electricity of England and Wales over twelve weeks; the dates are made, Monday first."""
    table = pl.read_csv(places.data("small_series") / "taylor_halfhourly_demand.csv")
    times = _times(datetime(2000, 6, 5), "30m", len(table))
    return {"demand": (times, table["Y"].cast(float).to_numpy())}


def fertility(places: Places) -> Series:
    """Births for each woman, a year and country."""
    (path,) = places.python("statsmodels==0.15.0").rglob("datasets/fertility/fertility.csv")
    table = pl.read_csv(path, infer_schema=False)
    years = [name for name in table.columns if name.isdigit()]
    times = [f"{year}-01-01" for year in years]
    return {
        row["Country Code"]: (times, np.array([float(row[year] or "nan") for year in years]))
        for row in table.iter_rows(named=True)
    }


def macroeconomy(places: Places) -> Series:
    """Quarterly figures of the economy of the United States."""
    (path,) = places.python("statsmodels==0.15.0").rglob("datasets/macrodata/macrodata.csv")
    table = pl.read_csv(path, infer_schema_length=None)
    times = _times(datetime(int(table.item(0, "year")), 1, 1), "1q", len(table))
    return {name: (times, table[name].cast(float).to_numpy()) for name in table.columns[2:]}


def polls(places: Places) -> Series:
    """Approval of a president, by poll, a day."""
    (path,) = places.python("river==0.26.1").rglob("trump_approval.csv.gz")
    table = pl.read_csv(_opened(path), infer_schema_length=None)
    days = table["ordinal_date"].to_list()
    if days != list(range(days[0], days[0] + len(days))):
        raise ValueError(f"{path}: days must follow one another")
    times = _times(datetime.fromordinal(days[0]), "1d", len(days))
    return {name: (times, table[name].cast(float).to_numpy()) for name in table.columns[1:]}
