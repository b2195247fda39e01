"""What stands behind the layers of a network, as C: pooling and readout."""

import math

from elman.exporters.c.header import Header
from elman.exporters.network import Readout
from elman.models.pooling import Pooling


def answer_lines(header: Header, readout: Readout, features: str) -> tuple[list[str], int]:
    """Returns the lines that write the answer to y, and how many numbers it has."""
    lines, x, last = [], features, len(readout.maps) - 1
    for k, (weight, bias) in enumerate(readout.maps):
        m = len(bias)
        y = "y" if k == last and readout.ending == "none" else f"map{k}"
        if y != "y":
            lines.append(f"float {y}[{m}];")
        lines.append(header.product(weight.detach().float().t(), bias.detach().float(), x, y))
        if k < last:
            lines.append(f"for (int i = 0; i < {m}; ++i) {y}[i] = {y}[i] > 0.0f ? {y}[i] : 0.0f;")
        x = y
    if readout.ending == "sigmoid":
        lines.append(f"for (int i = 0; i < {m}; ++i) y[i] = {header.helper('sigmoid')}({x}[i]);")
    elif readout.ending != "none":
        lines.append(f"{header.helper('softmax')}({x}, {m}, {int(readout.ending == 'log_softmax')}, y);")
    return lines, m


def pooled_lines(
    header: Header, pooling: Pooling, output: str, last: str, width: int
) -> tuple[list[str], str, int]:
    """Returns the lines that pool the steps so far, the name of the result, and its size.

    Args:
        header: the header.
        pooling: of a layer of one direction.
        output: the step's output.
        last: what the pooling "last" takes.
        width: O.
    """
    if pooling.name == "last":
        return [], last, width
    each = f"for (int i = 0; i < {width}; ++i)"
    if pooling.name == "attention":
        query = header.array(pooling.query.detach().float() / math.sqrt(width))
        return (
            [
                "float *p = state->pooled; /* sum of shares, highest score, sum of shared outputs */",
                "float score = 0.0f;",
                f"{each} score += {query}[i] * {output}[i];",
                "const float highest = p[0] == 0.0f || score > p[1] ? score : p[1];",
                "const float faded = p[0] == 0.0f ? 0.0f : expf(p[1] - highest);",
                "const float share = expf(score - highest);",
                "p[0] = faded * p[0] + share;",
                "p[1] = highest;",
                f"float pooled[{width}];",
                f"{each} p[2 + i] = faded * p[2 + i] + share * {output}[i];",
                f"{each} pooled[i] = p[2 + i] / p[0];",
            ],
            "pooled",
            width,
        )
    joined = pooling.name == "concat"
    size, begin = width * (3 if joined else 1), 1
    lines = [
        "float *p = state->pooled; /* steps, then maximum, then sum */",
        f"float pooled[{size}];",
    ]
    at = 0
    if joined:
        lines.append(f"memcpy(pooled, {last}, {width} * sizeof(float));")
        at = width
    if pooling.name in ("max", "concat"):
        own = f"p[{begin} + i]"
        lines.append(f"{each} {own} = p[0] == 0.0f || {output}[i] > {own} ? {output}[i] : {own};")
        lines.append(f"{each} pooled[{at} + i] = {own};")
        begin, at = begin + width, at + width
    lines.append("p[0] += 1.0f;")
    if pooling.name in ("mean", "concat"):
        own = f"p[{begin} + i]"
        lines.append(f"{each} {own} += {output}[i];")
        lines.append(f"{each} pooled[{at} + i] = {own} / p[0];")
    return lines, "pooled", size
