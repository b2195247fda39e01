"""Differentiable exponential smoothing of many series: a level and seasonal indices."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Window

_FIRST_SEASONS = 2  # seasons of the warm-up
_BLOCK = 32  # steps smoothed at once if there is no season
_LEAST_KEPT = 1e-6  # minimum weight of the old level, so that its logarithm is finite


class Smoothing(nn.Module):
    """Holt–Winters recursions with multiplicative seasons and no trend.

        l_t = α y_t / s_t + (1 − α) l_{t−1},    s_{t+m} = γ y_t / (l_t s'_t) + (1 − γ) s_t

    s is the product of the seasons' indices, s' that of the other seasons. α and γ are learned for each
    series as an offset from shared rates; row 0 of the table, for series not in training, has offset 0. The
    first indices are the mean ratios of the window's first seasons to their level, drawn towards 1 by a
    learned power; learned per series, as in the source, they overfit the training windows. A missing value
    changes nothing.

    An index changes only once per season, so the levels of a season's steps are one product with a
    triangular matrix: the loop is over seasons, not steps.

    Args:
        series: rows of the table.
        seasons: steps of each season, the shortest first; (1,): none.

    Shapes:
        window of C steps → log l [C, B], and for each season log s [C + m, B]

    Source: Smyl 2020, International Journal of Forecasting 36(1).
    """

    def __init__(self, series: int, seasons: tuple[int, ...]) -> None:
        super().__init__()
        self.seasons = tuple(m for m in seasons if m > 1)
        number = 1 + len(self.seasons)
        self.rates = nn.Parameter(torch.full((number,), -1.0))
        self.own_rates = nn.Embedding(series, number, padding_idx=0)
        self.powers = nn.Parameter(torch.full((len(self.seasons),), 3.0))
        nn.init.zeros_(self.own_rates.weight)

    def forward(self, window: Window) -> tuple[Tensor, list[Tensor]]:
        """Computes log levels and log indices of every step."""
        there = window.observed.to(window.values.dtype)
        unit = _first_observed(window.values, window.observed)
        y = torch.where(window.observed, window.values / unit, 1.0)
        alpha, *gammas = torch.sigmoid(self.rates + self.own_rates(window.series)).unbind(-1)
        logs = self._first_indices(window, y, there)
        indices = [log.exp() for log in logs]
        # the initial level is the first value without its season
        level = _first_observed(y / _product([_along(s, len(y)) for s in indices], y), window.observed)
        levels = []
        block = min(self.seasons, default=_BLOCK)
        for begin in range(0, len(y), block):
            now = slice(begin, min(begin + block, len(y)))
            here = [s[now] for s in indices]
            smoothed = _smooth(y[now] / _product(here, y[now]), there[now], alpha, level)
            level = smoothed[-1]
            levels.append(smoothed)
            for k, (s, gamma) in enumerate(zip(here, gammas, strict=True)):
                ratio = y[now] / (smoothed * _product(here[:k] + here[k + 1 :], y[now]))
                indices[k] = torch.cat([indices[k], s + gamma * there[now] * (ratio - s)])
        return torch.cat(levels).log() + unit.log(), [s.log() for s in indices]

    def _first_indices(self, window: Window, y: Tensor, there: Tensor) -> list[Tensor]:
        """Computes log indices of a window's first m steps, for each season: [m, B]."""
        begin, end = warm_up(window, self.seasons)
        step = begin + torch.arange(int((end - begin).max()), device=y.device)[:, None]
        inside = (step < end).to(y.dtype)
        step = step.clamp(max=len(y) - 1)
        # from here on, steps count from each series' first step
        y, there = y.gather(0, step), there.gather(0, step) * inside
        logs: list[Tensor] = []
        for power, m in zip(self.powers, self.seasons, strict=True):
            shorter = [_along(log, len(y)).exp() for log in logs]
            logs.append(torch.sigmoid(power) * _mean_ratios(y / _product(shorter, y), there, m).log())
        phases = [(torch.arange(m, device=y.device)[:, None] - begin) % m for m in self.seasons]
        return [log.gather(0, phase) for log, phase in zip(logs, phases, strict=True)]


def warm_up(window: Window, seasons: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Returns the steps on which each row's first seasons and scale are measured.

    These are two of its longest seasons, or one or none if the window is shorter; without seasons, a quarter
    of its steps.

    Returns:
        (begin, end), both [B], as steps of the window.
    """
    begin = -window.number.clamp(max=0)
    steps = window.context - begin
    longest = max(seasons, default=1)
    if longest == 1:
        return begin, begin + steps // 4
    return begin, begin + (steps // longest).clamp(max=_FIRST_SEASONS) * longest


def _first_observed(values: Tensor, observed: Tensor) -> Tensor:
    """Returns each row's first observed value [B]; 1 if there is none."""
    first = observed.to(torch.uint8).argmax(0)
    return torch.where(observed.any(0), values.gather(0, first[None])[0], 1.0)


def _mean_ratios(y: Tensor, there: Tensor, season: int) -> Tensor:
    """Returns the mean ratio of each phase to its season's mean, of observed values: [m, B]; 1 if unknown."""
    padding = (0, 0, 0, -len(y) % season)
    shape = (-1, season, y.shape[1])
    counts, values = F.pad(there, padding).view(shape), F.pad(y * there, padding).view(shape)
    means = values.sum(1, keepdim=True) / counts.sum(1, keepdim=True).clamp(min=1)
    ratios = (values / torch.where(means > 0, means, 1.0)).sum(0) / counts.sum(0).clamp(min=1)
    return torch.where(counts.sum(0) > 0, ratios, 1.0)


def _smooth(x: Tensor, there: Tensor, alpha: Tensor, level: Tensor) -> Tensor:
    """Computes l_t = α_t x_t + (1 − α_t) l_{t−1} over a block; α_t is 0 if x is missing: [T, B] → [T, B]."""
    rate = alpha * there
    kept = torch.log((1 - rate).clamp(min=_LEAST_KEPT)).cumsum(0)
    share = kept[:, None] - kept[None]  # [t, i, B]: weight of step i's part that remains at step t
    past = torch.ones(len(x), len(x), dtype=torch.bool, device=x.device).tril()[..., None]
    share = torch.where(past, share, -torch.inf).exp()
    return torch.einsum("tib,ib->tb", share, rate * x) + kept.exp() * level


def _product(factors: list[Tensor], like: Tensor) -> Tensor:
    return torch.stack(factors).prod(0) if factors else torch.ones_like(like)


def _along(log: Tensor, steps: int) -> Tensor:
    """Repeats one season [m, B] over all steps: [steps, B]."""
    return log.repeat(-(-steps // len(log)), 1)[:steps]
