"""Models with torch's layers become models with ours and come back, sharing all they hold."""

import copy
import functools
import gc
import pickle
import re

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
    module = make().train(training)
    original = copy.deepcopy(module)
    parameters = list(module.named_parameters())
    shape = (B, I) if type(original).__name__.endswith("Cell") else (T, B, I)
    x = torch.randn(shape, dtype=parameters[0][1].dtype, requires_grad=True)
    random = torch.get_rng_state()
    same = module
    for back, kind in ((False, OURS[type(original)]), (True, type(original))):
        module = convert(module, back)
        assert module is same
        assert type(module) is kind
        assert module.training is training
        for (name, found), (key, given) in zip(module.named_parameters(), parameters, strict=True):
            assert name == key
            assert found is given
        assert torch.equal(torch.get_rng_state(), random)
        found = run(module, x)
        agree_in(x.dtype, found, lambda: run(original, x), [x, *original.parameters()])
        torch.set_rng_state(random)
    assert repr(module) == repr(original)
    assert vars(module).keys() == vars(original).keys()


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


class Own(nn.LSTM):
    """A user's subclass."""


class OwnOurs(layers.LSTM):
    """A user's subclass of ours."""


class HandmadeGRU(nn.Module):
    """A recurrent layer of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"inner_gru": nn.Linear(I, H), "RNNLinear": nn.Linear(I, H)})


def warned(model: nn.Module, back: bool = False) -> str:
    """The one warning of a conversion."""
    with pytest.warns(UserWarning, match=r"^elman\.convert") as caught:
        assert convert(model, back) is model
    (warning,) = caught
    assert warning.filename == __file__
    return str(warning.message)


def test_layers_that_cannot_be_turned_are_left_and_named():
    model = nn.ModuleDict({"own": Own(I, H), "rest": nn.ModuleList([nn.GRU(I, H), HandmadeGRU()])})
    held = list(model.modules())
    assert warned(model) == (
        "elman.convert turned 1 layer and left 2: own (a subclass of torch.nn.LSTM); "
        "rest.1 (HandmadeGRU, not one of torch's recurrent layers)."
    )
    assert all(now is then for now, then in zip(model.modules(), held, strict=True))
    assert type(model["own"]) is Own
    assert type(model["rest"][0]) is layers.GRU


def test_layers_that_cannot_go_back_are_left_and_named():
    model = nn.ModuleDict({"own": OwnOurs(I, H), "any": Recurrent(LSTM(I, H)), "plain": layers.RNNCell(I, H)})
    assert warned(model, back=True) == (
        "elman.convert(back=True) turned 1 layer and left 2: own (a subclass of elman.LSTM); "
        "any (torch has no such layer)."
    )
    assert type(model["plain"]) is nn.RNNCell


def test_nothing_to_turn_is_told():
    assert warned(nn.Linear(2, 3)) == (
        "elman.convert turned nothing: the model has no recurrent layer of torch's."
    )
    assert warned(nn.Linear(2, 3), True) == (
        "elman.convert(back=True) turned nothing: the model has no recurrent layer of Elman's."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (nn.GRU, "Got the class torch.nn.GRU; give an object of the class: elman.convert(GRU(…))."),
        (Own, "give an object of the class: elman.convert(Own(…))."),
        ([nn.GRU(I, H)], "Got list of GRU."),
        (None, "Got NoneType."),
    ],
)
def test_what_is_no_module_is_refused(given, said):
    with pytest.raises(TypeError, match=re.escape(said) + "$"):
        convert(given)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_dropout_of_a_single_layer_is_warned_of_once_where_torch_warns(kind):
    ours = getattr(layers, kind.__name__)
    with pytest.warns(UserWarning, match="dropout option adds dropout"):
        theirs = kind(I, H, dropout=0.5)
    with pytest.warns(UserWarning, match="dropout option adds dropout") as said:
        ours(I, H, dropout=0.5)
    assert [w.filename for w in said] == [__file__]
    layer = convert(theirs)  # from here on, warnings are errors
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), convert(layer, back=True)):
        assert twin.dropout == 0.5
    ours(I, H, 2, dropout=0.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("script", [torch.jit.script, lambda m: torch.jit.freeze(torch.jit.script(m.eval()))])
def test_torchscript_is_named(script):
    model = nn.ModuleDict({"body": nn.GRU(I, H)})
    model["archive"] = script(nn.Sequential(nn.Linear(I, I), nn.LSTM(I, H)))
    assert warned(model) == "elman.convert turned 1 layer and left 1: archive (compiled by TorchScript)."


def test_layers_outside_the_tree_are_named():
    model = nn.Sequential(nn.LSTM(I, H))
    model.teachers = [nn.LSTM(I, H), nn.LSTM(I, H)]
    assert (
        warned(model)
        == "elman.convert turned 1 layer and left 1: teachers (held in a list, not as a module)."
    )
    again = nn.Sequential(nn.LSTM(I, H))
    again.same = {"first": again[0]}
    assert type(convert(again).same["first"]) is layers.LSTM


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
def test_back_leaves_what_torch_lacks(option):
    model = nn.ModuleDict({"plain": layers.GRU(I, H), "rich": layers.LSTM(I, H, 2, **option)})
    reason = f"torch's layers have no {next(iter(option))}"
    assert warned(model, back=True) == f"elman.convert(back=True) turned 1 layer and left 1: rich ({reason})."
    assert [type(m) for m in model.values()] == [nn.GRU, layers.LSTM]
    model.load_state_dict(model.state_dict())


def weight_drop(module: nn.Module, name: str, rate: float) -> None:
    """Merity's weight drop: the weight is computed from a raw one before each call."""
    raw = getattr(module, name)
    del module._parameters[name]
    module.flatten_parameters = lambda *_: None
    module.register_parameter(f"{name}_raw", nn.Parameter(raw.data))
    module.rate = rate


class WeightDrop(nn.Module):
    """A wrapper that drops weights of a layer before each call; the raw weights are the layer's."""

    def __init__(self, module: nn.Module, names: list[str], rate: float) -> None:
        super().__init__()
        self.module, self.names = module, names
        for name in names:
            weight_drop(module, name, rate)

    def forward(self, *args: Tensor) -> Tensor:
        for name in self.names:
            raw = getattr(self.module, f"{name}_raw")
            setattr(self.module, name, nn.functional.dropout(raw, self.module.rate, self.training))
        return self.module.forward(*args)


class WeightDropOutside(nn.Module):
    """The same, with the raw weights in the wrapper and a plain tensor in the layer, as fastai has it."""

    def __init__(self, module: nn.Module, rate: float) -> None:
        super().__init__()
        self.module, self.rate = module, rate
        weight = module.weight_hh_l0
        del module.weight_hh_l0
        self.weight_hh_l0_raw = nn.Parameter(weight.data)
        module.weight_hh_l0 = weight.detach().clone()
        module.flatten_parameters = self.nothing

    def nothing(self) -> None:
        pass

    def forward(self, *args: Tensor) -> Tensor:
        self.module.weight_hh_l0 = nn.functional.dropout(self.weight_hh_l0_raw, self.rate, self.training)
        return self.module(*args)


class AWD(nn.Module):
    """A language model with weight drop and tied embeddings."""

    def __init__(self, drop: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, I)
        sizes = [(I, H), (H, I)]
        self.rnns = nn.ModuleList(
            WeightDrop(nn.LSTM(*size), ["weight_hh_l0"], 0.5)
            if drop == "inside"
            else WeightDropOutside(nn.LSTM(*size), 0.5)
            for size in sizes
        )
        self.head = nn.Linear(I, 10)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for rnn in self.rnns:
            x, _ = rnn(x)
        return self.head(x)


@pytest.mark.parametrize("run_first", [False, True], ids=["fresh", "run"])
@pytest.mark.parametrize("drop", ["inside", "outside"])
def test_weight_drop_trains_to_the_same_weights(drop, run_first):
    torch.manual_seed(0)
    models = [AWD(drop).double()]
    tokens = torch.randint(10, (T, B))
    if run_first:
        with torch.no_grad():
            models[0](tokens)
    models.append(copy.deepcopy(models[0]))
    keys = list(models[0].state_dict())
    optimizers = [torch.optim.Adam(model.parameters(), 0.05) for model in models]
    convert(models[0])
    assert type(models[0].rnns[1].module) is layers.LSTM
    for model, optimizer in zip(models, optimizers, strict=True):
        torch.manual_seed(1)
        for _ in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
            optimizer.step()
    assert list(models[0].state_dict()) == keys
    trained, wanted = (model.state_dict() for model in models)
    assert all(torch.allclose(trained[key], wanted[key], rtol=1e-9, atol=1e-12) for key in keys)
    convert(models[0], back=True)
    for model in models:
        model.eval()
    assert torch.allclose(models[0](tokens), models[1](tokens), rtol=1e-9, atol=1e-12)


def doubled(module: nn.Module, _: object) -> None:
    module.bias_ih_l0 = 2 * module.half_bias


def half_bias(layer: nn.Module) -> None:
    layer.half_bias = nn.Parameter(layer.bias_ih_l0.data / 2)
    del layer.bias_ih_l0
    layer.register_forward_pre_hook(doubled)
    doubled(layer, ())


CHANGES = {
    "old-weight-norm": lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
    "old-spectral-norm": lambda layer: nn.utils.spectral_norm(layer, "weight_ih_l0"),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
    "parametrized": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_ih_l0"),
    "orthogonal": lambda layer: nn.utils.parametrizations.orthogonal(layer, "weight_hh_l0"),
    "hook-of-ones-own": half_bias,
}
changes = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@changes
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("make", [nn.GRU, nn.LSTM, nn.RNN], ids=lambda kind: kind.__name__)
def test_changed_weights_go_along_and_train_alike(make, change):
    models = []
    for _ in range(2):
        torch.manual_seed(0)
        model = nn.Sequential(make(I, H, dtype=torch.float64))
        change(model[0])
        models.append(model)
    x = torch.randn(T, B, I, dtype=torch.float64)
    convert(models[0])
    assert isinstance(models[0][0], getattr(layers, make.__name__))
    for model in models:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(x)[0].square().mean().backward()
            optimizer.step()
    found, wanted = (model.state_dict() for model in models)
    assert list(found) == list(wanted)
    assert all(torch.allclose(found[key], wanted[key], rtol=1e-9, atol=1e-12) for key in wanted)
    convert(models[0], back=True)
    assert isinstance(models[0][0], make)
    assert torch.allclose(models[0](x)[0], models[1](x)[0], rtol=1e-9, atol=1e-12)


def test_norms_and_parametrizations_can_be_removed_after_conversion():
    model = nn.Sequential(nn.LSTM(I, H), nn.LSTM(H, H))
    nn.utils.parametrizations.weight_norm(model[0], "weight_hh_l0")
    prune.l1_unstructured(model[1], "weight_ih_l0", 2)
    x = torch.randn(T, B, I)
    before = model[1](model[0](x)[0])[0]
    convert(model)
    nn.utils.parametrize.remove_parametrizations(model[0], "weight_hh_l0")
    prune.remove(model[1], "weight_ih_l0")
    assert [type(layer) for layer in model] == [layers.LSTM, layers.LSTM]
    assert torch.allclose(model[1](model[0](x)[0])[0], before, atol=1e-6)
    pickle.loads(pickle.dumps(model[1]))


def test_what_users_hang_on_a_layer_goes_along():
    model = nn.Sequential(nn.LSTM(I, H))
    layer = model[0]
    layer.register_buffer("h0", torch.ones(1))
    layer.note, layer.extra = "mine", nn.Linear(2, 2)
    layer.seen = layer.register_forward_hook(lambda module, *_: setattr(module, "called", module is layer))
    keys = list(model.state_dict())
    for back in (False, True):
        convert(model, back)
        layer.called = False
        model(torch.randn(T, B, I))
        assert (model[0], layer.note, layer.called) == (layer, "mine", True)
        assert list(model.state_dict()) == keys
        assert isinstance(layer.extra, nn.Linear)
        assert list(copy.deepcopy(model).state_dict()) == keys


@pytest.mark.parametrize("name", ["forward", "check_input", "_call_impl"])
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_layer_with_a_replaced_method_is_left_and_named(back, name):
    layer = nn.GRU(I, H)
    if back:
        convert(layer)
    kind, method = type(layer), getattr(layer, name)
    setattr(layer, name, lambda *args, **options: method(*args, **options))
    model = nn.Sequential(layer, layers.RNN(I, H) if back else nn.RNN(I, H))
    verb = "elman.convert(back=True)" if back else "elman.convert"
    assert warned(model, back) == f"{verb} turned 1 layer and left 1: 0 (its {name} was replaced)."
    assert type(layer) is kind


@pytest.mark.parametrize("add", ["attribute", "buffer", "module"])
def test_layer_with_an_attribute_that_ours_needs_is_left_and_named(add):
    layer = nn.GRU(I, H)
    if add == "attribute":
        layer.cell = "mine"
    elif add == "buffer":
        layer.register_buffer("cell", torch.zeros(1))
    else:
        layer.cell = nn.Linear(1, 1)
    reason = "its cell has the name of an attribute of elman.GRU"
    assert warned(layer) == f"elman.convert turned 0 layers and left 1: the model ({reason})."
    assert type(layer) is nn.GRU


def test_class_with_a_replaced_forward_is_left_and_named(monkeypatch):
    forward = nn.LSTM.forward
    monkeypatch.setattr(nn.LSTM, "forward", functools.wraps(forward)(lambda *args: forward(*args)))
    model = nn.Sequential(nn.LSTM(I, H), nn.GRU(I, H))
    assert warned(model) == (
        "elman.convert turned 1 layer and left 1: 0 (forward of its class torch.nn.LSTM was replaced)."
    )


def test_option_out_of_range_is_named():
    model = nn.Sequential(nn.LSTM(I, H, 2), nn.GRU(I, H))
    model[0].dropout = 2.0
    assert warned(model) == (
        "elman.convert turned 1 layer and left 1: 0 (dropout must be a probability in [0, 1]. Got 2.0)."
    )


def test_cell_without_biases_of_ours_becomes_torchs():
    cell = convert(layers.GRUCell(I, H, bias=False), back=True)
    x = torch.randn(B, I)
    assert torch.allclose(cell(x), convert(copy.deepcopy(cell))(x), atol=1e-6)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_state_of_torchs_pickle_becomes_ours(make):
    module = make()
    state = module.__reduce_ex__(2)[2]
    ours = OURS[type(module)].__new__(OURS[type(module)])
    ours.__setstate__(copy.deepcopy(state))
    x = torch.randn((B, I) if type(module).__name__.endswith("Cell") else (T, B, I))
    x = x.to(next(module.parameters()).dtype).requires_grad_()
    agree_in(x.dtype, run(ours, x), lambda: run(module, x), [x, *module.parameters()])
    assert list(ours.state_dict()) == list(module.state_dict())


def test_compiled_model_notices_its_conversion():
    torch.compiler.reset()
    model = nn.Sequential(nn.GRU(I, H))
    compiled = torch.compile(model, backend="eager")
    x = torch.randn(T, B, I)
    before = compiled(x)[0]
    convert(model)
    with model[0].calls() as calls:
        assert torch.allclose(compiled(x)[0], before, atol=1e-6)
    assert len(calls) == 1
