"""How far back in time a loss reaches: the gradient of the states by time lag."""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.cells.base import Cell, check_size
from elman.diagnose.positions import Direction, directions_of, draw
from elman.diagnose.reading import Reading, norm, prepared, reading, run
from elman.diagnose.whole import entrances
from elman.errors import InputError
from elman.heads.base import Head
from elman.layers.recurrent import Recurrent

Verdict = Literal["vanishing", "healthy", "exploding", "not measured"]
LossFunction = Callable[[nn.Module, Any], Tensor]

SHORTEST_HALF_LIFE = 1  # step; an untrained LSTM's or GRU's is 1.5 to 5, an Elman net's about 1
SHORTEST_DOUBLING = 50  # steps
RULE = (
    f"vanishing: the gradient halves in less than {SHORTEST_HALF_LIFE} step; exploding: it doubles in fewer "
    f"than {SHORTEST_DOUBLING}, and has doubled within those measured; healthy: neither"
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
            from lag 1 on, where they are finite and above 1e-30, each counting by its size: a gradient of
            which little is left says little. 0 where fewer than two of them are: the gradient is gone after a
            step; infinity where that is because it left the floating-point range; NaN where there are none.
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
        measured = (~np.isnan(self.median[:, -1])).sum(-1) - 1
        return tuple(verdict(float(d), int(n)) for d, n in zip(self.decay[:, -1], measured, strict=True))

    def left_after(self, share: float) -> np.ndarray:
        """[layers, parts] the first lag at which no more than a share of the median at lag 1 is left.

        Infinity where more is left at every lag measured, NaN where nothing was measured.
        """
        first = self.median[..., 1:2]
        below = self.median[..., 1:] <= share * first
        lag = 1.0 + below.argmax(-1)
        return np.where(np.isnan(first[..., 0]), np.nan, np.where(below.any(-1), lag, np.inf))


def verdict(decay: float, steps: int = 10**9) -> Verdict:
    """What a factor per step means, by ``RULE``, where so many steps back were measured."""
    if math.isnan(decay):
        return "not measured"
    if decay > 2 ** (1 / min(SHORTEST_DOUBLING, max(1, steps))):
        return "exploding"
    return "vanishing" if decay < 0.5 ** (1 / SHORTEST_HALF_LIFE) else "healthy"


@torch.enable_grad()
def gradient_flow(
    model: nn.Module,
    batch: Any,
    loss: LossFunction | None = None,
    *,
    lags: int | None = None,
    positions: int = 8,
    seed: int = 0,
) -> GradientFlow:
    """Measures the gradient of single losses with respect to every state before them.

    Exact: one pass forward through the real model, and of each sequence one pass back for each of the steps
    drawn. Steps are drawn among those with ``lags`` states of their sequence behind them; where a sequence is
    too short, its last one is taken. A direction that reads from the end has as many steps drawn again, with
    their lags ahead of them.

    Where there is one loss for a whole sequence, lags are counted from the steps at which it enters what a
    recurrent layer gives: the last one, where a last state is all that it sees. Where it enters at several
    (pooling, attention), each sample is what entered at one of them, as if that were the loss of that step.
    For each direction those steps are drawn at which at least a thousandth of the most in the row enters that
    direction's output; with one position, the rows of several layers that read both ways serve the directions
    in turn. So it is in those of Elman's models that have several recurrent layers (translation, whose
    decoder reads its own output; ensembles) or one loss for several steps at once (direct forecasts); the
    loss is the whole sequence's then.

    Args:
        model: holds an ``elman.Recurrent`` or torch's RNN, LSTM or GRU; it is left as it is, and a copy is
            looked into, in evaluation mode.
        batch: what the model takes: a tuple holds its arguments, anything else is its one argument.
        loss: (model, batch) → the loss of each step [T, B], those of the last T steps that the layers read,
            NaN where there is none; or of each sequence [B]. It must use the model that it is given. None:
            the model is one of Elman's, and the loss its head's.
        lags: K, from 0 to K − 1; no more than the steps of the longest sequence. None: as many as it has.
        positions: steps drawn of each sequence.
        seed: of that draw.

    Returns:
        The norms and what follows from them.

    Raises:
        InputError: the model holds no recurrent layer, a weight or an input is not finite, a layer is not
            used, a loss has another shape, or there are fewer steps than lags.
        ValueError: ``lags`` or ``positions`` is too small.

    Source: Pascanu, Mikolov & Bengio 2012, arXiv:1211.5063, which measures the same product of Jacobians.
    """
    _check_call(lags, positions)
    model = prepared(model)
    with reading(model) as readings:
        losses = _own_losses(model, batch) if loss is None else _checked(loss(model, batch))
    found = [own for read in readings for own in directions_of(read)]
    lags = _check(losses, found, lags)
    names = tuple(dict.fromkeys(name for read in readings for name in read.layer.cell.states()))
    parts = (*names, "all") if len(names) > 1 else names
    if losses.dim() == 1:
        norms = _of_sequences(losses, readings, parts, lags, positions, seed)
    else:
        norms = _of_steps(losses, readings, parts, lags, positions, seed)
    decay = np.apply_along_axis(_decay, -1, _quantile(norms, 0.5))
    return GradientFlow(tuple(own.name for own in found), parts, np.arange(lags), norms, decay)


def _check_call(lags: int | None, positions: int) -> None:
    """Raises an error unless gradients can be taken here, and this far back."""
    if torch.is_inference_mode_enabled():
        raise InputError("gradients cannot be taken within torch.inference_mode()")
    check_size("positions", positions)
    if lags is not None and (not isinstance(lags, int) or lags < _FEWEST_LAGS):
        raise ValueError(f"lags must be an int in [{_FEWEST_LAGS}, inf). Got {lags!r}.")


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


def _check(losses: Tensor, found: list[Direction], lags: int | None) -> int:
    """Raises InputError unless losses and lags fit what the layers read; returns K."""
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
    steps = [int(own.behind().max(initial=0)) for own in found]
    if lags is None:
        if max(steps) < _FEWEST_LAGS:
            raise InputError(f"some sequence must have at least {_FEWEST_LAGS} steps. Got {max(steps)}.")
        return max(steps)
    for own, most in zip(found, steps, strict=True):
        if most < lags:
            raise InputError(
                "lags must be no more than the steps of the longest sequence. "
                f"Got {lags} lags and {most} steps in {own.name}."
            )
    return lags


def _counted(losses: Tensor) -> np.ndarray:
    """Where there is a loss; InputError where there is none."""
    counted = ~torch.isnan(losses.detach()).cpu().numpy()
    if not counted.any():
        raise InputError("some step that the layers read must have a loss. Got NaN at every one.")
    return counted


def _of_steps(
    losses: Tensor, readings: list[Reading], parts: tuple[str, ...], lags: int, positions: int, seed: int
) -> np.ndarray:
    """Norms [directions, parts, K, samples] of losses [T, B], one pass back for each position."""
    samples, found = [], [own for read in readings for own in directions_of(read)]
    for chosen in draw(_counted(losses), found, lags, positions, seed):
        rows = np.flatnonzero(chosen >= 0)
        if not len(rows):
            continue
        for read in readings:
            read.forget_gradients()
        losses[chosen[rows], rows].sum().backward(retain_graph=True)
        told = [_norms(read.layer.cell, state, parts) for read in readings for state in read.gradients()]
        samples.append(
            [
                _at_lags(own, norms, own.position(chosen, len(losses)), lags)
                for own, norms in zip(found, told, strict=True)
            ]
        )
    if not samples:
        raise InputError("some step that the layers read must have a loss. Got NaN at every one.")
    return _side_by_side(samples)


def _of_sequences(
    losses: Tensor, readings: list[Reading], parts: tuple[str, ...], lags: int, positions: int, seed: int
) -> np.ndarray:
    """Norms [directions, parts, K, samples] of losses [B], one pass for each step at which they enter."""
    told: list[np.ndarray] = []
    for entrance in entrances(losses, readings, _counted(losses)):
        cell = entrance.read.layer.cell
        samples = [
            [
                _at_lags(own, _norms(cell, state, parts), position, lags)
                for own, position, state in zip(entrance.found, entered, states, strict=True)
            ]
            for entered, states in entrance.ways_back(lags, positions, seed)
        ]
        told += list(_side_by_side(samples))
    return _side_by_side([told])


def _norms(cell: Cell, state: Sequence[Tensor], parts: tuple[str, ...]) -> np.ndarray:
    """States [T, R, *shape] → [parts, T, R]; NaN for states that the cell has not."""
    squares = {
        # what is not a number left the floating-point range on its way
        name: torch.nan_to_num(norm(s, 2).square(), nan=torch.inf, posinf=torch.inf)
        for name, s in zip(cell.states(), state, strict=True)
    }
    squares["all"] = torch.stack(list(squares.values())).sum(0)
    missing = torch.full_like(squares["all"], torch.nan)
    return torch.stack([squares.get(part, missing) for part in parts]).sqrt().cpu().numpy()


def _at_lags(own: Direction, norms: np.ndarray, position: np.ndarray, lags: int) -> np.ndarray:
    """Norms [parts, T, R] by lag from a step [R]: [parts, K, R], NaN where there is no such step."""
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
    """Over the last axis, NaN aside: as ``np.nanquantile``, which takes a hundred times as long."""
    ordered = np.sort(np.minimum(norms, _MOST), axis=-1)  # NaN last
    place = share * np.maximum((~np.isnan(ordered)).sum(-1, keepdims=True) - 1, 0)
    below = place.astype(np.int64)
    low, high = (np.take_along_axis(ordered, k, -1)[..., 0] for k in (below, np.ceil(place).astype(np.int64)))
    found = low + (high - low) * (place - below)[..., 0]
    return np.where(found >= _MOST, np.inf, found)


def _decay(median: np.ndarray) -> float:
    """The factor per step, by least squares over the logarithms of medians [K], each counting by its size."""
    lags, later = np.arange(1, len(median)), median[1:]
    usable = np.isfinite(later) & (later > _LEAST)
    if usable.sum() < 2:
        return math.inf if np.isinf(later).any() else math.nan if np.isnan(later).all() else 0.0
    weights = np.sqrt(later[usable] / later[usable].max())  # of what is squared
    slope, _ = np.polyfit(lags[usable], np.log(later[usable]), 1, w=weights)
    return math.exp(slope)


def _half_life(decay: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(decay < 1, math.log(0.5) / np.log(decay), np.where(np.isnan(decay), np.nan, np.inf))
