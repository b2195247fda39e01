"""The compiled kernels against the float64 reference: every cell, precision, instruction set and option."""

from functools import lru_cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweeps import BOUND, DTYPES, MAKE, SWITCHES, Problem, kernels, problem, worst

from elman.cells import LSTM, Elman
from elman.kernels.call import Sweep
from elman.kernels.compiled import cpu
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

OPTIONS = [
    "",
    "reverse",
    "lengths",
    "empty",
    "resets",
    "mask",
    "maps",
    "rates",
    "no-bias",
    "reverse lengths",
    "reverse resets",
    "reverse lengths resets",
    "lengths resets mask maps",
    "reverse resets mask rates no-bias",
    "reverse lengths resets mask maps rates",
]
# T, B, I, H: sizes that are awkward for a vector, a pair of bfloat16, a tile or a block
SMALL = [
    (0, 3, 3, 5),
    (3, 0, 2, 4),
    (1, 1, 1, 1),
    (1, 7, 4, 17),
    (5, 3, 7, 5),
    (4, 7, 33, 17),
    (9, 3, 20, 48),
    (6, 1, 1, 130),
]
LARGE = [
    (40, 7, 5, 130),  # more rows than a block of the weights' gradient, more blocks of units than a group
    (3, 30, 9, 650),  # more rows than a chunk of the input's product, where it is smallest
]
PAIRS = [(shape, options) for shape in SMALL for options in OPTIONS]
ENDS = [(shape, options) for shape in LARGE for options in (OPTIONS[0], OPTIONS[-1])]
# every option once, where there is something to do, and every shape
SAMPLE = [(SMALL[2 + k % (len(SMALL) - 2)], options) for k, options in enumerate(OPTIONS)]
SAMPLE += [(shape, OPTIONS[-1]) for shape in (*SMALL[:2], *LARGE)]
# each cell meets each pair of shape and options in one precision, and the sample and the large ones in both
FULL = {
    dtype: [
        pair
        for n, pair in enumerate(PAIRS + ENDS)
        if pair in SAMPLE + ENDS or (n // len(OPTIONS) + n % len(OPTIONS)) % 2 == k
    ]
    for k, dtype in enumerate(DTYPES)
}
BEST, *OTHERS = cpu._kernels.isas()
RUNS = [
    pytest.param(isa, dtype, name, shape, options, id=f"{isa}-{dtype}-{name}-{shape}-{options}")
    for dtype in DTYPES
    for name in MAKE
    for shape, options in FULL[dtype]
    for isa in (BEST, *(OTHERS if (shape, options) in SAMPLE else []))
]


@lru_cache(maxsize=1)  # the instruction sets follow each other
def posed(
    dtype: str, name: str, shape: tuple[int, ...], options: str
) -> tuple[Problem, dict[str, torch.Tensor]]:
    asked = problem(name, *shape, options, DTYPES[dtype])
    return asked, asked.truth()


@pytest.mark.parametrize(("isa", "dtype", "name", "shape", "options"), RUNS)
def test_equals_the_float64_reference(isa, dtype, name, shape, options, record_property):
    asked, truth = posed(dtype, name, shape, options)
    with kernels(isa=isa):
        error, whose = worst(asked.solve(), truth)
    record_property(f"worst error of {name}, {dtype}", error)
    assert error <= BOUND[dtype][name], whose


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_sweep_equals_the_float64_reference(record_property, data):
    def pick(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    T, B, I, H, seed = pick(0, 12), pick(1, 9), pick(1, 40), pick(1, 70), pick(0, 99)
    name, dtype = data.draw(st.sampled_from(list(MAKE))), data.draw(st.sampled_from(list(DTYPES)))
    options = " ".join(data.draw(st.sets(st.sampled_from(SWITCHES))))
    asked = problem(name, T, B, I, H, options, DTYPES[dtype], seed)
    with kernels(isa=data.draw(st.sampled_from(cpu._kernels.isas())), threads=pick(1, 3)):
        error, whose = worst(asked.solve(), asked.truth())
    record_property(f"worst error of {name}, {dtype}", error)
    assert error <= BOUND[dtype][name], whose


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_what_it_does_not_support_is_said(dtype):
    layer = Recurrent(LSTM(3, 4), backend="cpu", dtype=dtype)
    with pytest.raises(ValueError, match="the compiled kernels take float32 or bfloat16"):
        layer(torch.randn(2, 1, 3, dtype=dtype))


@pytest.mark.parametrize(("function", "ulps"), [(torch.tanh, 6), (torch.sigmoid, 3)], ids=["tanh", "sigmoid"])
@pytest.mark.parametrize("isa", cpu._kernels.isas())
def test_functions_are_as_exact_as_csrc_states(isa, function, ulps):
    x = torch.cat([torch.linspace(-80, 80, 40001), torch.linspace(-4, 4, 40001)])
    zero, weight = torch.zeros(len(x), 1), torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    with kernels(isa=isa):
        if function is torch.tanh:
            w = {"weight_ih": torch.ones(1, 1), "weight_hh": torch.zeros(1, 1)}
            _, (found,) = cpu.unroll(Sweep(Elman(1, 1, bias=False), w, x.view(1, -1, 1), (zero,)))
        else:  # c' = σ(f) · 1 + 0.5 · tanh(0)
            w = {"weight_ih": weight, "weight_hh": torch.zeros(4, 1)}
            _, (_, found) = cpu.unroll(Sweep(LSTM(1, 1, bias=False), w, x.view(1, -1, 1), (zero, zero + 1)))
    exact = function(x.double())
    size = exact.float().abs()
    ulp = torch.nextafter(size, torch.tensor(torch.inf)).double() - size.double()
    assert ((found.flatten().double() - exact).abs() / ulp).max() <= ulps
