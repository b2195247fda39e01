"""A run that was killed or interrupted and then resumed equals one that never stopped, bit for bit."""

import json
import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import Probe, corpus, examples, language_model, regressor, same_bits, weights
from torch import Tensor

from elman.data.batches.tokens import TokenStreams, TokenWindows
from elman.errors import Interrupted
from elman.train.checkpoint import load_weights
from elman.train.loop import Loop
from elman.train.options import TrainingOptions
from elman.train.progress import Silent

STEPS = 6  # an epoch


class Killed(BaseException):
    """Ends a run at once; nothing in the library catches it."""


def kill() -> None:
    raise Killed


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def after(step: int, act: Callable[[], None]) -> Probe:
    return Probe(lambda steps: act() if steps == step else None)


def stream(**options: Any) -> tuple[Any, ...]:
    """A model with every kind of noise, whose state is carried."""
    model = language_model(
        dropout=0.3,
        recurrent_dropout=0.2,
        input_dropout=0.2,
        zoneout=0.2,
        weight_dropout=0.1,
        learned_state=True,
    )
    return model, TokenStreams(corpus(61), 2, 5, 0), TokenWindows(corpus(30, seed=1)), options


def sequences(**options: Any) -> tuple[Any, ...]:
    return regressor(), examples(STEPS * 4), None, options


KINDS = {
    "adamw": lambda: stream(weight_decay=0.1),
    "averaged": lambda: stream(average="ema"),
    "averaged sgd": lambda: stream(average="asgd"),
    "momentum": lambda: stream(optimizer="sgd", momentum=0.9, learning_rate=0.1),
    # the first epoch's weights stay the best
    "patience": lambda: stream(optimizer="sgd", momentum=0.9, learning_rate=100.0, patience=2, epochs=9),
    "no validation": lambda: sequences(warmup_steps=7),
    "watched": lambda: stream(watch_gradients=4),
}


def make(kind: str, folder: Path, seed: int, progress: Silent, every: float = 1e-9) -> Loop:
    torch.manual_seed(seed)
    model, training, validation, options = KINDS[kind]()
    assert training.steps == STEPS
    given = TrainingOptions(**{"epochs": 3, "learning_rate": 0.02, "checkpoint_seconds": every} | options)
    return Loop(model, training, validation, given, folder, progress=progress)


def outcome(loop: Loop) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """The weights in memory, which are those in the folder, and the history but for its times."""
    kept = weights(loop._model)
    assert same_bits(load_weights(loop.folder / "model.safetensors", loop._model), kept)
    lines = [json.loads(line) for line in (loop.folder / "history.jsonl").read_text().splitlines()]
    return kept, [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@cache
def uninterrupted(kind: str, folder: Path) -> tuple[Any, ...]:
    folder.mkdir()
    loop = make(kind, folder, 0, Silent())
    loop.run()
    return *outcome(loop), loop.position.step


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, ...]]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    return lambda kind: uninterrupted(kind, folder / kind)


STOPS = [(kill, step) for step in (1, 3, STEPS, STEPS + 1, 3 * STEPS - 1)]
STOPS += [(interrupt, step) for step in (2, STEPS - 1, STEPS, 2 * STEPS)]


@pytest.mark.parametrize(("stop", "step"), STOPS)
@pytest.mark.parametrize("kind", KINDS)
def test_resumed_equals_uninterrupted(tmp_path, reference, kind, step, stop):
    wanted, history, last = reference(kind)
    if step >= last:
        step = last - 1
    with pytest.raises((Killed, Interrupted)) as error:
        make(kind, tmp_path, 0, after(step, stop)).run()
    if stop is interrupt:
        assert str(error.value) == f"interrupted and saved; continue with: elman resume {tmp_path}"
    again = make(kind, tmp_path, 99, Silent())  # another seed: all that matters comes from the folder
    again.run(resume=True)
    found, lines = outcome(again)
    assert same_bits(found, wanted)
    assert lines == history
    assert again.position.step == last


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (1, "no step was saved, so training begins again; it writes a checkpoint every 3600 seconds"),
        (STEPS, f"training continues after step {STEPS}, in epoch 2 of 3"),
        (STEPS + 1, f"training continues after step {STEPS + 1}, in epoch 2 of 3"),
    ],
)
def test_where_it_goes_on_is_told(tmp_path, step, told, caplog):
    caplog.set_level("INFO", "elman")
    stop = kill if "again" in told else interrupt
    with pytest.raises((Killed, Interrupted)):
        make("adamw", tmp_path, 0, after(step, stop), every=3600).run()
    make("adamw", tmp_path, 99, Silent(), every=3600).run(resume=True)
    assert caplog.messages == [f"{tmp_path / 'checkpoint.safetensors'}: {told}"]


def test_patience_ends_the_reference_early(reference):
    _, history, last = reference("patience")
    losses = [line["loss"] for line in history if line["kind"] == "validation"]
    assert last == 3 * STEPS
    assert min(losses) == losses[0]


def test_all_since_the_last_checkpoint_is_done_again(tmp_path, reference):
    with pytest.raises(Killed):
        make("patience", tmp_path, 0, after(2 * STEPS + 2, kill), every=3600).run()
    assert (tmp_path / "model.safetensors").exists()
    assert len((tmp_path / "history.jsonl").read_bytes().splitlines()) == 2 * STEPS + 3
    loop = make("patience", tmp_path, 99, Silent())
    loop.run(resume=True)
    assert same_bits(outcome(loop)[0], reference("patience")[0])
    assert outcome(loop)[1] == reference("patience")[1]


def test_stopped_again_and_again(tmp_path, reference):
    wanted, history, last = reference("adamw")
    with pytest.raises(Killed):
        make("adamw", tmp_path, 0, after(2, kill)).run()
    for number in range(last - 2):
        with pytest.raises(Interrupted):
            make("adamw", tmp_path, number, after(1, interrupt)).run(resume=True)
    loop = make("adamw", tmp_path, 99, Silent())
    loop.run(resume=True)
    assert same_bits(outcome(loop)[0], wanted)
    assert outcome(loop)[1] == history


def test_a_finished_run_resumes_to_itself(tmp_path, reference):
    make("adamw", tmp_path, 0, Silent()).run()
    loop = make("adamw", tmp_path, 99, after(1, kill))
    loop.run(resume=True)  # takes no step
    assert same_bits(outcome(loop)[0], reference("adamw")[0])


def test_the_seconds_of_all_sittings_add_up(tmp_path):
    with pytest.raises(Interrupted):
        make("adamw", tmp_path, 0, after(STEPS, interrupt)).run()
    loop = make("adamw", tmp_path, 0, Silent())
    loop.run(resume=True)
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert seconds == sorted(seconds)
    assert seconds[-1] > seconds[0]


def test_without_a_folder_an_interruption_says_that_nothing_was_saved():
    loop = Loop(regressor(), examples(), None, TrainingOptions(), progress=after(1, interrupt))
    with pytest.raises(Interrupted, match="nothing was saved, as there is no run folder"):
        loop.run()


def test_a_second_interruption_is_not_waited_for(tmp_path):
    def twice() -> None:
        interrupt()
        interrupt()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as error:
        make("adamw", tmp_path, 0, after(3, twice)).run()
    assert not isinstance(error.value, Interrupted)
    assert signal.getsignal(signal.SIGINT) is before
