"""``layer.explain`` and ``ELMAN_VERBOSE``: which backend runs a call, and why no faster one."""

import os
import subprocess
import sys

import pytest
import torch
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_sequence
from torch.utils._python_dispatch import TorchDispatchMode

import elman
from elman.cells import LSTM, LayerNormLSTM
from elman.kernels import dispatch
from elman.kernels.compiled import cpu
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

T, B, I, H = 5, 2, 3, 4
LENGTHS, RESETS = torch.tensor([5, 2]), torch.eye(T, B).bool()
TYPES = "the compiled kernels take float32 or bfloat16"
FLOAT64 = f"{TYPES}. Got torch.float64"
CUT = "torch's layers support resets only for full rows in one direction"
OTHER = "torch's layers have no variational dropout, zoneout or residual connections"
KEPT = "torch's layers neither recompute nor record their states' gradients"


def x(dtype=torch.float32, device=None):
    return torch.randn(T, B, I).to(device, dtype)


def double(**options):
    return Recurrent(LSTM(I, H), dtype=torch.float64, **options)


class Watching(TorchDispatchMode):
    """Sees every operator."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


class Named(torch.Tensor):
    """A tensor of another class."""


# what is called, how, the backend that runs it and what it prints of the faster ones
CASES = {
    "plain": (elman.LSTM(I, H), [x()], "cpu", {}),
    "meta": (
        elman.GRU(I, H, device="meta"),
        [x(device="meta")],
        "aten",
        {"cpu": "the compiled kernels run on a CPU"},
    ),
    "float64": (double(), [x(torch.float64)], "aten", {"cpu": FLOAT64}),
    "zoneout": (double(zoneout=0.5), [x(torch.float64)], "reference", {"cpu": FLOAT64, "aten": OTHER}),
    "residual": (double(residual=True), [x(torch.float64)], "reference", {"cpu": FLOAT64, "aten": OTHER}),
    "recompute": (double(recompute=2), [x(torch.float64)], "reference", {"cpu": FLOAT64, "aten": KEPT}),
    "ragged resets": (
        double(),
        [x(torch.float64), None, LENGTHS, RESETS],
        "reference",
        {"cpu": FLOAT64, "aten": CUT},
    ),
    "no steps": (
        double(),
        [torch.zeros(0, B, I, dtype=torch.float64)],
        "reference",
        {"cpu": FLOAT64, "aten": "no steps or no rows"},
    ),
    "layer norm": (
        Recurrent(LayerNormLSTM(I, H)),
        [x()],
        "reference",
        {"cpu": "no compiled kernel of LayerNormLSTM", "aten": "torch has no fused LayerNormLSTM"},
    ),
    "another class": (
        elman.LSTM(I, H),
        [x().as_subclass(Named)],
        "aten",
        {"cpu": "the compiled kernels take plain tensors"},
    ),
    "by name": (
        elman.RNN(I, H, backend="reference"),
        [x()],
        "reference",
        {"cpu": "the layer asks for 'reference'", "aten": "the layer asks for 'reference'"},
    ),
}


def lines(what, backend, reasons):
    return "\n".join(
        [f"{what}: backend {backend!r} runs this call", *(f"  not {n!r}: {r}" for n, r in reasons.items())]
    )


@pytest.mark.parametrize("case", CASES)
def test_it_names_the_backend_that_runs_the_call(case, monkeypatch):
    layer, arguments, backend, reasons = CASES[case]
    assert layer.explain(*arguments) == lines(type(layer.cell).__name__, backend, reasons)
    taken = []
    for name, module in dispatch.BACKENDS.items():

        def run(call, name=name, run=module.run):
            taken.append(name)
            return run(call)

        monkeypatch.setattr(module, "run", run)
    layer(*arguments)
    assert taken == [backend]


@pytest.mark.parametrize(
    ("mode", "backend", "reasons"),
    [
        (lambda: torch.autocast("cpu", torch.float16), "aten", {"cpu": f"{TYPES}, under autocast too"}),
        (lambda: torch.autocast("cpu", torch.bfloat16), "cpu", {}),
        (
            Watching,
            "aten",
            {"cpu": "a tracer of torch's operators would not see the compiled kernels"},
        ),
        (
            forward_ad.dual_level,
            "reference",
            {
                "cpu": "the compiled kernels have no forward-mode derivative",
                "aten": "torch's layers have no forward-mode derivative",
            },
        ),
    ],
    ids=["float16", "bfloat16", "watched", "forward mode"],
)
def test_the_answer_is_that_of_the_mode(mode, backend, reasons):
    with mode():
        assert elman.LSTM(I, H).explain(x()) == lines("LSTM", backend, reasons)


def test_in_a_batch_of_vmap_and_while_states_tell_their_gradients():
    layer, found = elman.LSTM(I, H), []
    torch.func.vmap(lambda x: (found.append(layer.explain(x)), x)[1], in_dims=1)(x())
    batching = {
        "cpu": "the compiled kernels have no batching rule",
        "aten": "torch's layers have no batching rule",
    }
    assert found == [lines("LSTM", "reference", batching)]
    layer = double()
    with layer.state_gradients():
        assert layer.explain(x(torch.float64)) == lines("LSTM", "reference", {"cpu": FLOAT64, "aten": KEPT})


def test_without_compiled_kernels(monkeypatch):
    monkeypatch.setattr(cpu, "_kernels", None)
    reason = "the compiled kernels were not built: there was no C++ compiler when elman was installed"
    assert elman.LSTM(I, H).explain(x()) == lines("LSTM", "aten", {"cpu": reason})


def test_a_backend_asked_for_that_cannot():
    layer = double(backend="aten", residual=True)
    assert layer.explain(x(torch.float64)) == (
        f"LSTM: backend 'aten' cannot run this call: {OTHER}\n  not 'cpu': {FLOAT64}"
    )
    with pytest.raises(ValueError, match=f"backend 'aten' cannot run this call: {OTHER}"):
        layer(x(torch.float64))


def test_it_takes_what_forward_takes():
    state = torch.zeros(1, B, H)
    packed = pack_sequence([torch.zeros(3, I), torch.zeros(1, I)])
    for layer, *arguments in (
        (elman.LSTM(I, H), x(), (state, state)),
        (elman.GRU(I, H), x(), state),
        (elman.RNN(I, H), x()[:, 0], state[:, 0]),
        (elman.LSTM(I, H, bidirectional=True), packed),
        (elman.GRU(I, H, batch_first=True), x(), None, torch.tensor([1, 1, 0, 1, 2])),
    ):
        assert layer.explain(*arguments) == f"{type(layer.cell).__name__}: backend 'cpu' runs this call"
    assert elman.GRU(I, H).explain(x(), lengths=LENGTHS, resets=RESETS).endswith("'cpu' runs this call")
    with pytest.raises(ValueError, match="last axis must be input_size"):
        elman.GRU(I, H).explain(x()[..., 1:])


def test_it_runs_nothing_and_draws_nothing(monkeypatch):
    layer = Recurrent(LSTM(I, H), 2, dropout=0.5, zoneout=0.5, recurrent_dropout=0.5, weight_dropout=0.5)
    for module in dispatch.BACKENDS.values():
        monkeypatch.setattr(module, "run", None)
    given, before = x(), torch.get_rng_state()
    assert layer.explain(given) == "LSTM: backend 'cpu' runs this call"
    assert torch.equal(torch.get_rng_state(), before)
    monkeypatch.undo()
    layer(given)  # and afterwards it runs again
    assert not torch.equal(torch.get_rng_state(), before)


PROGRAM = """
import torch, elman
for _ in range(3):
    for dtype in (torch.float32, torch.float64):
        layer = elman.LSTM(3, 4, dtype=dtype)
        layer(torch.zeros(2, 1, 3, dtype=dtype))
        layer.step(torch.zeros(1, 3, dtype=dtype))
"""


@pytest.mark.parametrize("value", ["1", "0", ""])
def test_verbose_prints_each_answer_once_to_standard_error(value):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"ELMAN_VERBOSE": value},
        capture_output=True,
        text=True,
        check=True,
    )
    told = (
        "elman: LSTM: backend 'cpu' runs this call\n"
        "elman: LSTM: backend 'aten' runs this call\n"  # one step
        f"elman: LSTM: backend 'aten' runs this call\n  not 'cpu': {FLOAT64}\n"
    )
    assert (run.stdout, run.stderr) == ("", told if value == "1" else "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_verbose_breaks_no_compiled_graph(dtype, monkeypatch, capsys):
    monkeypatch.setattr(dispatch, "VERBOSE", True)
    monkeypatch.setattr(dispatch, "_printed", set())
    layer = Recurrent(LSTM(I, H), dtype=dtype)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    for _ in range(2):
        compiled(x(dtype))
    expected = ("cpu", {}) if dtype is torch.float32 else ("aten", {"cpu": FLOAT64})
    assert capsys.readouterr() == ("", f"elman: {lines('LSTM', *expected)}\n")
