"""A layer as operators for torch.compile and torch.export: ``elman::sweep`` and its gradient.

They take a layer's ``Inputs`` without the Nones, and its ``Options`` as plain arguments. No list is empty:
AOTInductor passes an empty list on as None.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.kernels.call import Noise, check_lengths
from elman.kernels.compiled.passes import Inputs, Options, backward, forward
from elman.kernels.compiled.table import cell_of, described, kernel_of

_OPTIONS = (
    "Tensor? lengths, Tensor? resets, Tensor?[] masks, Tensor?[] zoneout, float[] rates, str cell, "
    "int[] sizes, bool[] reverse"
)


@torch.library.custom_op(
    "elman::sweep",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor[] inputs, {_OPTIONS}, bool keep) -> Tensor[]",
)
def _sweep(given: Sequence[Tensor], *plain: Any) -> list[Tensor]:
    """Runs a layer in a compiled graph: output, final states and, with ``keep``, memory for its gradient."""
    options, x, keep = _options(*plain[:-1]), given[0], plain[-1]
    if options.lengths is not None:
        check_lengths(options.lengths, len(x))  # the layer cannot check them in a graph
    # zeros, because an operator must be deterministic, padding included
    kept = torch.zeros(options.kept_bytes(x), dtype=torch.uint8, device="cpu") if keep else None
    results = forward(options, _inputs(options, given), kept)
    return results if kept is None else [*results, kept]


@_sweep.register_fake
def empty_results(given: Sequence[Tensor], *plain: Any) -> list[Tensor]:
    """Returns the operator's results without values, for tracing."""
    options, x, keep = _options(*plain[:-1]), given[0], plain[-1]
    T, B, directions = *x.shape[:2], len(options.reverse)
    output = x.new_empty(T, B, directions * options.cell.output_size)
    shapes = list(options.cell.states().values()) * directions
    final = [x.new_empty(B, *shape, dtype=torch.float32) for shape in shapes]
    return [output, *final, *([x.new_empty(options.kept_bytes(x), dtype=torch.uint8)] if keep else [])]


@torch.library.custom_op(
    "elman::sweep_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor[] d_results, Tensor kept, bool[] needs, Tensor[] inputs, {_OPTIONS}) -> Tensor[]",
)
def _sweep_backward(
    d_results: Sequence[Tensor], kept: Tensor, needs: Sequence[bool], given: Sequence[Tensor], *plain: Any
) -> list[Tensor]:
    """Computes the gradients of the inputs that need one, in their order."""
    options = _options(*plain)
    inputs, needed = _inputs(options, given), iter(needs)
    # a clone, because a graph may run backward again
    gradients = backward(
        options, inputs, kept.clone(), [t is not None and next(needed) for t in inputs], d_results
    )
    return [g for g in gradients if g is not None]


@_sweep_backward.register_fake
def _(d_results: Any, kept: Any, needs: Sequence[bool], given: Sequence[Tensor], *plain: Any) -> list[Tensor]:
    return [t.new_empty(t.shape) for t, need in zip(given, needs, strict=True) if need]


def _setup_context(ctx: Any, inputs: Any, output: list[Tensor]) -> None:
    given, lengths, resets, masks, zoneout, *ctx.plain, keep = inputs
    ctx.save_for_backward(output[-1] if keep else None, lengths, resets, *masks, *zoneout, *given)
    ctx.counts = [len(group) for group in (masks, zoneout, given)]


def _gradient_of_sweep(ctx: Any, d_results: Sequence[Tensor]) -> Any:
    kept, lengths, resets, *rest = ctx.saved_tensors
    left = iter(rest)
    masks, zoneout, given = [list(itertools.islice(left, count)) for count in ctx.counts]
    needs = [t.requires_grad for t in given]
    found = iter(
        _sweep_backward(d_results[:-1], kept, needs, given, lengths, resets, masks, zoneout, *ctx.plain)
    )
    gradients = [next(found) if need else None for need in needs]
    # torch treats a list of tensors as differentiable, and a list with a None as a plain argument
    for_lists = [None if any(t is None for t in group) else [None] * len(group) for group in (masks, zoneout)]
    return (gradients, None, None, *for_lists, *[None] * (len(ctx.plain) + 1))


_sweep.register_autograd(_gradient_of_sweep, setup_context=_setup_context)


def sweep_in_graph(options: Options, inputs: Inputs) -> list[Tensor]:
    """Runs ``forward`` as an operator of a compiled graph."""
    given = [t for t in inputs if t is not None]
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    results = _sweep(given, *_plain(options), keep)
    return results[:-1] if keep else results


def _plain(options: Options) -> tuple[Any, ...]:
    """Converts options to an operator's plain arguments; the inverse of ``_options``."""
    cell, noise = options.cell, options.noise
    zoneout = [z for own in noise for z in own.zoneout or (0.0,) * len(cell.states())]
    return (
        options.lengths,
        options.resets,
        [mask for own in noise for mask in own.recurrent or (None,)],
        [z if isinstance(z, Tensor) else None for z in zoneout],
        [0.0 if isinstance(z, Tensor) else float(z) for z in zoneout],
        described(cell),
        [cell.input_size, cell.hidden_size],
        list(options.reverse),
    )


def _options(
    lengths: Tensor | None,
    resets: Tensor | None,
    masks: Sequence[Tensor | None],
    zoneout: Sequence[Tensor | None],
    rates: Sequence[float],
    description: str,
    sizes: Sequence[int],
    reverse: Sequence[bool],
) -> Options:
    """Converts an operator's plain arguments to options."""
    cell = cell_of(description, *sizes)
    shares = [rate if z is None else z for z, rate in zip(zoneout, rates, strict=True)]
    n = len(cell.states())
    noise = [
        Noise(None if mask is None else (mask,), tuple(shares[k * n : (k + 1) * n]))
        for k, mask in enumerate(masks)
    ]
    return Options(kernel_of(cell), cell, lengths, resets, noise, reverse, [None] * len(reverse))


def _inputs(options: Options, given: Sequence[Tensor]) -> list[Tensor | None]:
    """Converts an operator's tensors to ``Inputs``, with None for the parameters that the cell lacks."""
    cell, left = options.cell, iter(given)
    states = len(cell.states()) * (1 if options.resets is None else 2)
    present = [True] * states + [name in cell.parameters() for name in options.kernel.parameters]
    count = 1 + sum(present) * len(options.reverse)
    if len(given) != count:
        raise ValueError(f"elman::sweep of {type(cell).__name__} takes {count} tensors. Got {len(given)}.")
    return [next(left), *(next(left) if there else None for there in present * len(options.reverse))]
