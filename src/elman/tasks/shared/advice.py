"""What to try after a run: at most three options, from its curve, its sizes and the simple methods."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from elman.diagnose.remedies import Remedy, is_new
from elman.errors import spelled
from elman.tasks.shared.options import TaskConfig

MOST = 3
"""Most options that are suggested."""

_STILL = 0.002  # relative gain of the last tenth of the run from which it was still improving
_ROSE = 0.01  # relative rise of a loss that is no noise
_DIVERGED = 0.1  # relative rise above the first training loss
_LEVEL = 0.05  # relative distance of training and validation loss up to which the model is too small
_SOLVED = 0.02  # share of the first training loss
_FEW = 300  # steps of the optimizer
_LEAST_BATCH = 4
_LEAST_PIECES = 4  # of the training loss; fewer say nothing of its course
_MOST_DROPOUT = 0.6


class Curve(NamedTuple):
    """The losses of a run.

    Attributes:
        train: mean loss of each logged piece of the training.
        validation: validation loss after each epoch that was trained; empty without a validation part.
        judged: what the best of these epochs was chosen by: that loss, or errors (see ``Loop``).
        epochs: epochs that were requested.
        steps: steps of the optimizer.
    """

    train: list[float]
    validation: list[float]
    judged: list[float]
    epochs: int
    steps: int

    @classmethod
    def of(cls, history: Sequence[Mapping[str, Any]], epochs: int) -> "Curve":
        """Reads the lines of a run's history."""
        losses: dict[str, list[float]] = {"train": [], "validation": []}
        judged = []
        for line in history:
            if line["kind"] in losses and math.isfinite(line["loss"]):
                losses[line["kind"]].append(line["loss"])
                if line["kind"] == "validation":
                    judged.append(line.get("judged", line["loss"]))
        return cls(**losses, judged=judged, epochs=epochs, steps=history[-1]["step"] if history else 0)

    @property
    def best(self) -> int:
        """The best epoch, from 1."""
        return 1 + min(range(len(self.judged)), key=self.judged.__getitem__)

    @property
    def risen(self) -> float:
        """The relative rise from the best epoch to the last one."""
        lowest = min(self.judged)
        return (self.judged[-1] - lowest) / abs(lowest) if lowest else 0.0

    @property
    def is_improving(self) -> bool:
        """Whether the validation loss, or errors, were still falling when the run ended.

        A falling learning rate flattens every curve, so that little is left of a fall at the end.
        """
        if not self.validation or self.best < len(self.validation):
            return False
        if len(self.validation) == 1:
            return True
        back = max(1, round(len(self.validation) / 10))
        before, last = self.judged[-1 - back], self.judged[-1]
        return before - last > _STILL * abs(before)

    @property
    def name(self) -> str:
        """What the epochs were judged by."""
        return "loss" if self.judged == self.validation else "error"

    @property
    def is_solved(self) -> bool:
        """Whether next to nothing of the first loss is left, so that there is nothing to try."""
        return bool(self.train) and min(self.validation) < _SOLVED * self.train[0]

    @property
    def has_diverged(self) -> bool:
        """Whether both losses ended above the beginning of the training."""
        if len(self.train) < _LEAST_PIECES:
            return False
        first, piece = self.train[0], max(1, len(self.train) // 10)
        last = min([mean(self.train[-piece:]), *self.validation[-1:]])
        return last > first + _DIVERGED * abs(first)


def what_to_try(
    config: TaskConfig, history: Sequence[Mapping[str, Any]], of_the_task: Iterable[Remedy] = ()
) -> list[Remedy]:
    """Returns at most three remedies for a run, the likeliest to help first.

    Args:
        config: the run's options; what is set already, or what the task lacks, is not suggested.
        history: the run's history.
        of_the_task: what the task proposes, for example since a simple method was ahead.
    """
    curve = Curve.of(history, config.epochs)
    proposed = sorted((*_of_the_curve(config, curve), *of_the_task), key=lambda each: not each.of_the_data)
    chosen: dict[str, Remedy] = {}
    for remedy in proposed:
        if remedy.flags not in chosen and is_new(config, remedy.options):
            chosen[remedy.flags] = remedy
    return list(islice(chosen.values(), MOST))


def advice_lines(results: Mapping[str, Any]) -> list[str]:
    """Returns the remedies in a run's results as lines of its report; none if there are none.

    They name options as errors do: by flags on the command line, by their own names in Python.
    """
    remedies = results.get("what_to_try", ())
    return (
        ["", "what to try:", *(spelled(f"  {each['flags']}: {each['why']}") for each in remedies)]
        if remedies
        else []
    )


def _of_the_curve(config: TaskConfig, curve: Curve) -> Iterator[Remedy]:
    if curve.has_diverged:
        rate = float(f"{config.learning_rate / 4:.2g}")
        yield Remedy(
            {"learning_rate": rate}, "the training loss rose: the steps were too long for this model"
        )
        return
    if curve.is_improving:
        yield _longer(config, curve)
    if curve.steps < _FEW and config.batch_size > _LEAST_BATCH:
        size = max(_LEAST_BATCH, config.batch_size // 4)
        yield Remedy(
            {"batch_size": size},
            f"the weights were changed {_times(curve.steps)}; smaller batches change them more often",
        )
    if not curve.validation or curve.is_solved:
        return
    if curve.best < len(curve.validation) and curve.risen > _ROSE:
        yield from _stronger(config, curve)
    elif not curve.is_improving and not config.varies and _is_level(curve):
        why = "the training loss is not below the validation loss"
        if config.dropout:  # which raises the training loss
            yield Remedy({"dropout": round(config.dropout / 2, 2)}, f"{why}: regularise less")
        yield Remedy({"hidden_size": 2 * config.hidden_size}, f"{why}: a larger model can learn more")


def _longer(config: TaskConfig, curve: Curve) -> Remedy:
    why = f"the validation {curve.name} was still falling when the run ended"
    if config.max_minutes is not None and len(curve.validation) < curve.epochs:
        return Remedy({"max_minutes": 2 * config.max_minutes}, why)
    enough = math.ceil(_FEW / max(1, curve.steps))  # after a few steps, twice as many are few as well
    return Remedy({"epochs": max(2, enough) * config.epochs}, why)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _stronger(config: TaskConfig, curve: Curve) -> Iterator[Remedy]:
    """Proposes regularisation for a run that overfitted."""
    why = (
        f"the validation {curve.name} was lowest after epoch {curve.best} of {len(curve.validation)} "
        f"and then rose by {curve.risen:.0%}"
    )
    if config.dropout < _MOST_DROPOUT:
        yield Remedy(
            {"dropout": round(min(_MOST_DROPOUT, config.dropout + 0.2), 2)}, f"{why}: regularise more"
        )
    yield Remedy(
        {"hidden_size": max(2, config.hidden_size // 4 * 2)}, f"{why}: a smaller model learns less by heart"
    )


def _is_level(curve: Curve) -> bool:
    """Whether the last training loss is not below the last validation loss by more than the tolerance."""
    if not curve.train:
        return False
    piece = max(1, len(curve.train) // 10)
    train, validation = mean(curve.train[-piece:]), curve.validation[-1]
    return train > validation - _LEVEL * abs(validation)


def mean(values: Sequence[float]) -> float:
    """Returns the mean of at least one value."""
    return sum(values) / len(values)
