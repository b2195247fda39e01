"""Speech recognition: what recordings say, letter by letter."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from elman.config import require
from elman.data.left import Left
from elman.data.transcribed.memory import utterances_in_memory
from elman.heads.ctc import CTC
from elman.models.framewise import Framewise
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.tasks.speech_recognition.answers import SpeechAnswers
from elman.tasks.speech_recognition.data import SpeechData, form_of, further_texts, windows_of
from elman.tasks.speech_recognition.facts import SpeechFacts
from elman.tasks.speech_recognition.listening import symbol_errors
from elman.tasks.speech_recognition.options import SpeechConfig
from elman.train.loop import LossUnit


class SpeechRecognizer(Task):
    """Writes down what recordings say, with connectionist temporal classification.

    Frames, several at each step → recurrent layers → a symbol or a blank at each step. Frames of sound are
    log-mel spectra; they are scaled to mean 0 and variance 1, as measured on the training part.

    Args:
        **options: fields of ``SpeechConfig`` (``elman train speech-recognition --help`` explains them).

    Shapes:
        recordings: N arrays of samples [samples] or [samples, channels], or of features [frames, I]

    Raises:
        InputError: an option out of its range.
    """

    Config = SpeechConfig
    Facts = SpeechFacts
    Data = SpeechData
    Answers = SpeechAnswers

    model: Framewise

    def fit(
        self,
        recordings: Sequence[Any],
        texts: Sequence[str],
        sample_rate: int | None = None,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on recordings in memory, split into parts by the options.

        Args:
            recordings: N arrays of samples with ``sample_rate``, or of features [frames, I] without.
            texts: N transcripts.
            sample_rate: samples a second, Hz; None: the arrays are features.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: recordings and texts differ in number, or one breaks a rule.
            TrainingStopped: the loss or a gradient is not finite.
        """
        for option in ("validation", "test"):
            value = getattr(self.config, option)
            require(f"the option {option}", not value, "left out for fit, which reads no files", value)
        form = form_of(self.config, sample_rate)
        items = utterances_in_memory(recordings, texts, sample_rate, form)
        further = further_texts(self.config.language_texts, form)
        named = [("training", item) for item in items]

        def read(folder: Path | None) -> SpeechData:
            left = Left(self.config.on_bad, "recording")
            return SpeechData.of(self.config, named, left, folder, sample_rate, further)

        return self._fit(read, out, overwrite, show_progress)

    def transcribe(
        self, recordings: Sequence[Any], sample_rate: int | None = None, **language: Any
    ) -> list[dict[str, Any]]:
        """Returns what each recording says: text, confidence, and words with their times in seconds.

        Args:
            recordings: N paths, or N arrays as for ``fit``.
            sample_rate: as for ``fit``.
            **language: ``language_model`` (a run folder, or a fitted ``LanguageModel``), ``word_list`` (a
                file, or words), ``language_weight`` and ``length_bonus``, as the options of ``transcribe``.

        Raises:
            InputError: a recording cannot be read, or is not of the kind that the model was trained on; or
                the language model does not fit.
        """
        answers = self.answers.writing(**language) if language else self.answers
        if len(recordings) and all(isinstance(each, str | Path) for each in recordings):
            return list(answers.transcribe(as_paths(list(recordings))))
        items = utterances_in_memory(recordings, None, sample_rate, form_of(self.config))
        return list(answers.transcriber.transcripts(items))

    def evaluate(
        self,
        data: Paths | None = None,
        *,
        recordings: Sequence[Any] | None = None,
        texts: Sequence[str] | None = None,
        sample_rate: int | None = None,
        **language: Any,
    ) -> dict[str, Any]:
        """Measures error rates on other files, or on recordings in memory as for ``fit``.

        Args:
            data: paths.
            recordings: as for ``fit``.
            texts: as for ``fit``.
            sample_rate: as for ``fit``.
            **language: as for ``transcribe``.

        Raises:
            InputError: there are both files and recordings or neither, or one breaks a rule.
        """
        answers = self.answers.writing(**language) if language else self.answers
        check_one_source(
            data is not None, recordings is not None or texts is not None, "recordings and texts"
        )
        if data is not None:
            return answers.evaluate(as_paths(data))
        items = utterances_in_memory(recordings or [], texts or [], sample_rate, form_of(self.config))
        return answers.figures(answers.gathered(items))

    def _judge(self, parts: Parts) -> Callable[[], float] | None:
        """Judges by the errors of the best paths, which fall long after the loss has begun to rise."""
        validation = parts.validation
        return None if validation is None else lambda: symbol_errors(self.model, validation)

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Chooses the language model, then measures."""
        language, tried = self.answers.choose_language(self.data)
        self.facts = replace(self.facts, language=language)
        results = super()._measure(parts, show_progress)
        if tried:
            results["tried"] = tried
        if language is not None:
            results["language"] = {key: getattr(language, key) for key in ("kind", "alpha", "beta")}
        return results

    def build(self) -> Framewise:
        """Returns the model: recurrent layers, and a head for symbols and blanks."""
        layer = self.layer(
            windows_of(self.config).frames * self.facts.columns, bidirectional=not self.config.streaming
        )
        return Framewise(layer, CTC(layer.output_size, len(self.facts.symbols)), self.config.dropout)

    def loss_unit(self) -> LossUnit:
        """Shows nats per symbol."""
        return LossUnit("nats/symbol", 1.0, "symbols")
