"""Shared by tasks that read text: the vocabulary, and the text of each step of a batch."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from elman.batch import Batch
from elman.config import read_json, require, shown
from elman.data.tokens.vocab import (
    LARGEST,
    LARGEST_JSON,
    TextVocabulary,
    make_vocabulary,
    vocabulary_from_json,
)
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.shared.answers import Excerpt
from elman.tasks.shared.options import TextOptions
from elman.train import files

_NAMED = 20  # new tokens in a notice


def learn_vocabulary(
    config: TextOptions, texts: Iterable[str], specials: Sequence[str] = ()
) -> TextVocabulary:
    """Learns the vocabulary of the training texts; see ``elman.data.tokens.vocab.make_vocabulary``."""
    return make_vocabulary(
        config.level,
        texts,
        size=config.vocab_size,
        min_count=config.min_count,
        lowercase=config.lowercase,
        word_split=config.word_split,
        specials=specials,
    )


def extended_vocabulary(
    config: TextOptions, known: TextVocabulary, texts: Iterable[str], folder: Path | None
) -> TextVocabulary:
    """Extends the vocabulary of the run that training starts from, and reports the new tokens.

    Args:
        config: the options, of which the vocabulary's kind is the run's.
        known: the run's vocabulary, which is never cut.
        texts: the training texts.
        folder: the run folder.

    Raises:
        InputError: the vocabulary has more tokens than ``vocab_size``, or than a vocabulary may have.
    """
    size = config.vocab_size
    enough = size is None or size >= len(known)
    require("--vocab-size", enough, f"at least {len(known)}, the tokens of {folder}, or not given", size)
    vocabulary = known.extended(texts, config.min_count, size)
    if len(vocabulary) > LARGEST:
        raise InputError(
            f"{folder}: its vocabulary and the text's have {len(vocabulary):,} {vocabulary.level} together, "
            f"more than {LARGEST:,}; --vocab-size or --min-count adds fewer"
        )
    before = {*known.pieces(np.arange(len(known)))}
    new = [piece for piece in vocabulary.pieces(np.arange(len(vocabulary))) if piece not in before]
    if new:
        notice(
            f"{len(new):,} of {len(vocabulary):,} {vocabulary.level} are new to {folder}, and start as the "
            f"mean of its own: {shown(' '.join(new[:_NAMED]))}"
        )
    return vocabulary


def save_vocabulary(vocabulary: TextVocabulary, path: Path) -> None:
    """Writes a vocabulary as JSON."""
    files.write_json(path, vocabulary.to_json())


def load_vocabulary(path: Path, level: str) -> TextVocabulary:
    """Reads a vocabulary that ``save_vocabulary`` wrote.

    Raises:
        InputError: the file is damaged, or has another level.
    """
    vocabulary = vocabulary_from_json(read_json(path, LARGEST_JSON), str(path))
    if not isinstance(vocabulary, TextVocabulary) or vocabulary.level != level:
        raise InputError(f"{path}: level must be {level}. Got {vocabulary.level}.")
    return vocabulary


def text_excerpt(batch: Batch, vocabulary: TextVocabulary) -> Excerpt:
    """Returns a batch of tokens with the text that each token adds, up to the end of each row."""
    tokens, lengths, resets = batch.inputs.values, batch.inputs.lengths, batch.inputs.resets
    texts = []
    for row in range(tokens.shape[1]):
        length = len(tokens) if lengths is None else int(lengths[row])
        decoder, pieces = vocabulary.decoder(), []
        for step, token in enumerate(tokens[:length, row].tolist()):
            if resets is not None and resets[step, row]:  # another text begins
                decoder = vocabulary.decoder()
            pieces.append(decoder.push(token))
        texts.append(pieces)
    return Excerpt(batch, vocabulary.level, texts)
