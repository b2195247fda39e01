"""Reads the record of a cell's step: which products it has, and the program of the rest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.compiler.elementwise import RULES, SAME
from elman.compiler.ops import Expr
from elman.compiler.program import MOST_OPERATIONS, Builder
from elman.compiler.step import Extra, Hoisted, Product, Step
from elman.compiler.sums import summed, together
from elman.compiler.trace import Call, NotCompilable, Recorder, Ref
from elman.compiler.values import MOVES, Rows, Tensors, Units, Weight, refs_of


def read_step(cell: Cell) -> Step:
    """Traces a cell's step and reads what it computes.

    Args:
        cell: the cell, with its sizes: they may be constants of the program.

    Raises:
        NotCompilable: the step does what a program cannot; the message names file, line and rule.
    """
    rows = next(n for n in (3, 5, 7, 11) if cell.hidden_size % n and cell.input_size % n)
    shapes = cell.state_shapes()
    unlike = [f"{name} {shape}" for name, shape in shapes.items() if shape != (cell.hidden_size,)]
    if cell.plane_axes or unlike:
        raise NotCompilable(
            f"{type(cell).__name__}: states must have H numbers. Got {', '.join(unlike) or 'planes'}."
        )
    w = {name: torch.zeros(shape) for name, shape in cell.parameters().items()}
    state, seen = (tuple(torch.zeros(rows, cell.hidden_size) for _ in shapes) for _ in range(2))
    side_shape = cell.side_input()
    side = None if side_shape is None else torch.zeros(rows, *side_shape)
    with torch.no_grad():
        projected = cell.project(w, torch.zeros(rows, cell.input_size))
        recorder = Recorder()
        try:
            with recorder:
                new = cell.step(w, projected, state, seen, **({} if side is None else {"side": side}))
                output = cell.read(w, new, projected)
        except (RuntimeError, TypeError, ValueError) as error:
            raise NotCompilable(f"{type(cell).__name__}.step: {error}") from error
    reader = _Reader(cell.hidden_size, rows)
    blocks = reader.starts(recorder, projected, state, seen, side, w)
    for call in recorder.calls:
        reader.read(call)
    outputs = [reader.result(recorder.ref(t), type(cell).__name__) for t in (*new, output)]
    parameters = {name: recorder.ref(t) for name, t in w.items()}
    program, products, count = summed(*together(reader.builder, outputs, reader.products))
    if program.operations > MOST_OPERATIONS:
        raise NotCompilable(f"a step may have {MOST_OPERATIONS} operations. Got {program.operations}.")
    return Step(
        program,
        products,
        tuple(reader.extras),
        Hoisted(parameters, tuple(reader.hoisted)),
        len(shapes),
        blocks,
        count,
    )


class _Reader:
    """Reads a record, operation by operation.

    Args:
        units: H.
        rows: B.
    """

    def __init__(self, units: int, rows: int) -> None:
        self.units, self.rows = units, rows
        self.builder = Builder()
        self.known: dict[int, Any] = {}
        self.products: list[Product] = []
        self.extras: list[Extra] = []
        self.hoisted: list[Call] = []

    def starts(
        self,
        recorder: Recorder,
        projected: Tensor,
        state: Sequence[Tensor],
        seen: Sequence[Tensor],
        side: Tensor | None,
        w: Mapping[str, Tensor],
    ) -> int:
        """Makes the inputs; returns the number of blocks of ``projected``."""
        if projected.dim() != 2 or projected.shape[1] % self.units:
            rule = f"project must give a multiple of {self.units} numbers, the units"
            raise NotCompilable(f"{rule}. Got {tuple(projected.shape)}.")
        blocks = projected.shape[1] // self.units
        given = [("x", projected, blocks), *(("state", s, 1) for s in state), *(("seen", s, 1) for s in seen)]
        numbers: dict[str, int] = {}
        for kind, tensor, count in given:
            first = numbers.get(kind, 0)
            numbers[kind] = first + count
            places = [self.builder.input(kind, first + k) for k in range(count)]
            self.known[recorder.ref(tensor).number] = Units(np.array(places))
        if side is not None:
            self.known[recorder.ref(side).number] = Rows(self.builder.input("row", 0))
        for tensor in w.values():
            ref = recorder.ref(tensor)
            self.known[ref.number] = Weight(ref)
        return blocks

    def result(self, ref: Ref, name: str) -> int:
        """Returns the place of a result [B, H]."""
        value = self.known.get(ref.number)
        if not isinstance(value, Units) or value.places.shape != (1,):
            raise NotCompilable(f"{name}.step: a state must be computed of the input and the states")
        return int(value.places[0])

    def read(self, call: Call) -> None:
        """Reads one operation."""
        tensors = [
            self.known.get(ref.number) for ref in (*refs_of(call.args), *refs_of(tuple(call.kwargs.values())))
        ]
        if call.writes:
            raise refused(call, f"{plain(call)} writes into a tensor; use the form that returns a new one")
        if any(t is None for t in tensors):
            raise refused(call, "it reads a tensor that is not among the cell's parameters, input and states")
        if plain(call) in RANDOM:
            raise refused(call, f"{plain(call)} draws random numbers")
        if tensors and all(isinstance(t, Weight) for t in tensors):
            self.hoisted.append(call)
            results: list[Any] = [Weight(ref) if ref is not None else None for ref in call.results]
        else:
            results = self._results(call)
        for ref, own in zip(call.results, results, strict=False):
            if ref is not None:
                self.known[ref.number] = own

    def _results(self, call: Call) -> list[Any]:
        if call.op in SAME:
            return [self._of(call.args[0])]
        if call.op in CONSTANTS:
            return [float(CONSTANTS[call.op](call))]
        if call.op in ("aten.mm.default", "aten.addmm.default"):
            return [self._product(call)]
        try:
            if call.op in RULES:
                return [self._elementwise(call)]
            if call.op in MOVES:
                moved = MOVES[call.op](Tensors(self, call))
                return list(moved) if isinstance(moved, list) else [moved]
        except ValueError as error:
            raise refused(call, f"{plain(call)}: {error}") from error
        raise refused(call, _why_not(call))

    def _of(self, value: Any) -> Any:
        return self.known[value.number] if isinstance(value, Ref) else value

    def _product(self, call: Call) -> Units:
        bias, operand, weight = (None, *call.args) if call.op == "aten.mm.default" else call.args
        x, w = self._of(operand), self._of(weight)
        if not isinstance(x, Units) or not isinstance(w, Weight):
            raise refused(call, "a product must be of states with a matrix of parameters")
        if bias is not None and not isinstance(self._of(bias), Weight):
            raise refused(call, "what a product adds must be a vector of parameters")
        if call.kwargs:
            raise refused(call, "a product must not be scaled")
        columns, first = weight.shape[1], sum(len(product.results) for product in self.products)
        if columns % self.units:
            rule = f"a product must give a multiple of {self.units} numbers, the units"
            raise refused(call, f"{rule}. Got {columns}.")
        results = range(first, first + columns // self.units)
        self.products.append(Product(tuple(x.places.ravel().tolist()), weight, bias, tuple(results)))
        return Units(np.array([self.builder.input("product", k) for k in results]))

    def _elementwise(self, call: Call) -> Units | Rows:
        assert call.results[0] is not None
        axes = max(1, len(call.results[0].shape) - 1)
        args = [self.blocks(self._of(arg), axes) for arg in call.args]
        arrays = [arg for arg in args if isinstance(arg, np.ndarray)]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        spread = [np.broadcast_to(a, shape) if isinstance(a, np.ndarray) else a for a in args]
        found = np.empty(shape, dtype=np.int64)
        for place in np.ndindex(*shape):
            own = [Expr(self.builder, int(a[place])) if isinstance(a, np.ndarray) else a for a in spread]
            if not isinstance(own[0], Expr):  # a rule's operators start from a value
                own[0] = Expr(self.builder, self.builder.number(own[0]))
            found[place] = RULES[call.op](*own, **call.kwargs).value
        alone = not any(isinstance(self._of(arg), (Units, Weight)) for arg in call.args)
        return Rows(int(found.ravel()[0])) if alone else Units(found)

    def blocks(self, value: Any, axes: int) -> Any:
        """Returns the places of a tensor's blocks, with at most ``axes`` axes; other values as they are."""
        if isinstance(value, Units):
            return value.places
        if isinstance(value, Rows):
            return np.array([value.place])
        if not isinstance(value, Weight):
            return value
        *leading, last = value.ref.shape or (1,)
        if last != 1 and last % self.units:
            raise ValueError(f"parameters must have a number for each unit. Got the shape {value.ref.shape}.")
        if last == 1 and any(size != 1 for size in leading):
            raise ValueError(f"parameters must have a number for each unit. Got the shape {value.ref.shape}.")
        count = 1 if last == 1 else int(np.prod(leading, dtype=int)) * last // self.units
        places = np.array([self._extra(value.ref, None if last == 1 else k) for k in range(count)])
        places = places.reshape(*leading, -1)
        return places[0] if places.ndim > axes and len(places) == 1 else places

    def _extra(self, ref: Ref, block: int | None) -> int:
        extra = Extra(ref, block)
        if extra not in self.extras:
            self.extras.append(extra)
        return self.builder.input("extra", self.extras.index(extra))


def plain(call: Call) -> str:
    """Returns an operation's name as users know it: sigmoid for aten.sigmoid.default."""
    return call.op.split(".")[1].strip("_")


def refused(call: Call, rule: str) -> NotCompilable:
    """Returns the error of an operation that breaks a rule."""
    return NotCompilable(f"{call.where}: {rule}")


RANDOM = {
    "bernoulli",
    "dropout",
    "native_dropout",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "normal",
    "uniform",
}
_MIXING = {"mean", "sum", "softmax", "log_softmax", "native_layer_norm", "linalg_vector_norm", "var", "std"}
_MIXING |= {
    "amax",
    "amin",
    "max",
    "min",
    "cumsum",
    "prod",
    "argmax",
    "sort",
    "topk",
    "logsumexp",
    "flip",
    "roll",
}


def _why_not(call: Call) -> str:
    """Returns the rule that an operation breaks."""
    name = plain(call)
    if name == "local_scalar_dense":
        return "it reads a value, as a branch does; use torch.where"
    if name in _MIXING:
        return f"{name} mixes units of a row, or rows of the batch"
    if name in ("empty", "empty_like", "new_empty"):
        return f"{name} gives what nobody wrote, as dropout's masks before they are drawn"
    if name in ("t", "transpose", "permute", "bmm", "baddbmm", "dot", "mv"):
        return "a product must be of states with a matrix of parameters"
    if "conv" in name:
        return "a convolution is no product with a matrix"
    return f"{name} has no rule in elman.compiler"


CONSTANTS: dict[str, Callable[[Call], float]] = {
    "aten.zeros.default": lambda call: 0.0,
    "aten.zeros_like.default": lambda call: 0.0,
    "aten.new_zeros.default": lambda call: 0.0,
    "aten.ones.default": lambda call: 1.0,
    "aten.ones_like.default": lambda call: 1.0,
    "aten.new_ones.default": lambda call: 1.0,
    "aten.full.default": lambda call: call.args[1],
    "aten.full_like.default": lambda call: call.args[1],
    "aten.new_full.default": lambda call: call.args[2],
    "aten.scalar_tensor.default": lambda call: call.args[0],
}
