"""When a cell's kernel is built: at once where somebody waits for it, beside the program where nobody does.

``ELMAN_COMPILE`` says how: auto (the default) builds in the background, once a cell has run step by step for
two seconds; wait builds before the first call; never builds nothing. Where torch must be deterministic, auto
waits too, so that equal calls give equal bits.
"""

import contextlib
import os
import threading
from collections.abc import Sequence

import torch
from torch import nn

from elman.cells.base import Cell
from elman.compiler.form import form_of
from elman.compiler.kernel import Translation, make
from elman.compiler.read import read_step
from elman.compiler.trace import NotCompilable
from elman.errors import InputError
from elman.kernels.compiled import table

MODES = ("auto", "wait", "never")
_PATIENCE = 2.0  # seconds of a cell step by step, after which its kernel is worth a build
_lock = threading.RLock()
_made: dict[Cell, Translation] = {}
_refused: dict[Cell, str] = {}
_spent: dict[Cell, float] = {}
_building: set[Cell] = set()


def compile(cell: Cell) -> Translation:
    """Builds the kernel of a cell, or takes it from the cache; layers of such cells then run on it.

    Args:
        cell: any cell, with its sizes.

    Returns:
        What it became.

    Raises:
        NotCompilable: the step does what no kernel can, or this machine has no compiler. The message is one
            line, with file and line of the step where it can name them.
    """
    with _lock:
        if cell in _made:
            return _made[cell]
        if cell in _refused:
            raise NotCompilable(_refused[cell])
        try:
            made = make(cell, form_of(read_step(cell)))
        except NotCompilable as error:
            _refused[cell] = str(error)
            raise
        _made[cell] = table.translations[cell] = made
        return made


def mode() -> str:
    """Returns the value of ELMAN_COMPILE. Raises InputError for an unknown one."""
    value = os.environ.get("ELMAN_COMPILE", "auto")
    if value not in MODES:
        raise InputError(f"ELMAN_COMPILE must be one of {', '.join(MODES)}. Got {value}.")
    return value


def cells_without(model: nn.Module) -> list[Cell]:
    """Returns the cells of a model's layers that have no kernel written by hand."""
    cells = [cell for module in model.modules() for cell in getattr(module, "cells", ())]
    return [cell for cell in cells if isinstance(cell, Cell) and table.find_kernel(cell) is None]


def settle(model: nn.Module) -> dict[type[Cell], str | None]:
    """Builds the kernels that a model's cells lack, and waits for them, so that none joins later.

    Returns:
        For the class of each such cell: None if it has a kernel now, or why it has none.
    """
    found: dict[type[Cell], str | None] = {}
    for cell in cells_without(model):
        found[type(cell)] = "ELMAN_COMPILE is never" if mode() == "never" else None
        _building.add(cell)  # nothing is tried again in the background
        try:
            if mode() != "never":
                compile(cell)
        except NotCompilable as error:
            found[type(cell)] = str(error)
    return found


def asked(cells: Sequence[Cell]) -> str | None:
    """Answers a call of cells without kernels: None if they have some now, or why not."""
    if mode() != "wait" and not (mode() == "auto" and torch.are_deterministic_algorithms_enabled()):
        return _refused.get(cells[0])
    try:
        for cell in cells:
            compile(cell)
    except NotCompilable as error:
        return str(error)
    return None


def took(cells: Sequence[Cell], seconds: float) -> None:
    """Starts a build in the background once calls of cells without kernels have taken long."""
    first = cells[0]
    if first in _building or first in _refused or mode() != "auto":
        return
    _spent[first] = _spent.get(first, 0.0) + seconds
    if _spent[first] > _PATIENCE:
        _building.add(first)
        threading.Thread(target=_build_quietly, args=(tuple(cells),), daemon=True).start()


def _build_quietly(cells: Sequence[Cell]) -> None:
    with contextlib.suppress(NotCompilable):  # the reason is kept, and ``explain`` tells it
        for cell in cells:
            compile(cell)


table.compiler = table.Compiler(asked, took)
