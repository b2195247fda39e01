"""What every task promises of its training: honest, reproducible, resumable."""

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from elman.errors import InputError, Interrupted
from elman.layers import Recurrent
from elman.tasks.shared.run_folder import resume
from elman.tasks.shared.task import Task
from elman.testing.suite import Check, ensure, equal, refused, seeded
from elman.testing.task_case import (
    VERDICTS,
    TaskCase,
    contents,
    folder_for_now,
    history_of,
    run_of,
    same_bits,
    weights,
)
from elman.train.history import read_history
from elman.train.progress import Silent


@seeded
def check_nothing_that_is_fitted_sees_the_test_part(case: TaskCase) -> None:
    """With another test part weights, facts and history are the same, and only the test figures differ."""
    if case.other_test is None:
        return
    run = run_of(case)
    first = next(iter(case.files))
    content = case.other_test(case.files[first], dict(case.options))
    with folder_for_now() as folder:
        other = case.train(folder, first=content)
        different = (folder / first).read_bytes() != (run.folder.parent / first).read_bytes()
        ensure(different, "other_test must change the file")
        ensure(same_bits(weights(other.model), weights(run.task.model)), "the weights must not change")
        equal(other.facts, run.task.facts, "the facts")
        equal(history_of(folder / "run"), history_of(run.folder), "the history")
        for figures in ("test", "baselines"):
            ensure(other.results[figures] != run.task.results[figures], f"{figures} must change")


@seeded
def check_the_seed_decides_the_weights(case: TaskCase) -> None:
    """The same seed gives the same weights bit for bit, another one others, from the first step on."""
    run = run_of(case)
    seed = run.task.config.seed
    with folder_for_now() as folder:
        torch.manual_seed(seed + 100)  # whatever was drawn before does not matter
        again = case.train(folder, None).model
        ensure(same_bits(weights(again), weights(run.task.model)), "the weights must be the same")
        a, b = (
            weights(case.train(folder, None, seed=each, epochs=1, learning_rate=1e-30).model)
            for each in (seed, seed + 1)
        )
        recurrent = _recurrent_weights(run.task.model)
        equal_ones = [name for name in recurrent if torch.allclose(a[name], b[name])]
        ensure(not equal_ones, f"first weights that the seed does not decide: {', '.join(equal_ones)}")
        ensure(not list(folder.rglob("config.json")), "trained in memory, it must not write a run folder")


@seeded
def check_threads_do_not_meet(case: TaskCase) -> None:
    """Trainings and answers in several threads at once are those of one, and the program's draws its own."""
    run = run_of(case)
    with folder_for_now() as folder, ThreadPoolExecutor(3) as pool:
        case.write(folder)
        answer = case.answer(run.task, folder)
        programs = _random_states()
        fits = [pool.submit(_fit, case, folder) for _ in range(2)]
        answers = [pool.submit(case.answer, run.task, folder) for _ in range(4)]
        for fit in fits:
            ensure(
                same_bits(weights(fit.result().model), weights(run.task.model)),
                "the weights must be the same",
            )
        for each in answers:
            equal(each.result(), answer, "the answer in a thread")
        equal(_random_states(), programs, "the random state of torch, NumPy and Python")


def _fit(case: TaskCase, folder: Path) -> Task:
    """Trains in memory, on files that are there."""
    return case.cls(**case.options).train(case.data(folder))


def _random_states() -> list[Any]:
    return [torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()]


@seeded
def check_resumed_equals_uninterrupted(case: TaskCase) -> None:
    """Interrupted halfway and resumed, a run ends with the same weights, history and figures, bit for bit."""
    run = run_of(case)
    halfway = max(1, run.task.results["steps"] // 2)
    with folder_for_now() as folder:
        task = case.cls(**case.options)
        try:
            with patch("elman.train.progress.make_progress", lambda: _InterruptAt(halfway)):
                task.train(run.data, folder / "run", show_progress=True)
        except Interrupted:
            pass
        else:
            raise AssertionError(f"the run did not end when it was interrupted at step {halfway}")
        resumed = resume(folder / "run")
        ensure(same_bits(weights(resumed.model), weights(run.task.model)), "the weights must be the same")
        equal(history_of(folder / "run"), history_of(run.folder), "the history")
        equal(resumed.results | {"seconds": 0}, run.task.results | {"seconds": 0}, "the results")


class _InterruptAt(Silent):
    """Ctrl-C after that step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@seeded
def check_a_finished_run_cannot_be_resumed(case: TaskCase) -> None:
    """Resuming a finished run is refused, and changes nothing."""
    run = run_of(case)
    before = contents(run.folder)
    with refused(InputError, "is finished; there is nothing to resume", "resuming a finished run"):
        resume(run.folder)
    equal(contents(run.folder), before, "the files of the run")


@seeded
def check_it_learns(case: TaskCase) -> None:
    """Trained for ten times as long, without dropout, its training loss falls."""
    with folder_for_now() as folder:
        epochs = 10 * case.cls(**case.options).config.epochs
        task = case.train(folder, None, **{"epochs": epochs, "dropout": 0.0, **case.to_learn})
        by_epoch: dict[int, list[float]] = {}
        for line in task.history:
            if line["kind"] == "train":
                by_epoch.setdefault(line["epoch"], []).append(line["loss"])
        first, last = (np.mean(by_epoch[epoch]) for epoch in (min(by_epoch), max(by_epoch)))
        ensure(last < first - 0.02 * abs(first), f"the training loss goes from {first:.4g} to {last:.4g}")


@seeded
def check_watched_it_trains_to_the_same_weights(case: TaskCase) -> None:
    """``watch_gradients`` records every layer's gradients in the history and changes no weight."""
    run = run_of(case)
    with folder_for_now() as folder:
        watched = case.train(folder, watch_gradients=2)
        lines = read_history(folder / "run" / "history.jsonl")
    ensure(same_bits(weights(watched.model), weights(run.task.model)), "the weights must not change")
    looks = [line for line in lines if line["kind"] == "gradients"]
    equal([line["step"] for line in looks], list(range(0, watched.results["steps"], 2)), "the steps recorded")
    layers = sum(
        module.num_layers * (2 if module.bidirectional else 1)
        for module in watched.model.modules()
        if isinstance(module, Recurrent)
    )
    for line in looks:
        equal(len(line["layers"]), layers, "the layers recorded")
        for layer in line["layers"]:
            norms = [norm for norm in layer["norms"] if norm is not None]
            ensure(layer["norms"][0] is not None and max(norms) > 0, f"norms must be known. Got {norms}.")
            ensure(layer["verdict"] in VERDICTS, f"the verdict must be one of {VERDICTS}. Got {layer}.")


def _recurrent_weights(model: nn.Module) -> list[str]:
    """Names of the first recurrent layers' weights that the cell says multiply input or state."""
    return [
        f"{name}.{weight}_l0" if name else f"{weight}_l0"
        for name, module in model.named_modules()
        if isinstance(module, Recurrent)
        for weight in (*module.cell.input_weights, *module.cell.recurrent_weights)
    ]


TRAINING_CHECKS: tuple[Check[TaskCase], ...] = (
    check_nothing_that_is_fitted_sees_the_test_part,
    check_the_seed_decides_the_weights,
    check_threads_do_not_meet,
    check_resumed_equals_uninterrupted,
    check_a_finished_run_cannot_be_resumed,
    check_it_learns,
    check_watched_it_trains_to_the_same_weights,
)
