"""Windows of many series: what a forecaster reads before a cutoff, and the steps after it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Target, Window, WindowBatch
from elman.data.series.covariates import Encoded

_LEAST_HISTORY = 2  # steps before a cutoff


class CutoffWindows:
    """One window for each series and cutoff given, in their order.

    Args:
        data: the series.
        series: [M] whose window it is.
        cutoffs: [M] its first step to be forecast.
        context: C, steps before the cutoff.
        horizon: H.
        batch_size: B.
        ends: [N] steps of each series that may be targets; None: all.

    Shapes:
        batches of ``Window`` and targets [H, B] with weights, 0 where missing or past the end
    """

    def __init__(
        self,
        data: Encoded,
        series: np.ndarray,
        cutoffs: np.ndarray,
        *,
        context: int,
        horizon: int,
        batch_size: int,
        ends: np.ndarray | None = None,
    ) -> None:
        self.data, self.series, self.cutoffs = data, series, cutoffs
        self._context, self._horizon, self._batch_size = context, horizon, batch_size
        self._ends = np.diff(data.begins) if ends is None else ends
        self.steps = -(-len(series) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[WindowBatch]:
        """Batches from batch ``start`` on."""
        for begin in range(start * self._batch_size, len(self.series), self._batch_size):
            rows = slice(begin, begin + self._batch_size)
            yield self.batch(self.series[rows], self.cutoffs[rows])

    def batch(self, series: np.ndarray, cutoffs: np.ndarray) -> WindowBatch:
        """The windows of these series [B] at these cutoffs [B]."""
        data, C = self.data, self._context
        steps = (cutoffs - C) + np.arange(C + self._horizon)[:, None]  # [C + H, B]
        begins, ends = data.begins[series], data.begins[series + 1]
        at = (begins + steps).clip(begins, ends - 1)
        inside = (steps >= 0) & (steps < ends - begins)
        y = np.where(inside & (steps < self._ends[series]), data.y[at], np.nan)
        there = ~np.isnan(y)
        y = np.where(there, y, 0).astype(np.float32)

        def gathered(values: np.ndarray, upto: int) -> Tensor:
            if not values.shape[1]:
                return torch.zeros(upto, len(series), 0, dtype=torch.from_numpy(values).dtype)
            return torch.from_numpy(np.where(inside[:upto, :, None], values[at[:upto]], 0))

        window = Window(
            torch.from_numpy(y[:C]),
            torch.from_numpy(there[:C]),
            gathered(data.known, len(steps)),
            gathered(data.past, C),
            gathered(data.known_codes, len(steps)),
            gathered(data.past_codes, C),
            torch.from_numpy(steps[:C] == 0),
            torch.from_numpy(steps[0]),
            torch.from_numpy(data.series[series]),
        )
        targets = Target(torch.from_numpy(y[C:]), torch.from_numpy(there[C:].astype(np.float32)))
        return WindowBatch(window, targets)


class RandomWindows:
    """Windows at random cutoffs, every series as often as any other.

    A cutoff leaves H targets before its series' end, and a whole context before it where the series is long
    enough.

    Args:
        data: the series.
        ends: [N] steps of each series that may be read.
        context: C, steps before the cutoff.
        horizon: H.
        batch_size: B.
        windows: an epoch.
        seed: decides the windows of each epoch.
    """

    def __init__(
        self,
        data: Encoded,
        ends: np.ndarray,
        *,
        context: int,
        horizon: int,
        batch_size: int,
        windows: int,
        seed: int,
    ) -> None:
        self._latest = np.maximum(ends - horizon, 1)
        self._earliest = np.minimum(context, (self._latest + 1) // 2)
        self._series = np.flatnonzero(ends > 1)
        self._windows, self._batch_size, self._seed = windows, batch_size, seed
        empty = np.zeros(0, np.int64)
        self._cut = CutoffWindows(
            data, empty, empty, context=context, horizon=horizon, batch_size=batch_size, ends=ends
        )
        self.steps = -(-windows // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[WindowBatch]:
        """Batches from batch ``start`` on."""
        random = np.random.default_rng([self._seed, number])
        rounds = -(-self._windows // len(self._series))
        series = np.concatenate([random.permutation(self._series) for _ in range(rounds)])[: self._windows]
        cutoffs = random.integers(self._earliest[series], self._latest[series], endpoint=True)
        for begin in range(start * self._batch_size, self._windows, self._batch_size):
            rows = slice(begin, begin + self._batch_size)
            yield self._cut.batch(series[rows], cutoffs[rows])


def windows_back(lengths: np.ndarray, horizon: int, windows: int, step: int, least: int) -> list[np.ndarray]:
    """Cutoffs that forecast the end of each series: the last horizon, and ``step`` steps before it again.

    Args:
        lengths: [N] steps of each series.
        horizon: H.
        windows: cutoffs a series.
        step: steps between two of them.
        least: steps that must remain before a cutoff; what would leave fewer is left out.

    Returns:
        for each series its cutoffs, ascending.
    """
    back = horizon + step * np.arange(windows)[::-1]
    return [cutoffs[cutoffs >= least] for cutoffs in (lengths[:, None] - back)]


@dataclass(frozen=True)
class Division:
    """What of each series is for training, validation and test.

    The last forecasts are the test part, those before them the validation part, and the steps before both
    are trained on.

    Attributes:
        horizon: H, steps of a forecast.
        step: steps between two cutoffs.
        test_windows: forecasts of a series in the test part, at most.
        validation_windows: in the validation part.

    Shapes:
        lengths [N], steps of each series → series and cutoff of each of a part's M forecasts, both [M]
    """

    horizon: int
    step: int
    test_windows: int
    validation_windows: int

    @property
    def shortest(self) -> int:
        """Steps of the shortest series that has a test part."""
        return self.horizon + _LEAST_HISTORY

    def test(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every forecast of the test part."""
        return self._forecasts(lengths, self.test_windows, _LEAST_HISTORY)

    def validation(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every forecast of the validation part; before each a window to train on is left."""
        before_test = _firsts(lengths, self.test(lengths))
        return self._forecasts(before_test, self.validation_windows, self.horizon + _LEAST_HISTORY)

    def training_ends(self, lengths: np.ndarray) -> np.ndarray:
        """Steps of each series that are trained on [N]."""
        before_test = _firsts(lengths, self.test(lengths))
        return _firsts(before_test, self.validation(lengths))

    def _forecasts(self, ends: np.ndarray, windows: int, least: int) -> tuple[np.ndarray, np.ndarray]:
        cutoffs = windows_back(ends, self.horizon, windows, self.step, least)
        series = np.repeat(np.arange(len(cutoffs)), [len(each) for each in cutoffs])
        return series, np.concatenate(cutoffs).astype(np.int64)


def _firsts(ends: np.ndarray, forecasts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The first cutoff of each series, or its end where it has none."""
    firsts = ends.copy()
    np.minimum.at(firsts, *forecasts)
    return firsts
