"""What the problems of the laboratory share: they draw their own sequences, in every epoch others."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from elman.config import flag, require
from elman.errors import InputError
from elman.tasks.base import Parts, Paths, Sample, Task, TaskConfig, Verb, as_paths

if TYPE_CHECKING:
    from torch import Tensor

    from elman.batch import Field
    from elman.data.batches.drawn import Drawn
    from elman.data.problems.base import Problem
    from elman.models.framewise import Framewise
    from elman.models.pooled import Pooled
    from elman.train.loop import Reading

_TRAINING, _VALIDATION, _TEST, _TRIED = range(4)  # each part is drawn with a seed of its own
_WIDEST = 72  # characters of an example's line


@dataclass(frozen=True, kw_only=True)
class LaboratoryConfig(TaskConfig):
    """Options of a problem whose sequences are drawn."""

    hidden_size: int = 128
    """units of each layer"""
    length: int = 100
    """steps of a sequence"""
    sequences: int = 10000
    """sequences of an epoch, drawn anew in each"""
    held_out: int = 2000
    """sequences of the validation part, and as many of the test part"""

    def __post_init__(self) -> None:
        """Checks both numbers; the problem checks its own."""
        super().__post_init__()
        for name in ("sequences", "held_out"):
            require(flag(name), 1 <= getattr(self, name) <= 10**9, "an int in [1, 1e9]", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Try(Verb):
    """Measures the model on new sequences, longer ones if you like, and shows some with its answers."""

    length: int | None = None
    """steps of a sequence; none: as in training"""
    sequences: int = 1000
    """how many are drawn"""
    show: int = 3
    """how many of them are shown"""
    seed: int = 0
    """decides what is drawn"""

    example: ClassVar[str] = "elman try runs/memory --length 100"

    def text(self, task: "Laboratory") -> Iterator[str]:
        """The figures beside the simple methods', then the examples."""
        from elman.pictures.report import shorten

        found = self.json(task)
        yield "\n".join(_table(found["figures"], found["baselines"], found["length"])) + "\n"
        for shown in found["examples"]:
            width = max(map(len, shown))
            lines = (f"{name:<{width}}  {shorten(value, _WIDEST)}\n" for name, value in shown.items())
            yield "\n" + "".join(lines)

    def json(self, task: "Laboratory") -> dict[str, Any]:
        """Length, figures, the simple methods' and the examples."""
        for name, least in (("sequences", 1), ("show", 0), ("seed", 0)):
            value = getattr(self, name)
            require(flag(name), least <= value <= 10**9, f"an int in [{least}, 1e9]", value)
        problem = task.problem(task.config.length if self.length is None else self.length)
        drawn = task.drawn(problem, self.sequences, _TRIED, self.seed)
        return {
            "length": problem.length,
            "figures": task.figures(problem, drawn),
            "baselines": problem.baselines(),
            "examples": task.examples(problem, drawn, self.show),
        }


class Laboratory(Task):
    """A problem whose sequences are drawn: ``train()`` needs no data.

    Recurrent layer → softmax at every step, or a linear output at the end.
    """

    Config: ClassVar[type[LaboratoryConfig]]
    verb = Try
    makes_data = True

    model: "Framewise | Pooled"

    @abstractmethod
    def problem(self, length: int) -> "Problem":
        """The problem at a length."""

    def read(self, data: list[Path], folder: Path | None) -> None:
        """There is nothing to read."""
        self._check_data(data)

    def _check_data(self, data: list[Path]) -> None:
        if data:
            raise InputError(f"{self.name} draws its own sequences and reads no files. Got {data[0]}.")

    def reopen(self, folder: Path) -> None:
        """Nothing was left there: the seed gives the same sequences again."""

    def parts(self) -> Parts:
        """Batches to be drawn."""
        config = self.config
        problem = self.problem(config.length)
        return Parts(
            self.drawn(problem, config.sequences, _TRAINING),
            self.drawn(problem, config.held_out, _VALIDATION),
            self.drawn(problem, config.held_out, _TEST),
        )

    def drawn(self, problem: "Problem", sequences: int, part: int, seed: int = 0) -> "Drawn":
        """Sequences of a part, by the run's seed and another."""
        from elman.data.batches.drawn import Drawn

        return Drawn(problem, sequences, self.config.batch_size, [self.config.seed, part, seed])

    def build(self) -> "Framewise | Pooled":
        """Layer and head."""
        from elman.heads.categorical import Categorical
        from elman.heads.squared_error import SquaredError
        from elman.models.framewise import Framewise
        from elman.models.pooled import Pooled

        problem = self.problem(self.config.length)
        layer = self.layer(problem.features)
        if problem.classes is None:
            return Pooled(layer, SquaredError(layer.output_size, 1), self.config.dropout)
        return Framewise(layer, Categorical(layer.output_size, problem.classes), self.config.dropout)

    def reading(self) -> "Reading":
        """The loss, in the problem's unit."""
        from elman.train.loop import Reading

        problem = self.problem(self.config.length)
        unit = "sequences" if problem.classes is None else "steps"
        return Reading(problem.loss_name.replace("_", " "), 1.0, unit)

    def figures(self, problem: "Problem", batches: "Drawn") -> dict[str, Any]:
        """Loss and scores, means over all sequences."""
        import torch

        from elman.batch import to_device
        from elman.train.loop import Mean

        model = self._fitted()
        device = next(model.parameters()).device
        sums: dict[str, float] = {}
        total, count, sequences = 0.0, 0.0, 0
        for batch in batches.epoch():
            batch = to_device(batch, device)
            with torch.inference_mode():
                loss, _ = model(batch, None)
            total, count = total + loss.sum.item(), count + float(loss.count)
            number = batch.inputs.values.shape[1]
            sequences += number
            for name, value in problem.score(batch.targets.values, self.answers(batch.inputs)).items():
                sums[name] = sums.get(name, 0.0) + number * value
        means = {name: value / sequences for name, value in sums.items()}
        return {problem.loss_name: Mean(total, count).mean, **means, "sequences": sequences}

    def examples(self, problem: "Problem", batches: "Drawn", most: int) -> list[dict[str, str]]:
        """The first sequences, what is true of them, and the answers."""
        from elman.batch import to_device

        shown: list[dict[str, str]] = []
        device = next(self._fitted().parameters()).device
        for batch in batches.epoch():
            if len(shown) >= most:
                break
            batch = to_device(batch, device)
            answers = self.answers(batch.inputs)
            rows = range(min(most - len(shown), answers.shape[1 if problem.classes else 0]))
            shown += [problem.show(batch, answers, row) for row in rows]
        return shown

    def answers(self, inputs: "Field") -> "Tensor":
        """The model's answers, of the targets' shape."""
        import torch

        from elman.models.pooled import Pooled

        model = self.model
        with torch.inference_mode():
            return model.predict(inputs) if isinstance(model, Pooled) else model.predict(inputs.values)[0]

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Figures on new sequences, the simple methods' expected ones beside them."""
        problem: Any = self.problem(self.config.length)
        drawn: Any = parts.test
        return {"test": self.figures(problem, drawn), "baselines": problem.baselines()}

    def evaluate(self, data: Paths = ()) -> dict[str, Any]:
        """Figures on the test part again."""
        self._fitted()
        return self.figures(self.problem(self.config.length), self.other_batches(as_paths(data)))

    def other_batches(self, data: list[Path]) -> "Drawn":
        """The test part, as there are no files."""
        self._check_data(data)
        drawn: Any = self.parts().test
        return drawn

    def as_sample(self, batch: Any) -> Sample:
        """What is read, by the problem's names."""
        problem = self.problem(self.config.length)
        return Sample(batch, features=problem.names, needed=problem.reach)

    def report(self) -> str:
        """The figures beside the simple methods'."""
        return "\n".join(_table(self.results["test"], self.results["baselines"], self.config.length))


def _table(figures: dict[str, Any], baselines: dict[str, Any], length: int) -> list[str]:
    """Figures of all methods; the simple ones' are those to be expected."""
    from elman.pictures.report import table_lines

    keys = [key for key in figures if key != "sequences"]
    rows = {
        name: [f"{found[key]:.4g}" for key in keys]
        for name, found in {**baselines, "this model": figures}.items()
    }
    title = f"on {figures['sequences']:,} new sequences of length {length:,}"
    return table_lines(title, [f"{key.replace('_', ' '):>8}" for key in keys], rows)
