"""The backward pass of a program, by its own rules: reverse mode on values."""

from collections.abc import Mapping

from elman.compiler.ops import OPS, Expr
from elman.compiler.program import Builder, Program


def gradients(program: Program, builder: Builder, wanted: list[int], given: Mapping[int, int]) -> list[int]:
    """Makes the gradients of values in the builder that holds the program's own values.

    Sums begin with the gradient that is given, and go on from the last use of a value to the first.

    Args:
        program: whose nodes are the builder's first.
        builder: where gradients are made.
        wanted: the places of the values whose gradients are wanted.
        given: the gradients of results, by the place of the result.

    Returns:
        The gradient of each wanted value; a number 0 where no result depends on it.
    """
    reached = _depending_on(program, wanted)
    found = {place: Expr(builder, d) for place, d in given.items()}
    for place in reversed(range(len(program.nodes))):
        node, d = program.nodes[place], found.get(place)
        rule = OPS[node.op].gradient if node.op in OPS else None
        if d is None or rule is None or place not in reached:
            continue
        args = [Expr(builder, arg) for arg in node.args]
        for arg, own in zip(node.args, rule(*args, Expr(builder, place), d), strict=True):
            if own is not None and arg in reached:
                found[arg] = found[arg] + own if arg in found else own
    return [found[place].value if place in found else builder.number(0.0) for place in wanted]


def _depending_on(program: Program, places: list[int]) -> set[int]:
    """Returns the values that depend on any of these, themselves included."""
    reached = set(places)
    for place, node in enumerate(program.nodes):
        if reached.intersection(node.args):
            reached.add(place)
    return reached
