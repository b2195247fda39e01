"""A watched run: what it sees, what it says, and that it goes on as if nobody had looked."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import Probe, corpus, examples, language_model, regressor, same_bits, weights
from torch import nn

from elman.batch import Batch, Batches, Field, Target
from elman.cells import GRU, LSTM, Elman
from elman.data.batches.tokens import TokenStreams
from elman.errors import Interrupted, TrainingStopped
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.models.framewise import Framewise
from elman.tasks.shared.options import TaskConfig
from elman.train.history import History, looks_back
from elman.train.loop import Loop
from elman.train.options import TrainingOptions
from elman.train.watch import Watch

STEPS = 6  # an epoch of streams()


def streams(length: int = 61, chunk: int = 5) -> TokenStreams:
    return TokenStreams(corpus(length), 2, chunk, 0)


class Listener(Probe):
    """Keeps what is said."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__(lambda steps: os.kill(os.getpid(), signal.SIGINT) if steps == stop_at else None)
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


def fit(model: nn.Module, batches: Batches, folder: Path | None = None, **options: Any) -> Loop:
    given = TaskConfig(**{"epochs": 2, "learning_rate": 0.02} | options)
    loop = Loop(model, batches, None, given, folder, progress=Listener())
    loop.run()
    return loop


def looks(loop: Loop) -> list[dict[str, Any]]:
    return [line for line in loop.history.lines if line["kind"] == "gradients"]


def said(loop: Loop) -> list[str]:
    return [line for line in loop.progress.said if "gradient" in line]


class Lines:
    """The same numbers at every step."""

    def __init__(self, steps: int, rows: int = 3, length: int = 20) -> None:
        self.steps = steps
        self.batch = Batch(Field(torch.ones(length, rows, 2)), Target(torch.full((length, rows, 1), 9.0)))

    def epoch(self, number: int, start: int = 0) -> Any:
        yield from [self.batch] * (self.steps - start)


def with_recurrence(scale: float, layers: int = 1) -> Framewise:
    """h' = relu(W x + scale · h) with W > 0, so that a step back multiplies the gradient by the scale."""
    model = Framewise(
        Recurrent(Elman(2, 4, nonlinearity="relu"), layers, init="identity"), SquaredError(4, 1)
    )
    with torch.no_grad():
        for layer in range(layers):
            model.layer.get_parameter(f"weight_hh_l{layer}").mul_(scale)
            model.layer.get_parameter(f"weight_ih_l{layer}").fill_(0.01)
        model.head.linear.weight.fill_(0.1)
    return model


STILL = {"learning_rate": 1e-30, "optimizer": "sgd"}  # the weights stay as they are
SIMPLE = STILL | {"cell": "elman:nonlinearity=relu", "init": "identity"}


# It changes nothing


def noisy() -> Autoregressive:
    """With every kind of noise, and a state that is carried."""
    return language_model(
        dropout=0.3,
        recurrent_dropout=0.2,
        input_dropout=0.2,
        zoneout=0.2,
        weight_dropout=0.1,
        learned_state=True,
        num_layers=2,
    )


@pytest.mark.parametrize(
    ("model", "data", "precision"),
    [
        (noisy, streams(), "float32"),
        (language_model, streams(), "bfloat16"),
        (lambda: regressor(GRU, bidirectional=True), examples(), "float32"),
    ],
)
def test_a_watched_run_equals_one_that_is_not(model, data, precision):
    outcomes = []
    for every in (0, 1, 4):
        torch.manual_seed(0)
        loop = fit(model(), data, watch_gradients=every, epochs=3, precision=precision)
        dull = [
            {key: value for key, value in line.items() if key not in ("seconds", "updates")}
            for line in loop.history.lines
            if line["kind"] != "gradients"
        ]
        outcomes.append((weights(loop._model), dull, torch.get_rng_state()))
        assert len(looks(loop)) == (every and -(-3 * data.steps // every))
    for found, history, random in outcomes[1:]:
        assert same_bits(found, outcomes[0][0])
        assert history == outcomes[0][1]
        assert torch.equal(random, outcomes[0][2])


def test_gradients_modes_and_state_stay_as_they_were():
    model = noisy().train()
    model.head.eval()
    gradients = [torch.randn_like(p) for p in model.parameters()]
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient.clone()
    state = tuple(torch.randn(2, 2, 5) for _ in range(2))
    kept = [s.clone() for s in state]
    random = torch.get_rng_state()
    watch = Watch(model, TrainingOptions(watch_gradients=1), History(None), Listener())
    assert watch.look(0, next(streams().epoch(0)), state) is not None
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert [m.training for m in (model, model.layer, model.head)] == [True, True, False]
    assert all(map(torch.equal, state, kept))
    assert not any(s.requires_grad for s in state)
    assert torch.equal(torch.get_rng_state(), random)
    assert model.layer._record is None


# What it sees


def test_the_lines_by_hand():
    loop = fit(with_recurrence(0.5), Lines(5), watch_gradients=4, **STILL)
    assert [line["step"] for line in looks(loop)] == [0, 4, 8]
    assert [line["epoch"] for line in looks(loop)] == [1, 1, 2]
    for line in looks(loop):
        assert line["lags"] == [0, 1, 2, 5, 10]
        (layer,) = line["layers"]
        assert layer["layer"] == "recurrent layer 1"
        assert layer["decay"] == pytest.approx(0.5, abs=1e-3)
        assert layer["half_life"] == pytest.approx(1, abs=3e-3)
        first = layer["norms"][0]
        assert layer["norms"] == pytest.approx([first * 0.5**lag for lag in line["lags"]], rel=2e-3)
        assert looks_back(line) == layer["half_life"]
    facts = loop.progress.shown[-1][1]
    assert facts["looks back"] == "1 steps"
    assert list(facts)[-2:] == ["looks back", "examples/s"]


def test_it_is_the_gradient_of_the_last_loss_alone():
    model, batch = with_recurrence(0.5), Lines(1).batch
    watch = Watch(model, TrainingOptions(watch_gradients=1), History(None), Listener())
    (layer,) = watch.look(0, batch, None)["layers"]
    output, _ = model.layer(batch.inputs.values)
    last = output[-1].detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.head.loss(last, Target(batch.targets.values[-1])).sum, last)
    assert layer["norms"][0] == pytest.approx(float(gradient[0].norm()), rel=1e-3)


def test_the_carried_state_counts():
    model = language_model(Elman)
    watch = Watch(model, TrainingOptions(watch_gradients=1), History(None), Listener())
    batch = next(streams().epoch(0))
    saturated = (torch.full((1, 2, 5), 50.0),)
    assert watch.look(0, batch, None) != watch.look(0, batch, saturated)


def test_each_layer_and_direction_has_its_own():
    model = regressor(GRU, bidirectional=True, num_layers=2)
    (line, *_) = looks(fit(model, examples(), watch_gradients=1))
    assert [layer["layer"] for layer in line["layers"]] == [
        f"recurrent layer {k}{direction}" for k in (1, 2) for direction in ("", " reverse")
    ]
    assert all(layer["norms"][0] > 0 for layer in line["layers"])


def test_train_lines_say_how_far_the_weights_moved():
    model = language_model()
    loop = fit(model, streams(), watch_gradients=100, optimizer="sgd", clip="off", schedule="constant")
    names = {name for name, _ in model.named_parameters()}
    lines = [line for line in loop.history.lines if line["kind"] == "train"]
    assert len(lines) == 2 * STEPS
    for line in lines:
        assert set(line["updates"]) == names
        assert all(value >= 0 for value in line["updates"].values())
    unwatched = fit(language_model(), streams())
    assert not any("updates" in line for line in unwatched.history.lines)


# What it says


def test_an_exploding_gradient_is_announced_once():
    loop = fit(with_recurrence(1.5), Lines(5), watch_gradients=2, **SIMPLE)
    assert len(looks(loop)) == 5
    assert {line["layers"][0]["verdict"] for line in looks(loop)} == {"exploding"}
    assert said(loop) == [
        "step 0: the gradient explodes in recurrent layer 1: it grows 1.5-fold a step back; "
        "try --clip-at 0.25, or --cell gru, or --init orthogonal"
    ]
    assert loop.progress.shown[-1][1]["looks back"] == "without end"


def test_a_vanishing_gradient_is_announced_once():
    loop = fit(with_recurrence(0.1), Lines(5), watch_gradients=2, **SIMPLE)
    assert {line["layers"][0]["verdict"] for line in looks(loop)} == {"vanishing"}
    assert said(loop) == [
        "step 0: the gradient vanishes in recurrent layer 1: it halves every 0.3 steps; "
        "try --cell lstm, or --init orthogonal"
    ]


def test_a_gated_net_whose_gradient_vanishes_is_told_of_another_remedy():
    model = Framewise(Recurrent(LSTM(2, 4)), SquaredError(4, 1))
    with torch.no_grad():
        model.layer.bias_ih_l0[4:8] = -20  # the forget gate is shut
    (line,) = said(fit(model, Lines(3), watch_gradients=1, **STILL))
    assert line.endswith("; try --init orthogonal+chrono:20")


def test_what_begins_later_is_said_when_it_begins():
    model = with_recurrence(1.0)

    class Growing(Listener):
        def update(self, *given: Any) -> None:
            super().update(*given)
            with torch.no_grad():
                model.layer.weight_hh_l0.mul_(1.2)

    loop = Loop(
        model, Lines(6), None, TrainingOptions(epochs=1, watch_gradients=1, **STILL), progress=Growing()
    )
    loop.run()
    verdicts = [line["layers"][0]["verdict"] for line in looks(loop)]
    assert verdicts[0] == "healthy"
    first = verdicts.index("exploding")
    (line,) = said(loop)
    assert line.startswith(f"step {first}: the gradient explodes in recurrent layer 1: ")


def test_all_layers_at_once_are_one_line():
    (line,) = said(fit(with_recurrence(1.5, layers=2), Lines(2), watch_gradients=1, **STILL))
    assert line.startswith(
        "step 0: the gradient explodes in recurrent layer 1, recurrent layer 2: it grows 1."
    )


def test_a_model_that_does_not_recur_says_so_once():
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = SquaredError(2, 1)

        def forward(self, batch: Batch, state: None = None) -> Any:
            return self.head.loss(batch.inputs.values, batch.targets), None

    loop = fit(Plain(), Lines(4), watch_gradients=1)
    assert looks(loop) == []
    assert loop.progress.said == [
        "--watch-gradients: the model has no recurrent layer, so nothing is measured"
    ]
    assert loop.position.finished


def test_sequences_too_short_to_see_anything_are_trained_all_the_same():
    loop = fit(with_recurrence(1.5), Lines(4, length=2), watch_gradients=1)
    assert looks(loop) == []
    assert loop.progress.said == [
        "--watch-gradients: no measurement at step 0: the longest sequence must have at least 3 steps. Got 2."
    ]
    assert loop.position.finished


def test_what_leaves_the_numbers_has_no_factor():
    model = with_recurrence(0.5)
    watch = Watch(model, TrainingOptions(watch_gradients=1), History(None), listener := Listener())
    with torch.no_grad():
        model.layer.weight_hh_l0.fill_(1e30)
    (layer,) = watch.look(0, Lines(1).batch, None)["layers"]
    assert (layer["verdict"], layer["decay"], layer["half_life"]) == ("exploding", None, None)
    assert "it grows beyond float32; try" in listener.said[0]
    assert watch.facts == {"looks back": "without end"}


def test_a_run_that_stops_says_what_it_would_have_said_unwatched():
    messages = []
    for every in (0, 1):
        with pytest.raises(TrainingStopped) as error:
            fit(with_recurrence(1.5), Lines(9), watch_gradients=every, learning_rate=1e38, optimizer="sgd")
        messages.append(str(error.value))
    assert messages[0] == messages[1]


# Resumed


def test_what_was_said_before_an_interruption_is_not_said_again(tmp_path):
    options = TrainingOptions(epochs=2, watch_gradients=2, **STILL)
    first, second = Listener(stop_at=3), Listener()
    with pytest.raises(Interrupted):
        Loop(with_recurrence(1.5), Lines(5), None, options, tmp_path, progress=first).run()
    loop = Loop(with_recurrence(1.5), Lines(5), None, options, tmp_path, progress=second)
    loop.run(resume=True)
    assert len([line for line in first.said if "explodes" in line]) == 1
    assert second.said == []
    assert second.shown[0][1]["looks back"] == "without end"
    assert [line["step"] for line in looks(loop)] == [0, 2, 4, 6, 8]
