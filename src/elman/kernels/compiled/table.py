"""The table of cells with a compiled kernel: those of csrc/cells.def, and those made at run time."""

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from elman.cells.base import Cell
from elman.cells.named import options_of, parse_options
from elman.errors import InputError
from elman.kernels.call import Sweep
from elman.registry import find

try:
    from elman.kernels import _kernels  # type: ignore[attr-defined]
except ImportError:
    _kernels = None
    warnings.warn("elman was installed without its compiled kernels (no C++ compiler): slower", stacklevel=1)
else:
    if isa := os.environ.get("ELMAN_ISA"):  # overrides the best
        if isa not in _kernels.isas():
            raise InputError(f"ELMAN_ISA must be one of {', '.join(_kernels.isas())} on this CPU. Got {isa}.")
        _kernels.choose(isa)

WEIGHTS: tuple[str, ...] = _kernels.weights if _kernels else ()
"""The parameters in the input's precision; all others are float32."""
PLACES: int = len(_kernels.cells()[0]["parameters"]) if _kernels else 0
"""Number of parameters in csrc/sweep.hpp."""
MOST_STATES: int = _kernels.most_states if _kernels else 0
HALVES_PAY: bool = _kernels.halves_pay() if _kernels else False
"""Whether the kernels multiply faster in bfloat16 than in float32, on this processor."""
_SIZES = {"input_size", "hidden_size", "bias", "proj_size"}  # a kernel supports any value


@dataclass(frozen=True)
class Kernel:
    """The kernel of one cell.

    Attributes:
        name: the cell's name with options, as in ``make_cell``.
        cell: the cell's class.
        binary: the compiled module: ``elman.kernels._kernels`` or one with the same functions.
        number: the cell's number in the module.
        parameters: the parameters' names in the order of csrc/sweep.hpp, up to the last one that it has; None
            for those before that it lacks.
        options: the options that a cell must have, with their values.
    """

    name: str
    cell: type[Cell]
    binary: Any
    number: int
    parameters: tuple[str | None, ...]
    options: Mapping[str, object]


_found: dict[type[Cell], list[Kernel]] = {}


class Compiler(NamedTuple):
    """What makes kernels of cells that have none; ``elman.compiler`` is one, once a layer needs it.

    Attributes:
        asked: a call's cells → None if they have kernels now, or the reason why not, if known.
        took: is told the cells of a call that ran step by step, and its seconds.
    """

    asked: Callable[[Sequence[Cell]], str | None]
    took: Callable[[Sequence[Cell], float], None]


compiler: Compiler | None = None
translations: dict[Cell, Callable[[Sweep], Sweep]] = {}
"""For each cell whose kernel was made at run time: how its sweeps become the kernel's."""


def why_no_kernel(cells: Sequence[Cell]) -> str | None:
    """Returns None if the cells of a call have kernels, or else the reason.

    In a graph that torch traces no kernel is made, and none that was made is used.
    """
    if find_kernel(cells[0]) is not None:
        return None
    reason = None
    if not torch.compiler.is_compiling():
        if all(cell in translations for cell in cells):
            return None
        reason = compiler and compiler.asked(cells)
        if all(cell in translations for cell in cells):
            return None
    return f"no compiled kernel of {type(cells[0]).__name__}" + (f": {reason}" if reason else "")


def translated(sweeps: Sequence[Sweep]) -> Sequence[Sweep]:
    """Returns a layer's sweeps as those of the cell's kernel."""
    if find_kernel(sweeps[0].cell) is not None:
        return sweeps
    return [translations[sweep.cell](sweep) for sweep in sweeps]


def register(binary: Any, classes: Mapping[str, type[Cell]] | None = None) -> None:
    """Adds the kernels of a compiled module.

    Args:
        binary: a module with the functions of csrc/module.cpp; ``cells()`` lists its cells.
        classes: the class of each name without options; None: the built-in cells.
    """
    for number, facts in enumerate(binary.cells()):
        kind, _, text = facts["name"].partition(":")
        cls = classes[kind] if classes is not None else find("cells", kind, Cell)
        options = {f.name: f.default for f in dataclasses.fields(cls) if f.name not in _SIZES}
        parameters = trimmed(facts["parameters"])
        add(Kernel(facts["name"], cls, binary, number, parameters, options | parse_options(cls, text)))


def add(kernel: Kernel) -> None:
    """Adds a kernel."""
    _found.setdefault(kernel.cell, []).append(kernel)


def trimmed(parameters: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """Returns the parameters' names without the Nones at their end."""
    while parameters[-1] is None:
        parameters = parameters[:-1]
    return parameters


def kernels() -> list[Kernel]:
    """Returns all kernels."""
    return [kernel for own in _found.values() for kernel in own]


def find_kernel(cell: Cell) -> Kernel | None:
    """Returns the kernel of this cell; None if absent."""
    for kernel in _found.get(type(cell), ()):
        if not kernel.options or all(getattr(cell, k) == value for k, value in kernel.options.items()):
            return kernel
    return None


def kernel_of(cell: Cell) -> Kernel:
    """Returns the kernel of this cell.

    Raises:
        ValueError: the cell has no kernel.
    """
    kernel = find_kernel(cell)
    if kernel is None:
        raise ValueError(f"no compiled kernel of {cell!r}")
    return kernel


def described(cell: Cell) -> str:
    """Returns the cell without its sizes as text: ``elman:nonlinearity=relu``; it must have a kernel."""
    kind, options = kernel_of(cell).name.partition(":")[0], options_of(cell)
    return f"{kind}:{options}" if options else kind


def cell_of(description: str, input_size: int, hidden_size: int) -> Cell:
    """Makes a cell from the text of ``described`` and its sizes.

    Raises:
        InputError: no cell of that name has a kernel.
    """
    kind, _, text = description.partition(":")
    for kernel in kernels():
        if kernel.name.partition(":")[0] == kind:
            return kernel.cell(input_size, hidden_size, **parse_options(kernel.cell, text))
    raise InputError(f"no compiled kernel of {kind!r}; known: {', '.join(k.name for k in kernels())}")


if _kernels is not None:
    register(_kernels)
