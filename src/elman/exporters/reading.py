"""Reads a cell's step as operations on one row of the batch.

The step is traced as the compiler traces it, but its tensors may have any shape.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.compiler.elementwise import RULES, SAME
from elman.compiler.read import CONSTANTS, RANDOM, plain, refused
from elman.compiler.trace import Call, NotCompilable, Recorder, Ref
from elman.exporters.arithmetic import narrowed
from elman.exporters.mixing import HANDLERS, refs_in, result_of
from elman.exporters.rows import Apply, Constant, Operation, Pick, Step
from elman.exporters.values import Held, Values
from elman.kernels import reference
from elman.kernels.call import Sweep
from elman.state import State


def read_step(cell: Cell, w: Weights, zoneout: Sequence[float] = ()) -> Step:
    """Reads a cell's step, from its input to its output.

    Args:
        cell: a cell without planes.
        w: its parameters.
        zoneout: for each state the share of the old one that is kept, as in evaluation; empty for none.

    Raises:
        NotCompilable: the step does what has no form here; the message names file, line and rule.
    """
    w = {name: t.detach().float().cpu() for name, t in w.items()}
    sizes = {n for t in w.values() for n in t.shape}
    rows = next(n for n in range(3, len(sizes) + 4) if n not in sizes)
    x = torch.zeros(rows, cell.input_size)
    state: State = tuple(torch.zeros(rows, *shape) for shape in cell.states().values())
    shape = cell.side_input()
    side = None if shape is None else torch.ones(rows, *shape)
    recorder = Recorder()
    try:
        with torch.no_grad(), recorder:
            projected = cell.project(w, x)
            sweep = Sweep(cell, w, x, state)
            output, new = reference.one_step(
                sweep, projected, state, zoneout=tuple(zoneout) or None, side=side
            )
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotCompilable(f"{type(cell).__name__}.step: {error}") from error
    values = Values(recorder, rows)
    values.fixed = {recorder.ref(tensor).number: tensor for tensor in w.values()}
    given = [values.starts(t) for t in (x, *state)]
    own_side = None if side is None else values.starts(side)
    for call in recorder.calls:
        _read(values, call)
    values.group.close()
    results = [_result(values, t, type(cell).__name__) for t in (*new, output)]
    kept = _needed(values.operations, results)
    return Step(
        kept, tuple(values.sizes), given[0], own_side, tuple(given[1:]), tuple(results[:-1]), results[-1]
    )


def _result(values: Values, tensor: Tensor, name: str) -> int:
    """Returns the value of a result [B, …]."""
    try:
        return values.of_rows(values.recorder.ref(tensor))
    except ValueError as error:
        raise NotCompilable(f"{name}.step: a result is not right: {error}") from None


def _needed(operations: Sequence[Operation], results: Sequence[int]) -> tuple[Operation, ...]:
    """Returns the operations that the results need."""
    needed, kept = set(results), []
    for operation in reversed(operations):
        if isinstance(operation, Apply):
            wanted = [k for k, own in enumerate(operation.results) if own in needed]
            if not wanted:
                continue
            operation = narrowed(operation, wanted)
            needed.update(operation.args)
        elif operation.result not in needed:
            continue
        elif isinstance(operation, Pick):
            needed.update(operation.sources)
        elif not isinstance(operation, Constant):
            needed.add(operation.x)
        kept.append(operation)
    return tuple(kept[::-1])


def _read(values: Values, call: Call) -> None:
    """Reads one operation."""
    refs = refs_in((call.args, tuple(call.kwargs.values())))
    if call.writes:
        raise refused(call, f"{plain(call)} writes into a tensor; use the form that returns a new one")
    if plain(call) in RANDOM:
        raise refused(call, f"{plain(call)} draws random numbers")
    if call.op in CONSTANTS or (refs and all(ref.number in values.fixed for ref in refs)):
        for ref in call.results:
            if ref is not None:
                values.fixed[ref.number] = values.recorder.tensor(ref)
        return
    if not refs or any(ref.number not in values.fixed and ref.number not in values.held for ref in refs):
        raise refused(call, "it reads a tensor that is not among the cell's parameters, input and states")
    try:
        if call.op in HANDLERS:
            HANDLERS[call.op](values, call)
        elif call.op in RULES or call.op in SAME:
            _elementwise(values, call)
        else:
            raise ValueError("it has no form in an export")
    except ValueError as error:
        raise refused(call, f"{plain(call)}: {error}") from error


def _elementwise(values: Values, call: Call) -> None:
    """Reads arithmetic, whose arguments are spread over the result's shape."""
    result = result_of(call)
    spread = [_spread(values, arg, result) for arg in call.args]
    axes = {held.axis for held in spread if isinstance(held, Held)}
    if len(axes) != 1:
        raise ValueError("it mixes rows of the batch")
    (axis,) = axes
    if call.op in SAME and not _is_mask(values, call.args[0]):
        values.held[result.number] = values.held[call.args[0].number]
        return
    takes_masks = "logical" in call.op or "bitwise" in call.op
    args: list[Any] = []
    for k, (arg, own) in enumerate(zip(call.args, spread, strict=True)):
        is_mask = _is_mask(values, arg)
        if isinstance(own, Held):
            as_mask = takes_masks or (call.op.startswith("aten.where") and k == 0)
            kind = ("mask" if as_mask else "number") if is_mask else "value"
            args.append((kind, own.value))
        elif is_mask:
            raise ValueError("a mask must depend on the input or the states")
        else:
            args.append(_number(values, own, result, axis))
    rule, options = (lambda x: x, {}) if call.op in SAME else (RULES[call.op], call.kwargs)
    if call.op in SAME:
        args = args[:1]
    values.held[result.number] = Held(values.arithmetic(rule, *args, **options), axis)


def _is_mask(values: Values, arg: Any) -> bool:
    return isinstance(arg, Ref) and values.recorder.tensor(arg).dtype == torch.bool


def _spread(values: Values, arg: Any, result: Ref) -> Any:
    """Returns an argument spread over the result's numbers; a parameter or a number as it is."""
    if not isinstance(arg, Ref) or arg.number in values.fixed:
        return arg
    held = values.held[arg.number]
    if values.sizes[held.value] == 1:
        return Held(held.value, held.axis + len(result.shape) - len(arg.shape))
    tags = values.tags(arg, 0, values.sizes[held.value]).expand(result.shape)
    return values.tagged(tags, [held.value])


def _number(values: Values, arg: Any, result: Ref, axis: int) -> Any:
    """Returns a parameter as a value with each of the result's numbers, or as one number for all."""
    if not isinstance(arg, Ref):
        return arg
    tensor = values.fixed[arg.number].expand(result.shape).movedim(axis, 0)
    if not bool((tensor == tensor[:1]).all()):
        raise ValueError("a parameter has numbers of its own for some rows")
    numbers = tensor[0].flatten()
    return float(numbers[0]) if bool((numbers == numbers[:1]).all()) else ("value", values.constant(numbers))
