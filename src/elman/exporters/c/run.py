"""Compiles a header, and runs it a row after another."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import Disagreement
from elman.exporters.check import Run
from elman.exporters.network import Network

_FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared")


def compiler() -> list[str] | None:
    """Returns the command of the C compiler: $CC, or the first of cc, gcc and clang that there is."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return None if found is None else [found]


def compiled(header: Path, name: str, network: Network, outputs: int) -> tuple[Run | None, str | None]:
    """Returns what runs one step of a header, or why nothing does.

    Args:
        header: the file.
        name: with which its names begin.
        network: the network that it was written of.
        outputs: how many numbers a step gives.

    Raises:
        Disagreement: it cannot be compiled.
    """
    command = compiler()
    if command is None:
        return None, "the header was not run, because there is no C compiler here"
    side = network.layer.cell.side_input()
    x = "const float *x" if network.reader is None else "int32_t x"
    also, given = (", const float *side", ", side") if side is not None else ("", "")
    program = (
        f'#include "{header.name}"\n'
        f"void reset(void *s);\nvoid reset(void *s) {{ {name}_reset(({name}_state *)s); }}\n"
        f"void step(void *s, {x}{also}, float *y);\n"
        f"void step(void *s, {x}{also}, float *y) {{ {name}_step(({name}_state *)s, x{given}, y); }}\n"
    )
    with tempfile.TemporaryDirectory() as made:
        source, library = Path(made) / "run.c", Path(made) / "run.so"
        source.write_text(program)
        ran = subprocess.run(
            [*command, *_FLAGS, "-I", str(header.parent.resolve()), str(source), "-lm", "-o", str(library)],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            said = (ran.stderr.strip() or "it said nothing").splitlines()[0]
            raise Disagreement(f"{header.name}: {shlex.join(command)} does not compile it: {said}")
        opened = ctypes.CDLL(str(library))
    return _Rows(opened, network, outputs), None


class _Rows:
    """Runs a step of each row."""

    def __init__(self, library: ctypes.CDLL, network: Network, outputs: int) -> None:
        self.library, self.network, self.outputs = library, network, outputs

    def __call__(self, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Runs it, with the names of ``step.onnx``."""
        network, rows = self.network, len(given["x"])
        names = list(network.layer.cell.states())
        before = [given[f"{name}_in"] for name in names]
        found = {network.answer: np.zeros((rows, self.outputs), np.float32)}
        found |= {f"{name}_out": np.empty_like(s) for name, s in zip(names, before, strict=True)}
        if network.remembered:
            found["pooled_out"] = np.empty_like(given["pooled_in"])
        for row in range(rows):
            parts = [s[:, row].ravel() for s in before]
            if network.remembered:
                parts.append(given["pooled_in"][row])
            state = np.ascontiguousarray(np.concatenate(parts), np.float32)
            if given["reset"][row]:
                self.library.reset(_pointer(state))
            x = given["x"][row]
            arguments = [ctypes.c_int32(int(x)) if network.reader is not None else _pointer(x)]
            if "side" in given:
                arguments.append(_pointer(np.atleast_1d(given["side"][row])))
            self.library.step(_pointer(state), *arguments, _pointer(found[network.answer][row]))
            begin = 0
            for name, s in zip(names, before, strict=True):
                size = s[:, row].size
                found[f"{name}_out"][:, row] = state[begin : begin + size].reshape(s[:, row].shape)
                begin += size
            if network.remembered:
                found["pooled_out"][row] = state[begin:]
        return found


def _pointer(array: np.ndarray) -> Any:
    """Returns the address of an array of float32 whose numbers follow each other."""
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)
