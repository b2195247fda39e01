"""Music: composes pieces, chord by chord or event by event."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from torch import nn

from elman.config import require, typed
from elman.data.music.batches import COLUMNS
from elman.data.music.keys import Key
from elman.data.music.memory import pieces_in_memory
from elman.data.music.piece import PITCHES, Piece
from elman.errors import InputError
from elman.heads.base import SetHead
from elman.heads.multi_label import MultiLabel
from elman.heads.note_by_note import NoteByNote
from elman.models.autoregressive import Autoregressive
from elman.models.framewise import Framewise
from elman.tasks.music.answers import MusicAnswers
from elman.tasks.music.composition import Composition
from elman.tasks.music.data import MusicData
from elman.tasks.music.event_answers import EventAnswers
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.live import Answer, answers
from elman.tasks.music.options import MusicConfig
from elman.tasks.music.pieces import first_piece
from elman.tasks.shared.answers import TaskAnswers
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit

_EMBEDDING = 128  # features of an event
_DROPOUT_OF_NOTES = 0.5  # of the dropout elsewhere, where notes are chosen


class MusicModel(Task):
    """Predicts the chord of each step, or each event of a piece, from those before it, and composes.

    The chord before, how long each of its notes has been held, and the place in the bar → recurrent layer →
    the notes from the highest down, each told those above it; or each pitch by itself. Events are predicted
    as a language model predicts words.

    Loss: nats per step, or per event.

    Args:
        **options: fields of ``MusicConfig`` (``elman train music --help`` explains them).

    Shapes:
        pieces: N lists of steps, each a list of pitches in [0, 127]; or N arrays [T, 128]

    Raises:
        InputError: an option out of its range.
    """

    Config = MusicConfig
    Facts = MusicFacts
    Data = MusicData
    Answers = MusicAnswers

    model: Framewise | Autoregressive

    def fit(
        self,
        data: Paths | None = None,
        *,
        pieces: Sequence[Any] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on files, or on pieces in memory; the option ``split`` applies to both.

        Args:
            data: paths.
            pieces: pieces instead of paths, see ``pieces_in_memory``; each step is one of
                ``steps_per_bar`` (16 if absent) of a bar of 4/4.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: there are both files and pieces or neither, or one breaks a rule.
            TrainingStopped: the loss or a gradient is not finite.
        """
        check_one_source(data is not None, pieces is not None, "pieces")
        if pieces is None:
            return self.train(data, out, overwrite=overwrite, show_progress=show_progress)
        for option in ("validation", "test"):
            value = getattr(self.config, option)
            require(f"the option {option}", not value, "left out for pieces in memory", value)
        given = {"training": pieces_in_memory(pieces)}

        def read(_: Path | None) -> MusicData:
            return MusicData.of(self.config, given, self.named)

        return self._fit(read, out, overwrite, show_progress)

    def evaluate(self, data: Paths | None = None, *, pieces: Sequence[Any] | None = None) -> dict[str, Any]:
        """Measures the model on other files, or on pieces in memory as for ``fit``.

        Raises:
            InputError: there are both files and pieces or neither, or one breaks a rule.
        """
        answers = self.answers
        check_one_source(data is not None, pieces is not None, "pieces")
        if data is not None:
            return answers.evaluate(as_paths(data))
        return answers.of_pieces(pieces_in_memory(pieces or []))

    def compose(
        self,
        bars: int = 16,
        *,
        primer: str | Path | None = None,
        melody: str | Path | None = None,
        temperature: float = 1.0,
        key: str | None = None,
        tempo: float | None = None,
        seed: int | None = None,
    ) -> Composition:
        """Composes a piece, goes on with one, or harmonises a melody.

        Args:
            bars: to compose.
            primer: file of a piece to go on with; None: begin with nothing.
            melody: file of a piece whose highest notes are harmonised, whatever ``bars`` says, by a model of
                chords; None: nothing is given.
            temperature: below 1 safer, above 1 more varied; 0: at each choice the most probable.
            key: such as C, F# or Bbm; None: left to chance. Primer, melody, or the likeliest of eight drafts
                are moved to it by at most six semitones.
            tempo: quarter notes a minute; None: as usual in the training part.
            seed: of the draws; None: another one each call.

        Returns:
            The piece, with ``sounds`` [T, 128] bool, ``piece`` (its notes) and ``write(path, title)``.

        Raises:
            InputError: an option is out of its range, there are primer and melody, or a file cannot be read.
        """
        answers = self.answers
        bars, temperature = typed(int, bars, "--bars"), typed(float, temperature, "--temperature")
        require("--bars", 1 <= bars <= 10_000, "an int in [1, 10000]", bars)
        require("--temperature", 0 <= temperature <= 100, "in [0, 100]", temperature)
        if primer is not None and melody is not None:
            raise InputError("--primer and --melody exclude each other")
        before, above = (
            None if path is None else first_piece(Path(path), self.config) for path in (primer, melody)
        )
        composed: Composition = answers.compose(
            self.opened_data().rolls["training"],
            bars=bars,
            primer=before,
            melody=above,
            temperature=temperature,
            key=None if key is None else Key.parse(key),
            tempo=tempo,
            seed=typed(int | None, seed, "--seed"),
        )
        return composed

    def answer_live(
        self,
        source: str,
        sink: str,
        *,
        bars: int = 4,
        temperature: float = 1.0,
        tempo: float | None = None,
        seed: int | None = None,
    ) -> Iterator[Answer]:
        """Yields an answer to each phrase that is played into a MIDI port, once it has been played.

        Args:
            source: name of the port to listen to, or tcp:HOST:PORT.
            sink: name of the port to play on, or tcp:HOST:PORT.
            bars: of an answer.
            temperature: as for ``compose``.
            tempo: quarter notes a minute, of phrases and answers; None: as usual in the training part.
            seed: of the draws; None: another one each time.

        Raises:
            InputError: a port cannot be opened.
        """
        corpus, own = self.opened_data().rolls["training"], self.answers

        def compose(phrase: Piece) -> Composition:
            composed: Composition = own.compose(
                corpus, bars=bars, primer=phrase, temperature=temperature, tempo=tempo, seed=seed
            )
            return composed

        return answers(source, sink, self.facts, tempo, compose)

    def _answers_of(self, model: nn.Module | None = None, folder: Path | None = None) -> TaskAnswers:
        kind = EventAnswers if self.config.representation == "events" else MusicAnswers
        return kind(self.config, self.facts, model, folder)

    def build(self) -> nn.Module:
        """Returns the model: a language model of events, or a head for chords that reads the inputs too."""
        config = self.config
        if config.representation == "events":
            return Autoregressive(len(self.facts.vocabulary), self.layer(_EMBEDDING), config.dropout)
        layer = self.layer(COLUMNS)
        features = layer.output_size + COLUMNS
        units, dropout = config.note_units, _DROPOUT_OF_NOTES * config.dropout
        head: SetHead
        if config.head == "joint":
            head = NoteByNote(features, PITCHES, units, dropout)
        else:
            head = MultiLabel(features, PITCHES, summed=True, hidden=units, dropout=dropout)
        return Framewise(layer, head, config.dropout, passed_on=True)

    def loss_unit(self) -> LossUnit:
        """Shows nats per step or event."""
        unit = "event" if self.config.representation == "events" else "step"
        return LossUnit(f"nats/{unit}", 1.0, f"{unit}s")
