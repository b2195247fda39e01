"""Random numbers of a run: torch's after the same seed, and nobody else's change."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from elman import draws
from elman.cells import LSTM
from elman.draws import Draws, TorchsDraws
from elman.dropout import dropout, mask
from elman.layers.recurrent import Recurrent

CPU = torch.device("cpu")


def torchs_state() -> torch.Tensor:
    return torch.get_rng_state()


OPERATIONS = {
    "rand": lambda: torch.rand(3, 2),
    "randn": lambda: torch.randn(40),
    "randint": lambda: torch.randint(9, (5,)),
    "randint from": lambda: torch.randint(3, 9, (5,)),
    "randperm": lambda: torch.randperm(7),
    "normal": lambda: torch.normal(torch.zeros(4), 2.0),
    "bernoulli": lambda: torch.bernoulli(torch.full((9,), 0.5)),
    "multinomial": lambda: torch.multinomial(torch.ones(5), 3),
    "uniform_": lambda: torch.empty(5).uniform_(-1, 1),
    "rand_like": lambda: torch.rand_like(torch.zeros(3)),
    "dropout": lambda: nn.functional.dropout(torch.ones(20), 0.5),
    "linear": lambda: nn.Linear(3, 2).weight.detach(),
    "embedding": lambda: nn.Embedding(3, 2).weight.detach(),
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(4, 4)),
    "truncated": lambda: nn.init.trunc_normal_(torch.empty(9)),
    "a layer": lambda: torch.cat([p.detach().flatten() for p in Recurrent(LSTM(2, 3)).parameters()]),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_model_is_built_from_the_seed_alone(operation):
    torch.manual_seed(7)
    expected, then = operation(), torch.rand(2)
    torch.manual_seed(1)
    before = torchs_state()
    own = Draws(7)
    with own.building():
        drawn = operation()
        assert torch.equal(torch.rand(2), then)
    assert torch.equal(drawn, expected)
    assert torch.equal(torchs_state(), before)


@pytest.mark.parametrize(
    "operation",
    [
        lambda: dropout(torch.ones(33), 0.3),
        lambda: draws.dropout(torch.ones(33), 0.3),
        lambda: mask((5, 3), 0.5, torch.ones(1)),
        lambda: draws.rand(4, 2, device=CPU),
    ],
)
def test_the_packages_own_draws_are_a_runs(operation):
    torch.manual_seed(7)
    expected = operation()
    torch.manual_seed(1)
    before = torchs_state()
    with Draws(7).used():
        assert torch.equal(operation(), expected)
    assert torch.equal(torchs_state(), before)
    assert draws.generator(CPU) is None


def test_another_thread_does_not_draw_from_a_run():
    own = Draws(7)
    with own.used(), ThreadPoolExecutor(1) as pool:
        assert draws.generator(CPU) is own.on(CPU)
        assert pool.submit(draws.generator, CPU).result() is None


def layer(backend: str = "auto", cell: type = LSTM) -> Recurrent:
    return Recurrent(cell(3, 4), 3, dropout=0.5, backend=backend)


@pytest.mark.parametrize("lengths", [None, [5, 2]])
@pytest.mark.parametrize("backend", ["auto", "aten", "reference"])
def test_dropout_between_layers_is_a_runs(backend, lengths):
    net, x = layer(backend), torch.randn(5, 2, 3)
    lengths = None if lengths is None else torch.tensor(lengths)
    torch.manual_seed(7)
    expected, state = net(x, None, lengths)
    torch.manual_seed(1)
    before = torchs_state()
    with Draws(7).used():
        output, own = net(x, None, lengths)
    torch.testing.assert_close(output, expected)
    for a, b in zip(own, state, strict=True):
        torch.testing.assert_close(a, b)
    assert torch.equal(torchs_state(), before)


class Foreign(nn.Module):
    """A model that draws from torch's generator."""

    def forward(self, x):
        return x * torch.rand(len(x))


@pytest.mark.parametrize("model", [Foreign(), nn.Sequential(nn.Dropout(0.5)), nn.LSTM(3, 3, 2, dropout=0.4)])
def test_a_model_of_other_peoples_parts_draws_from_the_run_too(model):
    x = torch.randn(6, 2, 3) if isinstance(model, nn.LSTM) else torch.ones(6)

    def call() -> torch.Tensor:
        output = model(x)
        return output[0] if isinstance(output, tuple) else output

    torch.manual_seed(7)
    expected = torch.stack([call(), call()])
    torch.manual_seed(1)
    before, own = torchs_state(), Draws(7)
    found = []
    for _ in range(2):
        with own.running(model):
            found.append(call())
        assert torch.equal(torchs_state(), before)
    assert torch.equal(torch.stack(found), expected)


def test_torchs_generators_are_lent_to_one_run_at_a_time():
    model = Foreign()

    def run(seed: int) -> torch.Tensor:
        own, found = Draws(seed), []
        for _ in range(200):
            with own.running(model):
                found.append(model(torch.ones(3)))
        return torch.stack(found)

    alone = [run(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, range(4)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_model_of_this_package_holds_no_lock():
    entered = threading.Event()

    def other() -> None:
        with Draws(1).running(layer()):
            entered.set()

    with Draws(0).running(layer()):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(60)
        assert entered.is_set()


def test_torchs_own_draws_are_those_that_the_program_seeds():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with TorchsDraws().running(Foreign()):
        assert torch.equal(torch.rand(2), expected)
    assert TorchsDraws().on(CPU) is torch.default_generator
