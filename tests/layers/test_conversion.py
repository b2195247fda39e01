"""Models with torch's layers become models with ours and come back, sharing all they hold."""

import copy
import gc

import pytest
import torch
from agreement import results, several
from rounding import agree_in
from torch import Tensor, nn
from torch.nn.utils import prune

from elman import layers
from elman.cells import LSTM
from elman.layers import Recurrent, convert

T, B, I, H = 4, 3, 5, 6


def tied() -> nn.RNN:
    layer = nn.RNN(I, H, 2)
    layer.weight_hh_l1 = layer.weight_hh_l0
    return layer


LAYERS = {
    "rnn": lambda: nn.RNN(I, H),
    "rnn-relu": lambda: nn.RNN(I, H, 2, nonlinearity="relu", bias=False),
    "rnn-tied": tied,
    "lstm": lambda: nn.LSTM(I, H, 2, dropout=0.3, bidirectional=True),
    "lstm-proj": lambda: nn.LSTM(I, H, proj_size=2, bidirectional=True, dtype=torch.float64),
    "lstm-batch-first": lambda: nn.LSTM(I, H, batch_first=True, bias=False),
    "gru": lambda: nn.GRU(I, H, 3, batch_first=True, dropout=0.5),
    "rnn-cell": lambda: nn.RNNCell(I, H, nonlinearity="relu"),
    "rnn-cell-without-bias": lambda: nn.RNNCell(I, H, bias=False),
    "lstm-cell": lambda: nn.LSTMCell(I, H, dtype=torch.float64),
    "gru-cell-without-bias": lambda: nn.GRUCell(I, H, bias=False),
}
OURS = {getattr(nn, name): getattr(layers, name) for name in layers.__all__ if hasattr(nn, name)}


class Tagger(nn.Module):
    """Recurrent layers at several depths, one of them in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, I)
        self.body = nn.ModuleDict({"first": nn.LSTM(I, H, bidirectional=True), "rest": nn.ModuleList()})
        self.body["rest"].append(nn.GRU(2 * H, H))
        self.again = self.body["rest"][0]
        self.cell = nn.LSTMCell(H, H, bias=False)
        self.head = nn.Linear(H, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        x, _ = self.body["first"](self.embed(tokens))
        x, h = self.again(x)
        _, c = self.cell(h[0])
        return self.head(x + c)


def run(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Outputs and gradients of a layer or cell, with the same dropout every time."""
    torch.manual_seed(3)
    new = module(x)
    return results(new if x.dim() == 3 else (several(new)[0], new), x, None, module)


def kinds(model: nn.Module) -> dict[str, type[nn.Module]]:
    return {name: type(module) for name, module in model.named_modules(remove_duplicate=False)}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_layer_there_and_back(training, make):
    original = make().train(training)
    parameters = list(original.named_parameters())
    shape = (B, I) if type(original).__name__.endswith("Cell") else (T, B, I)
    x = torch.randn(shape, dtype=parameters[0][1].dtype, requires_grad=True)
    random = torch.get_rng_state()
    module = original
    for back, kind in ((False, OURS[type(original)]), (True, type(original))):
        module = convert(module, back)
        assert type(module) is kind
        assert module.training is training
        for (name, found), (key, given) in zip(module.named_parameters(), parameters, strict=True):
            assert name == key
            assert found is given
        assert torch.equal(torch.get_rng_state(), random)
        found = run(module, x)
        agree_in(x.dtype, found, lambda: run(original, x), [x, *original.parameters()])
        torch.set_rng_state(random)
    assert module is not original
    assert repr(module) == repr(original)


def test_nested_model_there_and_back():
    model = Tagger()
    original = copy.deepcopy(model)
    tokens, before, keys = torch.randint(10, (T, B)), kinds(model), list(model.state_dict())
    for back in (False, True):
        assert convert(model, back) is model
        assert kinds(model) == (before if back else {name: OURS.get(k, k) for name, k in before.items()})
        assert model.again is model.body["rest"][0]
        assert list(model.state_dict()) == keys
        agree_in(torch.float32, {"": model(tokens)}, lambda: {"": original(tokens)}, original.parameters())
        assert convert(model, back) is model, "a second time changes nothing"


def test_optimizer_made_before_goes_on():
    models = [Tagger().double()]
    models.append(copy.deepcopy(models[0]))
    optimizers = [torch.optim.Adam(model.parameters(), 0.1) for model in models]
    tokens = torch.randint(10, (T, B))
    losses: list[list[float]] = [[], []]
    for step in range(4):
        if step in (1, 3):
            convert(models[0], back=step == 3)
        for k, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten() % 4)
            loss.backward()
            optimizer.step()
            losses[k].append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    assert losses[0][-1] < 0.8 * losses[0][0]


HOOKS = (
    "forward_pre_hook",
    "forward_hook",
    "full_backward_pre_hook",
    "full_backward_hook",
    "state_dict_pre_hook",
    "state_dict_post_hook",
    "load_state_dict_pre_hook",
    "load_state_dict_post_hook",
)


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_go_along(name):
    model = nn.Sequential(nn.GRU(I, H))
    calls: list[str] = []
    handle = getattr(model[0], f"register_{name}")(lambda *_: calls.append(name))
    for back in (False, True):
        convert(model, back)
        gc.collect()
        calls.clear()
        model(torch.randn(T, B, I, requires_grad=True))[0].sum().backward()
        model.load_state_dict(model.state_dict())
        assert calls == [name]
    handle.remove()
    convert(model)(torch.randn(T, B, I))[0].sum().backward()
    model.load_state_dict(model.state_dict())
    assert calls == [name]


def test_subclasses_and_other_layers_are_left_alone():
    class Own(nn.LSTM):
        pass

    class OwnOurs(layers.LSTM):
        pass

    model = nn.ModuleList([Own(I, H), OwnOurs(I, H), Recurrent(LSTM(I, H)), nn.Linear(I, H)])
    held = list(model)
    for back in (False, True):
        convert(model, back)
        assert all(now is then for now, then in zip(model, held, strict=True))


@pytest.mark.parametrize(
    "option",
    [
        {"input_dropout": 0.1},
        {"recurrent_dropout": 0.1},
        {"weight_dropout": 0.1},
        {"zoneout": {"c": 0.1}},
        {"residual": True},
        {"learned_state": True},
    ],
    ids=lambda option: next(iter(option)),
)
def test_back_refuses_what_torch_lacks_and_swaps_nothing(option):
    model = nn.ModuleDict({"plain": layers.GRU(I, H), "rich": layers.LSTM(I, H, 2, **option)})
    held = list(model.values())
    with pytest.raises(ValueError, match=rf"^rich: torch's layers have no {next(iter(option))}\.$"):
        convert(model, back=True)
    assert all(now is then for now, then in zip(model.values(), held, strict=True))
    model.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match=r"^the model: torch's layers have no "):
        convert(model["rich"], back=True)


def test_layer_with_foreign_parameters_is_refused():
    model = nn.ModuleDict({"plain": nn.GRU(I, H), "pruned": nn.LSTM(I, H)})
    prune.l1_unstructured(model["pruned"], "weight_hh_l0", 0.5)
    with pytest.raises(
        ValueError, match=r"^pruned: parameters must be those of a plain layer\. Got .*weight_hh_l0_orig"
    ):
        convert(model)
    assert type(model["plain"]) is nn.GRU
