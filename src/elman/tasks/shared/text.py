"""What tasks that read text share: their vocabulary, and the text beside a batch's steps."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from elman.batch import Batch
from elman.config import read_json
from elman.data.tokens.vocab import LARGEST_JSON, TextVocabulary, make_vocabulary, vocabulary_from_json
from elman.errors import InputError
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.options import TextOptions
from elman.train import files


def learn_vocabulary(
    config: TextOptions, texts: Iterable[str], specials: Sequence[str] = ()
) -> TextVocabulary:
    """The vocabulary of the training texts; see ``elman.data.tokens.vocab.make_vocabulary``."""
    return make_vocabulary(
        config.level,
        texts,
        size=config.vocab_size,
        min_count=config.min_count,
        lowercase=config.lowercase,
        word_split=config.word_split,
        specials=specials,
    )


def save_vocabulary(vocabulary: TextVocabulary, path: Path) -> None:
    """Writes a vocabulary as JSON."""
    files.write_json(path, vocabulary.to_json())


def load_vocabulary(path: Path, level: str) -> TextVocabulary:
    """Reads a vocabulary back.

    Raises:
        InputError: the file is damaged, or its level is another.
    """
    vocabulary = vocabulary_from_json(read_json(path, LARGEST_JSON), str(path))
    if not isinstance(vocabulary, TextVocabulary) or vocabulary.level != level:
        raise InputError(f"{path}: level must be {level}. Got {vocabulary.level}.")
    return vocabulary


def text_sample(batch: Batch, vocabulary: TextVocabulary) -> Sample:
    """A batch of tokens, with the text that each adds to its row; none past the row's end."""
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
    return Sample(batch, vocabulary.level, texts)
