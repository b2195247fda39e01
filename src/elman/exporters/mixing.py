"""torch's operations that move numbers, multiply by matrices, or mix the numbers of a row."""

import math
from collections.abc import Callable
from typing import Any

import torch

from elman.compiler.trace import Call, Ref
from elman.exporters.rows import FoldKind
from elman.exporters.values import Held, Values

Handler = Callable[[Values, Call], None]


def refs_in(value: Any) -> list[Ref]:
    """Returns all tensors among arguments."""
    if isinstance(value, Ref):
        return [value]
    return [ref for own in value for ref in refs_in(own)] if isinstance(value, tuple) else []


def result_of(call: Call) -> Ref:
    """Returns the first result of an operation."""
    assert call.results[0] is not None
    return call.results[0]


def _move(values: Values, call: Call) -> None:
    """Reads an operation that only moves numbers, by moving their places."""
    sources: list[int] = []
    begins: dict[int, int] = {}
    begin = 0
    for ref in dict.fromkeys(refs_in(call.args)):
        if ref.number in values.fixed:
            tensor = values.fixed[ref.number]
            if not tensor.is_floating_point():  # an index
                continue
            if len(tensor) != values.rows or not bool((tensor == tensor[:1]).all()):
                raise ValueError("it joins parameters with states")
            values.held[ref.number] = Held(values.constant(tensor[0]), 0)
        own = values.held[ref.number].value
        begins[ref.number] = begin
        begin += values.sizes[own]
        sources.append(own)

    def places(value: Any) -> Any:
        if isinstance(value, Ref):
            if value.number in begins:
                return values.tags(value, begins[value.number], begin)
            return values.fixed[value.number]
        return [places(own) for own in value] if isinstance(value, tuple) else value

    moved = call.function(*map(places, call.args), **{k: places(v) for k, v in call.kwargs.items()})
    results = moved if isinstance(moved, (tuple, list)) else [moved]
    for result, tags in zip(call.results, results, strict=True):
        if result is not None:
            values.held[result.number] = values.tagged(tags, sources)


def _product(values: Values, call: Call) -> None:
    bias, operand, weight = (None, *call.args) if call.op == "aten.mm.default" else call.args
    if call.kwargs:
        raise ValueError("a product must not be scaled")
    x = values.of_rows(operand)
    matrix = values.fixed.get(weight.number)
    added = None if bias is None else values.fixed.get(bias.number)
    if matrix is None or (bias is not None and added is None):
        raise ValueError("a product must be of states with a matrix of parameters")
    added = None if added is None else added.expand(matrix.shape[1])
    values.held[result_of(call).number] = Held(values.product(x, matrix, added), 0)


def _batched_product(values: Values, call: Call) -> None:
    """Reads [B, N, K] · [B, K, M] as sums over K of products."""
    first, second = call.args
    (N, K), M = first.shape[1:], second.shape[2]
    left = torch.arange(N * K).view(N, 1, K).expand(N, M, K)
    right = torch.arange(K * M).view(1, K, M).mT.expand(N, M, K)
    parts = [
        ("value", values.pick([values.of_rows(given)], index.flatten().numpy()))
        for given, index in ((first, left), (second, right))
    ]
    terms = values.arithmetic(lambda x, y: x * y, *parts)
    values.held[result_of(call).number] = Held(values.fold(terms, "sum", K), 0)


def _fold(kind: FoldKind) -> Handler:
    """Returns what reads an operation over some axes of a tensor [B, …]."""

    def read(values: Values, call: Call) -> None:
        given, dims, *_ = call.args
        value, axes = values.of_rows(given), len(given.shape)
        reduced = sorted(d % axes for d in (dims if isinstance(dims, tuple) else (dims,)))
        if not reduced or 0 in reduced:
            raise ValueError("it mixes rows of the batch")
        kept = [d for d in range(1, axes) if d not in reduced]
        places = torch.arange(values.sizes[value]).view(given.shape[1:])
        order = places.permute(*(d - 1 for d in (*kept, *reduced))).flatten()
        size = math.prod(given.shape[d] for d in reduced)
        value = values.fold(values.pick([value], order.numpy()), kind, size)
        if kind in ("softmax", "log_softmax"):
            value = values.pick([value], order.argsort().numpy())
        values.held[result_of(call).number] = Held(value, 0)

    return read


def _layer_norm(values: Values, call: Call) -> None:
    given, shape, weight, bias, epsilon = call.args
    value = values.fold(values.of_rows(given), "normal", math.prod(shape), epsilon)
    for parameter, rule in ((weight, lambda x, y: x * y), (bias, lambda x, y: x + y)):
        if parameter is not None:
            if parameter.number not in values.fixed:
                raise ValueError("gain and shift must be parameters")
            spread = values.constant(values.fixed[parameter.number].expand(given.shape[1:]))
            value = values.arithmetic(rule, ("value", value), ("value", spread))
    values.held[result_of(call).number] = Held(value, 0)


HANDLERS: dict[str, Handler] = {
    "aten.mm.default": _product,
    "aten.addmm.default": _product,
    "aten.bmm.default": _batched_product,
    "aten.sum.dim_IntList": _fold("sum"),
    "aten.mean.dim": _fold("mean"),
    "aten.amax.default": _fold("max"),
    "aten.amin.default": _fold("min"),
    "aten._softmax.default": _fold("softmax"),
    "aten._log_softmax.default": _fold("log_softmax"),
    "aten.native_layer_norm.default": _layer_norm,
    **dict.fromkeys(
        (
            f"aten.{name}"
            for name in (
                *("t.default", "transpose.int", "permute.default", "view.default", "_unsafe_view.default"),
                *("reshape.default", "split.Tensor", "split_with_sizes.default", "slice.Tensor"),
                *("select.int", "unbind.int", "cat.default", "stack.default", "unsqueeze.default"),
                *("squeeze.dim", "squeeze.dims", "expand.default", "repeat.default", "flip.default"),
                *("roll.default", "index_select.default"),
            )
        ),
        _move,
    ),
}
"""What reads each of torch's operations, by its name; the rest is arithmetic."""
