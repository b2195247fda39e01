"""Labelled sequences, drawn into parts, and the scales that are learnt of the training part."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from elman.config import check_regular, require
from elman.data.batches.examples import Examples
from elman.data.read.npz import read_arrays
from elman.data.scale import check_numbers, standard
from elman.data.sequences import Sequences, read_sequences, sequences_from_arrays
from elman.data.split import PARTS, split_points
from elman.errors import InputError
from elman.tasks.regression.options import RegressionConfig
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts

_DATA = "sequences.npz"
_MOST_NAMES = 10**5


@dataclass(frozen=True)
class RegressionFacts(TaskFacts):
    """Names and scales of features and outputs.

    Attributes:
        features: I names.
        outputs: O names.
        flat: whether targets came as [N], so that predictions do too.
        input_mean: I numbers, subtracted from the features.
        input_scale: I numbers, the unit of the features.
        target_mean: O numbers, subtracted from the targets.
        target_scale: O numbers, the unit of the targets.
    """

    features: tuple[str, ...]
    outputs: tuple[str, ...]
    flat: bool
    input_mean: tuple[float, ...]
    input_scale: tuple[float, ...]
    target_mean: tuple[float, ...]
    target_scale: tuple[float, ...]

    def __post_init__(self) -> None:
        """Checks that the numbers fit the names."""
        for kind, sizes in (("features", "input"), ("outputs", "target")):
            names = getattr(self, kind)
            require(kind, 1 <= len(names) <= _MOST_NAMES, f"1 to {_MOST_NAMES:,} names", list(names))
            for name in (f"{sizes}_mean", f"{sizes}_scale"):
                check_numbers(name, getattr(self, name), len(names))
        if self.flat:
            require("flat", len(self.outputs) == 1, "false if there are several outputs", self.flat)

    def scaled_inputs(self, inputs: np.ndarray) -> np.ndarray:
        """Features [N, T, I] as the model reads them; float32."""
        return _scaled(inputs, self.input_mean, self.input_scale)

    def scaled_targets(self, targets: np.ndarray) -> np.ndarray:
        """Targets [N, O] as the model learns them; float32."""
        return _scaled(targets, self.target_mean, self.target_scale)

    def unscaled(self, predictions: np.ndarray) -> np.ndarray:
        """What the model predicts [N, O], in the targets' unit; float64."""
        return predictions * np.array(self.target_scale) + np.array(self.target_mean)


class RegressionData(TaskData):
    """Sequences, and which of them each part has.

    Attributes:
        sequences: all N, with targets.
        split: positions of the training, validation and test sequences.
    """

    config: RegressionConfig
    facts: RegressionFacts

    def __init__(
        self,
        config: RegressionConfig,
        facts: RegressionFacts,
        sequences: Sequences,
        split: tuple[np.ndarray, ...],
    ) -> None:
        super().__init__(config, facts)
        self.sequences = sequences
        self.split = split

    @classmethod
    def read(cls, config: RegressionConfig, paths: list[Path], folder: Path | None) -> Self:
        """Reads one table and splits its sequences at random."""
        path = the_one_file(paths)
        sequences = read_table_or_arrays(config, path, with_target=True)
        order = np.random.default_rng(config.seed).permutation(len(sequences))
        cuts = split_points(len(sequences), config.split, "sequences", str(path))
        flat = len(sequences.outputs) == 1
        return cls.of(config, sequences, tuple(np.split(order, cuts)), folder, flat=flat)

    @classmethod
    def of(
        cls,
        config: RegressionConfig,
        sequences: Sequences,
        split: tuple[np.ndarray, ...],
        folder: Path | None,
        *,
        flat: bool,
    ) -> Self:
        """Learns the scales from the training part, and keeps a copy of the sequences in the run folder."""
        data = cls(config, _learn(config, sequences, sequences.rows(split[0]), flat), sequences, split)
        if folder is not None:
            parts: dict[str, Any] = dict(zip(PARTS, split, strict=True))
            np.savez(
                folder / _DATA,
                x=sequences.inputs,
                y=sequences.known_targets,
                lengths=sequences.lengths,
                **parts,
            )
        return data

    @classmethod
    def reopen(cls, config: RegressionConfig, facts: RegressionFacts, folder: Path) -> Self:
        """Reads the sequences and their split again."""
        path = folder / _DATA
        check_regular(path)
        arrays = read_arrays(path)
        missing = {"x", "y", "lengths", *PARTS} - arrays.keys()
        if missing:
            raise InputError(f"{path}: has no array {min(missing)!r}")
        sequences = sequences_from_arrays(arrays["x"], arrays["y"], arrays["lengths"], f"{path}: x")
        split = tuple(arrays[part] for part in PARTS)
        rows = np.concatenate(split, axis=None)
        if rows.dtype.kind != "i" or sorted(rows.tolist()) != list(range(len(sequences))):
            raise InputError(f"{path}: {', '.join(PARTS)} must share out all {len(sequences)} sequences")
        for kind, found, expected in (
            ("features", sequences.features, facts.features),
            ("outputs", sequences.outputs, facts.outputs),
        ):
            if len(found) != len(expected):
                raise InputError(f"{path}: must have {len(expected)} {kind}. Got {len(found)}.")
        return cls(config, facts, sequences, split)

    def part(self, name: str) -> Sequences:
        """The sequences of the training, validation or test part."""
        return self.sequences.rows(self.split[PARTS.index(name)])

    def parts(self) -> Parts:
        """Batches of the scaled sequences."""
        training, validation, test = (self.part(name) for name in PARTS)
        batch_size = self.config.batch_size
        return Parts(
            sequence_batches(training, self.facts, batch_size, self.config.seed),
            sequence_batches(validation, self.facts, batch_size) if validation else None,
            sequence_batches(test, self.facts, batch_size) if test else None,
        )


def the_one_file(paths: list[Path]) -> Path:
    """The path, if it is one. Raises InputError otherwise."""
    if len(paths) != 1:
        raise InputError(f"regression reads one file. Got {len(paths)}.")
    return paths[0]


def read_table_or_arrays(config: RegressionConfig, path: Path, *, with_target: bool) -> Sequences:
    """The sequences of a file, by the column names of the options."""
    return read_sequences(
        path,
        id_column=config.id_column,
        time_column=config.time_column,
        target_column=config.target_column,
        with_target=with_target,
    )


def sequence_batches(
    sequences: Sequences, facts: RegressionFacts, batch_size: int, seed: int | None = None
) -> Examples:
    """Batches of scaled sequences; of targets that are absent, 0.

    Args:
        sequences: N of the facts' features and outputs.
        facts: the scales.
        batch_size: B.
        seed: decides each epoch's order; None: in the order given.
    """
    targets = sequences.targets
    y = (
        np.zeros((len(sequences), len(facts.outputs)), np.float32)
        if targets is None
        else facts.scaled_targets(targets)
    )
    ragged = bool((sequences.lengths < sequences.inputs.shape[1]).any())
    return Examples(
        torch.from_numpy(facts.scaled_inputs(sequences.inputs)),
        torch.from_numpy(y),
        torch.from_numpy(sequences.lengths) if ragged else None,
        batch_size=batch_size,
        seed=seed,
    )


def _learn(
    config: RegressionConfig, sequences: Sequences, training: Sequences, flat: bool
) -> RegressionFacts:
    """Names of all sequences, scales of the training ones."""
    steps = np.concatenate([x[:n] for x, n in zip(training.inputs, training.lengths, strict=True)])
    measure = standard if config.standardise else _no_scale
    input_mean, input_scale = measure(steps)
    target_mean, target_scale = measure(training.known_targets)
    return RegressionFacts(
        tuple(sequences.features),
        tuple(sequences.outputs),
        flat,
        tuple(input_mean),
        tuple(input_scale),
        tuple(target_mean),
        tuple(target_scale),
    )


def _no_scale(values: np.ndarray) -> tuple[list[float], list[float]]:
    """A mean of 0 and a scale of 1 for each column."""
    return [0.0] * values.shape[1], [1.0] * values.shape[1]


def _scaled(values: np.ndarray, mean: tuple[float, ...], scale: tuple[float, ...]) -> np.ndarray:
    # in float64, since float32 holds no deviation beside a large mean
    return ((values - np.array(mean)) / np.array(scale)).astype(np.float32)
