"""Rates and clipping, in numbers worked by hand."""

import math
from typing import Any, ClassVar

import pytest
import torch
from own_cells import MinGRU
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from elman.errors import InputError
from elman.layers import Recurrent
from elman.train.optimize import (
    clip_gradients,
    copy_parameters,
    learning_rate,
    make_optimizer,
    parameter_groups,
    set_rates,
    update_ratios,
)
from elman.train.options import TrainingOptions


def rates(steps: int, **options: object) -> list[float]:
    given = TrainingOptions(learning_rate=1.0, **options)
    return [learning_rate(given, step, step / steps) for step in range(steps + 1)]


def test_a_constant_rate():
    assert rates(5, schedule="constant") == [1.0] * 6


def test_the_warm_up_rises_to_the_full_rate():
    assert rates(6, schedule="constant", warmup_steps=4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1])


def test_the_cosine_falls_to_a_hundredth():
    found = rates(4)
    assert found[0] == 1
    assert found[2] == pytest.approx(0.505)
    assert found[4] == pytest.approx(0.01)
    assert found[1] == pytest.approx(0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2)
    assert found == sorted(found, reverse=True)
    assert learning_rate(TrainingOptions(learning_rate=1.0), 9, 1.5) == pytest.approx(0.01)


def test_both_at_once():
    assert rates(4, warmup_steps=2)[1] == pytest.approx(2 / 3 * (0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2))


def test_the_rate_falls_from_epoch_to_epoch():
    found = rates(13 * 7, schedule="step", epochs=13, full_rate_epochs=4, decay=0.5)
    expected = [1.0] * 4 + [0.5**k for k in range(1, 10)]  # Zaremba et al. 2014, the small network
    assert found[:-1] == [rate for rate in expected for _ in range(7)]
    for epochs in range(1, 40):  # whatever the shares are rounded to
        steps = epochs * 1117
        falls = TrainingOptions(learning_rate=1.0, schedule="step", epochs=epochs, full_rate_epochs=0)
        for epoch in range(epochs):
            at = [epoch * 1117, epoch * 1117 + 1116]
            assert [learning_rate(falls, step, step / steps) for step in at] == [0.5 ** (epoch + 1)] * 2


@pytest.mark.parametrize(
    "options", [{"decay": 0.0}, {"decay": 1.5}, {"decay": math.nan}, {"full_rate_epochs": -1}]
)
def test_a_step_schedule_out_of_its_range_is_refused(options):
    (name,) = options
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} must be "):
        TrainingOptions(schedule="step", **options)


class Two(nn.Module):
    """Two parameters with gradients of norm 3 and 4, together 5."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([1.0, 1.0]))
        self.b = nn.Parameter(torch.tensor([1.0]))
        self.unused = nn.Parameter(torch.tensor([1.0]))
        self.a.grad, self.b.grad = torch.tensor([3.0, 0.0]), torch.tensor([-4.0])


@pytest.mark.parametrize(
    ("clip", "at", "a", "b"),
    [
        ("norm", 10.0, [3, 0], [-4]),
        ("norm", 2.5, [1.5, 0], [-2]),
        ("value", 3.5, [3, 0], [-3.5]),
        ("value", 1.0, [1, 0], [-1]),
        ("off", 0.1, [3, 0], [-4]),
    ],
)
def test_clipping_by_hand(clip, at, a, b):
    model = Two()
    norm = clip_gradients(model, TrainingOptions(clip=clip, clip_at=at))
    assert norm == 5  # before clipping
    torch.testing.assert_close(model.a.grad, torch.tensor(a, dtype=torch.float32), atol=1e-5, rtol=0)
    torch.testing.assert_close(model.b.grad, torch.tensor(b, dtype=torch.float32), atol=1e-5, rtol=0)
    assert model.unused.grad is None


@pytest.mark.parametrize("clip", ["norm", "value", "off"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_where_the_norm_is_not_finite_the_gradients_stay_to_be_looked_at(clip, bad):
    model = Two()
    model.a.grad[1] = bad
    assert not math.isfinite(clip_gradients(model, TrainingOptions(clip=clip)))
    assert model.b.grad.tolist() == [-4]


def stepped(**options: object) -> Two:
    """After two steps with the same gradient."""
    model = Two()
    optimizer = make_optimizer(model, TrainingOptions(learning_rate=0.1, **options))
    optimizer.step()
    optimizer.step()
    return model


@pytest.mark.parametrize(
    ("options", "a", "b"),
    [
        ({"optimizer": "sgd"}, [0.4, 1], [1.8]),
        # velocities 3, then 0.5 · 3 + 3
        ({"optimizer": "sgd", "momentum": 0.5}, [1 - 0.1 * (3 + 4.5), 1], [1 + 0.1 * (4 + 6)]),
        # gradient 3 + 0.5 · 1, then 3 + 0.5 · 0.65
        ({"optimizer": "sgd", "weight_decay": 0.5}, [0.65 - 0.3325, 0.95**2], [1.35 + 0.4 - 0.0675]),
        # a constant gradient moves each weight by the rate
        ({}, [0.8, 1], [1.2]),
        # decoupled: before each step the weight shrinks by rate · decay
        ({"weight_decay": 0.5}, [(0.95 - 0.1) * 0.95 - 0.1, 0.95**2], [(0.95 + 0.1) * 0.95 + 0.1]),
    ],
    ids=str,
)
def test_two_steps_by_hand(options, a, b):
    model = stepped(**options)
    torch.testing.assert_close(model.a.detach(), torch.tensor(a, dtype=torch.float32), atol=1e-6, rtol=0)
    torch.testing.assert_close(model.b.detach(), torch.tensor(b, dtype=torch.float32), atol=1e-6, rtol=0)
    assert model.unused.item() == 1


def test_how_far_an_update_moves_each_parameter():
    model = Two()
    before = copy_parameters(model)
    assert update_ratios(model, before) == {"a": 0, "b": 0, "unused": 0}
    with torch.no_grad():
        model.a += torch.tensor([0.03, 0.04])
        model.b.zero_()
    assert update_ratios(model, before) == {"a": 0.03536, "b": 1, "unused": 0}  # 0.05 / √2
    zero = [torch.zeros_like(p) for p in before]
    assert update_ratios(model, zero) == {}  # of nothing there is no share


class Particular(MinGRU):
    """Its bias does not decay; its weight learns at a quarter of the rate and does not decay either."""

    without_decay = ("weight_ih", "bias_ih")
    rate_shares: ClassVar = {"weight_ih": 0.25}


def named_groups(model: nn.Module, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups with the names of their parameters."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [{**group, "params": [names[id(p)] for p in group["params"]]} for group in groups]


def test_parameters_without_wishes_are_one_group():
    model = nn.Sequential(Recurrent(MinGRU(2, 3)), nn.Linear(3, 1))
    assert named_groups(model, parameter_groups(model)) == [
        {"params": [n for n, _ in model.named_parameters()]}
    ]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_cell_s_parameters_have_the_decay_and_the_rate_that_they_ask_for(optimizer):
    model = nn.Sequential(Recurrent(Particular(2, 3), 2, learned_state=True), nn.Linear(3, 1))
    assert named_groups(model, parameter_groups(model)) == [
        {"params": ["0.weight_ih_l0", "0.weight_ih_l1"], "rate_share": 0.25, "weight_decay": 0.0},
        {"params": ["0.bias_ih_l0", "0.bias_ih_l1"], "weight_decay": 0.0},
        {"params": ["0.initial_h", "1.weight", "1.bias"]},
    ]
    options = TrainingOptions(optimizer=optimizer, learning_rate=0.5, weight_decay=0.5, momentum=0.0)
    made = make_optimizer(model, options)
    set_rates(made, 0.4, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
            parameter.grad = (
                torch.zeros_like(parameter) if optimizer == "adamw" else torch.ones_like(parameter)
            )
    made.step()
    after = {name: round(p.mean().item(), 6) for name, p in model.named_parameters()}
    # SGD takes rate · (1 + decay), AdamW of a gradient of 0 rate · decay
    plain, particular, bias = (0.4, 0.9, 0.6) if optimizer == "sgd" else (0.8, 1.0, 1.0)
    assert after["1.weight"] == after["0.initial_h"] == plain
    assert after["0.weight_ih_l0"] == after["0.weight_ih_l1"] == particular
    assert after["0.bias_ih_l0"] == bias


def test_wishes_multiply_the_rates_of_a_model_s_own_groups():
    class Grouped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = Recurrent(Particular(2, 3)), nn.Linear(3, 1)

        def parameter_groups(self) -> list[dict[str, Any]]:
            layer, head = list(self.layer.parameters()), list(self.head.parameters())
            return [
                {"params": layer, "rate_share": 0.5, "from_epoch": 1},
                {"params": head, "rate_share": 1.0, "from_epoch": 0},
            ]

    model = Grouped()
    assert named_groups(model, parameter_groups(model)) == [
        {"params": ["layer.weight_ih_l0"], "rate_share": 0.125, "from_epoch": 1, "weight_decay": 0.0},
        {"params": ["layer.bias_ih_l0"], "rate_share": 0.5, "from_epoch": 1, "weight_decay": 0.0},
        {"params": ["head.weight", "head.bias"], "rate_share": 1.0, "from_epoch": 0},
    ]


def test_a_parametrised_weight_keeps_its_wishes():
    layer = weight_norm(Recurrent(Particular(2, 3)), "weight_ih_l0")
    asked = {"rate_share": 0.25, "weight_decay": 0.0}
    assert layer.parameter_options() == {
        "parametrizations.weight_ih_l0.original0": asked,
        "parametrizations.weight_ih_l0.original1": asked,
        "bias_ih_l0": {"weight_decay": 0.0},
    }
    assert len(parameter_groups(layer)) == 2


BAD = [
    ("epochs", 0, "an int in [1, 1e9]"),
    ("batch_size", -1, "an int in [1, 1e9]"),
    ("patience", -1, "an int in [0, 2^63)"),
    ("warmup_steps", 2**63, "an int in [0, 2^63)"),
    ("watch_gradients", -1, "an int in [0, 2^63)"),
    ("seed", -1, "an int in [0, 2^63)"),
    ("learning_rate", 0.0, "in (0, inf)"),
    ("learning_rate", math.nan, "in (0, inf)"),
    ("clip_at", math.inf, "in (0, inf)"),
    ("checkpoint_seconds", 0.0, "in (0, inf)"),
    ("weight_decay", -1e-9, "in [0, inf)"),
    ("momentum", math.nan, "in [0, inf)"),
    ("max_minutes", 0.0, "in (0, inf)"),
]


@pytest.mark.parametrize(("option", "value", "rule"), BAD)
def test_an_option_out_of_its_range_is_refused(option, value, rule):
    with pytest.raises(InputError) as error:
        TrainingOptions(**{option: value})
    assert str(error.value) == f"--{option.replace('_', '-')} must be {rule}. Got {value!r}."
