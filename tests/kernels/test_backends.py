"""Every backend against the float64 reference: output, final state and every gradient."""

import copy
from collections.abc import Callable

import pytest
import torch
from agreement import draw, leaves, randomise, results
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import CELLS as KINDS
from kinds import OF_FEATURES, OF_PLANES
from rounding import agree_in, allowed, within
from torch import Tensor

from elman.kernels import aten, dispatch, reference
from elman.kernels.call import Call, Noise
from elman.kernels.compiled import cpu
from elman.layers import Recurrent

DTYPES = (torch.float64, torch.float32, torch.bfloat16)

# T, B, I, H: one step, B = H, no multiple of a vector's width, multiples
SHAPES = [(1, 1, 2, 3), (3, 4, 5, 4), (7, 5, 9, 19), (4, 16, 24, 32)]
# in small sums bfloat16's errors do not average out
CASES = [(d, s) for d in DTYPES for s in SHAPES if d is not torch.bfloat16 or s is SHAPES[-1]]

# what each backend must be able to run: cells and types
ABLE = {
    "cpu": ({"elman", "lstm", "gru"}, {torch.float32}),
    "aten": ({"elman", "lstm", "projected-lstm", "gru"}, set(DTYPES)),
    "planes": (set(OF_PLANES), {torch.float64, torch.float32}),
    "reference": (set(KINDS), set(DTYPES)),
}
RUNS = [
    (backend, name, dtype, shape)
    for backend in dispatch.BACKENDS
    for name in sorted(ABLE[backend][0])
    for dtype, shape in CASES
    if dtype in ABLE[backend][1]
]
# of the four kinds of run two a shape, so that each shape meets each direction and each kind of rows
KINDS_OF_RUN = [
    (*run, bidirectional, ragged)
    for run in RUNS
    for bidirectional in (False, True)
    for ragged in (False, True)
    if (SHAPES.index(run[3]) + bidirectional + ragged) % 2 == 0
]


def posed(
    layer: Recurrent, T: int, B: int, **options: Tensor | None
) -> tuple[Callable[[], dict[str, Tensor]], Callable[[], dict[str, Tensor]], list[Tensor]]:
    """A run of the layer, one of its copy in float64 on the reference, and all that the copy reads."""
    x, state = draw(layer, T, B)
    truth = copy.deepcopy(layer).double()
    truth.backend = "reference"
    exact_x, *exact_state = (value.detach().double().requires_grad_() for value in (x, *state))
    return (
        lambda: results(layer(x, state, **options), x, state, layer),
        lambda: results(truth(exact_x, exact_state, **options), exact_x, exact_state, truth),
        list(leaves(exact_x, exact_state, truth).values()),
    )


def compare(layer: Recurrent, T: int, B: int, **options: Tensor | None) -> None:
    """The layer against its copy in float64 on the reference."""
    run, exact_run, inputs = posed(layer, T, B, **options)
    agree_in(layer.weight_ih_l0.dtype, run(), exact_run, inputs)


@pytest.mark.parametrize(
    ("backend", "name", "dtype", "shape", "bidirectional", "ragged"), KINDS_OF_RUN, ids=str
)
def test_backend_equals_reference(backend, name, dtype, shape, bidirectional, ragged):
    T, B, I, H = shape
    options = {"bidirectional": bidirectional, "backend": backend, "dtype": dtype}
    layer = randomise(Recurrent(KINDS[name](I, H), 2, **options), scale=H**-0.5)
    if backend == "planes":
        compare(layer, T, B)
        return
    compare(layer, T, B, lengths=torch.randint(0, T + 1, (B,)) if ragged else None)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("shape", SHAPES[1:3], ids=str)
def test_one_weight_a_thousandth_off_is_noticed(shape, dtype, name):
    """The bounds of this file are no wider than that, whatever the cell: each parameter in turn."""
    T, B, I, H = shape
    layer = randomise(Recurrent(KINDS[name](I, H), 2, dtype=dtype), scale=H**-0.5)
    run, exact_run, inputs = posed(layer, T, B)
    exact, bounds = allowed(exact_run, inputs, dtype)
    within(run(), exact, bounds)
    for parameter in layer.parameters():
        flat = parameter.data.view(-1)
        k = int(flat.abs().argmax())
        kept = flat[k].clone()
        flat[k] *= 1.001
        with pytest.raises(AssertionError, match="is allowed"):
            within(run(), exact, bounds)
        flat[k] = kept


def check_a_drawn_layer(data: st.DataObject) -> None:
    """A layer of any cell, sizes and switches, on the fastest backend."""

    def pick(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    T, B, I, H, seed = pick(0, 6), pick(1, 5), pick(1, 7), pick(2, 7), pick(0, 99)
    name, dtype = data.draw(st.sampled_from(list(KINDS))), data.draw(st.sampled_from(DTYPES[:2]))
    if name == "layer-norm-lstm":
        # the norm of one input's product forgets its size, that of few units leaves signs: what is left of
        # their gradients is rounding alone
        I, H = max(I, 2), max(H, 4)
    switches = {key: data.draw(st.booleans()) for key in ("bidirectional", "residual", "learned_state")}
    ragged, resetting = data.draw(st.booleans()), data.draw(st.booleans())
    torch.manual_seed(seed)
    layer = randomise(Recurrent(KINDS[name](I, H), pick(1, 2), dtype=dtype, **switches))
    lengths = torch.randint(0, T + 1, (B,)) if ragged else None
    resets = torch.rand(T, B) < 0.3 if resetting else None
    compare(layer, T, B, lengths=lengths, resets=resets)


@settings(max_examples=150)
@given(data=st.data())
def test_auto_equals_reference(data):
    check_a_drawn_layer(data)


@pytest.mark.long
@settings(max_examples=3000)
@given(data=st.data())
def test_auto_equals_reference_in_thousands_of_layers(data):
    check_a_drawn_layer(data)


# what aten refuses, and what then runs


def call_of(name: str, **changes: object) -> Call:
    """A plain call of two layers, changed."""
    layer = Recurrent(KINDS[name](3, 4), 2)
    x, state = draw(layer, 5, 2)
    plain = Call(layer.cells, layer._weights(), x, state, layer.initial_state(2))
    return plain._replace(**changes)


LENGTHS, RESETS = torch.tensor([5, 0]), torch.eye(5, 2).bool()
CUT = "torch's layers support resets only for full rows in one direction"
OTHER = "torch's layers have no variational dropout, zoneout or residual connections"


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        *((name, {}, None) for name in sorted(ABLE["aten"][0])),
        *(
            (n, {}, f"torch has no fused {KINDS[n].__name__}")
            for n in sorted(set(OF_FEATURES) - ABLE["aten"][0])
        ),
        ("lstm", {"lengths": LENGTHS}, None),
        ("lstm", {"resets": RESETS}, None),
        ("lstm", {"resets": RESETS, "lengths": LENGTHS}, CUT),
        ("lstm", {"resets": RESETS, "bidirectional": True}, CUT),
        ("gru", {"input_masks": (torch.ones(2, 3), torch.ones(2, 4))}, OTHER),
        ("gru", {"noise": (Noise(zoneout=(0.5,)),) * 2}, OTHER),
        ("gru", {"noise": (Noise(recurrent=(torch.ones(2, 4),)),) * 2}, OTHER),
        ("elman", {"residual": True}, OTHER),
        ("elman", {"x": torch.zeros(0, 2, 3)}, "no steps or no rows"),
        ("elman", {"x": torch.zeros(5, 0, 3)}, "no steps or no rows"),
    ],
)
def test_aten_says_what_it_cannot_run(name, changes, reason, monkeypatch):
    call = call_of(name, **changes)
    assert aten.supports(call) == reason
    assert reference.supports(call) is None
    taken = []
    for backend in dispatch.BACKENDS.values():
        monkeypatch.setattr(backend, "run", lambda call, backend=backend: taken.append(backend))
    dispatch.run(call)
    fastest = next(b for b in (cpu, aten, reference) if b.supports(call) is None)
    if reason is None:
        dispatch.run(call, "aten")
        assert taken == [fastest, aten]
    else:
        with pytest.raises(ValueError, match=f"^backend 'aten' cannot run this call: {reason}$"):
            dispatch.run(call, "aten")
        assert taken == [fastest] != [aten]


def test_aten_leaves_functorch_to_the_reference():
    layer = Recurrent(KINDS["gru"](3, 4), backend="aten")
    with pytest.raises(ValueError, match="cannot run this call: torch's layers have no batching rule"):
        torch.func.vmap(layer, in_dims=1)(torch.zeros(5, 2, 3))
