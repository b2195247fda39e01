"""One loss for a whole sequence: at which steps it enters a layer, and how far back it reaches from there."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from elman.diagnose.positions import Direction, draw
from elman.diagnose.reading import Reading, Trace, traces_of
from elman.kernels import reference
from elman.state import State

_FOLLOWED = 200  # steps back, where a loss enters at several
_ROWS = 32  # that are looked at
_SAMPLES = 64  # ways back that are followed side by side
_ENTERS = 1e-3  # of the whole gradient: less is rounding
_NUMBERS = 2**24  # held at a time


def ways_back(
    read: Reading, found: list[Direction], counted: np.ndarray, lags: int, positions: int, seed: int
) -> list[list[Tensor]]:
    """The gradient by lag where it enters some of the rows, after a backward pass of every sequence's loss.

    Where a loss enters at one step of a row, as that of a last state does, all that reaches the states before
    it came through that step. Where it enters at several, as by pooling, by attention, or from a layer above
    that reads both ways, what entered at a step is followed back by itself, through this layer alone.

    Args:
        read: by the recurrent layer.
        found: its layers and directions.
        counted: [R] rows that have a loss.
        lags: K.
        positions: steps drawn of each row.
        seed: of that draw.

    Returns:
        of each layer and direction its states [K, S, *shape], each sample one step of one row; NaN where
        there is no such state.
    """
    single = _at_one_step(read, found, counted)
    if single is not None:
        return [
            _picked(total, *_places(own, where, lags, positions, seed))
            for own, where, total in zip(found, single, read.gradients(), strict=True)
        ]
    R = len(counted)
    kept = np.unique(np.linspace(0, R - 1, min(R, _ROWS)).astype(int))
    rows = torch.from_numpy(kept).to(read.calls[0].x.device)
    found = [replace(own, alive=own.alive[:, kept], pieces=own.pieces[:, kept]) for own in found]
    totals = [tuple(g[:, rows] for g in total) for total in read.gradients()]
    counted = counted[kept]
    states, steps = [], list(zip(found, traces_of(read, rows), totals, strict=True))
    entered = [_entered(own, trace, total) for own, trace, total in steps]
    above = _where(found[-1], entered[-1], steps[-1][2], counted)
    for (own, trace, total), direct in zip(steps, entered, strict=True):
        where = _where(own, direct, total, counted)
        if not read.layer.bidirectional and (above.sum(0) <= 1).all():
            where, direct = above, total  # in every layer all of it came through the last step
        elif (where.sum(0) <= 1).all():
            direct = total
        at, there = _places(own, where, lags, positions, seed)
        states.append(_picked(total, at, there) if direct is total else _followed(trace, direct, at, there))
    return states


def _at_one_step(read: Reading, found: list[Direction], counted: np.ndarray) -> list[np.ndarray] | None:
    """Of each layer and direction [T, R] the one step of a row at which a loss enters the layer's answer.

    None where it enters at several, or where that cannot be told without going through the layer.
    """
    layer, several = read.layer, read.layer.bidirectional
    if (several and layer.num_layers > 1) or not all(isinstance(o, Tensor) for o, _, _ in read.answers):
        return None
    reached = [
        (torch.zeros_like(o) if o.grad is None else o.grad).transpose(0, int(rows_first))
        for o, _, rows_first in read.answers
    ]
    over_time = torch.cat(reached)
    finals = [s.grad.flatten(2).any(-1).any(0) for s in read.answers[-1][1] if s.grad is not None]
    at_end = torch.stack(finals).any(0).cpu().numpy() if finals else np.zeros_like(counted)
    where = []
    for own, part in zip(found, over_time.chunk(2, -1) if several else [over_time] * len(found), strict=True):
        enters = (own.alive & part.any(-1).cpu().numpy()) | (own.ends() & at_end)
        if (enters.sum(0) > 1).any():
            return None
        where.append(np.where(enters.any(0), enters, own.ends()) & counted)
    return where


def _places(
    own: Direction, where: np.ndarray, lags: int, positions: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Steps at which the loss enters, drawn, and those behind them: see ``Direction.places``; both [K, S]."""
    passes = draw(where, [own], lags, positions, seed)
    passes = [chosen for chosen in passes if (chosen >= 0).any()] or passes[:1]
    at, there = zip(*(own.places(each, lags) for each in passes), strict=True)
    return np.concatenate(at, 1), np.concatenate(there, 1)


def _where(own: Direction, entered: State, total: State, counted: np.ndarray) -> np.ndarray:
    """[T, R] the steps at which a loss enters; the last one read where that cannot be told."""
    part, whole = (_sizes(state).cpu().numpy() for state in (entered, total))
    enters = own.alive & (part > _ENTERS * whole)
    unknown = ~enters.any(0) | ~np.isfinite(whole).all(0)
    return np.where(unknown, own.ends(), enters) & counted


def _sizes(state: State) -> Tensor:
    """States [T, R, *shape] → [T, R] the norm of all of them, in float64, whose squares do not overflow."""
    flat = [s.flatten(2) for s in state]
    return torch.linalg.vector_norm(torch.cat(flat, -1), dim=-1, dtype=torch.float64)


def _entered(own: Direction, trace: Trace, total: State) -> State:
    """[T, R, *shape] of the gradient of each state what does not come through the step after it."""
    step = -1 if own.reverse else 1
    t, row = np.nonzero(own.followed())
    at, rows = (torch.from_numpy(i).to(total[0].device) for i in (t, row))
    direct = tuple(g.clone() for g in total)
    through = _back(trace, at + step, rows, tuple(g[at + step, rows] for g in total))
    for g, passed in zip(direct, through, strict=True):
        g[at, rows] -= passed
    return direct


def _picked(total: State, at: np.ndarray, there: np.ndarray) -> list[Tensor]:
    """The gradients at steps [K, S]: of each row one, then of each another."""
    steps, rows = torch.from_numpy(at), torch.arange(at.shape[1]) % total[0].shape[1]
    return [_without(g.cpu()[steps, rows], torch.from_numpy(~there)) for g in total]


def _followed(trace: Trace, direct: State, at: np.ndarray, there: np.ndarray) -> list[Tensor]:
    """What entered at the steps at[0], carried back step by step to those of at [K, S]."""
    R, device = direct[0].shape[1], direct[0].device
    kept = np.flatnonzero(there[0])
    if len(kept) > _SAMPLES:
        kept = kept[np.linspace(0, len(kept) - 1, _SAMPLES).astype(int)]
    rows, steps = torch.from_numpy(kept % R).to(device), torch.from_numpy(at[:, kept]).to(device)
    gradient = tuple(g[steps[0], rows] for g in direct)
    told = [gradient]
    for k in range(1, min(len(at), _FOLLOWED)):
        gradient = _back(trace, steps[k - 1], rows, gradient)
        told.append(gradient)
    missing = torch.from_numpy(~there[:, kept])
    missing[len(told) :] = True
    told += told[-1:] * (len(at) - len(told))
    return [_without(torch.stack(own).cpu(), missing) for own in zip(*told, strict=True)]


def _back(trace: Trace, t: Tensor, row: Tensor, gradient: State) -> State:
    """(∂s_t/∂s_{t−1})ᵀ of gradients [N, *shape] at steps t [N] of rows [N]."""
    at_once = max(1, _NUMBERS // (trace.cell.hidden_size * max(1, len(trace.cell.gates))))
    parts = zip(t.split(at_once), row.split(at_once), *(g.split(at_once) for g in gradient), strict=True)
    done = [_back_at_once(trace, at, rows, tuple(own)) for at, rows, *own in parts]
    return tuple(map(torch.cat, zip(*done, strict=True))) if done else gradient


def _back_at_once(trace: Trace, t: Tensor, row: Tensor, gradient: State) -> State:
    with torch.enable_grad():
        before = tuple(s[t, row].detach().requires_grad_() for s in trace.before)
        _, after = reference.unroll(
            trace.cell, trace.w, trace.x[None, t, row], before, initial=before, noise=trace.noise
        )
        return torch.autograd.grad(after, before, gradient, materialize_grads=True)


def _without(values: Tensor, missing: Tensor) -> Tensor:
    """Values [K, S, *shape], NaN where they are missing [K, S]."""
    return values.masked_fill(missing.reshape(*missing.shape, *[1] * (values.dim() - 2)), torch.nan)
