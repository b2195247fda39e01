"""Music: composes pieces, chord by chord."""

from pathlib import Path

from elman.config import require, typed
from elman.data.music.batches import COLUMNS
from elman.data.music.keys import Key
from elman.data.music.piece import PITCHES
from elman.heads.base import SetHead
from elman.heads.multi_label import MultiLabel
from elman.heads.note_by_note import NoteByNote
from elman.models.framewise import Framewise
from elman.tasks.music.answers import MusicAnswers
from elman.tasks.music.composition import Composition
from elman.tasks.music.data import MusicData, first_piece
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.options import MusicConfig
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit

_DROPOUT_OF_NOTES = 0.5  # of the dropout elsewhere, where the notes of a chord are chosen


class MusicModel(Task):
    """Predicts the chord of each step from those before it, and composes.

    The chord before, how long each of its notes has been held, and the place in the bar → recurrent layer →
    the notes from the highest down, each told those above it; or each pitch by itself.

    Loss: nats per step.

    Args:
        **options: fields of ``MusicConfig`` (``elman train music --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = MusicConfig
    Facts = MusicFacts
    Data = MusicData
    Answers = MusicAnswers

    model: Framewise

    def compose(
        self,
        bars: int = 16,
        *,
        primer: str | Path | None = None,
        temperature: float = 1.0,
        key: str | None = None,
        tempo: float | None = None,
        seed: int | None = None,
    ) -> Composition:
        """Composes a piece, or goes on with one.

        Args:
            bars: to compose.
            primer: file of a piece to go on with; None: begin with nothing.
            temperature: below 1 safer, above 1 more varied; 0: at each choice the most probable.
            key: such as C, F# or Bbm; None: left to chance. The primer, or the likeliest of eight drafts, is
                moved to it by at most six semitones.
            tempo: quarter notes a minute; None: as usual in the training part.
            seed: of the draws; None: another one each call.

        Returns:
            The piece, with ``sounds`` [T, 128] bool, ``piece`` (its notes) and ``write(path, title)``.

        Raises:
            InputError: an option is out of its range, the primer cannot be read, or the run's data cannot.
        """
        answers = self.answers
        bars, temperature = typed(int, bars, "--bars"), typed(float, temperature, "--temperature")
        require("--bars", 1 <= bars <= 10_000, "an int in [1, 10000]", bars)
        require("--temperature", 0 <= temperature <= 100, "in [0, 100]", temperature)
        before = None if primer is None else first_piece(Path(primer), self.config)
        composed: Composition = answers.compose(
            self.opened_data().rolls["training"],
            bars=bars,
            primer=before,
            temperature=temperature,
            key=None if key is None else Key.parse(key),
            tempo=tempo,
            seed=typed(int | None, seed, "--seed"),
        )
        return composed

    def build(self) -> Framewise:
        """Returns the model: a recurrent layer, and a head for chords that reads the layer's inputs too."""
        config = self.config
        layer = self.layer(COLUMNS)
        features = layer.output_size + COLUMNS
        head: SetHead
        if config.head == "joint":
            head = NoteByNote(features, PITCHES, config.note_units, _DROPOUT_OF_NOTES * config.dropout)
        else:
            head = MultiLabel(features, PITCHES, summed=True)
        return Framewise(layer, head, config.dropout, passed_on=True)

    def loss_unit(self) -> LossUnit:
        """Shows nats per step."""
        return LossUnit("nats/step", 1.0, "steps")
