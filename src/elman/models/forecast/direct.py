"""Forecaster of all future steps at once."""

import torch
from torch import Tensor

from elman.batch import Target, Window, WindowBatch
from elman.data.series.covariates import Sizes
from elman.dropout import dropout
from elman.heads.base import Distribution, Loss
from elman.layers.recurrent import Recurrent
from elman.models.forecast.anchor import anchors, choose, last_observed
from elman.models.forecast.forecaster import (
    LEAST_SWING,
    CovariateReader,
    Forecaster,
    Scaling,
    joined,
    measure_scale,
    restarts,
    unit_of,
)
from elman.models.forecast.horizon import HorizonDecoder, ahead, draw_moments, same_phase


class Direct(Forecaster):
    """An encoder of the history, and a decoder of the H steps after it.

    The encoder reads each step's target, whether it is observed, and the covariates. The decoder adds the
    covariates known ahead for each step, the last targets of the same phase in each season, and what the
    step's forecast is relative to. A window is scaled by its steps before the first moment of training, so
    that no forecast is scaled by its future.

    Args:
        layer: reads ``input_size(…)`` features.
        head: the distribution; reads ``2 * width`` features.
        sizes: sizes of the covariates.
        horizon: H.
        seasons: steps of each season.
        width: D, features of a future step.
        moments: number of forecast moments per training window.
        embedding_size: features of a category.
        scaling: see ``measure_scale``; or ``relative``: forecasts are distances from where the series stands
            (the last value, the level or a season ago, whichever its past was nearest to; see ``anchor``), in
            units of the mean distance that its past had.
        dropout: probability on the layer's output.

    Shapes:
        window of C + H steps → quantiles [Q, H, B]

    Source: MQ-RNN, Wen et al. 2017, arXiv:1711.11053.
    """

    def __init__(
        self,
        layer: Recurrent,
        head: Distribution,
        sizes: Sizes,
        *,
        horizon: int,
        seasons: tuple[int, ...],
        width: int,
        moments: int,
        embedding_size: int,
        scaling: Scaling = "mean",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.reader = CovariateReader(sizes, embedding_size)
        self.layer, self.head = layer, head
        known = self.reader.known_size + 2 * len(seasons) + (scaling == "relative")
        self.decoder = HorizonDecoder(layer.output_size + layer.input_size, known, horizon, width)
        self.seasons, self.moments, self.scaling, self.dropout = seasons, moments, scaling, dropout

    @staticmethod
    def input_size(sizes: Sizes, embedding_size: int) -> int:
        """Returns the number of features per step."""
        reader = CovariateReader(sizes, embedding_size)
        return 2 + reader.known_size + reader.past_size

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """Computes the loss of the forecasts at several moments in training, at the cutoff in evaluation."""
        window = batch.inputs
        values, observed = joined(batch)
        moments = draw_moments(self._earliest(window), window.context, self.moments, self.training)
        base, shift, scale = self._standing(window, values, observed, moments)
        unit = unit_of(scale)
        scaled = torch.where(observed, (values - shift) / unit, 0.0)
        features = self._features(window, scaled, observed, moments, (base - shift) / unit)
        there = ahead(observed, moments, window.horizon)
        if self.scaling == "relative":  # a moment before the first value has nothing to be relative to
            there &= observed.cummax(0).values[moments - 1][:, None]
        goals = torch.where(there, (ahead(values, moments, window.horizon) - base) / unit, 0.0)
        target = Target(goals, (there & (scale > 0)).to(goals.dtype))
        return self.head.loss(features, target, scale=unit.expand_as(goals)), None

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """Computes the quantiles of each step separately."""
        moments = torch.tensor([window.context])
        base, shift, scale = self._standing(window, window.values, window.observed, moments)
        unit = unit_of(scale)
        values = torch.where(window.observed, (window.values - shift) / unit, 0.0)
        features = self._features(window, values, window.observed, moments, (base - shift) / unit)[0]
        return base[0] + scale * self.head.quantiles(features, levels, unit.expand(features.shape[:-1]))

    @staticmethod
    def _earliest(window: Window) -> int:
        """Returns the first moment, after three quarters of the context."""
        return window.context - window.context // 4

    def _standing(
        self, window: Window, values: Tensor, observed: Tensor, moments: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns what forecasts [F, H, B] and inputs [B] are relative to, and the unit [B].

        What follows a moment changes none of them.
        """
        if self.scaling != "relative":
            shift, scale = self._scale(window)
            return shift.expand(len(moments), window.horizon, -1), shift, scale
        values = torch.where(observed, values, 0.0)
        early = self._earliest(window)
        chosen, scale = choose(values[:early], observed[:early], early, window.horizon, self.seasons)
        filled = last_observed(values[: window.context], observed[: window.context])
        steps = filled.diff(dim=0).abs().mean(0)
        scale = torch.where(scale > 0, scale, steps)
        scale = torch.maximum(scale, LEAST_SWING * window.swings)
        scale = torch.where(scale > 0, scale, self.head.own_unit)
        near = anchors(values, observed, moments, window.horizon, self.seasons)
        at = chosen.expand(1, *near.shape[1:])
        return near.gather(0, at)[0], filled[early - 1], scale

    def _scale(self, window: Window) -> tuple[Tensor, Tensor]:
        """Measures the scale on the steps before the first moment, or on all if it is 0 on these."""
        early = window.observed & (torch.arange(window.context) < self._earliest(window))[:, None].to(
            window.observed.device
        )
        shift, scale = self._measured(window, early)
        whole_shift, whole_scale = self._measured(window, window.observed)
        known = scale > 0
        return torch.where(known, shift, whole_shift), torch.where(known, scale, whole_scale)

    def _measured(self, window: Window, counted: Tensor) -> tuple[Tensor, Tensor]:
        shift, scale = measure_scale(window.values, counted, self.scaling, window.swings)
        return shift, torch.where(scale > 0, scale, self.head.own_unit)

    def _features(
        self, window: Window, values: Tensor, observed: Tensor, moments: Tensor, base: Tensor
    ) -> Tensor:
        """Returns the head's inputs [F, H, B, 2 D]; values at or after a moment have no effect on them."""
        C, H = window.context, window.horizon
        known = self.reader.known(window)
        there = observed.to(values.dtype)
        own = torch.stack([values[:C], there[:C]], dim=-1)
        x = torch.cat([own, known[:C], self.reader.past(window)], dim=-1)
        output, _ = self.layer(x, None, None, restarts(window, 0, C))
        context = torch.cat([dropout(output, self.dropout, self.training), x], dim=-1)[moments - 1]
        before = [same_phase(moments, H, season) for season in self.seasons]
        lags = [
            torch.where((at < 0)[..., None], 0.0, v[at.clamp(min=0)])
            for at in before
            for v in (values, there)
        ]
        if self.scaling == "relative":
            lags.append(base)
        ahead_of = torch.cat([ahead(known, moments, H), torch.stack(lags, dim=-1)], dim=-1)
        return self.decoder(context, ahead_of)
