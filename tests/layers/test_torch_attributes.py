"""What programs ask of torch's layers beside calling them: attributes, checks, errors, settable sizes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from elman import layers
from elman.errors import ArgumentTypeError, ShapeError
from elman.layers import convert

T, B, I, H = 4, 3, 5, 6
LAYERS = {
    "rnn": lambda: nn.RNN(I, H, 2, nonlinearity="relu"),
    "gru": lambda: nn.GRU(I, H, 2, bidirectional=True, batch_first=True),
    "lstm": lambda: nn.LSTM(I, H, bias=False),
    "lstm-proj": lambda: nn.LSTM(I, H, 2, proj_size=2, bidirectional=True),
}
pairs = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
NAMES = (
    *("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"),
    *("proj_size", "_all_weights", "_flat_weights_names"),
)


def both(make) -> tuple[nn.Module, nn.Module]:
    theirs = make()
    return theirs, convert(copy.deepcopy(theirs))


@pairs
def test_facts_are_torchs(make):
    theirs, ours = both(make)
    for name in NAMES:
        assert getattr(ours, name) == getattr(theirs, name), name
    for lists in ("all_weights", "_flat_weights"):
        found, wanted = (torch.utils._pytree.tree_leaves(list(getattr(m, lists))) for m in (ours, theirs))
        assert [id(w) for w in found] == [id(w) for w in ours.parameters()]
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


@pairs
def test_checks_are_torchs(make):
    theirs, ours = both(make)
    x = torch.randn(B, T, I) if theirs.batch_first else torch.randn(T, B, I)
    packed = pack_padded_sequence(torch.randn(T, B, I), [4, 2, 1])
    order = torch.tensor([2, 0, 1])
    for layer in (theirs, ours):
        state = layer(x)[1]
        for args in ((x, None), (packed.data, packed.batch_sizes)):
            layer.check_input(*args)
            layer.check_forward_args(args[0], state, args[1])
            assert layer.get_expected_hidden_size(*args) == theirs.get_expected_hidden_size(*args)
            if theirs.mode == "LSTM":
                assert layer.get_expected_cell_size(*args) == theirs.get_expected_cell_size(*args)
        moved = layer.permute_hidden(state, order)
        for a, b in zip(*(s if isinstance(s, tuple) else (s,) for s in (moved, state)), strict=True):
            assert torch.equal(a, b[:, order])
        assert layer.permute_hidden(state, None) is state
        wrong = layer(torch.cat([x, x], 0 if theirs.batch_first else 1))[1]
        for bad in (
            lambda layer=layer: layer.check_input(x[..., 1:], None),
            lambda layer=layer: layer.check_input(x, packed.batch_sizes),
            lambda layer=layer, wrong=wrong: layer.check_forward_args(x, wrong, None),
            lambda layer=layer: layer.check_hidden_size(x, (1, 2, 3), "must be {}. Got {}"),
        ):
            with pytest.raises(RuntimeError):
                bad()


@pairs
def test_flat_weights_can_be_set(make):
    _, ours = both(make)
    _, other = both(make)
    x = torch.randn(B, T, I)
    ours._flat_weights = other._flat_weights
    assert torch.equal(ours(x)[0], other(x)[0])
    changed = nn.Parameter(torch.zeros_like(ours.weight_hh_l0))
    ours._flat_weights[1] = changed
    assert ours.weight_hh_l0 is changed
    ours._flat_weights = [getattr(ours, name) for name in ours._flat_weights_names]
    ours._init_flat_weights()
    ours._update_flat_weights()
    assert ours._weights_have_changed() is False
    with pytest.raises(TypeError, match="cannot assign"):
        ours._flat_weights[1] = torch.zeros(1)


def assign(layer: nn.Module, other: nn.Module) -> None:
    """Gives a layer the parameters of another, whatever their shapes."""
    for name, parameter in other.named_parameters():
        setattr(layer, name, parameter)


def test_sizes_can_be_set():
    layer = layers.LSTM(I, H, 2, bidirectional=True)
    wide = layers.LSTM(I + 1, H + 2, 2, bidirectional=True)
    layer.input_size, layer.hidden_size = I + 1, H + 2
    assign(layer, wide)
    x = torch.randn(T, B, I + 1)
    assert torch.equal(layer(x)[0], wide(x)[0])
    layer.num_layers = 1
    assert torch.allclose(layer(x)[1][0], wide(x)[1][0][:2], atol=1e-6)
    layer.bidirectional = False
    assert torch.allclose(layer(x)[1][0][0], wide(x)[1][0][0], atol=1e-6)
    assert layer(x)[0].shape == (T, B, H + 2)
    without = layers.LSTM(I + 1, H + 2, bias=False)
    layer.bias = False
    without.load_state_dict({k: v for k, v in layer.state_dict().items() if k in without.state_dict()})
    assert torch.equal(layer(x)[0], without(x)[0])
    with pytest.raises(ValueError, match="hidden_size must be an int"):
        layer.hidden_size = 2.0


def test_sizes_of_a_cell_can_be_set():
    cell, wide = layers.GRUCell(I, H), layers.GRUCell(I, H + 1)
    cell.hidden_size = H + 1
    assign(cell, wide)
    assert torch.equal(cell(torch.ones(B, I)), wide(torch.ones(B, I)))
    cell.input_size, cell.bias = 2, False
    assert (cell.input_size, cell.bias) == (2, False)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells_without_units_or_inputs(kind):
    for I_, H_ in ((3, 0), (0, 4), (0, 0)):
        theirs, ours = (getattr(home, kind)(I_, H_) for home in (nn, layers))
        ours.load_state_dict(theirs.state_dict())
        found, wanted = (m(torch.zeros(2, I_)) for m in (ours, theirs))
        for a, b in zip(*(s if isinstance(s, tuple) else (s,) for s in (found, wanted)), strict=True):
            assert torch.equal(a, b)


def test_cell_base_has_torchs_constructor():
    theirs, ours = nn.RNNCellBase(I, H, True, 4), layers.torch_like.RNNCellBase(I, H, True, 4)
    assert {k: v.shape for k, v in theirs.state_dict().items()} == {
        k: v.shape for k, v in ours.state_dict().items()
    }
    assert layers.GRUCell(I, H, bias=False).bias_ih is None
    with pytest.raises(ValueError, match=r"^num_chunks must be 1, 3 or 4\. Got 2\.$"):
        layers.torch_like.RNNCellBase(I, H, True, 2)


@pytest.mark.parametrize(("mode", "kind"), [("RNN_RELU", "RNN"), ("GRU", "GRU"), ("LSTM", "LSTM")])
def test_base_has_torchs_constructor(mode, kind):
    layer = layers.torch_like.RNNBase(mode, I, H, 2, False, True, 0.5, True)
    options = {"nonlinearity": "relu"} if kind == "RNN" else {}
    same = getattr(layers, kind)(
        I, H, 2, bias=False, batch_first=True, dropout=0.5, bidirectional=True, **options
    )
    same.load_state_dict(layer.state_dict())
    x = torch.randn(B, T, I)
    assert torch.equal(layer.eval()(x)[0], same.eval()(x)[0])
    with pytest.raises(ValueError, match=r"^mode must be RNN_TANH, RNN_RELU, GRU or LSTM\. Got 'QRNN'\.$"):
        layers.torch_like.RNNBase("QRNN", I, H)


BAD = [
    ("LSTM", {"bias": "False"}, "bias must be True or False. Got 'False'."),
    ("GRU", {"bias": 1}, "bias must be True or False. Got 1."),
    ("RNN", {"bias": None}, "bias must be True or False. Got None."),
    ("LSTM", {"dropout": None}, "dropout must be a probability in [0, 1]. Got None."),
    ("LSTM", {"batch_first": 0}, "batch_first must be True or False. Got 0."),
    ("GRU", {"batch_first": "yes"}, "batch_first must be True or False. Got 'yes'."),
    ("RNN", {"hidden_size": 6.0}, "hidden_size must be an int. Got 6.0."),
    ("LSTM", {"input_size": "5"}, "input_size must be an int. Got '5'."),
    ("GRU", {"num_layers": 2.0}, "num_layers must be an int. Got 2.0."),
]


@pytest.mark.parametrize(("kind", "options", "message"), BAD, ids=str)
def test_wrong_type_of_an_argument(kind, options, message):
    arguments = {"input_size": I, "hidden_size": H} | options
    with pytest.raises(TypeError):
        getattr(nn, kind)(**arguments)
    with pytest.raises(ArgumentTypeError) as error:
        getattr(layers, kind)(**arguments)
    assert str(error.value) == message
    assert isinstance(error.value, TypeError)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *(("LSTM", {"dropout": value}) for value in ("0.5", True, 1.5)),
        *((kind, {"proj_size": 2}) for kind in ("GRU", "RNN")),
        ("LSTM", {"proj_size": H}),
        ("GRU", {"hidden_size": 0}),
        ("RNN", {"input_size": 0}),
        ("RNN", {"nonlinearity": "sigmoid"}),
        ("LSTM", {"num_layers": 0}),
    ],
    ids=str,
)
def test_value_out_of_range(kind, options):
    for home in (nn, layers):
        with pytest.raises(ValueError):  # noqa: PT011 - torch's text differs
            getattr(home, kind)(**{"input_size": I, "hidden_size": H} | options)


def test_flags_that_torch_takes():
    assert layers.GRU(I, H, bidirectional=1).bidirectional is True
    assert layers.GRU(I, H, bidirectional=np.False_).bidirectional is False


SHAPES = {
    "features": lambda m: m.GRU(I, H)(torch.zeros(T, B, I + 1)),
    "axes": lambda m: m.LSTM(I, H)(torch.zeros(T)),
    "state-of-gru": lambda m: m.GRU(I, H)(torch.zeros(T, B, I), torch.zeros(1, B + 1, H)),
    "state-of-lstm": lambda m: m.LSTM(I, H)(
        torch.zeros(T, B, I), (torch.zeros(1, B, H), torch.zeros(2, B, H))
    ),
    "unbatched-state": lambda m: m.RNN(I, H)(torch.zeros(T, I), torch.zeros(1, 1, H)),
    "batched-state": lambda m: m.RNN(I, H)(torch.zeros(T, B, I), torch.zeros(1, H)),
    "input-of-cell": lambda m: m.RNNCell(I, H)(torch.zeros(B, I + 2)),
    "state-of-cell": lambda m: m.LSTMCell(I, H)(
        torch.zeros(B, I), (torch.zeros(B, H), torch.zeros(B + 1, H))
    ),
    "one-row-of-state": lambda m: m.GRUCell(I, H)(torch.zeros(B, I), torch.zeros(1, H)),
}


@pytest.mark.parametrize("call", SHAPES.values(), ids=SHAPES)
def test_wrong_shape_is_what_torch_raises(call):
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        call(nn)
    with pytest.raises(ShapeError) as ours:
        call(layers)
    assert isinstance(ours.value, theirs.type)


STATES = {
    "tuple-to-gru": (
        lambda: layers.GRU(I, H)(torch.zeros(T, B, I), (torch.zeros(1, B, H),)),
        "hx must be a tensor, as only an LSTM has two states. Got tuple of Tensor.",
    ),
    "tuple-to-step": (
        lambda: layers.RNN(I, H).step(torch.zeros(B, I), (torch.zeros(1, B, H),)),
        "hx must be a tensor, as only an LSTM has two states. Got tuple of Tensor.",
    ),
    "pair-to-cell": (
        lambda: layers.GRUCell(I, H)(torch.zeros(B, I), (torch.zeros(B, H), None)),
        "hx must be a tensor, as only an LSTM has two states. Got tuple of Tensor, NoneType.",
    ),
    "tensor-to-lstm": (
        lambda: layers.LSTM(I, H)(torch.zeros(T, B, I), torch.zeros(2, B, H)),
        "the state must be a tuple of tensors. Got Tensor.",
    ),
    "tensor-to-unbatched-lstm": (
        lambda: layers.LSTM(I, H)(torch.zeros(T, I), torch.zeros(2, H)),
        "the state must be a tuple of tensors. Got Tensor.",
    ),
    "tensor-to-lstm-cell": (
        lambda: layers.LSTMCell(I, H)(torch.zeros(B, I), torch.zeros(2, H)),
        "the state must be a tuple of tensors. Got Tensor.",
    ),
    "none-in-pair": (
        lambda: layers.LSTM(I, H).step(torch.zeros(B, I), (torch.zeros(1, B, H), None)),
        "the state must be a tuple of tensors. Got tuple of Tensor, NoneType.",
    ),
    "packed": (
        lambda: layers.GRU(I, H)(
            pack_padded_sequence(torch.zeros(T, B, I), [4, 4, 4]), [torch.zeros(1, B, H)]
        ),
        "hx must be a tensor, as only an LSTM has two states. Got list of Tensor.",
    ),
}


@pytest.mark.parametrize(("call", "message"), STATES.values(), ids=STATES)
def test_state_of_the_wrong_type(call, message):
    with pytest.raises(ArgumentTypeError) as error:
        call()
    assert str(error.value) == message


def test_a_pair_may_be_a_list():
    layer, x = layers.LSTM(I, H), torch.randn(T, B, I)
    state = [torch.randn(1, B, H), torch.randn(1, B, H)]
    assert torch.equal(layer(x, state)[0], layer(x, tuple(state))[0])
