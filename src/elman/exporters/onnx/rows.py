"""A cell's step as nodes of ONNX: each value of its rows is [B, n]."""

from collections.abc import Sequence

import numpy as np

from elman.compiler.program import Program
from elman.exporters.onnx.graph import Graph, listed
from elman.exporters.rows import Apply, Constant, Fold, Pick, Product, Step

_NODES = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "neg": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "max": "Max",
    "min": "Min",
    "sqrt": "Sqrt",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "exp": "Exp",
    "log": "Log",
    "softplus": "Softplus",
    "sin": "Sin",
    "cos": "Cos",
    "erf": "Erf",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "eq": "Equal",
    "and": "And",
    "or": "Or",
    "not": "Not",
    "where": "Where",
}
"""The node of each operation of a program that has one."""
_REDUCTIONS = {"mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin"}


def write_step(
    graph: Graph, step: Step, x: str, state: Sequence[str], side: str | None
) -> tuple[list[str], str]:
    """Writes a step; returns the names of the new states and of the output.

    Shapes:
        x [B, I], each state [B, n], side [B, n]
    """
    known = dict(zip((step.x, *step.state), (x, *state), strict=True))
    if step.side is not None:
        assert side is not None
        known[step.side] = side
    for operation in step.operations:
        if isinstance(operation, Constant):
            known[operation.result] = graph.constant(operation.numbers[None])
        elif isinstance(operation, Pick):
            known[operation.result] = _picked(graph, operation, known, step.sizes)
        elif isinstance(operation, Apply):
            found = _applied(graph, operation.program, [known[arg] for arg in operation.args])
            known.update(zip(operation.results, found, strict=True))
        elif isinstance(operation, Product):
            given = [known[operation.x], graph.constant(operation.weight)]
            if operation.bias is None:
                known[operation.result] = graph.add("MatMul", *given)
            else:
                known[operation.result] = graph.add("Gemm", *given, graph.constant(operation.bias))
        else:
            known[operation.result] = _folded(graph, operation, known[operation.x])
    return [known[value] for value in step.new], known[step.output]


def _picked(graph: Graph, pick: Pick, known: dict[int, str], sizes: Sequence[int]) -> str:
    begin, index = 0, pick.index
    is_run = np.array_equal(index, np.arange(index[0], index[0] + len(index)))
    for source in pick.sources:
        end = begin + sizes[source]
        if is_run and begin <= index[0] and index[-1] < end:
            first = int(index[0]) - begin
            bounds = (graph.ints(first), graph.ints(first + len(index)), graph.ints(1))
            return graph.add("Slice", known[source], *bounds)
        begin = end
    whole = listed([known[source] for source in pick.sources], graph, axis=1)
    if is_run and len(index) == begin:
        return whole
    return graph.add("Gather", whole, graph.constant(index, np.int64), axis=1)


def _applied(graph: Graph, program: Program, args: Sequence[str]) -> list[str]:
    values: list[str] = []
    for node in program.nodes:
        given = [values[arg] for arg in node.args]
        if node.source is not None:
            values.append(args[node.source[1]])
        elif node.number is not None:
            values.append(graph.constant(node.number))
        elif node.op == "ne":
            values.append(graph.add("Not", graph.add("Equal", *given)))
        elif node.op == "expm1":
            values.append(graph.add("Sub", graph.add("Exp", *given), graph.constant(1.0)))
        elif node.op == "log1p":
            values.append(graph.add("Log", graph.add("Add", *given, graph.constant(1.0))))
        else:
            values.append(graph.add(_NODES[node.op], *given))
    return [values[place] for place in program.outputs]


def _folded(graph: Graph, fold: Fold, x: str) -> str:
    grouped = graph.reshaped(x, 0, -1, fold.size)
    if fold.kind == "sum":
        return graph.add("ReduceSum", grouped, graph.ints(2), keepdims=0)
    if not fold.keeps:
        return graph.add(_REDUCTIONS[fold.kind], grouped, axes=[2], keepdims=0)
    if fold.kind == "normal":
        ones = graph.constant(np.ones(fold.size))
        mixed = graph.add("LayerNormalization", grouped, ones, axis=-1, epsilon=fold.epsilon)
    else:
        node = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[fold.kind]
        mixed = graph.add(node, grouped, axis=-1)
    return graph.add("Flatten", mixed, axis=1)
