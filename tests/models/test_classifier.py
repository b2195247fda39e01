"""The classifier: pairs, word dropout, groups for the optimizer."""

import pytest
import torch
from agreement import randomise

from elman.batch import Batch, Field, Target
from elman.cells import LSTM
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.layers import Recurrent
from elman.models.classifier import Classifier
from elman.models.classifier_ensemble import ClassifierEnsemble
from elman.models.pooling import Pooling
from elman.train.optimize import make_optimizer, set_rates
from elman.train.options import TrainingOptions

V, E, H, C, T, B = 12, 4, 5, 3, 6, 3


def model(pair=False, layers=1, bidirectional=True, **options):
    layer = Recurrent(LSTM(E, H), layers, bidirectional=bidirectional)
    pooling = Pooling(layer, "max")
    head = Categorical(pooling.features * (4 if pair else 1), C)
    return randomise(Classifier(layer, head, pooling, torch.nn.Embedding(V, E), pair=pair, **options)).eval()


def test_a_pairs_features_by_hand():
    both = model(pair=True)
    u, v = torch.randint(V, (T, B)), torch.randint(V, (T, B))
    lengths = torch.tensor([6, 2, 3]), torch.tensor([1, 6, 4])
    found = both.features(Field(torch.cat([u, v], 1), torch.cat(lengths)))
    both.pair = False
    a, b = (both.features(Field(x, n)) for x, n in zip((u, v), lengths, strict=True))
    torch.testing.assert_close(found, torch.cat([a, b, (a - b).abs(), a * b], 1))


def test_the_loss_does_not_know_the_temperature():
    net, tokens = model(), torch.randint(V, (T, B))
    batch = Batch(Field(tokens), Target(torch.arange(B)))
    before = net(batch)[0].sum
    net.temperature.fill_(5.0)
    assert torch.equal(net(batch)[0].sum, before)
    assert "temperature" in net.state_dict()
    assert "temperature" not in dict(net.named_parameters())


def test_word_dropout_takes_a_word_wherever_it_stands():
    net = model(word_dropout=0.5).train()
    tokens = torch.arange(V).repeat(4, 3)  # each word 12 times
    x = net.embed(tokens)
    kept = (x != 0).all(-1)
    for word in range(V):
        own = kept[tokens == word]
        assert own.all() or not own.any()
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(x[kept], 2 * net.embedding(tokens)[kept])
    assert torch.equal(net.eval().embed(tokens), net.embedding(tokens))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_groups_go_from_the_head_down_and_hold_every_parameter_once(bidirectional):
    net = model(layers=2, bidirectional=bidirectional, rate_division=2.0, gradual=True)
    names = {id(p): name for name, p in net.named_parameters()}
    groups = net.parameter_groups()
    found = [sorted(names[id(p)] for p in group["params"]) for group in groups]
    assert sorted(name for group in found for name in group) == sorted(names.values())
    assert found[0] == ["head.bias", "head.weight"]
    assert all("_l1" in name for name in found[1])
    assert all("_l0" in name for name in found[2])
    assert found[3] == ["embedding.weight"]
    assert [group["rate_share"] for group in groups] == [1, 0.5, 0.25, 0.125]
    assert [group["from_epoch"] for group in groups] == [0, 1, 2, 3]


def steps(net, epochs):
    """Which parameters a step of each epoch moves, and by how much at most."""
    options = TrainingOptions(optimizer="sgd", learning_rate=0.1)
    optimizer, moved = make_optimizer(net, options), []
    batch = Batch(Field(torch.randint(V, (T, B))), Target(torch.arange(B)))
    for epoch in range(epochs):
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        set_rates(optimizer, 0.1, epoch)
        optimizer.zero_grad()
        net(batch)[0].sum.backward()
        grads = {name: p.grad for name, p in net.named_parameters()}
        optimizer.step()
        for name, p in net.named_parameters():
            if grads[name] is not None:
                share = [g["rate_share"] for g in optimizer.param_groups if any(p is q for q in g["params"])]
                torch.testing.assert_close(p.detach(), before[name] - 0.1 * share[0] * grads[name])
        moved.append({name for name, p in net.named_parameters() if not torch.equal(p, before[name])})
    return moved


def test_one_group_more_is_trained_each_epoch_at_its_own_rate():
    moved = steps(model(rate_division=2.0, gradual=True), 4)
    assert moved[0] == {"head.weight", "head.bias"}
    assert moved[1] > moved[0]
    assert all("layer" in name for name in moved[1] - moved[0])
    assert moved[2] - moved[1] == {"embedding.weight"}
    assert moved[3] == moved[2]


def test_otherwise_all_are_trained_from_the_start_but_frozen_vectors():
    net = model()
    assert steps(net, 1) == [{name for name, _ in net.named_parameters()}]
    net.embedding.weight.requires_grad_(False)
    (moved,) = steps(net, 1)
    assert "embedding.weight" not in moved
    assert moved


def test_a_multi_label_head_fits_too():
    layer = Recurrent(LSTM(2, H))
    net = Classifier(layer, MultiLabel(H, C), Pooling(layer))
    assert not net.is_exclusive
    assert model().is_exclusive
    assert net.logits(Field(torch.randn(T, B, 2))).shape == (B, C)


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_of_every_step_is_that_of_the_sequences_cut_there(several):
    net = model(bidirectional=False, every_step=True)
    if several:
        net.head = randomise(MultiLabel(H, C))
    tokens, lengths = torch.randint(V, (T, B)), torch.tensor([T, 2, 4])
    weights = torch.tensor([0.5, 2.0, 0.5])
    values = torch.rand(B, C).round() if several else torch.arange(B)
    loss = net.train()(Batch(Field(tokens, lengths), Target(values, weights)))[0]
    expected = 0.0
    for row, length in enumerate(lengths):
        for steps in range(1, int(length) + 1):
            cut = Batch(Field(tokens[:steps, row : row + 1]), Target(values[row : row + 1]))
            expected += weights[row] * net.eval()(cut)[0].sum / length
    torch.testing.assert_close(loss.sum, expected)
    assert float(loss.count) == B
    whole = Batch(Field(tokens, lengths), Target(values))
    assert torch.equal(net.eval()(whole)[0].sum, net.head.loss(net.features(whole.inputs), whole.targets).sum)


def test_a_stream_says_after_each_step_what_the_sequence_cut_there_is():
    nets = [model(layers=2, bidirectional=False) for _ in range(2)]
    both, tokens = ClassifierEnsemble(nets).eval(), torch.randint(V, (T, 1))
    for net in (nets[0], both):
        stream = net.label_stream()
        for t in range(T):
            torch.testing.assert_close(stream.step(tokens[t]), net.logits(Field(tokens[: t + 1])))
