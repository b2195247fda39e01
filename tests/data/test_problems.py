"""The drawn problems against their definitions, and their baselines against what simple methods reach."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from elman.batch import Batch, Field, Target
from elman.data.batches.drawn import Drawn
from elman.data.problems.adding import Adding
from elman.data.problems.base import Problem
from elman.data.problems.copying import Copying
from elman.data.problems.multiplication import Multiplication
from elman.data.problems.parity import Parity
from elman.data.problems.reber import Reber
from elman.data.problems.temporal_order import TemporalOrder
from elman.errors import InputError

PROBLEMS: list[Problem] = [
    Adding(9),
    Copying(7, symbols=4, items=3),
    Multiplication(9),
    Parity(6),
    Reber(12),
    TemporalOrder(8),
]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)


def draw(problem: Problem, number: int = 2000, seed: int = 0):
    batch = problem.draw(np.random.default_rng(seed), number)
    return batch.inputs.values, batch.targets.values, batch


# Definitions


@pytest.mark.parametrize("length", [2, 9, 10])
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(length):
    inputs, sums, _ = draw(Adding(length))
    assert inputs.shape == (length, 2000, 2)
    assert sums.shape == (2000, 1)
    values, marks = inputs.unbind(-1)
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() < 1
    assert set(marks.unique().tolist()) <= {0, 1}
    half = length // 2
    for part in (marks[:half], marks[half:]):
        assert (part.sum(0) == 1).all()
        assert (part.sum(1) > 0).all()  # each step is marked at times
    for row in range(5):
        first, second = values[marks[:, row] == 1, row].tolist()
        assert sums[row].item() == pytest.approx(first + second)


def test_copying_shows_symbols_waits_and_asks_for_them():
    problem = Copying(7, symbols=4, items=3)
    inputs, targets, _ = draw(problem)
    assert inputs.shape == (7 + 2 * 3, 2000, 6)
    assert targets.shape == (13, 2000)
    assert (inputs.sum(-1) == 1).all()
    shown = inputs.argmax(-1)
    blank, delimiter = 4, 5
    assert set(shown[:3].unique().tolist()) == {0, 1, 2, 3}
    assert (shown[3:9] == blank).all()  # T − 1
    assert (shown[9] == delimiter).all()
    assert (shown[10:] == blank).all()
    assert (targets[:10] == blank).all()
    assert torch.equal(targets[10:], shown[:3])
    assert (problem.features, problem.classes) == (6, 5)
    classical = Copying(200)
    assert draw(classical, 1)[0].shape == (220, 1, 10)


def test_parity_by_hand():
    inputs, targets, _ = draw(Parity(6), 3)
    for row in range(3):
        odd = False
        for bit, target in zip(inputs[:, row, 0].tolist(), targets[:, row].tolist(), strict=True):
            odd ^= bit == 1
            assert target == odd
    assert draw(Parity(6))[0].mean() == pytest.approx(0.5, abs=0.02)


def test_multiplication_asks_for_the_product_of_the_marked_numbers():
    inputs, products, _ = draw(Multiplication(9))
    assert torch.equal(inputs, draw(Adding(9))[0])
    values, marks = inputs.unbind(-1)
    for row in range(5):
        first, second = values[marks[:, row] == 1, row].tolist()
        assert products[row].item() == pytest.approx(first * second)


@pytest.mark.parametrize("length", [4, 9, 30])
def test_temporal_order_marks_a_step_in_each_half_and_asks_for_both(length):
    inputs, targets, batch = draw(TemporalOrder(length))
    assert (inputs.sum(-1) == 1).all()
    shown, half = inputs.argmax(-1), length // 2
    assert (shown[0] == 6).all()
    assert (shown[-1] == 7).all()
    marks = (shown == 4) | (shown == 5)
    for part in (marks[1:half], marks[half:-1]):
        assert (part.sum(0) == 1).all()
        assert (part.sum(1) > 0).all()
    assert (shown[1:-1] < 6).all()
    wanted = 2 * (shown[:half] == 5).sum(0) + (shown[half:] == 5).sum(0)
    assert torch.equal(targets[-1], wanted)
    assert torch.equal(batch.targets.weights.sum(0), torch.ones(2000))
    assert (batch.targets.weights[-1] == 1).all()


def of_the_grammar(string: str) -> bool:
    """Whether a string belongs to the embedded grammar, by its graph drawn once more."""
    graph = {
        ("0", "T"): "1", ("0", "P"): "2", ("1", "S"): "1", ("1", "X"): "3", ("2", "T"): "2",
        ("2", "V"): "4", ("3", "X"): "2", ("3", "S"): "5", ("4", "P"): "3", ("4", "V"): "5",
    }  # fmt: skip
    state = "0"
    for letter in string[3:-3]:
        state = graph.get((state, letter), "none")
    around = string[0] + string[2] + string[-3] + string[-1] == "BBEE"
    return around and state == "5" and string[1] == string[-2] and string[1] in "TP"


@pytest.mark.parametrize("length", [8, 9, 12])
def test_reber_draws_all_strings_of_a_length_alike(length):
    inputs, targets, _ = draw(Reber(length), 20_000)
    first, rest = inputs.argmax(-1)[:1], targets
    assert torch.equal(inputs.argmax(-1)[1:], targets[:-1])
    strings = Counter("".join("BTPSXVE"[k] for k in row) for row in torch.cat([first, rest]).T.tolist())
    assert all(len(s) == length + 1 and of_the_grammar(s) for s in strings)
    known = Reber(length).baselines()["the grammar"]["nats_per_step"] * length
    assert len(strings) == round(math.exp(known))
    for count in strings.values():
        assert count == pytest.approx(20_000 / len(strings), abs=5 * math.sqrt(20_000 / len(strings)))


# Baselines


def test_the_baselines_of_adding_are_reached():
    inputs, sums, _ = draw(Adding(9), 40_000)
    values, marks = inputs.unbind(-1)
    second = (values * marks)[4:].sum(0)[:, None]
    none, one = (found["mse"] for found in Adding(9).baselines().values())
    assert none == pytest.approx(0.167, abs=0.001)
    assert mse_loss(torch.ones_like(sums), sums).item() == pytest.approx(none, rel=0.03)
    assert mse_loss(second + 0.5, sums).item() == pytest.approx(one, rel=0.03)


def test_the_baselines_of_multiplication_are_reached():
    inputs, products, _ = draw(Multiplication(9), 40_000)
    values, marks = inputs.unbind(-1)
    second = (values * marks)[4:].sum(0)[:, None]
    none, one = (found["mse"] for found in Multiplication(9).baselines().values())
    assert mse_loss(torch.full_like(products, 0.25), products).item() == pytest.approx(none, rel=0.03)
    assert mse_loss(second / 2, products).item() == pytest.approx(one, rel=0.03)


def test_the_baselines_of_copying_are_reached():
    problem = Copying(30)
    inputs, targets, _ = draw(problem, 4000)
    none, one = problem.baselines().values()
    assert none["nats_per_step"] == pytest.approx(math.log(8) * 10 / 50)
    assert none["recall"] == pytest.approx(1 / 8)
    assert one["nats_per_step"] == pytest.approx(none["nats_per_step"] * 0.9)
    guesses = torch.full_like(targets, 3)
    assert problem.score(targets, guesses)["recall"] == pytest.approx(none["recall"], abs=0.01)
    guesses[-10] = inputs[0].argmax(-1)
    assert problem.score(targets, guesses)["recall"] == pytest.approx(one["recall"], abs=0.01)
    guesses[:-10] = 3  # what is said before the end does not count
    assert problem.score(targets, guesses)["recall"] == pytest.approx(one["recall"], abs=0.01)


def test_the_baselines_of_parity_are_reached():
    problem = Parity(6)
    inputs, targets, _ = draw(problem, 8000)
    none, first = problem.baselines().values()
    zeros = torch.zeros_like(targets)
    assert none == {"nats_per_step": math.log(2), "accuracy": 0.5, "last_step": 0.5}
    assert problem.score(targets, zeros)["accuracy"] == pytest.approx(0.5, abs=0.02)
    zeros[0] = inputs[0, :, 0].long()
    found = problem.score(targets, zeros)
    assert found["accuracy"] == pytest.approx(first["accuracy"], abs=0.02)
    assert found["last_step"] == pytest.approx(0.5, abs=0.02)
    assert first["accuracy"] == pytest.approx(7 / 12)
    assert Parity(1).baselines()["knowing the first"] == {
        "nats_per_step": 0,
        "accuracy": 1,
        "last_step": 1,
    }


@each_problem
def test_what_is_right_scores_1_and_baselines_have_all_figures(problem):
    _, targets, _ = draw(problem, 50)
    scores = problem.score(targets, targets)
    assert set(scores.values()) <= {1.0}
    for found in problem.baselines().values():
        assert found.keys() == {problem.loss_name, *scores}


@each_problem
def test_an_example_shows_what_was_asked_and_answered(problem):
    _, targets, batch = draw(problem, 4)
    *_, truth, answer = problem.show(batch, targets, 2).values()
    assert truth == answer
    wrong = targets.clone()
    wrong[-1] += 1
    *_, truth, answer = problem.show(batch, wrong, 3).values()
    assert truth != answer


def test_the_examples_by_hand():
    values = torch.tensor([[[0.25, 1.0]], [[0.9, 0.0]], [[0.5, 1.0]]])
    batch = Batch(Field(values), Target(torch.tensor([[0.75]])))
    assert Adding(3).show(batch, torch.tensor([[0.7]]), 0) == {
        "marked": "0.2500 (step 1) + 0.5000 (step 3)",
        "sum": "0.7500",
        "answer": "0.7000",
    }
    problem = Copying(2, symbols=3, items=2)
    batch = Batch(batch.inputs, Target(torch.tensor([[3, 3, 3, 3, 2, 0]]).T))
    answers = torch.tensor([[3, 3, 3, 3, 2, 3]]).T
    assert problem.show(batch, answers, 0) == {"symbols": "2 0", "answer": "2 ·"}


# Drawing


def same(one, other) -> bool:
    return torch.equal(one.inputs.values, other.inputs.values) and torch.equal(
        one.targets.values, other.targets.values
    )


@each_problem
def test_epochs_differ_the_seed_repeats_them_and_each_batch_stands_alone(problem):
    drawn = Drawn(problem, 10, 4, [5, 0])
    assert drawn.steps == 3
    first, second = (list(drawn.epoch(number)) for number in (0, 1))
    rows = [batch.inputs.values.shape[1] for batch in first]
    assert rows == [4, 4, 2]
    assert not same(first[0], first[1])
    assert not any(map(same, first, second))
    again = Drawn(problem, 10, 4, [5, 0])
    assert all(map(same, again.epoch(1), second))
    assert all(map(same, again.epoch(0, 1), first[1:]))
    for seed in ([6, 0], [5, 1]):
        assert not same(next(Drawn(problem, 10, 4, seed).epoch()), first[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adding(1), r"--length must be an int in \[2, 1e6\]\. Got 1\."),
        (lambda: Parity(0), r"--length must be an int in \[1, 1e6\]\. Got 0\."),
        (lambda: Copying(10**7), r"--length must be an int in \[1, 1e6\]\. Got 10000000\."),
        (lambda: Copying(5, symbols=1), r"--symbols must be an int in \[2, 1000\]\. Got 1\."),
        (lambda: Copying(5, items=0), r"--items must be an int in \[1, 10000\]\. Got 0\."),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        make()
