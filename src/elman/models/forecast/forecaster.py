"""Base class of forecasters, with the covariates and the scale of a window."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Window, WindowBatch
from elman.data.series.covariates import Sizes
from elman.heads.base import Loss

Scaling = Literal["mean", "standard", "relative"]
LEAST_SWING = 0.01
"""Least unit of a window, relative to the swings of its series."""


class Forecaster(nn.Module):
    """Computes a loss, and quantiles of the steps after a window of many series.

    Quantiles are less the window's reference, as its values are.

    Subclasses define ``forward(batch, state) → (Loss, None)`` and ``quantiles``.
    """

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch; no state is kept."""
        raise NotImplementedError

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """Computes forecasts at levels [Q] in (0, 1), in the unit of the window's values: [Q, H, B]."""
        raise NotImplementedError


class CovariateReader(nn.Module):
    """Joins numeric covariates with embeddings of categories.

    Args:
        sizes: sizes of the covariates.
        embedding_size: E, features of each category.

    Shapes:
        window → known [C + H, B, known_size], past [C, B, past_size]
    """

    def __init__(self, sizes: Sizes, embedding_size: int) -> None:
        super().__init__()
        self._known = nn.ModuleList(nn.Embedding(n, embedding_size) for n in sizes.known_codes)
        self._past = nn.ModuleList(nn.Embedding(n, embedding_size) for n in sizes.past_codes)
        self.known_size = sizes.known + embedding_size * len(self._known)
        self.past_size = sizes.past + embedding_size * len(self._past)

    def known(self, window: Window) -> Tensor:
        """Returns the covariates known ahead."""
        return _embedded(window.known, window.known_codes, self._known)

    def past(self, window: Window) -> Tensor:
        """Returns the covariates known up to the present."""
        return _embedded(window.past, window.past_codes, self._past)


def _embedded(numbers: Tensor, codes: Tensor, embeddings: nn.ModuleList) -> Tensor:
    return torch.cat([numbers, *(e(c) for e, c in zip(embeddings, codes.unbind(-1), strict=True))], -1)


def joined(batch: WindowBatch) -> tuple[Tensor, Tensor]:
    """Returns targets before and after the cutoff, and whether they are observed: both [C + H, B]."""
    weights = batch.targets.weights
    assert weights is not None
    values = torch.cat([batch.inputs.values, batch.targets.values])
    return values, torch.cat([batch.inputs.observed, weights > 0])


def measure_scale(
    values: Tensor, observed: Tensor, scaling: Scaling, swings: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Measures the shift and scale of windows.

    Args:
        values: [T, B].
        observed: [T, B] bool; only these values are used.
        scaling: ``mean``: divides by the mean absolute value, without shift (Salinas et al. 2017,
            arXiv:1704.04110); ``standard``: gives mean 0 and variance 1. ``relative`` is measured by
            ``anchor.choose``.
        swings: [B] usual deviation of each series. The deviation of a window is at least 1 % of it, because
            a series that is constant for a while may change again.

    Returns:
        (shift, scale), both [B]; the scale is 0 if all values are 0 (mean) or equal in a series that was
        always constant (standard), or if nothing is observed: there is then no unit for what may come.
    """
    count = observed.sum(0).clamp(min=1)
    shift, scale = torch.zeros_like(values[0]), (values.abs() * observed).sum(0) / count
    if scaling == "standard":
        shift = (values * observed).sum(0) / count
        deviation = (((values - shift) * observed).square().sum(0) / count).sqrt()
        scale = torch.maximum(deviation, LEAST_SWING * torch.as_tensor(swings, dtype=scale.dtype))
    return shift, scale


def unit_of(scale: Tensor) -> Tensor:
    """Returns what values are divided by: the scale, or 1 where it is 0."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def restarts(window: Window, first: int, last: int) -> Tensor:
    """Returns the resets of a layer that reads steps ``first`` … ``last`` − 1: at each series' first step.

    The placeholders before it in a window then have no effect.
    """
    return F.pad(window.starts, (0, 0, 0, max(0, last - window.context)))[first:last]


def lagged(values: Tensor, lags: tuple[int, ...], first: int, last: int) -> Tensor:
    """Returns the values at lags before the steps ``first`` … ``last`` − 1: [T, B] → [T', B, lags]."""
    return torch.stack([values[first - lag : last - lag] for lag in lags], dim=-1)
