"""RNN, LSTM, GRU and their cells against torch.nn: the same seed gives the same numbers."""

import inspect

import pytest
import torch
from agreement import agree, leaves, randomise, results
from rounding import agree_in
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from elman import layers

T, B, I, H = 5, 3, 4, 6

LAYERS = {
    "rnn-tanh": ("RNN", {"nonlinearity": "tanh"}),
    "rnn-relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm-proj": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}
CELLS = {
    "rnn-tanh": ("RNNCell", {"nonlinearity": "tanh"}),
    "rnn-relu": ("RNNCell", {"nonlinearity": "relu"}),
    "lstm": ("LSTMCell", {}),
    "gru": ("GRUCell", {}),
}
PACKED = {"sorted": [5, 3, 1], "unsorted": [2, 5, 4]}
TYPES = {"float32": torch.float32, "float64": torch.float64}
DTYPES = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
State = Tensor | tuple[Tensor, Tensor]
BOTH = (False, True)
# half of all combinations, in which any three of the four meet in every way
SWITCHES = pytest.mark.parametrize(
    ("backend", "dtype", "bidirectional", "batch_first"),
    [
        pytest.param(backend, dtype, both, first, id=f"{backend}-{name}-both={both}-batch_first={first}")
        for k, backend in enumerate(("aten", "reference"))
        for n, (name, dtype) in enumerate(TYPES.items())
        for both in BOTH
        for first in BOTH
        if (k + n + both + first) % 2 == 0
    ],
)


def pair(name: str, backend: str | None = None, **options: object) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's, built from the same seed."""
    torch.manual_seed(1)
    theirs = getattr(nn, name)(I, H, **options)
    torch.manual_seed(1)
    ours = getattr(layers, name)(I, H, **options, **({"backend": backend} if backend else {}))
    return ours, theirs


def shaped(x: Tensor, form: str, batch_first: bool) -> Tensor | PackedSequence:
    """x [T, B, I] as a batch, as its first row alone, or packed."""
    if form == "unbatched":
        return x[:, 0]
    x = x.transpose(0, 1) if batch_first else x
    if form == "batched":
        return x
    return pack_padded_sequence(x, torch.tensor(PACKED[form]), batch_first, enforce_sorted=form == "sorted")


def leaf(*shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, dtype=dtype, requires_grad=True)


def state_for(module: nn.Module, *leading: int, dtype: torch.dtype) -> State:
    h = leaf(*leading, getattr(module, "proj_size", 0) or H, dtype=dtype)
    return (h, leaf(*leading, H, dtype=dtype)) if isinstance(module, nn.LSTM | nn.LSTMCell) else h


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("form", ["batched", "unbatched", *PACKED])
@SWITCHES
def test_layer_gives_torchs_numbers(backend, dtype, bidirectional, batch_first, form, kind):
    name, options = LAYERS[kind]
    options = options | {"batch_first": batch_first, "bidirectional": bidirectional, "dtype": dtype}
    x = leaf(T, B, I, dtype=dtype)
    # every pair of the three
    for num_layers, bias, given in ((1, False, False), (1, True, True), (2, False, True), (2, True, False)):
        ours, theirs = pair(name, backend, num_layers=num_layers, bias=bias, **options)
        rows = [num_layers * (2 if bidirectional else 1)] + ([B] if form != "unbatched" else [])
        hx = state_for(theirs, *rows, dtype=dtype) if given else None
        found = ours(shaped(x, form, batch_first), hx)

        def run(theirs: nn.Module = theirs, hx: State = hx) -> dict[str, Tensor]:
            return results(theirs(shaped(x, form, batch_first), hx), x, hx, theirs)

        agree_in(dtype, results(found, x, hx, ours), run, leaves(x, hx, theirs).values())
        if form in PACKED:
            wanted = theirs(shaped(x, form, batch_first), hx)
            for mine, its in zip(found[0][1:], wanted[0][1:], strict=True):
                assert torch.equal(mine, its) if isinstance(its, Tensor) else mine is its


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("bias", [False, True])
def test_layer_starts_from_torchs_weights(bias, bidirectional, kind):
    name, options = LAYERS[kind]
    ours, theirs = pair(name, num_layers=2, bias=bias, bidirectional=bidirectional, **options)
    for mine, its in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert all(map(torch.equal, mine, its))
    assert_same_start(ours, theirs)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("bias", [False, True])
def test_cell_starts_from_torchs_weights(bias, kind):
    name, options = CELLS[kind]
    assert_same_start(*pair(name, bias=bias, **options))


def assert_same_start(ours: nn.Module, theirs: nn.Module) -> None:
    """The same keys in the same order, the same bits, and each loads the other's."""
    assert list(ours.state_dict()) == list(theirs.state_dict())
    agree(ours.state_dict(), theirs.state_dict(), 0)
    for giver, taker in ((ours, theirs), (theirs, ours)):
        randomise(giver)
        assert taker.load_state_dict(giver.state_dict()) == ([], [])
        agree(taker.state_dict(), giver.state_dict(), 0)


@pytest.mark.parametrize("kind", LAYERS)
@SWITCHES
def test_dropout_draws_torchs_masks(backend, dtype, bidirectional, batch_first, kind):
    name, options = LAYERS[kind]
    options = options | {"batch_first": batch_first, "bidirectional": bidirectional, "dtype": dtype}
    ours, theirs = pair(name, backend, num_layers=3, dropout=0.4, **options)
    x = leaf(T, B, I, dtype=dtype)

    def run(module: nn.Module) -> dict[str, Tensor]:
        torch.manual_seed(2)
        return results(module(shaped(x, "batched", batch_first)), x, None, module)

    inputs = list(leaves(x, None, theirs).values())
    dropped = run(theirs)
    agree_in(dtype, run(ours), lambda: run(theirs), inputs)
    kept = run(theirs.eval())
    agree_in(dtype, run(ours.eval()), lambda: run(theirs), inputs)
    assert not torch.allclose(dropped["output"], kept["output"])


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("batched", [False, True], ids=["unbatched", "batched"])
@pytest.mark.parametrize("given", [False, True], ids=["zero", "given"])
@pytest.mark.parametrize("bias", [False, True])
@DTYPES
def test_cell_gives_torchs_numbers(dtype, bias, given, batched, kind):
    name, options = CELLS[kind]
    ours, theirs = pair(name, bias=bias, dtype=dtype, **options)
    rows = [B] if batched else []
    x, hx = leaf(*rows, I, dtype=dtype), state_for(theirs, *rows, dtype=dtype) if given else None

    def run(module: nn.Module) -> dict[str, Tensor]:
        new = module(x, hx)
        return results((new[0] if isinstance(new, tuple) else new, new), x, hx, module)

    agree_in(dtype, run(ours), lambda: run(theirs), leaves(x, hx, theirs).values())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RNN", (I, H, 2, "relu", False, True, 0.5, True)),
        ("LSTM", (I, H, 2, False, True, 0.5, True, 3, "cpu", torch.float64)),
        ("GRU", (I, H, 2, False, True, 0.5, True)),
        ("RNNCell", (I, H, False, "relu", "cpu", torch.float64)),
        ("LSTMCell", (I, H, False, "cpu", torch.float64)),
        ("GRUCell", (I, H, False, "cpu", torch.float64)),
    ],
)
def test_arguments_stand_in_torchs_order(name, arguments):
    ours, theirs = getattr(layers, name)(*arguments), getattr(nn, name)(*arguments)
    for fact in {"nonlinearity", *theirs.__constants__} - {"mode"}:
        assert getattr(ours, fact, 0) == getattr(theirs, fact, 0), fact
    found, wanted = ([(k, v.shape, v.dtype) for k, v in m.state_dict().items()] for m in (ours, theirs))
    assert found == wanted
    assert list(inspect.signature(ours.forward).parameters)[:2] == ["input", "hx"]
