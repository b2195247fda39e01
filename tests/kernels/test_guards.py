"""What compiled code, which sees memory only, must never be given."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from rounding import agree_in
from torch import Tensor, nn
from torch.autograd import forward_ad

import elman
from elman.kernels.compiled import cpu

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)


@pytest.fixture
def layer() -> elman.LSTM:
    torch.manual_seed(0)
    return elman.LSTM(5, 7)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(6, 3, 5, generator=torch.Generator().manual_seed(1))


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def all_of(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Results, gradients and two steps of a stream."""
    output, state = layer(x)
    gradients = torch.autograd.grad(output.sum() + sum(s.sum() for s in state), list(layer.parameters()))
    stream = layer.stream(x.shape[1])
    return [output, *state, *gradients, *(stream.step(step, copy=True) for step in x[:2]), *stream.state]


@pytest.mark.parametrize(
    "context",
    [
        lambda: default_dtype(torch.bfloat16),
        lambda: default_dtype(torch.float16),
        lambda: default_dtype(torch.float64),
        lambda: torch.device("meta"),
    ],
    ids=["bfloat16", "float16", "float64", "meta"],
)
def test_torchs_defaults_change_nothing(context, layer, x):
    expected = all_of(layer, x)
    with context():
        found = all_of(layer, x)
    for a, b in zip(expected, found, strict=True):
        assert (a.dtype, a.device) == (b.dtype, b.device)
        assert torch.equal(a, b)


@pytest.mark.parametrize("backend", ["cpu", "auto"])
@pytest.mark.parametrize(
    ("name", "shape"),
    [("weight_ih_l0", (4, 4)), ("weight_hh_l0", (3, 3)), ("bias_ih_l0", (1,)), ("bias_hh_l0", (29,))],
)
def test_a_parameter_of_another_shape_is_refused(backend, name, shape, x):
    layer = elman.LSTM(5, 7, backend=backend)
    stream = layer.stream(3)
    getattr(layer, name).data = torch.randn(shape)
    with pytest.raises(ValueError, match=rf"{name[:-3]} must have shape \[.*\]\. Got \[{shape[0]}"):
        layer(x)
    with pytest.raises(ValueError, match=f"{name[:-3]} must have shape"):
        stream.step(x[0])


def test_a_parameter_that_changed_its_shape_before_the_backward_pass_is_refused(layer, x):
    output, _ = layer(x)
    layer.weight_hh_l0.data = torch.randn(2, 2)
    with pytest.raises((ValueError, RuntimeError)):
        output.sum().backward()


def test_a_learned_state_of_another_shape_is_refused(x):
    layer = elman.LSTM(5, 7, learned_state=True)
    layer.initial_h = nn.Parameter(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="state must have shape"):
        layer(x)


@pytest.mark.parametrize("lengths", [[100_000, 2, 4], [7, 2, 4], [-1, 2, 4]])
def test_lengths_out_of_range_are_refused_in_a_compiled_graph(lengths, x):
    layer = elman.LSTM(5, 8, bidirectional=True)
    compiled = torch.compile(layer, backend="aot_eager")
    with pytest.raises(ValueError, match=r"lengths must lie in \[0, 6\]"):
        compiled(x, None, torch.tensor(lengths))


def test_an_operator_checks_what_it_is_given_by_itself(x):
    state, options = (
        torch.zeros(2, 3, 7),
        [None, None, [], [None] * 2, [0.0] * 2, "lstm", [5, 7], [False], False],
    )
    with pytest.raises(ValueError, match="weight_ih must have shape"):
        torch.ops.elman.sweep([x, *state, *[torch.zeros(1, 1)] * 4], *options)
    with pytest.raises(ValueError, match="elman::sweep of LSTM takes 7 tensors"):
        torch.ops.elman.sweep([x, *state, *[torch.zeros(1, 1)] * 2], *options)


def test_fake_tensors_are_left_to_torch(layer, x):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        output, _ = layer(mode.from_tensor(x))
    assert output.shape == (6, 3, 7)


def test_a_negated_view_is_read_as_what_it_stands_for(layer, x):
    found = {"": layer(torch._neg_view(x))[0]}
    agree_in(torch.float32, found, lambda: {"": layer(-x)[0]}, [x, *layer.parameters()])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@torch.no_grad()
def test_what_records_operators_sees_them(layer, x):
    from torch.fx.experimental.proxy_tensor import make_fx

    other = torch.randn_like(x)
    traced = torch.jit.trace(layer, x)
    graph = make_fx(lambda v: layer(v)[0])(x)
    for found in (traced(other)[0], graph(other)):
        agree_in(torch.float32, {"": found}, lambda: {"": layer(other)[0]}, [other, *layer.parameters()])


def test_forward_mode_derivatives_are_the_references(layer, x):
    layer.requires_grad_(False)

    def tangent(layer: nn.Module) -> dict[str, Tensor]:
        with forward_ad.dual_level():
            output, _ = layer(forward_ad.make_dual(x, torch.ones_like(x)))
            return {"": forward_ad.unpack_dual(output).tangent}

    reference = elman.LSTM(5, 7, backend="reference").requires_grad_(False)
    reference.load_state_dict(layer.state_dict())
    agree_in(torch.float32, tangent(layer), lambda: tangent(reference), [x, *reference.parameters()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_vectorised_gradients_are_those_one_by_one(dtype, layer, x):
    layer.to(dtype)
    v = x.to(dtype).requires_grad_()
    output, _ = layer(v)
    directions = torch.eye(7, dtype=dtype).reshape(7, 1, 1, 7).expand(7, 6, 3, 7)
    (found,) = torch.autograd.grad(output, v, directions, is_grads_batched=True, retain_graph=True)

    def one_by_one() -> dict[str, Tensor]:
        output, _ = layer(v)
        return {
            "": torch.stack([torch.autograd.grad(output, v, d, retain_graph=True)[0] for d in directions])
        }

    agree_in(dtype, {"": found}, one_by_one, [v, *layer.parameters()])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_lengths_and_resets_may_be_used_again_before_the_backward_pass(backend, x):
    layer = elman.LSTM(5, 7, backend=backend)
    lengths, resets = torch.tensor([6, 2, 4]), torch.rand(6, 3) < 0.5

    def gradient(spoil: bool) -> Tensor:
        own = lengths.clone(), resets.clone()
        output, _ = layer(x, lengths=own[0], resets=own[1])
        if spoil:
            own[0].fill_(1)
            own[1].fill_(False)
        return torch.autograd.grad(output.sum(), layer.weight_hh_l0)[0]

    assert torch.equal(gradient(spoil=True), gradient(spoil=False))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda x: (x.bfloat16(), None),
            "input and state must be torch.float32, like the parameters. Got torch.bfloat16.",
        ),
        (
            lambda x: (x.double(), None),
            "input and state must be torch.float32, like the parameters. Got torch.float64.",
        ),
        (lambda x: (x, (torch.zeros(1, 3, 7).double(),) * 2), "input and state must be torch.float32"),
    ],
)
def test_another_dtype_is_named(layer, x, wrong, message):
    with pytest.raises(ValueError, match=message):
        layer(*wrong(x))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_under_autocast_a_state_carried_in_bfloat16_is_taken(backend, x):
    layer = elman.LSTM(5, 7, zoneout=0.2, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x)
        output, after = layer(x, tuple(s.bfloat16() for s in state))
    assert {t.dtype for t in (output, *after)} == {torch.float32}


def test_a_stream_refuses_what_has_no_memory(layer, x):
    stream = layer.stream(3)
    with pytest.raises(RuntimeError):
        torch.func.vmap(stream.step)(x)
    assert torch.isfinite(stream.step(x[0])).all()


@pytest.mark.parametrize("rows", [0, -1, True, 1.5])
def test_a_stream_needs_rows(layer, rows):
    with pytest.raises(ValueError, match="batch_size must be an int"):
        layer.stream(rows)


def test_threads_that_share_a_stream_do_not_crash(layer, x):
    stream = layer.stream(3)

    def use() -> None:
        for _ in range(300):
            stream.step(x[0])
            stream.reset()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_parent_that_ran_no_kernel_yet_works():
    code = (
        "import os, torch, elman, elman.layers\n"
        "torch.set_num_threads(2)\n"
        "torch.rand(1000, 1000).add(1).sum()\n"  # so OpenMP's threads are there, of which a child has none
        "if os.fork() == 0:\n"
        "    elman.LSTM(64, 128)(torch.zeros(50, 8, 64))\n"
        "    os._exit(0)\n"
        "os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=600, check=False).returncode == 0


def test_an_instruction_set_that_is_not_there_is_named():
    run = subprocess.run(
        [sys.executable, "-c", "import elman.layers"],
        env=os.environ | {"ELMAN_ISA": "foo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ELMAN_ISA must be one of" in run.stderr
    assert "Got foo." in run.stderr
