"""What the batchers read, in which order, and that they read all of it once."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.batch import Batch, Field, Target, to_device
from elman.cells import GRU
from elman.data.batches.examples import Examples
from elman.data.batches.tokens import TokenStreams, TokenWindows
from elman.data.tokens.corpus import Corpus
from elman.data.tokens.vocab import ByteVocabulary
from elman.errors import InputError
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.train.loop import evaluate


def positions(length: int, starts: tuple[int, ...] = (0,)) -> Corpus:
    """A corpus in which each token is its own position, so that what was read says where."""
    return Corpus(np.arange(length, dtype=np.int32), np.array(starts), ByteVocabulary())


@st.composite
def corpora(draw: st.DrawFn, longest: int = 150) -> Corpus:
    """Documents of any lengths, at least one of which has two tokens."""
    length = draw(st.integers(2, longest))
    starts = draw(st.sets(st.integers(1, length - 1), max_size=length - 2))
    return positions(length, (0, *sorted(starts)))


def whole(batches: list[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    """An epoch's inputs and targets [steps, rows]."""
    return torch.cat([b.inputs.values for b in batches]), torch.cat([b.targets.values for b in batches])


def equal(a: Batch, b: Batch) -> bool:
    pairs = [
        (a.inputs.values, b.inputs.values),
        (a.inputs.lengths, b.inputs.lengths),
        (a.inputs.resets, b.inputs.resets),
        (a.targets.values, b.targets.values),
        (a.targets.weights, b.targets.weights),
    ]
    return all(x is y is None or (x is not None and y is not None and torch.equal(x, y)) for x, y in pairs)


# Streams


@given(corpora(), st.integers(1, 6), st.integers(1, 9), st.integers(0, 3))
def test_rows_go_on_where_they_stopped_and_targets_are_the_next_tokens(corpus, rows, chunk, epoch):
    streams = TokenStreams(corpus, rows, chunk, seed=1)
    batches = list(streams.epoch(epoch))
    inputs, targets = whole(batches)
    assert len(batches) == streams.steps
    assert all(len(b.inputs.values) == streams.chunk <= chunk for b in batches[:-1])
    assert inputs.shape[1] == min(rows, len(corpus) - 1)
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs[1:], inputs[:-1] + 1)
    assert torch.equal(inputs[0].diff(), torch.full((inputs.shape[1] - 1,), len(inputs)))
    assert targets.max() < len(corpus)
    # what is left over is less than a step of all rows, and less than a chunk for later beginnings
    assert targets.numel() > len(corpus) - 1 - inputs.shape[1] - chunk


@given(corpora(), st.integers(1, 6), st.integers(1, 9))
def test_the_state_is_reset_at_a_document_and_its_first_token_is_no_target(corpus, rows, chunk):
    starts = torch.from_numpy(corpus.starts)
    for batch in TokenStreams(corpus, rows, chunk, seed=0).epoch(0):
        inputs, weights = batch.inputs.values, batch.targets.weights
        resets = (
            torch.zeros_like(inputs, dtype=torch.bool) if batch.inputs.resets is None else batch.inputs.resets
        )
        weights = torch.ones(inputs.shape) if weights is None else weights
        assert torch.equal(resets, torch.isin(inputs, starts))
        assert torch.equal(weights, (~torch.isin(inputs + 1, starts)).float())


def test_seed_and_epoch_decide_where_an_epoch_begins():
    def first(seed: int, epoch: int) -> int:
        return int(next(TokenStreams(positions(200), 3, 4, seed).epoch(epoch)).inputs.values[0, 0])

    firsts = [first(7, epoch) for epoch in range(60)]
    assert set(firsts) == {0, 1, 2, 3}
    assert firsts == [first(7, epoch) for epoch in range(60)]
    assert firsts != [first(8, epoch) for epoch in range(60)]


def test_a_short_corpus_spares_no_token():
    streams = TokenStreams(positions(8 * 3 * 4), 3, 4, seed=0)  # one token short of 8 chunks and a target
    assert {int(next(streams.epoch(epoch)).inputs.values[0, 0]) for epoch in range(20)} == {0}
    two = list(TokenStreams(positions(2), 64, 100, seed=0).epoch(3))
    assert [b.inputs.values.tolist() for b in two] == [[[0]]]
    assert [b.targets.values.tolist() for b in two] == [[[1]]]


BATCHERS = {
    "streams": TokenStreams(positions(120, (0, 50, 51, 90)), 2, 7, seed=3),
    "windows": TokenWindows(positions(120, (0, 50, 51, 90)), rows=3, warm_up=5, chunk=7),
    "examples": Examples(
        torch.arange(44.0).view(11, 4, 1), torch.arange(11), torch.arange(11) % 4 + 1, batch_size=3, seed=5
    ),
}


@pytest.mark.parametrize("batcher", BATCHERS.values(), ids=BATCHERS)
def test_an_epoch_from_the_middle_is_the_tail_of_the_whole_one(batcher):
    for number in range(3):
        batches = list(batcher.epoch(number))
        assert len(batches) == batcher.steps > 3
        for start in range(batcher.steps + 1):
            tail = list(batcher.epoch(number, start))
            assert len(tail) == len(batches) - start
            assert all(map(equal, tail, batches[start:]))


@pytest.mark.parametrize(
    "make", [lambda c: TokenStreams(c, 2, 4, 0), TokenWindows], ids=["streams", "windows"]
)
@pytest.mark.parametrize("length", [1, 5])
def test_nothing_to_predict_is_refused(make, length):
    with pytest.raises(InputError, match=f"at least 2 tokens. Got {length} documents of one token"):
        make(positions(length, tuple(range(length))))


# Windows


@given(corpora(), st.integers(1, 5), st.integers(0, 5), st.integers(1, 9))
def test_every_token_but_a_documents_first_is_a_target_once(corpus, rows, warm_up, chunk):
    windows = TokenWindows(corpus, rows, warm_up, chunk)
    batches = list(windows.epoch())
    counted = Counter()
    for batch in batches:
        weights = batch.targets.weights
        assert set(weights.unique().tolist()) <= {0.0, 1.0}
        counted.update(batch.targets.values[weights == 1].tolist())
    assert counted == Counter(set(range(len(corpus))) - set(corpus.starts.tolist()))
    assert len(batches) == windows.steps


@given(corpora(), st.integers(2, 5), st.integers(1, 5), st.integers(1, 9))
def test_each_row_warms_up_on_the_tokens_before_its_own(corpus, rows, warm_up, chunk):
    batches = list(TokenWindows(corpus, rows, warm_up, chunk).epoch())
    inputs, _ = whole(batches)
    own = torch.cat([b.targets.weights for b in batches]) == 1
    for row in range(1, inputs.shape[1]):
        first = int(own[:, row].float().argmax())
        assert first >= warm_up
        before = inputs[first - warm_up : first + 1, row]
        assert torch.equal(before, torch.arange(before[-1] - warm_up, before[-1] + 1))


def by_hand(model: Autoregressive, documents: list[np.ndarray]) -> tuple[float, int]:
    """Each document in one pass of its own, in nats."""
    total = 0.0
    for document in documents:
        tokens = torch.from_numpy(document.astype(np.int64))
        with torch.no_grad():
            features, _ = model.features(tokens[:-1, None])
            scores = model.head.logits(features)[:, 0].double().log_softmax(-1)
        total -= float(scores.gather(1, tokens[1:, None]).sum())
    return total, sum(len(d) - 1 for d in documents)


@pytest.mark.parametrize(
    ("lengths", "rows", "warm_up"),
    [((60,), 1, 16), ((20, 1, 2, 37), 1, 16), ((5, 7, 1, 8) * 20, 4, 8)],
    ids=["one document", "several", "several rows, each warmed up from a document's start"],
)
def test_evaluation_equals_a_full_pass(lengths, rows, warm_up):
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 9, n) for n in lengths]
    corpus = Corpus(np.concatenate(documents), np.cumsum((0, *lengths[:-1])), ByteVocabulary())
    model = Autoregressive(9, Recurrent(GRU(4, 6)))
    windows = TokenWindows(corpus, rows, warm_up, chunk=7)
    assert next(windows.epoch()).inputs.values.shape[1] == rows
    found = evaluate(model, windows)
    nats, count = by_hand(model, documents)
    assert found.count == count
    assert found.sum == pytest.approx(nats, rel=1e-6)


# Examples


def drawn(examples: Examples, epoch: int) -> list[int]:
    return [int(y) for batch in examples.epoch(epoch) for y in batch.targets.values]


def test_examples_keep_their_order_or_are_shuffled_by_seed_and_epoch():
    inputs, targets = torch.zeros(20, 3, 2), torch.arange(20)

    def make(seed: int | None) -> Examples:
        return Examples(inputs, targets, batch_size=6, seed=seed)

    assert drawn(make(None), 0) == drawn(make(None), 4) == list(range(20))
    orders = [tuple(drawn(make(seed), epoch)) for seed in (1, 2) for epoch in (0, 1)]
    assert orders == [tuple(drawn(make(seed), epoch)) for seed in (1, 2) for epoch in (0, 1)]
    assert len({*orders, tuple(range(20))}) == 5
    assert all(sorted(order) == list(range(20)) for order in orders)


def test_an_example_keeps_its_inputs_its_length_and_its_target():
    inputs = torch.arange(7 * 5 * 2.0).view(7, 5, 2)
    lengths = torch.arange(7) % 5 + 1
    batches = list(Examples(inputs, torch.arange(7), lengths, batch_size=3, seed=0).epoch(2))
    assert [b.inputs.values.shape for b in batches] == [(5, 3, 2), (5, 3, 2), (5, 1, 2)]
    for batch in batches:
        rows = batch.targets.values
        assert torch.equal(batch.inputs.values, inputs[rows].transpose(0, 1))
        assert torch.equal(batch.inputs.lengths, lengths[rows])
    assert next(Examples(inputs, lengths, batch_size=2).epoch()).inputs.lengths is None


def test_a_batch_moves_as_a_whole():
    batch = Batch(Field(torch.ones(2, 3), torch.ones(3)), Target(torch.ones(3)))
    moved = to_device(batch, torch.device("meta"))
    assert {moved.inputs.values.device, moved.inputs.lengths.device, moved.targets.values.device} == {
        torch.device("meta")
    }
    assert moved.inputs.resets is moved.targets.weights is None
