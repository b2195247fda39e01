"""Pieces of each part, as what sounds at each step."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.data.left import Left
from elman.data.music.batches import Roll, Rolls
from elman.data.music.event_batches import EventStreams, corpus_of_pieces
from elman.data.music.events import EventCode
from elman.data.music.piece import PITCHES, Piece
from elman.data.read.npz import read_arrays
from elman.data.split import PARTS, warn_of_repeats
from elman.errors import InputError
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.options import MusicConfig
from elman.tasks.music.pieces import check_named, divided, of_part, representation_of, sounding
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import events as sizes_of_events
from elman.tasks.shared.sizing import music as sizes_of_music
from elman.tasks.shared.start import Source, begun, rows_of
from elman.tasks.shared.token_streams import whole_windows

_DATA, _EVENTS = "rolls.npz", "events.npz"
_WAYS = (-1.0, -0.5, 0.5, 1.0)  # shares of the option by which pieces are made slower and faster
_AT_ONCE, _MOST_STEPS = 32, 20_000  # pieces, and their steps, without gradients


class MusicData(TaskData):
    """The pieces of each part.

    Attributes:
        rolls: of each part, by its name.
    """

    config: MusicConfig
    facts: MusicFacts
    needed_to_load = True

    def __init__(self, config: MusicConfig, facts: MusicFacts, rolls: Mapping[str, Sequence[Roll]]) -> None:
        super().__init__(config, facts)
        self.rolls = rolls

    @classmethod
    def read(
        cls, config: MusicConfig, paths: list[Path], folder: Path | None, *, named: Collection[str] = ()
    ) -> Self:
        """Reads pieces, including those of parts with files of their own."""
        left = Left(config.on_bad, "piece")
        pieces = {"training": [*sounding(paths, config, left)]}
        own = {"validation": config.validation, "test": config.test}
        for part, files in own.items():
            if files:
                pieces[part] = of_part([*sounding(files, config, left)], part)
        left.tell(sum(map(len, pieces.values())))
        return cls.of(config, pieces, named)

    @classmethod
    def of(
        cls,
        config: MusicConfig,
        pieces: Mapping[str, Sequence[Piece]],
        named: Collection[str] = (),
    ) -> Any:
        """Divides pieces into parts, and learns the facts of the training part.

        Args:
            config: the options.
            pieces: those to divide under ``training``, and those of parts with files of their own.
            named: options that the user named.
        """
        config, source = begun(config, named)
        representation = config.representation or representation_of(pieces["training"])
        check_named(representation, sorted(named))
        if representation == "chords":
            pieces = {part: [piece for piece in own if len(piece.pitched())] for part, own in pieces.items()}
        parts = divided(config, pieces)
        if not parts["training"]:
            raise InputError("no piece to train on")
        facts = MusicFacts.learn(config, parts["training"])
        kind = EventData if representation == "events" else MusicData
        return kind.made(config, facts, parts, source)

    @classmethod
    def made(
        cls,
        config: MusicConfig,
        facts: MusicFacts,
        parts: Mapping[str, Sequence[Piece]],
        source: Source | None,
    ) -> Self:
        """Returns the data of pieces in their parts; those that two parts have are told."""
        rolls = {part: [facts.roll(piece) for piece in own] for part, own in parts.items()}
        _warn_of_repeats({part: [roll.sounds for roll in own] for part, own in rolls.items()}, parts)
        data = cls(config, facts, rolls)
        if source is not None:
            data.start = source.weights()
        return data

    def save(self, folder: Path) -> None:
        """Writes the rolls, in which a composition's copies are looked for."""
        _store(folder / _DATA, self.rolls)

    @classmethod
    def reopen(cls, config: MusicConfig, facts: MusicFacts, folder: Path) -> Any:
        """Reads the pieces from the run folder."""
        if config.representation == "events":
            every = _events(folder / _EVENTS, facts)
            pieces = dict(zip(PARTS, every, strict=False))
            return EventData(config, facts, pieces, every[len(PARTS) :])
        return cls(config, facts, _stored(folder / _DATA))

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number and length of the pieces trained on."""
        training = self.rolls["training"]
        windows = sum(-(-len(roll.sounds) // self.config.window) for roll in training)
        return {"representation": "chords", **sizes_of_music(steps_of(training), windows)}

    @property
    def amounts(self) -> dict[str, int]:
        """Pieces and steps of all parts."""
        every = [roll for part in self.rolls.values() for roll in part]
        return {"piece": len(every), "step": steps_of(every)}

    def parts(self) -> Parts:
        """Returns batches of all pieces."""
        config = self.config
        training = Rolls(
            self.rolls["training"],
            batch_size=config.batch_size,
            window=config.window,
            transpose=config.transpose,
            seed=config.seed,
        )
        others = (evaluated(self.rolls[part]) if self.rolls[part] else None for part in PARTS[1:])
        return Parts(training, *others)


class EventData(MusicData):
    """The pieces of each part as events.

    Attributes:
        pieces: tokens of the pieces of each part, by its name.
        variants: the training part's pieces as they are, then slower and faster.
    """

    def __init__(
        self,
        config: MusicConfig,
        facts: MusicFacts,
        pieces: Mapping[str, Sequence[np.ndarray]],
        variants: Sequence[Sequence[np.ndarray]] = (),
    ) -> None:
        super().__init__(config, facts, {})
        self.pieces, self.variants = pieces, [pieces["training"], *variants]
        self.rolls = _Decoded(facts, pieces)

    @classmethod
    def made(
        cls,
        config: MusicConfig,
        facts: MusicFacts,
        parts: Mapping[str, Sequence[Piece]],
        source: Source | None,
    ) -> Self:
        """Returns the data of pieces in their parts; those that two parts have are told."""
        training = parts["training"]
        factors = [1 + config.stretch * way for way in _WAYS] if config.stretch else []
        code = EventCode.learn(training, facts.step, facts.meter, config.transpose)
        facts = facts.with_events(code.names, training)
        pieces = {part: [facts.code.encode(piece) for piece in own] for part, own in parts.items()}
        _warn_of_repeats(pieces, parts)
        slower = [[facts.code.encode(piece, factor) for piece in training] for factor in factors]
        data = cls(config, facts, pieces, slower)
        if source is not None:
            rows = rows_of(facts.vocabulary, source.task.facts.vocabulary)
            data.start = source.weights({"embedding": rows, "head": rows})
        return data

    def save(self, folder: Path) -> None:
        """Writes the events, in which a composition's copies are looked for."""
        every = [[(part, piece) for piece in self.pieces[name]] for part, name in enumerate(PARTS)]
        every += [[(len(PARTS) + k, p) for p in variant] for k, variant in enumerate(self.variants[1:])]
        rows = [row for part in every for row in part]
        np.savez_compressed(
            folder / _EVENTS,
            tokens=np.concatenate([tokens for _, tokens in rows]),
            lengths=np.array([len(tokens) for _, tokens in rows], np.int64),
            parts=np.array([part for part, _ in rows], np.int64),
        )

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of events trained on."""
        return {"representation": "events", **sizes_of_events(sum(map(len, self.pieces["training"])))}

    @property
    def amounts(self) -> dict[str, int]:
        """Pieces and events of all parts."""
        every = [len(piece) for part in self.pieces.values() for piece in part]
        return {"piece": len(every), "event": sum(every)}

    def parts(self) -> Parts:
        """Returns batches of all pieces."""
        config, code = self.config, self.facts.code
        training = EventStreams(
            self.variants,
            code,
            batch_size=config.batch_size,
            chunk=config.window,
            transpose=config.transpose,
            seed=config.seed,
        )
        others = (
            whole_windows(corpus_of_pieces(self.pieces[part], code)) if self.pieces[part] else None
            for part in PARTS[1:]
        )
        return Parts(training, *others)


class _Decoded(Mapping[str, Sequence[Roll]]):
    """What sounds in pieces of events, found when it is asked for."""

    def __init__(self, facts: MusicFacts, pieces: Mapping[str, Sequence[np.ndarray]]) -> None:
        self._facts, self._pieces = facts, pieces
        self._found: dict[str, list[Roll]] = {}

    def __getitem__(self, part: str) -> list[Roll]:
        if part not in self._found:
            pieces = map(self._facts.code.decode, self._pieces[part])
            self._found[part] = [self._facts.roll(piece) for piece in pieces]
        return self._found[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)


def _warn_of_repeats(
    arrays: Mapping[str, Sequence[np.ndarray]], pieces: Mapping[str, Sequence[Piece]]
) -> None:
    """Tells which pieces of the other parts are in the training part too."""
    keys = {part: [sha256(array.tobytes()).digest() for array in own] for part, own in arrays.items()}
    warn_of_repeats(keys, lambda part, row: pieces[part][row].place, "pieces")


def steps_of(rolls: Sequence[Roll]) -> int:
    """Returns the number of steps of some pieces."""
    return sum(len(roll.sounds) for roll in rolls)


def evaluated(rolls: Sequence[Roll]) -> Rolls:
    """Returns batches of whole pieces, the longest first."""
    longest = max(len(roll.sounds) for roll in rolls)
    return Rolls(rolls, batch_size=max(1, min(_AT_ONCE, _MOST_STEPS // longest)))


def _store(path: Path, rolls: Mapping[str, Sequence[Roll]]) -> None:
    """Writes the rolls of all parts: one bit for each pitch and step."""
    every = [(part, roll) for part, name in enumerate(PARTS) for roll in rolls[name]]
    np.savez_compressed(
        path,
        sounds=np.packbits(np.concatenate([roll.sounds for _, roll in every]), axis=1),
        lengths=np.array([len(roll.sounds) for _, roll in every], np.int64),
        bars=np.array([roll.bar for _, roll in every], np.int64),
        parts=np.array([part for part, _ in every], np.int64),
    )


def _stored(path: Path) -> dict[str, list[Roll]]:
    """Reads what ``_store`` wrote. Raises InputError if it is something else."""
    arrays = read_arrays(path)
    try:
        packed, lengths, bars, parts = (arrays[name] for name in ("sounds", "lengths", "bars", "parts"))
        fits = packed.dtype == np.uint8 and packed.shape == (lengths.sum(), PITCHES // 8)
        fits = fits and len(lengths) == len(bars) == len(parts) and lengths.min() > 0 and bars.min() > 0
        fits = fits and {*parts.tolist()} <= {0, 1, 2} and 0 in parts
    except (KeyError, ValueError, TypeError, IndexError):
        fits = False
    if not fits:
        raise InputError(f"{path}: must hold the rolls of a run's pieces")
    pieces = np.split(np.unpackbits(packed, axis=1).astype(bool), lengths.cumsum()[:-1])
    rolls: dict[str, list[Roll]] = {name: [] for name in PARTS}
    for sounds, bar, part in zip(pieces, bars.tolist(), parts.tolist(), strict=True):
        rolls[PARTS[part]].append(Roll(sounds, bar))
    return rolls


def _events(path: Path, facts: MusicFacts) -> list[list[np.ndarray]]:
    """Reads the pieces of each part and variant that ``EventData.save`` wrote.

    Raises:
        InputError: the file holds something else.
    """
    arrays = read_arrays(path)
    try:
        tokens, lengths, parts = (arrays[name] for name in ("tokens", "lengths", "parts"))
        fits = tokens.dtype.kind == lengths.dtype.kind == "i" or tokens.dtype.kind == "u"
        fits = fits and tokens.ndim == 1 and len(tokens) == lengths.sum() and len(lengths) == len(parts)
        fits = fits and lengths.min() > 1 and tokens.max() < len(facts.vocabulary) and tokens.min() >= 0
        fits = fits and 0 in parts and parts.min() >= 0 and parts.max() < len(PARTS) + len(_WAYS)
    except (KeyError, ValueError, TypeError, IndexError):
        fits = False
    if not fits:
        raise InputError(f"{path}: must hold the events of a run's pieces")
    pieces = np.split(tokens, lengths.cumsum()[:-1])
    return [
        [piece for piece, own in zip(pieces, parts.tolist(), strict=True) if own == k]
        for k in range(max(len(PARTS), int(parts.max()) + 1))
    ]
