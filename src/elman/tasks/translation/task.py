"""Translation: sentences of one language, or of any other kind of text, to sentences of another."""

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
from elman.train.loop import LossUnit


class Translator(Task):
    """Translates sentences with an encoder, a decoder and attention, trained on pairs.

    Loss: nats per token of the target, including its end.

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
        """The tokens that sources are split into."""
        vocabulary: TextVocabulary = self.facts.source
        return vocabulary

    @property
    def target_vocabulary(self) -> TextVocabulary:
        """The tokens of translations; with ``shared_vocabulary``, those of the sources."""
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
        """Trains on texts and their translations, split into parts by the options.

        Args:
            sources: N texts.
            targets: N texts.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: the numbers of sources and targets differ, or, unless ``skip_bad_lines`` is set, a
                text is empty or holds a control character.
            TrainingStopped: the loss or a gradient is not finite.
        """
        pairs = pairs_from_texts(self.config, sources, targets)
        return self._fit(
            lambda folder: TranslationData.of(self.config, pairs, folder, self.named),
            out,
            overwrite,
            show_progress,
        )

    def translate(self, texts: Iterable[str], **options: Any) -> list[str]:
        """Returns the best translation of each text.

        Warns once, of the first text that is unlike the training sources.

        Args:
            texts: N texts; an empty one stays empty.
            **options: fields of ``SearchOptions`` (``elman translate --help`` explains them).

        Raises:
            InputError: an option is unknown or out of its range, or a text holds a control character.
        """
        search = SearchOptions.of(options, "translate")
        if search.nbest > 1:
            raise InputError("translate returns only the best translation; nbest() returns several")
        translations: list[str] = self.answers.writer.best(self._looked_at(texts), search)
        return translations

    def nbest(self, texts: Iterable[str], **options: Any) -> list[list[Translation]]:
        """Returns ``nbest`` translations of each text and their scores, best first; warns as ``translate``.

        Args:
            texts: N texts; an empty one has one translation, which is empty.
            **options: as for ``translate``.

        Raises:
            InputError: as ``translate`` does.
        """
        search = SearchOptions.of(options, "nbest")
        translations: list[list[Translation]] = self.answers.writer.nbest(self._looked_at(texts), search)
        return translations

    def _looked_at(self, texts: Iterable[str]) -> list[str]:
        """Returns texts as a checked list; warns of the first that is unlike the training sources."""
        watch, checked = self.answers.watch(), _checked(texts)
        for number, text in enumerate(checked):
            watch.look(text, f"text {number}")
        return checked

    def draw(self, source: str, translation: str, path: str | Path) -> None:
        """Draws where the translator looks in the source as it writes the translation.

        Args:
            source: a text.
            translation: a translation of the source, by the model or anyone else.
            path: the file to write (.png, .svg or .pdf).

        Raises:
            InputError: a text holds a control character, the path breaks a rule, or there is no attention.
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
        """Measures scores on other pairs: two files, one file with tabs, or texts in memory as for ``fit``.

        Raises:
            InputError: a pair breaks a rule, or sacrebleu is not installed.
        """
        answers = self.answers
        bleu()  # a missing library must be an error before the texts are translated, not after
        check_one_source(data is not None, sources is not None or targets is not None, "sources and targets")
        if data is not None:
            return answers.evaluate(as_paths(data))
        return answers.figures(pairs_from_texts(self.config, sources, targets))

    def build(self) -> Seq2Seq:
        """Returns the model: encoder, decoder, attention and output layer."""
        config, vocabulary = self.config, self.target_vocabulary
        encoder = self.layer(config.embedding_size, config.hidden_size // 2, bidirectional=True)
        decoder = self.layer(config.embedding_size * (2 if config.input_feeding else 1))
        try:
            attention = None
            if config.attention != "none":
                attention = ATTENTIONS[config.attention](decoder.output_size, encoder.output_size)
            return Seq2Seq(
                len(vocabulary),
                encoder,
                decoder,
                attention,
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

    def loss_unit(self) -> LossUnit:
        """Shows nats per token."""
        return LossUnit("nats/token", 1.0, "tokens")


def _checked(texts: Iterable[str]) -> list[str]:
    """Returns texts as a list; checks that each is one line."""
    checked = list_of_texts(texts, "texts")
    for number, text in enumerate(checked):
        check_text(text, f"text {number}", empty=True)
    return checked
