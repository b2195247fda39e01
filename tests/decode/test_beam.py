"""The search against all sequences there are."""

import itertools

import pytest
import torch
from torch import Tensor

from elman.decode.beam import beam_search
from elman.decode.rules import Rules, length_penalty
from elman.decode.sample import sample_sequences
from elman.state import State

V, BEGIN, END, NEVER = 5, 0, 1, 2
WORDS = [3, 4, 0]  # all that may be written


class Model:
    """Log-probabilities that hang on the row and on all tokens so far, told by a table of random numbers."""

    def __init__(self, rows: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(rows, 8**4, V, generator=generator).mul(1.5).log_softmax(-1)

    def start(self) -> State:
        """The row's number, and the number of the tokens so far, as states with rows on axis 1."""
        rows = torch.arange(len(self.table))[None]
        return rows, torch.zeros_like(rows)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        row, past = state
        past = (past * 8 + tokens + 1) % self.table.shape[1]
        return self.table[row[0], past[0]], (row, past)

    def sum(self, row: int, sequence: list[int], penalty: float = 1.0) -> float:
        """The log-probability of a sequence and its end, token by token."""
        total, state = 0.0, (torch.tensor([[row]]), torch.tensor([[0]]))
        for k, (before, token) in enumerate(itertools.pairwise([BEGIN, *sequence, END])):
            log_p, state = self.step(torch.tensor([before]), state)
            total += float(log_p[0, token]) * (penalty if token in sequence[:k] else 1)
        return total


def rules(rows: int, shortest: int = 0, longest: int = 4, **options: float) -> Rules:
    return Rules(END, torch.full((rows,), shortest), torch.full((rows,), longest), never=(NEVER,), **options)


def all_sequences(shortest: int, longest: int) -> list[list[int]]:
    lengths = range(shortest, longest + 1)
    return [list(s) for n in lengths for s in itertools.product(WORDS, repeat=n)]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("penalty", [1.0, 1.7])
@pytest.mark.parametrize("shortest", [0, 2])
def test_a_beam_that_holds_everything_finds_the_best_of_all(alpha, penalty, shortest):
    model = Model(rows=3)
    bounds = rules(3, shortest, 3, repetition_penalty=penalty)
    found = beam_search(model.step, model.start(), BEGIN, bounds, beam=60, n_best=4, alpha=alpha)
    for row, hypotheses in enumerate(found):
        scored = [
            (model.sum(row, s, penalty) / ((5 + len(s) + 1) / 6) ** alpha, s)
            for s in all_sequences(shortest, 3)
        ]
        best = sorted(scored, reverse=True)[:4]
        assert [h.tokens for h in hypotheses] == [s for _, s in best]
        assert [h.score for h in hypotheses] == pytest.approx([score for score, _ in best], rel=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_no_beam_finds_a_worse_sequence_than_the_greedy_search(seed):
    model = Model(rows=4, seed=seed)
    for alpha in (0.0, 0.6, 1.0):
        one, *wider = (
            beam_search(model.step, model.start(), BEGIN, rules(4), beam=beam, alpha=alpha)
            for beam in (1, 2, 3, 7)
        )
        for found in wider:
            assert all(better.score >= greedy.score for (better,), (greedy,) in zip(found, one, strict=True))


def test_a_beam_alone_can_do_worse_than_greedy():
    """So that the promise above says something: without the greedy sequence among them, it is broken."""
    from elman.decode import beam as module

    worse = 0
    for seed in range(200):
        model = Model(rows=4, seed=seed)
        greedy, wide = (module._search(model.step, model.start(), BEGIN, rules(4), k, 0.0) for k in (1, 2))
        worse += sum(max(h.score for h in w) < g.score - 1e-6 for w, (g,) in zip(wide, greedy, strict=True))
    assert worse > 0


def test_the_greedy_search_takes_the_most_probable_token_at_every_step():
    model = Model(rows=5)
    found = beam_search(model.step, model.start(), BEGIN, rules(5), beam=1)
    for row, (hypothesis,) in enumerate(found):
        state, token, sequence = (torch.tensor([[row]]), torch.tensor([[0]])), BEGIN, []
        while True:
            log_p, state = model.step(torch.tensor([token]), state)
            log_p[:, NEVER] = -torch.inf
            token = END if len(sequence) == 4 else int(log_p.argmax())
            if token == END:
                break
            sequence.append(token)
        assert hypothesis.tokens == sequence
        assert hypothesis.score == pytest.approx(
            model.sum(row, sequence) / length_penalty(len(sequence) + 1, 1)
        )


def test_rows_searched_together_and_alone_find_the_same():
    model = Model(rows=6, seed=3)
    bounds = Rules(END, torch.tensor([0, 1, 2, 0, 3, 1]), torch.tensor([4, 3, 2, 1, 4, 2]), (NEVER,))
    together = beam_search(model.step, model.start(), BEGIN, bounds, beam=3, n_best=3)
    for row in range(6):
        alone = Rules(END, bounds.shortest[row : row + 1], bounds.longest[row : row + 1], (NEVER,))
        start = (torch.tensor([[row]]), torch.tensor([[0]]))
        (found,) = beam_search(model.step, start, BEGIN, alone, beam=3, n_best=3)
        assert [h.tokens for h in found] == [h.tokens for h in together[row]]
        for h in found:
            assert int(bounds.shortest[row]) <= len(h.tokens) <= int(bounds.longest[row])
            assert not {END, NEVER} & set(h.tokens)


def test_a_high_length_penalty_prefers_longer_sequences():
    model = Model(rows=30)
    lengths = [
        sum(
            len(h.tokens)
            for (h,) in beam_search(model.step, model.start(), BEGIN, rules(30), beam=40, alpha=a)
        )
        for a in (0.0, 1.0, 3.0)
    ]
    assert lengths[0] < lengths[1] < lengths[2]


def test_a_repetition_penalty_leaves_fewer_tokens_that_were_written_before():
    model = Model(rows=30)

    def repeated(penalty: float) -> int:
        bounds = rules(30, shortest=2, repetition_penalty=penalty)
        found = beam_search(model.step, model.start(), BEGIN, bounds, beam=3)
        return sum(len(h.tokens) - len(set(h.tokens)) for (h,) in found)

    assert repeated(5.0) < repeated(1.0)


def test_drawn_sequences_are_as_frequent_as_the_model_says():
    model = Model(rows=1)
    number = 4000
    bounds = rules(number, longest=1)
    state = tuple(s.expand(1, number) for s in model.start())
    generator = torch.Generator().manual_seed(0)
    drawn = sample_sequences(model.step, state, BEGIN, bounds, generators=[generator] * number)
    log_p, _ = model.step(torch.tensor([BEGIN]), model.start())
    log_p[0, NEVER] = -torch.inf
    wanted = log_p.softmax(-1)[0]
    for token in WORDS:
        share = sum(h.tokens == [token] for h in drawn) / number
        assert share == pytest.approx(float(wanted[token]), abs=4 * (0.25 / number) ** 0.5)
    one = drawn[0]
    # the last of so short a sequence is the end, whatever it costs
    assert one.score == pytest.approx(
        model.sum(0, one.tokens) / length_penalty(len(one.tokens) + 1, 1), rel=1e-5
    )


def test_without_warmth_a_drawn_sequence_is_the_greedy_one():
    model = Model(rows=7)
    drawn = sample_sequences(model.step, model.start(), BEGIN, rules(7), temperature=0)
    assert drawn == [h for (h,) in beam_search(model.step, model.start(), BEGIN, rules(7), beam=1)]
