"""What a training starts from: the options and weights of a trained run, or vectors of words."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from elman.cells.named import is_file
from elman.config import flag, shown
from elman.data.tokens.cooccurrences import cooccurrence_vectors
from elman.data.tokens.vocab import TextVocabulary, Vocabulary
from elman.errors import InputError
from elman.tasks.shared.options import StartOptions, TaskConfig
from elman.tasks.shared.run_folder import load
from elman.tasks.shared.task import Task

C = TypeVar("C", bound=TaskConfig)


@dataclass(frozen=True)
class Source:
    """A trained run that another training starts from.

    Attributes:
        folder: the run folder.
        task: the trained task.
    """

    folder: Path
    task: Task

    @classmethod
    def of(cls, config: StartOptions, tasks: Collection[str]) -> Self | None:
        """Loads the run that ``--pretrained`` names; None if there is none.

        Args:
            config: the options.
            tasks: names of the tasks that fit.

        Raises:
            InputError: the folder is no trained run of one of these tasks.
        """
        folder = config.pretrained
        if folder is None:
            return None
        task: Task = load(folder, config.cell if is_file(config.cell) else None)
        if task.name not in tasks:
            raise InputError(
                f"--pretrained must be a run of {' or '.join(tasks)}. Got a run of {task.name}: {folder}."
            )
        return cls(folder, task)

    def options(self, names: Collection[str]) -> dict[str, Any]:
        """Returns options of the run, by name."""
        return {name: getattr(self.task.config, name) for name in names}

    def check(self, what: str, own: Any, of_the_run: Any) -> None:
        """Raises InputError, which names the run, unless a property of the data is that of the run's data."""
        if own != of_the_run:
            raise InputError(f"{what} must be {shown(of_the_run)}, as in {self.folder}. Got {shown(own)}.")

    def weights(self, rows: Mapping[str, np.ndarray] | None = None) -> dict[str, Tensor]:
        """Returns the run's parameters by their names in the state dict, without what is measured later.

        Args:
            rows: by the module of a weight, the row of the run's weight for each new row; −1: the mean of
                all rows (Howard & Ruder 2018, arXiv:1801.06146).
        """
        weights = {name: weight.detach() for name, weight in self.task._fitted().named_parameters()}
        for name, weight in weights.items():
            chosen = (rows or {}).get(name.rpartition(".")[0])
            if chosen is not None:
                weights[name] = _picked(weight, torch.from_numpy(chosen))
        return weights


def cooccurrence_embedding(
    texts: Iterable[np.ndarray], vocabulary: TextVocabulary, features: int, deviation: float, seed: int
) -> Tensor:
    """Returns an embedding [V, E] from what stands near each token in some texts.

    Args:
        texts: tokens [T] of each.
        vocabulary: V tokens; the unknown one, and those that never stand beside another, are drawn at random.
        features: E.
        deviation: root of the mean square of a token's vector.
        seed: of what is drawn.
    """
    without = [] if vocabulary.unknown is None else [vocabulary.unknown]
    vectors, found = cooccurrence_vectors(texts, len(vocabulary), features, without=without, seed=seed)
    drawn = np.random.default_rng(seed).normal(size=vectors.shape)
    return torch.from_numpy(np.where(found[:, None], vectors, drawn).astype(np.float32) * deviation)


def begun(config: Any, named: Collection[str]) -> tuple[Any, Source | None]:
    """Returns the options, with those of the run of the same task that training starts from, and that run.

    Args:
        config: the options.
        named: options that the user named; the run may not change these.

    Raises:
        InputError: the run does not fit the task, or an option contradicts it.
    """
    source = Source.of(config, [config.task_name()])
    if source is None:
        return config, None
    return adopted(config, source.options(config.of_the_run), named, source.folder), source


def adopted(config: C, values: Mapping[str, Any], named: Collection[str], source: Path) -> C:
    """Replaces options by those of a source. Raises InputError if the user requested other values."""
    default = type(config)()
    for name, value in values.items():
        requested = getattr(config, name)
        if requested != value and (name in named or requested != getattr(default, name)):
            raise InputError(
                f"{flag(name)} must be {shown(value)}, as in {source}, or not given. Got {shown(requested)}."
            )
    return replace(config, **values)


def with_limits(config: C, named: Collection[str], source: Source | None) -> C:
    """Returns the options with the limits of the run's vocabulary, if new text cannot extend it."""
    if source is None or source.task.config.level in ("characters", "words"):
        return config
    return adopted(config, source.options(("vocab_size", "min_count")), named, source.folder)


def rows_of(new: Vocabulary, old: Vocabulary) -> np.ndarray:
    """Returns the token of the old vocabulary for each of the new one [V]; −1 for one that it lacks."""
    tokens = np.arange(len(new))
    if new == old:  # pieces of bytes and subwords need not be distinct
        return tokens
    known = {piece: token for token, piece in enumerate(old.pieces(np.arange(len(old))))}
    return np.array([known.get(piece, -1) for piece in new.pieces(tokens)])


def _picked(weight: Tensor, rows: Tensor) -> Tensor:
    """Returns rows of a weight [V, …], or their mean for −1."""
    return torch.cat([weight, weight.mean(0, keepdim=True)])[rows]
