"""Labelled sequences, split at random into parts, and the scales of the training part."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from elman.config import check_regular, from_json, require, to_json
from elman.data.batches.ragged import Ragged
from elman.data.channels.columns import check_chosen, read_line
from elman.data.read.arrays import check_weights
from elman.data.read.delimited import DELIMITED
from elman.data.read.npz import read_arrays
from elman.data.read.opening import kind_of
from elman.data.read.tables import NAMED_TABLES, TABLES, check_columns, read_table
from elman.data.scale import check_numbers, standard
from elman.data.sequence_columns import Roles, found_roles, line_of, no_roles
from elman.data.sequence_rows import rows_of
from elman.data.sequences import Sequences, read_sequences, sequences_from_arrays
from elman.data.split import PARTS, split_points
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.regression.options import RegressionConfig
from elman.tasks.shared.arrays import ROCKET
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.sizing import sequences as sized_for
from elman.tasks.shared.start import begun
from elman.tasks.shared.steps import prepare_of
from elman.tasks.shared.wide import Wide
from elman.train import files

_DATA = "sequences.npz"
_MOST_NAMES = 10**5
_TARGETS = ("y", "target", "value", "score", "outcome", "response", "output", "total", "rul", "label")


@dataclass(frozen=True)
class RegressionFacts(TaskFacts):
    """Names and scales of features and outputs.

    Attributes:
        features: I names.
        outputs: O names.
        flat: whether targets, and therefore predictions, have shape [N].
        input_mean: I numbers, subtracted from the features.
        input_scale: I numbers, the unit of the features.
        target_mean: O numbers, subtracted from the targets.
        target_scale: O numbers, the unit of the targets.
        wide: the wide part, in a file of its own; None: the network alone.
        steps: values of each training sequence, if all have as many; else 0, as in older runs.
    """

    features: tuple[str, ...]
    outputs: tuple[str, ...]
    flat: bool
    input_mean: tuple[float, ...]
    input_scale: tuple[float, ...]
    target_mean: tuple[float, ...]
    target_scale: tuple[float, ...]
    wide: Wide | None = None
    steps: int = 0

    def __post_init__(self) -> None:
        """Checks that there is one number for each name."""
        for kind, sizes in (("features", "input"), ("outputs", "target")):
            names = getattr(self, kind)
            require(kind, 1 <= len(names) <= _MOST_NAMES, f"1 to {_MOST_NAMES:,} names", list(names))
            for name in (f"{sizes}_mean", f"{sizes}_scale"):
                check_numbers(name, getattr(self, name), len(names))
        if self.flat:
            require("flat", len(self.outputs) == 1, "false if there are several outputs", self.flat)

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the wide part, if any; returns the names and scales."""
        self.save_fitted(folder)
        content = to_json(replace(self, wide=None))
        return {name: value for name, value in content.items() if name != "wide"}

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the wide part, if any."""
        if self.wide is not None:
            self.wide.save(folder / ROCKET, check)

    @classmethod
    def load(cls, content: dict[str, Any], config: RegressionConfig, folder: Path) -> Self:
        """Reads the names and scales, and the wide part if there is one."""
        where, path = str(folder / files.CONFIG), folder / ROCKET
        if "wide" in content:
            raise InputError(f"{where}: unknown option 'wide'")
        facts = from_json(cls, content, where)
        if not os.path.lexists(path):
            return facts
        wide = Wide.load(path, len(facts.outputs), "the features of this run")
        return replace(facts, wide=wide)

    def scaled_inputs(self, inputs: np.ndarray) -> np.ndarray:
        """Scales features [N, T, I] for the model; float32."""
        return _scaled(inputs, self.input_mean, self.input_scale)

    def scaled_targets(self, targets: np.ndarray) -> np.ndarray:
        """Scales targets [N, O] for the model; float32."""
        return _scaled(targets, self.target_mean, self.target_scale)

    def unscaled(self, predictions: np.ndarray) -> np.ndarray:
        """Converts the model's predictions [N, O] to the targets' unit; float64."""
        return predictions * np.array(self.target_scale) + np.array(self.target_mean)


class RegressionData(TaskData):
    """Sequences and their split into parts.

    Attributes:
        sequences: all N sequences, with targets.
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
    def read(
        cls, config: RegressionConfig, paths: list[Path], folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Reads one table and splits its sequences at random."""
        path = the_one_file(paths)
        config = _with_found_columns(config, path)
        sequences = read_table_or_arrays(config, path, with_target=True)
        config = replace(config, decimal=config.decimal or sequences.decimal or None)  # type: ignore[arg-type]
        order = np.random.default_rng(config.seed).permutation(len(sequences))
        cuts = split_points(len(sequences), config.split, "sequences", str(path))
        flat = len(sequences.outputs) == 1
        if kind_of(path) in TABLES:
            training = sequences.rows(order[: cuts[0]])
            steps = np.arange(training.inputs.shape[1]) < training.lengths[:, None]
            notice(f"{path}: {read_line(training.features, training.inputs[steps])}")
        return cls.of(config, sequences, tuple(np.split(order, cuts)), folder, flat=flat, named=named)

    @classmethod
    def of(
        cls,
        config: RegressionConfig,
        sequences: Sequences,
        split: tuple[np.ndarray, ...],
        folder: Path | None,
        *,
        flat: bool,
        named: Collection[str] = (),
    ) -> Self:
        """Learns the scales from the training part, and stores the sequences in the run folder.

        Args:
            config: the options.
            sequences: all sequences.
            split: see the class.
            folder: the run folder, or None.
            flat: see ``RegressionFacts``.
            named: options that the user named; a pretrained run may not change these.
        """
        config, start = begun(config, named)
        facts = _learn(config, sequences, sequences.rows(split[0]), flat)
        data = cls(config, facts, sequences, split)
        if start is not None:
            start.check("the features", facts.features, start.task.facts.features)
            start.check("the outputs", facts.outputs, start.task.facts.outputs)
            data.start = start.weights()
        if folder is not None:
            parts: dict[str, Any] = dict(zip(PARTS, split, strict=True))
            if sequences.weights is not None:
                parts["weights"] = sequences.weights
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
        """Reads the sequences and their split from the run folder."""
        path = folder / _DATA
        check_regular(path)
        arrays = read_arrays(path)
        missing = {"x", "y", "lengths", *PARTS} - arrays.keys()
        if missing:
            raise InputError(f"{path}: has no array {min(missing)!r}")
        sequences = sequences_from_arrays(arrays["x"], arrays["y"], arrays["lengths"], f"{path}: x")
        if "weights" in arrays:
            weights = check_weights(arrays["weights"], len(sequences), f"{path}: weights")
            sequences = replace(sequences, weights=weights)
        split = tuple(arrays[part] for part in PARTS)
        rows = np.concatenate(split, axis=None)
        if rows.dtype.kind != "i" or sorted(rows.tolist()) != list(range(len(sequences))):
            raise InputError(
                f"{path}: {', '.join(PARTS)} must hold each of the {len(sequences)} sequences once"
            )
        for kind, names, expected in (
            ("features", sequences.features, facts.features),
            ("outputs", sequences.outputs, facts.outputs),
        ):
            if len(names) != len(expected):
                raise InputError(f"{path}: must have {len(expected)} {kind}. Got {len(names)}.")
        return cls(config, facts, sequences, split)

    def part(self, name: str) -> Sequences:
        """Returns the sequences of the training, validation or test part."""
        return self.sequences.rows(self.split[PARTS.index(name)])

    @property
    def amounts(self) -> dict[str, int]:
        """Sequences and their steps."""
        return {"sequence": len(self.sequences), "step": int(self.sequences.lengths.sum())}

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of sequences trained on, and from their length."""
        training = self.part("training")
        return sized_for(len(training), float(np.median(training.lengths)))

    def parts(self) -> Parts:
        """Returns batches of the scaled sequences."""
        training, validation, test = (self.part(name) for name in PARTS)
        config, facts = self.config, self.facts
        return Parts(
            sequence_batches(config, facts, training, config.seed),
            sequence_batches(config, facts, validation) if validation else None,
            sequence_batches(config, facts, test) if test else None,
        )


def the_one_file(paths: list[Path]) -> Path:
    """Returns the only path. Raises InputError unless there is exactly one."""
    if len(paths) != 1:
        raise InputError(f"regression reads one file. Got {len(paths)}.")
    return paths[0]


def _with_found_columns(config: RegressionConfig, path: Path) -> RegressionConfig:
    """Returns the options with the columns that a table shows; raises InputError if it lacks one of them."""
    if path.suffix == ".npz" or kind_of(path) not in (*DELIMITED, *NAMED_TABLES):
        return config
    rows = rows_of(path, config.reading) if config.id_column == RegressionConfig.id_column else None
    if rows is not None and config.id_column not in rows.names:
        if config.target_column in rows.ends:
            return config
        if config.target_column in rows.named:
            return replace(config, target_column=rows.named[config.target_column])
        ways = " or ".join(f"--target-column {column}" for column in rows.ends)
        raise InputError(
            f"{path}: a row may begin or end with the number to predict: {ways}; "
            "if a row is a step, --id-column column_1 or another names the sequence"
        )
    table = read_table(path, config.reading)
    if config.id_column in table.columns and config.target_column in table.columns:
        return config
    roles = found_roles(
        table,
        Roles(config.id_column, config.time_column, config.target_column),
        Roles(RegressionConfig.id_column, RegressionConfig.time_column, RegressionConfig.target_column),
        numbers=True,
        usual=_TARGETS,
        columns=config.columns,
        ignored=config.ignore_columns,
        reading=config.reading,
    )
    if roles is None:
        check_columns(table, list(config.named_columns("id_column", "time_column", "target_column")), path)
        check_chosen(table.columns, path, config.columns, config.ignore_columns)
        raise InputError(no_roles(table, path, config.id_column, config.target_column))
    notice(line_of(roles, table, path, "number to predict"))
    return replace(config, id_column=roles.id, time_column=roles.time, target_column=roles.of_each)


def read_table_or_arrays(
    config: RegressionConfig, path: Path, *, with_target: bool, trained: Sequence[str] = (), steps: int = 0
) -> Sequences:
    """Reads the sequences of a file, by the column names in the options; if trained, its features.

    Args:
        config: the options.
        path: the file.
        with_target: whether the target is required.
        trained: the features of training; empty before it.
        steps: see ``RegressionFacts``.
    """
    chosen = bool(config.columns or config.ignore_columns)
    return read_sequences(
        path,
        id_column=config.id_column,
        time_column=config.time_column,
        target_column=config.target_column,
        with_target=with_target,
        reading=config.reading,
        columns=trained if trained and chosen else config.columns,
        ignored=() if trained else config.ignore_columns,
        required=config.named_columns("time_column"),
        steps=steps,
    )


def sequence_batches(
    config: RegressionConfig, facts: RegressionFacts, sequences: Sequences, seed: int | None = None
) -> Ragged:
    """Returns batches of sequences as the network reads them; absent targets are 0, and weights have mean 1.

    Args:
        config: the options.
        facts: the scales.
        sequences: N sequences with the facts' features and outputs.
        seed: seed of each epoch's order and changes; None: longest first, for evaluation.
    """
    targets = sequences.targets
    y = (
        np.zeros((len(sequences), len(facts.outputs)), np.float32)
        if targets is None
        else facts.scaled_targets(targets)
    )
    weights = None
    if sequences.weights is not None:
        weights = torch.from_numpy((sequences.weights / sequences.weights.mean()).astype(np.float32))
    return Ragged(
        [(facts.scaled_inputs(item),) for item in sequences.items],
        torch.from_numpy(y),
        weights=weights,
        batch_size=config.batch_size,
        seed=seed,
        prepare=prepare_of(config),
    )


def _learn(
    config: RegressionConfig, sequences: Sequences, training: Sequences, flat: bool
) -> RegressionFacts:
    """Learns the names from all sequences and the scales from the training sequences."""
    steps = np.concatenate(training.items)
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
        steps=int(sequences.lengths[0]) if (sequences.lengths == sequences.lengths[0]).all() else 0,
    )


def _no_scale(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Returns a mean of 0 and a scale of 1 for each column."""
    return [0.0] * values.shape[1], [1.0] * values.shape[1]


def _scaled(values: np.ndarray, mean: tuple[float, ...], scale: tuple[float, ...]) -> np.ndarray:
    # in float64, since float32 loses small deviations from a large mean
    return ((values - np.array(mean)) / np.array(scale)).astype(np.float32)
