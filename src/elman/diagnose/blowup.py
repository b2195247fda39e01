"""Explains why a loss or a gradient became infinite or NaN."""

import math
from contextlib import ExitStack

import torch
from torch import nn

from elman.batch import Batch
from elman.kernels.call import Call
from elman.layers.recurrent import Recurrent
from elman.state import State

REMEDY = "--clip norm with a lower --clip-at, a gated --cell, or --init orthogonal"
"""Options to try if the gradient grows in the recurrence."""

_GROWTH = 1e3  # over one batch's steps: more than rounding, less than any explosion


def explain(model: nn.Module, batch: Batch, state: State | None) -> str:
    """Reports in one line the first parameter hit, any growth in the recurrence, and what to try.

    Args:
        model: with the gradients of the failed step.
        batch: the batch of that step.
        state: the state carried into that step.
    """
    hit = first_hit(model)
    where = "every parameter's gradient is finite" if hit is None else f"first in the gradient of {hit}"
    grown = recurrent_growth(model, batch, state)
    if grown > _GROWTH:
        size = "beyond float32" if grown == float("inf") else f"{grown:.0e}-fold"
        return f"{where}; values grew {size} within one batch in the recurrence: try {REMEDY}"
    no_growth = "" if math.isnan(grown) else "; values did not grow in the recurrence"
    return f"{where}{no_growth}: try a lower --learning-rate, or --warmup-steps"


def first_hit(model: nn.Module) -> str | None:
    """Returns the parameter nearest to the loss whose gradient is not finite."""
    for name, parameter in reversed(list(model.named_parameters())):
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return name
    return None


def recurrent_growth(model: nn.Module, batch: Batch, state: State | None) -> float:
    """Returns the growth factor of states or their gradients over the batch's steps, of the worst layer.

    Each recurrent layer reads its input of the failed step again, one step at a time; a layer whose input was
    not finite already counts as 1. NaN if all layers are bidirectional, which cannot run step by step.
    """
    layers = [m for m in model.modules() if isinstance(m, Recurrent) and not m.bidirectional]
    with ExitStack() as watched, torch.no_grad():
        made = [(layer, watched.enter_context(layer.calls())) for layer in layers]
        model(batch, state)
    grown = (_growth(layer, call) if _is_finite(call) else 1.0 for layer, calls in made for call, _ in calls)
    return max(grown, default=math.nan)


def _is_finite(call: Call) -> bool:
    return all(bool(torch.isfinite(t).all()) for t in (call.x, *call.state))


@torch.enable_grad()
def _growth(layer: Recurrent, call: Call) -> float:
    x = call.x[:256, :8].detach()
    sides = [None] * len(x) if call.side is None else list(call.side[:256, :8].detach())
    states = [tuple(s[:, : x.shape[1]].detach().clone().requires_grad_() for s in call.state)]
    for step, side in zip(x, sides, strict=True):
        _, state = layer.plain_step(step, states[-1], side)
        for s in state:
            s.retain_grad()
        states.append(state)
    total = torch.stack([s.sum() for s in states[-1]]).sum()
    total.backward(inputs=[s for state in states for s in state])
    values = [_norm(state) for state in states[1:]]
    gradients = [_norm(tuple(s.grad for s in state if s.grad is not None)) for state in states]
    forward = _ratio(max(values, key=_rank), values[0] + 1)
    return max(forward, _ratio(max(gradients, key=_rank), gradients[-1]))


def _norm(tensors: State) -> float:
    return float(torch.stack([t.detach().double().norm() for t in tensors]).norm())


def _rank(value: float) -> float:
    """Returns a sort key that places infinity and NaN above all finite values."""
    return value if value < float("inf") else float("inf")


def _ratio(after: float, before: float) -> float:
    return after / max(before, 1e-30) if after < float("inf") else float("inf")
