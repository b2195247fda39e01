"""Chooses the backend of a call."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from torch import Tensor

from elman.cells.base import Cell
from elman.kernels import aten, reference
from elman.kernels.call import Call
from elman.kernels.compiled import cpu, table
from elman.state import State

# fastest first, as benchmarks/recurrent.py measures them
BACKENDS: dict[str, ModuleType] = {"cpu": cpu, "aten": aten, "reference": reference}


def run(call: Call, backend: str = "auto") -> tuple[Tensor, State]:
    """Runs a call on the backend named, or with ``"auto"`` on the fastest that supports it.

    Shapes:
        output [T, B, O × directions], state as ``call.state``

    Raises:
        ValueError: the backend is unknown, or cannot run this call; the message says why.
    """
    if backend == "auto":
        return next(b for b in BACKENDS.values() if b.supports(call) is None).run(call)
    check_backend(backend)
    reason = BACKENDS[backend].supports(call)
    if reason is not None:
        raise ValueError(f"backend {backend!r} cannot run this call: {reason}")
    return BACKENDS[backend].run(call)


def check_backend(backend: str) -> None:
    """Raises ValueError unless there is a backend of this name."""
    if backend != "auto" and backend not in BACKENDS:
        raise ValueError(f"backend must be one of auto, {', '.join(BACKENDS)}. Got {backend!r}.")


def register(binary: Any, classes: Mapping[str, type[Cell]]) -> None:
    """Adds the kernels of a module that was compiled at run time to those of the backend ``"cpu"``.

    Args:
        binary: has the functions of csrc/module.cpp; ``cells()`` lists its cells.
        classes: the class of each of its cells by the name there, options left out.
    """
    table.register(binary, classes)
