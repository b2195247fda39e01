"""The functions of compiled cells beside float64, over all magnitudes, on this CPU's instruction sets."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from elman.compiler import build
from elman.compiler.ops import OPS
from elman.kernels.compiled import table

if table._kernels is None or shutil.which("g++") is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

SOURCE = Path(__file__).with_name("functions.cpp")
FLAGS = {
    "generic": [],
    "avx2": ["-march=x86-64-v3"],
    "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
ISAS = [isa for isa in FLAGS if isa in table._kernels.isas()]
EXACT = {"abs", "sign", "max", "min", "sqrt"}
TESTED = {name: op for name, op in OPS.items() if "(" in op.text and op.text[0].isalpha() and name != "where"}
TESTED = {name: op for name, op in TESTED.items() if name not in ("sigmoid", "tanh")}  # test_cpu.py has these


@pytest.fixture(scope="module", params=ISAS)
def library(request, tmp_path_factory):
    """The functions, compiled for an instruction set."""
    path = tmp_path_factory.mktemp("functions") / "functions.so"
    flags = ["-std=c++20", "-O2", "-fPIC", "-shared", "-Wno-psabi", f"-DELMAN_ISA={request.param}"]
    command = ["g++", *flags, *FLAGS[request.param], f"-I{build.sources()}", str(SOURCE), "-o", str(path)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(path))


def numbers() -> torch.Tensor:
    """Floats of every magnitude and sign, denser where functions bend, with all special ones."""
    bits = np.arange(0, 2**32, 7919, dtype=np.uint64).astype(np.uint32)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 88.72, 88.73, -103.97, -103.98]
    spread = [np.linspace(-110, 110, 160_000), np.linspace(-4.5, 4.5, 160_000), special]
    x = np.concatenate([bits.view(np.float32), *(np.asarray(s, np.float32) for s in spread)])
    return torch.from_numpy(x[: len(x) // 16 * 16].copy())


def called(library, name: str, *x: torch.Tensor) -> torch.Tensor:
    y = torch.empty_like(x[0])
    getattr(library, f"on_{name}")(
        *(ctypes.c_void_p(t.data_ptr()) for t in (*x, y)), ctypes.c_ssize_t(len(y))
    )
    return y


@pytest.mark.parametrize("name", TESTED)
def test_errors_are_at_most_those_stated(library, name, record_property):
    op, x = TESTED[name], numbers()
    given = (x, x.roll(1)) if op.arity == 2 else (x,)
    found = called(library, op.text.partition("(")[0], *given)
    exact = op.compute(*(t.double() for t in given))
    if name == "sign":
        exact = torch.where(x.isnan(), 0.0, exact)
    rounded = exact.float()  # with float's infinities
    assert torch.equal(found.isnan(), rounded.isnan())
    unlike = (found != rounded) & ~rounded.isnan()
    size = rounded.abs().clamp(max=torch.finfo(torch.float32).max)
    ulp = (torch.nextafter(size, torch.tensor(torch.inf)).double() - size.double()).clamp(max=2.0**104)
    error = torch.where(unlike, (found.double() - exact).abs() / ulp, 0.0)
    record_property("worst error in ulp", float(error.max()))
    assert error.max() <= (0.0 if name in EXACT else 1.0), x[error.argmax()]


def test_every_function_that_operations_name_is_tested():
    assert {"exp", "log", "softplus", "sin", "max", "abs"} < TESTED.keys()
