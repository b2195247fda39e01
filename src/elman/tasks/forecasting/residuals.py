"""What the errors of forecasts, and the series before them, say is wrong: figures, and what to try."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from elman.baselines.decomposition import is_seasonal
from elman.diagnose.remedies import Remedy
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.forecasting.query import Answer

_SEASONS = (4, 7, 12, 24, 52)  # steps of the seasons that are looked for
_MOST = 2000  # steps of a series that are looked at
_MOST_SERIES = 200
_FAR = 12.0  # median distances from the median change: beyond, a change is an outlier
_MANY, _SOME = 0.5, 0.2  # shares of the series from which something is said
_BIASED = 0.8  # share of a forecast's error that is on one side
_LEAST = 3  # forecasts


def residual_figures(answer: Answer, seasons: Sequence[int], needed: int) -> dict[str, Any]:
    """Returns what ``residual_remedies`` needs to know, in shares of the forecasts.

    Args:
        answer: forecasts whose targets are known.
        seasons: those of the model.
        needed: steps of a history that a model can learn something from.

    Returns:
        ``season``: the season that most series have and the model does not know, or 0; ``missed``: their
        share; ``too_low``, ``too_high``: forecasts whose errors are nearly all on one side; ``outliers``:
        series with values that stand alone; ``short``: series with fewer steps than needed.
    """
    some = np.unique(np.linspace(0, len(answer.query) - 1, _MOST_SERIES).astype(int))
    every = answer.query.histories()
    histories = [_known(every[k])[-_MOST:] for k in some]
    # the season shows in changes, where a trend cannot hide it
    found = {
        season: np.array([_repetition(np.diff(y), season) for y in histories])
        for season in _SEASONS
        if all(own % season and season % own for own in seasons if own > 1)
    }
    season = max(found, key=lambda steps: float(found[steps].mean()), default=0)
    errors = answer.actual() - answer.median()
    size = np.nansum(np.abs(errors), axis=1)
    with np.errstate(invalid="ignore"):
        side = np.nansum(errors, axis=1) / size
    return {
        "forecasts": len(every),
        "season": season,
        "missed": float((found[season] > 0).mean()) if found else 0.0,
        "too_low": float(np.mean(side > _BIASED)),
        "too_high": float(np.mean(side < -_BIASED)),
        "outliers": float(np.mean([_has_outliers(y) for y in histories])),
        "short": float(np.mean([len(y) < needed for y in every])),
    }


def residual_remedies(config: ForecastingConfig, found: Mapping[str, Any], context: int) -> Iterator[Remedy]:
    """Proposes options for what the figures show, the surest first."""
    if not found or found["forecasts"] < _LEAST:
        return
    if found["missed"] > _MANY:
        season = found["season"]
        yield _remedy(
            {"season": (season,)},
            f"{found['missed']:.0%} of the series repeat themselves every {season} steps",
        )
    for key, side in (("too_low", "below"), ("too_high", "above")):
        # a forecast of one or two steps is easily on one side: that is no shift
        if found[key] > _MANY + _SOME:
            yield _remedy(
                {"context": max(2, context // 2)},
                f"{found[key]:.0%} of the forecasts lie {side} all that came: the level has shifted, and a "
                "model that reads less forgets the old one sooner",
            )
    if found["outliers"] > _SOME:
        yield _remedy(
            {"clip_at": config.clip_at / 4},
            f"{found['outliers']:.0%} of the series have outliers: a smaller bound keeps them from moving "
            "the weights far",
        )
    if found["short"] > _MANY:
        yield _remedy(
            {"hidden_size": max(2, config.hidden_size // 4)},
            f"{found['short']:.0%} of the series are shorter than what the model reads and forecasts: a "
            "small model needs less to learn from",
        )


def _remedy(options: dict[str, Any], why: str) -> Remedy:
    return Remedy(options, why, of_the_data=True)


def _known(history: np.ndarray) -> np.ndarray:
    """Returns a history from its first value on, without gaps."""
    there = np.flatnonzero(~np.isnan(history))
    return np.interp(np.arange(there[0], len(history)), there, history[there])


def _repetition(change: np.ndarray, season: int) -> float:
    """Returns the autocorrelation of changes at a season if it is significant and positive, otherwise 0."""
    if not is_seasonal(change, season):
        return 0.0
    centred = change - change.mean()
    return max(0.0, float(np.dot(centred[season:], centred[:-season]) / np.square(centred).sum()))


def _has_outliers(y: np.ndarray) -> bool:
    """Whether a value stands alone: far from the one before it and from the one after it."""
    change = np.diff(y)
    usual = np.median(np.abs(change - np.median(change))) if len(change) else 0.0
    before, after = change[:-1], change[1:]
    far = np.minimum(np.abs(before), np.abs(after)) > _FAR * usual
    return bool(usual > 0 and (far & (before * after < 0)).any())
