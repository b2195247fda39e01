"""What is read of a cell's step: its products, its parameters, and the program of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from elman.compiler.program import Program
from elman.compiler.trace import Call, Ref


@dataclass(frozen=True)
class Product:
    """A product of states, or of values of the step, with a matrix of parameters.

    Attributes:
        operand: places in the program of the blocks of H units that it multiplies.
        weight: the matrix [K, N], of ``Hoisted``.
        bias: what is added, [N]; or None.
        results: the blocks of H numbers that it gives, by their numbers among those of all products; products
            that are only ever summed give the same ones.
    """

    operand: tuple[int, ...]
    weight: Ref
    bias: Ref | None
    results: tuple[int, ...]


@dataclass(frozen=True)
class Extra:
    """A vector of parameters, one number for each unit: block ``block`` of a hoisted vector.

    Attributes:
        ref: the vector, [k·H]; or one number, for all units.
        block: its block of H numbers; None for one number.
    """

    ref: Ref
    block: int | None


@dataclass(frozen=True)
class Hoisted:
    """What is computed of parameters alone: once a call, by torch, with torch's gradients.

    Attributes:
        parameters: the parameters by name.
        calls: the operations, in order.
    """

    parameters: Mapping[str, Ref]
    calls: tuple[Call, ...]

    def evaluate(self, w: Mapping[str, Tensor], wanted: Sequence[Ref]) -> list[Tensor]:
        """Computes the wanted tensors of the parameters in w."""
        known = {ref.number: w[name] for name, ref in self.parameters.items()}

        def given(value: Any) -> Any:
            if isinstance(value, Ref):
                return known[value.number]
            return tuple(map(given, value)) if isinstance(value, tuple) else value

        for call in self.calls:
            result = call.function(*given(call.args), **{k: given(v) for k, v in call.kwargs.items()})
            results = result if isinstance(result, (tuple, list)) else (result,)
            for ref, own in zip(call.results, results, strict=True):
                if ref is not None:
                    known[ref.number] = own
        return [known[ref.number] for ref in wanted]


@dataclass(frozen=True)
class Step:
    """A cell's step.

    Attributes:
        program: its arithmetic. Inputs: ("x", g), block g of what ``project`` gives; ("product", k), block k
            of all products in order; ("state", n) and ("seen", n), the state and what the products see of it;
            ("extra", m); ("row", q), the side input. Results: the new states, then the output.
        products: its products.
        extras: its parameters that are no matrices.
        hoisted: what they are computed from.
        states: number of states.
        blocks: number of blocks of what ``project`` gives.
        product_blocks: number of blocks that all products give.
    """

    program: Program
    products: tuple[Product, ...]
    extras: tuple[Extra, ...]
    hoisted: Hoisted
    states: int
    blocks: int
    product_blocks: int
