"""Where a series stands: what forecasts are relative to, chosen for each window by its own past."""

import torch
from torch import Tensor

from elman.models.forecast.horizon import same_phase

_MOST_MOMENTS = 24  # at which the choice looks
_LEVEL = 4  # steps of the level of a series without a season


def anchors(
    values: Tensor, observed: Tensor, moments: Tensor, horizon: int, seasons: tuple[int, ...]
) -> Tensor:
    """Returns what each step after a moment may be near: the last value, the level, and a season ago.

    The level is the mean of the last season, or of the last four steps without one. A missing value is the
    one before it, or the first one. The last value stands for a season ago that is before a series' first
    value.

    Args:
        values: [T, B] targets, 0 where missing.
        observed: [T, B] whether they are there.
        moments: [F] numbers of steps read.
        horizon: H.
        seasons: steps of each season.

    Shapes:
        → [A, F, H, B], with A = 2 + the number of seasons above 1
    """
    filled = last_observed(values, observed)
    begun = observed.cummax(0).values
    steps = min(season if season > 1 else _LEVEL for season in seasons[:1])
    window = moments[:, None] - 1 - torch.arange(steps)  # [F, steps]
    inside = (window >= 0)[..., None] & observed[window.clamp(min=0)]
    level = (values[window.clamp(min=0)] * inside).sum(1) / inside.sum(1).clamp(min=1)
    level = torch.where(inside.any(1), level, filled[moments - 1])
    found = [filled[moments - 1], level]
    near = [anchor[:, None].expand(-1, horizon, -1) for anchor in found]
    for season in seasons:
        if season > 1:
            before = same_phase(moments, horizon, season)
            at = before.clamp(min=0)
            is_known = (before >= 0)[..., None] & begun[at]
            near.append(torch.where(is_known, filled[at], near[0]))
    return torch.stack(near)


def choose(
    values: Tensor, observed: Tensor, earliest: int, horizon: int, seasons: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Chooses the anchor that the steps before ``earliest`` were nearest to.

    Args:
        values: [T, B] targets, 0 where missing.
        observed: [T, B] whether they are there.
        earliest: number of steps that count.
        horizon: H.
        seasons: steps of each season.

    Returns:
        The number of the anchor [B], and the mean absolute distance from it [B]; 0 and 0 if no step tells.
    """
    first = min(2 * min(seasons[0], earliest), earliest // 2) or 1
    last = max(first, earliest - 1)  # a short past has few whole horizons: parts of one count as well
    moments = torch.linspace(first, last, min(_MOST_MOMENTS, last - first + 1)).long()
    steps = (moments[:, None] + torch.arange(horizon)).clamp(max=len(values) - 1)
    there = observed[steps] & (moments[:, None] + torch.arange(horizon) < earliest)[..., None]
    there &= (observed.cumsum(0) > 0)[moments - 1][:, None]
    near = anchors(values, observed, moments, horizon, seasons)
    count = there.sum((0, 1))
    errors = ((values[steps] - near).abs() * there).sum((1, 2)) / count.clamp(min=1)
    best = errors.min(0)
    return best.indices, best.values


def last_observed(values: Tensor, observed: Tensor) -> Tensor:
    """Returns each step's value, or the last one before it that is there, or else the first one: [T, B]."""
    steps = torch.arange(len(values), device=values.device)[:, None]
    last = torch.where(observed, steps, -1).cummax(0).values
    return values.gather(0, torch.where(last < 0, observed.int().argmax(0), last))
