"""Torch's names stand for Elman's layers, in programs that build, subclass and ask for them."""

import abc
import copy
import pickle
import sys
import threading
import types

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo import config
from torch.nn.modules import rnn

import elman
from elman import layers
from elman.layers import convert, torch_like

T, B, I, H = 4, 3, 5, 6
NAMES = ("RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell")
TORCHS = {name: getattr(nn, name) for name in NAMES}
HOMES = (torch.nn, torch.nn.modules, rnn)


def standing() -> set[str]:
    """Whose classes stand under torch's names."""
    return {
        "torch" if getattr(home, name) is TORCHS[name] else "elman"
        for home in HOMES
        for name in NAMES
        if getattr(home, name) in (TORCHS[name], getattr(torch_like, name))
    }


@pytest.fixture(autouse=True)
def _torchs_names_afterwards():
    yield
    assert standing() == {"torch"}
    assert config.allow_rnn is False


def test_names_and_modules_are_swapped_and_restored():
    with elman.swap():
        assert standing() == {"elman"}
        assert nn.LSTM is elman.LSTM
        layer = nn.GRU(I, H)
        assert type(layer) is elman.GRU
        assert isinstance(layer, (nn.GRU, rnn.RNNBase))
        assert isinstance(nn.LSTMCell(I, H), nn.RNNCellBase)
        assert not isinstance(layer, nn.LSTM)
    assert type(nn.GRU(I, H)) is TORCHS["GRU"]


@pytest.mark.parametrize("package", ["no_such_package", "elman.no_such_module", "no.such.package", "", 3])
def test_a_package_that_is_not_there_is_refused(package):
    with pytest.raises(elman.InputError, match=r"package must be loaded or installed\. Got"):
        elman.swap("json", package)
    assert standing() == {"torch"}


def test_a_package_that_is_not_loaded_yet_stays_so():
    sys.modules.pop("this", None)
    with elman.swap("this", "elman.layers"):
        assert "this" not in sys.modules
        assert standing() == {"elman"}


def test_permanent_until_restored():
    first = elman.swap()
    second = elman.swap()
    assert standing() == {"elman"}
    first.restore()
    first.restore()
    assert standing() == {"elman"}
    second.restore()
    assert standing() == {"torch"}


def test_exception_restores():
    with pytest.raises(ZeroDivisionError), elman.swap(), elman.swap():
        raise ZeroDivisionError
    assert standing() == {"torch"}


def test_what_somebody_else_set_is_kept():
    class Mine(TORCHS["GRU"]):
        pass

    try:
        with elman.swap():
            nn.GRU = Mine
        assert nn.GRU is Mine
    finally:
        nn.GRU = TORCHS["GRU"]


def test_threads_that_end_in_any_order():
    inside, leave = threading.Barrier(3), [threading.Event(), threading.Event()]
    built: list[type] = []

    def work(k: int) -> None:
        with elman.swap():
            inside.wait(60)
            leave[k].wait(60)
            built.append(type(nn.LSTM(I, H)))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(60)
    for event, thread in zip(leave, threads, strict=True):
        assert standing() == {"elman"}
        event.set()
        thread.join(60)
    assert built == [elman.LSTM, elman.LSTM]


def module(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module of a library, loaded from its source."""
    made = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(source, vars(made))
    return made


LIBRARY = "from torch.nn import LSTM, GRU as Gated, Linear\nmake = lambda: LSTM(2, 3)\n"


def test_loaded_packages_are_swapped_if_named(monkeypatch):
    module("some_library", "", monkeypatch)
    inner = module("some_library.parts", LIBRARY, monkeypatch)
    other = module("some_library_else", LIBRARY, monkeypatch)
    with elman.swap():
        assert type(inner.make()) is TORCHS["LSTM"]
        with elman.swap("some_library"):
            assert type(inner.make()) is elman.LSTM
            assert inner.Gated is elman.GRU
            assert inner.Linear is nn.Linear
            assert other.LSTM is TORCHS["LSTM"]
            with elman.swap(sys.modules["some_library"]):
                pass
            assert inner.LSTM is elman.LSTM
        assert inner.LSTM is TORCHS["LSTM"]


def test_subclasses_that_came_before_are_named(monkeypatch):
    module(
        "early", "from torch import nn\nclass Own(nn.GRU):\n    pass\nOwn.__module__ = 'early'\n", monkeypatch
    )
    with pytest.warns(UserWarning, match=r"^elman\.swap came after early\.Own, which inherits") as caught:
        elman.swap("early").restore()
    assert caught[0].filename == __file__


class Decoder(nn.Module):
    """Asks what its layer is, as translation toolkits and reinforcement learning libraries do."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](I, H, batch_first=True)

    def start(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        zeros = x.new_zeros(1, len(x), H)
        return (zeros, zeros) if isinstance(self.rnn, nn.LSTM) else zeros

    def forward(self, x: Tensor) -> Tensor:
        output, state = self.rnn(x, self.start(x))
        return output + (state[0] if isinstance(self.rnn, nn.LSTM) else state).transpose(0, 1)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_programs_that_ask_for_torchs_class(kind):
    wanted = Decoder(kind)
    x = torch.randn(B, T, I)
    with elman.swap():
        built, converted = Decoder(kind), convert(copy.deepcopy(wanted))
        built.load_state_dict(wanted.state_dict())
        for model in (built, converted):
            assert type(model.rnn) is (elman.LSTM if kind == "lstm" else elman.GRU)
            assert torch.allclose(model(x), wanted_output(wanted, x), atol=1e-6)
    back = convert(built, back=True)
    assert torch.allclose(back(x), wanted(x), atol=1e-6)


def wanted_output(model: Decoder, x: Tensor) -> Tensor:
    """What the decoder gives with torch's layer, within a swap."""
    zeros = x.new_zeros(1, len(x), H)
    is_pair = isinstance(model.rnn, TORCHS["LSTM"])
    output, state = model.rnn(x, (zeros, zeros) if is_pair else zeros)
    return output + (state[0] if is_pair else state).transpose(0, 1)


def test_mixin_subclasses_with_torchs_base():
    def library() -> type[nn.Module]:
        class Flexible(abc.ABC, nn.RNNBase):
            @abc.abstractmethod
            def start(self, x: Tensor) -> object: ...

            def forward(self, x: Tensor, hx: object = None, lengths: Tensor | None = None) -> object:
                return super().forward(x, hx=self.start(x) if hx is None else hx)

        class LSTM(Flexible, nn.LSTM):
            def start(self, x: Tensor) -> tuple[Tensor, Tensor]:
                h = x.new_zeros(self.get_expected_hidden_size(x, None))
                return h, h.clone()

        class Positional(nn.RNNBase):
            def __init__(self, *args: object, **options: object) -> None:
                super().__init__("GRU", *args, **options)

        return LSTM, Positional

    x = torch.randn(T, B, I)
    wanted = library()[0](I, H, 2)
    with elman.swap():
        kind, positional = library()
        layer = kind(I, H, num_layers=2)
        layer.load_state_dict(wanted.state_dict())
        assert isinstance(layer, nn.LSTM)
        assert torch.allclose(layer(x)[0], wanted(x)[0], atol=1e-6)
        assert positional(I, H, 1, True, True)(x.transpose(0, 1))[0].shape == (B, T, H)
    assert torch.allclose(layer(x)[0], wanted(x)[0], atol=1e-6), "a subclass goes on after the swap"


def test_cells_subclassed_with_torchs_base():
    with elman.swap():

        class Own(nn.RNNCellBase):
            def __init__(self) -> None:
                super().__init__(I, H, bias=True, num_chunks=3)

            def forward(self, x: Tensor) -> Tensor:
                return nn.functional.linear(x, self.weight_ih, self.bias_ih)

        assert Own()(torch.zeros(B, I)).shape == (B, 3 * H)


def test_initialisers_reach_the_layers():
    def initialise(m: nn.Module) -> None:
        if isinstance(m, nn.LSTM):
            for names in m._all_weights:
                for name in names:
                    nn.init.constant_(getattr(m, name), 0.5)

    with elman.swap():
        model = nn.Sequential(nn.LSTM(I, H, 2, bidirectional=True)).apply(initialise)
    assert all((p == 0.5).all() for p in model.parameters())


def test_pickles_of_either_load():
    x = torch.randn(T, B, I)
    model = nn.Sequential(nn.LSTM(I, H, 2, bidirectional=True), nn.Linear(2 * H, 1))
    theirs = pickle.dumps(model)
    with elman.swap():
        loaded = pickle.loads(theirs)
        assert type(loaded[0]) is elman.LSTM
        ours = pickle.dumps(loaded)
    again = pickle.loads(ours)
    assert type(again[0]) is elman.LSTM
    for each in (loaded, again):
        each.load_state_dict(model.state_dict())
        assert torch.allclose(each[0](x)[0], model[0](x)[0], atol=1e-6)
        convert(each, back=True)
        assert type(each[0]) is nn.LSTM
    assert type(pickle.loads(theirs)[0]) is nn.LSTM


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_compiled_in_one_graph(kind):
    torch.compiler.reset()
    with elman.swap():
        model = nn.Sequential(getattr(nn, kind)(I, H))
        x = torch.randn(T, B, I)
        compiled = torch.compile(model, fullgraph=True, backend="eager")
        assert torch.allclose(compiled(x)[0], model(x)[0], atol=1e-6)
    assert type(model[0]) is getattr(layers, kind)
