"""Encoder and decoder: padding, steps, bridges, and a task that needs attention."""

import pytest
import torch
from agreement import randomise
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM, Cell, Elman, GRUResetBefore, ProjectedLSTM
from elman.decode.beam import beam_search
from elman.decode.rules import Rules
from elman.layers import Recurrent
from elman.layers.attention import ATTENTIONS
from elman.models.seq2seq import BRIDGES, Seq2Seq

V, E, H, BEGIN, END = 9, 6, 8, 1, 2
each_feeding = pytest.mark.parametrize("feeding", [False, True], ids=["plain", "input-feeding"])


def model(
    cell: type[Cell] = GRU,
    feeding: bool = False,
    kind: str = "bilinear",
    layers: int = 1,
    source_size: int | None = None,
    **options: object,
) -> Seq2Seq:
    encoder = Recurrent(cell(E, H // 2), layers, bidirectional=True)
    decoder = Recurrent(cell(E * (1 + feeding), H), layers)
    attention = ATTENTIONS[kind](decoder.output_size, encoder.output_size) if kind != "none" else None
    options = {"begin": BEGIN, "source_size": source_size, "input_feeding": feeding} | options
    return randomise(Seq2Seq(V, encoder, decoder, attention, **options))


def batch(lengths: list[tuple[int, int]], seed: int = 0) -> Batch:
    """Random pairs of these lengths, padded with a token of its own."""
    generator = torch.Generator().manual_seed(seed)
    reading, writing = (torch.tensor(side) for side in zip(*lengths, strict=True))

    def tokens(sizes: Tensor) -> tuple[Tensor, Tensor]:
        values = torch.randint(3, V - 1, (int(sizes.max()), len(sizes)), generator=generator)
        real = torch.arange(len(values))[:, None] < sizes
        return values.where(real, torch.tensor(V - 1)), real

    source, _ = tokens(reading)
    target, real = tokens(writing)
    return Batch(Field(source, reading), Target(target, real.float()))


def row(whole: Batch, k: int) -> Batch:
    """One pair alone, without padding."""
    n, t = int(whole.inputs.lengths[k]), int(whole.targets.weights[:, k].sum())
    return Batch(Field(whole.inputs.values[:n, k : k + 1]), Target(whole.targets.values[:t, k : k + 1]))


@each_feeding
@pytest.mark.parametrize("cell", [Elman, LSTM, GRU, GRUResetBefore, ProjectedLSTM])
def test_a_batch_costs_what_its_pairs_cost_one_by_one(cell, feeding):
    net = model(cell, feeding, layers=2)
    pairs = batch([(5, 3), (2, 6), (7, 1), (1, 1)])
    loss, state = net(pairs)
    assert state is None
    assert loss.count == 11
    alone = [net(row(pairs, k))[0] for k in range(4)]
    torch.testing.assert_close(loss.sum, sum(each.sum for each in alone))


@each_feeding
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_step_by_step_is_the_full_pass(kind, feeding):
    net = model(LSTM, feeding, kind, source_size=V).eval()
    pairs = batch([(5, 4), (2, 4), (7, 4)])
    memory, recurrent = net.encode(pairs.inputs)
    before = torch.cat([torch.full((1, 3), BEGIN), pairs.targets.values[:-1]])
    features, *_ = net.decode(before, recurrent, memory)
    wanted = net.head.logits(features).log_softmax(-1)
    state = net.begin_decoding(pairs.inputs)
    for tokens, log_p in zip(before, wanted, strict=True):
        found, state = net.step(tokens, state)
        torch.testing.assert_close(found, log_p)


@each_feeding
def test_a_target_is_predicted_from_those_before_it_alone(feeding):
    net = model(feeding=feeding).eval()
    pairs = batch([(4, 6)])
    memory, recurrent = net.encode(pairs.inputs)

    def features(tokens: Tensor) -> Tensor:
        return net.decode(tokens, recurrent, memory)[0]

    tokens = pairs.targets.values
    changed = tokens.clone()
    changed[3] = 3 + (changed[3] - 2) % 5
    same = (features(tokens) == features(changed)).all(-1)[:, 0]
    assert same.tolist() == [True] * 3 + [False] * 3


@pytest.mark.parametrize("bridge", BRIDGES)
def test_what_the_decoder_begins_with(bridge):
    net = model(LSTM, bridge=bridge, layers=2).eval()
    source = batch([(5, 1), (3, 1)]).inputs
    _, (h, c) = net.encode(source)
    assert h.shape == c.shape == (2, 2, H)
    _, last = net.encoder(net.embedding(source.values), None, source.lengths)
    for layer in range(2):
        for state, part, name in zip((h, c), last, (0, 1), strict=True):
            joined = torch.cat([part[2 * layer], part[2 * layer + 1]], -1)
            if bridge == "learned":
                linear = net.bridge.maps[name][0]
                joined = torch.tanh(joined @ linear.weight.T + linear.bias)
            wanted = torch.zeros(2, H) if bridge == "zero" else joined
            torch.testing.assert_close(state[layer], wanted)


@each_feeding
def test_without_attention_the_source_is_known_by_the_first_state(feeding):
    net, pairs = model(feeding=feeding, kind="none"), batch([(5, 3), (2, 6)])
    together, _ = net(pairs)
    alone = [net(row(pairs, k))[0].sum for k in range(2)]
    torch.testing.assert_close(together.sum, sum(alone))
    state, begin = net.begin_decoding(pairs.inputs), torch.full((2,), BEGIN)
    found, _ = net.step(begin, state)
    memory, recurrent = net.encode(pairs.inputs)
    features, _, weights = net.decode(begin[None], recurrent, memory)
    torch.testing.assert_close(found, net.head.logits(features[0]).log_softmax(-1))
    assert weights.shape == (1, 2, 0)
    assert not torch.allclose(found[0], found[1])
    with pytest.raises(ValueError, match="needs a bridge"):
        model(kind="none", bridge="zero")


def test_a_bridge_that_does_not_fit_is_refused():
    encoder, decoder = Recurrent(LSTM(E, H), bidirectional=True), Recurrent(LSTM(E, H))
    attention = ATTENTIONS["bilinear"](H, 2 * H)
    with pytest.raises(ValueError, match=r"state h as large as the decoder's\. Got 16 and 8"):
        Seq2Seq(V, encoder, decoder, attention, begin=BEGIN, bridge="last")
    Seq2Seq(V, encoder, decoder, attention, begin=BEGIN, bridge="learned")
    with pytest.raises(ValueError, match="the same number of layers"):
        Seq2Seq(V, encoder, Recurrent(LSTM(E, H), 2), attention, begin=BEGIN)
    with pytest.raises(ValueError, match="decoder cannot be bidirectional"):
        Seq2Seq(V, decoder, encoder, attention, begin=BEGIN)


@each_feeding
def test_every_weight_has_a_gradient(feeding):
    net = model(LSTM, feeding, "additive", source_size=V, tied=False, dropout=0.2, label_smoothing=0.1)
    loss, _ = net(batch([(5, 3), (2, 6)]))
    loss.sum.backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_embeddings_that_are_shared_are_saved_once():
    shapes = {name for name, value in model().state_dict().items() if value.shape == (V, E)}
    assert shapes == {"embedding.weight"}
    apart = model(source_size=V, tied=False).state_dict()
    assert {name for name, value in apart.items() if value.shape == (V, E)} == {
        "embedding.weight",
        "source_embedding.weight",
        "head.weight",
    }


# each attention, with input feeding and without in turn
@pytest.mark.parametrize(("kind", "feeding"), [(kind, k % 2 == 0) for k, kind in enumerate(ATTENTIONS)])
def test_it_learns_to_write_a_sequence_backwards(kind, feeding):
    net = Seq2Seq(
        V,
        Recurrent(GRU(16, 16), bidirectional=True),
        Recurrent(GRU(32 if feeding else 16, 32)),
        ATTENTIONS[kind](32, 32),
        begin=BEGIN,
        input_feeding=feeding,
    )
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)

    def pairs(number: int, length: int) -> tuple[Tensor, Tensor]:
        source = torch.randint(3, V, (length, number), generator=generator)
        return source, torch.cat([source.flip(0), torch.full((1, number), END)])

    for step in range(300):
        optimizer.param_groups[0]["lr"] = 1.5e-2 * (1 - step / 300)
        source, target = pairs(32, 2 + step % 4)
        loss, _ = net(Batch(Field(source), Target(target)))
        (loss.sum / loss.count).backward()
        optimizer.step()
        optimizer.zero_grad()
    net.eval()
    source, target = pairs(50, 4)
    rules = Rules(END, torch.zeros(50), torch.full((50,), 8), never=(BEGIN,))
    with torch.inference_mode():
        found = beam_search(net.step, net.begin_decoding(Field(source)), BEGIN, rules, beam=3)
    right = sum(h.tokens == t for (h,), t in zip(found, target[:-1].T.tolist(), strict=True))
    assert right >= 45
    weights = net.alignment(Field(source), target)
    assert weights.shape == (5, 50, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(5, 50))
