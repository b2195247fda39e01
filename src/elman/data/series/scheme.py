"""Properties of a forecaster's series, learnt from the training part alone."""

from dataclasses import dataclass

from elman.config import require
from elman.data.series.frequency import parse_frequency
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

    def __post_init__(self) -> None:
        """Checks the attributes, which may come from an untrusted file."""
        parse_frequency(self.frequency, integers=self.integers)
        for name in ("horizon", "mase_season", "context"):
            value = getattr(self, name)
            require(name, 1 <= value <= _MOST_STEPS, "an int in [1, 1e6]", value)
        require(
            "test_windows", 0 <= self.test_windows <= _MOST_STEPS, "an int in [0, 1e6]", self.test_windows
        )
        fits = all(1 <= steps <= _LONGEST_SEASON for steps in self.seasons)
        if not (fits and 1 <= len(self.seasons) <= _MOST_SEASONS):
            raise InputError(f"seasons must be 1 to {_MOST_SEASONS} ints in [1, 1e5]")
