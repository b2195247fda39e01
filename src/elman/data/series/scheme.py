"""What the series of a forecaster are, as learnt from their training part alone."""

from dataclasses import dataclass

from elman.config import require
from elman.data.series.frequency import parse_frequency
from elman.errors import InputError

_MOST_STEPS, _LONGEST_SEASON, _MOST_SEASONS = 10**6, 10**5, 1000


@dataclass(frozen=True, kw_only=True)
class SeriesScheme:
    """Steps of time, seasons and lengths of windows.

    Attributes:
        frequency: of the series, as ``parse_frequency`` reads it.
        integers: whether times are integers, not dates.
        horizon: H, steps of a forecast.
        seasons: steps of each, the shortest first.
        mase_season: season of MASE and of the simple methods.
        context: steps that are read before a forecast.
        test_windows: forecasts at the end of each series that are kept from training.
        series: names of those that have parameters of their own.

    Raises:
        InputError: the frequency is none, or a number is out of its range.
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
        """Checks what may have come from anywhere."""
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
