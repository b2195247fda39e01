"""Labelled examples, split into training, validation and test part."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor

from elman.data.channels.columns import read_line
from elman.data.features import Features, write_features
from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import (
    Labelled,
    joined,
    label_names,
    load_parts,
    save_parts,
    warn_of_lone_labels,
    warn_of_repeats,
)
from elman.data.labelled.files import read_files_of_labels, read_labelled, resolved
from elman.data.labelled.lines import are_labels
from elman.data.labelled.parts import divided
from elman.data.labelled.scheme import Indicator, Scheme
from elman.data.labelled.sounds import listed_parts, noise_below
from elman.data.labelled.unlabelled import (
    Placed,
    load_unlabelled,
    new_texts,
    read_unlabelled,
    save_unlabelled,
)
from elman.data.read.opening import kind_of
from elman.data.read.tables import NAMED_TABLES, TABLES
from elman.data.read.view import View
from elman.data.split import PARTS
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.classification.batches import batches_of
from elman.tasks.classification.clips import as_clips, check_clips, tell_mirrored
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.classification.spotting import window_of, with_background
from elman.tasks.classification.start import start_of
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import clips, commands, labelled, sequences

_NOISE, _BACKGROUND = "noise.safetensors", "background.safetensors"
_LOOKED_AT = 1000  # examples of each part that are encoded to inspect a model


class LabelledData(TaskData):
    """The examples of each part.

    Attributes:
        examples: the examples, by the name of their part.
        coverage: how much of the training part has word vectors; empty without vectors.
        unlabelled: texts without labels, whose words are learnt too.
        noise: frames of recordings that are mixed into others.
        background: frames of recordings that hold none of the words, to count false alarms in.
    """

    config: ClassificationConfig
    facts: ClassificationFacts

    def __init__(
        self,
        config: ClassificationConfig,
        facts: ClassificationFacts,
        examples: Mapping[str, Labelled],
        start: dict[str, Tensor] | None = None,
        coverage: dict[str, Any] | None = None,
        unlabelled: Sequence[str] = (),
        noise: Sequence[np.ndarray] = (),
        background: Sequence[np.ndarray] = (),
    ) -> None:
        super().__init__(config, facts)
        self.examples = dict(examples)
        self.start = start or {}
        self.coverage = coverage or {}
        self.unlabelled = unlabelled
        self.noise, self.background = noise, background

    @classmethod
    def read(
        cls,
        config: ClassificationConfig,
        paths: list[Path],
        folder: Path | None,
        named: Collection[str] = (),
    ) -> Self:
        """Reads files or folders, splits them, and learns labels and vocabulary from the training part.

        Args:
            config: the options.
            paths: files or folders.
            folder: the run folder, or None.
            named: options that the user named; vectors or a language model may not change these.
        """
        if not paths:
            raise InputError("classification needs a file or a folder to train on")
        columns = as_named = columns_of(config)
        noise: list[np.ndarray] = []
        background: list[np.ndarray] = []
        if config.label_from == "content":
            columns = resolved(paths[0], columns)
            config = replace(
                config,
                text_column=columns.text,
                label_column=columns.label,
                id_column=columns.id,
                time_column=columns.time,
                sample_rate=columns.rate,
                frame_size=columns.view.size,
                decimal=columns.reading.decimal,  # type: ignore[arg-type]
            )
        examples_read = read_all(config, paths, columns)
        if not are_labels(examples_read.labels):
            raise InputError(_too_many_labels(examples_read, paths[0], columns))
        label_names(examples_read)  # before the split, so that an error names what the files lack
        own_files = {"validation": config.validation, "test": config.test}
        elsewhere = {name: read_all(config, files, columns) for name, files in own_files.items() if files}
        if columns.rate is not None and len(paths) == 1 and not config.folds:
            examples_read, elsewhere = _as_listed(paths[0], examples_read, elsewhere)
        examples = divided(examples_read, elsewhere, config.split, folds=config.folds, seed=config.seed)
        warn_of_lone_labels(examples_read)
        training = examples["training"]
        if config.noise:
            noise = noise_below(config.noise, columns)
        if config.background:
            examples, background = with_background(examples, config.background, columns, config.seed)
        recorded = config.sample_rate is not None or columns.are_clips
        if training.features and not recorded and kind_of(paths[0]) in TABLES:
            notice(f"{paths[0]}: {read_line(training.features, np.concatenate(training.items))}")
        unlabelled = read_unlabelled(config.unlabelled, [columns, as_named])
        return cls.learn(
            config,
            examples,
            folder,
            named=named,
            unlabelled=unlabelled,
            noise=noise,
            background=background,
        )

    @classmethod
    def learn(
        cls,
        config: ClassificationConfig,
        examples: Mapping[str, Labelled],
        folder: Path | None,
        *,
        named: Collection[str] = (),
        originals: Mapping[str, Any] | None = None,
        indicator: Indicator = "",
        unlabelled: Iterable[Placed] = (),
        noise: Sequence[np.ndarray] = (),
        background: Sequence[np.ndarray] = (),
    ) -> Self:
        """Learns the facts of split examples, and stores the examples in the run folder.

        Args:
            config: the options.
            examples: the examples of every part, by the part's name.
            folder: the run folder, or None.
            named: as for ``read``.
            originals: the user's labels, by the text that represents each.
            indicator: the form in which the user gave several labels.
            unlabelled: texts without labels.
            noise: frames of recordings that are mixed into others.
            background: frames of recordings that hold none of the words.
        """
        training = examples["training"]
        if training.planes:
            check_clips(config, named)
            config = as_clips(config, training, named)
        scheme = Scheme.learn(
            training,
            originals or {},
            standardise=config.standardise,
            balanced=config.class_weights == "balanced",
            indicator=indicator,
        )
        if not scheme.texts and config.ngrams not in ("auto", "none"):
            raise InputError(f"--ngrams must be auto or none for numeric sequences. Got {config.ngrams}.")
        for part in examples.values():
            scheme.check(part, to_learn=True)
        if scheme.planes:
            tell_mirrored(config, scheme)
        if training.texts:
            broken = sum(tuple(map(scheme.plain, item)) != item for item in training.items)
            if broken:
                notice(f"<br /> is read as the end of a line, in {broken:,} of {len(training):,} examples")
        warn_of_repeats(dict(examples))
        found = list(unlabelled)
        _check_learns_from(config, bool(found), scheme)
        texts = new_texts(found, examples) if found else []
        start = start_of(config, named, scheme, training, texts)
        if folder is not None:
            save_parts(folder, dict(examples))
            if texts:
                save_unlabelled(folder, texts)
            if noise:
                write_features(folder / _NOISE, noise)
            if background:
                write_features(folder / _BACKGROUND, background)
        facts, weights = start.facts, start.weights
        return cls(start.config, facts, examples, weights, start.coverage, texts, noise, background)

    @classmethod
    def reopen(cls, config: ClassificationConfig, facts: ClassificationFacts, folder: Path) -> Self:
        """Reads the examples from the run folder."""
        scheme = facts.scheme
        examples = load_parts(folder, PARTS, scheme.features, scheme.texts, scheme.multi_label, scheme.planes)
        for part in examples.values():
            scheme.check(part, to_learn=True)
        if not len(examples["training"]):
            raise InputError(f"{folder}: must hold examples to train on. Got none.")
        noise = [*Features(folder / _NOISE)] if config.noise else []
        path = folder / _BACKGROUND
        background = Features(path) if path.exists() else ()
        texts = load_unlabelled(folder)
        return cls(config, facts, examples, unlabelled=texts, noise=noise, background=background)

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of examples trained on, and from their length."""
        training = self.examples["training"]
        if not training.texts:
            limit = self.config.max_length
            lengths = [min(len(item), limit or len(item)) for item in training.items]
            sizes_of = sequences if self.config.sample_rate is None else commands
            if training.planes:
                sizes_of = clips
            sizes = sizes_of(len(training), float(np.median(lengths)))
            if self.config.pretrained is not None:  # whose weights have been read for so many networks
                sizes["ensemble"] = self.config.members
            return sizes
        if self.config.pretrained is not None:
            return labelled()
        characters = sum(len(text) for item in training.items for text in item)
        has_words = self.config.level in ("words", "subwords")
        return labelled(len(training), characters, len(self.facts.scheme.classes), has_words=has_words)

    @property
    def amounts(self) -> dict[str, int]:
        """Examples of all parts, labels, and texts without labels."""
        amounts = {"example": sum(map(len, self.examples.values())), "label": len(self.facts.scheme.classes)}
        return amounts | ({"unlabelled text": len(self.unlabelled)} if self.unlabelled else {})

    def parts(self) -> Parts:
        """Returns batches of all examples."""
        return self._batched(self.examples)

    def few(self) -> Parts:
        """Returns batches of some examples of each part, since encoding all of them takes long."""
        return self._batched(
            {name: part.rows(_spread(len(part), _LOOKED_AT)) for name, part in self.examples.items()}
        )

    def _batched(self, examples: Mapping[str, Labelled]) -> Parts:
        training, validation, test = (examples[name] for name in PARTS)
        config, facts = self.config, self.facts
        window = window_of(self.examples["training"]) if config.background else 0
        return Parts(
            batches_of(config, facts, training, config.seed, self.noise, window),
            batches_of(config, facts, validation) if len(validation) else None,
            batches_of(config, facts, test) if len(test) else None,
        )


def _too_many_labels(examples: Labelled, path: Path, columns: Columns) -> str:
    """Returns the message about labels that do not repeat: what else the file may be, and what to do."""
    values = {label for labels in examples.labels for label in labels}
    first = f"{path}: has nearly as many labels ({len(values):,}) as examples ({len(examples):,})."
    if examples.features and all(map(_is_number, values)):
        names = f" --id-column {columns.id} --target-column {columns.label}"
        return (
            f"{first} Numbers of sequences are predicted by elman train regression "
            f"{path}{names * (kind_of(path) in NAMED_TABLES)}"
        )
    return (
        f"{first} A line of text must be a label, a tab and a text; --label-column names a table's column of "
        "labels; with --label-from file, each file holds the texts of one label."
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", ".")))
    except ValueError:
        return False


def _check_learns_from(config: ClassificationConfig, unlabelled: bool, scheme: Scheme) -> None:
    """Raises InputError if there are texts without labels that nothing would be learnt from."""
    flags = {"--unlabelled": unlabelled, "--pretraining": config.pretraining != "none"}
    for name, is_given in flags.items():
        if is_given and not scheme.texts:
            raise InputError(f"{name} is for texts. The training part has sequences of numbers.")
    knows_words = config.level in ("words", "subwords")
    starts_from_words = knows_words and (config.embedding_init == "cooccurrences" or config.vectors)
    if unlabelled and config.pretraining == "none" and not starts_from_words:
        raise InputError(
            "--unlabelled needs --pretraining language-model if the level is not words or subwords, or the "
            "embedding starts at random"
        )


def columns_as_trained(config: ClassificationConfig, scheme: Scheme) -> Columns:
    """Returns the names of a table's columns as they were in training."""
    columns = columns_of(config, scheme.texts)
    columns = replace(columns, known=tuple(scheme.names))
    chosen = config.columns or config.ignore_columns
    return replace(columns, features=scheme.features, ignored=()) if chosen else columns


def columns_of(config: ClassificationConfig, texts: int = 0) -> Columns:
    """Returns the names of a table's columns.

    Args:
        config: the options.
        texts: texts in each example, or 0 if unknown: a model trained on pairs in memory reads "pair".
    """
    return Columns(
        config.text_column,
        config.pair_column or ("pair" if texts == 2 else None),
        config.label_column,
        config.label_separator,
        config.id_column,
        config.time_column,
        config.reading,
        config.most_empty,
        config.columns,
        config.ignore_columns,
        config.named_columns("time_column"),
        rate=config.sample_rate,
        mels=config.mels,
        view=View(config.frame_rate, config.frame_size, config.colour),
    )


def read_all(config: ClassificationConfig, paths: Sequence[Path], columns: Columns) -> Labelled:
    """Returns the labelled examples of files or folders."""
    if config.label_from == "file":
        return read_files_of_labels(paths, columns)
    return joined([read_labelled(path, columns) for path in paths])


def _as_listed(
    path: Path, given: Labelled, elsewhere: dict[str, Labelled]
) -> tuple[Labelled, dict[str, Labelled]]:
    """Returns the recordings to divide, and the parts that come from elsewhere or that lists name."""
    parts = listed_parts(path, given, elsewhere)
    if not parts:
        return given, elsewhere
    rest = np.setdiff1d(np.arange(len(given)), np.concatenate([*parts.values()]))
    return given.rows(rest), elsewhere | {part: given.rows(rows) for part, rows in parts.items()}


def _spread(number: int, most: int) -> np.ndarray:
    """Returns up to ``most`` evenly spaced indices below ``number``."""
    return np.arange(number)[:: max(1, -(-number // most))]
