"""Writes a network as one header of C, for a stream that reads a step after another."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from elman.errors import InputError
from elman.exporters.c.header import Header
from elman.exporters.c.parts import answer_lines, pooled_lines
from elman.exporters.c.rows import step_lines
from elman.exporters.c.run import compiled
from elman.exporters.network import Network, described
from elman.exporters.reading import read_step
from elman.exporters.rounding import quantized
from elman.exporters.written import Written
from elman.kernels.call import Call
from elman.version import __version__

_BYTES = 4  # of a float


def write(
    network: Network, folder: Path, metadata: Mapping[str, str], name: str, int8: bool = False
) -> Written:
    """Writes ``NAME.h``.

    Args:
        network: the network; for ``int8``, with matrices that int8 holds.
        folder: an existing folder.
        metadata: what travels along, which has no place in a header.
        name: with which all names of the header begin.
        int8: whether matrices are written in int8.

    Raises:
        InputError: the network reads in both directions, or the name is none in C.
        NotCompilable: a cell's step has no form in C.
    """
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise InputError(f"--name must be a name in C. Got {name!r}.")
    if network.layer.bidirectional:
        raise InputError("--to c writes a stream; these layers read in both directions: write --to onnx")
    call = described(network.layer)
    header = Header(name, int8)
    shapes = network.layer.cell.states()
    state = {own: math.prod(shape) for own, shape in shapes.items()}
    for k in range(len(call.cells)):
        _layer(header, call, k)
    _reset(header, network, call)
    outputs = _step(header, network, call)
    (folder / f"{name}.h").write_text(
        header.text(_about(network, name), _declarations(network, call, name, state, outputs)), "utf-8"
    )
    numbers = len(call.cells) * sum(state.values()) + network.remembered
    step, why_not = compiled(folder / f"{name}.h", name, network, outputs)
    return Written(
        (f"{name}.h",),
        None,
        step,
        () if why_not is None else (why_not,),
        {"weights": header.weight_bytes, "the state of a stream": _BYTES * numbers},
    )


def _about(network: Network, name: str) -> list[str]:
    kind, count = type(network.layer.cell).__name__, network.layer.num_layers
    x = "&x[k]" if network.reader is None else "ids[k]"
    return [
        f"Written by elman {__version__}: {kind}, {count} layer{'s' if count > 1 else ''}.",
        "",
        f"{name}_state state;",
        f"{name}_reset(&state);",
        f"for (each step k) {name}_step(&state, {x}, y);  // y: {network.answer}",
        "",
        "Nothing is allocated and nothing is shared: each stream has a state of its own.",
    ]


def _declarations(
    network: Network, call: Call, name: str, state: Mapping[str, int], outputs: int
) -> list[str]:
    upper = name.upper()
    reads = (
        f"#define {upper}_INPUTS {network.layer.input_size} /* numbers of a step */"
        if network.reader is None
        else f"#define {upper}_IDS {network.reader.num_embeddings} /* a step is an id below */"
    )
    fields = [f"  float {own}[{len(call.cells)}][{size}];" for own, size in state.items()]
    if network.remembered:
        fields.append(f"  float pooled[{network.remembered}];")
    gives = f"#define {upper}_OUTPUTS {outputs} /* {network.answer} */"
    return [f"{reads}\n{gives}", "\n".join(["typedef struct {", *fields, f"}} {name}_state;"])]


def _layer(header: Header, call: Call, k: int) -> None:
    """Writes the step of a layer, which replaces its states."""
    cell, zoneout = call.cells[k], call.noise[k].zoneout if call.noise else None
    step = read_step(cell, call.weights[k], [float(share) for share in zoneout or ()])
    names = [f"s{n}" for n in range(len(step.state))]
    given = {step.x: "x", **dict(zip(step.state, names, strict=True))}
    if step.side is not None:
        given[step.side] = "side"
    lines, new, output = step_lines(header, step, given)
    size = step.sizes[step.output]
    lines.append(f"memcpy(y, {output}, {size} * sizeof(float));")
    sources = list(new)
    for n, source in enumerate(new):
        own = step.sizes[step.new[n]]
        if source != names[n] and re.search(
            r"\bs\d+\b", source
        ):  # another state, which may be replaced before
            lines += [f"float kept{n}[{own}];", f"memcpy(kept{n}, {source}, {own} * sizeof(float));"]
            sources[n] = f"kept{n}"
    for n, source in enumerate(sources):
        if source != names[n]:
            lines.append(f"memcpy({names[n]}, {source}, {step.sizes[step.new[n]]} * sizeof(float));")
    states = ", ".join(f"float *{own}" for own in names)
    side = ", const float *side" if step.side is not None else ""
    header.function(f"{header.name}_layer{k}({states}, const float *x{side}, float *y)", lines)


def _reset(header: Header, network: Network, call: Call) -> None:
    """Writes what puts a state to the initial one."""
    lines = ["memset(state, 0, sizeof *state);"]
    if network.layer.learned_state:
        for own, initial in zip(network.layer.cell.states(), call.initial, strict=True):
            array = header.array(initial)
            lines.append(f"memcpy(state->{own}, {array}, sizeof state->{own});")
    header.function(f"{header.name}_reset({header.name}_state *state)", lines)


def _step(header: Header, network: Network, call: Call) -> int:
    """Writes one step of the network; returns how many numbers it gives."""
    name, lines, x = header.name, [], "x"
    if network.reader is not None:
        x = "read"
        weight = network.reader.weight.detach().float()
        width = weight.shape[1]
        if header.int8:
            levels, unit = quantized(weight)
            array, units = header.array(levels, "int8_t"), header.array(unit)
            lines.append(f"float read[{width}];")
            lines.append(
                f"for (int i = 0; i < {width}; ++i) read[i] = {units}[x] * (float){array}[x * {width} + i];"
            )
        else:
            lines.append(f"const float *read = {header.array(weight)} + x * {width};")
    below = x
    side = ", side" if network.layer.cell.side_input() is not None else ""
    width = network.layer.cell.output_size
    for k in range(len(call.cells)):
        states = ", ".join(f"state->{own}[{k}]" for own in network.layer.cell.states())
        lines += [f"float y{k}[{width}];", f"{name}_layer{k}({states}, {below}{side}, y{k});"]
        if call.residual and k > 0:
            lines.append(f"for (int i = 0; i < {width}; ++i) y{k}[i] += {below}[i];")
        below = f"y{k}"
    if network.pooling is not None:
        last = below
        if network.layer.cell.outputs_state:
            last = f"state->{next(iter(network.layer.cell.states()))}[{len(call.cells) - 1}]"
        more, below, width = pooled_lines(header, network.pooling, below, last, width)
        lines += more
    if network.passed_on:
        inputs = network.layer.input_size
        lines += [
            f"float both[{width + inputs}];",
            f"memcpy(both, {below}, {width} * sizeof(float));",
            f"memcpy(both + {width}, {x}, {inputs} * sizeof(float));",
        ]
        below, width = "both", width + inputs
    if network.readout is None:
        lines.append(f"memcpy(y, {below}, {width} * sizeof(float));")
    else:
        more, width = answer_lines(header, network.readout, below)
        lines += more
    given = "int32_t x" if network.reader is not None else "const float *x"
    by = ", const float *side" if side else ""
    header.function(f"{name}_step({name}_state *state, {given}{by}, float *y)", lines)
    return width
