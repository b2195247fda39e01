"""Windows of many series: the steps a forecaster reads before a cutoff, and the targets after it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Target, Window, WindowBatch
from elman.data.series.covariates import Encoded

_HIGH = 1000  # standard deviations: float32 holds logarithms of swings on a higher level in few digits
_LEAST_HISTORY = 2  # minimum number of steps before a cutoff


class CutoffWindows:
    """Batches of one window per pair of series and cutoff, in order.

    Args:
        data: the series.
        series: [M] series of each window.
        cutoffs: [M] first step to forecast in each window.
        context: C, steps before the cutoff.
        horizon: H.
        batch_size: B.
        ends: [N] number of steps of each series that may be targets; None: all.
        relative: whether targets are taken less a reference, one of each window's observed values, so that
            small swings on a high level survive in float32; the reference is otherwise 0.
        bounded: steps before a cutoff from which on a series that was never negative is bounded by 0; None:
            no series is.
        positive: whether targets are taken less a reference that makes those before the cutoff positive, for
            models of their logarithm; see ``references``.

    Shapes:
        batches of ``Window`` and targets [H, B] with weights: 0 if missing or past the end
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
        relative: bool = False,
        bounded: int | None = None,
        positive: bool = False,
    ) -> None:
        self.data, self.series, self.cutoffs = data, series, cutoffs
        self._relative, self._bounded = relative, bounded
        self._negative = _first_negative(data) if bounded is not None else None
        self._positive = positive
        self._least = _least_so_far(data) if positive else None
        self._swings = _swings(data) if relative or positive else None
        self._context, self._horizon, self._batch_size = context, horizon, batch_size
        self._ends = np.diff(data.begins) if ends is None else ends
        self.steps = -(-len(series) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[WindowBatch]:
        """Yields batches, starting at batch ``start``."""
        for begin in range(start * self._batch_size, len(self.series), self._batch_size):
            rows = slice(begin, begin + self._batch_size)
            yield self.batch(self.series[rows], self.cutoffs[rows])

    def batch(self, series: np.ndarray, cutoffs: np.ndarray) -> WindowBatch:
        """Returns the windows of these series [B] at these cutoffs [B]."""
        data, C = self.data, self._context
        steps = (cutoffs - C) + np.arange(C + self._horizon)[:, None]  # [C + H, B]
        begins, ends = data.begins[series], data.begins[series + 1]
        at = (begins + steps).clip(begins, ends - 1)
        inside = (steps >= 0) & (steps < ends - begins)
        y = np.where(inside & (steps < self._ends[series]), data.y[at], np.nan)
        there = ~np.isnan(y)
        reference, bounded = self.references(series, cutoffs), self.is_bounded(series, cutoffs)
        y = np.where(there, y - reference, 0).astype(np.float32)

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
            torch.from_numpy(np.where(bounded, -reference, -np.inf).astype(np.float32)),
            torch.from_numpy(self._swings_before(series, cutoffs - C // 4)),
        )
        targets = Target(torch.from_numpy(y[C:]), torch.from_numpy(there[C:].astype(np.float32)))
        return WindowBatch(window, targets)

    def references(self, series: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        """Returns what targets of each window [B] are taken less.

        Relative: the last observed target; 0 if none is. Positive: 0, but a value below all targets before
        the cutoff if one of them is not positive, or if float32 has too few digits for the logarithms of
        their swings. It is one standard deviation below, or ten where the logarithm should change almost as
        the target does, because there is no natural zero.
        """
        if self._least is not None and self._swings is not None:
            at = self.data.begins[series] + np.maximum(cutoffs, 1) - 1
            least, swing = self._least[at], self._swings[at]
            additive = (least < 0) | (least > _HIGH * swing)
            below = np.where(swing > 0, swing * np.where(additive, 10, 1), np.where(least < 0, -least, 1))
            return np.where((least <= 0) | (additive & (swing > 0)), least - below, 0.0)
        if not self._relative:
            return np.zeros(len(series))
        begins = self.data.begins[series]
        steps = (cutoffs - self._context) + np.arange(self._context)[:, None]
        y = np.where(steps >= 0, self.data.y[(begins + steps).clip(begins)], np.nan)
        there = ~np.isnan(y)
        last = len(y) - 1 - there[::-1].argmax(0)
        return np.where(there.any(0), np.take_along_axis(y, last[None], 0)[0], 0.0)

    def is_bounded(self, series: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        """Returns whether forecasts of each window [B] stay at or above 0, as its series did."""
        if self._negative is None or self._bounded is None:
            return np.zeros(len(series), bool)
        return (cutoffs >= self._bounded) & (self._negative[series] >= cutoffs)

    def _swings_before(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        if self._swings is None or self._positive:
            return np.zeros(len(series), np.float32)
        at = self.data.begins[series] + steps - 1
        return np.where(steps > 0, self._swings[at.clip(0)], 0).astype(np.float32)


def _first_negative(data: Encoded) -> np.ndarray:
    """Returns the first step at which each series is negative [N]; its end if it never is."""
    steps = np.arange(len(data.y)) - np.repeat(data.begins[:-1], np.diff(data.begins))
    ends = np.diff(data.begins)
    return np.minimum.reduceat(np.where(data.y < 0, steps, np.repeat(ends, ends)), data.begins[:-1])


def _least_so_far(data: Encoded) -> np.ndarray:
    """Returns the least target of each series up to each of its steps [R]; inf before the first."""
    y = np.where(np.isnan(data.y), np.inf, data.y).astype(np.float64)
    ends = itertools.pairwise(data.begins.tolist())
    return np.concatenate([np.minimum.accumulate(y[begin:end]) for begin, end in ends])


def _swings(data: Encoded) -> np.ndarray:
    """Returns the standard deviation of each series up to each of its steps [R]."""
    result = np.zeros(len(data.y))
    for begin, end in itertools.pairwise(data.begins.tolist()):
        y = data.y[begin:end].astype(np.float64)
        there = ~np.isnan(y)
        if there.any():
            # from the first value on, so that a high level costs no digits
            y = np.where(there, y - y[there.argmax()], 0)
            count = np.maximum(there.cumsum(), 1)
            mean = y.cumsum() / count
            result[begin:end] = np.sqrt(np.maximum(np.square(y).cumsum() / count - np.square(mean), 0))
    return result


class RandomWindows:
    """Batches of windows at random cutoffs, with every series equally often.

    H targets follow each cutoff, and a full context precedes it if the series is long enough.

    Args:
        data: the series.
        ends: [N] number of steps of each series that may be read.
        context: C, steps before the cutoff.
        horizon: H.
        batch_size: B.
        windows: windows per epoch.
        seed: determines the windows of each epoch.
        relative: see ``CutoffWindows``.
        positive: see ``CutoffWindows``.
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
        relative: bool = False,
        positive: bool = False,
    ) -> None:
        self._latest = np.maximum(ends - horizon, 1)
        self._earliest = np.minimum(context, (self._latest + 1) // 2)
        self._series = np.flatnonzero(ends > 1)
        self._windows, self._batch_size, self._seed = windows, batch_size, seed
        empty = np.zeros(0, np.int64)
        self._cut = CutoffWindows(
            data,
            empty,
            empty,
            context=context,
            horizon=horizon,
            batch_size=batch_size,
            ends=ends,
            relative=relative,
            positive=positive,
        )
        self.steps = -(-windows // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[WindowBatch]:
        """Yields batches, starting at batch ``start``."""
        random = np.random.default_rng([self._seed, number])
        rounds = -(-self._windows // len(self._series))
        series = np.concatenate([random.permutation(self._series) for _ in range(rounds)])[: self._windows]
        cutoffs = random.integers(self._earliest[series], self._latest[series], endpoint=True)
        for begin in range(start * self._batch_size, self._windows, self._batch_size):
            rows = slice(begin, begin + self._batch_size)
            yield self._cut.batch(series[rows], cutoffs[rows])


def windows_back(lengths: np.ndarray, horizon: int, windows: int, step: int, least: int) -> list[np.ndarray]:
    """Returns cutoffs near the end of each series: H steps before the end, and every ``step`` steps before.

    Args:
        lengths: [N] steps of each series.
        horizon: H.
        windows: maximum number of cutoffs per series.
        step: steps between two cutoffs.
        least: minimum number of steps before a cutoff; earlier cutoffs are omitted.

    Returns:
        The cutoffs of each series, ascending.
    """
    back = horizon + step * np.arange(windows)[::-1]
    return [cutoffs[cutoffs >= least] for cutoffs in (lengths[:, None] - back)]


@dataclass(frozen=True)
class Division:
    """How each series is divided into training, validation and test.

    The last forecasts are the test part, the forecasts before them the validation part, and the steps
    before both are the training part.

    Attributes:
        horizon: H, steps of a forecast.
        step: steps between two cutoffs.
        test_windows: maximum number of forecasts per series in the test part.
        validation_windows: maximum number in the validation part.

    Shapes:
        lengths [N], steps of each series → series and cutoff of each of the M forecasts of a part, both [M]
    """

    horizon: int
    step: int
    test_windows: int
    validation_windows: int

    @property
    def shortest(self) -> int:
        """Number of steps of the shortest series that has a test part."""
        return self.horizon + _LEAST_HISTORY

    def test(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the forecasts of the test part."""
        return self._forecasts(lengths, self.test_windows, _LEAST_HISTORY)

    def validation(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the forecasts of the validation part; each leaves a window for training before it."""
        before_test = _firsts(lengths, self.test(lengths))
        return self._forecasts(before_test, self.validation_windows, self.horizon + _LEAST_HISTORY)

    def training_ends(self, lengths: np.ndarray) -> np.ndarray:
        """Returns the number of training steps of each series [N]."""
        before_test = _firsts(lengths, self.test(lengths))
        return _firsts(before_test, self.validation(lengths))

    def _forecasts(self, ends: np.ndarray, windows: int, least: int) -> tuple[np.ndarray, np.ndarray]:
        cutoffs = windows_back(ends, self.horizon, windows, self.step, least)
        series = np.repeat(np.arange(len(cutoffs)), [len(own) for own in cutoffs])
        return series, np.concatenate(cutoffs).astype(np.int64)


def _firsts(ends: np.ndarray, forecasts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Returns the first cutoff of each series, or its end if it has no cutoff."""
    firsts = ends.copy()
    np.minimum.at(firsts, *forecasts)
    return firsts
