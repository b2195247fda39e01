"""Exponential smoothing and a recurrent network, trained together."""

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.batch import Target, Window, WindowBatch
from elman.data.series.covariates import Sizes
from elman.dropout import dropout
from elman.heads.base import Distribution, Loss
from elman.layers.recurrent import Recurrent
from elman.models.forecast.forecaster import CovariateReader, Forecaster, joined, restarts
from elman.models.forecast.horizon import HorizonDecoder, ahead, draw_moments, same_phase
from elman.models.forecast.smoothing import Smoothing, warm_up

_FLOOR = 0.01  # share of the level that a target without a logarithm counts as
_USUAL, _LEAST = 0.1, 1e-4  # default and minimum change of a logarithm


class EsRnn(Forecaster):
    """A level and one or two multiplicative seasonalities per series, and a network shared by all series.

    Smoothing (see ``Smoothing``) gives each step a level l and seasonal indices s. At each step t the network
    reads the last W targets without season and relative to the level, as logarithms divided by the series'
    usual change c, and forecasts the steps ahead in the same unit:

        x_t = (log (y / s)_{t−W+1 … t} − log l_t) / c,    ŷ_{t+h} = l_t s_{t+h} exp(c net_h)

    c is measured in the window's warm-up, like the first seasons. For each step ahead the network also reads
    its seasonal index and the last target of its phase, in the same unit. Targets before the cutoff
    must be positive; one after it that is not counts as a hundredth of its level.

    Args:
        layer: reads ``input_size(…)`` features.
        head: the distribution of the logarithm; reads ``2 * width`` features.
        sizes: sizes of the covariates.
        series: rows of the table of per-series parameters; row 0 is for series not in training.
        horizon: H.
        seasons: steps of each season, the shortest first; (1,): none.
        inputs: W.
        width: D, features of a future step.
        moments: number of forecast moments per training window.
        embedding_size: features of a category.
        dropout: probability on the layer's output.

    Shapes:
        window of C + H steps → quantiles [Q, H, B]

    Source: Smyl 2020, International Journal of Forecasting 36(1), the winner of the M4 competition.
    """

    def __init__(
        self,
        layer: Recurrent,
        head: Distribution,
        sizes: Sizes,
        *,
        series: int,
        horizon: int,
        seasons: tuple[int, ...],
        inputs: int,
        width: int,
        moments: int,
        embedding_size: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.reader = CovariateReader(sizes, embedding_size)
        self.smoothing = Smoothing(series, seasons)
        self.layer, self.head = layer, head
        context = layer.output_size + layer.input_size
        known = self.reader.known_size + 3 * len(self.smoothing.seasons)
        self.decoder = HorizonDecoder(context, known, horizon, width)
        self.inputs, self.moments, self.dropout = inputs, moments, dropout

    @staticmethod
    def input_size(sizes: Sizes, inputs: int, embedding_size: int) -> int:
        """Returns the number of features per step."""
        reader = CovariateReader(sizes, embedding_size)
        return inputs + 1 + reader.known_size + reader.past_size

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """Computes the loss of the forecasts at several moments in training, at the cutoff in evaluation.

        Moments within the warm-up, on which the first seasons are measured, have weight 0.
        """
        window = batch.inputs
        values, observed = joined(batch)
        _, end = warm_up(window, self.smoothing.seasons)
        earliest = min(int(end.min()) + 1, window.context)
        moments = draw_moments(earliest, window.context, self.moments, self.training)
        features, base, scale = self._features(window, moments)
        goals = ahead(values, moments, window.horizon)
        there = ahead(observed, moments, window.horizon)
        fair = (moments[:, None].to(end.device) >= end)[:, None]
        known = torch.where(there & (goals > 0), goals, base.exp() * _FLOOR)
        logs = (known.log() - base) / scale
        return self.head.loss(features, Target(logs, (there & fair).to(logs.dtype))), None

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """Computes the quantiles of each step separately."""
        features, base, scale = self._features(window, torch.tensor([window.context]))
        return (self.head.quantiles(features[0], levels) * scale + base[0]).exp()

    def _features(self, window: Window, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the head's inputs [F, H, B, 2 D], log level plus season [F, H, B], and the scale [B]."""
        C, H = window.context, window.horizon
        level, indices = self.smoothing(window)
        there = window.observed.to(level.dtype)
        logs = torch.where(window.observed, window.values, 1.0).log()
        scale = self._scale(window, logs)
        adjusted = logs - sum(s[:C] for s in indices) if indices else logs
        known = self.reader.known(window)
        own = (_last(adjusted, self.inputs) - level[..., None]) * _last(there, self.inputs)
        x = torch.cat([own / scale[:, None], there[..., None], known[:C], self.reader.past(window)], dim=-1)
        output, _ = self.layer(x, None, None, restarts(window, 0, C))
        context = torch.cat([dropout(output, self.dropout, self.training), x], dim=-1)[moments - 1]
        level = level[moments - 1][:, None]
        ahead_of, season = [ahead(known, moments, H)], torch.zeros_like(level)
        for s, m in zip(indices, self.smoothing.seasons, strict=True):
            before = same_phase(moments, H, m)
            # the index of a step is known one season before it
            coming = s[before + m]
            season = season + coming
            at = before.clamp(min=0)
            seen = there[at] * (before >= 0)[..., None]
            last = seen * (adjusted[at] - level) / scale
            ahead_of.append(torch.stack([last, seen, coming / scale], dim=-1))
        features = self.decoder(context, torch.cat(ahead_of, dim=-1))
        return features, level + season, scale

    def _scale(self, window: Window, logs: Tensor) -> Tensor:
        """Returns the mean absolute change of the logarithm over the shortest season, in the warm-up: [B]."""
        begin, end = warm_up(window, self.smoothing.seasons)
        season = min(self.smoothing.seasons, default=1)
        step = torch.arange(window.context, device=logs.device)[:, None]
        counted = window.observed & (step >= begin) & (step < end)
        pairs = counted[season:] & counted[:-season]
        change = ((logs[season:] - logs[:-season]).abs() * pairs).sum(0) / pairs.sum(0).clamp(min=1)
        return torch.where(pairs.any(0), change, _USUAL).clamp(min=_LEAST)


def _last(values: Tensor, number: int) -> Tensor:
    """Returns the last values up to each step, 0 before the first: [T, B] → [T, B, number]."""
    return F.pad(values, (0, 0, number - 1, 0)).unfold(0, number, 1)
