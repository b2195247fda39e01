"""Properties of a forecaster's series, learnt from the training part alone."""

from dataclasses import dataclass
from typing import Literal

from elman.config import require
from elman.data.series.frequency import parse_frequency
from elman.data.series.time_forms import form_of_text
from elman.errors import InputError

_MOST_STEPS, _LONGEST_SEASON, _MOST_SEASONS = 10**6, 10**5, 1000


@dataclass(frozen=True, kw_only=True)
class SeriesScheme:
    """Frequency, seasons and window lengths.

    Attributes:
        frequency: see ``parse_frequency``.
        integers: whether times are integers, not dates.
        horizon: H, steps of a forecast.
        seasons: seasonal periods in steps, the shortest first.
        mase_season: season of MASE and of the simple methods.
        context: steps read before a forecast.
        test_windows: forecasts at the end of each series that are excluded from training.
        series: names of the series that have their own parameters.
        columns: names of the columns of series, time and target; empty: those of the options.
        layout: what the training table was; see ``Columns``.
        times: how its times were written; see ``TimeForm``.
        spacing: usual number of steps between two targets.
        bounded: which series that were never negative have forecasts of at least 0: all; long: those with
            two contexts of history, as others were negative in training; none.
        decimal: decimal mark of its numbers; empty: each file shows its own, as in older runs.
        validation_windows: forecasts before those of the test part that are the validation part.
        shifted: whether es-rnn shifts targets that have no logarithm; older runs refuse them.

    Raises:
        InputError: the frequency is unknown, or a number is out of range.
    """

    frequency: str
    integers: bool
    horizon: int
    seasons: tuple[int, ...]
    mase_season: int
    context: int
    test_windows: int
    series: tuple[str, ...]
    columns: tuple[str, ...] = ()  # these and the following are absent in runs of version 0.1
    layout: Literal["auto", "long", "one", "wide"] = "auto"
    times: str = "String"
    spacing: int = 1
    bounded: Literal["none", "long", "all"] = "none"
    shifted: bool = False
    decimal: Literal["", ".", ","] = ""
    validation_windows: int = 1

    def __post_init__(self) -> None:
        """Checks the attributes, which may come from an untrusted file."""
        parse_frequency(self.frequency, integers=self.integers)
        for name in ("horizon", "mase_season", "context", "spacing"):
            value = getattr(self, name)
            require(name, 1 <= value <= _MOST_STEPS, "an int in [1, 1e6]", value)
        require(
            "test_windows", 0 <= self.test_windows <= _MOST_STEPS, "an int in [0, 1e6]", self.test_windows
        )
        require(
            "validation_windows",
            0 <= self.validation_windows <= _MOST_STEPS,
            "an int in [0, 1e6]",
            self.validation_windows,
        )
        require("columns", len(self.columns) in (0, 3), "three names", self.columns)
        require("times", form_of_text(self.times) is not None, "a form of times", self.times)
        fits = all(1 <= steps <= _LONGEST_SEASON for steps in self.seasons)
        if not (fits and 1 <= len(self.seasons) <= _MOST_SEASONS):
            raise InputError(f"seasons must be 1 to {_MOST_SEASONS} ints in [1, 1e5]")
