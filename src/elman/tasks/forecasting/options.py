"""Options of the task forecasting and of its verb."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from elman.config import Argument, flag, require, typed
from elman.pictures.base import check_picture
from elman.registry import names_of_kind
from elman.tasks.shared.options import ABSENT, Sized, StartOptions, TableOptions, Verb

if TYPE_CHECKING:
    DistributionName = str
else:  # every head that is a distribution, a new one included
    DistributionName = Literal[tuple(names_of_kind("heads", "Distribution"))]


@dataclass(frozen=True, kw_only=True)
class Forecast(Verb):
    """Prints a forecast of each series as CSV: the median and intervals."""

    data: Annotated[tuple[Path, ...], Argument(positional=True, metavar="FILE")] = ()
    """tables, or a folder of them, of the series up to now, like the training data; if absent, the training
    data"""
    horizon: int | None = None
    """steps to forecast, at most as many as in training unless the model is recursive; if absent, as many as
    in training"""
    levels: tuple[int, ...] = (80, 95)
    """intervals to print, in per cent"""
    plot: Path | None = None
    """picture to write (.png, .svg or .pdf) of the first six series, with history and intervals; if absent,
    none"""

    example: ClassVar[str] = "elman forecast runs/forecasting --levels 80 95"

    def __post_init__(self) -> None:
        """Checks the intervals and the picture's path."""
        interval_levels(self.levels, "--levels")
        check_picture(self.plot)

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each series and step."""
        yield task.answers.csv(self._table(task))

    def json(self, task: Any) -> dict[str, Any]:
        """Returns the same by column."""
        columns: dict[str, Any] = task.answers.by_column(self._table(task))
        return columns

    def _table(self, task: Any) -> Any:
        return task.forecast(
            list(self.data) or None, horizon=self.horizon, levels=self.levels, plot=self.plot
        )


@dataclass(frozen=True, kw_only=True)
class ForecastingConfig(StartOptions, TableOptions):
    """Trains one model that forecasts many time series.

    Reads tables (.csv, .tsv, .jsonl, .parquet) with a row for each step: the time and the target, and the
    series' name if there are several; a column for each series (--table wide); or a folder with a file for
    each. The last --horizon steps of each series are the test part, those before it the validation
    part.
    """

    verb = Forecast
    reads = "tables, or folders of tables, to train on; see above"
    sized = ("model", "hidden_size", "dropout", "batch_size", "epochs", "ensemble")
    of_old_runs = {"combination": "none", "scaling": "mean"}
    example = "elman train forecasting sales.csv --horizon 12 --out runs/forecasting"
    rank = 30
    of_the_run = (
        *StartOptions.of_the_run,
        "model",
        "distribution",
        "scaling",
        "lags",
        "inputs",
        "width",
        "embedding_size",
        "ensemble",
        "known_future",
        "past",
        "static",
        "calendar",
    )
    groups = {
        "": ("horizon", "freq", "season", "model", "combination", "pretrained"),
        "columns of the data": (
            "id_column",
            "time_column",
            "target_column",
            "table",
            "time_format",
            "known_future",
            "past",
            "static",
            "calendar",
        ),
        "parts of the data": ("test_windows", "validation_windows", "step"),
        "evaluation": ("mase_season",),
        "model": (
            "distribution",
            "scaling",
            "below_zero",
            "context",
            "lags",
            "inputs",
            "width",
            "embedding_size",
            "paths",
            "ensemble",
        ),
        "training": ("moments", "windows_per_epoch"),
    }

    pretrained: Path | None = None
    """run folder of a forecasting to start from, with its model, sizes, seasons and covariates; if absent,
    start from random weights"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer; if absent, 64"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.3 for direct models, 0 for
    others"""
    batch_size: Sized[int] = ABSENT
    """windows in a batch; if absent, 64, and for direct models 16 or 32 if there are few windows"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 10, and for direct models 4 to 25: more for fewer steps"""
    model: Sized[Literal["direct", "recursive", "es-rnn", "direct+es-rnn"]] = ABSENT
    """direct: forecast all steps at once; recursive: step by step, by sample paths (DeepAR); es-rnn:
    exponential smoothing with a network; direct+es-rnn: both, trained together. If absent, direct+es-rnn for
    at most 1,000 series with short seasons and horizons, direct otherwise"""
    combination: Literal["weighted", "none"] = "weighted"
    """weighted: forecasts are means of the network's and simple methods' (naive, seasonal naive, Theta, ETS),
    by weights that the validation part chooses; none: the network alone"""
    horizon: int | None = None
    """steps to forecast; if absent, one season"""
    freq: str | None = None
    """time between steps (h, 15min, D, B, W, MS, ME, QS, YS, or a whole number); if absent, inferred
    from the times"""
    season: tuple[int, ...] = ()
    """length of each season in steps, the shortest first (1: no season); if absent, those usual for --freq"""
    mase_season: int | None = None
    """season of MASE and of the simple methods, in steps; if absent, the first of --season"""
    context: int | None = None
    """steps that the model reads before a forecast; if absent, enough for --season and --horizon"""
    distribution: DistributionName | None = None
    """predicted distribution of each step; if absent, student-t for recursive models and quantile for
    others"""
    below_zero: bool = False
    """let forecasts of series that were never negative go below zero"""
    scaling: Literal["mean", "standard", "relative"] | None = None
    """direct, recursive: scale each window by its mean absolute value (mean), or to mean 0 and variance 1
    (standard); direct: forecast distances from the last value, the level or a season ago, whichever the past
    was nearest to (relative). If absent, relative for direct models, mean for others and for counts"""
    lags: tuple[int, ...] = ()
    """recursive: how many steps back are the targets that each step reads; if absent, 1 to 3 and around each
    --season"""
    inputs: int | None = None
    """es-rnn: steps in the input window; if absent, one season or one horizon, whichever is longer"""
    width: int = 16
    """direct, es-rnn: features of each forecast step"""
    moments: int = 16
    """direct, es-rnn: forecast origins drawn from each training window"""
    embedding_size: int = 8
    """features of the embedding of each category of a covariate"""
    paths: int = 200
    """recursive: number of sample paths of each forecast"""
    ensemble: Sized[int] = ABSENT
    """number of networks trained together, with direct+es-rnn of direct ones; the forecast is the median of
    their forecasts; if absent, 1, and for direct models 3, but 1 for some thousand series"""
    windows_per_epoch: int | None = None
    """windows drawn in an epoch; if absent, about one for each --horizon steps of the training part"""
    test_windows: int = 1
    """number of forecasts at the end of each series that are the test part; 0: no test part"""
    validation_windows: int | None = None
    """number of forecasts before those that are the validation part; 0: no validation part. If absent, what
    fits into a tenth of the steps, from 1 to 20"""
    step: int | None = None
    """steps between two forecasts of a part; if absent, --horizon"""
    known_future: tuple[str, ...] = ()
    """columns known ahead, such as holidays; rows after a series' last target hold their future. If absent,
    none"""
    past: tuple[str, ...] = ()
    """columns known only up to the present; if absent, none"""
    static: tuple[str, ...] = ()
    """columns with one value for each series; if absent, none"""
    calendar: bool = True
    """read time of day, weekday and time of year, if times are dates"""
    id_column: str = "unique_id"
    """column that names the series of each row, or several with commas between, which are joined; a table
    without one is one series"""
    time_column: str = "ds"
    """column of the time: integers, dates or date-times; if the table has no such column, the only one that
    holds times"""
    target_column: str = "y"
    """column to forecast; empty cells are missing values. If the table has no such column, the only other
    one of numbers"""
    table: Literal["long", "wide"] | None = None
    """what a table is: long (a row for each series and time) or wide (a column for each series); if absent,
    found from the columns"""
    time_format: str | None = None
    """how times are written: a format of strptime such as %d/%m/%Y; s, ms, us or ns for integers since 1970;
    number for plain integers. If absent, found from the times"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        small = ("horizon", "mase_season", "context", "inputs", "windows_per_epoch", "step")
        for name in (*small, "width", "moments", "embedding_size", "paths", "ensemble"):
            value = getattr(self, name)
            require(flag(name), value is None or 1 <= value <= 10**6, "an int in [1, 1e6]", value)
        for name in ("test_windows", "validation_windows"):
            value = getattr(self, name)
            require(flag(name), value is None or 0 <= value <= 10**6, "an int in [0, 1e6]", value)
        for name in ("season", "lags"):
            values = getattr(self, name)
            fits = all(1 <= value <= 10**5 for value in values) and list(values) == sorted(set(values))
            require(flag(name), fits and len(values) <= 1000, "ascending ints in [1, 1e5]", values)
        for name in ("id_column", "time_column", "target_column"):
            value = getattr(self, name)
            free = value not in ("cutoff", "elman") and not value.startswith("elman-")
            require(flag(name), free, "no name of the forecasts' own columns (cutoff, elman, elman-…)", value)
        if self.distribution == "negative-binomial":
            require("--distribution", "es-rnn" not in self.kinds, "another for es-rnn", self.distribution)
            require("--scaling", self.scaling in (None, "mean"), "mean for counts", self.scaling)
        if "direct" not in self.kinds:
            require("--scaling", self.scaling != "relative", "another for this --model", self.scaling)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of network, each with options of its own (see ``of``)."""
        return tuple((self.model or "direct").split("+"))

    def of(self, kind: str) -> Self:
        """Returns the options of one of the kinds of network.

        Of several kinds only the first has an ensemble: an es-rnn takes as long as some direct networks, and
        where its initial weights are others, its forecasts change less.
        """
        number = self.ensemble if kind == self.kinds[0] else 1
        return replace(self, model=kind, ensemble=number)  # type: ignore[arg-type]

    @property
    def window_scaling(self) -> Literal["mean", "standard", "relative"]:
        """How windows are scaled."""
        relative = self.model == "direct" and self.head != "negative-binomial"
        return self.scaling or ("relative" if relative else "mean")

    @property
    def head(self) -> str:
        """The distribution's name."""
        return self.distribution or ("student-t" if self.model == "recursive" else "quantile")


def interval_levels(given: Any, name: str) -> tuple[int, ...]:
    """Checks one or more intervals in whole per cent. Raises InputError, which names the argument."""
    many = isinstance(given, Iterable) and not isinstance(given, str)
    levels = []
    for level in given if many else [given]:
        number = typed(float, level, f"{name}: a level")
        require(name, not 0 < number < 1, "per cent: 80, not 0.8", level)
        require(name, 0 < number < 100 and number == int(number), "whole per cent in (0, 100)", level)
        levels.append(int(number))
    require(name, len(set(levels)) == len(levels), "different levels", levels)
    return tuple(levels)
