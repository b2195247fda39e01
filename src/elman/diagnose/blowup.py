"""Why a loss or a gradient left the finite numbers."""

import math
from contextlib import ExitStack

import torch
from torch import nn

from elman.batch import Batch
from elman.kernels.call import Call
from elman.layers.recurrent import Recurrent
from elman.state import State

REMEDY = "--clip norm with a lower --clip-at, a gated --cell, or --init orthogonal"
"""Of a gradient that grows in the recurrence."""

_GROWTH = 1e3  # over one batch's steps: more than rounding and less than any explosion


def explain(model: nn.Module, batch: Batch, state: State | None) -> str:
    """The first parameter hit, whether it grew in the recurrence, and what to try, in one line.

    Args:
        model: with the gradients of the step that failed.
        batch: of that step.
        state: carried into that step.
    """
    hit = first_hit(model)
    where = "no single parameter's gradient" if hit is None else f"first hit {hit}"
    grown = recurrent_growth(model, batch, state)
    if grown > _GROWTH:
        size = "beyond float32" if grown == float("inf") else f"{grown:.0e}-fold"
        return f"{where}; it grew {size} within one batch in the recurrence: try {REMEDY}"
    not_there = "" if math.isnan(grown) else "; it did not grow in the recurrence"
    return f"{where}{not_there}: try a lower --learning-rate, or --warmup-steps"


def first_hit(model: nn.Module) -> str | None:
    """The parameter nearest to the loss whose gradient is not finite."""
    for name, parameter in reversed(list(model.named_parameters())):
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return name
    return None


def recurrent_growth(model: nn.Module, batch: Batch, state: State | None) -> float:
    """How many times states, or their gradients, grow within the batch's steps; the worst layer's figure.

    Each recurrent layer reads again what it read in the failed step, one step at a time; what was not finite
    when it came in did not grow here. NaN where no layer reads in one direction, and so step by step.
    """
    layers = [m for m in model.modules() if isinstance(m, Recurrent) and not m.bidirectional]
    with ExitStack() as watched, torch.no_grad():
        told = [(layer, watched.enter_context(layer.calls())) for layer in layers]
        model(batch, state)
    grown = (_growth(layer, call) if _is_finite(call) else 1.0 for layer, calls in told for call, _ in calls)
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
    """Orders values with what is not finite above all."""
    return value if value < float("inf") else float("inf")


def _ratio(after: float, before: float) -> float:
    return after / max(before, 1e-30) if after < float("inf") else float("inf")
