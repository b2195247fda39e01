"""Translations of texts by a trained model."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from elman.batch import Field
from elman.data.batches.pairs import padded
from elman.data.pairs import check_text, checked_lines, is_blank
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import arriving_lines
from elman.decode.options import SearchOptions
from elman.decode.rules import Hypothesis
from elman.decode.search import search
from elman.errors import InputError
from elman.models.predict import device_of, predict
from elman.models.seq2seq import Seq2Seq
from elman.pictures.attention import draw_attention
from elman.tasks.translation.data import BEGIN, END, TranslationFacts

_TOGETHER = 32  # sentences in a batch of the search


class Translation(NamedTuple):
    """A translation and its score.

    Attributes:
        text: the translation.
        score: its log-probability in nats, divided by its length penalty.
    """

    text: str
    score: float


class Writer:
    """Writes translations and draws the attention.

    Args:
        facts: the vocabularies.
        model: the model, in evaluation mode.
        reading: how files of texts are read.
    """

    def __init__(self, facts: TranslationFacts, model: Seq2Seq, reading: Reading = PLAIN) -> None:
        self.reading = reading
        self.facts = facts
        self.model = model

    def best(self, texts: Sequence[str], options: SearchOptions) -> list[str]:
        """Returns the best translation of each text."""
        return [translations[0].text for translations in self.nbest(texts, options)]

    def nbest(self, texts: Sequence[str], options: SearchOptions) -> list[list[Translation]]:
        """Returns each text's translations, best first; an empty text has one empty translation."""
        # a batch holds texts of about the same length
        order = sorted(range(len(texts)), key=lambda k: -len(texts[k]))
        batches = [order[k : k + _TOGETHER] for k in range(0, len(order), _TOGETHER)]
        answers = self.as_they_come(([texts[k] for k in batch] for batch in batches), options)
        by_position: dict[int, list[Translation]] = {}
        for batch, (_, translations) in zip(batches, answers, strict=True):
            by_position |= zip(batch, translations, strict=True)
        return [by_position[k] for k in range(len(texts))]

    def as_they_come(
        self, batches: Iterable[Sequence[str]], options: SearchOptions
    ) -> Iterator[tuple[Sequence[str], list[list[Translation]]]]:
        """Yields batches of texts with their translations, each before it takes the next batch."""
        for texts in batches:
            full = [text for text in texts if not is_blank(text)]
            results = iter(self._search(full, options) if full else [])
            yield texts, [[Translation("", 0.0)] if is_blank(text) else next(results) for text in texts]

    def of_text(self, text: str, name: str, options: SearchOptions) -> list[Translation]:
        """Translates one text, which must not be empty; messages call it ``name``."""
        check_text(text, name)
        (translations,) = self.nbest([text], options)
        return translations

    def of_file(self, path: Path | None, options: SearchOptions) -> Iterator[tuple[str, list[Translation]]]:
        """Yields each line of a file, or of standard input if ``path`` is None, with its translations."""
        name = "standard input" if path is None else str(path)
        lines = arriving_lines(path or sys.stdin.buffer, name, self.reading)
        for texts, translations in self.as_they_come(checked_lines(lines, name, _TOGETHER), options):
            yield from zip(texts, translations, strict=True)

    def _search(self, texts: list[str], options: SearchOptions) -> list[list[Translation]]:
        """Translates texts that are not empty, in one batch."""
        vocabulary = self.facts.target
        unknown = [] if vocabulary.unknown is None else [vocabulary.unknown]
        generators = [self._generator(text, options.seed) for text in texts if options.temperature]

        def look(source: Field) -> list[list[Hypothesis]]:
            assert source.lengths is not None
            return search(
                self.model.step,
                self.model.begin_decoding(source),
                options,
                sizes=source.lengths - 1,  # without the end
                begin=vocabulary.special(BEGIN),
                end=vocabulary.special(END),
                never=[vocabulary.special(BEGIN), *unknown],
                generators=generators,
            )

        source = padded([self.facts.source_tokens(text) for text in texts])
        (hypotheses,) = predict(self.model, [source], look)
        return [[Translation(self.facts.target_text(h.tokens), h.score) for h in row] for row in hypotheses]

    def _generator(self, text: str, seed: int | None) -> torch.Generator:
        """Returns the random generator of one text, independent of all other texts."""
        generator = torch.Generator(device_of(self.model))
        if seed is None:
            generator.seed()
            return generator
        digest = hashlib.sha256(f"{seed} {text}".encode(errors="surrogatepass")).digest()
        return generator.manual_seed(int.from_bytes(digest[:8]) >> 1)

    def draw(self, source: str, translation: str, path: Path) -> None:
        """Draws the attention; see ``Translator.draw``."""
        self.check_attention()
        read, written = self.facts.source_tokens(source), self.facts.target_tokens(translation)
        (weights,) = predict(
            self.model,
            [(padded([read]), padded([written]))],
            lambda pair: self.model.alignment(pair[0], pair[1].values)[:, 0],
        )
        pieces = self.facts.source.pieces(read), self.facts.target.pieces(written)
        draw_attention(weights.numpy(), *pieces, path)

    def check_attention(self) -> None:
        """Raises InputError if the model has no attention to draw."""
        if self.model.attention is None:
            raise InputError("a run trained with --attention none has no attention to draw")
