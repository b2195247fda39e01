"""Sampling against brute force on a vocabulary of four."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from elman.decode.sample import choose, sample

P = (0.1, 0.4, 0.2, 0.3)
DRAWS = 20_000


def brute_force(p: tuple[float, ...], temperature: float, top_k: int, top_p: float) -> list[float]:
    """The distribution drawn from, spelled out: sharpened, then the k best, of those the nucleus."""
    heated = [x ** (1 / temperature) for x in p]
    order = sorted(range(len(p)), key=lambda token: -heated[token])[: top_k or len(p)]
    among = sum(heated[token] for token in order)
    nucleus, mass = [], 0.0
    for token in order:
        if mass < top_p:
            nucleus.append(token)
            mass += heated[token] / among
    kept = sum(heated[token] for token in nucleus)
    return [heated[token] / kept if token in nucleus else 0.0 for token in range(len(p))]


def frequencies(logits: Tensor, **options: float) -> list[float]:
    """How often each token is drawn, from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    tokens = choose(logits.expand(DRAWS, -1), generator=generator, **options)
    return (torch.bincount(tokens, minlength=logits.shape[-1]) / DRAWS).tolist()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_k", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("top_p", [0.05, 0.45, 0.75, 0.95, 1.0])
def test_draws_follow_the_distribution_spelled_out(temperature, top_k, top_p):
    found = frequencies(torch.tensor([P]).log() + 5, temperature=temperature, top_k=top_k, top_p=top_p)
    wanted = brute_force(P, temperature, top_k, top_p)
    assert [x > 0 for x in found] == [x > 0 for x in wanted]
    for x, p in zip(found, wanted, strict=True):
        assert abs(x - p) <= 4.5 * math.sqrt(p * (1 - p) / DRAWS) + 1e-12


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_nucleus_ends_where_the_probability_is_reached(order):
    p = torch.tensor([[0.5, 0.25, 0.25]])  # exact in binary
    logits = p[:, torch.tensor(order)].log()
    for top_p, size in ((0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (1e-9, 1)):
        assert sum(x > 0 for x in frequencies(logits, top_p=top_p)) == size


def test_of_equals_no_more_than_k_are_kept():
    for k in (1, 2, 3):
        assert sum(x > 0 for x in frequencies(torch.zeros(1, 4), top_k=k)) == k


def test_greedy_takes_the_most_probable_of_each_row():
    logits = torch.randn(50, 4)
    assert torch.equal(choose(logits, 0), logits.argmax(-1))
    assert torch.equal(choose(logits, 0, top_k=3, top_p=0.5), logits.argmax(-1))


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45, 1e-320])
def test_the_coldest_temperatures_are_greedy(temperature):
    logits = torch.tensor([[1.0, 3.0, 2.0], [1e4, -1e4, 0.0]])
    assert choose(logits, temperature).tolist() == [1, 0]


def test_rows_are_drawn_each_on_its_own():
    logits = torch.full((4, 4), -torch.inf).fill_diagonal_(0.0)
    assert choose(logits).tolist() == [0, 1, 2, 3]
    generator = torch.Generator().manual_seed(0)
    assert len(set(choose(torch.zeros(64, 4), generator=generator).tolist())) == 4


def test_the_generator_alone_decides():
    logits, before = torch.zeros(64, 4), torch.get_rng_state()

    def draw(seed: int) -> list[int]:
        return choose(logits, generator=torch.Generator().manual_seed(seed)).tolist()

    assert draw(1) == draw(1) != draw(2)
    assert torch.equal(torch.get_rng_state(), before)


BAD = [
    ({"temperature": -0.1}, r"temperature must be in \[0, inf\). Got -0.1."),
    ({"temperature": math.inf}, r"temperature must be in \[0, inf\). Got inf."),
    ({"temperature": math.nan}, r"temperature must be in \[0, inf\). Got nan."),
    ({"top_k": -1}, r"top_k must be in \[0, inf\). Got -1."),
    ({"top_p": 0.0}, r"top_p must be in \(0, 1\]. Got 0.0."),
    ({"top_p": 1.1}, r"top_p must be in \(0, 1\]. Got 1.1."),
    ({"top_p": math.nan}, r"top_p must be in \(0, 1\]. Got nan."),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_an_option_out_of_its_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        choose(torch.zeros(1, 4), **options)


class Counter:
    """A model that is sure of the next number, and counts how often it is asked."""

    def __init__(self, sharpness: float = 50.0) -> None:
        self.asked: list[list[int]] = []
        self.sharpness = sharpness

    def step(self, token: Tensor) -> Tensor:
        self.asked.append(token.tolist())
        return torch.nn.functional.one_hot((token + 1) % 4, 4).float() * self.sharpness


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_each_token_is_fed_back(temperature):
    model = Counter()
    first = torch.tensor([[50.0, 0, 0, 0], [0, 0, 50, 0]])
    tokens = sample(model.step, first, temperature, seed=0)
    assert model.asked == []  # nothing happens before a token is asked for
    assert next(tokens).tolist() == [0, 2]
    assert model.asked == []
    assert [t.tolist() for t in itertools.islice(tokens, 3)] == [[1, 3], [2, 0], [3, 1]]
    assert model.asked == [[0, 2], [1, 3], [2, 0]]


def test_the_seed_decides_the_tokens_and_none_is_new_each_time():
    def run(seed: int | None, **options: float) -> list[int]:
        tokens = sample(Counter(sharpness=0.0).step, torch.zeros(1, 4), seed=seed, **options)
        return [int(token) for token in itertools.islice(tokens, 40)]

    assert run(1) == run(1) != run(2)
    assert run(None) != run(None)
    assert set(run(1)) == {0, 1, 2, 3}
    assert len(set(run(1, top_k=2))) == 2


def test_what_is_never_to_be_drawn_is_not():
    for temperature in (0.0, 1.0):
        for never in ([1], [0, 2]):
            logits = torch.tensor([[9.0, 9.5, 8.9, 8.0]])
            tokens = sample(lambda _: logits, logits, temperature, seed=0, never=never)  # noqa: B023
            drawn = {int(token) for token in itertools.islice(tokens, 200)}
            assert drawn.isdisjoint(never)
            assert drawn == {0: {0} if never == [1] else {1}, 1: {0, 1, 2, 3} - set(never)}[int(temperature)]
            assert torch.isfinite(logits).all()
