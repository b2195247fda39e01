"""The loop: it learns, carries and cuts the state, and stops where it should."""

import math
import threading
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from tiny import I, Probe, V, corpus, examples, language_model, regressor, same_bits, weights
from torch import Tensor, nn

from elman.batch import Batches
from elman.cells import GRU, LSTM, Cell, Elman
from elman.data.batches.examples import Examples
from elman.data.batches.tokens import TokenStreams, TokenWindows
from elman.data.tokens.corpus import Corpus
from elman.errors import InputError, TrainingStopped
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.train import loop as loop_module
from elman.train.checkpoint import load_checkpoint
from elman.train.loop import Loop, LossUnit, Mean, evaluate
from elman.train.optimize import make_optimizer
from elman.train.options import TrainingOptions


def fit(model: nn.Module, batches: Batches, validation: Batches | None = None, **options: Any) -> Loop:
    extra = {key: options.pop(key) for key in ("folder", "progress", "loss_unit", "judge") if key in options}
    loop = Loop(model, batches, validation, TrainingOptions(**options), **extra)
    loop.run()
    return loop


def streams(length: int = 61, rows: int = 2, chunk: int = 5, **kind: Any) -> TokenStreams:
    return TokenStreams(corpus(length, **kind), rows, chunk, 0)


# Learning


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_eight_sentences_are_learnt_by_heart(cell):
    rows = torch.cat([torch.arange(8)[:, None], torch.randint(8, (8, 6))], 1)  # the first token tells which
    data = Corpus(rows.flatten().numpy(), torch.arange(0, 56, 7).numpy(), corpus(2).vocabulary)
    model = Autoregressive(8, Recurrent(cell(8, 24)))
    fit(model, TokenStreams(data, 1, 56, 0), epochs=250, learning_rate=0.03)
    assert evaluate(model, TokenWindows(data)).mean < 0.02


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_eight_sequences_numbers_are_learnt_by_heart(cell):
    model, data = regressor(cell), examples(8, batch_size=8)
    assert evaluate(model, data).mean > 0.5
    fit(model, data, epochs=250, learning_rate=0.03)
    assert evaluate(model, data).mean < 1e-3


@pytest.mark.parametrize("data", [examples(), streams()], ids=["examples", "streams"])
def test_bfloat16_trains_and_the_weights_stay_float32(data):
    model = regressor() if isinstance(data, Examples) else language_model()
    before = evaluate(model, data).mean
    loop = fit(model, data, epochs=30, learning_rate=0.02, precision="bfloat16")
    assert evaluate(model, data).mean < 0.9 * before
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {s.dtype for s in loop._state or ()} <= {torch.float32}
    assert {v.dtype for slot in loop._optimizer.state.values() for v in slot.values()} == {torch.float32}


# Truncated backpropagation through time


class Watched(nn.Module):
    """A model that keeps what it is given, and counts the gradients that reach each batch's input."""

    def __init__(self, model: Autoregressive) -> None:
        super().__init__()
        self.model = model
        self.given: list[Any] = []
        self.returned: list[Any] = []
        self.gradients: list[int] = []

    def forward(self, batch: Any, state: Any = None) -> Any:
        number = len(self.given)
        x = self.model.embedding(batch.inputs.values).detach().requires_grad_()
        self.gradients.append(0)

        def count(gradient: Tensor) -> None:
            self.gradients[number] += 1

        x.register_hook(count)
        output, after = self.model.layer(x, state, None, batch.inputs.resets)
        self.given.append(state)
        self.returned.append(after)
        return self.model.head.loss(output, batch.targets), after


def test_the_state_is_carried_and_cut_from_its_history():
    model, data = Watched(language_model()), streams()
    fit(model, data, epochs=2)
    steps = data.steps
    assert len(model.given) == 2 * steps > 8
    for number, given in enumerate(model.given):
        if number % steps == 0:
            assert given is None  # an epoch begins anew
        else:
            assert all(map(torch.equal, given, model.returned[number - 1]))
            assert not any(s.requires_grad for s in given)
    assert model.gradients == [1] * (2 * steps)  # each chunk's input gets the gradient of its own chunk


def test_each_losses_value_is_that_of_one_long_pass():
    model, data = language_model(), streams(length=41, rows=2, chunk=5)
    batches, state, carried, forgotten = list(data.epoch(0)), None, [], []
    with torch.no_grad():
        for batch in batches:
            loss, state = model(batch, state)
            carried.append(float(loss.sum / loss.count))
            alone, _ = model(batch)
            forgotten.append(float(alone.sum / alone.count))
    found = [line["loss"] for line in fit(model, data, epochs=1, learning_rate=1e-30).history.lines]
    assert found == pytest.approx(carried, rel=1e-5)
    assert found[0] == pytest.approx(forgotten[0], rel=1e-5)
    assert all(abs(a - b) > 1e-3 for a, b in zip(carried[1:], forgotten[1:], strict=True))


class Kept:
    """Something that a backward pass needs, for as long as it is kept."""

    live = peak = 0

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
        Kept.live += self.size
        Kept.peak = max(Kept.peak, Kept.live)

    def __del__(self) -> None:
        Kept.live -= self.size


def kept_bytes(length: int, cut: bool, cell: type[Cell]) -> int:
    """The most that backward passes keep while training on a corpus of this length."""
    model = language_model(cell)
    loop = Loop(model, streams(length, rows=2, chunk=10), None, TrainingOptions(epochs=1))
    if not cut:
        # what a loop without truncation would do, minus the updates, which invalidate the older graphs
        loop._fabric.backward = lambda loss: loss.backward(retain_graph=True)
        loop._optimizer.step = lambda: None
    Kept.live = Kept.peak = 0
    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        loop.run()
    return Kept.peak


@pytest.mark.parametrize("cell", [LSTM, Elman])
def test_memory_does_not_grow_with_the_length_of_the_sequence(cell, monkeypatch):
    short, long = (kept_bytes(length, True, cell) for length in (201, 1601))
    assert 0 < long <= 1.05 * short
    # and the measure would show it if it did
    monkeypatch.setattr(loop_module, "detach", lambda state: state)
    short, long = (kept_bytes(length, False, cell) for length in (201, 1601))
    assert long > 6 * short


# Documents and empty chunks


def test_a_chunk_without_targets_does_no_harm():
    data = streams(length=31, rows=1, chunk=5, starts=(0, *range(1, 11)))
    assert [float(b.targets.weights.sum()) for b in data.epoch(0) if b.targets.weights is not None] == [0, 0]
    model = language_model()
    before = evaluate(model, data).mean
    loop = fit(model, data, epochs=20, learning_rate=0.02)
    assert [line["loss"] for line in loop.history.lines][:2] == [0, 0]
    assert evaluate(model, data).mean < 0.9 * before


def test_the_mean_over_nothing_is_no_number():
    assert math.isnan(Mean(0.0, 0).mean)
    assert Mean(6.0, 4).mean == 1.5


def test_evaluation_leaves_the_mode_as_it_was_and_drops_nothing():
    model, data = language_model(dropout=0.9), streams()
    for training in (True, False):
        model.train(training)
        assert evaluate(model, data) == evaluate(model, data)
        assert model.training is training


# What is written down


def test_the_history_by_hand():
    model, data = language_model(), streams()
    loop = fit(
        model, data, data, epochs=3, learning_rate=0.5, clip_at=0.5, schedule="constant", warmup_steps=1
    )
    lines = loop.history.lines
    train = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in train] == list(range(1, 3 * data.steps + 1))
    assert [line["epoch"] for line in train] == [e for e in (1, 2, 3) for _ in range(data.steps)]
    assert [line["learning_rate"] for line in train][:3] == [0.25, 0.5, 0.5]
    assert {line["clipped"] for line in train} == {0.0, 1.0}
    assert all((line["grad_norm"] > 0.5) == line["clipped"] for line in train)
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [
        data.steps * e for e in (1, 2, 3)
    ]


def test_progress_is_shown_after_every_step():
    probe = Probe(lambda _: None)
    fit(
        language_model(),
        streams(),
        epochs=2,
        progress=probe,
        loss_unit=LossUnit("bits", 1 / math.log(2), "letters"),
    )
    shares = [share for share, _ in probe.shown]
    assert shares == pytest.approx([(k + 1) / len(shares) for k in range(len(shares))])
    facts = probe.shown[-1][1]
    assert set(facts) == {"epoch", "letters/s", "loss", "bits", "grad norm"}
    assert facts["epoch"] == "2/2"
    assert float(facts["bits"]) == pytest.approx(float(facts["loss"]) / math.log(2), abs=2e-3)


@pytest.mark.parametrize(
    ("loss_unit", "names"),
    [
        (LossUnit(), {"loss"}),
        (LossUnit("cross-entropy"), {"cross-entropy"}),
        (LossUnit("bits", 2.0), {"loss", "bits"}),
        (LossUnit("perplexity", is_exponential=True), {"loss", "perplexity"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_loss_is_shown_beside_every_figure_that_is_not_the_loss(loss_unit, names):
    probe = Probe(lambda _: None)
    fit(language_model(), streams(), epochs=1, progress=probe, loss_unit=loss_unit)
    assert set(probe.shown[-1][1]) == {"epoch", "examples/s", "grad norm"} | names


def test_small_figures_keep_their_digits():
    shown = LossUnit("bits", 2.0).shown
    assert [shown(x) for x in (-1.23456, 6.17, 0.05, 0.0123456, 2.345e-6, 0.0)] == [
        "-2.469",
        "12.340",
        "0.100",
        "0.0247",
        "4.69e-06",
        "0",
    ]
    assert LossUnit("perplexity", is_exponential=True).shown(0.0) == "1.000"


# Stopping


def test_minutes_end_a_run_and_the_rate_falls_with_them(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: now[0])

    def pass_a_second(_: int) -> None:
        now[0] += 1

    probe = Probe(pass_a_second)
    loop = fit(language_model(), streams(), epochs=30, max_minutes=0.5, progress=probe)
    assert probe.shown[-1][0] == max(share for share, _ in probe.shown) == 1
    rates = [line["learning_rate"] for line in loop.history.lines]
    assert loop.position.finished
    assert loop.position.step == len(rates) == 30
    assert rates[::10] == pytest.approx([2e-3 * (0.01 + 0.99 * share) for share in (1, 0.75, 0.25)])
    # where the steps run out first, they decide
    assert fit(language_model(), streams(), epochs=1, max_minutes=0.5).position.step == streams().steps


def test_what_is_left_counts_the_cap_on_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: now[0])

    def pass_a_second(_: int) -> None:
        now[0] += 1

    capped, ended = Probe(pass_a_second), Probe(pass_a_second)
    # its 180 steps would take three minutes; the first step is shown before any time has passed
    fit(language_model(), streams(), epochs=30, max_minutes=0.5, progress=capped)
    assert capped.left == pytest.approx([0, *range(29, 0, -1), 0][: len(capped.left)])
    assert len(capped.left) >= 30
    # where the steps run out first, they decide
    fit(language_model(), streams(), epochs=1, max_minutes=60, progress=ended)
    steps = streams().steps
    assert ended.left == pytest.approx([k * steps / (k + 1) - k for k in range(steps)])


def test_patience_ends_a_run_and_the_best_weights_are_kept(tmp_path, monkeypatch):
    losses, seen = iter([3.0, 2.0, 2.5, 2.0, 1.0]), []

    def score(model: nn.Module, _: Batches) -> Mean:
        seen.append(weights(model))
        return Mean(next(losses), 1)

    monkeypatch.setattr(loop_module, "evaluate", score)
    model, data = language_model(), streams()
    probe = Probe(lambda _: None)
    loop = fit(model, data, data, epochs=9, patience=2, folder=tmp_path, progress=probe)
    assert [share == 1 for share, _ in probe.shown] == [False] * 4 * data.steps + [True]
    assert len(seen) == 4
    assert (loop.position.step, loop.position.best_loss) == (4 * data.steps, 2.0)
    assert same_bits(weights(model), seen[1])
    assert not same_bits(seen[1], seen[3])
    assert same_bits(loop_module.load_weights(tmp_path / "model.safetensors", model), seen[1])


@pytest.mark.parametrize(("stop_at", "epochs"), [(2.0, 2), (1.9, 4), (0.5, 5), (None, 5)])
def test_a_validation_loss_that_suffices_ends_a_run(monkeypatch, stop_at, epochs):
    losses = iter([3.0, 2.0, 2.5, 1.5, 1.0])
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: Mean(next(losses), 1))
    data = streams()
    loop = fit(language_model(), data, data, epochs=5, stop_at=stop_at)
    assert loop.position.step == epochs * data.steps


def test_a_judge_decides_which_weights_are_kept_and_when_patience_ends():
    """Errors of each epoch, of which the third has the fewest; the loss decides between equals."""
    figures, seen = [5.0, 4.0, 1.0, 2.0, 3.0, 0.5], []
    model, data = regressor(), examples()

    def judge() -> float:
        seen.append(weights(model))
        return figures[len(seen) - 1]

    loop = fit(model, data, data, epochs=6, patience=2, learning_rate=0.05, judge=judge)
    assert len(seen) == 5
    assert same_bits(weights(model), seen[2])
    lines = [line for line in loop.history.lines if line["kind"] == "validation"]
    wanted = [errors + 0.1 * line["loss"] for errors, line in zip(figures, lines, strict=False)]
    assert [line["judged"] for line in lines] == pytest.approx(wanted)
    assert loop.position.best_loss == pytest.approx(wanted[2])

    falling = fit(regressor(), data, data, epochs=3, learning_rate=0.01, judge=lambda: 0.0)
    losses = [line["loss"] for line in falling.history.lines if line["kind"] == "validation"]
    assert falling.position.best_loss == pytest.approx(0.1 * min(losses))


def test_without_validation_the_last_weights_are_kept(tmp_path):
    model, data = language_model(), streams()
    fit(model, data, epochs=1, folder=tmp_path)
    assert same_bits(loop_module.load_weights(tmp_path / "model.safetensors", model), weights(model))


def test_a_validation_loss_that_is_no_number_does_not_end_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "evaluate", lambda *_: Mean(math.nan, 1))
    model, data = language_model(), streams()
    loop = fit(model, data, data, epochs=2, folder=tmp_path)
    assert loop.position.step == 2 * data.steps
    assert same_bits(loop_module.load_weights(tmp_path / "model.safetensors", model), weights(model))


class Poisoned(Autoregressive):
    """Goes wrong at one step of training."""

    at, name = 4, "head.weight"

    def forward(self, *arguments: Any) -> Any:
        self.at -= self.training
        if self.at == 0:
            with torch.no_grad():
                self.get_parameter(self.name)[0] = math.nan
        return super().forward(*arguments)


def test_a_loss_that_is_not_finite_stops_at_that_step(tmp_path):
    model = Poisoned(V, Recurrent(LSTM(I, 5)))
    good: list[dict[str, Tensor]] = []
    with pytest.raises(TrainingStopped) as error:
        fit(
            model,
            streams(),
            epochs=3,
            folder=tmp_path,
            checkpoint_seconds=1e-9,
            progress=Probe(lambda _: good.append(weights(model))),
        )
    assert str(error.value) == (
        "step 4: the loss is not finite: first in the gradient of head.weight; values did not grow in the "
        "recurrence: try a lower --learning-rate, or --warmup-steps; "
        f"the last checkpoint is kept in {tmp_path}"
    )
    assert len(good) == 3
    fresh = language_model()
    _, position = load_checkpoint(
        tmp_path / "checkpoint.safetensors", fresh, make_optimizer(fresh, TrainingOptions())
    )
    assert position.step == 3
    assert same_bits(weights(fresh), good[-1])


def test_the_reason_is_looked_for_in_the_step_that_failed(monkeypatch):
    asked: list[Any] = []
    monkeypatch.setattr(loop_module, "explain", lambda *given: asked.append(given) or "because")
    states: list[Any] = []
    model = Poisoned(V, Recurrent(LSTM(I, 5)))
    model.layer.register_forward_pre_hook(lambda _, given: states.append(given[1]))
    with pytest.raises(TrainingStopped, match=r"^step 4: the loss is not finite: because$"):
        fit(model, streams(), epochs=3)
    ((_, batch, state),) = asked
    assert torch.equal(batch.inputs.values, list(streams().epoch(0))[3].inputs.values)
    assert all(map(torch.equal, state, states[3]))


@pytest.mark.parametrize("clip", ["norm", "value", "off"])
def test_a_gradient_that_is_not_finite_names_the_parameter_hit_whatever_the_clipping(clip):
    model = Autoregressive(V, Recurrent(Elman(I, 5), init="identity"))
    with torch.no_grad():
        model.layer.weight_hh_l0.mul_(3)
        model.embedding.weight.zero_()
    before = weights(model)
    with pytest.raises(TrainingStopped) as error:
        fit(model, streams(601, rows=1, chunk=300), epochs=1, clip=clip)
    assert str(error.value).startswith(
        "step 1: the gradient is not finite: first in the gradient of layer.bias_hh_l0; values grew "
    )
    assert "in the recurrence: try --clip norm" in str(error.value)
    assert "\n" not in str(error.value)
    assert same_bits(weights(model), before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"^--device cuda: ") as error:
        Loop(language_model(), streams(), None, TrainingOptions(device="cuda"))
    assert "\n" not in str(error.value)


def test_a_run_in_a_thread_leaves_the_signals_alone():
    loops: list[Loop] = []
    thread = threading.Thread(target=lambda: loops.append(fit(language_model(), streams(), epochs=1)))
    thread.start()
    thread.join()
    assert loops[0].position.finished


def test_a_module_that_fabric_wraps_takes_a_frozen_batch():
    """As training by several processes will need."""
    model, batch = language_model(), next(streams().epoch(0))
    wrapped = Fabric(accelerator="cpu", devices=1).setup_module(model)
    torch.testing.assert_close(wrapped(batch, None)[0], model(batch, None)[0])
