"""The parts that the laboratory's problems share: they draw their own sequences, new ones in every epoch."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from elman.batch import Batch, Field
from elman.data.batches.drawn import Drawn
from elman.data.problems.base import Problem
from elman.errors import InputError
from elman.heads.categorical import Categorical
from elman.heads.squared_error import SquaredError
from elman.models.framewise import Framewise
from elman.models.pooled import Pooled
from elman.models.predict import predict
from elman.registry import find
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.laboratory_options import LaboratoryConfig
from elman.tasks.shared.table import behind_lines, shorten, table_lines
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit, Mean

_TRAINING, _VALIDATION, _TEST, _TRIED = range(4)  # part numbers, which enter the seed
_WIDEST = 72  # characters in an example's line


@dataclass(frozen=True)
class NoFacts(TaskFacts):
    """The facts of drawn sequences, of which there are none to learn."""


class DrawnData(TaskData):
    """Sequences drawn from a seed."""

    config: LaboratoryConfig

    @classmethod
    def read(cls, config: LaboratoryConfig, paths: list[Path], folder: Path | None) -> Self:
        """Checks that no files are named; there is nothing to read."""
        check_no_files(config, paths)
        return cls(config, NoFacts())

    @classmethod
    def reopen(cls, config: LaboratoryConfig, facts: NoFacts, folder: Path) -> Self:
        """Draws the same sequences again from the seed."""
        return cls(config, facts)

    @property
    def amounts(self) -> dict[str, int]:
        """Sequences of an epoch."""
        return {"drawn sequence": self.config.sequences}

    def parts(self) -> Parts:
        """Returns batches that are drawn as they are needed."""
        config = self.config
        problem = problem_of(config)
        return Parts(
            drawn(config, problem, config.sequences, _TRAINING),
            drawn(config, problem, config.held_out, _VALIDATION),
            drawn(config, problem, config.held_out, _TEST),
        )


def problem_of(config: LaboratoryConfig, length: int | None = None) -> Problem:
    """Returns the problem that the options name, at their length or at another."""
    cls = find("data/problems", config.problem, Problem)  # type: ignore[type-abstract]
    options = {f.name: getattr(config, f.name) for f in fields(cls)}
    return cls(**options if length is None else options | {"length": length})


def drawn(config: LaboratoryConfig, problem: Problem, sequences: int, part: int, seed: int = 0) -> Drawn:
    """Returns the sequences of a part, drawn from the run's seed and another."""
    return Drawn(problem, sequences, config.batch_size, [config.seed, part, seed])


def check_no_files(config: LaboratoryConfig, paths: list[Path]) -> None:
    """Raises InputError if ``paths`` names any file."""
    if paths:
        name = config.task_name()
        raise InputError(f"{name} draws its own sequences and reads no files. Got {paths[0]}.")


class ProblemAnswers(TaskAnswers):
    """Figures of a model on a problem's sequences, and examples with the model's answers."""

    config: LaboratoryConfig
    model: Framewise | Pooled

    def batches(self, paths: list[Path]) -> Drawn:
        """Returns the test part, since there are no files."""
        check_no_files(self.config, paths)
        return drawn(self.config, problem_of(self.config), self.config.held_out, _TEST)

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on the test part again."""
        return self.figures(problem_of(self.config), self.batches(paths))

    def figures(self, problem: Problem, batches: Drawn) -> dict[str, Any]:
        """Returns loss and scores, averaged over all sequences."""

        def measured(batch: Batch) -> tuple[float, float, int, dict[str, float]]:
            loss, _ = self.model(batch, None)
            scores = problem.score(batch.targets.values, self.predict(batch.inputs))
            return loss.sum.item(), float(loss.count), batch.inputs.values.shape[1], scores

        sums: dict[str, float] = {}
        total, count, sequences = 0.0, 0.0, 0
        for own_sum, own_count, number, scores in predict(self.model, batches.epoch(), measured):
            total, count, sequences = total + own_sum, count + own_count, sequences + number
            for name, value in scores.items():
                sums[name] = sums.get(name, 0.0) + number * value
        means = {name: value / sequences for name, value in sums.items()}
        return {problem.loss_name: Mean(total, count).mean, **means, "sequences": sequences}

    def examples(self, problem: Problem, batches: Drawn, most: int) -> list[dict[str, str]]:
        """Returns the first sequences with their targets and the model's answers."""

        def shown(batch: Batch) -> list[dict[str, str]]:
            answers = self.predict(batch.inputs)
            rows = range(min(most, answers.shape[1 if problem.classes else 0]))
            return [problem.show(batch, answers, row) for row in rows]

        examples: list[dict[str, str]] = []
        for some in predict(self.model, batches.epoch() if most else (), shown):
            examples += some
            if len(examples) >= most:
                break
        return examples[:most]

    def predict(self, inputs: Field) -> Tensor:
        """Returns the model's answers in the shape of the targets."""
        model = self.model
        with torch.inference_mode():
            return model.predict(inputs) if isinstance(model, Pooled) else model.predict(inputs.values)[0]

    def trial(self, length: int | None, sequences: int, show: int, seed: int) -> dict[str, Any]:
        """Measures the model on new sequences; see ``Laboratory.try_on``."""
        problem = problem_of(self.config, length)
        batches = drawn(self.config, problem, sequences, _TRIED, seed)
        return {
            "length": problem.length,
            "figures": self.figures(problem, batches),
            "baselines": problem.baselines(),
            "examples": self.examples(problem, batches, show),
        }

    def trial_text(self, trial: dict[str, Any]) -> str:
        """Returns a trial as readable lines."""
        text = "\n".join(_table(trial["figures"], trial["baselines"], trial["length"])) + "\n"
        for example in trial["examples"]:
            width = max(map(len, example))
            lines = (f"{name:<{width}}  {shorten(value, _WIDEST)}\n" for name, value in example.items())
            text += "\n" + "".join(lines)
        return text

    def measure(self, data: DrawnData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Returns the figures on new sequences, and the expected figures of simple methods."""
        problem = problem_of(self.config)
        assert isinstance(parts.test, Drawn)
        return {"test": self.figures(problem, parts.test), "baselines": problem.baselines()}

    def excerpt(self, batches: Drawn) -> Excerpt:
        """Returns the first batch, with the problem's names of its features."""
        problem = problem_of(self.config)
        return Excerpt(next(iter(batches.epoch())), features=problem.names, needed=problem.reach)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures as a table, with those of simple methods."""
        return "\n".join(_table(results["test"], results["baselines"], self.config.length))


class Laboratory(Task):
    """A problem that draws its own sequences: ``train()`` needs no data.

    Recurrent layer → softmax at every step, or a linear output at the end.
    """

    Facts = NoFacts
    Data = DrawnData
    Answers = ProblemAnswers

    model: Framewise | Pooled

    def build(self) -> Framewise | Pooled:
        """Returns the model: recurrent layer and head."""
        problem = problem_of(self.config)
        layer = self.layer(problem.features)
        if problem.classes is None:
            return Pooled(layer, SquaredError(layer.output_size, 1), self.config.dropout)
        return Framewise(layer, Categorical(layer.output_size, problem.classes), self.config.dropout)

    def loss_unit(self) -> LossUnit:
        """Shows the loss in the problem's unit."""
        problem = problem_of(self.config)
        unit = "sequences" if problem.classes is None else "steps"
        return LossUnit(problem.loss_name.replace("_", " "), 1.0, unit)

    def try_on(
        self, length: int | None = None, sequences: int = 1000, show: int = 3, seed: int = 0
    ) -> dict[str, Any]:
        """Measures the model on new sequences and shows some with its answers.

        Args:
            length: steps of a sequence; None: as in training.
            sequences: number of sequences to draw.
            show: number of sequences to show.
            seed: seed of the sequences.

        Raises:
            InputError: a number is out of its range, or the task is not fitted.
        """
        trial: dict[str, Any] = self.answers.trial(length, sequences, show, seed)
        return trial


def _table(figures: dict[str, Any], baselines: dict[str, Any], length: int) -> list[str]:
    """Returns a table of the figures of all methods; those of simple methods are expected values."""
    keys = [key for key in figures if key != "sequences"]
    rows = {
        name: [f"{row[key]:.4g}" for key in keys]
        for name, row in {**baselines, "this model": figures}.items()
    }
    title = f"on {figures['sequences']:,} new sequences of length {length:,}"
    heads = {key: key.replace("_", " ") for key in keys}
    loss, scores = {keys[0]: heads[keys[0]]}, {key: heads[key] for key in keys[1:]}
    return [
        *table_lines(title, [f"{head:>8}" for head in heads.values()], rows),
        *behind_lines(figures, baselines, loss, higher_is_better=False),
        *behind_lines(figures, baselines, scores, higher_is_better=True),
    ]
