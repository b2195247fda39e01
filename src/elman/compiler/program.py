"""A program: the arithmetic of one time step on vectors of units, without loops, addresses or sizes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elman.compiler.ops import OPS

MOST_OPERATIONS = 256
Source = tuple[str, int]
"""Where an input comes from, and its place there: ("slot", 0), ("state", 1), ("extra", 0), …"""


@dataclass(frozen=True)
class Node:
    """One value.

    Attributes:
        op: a name in ``OPS``, or "input" or "number".
        args: places of its arguments, all before its own.
        number: the value of a number.
        source: where an input comes from.
    """

    op: str
    args: tuple[int, ...] = ()
    number: float | None = None
    source: Source | None = None

    @property
    def cost(self) -> int:
        """Time to compute it from its arguments, in units of an addition."""
        return OPS[self.op].cost if self.op in OPS else 0


@dataclass(frozen=True)
class Program:
    """Values in an order in which each follows its arguments.

    Attributes:
        nodes: the values.
        outputs: places of the results.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def inputs(self, kind: str) -> dict[int, int]:
        """Returns the places of the inputs of a kind, by their number there."""
        found = {}
        for place, node in enumerate(self.nodes):
            if node.source is not None and node.source[0] == kind:
                found[node.source[1]] = place
        return dict(sorted(found.items()))

    @property
    def operations(self) -> int:
        """Number of operations."""
        return sum(node.op in OPS for node in self.nodes)

    def users(self) -> list[list[int]]:
        """Returns the values that each value is an argument of."""
        users: list[list[int]] = [[] for _ in self.nodes]
        for place, node in enumerate(self.nodes):
            for arg in node.args:
                users[arg].append(place)
        return users

    def evaluate(self, given: Mapping[Source, Tensor]) -> list[Tensor]:
        """Computes the results by torch, in the precision of what is given; all broadcast together."""
        values: list[Any] = []
        like = next(iter(given.values()))
        for node in self.nodes:
            if node.op == "input":
                assert node.source is not None
                values.append(given[node.source])
            elif node.op == "number":
                values.append(torch.tensor(node.number, dtype=like.dtype))
            else:
                values.append(OPS[node.op].compute(*(values[arg] for arg in node.args)))
        return [values[place] for place in self.outputs]


class Builder:
    """Makes a program. Equal values are made once; operations on numbers alone are computed."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._places: dict[Any, int] = {}

    @classmethod
    def of(cls, program: "Program") -> "Builder":
        """Returns a builder whose first values are a program's, in their places."""
        builder = cls()
        for place, node in enumerate(program.nodes):
            assert builder.add(node) == place
        return builder

    def input(self, kind: str, number: int) -> int:
        """Returns an input."""
        return self.add(Node("input", source=(kind, number)))

    def number(self, value: float) -> int:
        """Returns a constant."""
        return self.add(Node("number", number=float(value)))

    def apply(self, op: str, *args: int) -> int:
        """Returns the value of an operation."""
        assert len(args) == OPS[op].arity, op
        if op == "add" and self.nodes[args[1]].op == "neg":  # the same number by one operation less
            return self.apply("sub", args[0], *self.nodes[args[1]].args)
        numbers = [self.nodes[arg].number for arg in args]
        if all(n is not None for n in numbers) and not OPS[op].is_mask and op != "where":
            return self.number(
                float(OPS[op].compute(*(torch.tensor(n, dtype=torch.float64) for n in numbers)))
            )
        return self.add(Node(op, args))

    def add(self, node: Node) -> int:
        """Returns the place of a value, which is made if it is new."""
        # repr tells 0.0 from -0.0, and finds a NaN again
        key = (node.op, node.args, repr(node.number), node.source)
        if key not in self._places:
            self._places[key] = len(self.nodes)
            self.nodes.append(node)
        return self._places[key]

    def program(self, outputs: Sequence[int]) -> Program:
        """Returns the program of these results, without values that none of them needs."""
        return pruned(Program(tuple(self.nodes), tuple(outputs)))


def pruned(program: Program) -> Program:
    """Returns the same program without values that no result needs."""
    needed = set(program.outputs)
    for place in reversed(range(len(program.nodes))):
        if place in needed:
            needed.update(program.nodes[place].args)
    order = sorted(needed)
    new = {old: place for place, old in enumerate(order)}
    nodes = [program.nodes[old] for old in order]
    moved = tuple(Node(n.op, tuple(new[a] for a in n.args), n.number, n.source) for n in nodes)
    return Program(moved, tuple(new[place] for place in program.outputs))


def copied(
    program: Program, builder: Builder, place_of: Callable[[int, Node], int | None]
) -> Callable[[int], int]:
    """Returns a function that makes a value of a program in a builder, with all that it needs.

    Args:
        program: the program.
        builder: where its values are made.
        place_of: the place in the builder of a value that is known there; None to make it.
    """
    made: dict[int, int] = {}

    def make(place: int) -> int:
        if place not in made:
            node = program.nodes[place]
            known = place_of(place, node)
            if known is not None:
                made[place] = known
            elif node.op == "number":
                assert node.number is not None
                made[place] = builder.number(node.number)
            elif node.op == "input":
                assert node.source is not None
                made[place] = builder.input(*node.source)
            else:
                made[place] = builder.apply(node.op, *(make(arg) for arg in node.args))
        return made[place]

    return make


def check(program: Program, sources: Mapping[str, int]) -> None:
    """Checks a program that comes from a file.

    Args:
        program: the program.
        sources: how many inputs there are of each kind.

    Raises:
        ValueError: it breaks a rule of programs.
    """
    if program.operations > MOST_OPERATIONS:
        raise ValueError(f"at most {MOST_OPERATIONS} operations. Got {program.operations}.")
    masks: list[bool] = []
    for place, node in enumerate(program.nodes):
        known = OPS.get(node.op)
        arity = 0 if node.op in ("input", "number") else known.arity if known else -1
        if len(node.args) != arity:
            raise ValueError(f"value {place}: no operation {node.op!r} of {len(node.args)} values")
        if not all(0 <= arg < place for arg in node.args):
            raise ValueError(f"value {place}: arguments must stand before it. Got {node.args}.")
        if node.op == "input" and not 0 <= (node.source or ("", -1))[1] < sources.get(
            (node.source or ("",))[0], 0
        ):
            raise ValueError(f"value {place}: no input {node.source}")
        if node.op == "number" and (node.number is None or math.isnan(node.number)):
            raise ValueError(f"value {place}: no number {node.number}")
        wants = [k == 0 if node.op == "where" else node.op in ("and", "or", "not") for k in range(arity)]
        if [masks[arg] for arg in node.args] != wants:
            raise ValueError(f"value {place}: {node.op} of a mask, or of a number in place of one")
        masks.append(known.is_mask if known else False)
    if not all(0 <= place < len(masks) and not masks[place] for place in program.outputs):
        raise ValueError(f"results must be values. Got {program.outputs}.")
