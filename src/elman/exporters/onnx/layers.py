"""A stack of layers as nodes of ONNX: RNN, LSTM and GRU, or a cell's step in plain operations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from onnx import helper

from elman.exporters.onnx.graph import BOOL, FLOAT, Graph, listed
from elman.exporters.onnx.rows import write_step
from elman.exporters.reading import read_step
from elman.kernels.call import Call
from elman.kernels.onnx_nodes import Node, blocks, node_of

Own = tuple[str, list[str]]
"""A layer's output, and its states [directions, B, *shape]."""


@dataclass(frozen=True)
class Rows:
    """Which rows read which steps.

    Attributes:
        lengths: [B] int64.
        for_nodes: [B] int32, at least 1, which is the least that the nodes take.
        empty: [B, 1] whether a row has no steps.
        alive: [T, B, 1] whether a row has not ended before a step.
    """

    lengths: str
    for_nodes: str
    empty: str
    alive: str

    @classmethod
    def of(cls, graph: Graph, x: str, lengths: str) -> "Rows":
        """Writes them for an input [T, B, …] with lengths [B]."""
        least = graph.add("Max", lengths, graph.ints(1))
        empty = graph.add("Equal", graph.reshaped(lengths, -1, 1), graph.ints(0))
        zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
        steps = graph.add("Gather", graph.add("Shape", x), zero, axis=0)
        number = graph.reshaped(graph.add("Range", zero, steps, one), -1, 1, 1)
        alive = graph.add("Less", number, graph.reshaped(lengths, 1, -1, 1))
        return cls(lengths, graph.add("Cast", least, to=helper.TensorProto.INT32), empty, alive)


def needs_loops(call: Call) -> bool:
    """Whether whole sequences of a stack need a Scan, since a cell has no node or zoneout blends states."""
    return any(_node(call, k) is None for k in range(len(call.cells)))


def write_sequence(
    graph: Graph,
    call: Call,
    x: str,
    lengths: str,
    state: Sequence[str],
    side: str | None,
    as_loops: bool = False,
) -> Own:
    """Writes whole sequences of a stack, by nodes or ``as_loops``.

    Shapes:
        x [T, B, I], lengths [B], each state [layers × directions, B, *shape], side [T, B, *shape] →
        output [T, B, O × directions]
    """
    rows = Rows.of(graph, x, lengths)

    def layer(k: int, given: str, own: list[str]) -> Own:
        node = None if as_loops else _node(call, k)
        if node is not None:
            return _in_node(graph, call, k, node, given, own, rows)
        ways = range(call.directions)
        found = [_in_scan(graph, call, k, way, given, own, rows, side) for way in ways]
        output = listed([y for y, _ in found], graph, axis=2)
        parts = zip(*(final for _, final in found), strict=True)
        return output, [listed(list(part), graph, axis=0) for part in parts]

    return _stacked(graph, call, x, state, layer)


def write_step_of(
    graph: Graph, call: Call, x: str, state: Sequence[str], side: str | None, plain: bool = False
) -> Own:
    """Writes one step of a stack of one direction, by nodes or in ``plain`` operations.

    Shapes:
        x [B, I], each state [layers, B, *shape], side [B, *shape] → output [B, O]
    """

    def layer(k: int, given: str, own: list[str]) -> Own:
        node = None if plain else _node(call, k)
        if node is not None:
            steps = graph.add("Unsqueeze", given, graph.ints(0))
            output, new = _in_node(graph, call, k, node, steps, own, None)
            return graph.add("Squeeze", output, graph.ints(0)), new
        output, new = _plain(
            graph, call, k, 0, given, [graph.add("Squeeze", s, graph.ints(0)) for s in own], side
        )
        return output, [graph.add("Unsqueeze", s, graph.ints(0)) for s in new]

    return _stacked(graph, call, x, state, layer)


def _stacked(
    graph: Graph,
    call: Call,
    x: str,
    state: Sequence[str],
    layer: Callable[[int, str, list[str]], Own],
) -> Own:
    """Writes layer on layer."""
    D, count = call.directions, len(call.cells)
    finals: list[list[str]] = []
    for k in range(count):
        own = list(state)
        if count > 1:
            bounds = graph.ints(k * D), graph.ints((k + 1) * D), graph.ints(0)
            own = [graph.add("Slice", s, *bounds) for s in state]
        output, new = layer(k, x, own)
        x = graph.add("Add", x, output) if call.residual and k > 0 else output
        finals.append(new)
    return x, [listed(list(parts), graph, axis=0) for parts in zip(*finals, strict=True)]


def _node(call: Call, k: int) -> Node | None:
    """Returns the node of a layer; None if its step is written in plain operations."""
    blends = bool(call.noise) and any(call.noise[k * call.directions].zoneout or ())
    return None if blends else node_of(call.cells[k])


def _in_node(
    graph: Graph, call: Call, k: int, node: Node, x: str, state: Sequence[str], rows: Rows | None
) -> Own:
    """Writes a layer as one node; of two directions the forward one comes first."""
    cell, D = call.cells[k], call.directions
    parameters = call.weights[k * D : (k + 1) * D]

    def stacked(*names: str) -> str:
        return graph.constant(torch.stack([blocks(node, cell, w, *names).float() for w in parameters]))

    inputs = [x, stacked("weight_ih"), stacked("weight_hh")]
    inputs += [stacked("bias_ih", "bias_hh") if cell.bias else "", "" if rows is None else rows.for_nodes]
    inputs += state
    if node.peepholes:
        peepholes = [torch.cat([w[name] for name in node.peepholes]).float() for w in parameters]
        inputs.append(graph.constant(torch.stack(peepholes)))
    attributes = {"hidden_size": cell.hidden_size, **node.attributes}
    attributes["direction"] = "bidirectional" if D == 2 else "forward"
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"] * D
    output, *final = graph.add_several(node.kind, 1 + len(state), *inputs, **attributes)
    output = graph.reshaped(graph.add("Transpose", output, perm=[0, 2, 1, 3]), 0, 0, -1)
    if rows is not None:
        output = graph.add("Where", rows.empty, graph.constant(0.0), output)
        final = [graph.add("Where", rows.empty, s, f) for s, f in zip(state, final, strict=True)]
    return output, final


def _plain(graph: Graph, call: Call, k: int, way: int, x: str, state: Sequence[str], side: str | None) -> Own:
    """Writes one step of one direction in plain operations: x [B, I], each state [B, *shape]."""
    cell, j = call.cells[k], k * call.directions + way
    zoneout = call.noise[j].zoneout if call.noise else None
    step = read_step(cell, call.weights[j], [float(share) for share in zoneout or ()])
    shapes = list(cell.states().values())
    flat = [graph.reshaped(s, 0, -1) if len(shape) > 1 else s for s, shape in zip(state, shapes, strict=True)]
    new, output = write_step(graph, step, x, flat, None if side is None else graph.reshaped(side, 0, -1))
    new = [
        graph.reshaped(s, 0, *shape) if len(shape) > 1 else s for s, shape in zip(new, shapes, strict=True)
    ]
    return output, new


def _in_scan(
    graph: Graph,
    call: Call,
    k: int,
    way: int,
    x: str,
    state: Sequence[str],
    rows: Rows,
    side: str | None,
) -> Own:
    """Writes one direction of a layer as a loop over steps."""
    cell = call.cells[k]
    body = Graph(f"step_{k}_{way}")
    names = list(cell.states())
    before = [
        body.input(f"{body.name}_state_{name}", FLOAT, "rows", *shape)
        for name, shape in cell.states().items()
    ]
    x_t = body.input(f"{body.name}_x", FLOAT, "rows", cell.input_size)
    alive = body.input(f"{body.name}_alive", BOOL, "rows", 1)
    read, side_t = [x, rows.alive], None
    if side is not None:
        side_t = body.input(f"{body.name}_side", FLOAT, "rows", *(cell.side_input() or ()))
        read.append(side)
    output, new = _plain(body, call, k, way, x_t, before, side_t)
    for name, old, own, shape in zip(names, before, new, cell.states().values(), strict=True):
        lives = body.reshaped(alive, 0, *(1,) * len(shape)) if len(shape) > 1 else alive
        kept = body.add("Where", lives, own, old)
        body.output(f"{body.name}_state_{name}_new", kept, FLOAT, "rows", *shape)
    shown = body.add("Where", alive, output, body.constant(0.0))
    body.output(f"{body.name}_y", shown, FLOAT, "rows", *cell.output_shape())
    at = graph.constant(way, np.int64)
    given = [graph.add("Gather", s, at, axis=0) for s in state]
    *final, ys = graph.add_several(
        "Scan",
        len(state) + 1,
        *given,
        *read,
        body=body.proto(),
        num_scan_inputs=len(read),
        scan_input_directions=[way] * len(read),
        scan_output_directions=[way],
    )
    return ys, [graph.add("Unsqueeze", f, graph.ints(0)) for f in final]
