"""Heads worked by hand: losses and predictions, smoothing, class weights, tied weights."""

import math

import pytest
import torch
from torch import nn

from elman.batch import Target
from elman.cells import LSTM
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive

F, OUT = 3, 4


def test_a_categorical_head_by_hand():
    head = Categorical(1, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [1.0], [2.0]]) * math.log(2))
        head.bias.copy_(torch.tensor([0.0, 0.0, math.log(2)]))
    features = torch.tensor([[1.0], [0.0]])  # odds 1 : 2 : 8 and 1 : 1 : 2
    assert head.predict(features).tolist() == [2, 2]
    loss = head.loss(features, Target(torch.tensor([1, 2])))
    assert loss.sum.item() == pytest.approx(math.log(11 / 2) + math.log(4 / 2))
    assert loss.count == 2


def test_label_smoothing_by_hand():
    head = Categorical(F, OUT, label_smoothing=0.2)
    features, values = torch.randn(5, F), torch.randint(OUT, (5,))
    log_p = head.logits(features).log_softmax(-1)
    plain = -log_p.gather(1, values[:, None])[:, 0]
    smooth = 0.8 * plain - 0.2 * log_p.mean(-1)
    weights = torch.rand(5)
    torch.testing.assert_close(head.loss(features, Target(values)).sum, smooth.sum())
    torch.testing.assert_close(head.loss(features, Target(values, weights)).sum, (smooth * weights).sum())
    head.eval()  # what is measured is the model's own
    torch.testing.assert_close(head.loss(features, Target(values)).sum, plain.sum())


def test_class_weights_multiply_the_loss_and_not_the_count():
    head = Categorical(1, 2, class_weights=[3.0, 0.5])
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [math.log(3)]]))  # odds 1 : 3
    target = torch.tensor([0, 1, 1])
    for weights in (None, torch.ones(3)):
        loss = head.loss(torch.ones(3, 1), Target(target, weights))
        assert loss.sum.item() == pytest.approx(3 * math.log(4) + 2 * 0.5 * math.log(4 / 3))
        assert loss.count == 3
    assert set(head.state_dict()) == {"weight", "bias"}


def test_a_multi_label_head_by_hand():
    features, target = torch.tensor([[1.0], [0.0]]), Target(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    for weights, first in ((None, 1.0), ([2.0, 5.0], 2.0)):
        head = MultiLabel(1, 2, weights)
        with torch.no_grad():
            head.weight.copy_(torch.tensor([[1.0], [0.0]]) * math.log(3))  # odds 3 : 1 and 1 : 1, then 1 : 1
            head.bias.zero_()
        assert head.predict(features).tolist() == [[1, 0], [0, 0]]
        loss = head.loss(features, target)
        second = 1.0 if weights is None else 5.0
        wanted = first * math.log(4 / 3) + math.log(2) + math.log(2) + second * math.log(2)
        assert loss.sum.item() == pytest.approx(wanted / 2)
        assert loss.count == 2
        assert set(head.state_dict()) == {"weight", "bias"}


def test_a_squared_error_head_by_hand():
    head = SquaredError(1, 2)
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[2.0], [0.0]]))
        head.linear.bias.copy_(torch.tensor([0.0, 1.0]))
    features = torch.tensor([[1.0], [3.0]])
    assert head.predict(features).tolist() == [[2, 1], [6, 1]]
    loss = head.loss(features, Target(torch.tensor([[0.0, 0.0], [6.0, 4.0]]), torch.tensor([1.0, 0.5])))
    assert loss.sum == (4 + 1) / 2 + 0.5 * (0 + 9) / 2
    assert loss.count == 1.5


def test_a_tied_head_uses_the_embeddings_weight_and_keeps_none_of_its_own():
    embedding = nn.Embedding(OUT, F)
    head = Categorical(F, OUT, tied=embedding)
    assert set(head.state_dict()) == {"bias"}
    features = torch.randn(5, F)
    torch.testing.assert_close(head.logits(features), features @ embedding.weight.T)
    with torch.no_grad():
        embedding.weight.mul_(2)
    torch.testing.assert_close(head.logits(features), features @ embedding.weight.T)
    head.loss(features, Target(torch.zeros(5, dtype=torch.int64))).sum.backward()
    assert embedding.weight.grad.abs().sum() > 0


def test_a_tied_models_weight_is_saved_once():
    model = Autoregressive(OUT, Recurrent(LSTM(F, F)), tied=True)
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    assert [name for name, shape in shapes.items() if shape == [OUT, F]] == ["embedding.weight"]
    assert len(list(model.parameters())) == 6
    # both of its uses reach it
    used = [
        torch.autograd.grad(loss, model.embedding.weight)[0]
        for loss in (model.features(torch.tensor([[1]]))[0].sum(), model.head.logits(torch.ones(1, F)).sum())
    ]
    assert all(gradient.abs().sum() > 0 for gradient in used)
