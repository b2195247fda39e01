"""What ``elman cell`` prints: what a cell's step is made of, and whether it becomes a kernel."""

import time
from typing import Any

from elman.cells.base import Cell
from elman.cells.named import make_cell
from elman.compiler import NotCompilable, compile
from elman.compiler.emit import header
from elman.compiler.form import Form, form_of
from elman.compiler.read import read_step
from elman.config import counted
from elman.kernels.compiled.table import find_kernel

_GATES_OF_LSTM = 4


def facts(name: str, hidden_size: int, build: bool) -> dict[str, Any]:
    """Returns what is known of a cell, for the lines and for ``--json``.

    Args:
        name: as ``--cell`` takes it.
        hidden_size: H, for which its step is read.
        build: whether its kernel is built.

    Raises:
        InputError: there is no such cell.
    """
    cell = make_cell(name, hidden_size, hidden_size)
    found: dict[str, Any] = {
        "cell": type(cell).__name__,
        "gates": list(cell.gates),
        "states": list(cell.states()),
        "parameters": {key: list(shape) for key, shape in cell.parameters().items()},
    }
    by_hand = find_kernel(cell)
    try:
        form = form_of(read_step(cell))
        found |= _of_form(cell, form)
        found["text"] = header(form, type(cell).__name__)
        if by_hand is None and build:
            began = time.perf_counter()
            found["kernel"] = compile(cell).name
            found["seconds"] = round(time.perf_counter() - began, 1)
    except NotCompilable as error:
        found["reason"] = str(error)
    if by_hand is not None:
        found["kernel"] = "written by hand"
    return found


def _of_form(cell: Cell, form: Form) -> dict[str, Any]:
    blocks = max(form.step.blocks, form.step.product_blocks)
    return {
        "sums": len(form.slots),
        "multiplied": [list(cell.states())[k] for k in form.seen],
        "kept": len(form.kept),
        "operations": form.forward.operations,
        "operations_backward": form.backward.operations,
        "share_of_lstm": blocks / _GATES_OF_LSTM,
    }


def lines(found: dict[str, Any], text: bool) -> list[str]:
    """Returns the lines of facts, with the C++ if asked for."""
    states = ", ".join(found["states"])
    told = [f"{found['cell']}: gates {', '.join(found['gates'])}; states {states}"]
    if "sums" in found:
        multiplied = ", ".join(found["multiplied"])
        told.append(f"products    of x{f' and {multiplied}' if multiplied else '; none of a state'}")
        told.append(
            f"step        {counted(found['operations'], 'operation')} on {counted(found['sums'], 'sum')} "
            f"a unit, {found['operations_backward']} backward with {counted(found['kept'], 'kept value')}"
        )
        told.append(f"time        about {found['share_of_lstm']:.2g} of an LSTM's: products take most of it")
    if "kernel" in found:
        built = f", ready after {found['seconds']} s" if "seconds" in found else ""
        told.append(f"kernel      {found['kernel']}{built}")
    else:
        told.append(f"kernel      none, so it runs step by step: {found.get('reason', 'not built')}")
    if text and "text" in found:
        told += ["", found["text"]]
    return told
