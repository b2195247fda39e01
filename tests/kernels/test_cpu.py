"""The compiled kernels: every instruction set this machine has, threads, processes, and the bits."""

import os
import threading
from dataclasses import replace

import pytest
import torch

from agreement import agree
from elman.cells import GRU, LSTM, Elman
from elman.kernels import cpu, reference
from elman.kernels.call import Noise
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

CELLS = [Elman(3, 5), Elman(3, 5, nonlinearity="relu"), LSTM(3, 5), GRU(3, 5)]
# T, B, I, H: every size that is awkward for a vector, a tile or a thread
SHAPES = [(0, 2, 3, 4), (1, 1, 1, 1), (5, 3, 7, 5), (4, 7, 33, 17), (9, 13, 20, 48), (3, 2, 40, 130)]
TOLERANCE = 5e-6
FLOOR = 0.3  # gradients that small lose digits in any float32: 1 − tanh² where tanh is near 1


@pytest.fixture(params=cpu._kernels.isas())
def isa(request):
    best = cpu._kernels.isa()
    cpu._kernels.choose(request.param)
    yield request.param
    cpu._kernels.choose(best)


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def problem(cell, T, B, options):
    """Inputs of one sweep in float64, and what perturbs it."""
    make = torch.Generator().manual_seed(T + 10 * B)

    def normal(*shape, scale=1.0):
        return (scale * torch.randn(*shape, generator=make, dtype=torch.float64)).requires_grad_()

    w = {key: normal(*shape, scale=cell.hidden_size**-0.5) for key, shape in cell.parameters().items()}
    state, initial = (tuple(normal(B, *s) for s in cell.states().values()) for _ in range(2))
    keywords = {"initial": initial, "reverse": "reverse" in options}
    if "lengths" in options:
        keywords["lengths"] = torch.randint(0, T + 1, (B,), generator=make)
    if "resets" in options:
        keywords["resets"] = torch.rand(T, B, generator=make) < 0.3
    noise = Noise()
    if "mask" in options:
        noise = replace(noise, recurrent=(torch.rand(B, cell.hidden_size, generator=make) < 0.5).double() * 2)
    if "zoneout" in options:
        shares = [(torch.rand(T, B, *s, generator=make) < 0.3).double() for s in cell.states().values()]
        noise = replace(noise, zoneout=(*shares[:-1], 0.25))
    return w, normal(T, B, cell.input_size), state, {**keywords, "noise": noise}


def results(unroll, cell, w, x, state, keywords):
    """Output, final states, and the gradient of everything."""
    output, final = unroll(cell, w, x, state, **keywords)
    total = sum((t * torch.linspace(-1, 2, t.numel()).view(t.shape).to(t)).sum() for t in (output, *final))
    leaves = [x, *state, *w.values(), *(keywords["initial"] if keywords.get("resets") is not None else ())]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    zeros = [torch.zeros_like(t) if g is None else g for t, g in zip(leaves, found, strict=True)]
    return {str(k): t for k, t in enumerate((output, *final, *zeros))}


def lowered(value):
    """The same in float32, as leaves."""
    if isinstance(value, torch.Tensor):
        return (
            value.detach().float().requires_grad_(value.requires_grad) if value.is_floating_point() else value
        )
    if isinstance(value, dict):
        return {key: lowered(v) for key, v in value.items()}
    if isinstance(value, tuple):
        return tuple(map(lowered, value))
    if isinstance(value, Noise):
        return Noise(lowered(value.recurrent), lowered(value.zoneout))
    return value


OPTIONS = ["", "reverse", "lengths resets", "reverse lengths resets mask zoneout", "mask", "zoneout resets"]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_equals_the_float64_reference(isa, threads, cell, shape, options):
    T, B, I, H = shape
    cell = replace(cell, input_size=I, hidden_size=H)
    exact = problem(cell, T, B, options)
    truth = results(reference.unroll, cell, *exact)
    found = results(cpu.unroll, cell, *lowered(exact))
    agree(found, truth, TOLERANCE, FLOOR)


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_same_threads_same_bits_and_a_second_backward(cell):
    cell = replace(cell, input_size=19, hidden_size=37)
    w, x, state, keywords = lowered(problem(cell, 6, 5, "lengths resets"))
    output, final = cpu.unroll(cell, w, x, state, **keywords)
    total = output.square().sum() + sum(s.sum() for s in final)
    first = torch.autograd.grad(total, [x, *w.values()], retain_graph=True)
    second = torch.autograd.grad(total, [x, *w.values()])
    assert all(map(torch.equal, first, second))
    again, _ = cpu.unroll(cell, w, x, state, **keywords)
    assert torch.equal(output, again)


def test_an_output_changed_in_place_is_noticed():
    layer_input = lowered(problem(LSTM(4, 16), 3, 2, ""))
    w, x, state, keywords = layer_input
    output, _ = cpu.unroll(LSTM(4, 16), w, x, state, **keywords)
    total = output.sum()
    with torch.no_grad():
        output.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def sweep():
    w, x, state, keywords = lowered(problem(GRU(8, 32), 12, 3, ""))
    return cpu.unroll(GRU(8, 32), w, x, state, **keywords)[0].detach()


def test_several_python_threads_at_once(threads):
    expected, found = sweep(), []
    team = [threading.Thread(target=lambda: found.extend(sweep() for _ in range(20))) for _ in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert len(found) == 80
    for output in found:
        torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-6)


def test_a_forked_child_has_threads_of_its_own(threads):
    expected = sweep()
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.allclose(sweep(), expected, atol=1e-6) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_what_it_does_not_support_is_said():
    layer = Recurrent(LSTM(3, 4), backend="cpu", dtype=torch.float64)
    with pytest.raises(ValueError, match="float32 on a CPU"):
        layer(torch.randn(2, 1, 3, dtype=torch.float64))


@pytest.mark.parametrize(("function", "ulps"), [(torch.tanh, 2), (torch.sigmoid, 3)], ids=["tanh", "sigmoid"])
def test_functions_are_as_exact_as_csrc_states(isa, function, ulps):
    x = torch.cat([torch.linspace(-80, 80, 40001), torch.linspace(-4, 4, 40001)])
    zero, weight = torch.zeros(len(x), 1), torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    if function is torch.tanh:
        w = {"weight_ih": torch.ones(1, 1), "weight_hh": torch.zeros(1, 1)}
        _, (found,) = cpu.unroll(Elman(1, 1, bias=False), w, x.view(1, -1, 1), (zero,), initial=())
    else:  # c' = σ(f) · 1 + 0.5 · tanh(0)
        w = {"weight_ih": weight, "weight_hh": torch.zeros(4, 1)}
        _, (_, found) = cpu.unroll(LSTM(1, 1, bias=False), w, x.view(1, -1, 1), (zero, zero + 1), initial=())
    exact = function(x.double())
    ulp = (
        torch.nextafter(exact.float().abs(), torch.tensor(torch.inf)).double() - exact.float().abs().double()
    )
    assert ((found.flatten().double() - exact).abs() / ulp).max() <= ulps
