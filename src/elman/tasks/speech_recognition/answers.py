"""Transcripts of a recogniser, their error rates and the report."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.baselines.nearest_recording import nearest_transcripts
from elman.config import require
from elman.data.left import Bad, Left
from elman.data.read.wave import arriving_samples
from elman.data.transcribed.batches import Spoken
from elman.data.transcribed.files import Utterance, read_all, utterances
from elman.data.transcribed.pauses import in_segments
from elman.decode.ctc import Scorer
from elman.diagnose.remedies import Remedy
from elman.errors import InputError
from elman.metrics.error_rate import alignment, errors
from elman.models.framewise import Framewise
from elman.notice import notice
from elman.pictures.speech import draw_understood
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import behind_lines, shorten, table_lines
from elman.tasks.speech_recognition.data import SpeechData, Transcribed, form_of, spoken, windows_of
from elman.tasks.speech_recognition.facts import SpeechFacts, named
from elman.tasks.speech_recognition.language import Kind, Language, choose
from elman.tasks.speech_recognition.listening import (
    greedy,
    log_probabilities,
    seconds_of_step,
    text_of,
)
from elman.tasks.speech_recognition.named_language import named_scorer
from elman.tasks.speech_recognition.options import SpeechConfig
from elman.tasks.speech_recognition.streaming import Heard, Listener, heard_in_sound
from elman.tasks.speech_recognition.transcribing import Transcriber
from elman.train.loop import evaluate

_PICTURE = "understood.png"
_DRAWN = 3000  # frames
_KNOWN, _ASKED = 500, 200  # recordings that the nearest one is sought among, and for
_LOST, _STEPS = 0.5, 2000  # letter errors, and changes of the weights below which more of these help
_WORST, _EXCERPT = 5, 100  # transcripts in the report, and characters of each
FIGURES = {"word_error_rate": "word errors", "character_error_rate": "letter errors"}


class SpeechAnswers(TaskAnswers):
    """Transcripts of recordings, and their error rates."""

    config: SpeechConfig
    facts: SpeechFacts
    model: Framewise

    _named: Scorer | None = None

    # Transcripts

    def writing(self, **language: Any) -> Self:
        """Returns answers that are written with a language model or words in place of the run's own.

        Args:
            **language: see ``named_scorer``.
        """
        other = copy.copy(self)
        other._named = named_scorer(self.facts, form_of(self.config), **language)
        return other

    @property
    def scorer(self) -> Scorer | None:
        """The language model that writes; None: the sound alone."""
        return self._named or self.facts.scorer

    @property
    def transcriber(self) -> Transcriber:
        """The object that writes down recordings."""
        return Transcriber(self.config, self.facts, self.model, self.scorer)

    def transcribe(self, paths: Sequence[Path], on_bad: Bad = "stop") -> Iterator[dict[str, Any]]:
        """Yields what each recording of files, folders and manifests says."""
        items = utterances(paths, form_of(self.config), with_text=False)
        return self.transcriber.transcripts(items, on_bad)

    def listen(self, file: Any, rate: int | None) -> Iterator[Heard]:
        """Yields what has been said so far as sound arrives, and the whole at the end.

        Args:
            file: a buffered file of bytes, such as ``sys.stdin.buffer``; see ``arriving_samples``.
            rate: samples a second, Hz, of what has no header; None: it must be a WAV stream.

        Raises:
            InputError: the run reads both directions, or there is no sound.
        """
        listener = Listener(self.config, self.facts, self.model, self.scorer)
        given, pieces = arriving_samples(file, "standard input", rate)
        return heard_in_sound(self.config, self.facts, listener, given, pieces)

    def draw(self, paths: Sequence[Path], answer: dict[str, Any], picture: Path) -> None:
        """Draws the spectrum of the only recording, with its words under it."""
        (item,) = utterances(paths, form_of(self.config), with_text=False)
        _, frames = next(in_segments(item.pieces(), _DRAWN))
        self._draw(frames, answer["words"], picture, answer["file"])

    def _draw(self, frames: np.ndarray, words: Sequence[Any], picture: Path, title: str) -> None:
        seconds = seconds_of_step(self.config, self.facts) / self.config.stride
        draw_understood(frames, words, seconds, picture, shorten(title, _EXCERPT))

    def log_probabilities(self, part: Transcribed) -> list[np.ndarray]:
        """Returns the log-probabilities [S, V + 1] of each recording's steps."""
        return log_probabilities(self.config, self.facts, self.model, part)

    def text(self, log_p: np.ndarray) -> str:
        """Returns what one recording says, from its log-probabilities [S, V + 1]."""
        return " ".join(word.word for word in self.transcriber.words(log_p))

    def greedy(self, log_p: np.ndarray) -> str:
        """Returns the text of the best path alone."""
        return text_of(self.facts, greedy(self.facts, log_p))

    def choose_language(self, data: SpeechData) -> tuple[Language | None, list[dict[str, Any]]]:
        """Chooses a language model of the training transcripts on the validation part; see ``choose``."""
        wanted, validation = self.config.language, data.part("validation")
        training = data.part("training").texts + data.further
        has_words = any(" " in text for text in training)
        kinds: list[Kind] = ["letters", "words"] if wanted == "auto" else [wanted]  # type: ignore[list-item]
        if wanted == "none" or not len(validation):
            return (None if wanted in ("none", "auto") else Language.of(kinds[0], training)), []
        kinds = [kind for kind in kinds if kind != "words" or has_words or wanted == "words"]
        probabilities = self.log_probabilities(validation)
        best, tried = choose(
            kinds, training, self.facts.symbols, probabilities, validation.texts, self.config.beam
        )
        return best, tried

    # Figures

    def read(self, paths: list[Path]) -> Transcribed:
        """Reads recordings with their transcripts; those that are bad are refused or left out, as trained."""
        require("data", bool(paths), "at least one path", paths)
        return self.gathered(utterances(paths, form_of(self.config), with_text=True))

    def gathered(self, items: Iterable[Utterance]) -> Transcribed:
        """Reads recordings with their transcripts into memory."""
        left, kept = Left(self.config.on_bad, "recording"), []
        frames = []
        for item, x in read_all(items, left):
            self.transcriber.check(item, x)
            if item.text is None:
                raise InputError(f"{item.place}: has no transcript")
            kept.append(item)
            frames.append(x)
        left.tell(len(kept))
        part = Transcribed(frames, [item.text or "" for item in kept], [item.place for item in kept])
        strange = sorted(set().union(*map(self.facts.unknown, part.texts)))
        if strange:
            notice(
                f"{len(strange)} characters of these transcripts are not in the alphabet of the run, such as "
                f"{named(strange[0])}; they count as errors"
            )
        return part

    def batches(self, paths: list[Path]) -> Spoken:
        """Returns batches of other recordings."""
        return spoken(self.config, self.facts, self.read(paths))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures error rates on other recordings."""
        return self.figures(self.read(paths))

    def figures(self, part: Transcribed) -> dict[str, Any]:
        """Returns error rates of a part, and the loss."""
        return self._figures(part, [self.text(log_p) for log_p in self.log_probabilities(part)])

    def _figures(self, part: Transcribed, texts: list[str]) -> dict[str, Any]:
        loss = evaluate(self.model, spoken(self.config, self.facts, part))
        return {
            **_rates(part.texts, texts),
            "nats_per_symbol": loss.mean,
            "recordings": len(part),
        }

    def measure(self, data: SpeechData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model and simple methods on the test part; keeps the worst transcripts, draws one."""
        test = data.part("test")
        if not len(test):
            return {}
        probabilities = self.log_probabilities(test)
        texts = [self.text(log_p) for log_p in probabilities]
        if self.folder is not None:
            words = [word._asdict() for word in self.transcriber.words(probabilities[0])]
            self._draw(test.frames[0], words, self.folder / _PICTURE, test.places[0])
        found = {"greedy": _rates(test.texts, [self.greedy(log_p) for log_p in probabilities])}
        return (found if self.facts.language is not None else {}) | {
            "test": self._figures(test, texts),
            "baselines": self._baselines(data.part("training"), test),
            "worst": self._worst(test, texts),
        }

    def _baselines(self, training: Transcribed, test: Transcribed) -> dict[str, Any]:
        """Measures the most frequent transcript, and that of the recording that sounds most alike."""
        ((frequent, _),) = Counter(training.texts).most_common(1)
        random = np.random.default_rng(self.config.seed)
        known = training.rows(random.permutation(len(training))[:_KNOWN])
        asked = test.rows(range(min(len(test), _ASKED)))
        read = [
            [self.facts.standardised(x, centred=self.config.is_centred) for x in part.frames]
            for part in (known, asked)
        ]
        near = nearest_transcripts(read[0], known.texts, read[1])
        return {
            "most frequent transcript": _rates(test.texts, [frequent] * len(test)),
            "most similar recording": _rates(asked.texts, near) | {"recordings": len(asked)},
        }

    def _worst(self, test: Transcribed, texts: list[str]) -> list[dict[str, Any]]:
        """Returns the transcripts with the most word errors."""
        edits = [
            errors([truth], [text], "words").edits for truth, text in zip(test.texts, texts, strict=True)
        ]
        order = sorted(range(len(test)), key=lambda k: -edits[k])
        return [
            {"place": test.places[k], "errors": edits[k], "transcript": test.texts[k], "understood": texts[k]}
            for k in order[:_WORST]
            if edits[k]
        ]

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes more steps where the network has not yet found which steps the letters are in."""
        steps, figures = results["steps"], results.get("test", {})
        if figures.get("character_error_rate", 0.0) > _LOST and steps < _STEPS:
            epochs = min(1000, -(-self.config.epochs * _STEPS // max(steps, 1)))
            why = (
                f"the weights were changed {steps:,} times; before some thousand times, a recogniser often "
                "has not found where in a recording its letters are"
            )
            yield Remedy({"epochs": epochs}, why, of_the_data=True)

    def excerpt(self, batches: Spoken) -> Excerpt:
        """Returns a batch with the names of the numbers of each step."""
        columns = [
            f"mel {k}" if self.facts.kind == "sound" else f"feature {k}"
            for k in range(1, self.facts.columns + 1)
        ]
        windows = windows_of(self.config)
        names = tuple(
            f"{column}, frame {frame}"
            for frame in range(-windows.behind, windows.stride + windows.ahead)
            for column in columns
        )
        return Excerpt(next(iter(batches.epoch(0))), features=names)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the error rates of the model and of simple methods, and its worst transcripts."""
        if "test" not in results:
            return "trained on all recordings; no test part"
        test, baselines = results["test"], results["baselines"]
        alone = {"this model, the sound alone": results["greedy"]} if "greedy" in results else {}
        rows = {
            name: [f"{figures[key]:.2%}" for key in FIGURES]
            for name, figures in {**baselines, **alone, "this model": test}.items()
        }
        lines = table_lines(
            f"on the test part ({test['recordings']:,} recordings)", [*FIGURES.values()], rows
        )
        if results.get("language"):
            found = results["language"]
            lines.append(
                f"language model of the training transcripts: n-grams of {found['kind']}, "
                f"alpha {found['alpha']:g}, beta {found['beta']:g}"
            )
        lines += behind_lines(test, baselines, FIGURES, higher_is_better=False)
        for worst in results["worst"]:
            both = alignment(worst["transcript"], worst["understood"])
            lines += ["", *(shorten(line, _EXCERPT) for line in (worst["place"], *both))]
        return "\n".join(lines)


def _rates(references: list[str], texts: list[str]) -> dict[str, float]:
    return {
        "word_error_rate": errors(references, texts, "words").rate,
        "character_error_rate": errors(references, texts, "characters").rate,
    }
