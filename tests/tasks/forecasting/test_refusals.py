"""What the forecaster refuses, by name: options, horizons, targets and levels."""

import numpy as np
import polars as pl
import pytest
from tiny_forecaster import fitted, frame

from elman.errors import InputError
from elman.heads.base import Distribution, Head
from elman.registry import find, names
from elman.tasks.forecasting.options import ForecastingConfig


def test_only_recursive_models_go_beyond_their_horizon():
    assert len(fitted(model="recursive").predict(h=9)) == 45
    with pytest.raises(InputError, match=r"^h must be at most 4, as in training. Got 9."):
        fitted().predict(h=9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, r"--horizon must be an int in \[1, 1e6\]"),
        ({"season": (12, 7)}, r"--season must be ascending ints"),
        ({"season": (0,)}, r"--season must be ascending ints"),
        ({"lags": (1, 1)}, r"--lags must be ascending ints"),
        ({"test_windows": -1}, r"--test-windows must be"),
        ({"freq": "moon"}, r"--freq must be"),
        ({"freq": "3"}, r"--freq must be a unit of time if ds holds dates"),
        ({"freq": "W"}, r"row 2: unique_id 's0': ds must be a whole number of steps .* Got 2015-02-01"),
        ({"target_column": "elman"}, r"--target-column must be no name of the forecasts' own columns"),
        ({"id_column": "cutoff"}, r"--id-column must be no name of"),
        ({"horizon": 60}, r"no series is long enough: the longest has 48 steps"),
        ({"known_future": ("prize",)}, r"has no column 'prize'; columns: unique_id, ds, y, price"),
        ({"static": ("price",)}, r"row 2: unique_id 's0': price must be the same in all of its rows. Got"),
        (
            {"distribution": "negative-binomial"},
            r"y must be a count for --distribution negative-binomial. Got",
        ),
        ({"distribution": "negative-binomial", "scaling": "standard"}, r"--scaling must be mean for counts"),
    ],
    ids=str,
)
def test_bad_options_end_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as error:
        fitted(**options)
    assert "\n" not in str(error.value)


def test_a_target_that_a_model_cannot_have_is_named():
    table = frame().with_columns(
        y=pl.when(pl.int_range(pl.len()) == 60).then(-1.5).otherwise(pl.col("y").round())
    )
    task = fitted(frame().with_columns(pl.col("y").round()), distribution="negative-binomial")
    message = r"unique_id 's1', ds 2016-01-01: y must be a count for --distribution .*\. Got -1.5."
    with pytest.raises(InputError, match=message):
        fitted(table, distribution="negative-binomial")
    with pytest.raises(InputError, match=message):
        task.predict(table)
    assert fitted(table).predict()["elman"].is_finite().all()


def test_levels_beyond_what_is_known_are_refused():
    task = fitted()
    with pytest.raises(InputError, match=r"intervals must be at most 95%, .* Got 99%."):
        task.predict(levels=(99,))
    for levels, message in (
        ((100,), r"levels must be whole per cent in \(0, 100\). Got 100."),
        ([0.8, 0.95], r"levels must be per cent: 80, not 0.8. Got 0.8."),
        ([80, 80], r"levels must be different levels. Got \[80, 80\]."),
        ("80", r"levels: a level must be a finite number. Got '80'."),
        (["80"], r"levels: a level must be a finite number. Got '80'."),
    ):
        with pytest.raises(InputError, match=message):
            task.predict(levels=levels)
    assert task.predict(levels=np.array([80.0])).equals(task.predict(levels=80))


def test_every_head_that_is_a_distribution_is_an_option():
    distributions = [name for name in names("heads") if issubclass(find("heads", name, Head), Distribution)]
    for name in distributions:
        assert ForecastingConfig(distribution=name).head == name
    others = ", ".join(map(repr, distributions))
    with pytest.raises(InputError) as error:
        ForecastingConfig(distribution="categorical")
    assert str(error.value) == f"--distribution must be one of {others} or null. Got 'categorical'."
