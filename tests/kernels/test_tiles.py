"""Products of bfloat16 in AMX's tile registers: shapes that fill them in part, and who else uses them.

``test_cpu.py`` runs them over every option; these tests are skipped where the processor has no AMX.
"""

import os

import pytest
import torch
from sweeps import BOUND, MAKE, kernels, problem, same_bits, worst

from elman.kernels.compiled import cpu

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)
if "amx" not in cpu._kernels.isas():
    pytest.skip("this processor has no AMX, or the system grants no tile registers", allow_module_level=True)

# T, B, I, H. Rows: less than a register's 16, less than the two of a product, two products, the last with
# fewer. Folds of 2: less than a register's 16, a multiple, and a rest. A row alone uses no tiles.
SHAPES = [
    (3, 1, 96, 64),
    (2, 2, 31, 33),
    (3, 16, 32, 32),
    (2, 17, 70, 40),
    (2, 33, 65, 96),
    (2, 49, 130, 31),
    (18, 32, 16, 48),  # more rows than a part of the weights' gradient
]


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tiles_equal_the_float64_reference(shape, name):
    asked = problem(name, *shape, "lengths", torch.bfloat16)
    with kernels(isa="amx", threads=2):
        error, whose = worst(asked.solve(), asked.truth())
    assert error <= BOUND["bfloat16"][name], whose


def test_tiles_are_used():
    """Their sums are rounded in another order than those of pairs."""
    asked = problem("lstm", 20, 32, 64, 64, "", torch.bfloat16)
    found = {}
    for isa in ("amx", "avx512bf16"):
        with kernels(isa=isa):
            found[isa] = asked.solve()
    assert not same_bits(found["amx"], found["avx512bf16"])


def test_float32_is_that_of_avx512():
    asked = problem("gru", 5, 20, 33, 40, "lengths")
    found = {}
    for isa in ("amx", "avx512"):
        with kernels(isa=isa):
            found[isa] = asked.solve()
    assert same_bits(found["amx"], found["avx512"])


def test_other_users_of_the_registers_do_not_disturb():
    """oneDNN's products run on the same threads, between sweeps of different rows."""
    problems = [problem("lstm", 3, rows, 64, 64, "", torch.bfloat16) for rows in (32, 5)]
    a = torch.randn(128, 128).bfloat16()
    with kernels(isa="amx", threads=2):
        alone = [asked.solve() for asked in problems]
        product = a @ a
        for asked, wanted in zip(problems, alone, strict=True):
            assert torch.equal(a @ a, product)
            assert same_bits(asked.solve(), wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_may_use_the_registers():
    asked = problem("gru", 3, 20, 64, 64, "", torch.bfloat16)
    with kernels(isa="amx"):
        wanted = asked.run()[0].detach()
        if (child := os.fork()) == 0:
            same = False
            try:
                same = same_bits({"": asked.run()[0].detach()}, {"": wanted})
            finally:
                os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
