"""A forecaster that draws one step after another."""

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
)


class Recursive(Forecaster):
    """The distribution of each step given the steps before it; forecasts are sample paths.

    A step reads earlier targets at some lags and whether each is there, what is known of the step itself,
    and the past covariates of the step before. Beyond the cutoff the past covariates count as missing, in
    training too.

    Args:
        layer: reads ``input_size(…)`` features.
        head: the distribution.
        sizes: of the covariates.
        lags: steps back of the targets that are read; 1 is the step before.
        embedding_size: features of a category.
        scaling: how a window is brought to ordinary size.
        dropout: probability on the layer's output.
        paths: samples of the future that quantiles are taken from.

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
        """Features a step."""
        reader = CovariateReader(sizes, embedding_size)
        return 2 * len(lags) + reader.known_size + reader.past_size

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """In training the loss of every step, in evaluation of the steps after the cutoff."""
        window = batch.inputs
        values, observed = joined(batch)
        first, last = max(self.lags), len(values)
        shift, scale = measure_scale(window.values, window.observed, self.scaling)
        values = torch.where(observed, (values - shift) / scale, 0.0)
        x = self._inputs(window, values, observed.to(values.dtype), first, last)
        output, _ = self.layer(x, None, None, restarts(window, first, last))
        begin = first if self.training else window.context
        features = dropout(output[begin - first :], self.dropout, self.training)
        target = Target(values[begin:], observed[begin:].to(values.dtype))
        return self.head.loss(features, target, scale=scale.expand_as(target.values)), None

    def _inputs(self, window: Window, values: Tensor, observed: Tensor, first: int, last: int) -> Tensor:
        """What the layer reads at steps ``first`` … ``last`` − 1."""
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
        """From the sample paths."""
        return torch.quantile(self.sample(window, self.paths), levels, dim=0)

    def sample(self, window: Window, number: int) -> Tensor:
        """Futures drawn step by step, in the targets' unit: [number, H, B].

        Every window's are drawn with the same random numbers: what else is in the batch moves none of them,
        and paths of two windows are not to be added up.
        """
        C, H, B = window.context, window.horizon, window.values.shape[1]
        shift, scale = measure_scale(window.values, window.observed, self.scaling)
        values = torch.where(window.observed, (window.values - shift) / scale, 0.0)
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
            drawn = self.head.sample(output.view(B, number, -1), number, scale[:, None]).view(1, -1)
            tail, there = torch.cat([tail, drawn]), torch.cat([there, torch.ones_like(drawn)])
        paths = tail[first:].view(H, B, number)
        return (shift[:, None] + scale[:, None] * paths).permute(2, 0, 1)
