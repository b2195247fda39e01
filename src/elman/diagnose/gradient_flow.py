"""How far back in time a loss reaches: the gradient of the states by time lag."""

import math
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.cells.base import check_size
from elman.diagnose.positions import Direction, directions_of, draw
from elman.diagnose.reading import Reading, prepared, reading, run
from elman.errors import InputError
from elman.heads.base import Head
from elman.layers.recurrent import Recurrent

Verdict = Literal["vanishing", "healthy", "exploding"]
LossFunction = Callable[[nn.Module, Any], Tensor]

SHORTEST_HALF_LIFE = 10  # steps
SHORTEST_DOUBLING = 50  # steps
RULE = (
    f"vanishing: the gradient halves in fewer than {SHORTEST_HALF_LIFE} steps; "
    f"exploding: it doubles in fewer than {SHORTEST_DOUBLING}; healthy: neither"
)
_FEWEST_LAGS = 3  # lag 0 holds no step of the recurrence, and a line needs two points
_LEAST = 1e-30  # below it, float32 has lost digits
_MOST = 1e300  # stands for infinity where quantiles are taken


@dataclass(frozen=True)
class GradientFlow:
    """The gradient of the loss at one step with respect to the states before it, by time lag.

    Attributes:
        layers: names of layer and direction.
        parts: the states' names, then "all": all of them together. Of a single state only its own name.
        lags: [K] steps back from the loss; in a reverse direction, steps ahead.
        norms: [layers, parts, K, samples] ‖∂loss_t/∂s_{t−k}‖, each sample one step t of one sequence; NaN
            where that sequence has no such step. The parts of a state count as independent: an LSTM's c has
            not what reaches the loss through the h of its own step.
        decay: [layers, parts] the factor per step: the slope of a line through the logarithms of the medians
            from lag 1 on, where they are finite and above 1e-30. 0 where fewer than two of them are: the
            gradient is gone after a step; infinity where that is because it left the floating-point range.
    """

    layers: tuple[str, ...]
    parts: tuple[str, ...]
    lags: np.ndarray
    norms: np.ndarray
    decay: np.ndarray

    @property
    def median(self) -> np.ndarray:
        """[layers, parts, K] over the samples; NaN where no sample has such a state."""
        return _quantile(self.norms, 0.5)

    @property
    def lower(self) -> np.ndarray:
        """[layers, parts, K] first quartile."""
        return _quantile(self.norms, 0.25)

    @property
    def upper(self) -> np.ndarray:
        """[layers, parts, K] third quartile."""
        return _quantile(self.norms, 0.75)

    @property
    def half_life(self) -> np.ndarray:
        """[layers, parts] steps in which the gradient halves; infinity where it does not fall."""
        return _half_life(self.decay)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of each layer and direction, by all its states together."""
        return tuple(verdict(float(decay)) for decay in self.decay[:, -1])


def verdict(decay: float) -> Verdict:
    """What a factor per step means, by ``RULE``."""
    if decay > 2 ** (1 / SHORTEST_DOUBLING):
        return "exploding"
    return "vanishing" if decay < 0.5 ** (1 / SHORTEST_HALF_LIFE) else "healthy"


def gradient_flow(
    model: nn.Module,
    batch: Any,
    loss: LossFunction | None = None,
    *,
    lags: int = 200,
    positions: int = 8,
    seed: int = 0,
) -> GradientFlow:
    """Measures the gradient of single losses with respect to every state before them.

    Exact: one pass forward through the real model, and of each sequence one pass back for each of the steps
    drawn. Steps are drawn among those with ``lags`` states of their sequence behind them; where a sequence is
    too short, its last one is taken. A direction that reads from the end has as many steps drawn again, with
    their lags ahead of them.

    Where there is one loss for a whole sequence, lags are counted from the last step, as each layer and
    direction reads, that the loss reaches. So they are in those of Elman's models that have several layers
    (translation, whose decoder reads its own output; ensembles) or one loss for several steps at once (direct
    forecasts); the loss is the whole sequence's then.

    Args:
        model: holds an ``elman.Recurrent`` or torch's RNN, LSTM or GRU; it is left as it is, and a copy is
            looked into, in evaluation mode.
        batch: what the model takes: a tuple holds its arguments, anything else is its one argument.
        loss: (model, batch) → the loss of each step [T, B], those of the last T steps that the layers read,
            NaN where there is none; or of each sequence [B]. It must use the model that it is given. None:
            the model is one of Elman's, and the loss its head's.
        lags: K, from 0 to K − 1; no more than the steps of the longest sequence.
        positions: steps drawn of each sequence.
        seed: of that draw.

    Returns:
        The norms and what follows from them.

    Raises:
        InputError: the model holds no recurrent layer, a weight is NaN, a layer is not used, a loss has
            another shape, or there are fewer steps than lags.
        ValueError: ``lags`` or ``positions`` is too small.

    Source: Pascanu, Mikolov & Bengio 2012, arXiv:1211.5063, which measures the same product of Jacobians.
    """
    check_size("positions", positions)
    if not isinstance(lags, int) or lags < _FEWEST_LAGS:
        raise ValueError(f"lags must be an int in [{_FEWEST_LAGS}, inf). Got {lags!r}.")
    model = prepared(model)
    with torch.enable_grad(), reading(model) as readings:
        losses = _own_losses(model, batch) if loss is None else _checked(loss(model, batch))
    found = [own for read in readings for own in directions_of(read)]
    _check(losses, found, lags)
    names = tuple(dict.fromkeys(name for read in readings for name in read.layer.cell.states()))
    parts = (*names, "all") if len(names) > 1 else names
    samples = []
    for chosen in _drawn(losses, found, lags, positions, seed):
        for read in readings:
            read.forget_gradients()
        _taken(losses, chosen).backward(retain_graph=True)
        told = [norms for read in readings for norms in _norms(read, parts)]
        samples.append(
            [_at_lags(own, norms, losses, chosen, lags) for own, norms in zip(found, told, strict=True)]
        )
    norms = _side_by_side(samples)
    decay = np.apply_along_axis(_decay, -1, _quantile(norms, 0.5))
    return GradientFlow(tuple(own.name for own in found), parts, np.arange(lags), norms, decay)


def _own_losses(model: nn.Module, batch: Any) -> Tensor:
    """Those of one of Elman's models: [T, B] of each step, [B] of each sequence, or [1] of all of them."""
    heads = [head for head in model.modules() if isinstance(head, Head)]
    if not heads:
        raise InputError(
            "a model without one of Elman's heads needs loss, (model, batch) → losses [T, B] or [B]. "
            f"Got {type(model).__name__}."
        )
    with ExitStack() as watched:
        single = [watched.enter_context(head.single_losses()) for head in heads]
        loss, _ = run(model, batch)
    told = [losses for each in single for losses in each]
    layers = [m for m in model.modules() if isinstance(m, Recurrent)]
    if len(told) == len(layers) == 1 and told[0].dim() <= 2:
        return told[0]
    return loss.sum[None]  # no loss depends on another's row


def _checked(losses: Any) -> Tensor:
    """What a loss function gave, if it is what was asked for."""
    if not isinstance(losses, Tensor) or losses.dim() not in (1, 2):
        got = f"shape {list(losses.shape)}" if isinstance(losses, Tensor) else type(losses).__name__
        raise InputError(f"loss must give losses [T, B] of each step, or [B] of each sequence. Got {got}.")
    return losses


def _check(losses: Tensor, found: list[Direction], lags: int) -> None:
    """Raises InputError unless losses and lags fit what the layers read."""
    if not losses.requires_grad:
        raise InputError(
            "loss must depend on the recurrent layers of the model that it is given. Got one that does not."
        )
    B = losses.shape[-1]
    for own in found:
        rows = own.alive.shape[1]
        if B == 0 or rows % B:
            raise InputError(
                f"loss must give losses of the rows that the layers read. Got {B} rows of losses and {rows} "
                f"of {own.name}."
            )
        most = int(own.behind().max(initial=0))
        if most < lags:
            raise InputError(
                "lags must be no more than the steps of the longest sequence. "
                f"Got {lags} lags and {most} steps in {own.name}."
            )


def _drawn(losses: Tensor, found: list[Direction], lags: int, positions: int, seed: int) -> list[np.ndarray]:
    """Which losses each pass takes: [B] steps, −1 for none; 0 of what is one loss a sequence."""
    counted = ~torch.isnan(losses.detach()).cpu().numpy()
    once = [np.where(counted, 0, -1)]
    passes = once if losses.dim() == 1 else draw(counted, found, lags, positions, seed)
    passes = [chosen for chosen in passes if (chosen >= 0).any()]
    if not passes:
        raise InputError("some step that the layers read must have a loss. Got NaN at every one.")
    return passes


def _taken(losses: Tensor, chosen: np.ndarray) -> Tensor:
    """The sum of the chosen losses, at most one a row."""
    rows = np.flatnonzero(chosen >= 0)
    return (losses[rows] if losses.dim() == 1 else losses[chosen[rows], rows]).sum()


def _norms(read: Reading, parts: tuple[str, ...]) -> list[np.ndarray]:
    """Of each layer and direction [parts, T, R]; NaN for states that the cell has not."""
    found = []
    for state in read.gradients():
        squares = {
            # what is not a number left the floating-point range on its way
            name: torch.nan_to_num(s.flatten(2).double().square().sum(-1), nan=torch.inf, posinf=torch.inf)
            for name, s in zip(read.layer.cell.states(), state, strict=True)
        }
        squares["all"] = torch.stack(list(squares.values())).sum(0)
        missing = torch.full_like(squares["all"], torch.nan)
        norms = torch.stack([squares.get(part, missing) for part in parts]).sqrt()
        found.append(norms.cpu().numpy())
    return found


def _at_lags(own: Direction, norms: np.ndarray, losses: Tensor, chosen: np.ndarray, lags: int) -> np.ndarray:
    """Norms [parts, T, R] by lag: [parts, K, R], NaN where there is no such step."""
    if losses.dim() == 2:
        position = own.position(chosen, len(losses))
    else:
        counted = np.tile(chosen >= 0, norms.shape[-1] // len(chosen))
        position = np.where(counted, own.last(norms[-1] > 0), -1)
    at, there = own.places(position, lags)
    return np.where(there, np.take_along_axis(norms, at[None], 1), np.nan)


def _side_by_side(samples: list[list[np.ndarray]]) -> np.ndarray:
    """[parts, K, R] of each pass and direction → [directions, parts, K, passes × rows]."""
    rows = max(own.shape[-1] for own in samples[0])
    padding = [((0, 0), (0, 0), (0, rows - own.shape[-1])) for own in samples[0]]
    return np.concatenate(
        [
            np.stack([np.pad(own, by, constant_values=np.nan) for own, by in zip(each, padding, strict=True)])
            for each in samples
        ],
        axis=-1,
    )


def _quantile(norms: np.ndarray, share: float) -> np.ndarray:
    """Over the last axis, NaN aside."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        found = np.nanquantile(np.minimum(norms, _MOST), share, axis=-1)
    return np.where(found >= _MOST, np.inf, found)


def _decay(median: np.ndarray) -> float:
    """The factor per step, by least squares over the logarithms of medians [K]."""
    lags, later = np.arange(1, len(median)), median[1:]
    usable = np.isfinite(later) & (later > _LEAST)
    if usable.sum() < 2:
        return math.inf if np.isinf(later).any() else math.nan if np.isnan(later).all() else 0.0
    slope, _ = np.polyfit(lags[usable], np.log(later[usable]), 1)
    return math.exp(slope)


def _half_life(decay: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(decay < 1, math.log(0.5) / np.log(decay), np.where(np.isnan(decay), np.nan, np.inf))
