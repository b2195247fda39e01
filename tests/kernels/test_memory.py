"""What the compiled kernels keep for the backward pass, and that without one they keep nothing."""

import os
from pathlib import Path

import pytest
import torch
from sweeps import DTYPES, MAKE, problem
from torch import Tensor, nn

import elman
from elman.kernels.compiled import cpu
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

T, B, H = 20, 4, 512
# per step, row and unit: gates' slots (in the input's precision) and states (in float32); what the projected
# LSTM keeps besides is the output before the projection, and room for the gradient of the one after it
GATES = dict(zip(MAKE, (1, 1, 4, 4, 4, 3, 4 + 1 + 1 / 2), strict=True))
STATES = dict(zip(MAKE, (1, 1, 2, 1, 2, 2, 1 + 1 / 2), strict=True))


def kept_bytes(layer: nn.Module, x: Tensor) -> int:
    """Of what a call saves for the backward pass: all memory but that of x and the parameters."""
    given = {t.untyped_storage().data_ptr() for t in (x, *layer.parameters())}
    sizes = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in given:
            sizes[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        output, _ = layer(x)
    assert output.requires_grad
    return sum(sizes.values())


@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAKE)
def test_gates_and_states_are_kept(name, dtype, masked):
    cell, half = MAKE[name](H, H, True), dtype == "bfloat16"
    layer = Recurrent(cell, backend="cpu", dtype=DTYPES[dtype], recurrent_dropout=0.5 if masked else 0.0)
    units = GATES[name] * (2 if half else 4) + STATES[name] * 4
    if half or masked:  # h again, as the recurrent product sees it
        units += cell.output_size / H * (2 if half else 4)
    kept = kept_bytes(layer, torch.randn(T, B, H, dtype=DTYPES[dtype]))
    assert 0.99 <= kept / (T * B * H * units) <= 1.15


def floats_per_step(layer: nn.Module, dtype: torch.dtype = torch.float32) -> float:
    """By how much the memory that is kept grows with T, per row and unit."""
    layer = layer.to(dtype)
    one, two = (kept_bytes(layer, torch.randn(steps, B, H).to(dtype)) for steps in (T, 2 * T))
    return (two - one) / (T * B * H * 4)


# torch 2.13 on a CPU keeps 16.3 (oneDNN's workspace), 7.0 and 1.0
@pytest.mark.parametrize(("name", "most"), [("LSTM", 6.5), ("GRU", 5.3), ("RNN", 2.2)])
def test_beside_torch(name, most, record_property):
    torchs = floats_per_step(getattr(nn, name)(H, H))
    single, half = (
        floats_per_step(getattr(elman, name)(H, H, backend="cpu"), dtype) for dtype in DTYPES.values()
    )
    record_property(
        "measured",
        f"{name} keeps for the backward pass, floats per step, row and unit at H = {H}: {single:.2f}, "
        f"in bfloat16 {half:.2f}; torch {torchs:.2f}",
    )
    assert half < single <= most


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to count memory")
@pytest.mark.skipif("ELMAN_KERNELS" in os.environ, reason="a sanitizer's memory is its own")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAKE)
def test_inference_keeps_nothing_that_grows_with_time(name, dtype):
    steps = 20_000
    asked = problem(name, steps, 3, 2, 40, "", DTYPES[dtype])
    before = resident()
    with torch.no_grad():
        output, *_ = asked.run()
    grown, size = resident() - before, output.untyped_storage().nbytes()
    assert grown < 1.25 * size + 2**20
    kept = cpu._kernels.kept_bytes(
        dtype == "bfloat16", list(MAKE).index(name), [steps, 3, 2, 40, output.shape[2]], False
    )
    assert kept > 2 * size  # so that keeping it would be seen
