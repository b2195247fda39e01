"""A layer as operators that torch.compile and torch.export know: ``elman::sweep`` and its gradient."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells import Elman, ProjectedLSTM
from elman.cells.base import Cell
from elman.kernels.call import Noise, check_lengths
from elman.kernels.compiled.passes import (
    CELLS,
    PARAMETERS,
    Inputs,
    Options,
    backward,
    forward,
    kind_of,
    split,
)


@torch.library.custom_op("elman::sweep", mutates_args=(), device_types="cpu")
def _sweep(
    x: Tensor,
    state: Sequence[Tensor],
    start: Sequence[Tensor],
    parameters: Sequence[Tensor],
    lengths: Tensor | None,
    resets: Tensor | None,
    masks: Sequence[Tensor],
    zoneout: Sequence[Tensor | None],
    rates: Sequence[float],
    cell: Sequence[int],
    reverse: Sequence[bool],
    keep: bool,
) -> list[Tensor]:
    """A layer in a compiled graph: output, final states and, with ``keep``, what its gradient needs."""
    options = _rebuilt(lengths, resets, masks, zoneout, rates, cell, reverse)
    if lengths is not None:
        check_lengths(lengths, len(x))  # which the layer cannot in a graph
    # zeros, as an operator must give the same for the same, padding included
    kept = torch.zeros(options.kept_bytes(x), dtype=torch.uint8, device="cpu") if keep else None
    results = forward(options, _inputs(options, x, state, start, parameters), kept)
    return results if kept is None else [*results, kept]


@_sweep.register_fake
def _(
    x: Tensor,
    state: Sequence[Tensor],
    start: Any,
    parameters: Any,
    lengths: Any,
    resets: Any,
    masks: Any,
    zoneout: Any,
    rates: Any,
    cell: Sequence[int],
    reverse: Sequence[bool],
    keep: bool,
) -> list[Tensor]:
    options = _rebuilt(lengths, resets, masks, zoneout, rates, cell, reverse)
    output = x.new_empty(x.shape[0], x.shape[1], len(reverse) * options.cell.output_size)
    final = [s.new_empty(s.shape, dtype=torch.float32) for s in state]
    return [output, *final, *([x.new_empty(options.kept_bytes(x), dtype=torch.uint8)] if keep else [])]


@torch.library.custom_op("elman::sweep_backward", mutates_args=(), device_types="cpu")
def _sweep_backward(
    d_results: Sequence[Tensor],
    kept: Tensor,
    needs: Sequence[bool],
    x: Tensor,
    state: Sequence[Tensor],
    start: Sequence[Tensor],
    parameters: Sequence[Tensor],
    lengths: Tensor | None,
    resets: Tensor | None,
    masks: Sequence[Tensor],
    zoneout: Sequence[Tensor | None],
    rates: Sequence[float],
    cell: Sequence[int],
    reverse: Sequence[bool],
) -> list[Tensor]:
    """The gradients of those tensors, in their order, that need one."""
    options = _rebuilt(lengths, resets, masks, zoneout, rates, cell, reverse)
    inputs, wanted = _inputs(options, x, state, start, parameters), iter(needs)
    # a graph may be run backward again, so what was kept stays as it is
    found = backward(
        options, inputs, kept.clone(), [t is not None and next(wanted) for t in inputs], d_results
    )
    return [g for g in found if g is not None]


@_sweep_backward.register_fake
def _(
    d_results: Any,
    kept: Any,
    needs: Sequence[bool],
    x: Tensor,
    state: Sequence[Tensor],
    start: Sequence[Tensor],
    parameters: Sequence[Tensor],
    *rest: Any,
) -> list[Tensor]:
    tensors = [x, *state, *start, *parameters]
    return [t.new_empty(t.shape) for t, need in zip(tensors, needs, strict=True) if need]


def _setup_context(ctx: Any, inputs: Any, output: list[Tensor]) -> None:
    *groups, lengths, resets, masks, zoneout, rates, cell, reverse, keep = inputs
    x, state, start, parameters = groups
    kept = output[-1] if keep else None
    ctx.save_for_backward(kept, lengths, resets, *masks, *zoneout, x, *state, *start, *parameters)
    ctx.counts = [len(group) for group in (masks, zoneout, (x,), state, start, parameters)]
    ctx.plain = (rates, cell, reverse)


def _gradient_of_sweep(ctx: Any, d_results: Sequence[Tensor]) -> Any:
    kept, lengths, resets, *rest = ctx.saved_tensors
    left = iter(rest)
    masks, zoneout, *groups = [list(itertools.islice(left, count)) for count in ctx.counts]
    (x,), *others = groups
    needs = [t.requires_grad for group in groups for t in group]
    found = iter(
        _sweep_backward(d_results[:-1], kept, needs, x, *others, lengths, resets, masks, zoneout, *ctx.plain)
    )
    (dx,), *given = [[next(found) if t.requires_grad else None for t in group] for group in groups]
    # torch takes a list of tensors for differentiable, and one that holds a None for a plain argument
    for_zoneout = None if any(z is None for z in zoneout) else [None] * len(zoneout)
    return (dx, *given, None, None, [None] * len(masks), for_zoneout, *[None] * (1 + len(ctx.plain)))


_sweep.register_autograd(_gradient_of_sweep, setup_context=_setup_context)


def sweep(options: Options, inputs: Inputs) -> list[Tensor]:
    """``forward`` as an operator that a compiled graph knows."""
    x, state, start, parameters = split(options, inputs)
    cell, noise = options.cell, options.noise
    zoneout = [z for own in noise for z in own.zoneout or (0.0,) * len(state)]
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)
    results = _sweep(
        x,
        list(state),
        list(start),
        [p for own in parameters for p in own if p is not None],
        options.lengths,
        options.resets,
        [own.recurrent for own in noise if own.recurrent is not None],
        [z if isinstance(z, Tensor) else None for z in zoneout],
        [0.0 if isinstance(z, Tensor) else float(z) for z in zoneout],
        [kind_of(cell), cell.input_size, cell.hidden_size, cell.output_size, int(cell.bias)],
        list(options.reverse),
        keep,
    )
    return results[: 1 + len(state)]


def _rebuilt(
    lengths: Tensor | None,
    resets: Tensor | None,
    masks: Sequence[Tensor],
    zoneout: Sequence[Tensor | None],
    rates: Sequence[float],
    cell: Sequence[int],
    reverse: Sequence[bool],
) -> Options:
    """The options that an operator's plain arguments stand for."""
    kind, inputs, units, outputs, bias = cell
    described: Cell
    if kind <= 1:
        described = Elman(inputs, units, bool(bias), nonlinearity="relu" if kind else "tanh")
    elif CELLS[kind - 1] is ProjectedLSTM:
        described = ProjectedLSTM(inputs, units, bool(bias), proj_size=outputs)
    else:
        described = CELLS[kind - 1](inputs, units, bool(bias))
    shares = [rate if z is None else z for z, rate in zip(zoneout, rates, strict=True)]
    n = len(described.states())
    noise = [
        Noise(masks[k] if masks else None, tuple(shares[k * n : (k + 1) * n])) for k in range(len(reverse))
    ]
    return Options(described, lengths, resets, noise, reverse)


def _inputs(
    options: Options,
    x: Tensor,
    state: Sequence[Tensor],
    start: Sequence[Tensor],
    parameters: Sequence[Tensor],
) -> list[Tensor | None]:
    """``Inputs`` from an operator's tensors, which leave out the parameters that the cell has not."""
    left, present = iter(parameters), options.cell.parameters()
    names = PARAMETERS * len(options.reverse)
    return [x, *state, *start, *(next(left) if name in present else None for name in names)]
