"""Arithmetic on equally many numbers that is gathered, so that one loop does all of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from elman.compiler.ops import OPS, Expr
from elman.compiler.program import Builder, Node, Program, copied, pruned
from elman.exporters.rows import Apply


class Group:
    """Arithmetic that is not written yet.

    Args:
        sizes: of all values; results are added.
        write: takes the arithmetic when the group is closed.
    """

    def __init__(self, sizes: list[int], write: Callable[[Apply], None]) -> None:
        self.sizes, self.write = sizes, write
        self._open()

    def _open(self) -> None:
        self.size, self.builder = 0, Builder()
        self.args: list[int] = []
        self.places: dict[int, int] = {}

    def apply(self, rule: Callable[..., Expr], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
        """Returns the value of a rule."""
        values = [arg[1] for arg in args if isinstance(arg, tuple)]
        size = max(self.sizes[value] for value in values)
        if size != self.size:
            self.close()
            self.size = size
        own = [self._expr(*arg) if isinstance(arg, tuple) else arg for arg in args]
        if not isinstance(own[0], Expr):  # a rule's operators start from a value
            own[0] = Expr(self.builder, self.builder.number(float(own[0])))
        found = rule(*own, **kwargs).value
        self.sizes.append(size)
        self.places[len(self.sizes) - 1] = found
        return len(self.sizes) - 1

    def _expr(self, kind: str, value: int) -> Expr:
        if value not in self.places:
            if value not in self.args:
                self.args.append(value)
            place = self.builder.input("arg", self.args.index(value))
        else:
            place = self.places[value]
        expr = Expr(self.builder, place)
        is_mask = _is_mask(self.builder.nodes[place])
        if kind == "mask" and not is_mask:
            return expr.to("ne", 0.0)
        if kind == "number" and is_mask:
            return expr.to("where", 1.0, 0.0)
        return expr

    def close(self) -> None:
        """Writes the arithmetic."""
        if self.places:
            program = Program(tuple(self.builder.nodes), tuple(self.places.values()))
            self.write(Apply(tuple(self.places), tuple(self.args), program))
        self._open()


def narrowed(operation: Apply, wanted: Sequence[int]) -> Apply:
    """Returns the arithmetic of some of its results; a mask among them becomes 0 and 1."""
    builder = Builder.of(operation.program)
    outputs = []
    for k in wanted:
        place = operation.program.outputs[k]
        if _is_mask(builder.nodes[place]):
            place = builder.apply("where", place, builder.number(1.0), builder.number(0.0))
        outputs.append(place)
    program = pruned(Program(tuple(builder.nodes), tuple(outputs)))
    used = list(program.inputs("arg"))
    again = Builder()

    def known(place: int, node: Node) -> int | None:
        return None if node.source is None else again.input("arg", used.index(node.source[1]))

    make = copied(program, again, known)
    results = tuple(operation.results[k] for k in wanted)
    args = tuple(operation.args[k] for k in used)
    return Apply(results, args, again.program([make(place) for place in program.outputs]))


def _is_mask(node: Node) -> bool:
    return node.op in OPS and OPS[node.op].is_mask
