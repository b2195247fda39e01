"""The reason given for a loss that left the finite numbers."""

import pytest
import torch
from agreement import randomise
from tiny import I, language_model, regressor
from torch import nn

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM, Elman
from elman.diagnose.blowup import explain, first_hit, recurrent_growth
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive

V, H = 6, 5
IN_RECURRENCE = "within one batch in the recurrence: try --clip norm"
ELSEWHERE = "values did not grow in the recurrence: try a lower --learning-rate"


def tokens(steps: int) -> Batch:
    drawn = torch.randint(V, (steps + 1, 3))
    return Batch(Field(drawn[:-1]), Target(drawn[1:]))


def with_recurrence(scale: float) -> Autoregressive:
    """h' = relu(W x + scale · h) with W > 0."""
    model = Autoregressive(V, Recurrent(Elman(I, H, nonlinearity="relu"), init="identity"))
    with torch.no_grad():
        model.layer.weight_hh_l0.mul_(scale)
        model.layer.weight_ih_l0.fill_(0.1)
        model.embedding.weight.abs_()
    return model


def explanation(model: nn.Module, batch: Batch) -> str:
    loss, _ = model(batch)
    (loss.sum / loss.count).backward()
    return explain(model, batch, None)


@pytest.mark.parametrize(("steps", "grown"), [(20, "e+"), (300, "values grew beyond float32")])
def test_a_recurrence_that_triples_is_named(steps, grown):
    found = explanation(with_recurrence(3), tokens(steps))
    assert grown in found
    assert IN_RECURRENCE in found
    assert "\n" not in found


def test_the_growth_is_measured():
    assert recurrent_growth(with_recurrence(3), tokens(10), None) == pytest.approx(3**10, rel=0.5)
    assert recurrent_growth(with_recurrence(1), tokens(50), None) < 100
    for cell in (LSTM, GRU):
        assert recurrent_growth(language_model(cell), tokens(50), None) < 100


def test_a_gradient_that_grows_is_seen_though_no_state_does():
    tanh = Autoregressive(V, Recurrent(Elman(I, H), init="identity"))
    with torch.no_grad():
        tanh.layer.weight_hh_l0.mul_(3)
        tanh.embedding.weight.zero_()  # so that every state is 0, where tanh has slope 1
    found = explanation(tanh, tokens(200))
    assert found.startswith("first in the gradient of layer.bias_hh_l0; values grew beyond float32 ")
    assert IN_RECURRENCE in found


@pytest.mark.parametrize("name", ["head.weight", "embedding.weight"])
def test_a_plain_nan_is_not_blamed_on_the_recurrence(name):
    model = language_model()
    with torch.no_grad():
        model.get_parameter(name)[:, 0] = torch.nan
    found = explanation(model, tokens(20))
    assert found.startswith("first in the gradient of head.weight; ")
    assert ELSEWHERE in found


def test_the_state_that_was_carried_in_counts_as_the_start():
    model, huge = with_recurrence(1), (torch.full((1, 3, H), 1e6),)
    assert recurrent_growth(model, tokens(20), huge) < 10
    assert recurrent_growth(model, tokens(20), (torch.full((1, 3, H), torch.nan),)) == 1


def test_of_both_directions_nothing_is_claimed():
    model = randomise(regressor(bidirectional=True))
    with torch.no_grad():
        model.head.linear.bias.fill_(torch.inf)
    batch = Batch(Field(torch.randn(5, 3, 2)), Target(torch.zeros(3, 1)))
    assert (
        explanation(model, batch)
        == "first in the gradient of head.linear.bias: try a lower --learning-rate, or --warmup-steps"
    )


def test_the_first_hit_is_the_parameter_nearest_to_the_loss():
    model = language_model()
    names = [name for name, _ in model.named_parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    assert first_hit(model) is None
    for name, value in zip(names, [torch.nan, torch.inf, -torch.inf] * 3, strict=False):
        model.get_parameter(name).grad.view(-1)[-1] = value
        assert first_hit(model) == name  # each later than those hit before
    model.get_parameter(names[-1]).grad = None
    assert first_hit(model) == names[-2]


def test_where_no_gradient_is_hit_that_is_said():
    model = language_model()
    assert explain(model, tokens(5), None).startswith("every parameter's gradient is finite; ")


def test_looking_leaves_the_model_as_it_was():
    model, batch = language_model().train(), tokens(5)
    explanation(model, batch)
    assert not model.layer._forward_pre_hooks
    assert model.training
