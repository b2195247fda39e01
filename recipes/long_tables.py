"""The public data sets of the forecasting recipes as long tables: unique_id, ds, y and covariates.

    python recipes/long_tables.py m4 ../shared/data/m4 data     # data/m4_hourly.csv, data/m4_weekly.csv
    python recipes/long_tables.py m3 ../shared/data/m3 data     # data/m3_monthly.csv
    python recipes/long_tables.py beijing ../shared/data/beijing_pm25 data
    python recipes/long_tables.py sp500 ../shared/data/sp500_daily data

The competitions' test rows stand at the end of their series, so that the last horizon is the test part.
"""

import argparse
import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from recipe import command

Row = list[object]


def m4(source: Path, out: Path) -> None:
    """Hourly and Weekly, which have no dates here: ds counts from 1."""
    for name in ("Hourly", "Weekly"):
        test = dict(wide(source / f"Test/{name}-test.csv.gz"))
        series = ((key, values + test[key]) for key, values in wide(source / f"Train/{name}-train.csv.gz"))
        rows = ([key, step, y] for key, values in series for step, y in enumerate(values, 1))
        write(out / f"m4_{name.lower()}.csv", ["unique_id", "ds", "y"], rows)


def wide(path: Path) -> Iterator[tuple[str, list[str]]]:
    """One series a row, its name first, padded with empty cells."""
    with gzip.open(path, "rt", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            yield row[0], [cell for cell in row[1:] if cell]


def m3(source: Path, out: Path) -> None:
    """The monthly series, their kind (MICRO, MACRO, …) as a static covariate; ds counts from 1."""

    def rows() -> Iterator[Row]:
        with gzip.open(source / "M3.jsonl.gz", "rt") as file:
            for line in map(json.loads, file):
                if line["period"] == "MONTHLY":
                    values = enumerate(line["x"] + line["xx"], 1)
                    yield from ([line["sn"], step, y, line["type"]] for step, y in values)

    write(out / "m3_monthly.csv", ["unique_id", "ds", "y", "type"], rows())


def beijing(source: Path, out: Path) -> None:
    """Hourly PM2.5; missing values stay empty. The wind's direction is a category."""
    weather = {
        "DEWP": "dew_point",
        "TEMP": "temperature",
        "PRES": "pressure",
        "cbwd": "wind",
        "Iws": "wind_speed",
    }
    weather |= {"Is": "snow", "Ir": "rain"}

    def rows() -> Iterator[Row]:
        with (source / "pollution.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                ds = datetime(*(int(row[part]) for part in ("year", "month", "day", "hour")))
                y = "" if row["pm2.5"] == "NA" else row["pm2.5"]
                yield ["beijing", ds.isoformat(" "), y, *(row[column] for column in weather)]

    write(out / "beijing_pm25.csv", ["unique_id", "ds", "y", *weather.values()], rows())


def sp500(source: Path, out: Path) -> None:
    """Daily log returns, and the day's range as a measure of volatility; ds counts trading days.

    The range is that of Parkinson (1980): the standard deviation √(ln(high / low)² / (4 ln 2)), in per cent,
    as are the returns.
    """
    with (source / "sp500-2000.csv").open(newline="") as file:
        days = [{key: float(v) for key, v in row.items() if key != "date"} for row in csv.DictReader(file)]
    returns = [100 * math.log(b["close"] / a["close"]) for a, b in pairwise(days)]
    ranges = [100 * math.log(day["high"] / day["low"]) / math.sqrt(4 * math.log(2)) for day in days[1:]]
    rows: Iterable[Row] = (
        ["return", step, y, range_] for step, (y, range_) in enumerate(zip(returns, ranges, strict=True), 1)
    )
    write(out / "sp500_returns.csv", ["unique_id", "ds", "y", "range"], rows)
    rows = (["volatility", step, y, r] for step, (y, r) in enumerate(zip(ranges, returns, strict=True), 1))
    write(out / "sp500_volatility.csv", ["unique_id", "ds", "y", "return"], rows)


def write(path: Path, header: list[str], rows: Iterable[Row]) -> None:
    """A CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=["m4", "m3", "beijing", "sp500"])
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    globals()[given.name](given.source, given.out)


if __name__ == "__main__":
    command(main)
