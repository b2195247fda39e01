"""Writes the two files of a network: whole sequences, and one step."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from elman.errors import InputError
from elman.exporters.network import Network, described
from elman.exporters.onnx.graph import BOOL, FLOAT, INT64, Graph
from elman.exporters.onnx.layers import Rows, needs_loops, write_sequence, write_step_of
from elman.exporters.onnx.parts import Running, answered, pooled, read
from elman.exporters.onnx.run import session
from elman.exporters.written import Written
from elman.kernels.call import Call

WHOLE, STEP = "model.onnx", "step.onnx"


def write(network: Network, folder: Path, metadata: Mapping[str, str], scan: bool = False) -> Written:
    """Writes ``model.onnx`` and ``step.onnx``, or the one of them that there can be.

    Args:
        network: the network.
        folder: an existing folder.
        metadata: what travels along.
        scan: writes no nodes that compute a cell, but its step in plain operations, and a Scan of it.

    Raises:
        InputError: without ``scan`` there is nothing to write.
    """
    call, layer = described(network.layer), network.layer
    kind = f"{type(layer.cell).__name__}{' with zoneout' if any(layer.zoneout) else ''}"
    models: dict[str, Any] = {}
    notes: list[str] = []
    if scan:
        notes.append(f"{WHOLE} is a loop over the steps of {kind}, which runs slowly")
    elif needs_loops(call) and layer.bidirectional:
        raise InputError(f"ONNX has no node of {kind}, in both directions: write a loop, with --scan")
    elif needs_loops(call):
        notes.append(f"no {WHOLE}: ONNX has no node of {kind}; --scan writes a loop, which runs slowly")
    if scan or not needs_loops(call):
        models[WHOLE] = _whole(network, call, scan).model({**metadata, **_initial(network)})
    if layer.bidirectional:
        notes.append(f"no {STEP}: the layers read in both directions")
    else:
        models[STEP] = _step(network, call, scan).model({**metadata, **_initial(network)})
    for name, model in models.items():
        onnx.save(model, folder / name)
    whole, step = (session(folder / name) if name in models else None for name in (WHOLE, STEP))
    return Written(tuple(models), whole, step, tuple(notes))


def _whole(network: Network, call: Call, scan: bool) -> Graph:
    """Writes whole sequences, time first."""
    graph = Graph("sequences")
    x = _input(graph, network, "steps", "rows")
    lengths = graph.input("lengths", INT64, "rows")
    state = _state_inputs(graph, network, call)
    side = _side(graph, network, "steps", "rows")
    values = read(graph, network, x)
    output, new = write_sequence(graph, call, values, lengths, state, side, scan)
    if network.pooling is not None:
        rows = Rows.of(graph, x, lengths)
        output = pooled(graph, network.pooling, call.directions, output, new[0], rows)
    _outputs(graph, network, call, output, values, new)
    return graph


def _step(network: Network, call: Call, plain: bool) -> Graph:
    """Writes one step of a network of one direction."""
    graph = Graph("step")
    x = _input(graph, network, "rows")
    reset = graph.input("reset", BOOL, "rows")
    state = []
    for given, initial in zip(_state_inputs(graph, network, call), call.initial, strict=True):
        rows = graph.reshaped(reset, 1, -1, *(1,) * (initial.dim() - 2))
        state.append(graph.add("Where", rows, graph.constant(initial.float()), given))
    side = _side(graph, network, "rows")
    values = read(graph, network, x)
    output, new = write_step_of(graph, call, values, state, side, plain)
    if network.pooling is not None:
        running = Running(network.pooling)
        before = ""
        if network.remembered:
            given = graph.input("pooled_in", FLOAT, "rows", network.remembered)
            before = graph.add("Where", graph.reshaped(reset, -1, 1), graph.constant(0.0), given)
        last = output
        if network.layer.cell.outputs_state:
            last = graph.add("Gather", new[0], graph.constant(len(call.cells) - 1, "int64"), axis=0)
        output, kept = running.step(graph, output, last, before)
        if kept:
            graph.output("pooled_out", kept, FLOAT, "rows", network.remembered)
    _outputs(graph, network, call, output, values, new)
    return graph


def _input(graph: Graph, network: Network, *leading: str) -> str:
    if network.reader is not None:
        return graph.input("x", INT64, *leading)
    return graph.input("x", FLOAT, *leading, network.layer.input_size)


def _side(graph: Graph, network: Network, *leading: str) -> str | None:
    shape = network.layer.cell.side_input()
    return None if shape is None else graph.input("side", FLOAT, *leading, *shape)


def _state_inputs(graph: Graph, network: Network, call: Call) -> list[str]:
    """Adds an input for each state: its output has the same name, so that both sort alike."""
    count = len(call.cells) * call.directions
    states = network.layer.cell.states()
    return [graph.input(f"{name}_in", FLOAT, count, "rows", *shape) for name, shape in states.items()]


def _outputs(graph: Graph, network: Network, call: Call, output: str, values: str, new: list[str]) -> None:
    """Adds the answer and the states after the last step."""
    if network.passed_on:
        output = graph.add("Concat", output, values, axis=-1)
    width = network.layer.output_size
    if network.readout is not None:
        output = answered(graph, network.readout, output)
        width = len(network.readout.maps[-1][1])
    is_whole = graph.name == "sequences" and network.pooling is None
    graph.output(network.answer, output, FLOAT, *(("steps",) if is_whole else ()), "rows", width)
    count = len(call.cells) * call.directions
    for (name, shape), value in zip(network.layer.cell.states().items(), new, strict=True):
        graph.output(f"{name}_out", value, FLOAT, count, "rows", *shape)


def _initial(network: Network) -> dict[str, str]:
    """Returns the learned states before the first step, for the files' metadata."""
    if not network.layer.learned_state:
        return {}
    names, initial = network.layer.cell.states(), network.layer.initial_state(1)
    return {f"initial_{name}": json.dumps(s[:, 0].tolist()) for name, s in zip(names, initial, strict=True)}
