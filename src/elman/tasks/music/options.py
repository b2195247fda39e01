"""Options of the task music and of its verb."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from elman.config import require
from elman.errors import InputError
from elman.pictures.base import PICTURES
from elman.tasks.shared.options import ABSENT, FileOptions, Sized, StartOptions, Verb

OUTPUTS = (".mid", ".midi", ".wav", *PICTURES)
"""Suffixes of what a composition is written to."""


@dataclass(frozen=True, kw_only=True)
class Compose(Verb):
    """Composes a piece, goes on with one, harmonises a melody, or answers what is played.

    Writes MIDI, sound (.wav) and pictures of its piano roll, as the files in --out end; without --out it
    prints the chords, a bar a line. Every note ends at the latest with its bar (of events, with the piece),
    and lies between the lowest and the highest of the training part (of events, of its voice there), but
    for the few semitones that --key moves it. It says how long a run of chords the training part has too.
    """

    out: tuple[Path, ...] = ()
    """files to write, as their endings say: .mid, .wav, .png, .svg or .pdf; if absent, the chords are
    printed"""
    bars: int = 16
    """bars to compose"""
    primer: Path | None = None
    """file of a piece to go on with, which begins with a bar; if absent, begin with nothing"""
    melody: Path | None = None
    """file of a piece whose highest notes are harmonised; its length is theirs, whatever --bars says, and
    where they rest, all does; not for events. If absent, nothing is given"""
    temperature: float = 1.0
    """below 1 safer, above 1 more varied; 0: at each choice the most probable"""
    key: str | None = None
    """key such as C, F# or Bbm, which primer or melody are moved to; without these, the likeliest of eight
    drafts is. If absent, the key is left to chance"""
    tempo: float | None = None
    """quarter notes a minute; if absent, as usual in the training part"""
    seed: int | None = None
    """the same seed composes the same piece; if absent, every call another"""
    overwrite: bool = False
    """replace files that exist"""
    live: tuple[str, ...] = ()
    """two MIDI ports, to listen to and to play on, by name, or as tcp:HOST:PORT if mido serves them: each
    phrase that a second of silence ends is answered with --bars bars, until Ctrl-C. If absent, none is"""

    example: ClassVar[str] = "elman compose runs/music --out new.mid new.wav --bars 8 --seed 1"

    def __post_init__(self) -> None:
        """Checks every value."""
        require("--bars", 1 <= self.bars <= 10_000, "an int in [1, 10000]", self.bars)
        require("--temperature", 0 <= self.temperature <= 100, "in [0, 100]", self.temperature)
        require("--tempo", self.tempo is None or 10 <= self.tempo <= 1000, "in [10, 1000]", self.tempo)
        require("--seed", self.seed is None or 0 <= self.seed < 2**63, "an int in [0, 2^63)", self.seed)
        if self.primer is not None and self.melody is not None:
            raise InputError("--primer and --melody exclude each other")
        require("--live", len(self.live) in (0, 2), "two ports", " ".join(self.live))
        if self.live and (self.out or self.primer or self.melody or self.key):
            raise InputError("--live goes with neither --out, --primer, --melody nor --key")
        for path in self.out:
            kind = path.suffix.lower()
            require("--out", kind in OUTPUTS, f"files ending in {', '.join(OUTPUTS)}", str(path))
            require("--out", path.parent.is_dir(), "files in folders that exist", str(path))
            new = self.overwrite or not path.exists()
            require("--out", new, "files that do not exist, or --overwrite given", str(path))

    def text(self, task: Any) -> Iterator[str]:
        """Yields the chords if no file is to be written, and a line about the piece, or about each answer."""
        if self.live:
            yield from (answer.line() for answer in self._answers(task))
            return
        composed = task.compose(**self._options())
        for path in self.out:
            composed.write(path, task.name)
        if not self.out:
            yield from composed.lines()
        yield composed.summary(self.out)

    def json(self, task: Any) -> dict[str, Any]:
        """Returns the notes, their unit, key, tempo, seed, and the longest run copied."""
        composed = task.compose(**self._options())
        for path in self.out:
            composed.write(path, task.name)
        answer: dict[str, Any] = composed.json()
        return answer

    def objects(self, task: Any) -> Iterator[dict[str, Any]]:
        """Yields one object, or one for each answer to what is played."""
        if not self.live:
            yield self.json(task)
            return
        for answer in self._answers(task):
            yield {"heard": answer.heard, **answer.composition.json()}

    def _answers(self, task: Any) -> Iterator[Any]:
        return task.answer_live(
            *self.live, bars=self.bars, temperature=self.temperature, tempo=self.tempo, seed=self.seed
        )

    def _options(self) -> dict[str, Any]:
        names = ("bars", "primer", "melody", "temperature", "key", "tempo", "seed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class MusicConfig(StartOptions, FileOptions):
    """Trains a composer on MIDI files, tunes in ABC notation or piano rolls, or folders of these.

    A piece is read as the chord that sounds at each step: which pitches, of all instruments but drums. The
    model is told how long each note has been held, and the place in the bar. Or it is read as events: notes
    of several voices and their lengths, loudness, drums, chord symbols, time that passes, and bars.
    Piano rolls (.json) are lists of steps, each a list of pitches; one piece, several, or an object with the
    lists train, valid and test.
    """

    verb = Compose
    example = "elman train music chorales.json --out runs/music --epochs 20"
    rank = 27
    sized = ("representation", "hidden_size", "dropout", "batch_size", "epochs")
    of_old_runs = {"representation": "chords"}
    of_the_run = (*StartOptions.of_the_run, "representation", "head", "note_units")
    groups = {
        "": ("pretrained", "representation", "head"),
        "model": ("note_units",),
        "training": ("transpose", "stretch", "window"),
        "music": ("steps_per_bar",),
        "parts of the data": ("split", "validation", "test", "on_bad"),
    }

    representation: Sized[Literal["chords", "events"]] = ABSENT
    """chords: what sounds at each step; events: notes, their lengths, voices and loudness, drums and chord
    symbols, one after another. If absent, events if at least half of the pieces have drums, several
    instruments, chord symbols or notes of different loudness, which chords do not tell"""
    head: Literal["joint", "independent"] = "joint"
    """of chords. joint: the notes of a chord are chosen from the highest down, each told those above it;
    independent: each pitch sounds or not, whatever the others do"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer; if absent, 128 or, from 8,000 steps on, 256"""
    note_units: int = 256
    """units of the layer that chooses the notes of a chord"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and after them; if absent, 0.4, or 0.3 from 50,000 steps on"""
    batch_size: Sized[int] = ABSENT
    """pieces or windows in a batch; if absent, 8, or 4 if they have 128 steps or more on average"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 10 to 80: more for fewer steps"""
    learning_rate: float = 3e-3
    """highest learning rate"""
    average: Literal["none", "ema", "asgd"] = "ema"
    """average of the weights, validated beside the last ones, of which the better are kept: ema (exponential
    moving average over two epochs), asgd (the mean since the validation loss first rose) or none"""
    transpose: int = 6
    """semitones up or down by which training moves each piece at most, at random, drums excepted; 0: none,
    with which independent notes are learnt better"""
    stretch: float = 0.0
    """share by which training makes each piece slower or faster at most, at random, for events of pieces
    that were played without keeping to a beat; 0: none"""
    window: int = 256
    """steps or events that are trained on at once; longer pieces are cut"""
    steps_per_bar: int | None = None
    """steps of a bar in the most common meter; if absent, a step is a sixteenth note, and piano rolls, which
    say no meter, have 16 in a bar of 4/4"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random; pieces of a file with lists train,
    valid and test stay in these"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part; if present, its share of --split is trained on"""
    on_bad: Literal["stop", "skip"] = "stop"
    """what a file, tune or piece that cannot be read does: stop the training, or be left out and told"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        require("--note-units", 1 <= self.note_units <= 10**5, "an int in [1, 1e5]", self.note_units)
        require("--transpose", 0 <= self.transpose <= 24, "an int in [0, 24]", self.transpose)
        require("--window", 2 <= self.window <= 10**6, "an int in [2, 1e6]", self.window)
        require("--stretch", 0 <= self.stretch <= 0.5, "in [0, 0.5]", self.stretch)
        steps = self.steps_per_bar
        require("--steps-per-bar", steps is None or 1 <= steps <= 192, "an int in [1, 192]", steps)

    @property
    def varies(self) -> bool:
        """Whether pieces are moved to other keys, or stretched."""
        return self.transpose > 0 or self.stretch > 0
