"""Translation: from sentences of one language, or of anything else, to sentences of another."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from elman.data.pairs import check_text
from elman.data.read.text import list_of_texts
from elman.data.tokens.vocab import TextVocabulary
from elman.decode.options import SearchOptions
from elman.errors import InputError
from elman.layers.attention import ATTENTIONS
from elman.models.seq2seq import Seq2Seq
from elman.pictures.base import check_picture
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.tasks.translation.answers import TranslationAnswers
from elman.tasks.translation.data import BEGIN, TranslationData, TranslationFacts, bleu, pairs_from_texts
from elman.tasks.translation.options import TranslationConfig
from elman.tasks.translation.writer import Translation
from elman.train.loop import Reading


class Translator(Task):
    """Translations of sentences: an encoder, a decoder and attention between them, trained on pairs.

    Loss: nats per token of the target, its end included.

    Args:
        **options: fields of ``TranslationConfig`` (``elman train translation --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = TranslationConfig
    Facts = TranslationFacts
    Data = TranslationData
    Answers = TranslationAnswers

    model: Seq2Seq

    @property
    def source_vocabulary(self) -> TextVocabulary:
        """The pieces that sources are cut into."""
        vocabulary: TextVocabulary = self.facts.source
        return vocabulary

    @property
    def target_vocabulary(self) -> TextVocabulary:
        """The pieces that translations are made of; with ``shared_vocabulary`` those of the sources."""
        vocabulary: TextVocabulary = self.facts.target
        return vocabulary

    def fit(
        self,
        sources: Iterable[str],
        targets: Iterable[str],
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on texts and their translations, split as the options say.

        Args:
            sources: N texts.
            targets: N texts.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: not as many sources as targets, or, unless ``skip_bad_lines`` is set, a text that is
                empty or holds a control character.
            TrainingStopped: the loss or a gradient left the finite numbers.
        """
        pairs = pairs_from_texts(self.config, sources, targets)
        return self._fit(
            lambda folder: TranslationData.of(self.config, pairs, folder), out, overwrite, show_progress
        )

    def translate(self, texts: Iterable[str], **options: Any) -> list[str]:
        """The best translation of each text.

        Args:
            texts: N texts; an empty one stays empty.
            **options: fields of ``SearchOptions`` (``elman translate --help`` explains them).

        Raises:
            InputError: an unknown option, one out of its range, or a text with a control character.
        """
        how = SearchOptions.of(options, "translate")
        if how.nbest > 1:
            raise InputError("translate gives the best translation alone; nbest() gives several of each text")
        found: list[str] = self.answers.writer.best(_checked(texts), how)
        return found

    def nbest(self, texts: Iterable[str], **options: Any) -> list[list[Translation]]:
        """Each text's translations and their scores, best first: as many as the option ``nbest`` says.

        Args:
            texts: N texts; an empty one has one translation, which is empty.
            **options: as for ``translate``.

        Raises:
            InputError: as ``translate`` does.
        """
        how = SearchOptions.of(options, "nbest")
        found: list[list[Translation]] = self.answers.writer.nbest(_checked(texts), how)
        return found

    def draw(self, source: str, translation: str, path: str | Path) -> None:
        """A picture of where the translator looks in the source as it writes the translation.

        Args:
            source: a text.
            translation: of the source; need not be the model's.
            path: the file to write (.png, .svg or .pdf).

        Raises:
            InputError: a text holds a control character, or the path is refused.
        """
        writer = self.answers.writer
        path = Path(path)
        check_picture(path, "path")
        for name, text in (("source", source), ("translation", translation)):
            check_text(text, name, empty=True)
        writer.draw(source, translation, path)

    def evaluate(
        self,
        data: Paths | None = None,
        *,
        sources: Iterable[str] | None = None,
        targets: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Scores on other pairs: two files, one with tabs, or texts in memory as for ``fit``.

        Raises:
            InputError: the pairs are refused, or sacrebleu is not installed.
        """
        answers = self.answers
        bleu()  # before the texts are translated, not after
        check_one_source(data is not None, sources is not None or targets is not None, "sources and targets")
        if data is not None:
            return answers.evaluate(as_paths(data))
        return answers.figures(pairs_from_texts(self.config, sources, targets))

    def build(self) -> Seq2Seq:
        """Encoder, decoder, attention and output layer."""
        config, vocabulary = self.config, self.target_vocabulary
        encoder = self.layer(config.embedding_size, config.hidden_size // 2, bidirectional=True)
        decoder = self.layer(config.embedding_size * (2 if config.input_feeding else 1))
        try:
            return Seq2Seq(
                len(vocabulary),
                encoder,
                decoder,
                ATTENTIONS[config.attention](decoder.output_size, encoder.output_size),
                begin=vocabulary.special(BEGIN),
                source_size=None if config.shared_vocabulary else len(self.source_vocabulary),
                bridge=config.bridge,
                input_feeding=config.input_feeding,
                dropout=config.dropout,
                tied=config.tied,
                label_smoothing=config.label_smoothing,
            )
        except ValueError as error:
            raise InputError(str(error)) from None

    def reading(self) -> Reading:
        """Nats per token."""
        return Reading("nats/token", 1.0, "tokens")


def _checked(texts: Iterable[str]) -> list[str]:
    """Texts as a list, each one line."""
    found = list_of_texts(texts, "texts")
    for number, text in enumerate(found):
        check_text(text, f"text {number}", empty=True)
    return found
