"""Forecaster that samples step by step."""

import torch
from torch import Tensor

from elman.batch import Target, Window, WindowBatch
from elman.data.series.covariates import Sizes
from elman.dropout import dropout
from elman.heads.base import Distribution, Loss
from elman.layers.recurrent import Recurrent
from elman.models.forecast.forecaster import (
    CovariateReader,
    Forecaster,
    Scaling,
    joined,
    lagged,
    measure_scale,
    restarts,
    unit_of,
)


class Recursive(Forecaster):
    """The distribution of each step given the steps before it; forecasts are sample paths.

    Each step reads earlier targets at fixed lags and whether they are observed, its covariates known ahead,
    and the past covariates of the step before. After the cutoff, past covariates are missing, also in
    training.

    Args:
        layer: reads ``input_size(…)`` features.
        head: the distribution.
        sizes: sizes of the covariates.
        lags: lags of the targets that are read; 1 is the step before.
        embedding_size: features of a category.
        scaling: see ``measure_scale``.
        dropout: probability on the layer's output.
        paths: number of sample paths for quantiles.

    Shapes:
        window of C + H steps → quantiles [Q, H, B]

    Source: DeepAR, Salinas, Flunkert & Gasthaus 2017, arXiv:1704.04110.
    """

    def __init__(
        self,
        layer: Recurrent,
        head: Distribution,
        sizes: Sizes,
        *,
        lags: tuple[int, ...],
        embedding_size: int,
        scaling: Scaling = "mean",
        dropout: float = 0.0,
        paths: int = 100,
    ) -> None:
        super().__init__()
        self.reader = CovariateReader(sizes, embedding_size)
        self.layer, self.head = layer, head
        self.lags, self.scaling, self.dropout, self.paths = lags, scaling, dropout, paths

    @staticmethod
    def input_size(sizes: Sizes, lags: tuple[int, ...], embedding_size: int) -> int:
        """Returns the number of features per step."""
        reader = CovariateReader(sizes, embedding_size)
        return 2 * len(lags) + reader.known_size + reader.past_size

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """Computes the loss of all steps in training, of the steps after the cutoff in evaluation."""
        window = batch.inputs
        values, observed = joined(batch)
        first, last = max(self.lags), len(values)
        shift, scale = self._scale(window)
        unit = unit_of(scale)
        values = torch.where(observed, (values - shift) / unit, 0.0)
        x = self._inputs(window, values, observed.to(values.dtype), first, last)
        output, _ = self.layer(x, None, None, restarts(window, first, last))
        begin = first if self.training else window.context
        features = dropout(output[begin - first :], self.dropout, self.training)
        target = Target(values[begin:], (observed[begin:] & (scale > 0)).to(values.dtype))
        return self.head.loss(features, target, scale=unit.expand_as(target.values)), None

    def _scale(self, window: Window) -> tuple[Tensor, Tensor]:
        shift, scale = measure_scale(window.values, window.observed, self.scaling, window.swings)
        return shift, torch.where(scale > 0, scale, self.head.own_unit)

    def _inputs(self, window: Window, values: Tensor, observed: Tensor, first: int, last: int) -> Tensor:
        """Computes the layer's inputs at steps ``first`` … ``last`` − 1."""
        past = self.reader.past(window)[first - 1 : last - 1]
        beyond = past.new_zeros(last - first - len(past), *past.shape[1:])
        return torch.cat(
            [
                lagged(values, self.lags, first, last),
                lagged(observed, self.lags, first, last),
                self.reader.known(window)[first:last],
                torch.cat([past, beyond]),
            ],
            dim=-1,
        )

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """Computes quantiles of the sample paths."""
        return torch.quantile(self.sample(window, self.paths), levels, dim=0)

    def sample(self, window: Window, number: int) -> Tensor:
        """Draws sample paths step by step, in the targets' unit: [number, H, B].

        All windows share the same random numbers: paths do not depend on the rest of the batch, and paths of
        different windows are not independent, so they must not be summed.
        """
        C, H, B = window.context, window.horizon, window.values.shape[1]
        shift, scale = self._scale(window)
        unit = unit_of(scale)
        values = torch.where(window.observed, (window.values - shift) / unit, 0.0)
        lowest = ((window.lowest - shift) / unit).repeat_interleave(number)
        observed = window.observed.to(values.dtype)
        first = max(self.lags)
        x = self._inputs(window, values, observed, first, C)
        _, state = self.layer(x, None, None, restarts(window, first, C))
        state = tuple(s.repeat_interleave(number, dim=1) for s in state)
        tail, there = (v[C - first :].repeat_interleave(number, dim=1) for v in (values, observed))
        known = self.reader.known(window)[C:].repeat_interleave(number, dim=1)
        # the past covariates of the last step before the cutoff are still known
        last = self.reader.past(window)[-1].repeat_interleave(number, dim=0)
        for h in range(H):
            back = [len(tail) - lag for lag in self.lags]
            past = last if h == 0 else torch.zeros_like(last)
            x = torch.cat([tail[back].T, there[back].T, known[h], past], dim=-1)
            output, state = self.layer.step(x, state)
            drawn = self.head.sample(output.view(B, number, -1), number, unit[:, None]).view(1, -1)
            drawn = torch.maximum(drawn, lowest)
            tail, there = torch.cat([tail, drawn]), torch.cat([there, torch.ones_like(drawn)])
        paths = tail[first:].view(H, B, number)
        return (shift[:, None] + scale[:, None] * paths).permute(2, 0, 1)
