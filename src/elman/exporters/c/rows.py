"""A cell's step as C: each value of its row is an array, or a part of one."""

from collections.abc import Mapping, Sequence

import numpy as np

from elman.compiler.ops import OPS
from elman.exporters.c.header import Header, literal
from elman.exporters.rows import Apply, Constant, Fold, Operation, Pick, Product, Step

_MOST_RUNS = 8  # of numbers that are copied one run after another; else by a table


def step_lines(header: Header, step: Step, given: Mapping[int, str]) -> tuple[list[str], list[str], str]:
    """Returns the lines of a step, and the names of the new states and of the output.

    Args:
        header: the header.
        step: the step.
        given: names of the input, the side input and the states, by their values.
    """
    known = dict(given)
    lines: list[str] = []
    for operation in step.operations:
        lines += _lines(header, step, operation, known)
    return lines, [known[value] for value in step.new], known[step.output]


def _lines(header: Header, step: Step, operation: Operation, known: dict[int, str]) -> list[str]:
    if isinstance(operation, Constant):
        known[operation.result] = header.array(operation.numbers)
        return []
    if isinstance(operation, Apply):
        return _apply(header, step, operation, known)
    result = operation.result
    if isinstance(operation, Pick):
        return _pick(header, step, operation, known)
    known[result] = f"v{result}"
    declared = f"float v{result}[{step.sizes[result]}];"
    if isinstance(operation, Product):
        made = header.product(operation.weight, operation.bias, known[operation.x], known[result])
        return [declared, made]
    return [declared, *_fold(header, step, operation, known)]


def _pick(header: Header, step: Step, pick: Pick, known: dict[int, str]) -> list[str]:
    sizes = [step.sizes[source] for source in pick.sources]
    begins = np.cumsum([0, *sizes])
    which = np.searchsorted(begins, pick.index, side="right") - 1
    places = pick.index - begins[which]
    cuts = np.flatnonzero((np.diff(places) != 1) | (np.diff(which) != 0)) + 1
    runs = np.split(np.arange(len(places)), cuts)
    names = [known[source] for source in pick.sources]
    if len(runs) == 1:
        known[pick.result] = f"({names[which[0]]} + {places[0]})" if places[0] else names[which[0]]
        return []
    name = f"v{pick.result}"
    known[pick.result] = name
    lines = [f"float {name}[{len(places)}];"]
    if len(runs) <= _MOST_RUNS or len(names) > 1:
        for run in runs:
            source = f"{names[which[run[0]]]} + {places[run[0]]}"
            lines.append(f"memcpy({name} + {run[0]}, {source}, {len(run)} * sizeof(float));")
        return lines
    table = header.array(places, "int32_t")
    return [*lines, f"for (int i = 0; i < {len(places)}; ++i) {name}[i] = {names[0]}[{table}[i]];"]


def _apply(header: Header, step: Step, apply: Apply, known: dict[int, str]) -> list[str]:
    size = step.sizes[apply.results[0]]
    body, texts = [], []
    for place, node in enumerate(apply.program.nodes):
        if node.number is not None:
            texts.append(literal(node.number))
            continue
        if node.source is not None:
            arg = apply.args[node.source[1]]
            text, kind = f"{known[arg]}[{'0' if step.sizes[arg] == 1 else 'i'}]", "float"
        else:
            text = header.translated(OPS[node.op].text.format(*(texts[a] for a in node.args)))
            kind = "int" if OPS[node.op].is_mask else "float"
        body.append(f"const {kind} t{place} = {text};")
        texts.append(f"t{place}")
    for result, place in zip(apply.results, apply.program.outputs, strict=True):
        known[result] = f"v{result}"
        body.append(f"v{result}[i] = {texts[place]};")
    declared = [f"float v{result}[{size}];" for result in apply.results]
    return [*declared, f"for (int i = 0; i < {size}; ++i) {{", *(f"  {line}" for line in body), "}"]


def _fold(header: Header, step: Step, fold: Fold, known: Mapping[int, str]) -> Sequence[str]:
    x, y, n = known[fold.x], known[fold.result], fold.size
    groups = step.sizes[fold.x] // n
    if fold.keeps:
        helper = header.helper("normal" if fold.kind == "normal" else "softmax")
        how = {"softmax": "0", "log_softmax": "1"}.get(fold.kind, literal(fold.epsilon))
        return [f"for (int i = 0; i < {groups}; ++i) {helper}({x} + i * {n}, {n}, {how}, {y} + i * {n});"]
    take = {
        "sum": "total += part[j];",
        "mean": "total += part[j];",
        "max": "total = part[j] > total ? part[j] : total;",
        "min": "total = part[j] < total ? part[j] : total;",
    }[fold.kind]
    share = f" / {n}.0f" if fold.kind == "mean" else ""
    return [
        f"for (int i = 0; i < {groups}; ++i) {{",
        f"  const float *part = {x} + i * {n};",
        "  float total = part[0];",
        f"  for (int j = 1; j < {n}; ++j) {take}",
        f"  {y}[i] = total{share};",
        "}",
    ]
