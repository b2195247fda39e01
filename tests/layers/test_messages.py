"""What is refused, and that the message says argument, rule and value."""

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from elman import cells, layers
from elman.kernels import dispatch
from elman.layers import Recurrent

T, B, I, H = 5, 3, 4, 6
X = torch.zeros(T, B, I)
COUNT = "must be an int in [1, inf)."
PROBABILITY = "must be a probability in [0, 1]."
CHRONO = "chrono needs a number of steps of at least 3, such as chrono:200."
CHRONO_BOUND = "chrono needs a number of steps below 1e9, such as chrono:200."
STATES = "state must have shape [1, 3, 6], [1, 3, 6]."
LENGTHS = "lengths must be 3 ints."
RESETS = "resets must be bool of the input's steps and rows."
NO_STEPS = "a bidirectional layer cannot run step by step"


def h(*shape: int) -> Tensor:
    return torch.zeros(shape)


OPTIONS = [
    ({"num_layers": 0}, f"num_layers {COUNT} Got 0."),
    ({"dropout": 1.5}, f"dropout {PROBABILITY} Got 1.5."),
    ({"input_dropout": -1}, f"input_dropout {PROBABILITY} Got -1."),
    ({"recurrent_dropout": 2}, f"recurrent_dropout {PROBABILITY} Got 2."),
    ({"weight_dropout": float("nan")}, f"weight_dropout {PROBABILITY} Got nan."),
    ({"zoneout": 1.1}, f"zoneout {PROBABILITY} Got 1.1."),
    ({"zoneout": {"h": 0.1, "c": -0.1}}, f"zoneout {PROBABILITY} Got -0.1."),
    ({"zoneout": {"c": 0.1, "z": 0.1}}, "zoneout names states ['h', 'c']. Got ['z']."),
    ({"proj_size": -1}, f"proj_size {COUNT} Got -1."),
    ({"proj_size": H}, "proj_size must be less than hidden_size (6). Got 6."),
    ({"backend": "gpu"}, f"backend must be one of auto, {', '.join(dispatch.BACKENDS)}. Got 'gpu'."),
    ({"init": "chrono:2"}, f"{CHRONO} Got 'chrono:2'."),
    ({"init": "chrono:9999999999"}, f"{CHRONO_BOUND} Got 'chrono:9999999999'."),
    ({"init": "torch+torch"}, "an initialisation must join different ones. Got 'torch' twice."),
    *(
        ({"init": init}, f"uniform needs a number in (0, 1000], such as uniform:0.1. Got {init!r}.")
        for init in ("uniform", "uniform:0", "uniform:-1", "uniform:nan", "uniform:1e300", "uniform:x")
    ),
    ({"init": "orthogonal+chrono"}, f"{CHRONO} Got 'chrono'."),
    (
        {"init": "xavier"},
        "unknown initialisation 'xavier'; known: torch, orthogonal, forget-bias, chrono:T, uniform:R, "
        "identity, zero-recurrent, spread, advised",
    ),
    (
        {"init": "forget-bias", "bias": False},
        "initialisation 'forget-bias' needs a memory gate with a bias. "
        f"Got {cells.LSTM(I, H, bias=False)!r}.",
    ),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS, ids=str)
def test_bad_option(options, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        layers.LSTM(I, H, **options)
    assert str(error.value) == message


CALLS = {
    "zero": (lambda lstm: layers.GRU(I, 0), f"hidden_size {COUNT} Got 0."),
    "true": (lambda lstm: layers.RNN(True, H), "input_size must be an int. Got True."),
    "float": (lambda lstm: layers.GRUCell(4.0, H), "input_size must be an int. Got 4.0."),
    "nonlinearity": (
        lambda lstm: layers.RNN(I, H, nonlinearity="elu"),
        "nonlinearity must be 'tanh' or 'relu'. Got 'elu'.",
    ),
    "no-gate": (
        lambda lstm: layers.RNN(I, H, init="chrono:9"),
        f"initialisation 'chrono:9' needs a memory gate with a bias. Got {cells.Elman(I, H)!r}.",
    ),
    "not-a-cell": (
        lambda lstm: Recurrent(cells.LSTM),
        f"cell must be a Cell, such as elman.cells.LSTM(8, 16). Got {cells.LSTM!r}.",
    ),
    "axes": (lambda lstm: lstm(h(T)), "input must have 2 or 3 axes. Got shape [5]."),
    "features": (lambda lstm: lstm(X[..., :3]), "input's last axis must be input_size (4). Got 3."),
    "unbatched-features": (
        lambda lstm: lstm(X[:, 0, :3]),
        "input's last axis must be input_size (4). Got 3.",
    ),
    "rows-of-state": (lambda lstm: lstm(X, (h(1, 2, H), h(1, 2, H))), f"{STATES} Got [1, 2, 6], [1, 2, 6]."),
    "states": (lambda lstm: lstm(X, (h(1, 3, H),)), f"{STATES} Got [1, 3, 6]."),
    "bare-state": (
        lambda lstm: layers.GRU(I, H)(X, h(1, 1, H)),
        "state must have shape [1, 3, 6]. Got [1, 1, 6].",
    ),
    "too-long": (
        lambda lstm: lstm(X, None, torch.tensor([1, 6, 5])),
        "lengths must lie in [0, 5]. Got [1, 6, 5].",
    ),
    "negative": (
        lambda lstm: lstm(X, None, torch.tensor([1, -1, 5])),
        "lengths must lie in [0, 5]. Got [1, -1, 5].",
    ),
    "float-lengths": (lambda lstm: lstm(X, None, h(3)), f"{LENGTHS} Got torch.float32 of [3]."),
    "two-lengths": (lambda lstm: lstm(X, None, h(2).long()), f"{LENGTHS} Got torch.int64 of [2]."),
    "unbatched-lengths": (
        lambda lstm: lstm(X[:, 0], None, torch.tensor([5])),
        "lengths must be None for an unbatched input",
    ),
    "packed-lengths": (
        lambda lstm: lstm(pack_padded_sequence(X, [5, 2, 1]), None, torch.tensor([5, 2, 1])),
        "lengths must be None for a PackedSequence, which has its own",
    ),
    "float-resets": (lambda lstm: lstm(X, resets=h(T, B)), f"{RESETS} Got torch.float32 of [5, 3]."),
    "turned-resets": (lambda lstm: lstm(X, resets=h(B, T).bool()), f"{RESETS} Got torch.bool of [3, 5]."),
    "step": (lambda lstm: layers.GRU(I, H, bidirectional=True).step(X[0]), NO_STEPS),
    "stream": (lambda lstm: layers.GRU(I, H, bidirectional=True).stream(), NO_STEPS),
    "axes-of-step": (lambda lstm: lstm.step(X), "a step's input must be [B, I]. Got shape [5, 3, 4]."),
    "state-of-stream": (
        lambda lstm: setattr(lstm.stream(2), "state", (h(2), h(2))),
        "state must have shapes [[1, 2, 6], [1, 2, 6]]. Got [[2], [2]].",
    ),
    "input-of-cell": (lambda lstm: layers.LSTMCell(I, H)(X), "input must be [B, 4] or [4]. Got [5, 3, 4]."),
    "state-of-cell": (
        lambda lstm: layers.GRUCell(I, H)(X[0], h(1, H)),
        "state must have shapes [(3, 6)]. Got [(1, 6)].",
    ),
    "unable": (
        lambda lstm: layers.LSTM(I, H, backend="aten", zoneout=0.1)(X),
        "backend 'aten' cannot run this call: "
        "torch's layers have no variational dropout, zoneout or residual connections",
    ),
}


@pytest.mark.parametrize(("call", "message"), CALLS.values(), ids=CALLS)
def test_bad_call(call, message):
    lstm = layers.LSTM(I, H)
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        call(lstm)
    assert str(error.value) == message


def test_cell_without_pointwise():
    with pytest.raises(NotImplementedError, match=r"^Cell must define pointwise or override step$"):
        Recurrent(cells.Cell(I, H), init="orthogonal")(X)
