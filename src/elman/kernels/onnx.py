"""A stack in a model that ``torch.onnx.export`` writes: ONNX's nodes RNN, LSTM and GRU, or a Scan.

A cell that ONNX has a node for becomes that node, one for each layer with all its directions. Every other
cell, and every call with resets, zoneout or recurrent dropout, becomes the loop of ``loop``: a Scan in ONNX.
Both leave steps and rows free. Source of the equations: ONNX's operators RNN, LSTM and GRU, version 14.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._decomp import register_decomposition

from elman.kernels import loop, reference, stack
from elman.kernels.call import Call, Sweep
from elman.kernels.compiled import operator
from elman.kernels.onnx_nodes import Node, blocks, node_of
from elman.state import State, where


def is_exporting() -> bool:
    """Whether ``torch.onnx.export`` is reading a model by ``torch.export``."""
    return torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()


def run(call: Call) -> tuple[Tensor, State]:
    """Writes the stack as nodes of the graph that is exported."""
    return stack.run(call._replace(record=None), loop.unroll, layer)


def layer(sweeps: Sequence[Sweep]) -> tuple[Tensor, list[State]]:
    """Writes one layer in all its directions, like ``stack.each_direction``."""
    first = sweeps[0]
    plain = first.resets is None and first.noise.recurrent is None and not _any_zoneout(first)
    # ONNX Runtime has no LSTM node in float64
    node = node_of(first.cell)
    if node is not None and plain and first.state[0].dtype != torch.float64:
        return _node(node, sweeps)
    return stack.each_direction(loop.unroll, sweeps)


def _any_zoneout(sweep: Sweep) -> bool:
    """Whether a state keeps a part of its old value."""
    return any(isinstance(z, Tensor) or z != 0 for z in sweep.noise.zoneout or ())


def _node(node: Node, sweeps: Sequence[Sweep]) -> tuple[Tensor, list[State]]:
    """Writes a layer as one node; of two directions the forward one comes first."""
    first = sweeps[0]
    cell, state = first.cell, first.state
    (T, B), H, dtype = first.x.shape[:2], cell.hidden_size, first.w["weight_ih"].dtype
    if dtype is torch.bfloat16:  # the nodes take it from version 22 on, later than torch writes them
        dtype = torch.float32
    lengths, empty = first.lengths, None
    if lengths is not None:  # ONNX's lengths start at 1: empty rows are read for one step, which is undone
        empty, lengths = lengths == 0, lengths.clamp(min=1).to(torch.int32)
    initial = [torch.stack([sweep.state[k] for sweep in sweeps]).to(dtype) for k in range(len(state))]

    def stacked(*names: str) -> Tensor:
        return torch.stack([blocks(node, cell, sweep.w, *names).to(dtype) for sweep in sweeps])

    inputs: list[Tensor | None] = [first.x.to(dtype), stacked("weight_ih"), stacked("weight_hh")]
    inputs += [stacked("bias_ih", "bias_hh") if cell.bias else None, lengths, *initial]
    if node.peepholes:
        peepholes = [torch.cat([sweep.w[name] for name in node.peepholes]).to(dtype) for sweep in sweeps]
        inputs.append(torch.stack(peepholes))
    directions = len(sweeps)
    attributes = {"hidden_size": H, **node.attributes}
    attributes["direction"] = (
        "bidirectional" if directions == 2 else "reverse" if first.reverse else "forward"
    )
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"] * directions
    output, *final = torch.onnx.ops.symbolic_multi_out(
        node.kind,
        inputs,
        attributes,
        dtypes=[dtype] * (1 + len(state)),
        shapes=[[T, directions, B, H], *[[directions, B, H]] * len(state)],
    )
    output = output.transpose(1, 2).flatten(2).to(state[0].dtype)
    finals = [tuple(f[k].to(s.dtype) for f, s in zip(final, state, strict=True)) for k in range(directions)]
    if empty is not None:
        output = torch.where(empty[:, None], 0.0, output)
        finals = [where(empty, s.state, own) for s, own in zip(sweeps, finals, strict=True)]
    return output, finals


_SWEEP = torch.ops.elman.sweep.default
# torch would find an operator's shapes by its decomposition unless it has a form of its own for them
register_decomposition(_SWEEP, type="meta")(operator.empty_results)


@register_decomposition(_SWEEP)
def _decomposed(given: Sequence[Tensor], *plain: Any) -> list[Tensor]:
    """Writes the operator in a program that ``torch.export`` made before."""
    *arguments, keep = plain
    options = operator._options(*arguments)
    sweeps = options.sweeps(operator._inputs(options, given))
    whole = layer if torch.onnx.is_in_onnx_export() else partial(stack.each_direction, reference.unroll)
    output, finals = whole(sweeps)
    kept = [output.new_empty(options.kept_bytes(given[0]), dtype=torch.uint8)] if keep else []
    return [output, *(s for final in finals for s in final), *kept]
