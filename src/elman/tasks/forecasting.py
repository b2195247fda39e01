"""Forecasting: what comes next in many time series, and how sure that is."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import tyro

from elman.config import check_regular, flag, require, shown
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.base import Parts, Paths, Sample, Task, TaskConfig, Verb, as_paths
from elman.train import files

if TYPE_CHECKING:
    import polars as pl

    from elman.data.covariates import Covariates
    from elman.data.cutoffs import CutoffWindows
    from elman.data.series import Columns, Panel
    from elman.models.ensemble import Ensemble
    from elman.models.forecaster import Forecaster as Member
    from elman.train.loop import Reading

_DATA = "series.npz"
_PICTURE = "forecasts.png"
_SHOWN = 6  # series in a picture
_DIGITS = 6  # significant ones of a figure in CSV: about what float32 holds
_LEAST_HISTORY = 2  # steps before a cutoff
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
        if self.distribution == "negative-binomial":
            require("--scaling", self.scaling == "mean", "mean for counts", self.scaling)

    @property
    def head(self) -> str:
        """The distribution's name."""
        return self.distribution or ("student-t" if self.model == "recursive" else "quantile")

    @property
    def columns(self) -> "Columns":
        """The table's columns by what they are for."""
        from elman.data.series import Columns

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
        """Checks where the picture is to go."""
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
        return task.forecast(panel, self.horizon, self.levels, plot=self.plot)


class Forecaster(Task):
    """Forecasts of many series, in the manner of Nixtla's libraries: ``fit(df)``, ``predict()``.

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

    # In the manner of Nixtla's libraries

    def fit(
        self,
        df: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all of a long table; there is no test part (``test_windows`` becomes 0).

        Args:
            df: a polars or pandas frame with the columns ``unique_id``, ``ds``, ``y`` and covariates.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: a row or an option is refused.
        """
        self.config = dataclasses.replace(self.config, test_windows=0)
        return self._fit_frame(df, out, overwrite, show_progress)

    def predict(self, df: Any = None, h: int | None = None, levels: Sequence[int] = (80, 95)) -> Any:
        """Forecasts of the steps after each series' last target.

        Args:
            df: series up to now, and the future of covariates known ahead; None: those trained on.
            h: steps; as trained where None.
            levels: intervals in per cent.

        Returns:
            a frame of df's kind: ``unique_id``, ``ds``, ``elman`` (the median), ``elman-lo-80``, ….
        """
        from elman.data.frames import like

        self._fitted()
        panel = self.series if df is None else self._panel_of(df, like_training=True)
        return like(self.forecast(panel, h, levels), df)

    def cross_validation(
        self,
        df: Any,
        n_windows: int = 1,
        step_size: int | None = None,
        h: int | None = None,
        levels: Sequence[int] = (80, 95),
    ) -> Any:
        """Trains on what is before the first cutoff, then forecasts from each cutoff.

        Args:
            df: a polars or pandas frame, as for ``fit``.
            n_windows: cutoffs a series; the last leaves h steps.
            step_size: steps between two; h where None.
            h: steps a forecast; the option ``horizon`` where None.
            levels: intervals in per cent.

        Returns:
            a frame of df's kind: ``unique_id``, ``ds``, ``cutoff`` (the last step read), ``y``, ``elman``,
            ``elman-lo-80``, ….
        """
        from elman.data.frames import like

        horizon = self.config.horizon if h is None else h
        self.config = dataclasses.replace(
            self.config, test_windows=n_windows, step=step_size, horizon=horizon
        )
        self._fit_frame(df, None, False, False)
        series, cutoffs = self._test_cutoffs(self.series)
        return like(self._table(self.series, series, cutoffs, self.horizon, levels, with_cutoff=True), df)

    def _fit_frame(self, df: Any, out: str | Path | None, overwrite: bool, show_progress: bool) -> Self:
        panel = self._panel_of(df, like_training=False)
        return self._fit(lambda _: self._learn(panel), out, overwrite, show_progress)

    # The task

    @property
    def horizon(self) -> int:
        """H, steps of a forecast."""
        return int(self.facts["horizon"])

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads one or more tables; learns frequency, seasons, scales and categories."""
        from elman.data.series import read_panel

        self._learn(read_panel(data, self.config.columns, self.config.freq))

    def read_like(self, data: list[Path]) -> "Panel":
        """Series from files with the columns and the frequency that the model was trained on."""
        from elman.data.series import read_panel

        self._fitted()
        return self._alike(read_panel(data, self.config.columns, self.facts["frequency"]))

    def _panel_of(self, df: Any, *, like_training: bool) -> "Panel":
        from elman.data.frames import to_polars
        from elman.data.series import make_panel

        freq = self.facts["frequency"] if like_training else self.config.freq
        panel = make_panel([(to_polars(df), Path("df"))], self.config.columns, freq)
        return self._alike(panel) if like_training else panel

    def _alike(self, panel: "Panel") -> "Panel":
        self._check_targets(panel)
        if panel.frequency.unit and panel.integers != self.facts["integers"]:
            raise InputError(f"{self.config.time_column} must be dates or integers, as in training")
        return panel

    def _learn(self, panel: "Panel") -> None:
        """Facts from the training part; the series are kept."""
        from elman.data.covariates import Covariates

        config = self.config
        self._check_targets(panel)
        seasons = config.season or panel.frequency.seasons
        horizon = config.horizon or max(seasons[0], 1)
        self.facts = {
            "frequency": str(panel.frequency),
            "integers": panel.integers,
            "horizon": horizon,
            "seasons": list(seasons),
            "mase_season": config.mase_season or seasons[0],
            "context": config.context or _default_context(config.model, seasons, horizon),
            "series": panel.ids if config.model == "es-rnn" else [],
        }
        self.series = panel
        ends = self._training_ends(panel)
        if not (ends > horizon).any():
            raise InputError(
                f"no series is long enough: the longest has {panel.lengths.max()} steps, of which forecasts "
                f"of {horizon} leave none to train on; try a shorter --horizon, or --validation-windows 0"
            )
        covariates = Covariates.measured(panel, ends, config.columns, config.calendar)
        self.facts["covariates"] = covariates.to_json()

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
            time = panel.ds(panel.times(np.array([series]), np.array([at - panel.begins[series]])))[0]
            raise InputError(
                f"{config.id_column} {panel.ids[series]!r}, {config.time_column} {time}: "
                f"{config.target_column} must be {rule}. Got {y[at]:g}."
            )

    def _cutoffs(self, lengths: np.ndarray, windows: int, least: int) -> list[np.ndarray]:
        from elman.data.cutoffs import windows_back

        return windows_back(lengths, self.horizon, windows, self.config.step or self.horizon, least)

    def _test_cutoffs(self, panel: "Panel") -> tuple[np.ndarray, np.ndarray]:
        """Series and cutoff of every forecast of the test part."""
        return _flat(self._cutoffs(panel.lengths, self.config.test_windows, _LEAST_HISTORY))

    def _validation_cutoffs(self, panel: "Panel") -> tuple[np.ndarray, np.ndarray]:
        least = self.horizon + _LEAST_HISTORY  # so that a window to train on is left
        return _flat(self._cutoffs(self._before_test(panel), self.config.validation_windows, least))

    def _before_test(self, panel: "Panel") -> np.ndarray:
        return _firsts(panel.lengths, self._test_cutoffs(panel))

    def _training_ends(self, panel: "Panel") -> np.ndarray:
        """Steps of each series that belong to the training part."""
        return _firsts(self._before_test(panel), self._validation_cutoffs(panel))

    def parts(self) -> Parts:
        """Random windows to train on, and one window a forecast of the other parts."""
        from elman.data.cutoffs import RandomWindows

        config, panel = self.config, self.series
        ends = self._training_ends(panel)
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
            for cutoffs in (self._validation_cutoffs(panel), self._test_cutoffs(panel))
        )
        return Parts(training, validation, test)  # type: ignore[arg-type]

    @property
    def _context(self) -> int:
        """Steps of a window before its cutoff: of a recursive model, those that only lags reach first."""
        lead = max(self._lags) if self.config.model == "recursive" else 0
        return int(self.facts["context"]) + lead

    @property
    def _lags(self) -> tuple[int, ...]:
        return self.config.lags or _default_lags(self.facts["seasons"])

    @property
    def _covariates(self) -> "Covariates":
        from elman.data.covariates import covariates_from_json

        return covariates_from_json(self.facts["covariates"], "facts")

    def _encoded(self, panel: "Panel") -> Any:
        from elman.data.covariates import encode

        rows = {name: k + 1 for k, name in enumerate(self.facts["series"])}
        return encode(panel, self._covariates, np.array([rows.get(name, 0) for name in panel.ids]))

    def _windows(
        self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> "CutoffWindows":
        from elman.data.cutoffs import CutoffWindows

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
        from elman.models.ensemble import Ensemble

        config = self.config
        lowest = 0.0 if config.model == "es-rnn" or config.head == "negative-binomial" else None
        return Ensemble((self._member() for _ in range(config.ensemble)), lowest)

    def _member(self) -> "Member":
        from elman.data.frequency import parse_frequency
        from elman.heads.base import Distribution
        from elman.models.direct import Direct
        from elman.models.es_rnn import EsRnn
        from elman.models.recursive import Recursive
        from elman.registry import find

        config, facts = self.config, self.facts
        frequency = parse_frequency(facts["frequency"], integers=facts["integers"])
        sizes = self._covariates.sizes(frequency)
        seasons, embedding = tuple(facts["seasons"]), config.embedding_size
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
            "horizon": facts["horizon"],
            "seasons": seasons,
            "width": config.width,
            "moments": config.moments,
            "embedding_size": embedding,
            "dropout": config.dropout,
        }
        if config.model == "direct":
            layer = self.layer(Direct.input_size(sizes, embedding))
            return Direct(layer, head(2 * config.width), sizes, scaling=config.scaling, **shared)
        inputs = config.inputs or max(seasons[0], facts["horizon"])
        layer = self.layer(EsRnn.input_size(sizes, inputs, embedding))
        rows = len(facts["series"]) + 1
        return EsRnn(layer, head(2 * config.width), sizes, series=rows, inputs=inputs, **shared)

    def reading(self) -> "Reading":
        """The distribution's loss, of scaled targets."""
        from elman.train.loop import Reading

        return Reading("quantile loss" if self.config.head == "quantile" else "nats/target", 1.0, "targets")

    # Forecasts

    def forecast(
        self,
        panel: "Panel",
        horizon: int | None = None,
        levels: Sequence[int] = (80, 95),
        plot: Path | None = None,
    ) -> "pl.DataFrame":
        """The steps after each series' last target, as ``predict`` gives them, and a picture."""
        self._fitted()
        horizon = self.horizon if horizon is None else horizon
        require("--horizon", 1 <= horizon <= 10**5, "an int in [1, 1e5]", horizon)
        if horizon > self.horizon and self.config.model != "recursive":
            raise InputError(f"--horizon must be at most the {self.horizon} steps trained. Got {horizon}.")
        series, cutoffs = np.arange(len(panel)), panel.lengths
        self._check_known(panel, horizon)
        table = self._table(panel, series, cutoffs, horizon, levels)
        if plot is not None:
            self._draw(panel, series[:_SHOWN], cutoffs[:_SHOWN], horizon, plot, levels)
        return table

    def _check_known(self, panel: "Panel", horizon: int) -> None:
        """Raises InputError where a covariate known ahead is not given as far as the forecast goes."""
        longer = panel.extended(panel.lengths + horizon)
        for name in self.config.known_future:
            values = longer.covariates[name]
            missing = np.isnan(values) if values.dtype.kind == "f" else values == ""
            for series, (begin, length) in enumerate(zip(longer.begins, longer.lengths, strict=False)):
                empty = np.flatnonzero(missing[begin + length : begin + length + horizon])
                if len(empty):
                    time = longer.ds(longer.times(np.array([series]), length + empty[:1]))[0]
                    raise InputError(
                        f"{self.config.id_column} {panel.ids[series]!r}, {self.config.time_column} {time}: "
                        f"column {name!r} is known ahead and must be given for every step forecast"
                    )

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
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(self.config.seed)
            for batch in self._windows(panel, series, cutoffs, steps).epoch():
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
        with_cutoff: bool = False,
    ) -> "pl.DataFrame":
        import polars as pl

        quantiles = self._quantiles(panel, series, cutoffs, horizon, _with_ends(levels))
        steps = (cutoffs[:, None] + np.arange(horizon)).ravel()
        rows = np.repeat(series, horizon)
        columns = {
            self.config.id_column: pl.Series(np.array(panel.ids)[rows]),
            self.config.time_column: panel.ds(panel.times(rows, steps)),
        }
        if with_cutoff:
            columns["cutoff"] = panel.ds(panel.times(rows, np.repeat(cutoffs - 1, horizon)))
            columns[self.config.target_column] = pl.Series(panel.y[panel.begins[rows] + steps])
        columns["elman"] = pl.Series(quantiles[..., 0].ravel())
        for k, level in enumerate(levels):
            for side, name in enumerate(("lo", "hi"), 1):
                columns[f"elman-{name}-{level}"] = pl.Series(quantiles[..., 2 * k + side].ravel())
        return pl.DataFrame(columns)

    def _draw(
        self,
        panel: "Panel",
        series: np.ndarray,
        cutoffs: np.ndarray,
        horizon: int,
        path: Path,
        levels: Sequence[int] = (80, 95),
    ) -> None:
        from elman.pictures.forecast import Forecast as Drawn
        from elman.pictures.forecast import draw_forecasts

        quantiles = self._quantiles(panel, series, cutoffs, horizon, _with_ends(levels))
        drawn = []
        for number, cutoff, found in zip(series, cutoffs, quantiles, strict=True):
            first = max(0, cutoff - 4 * horizon)
            steps = np.arange(first, cutoff + horizon)
            times = panel.times(np.full(len(steps), number), steps)
            actual = panel.history(number, min(cutoff + horizon, panel.lengths[number]))[cutoff:]
            drawn.append(
                Drawn(
                    panel.ids[number],
                    times if panel.integers else times.astype("datetime64[s]"),
                    panel.history(number, cutoff)[first:],
                    actual if len(actual) == horizon else None,
                    found[:, 0],
                    {level: (found[:, 2 * k + 1], found[:, 2 * k + 2]) for k, level in enumerate(levels)},
                )
            )
        draw_forecasts(drawn, path)

    # Figures

    def measure(self, parts: Parts) -> dict[str, Any]:
        """The test part beside the simple methods, intervals as validation has stretched them; a picture."""
        if parts.validation is not None:
            self._stretch()
        series, cutoffs = self._test_cutoffs(self.series)
        if not len(series):
            return {}
        if self.folder is not None:
            some = np.linspace(0, len(series) - 1, min(_SHOWN, len(series))).astype(int)
            self._draw(self.series, series[some], cutoffs[some], self.horizon, self.folder / _PICTURE)
        test, baselines = self._figures(self.series, series, cutoffs)
        return {"test": test, "baselines": baselines}

    def _stretch(self) -> None:
        """Has the intervals cover of the validation part what they promise; saves that with the weights."""
        from elman.metrics.backtest import LEVELS
        from elman.metrics.forecast import stretch
        from elman.train.checkpoint import save_weights

        series, cutoffs = self._validation_cutoffs(self.series)
        quantiles = self._quantiles(self.series, series, cutoffs, self.horizon, LEVELS)
        y, median = self._targets(self.series, series, cutoffs), quantiles[..., LEVELS.index(0.5)]
        for k, (side, share) in enumerate(((1, 0.8), (0, 0.95))):
            low, high = quantiles[..., side], quantiles[..., -1 - side]
            self.model.stretch[k] = stretch(y, low, median, high, share)
        if self.folder is not None:
            save_weights(self.model, self.folder / files.WEIGHTS)

    def _targets(self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        """What came after each cutoff: [M, H]."""
        horizon = self.horizon
        return np.stack([panel.history(s, c + horizon)[c:] for s, c in zip(series, cutoffs, strict=True)])

    def _figures(
        self, panel: "Panel", series: np.ndarray, cutoffs: np.ndarray
    ) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
        """The model's figures, and by name those of the simple methods."""
        from elman.metrics.backtest import LEVELS, interval_figures, point_figures, simple_forecasts

        season, horizon = self.facts["mase_season"], self.horizon
        quantiles = self._quantiles(panel, series, cutoffs, horizon, LEVELS)
        y = self._targets(panel, series, cutoffs)
        histories = [panel.history(s, c) for s, c in zip(series, cutoffs, strict=True)]
        forecasts = simple_forecasts(histories, horizon, season)
        own = {"this model": quantiles[..., LEVELS.index(0.5)]}
        found = point_figures(y, forecasts | own, histories, season)
        test = found.pop("this model") | interval_figures(y, quantiles) | {"forecasts": len(series)}
        return test, found

    def evaluate(self, data: Paths) -> dict[str, Any]:
        """Figures on the last horizons of other series, as many as the test part has."""
        return self._figures(*self._last_cutoffs(as_paths(data)))[0]

    def other_batches(self, data: list[Path]) -> "CutoffWindows":  # type: ignore[override]
        """The same forecasts as batches."""
        return self._windows(*self._last_cutoffs(data), self.horizon)

    def _last_cutoffs(self, data: list[Path]) -> tuple["Panel", np.ndarray, np.ndarray]:
        """Other series, and series and cutoff of each forecast of their last horizons."""
        panel = self.read_like(data)
        windows = max(1, self.config.test_windows)
        series, cutoffs = _flat(self._cutoffs(panel.lengths, windows, _LEAST_HISTORY))
        if not len(series):
            raise InputError(
                f"no series is longer than {self.horizon + _LEAST_HISTORY - 1} steps, a horizon and a history"
            )
        return panel, series, cutoffs

    def as_sample(self, batch: Any) -> Sample:
        """The targets among what the layer reads, by name."""
        target = self.config.target_column
        if self.config.model == "recursive":
            return Sample(batch, features=tuple(f"{target}, {lag} before" for lag in self._lags))
        names = {"direct": (f"{target} (scaled)", f"{target} is there"), "es-rnn": ()}
        return Sample(batch, features=names[self.config.model])

    def report(self) -> str:
        """The test figures beside the simple methods'."""
        from elman.pictures.report import behind_line

        if "test" not in self.results:
            return "trained on all steps; no test part"
        test = self.results["test"]
        rows = {**self.results["baselines"], "this model": test}
        names = [name for name in ("smape", "mase", "owa", "mae") if name in test]
        width = max(map(len, rows))
        lines = [f"{test['forecasts']:,} forecasts of {self.facts['horizon']} steps on the test part:", ""]
        lines.append(" " * width + "".join(f"  {_HEADINGS[name]:>9}" for name in names))
        for method, row in rows.items():
            cells = (f"  {row[name]:9.4g}" if name in row else " " * 11 for name in names)
            lines.append(f"{method:<{width}}" + "".join(cells))
        shared = [name for name in ("mase", "smape", "mae") if all(name in row for row in rows.values())]
        for name in shared[:1]:
            others = {method: row[name] for method, row in self.results["baselines"].items()}
            lines += behind_line(test[name], others, _HEADINGS[name], higher_is_better=False)
        if "coverage_80" in test:
            lines += [
                "",
                f"CRPS {test.get('crps', float('nan')):.4f}; the 80 % interval covers "
                f"{test['coverage_80']:.1%}, the 95 % interval {test['coverage_95']:.1%}",
            ]
        return "\n".join(lines)

    # The run folder

    def save_extras(self, folder: Path) -> None:
        """Writes the series."""
        from elman.data.series import panel_arrays

        arrays: Any = panel_arrays(self.series)
        np.savez(folder / _DATA, **arrays)

    def load_extras(self, folder: Path) -> None:
        """Reads the series."""
        from elman.data.sequences import read_arrays
        from elman.data.series import panel_from_arrays

        path = folder / _DATA
        check_regular(path)
        self.series = panel_from_arrays(read_arrays(path), str(path))
        if (
            str(self.series.frequency) != self.facts["frequency"]
            or self.series.integers != self.facts["integers"]
        ):
            raise InputError(
                f"{path}: frequency must be {self.facts['frequency']}. Got {self.series.frequency}."
            )
        columns = self.config.columns
        wanted = (set(columns.covariates), set(columns.static))
        if (set(self.series.covariates), set(self.series.static)) != wanted:
            raise InputError(f"{path}: must hold the covariates of the options")

    def reopen(self, folder: Path) -> None:
        """The series are read already."""

    def check_facts(self, source: str) -> None:
        """Frequency, sizes, names and covariates."""
        from elman.data.covariates import covariates_from_json
        from elman.data.frequency import parse_frequency

        facts = self.facts
        if type(facts.get("integers")) is not bool or not isinstance(facts.get("frequency"), str):
            raise InputError(f"{source}: facts: must have a frequency, and whether times are integers")
        try:
            parse_frequency(facts["frequency"], integers=facts["integers"])
        except InputError as error:
            raise InputError(f"{source}: facts: {error}") from None
        for name in ("horizon", "mase_season", "context"):
            value = facts.get(name)
            if type(value) is not int or not 1 <= value <= 10**6:
                raise InputError(f"{source}: facts: {name} must be an int in [1, 1e6]. Got {shown(value)}.")
        seasons: Any = facts.get("seasons")
        if not (
            isinstance(seasons, list)
            and 1 <= len(seasons) <= 1000
            and all(type(m) is int and 1 <= m <= 10**5 for m in seasons)
        ):
            raise InputError(f"{source}: facts: seasons must be ints in [1, 1e5]. Got {shown(seasons)}.")
        series = facts.get("series")
        if not isinstance(series, list) or not all(isinstance(name, str) for name in series):
            raise InputError(f"{source}: facts: series must be a list of names")
        found = covariates_from_json(facts.get("covariates"), f"{source}: facts")
        names = tuple(tuple(c.name for c in kind) for kind in (found.known, found.past, found.static))
        if names != (self.config.known_future, self.config.past, self.config.static):
            raise InputError(f"{source}: facts: covariates must be those of the options")


_HEADINGS = {"smape": "sMAPE", "mase": "MASE", "owa": "OWA", "mae": "MAE"}


def _with_ends(levels: Sequence[int]) -> list[float]:
    """The median, then both ends of each interval in per cent, as quantiles."""
    for level in levels:
        require("--levels", 0 < level < 100, "per cent in (0, 100)", level)
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


def _flat(cutoffs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Cutoffs of each series → series and cutoff of each forecast."""
    series = np.repeat(np.arange(len(cutoffs)), [len(each) for each in cutoffs])
    return series, np.concatenate(cutoffs).astype(np.int64)


def _firsts(lengths: np.ndarray, cutoffs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The first cutoff of each series, or its length where it has none."""
    firsts = lengths.copy()
    np.minimum.at(firsts, *cutoffs)
    return firsts
