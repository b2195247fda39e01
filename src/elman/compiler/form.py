"""Finds the form of a step: which products it has, and the vectors of units that its arithmetic reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from elman.compiler.adjoint import gradients
from elman.compiler.keep import choose
from elman.compiler.program import Builder, Node, Program, copied
from elman.compiler.step import Step
from elman.compiler.trace import NotCompilable


@dataclass(frozen=True)
class Slot:
    """A vector of sums that a step reads for each unit.

    Attributes:
        given: block of what ``project`` gives; None if it has no part in the sum.
        product: block of the products; None likewise.
    """

    given: int | None
    product: int | None


@dataclass(frozen=True)
class Form:
    """A step of one stage: its products read the state before the step, the rest is arithmetic on units.

    Attributes:
        step: what was read of the cell.
        slots: the sums: first those of ``project`` alone, then those of both, then those of products alone.
        forward: its arithmetic. Inputs: ("slot", k), ("state", n), ("extra", m), ("row", q); results: the new
            states.
    """

    step: Step
    slots: tuple[Slot, ...]
    forward: Program

    @cached_property
    def seen(self) -> tuple[int, ...]:
        """The states that the products multiply."""
        places = {place for product in self.step.products for place in product.operand}
        return tuple(sorted({_source(self.step.program.nodes, place) for place in places}))

    def recurrent(self, w: Mapping[str, Tensor]) -> tuple[Tensor, Tensor] | None:
        """Computes the matrix [N·H, K·H] of the products of the K seen states and what they add [N·H].

        The N blocks of rows are those of the products. None without products.
        """
        products = self.step.products
        if not products:
            return None
        refs = [ref for product in products for ref in (product.weight, product.bias) if ref is not None]
        found = dict(zip(refs, self.step.hoisted.evaluate(w, refs), strict=True))
        nodes, like = self.step.program.nodes, found[products[0].weight]
        if len(products) == 1 and len(products[0].operand) == 1:  # as most cells have it: nothing is copied
            bias = products[0].bias
            return like.t(), like.new_zeros(like.shape[1]) if bias is None else found[bias]
        H = len(like) // len(products[0].operand)
        parts: dict[tuple[int, int], Tensor] = {}
        biases: dict[int, Tensor] = {}
        for product in products:
            for k, place in enumerate(product.operand):
                for own, result in enumerate(product.results):
                    block = found[product.weight][k * H : (k + 1) * H, own * H : (own + 1) * H].t()
                    at = result, _source(nodes, place)
                    parts[at] = parts[at] + block if at in parts else block
            for own, result in enumerate(product.results):
                if product.bias is not None:
                    block = found[product.bias][own * H : (own + 1) * H]
                    biases[result] = biases[result] + block if result in biases else block
        rows = range(self.step.product_blocks)
        zeros = like.new_zeros(H, H)
        matrix = [torch.cat([parts.get((n, k), zeros) for k in self.seen], 1) for n in rows]
        return torch.cat(matrix), torch.cat([biases.get(n, zeros[0]) for n in rows])

    def extras(self, w: Mapping[str, Tensor], units: int) -> list[Tensor]:
        """Computes the vectors of parameters [H], one for each unit."""
        refs = [extra.ref for extra in self.step.extras]
        found = self.step.hoisted.evaluate(w, refs)
        return [
            t.expand(units) if extra.block is None else t.reshape(-1, units)[extra.block]
            for extra, t in zip(self.step.extras, found, strict=True)
        ]

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The values of ``forward`` that it keeps for the backward pass, at most one for each slot."""
        return choose(self._whole, len(self.forward.nodes), len(self.slots))

    @cached_property
    def _whole(self) -> Program:
        """Both passes: the values of ``forward``, then the gradients of slots, states and extras."""
        builder = Builder.of(self.forward)
        given: dict[int, int] = {}
        for n, place in enumerate(self.forward.outputs):
            d = builder.input("gradient", n)
            given[place] = builder.apply("add", given[place], d) if place in given else d
        wanted = [builder.input(kind, k) for kind, count in self.inputs.items() for k in range(count)]
        found = gradients(self.forward, builder, wanted, given)
        return Program(tuple(builder.nodes), tuple(found))

    @property
    def inputs(self) -> dict[str, int]:
        """Number of inputs of each kind that has gradients: slots, states and extras."""
        return {"slot": len(self.slots), "state": self.step.states, "extra": len(self.step.extras)}

    @cached_property
    def backward(self) -> Program:
        """The backward pass.

        Inputs: ("kept", k), ("state", n), ("extra", m), ("row", q), and ("gradient", n) of each new state.
        Results: the gradients of the slots, of the old states, of the extras.
        """
        whole, places = self._whole, {place: k for k, place in enumerate(self.kept)}
        builder = Builder()

        def known(place: int, node: Node) -> int | None:
            return builder.input("kept", places[place]) if place in places else None

        make = copied(whole, builder, known)
        return builder.program([make(place) for place in whole.outputs])


def form_of(step: Step) -> Form:
    """Returns the form of a step.

    Raises:
        NotCompilable: its products need results of other products.
    """
    nodes = step.program.nodes
    for product in step.products:
        sources = [nodes[place].source for place in product.operand]
        if any(source is None or source[0] != "seen" for source in sources):
            raise NotCompilable("a product multiplies what the step computes: one product after another")
    users = step.program.users()
    if any(users[place] for place in step.program.inputs("seen").values()):
        raise NotCompilable("it reads what recurrent dropout leaves of a state outside a product")
    if step.program.outputs[-1] != step.program.outputs[0]:
        raise NotCompilable("its output is not its first state")
    pairs = _paired(step.program)
    x, u = (step.program.inputs(kind) for kind in ("x", "product"))
    alone = [Slot(g, None) for g, place in x.items() if place not in pairs]
    both = [Slot(g, _source(nodes, pairs[place])) for g, place in x.items() if place in pairs]
    taken = set(pairs.values())
    of_product = [Slot(None, k) for k, place in u.items() if place not in taken]
    slots = (*alone, *both, *of_product)
    builder = Builder()
    numbers: Mapping[int, int] = {x[s.given]: k for k, s in enumerate(slots) if s.given is not None}
    only = {u[s.product]: k for k, s in enumerate(slots) if s.given is None and s.product is not None}

    def known(place: int, node: Node) -> int | None:
        if node.op == "add" and node.args[0] in pairs and pairs[node.args[0]] == node.args[1]:
            return builder.input("slot", numbers[node.args[0]])
        if node.op == "add" and node.args[1] in pairs and pairs[node.args[1]] == node.args[0]:
            return builder.input("slot", numbers[node.args[1]])
        number = numbers.get(place, only.get(place))
        return None if number is None else builder.input("slot", number)

    make = copied(step.program, builder, known)
    return Form(step, slots, builder.program([make(place) for place in step.program.outputs[:-1]]))


def _source(nodes: tuple[Node, ...], place: int) -> int:
    source = nodes[place].source
    assert source is not None
    return source[1]


def _paired(program: Program) -> dict[int, int]:
    """Returns the blocks of ``project`` that are used only in a sum with a product's block, with that one."""
    users = program.users()
    pairs = {}
    for place, node in enumerate(program.nodes):
        if node.op != "add" or any(users[arg] != [place] or arg in program.outputs for arg in node.args):
            continue
        kinds = {(program.nodes[arg].source or ("", 0))[0]: arg for arg in node.args}
        if set(kinds) == {"x", "product"}:
            pairs[kinds["x"]] = kinds["product"]
    return pairs
