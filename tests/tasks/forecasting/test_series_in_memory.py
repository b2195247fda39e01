"""Series in memory that are no frame: lists and dictionaries of arrays and columns of any lengths."""

import numpy as np
import polars as pl
import pytest
from tiny import same_bits, weights
from tiny_forecaster import INTERVALS, fitted

from elman.errors import InputError

RNG = np.random.default_rng(0)
SERIES = [np.sin(np.arange(n) / 2) + 5 + RNG.normal(0, 0.1, n) for n in (40, 33, 57)]


def as_table(names: list[str]) -> pl.DataFrame:
    return pl.concat(
        [
            pl.DataFrame({"unique_id": [name] * len(own), "ds": np.arange(1, len(own) + 1), "y": own})
            for name, own in zip(names, SERIES, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (SERIES, "0 1 2"),
        (tuple(own.tolist() for own in SERIES), "0 1 2"),
        (dict(zip("abc", SERIES, strict=True)), "a b c"),
        ([pl.Series(name, own) for name, own in zip("xyz", SERIES, strict=True)], "x y z"),
        ([own[:, None] for own in SERIES], "0 1 2"),
    ],
    ids=["arrays", "lists", "a dictionary", "columns of polars", "arrays of one column"],
)
def test_a_list_of_series_is_read_like_its_table(given, names):
    ours, theirs = fitted(given, season=(6,)), fitted(as_table(names.split()), season=(6,))
    assert same_bits(weights(ours.model), weights(theirs.model))
    found = ours.predict()
    assert found.columns == ["unique_id", "ds", "elman", *INTERVALS]
    assert found.equals(theirs.predict())
    assert ours.predict(given).equals(found)
    assert ours.evaluate(df=given) == theirs.evaluate(df=as_table(names.split()))
    assert found["ds"].to_list()[:4] == [41, 42, 43, 44]


def test_one_series_and_missing_values():
    own = SERIES[0].copy()
    own[5] = np.nan
    task = fitted(own, season=(6,))
    assert np.isnan(task.data.panel.y).tolist() == np.isnan(own).tolist()
    assert task.predict([own, SERIES[1]])["unique_id"].unique(maintain_order=True).to_list() == ["0", "1"]
    assert len(fitted(own.tolist(), season=(6,)).predict()) == 4


def test_an_index_of_dates_is_the_times():
    pd = pytest.importorskip("pandas")
    days = pd.date_range("2024-01-01", periods=57, freq="D")
    given = {"a": pd.Series(SERIES[0], days[:40]), "b": pd.Series(SERIES[2], days)}
    task = fitted(given)
    assert (str(task.data.panel.frequency), task.data.panel.ids) == ("D", ["a", "b"])
    found = task.predict()
    assert found["ds"].tolist()[:2] == [pd.Timestamp("2024-02-10"), pd.Timestamp("2024-02-11")]
    named = [pd.Series(SERIES[0], days[:40], name="a"), pd.Series(SERIES[2], days, name="b")]
    assert task.predict(named).equals(found)
    windows = task.cross_validation(given, n_windows=1)
    assert windows["cutoff"].iloc[0] == pd.Timestamp("2024-02-05")
    months = pd.Series(SERIES[0], pd.period_range("2015-01", periods=40, freq="M"), name="sold")
    assert fitted(months).predict()["ds"].tolist()[0] == pd.Period("2018-05", "M")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("abc", r"df must be a frame, a series of numbers .* Got 'abc'"),
        ([], r"df must be a frame, .* Got \[\]"),
        ([[1.0, 2.0], []], r"df\['1'\]: must be numbers \[steps\], at least one\. Got \[0\]"),
        ([np.ones((9, 2)), np.ones((9, 2))], r"df\['0'\]: must be numbers .* Got \[9, 2\]\. Columns beside"),
        (np.ones((9, 2)), r"df\['0'\]: must be numbers \[steps\]"),
        ([["a", "b"], ["c", "d"]], r"df\['0'\]: must hold numbers"),
        (
            [pl.Series("a", [1.0, 2.0]), pl.Series("a", [1.0, 2.0])],
            r"one series of each name\. Got 'a' twice",
        ),
    ],
)
def test_what_is_no_series_is_named(given, message):
    with pytest.raises(InputError, match=message):
        fitted(given)


def test_dates_are_for_all_series_or_for_none():
    pd = pytest.importorskip("pandas")
    dated = pd.Series(SERIES[0], pd.date_range("2024-01-01", periods=40, freq="D"))
    with pytest.raises(InputError, match=r"df: all series must have dates, or none\. 'b' has none\."):
        fitted({"a": dated, "b": SERIES[1]})
