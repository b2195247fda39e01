"""Finds faults that last: errors, smoothed over several spans, beyond what they reach in normal rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from elman.anomalies.likelihood import FEWEST
from elman.errors import InputError
from elman.metrics.normal_tail import normal_deviates
from elman.metrics.ranges import Range, runs
from elman.notice import without_warnings

SPANS = (1, 4, 16)
"""Spans, as multiples of the shortest."""
_SHARE = 0.99  # of the normal rows lie below the usual size
_POINT = 2.326  # deviations that 99 % of normally distributed values do not exceed
_FLOOR = 0.02  # smallest usual size, in deviations of the column: no prediction is exact
_FULL = 0.85  # sum of the weights from which a mean is one of its span, after about as many rows
_KINDS = 2  # the size of the mean error (level), and the root mean square (spread)
_LACK = 1  # the span on which a lack of spread is judged
_BLOCK = 64  # errors of a row that are fitted at a time, which bounds the memory


class Smoothing:
    """Smooths E errors of each row over K spans, from the past alone, in constant time and memory.

    Weights fall geometrically: the newest of a span s has 2 / (s + 1). A missing error changes nothing. Means
    of fewer than about s errors are no answer: they vary more.

    Args:
        errors: E.
        shortest: shortest span, in rows; the others are its multiples by ``SPANS``.
    """

    def __init__(self, errors: int, shortest: int) -> None:
        share = 2 / (shortest * np.array(SPANS, dtype=np.float64) + 1)
        self._share = np.broadcast_to(share[:, None], (len(SPANS), errors))
        self._sums = np.zeros((_KINDS, len(SPANS), errors))
        self._weight = np.zeros((len(SPANS), errors))

    def push(self, errors: np.ndarray) -> np.ndarray:
        """Returns level and spread of the errors so far [2, K, E]; NaN where they are too few."""
        known = ~np.isnan(errors)
        new = np.where(known, errors, 0.0)
        share = np.where(known, self._share, 0.0)
        self._sums += share * (np.stack([new, new * new])[:, None] - self._sums)
        self._weight += share * (1 - self._weight)
        means = self._sums / np.where(self._weight > _FULL, self._weight, np.nan)
        return np.stack([np.abs(means[0]), np.sqrt(means[1])])


@dataclass(frozen=True, eq=False)
class Usual:
    """What smoothed errors reach in normal rows.

    An error is judged by three measures on each of K spans: its level (the size of the mean), its spread (the
    root mean square), and a lack of spread (on the second span alone: a sensor that hangs). The usual size
    is the one that 99 % of the normal rows do not exceed, for a lack of spread the one that 99 % do not fall
    below. How far a row is beyond is the ratio of its size to the usual one, the other way round for a lack.
    Long means of few rows say little of what is usual: so ratios, as multiples of the normal distribution's
    99 % point, are read as Student's t with 1.5 n / s degrees of freedom (n normal rows, span s; see
    ``Likelihood``) and converted to the normal deviate of the same tail.

    A measure counts only if it held: with sizes from the training part alone, no row of the validation part
    reached the threshold. So what drifts in normal operation raises no alarm. Then the sizes are those of
    both parts. Errors over a horizon of h rows are judged on spans of at least h rows (the longest span if
    none is): a single odd row spoils a forecast h rows later, and this is no second fault.

    Attributes:
        most: [2, K, E] usual sizes of levels and spreads.
        least: [E] usual sizes of spreads that lack.
        held: [3, K, E] whether each measure held (level, spread, lack).
        rows: [E] number of normal rows with the error.
        shortest: shortest span, in rows.

    Raises:
        InputError: shapes do not match, or a size is not positive and finite.
    """

    most: np.ndarray
    least: np.ndarray
    held: np.ndarray
    rows: np.ndarray
    shortest: int

    def __post_init__(self) -> None:
        count = self.least.shape[-1] if self.least.ndim else 0
        shapes = (_KINDS, len(SPANS), count), (count,), (_KINDS + 1, len(SPANS), count), (count,)
        arrays = self.most, self.least, self.held, self.rows
        if tuple(each.shape for each in arrays) != shapes or self.held.dtype != bool:
            raise InputError("usual sizes of errors must be [2, K, E], [E], [3, K, E] and [E]")
        sizes = np.concatenate([self.most.ravel(), self.least, self.rows])
        if sizes.dtype != np.float64 or not (np.isfinite(sizes) & (sizes > 0)).all() or self.shortest < 1:
            raise InputError("usual sizes of errors must be positive numbers")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same spans and arrays."""
        if not isinstance(other, Usual):
            return False
        own, others = self.arrays(), other.arrays()
        return all(np.array_equal(own[name], others[name]) for name in own)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def fit(
        cls,
        training: Sequence[np.ndarray],
        validation: Sequence[np.ndarray],
        *,
        horizons: Sequence[int],
        shortest: int,
        threshold: float,
    ) -> Self:
        """Learns usual sizes from the errors of normal rows.

        Args:
            training: [N, E] errors of each series' training part; NaN is missing.
            validation: [M, E] errors of the rows that follow; none at all: the last fifths of the training
                parts stand in.
            horizons: [E] rows between the last that an expectation knew and its own.
            shortest: shortest span, in rows.
            threshold: ratio from which a row is an anomaly.
        """
        cuts = [len(part) for part in training]
        if not sum(map(len, validation)):
            cuts = [max(1, len(part) * 4 // 5) for part in training]
        whole = [np.concatenate(pair) for pair in zip(training, validation, strict=True)]
        blocks = [
            cls._of_block([part[:, begin : begin + _BLOCK] for part in whole], cuts, shortest, threshold)
            for begin in range(0, whole[0].shape[1], _BLOCK)
        ]
        most, least, held, rows = (np.concatenate(arrays, axis=-1) for arrays in zip(*blocks, strict=True))
        is_long = shortest * np.array(SPANS)[:, None] >= np.array(horizons)
        is_long[-1] = True
        known = sum((~np.isnan(part[:cut])).sum(0) for part, cut in zip(whole, cuts, strict=True))
        return cls(most, least, held & is_long & (known >= FEWEST), rows, shortest)

    @classmethod
    def _of_block(
        cls, errors: Sequence[np.ndarray], cuts: Sequence[int], shortest: int, threshold: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns most, least, held and rows of some errors."""
        own, later = [], []
        for part, cut in zip(errors, cuts, strict=True):
            smoothing = Smoothing(part.shape[1], shortest)
            sizes = np.stack([smoothing.push(row) for row in part.astype(np.float64)])
            own.append(sizes[:cut])
            later.append(sizes[cut:])
        first, rest = np.concatenate(own), np.concatenate(later)
        always = np.ones((_KINDS + 1, *first.shape[2:]), dtype=bool)
        usual = cls(
            *_quantiles(first), always, _known([p[:c] for p, c in zip(errors, cuts, strict=True)]), shortest
        )
        held = np.ones_like(usual.held)
        for row in rest:
            held &= usual.ratios(row) < threshold
        held &= ~np.isnan(first).all(0)[[0, 1, 1]]
        return *_quantiles(np.concatenate([first, rest])), held, _known(errors)

    def ratios(self, sizes: np.ndarray) -> np.ndarray:
        """Returns how far each measure is beyond the usual; 0 where it is NaN.

        Shapes:
            level and spread [2, K, E] → level, spread, lack of spread [3, K, E]
        """
        result = np.zeros_like(self.held, dtype=np.float64)
        result[:_KINDS] = sizes / self.most
        result[_KINDS, _LACK] = self.least / np.maximum(sizes[1, _LACK], _FLOOR)
        result[np.isnan(result)] = 0
        deviates: np.ndarray = normal_deviates(_POINT * result, self._freedom) / _POINT
        return deviates

    @cached_property
    def _freedom(self) -> np.ndarray:
        """Degrees of freedom of each mean [K, E]."""
        spans = self.shortest * np.array(SPANS)[:, None]
        freedom: np.ndarray = 3 * spans / (2 * spans**2 + 1) * self.rows
        return freedom

    def excess(self, errors: np.ndarray) -> np.ndarray:
        """Returns how far each error of a series is beyond the usual, and how far below, where measures held.

        Shapes:
            errors [N, E] → [N, 2, E]
        """
        smoothing = Smoothing(errors.shape[1], self.shortest)
        rows = np.empty((len(errors), 2, errors.shape[1]))
        for row, one in zip(rows, errors, strict=True):
            ratios = self.ratios(smoothing.push(one)) * self.held
            row[0], row[1] = ratios[:_KINDS].max((0, 1)), ratios[_KINDS, _LACK]
        return rows

    def only(self, used: np.ndarray) -> "Usual":
        """Returns the same with some of the errors alone [E], bool; the others do not count."""
        return replace(self, held=self.held & used)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays of a file by name; see ``of``."""
        shortest = np.array([self.shortest], dtype=np.int64)
        names = ("most", "least", "held", "rows")
        return {name: getattr(self, name) for name in names} | {"shortest": shortest}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], errors: int) -> Self:
        """Makes it of ``arrays()``, which need not be trusted; raises InputError unless E is ``errors``."""
        most, least, held, rows = (arrays[name] for name in ("most", "least", "held", "rows"))
        usual = cls(most, least, held, rows, int(arrays["shortest"][0]))
        if len(usual.least) != errors:
            raise InputError(f"must hold usual sizes of {errors} errors. Got {len(usual.least)}.")
        return usual


@dataclass(frozen=True)
class Lasting:
    """The errors of a series over several horizons, and how far they are beyond the usual.

    Attributes:
        errors: [N, H, D], in standard deviations of the column; NaN is missing.
        usual: of the H · D errors of a row.
    """

    errors: np.ndarray
    usual: Usual

    @cached_property
    def excess(self) -> np.ndarray:
        """How far each error is beyond the usual, and how far below [N, 2, H, D]."""
        rows, *shape = self.errors.shape
        return self.usual.excess(self.errors.reshape(rows, -1)).reshape(rows, 2, *shape)

    @cached_property
    def by_column(self) -> np.ndarray:
        """The highest excess of each column [N, D]."""
        highest: np.ndarray = self.excess.max((1, 2))
        return highest

    def ranges(self, threshold: float) -> list[list[Range]]:
        """Returns the ranges of each column whose excess reaches the threshold, with the errors' edges."""
        return [
            self._with_edges(column, runs(excess >= threshold))
            for column, excess in enumerate(self.by_column.T)
        ]

    def _with_edges(self, column: int, ranges: Sequence[Range]) -> list[Range]:
        """Returns ranges with the edges of the errors that show them best.

        Over long horizons a fault shows until the forecasts made in it have passed. So these are the errors
        over the shortest or the longest one (the training mean) if either is beyond the usual.
        """
        back = self.usual.shortest * SPANS[-1]
        result: list[Range] = []
        for first, last in ranges:
            beyond, below = self.excess[first : last + 1, :, :, column].max(0)
            ends = beyond[[0, -1]]
            horizon = [0, -1][int(ends.argmax())] if ends.max() > 1 else int(beyond.argmax())
            begin = max(first - back, result[-1][1] + 1 if result else 0)
            is_beyond = beyond.max() >= below.max()
            level, spread = self.usual.most[:, -1].reshape(2, *self.errors.shape[1:])[:, horizon, column]
            own = edges(self.errors[:, horizon, column], first, last, begin, level, spread)
            result.append(own if is_beyond else (first, last))
        return result


def edges(errors: np.ndarray, first: int, last: int, begin: int, level: float, spread: float) -> Range:
    """Returns where a lasting fault begins and ends that smoothed errors show late.

    The range with the largest sum of x, from ``begin`` to ``last``, where x is the error in the direction of
    its mean m in the range, less m / 2: the most probable one if errors are normal around 0 and around m.
    Where the spread is farther beyond the usual than m, x is the squared error, less the middle between its
    mean and the usual one.

    Args:
        errors: [N]; NaN is missing.
        first: first row of the range.
        last: last row of the range.
        begin: first row where it may begin.
        level: usual level.
        spread: usual spread.
    """
    inside = errors[first : last + 1]
    if np.isnan(inside).all():
        return first, last
    mean, root = float(np.nanmean(inside)), float(np.sqrt(np.nanmean(np.square(inside))))
    if max(abs(mean) / level, root / spread) <= 1:
        return first, last
    part = errors[begin : last + 1]
    if abs(mean) / level >= root / spread:
        x = part * np.sign(mean) - abs(mean) / 2
    else:
        x = part * part - (root**2 + spread**2) / 2
    sums = np.append(0.0, np.nan_to_num(x).cumsum())
    gains = sums[1:] - np.minimum.accumulate(sums)[:-1]
    end = int(gains.argmax())
    start = int(sums[: end + 1].argmin())
    return (begin + start, begin + end) if begin + end >= first else (first, last)


def _known(errors: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the number of known errors [E] of parts [·, E], at least 1."""
    counts: np.ndarray = np.sum([(~np.isnan(part)).sum(0) for part in errors], axis=0)
    return np.maximum(counts, 1.0)


def _quantiles(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the usual sizes of levels and spreads, and of spreads that lack, from [N, 2, K, E]."""
    with without_warnings("All-NaN slice"):  # no row has enough errors: such a measure does not count
        most = np.nanquantile(sizes, _SHARE, axis=0)
        least = np.nanquantile(sizes[:, 1, _LACK], 1 - _SHARE, axis=0)
    return np.fmax(most, _FLOOR), np.fmax(least, _FLOOR)
