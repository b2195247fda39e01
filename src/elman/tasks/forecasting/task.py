"""Forecasting: what comes next in many time series, and how sure that is."""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import tyro

from elman.config import check_regular, flag, from_json, require, to_json, typed
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TaskConfig, Verb
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task
from elman.train import files

if TYPE_CHECKING:
    import polars as pl

    from elman.data.batches.cutoffs import CutoffWindows, Division
    from elman.data.series.covariates import Covariates
    from elman.data.series.frequency import Frequency
    from elman.data.series.panel import Columns, Panel
    from elman.data.series.scheme import SeriesScheme
    from elman.models.forecast.ensemble import Ensemble
    from elman.models.forecast.forecaster import Forecaster as Member
    from elman.train.loop import Reading

_DATA = "series.npz"
_PICTURE = "forecasts.png"
_SHOWN = 6  # series in a picture
_DIGITS = 6  # significant ones of a figure in CSV: about what float32 holds
_MOST_PATHS = 20_000  # sample paths drawn side by side

DistributionName = Literal["normal", "student-t", "negative-binomial", "quantile"]


@dataclass(frozen=True, kw_only=True)
class ForecastingConfig(TaskConfig):
    """Trains one model that forecasts many time series.

    Reads long tables (.csv, .tsv, .jsonl, .parquet): a row a step, with the series' name, the time and the
    target. The last horizon of each series is the test part, the one before it the validation part.
    """

    hidden_size: int = 64
    """units of each layer"""
    batch_size: int = 64
    """windows a step"""
    model: Literal["direct", "recursive", "es-rnn"] = "direct"
    """direct: all steps at once; recursive: step by step, as sample paths (DeepAR); es-rnn: exponential
    smoothing and a net, for positive targets"""
    horizon: int | None = None
    """steps to forecast; one season where it is not given"""
    freq: str | None = None
    """time between steps (h, 15min, D, B, W, MS, ME, QS, YS, or a whole number); inferred where not given"""
    season: tuple[int, ...] = ()
    """steps of each season, the shortest first (1: none); by frequency where not given"""
    mase_season: int | None = None
    """season of MASE and of the simple methods; the first of --season where not given"""
    context: int | None = None
    """steps read before a forecast; by model, season and horizon where not given"""
    distribution: DistributionName | None = None
    """of each step; student-t for recursive, quantile for the others where not given"""
    scaling: Literal["mean", "standard"] = "mean"
    """a window is divided by its mean absolute value, or brought to mean 0 and variance 1 (not es-rnn)"""
    lags: tuple[int, ...] = ()
    """recursive: earlier steps that each step reads; by season where not given"""
    inputs: int | None = None
    """es-rnn: steps of the input window; one season or horizon, the larger, where not given"""
    width: int = 16
    """direct, es-rnn: features of each step ahead"""
    moments: int = 16
    """direct, es-rnn: steps of a window at each of which its future is forecast in training"""
    embedding_size: int = 8
    """features of each category of a covariate"""
    paths: int = 200
    """recursive: sample paths of a forecast"""
    ensemble: int = 1
    """nets trained side by side; the median of their forecasts is taken"""
    windows_per_epoch: int | None = None
    """windows drawn an epoch; about one a horizon of the training part where not given"""
    test_windows: int = 1
    """forecasts at the end of each series that make the test part; 0: none"""
    validation_windows: int = 1
    """forecasts before them that make the validation part; 0: none"""
    step: int | None = None
    """steps between two such forecasts; the horizon where not given"""
    known_future: tuple[str, ...] = ()
    """columns that are known ahead, as holidays; rows after a series' last target give their future"""
    past: tuple[str, ...] = ()
    """columns known only up to the present"""
    static: tuple[str, ...] = ()
    """columns with one value for each series"""
    calendar: bool = True
    """where times are dates, their time of day, weekday and time of year are read"""
    id_column: str = "unique_id"
    """column that names a row's series"""
    time_column: str = "ds"
    """column of the time: integers, dates or date-times"""
    target_column: str = "y"
    """column to forecast; empty cells are missing values"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        small = ("horizon", "mase_season", "context", "inputs", "windows_per_epoch", "step")
        for name in (*small, "width", "moments", "embedding_size", "paths", "ensemble"):
            value = getattr(self, name)
            require(flag(name), value is None or 1 <= value <= 10**6, "an int in [1, 1e6]", value)
        for name in ("test_windows", "validation_windows"):
            value = getattr(self, name)
            require(flag(name), 0 <= value <= 10**6, "an int in [0, 1e6]", value)
        for name in ("season", "lags"):
            values = getattr(self, name)
            fits = all(1 <= value <= 10**5 for value in values) and list(values) == sorted(set(values))
            require(flag(name), fits and len(values) <= 1000, "ascending ints in [1, 1e5]", values)
        if self.model == "es-rnn":
            require(
                "--distribution",
                self.distribution != "negative-binomial",
                "another for es-rnn",
                self.distribution,
            )
        for name in ("id_column", "time_column", "target_column"):
            value = getattr(self, name)
            free = value not in ("cutoff", "elman") and not value.startswith("elman-")
            require(flag(name), free, "no name of the forecasts' own columns (cutoff, elman, elman-…)", value)
        if self.distribution == "negative-binomial":
            require("--scaling", self.scaling == "mean", "mean for counts", self.scaling)

    @property
    def head(self) -> str:
        """The distribution's name."""
        return self.distribution or ("student-t" if self.model == "recursive" else "quantile")

    @property
    def columns(self) -> "Columns":
        """The table's columns by what they are for."""
        from elman.data.series.panel import Columns

        return Columns(
            self.id_column, self.time_column, self.target_column, self.known_future, self.past, self.static
        )


@dataclass(frozen=True, kw_only=True)
class Forecast(Verb):
    """Prints what comes next in each series, as CSV: the median and intervals."""

    data: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[DATA]")] = None
    """table of the series up to now, as the training table; that one itself where none is given"""
    horizon: int | None = None
    """steps ahead; as trained where not given (only recursive models go further)"""
    levels: tuple[int, ...] = (80, 95)
    """intervals in per cent"""
    plot: Path | None = None
    """picture of the first six series, with history and intervals (.png, .svg, .pdf)"""

    example: ClassVar[str] = "elman forecast runs/forecasting --levels 80 95"

    def __post_init__(self) -> None:
        """Checks the intervals, and where the picture is to go."""
        _interval_levels(self.levels, "--levels")
        check_picture(self.plot)

    def text(self, task: "Forecaster") -> Iterator[str]:
        """One line a series and step."""
        import polars as pl

        floats = pl.selectors.float()
        yield self._frame(task).with_columns(floats.round_sig_figs(_DIGITS)).write_csv()

    def json(self, task: "Forecaster") -> dict[str, Any]:
        """The same by column."""
        frame = self._frame(task)
        times = task.config.time_column
        import polars as pl

        if not frame[times].dtype.is_integer():
            frame = frame.with_columns(pl.col(times).cast(str))
        return frame.to_dict(as_series=False)

    def _frame(self, task: "Forecaster") -> "pl.DataFrame":
        panel = task.series if self.data is None else task.read_like([self.data])
        return task.forecast(panel, task.steps_ahead(self.horizon, "--horizon"), self.levels, self.plot)


class Forecaster(Task):
    """Forecasts of many series, in the manner of Nixtla's libraries: ``fit(df)``, ``predict()``.

    A frame has a row a step. The future of covariates known ahead is given in further rows of the same
    frame, whose target is empty. Names of series and times come back in the types, and times in the time
    zone, in which they came.

    Args:
        **options: fields of ``ForecastingConfig`` (``elman train forecasting --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ForecastingConfig
    verb = Forecast
    example = "elman train forecasting sales.csv --horizon 12 --out runs/forecasting"

    model: "Ensemble"

    def __init__(self, config: ForecastingConfig | None = None, /, **options: Any) -> None:
        super().__init__(config, **options)
        self.series: Panel
        self.scheme: SeriesScheme
        self.covariates: Covariates
        self._given: Any = None
        """A row of the frame that was fitted, for its kind; None where files were read."""

    # In the manner of Nixtla's libraries

    def fit(
        self,
        df: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all of a long table; there is no test part, whatever ``test_windows`` says.

        Args:
            df: a polars or pandas frame with the columns ``unique_id``, ``ds``, ``y`` and covariates.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: a row or an option is refused.
        """
        panel = self._panel_of(df, like_training=False)

        def read(_: Path | None) -> None:
            self._learn(panel, test_windows=0)
            self._given = df.head(1)

        return self._fit(read, out, overwrite, show_progress)

    def predict(self, df: Any = None, h: int | None = None, levels: Sequence[int] = (80, 95)) -> Any:
        """Forecasts of the steps after each series' last target.

        Recursive models draw all series' sample paths with the same random numbers, so that a series'
        forecast does not depend on the others.

        Args:
            df: series up to now, and the future of covariates known ahead; None: those trained on.
            h: steps; as trained where None.
            levels: intervals in whole per cent.

        Returns:
            a frame of df's kind, or of that which was fitted: ``unique_id``, ``ds``, ``elman`` (the median),
            ``elman-lo-80``, ….

        Raises:
            InputError: not fitted, or a row, h or a level is refused.
        """
        from elman.data.read.frames import like

        self._fitted()
        steps, levels = self.steps_ahead(h, "h"), _interval_levels(levels, "levels")
        panel = self.series if df is None else self._panel_of(df, like_training=True)
        return like(self.forecast(panel, steps, levels), self._given if df is None else df)

    def cross_validation(
        self,
        df: Any,
        n_windows: int = 1,
        step_size: int | None = None,
        h: int | None = None,
        levels: Sequence[int] = (80, 95),
    ) -> Any:
        """Trains on what is before the first cutoff, then forecasts from each cutoff.

        That is done on a copy: the task's own options and model stay as they are. A series too short for all
        cutoffs has fewer, or none and is trained on to its end; a warning names the first.

        Args:
            df: a polars or pandas frame, as for ``fit``.
            n_windows: cutoffs a series; the last leaves h steps.
            step_size: steps between two; the option ``step`` where None, or else h.
            h: steps a forecast; the option ``horizon`` where None.
            levels: intervals in whole per cent.

        Returns:
            a frame of df's kind: ``unique_id``, ``ds``, ``cutoff`` (the last step read), ``y``, ``elman``,
            ``elman-lo-80``, ….

        Raises:
            InputError: a row, an option or an argument is refused, or no series is long enough.
        """
        from elman.data.read.frames import like

        levels, windows = _interval_levels(levels, "levels"), _whole(n_windows, "n_windows")
        changes: dict[str, Any] = {"test_windows": windows}
        if h is not None:
            changes["horizon"] = _whole(h, "h")
        if step_size is not None:
            changes["step"] = _whole(step_size, "step_size")
        run = type(self)(dataclasses.replace(self.config, **changes))
        panel = run._panel_of(df, like_training=False)

        def read(_: Path | None) -> None:
            run._learn(panel, windows)
            run._warn_of_short_series()

        run._fit(read, None, overwrite=False, show_progress=False)
        forecasts = run._division.test(panel.lengths)
        return like(run._table(panel, *forecasts, run.horizon, levels, with_actual=True), df)

    def _warn_of_short_series(self) -> None:
        """Says in one line how many series have fewer forecasts in the test part than asked for."""
        division, panel = self._division, self.series
        found = np.bincount(_tested(division, panel)[0], minlength=len(panel))
        short = np.flatnonzero(found < division.test_windows)
        if len(short):
            warnings.warn(
                f"{len(short)} of {len(panel)} series are too short for {division.test_windows} forecasts of "
                f"{division.horizon} steps, {division.step} apart, and have fewer or none; the first: "
                f"{self.config.id_column} {panel.ids[short[0]]!r} with {found[short[0]]}",
                stacklevel=2,
            )

    # The task

    @property
    def horizon(self) -> int:
        """H, steps of a forecast."""
        return self.scheme.horizon

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads one or more tables; learns frequency, seasons, scales and categories."""
        from elman.data.series.read import read_panel

        self._learn(read_panel(data, self.config.columns, self.config.freq), self.config.test_windows)
        self._given = None

    def read_like(self, data: list[Path]) -> "Panel":
        """Series from files with the columns and the frequency that the model was trained on."""
        from elman.data.series.read import read_panel

        self._fitted()
        return self._alike(read_panel(data, self.config.columns, self.scheme.frequency))

    def _panel_of(self, df: Any, *, like_training: bool) -> "Panel":
        from elman.data.read.frames import to_polars
        from elman.data.series.read import make_panel

        freq = self.scheme.frequency if like_training else self.config.freq
        panel = make_panel([(to_polars(df), Path("df"))], self.config.columns, freq)
        return self._alike(panel) if like_training else panel

    def _alike(self, panel: "Panel") -> "Panel":
        self._check_targets(panel)
        if panel.frequency.unit and panel.integers != self.scheme.integers:
            raise InputError(f"{self.config.time_column} must be dates or integers, as in training")
        return panel

    def _learn(self, panel: "Panel", test_windows: int) -> None:
        """Facts from the training part, which is what so many forecasts leave; the series are kept."""
        from elman.data.series.covariates import Covariates
        from elman.data.series.scheme import SeriesScheme

        config = self.config
        self._check_targets(panel)
        seasons = config.season or panel.frequency.seasons
        horizon = config.horizon or max(seasons[0], 1)
        self.scheme = SeriesScheme(
            frequency=str(panel.frequency),
            integers=panel.integers,
            horizon=horizon,
            seasons=seasons,
            mase_season=config.mase_season or seasons[0],
            context=config.context or _default_context(config.model, seasons, horizon),
            test_windows=test_windows,
            series=tuple(panel.ids) if config.model == "es-rnn" else (),
        )
        self.series = panel
        ends = self._division.training_ends(panel.lengths)
        if not (ends > horizon).any():
            raise InputError(
                f"no series is long enough: the longest has {panel.lengths.max()} steps, of which forecasts "
                f"of {horizon} leave none to train on; try a shorter horizon, or fewer validation windows"
            )
        self.covariates = Covariates.measured(panel, ends, config.columns, config.calendar)
        self.facts = {**to_json(self.scheme), "covariates": self.covariates.to_json()}

    def _check_targets(self, panel: "Panel") -> None:
        """Raises InputError where the model or its distribution cannot have a target."""
        config = self.config
        y = panel.y
        if config.model == "es-rnn":
            bad, rule = y <= 0, "positive for --model es-rnn (--model direct takes any)"
        elif config.head == "negative-binomial":
            bad, rule = (y < 0) | (y != np.round(y)), "a count for --distribution negative-binomial"
        else:
            return
        bad &= ~np.isnan(y)
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            series = int(np.searchsorted(panel.begins, at, "right")) - 1
            raise InputError(
                f"{panel.place(series, at - panel.begins[series], config.columns)}: "
                f"{config.target_column} must be {rule}. Got {y[at]:g}."
            )

    @property
    def _division(self) -> "Division":
        from elman.data.batches.cutoffs import Division

        config, scheme = self.config, self.scheme
        step = config.step or scheme.horizon
        return Division(scheme.horizon, step, scheme.test_windows, config.validation_windows)

    def parts(self) -> Parts:
        """Random windows to train on, and one window a forecast of the other parts."""
        from elman.data.batches.cutoffs import RandomWindows

        config, panel, division = self.config, self.series, self._division
        ends = division.training_ends(panel.lengths)
        windows = config.windows_per_epoch or max(int((ends > 1).sum()), int(ends.sum()) // self.horizon)
        training = RandomWindows(
            self._encoded(panel),
            ends,
            context=self._context,
            horizon=self.horizon,
            batch_size=config.batch_size,
            windows=windows,
            seed=config.seed,
        )
        validation, test = (
            self._windows(panel, *cutoffs, self.horizon) if len(cutoffs[0]) else None
            for cutoffs in (division.validation(panel.lengths), division.test(panel.lengths))
        )
        return Parts(training, validation, test)  # type: ignore[arg-type]

    @property
    def _context(self) -> int:
        """Steps of a window before its cutoff: of a recursive model, those that only lags reach first."""
        lead = max(self._lags) if self.config.model == "recursive" else 0
        return self.scheme.context + lead

    @property
    def _lags(self) -> tuple[int, ...]:
        return self.config.lags or _default_lags(self.scheme.seasons)

    @property
    def _inputs(self) -> int:
        """W, steps of es-rnn's input window."""
        return self.config.inputs or max(self.scheme.seasons[0], self.scheme.horizon)

    @property
    def _frequency(self) -> "Frequency":
        from elman.data.series.frequency import parse_frequency

        return parse_frequency(self.scheme.frequency, integers=self.scheme.integers)

    def _encoded(self, panel: "Panel") -> Any:
        from elman.data.series.covariates import encode

        rows = {name: k + 1 for k, name in enumerate(self.scheme.series)}
        return encode(panel, self.covariates, np.array([rows.get(name, 0) for name in panel.ids]))

    def _windows(
        self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> "CutoffWindows":
        from elman.data.batches.cutoffs import CutoffWindows

        ends = np.zeros(len(panel), np.int64)
        np.maximum.at(ends, series, cutoffs + horizon)
        size = max(1, _MOST_PATHS // self.config.paths) if self.config.model == "recursive" else 256
        return CutoffWindows(
            self._encoded(panel.extended(ends)),
            series,
            cutoffs,
            context=self._context,
            horizon=horizon,
            batch_size=size,
        )

    def build(self) -> "Ensemble":
        """As many nets as the ensemble has."""
        from elman.models.forecast.ensemble import Ensemble

        config = self.config
        lowest = 0.0 if config.model == "es-rnn" or config.head == "negative-binomial" else None
        return Ensemble((self._member() for _ in range(config.ensemble)), lowest)

    def _member(self) -> "Member":
        from elman.heads.base import Distribution
        from elman.models.forecast.direct import Direct
        from elman.models.forecast.es_rnn import EsRnn
        from elman.models.forecast.recursive import Recursive
        from elman.registry import find

        config, scheme, embedding = self.config, self.scheme, self.config.embedding_size
        sizes = self.covariates.sizes(self._frequency)
        head: Any = find("heads", config.head, Distribution)
        if config.model == "recursive":
            layer = self.layer(Recursive.input_size(sizes, self._lags, embedding))
            return Recursive(
                layer,
                head(layer.output_size),
                sizes,
                lags=self._lags,
                embedding_size=embedding,
                scaling=config.scaling,
                dropout=config.dropout,
                paths=config.paths,
            )
        shared: Any = {
            "horizon": scheme.horizon,
            "seasons": scheme.seasons,
            "width": config.width,
            "moments": config.moments,
            "embedding_size": embedding,
            "dropout": config.dropout,
        }
        if config.model == "direct":
            layer = self.layer(Direct.input_size(sizes, embedding))
            return Direct(layer, head(2 * config.width), sizes, scaling=config.scaling, **shared)
        layer = self.layer(EsRnn.input_size(sizes, self._inputs, embedding))
        rows = len(scheme.series) + 1
        return EsRnn(layer, head(2 * config.width), sizes, series=rows, inputs=self._inputs, **shared)

    def reading(self) -> "Reading":
        """The distribution's loss, of scaled targets."""
        from elman.train.loop import Reading

        return Reading("quantile loss" if self.config.head == "quantile" else "nats/target", 1.0, "targets")

    # Forecasts

    def steps_ahead(self, given: Any, name: str) -> int:
        """The steps of a forecast, as trained where None is given; InputError names the argument."""
        if given is None:
            return self.horizon
        steps = _whole(given, name)
        if steps > self.horizon and self.config.model != "recursive":
            raise InputError(f"{name} must be at most the {self.horizon} steps trained. Got {steps}.")
        return steps

    def forecast(
        self,
        panel: "Panel",
        horizon: int,
        levels: Sequence[int],
        plot: Path | None = None,
    ) -> "pl.DataFrame":
        """The steps after each series' last target, as ``predict`` gives them, and a picture."""
        from elman.data.series.covariates import check_known_ahead

        series, cutoffs = np.arange(len(panel)), panel.lengths
        check_known_ahead(panel, horizon, self.config.columns)
        table = self._table(panel, series, cutoffs, horizon, levels)
        if plot is not None:
            self._draw(panel, series[:_SHOWN], cutoffs[:_SHOWN], horizon, plot, levels)
        return table

    def _quantiles(
        self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray, horizon: int, levels: Sequence[float]
    ) -> np.ndarray:
        """Forecasts from cutoffs [M], at levels [Q]: [M, H, Q]."""
        import torch

        from elman.batch import to_device

        model = self._fitted()
        device = next(model.parameters()).device
        wanted = torch.tensor(levels, dtype=torch.float32, device=device)
        # only recursive models stop where they are told to
        steps = horizon if self.config.model == "recursive" else self.horizon
        found = []
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            for batch in self._windows(panel, series, cutoffs, steps).epoch():
                torch.manual_seed(self.config.seed)  # so that it does not matter how windows are batched
                window = to_device(batch.inputs, device)
                found.append(self.model.quantiles(window, wanted).permute(2, 1, 0).cpu())
        return torch.cat(found)[:, :horizon].numpy().astype(np.float64)

    def _table(
        self,
        panel: "Panel",
        series: np.ndarray,
        cutoffs: np.ndarray,
        horizon: int,
        levels: Sequence[int],
        *,
        with_actual: bool = False,
    ) -> "pl.DataFrame":
        from elman.data.series.frame import forecast_frame

        quantiles = self._quantiles(panel, series, cutoffs, horizon, _with_ends(levels))
        return forecast_frame(
            panel, series, cutoffs, quantiles, levels, self.config.columns, with_actual=with_actual
        )

    def _draw(
        self,
        panel: "Panel",
        series: np.ndarray,
        cutoffs: np.ndarray,
        horizon: int,
        path: Path,
        levels: Sequence[int] = (80, 95),
    ) -> None:
        from elman.pictures.forecast import as_drawn, draw_forecasts

        quantiles = self._quantiles(panel, series, cutoffs, horizon, _with_ends(levels))
        each = zip(series, cutoffs, quantiles, strict=True)
        draw_forecasts([as_drawn(panel, number, cutoff, q, levels) for number, cutoff, q in each], path)

    # Figures

    def measure(self, parts: Parts) -> dict[str, Any]:
        """The test part beside the simple methods, intervals as validation has stretched them; a picture."""
        if parts.validation is not None:
            self._stretch()
        series, cutoffs = self._division.test(self.series.lengths)
        if not len(series):
            return {}
        if self.folder is not None:
            some = np.linspace(0, len(series) - 1, min(_SHOWN, len(series))).astype(int)
            self._draw(self.series, series[some], cutoffs[some], self.horizon, self.folder / _PICTURE)
        test, baselines = self._figures(self.series, series, cutoffs)
        return {"test": test, "baselines": baselines}

    def _stretch(self) -> None:
        """Has the intervals cover of the validation part what they promise; saves that with the weights."""
        import torch

        from elman.baselines.backtest import LEVELS, interval_stretch
        from elman.train.checkpoint import save_weights

        forecasts = self._division.validation(self.series.lengths)
        quantiles = self._quantiles(self.series, *forecasts, self.horizon, LEVELS)
        y = self.series.following(*forecasts, self.horizon)
        self.model.stretch.copy_(torch.tensor(interval_stretch(y, quantiles)))
        if self.folder is not None:
            save_weights(self.model, self.folder / files.WEIGHTS)

    def _figures(
        self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray
    ) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
        """The model's figures, and by name those of the simple methods."""
        from elman.baselines.backtest import LEVELS, all_figures

        quantiles = self._quantiles(panel, series, cutoffs, self.horizon, LEVELS)
        y = panel.following(series, cutoffs, self.horizon)
        histories = [panel.history(s, c) for s, c in zip(series, cutoffs, strict=True)]
        return all_figures(y, quantiles, histories, self.scheme.mase_season)

    def evaluate(self, data: Paths = (), *, df: Any = None) -> dict[str, Any]:
        """Figures on the last horizons of other series, as many as the option ``test_windows``, at least one.

        Args:
            data: a table or several, or
            df: a polars or pandas frame, as for ``fit``.
        """
        self._fitted()
        paths = as_paths(data)
        if bool(paths) == (df is not None):
            raise InputError(f"evaluate reads files or a df. Got {'both' if paths else 'neither'}.")
        panel = self.read_like(paths) if paths else self._panel_of(df, like_training=True)
        return self._figures(*self._last_cutoffs(panel))[0]

    def other_batches(self, data: list[Path]) -> "CutoffWindows":  # type: ignore[override]
        """The same forecasts as batches."""
        return self._windows(*self._last_cutoffs(self.read_like(data)), self.horizon)

    def _last_cutoffs(self, panel: "Panel") -> tuple["Panel", np.ndarray, np.ndarray]:
        """Other series, and series and cutoff of each forecast of their last horizons."""
        division = dataclasses.replace(self._division, test_windows=max(1, self.config.test_windows))
        return panel, *_tested(division, panel)

    def as_sample(self, batch: Any) -> Sample:
        """What the first layer reads, by name, in the order in which the model joins it."""
        target, model = self.config.target_column, self.config.model
        own = [f"{target} (scaled)", f"{target} is there"]
        if model == "recursive":
            lagged = [f"{target}, {lag} before" for lag in self._lags]
            own = [*lagged, *(f"{name}, is there" for name in lagged)]
        elif model == "es-rnn":
            window = [f"{target} without season, {back} before" for back in reversed(range(self._inputs))]
            own = [*window, f"{target} is there"]
        known, past = self.covariates.features(self._frequency, self.config.embedding_size)
        return Sample(batch, features=(*own, *known, *past))

    def report(self) -> str:
        """The test figures beside the simple methods'."""
        from elman.pictures.report import forecasting_lines

        return "\n".join(forecasting_lines(self.results, self.facts))

    # The run folder

    def save_extras(self, folder: Path) -> None:
        """Writes the series."""
        from elman.data.series.store import panel_arrays

        arrays: Any = panel_arrays(self.series)
        np.savez(folder / _DATA, **arrays)

    def load_extras(self, folder: Path) -> None:
        """Reads the series."""
        from elman.data.read.npz import read_arrays
        from elman.data.series.store import panel_from_arrays

        path = folder / _DATA
        check_regular(path)
        self.series = panel_from_arrays(read_arrays(path), str(path))
        scheme = self.scheme
        if str(self.series.frequency) != scheme.frequency or self.series.integers != scheme.integers:
            raise InputError(f"{path}: frequency must be {scheme.frequency}. Got {self.series.frequency}.")
        columns = self.config.columns
        wanted = (set(columns.covariates), set(columns.static))
        if (set(self.series.covariates), set(self.series.static)) != wanted:
            raise InputError(f"{path}: must hold the covariates of the options")

    def reopen(self, folder: Path) -> None:
        """The series are read already."""

    def check_facts(self, source: str) -> None:
        """Frequency, sizes, names and covariates."""
        from elman.data.series.covariates import covariates_from_json
        from elman.data.series.scheme import SeriesScheme

        facts = {"test_windows": self.config.test_windows, **self.facts}  # runs of version 0.1 have none
        found = covariates_from_json(facts.pop("covariates", None), f"{source}: facts")
        self.covariates = found
        self.scheme = from_json(SeriesScheme, facts, f"{source}: facts")
        names = tuple(tuple(c.name for c in kind) for kind in (found.known, found.past, found.static))
        if names != (self.config.known_future, self.config.past, self.config.static):
            raise InputError(f"{source}: facts: covariates must be those of the options")


def _whole(value: Any, name: str) -> int:
    """A number of steps or windows; InputError names the argument."""
    number: int = typed(int, value, name)
    require(name, 1 <= number <= 10**5, "an int in [1, 1e5]", number)
    return number


def _interval_levels(given: Any, name: str) -> tuple[int, ...]:
    """Intervals in whole per cent, one or several; InputError names the argument."""
    many = isinstance(given, Iterable) and not isinstance(given, str)
    levels = []
    for level in given if many else [given]:
        number = typed(float, level, f"{name}: a level")
        require(name, not 0 < number < 1, "per cent: 80, not 0.8", level)
        require(name, 0 < number < 100 and number == int(number), "whole per cent in (0, 100)", level)
        levels.append(int(number))
    require(name, len(set(levels)) == len(levels), "different levels", levels)
    return tuple(levels)


def _tested(division: "Division", panel: "Panel") -> tuple[np.ndarray, np.ndarray]:
    """Series and cutoff of each forecast of the test part; InputError where there is none."""
    series, cutoffs = division.test(panel.lengths)
    if not len(series):
        raise InputError(f"no series is longer than {division.shortest - 1} steps, a horizon and a history")
    return series, cutoffs


def _with_ends(levels: Sequence[int]) -> list[float]:
    """The median, then both ends of each interval in per cent, as quantiles."""
    return [0.5, *(0.5 + side * level / 200 for level in levels for side in (-1, 1))]


def _default_context(model: str, seasons: Sequence[int], horizon: int) -> int:
    """Enough steps for every season to be seen, and some horizons."""
    longest = seasons[-1]
    if model == "es-rnn":
        return 2 * longest + max(4 * horizon, 2 * longest)
    return max(longest + horizon, 3 * horizon, 8)


def _default_lags(seasons: Sequence[int]) -> tuple[int, ...]:
    """The steps just before, and those about one and two seasons back."""
    around = (m * k + d for m in seasons if m > 1 for k in (1, 2) for d in (-1, 0, 1))
    return tuple(sorted({1, 2, 3} | {lag for lag in around if lag > 0}))
