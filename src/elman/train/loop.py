"""The training loop: short, resumable bit for bit, the same for every task.

It implements truncated backpropagation through time: a state that the model returns is detached and passed
in with the next batch, so memory does not grow with the length of the sequence.
"""

import math
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from elman.batch import Batch, Batches, to_device
from elman.compiler import settle
from elman.diagnose.blowup import explain
from elman.draws import Draws, TorchsDraws
from elman.errors import InputError, Interrupted, TrainingStopped
from elman.models.predict import predict
from elman.notice import notice
from elman.state import State, detach
from elman.train.average import Average
from elman.train.checkpoint import (
    Position,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from elman.train.files import CHECKPOINT, HISTORY, WEIGHTS
from elman.train.history import History, format_number
from elman.train.optimize import (
    clip_gradients,
    copy_parameters,
    learning_rate,
    make_optimizer,
    set_rates,
    update_ratios,
)
from elman.train.options import TrainingOptions
from elman.train.progress import Progress, Silent
from elman.train.signals import handling
from elman.train.watch import Watch

_LARGEST_EXPONENT = 700.0  # its exponential is still a finite float
_LEAST_COUNT = 1e-9  # targets; makes the mean over no target 0
_OF_THE_LOSS = 0.1  # errors per target that a nat counts as
_SPAN = 2  # epochs of an exponential moving average


class Mean(NamedTuple):
    """The loss over a whole part of the data."""

    sum: float
    count: float  # type: ignore[assignment]  # hides tuple.count, which nobody calls

    @property
    def mean(self) -> float:
        """The mean per target; NaN without targets."""
        return self.sum / self.count if self.count else math.nan


@dataclass(frozen=True)
class LossUnit:
    """The figure that shows a loss to people.

    Attributes:
        name: name of the figure, such as "bits/char".
        scale: factor on the mean loss.
        unit: unit that the data are counted in, such as "characters".
        is_exponential: whether the figure is the exponential of the mean loss.
    """

    name: str = "loss"
    scale: float = 1.0
    unit: str = "examples"
    is_exponential: bool = False

    @property
    def is_loss(self) -> bool:
        """Whether the figure is the mean loss itself."""
        return self.scale == 1 and not self.is_exponential

    def __call__(self, loss: float) -> float:
        """Returns the figure for a mean loss."""
        return math.exp(min(loss, _LARGEST_EXPONENT)) if self.is_exponential else loss * self.scale

    def shown(self, loss: float) -> str:
        """Formats the figure for a mean loss."""
        return format_number(self(loss))


def evaluate(model: nn.Module, batches: Batches) -> Mean:
    """Computes the loss over all batches of epoch 0, with the state carried from one to the next."""
    state: State | None = None

    def loss_of(batch: Batch) -> Mean:
        nonlocal state
        loss, state = model(batch, state)
        return Mean(loss.sum.item(), float(loss.count))

    total, count = 0.0, 0.0
    for loss in predict(model, batches.epoch(0), loss_of):
        total, count = total + loss.sum, count + loss.count
    return Mean(total, count)


class Loop:
    """Trains a model whose ``forward(batch, state)`` returns (Loss, state).

    Args:
        model: trained in place; it ends with the best weights by validation, or the last ones without it.
        batches: the training part.
        validation: the validation part, evaluated after every epoch; or None.
        options: training options.
        folder: the run folder for history, best weights and checkpoints; None: nothing is written.
        loss_unit: the figure that shows the loss.
        progress: shows the progress.
        draws: the run's random numbers; None: torch's own, which the program seeds.
        check: called before each write to the folder; raises TrainingStopped if it is no longer this run's.
        prefix: what the names of its files in the folder begin with, if another loop writes there too.
        judge: returns the errors per target on the validation part, where a lower loss does not mean fewer of
            them: the best weights then have the lowest sum of these and a tenth of the loss, which decides
            where errors are few. None: the loss alone chooses.

    Raises:
        InputError: this machine does not have the device.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Batches,
        validation: Batches | None,
        options: TrainingOptions,
        folder: Path | None = None,
        loss_unit: LossUnit | None = None,
        progress: Progress | None = None,
        draws: Draws | None = None,
        check: Callable[[], None] = lambda: None,
        prefix: str = "",
        judge: Callable[[], float] | None = None,
    ) -> None:
        from lightning_fabric import Fabric  # here, because the import takes as long as torch's

        self.options, self.folder, self._prefix = options, folder, prefix
        self.batches, self.validation = batches, validation
        self.loss_unit, self.progress = loss_unit or LossUnit(), progress or Silent()
        self.check, self._judge = check, judge
        self._draws = TorchsDraws() if draws is None else draws
        try:
            self._fabric = Fabric(accelerator=options.device, devices=1)
        except (RuntimeError, ValueError):
            raise InputError(f"--device {options.device}: this machine does not have this device") from None
        self._model = model.to(self._fabric.device)
        self._optimizer = make_optimizer(self._model, options)
        self.total_steps = options.epochs * batches.steps
        self._log_every = max(1, min(50, self.total_steps // 200))
        self.position = Position()
        self.history = History(None)
        self._state: State | None = None
        self._best: dict[str, Tensor] | None = None
        averages = options.average != "none" and validation is not None
        self._average = Average(self._model, options.average, _SPAN * batches.steps) if averages else None
        self._began = self._saved = 0.0
        self._rate_began, self._rate_units = 0.0, 0.0

    def run(self, resume: bool = False) -> None:
        """Trains until the epochs, the minutes or the patience run out, or the loss reaches ``stop_at``.

        Args:
            resume: continues from the run folder's checkpoint.

        Raises:
            TrainingStopped: a loss or gradient is not finite; the last checkpoint is kept.
            Interrupted: Ctrl-C was pressed; the step was finished and everything saved.
        """
        engine = _engine(self._model) if self._fabric.device.type == "cpu" else ""
        if resume and self.folder is not None:
            self._state, self.position = load_checkpoint(
                self._file(CHECKPOINT), self._model, self._optimizer, self._draws, self._average
            )
            if math.isfinite(self.position.best_loss):
                self._best = load_weights(self._file(WEIGHTS), self._model)
            notice(f"{self._file(CHECKPOINT)}: {self._where()}")
            if self.position.engine != engine:
                notice(
                    f"the run began with {self.position.engine or 'other kernels'} and goes on with "
                    f"{engine or 'other kernels'}: the last digits of its results may differ"
                )
        self.position.engine = engine
        path = None if self.folder is None else self._file(HISTORY)
        self.history = History(path, self.position.history_bytes, self.check)
        self._began = time.monotonic() - self.position.seconds
        self._saved = self._rate_began = time.monotonic()
        self._model.train()
        with _interruption() as interrupted, self.progress:
            self._watch = Watch(self._model, self.options, self.history, self.progress)
            if self.folder is not None and not resume:
                self._checkpoint()
            while not self.position.finished:
                epoch, done = divmod(self.position.step, self.batches.steps)
                if done == 0:
                    self._state = None
                for batch in self.batches.epoch(epoch, done):
                    with self._draws.running(self._model):
                        self._one_step(batch)
                        if self._is_over() or self.position.step % self.batches.steps == 0:
                            self._end_epoch()
                    self._maybe_save(interrupted)
                    if self.position.finished:
                        break
        if self._best is not None:
            self._model.load_state_dict(self._best)
        elif self.folder is not None:
            save_weights(self._model, self._file(WEIGHTS), self.check)

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / (self._prefix + name)

    def _where(self) -> str:
        """Returns in words where a resumed training goes on."""
        step, saved = self.position.step, f"a checkpoint every {self.options.checkpoint_seconds:g} seconds"
        if self.position.finished:
            return f"all {step:,} steps are done"
        if step == 0:
            return f"no step was saved, so training begins again; it writes {saved}"
        epoch = min(step // self.batches.steps + 1, self.options.epochs)
        return f"training continues after step {step:,}, in epoch {epoch} of {self.options.epochs}"

    @property
    def _share(self) -> float:
        """The completed share of the run, by steps or by minutes, whichever is larger; at most 1."""
        share = self.position.step / self.total_steps
        if self.options.max_minutes is not None:
            share = max(share, (time.monotonic() - self._began) / (60 * self.options.max_minutes))
        return min(share, 1.0)

    def _autocast(self) -> AbstractContextManager[None]:
        """Returns the precision context of forward passes; Fabric's own rejects frozen batches."""
        is_mixed = self.options.precision == "bfloat16"
        return torch.autocast(self._fabric.device.type, torch.bfloat16, enabled=is_mixed)

    def _is_over(self) -> bool:
        return self._share >= 1

    def _one_step(self, batch: Batch) -> None:
        """Runs forward, backward, clipping and update; writes the log line and updates the bar."""
        rate = learning_rate(self.options, self.position.step, self._share)
        set_rates(self._optimizer, rate, self.position.step // self.batches.steps)
        batch = to_device(batch, self._fabric.device)
        before = self._state
        self._look(batch, before)
        with self._autocast():
            loss, after = self._model(batch, before)
        # clamp: a chunk in which every token starts a document has no target
        self._fabric.backward(loss.sum / loss.count.clamp(min=_LEAST_COUNT))
        norm = clip_gradients(self._model, self.options)
        value, count = float(loss.sum.detach()), float(loss.count)
        if not (math.isfinite(value) and math.isfinite(norm)):
            self._stop(batch, before, value)
        is_logged = (self.position.step + 1) % self._log_every == 0
        old = copy_parameters(self._model) if is_logged and self.options.watch_gradients else None
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self._average is not None:
            self._average.update()
        self._state = None if after is None else detach(after)
        clipped = float(self.options.clip == "norm" and norm > self.options.clip_at)
        position = self.position
        position.step += 1
        additions = (value, count, norm, clipped, 1.0)
        position.sums = tuple(a + b for a, b in zip(position.sums, additions, strict=True))
        self._rate_units += count
        self._show(value / max(count, _LEAST_COUNT), norm)
        if is_logged:
            self._log(rate, {} if old is None else {"updates": update_ratios(self._model, old)})

    def _look(self, batch: Batch, state: State | None) -> None:
        """Measures how far back the gradient reaches, if a measurement is due."""
        paused = time.monotonic()
        line = self._watch.look(self.position.step, batch, state)
        if line is not None:
            self._append(kind="gradients", **line)
            self._rate_began += time.monotonic() - paused  # excluded from the rate, like validation

    def _stop(self, batch: Batch, state: State | None, value: float) -> None:
        """Stops a run whose loss or gradient is not finite."""
        what = "loss" if not math.isfinite(value) else "gradient"
        reason = explain(self._model, batch, state)
        kept = "" if self.folder is None else f"; the last checkpoint is kept in {self.folder}"
        raise TrainingStopped(f"step {self.position.step + 1}: the {what} is not finite: {reason}{kept}")

    def _show(self, mean: float, norm: float) -> None:
        self._shown = share = max(self._share, 1e-9)
        elapsed = time.monotonic() - self._rate_began
        seconds = time.monotonic() - self._began
        self._facts = {
            "epoch": f"{(self.position.step - 1) // self.batches.steps + 1}/{self.options.epochs}",
            **({} if self.loss_unit.is_loss else {"loss": format_number(mean)}),
            self.loss_unit.name: self.loss_unit.shown(mean),
            "grad norm": f"{norm:.2f}",
            **self._watch.facts,
            # last, because a narrow terminal cuts the end
            f"{self.loss_unit.unit}/s": f"{self._rate_units / max(elapsed, 1e-9):,.0f}",
        }
        self.progress.update(share, seconds / share - seconds, self._facts)

    def _log(self, rate: float, more: dict[str, Any]) -> None:
        total, count, norms, clipped, steps = self.position.sums
        self._append(
            kind="train",
            loss=total / max(count, _LEAST_COUNT),
            grad_norm=norms / steps,
            clipped=clipped / steps,
            learning_rate=rate,
            **more,
        )
        self.position.sums = (0.0,) * len(self.position.sums)

    def _append(self, **values: Any) -> None:
        position = self.position
        epoch = max(position.step - 1, 0) // self.batches.steps + 1
        seconds = round(time.monotonic() - self._began, 3)
        self.history.append({**values, "step": position.step, "epoch": epoch, "seconds": seconds})
        position.history_bytes = self.history.bytes

    def _end_epoch(self) -> None:
        """Validates, keeps the best weights, decides whether to continue."""
        position, over = self.position, self._is_over()
        reached = False
        if self.validation is not None:
            paused = time.monotonic()
            best = position.best_loss
            loss, figure = self._validate()
            more: dict[str, float] = {}
            if self._average is not None:
                if figure >= best:
                    self._average.start()
                if self._average.has_started:
                    with self._average.in_place():
                        of_mean, figure_of_mean = self._validate()
                    more, loss = {"last": loss, "average": of_mean}, min(loss, of_mean)
                    figure = min(figure, figure_of_mean)
            if self._judge is not None:
                more["judged"] = figure
            position.bad_epochs = 0 if position.best_loss < best else position.bad_epochs + 1
            reached = self.options.stop_at is not None and loss <= self.options.stop_at
            self._rate_began += time.monotonic() - paused  # the rate excludes validation
            self._append(kind="validation", loss=loss, **more)
            self.progress.say(
                f"epoch {(position.step - 1) // self.batches.steps + 1}: validation "
                f"{self.loss_unit.name} {self.loss_unit.shown(loss)}" + self._best_so_far()
            )
        patience = self.options.patience
        position.finished = over or reached or bool(patience and position.bad_epochs >= patience)
        if position.finished and self._shown < 1:  # by patience or --stop-at, long before all steps
            self.progress.update(1.0, 0.0, self._facts)

    def _best_so_far(self) -> str:
        """Returns what a line about the validation ends with, if its weights are not the best."""
        if self.position.bad_epochs == 0:
            return ""
        if self._judge is not None:
            return f"  (best {self.position.bad_epochs} before)"
        return f"  (best {self.loss_unit.shown(self.position.best_loss)})"

    def _validate(self) -> tuple[float, float]:
        """Returns the validation loss of the model's weights and the figure that judges them.

        Weights that are the best so far are kept.
        """
        assert self.validation is not None
        with self._autocast():
            loss = evaluate(self._model, self.validation).mean
            figure = loss if self._judge is None else self._judge() + _OF_THE_LOSS * loss
        if figure < self.position.best_loss:
            self.position.best_loss = figure
            self._best = {key: value.detach().clone() for key, value in self._model.state_dict().items()}
            if self.folder is not None:
                save_weights(self._model, self._file(WEIGHTS), self.check)
        return loss, figure

    def _maybe_save(self, signals: list[int]) -> None:
        interrupted = bool(signals)
        if self.folder is None:
            if interrupted:
                raise Interrupted("interrupted; nothing was saved, as there is no run folder", signals[0])
            return
        due = time.monotonic() - self._saved >= self.options.checkpoint_seconds
        if due or interrupted or self.position.finished:
            self._checkpoint()
        if interrupted and not self.position.finished:
            run = shlex.quote(str(self.folder))
            raise Interrupted(f"interrupted and saved; continue with: elman resume {run}", signals[0])

    def _checkpoint(self) -> None:
        assert self.folder is not None
        self._saved = time.monotonic()
        position = replace(self.position, seconds=self._saved - self._began)
        path = self._file(CHECKPOINT)
        save_checkpoint(
            path,
            self._model,
            self._optimizer,
            self._state,
            position,
            self._draws,
            self.check,
            average=self._average,
        )


def _engine(model: nn.Module) -> str:
    """Builds the kernels that the model's cells lack, so that none joins later; returns how they run."""
    found = settle(model)
    for cell, reason in found.items():
        if reason is not None and not cell.__module__.startswith("elman."):
            notice(f"{cell.__name__} runs step by step: {reason}")
    return ", ".join(
        f"{cell.__name__} {'step by step' if why else 'compiled'}" for cell, why in found.items()
    )


@contextmanager
def _interruption() -> Iterator[list[int]]:
    """Yields a list that gets the number of the first signal to stop; a second one interrupts at once."""
    signals: list[int] = []

    def handle(number: int, frame: object) -> None:
        signals.append(number)
        if len(signals) > 1:
            raise KeyboardInterrupt if number == signal.SIGINT else Interrupted("interrupted", number)

    with handling(handle):
        yield signals
