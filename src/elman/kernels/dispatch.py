"""Chooses the backend of a call, and explains the choice."""

import os
import sys
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.kernels import aten, loop, onnx, planes, reference
from elman.kernels.call import Call
from elman.kernels.compiled import cpu, table
from elman.state import State

# fastest first, as benchmarks/recurrent.py measures them; one step has another order, see _by_speed
BACKENDS: dict[str, ModuleType] = {"cpu": cpu, "aten": aten, "planes": planes, "reference": reference}
_OF_PLANES: dict[str, ModuleType] = {"planes": planes, "reference": reference}
_OF_FEATURES = {name: module for name, module in BACKENDS.items() if module is not planes}
_ONE_STEP = {"aten": aten} | _OF_FEATURES

VERBOSE = os.environ.get("ELMAN_VERBOSE", "0") not in ("", "0")
_printed: set[str] = set()


def run(call: Call, backend: str = "auto") -> tuple[Tensor, State]:
    """Runs a call on the named backend, or with ``"auto"`` on the fastest one that supports it.

    With ``ELMAN_VERBOSE=1`` it prints the text of ``explain`` to standard error, each text once.

    Shapes:
        output [T, B, O × directions], state as ``call.state``

    Raises:
        ValueError: the backend is unknown, or cannot run this call; the message gives the reason.
    """
    if onnx.is_exporting():
        return onnx.run(call)
    if VERBOSE:
        _print_once(explain(call, backend))
    if backend == "auto":
        chosen = next(b for b in _by_speed(call).values() if b.supports(call) is None)
    else:
        check_backend(backend)
        chosen = BACKENDS[backend]
        reason = chosen.supports(call)
        if reason is not None:
            raise ValueError(f"backend {backend!r} cannot run this call: {reason}")
    if chosen is not reference:
        return chosen.run(call)
    if loop.is_needed(call):
        return loop.run(call)
    if table.compiler is None or torch.compiler.is_compiling():
        return reference.run(call)
    began = time.perf_counter()
    answer = reference.run(call)
    table.compiler.took(call.cells, time.perf_counter() - began)
    return answer


def check_backend(backend: str) -> None:
    """Raises ValueError unless a backend has this name."""
    if backend != "auto" and backend not in BACKENDS:
        raise ValueError(f"backend must be one of auto, {', '.join(BACKENDS)}. Got {backend!r}.")


def explain(call: Call, backend: str = "auto") -> str:
    """Returns which backend runs a call, and one line for each faster one with the reason against it.

    Raises:
        ValueError: the backend is unknown.
    """
    check_backend(backend)
    what = type(call.cells[0]).__name__
    lines: list[str] = []
    for name, module in _by_speed(call).items():
        reason = module.supports(call)
        if name == backend and reason is not None:
            return "\n".join([f"{what}: backend {name!r} cannot run this call: {reason}", *lines])
        if name == backend or (backend == "auto" and reason is None):
            remark = cpu.remark(call) if module is cpu else ""
            return "\n".join([f"{what}: backend {name!r} runs this call{remark}", *lines])
        lines.append(f"  not {name!r}: {reason or f'the layer asks for {backend!r}'}")
    raise AssertionError("the reference supports every call")


def _by_speed(call: Call) -> dict[str, ModuleType]:
    """Returns the backends, the fastest for this call first.

    The compiled kernels first copy all weights into the order in which their products read them, as torch's
    LSTM layer does. One step reads each weight once and never regains that cost. torch's operator of a cell
    reads the weights where they are (benchmarks/one_step.py).
    """
    if call.x.dim() > 3:
        return _OF_PLANES
    return _ONE_STEP if aten.is_single_step(call) else _OF_FEATURES


def _print_once(text: str) -> None:
    if text not in _printed:
        _printed.add(text)
        print(f"elman: {text}", file=sys.stderr)


# What torch.compiler.assume_constant_result sets, so that it prints during compilation without a graph break.
# torch's function itself imports the compiler, which takes as long as the rest of torch.
_print_once._dynamo_marked_constant = True  # type: ignore[attr-defined]


def register(binary: Any, classes: Mapping[str, type[Cell]]) -> None:
    """Adds the kernels of a module that was compiled at run time to the backend ``"cpu"``.

    Args:
        binary: a module with the functions of csrc/module.cpp; ``cells()`` lists its cells.
        classes: the class of each cell by its name in ``cells()``, without options.
    """
    table.register(binary, classes)
