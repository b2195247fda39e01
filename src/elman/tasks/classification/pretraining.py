"""Pre-training of a classifier's embedding and layer as a language model, on texts without labels too."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elman.config import counted
from elman.data.batches.ragged import Ragged
from elman.data.labelled.examples import Labelled
from elman.draws import Draws
from elman.errors import InputError
from elman.models.bidirectional_lm import BidirectionalLanguageModel
from elman.models.classifier import Classifier
from elman.notice import notice
from elman.tasks.classification.data import LabelledData
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared import sizing
from elman.train.files import CHECKPOINT, HISTORY, PRETRAINING, WEIGHTS
from elman.train.history import read_history
from elman.train.loop import Loop, LossUnit
from elman.train.progress import Progress

_PIECE = 100  # most tokens of a text that are read as one; longer texts are cut


def minutes_of(config: ClassificationConfig) -> tuple[float | None, float | None]:
    """Returns the most minutes of the pre-training and of the training after it; None: no limit."""
    most = config.max_minutes
    return (None, None) if most is None else (sizing.PRETRAINING * most, (1 - sizing.PRETRAINING) * most)


def pretrain(
    members: Sequence[Classifier],
    data: LabelledData,
    folder: Path | None,
    progress: Progress,
    check: Callable[[], None],
) -> list[dict[str, Any]]:
    """Trains embedding and layer of the first member, and gives them to the others.

    It goes on from its own checkpoint in the run folder, if there is one. The validation part's texts choose
    the epoch; those of the test part are not read.

    Args:
        members: the classifiers.
        data: the labelled examples and the texts without labels.
        folder: the run folder; None: nothing is written.
        progress: shows the progress.
        check: as for ``Loop``.

    Returns:
        The lines of its history.
    """
    config, facts, first = data.config, data.facts, members[0]
    assert isinstance(first.embedding, torch.nn.Embedding)
    labelled = _texts(facts, data.examples["training"])
    training = _pieces(facts, [*labelled, *data.unlabelled])
    validation = _pieces(facts, _texts(facts, data.examples["validation"]))
    if not training:
        raise InputError("--pretraining: no text has two tokens, so there is nothing to predict")
    sizes = sizing.pretraining(sum(map(len, training)))
    options = replace(
        config,
        **sizes,
        max_minutes=minutes_of(config)[0],
        average="none",
        patience=0,
        stop_at=None,
        watch_gradients=0,
    )
    draws = Draws(config.seed)
    with draws.building():
        predicted = _frequent(training, sizing.PREDICTED)
        model = BidirectionalLanguageModel(first.embedding, first.layer, options.dropout, predicted)
    loop = Loop(
        model,
        _batches(training, options.batch_size, config.seed),
        _batches(validation, options.batch_size) if validation else None,
        options,
        folder,
        LossUnit("perplexity", unit="examples", is_exponential=True),
        progress,
        draws,
        check,
        PRETRAINING,
    )
    notice(
        f"pre-training as a language model: {counted(len(labelled), 'text')} of the training part and "
        f"{len(data.unlabelled):,} without labels, {counted(options.epochs, 'epoch')}; then classification"
    )
    loop.run(folder is not None and (folder / (PRETRAINING + CHECKPOINT)).exists())
    for member in members[1:]:
        assert member.embedding is not None
        member.embedding.load_state_dict(first.embedding.state_dict())
        member.layer.load_state_dict(first.layer.state_dict())
    return loop.history.lines


def _texts(facts: ClassificationFacts, part: Labelled) -> list[str]:
    return [text for item in facts.scheme.as_read(part).items for text in item] if len(part) else []


def _pieces(facts: ClassificationFacts, texts: Sequence[str]) -> list[np.ndarray]:
    """Returns the tokens of texts in pieces that have something to predict."""
    assert facts.vocabulary is not None
    encoded = (facts.vocabulary.encode(facts.scheme.plain(text)) for text in texts)
    pieces = (tokens[at : at + _PIECE] for tokens in encoded for at in range(0, len(tokens), _PIECE))
    return [piece for piece in pieces if len(piece) > 1]


def _frequent(pieces: Sequence[np.ndarray], most: int) -> torch.Tensor:
    """Returns the tokens that occur most often, in the order of their numbers."""
    counts = np.bincount(np.concatenate(pieces))
    order = np.argsort(-counts, kind="stable")[:most]
    return torch.from_numpy(np.sort(order[counts[order] > 0]))


def _batches(pieces: Sequence[np.ndarray], batch_size: int, seed: int | None = None) -> Ragged:
    """Returns batches whose targets, which the model takes from the inputs, are left at 0."""
    none = torch.zeros(len(pieces), dtype=torch.int64)
    return Ragged([(piece,) for piece in pieces], none, batch_size=batch_size, seed=seed)


def figures(history: Sequence[dict[str, Any]], folder: Path | None) -> dict[str, Any]:
    """Returns what the results say of the pre-training.

    Args:
        history: the lines of its history, if it was made in this process.
        folder: the run folder, which has them otherwise.
    """
    if folder is not None:
        history = read_history(folder / (PRETRAINING + HISTORY))
    losses = [line["loss"] for line in history if line["kind"] == "validation"]
    found: dict[str, Any] = {}
    if history:
        found |= {"epochs": history[-1]["epoch"], "seconds": round(history[-1]["seconds"], 1)}
    best = min(filter(math.isfinite, losses), default=None)
    return found if best is None else found | {"perplexity": math.exp(min(best, 700.0))}


def remove_checkpoint(folder: Path) -> None:
    """Removes what a finished run no longer needs."""
    for name in (CHECKPOINT, WEIGHTS):
        (folder / (PRETRAINING + name)).unlink(missing_ok=True)
