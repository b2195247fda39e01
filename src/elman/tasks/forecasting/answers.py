"""Forecasts, their figures and the report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from torch import Tensor

from elman.baselines.backtest import LEVELS
from elman.batch import Window
from elman.config import counted
from elman.data.read.frames import to_polars
from elman.data.series.covariates import check_known_ahead
from elman.data.series.panel import Panel
from elman.data.series.read import make_panel, read_panel
from elman.data.series.time_forms import TimeForm, form_of_text
from elman.data.series.times import Trained
from elman.diagnose.remedies import Remedy
from elman.draws import Draws
from elman.errors import InputError
from elman.models.forecast.ensemble import Ensemble, Joint
from elman.models.predict import device_of, predict
from elman.pictures.forecast import draw_forecasts
from elman.tasks.forecasting.combination import NETWORK, Combination
from elman.tasks.forecasting.data import SeriesData, check_targets
from elman.tasks.forecasting.facts import SeriesFacts, columns_as_trained, networks_of
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.forecasting.query import Answer, Query, quantile_levels
from elman.tasks.forecasting.residuals import residual_figures, residual_remedies
from elman.tasks.forecasting.windows import Together, Windows, name_short, windows_of
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import table_lines

_PICTURE = "forecasts.png"
_FIGURES = {"smape": "sMAPE", "mase": "MASE", "owa": "OWA", "mae": "MAE"}
_SHOWN = 6  # series in a picture
_DRAWN = (80, 95)  # intervals in the picture of the test part, in per cent
_LEVEL = 1.01  # times a simple method's error: a model with less is as good
_DIGITS = 6  # significant digits of a number in CSV: about what float32 holds


class SeriesAnswers(TaskAnswers):
    """Forecasts of series, and their figures."""

    config: ForecastingConfig
    facts: SeriesFacts
    model: Ensemble | Joint

    @property
    def windows(self) -> Windows:
        """The windows that series are cut into, of the first kind of network."""
        return next(iter(windows_of(self.config, self.facts).values()))

    @property
    def networks(self) -> dict[str, Ensemble]:
        """The networks of each kind."""
        if isinstance(self.model, Joint):
            return cast(dict[str, Ensemble], dict(self.model.kinds.items()))
        return {self.config.kinds[0]: self.model}

    def read(self, paths: list[Path]) -> Panel:
        """Reads series from files with the columns and the frequency of the training data."""
        return self._alike(partial(read_panel, paths))

    def panel_of(self, df: Any) -> Panel:
        """Makes series of a frame with the columns and the frequency of the training data."""
        return self._alike(partial(make_panel, [(to_polars(df), Path("df"))]))

    def _alike(self, read: Callable[..., Panel]) -> Panel:
        config, facts = self.config, self.facts
        columns = columns_as_trained(config, facts)
        form = form_of_text(facts.times) or TimeForm(pl.String())
        trained = Trained(facts.frequency, form, facts.integers)
        panel = read(columns, trained, config.reading.as_trained(facts.decimal), config.time_format)
        check_targets(config, panel, shifted=facts.shifted)
        wide = np.flatnonzero(panel.spacings > facts.spacing)
        if len(wide):
            raise InputError(
                f"{panel.columns.named(panel.ids[wide[0]])}: targets must be "
                f"{counted(facts.spacing, 'step')} of {panel.frequency} apart, as in training. Got "
                f"{counted(int(panel.spacings[wide[0]]), 'step')} for most."
            )
        name_short(panel, panel.lengths, self.windows.context, "are forecast from what they have")
        return panel

    def ahead(self, panel: Panel, horizon: int, levels: Sequence[int], plot: Path | None) -> pl.DataFrame:
        """Forecasts the steps after each series' last target, as a table; draws the first series.

        Args:
            panel: the series, with the future of covariates known ahead.
            horizon: H, steps.
            levels: intervals in per cent.
            plot: file of the picture; None draws none.
        """
        check_known_ahead(panel, horizon, panel.columns)
        answer = self.answer(Query.ahead(panel, horizon), quantile_levels(levels))
        if plot is not None:
            draw_forecasts(answer.drawn(np.arange(min(_SHOWN, len(panel))), levels), plot)
        return answer.frame(levels)

    def answer(self, query: Query, levels: tuple[float, ...]) -> Answer:
        """Computes forecasts at levels in (0, 1), combined with simple methods' if the run has weights.

        Without weights several networks count equally.
        """
        networks, combination = self._of_networks(query, levels), self.facts.combination
        return self._bounded(mean_of(networks) if combination is None else combination.joined(networks))

    def combine(self, data: SeriesData) -> Combination | None:
        """Chooses the combination's weights, and the widths of its intervals, on the validation part.

        None if there is no validation part, or none is asked for. Counts are left to the network.
        """
        query = self.windows.validation(data.panel)
        if not query or self.config.combination == "none" or self.config.head == "negative-binomial":
            return None
        return Combination.fitted(self._of_networks(query, LEVELS), self.facts.mase_season)

    def _bounded(self, answer: Answer) -> Answer:
        """Returns forecasts that stay at or above 0 where their series did."""
        bounded = self.windows.of(answer.query).is_bounded(answer.query.series, answer.query.cutoffs)
        at_least = np.where(bounded, 0, -np.inf)[:, None, None]
        return replace(answer, quantiles=np.maximum(answer.quantiles, at_least))

    def _of_networks(self, query: Query, levels: tuple[float, ...]) -> dict[str, Answer]:
        """Computes the quantiles of each kind of network, by the names in a combination."""
        windows, networks = windows_of(self.config, self.facts), self.networks
        answers = [
            self._of_network(windows[kind], network, query, levels) for kind, network in networks.items()
        ]
        return dict(zip(networks_of(self.config), answers, strict=True))

    def _of_network(self, cut: Windows, network: Ensemble, query: Query, levels: tuple[float, ...]) -> Answer:
        """Computes a network's quantiles; the only place where it forecasts."""
        # other models always forecast their whole horizon
        steps = query.horizon if cut.config.model == "recursive" else self.facts.horizon
        windows = cut.of(replace(query, horizon=steps))
        batches = windows.epoch()
        at = torch.tensor(levels, dtype=torch.float32, device=device_of(network))

        def quantiles(window: Window) -> Tensor:
            with Draws(self.config.seed).running(network):  # the same for each batch, whatever its size
                return network.quantiles(window, at).permute(2, 1, 0)

        values = torch.cat(list(predict(network, (batch.inputs for batch in batches), quantiles)))
        # float32 has too few digits for small swings on a high level
        references = windows.references(query.series, query.cutoffs)[:, None, None]
        forecasts = values[:, : query.horizon].numpy().astype(np.float64) + references
        return Answer(query, levels, forecasts)

    def csv(self, table: pl.DataFrame) -> str:
        """Returns forecasts as CSV."""
        return table.with_columns(pl.selectors.float().round_sig_figs(_DIGITS)).write_csv()

    def by_column(self, table: pl.DataFrame) -> dict[str, list[Any]]:
        """Returns forecasts by column, with dates as texts."""
        dates = [name for name in table.columns if table[name].dtype in (pl.Date, pl.Datetime)]
        return table.with_columns(pl.col(dates).cast(str)).to_dict(as_series=False)

    def batches(self, paths: list[Path]) -> Together:
        """Returns the windows that ``evaluate`` forecasts from, as batches."""
        query = self._last(self.read(paths))
        return Together([windows.of(query) for windows in windows_of(self.config, self.facts).values()])

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures forecasts of the last horizons of other series."""
        return self.figures(self.read(paths))

    def figures(self, panel: Panel) -> dict[str, Any]:
        """Measures forecasts of the last horizons of series in memory."""
        return self.answer(self._last(panel), LEVELS).figures(self.facts.mase_season)[0]

    def _last(self, panel: Panel) -> Query:
        return self.windows.last(panel, max(1, self.config.test_windows))

    def measure(self, data: SeriesData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Stretches intervals to fit the validation part; measures and draws forecasts of the test part."""
        if parts.validation is not None and self.facts.combination is None:
            validation = self.answer(self.windows.validation(data.panel), LEVELS)
            for network in self.networks.values():
                network.stretch.copy_(torch.tensor(validation.stretch()))
        if parts.test is None:
            return {}
        test = self.answer(self.windows.test(data.panel), LEVELS)
        if self.folder is not None:
            number = len(test.query)
            some = np.linspace(0, number - 1, min(_SHOWN, number)).astype(int)
            draw_forecasts(test.drawn(some, _DRAWN), self.folder / _PICTURE)
        figures, others = test.figures(self.facts.mase_season)
        alone = {}
        if self.facts.combination is not None:
            for name in self.facts.combination.networks:
                alone["the network alone" if name == NETWORK else f"{name} alone"] = others.pop(name)
        residuals = residual_figures(test, self.facts.seasons, self.facts.context + self.facts.horizon)
        results = {"test": figures, "baselines": others, "residuals": residuals}
        return results | ({"alone": alone} if alone else {})

    def excerpt(self, batches: Together) -> Excerpt:
        """Returns the first windows, with the names of each step's features."""
        return Excerpt(next(iter(batches.epoch(0))), features=self.windows.features)

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes what the residuals call for, and other models where a simple method is ahead."""
        if "test" not in results:
            return
        if self.facts is not None:
            yield from residual_remedies(self.config, results.get("residuals", {}), self.facts.context)
        name, best = _leader(results)
        if not best:
            return
        why = f"{best} is ahead in {_FIGURES[name]}"
        yield Remedy({"ensemble": 5}, f"{why}: the mean of several members errs less")
        if "es-rnn" not in self.config.kinds:
            yield Remedy({"model": "es-rnn"}, f"{why}: it learns level and season of each series as well")

    def report(self, results: dict[str, Any]) -> str:
        """Returns the test figures of the model and of simple methods."""
        lines = report_lines(results, self.facts.horizon)
        if self.facts.bounded == "all":
            lines.append("no target was negative, so no forecast is (--below-zero lets them)")
        return "\n".join(lines)


def mean_of(networks: Mapping[str, Answer]) -> Answer:
    """Returns the mean of each quantile over networks."""
    answers = list(networks.values())
    return replace(answers[0], quantiles=np.mean([answer.quantiles for answer in answers], axis=0))


def report_lines(results: dict[str, Any], horizon: int) -> list[str]:
    """Returns the results of ``SeriesAnswers.measure`` as readable lines."""
    if "test" not in results:
        return ["trained on all steps; no test part"]
    test, baselines, alone = results["test"], results["baselines"], results.get("alone", {})
    rows = {**baselines, **alone, ("this model (combination)" if alone else "this model"): test}
    names = [name for name in _FIGURES if name in test]
    cells = {
        method: [f"{row[name]:.4g}" if name in row else "" for name in names] for method, row in rows.items()
    }
    lines = [*_verdict(results)]
    lines += [f"{counted(test['forecasts'], 'forecast')} of {counted(horizon, 'step')} on the test part:", ""]
    lines += table_lines("", [f"{_FIGURES[name]:>9}" for name in names], cells)
    if "weights" in results:
        shares = ", ".join(f"{name} {weight:.2f}" for name, weight in results["weights"].items())
        lines.append(f"weights, chosen on the validation part: {shares}")
    if "coverage_80" in test:
        lines += [
            "",
            f"CRPS {test.get('crps', float('nan')):.4f}; the 80 % interval covers "
            f"{test['coverage_80']:.1%}, the 95 % interval {test['coverage_95']:.1%}",
        ]
    return lines


def _verdict(results: dict[str, Any]) -> list[str]:
    """Returns one line that says whether the model is worth using in place of the best simple method."""
    rows = results["baselines"]
    for name in _compared(results):
        best = min(rows, key=lambda method: rows[method][name], default="")
        if best:
            own, other, figure = results["test"][name], rows[best][name], _FIGURES[name]
            both = f"{figure} {own:.4g}, {best} {other:.4g}"
            if _LEVEL * own < other:
                return [f"worth using: ahead of the best simple method ({both})"]
            if own <= _LEVEL * other:
                return [f"as good as the best simple method, within 1 % ({both})"]
            return [f"not worth using: the model is behind {best} by {own - other:.4g} ({both})"]
    return []


def _leader(results: dict[str, Any]) -> tuple[str, str]:
    """Returns the figure that decides and the best simple method if it is ahead in it; "" if none is."""
    for name in _compared(results):
        rows = results["baselines"]
        best = min(rows, key=lambda method: rows[method][name], default="")
        return name, best if best and rows[best][name] < results["test"][name] else ""
    return "", ""


def _compared(results: dict[str, Any]) -> list[str]:
    """Returns the name of the figure in which the methods are compared, or nothing."""
    rows = [*results["baselines"].values(), results["test"]]
    return [name for name in ("mase", "smape", "mae") if all(name in row for row in rows)][:1]
